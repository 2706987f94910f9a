"""Resources: their routes, their URLs, and their way below a prefix."""

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from yarl import URL

from sketch.routing.resources import (
    EVERYTHING_BELOW,
    AbstractResource,
    DynamicResource,
    PlainResource,
    Resolution,
    ResourcesView,
    RoutesView,
)
from sketch.routing.routes import AbstractRoute, ResourceRoute


async def handler(request: Any) -> Any:
    raise AssertionError("only looked at")


async def other(request: Any) -> Any:
    raise AssertionError("only looked at")


class Foreign(AbstractResource):
    """The least that aiohttp asks of a resource."""

    @property
    def canonical(self) -> str:
        return "/x/{y}"

    def url_for(self, **kwargs: str) -> URL:
        return URL("/x")

    async def resolve(self, request: Any) -> Resolution:
        return None, set()

    def add_prefix(self, prefix: str) -> None:
        raise AssertionError("not moved here")

    def get_info(self) -> dict[str, Any]:
        return {}

    def raw_match(self, path: str) -> bool:
        return False

    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Iterator[AbstractRoute]:
        return iter(())


class Watcher:
    def __init__(self) -> None:
        self.heard: list[Any] = []

    def resource_changed(self, resource: Any, route: Any) -> None:
        self.heard.append(route)


def request(method: str, path: str) -> Any:
    return SimpleNamespace(method=method, match_path=path)


def test_one_route_per_method() -> None:
    resource = PlainResource("/a")
    get = resource.add_route("get", handler)
    post = resource.add_route("POST", other)
    assert list(resource) == [get, post]
    assert len(resource) == 2
    with pytest.raises(RuntimeError, match=r"GET /a is already answered by .*handler.*; remove .*other"):
        resource.add_route("get", other)


def test_nothing_can_follow_the_route_for_all_methods() -> None:
    resource = PlainResource("/a")
    resource.add_route("GET", handler)
    resource.add_route("*", handler)
    with pytest.raises(RuntimeError, match="never be executed"):
        resource.add_route("POST", handler)


def test_only_resource_routes_can_be_registered() -> None:
    with pytest.raises(AssertionError, match="takes a ResourceRoute"):
        PlainResource("/a").register_route(handler)  # type: ignore[arg-type]


def test_resolve() -> None:
    resource = DynamicResource("/a/{x}")
    route = resource.add_route("GET", handler)
    info, allowed = asyncio.run(resource.resolve(request("GET", "/a/1%2F2")))
    assert info is not None
    assert (info.route, dict(info), allowed) == (route, {"x": "1/2"}, {"GET"})
    assert asyncio.run(resource.resolve(request("PUT", "/a/1"))) == (None, {"GET"})
    assert asyncio.run(resource.resolve(request("GET", "/b"))) == (None, set())
    anything = resource.add_route("*", handler)
    info, _ = asyncio.run(resource.resolve(request("PUT", "/a/1")))
    assert info is not None and info.route is anything


def test_plain_resource() -> None:
    resource = PlainResource("/é b", name="here")
    assert (resource.name, resource.canonical, resource.index_key) == ("here", "/é b", "/é b")
    assert str(resource.url_for()) == "/%C3%A9%20b"
    assert resource.get_info() == {"path": "/é b"}
    assert resource.raw_match("/é b") and not resource.raw_match("/e")
    assert resource.match("/é b") == {}
    assert resource.match("/e") is None
    assert repr(resource) == "<PlainResource 'here' /é b>"
    assert PlainResource("/%C3%A9%20b").match("/é b") == {}
    with pytest.raises(TypeError, match="has no parameters"):
        resource.url_for(x="1")
    with pytest.raises(ValueError, match="write '/a'"):
        PlainResource("a")


def test_an_empty_path_is_a_slash_once_frozen() -> None:
    resource = PlainResource("")
    assert resource.match("") is None
    resource.freeze()
    assert (resource.canonical, resource.match("/")) == ("/", {})
    below = PlainResource("")
    below.add_prefix("/a")
    below.freeze()
    assert below.canonical == "/a"


def test_dynamic_resource() -> None:
    resource = DynamicResource(r"/a/{x}/{y:\d+}", name="here")
    assert resource.canonical == "/a/{x}/{y}"
    assert resource.names == ("x", "y")
    assert str(resource.url_for(x="é/ü", y="1")) == "/a/%C3%A9/%C3%BC/1"
    info = resource.get_info()
    assert info["formatter"] == "/a/{x}/{y}"
    assert info["pattern"].fullmatch("/a/b/1")
    assert resource.raw_match(r"/a/{x}/{y:\d+}") and not resource.raw_match("/a/{x}/{y}")
    assert repr(resource) == "<DynamicResource 'here' /a/{x}/{y}>"


def test_prefixes_are_checked() -> None:
    resource = DynamicResource("/{x}")
    resource.add_prefix("/a")
    assert (resource.canonical, resource.index_key) == ("/a/{x}", "/a")
    for prefix in ("", "/", "a", "/a/"):
        with pytest.raises(ValueError, match="write '/name'"):
            resource.add_prefix(prefix)


def test_watchers_hear_of_routes_and_moves() -> None:
    watcher = Watcher()
    resource = PlainResource("/a")
    resource.watch(watcher)
    resource.watch(watcher)
    route = resource.add_route("GET", handler)
    resource.add_prefix("/b")
    assert watcher.heard == [route, None]


def test_a_foreign_resource_needs_the_request() -> None:
    resource = Foreign()
    assert resource.needs_request
    assert resource.index_key == "/x"
    assert resource.layout() == (("", "x"), EVERYTHING_BELOW)
    assert resource.match("/x/1") is None
    assert not PlainResource("/a").needs_request


def test_a_subclass_with_its_own_comparison_is_asked_about_all_below_its_key() -> None:
    class AnyCase(PlainResource):
        def _match(self, path: str) -> dict[str, str] | None:
            return {} if path.lower() == self.path else None

    class Loose(DynamicResource):
        def _match(self, path: str) -> dict[str, str] | None:
            return {"x": path}

    assert AnyCase("/a").layout() == (("", "a"), EVERYTHING_BELOW)
    assert Loose("/a/{x}").layout() == (("", "a"), EVERYTHING_BELOW)
    assert not AnyCase("/a").needs_request


def test_views_over_resources_and_routes() -> None:
    first, second = PlainResource("/a"), PlainResource("/b")
    route = first.add_route("GET", handler)
    resources, routes = ResourcesView([first]), RoutesView([first, second])
    assert list(resources) == [first] and len(resources) == 1
    assert first in resources and second not in resources
    assert list(routes) == [route] and len(routes) == 1
    assert route in routes and ResourceRoute("GET", handler, first) not in routes
