"""What no head can carry is refused where it is set, or at the latest when the head is made, by name; and a
body that is not what its head says ends in a cut connection, never in a second head."""

import asyncio
import logging
import re
import socket
from collections.abc import Awaitable, Callable
from http.cookies import CookieError
from typing import Any

import pytest
import uvloop

from sketch import web
from sketch.application import Application
from sketch.http.memory import MemoryExchange
from sketch.request import BaseRequest
from tests.asking import ask, fields_of, status_of
from tests.net.stage import get, run, serving

BAD = ["\r", "\n", "\r\nX-Two: 2", "\r\n\r\nHTTP/1.1 200 OK", "\x00", "\x1b", "\x7f", "\ud800"]

# -- at the line that sets it ----------------------------------------------------------------------------


def cookie(**attributes: Any) -> Callable[[str], object]:
    """Set a cookie with one of these attributes as it is given."""
    (attribute,) = attributes

    def set_it(bad: str) -> object:
        arguments = {"name": "a", "value": "1", attribute: attributes[attribute] + bad}
        web.Response().set_cookie(**arguments)
        return None

    return set_it


def stream(**attributes: Any) -> Callable[[str], object]:
    """Set an attribute of a response."""
    ((attribute, value),) = attributes.items()
    return lambda bad: setattr(web.StreamResponse(), attribute, value + bad)


def typed_response() -> web.Response:
    return web.Response(text="x")


