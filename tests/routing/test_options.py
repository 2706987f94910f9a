"""Options of routes: which can be meant, who is told of the others, and which goes first."""

import functools
import math
from collections.abc import Callable
from typing import Any

import pytest

from sketch import web
from sketch.application import Application
from sketch.router import UrlDispatcher
from sketch.routing.options import RouteOptions, options_of, route_options

WRONG: list[tuple[str, Any, type[Exception]]] = [
    ("client_max_size", -1, ValueError),
    ("client_max_size", 1.5, TypeError),
    ("client_max_size", True, TypeError),
    ("timeout", -0.5, ValueError),
    ("timeout", math.nan, ValueError),
    ("timeout", math.inf, ValueError),
    ("timeout", "5", TypeError),
    ("timeout", False, TypeError),
    ("body_rate", -1, ValueError),
    ("body_rate", 2.5, TypeError),
    ("body_timeout", -1, ValueError),
    ("body_timeout", object, TypeError),
    ("on_disconnect", "stop", ValueError),
    ("on_disconnect", True, ValueError),
]
EACH_WRONG = pytest.mark.parametrize(("name", "value", "error"), WRONG)


async def show(request: web.Request) -> web.Response:
    return web.Response()


def options_at(router: UrlDispatcher) -> list[RouteOptions | None]:
    return [route.options for route in router.routes()]


# -- what can be meant -----------------------------------------------------------------------------------


@EACH_WRONG
def test_a_route_with_options_that_cannot_be_meant(name: str, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        web.UrlDispatcher().add_get("/", show, options=RouteOptions(**{name: value}))
    message = str(caught.value)
    assert message.startswith(f"{name}={value!r} of {__name__}.show ({__file__}:")
    assert ": write " in message


@EACH_WRONG
def test_a_decorator_with_options_that_cannot_be_meant(name: str, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=rf"^{name}=.* of {__name__}\.show .*: write "):
        route_options(**{name: value})(show)
    assert options_of(show) is None


@EACH_WRONG
def test_an_application_with_options_that_cannot_be_meant(
    name: str, value: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match=rf"^{name}=.* of the application: write "):
        Application(route_options=RouteOptions(**{name: value}))


def test_what_is_no_options_at_all() -> None:
    options: Any = {"timeout": 5}
    with pytest.raises(TypeError, match=r"of .*\.show .*write options=web\.RouteOptions\(timeout=30\)"):
        web.UrlDispatcher().add_get("/", show, options=options)


@pytest.mark.parametrize("value", [0, 1, 10**9])
def test_every_bound_can_be_switched_off(value: int) -> None:
    options = RouteOptions(client_max_size=value, timeout=value, body_rate=value, body_timeout=value)
    assert web.UrlDispatcher().add_get("/", show, options=options).options == options


# -- the ways to register --------------------------------------------------------------------------------


def test_every_way_to_register_takes_options() -> None:
    options = RouteOptions(timeout=5)
    router = UrlDispatcher()
    for add in ("get", "head", "options", "post", "put", "patch", "delete"):
        getattr(router, f"add_{add}")(f"/{add}", show, options=options)
    router.add_route("*", "/any", show, options=options)
    router.add_view("/view", web.View, options=options)
    assert options_at(router) == [options] * 10  # GET is HEAD, too.


def test_route_definitions_take_options() -> None:
    options = RouteOptions(timeout=5)
    router = UrlDispatcher()
    router.add_routes([web.get("/get", show, options=options), web.route("X", "/x", show, options=options)])
    routes = web.RouteTableDef()
    routes.put("/put", options=options)(show)
    router.add_routes(routes)
    assert options_at(router) == [options] * 4


def test_the_decorators_of_an_application_take_options() -> None:
    options = RouteOptions(timeout=5)
    app = Application()
    for method in ("get", "head", "post", "put", "patch", "delete", "options"):
        getattr(app, method)(f"/{method}", options=options)(show)
    app.route("/route", "LINK", options=options)(show)
    assert options_at(app.router) == [options] * 9


# -- which go first --------------------------------------------------------------------------------------


def test_a_route_without_options_has_none() -> None:
    assert web.UrlDispatcher().add_get("/", show).options is None


def test_a_registration_goes_before_a_decorator() -> None:
    @route_options(timeout=1, client_max_size=2)
    async def handler(request: web.Request) -> web.Response:
        return web.Response()

    route = web.UrlDispatcher().add_get("/", handler, options=RouteOptions(timeout=3, body_rate=4))
    assert route.options == RouteOptions(timeout=3, client_max_size=2, body_rate=4)


def test_the_outer_of_two_decorators_goes_first() -> None:
    @route_options(timeout=1)
    @route_options(timeout=2, on_disconnect="cancel")
    async def handler(request: web.Request) -> web.Response:
        return web.Response()

    assert options_of(handler) == RouteOptions(timeout=1, on_disconnect="cancel")


def test_the_decorator_may_stand_above_the_one_that_registers() -> None:
    app = Application()

    @route_options(timeout=1)
    @app.post("/async")
    async def asynchronous(request: web.Request) -> web.Response:
        return web.Response()

    with pytest.warns(UserWarning, match="is not asynchronous"):

        @route_options(timeout=1)
        @app.post("/sync")
        def synchronous(request: web.Request) -> web.Response:
            return web.Response()

    assert options_at(app.router) == [RouteOptions(timeout=1)] * 2


def test_options_are_seen_through_what_wraps_a_handler() -> None:
    @route_options(timeout=1)
    async def handler(prefix: str, request: web.Request) -> web.Response:
        return web.Response(text=prefix)

    wrapped: Callable[..., Any] = functools.wraps(handler)(functools.partial(handler, "x"))
    for each in (functools.partial(handler, "x"), wrapped):
        assert options_of(each) == RouteOptions(timeout=1)


def test_a_chain_of_wrappers_without_an_end_is_given_up() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response()

    handler.__wrapped__ = handler  # type: ignore[attr-defined]
    assert options_of(handler) is None


# -- views and objects -----------------------------------------------------------------------------------


def test_a_view_has_options_as_a_class_and_its_subclasses_have_them() -> None:
    @route_options(timeout=1)
    class Base(web.View):
        pass

    @route_options(client_max_size=2)
    class Child(Base):
        pass

    assert web.UrlDispatcher().add_view("/", Base).options == RouteOptions(timeout=1)
    assert web.UrlDispatcher().add_view("/", Child).options == RouteOptions(timeout=1, client_max_size=2)


def test_options_on_a_method_of_a_view_are_refused() -> None:
    class Orders(web.View):
        @route_options(timeout=1)
        async def get(self) -> web.Response:
            return web.Response()

    with pytest.raises(TypeError, match=r"on the method get of class .*Orders would have no effect.*: decor"):
        web.UrlDispatcher().add_view("/", Orders)


def test_what_cannot_be_decorated_is_told_where_to_put_its_options() -> None:
    class Handlers:
        async def show(self, request: web.Request) -> web.Response:
            return web.Response()

    with pytest.raises(TypeError, match=r"cannot be given options: .*options=web\.RouteOptions"):
        route_options(timeout=1)(Handlers().show)
