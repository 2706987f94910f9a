"""What may be a route, and how a request without one is refused."""

import asyncio
import functools
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import pytest

from sketch.exceptions import HTTPExpectationFailed, HTTPMethodNotAllowed, HTTPNotFound
from sketch.http.heads import HttpVersion10, HttpVersion11
from sketch.routing.abstract import AbstractView
from sketch.routing.doubts import HandlerError, RouteWarning
from sketch.routing.resources import PlainResource
from sketch.routing.routes import Endpoint, MethodNotAllowedRoute, NotFoundRoute, ResourceRoute, SystemRoute


async def handler(request: Any) -> Any:
    return "answer"


class AsyncCallable:
    async def __call__(self, request: Any) -> Any:
        return "answer"


class ViewOfOurs(AbstractView):
    def __await__(self) -> Any:
        return iter(())


def route_for(given: Any, method: str = "GET", **kwargs: Any) -> ResourceRoute:
    return ResourceRoute(method, given, PlainResource("/", name="home"), **kwargs)


@pytest.mark.parametrize(
    "given",
    [handler, functools.partial(handler), AsyncCallable(), ViewOfOurs, AsyncMock(), AsyncCallable().__call__],
)
def test_asynchronous_handlers_are_taken_as_they_are(given: Any) -> None:
    assert route_for(given).handler == given


def test_a_sync_handler_warns_with_its_name_and_works() -> None:
    def sync_handler(request: Any) -> Any:
        return f"answer to {request}"

    with pytest.warns(RouteWarning, match=r"sync_handler.* is not asynchronous.*'async def'") as caught:
        route = route_for(sync_handler)
    assert caught[0].filename == __file__
    assert asyncio.run(route.handler("me")) == "answer to me"  # type: ignore[arg-type]
    assert route.handler.__name__ == "sync_handler"


def test_a_function_that_returns_an_awaitable_works() -> None:
    with pytest.warns(RouteWarning):
        route = route_for(lambda request: handler(request))
    assert asyncio.run(route.handler(None)) == "answer"  # type: ignore[arg-type]


def test_generators_and_classes_are_told_what_they_are() -> None:
    async def generator(request: Any) -> Any:
        yield request

    class NoView:
        def __init__(self, request: Any) -> None:
            pass

    with pytest.warns(RouteWarning, match="write 'return' instead of 'yield'"):
        route_for(generator)
    with pytest.warns(RouteWarning, match="derive it from sketch.web.View"):
        route_for(NoView)


@pytest.mark.parametrize("error", [TypeError, AssertionError, HandlerError])
def test_what_cannot_be_called_is_refused(error: type[Exception]) -> None:
    with pytest.raises(error, match="Handler 5 cannot be called; write 'async def"):
        route_for(5)
    with pytest.raises(error, match="expect_handler .* 'async def'"):
        route_for(handler, expect_handler=lambda request: None)


def test_methods_are_tokens_in_upper_case() -> None:
    assert route_for(handler, "propfind").method == "PROPFIND"
    for method in ("", "GET ", "G\nT", "GÉT", "A/B", "GET\n"):
        with pytest.raises(ValueError, match="not allowed as the HTTP method of .*handler.*; write"):
            route_for(handler, method)


def test_a_route_speaks_for_its_resource() -> None:
    route = route_for(handler)
    assert route.name == "home"
    assert str(route.url_for()) == "/"
    assert route.get_info() == {"path": "/"}
    assert route.resource is not None
    assert repr(route).startswith("<ResourceRoute [GET] <PlainResource 'home' /> -> ")
    assert repr(Endpoint(route)) == f"<Endpoint {route!r}>"


def test_refusals_are_fresh_each_time() -> None:
    request: Any = SimpleNamespace(method="PUT")
    not_found, not_allowed = NotFoundRoute(), MethodNotAllowedRoute(frozenset({"GET"}))
    caught = []
    for route in (not_found, not_found, not_allowed, not_allowed):
        with pytest.raises((HTTPNotFound, HTTPMethodNotAllowed)) as info:
            asyncio.run(route.handler(request))  # type: ignore[arg-type]
        caught.append(info.value)
    assert len(set(map(id, caught))) == 4
    refused = caught[2]
    assert isinstance(refused, HTTPMethodNotAllowed)
    assert (refused.method, refused.allowed_methods) == ("PUT", {"GET"})
    assert (not_found.status, not_found.reason) == (404, "Not Found")
    assert (not_allowed.status, not_allowed.reason) == (405, "Method Not Allowed")


def test_a_system_route_raises_what_it_was_given() -> None:
    exception = HTTPNotFound()
    route = SystemRoute(exception)
    with pytest.raises(HTTPNotFound) as info:
        asyncio.run(route.handler(SimpleNamespace(method="GET")))  # type: ignore[arg-type]
    assert info.value is exception
    assert (route.name, route.resource, route.method) == (None, None, "*")
    assert route.get_info() == {"http_exception": exception}
    assert repr(route) == "<SystemRoute 404: Not Found>"
    with pytest.raises(RuntimeError, match="url_for"):
        route.url_for()


def expecting(value: str, version: Any = HttpVersion11) -> Any:
    return SimpleNamespace(headers={"Expect": value}, version=version)


def test_expectations() -> None:
    route = route_for(handler)
    assert asyncio.run(route.handle_expect_header(expecting("100-Continue"))) is None
    assert asyncio.run(route.handle_expect_header(expecting("coffee", HttpVersion10))) is None
    with pytest.raises(HTTPExpectationFailed):
        asyncio.run(route.handle_expect_header(expecting("coffee")))
    own = route_for(handler, expect_handler=handler)
    assert asyncio.run(own.handle_expect_header(expecting("coffee"))) == "answer"
