"""The differences that are meant: each with what aiohttp does and what sketch does.

The table in docs/aiohttp.md says why. A test here and a line there belong together.
"""

import asyncio
import inspect
import sys
from typing import Any

import aiohttp.web
import pytest
from aiohttp.web_protocol import RequestHandler

from sketch import web as sketch_web
from sketch.http.limits import Limits
from tests.conformance.driver import settle

from .harness import Fields, Outcome, ask, compare, differ
from .test_answers import ENDLESS, UNTYPED, UNTYPED_STREAMS, family, responses, streams
from .test_requests import bodies

PAGE = b"500 Internal Server Error\n\nServer got itself in trouble"
KEEP: Fields = [("Connection", "keep-alive")]


def troubles(web: Any, seen: list[Any]) -> Any:
    async def fail(request: Any) -> Any:
        raise ValueError("x")

    async def nothing(request: Any) -> Any:
        pass

    async def cancel(request: Any) -> Any:
        raise asyncio.CancelledError

    async def started(request: Any) -> Any:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"abc")
        return response

    async def refused_late(request: Any) -> Any:
        await started(request)
        raise web.HTTPConflict

    async def another(request: Any) -> Any:
        await started(request)
        return web.Response(text="another")

    async def counted(request: Any) -> Any:
        response = web.StreamResponse(headers={"Content-Length": request.query["length"]})
        await response.prepare(request)
        await response.write(b"abc")
        return response

    async def bad_field(request: Any) -> Any:
        response = web.Response(text="x")
        response.headers["X-One"] = "a\r\nX-Two: b"
        return response

    async def shared(request: Any) -> Any:
        return kept

    async def misuse(request: Any) -> Any:
        response = web.StreamResponse()
        for way in (response.write_eof, lambda: response.prepare(request), lambda: response.write("text")):
            try:
                await way()
            except Exception as error:
                seen.append(type(error).__name__)
        return response

    kept = web.Response(text="shared")
    app = web.Application()
    for handler in (fail, nothing, cancel, refused_late, another, counted, bad_field, shared, misuse):
        app.router.add_get(f"/{handler.__name__}", handler)
    return app


def is_page(outcome: Outcome) -> bool:
    """Whether this is sketch's answer to an error, on a connection that goes on."""
    return (
        (outcome.status, outcome.body, outcome.field("Connection")) == (500, PAGE, None)
        and outcome.field("X-Content-Type-Options") == "nosniff"
        and outcome.field("Cache-Control") == "no-store"
        and "default-src 'none'" in (outcome.field("Content-Security-Policy") or "")
    )


def test_the_page_for_an_error() -> None:
    theirs, ours = differ(troubles, ask("GET", "/fail"))
    assert (theirs.status, theirs.body, theirs.field("Connection")) == (500, PAGE, "close")
    assert is_page(ours)


def test_a_handler_that_returns_nothing() -> None:
    theirs, ours = differ(troubles, ask("GET", "/nothing"))
    assert (theirs.status, theirs.body) == (500, b"500: Internal Server Error")
    assert is_page(ours)


@pytest.mark.parametrize("path", ["/cancel", "/bad_field"])
def test_errors_for_which_aiohttp_cuts_the_connection(path: str) -> None:
    theirs, ours = differ(troubles, ask("GET", path))
    assert theirs.status is None
    assert is_page(ours)


def test_a_response_that_answers_twice() -> None:
    first, second = compare(troubles, ask("GET", "/shared"), ask("GET", "/shared"), patience=0.5)
    assert first.ours == first.theirs
    assert (second.theirs.status, second.theirs.is_waiting) == (None, True)
    assert is_page(second.ours)


@pytest.mark.parametrize(("path", "second"), [("/refused_late", b"409 Conflict"), ("/another", b"200 OK")])
def test_a_second_answer_after_the_first_began(path: str, second: bytes) -> None:
    theirs, ours = differ(troubles, ask("GET", path))
    assert theirs.body == b"abcHTTP/1.1 " + second + b"\r\n"
    assert (ours.status, ours.body, ours.is_complete) == (200, b"abc", False)


