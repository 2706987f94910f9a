"""Every way out of a handler: what the client gets, what is logged, and what leaves the server."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sketch import web
from sketch.accesslog import AbstractAccessLogger
from sketch.application import Application
from sketch.handling import Handling
from sketch.http.errors import Disconnected
from sketch.http.memory import MemoryExchange, answer

from .asking import ask, ask_handler, fields_of, run_with, status_of, text_of

PAGE = "500 Internal Server Error\n\nServer got itself in trouble"


class Watcher(AbstractAccessLogger):
    """An access logger that remembers what it was told."""

    def __init__(self, *, enabled: bool = True) -> None:
        super().__init__(logging.getLogger("test"), "")
        self.told: list[tuple[str, int, float]] = []
        self._enabled = enabled

    @property
    def enabled(self) -> bool:
        return self._enabled

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        self.told.append((request.raw_path, response.status, time))


@pytest.fixture
def errors(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What was logged as an error so far."""

    def messages() -> list[str]:
        return [
            f"{record.getMessage()}: {record.exc_info[1] if record.exc_info else ''}"
            for record in caplog.records
            if record.levelno >= logging.ERROR
        ]

    return messages


Errors = Callable[[], list[str]]


# -- what is no response ---------------------------------------------------------------------------------


async def return_none(request: web.Request) -> Any:
    pass


async def return_text(request: web.Request) -> Any:
    return "hello"


async def return_dict(request: web.Request) -> Any:
    return {"a": 1}


async def return_coroutine(request: web.Request) -> Any:
    return return_none(request)


async def return_class(request: web.Request) -> Any:
    return web.Response


@pytest.mark.parametrize(
    ("handler", "returned", "remedy"),
    [
        (return_none, "returned None,", "return web.Response(...)"),
        (return_text, "returned 'hello' of type str,", "return web.Response(...)"),
        (return_dict, "returned {'a': 1} of type dict,", "web.json_response(...)"),
        (return_coroutine, "of type coroutine,", "return await"),
        (return_class, "returned class sketch.response.Response,", "old-style middleware factory"),
    ],
)
def test_the_log_names_the_handler_what_it_returned_and_the_remedy(
    handler: Any, returned: str, remedy: str, errors: Errors
) -> None:
    exchange = ask_handler(handler, "GET", "/x?y")
    assert (status_of(exchange), text_of(exchange)) == (500, PAGE)
    (message,) = errors()
    assert message.startswith("Error handling request GET /x?y: handler ")
    assert f"{__name__}.{handler.__name__} ({__file__}:" in message
    assert returned in message
    assert remedy in message


def test_an_old_style_middleware_is_told_how_to_change(errors: Errors) -> None:
    async def factory(app: Any, handler: Any) -> Any:
        async def inner(request: Any) -> Any:
            return await handler(request)

        return inner

    app = Application(middlewares=[factory])
    app.router.add_get("/", return_none)
    assert status_of(ask(app)) == 500
    (message,) = errors()
    assert "factory.<locals>.factory" in message or "factory (" in message
    assert "async def middleware(request, handler): return await handler(request)" in message


# -- what is raised --------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_raised", [True, False])
def test_http_exceptions_are_answers(is_raised: bool, errors: Errors) -> None:
    async def refuse(request: web.Request) -> web.StreamResponse:
        error = web.HTTPConflict(reason="Taken", headers={"X-One": "1"})
        error.set_cookie("one", "1")
        if is_raised:
            raise error
        return error

    exchange = ask_handler(refuse)
    assert (status_of(exchange), text_of(exchange)) == (409, "409: Taken")
    assert {("X-One", "1"), ("Set-Cookie", "one=1; Path=/")} <= set(fields_of(exchange))
    assert errors() == []


def test_an_exception_is_a_page_and_a_line(errors: Errors) -> None:
    async def fail(request: web.Request) -> web.Response:
        raise LookupError("the inside")

    exchange = ask_handler(fail)
    assert (status_of(exchange), text_of(exchange), exchange.keep_alive) == (500, PAGE, True)
    assert errors() == ["Error handling request GET /: the inside"]


