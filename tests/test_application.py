"""Applications: what they keep, when they are settled, how requests go through them and their parts."""

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import nullcontext
from typing import Any

import pytest

from sketch import application, web
from sketch.application import Application, run_app
from sketch.http.memory import MemoryExchange
from sketch.router import UrlDispatcher
from sketch.runner import run_app_locally

from .asking import ask, fields_of, status_of, text_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture(params=["compiled", "patched _handle", "patched resolve"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every way of a request through an application: the short one, and those that monitoring tools make it
    take by putting something in the place of `Application._handle` or `UrlDispatcher.resolve`."""
    way = str(request.param)
    if way == "patched _handle":
        handle = Application._handle

        async def handle_watched(self: Application, request: web.Request) -> web.StreamResponse:
            CALLS.append(("handle", request.path))
            return await handle(self, request)

        monkeypatch.setattr(Application, "_handle", handle_watched)
    elif way != "compiled":
        resolve = UrlDispatcher.resolve

        async def resolve_watched(self: UrlDispatcher, request: web.Request) -> web.UrlMappingMatchInfo:
            CALLS.append(("resolve", request.path))
            return await resolve(self, request)

        monkeypatch.setattr(UrlDispatcher, "resolve", resolve_watched)
    CALLS.clear()
    return way


CALLS: list[tuple[str, str]] = []


async def show_path(request: web.Request) -> web.Response:
    return web.Response(text=request.path)


def test_what_is_patched_is_called(way: str) -> None:
    app = Application()
    app.router.add_get("/x", show_path)
    assert text_of(ask(app, "GET", "/x")) == "/x"
    assert status_of(ask(app, "GET", "/y")) == 404
    name = "handle" if "handle" in way else "resolve"
    assert CALLS == ([] if way == "compiled" else [(name, "/x"), (name, "/y")])


# -- routing ---------------------------------------------------------------------------------------------


def test_routes_and_refusals() -> None:
    app = Application()
    app.add_routes([web.get("/users/{name}", show_path), web.post("/users/{name}", show_path)])
    assert text_of(ask(app, "GET", "/users/a%20b")) == "/users/a b"
    head = ask(app, "HEAD", "/users/x")
    assert (status_of(head), head.response_body) == (200, b"")
    assert ("Content-Length", "8") in fields_of(head)
    assert text_of(ask(app, "GET", "/no")) == "404: Not Found"
    refused = ask(app, "PUT", "/users/x")
    assert status_of(refused) == 405
    assert ("Allow", "GET,HEAD,POST") in fields_of(refused)
    assert text_of(refused) == "405: Method Not Allowed"


def test_the_match_of_a_request() -> None:
    async def show(request: web.Request) -> web.Response:
        match = request.match_info
        assert match.route.method == "GET"
        assert match.apps == (app,)
        assert match.http_exception is None
        assert match.current_app is request.app is app
        with pytest.raises(RuntimeError, match="frozen"):
            match.add_app(app)
        return web.json_response(dict(match))

    app = Application()
    app.router.add_get("/{one}/{two}", show, name="pair")
    assert text_of(ask(app, "GET", "/1/%2F2")) == '{"one": "1", "two": "/2"}'
    assert str(app.router["pair"].url_for(one="x", two="y")) == "/x/y"


def test_middlewares_see_that_nothing_matched() -> None:
    seen: list[Any] = []

    async def look(request: web.Request, handler: Handler) -> web.StreamResponse:
        error = request.match_info.http_exception
        assert error is not None
        seen.append((error.status, getattr(error, "method", None), dict(request.match_info)))
        return await handler(request)

    app = Application(middlewares=[look])
    app.router.add_get("/", show_path)
    assert status_of(ask(app, "GET", "/no")) == 404
    assert status_of(ask(app, "POST", "/")) == 405
    assert seen == [(404, None, {}), (405, "POST", {})]


@pytest.mark.parametrize("path", ["/sub/x", "/sub/no"])
def test_expectations_are_met_before_the_middlewares(path: str) -> None:
    order: list[str] = []

    async def expect(request: web.Request) -> web.Response | None:
        order.append("expect")
        return web.Response(text="instead") if request.headers["Expect"] == "instead" else None

    async def pass_on(request: web.Request, handler: Handler) -> web.StreamResponse:
        order.append("middleware")
        return await handler(request)

    app = Application(middlewares=[pass_on])
    app.router.add_get("/", show_path, expect_handler=expect)
    assert text_of(ask(app, fields={"Expect": "instead"})) == "instead"
    assert text_of(ask(app, fields={"Expect": "100-continue"})) == "/"
    assert order == ["expect", "expect", "middleware"]


def test_an_unknown_expectation() -> None:
    app = Application()
    app.router.add_get("/", show_path)
    exchange = ask(app, fields={"Expect": "the unexpected"})
    assert (status_of(exchange), text_of(exchange)) == (417, "Unknown Expect: the unexpected")


def test_decorators_of_the_application() -> None:
    app = Application()
    for method in ("get", "post", "put", "patch", "delete", "options", "head"):
        assert getattr(app, method)(f"/{method}")(show_path) is show_path
        assert status_of(ask_again(app, method.upper(), f"/{method}")) == 200

    @app.route("/routed", method="POST", name="routed")
    async def routed(request: web.Request) -> web.Response:
        return web.Response(text="routed")

    assert text_of(ask(app, "POST", "/routed")) == "routed"
    assert "routed" in app.router


def ask_again(app: Application, method: str, path: str) -> MemoryExchange:
    """Ask without settling the application, so that more routes can be added."""
    exchange = MemoryExchange(method, path)

    async def run() -> None:
        request = web.Request(exchange, app)
        response = await app._handle(request)
        await response.prepare(request)
        await response.write_eof()

    asyncio.run(run())
    return exchange


def test_get_is_the_decorator_for_a_path_alone() -> None:
    app = Application()
    key = web.AppKey("key", str)
    app[key] = "kept"
    assert app.get(key) == "kept"
    assert app.get(key, "other") == "kept"
    assert app.get("no") is None
    assert app.get("/no", None) is None
    assert app.get("/no", "default") == "default"
    app.get("/{x}", name="x")(show_path)
    app.get("/alone", allow_head=False)(show_path)
    assert [route.method for route in app.router.routes()] == ["HEAD", "GET", "GET"]


def test_get_answers_head() -> None:
    app = Application()
    app.get("/")(show_path)
    assert status_of(ask(app, "HEAD")) == 200


# -- middlewares -----------------------------------------------------------------------------------------


def note(name: str, order: list[str]) -> Any:
    async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
        order.append(f"{name} in {request.app['name']}")
        response = await handler(request)
        order.append(f"{name} out {request.app['name']}")
        return response

    return around


def make(name: str, *middlewares: Any) -> Application:
    app = Application(middlewares=middlewares)
    with pytest.warns(web.NotAppKeyWarning):
        app["name"] = name
    return app


def test_the_first_middleware_is_the_outermost() -> None:
    order: list[str] = []
    app = make("app", note("one", order), note("two", order))
    app.router.add_get("/", show_path)
    ask(app)
    assert order == ["one in app", "two in app", "two out app", "one out app"]


def test_middlewares_of_subapps_and_what_app_they_see() -> None:
    order: list[str] = []
    app, sub, deep = (
        make("app", note("a", order)),
        make("sub"),
        make("deep", note("c", order), note("d", order)),
    )

    async def show(request: web.Request) -> web.Response:
        order.append(f"handler {request.app['name']}")
        assert request.config_dict["name"] == request.app["name"]
        assert request.config_dict["top"] == "top"
        return web.Response()

    deep.router.add_get("/show", show)
    app.router.add_get("/show", show)
    with pytest.warns(web.NotAppKeyWarning):
        app["top"] = "top"
    sub.add_subapp("/deep", deep)
    app.add_subapp("/sub", sub)
    ask(app, "GET", "/sub/deep/show")
    assert order == [
        "a in app",
        "c in deep",
        "d in deep",
        "handler deep",
        "d out deep",
        "c out deep",
        "a out app",
    ]
    order.clear()
    assert status_of(ask(app, "GET", "/sub/deep/no")) == 404
    assert order == ["a in app", "c in deep", "d in deep"]
    order.clear()
    ask(app, "GET", "/show")
    assert order == ["a in app", "handler app", "a out app"]


def test_a_subapp_without_middlewares_is_the_app_of_its_handlers() -> None:
    app, sub = Application(), Application()

    async def show(request: web.Request) -> web.Response:
        return web.json_response([request.app is sub, request.match_info.apps == (app, sub)])

    sub.router.add_get("/", show)
    app.add_subapp("/sub", sub)
    assert text_of(ask(app, "GET", "/sub/")) == "[true, true]"


def test_a_middleware_may_answer_itself_and_handle_errors() -> None:
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == "/closed":
            raise web.HTTPForbidden(text="closed")
        try:
            return await handler(request)
        except web.HTTPNotFound:
            return web.Response(text="found anyway")
        except ValueError as error:
            return web.Response(status=400, text=str(error))

    async def fail(request: web.Request) -> web.Response:
        raise ValueError("bad")

    app = Application(middlewares=[guard])
    app.router.add_get("/fail", fail)
    assert status_of(ask(app, "GET", "/closed")) == 403
    assert text_of(ask(app, "GET", "/nowhere")) == "found anyway"
    assert text_of(ask(app, "GET", "/fail")) == "bad"


def test_the_handler_that_a_middleware_gets_looks_like_the_real_one() -> None:
    names: list[str] = []

    async def look(request: web.Request, handler: Handler) -> web.StreamResponse:
        names.append(handler.__name__)
        return await handler(request)

    app, sub = Application(middlewares=[look, look]), Application(middlewares=[look])
    for each in (app, sub):
        each.router.add_get("/", show_path)
    app.add_subapp("/sub", sub)
    ask(app)
    ask(app, "GET", "/sub/")
    assert names == ["show_path"] * 5


def test_a_middleware_may_replace_the_request() -> None:
    async def rewrite(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await handler(request.clone(rel_url="/rewritten?x=1"))

    async def show(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.path_qs} {request.match_info['name']} {request.app is app}")

    app = Application(middlewares=[rewrite])
    app.router.add_get("/{name}", show)
    assert text_of(ask(app, "GET", "/ann")) == "/rewritten?x=1 ann True"


# -- before the answer leaves ----------------------------------------------------------------------------


def test_prepare_hooks_see_the_head_and_may_change_it() -> None:
    async def change(request: web.Request, response: web.StreamResponse) -> None:
        assert {"Content-Type", "Content-Length", "Server", "Date"} <= set(response.headers)
        del response.headers["Server"]
        response.headers["X-Path"] = request.path

    app = Application()
    app.on_response_prepare.append(change)
    app.router.add_get("/", show_path)
    for path, status in (("/", 200), ("/no", 404)):
        exchange = ask(app, "GET", path)
        assert status_of(exchange) == status
        names = [name for name, _ in fields_of(exchange)]
        assert names.count("Content-Length") == names.count("Date") == 1
        assert "Server" not in names
        assert ("X-Path", path) in fields_of(exchange)
        assert exchange.response_head is not None
        assert not exchange.response_head.automatic


def test_prepare_hooks_may_replace_the_body_or_its_length() -> None:
    async def change(request: web.Request, response: web.StreamResponse) -> None:
        assert isinstance(response, web.Response)
        assert response.headers["Content-Length"] == "1"
        if request.path == "/chunked":
            del response.headers["Content-Length"]
            response.enable_chunked_encoding()
        else:
            response.body = b"a longer one"

    app = Application()
    app.on_response_prepare.append(change)
    app.router.add_get("/{x}", lambda_answer)
    exchange = ask(app, "GET", "/replaced")
    assert (exchange.response_body, ("Content-Length", "12") in fields_of(exchange)) == (
        b"a longer one",
        True,
    )
    exchange = ask(app, "GET", "/chunked")
    assert (exchange.response_body, ("Transfer-Encoding", "chunked") in fields_of(exchange)) == (b"x", True)


async def lambda_answer(request: web.Request) -> web.Response:
    return web.Response(text="x")


def test_prepare_hooks_of_all_applications_the_outermost_first() -> None:
    order: list[str] = []

    def hook(name: str) -> Any:
        async def note_it(request: web.Request, response: web.StreamResponse) -> None:
            order.append(name)

        return note_it

    app, sub = Application(), Application()
    for name, each in (("app", app), ("sub", sub)):
        each.on_response_prepare.append(hook(name))
        each.router.add_get("/", show_path)
    app.add_subapp("/sub", sub)
    ask(app, "GET", "/sub/")
    ask(app)
    assert order == ["app", "sub", "app"]


def test_a_hook_of_a_subapp_alone() -> None:
    async def hook(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["X-Sub"] = "1"

    app, sub = Application(), Application()
    sub.on_response_prepare.append(hook)
    for each in (app, sub):
        each.router.add_get("/", show_path)
    app.add_subapp("/sub", sub)
    assert ("X-Sub", "1") in fields_of(ask(app, "GET", "/sub/"))
    assert ("X-Sub", "1") not in fields_of(ask(app))


# -- what is kept ----------------------------------------------------------------------------------------


def test_an_application_is_a_mapping() -> None:
    app = Application()
    key = web.AppKey("key", int)
    app[key] = 1
    assert (app[key], len(app), list(app), key in app, bool(app)) == (1, 1, [key], True, True)
    del app[key]
    assert len(app) == 0
    assert bool(app)
    with pytest.raises(KeyError):
        app[key]


def test_a_string_key_warns_at_the_line_that_uses_it() -> None:
    app = Application()
    with pytest.warns(web.NotAppKeyWarning, match="AppKey") as caught:
        app["db"] = 1
    assert caught[0].filename == __file__
    assert app["db"] == 1


def test_applications_are_compared_by_identity() -> None:
    app, other = Application(), Application()
    assert app == app
    assert app != other
    assert len({app, other}) == 2
    assert app() is app
    assert repr(app) == f"<Application 0x{id(app):x}>"


def test_attributes_of_the_programs_own() -> None:
    app: Any = Application()
    app.db = {"ann"}

    async def show(request: web.Request) -> web.Response:
        return web.Response(text=str(request.app.db))  # type: ignore[attr-defined]

    app.router.add_get("/", show)
    assert text_of(ask(app)) == "{'ann'}"


def test_deprecated_arguments_and_properties_warn() -> None:
    with pytest.warns(DeprecationWarning, match="router") as caught:
        app = Application(router=UrlDispatcher())
    assert caught[0].filename == __file__
    with pytest.warns(DeprecationWarning, match="debug"):
        app = Application(debug=True)
    with pytest.warns(DeprecationWarning, match="debug"):
        assert app.debug
    with pytest.warns(DeprecationWarning, match="loop"):
        assert app.loop is None
    loop = asyncio.new_event_loop()
    with pytest.warns(DeprecationWarning, match="loop"):
        app = Application(loop=loop)
    with pytest.warns(DeprecationWarning, match="loop"):
        assert app.loop is loop
    loop.close()


def test_a_subclass_warns_and_works() -> None:
    with pytest.warns(DeprecationWarning, match="Special") as caught:

        class Special(Application):
            pass

    assert caught[0].filename == __file__
    app = Special()
    app.router.add_get("/", show_path)
    assert text_of(ask(app)) == "/"


def test_a_subclass_may_handle_requests_itself() -> None:
    with pytest.warns(DeprecationWarning):

        class Special(Application):
            async def _handle(self, request: web.Request) -> web.StreamResponse:
                response = await super()._handle(request)
                response.headers["X-Special"] = "1"
                return response

    app = Special()
    app.router.add_get("/", show_path)
    assert ("X-Special", "1") in fields_of(ask(app))


def test_middlewares_may_be_missing() -> None:
    assert list(Application(middlewares=None).middlewares) == []


# -- settled ---------------------------------------------------------------------------------------------


def test_what_is_settled_by_freeze() -> None:
    app = Application()
    key = web.AppKey("key", int)
    assert (app.pre_frozen, app.frozen) == (False, False)
    app.pre_freeze()
    app.pre_freeze()
    assert (app.pre_frozen, app.frozen) == (True, False)
    app[key] = 1
    app.freeze()
    app.freeze()
    assert app.frozen
    changes: list[Callable[[], Any]] = [
        lambda: app.router.add_get("/", show_path),
        lambda: app.middlewares.append(note("x", [])),
        lambda: app.on_startup.append(show_path),  # type: ignore[arg-type]
        lambda: app.on_response_prepare.append(note("x", [])),
        lambda: app.cleanup_ctx.append(lambda app: nullcontext()),
        lambda: app.add_subapp("/sub", Application()),
    ]
    for change in changes:
        with pytest.raises(RuntimeError):
            change()


def test_changing_state_when_frozen_is_deprecated() -> None:
    app = Application()
    key = web.AppKey("key", int)
    app.freeze()
    with pytest.warns(DeprecationWarning, match="started or joined") as caught:
        app[key] = 1
    assert caught[0].filename == __file__
    with pytest.warns(DeprecationWarning):
        del app[key]


def test_joining_settles_a_subapp_but_for_its_state() -> None:
    app, sub = Application(), Application()
    app.add_subapp("/sub", sub)
    assert (sub.pre_frozen, sub.frozen, app.has_subapps) == (True, False, True)
    app.freeze()
    assert sub.frozen
    with pytest.raises(RuntimeError, match="frozen"):
        Application().add_subapp("/late", sub)


@pytest.mark.parametrize(
    ("prefix", "error"), [("", ValueError), ("/", ValueError), (5, TypeError), ("x", ValueError)]
)
def test_prefixes_that_are_none(prefix: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        Application().add_subapp(prefix, Application())


@pytest.mark.parametrize(("domain", "error"), [("", ValueError), ("http://x", ValueError), (5, TypeError)])
def test_domains_that_are_none(domain: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        Application().add_domain(domain, Application())


def test_domains() -> None:
    app, one, many = Application(), Application(), Application()

    def answer_with(text: str) -> Handler:
        async def show(request: web.Request) -> web.Response:
            return web.Response(text=text)

        return show

    for each, text in ((app, "app"), (one, "one"), (many, "many")):
        each.router.add_get("/", answer_with(text))
    app.add_domain("one.example", one)
    app.add_domain("*.many.example", many)
    hosts = {"one.example": "one", "a.many.example": "many", "other.example": "app"}
    assert {host: text_of(ask(app, fields={"Host": host})) for host in hosts} == hosts


# -- life ------------------------------------------------------------------------------------------------


def test_signals_and_contexts_in_order() -> None:
    order: list[str] = []

    def receiver(name: str) -> Any:
        async def note_it(app: Application) -> None:
            order.append(f"{name} {app['name']}")

        return note_it

    def context(name: str) -> Any:
        async def both(app: Application) -> AsyncIterator[None]:
            order.append(f"enter {name}")
            yield
            order.append(f"leave {name}")

        return both

    app, sub = make("app"), make("sub")
    app.on_startup.append(receiver("startup"))
    sub.on_startup.append(receiver("startup"))
    app.add_subapp("/sub", sub)
    app.on_startup.append(receiver("late"))
    app.cleanup_ctx.extend([context("one"), context("two")])
    app.on_shutdown.append(receiver("shutdown"))
    app.on_cleanup.append(receiver("cleanup"))

    async def live() -> None:
        app.freeze()
        await app.startup()
        await app.shutdown()
        await app.cleanup()

    asyncio.run(live())
    assert order == [
        "enter one", "enter two", "startup app", "startup sub", "late app", "shutdown app",
        "leave two", "leave one", "cleanup app",
    ]  # fmt: skip


def test_a_start_that_fails_leaves_what_it_entered() -> None:
    order: list[str] = []

    async def context(app: Application) -> AsyncIterator[None]:
        yield
        order.append("left")

    async def fail(app: Application) -> None:
        raise LookupError

    async def cleanup(app: Application) -> None:
        order.append("cleaned")

    app = Application()
    app.cleanup_ctx.append(context)
    app.on_startup.append(fail)
    app.on_cleanup.append(cleanup)

    async def live() -> None:
        with pytest.raises(LookupError):
            await app.startup()
        await app.cleanup()

    asyncio.run(live())
    assert order == ["left"]


def test_run_app_is_found_here() -> None:
    assert run_app is run_app_locally
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = application.no_such_name


# -- one request among others ----------------------------------------------------------------------------


def test_context_variables_are_a_requests_own() -> None:
    variable = contextvars.ContextVar("variable", default="unset")

    async def set_it(request: web.Request, handler: Handler) -> web.StreamResponse:
        variable.set(variable.get() + request.path)
        return await handler(request)

    async def show(request: web.Request) -> web.Response:
        await asyncio.sleep(0)
        return web.Response(text=variable.get())

    app = Application(middlewares=[set_it])
    app.router.add_get("/{x}", show)

    async def run() -> list[str]:
        handler = app.make_exchange_handler()
        exchanges = [MemoryExchange("GET", f"/{number}") for number in range(3)]
        await asyncio.gather(*[asyncio.ensure_future(handler(each)) for each in exchanges])
        return [text_of(each) for each in exchanges]

    assert asyncio.run(run()) == ["unset/0", "unset/1", "unset/2"]
    assert variable.get() == "unset"


def test_the_size_that_a_body_may_have() -> None:
    async def read(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    app = Application(client_max_size=3)
    app.router.add_post("/", read)
    assert ask(app, "POST", body=b"abc").response_body == b"abc"
    assert status_of(ask(app, "POST", body=b"abcd")) == 413
    unlimited = Application(client_max_size=0)
    unlimited.router.add_post("/", read)
    assert len(ask(unlimited, "POST", body=b"x" * 2_000_000).response_body) == 2_000_000


def test_debug_is_for_the_developer() -> None:
    async def fail(request: web.Request) -> web.Response:
        raise LookupError("secret")

    for debug in (False, True):
        app = Application()
        app.router.add_get("/", fail)
        assert ("secret" in text_of(ask(app, debug=debug))) is debug
    with pytest.warns(DeprecationWarning):
        app = Application(debug=True)
    app.router.add_get("/", fail)
    assert "secret" in text_of(ask(app))


def test_handle_answers_an_exchange_without_more() -> None:
    app = Application()
    app.router.add_get("/", show_path)
    exchange = MemoryExchange()

    async def run() -> None:
        await app.handle(exchange)

    asyncio.run(run())
    assert text_of(exchange) == "/"


def test_errors_are_logged_with_method_and_target(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(request: web.Request) -> web.Response:
        raise LookupError("x")

    app = Application()
    app.router.add_post("/fail", fail)
    with caplog.at_level(logging.ERROR):
        assert status_of(ask(app, "POST", "/fail?a=b")) == 500
    (record,) = caplog.records
    assert record.getMessage() == "Error handling request POST /fail?a=b"
    assert record.exc_info is not None
    assert record.exc_info[0] is LookupError


def test_requests_have_the_limits_of_their_application() -> None:
    async def show(request: web.Request) -> web.Response:
        return web.json_response([request.client_max_size, request.client_max_fields])

    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "[1048576, 1000]"),
        ({"client_max_size": 7, "client_max_fields": 3}, "[7, 3]"),
    ]
    for settings, expected in cases:
        app = web.Application(**settings)
        app.router.add_get("/", show)
        assert text_of(ask(app)) == expected