def test_more_than_the_declared_length() -> None:
    theirs, ours = differ(troubles, ask("GET", "/counted?length=2"))
    assert (theirs.body, theirs.is_complete) == (b"ab", True)
    assert (ours.body, ours.is_complete) == (b"", False)


def test_less_than_the_declared_length() -> None:
    theirs, ours = differ(troubles, ask("GET", "/counted?length=4"), patience=0.5)
    assert (theirs.is_complete, theirs.is_waiting) == (False, True)
    assert (ours.is_complete, ours.is_waiting) == (False, False)


def test_misuse_of_a_response() -> None:
    theirs, ours = differ(troubles, ask("GET", "/misuse"))
    assert theirs.seen == ["AssertionError", "AssertionError"]
    assert ours.seen == ["RuntimeError", "TypeError"]


@pytest.mark.parametrize("name", sorted(UNTYPED))
def test_the_type_of_an_untyped_body_in_answer_to_head(name: str) -> None:
    theirs, ours = differ(responses, ask("HEAD", "/" + name.replace(" ", "%20")))
    assert theirs.field("Content-Type") is None
    assert ours.fields == sorted([*theirs.fields, ("Content-Type", "application/octet-stream")])


@pytest.mark.parametrize("name", sorted(UNTYPED_STREAMS))
def test_the_type_of_an_untyped_stream_in_answer_to_head(name: str) -> None:
    theirs, ours = differ(streams, ask("HEAD", f"/{name}"))
    assert theirs.field("Content-Type") is None
    assert ours.fields == sorted([*theirs.fields, ("Content-Type", "application/octet-stream")])


@pytest.mark.parametrize("name", sorted(ENDLESS))
def test_the_end_of_a_stream_to_an_old_client(name: str) -> None:
    theirs, ours = differ(streams, ask("GET", f"/{name}", KEEP, version="1.0"), patience=0.5)
    assert (theirs.is_complete, theirs.is_waiting) == (False, True)
    assert ours.is_complete
    assert ours.status == theirs.status


def test_a_text_that_no_205_can_have() -> None:
    theirs, ours = differ(family, ask("GET", "/full/HTTPResetContent"))
    assert (theirs.status, theirs.body) == (205, b"<b>x</b>")
    assert (ours.status, ours.body, ours.field("Content-Length")) == (205, b"", "0")


def targets(web: Any, seen: list[Any]) -> Any:
    async def show(request: Any) -> Any:
        seen.extend([request.host, request.scheme, request.url])
        return web.Response()

    async def refuse(request: Any) -> Any:
        raise web.HTTPNotFound(reason=f"No {request.query['name']}")

    app = web.Application()
    app.router.add_get("/", show)
    app.router.add_get("/show", show)
    app.router.add_get("/refuse", refuse)
    app.router.add_get("/ünï/{name}", show)
    return app


def hosts(web: Any, seen: list[Any]) -> Any:
    async def show(request: Any) -> Any:
        return web.Response()

    app = web.Application()
    app.router.add_get("/", show)
    return app


def test_the_host_of_an_absolute_target_has_its_port() -> None:
    theirs, ours = differ(targets, ask("GET", "http://other.example:81/show"))
    assert theirs.seen == ["other.example", "http", "http://other.example:81/show"]
    assert ours.seen == ["other.example:81", "http", "http://other.example:81/show"]


def test_an_absolute_target_with_a_user() -> None:
    theirs, ours = differ(targets, ask("GET", "http://user:pw@other.example/show"))
    assert theirs.seen == ["other.example", "http", "http://user:pw@other.example/show"]
    assert (ours.status, ours.seen) == (400, [])


def test_an_absolute_target_of_another_scheme() -> None:
    theirs, ours = differ(targets, ask("GET", "ftp://other.example/show"))
    assert (theirs.status, ours.status) == (200, 421)


@pytest.mark.parametrize("target", ["/show#x", "/show?a=b#x", "http://other.example/show#x"])
def test_a_target_with_a_fragment(target: str) -> None:
    theirs, ours = differ(targets, ask("GET", target))
    assert (theirs.status, ours.status) == (200, 400)


