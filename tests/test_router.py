"""The router: registration, the mapping of names, and the short ways to an answer."""

import asyncio
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from yarl import URL

from sketch.exceptions import HTTPMethodNotAllowed, HTTPNotFound
from sketch.router import UrlDispatcher
from sketch.routing.abstract import AbstractRouter
from sketch.routing.matchinfo import UrlMappingMatchInfo
from sketch.routing.resources import AbstractResource, PlainResource, Resolution
from sketch.routing.routedef import get, post
from sketch.routing.routes import AbstractRoute, ResourceRoute
from sketch.routing.subapps import Domain, MatchedSubAppResource, PrefixedSubAppResource


class App:
    def __init__(self) -> None:
        self.router = UrlDispatcher()


async def handler(request: Any) -> Any:
    raise AssertionError("only looked at")


async def other(request: Any) -> Any:
    raise AssertionError("only looked at")


def request(method: str, path: str) -> Any:
    return SimpleNamespace(method=method, match_path=path, headers={})


def refusal(router: UrlDispatcher, method: str, path: str) -> Any:
    endpoint, values = router.find(method, path)
    assert values is None
    with pytest.raises((HTTPNotFound, HTTPMethodNotAllowed)) as caught:
        asyncio.run(endpoint.route.handler(request(method, path)))  # type: ignore[arg-type]
    return caught.value


# -- finding ----------------------------------------------------------------------------------------------


def test_a_plain_path_is_found_without_making_anything() -> None:
    router = UrlDispatcher()
    route = router.add_get("/a", handler)
    found = router.find("GET", "/a")
    assert router.find("GET", "/a") is found
    endpoint, values = found
    assert (endpoint.route, endpoint.apps, endpoint.handler, values) == (route, (), None, None)


def test_parameters() -> None:
    router = UrlDispatcher()
    route = router.add_get(r"/user/{name}/{number:\d+}", handler)
    endpoint, values = router.find("GET", "/user/a%2Fb/12")
    assert (endpoint.route, values) == (route, {"name": "a/b", "number": "12"})
    assert router.find("GET", "/user/ada/1")[0] is endpoint


def test_refusals() -> None:
    router = UrlDispatcher()
    router.add_get("/a", handler)
    router.add_post("/{x}", handler)
    assert isinstance(refusal(router, "GET", "/b/c"), HTTPNotFound)
    refused = refusal(router, "PUT", "/a")
    assert (refused.method, refused.allowed_methods) == ("PUT", {"GET", "HEAD", "POST"})
    assert router.find("PUT", "/a")[0] is router.find("PATCH", "/a")[0]
    assert router.find("PUT", "/b/c")[0] is router.find("GET", "/c/d")[0]


def test_every_method() -> None:
    router = UrlDispatcher()
    get_route = router.add_get("/a", handler)
    any_route = router.add_route("*", "/a", other)
    assert router.find("GET", "/a")[0].route is get_route
    for method in ("POST", "PROPFIND", "get"):
        assert router.find(method, "/a")[0].route is any_route


def test_what_is_added_later_is_found_and_endpoints_stay() -> None:
    router = UrlDispatcher()
    resource = router.add_resource("/a")
    resource.add_route("GET", handler)
    before = router.find("GET", "/a")[0]
    assert isinstance(refusal(router, "POST", "/a"), HTTPMethodNotAllowed)
    route = resource.add_route("POST", handler)
    assert router.find("POST", "/a")[0].route is route
    assert router.find("GET", "/a")[0] is before
    router.freeze()
    later = resource.add_route("PUT", handler)
    assert router.find("PUT", "/a")[0].route is later
    assert router.find("GET", "/a")[0] is before


