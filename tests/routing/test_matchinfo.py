"""What handlers see of a match."""

import sys
from typing import Any

import pytest

from sketch.exceptions import HTTPMethodNotAllowed, HTTPNotFound
from sketch.routing.abstract import AbstractMatchInfo
from sketch.routing.matchinfo import MatchInfoError, UrlMappingMatchInfo, build_match_info
from sketch.routing.resources import DynamicResource
from sketch.routing.routes import Endpoint, MethodNotAllowedRoute, NotFoundRoute, ResourceRoute, SystemRoute


async def handler(request: Any) -> Any:
    raise AssertionError("only looked at")


def make_route() -> ResourceRoute:
    return DynamicResource("/{x}").add_route("GET", handler)


def test_a_match_is_a_dictionary_that_knows_its_route() -> None:
    route = make_route()
    info = UrlMappingMatchInfo({"x": "1"}, route)
    assert isinstance(info, AbstractMatchInfo)
    assert info == {"x": "1"} and info["x"] == "1"
    assert (info.route, info.handler, info.http_exception) == (route, handler, None)
    assert info.expect_handler == route.handle_expect_header
    assert info.get_info()["formatter"] == "/{x}"
    assert repr(info) == f"<MatchInfo {{'x': '1'}}: {route!r}>"


def test_applications_gather_from_the_inside() -> None:
    info = UrlMappingMatchInfo({}, make_route())
    with pytest.raises(AssertionError, match="no application"):
        info.current_app  # noqa: B018
    info.add_app("inner")
    info.add_app("outer")
    assert (info.apps, info.current_app) == (("outer", "inner"), "inner")
    info.current_app = "outer"
    assert info.current_app == "outer"
    info.freeze()
    with pytest.raises(RuntimeError, match="'late' came too late"):
        info.add_app("late")


def test_development_mode_checks_the_current_application(monkeypatch: pytest.MonkeyPatch) -> None:
    class Flags:
        dev_mode = True

    monkeypatch.setattr(sys, "flags", Flags)
    info = UrlMappingMatchInfo({}, make_route())
    info.add_app("inner")
    info.current_app = "inner"
    with pytest.raises(RuntimeError, match="got 'stranger'"):
        info.current_app = "stranger"


def test_an_error_match() -> None:
    exception = HTTPNotFound()
    info = MatchInfoError(exception)
    assert info == {}
    assert info.http_exception is exception
    assert isinstance(info.route, SystemRoute)
    assert repr(info) == "<MatchInfoError 404: Not Found>"


def test_a_match_is_built_from_what_find_returns() -> None:
    endpoint = Endpoint(make_route(), ("inner", "outer"))
    info = build_match_info(endpoint, {"x": "1"})
    assert type(info) is UrlMappingMatchInfo
    assert (info.route, dict(info)) == (endpoint.route, {"x": "1"})
    assert (info.apps, info.current_app) == (("outer", "inner"), "inner")
    assert build_match_info(Endpoint(make_route()), None).apps == ()


def test_a_refusal_is_built_with_the_method() -> None:
    info = build_match_info(Endpoint(MethodNotAllowedRoute(frozenset({"GET"}))), None, "PUT")
    exception = info.http_exception
    assert isinstance(info, MatchInfoError) and isinstance(exception, HTTPMethodNotAllowed)
    assert (exception.method, exception.allowed_methods) == ("PUT", {"GET"})
    assert isinstance(build_match_info(Endpoint(NotFoundRoute()), None).http_exception, HTTPNotFound)
