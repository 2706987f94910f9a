"""Routes as values."""

from typing import Any

import pytest

from sketch.router import UrlDispatcher
from sketch.routing import routedef
from sketch.routing.abstract import AbstractView
from sketch.routing.routedef import AbstractRouteDef, RouteDef, RouteTableDef
from sketch.routing.routes import AbstractRoute


async def handler(request: Any) -> Any:
    raise AssertionError("only looked at")


class Page(AbstractView):
    def __await__(self) -> Any:
        return iter(())


def registered(definitions: Any) -> list[tuple[str, str]]:
    router = UrlDispatcher()
    router.add_routes(definitions)
    return [(route.method, route.resource.canonical) for route in router.routes()]


@pytest.mark.parametrize("method", ["head", "options", "post", "put", "patch", "delete"])
def test_one_method(method: str) -> None:
    definition = getattr(routedef, method)("/a", handler, name="here")
    assert definition == RouteDef(method.upper(), "/a", handler, {"name": "here"})
    assert registered([definition]) == [(method.upper(), "/a")]
    table = RouteTableDef()
    assert getattr(table, method)("/a", name="here")(handler) is handler
    assert list(table) == [definition]


def test_get_brings_head() -> None:
    assert registered([routedef.get("/a", handler)]) == [("HEAD", "/a"), ("GET", "/a")]
    assert registered([routedef.get("/a", handler, allow_head=False)]) == [("GET", "/a")]
    table = RouteTableDef()
    table.get("/a", allow_head=False)(handler)
    table.get("/b")(handler)
    assert registered(table) == [("GET", "/a"), ("HEAD", "/b"), ("GET", "/b")]


def test_any_method_and_views() -> None:
    assert registered([routedef.route("purge", "/a", handler)]) == [("PURGE", "/a")]
    assert registered([routedef.route("CONNECT", "/a", handler)]) == [("CONNECT", "/a")]
    assert registered([routedef.view("/a", Page)]) == [("*", "/a")]
    table = RouteTableDef()
    assert table.view("/a")(Page) is Page
    table.route("TRACE", "/b")(handler)
    assert registered(table) == [("*", "/a"), ("TRACE", "/b")]


def test_register_goes_through_the_routers_own_functions() -> None:
    class Router(UrlDispatcher):
        def add_post(self, path: str, handler: Any, **kwargs: Any) -> AbstractRoute:
            return super().add_post(f"/v1{path}", handler, **kwargs)

    (route,) = routedef.post("/a", handler).register(Router())
    assert route.resource.canonical == "/v1/a"


def test_repr() -> None:
    assert repr(routedef.post("/a", handler, name="x")) == "<RouteDef POST /a -> 'handler', name='x'>"
    assert repr(RouteTableDef()) == "<RouteTableDef count=0>"


def test_definitions_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        routedef.post("/a", handler).path = "/b"  # type: ignore[misc]


def test_a_table_is_a_sequence() -> None:
    table = RouteTableDef()
    table.get("/a")(handler)
    table.post("/b")(handler)
    assert len(table) == 2
    assert isinstance(table[0], AbstractRouteDef)
    assert table[0:1] == [table[0]]
    assert table[1] in table and routedef.put("/c", handler) not in table