def test_a_plain_path_in_a_subapp_is_found_without_making_anything() -> None:
    root, middle, inner = App(), App(), App()
    route = inner.router.add_get("/x", handler)
    dynamic = inner.router.add_get("/{y}", handler)
    middle.router.register_resource(PrefixedSubAppResource("/i", inner))
    root.router.register_resource(PrefixedSubAppResource("/m", middle))
    found = root.router.find("GET", "/m/i/x")
    assert root.router.find("GET", "/m/i/x") is found
    endpoint, values = found
    assert (endpoint.route, endpoint.apps, values) == (route, (inner, middle), None)
    endpoint, values = root.router.find("GET", "/m/i/1")
    assert (endpoint.route, endpoint.apps, values) == (dynamic, (inner, middle), {"y": "1"})
    assert root.router.find("GET", "/m/i/2")[0] is endpoint
    refused, _ = root.router.find("GET", "/m/i/1/2")
    assert refused.apps == (inner, middle)
    assert root.router.find("GET", "/m/i/3/4")[0] is refused
    assert root.router.find("GET", "/elsewhere")[0].apps == ()


def test_a_route_added_to_a_subapp_later_is_found_from_above() -> None:
    root, below = App(), App()
    resource = below.router.add_resource("/x")
    resource.add_route("GET", handler)
    root.router.register_resource(PrefixedSubAppResource("/b", below))
    root.router.freeze()
    before = root.router.find("GET", "/b/x")[0]
    route = resource.add_route("POST", handler)
    assert root.router.find("POST", "/b/x")[0].route is route
    assert root.router.find("GET", "/b/x")[0] is before


def test_resolve_is_aiohttps_form_of_find() -> None:
    router = UrlDispatcher()
    route = router.add_get("/{x}", handler)
    info = asyncio.run(router.resolve(request("GET", "/1")))
    assert isinstance(info, UrlMappingMatchInfo)
    assert (info.route, dict(info), info.apps, info.http_exception) == (route, {"x": "1"}, (), None)
    refused = asyncio.run(router.resolve(request("PUT", "/1"))).http_exception
    assert isinstance(refused, HTTPMethodNotAllowed)
    assert (refused.method, refused.allowed_methods) == ("PUT", {"GET", "HEAD"})


class ByHeader(AbstractResource):
    """A resource that looks at more than the path."""

    def __init__(self) -> None:
        super().__init__()
        self.route = ResourceRoute("GET", handler, self)

    @property
    def canonical(self) -> str:
        return "/a"

    def url_for(self, **kwargs: str) -> URL:
        return URL("/a")

    async def resolve(self, request: Any) -> Resolution:
        if request.match_path == "/a" and request.headers.get("X"):
            return UrlMappingMatchInfo({}, self.route), {"GET"}
        return None, {"TRACE"}

    def add_prefix(self, prefix: str) -> None:
        raise AssertionError("not moved here")

    def get_info(self) -> Mapping[str, Any]:
        return {}

    def raw_match(self, path: str) -> bool:
        return False

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[AbstractRoute]:
        return iter((self.route,))


def test_resources_of_the_programs_own_are_asked_in_their_order() -> None:
    router = UrlDispatcher()
    own = ByHeader()
    router.register_resource(own)
    fallback = router.add_get("/{x}", handler)
    assert router.needs_request
    asked = request("GET", "/a")
    assert asyncio.run(router.resolve(asked)).route is fallback
    asked.headers["X"] = "1"
    assert asyncio.run(router.resolve(asked)).route is own.route
    refused = asyncio.run(router.resolve(request("PUT", "/a"))).http_exception
    assert isinstance(refused, HTTPMethodNotAllowed) and refused.allowed_methods == {"GET", "HEAD", "TRACE"}
    missing = asyncio.run(router.resolve(request("PUT", "/b/c"))).http_exception
    assert isinstance(missing, HTTPNotFound)


def test_a_subapp_with_another_kind_of_router_is_asked_too() -> None:
    class Router(AbstractRouter):
        async def resolve(self, request: Any) -> UrlMappingMatchInfo:
            return UrlMappingMatchInfo({"by": "hand"}, route)

        def resources(self) -> list[AbstractResource]:
            return []

    route = PlainResource("/x").add_route("GET", handler)
    below: Any = SimpleNamespace(router=Router())
    router = UrlDispatcher()
    router.register_resource(PrefixedSubAppResource("/b", below))
    info = asyncio.run(router.resolve(request("GET", "/b/c")))
    assert (info.route, dict(info), info.apps) == (route, {"by": "hand"}, (below,))