def test_debug_shows_the_inside_to_browsers_and_to_others() -> None:
    async def fail(request: web.Request) -> web.Response:
        raise LookupError("the inside")

    plain = ask_handler(fail, debug=True)
    html = ask_handler(fail, "GET", "/", {"Accept": "text/html"}, debug=True)
    for exchange, content_type in ((plain, "text/plain"), (html, "text/html")):
        assert "the inside" in text_of(exchange)
        assert ("Content-Type", f"{content_type}; charset=utf-8") in fields_of(exchange)


def test_a_cancelled_error_of_the_handlers_own_is_an_error(errors: Errors) -> None:
    async def cancel(request: web.Request) -> web.Response:
        raise asyncio.CancelledError("not mine")

    assert status_of(ask_handler(cancel)) == 500
    assert errors() == ["Error handling request GET /: not mine"]


def test_cancelling_the_task_cuts_the_exchange_off(errors: Errors) -> None:
    started = asyncio.Event()

    async def wait(request: web.Request) -> web.Response:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    app = Application()
    app.router.add_get("/", wait)
    exchange = MemoryExchange()

    async def run() -> None:
        task = asyncio.ensure_future(answer(app.make_exchange_handler(), exchange))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert (status_of(exchange), exchange.aborted) == (None, True)
    assert errors() == []


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
@pytest.mark.parametrize("is_started", [False, True])
def test_what_ends_the_process_leaves_the_server(error: BaseException, is_started: bool) -> None:
    async def end(request: web.Request) -> web.Response:
        if is_started:
            await web.StreamResponse().prepare(request)
        raise error

    app = Application()
    app.router.add_get("/", end)
    exchange = MemoryExchange()

    def run() -> None:
        # Not a task of asyncio's, which would end the loop.
        coroutine: Any = app.make_exchange_handler()(exchange)
        with pytest.raises(type(error)):
            coroutine.send(None)

    run()
    assert (status_of(exchange), exchange.aborted) == ((200, True) if is_started else (500, False))
    assert not exchange.keep_alive


# -- when the answer has begun ---------------------------------------------------------------------------


@pytest.mark.parametrize("error", [LookupError("late"), web.HTTPNotFound(), asyncio.CancelledError("late")])
def test_an_answer_that_fails_part_way_is_cut_off(error: BaseException, errors: Errors) -> None:
    async def fail_late(request: web.Request) -> web.Response:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"abc")
        raise error

    exchange = ask_handler(fail_late)
    assert (status_of(exchange), exchange.response_body, exchange.aborted) == (200, b"abc", True)
    (message,) = errors()
    assert message.startswith(
        "Error handling request GET /, after its answer had begun: the connection was cut: "
    )


def test_another_response_than_the_one_that_began(errors: Errors) -> None:
    async def answer_twice(request: web.Request) -> web.Response:
        await web.StreamResponse().prepare(request)
        return web.Response(text="another")

    exchange = ask_handler(answer_twice)
    assert (status_of(exchange), exchange.aborted) == (200, True)
    assert len(errors()) == 1


def test_a_stream_that_is_not_ended_is_ended(errors: Errors) -> None:
    async def leave_open(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"abc")
        return response

    exchange = ask_handler(leave_open)
    assert (exchange.response_complete, exchange.aborted, exchange.response_body) == (True, False, b"abc")
    assert errors() == []


@pytest.mark.parametrize("is_written", [True, False])
def test_a_response_that_its_handler_prepared(is_written: bool, errors: Errors) -> None:
    async def prepare(request: web.Request) -> web.StreamResponse:
        response = web.Response(text="abc")
        await response.prepare(request)
        if is_written:
            await response.write_eof()
        return response

    exchange = ask_handler(prepare)
    assert (text_of(exchange), exchange.aborted, exchange.keep_alive) == ("abc", False, True)
    assert errors() == []