@pytest.mark.parametrize("host", ["a b", "a/b", "user@a", "bücher.example", "a:b", "a:99999", "[::1"])
def test_a_host_that_is_none(host: str) -> None:
    theirs, ours = differ(hosts, ask("GET", "/", host=host))
    assert (theirs.status, ours.status) == (200, 400)


def test_connect() -> None:
    theirs, ours = differ(targets, ask("CONNECT", "other.example:443"))
    assert (theirs.status, ours.status) == (404, 501)


def test_the_url_of_a_host_that_idna_has_no_text_for() -> None:
    def show(web: Any, seen: list[Any]) -> Any:
        async def ask_it(request: Any) -> Any:
            try:
                seen.append(request.url.host)
            except UnicodeError:
                seen.append("UnicodeError")
            return web.Response()

        app = web.Application()
        app.router.add_get("/", ask_it)
        return app

    theirs, ours = differ(show, ask(host="xn--"))
    assert (theirs.seen, ours.seen) == (["UnicodeError"], ["%78n--"])


@pytest.mark.parametrize("method", ["BREW", "get"])
def test_a_method_that_nobody_knows(method: str) -> None:
    theirs, ours = differ(hosts, ask(method))
    assert (theirs.status, ours.status) == (400, 405)


TRAILERS = b"".join([b"X-%d: 1\r\n" % number for number in range(17)])


def chunked(version: str = "1.1", coding: str = "chunked") -> bytes:
    return ask("POST", "/", [("Transfer-Encoding", coding)], version=version)


@pytest.mark.parametrize(
    ("request_", "theirs", "ours"),
    [
        (ask(version="2.0"), 200, 505),
        (ask(version="0.9"), 200, 505),
        (b"GET /\r\n\r\n", 200, 400),
        (ask(version="1.2"), 400, 200),
        (ask(target=" /"), 200, 400),
        (b"\r\n\r\n" + ask(), 200, 400),
        (chunked(version="1.0") + b"0\r\n\r\n", 200, 400),
        (chunked(coding="gzip, chunked") + b"0\r\n\r\n", 200, 501),
        (chunked() + b"1;" + b"x" * 300 + b"\r\na\r\n0\r\n\r\n", 200, 400),
        (chunked() + b"0\r\n" + TRAILERS + b"\r\n", 200, 400),
        (ask(target="/?" + "x" * 8190), 400, 414),
        (ask(fields=[("X-One", "x" * 8200)]), 400, 431),
        (ask(fields=[("X-One", "1")] * 130), 400, 431),
    ],
)
def test_what_is_no_request(request_: bytes, theirs: int, ours: int) -> None:
    def read(web: Any, seen: list[Any]) -> Any:
        async def read_all(request: Any) -> Any:
            await request.read()
            return web.Response()

        app = web.Application()
        app.router.add_route("*", "/", read_all)
        return app

    outcomes = differ(read, request_)
    assert (outcomes.theirs.status, outcomes.ours.status) == (theirs, ours)


def test_how_long_the_connections_of_a_runner_may_be_idle() -> None:
    theirs = inspect.signature(RequestHandler).parameters["keepalive_timeout"].default
    assert (theirs, Limits().keepalive_timeout) == (3630, 75)