# -- registration -----------------------------------------------------------------------------------------


def test_shortcuts() -> None:
    router = UrlDispatcher()
    for add in (
        router.add_head,
        router.add_post,
        router.add_put,
        router.add_patch,
        router.add_delete,
        router.add_options,
    ):
        route = add("/a", handler)
        assert route.method == add.__name__[4:].upper()
    assert len(router.resources()) == 1
    assert len(router.routes()) == 6
    with pytest.raises(RuntimeError, match="never be executed"):
        router.add_get("/a", handler)
    assert router.add_get("/a", handler, allow_head=False).method == "GET"


def test_several_at_once() -> None:
    routes = UrlDispatcher().add_routes([get("/a", handler), post("/b", handler)])
    assert [(route.method, route.resource.canonical) for route in routes] == [("GET", "/a"), ("POST", "/b")]


def test_only_the_last_resource_is_used_again() -> None:
    router = UrlDispatcher()
    first = router.add_resource("/{a}")
    assert router.add_resource("/{a}") is first
    assert router.add_resource("/{a}", name="x") is not first
    assert router.add_resource("/{a}") is not first


def test_names() -> None:
    router = UrlDispatcher()
    resource = router.add_resource("/user/{id}", name="user.detail-page:v1")
    router.add_resource("/a")
    assert dict(router) == {"user.detail-page:v1": resource}
    assert "user.detail-page:v1" in router and len(router) == 1 and list(router) == ["user.detail-page:v1"]
    assert router.named_resources() == dict(router)
    assert str(router["user.detail-page:v1"].url_for(id="7")) == "/user/7"


@pytest.mark.parametrize("name", ["class", "a.if", "1a", "a b", "", "a..b"])
def test_bad_names(name: str) -> None:
    with pytest.raises(ValueError, match="Incorrect route name .*/a.* write identifiers"):
        UrlDispatcher().add_get("/a", handler, name=name)


def test_a_name_is_given_once() -> None:
    router = UrlDispatcher()
    router.add_get("/a", handler, name="a")
    with pytest.raises(ValueError, match="Duplicate 'a', already the name of /a; give /b another name"):
        router.add_get("/b", handler, name="a")
    assert len(router.resources()) == 1


def test_paths_start_with_a_slash() -> None:
    with pytest.raises(ValueError, match="started with / or be empty; write '/a'"):
        UrlDispatcher().add_get("a", handler)
    assert UrlDispatcher().add_get("", handler).resource.canonical == ""


def test_only_resources_can_be_registered() -> None:
    with pytest.raises(AssertionError, match="takes an AbstractResource"):
        UrlDispatcher().register_resource(handler)  # type: ignore[arg-type]


def test_a_frozen_router_takes_nothing() -> None:
    router = UrlDispatcher()
    router.add_get("/a", handler)
    router.freeze()
    assert router.frozen
    for register in (
        lambda: router.add_get("/a", handler),
        lambda: router.add_resource("/b"),
        lambda: router.register_resource(PlainResource("/b")),
    ):
        with pytest.raises(RuntimeError, match="frozen router: '/.' comes too late"):
            register()


def test_an_empty_path_answers_the_slash() -> None:
    router = UrlDispatcher()
    route = router.add_get("", handler)
    assert isinstance(refusal(router, "GET", "/"), HTTPNotFound)
    router.freeze()
    assert router.find("GET", "/")[0].route is route


def test_indexing_by_hand() -> None:
    router = UrlDispatcher()
    resource = router.add_resource("/a")
    resource.add_route("GET", handler)
    router.unindex_resource(resource)
    assert isinstance(refusal(router, "GET", "/a"), HTTPNotFound)
    router.index_resource(resource)
    assert router.find("GET", "/a")[0].route.resource is resource
    rule = MatchedSubAppResource(Domain("a.example"), App())
    router.index_resource(rule)
    router.unindex_resource(rule)
    assert router.find("GET", "/a")[0].route.resource is resource