WAYS: dict[str, Callable[[str], object]] = {
    "Response(headers=), a value": lambda bad: web.Response(headers={"X-One": "1" + bad}),
    "Response(headers=), a name": lambda bad: web.Response(headers=[("X-One" + bad, "1")]),
    "Response(reason=)": lambda bad: web.Response(reason="a" + bad),
    "Response(text, content_type=)": lambda bad: web.Response(text="x", content_type="a/b" + bad),
    "Response(body, content_type=)": lambda bad: web.Response(body=b"x", content_type="a/b" + bad),
    "Response(body, charset=)": lambda bad: web.Response(body=b"x", content_type="a/b", charset="u" + bad),
    "Response(content, content_type=)": lambda bad: web.Response("x", 200, "a/b" + bad),
    "Response(headers=, content_type=)": lambda bad: web.Response(
        b"x", content_type="a/b" + bad, headers={"X-One": "1"}
    ),
    "StreamResponse(headers=)": lambda bad: web.StreamResponse(headers={"X-One": "1" + bad}),
    "StreamResponse(reason=)": lambda bad: web.StreamResponse(status=200, reason="a" + bad),
    "json_response(headers=)": lambda bad: web.json_response({}, headers={"X-One": bad}),
    "json_response(content_type=)": lambda bad: web.json_response({}, content_type="a/b" + bad),
    "HTTPException(headers=)": lambda bad: web.HTTPNotFound(headers={"X-One": bad}),
    "HTTPException(content_type=)": lambda bad: web.HTTPNotFound(content_type="a/b" + bad),
    "HTTPMethodNotAllowed": lambda bad: web.HTTPMethodNotAllowed("GET", ["PO" + bad]),
    "add_header, a value": lambda bad: web.Response().add_header("X-One", bad),
    "add_header, a name": lambda bad: web.Response().add_header("X-One" + bad, "1"),
    "set_status": lambda bad: web.Response().set_status(200, "a" + bad),
    "set_trailer": lambda bad: web.StreamResponse().set_trailer("X-One", bad),
    "announce_trailers": lambda bad: web.StreamResponse().announce_trailers("X-One" + bad),
    "content_type": stream(content_type="a/b"),
    "charset": lambda bad: setattr(typed_response(), "charset", "utf-8" + bad),
    "last_modified": stream(last_modified="today"),
    "a cookie's name": cookie(name="a"),
    "a cookie's path": cookie(path="/"),
    "a cookie's domain": cookie(domain="a"),
    "a cookie's expires": cookie(expires="now"),
    "a cookie's max_age": cookie(max_age="1"),
    "a cookie's samesite": cookie(samesite="Lax"),
    "a cookie's version": cookie(version="1"),
    "del_cookie": lambda bad: web.Response().del_cookie("a", path="/" + bad),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("way", WAYS)
def test_the_line_that_sets_it_raises(way: str, bad: str) -> None:
    with pytest.raises((ValueError, CookieError)):
        WAYS[way](bad)


@pytest.mark.parametrize("bad", BAD)
def test_a_cookies_value_is_quoted_or_refused(bad: str) -> None:
    response = web.Response()
    response.set_cookie("a", "before")
    try:
        response.set_cookie("a", "1" + bad)
    except (ValueError, CookieError):
        assert response.cookies["a"].value == "before"
    else:
        assert not set(str(response.cookies["a"])) & set("\r\n\x00\x1b\x7f\ud800")


@pytest.mark.parametrize(
    "refused",
    [
        lambda: web.Response(headers={"X-One": 5}),  # type: ignore[arg-type]
        lambda: web.Response(headers={"X-One": b"1"}),  # type: ignore[arg-type]
        lambda: web.Response(reason=b"OK"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_text(refused: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match="must be"):
        refused()


def test_a_length_below_zero() -> None:
    with pytest.raises(ValueError, match="fewer than 0 bytes"):
        web.StreamResponse().content_length = -1


def test_a_charset_says_nothing_else() -> None:
    with pytest.raises(ValueError, match="is not a token"):
        web.Response(body=b"x", content_type="text/html", charset="utf-8; boundary=x")
    with pytest.raises(ValueError, match="is not a token"):
        typed_response().charset = "utf-8; x=y"


def test_a_parameter_stays_one() -> None:
    response = web.Response(body=b"x", headers={"Content-Type": 'multipart/mixed; boundary="a; b=c"'})
    response.content_type = "multipart/form-data"
    assert response.headers["Content-Type"] == 'multipart/form-data; boundary="a; b=c"'


# -- direct edits ----------------------------------------------------------------------------------------

Edit = Callable[[web.StreamResponse], object]


def edit_path(response: web.StreamResponse) -> None:
    response.cookies["a"] = "1"
    response.cookies["a"]["path"] = "/; Secure"


EDITS: dict[str, tuple[Edit, str]] = {
    "a value": (lambda response: response.headers.__setitem__("X-One", "1\r\nX-Two: 2"), "X-One"),
    "NUL": (lambda response: response.headers.__setitem__("X-One", "\x00"), r"'\x00'"),
    "a name": (lambda response: response.headers.add("X-One: 1\r\nX-Two", "2"), r"X-One: 1\r\nX-Two"),
    "a name with a space": (
        lambda response: response.headers.add("X One", "2"),
        "'X One' is not a field name",
    ),
    "a surrogate": (lambda response: response.headers.add("X-One", "\ud800"), r"\ud800"),
    "a number": (lambda response: response.headers.add("X-One", 5), "'X-One' with the value 5"),  # type: ignore[arg-type]
    "bytes": (lambda response: response.headers.add("X-One", b"1"), "with the value b'1'"),  # type: ignore[arg-type]
    "a cookie": (edit_path, "the cookie attribute path"),
}


@pytest.fixture
def errors(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What was logged as an error so far, with the exceptions."""

    def messages() -> list[str]:
        records = [record for record in caplog.records if record.levelno >= logging.ERROR]
        return [f"{record.getMessage()}: {record.exc_info and record.exc_info[1]}" for record in records]

    return messages


@pytest.mark.parametrize("has_hooks", [False, True])
@pytest.mark.parametrize("way", ["returned", "prepared", "streamed", "raised"])
@pytest.mark.parametrize("edit", EDITS)
def test_a_direct_edit(edit: str, way: str, has_hooks: bool, errors: Callable[[], list[str]]) -> None:
    """500, nothing of the head is sent, and the log names the handler, the field, and what to do."""
    change, shown = EDITS[edit]
    prepared: list[bool] = []

    async def careless(request: web.Request) -> web.StreamResponse:
        if way == "raised":
            error = web.HTTPConflict()
            change(error)
            raise error
        response = web.StreamResponse() if way == "streamed" else web.Response(text="x")
        change(response)
        if way != "returned":
            try:
                await response.prepare(request)
            finally:
                prepared.append(response.prepared)
        return response

    async def hook(request: web.Request, response: web.StreamResponse) -> None:
        pass

    app = Application()
    app.router.add_get("/path", careless)
    if has_hooks:
        app.on_response_prepare.append(hook)
    exchange = ask(app, "GET", "/path")
    assert (status_of(exchange), exchange.aborted, any(prepared)) == (500, False, False)
    assert not {"X-One", "Set-Cookie"} & {name[:5] for name, _ in fields_of(exchange)}
    (message,) = errors()
    assert shown in message
    assert "careless" in message and "GET /path" in message
    assert "left out or encoded (urllib.parse.quote) where response.headers is changed" in message


@pytest.mark.parametrize("length", ["many", "-1", "1, 2", "+1", "1 2"])
@pytest.mark.parametrize("has_hooks", [False, True])
@pytest.mark.parametrize("is_stream", [False, True])
def test_a_length_that_is_none(
    is_stream: bool, has_hooks: bool, length: str, errors: Callable[[], list[str]]
) -> None:
    async def careless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse() if is_stream else web.Response(text="x")
        response.headers["Content-Length"] = length
        await response.prepare(request)
        return response

    async def hook(request: web.Request, response: web.StreamResponse) -> None:
        pass

    app = Application()
    app.router.add_get("/path", careless)
    if has_hooks:
        app.on_response_prepare.append(hook)
    exchange = ask(app, "GET", "/path")
    assert (status_of(exchange), exchange.aborted) == (500, False)
    (message,) = errors()
    assert repr(length) in message and "careless" in message and "GET /path" in message


def test_a_response_without_an_application_names_what_it_can() -> None:
    response = web.StreamResponse()
    response.headers["X-One"] = "a\nb"
    for request in (BaseRequest(MemoryExchange()), web.Request(method="GET", url="/")):
        with pytest.raises(ValueError, match="the response of the request handler cannot be sent.*X-One"):
            asyncio.run(response.prepare(request))


def test_a_mistake_in_a_hook_is_its_own() -> None:
    """Only what is wrong with the head is said to be."""

    class Hooked(BaseRequest):
        has_prepare_hooks = True

        async def run_prepare_hooks(self, response: web.StreamResponse) -> None:
            raise ValueError("the hook's own")

    with pytest.raises(ValueError, match="^the hook's own$"):
        asyncio.run(web.StreamResponse().prepare(Hooked(MemoryExchange())))


# -- a body that is not what its head says ---------------------------------------------------------------

FOUR = {"Content-Length": "4"}


async def whole_longer(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(body=b"12345", headers=FOUR)


async def whole_shorter(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(body=b"123", headers=FOUR)


async def stream_longer(request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse(headers=FOUR)
    await response.prepare(request)
    await response.write(b"123")
    await response.write(b"45")
    return response


async def stream_shorter(request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse(headers=FOUR)
    await response.prepare(request)
    await response.write(b"123")
    return response


async def stream_forgotten(request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse(headers=FOUR)
    await response.prepare(request)
    return response


async def another_answer(request: web.BaseRequest) -> web.StreamResponse:
    await stream_shorter(request)
    return web.Response(text="another")


async def an_error_late(request: web.BaseRequest) -> web.StreamResponse:
    await stream_shorter(request)
    raise web.HTTPNotFound


async def a_failure_late(request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"123")
    raise LookupError("late")


Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
PARTIAL: list[Handler] = [stream_longer, stream_shorter, another_answer, an_error_late, a_failure_late]


def application(handler: Handler) -> web.Application:
    app = web.Application()
    app.router.add_get("/path", handler, allow_head=True)
    return app


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("handler", [*PARTIAL, stream_forgotten])
def test_a_stream_that_breaks_its_promise(
    handler: Handler, version: str, errors: Callable[[], list[str]]
) -> None:
    """The connection is cut, the client has what was right, and nothing was added to it."""

    async def main() -> None:
        async with serving(application(handler).make_exchange_handler()) as stage:
            request = get("/path", "Connection: keep-alive").replace(b"1.1", version.encode())
            line = await stage.connect(request + get("/path"))
            assert line.transport.is_cut and stage.server.requests_count == 1
            assert line.transport.received.count(b"HTTP/1.") == 1
            (answer,) = line.answers()
            assert answer.body == (b"" if handler is stream_forgotten else b"123")
            assert not answer.is_complete or (version, handler) == ("1.0", a_failure_late)

    run(main)
    (message,) = errors()
    assert message.startswith("Error handling request GET /path, after its answer had begun")
    if handler not in (an_error_late, a_failure_late):
        assert handler.__name__ in message or handler is stream_longer


@pytest.mark.parametrize("handler", [whole_longer, whole_shorter])
def test_a_whole_answer_that_breaks_its_promise(handler: Handler, errors: Callable[[], list[str]]) -> None:
    """It is known before anything is sent: the client gets a 500, and the connection goes on."""

    async def main() -> None:
        async with serving(application(handler).make_exchange_handler()) as stage:
            line = await stage.connect(get("/path"), get("/path"))
            assert line.statuses == [500, 500] and line.is_open

    run(main)
    assert len(errors()) == 2
    assert all("GET /path" in message and handler.__name__ in message for message in errors())


def test_the_middlewares_around_are_named(errors: Callable[[], list[str]]) -> None:
    async def around(request: web.Request, handler: Any) -> web.StreamResponse:
        response = await handler(request)
        assert isinstance(response, web.StreamResponse)
        return response

    app = web.Application(middlewares=[around])
    app.router.add_get("/", whole_longer)
    assert status_of(ask(app)) == 500
    (message,) = errors()
    assert re.match(
        r"Error .* of GET /, or one of its middlewares \(.*around \(\S+\)\): Content-Length", message
    )


@pytest.mark.parametrize(
    "handler", [whole_longer, whole_shorter, stream_longer, stream_shorter, stream_forgotten]
)
def test_head_has_no_body_to_be_wrong(handler: Handler, errors: Callable[[], list[str]]) -> None:
    async def main() -> None:
        async with serving(application(handler).make_exchange_handler()) as stage:
            line = await stage.connect(get("/path").replace(b"GET", b"HEAD"), get("/other"))
            first, second = line.answers("HEAD", "GET")
            assert (first.status, first.get_all("Content-Length"), first.body) == (200, ["4"], b"")
            assert second.status == 404 and line.is_open

    run(main)
    assert errors() == []


@pytest.mark.parametrize("declared", [None, "4"])
@pytest.mark.parametrize("status", [204, 205, 304])
@pytest.mark.parametrize("is_stream", [False, True])
def test_a_status_without_a_body(
    status: int, is_stream: bool, declared: str | None, errors: Callable[[], list[str]]
) -> None:
    """Whatever was declared or written: no byte of it can be taken for the next answer."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        headers = {} if declared is None else {"Content-Length": declared}
        if not is_stream:
            return web.Response(status=status, body=b"left out", headers=headers)
        response = web.StreamResponse(status=status, headers=headers)
        await response.prepare(request)
        await response.write(b"left out")
        return response

    async def main() -> None:
        async with serving(application(answer).make_exchange_handler()) as stage:
            line = await stage.connect(get("/path") + get("/other"))
            first, second = line.answers()
            assert (first.status, first.body, second.status) == (status, b"", 404)
            lengths = {204: [], 205: ["0"], 304: [] if declared is None else [declared]}
            assert first.get_all("Content-Length") == lengths[status]
            assert first.get_all("Transfer-Encoding") == [] and len(first.get_all("Date")) == 1

    run(main)
    assert errors() == []


@pytest.mark.parametrize(
    "new_loop", [asyncio.SelectorEventLoop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
@pytest.mark.parametrize("handler", PARTIAL)
def test_it_is_the_same_over_sockets(
    handler: Handler, new_loop: Callable[[], asyncio.AbstractEventLoop], errors: Callable[[], list[str]]
) -> None:
    """Read to the end of the connection: one head, what was right of the body, and an end too early."""

    async def main() -> bytes:
        runner = web.AppRunner(application(handler))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        loop = asyncio.get_running_loop()
        with socket.socket() as client:
            client.setblocking(False)
            await loop.sock_connect(client, runner.addresses[0])
            await loop.sock_sendall(client, get("/path") * 2)
            received = b""
            try:
                while data := await loop.sock_recv(client, 2**16):
                    received += data
            except ConnectionResetError:
                pass
        await runner.cleanup()
        return received

    with asyncio.Runner(loop_factory=new_loop) as runner:
        received = runner.run(main())
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n") and received.count(b"HTTP/1.") == 1
    assert body == (b"3\r\n123\r\n" if handler is a_failure_late else b"123")
    assert len(errors()) == 1