@pytest.mark.parametrize(
    ("cancels", "theirs", "ours"),
    [(False, (b"", "ended"), (b"HTTP/1.1 200", "ended")), (True, (b"", "cancelled"), (b"", "cancelled"))],
)
def test_a_client_that_closes_its_half(cancels: bool, theirs: Any, ours: Any) -> None:
    async def leave(web: Any) -> tuple[bytes, str]:
        left: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        end: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def work(request: Any) -> Any:
            try:
                await left
                await settle()
            except asyncio.CancelledError:
                end.set_result("cancelled")
                raise
            end.set_result("ended")
            return web.Response()

        app = web.Application()
        app.router.add_get("/", work)
        runner = web.AppRunner(app, handler_cancellation=cancels, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
        writer.write(ask())
        writer.write_eof()
        left.set_result(None)
        answer = await reader.read()
        writer.close()
        how = await end
        await runner.cleanup()
        return answer[:12], how

    assert asyncio.run(leave(aiohttp.web)) == theirs
    assert asyncio.run(leave(sketch_web)) == ours


class Meeting:
    """What a handler and its client tell each other."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.seen: asyncio.Future[Any] = asyncio.get_running_loop().create_future()


@pytest.mark.parametrize(("web", "is_gone"), [(aiohttp.web, True), (sketch_web, False)])
def test_what_a_handler_sees_of_a_client_that_closes_its_half(web: Any, is_gone: bool) -> None:
    async def look(request: Any, meeting: Meeting) -> Any:
        meeting.begun.set()
        for _ in range(1000):
            await asyncio.sleep(0)
        meeting.seen.set_result(request.protocol.transport is None)
        return web.Response()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, meeting: Meeting) -> Any:
        writer.write(ask())
        await meeting.begun.wait()
        writer.write_eof()
        return await meeting.seen

    assert asyncio.run(_meet(web, look, converse)) is is_gone


@pytest.mark.parametrize(("web", "piece"), [(aiohttp.web, b"ab"), (sketch_web, b"abcd")])
def test_reading_as_much_as_is_declared(web: Any, piece: bytes) -> None:
    async def read(request: Any, meeting: Meeting) -> Any:
        reading = asyncio.create_task(request.content.read(4))
        await settle()
        meeting.begun.set()
        meeting.seen.set_result(await reading)
        return web.Response()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, meeting: Meeting) -> Any:
        writer.write(ask("POST", fields=[("Content-Length", "4")]) + b"ab")
        await meeting.begun.wait()
        writer.write(b"cd")
        return await meeting.seen

    assert asyncio.run(_meet(web, read, converse)) == piece


@pytest.mark.parametrize(("web", "version"), [(aiohttp.web, b"HTTP/1.0"), (sketch_web, b"HTTP/1.1")])
def test_the_version_of_an_answer_to_an_old_client(web: Any, version: bytes) -> None:
    async def answer(request: Any, meeting: Meeting) -> Any:
        return web.Response()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, meeting: Meeting) -> Any:
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        return await reader.readline()

    assert asyncio.run(_meet(web, answer, converse)) == version + b" 200 OK\r\n"


@pytest.mark.parametrize(("web", "end"), [(aiohttp.web, "cancelled"), (sketch_web, "tidied up")])
def test_what_a_handler_may_do_after_the_end_of_a_websocket(web: Any, end: str) -> None:
    async def handle(request: Any, meeting: Meeting) -> Any:
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        assert [message async for message in websocket] == []
        try:
            for _ in range(1000):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            meeting.seen.set_result("cancelled")
            raise
        meeting.seen.set_result("tidied up")
        return websocket

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, meeting: Meeting) -> Any:
        fields = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13")]
        writer.write(ask(fields=[*fields, ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x88\x82\x00\x00\x00\x00\x03\xe8")  # A close frame with the code 1000.
        assert await reader.read() == b"\x88\x02\x03\xe8"
        return await meeting.seen

    assert asyncio.run(_meet(web, handle, converse, handler_cancellation=True)) == end


async def _meet(web: Any, handler: Any, converse: Any, **options: Any) -> Any:
    """What a conversation with one handler comes to."""
    meeting = Meeting()

    async def handle(request: Any) -> Any:
        return await handler(request, meeting)

    app = web.Application()
    app.router.add_route("*", "/", handle)
    runner = web.AppRunner(app, access_log=None, **options)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
    try:
        return await converse(reader, writer, meeting)
    finally:
        writer.close()
        await runner.cleanup()


def test_an_absolute_target_without_a_path() -> None:
    theirs, ours = differ(targets, ask("GET", "http://other.example?x=1"))
    assert (theirs.status, ours.status) == (404, 200)
    assert ours.seen == ["other.example", "http", "http://other.example/?x=1"]


def test_other_than_ascii_before_a_parameter() -> None:
    theirs, ours = differ(targets, ask("GET", "/%C3%BCn%C3%AF/x"))
    assert (theirs.status, ours.status) == (404, 200)


def test_a_reason_that_is_no_line() -> None:
    theirs, ours = differ(targets, ask("GET", "/refuse?name=a%0D%0Ab"))
    assert theirs.status == 500
    assert (ours.status, ours.reason, ours.body) == (404, "Not Found", rb"404: No a\r\nb")


def partitioned(web: Any, seen: list[Any]) -> Any:
    async def show(request: Any) -> Any:
        response = web.Response()
        response.set_cookie("one", "1", secure=True, partitioned=True)
        return response

    app = web.Application()
    app.router.add_get("/", show)
    return app


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="the standard library knows the attribute")
def test_partitioned_cookies() -> None:
    theirs, ours = differ(partitioned, ask())
    assert theirs.status == 500
    assert ours.field("Set-Cookie") == "one=1; Path=/; Secure; Partitioned"


def hooks(web: Any, seen: list[Any]) -> Any:
    async def stream(request: Any) -> Any:
        response = web.StreamResponse()
        await response.prepare(request)
        return response

    async def show(request: Any) -> Any:
        return web.Response(text="longer")

    async def fail(request: Any) -> Any:
        return web.Response()

    async def hook(request: Any, response: Any) -> None:
        seen.append(sorted(response.headers.keys() - {"Date", "Server"}))
        if request.path == "/fail":
            raise ValueError("hook")
        if request.path == "/show":
            response.body = b"short"

    app = web.Application()
    app.on_response_prepare.append(hook)
    for handler in (stream, show, fail):
        app.router.add_get(f"/{handler.__name__}", handler)
    return app


def test_the_framing_of_streams_is_not_among_the_fields() -> None:
    theirs, ours = differ(hooks, ask("GET", "/stream"))
    assert theirs.seen == ["['Content-Type', 'Transfer-Encoding']"]
    assert ours.seen == ["['Content-Type']"]
    assert ours.fields == theirs.fields


def test_a_body_that_a_hook_replaces() -> None:
    theirs, ours = differ(hooks, ask("GET", "/show"), patience=0.5)
    assert theirs.seen == ours.seen == ["['Content-Length', 'Content-Type']"]
    assert (theirs.field("Content-Length"), theirs.is_complete) == ("6", False)
    assert (ours.field("Content-Length"), ours.body, ours.is_complete) == ("5", b"short", True)


def test_a_hook_that_fails() -> None:
    theirs, ours = differ(hooks, ask("GET", "/fail"))
    assert theirs.status is None
    assert (ours.status, ours.is_complete) == (500, True)


def test_a_body_that_is_text_has_bytes_and_a_length() -> None:
    (outcomes,) = compare(text_as_body, ask())
    assert outcomes.theirs.seen == ["StringPayload", "None"]
    assert outcomes.ours.seen == ["bytes", "3"]


def text_as_body(web: Any, seen: list[Any]) -> Any:
    async def show(request: Any) -> Any:
        response = web.Response(body="hé")
        seen.extend([type(response.body).__name__, response.content_length])
        return response

    app = web.Application()
    app.router.add_get("/", show)
    return app


def test_an_invitation_waits_for_the_handler_to_read() -> None:
    fields = [("Expect", "100-continue"), ("Content-Length", "3")]
    left, read = compare(bodies, ask("POST", "/leave_it", fields), ask("POST", "/read_all", fields) + b"abc")
    assert (left.theirs.interim, left.ours.interim) == (1, 0)
    assert read.theirs.seen == read.ours.seen


def late_readers(web: Any, seen: list[Any]) -> Any:
    kept: list[Any] = []

    async def keep(request: Any) -> Any:
        kept.append(request)
        return web.Response()

    async def read_kept(request: Any) -> Any:
        try:
            seen.append(await kept[-1].content.read())
        except web.PayloadAccessError:
            seen.append("too late")
        return web.Response()

    app = web.Application()
    for handler in (keep, read_kept):
        app.router.add_route("*", f"/{handler.__name__}", handler)
    return app


def test_a_body_that_is_read_after_the_answer() -> None:
    chunked = [("Transfer-Encoding", "chunked")]
    _, whole = compare(late_readers, ask("POST", "/keep", [], b"abc"), ask("GET", "/read_kept"))
    assert (whole.theirs.seen, whole.ours.seen) == (["too late"], ["b'abc'"])
    _, part = compare(late_readers, ask("POST", "/keep", chunked) + b"3\r\nab", ask("GET", "/read_kept"))
    assert part.ours.seen == ["too late"]