def test_fewer_bytes_than_declared(errors: Errors) -> None:
    async def stop_early(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = 4
        await response.prepare(request)
        await response.write(b"abc")
        return response

    assert ask_handler(stop_early).aborted
    assert len(errors()) == 1


def test_more_bytes_than_declared(errors: Errors) -> None:
    async def go_on(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = 2
        await response.prepare(request)
        with pytest.raises(RuntimeError):
            await response.write(b"abc")
        await response.write_eof(b"ab")
        return response

    exchange = ask_handler(go_on)
    assert (exchange.response_body, exchange.aborted) == (b"ab", False)
    assert errors() == []


# -- what cannot be sent ---------------------------------------------------------------------------------


def test_a_field_that_cannot_be_sent_never_is(errors: Errors) -> None:
    async def smuggle(request: web.Request) -> web.Response:
        response = web.Response(text="x")
        response.headers["X-One"] = "a\r\nX-Two: b"
        return response

    exchange = ask_handler(smuggle)
    assert (status_of(exchange), text_of(exchange)) == (500, PAGE)
    assert not any(name.startswith("X-One") or "X-Two" in value for name, value in fields_of(exchange))
    assert "X-One" in errors()[0]


def test_an_exception_with_a_field_that_cannot_be_sent(errors: Errors) -> None:
    async def refuse(request: web.Request) -> web.Response:
        error = web.HTTPConflict()
        error.headers["X-One"] = "a\nb"
        raise error

    exchange = ask_handler(refuse)
    assert (status_of(exchange), exchange.response_body) == (500, b"")
    assert "X-One" in errors()[0]


def test_a_response_for_two_requests(errors: Errors) -> None:
    kept = web.Response(text="kept")

    async def share(request: web.Request) -> web.Response:
        return kept

    app = Application()
    app.router.add_get("/", share)
    assert text_of(ask(app)) == "kept"
    assert text_of(ask(app)) == PAGE
    assert "already answered another request: make a new response for each request" in errors()[0]


def test_a_hook_that_fails(errors: Errors) -> None:
    async def fail(request: web.Request, response: web.StreamResponse) -> None:
        raise LookupError("hook")

    async def show(request: web.Request) -> web.Response:
        return web.Response(text="x")

    app = Application()
    app.on_response_prepare.append(fail)
    app.router.add_get("/", show)
    exchange = ask(app)
    assert (status_of(exchange), exchange.response_body, exchange.aborted) == (500, b"", False)
    assert errors() == ["Error handling request GET /: hook"] * 2


# -- the client ------------------------------------------------------------------------------------------


def test_a_client_that_leaves_while_it_is_written_to_is_no_error(errors: Errors) -> None:
    reached = asyncio.Event()
    exchange = MemoryExchange()

    async def write(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        exchange.pause_client()
        reached.set()
        await response.write(b"abc")
        raise AssertionError("the client has left")

    app = Application()
    app.router.add_get("/", write)
    watcher = Watcher()

    async def leave() -> None:
        await reached.wait()
        exchange.disconnect()

    run_with(app.make_exchange_handler(access_logger=watcher), exchange, leave)
    assert errors() == []
    assert [told[:2] for told in watcher.told] == [("/", 200)]


def test_a_client_that_leaves_before_its_body_is_complete(errors: Errors) -> None:
    reached = asyncio.Event()
    exchange = MemoryExchange("POST", "/", {"Content-Length": "5"}, None)

    async def read(request: web.Request) -> web.StreamResponse:
        reached.set()
        await request.read()
        raise AssertionError("the client has left")

    app = Application()
    app.router.add_post("/", read)

    async def leave() -> None:
        await reached.wait()
        exchange.disconnect()

    watcher = Watcher()
    run_with(app.make_exchange_handler(access_logger=watcher), exchange, leave)
    assert status_of(exchange) is None
    assert errors() == []
    assert watcher.told == []


def test_a_connection_error_from_elsewhere_is_an_error(errors: Errors) -> None:
    async def fail(request: web.Request) -> web.Response:
        raise ConnectionResetError("the database")

    assert status_of(ask_handler(fail)) == 500
    assert errors() == ["Error handling request GET /: the database"]


@pytest.mark.parametrize("way", ["read", "content"])
def test_a_body_that_breaks_its_framing_is_the_clients_fault(way: str, errors: Errors) -> None:
    async def read(request: web.Request) -> web.Response:
        if way == "read":
            await request.read()
        else:
            await request.content.readany()
        raise AssertionError("it was broken")

    app = Application()
    app.router.add_post("/", read)
    exchange = MemoryExchange("POST", body=None)
    exchange.break_body("a chunk of no size")
    asyncio.run(answer(app.make_exchange_handler(), exchange))
    assert (status_of(exchange), text_of(exchange)) == (400, "400: Bad Request\na chunk of no size")
    assert not exchange.keep_alive
    assert errors() == []


# -- the access log --------------------------------------------------------------------------------------


def watched() -> Application:
    async def show(request: web.Request) -> web.StreamResponse:
        return web.Response(status=201)

    async def fail(request: web.Request) -> web.StreamResponse:
        raise LookupError

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=202)
        await response.prepare(request)
        return response

    app = Application()
    for handler in (show, fail, stream):
        app.router.add_get(f"/{handler.__name__}", handler)
    return app


@pytest.mark.parametrize(("path", "status"), [("/show", 201), ("/fail", 500), ("/stream", 202), ("/no", 404)])
def test_each_answer_is_told_once(path: str, status: int) -> None:
    watcher = Watcher()
    ask(watched(), "GET", path, access_logger=watcher)
    ((told_path, told_status, seconds),) = watcher.told
    assert (told_path, told_status) == (path, status)
    assert 0 <= seconds < 10


def test_an_answer_that_broke_off_is_told() -> None:
    async def fail_late(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=203)
        await response.prepare(request)
        raise asyncio.CancelledError if request.path == "/cancelled" else LookupError

    app = Application()
    app.router.add_get("/{x}", fail_late)
    for path in ("/cancelled", "/failed"):
        watcher = Watcher()
        ask(app, "GET", path, access_logger=watcher)
        assert [told[:2] for told in watcher.told] == [(path, 203)]


def test_a_cancelled_answer_is_told() -> None:
    started = asyncio.Event()

    async def wait(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=203)
        await response.prepare(request)
        started.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    app = Application()
    app.router.add_get("/", wait)
    watcher = Watcher()

    async def run() -> None:
        task = asyncio.ensure_future(app.make_exchange_handler(access_logger=watcher)(MemoryExchange()))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert [told[:2] for told in watcher.told] == [("/", 203)]


def test_the_last_resort_is_told_too() -> None:
    async def fail(request: web.Request, response: web.StreamResponse) -> None:
        raise LookupError("hook")

    app = watched()
    app.on_response_prepare.append(fail)
    watcher = Watcher()
    ask(app, "GET", "/show", access_logger=watcher)
    assert [told[1] for told in watcher.told] == [500]


def test_a_logger_that_is_not_enabled_is_told_nothing() -> None:
    watcher = Watcher(enabled=False)
    assert status_of(ask(watched(), "GET", "/show", access_logger=watcher)) == 201
    assert watcher.told == []


def test_an_access_logger_that_fails_harms_nobody(errors: Errors) -> None:
    class Failing(Watcher):
        def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
            raise LookupError("disk full")

    exchange = ask(watched(), "GET", "/show", access_logger=Failing())
    assert (status_of(exchange), exchange.aborted) == (201, False)
    assert errors() == ["The access logger failed for GET /show: disk full"]


# -- without an application ------------------------------------------------------------------------------


def handling(handler: Callable[[Any], Awaitable[web.StreamResponse]]) -> Handling:
    return Handling(
        lambda exchange, _: web.BaseRequest(exchange),
        lambda request: handler,
        logger=logging.getLogger("sketch.test"),
    )


def test_a_handler_of_plain_requests(errors: Errors) -> None:
    async def show(request: web.BaseRequest) -> web.Response:
        return web.Response(text=f"{request.method} {request.path}")

    exchange = MemoryExchange("PUT", "/x")
    asyncio.run(answer(handling(show).handle, exchange))
    assert text_of(exchange) == "PUT /x"

    exchange = MemoryExchange()
    asyncio.run(answer(handling(return_none).handle, exchange))
    assert status_of(exchange) == 500
    assert "the request handler returned None" in errors()[0]


def test_a_disconnection_is_told_to_whoever_asks() -> None:
    seen: list[BaseException] = []

    async def read(request: web.BaseRequest) -> web.Response:
        try:
            await request.read()
        except ConnectionResetError as error:
            seen.append(error)
        return web.Response()

    exchange = MemoryExchange("POST", body=None)
    exchange.disconnect()
    asyncio.run(answer(handling(read).handle, exchange))
    assert [type(error) for error in seen] == [Disconnected]
