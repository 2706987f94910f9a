"""Values as response bodies: how they leave, and that nothing of them stays behind, whatever happens."""

import asyncio
import io
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest
from multidict import CIMultiDict

from sketch import web
from sketch.http.heads import HttpVersion10
from sketch.http.memory import MemoryExchange, answer
from sketch.payload import (
    AsyncIterablePayload,
    BufferedReaderPayload,
    BytesPayload,
    Payload,
    StringPayload,
    payload_type,
)
from sketch.payloadbase import Writer

from .asking import ask_handler, fields_of, run_with, status_of
from .conformance.driver import settle, until
from .loops import LOOPS, NewLoop
from .loops import run as run_on_loop
from .net.stage import get, read_answer, run, serving

CONTENT = bytes(range(256)) * 4


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "content.bin"
    path.write_bytes(CONTENT)
    return path


class Source:
    """A generator that notes how far it came and that it was closed."""

    def __init__(self, *pieces: Any, error: BaseException | None = None) -> None:
        self.pieces = pieces
        self.error = error
        self.yielded = 0
        self.is_closed = False
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def generate(self) -> AsyncIterator[Any]:
        try:
            for piece in self.pieces:
                await self.goes_on.wait()
                self.yielded += 1
                yield piece
            if self.error is not None:
                raise self.error
        finally:
            # Closing may take a turn of the loop, as leaving a database session does.
            await asyncio.sleep(0)
            self.is_closed = True


def returning(make: Callable[[], Any], **options: Any) -> Callable[[web.Request], Any]:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=make(), **options)

    return handler


def leave_in_the_middle(make: Callable[[], Any]) -> None:
    """Ask for this body, and leave when something of it is there."""
    app = web.Application()
    app.router.add_get("/", returning(make))
    exchange = MemoryExchange()
    exchange.pause_client()

    async def leave() -> None:
        await until(lambda: bool(exchange.response_body))
        exchange.disconnect()

    run_with(app.make_exchange_handler(), exchange, leave)


def field(exchange: MemoryExchange, name: str) -> str | None:
    return dict(fields_of(exchange)).get(name)


# -- how they leave --------------------------------------------------------------------------------------


def test_a_small_file_leaves_in_one_write(path: Path) -> None:
    async def main() -> None:
        app = web.Application()
        app.router.add_get("/", returning(lambda: path.open("rb")))
        async with serving(app.make_exchange_handler()) as stage:
            line = await stage.connect(get("/"))
            await until(lambda: bool(line.transport.received))
            # Head and body are there at the same time.
            received, rest = read_answer(line.transport.received)
            assert (received.body, received.is_complete, rest) == (CONTENT, True, b"")
            assert received.get_all("Content-Length") == [str(len(CONTENT))]

    run(main)


def test_what_was_set_is_what_is_there() -> None:
    payload, text, file = BytesPayload(b"abc"), StringPayload("hé"), io.BytesIO(b"x")
    response = web.Response(body=payload)
    assert response.body is payload
    assert (response.content_length, response.text) == (3, "abc")
    response.body = text
    assert (response.body, response.content_length, response.text) == (text, 3, "hé")
    response.body = file
    assert isinstance(response.body, Payload)
    response.body = b"abcd"
    assert (response.body, response.content_length) == (b"abcd", 4)
    response.body = payload
    response.text = "e"
    assert (response.body, response.text) == (b"e", "e")
    response.body = payload
    response.body = None
    assert (response.body, response.text, response.content_length) == (None, None, 0)


def test_the_tutorials_form_leaves_a_payload_its_type() -> None:
    assert web.Response(StringPayload("x", content_type="text/x")).content_type == "text/x"
    assert web.Response(io.BytesIO(b"x")).content_type == "application/octet-stream"
    assert web.Response(io.BytesIO(b"x"), content_type="a/b").content_type == "a/b"


def test_what_is_unknown_is_unknown() -> None:
    source = Source(b"x")
    response = web.Response(body=source.generate())
    assert response.content_length is None
    with pytest.raises(TypeError, match="as_bytes"):
        _ = response.text
    with pytest.raises(TypeError, match="appended.*AsyncIterablePayload"):
        response.add_body(b"x")
    assert str(response) == "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n"
    assert "Content-Length: 3\r\n" in str(web.Response(body=BytesPayload(b"abc")))


def test_fields_of_the_response_go_before_those_of_the_payload() -> None:
    payload = BytesPayload(b"x", headers={"X-One": "payload", "X-Two": "payload"}, content_type="a/b")
    exchange = ask_handler(returning(lambda: payload, headers={"x-one": "response"}, content_type="c/d"))
    fields = CIMultiDict(fields_of(exchange))
    assert fields.getall("X-One") == ["response"]
    assert (fields["X-Two"], fields["Content-Type"]) == ("payload", "c/d")


def test_trailers_after_a_generator() -> None:
    async def handler(request: web.Request) -> web.Response:
        response = web.Response(body=Source(b"abc").generate())
        response.set_trailer("X-After", "1")
        return response

    exchange = ask_handler(handler)
    assert (exchange.response_body, exchange.trailers) == (b"abc", [("X-After", "1")])


def test_hooks_see_the_length_and_may_change_the_body(path: Path) -> None:
    lengths: list[str | None] = []
    files: list[IO[bytes]] = []

    async def handler(request: web.Request) -> web.Response:
        files.append(path.open("rb"))
        return web.Response(body=files[0])

    async def hook(request: web.Request, response: web.StreamResponse) -> None:
        assert isinstance(response, web.Response)
        lengths.append(response.headers.get("Content-Length"))
        if request.path == "/changed":
            response.body = io.BytesIO(b"changed")

    app = web.Application()
    app.router.add_get("/{name}", handler)
    app.on_response_prepare.append(hook)

    async def main() -> None:
        for name, body in (("same", CONTENT), ("changed", b"changed")):
            exchange = MemoryExchange("GET", f"/{name}")
            await answer(app.make_exchange_handler(), exchange)
            assert exchange.response_body == body
            assert field(exchange, "Content-Length") == str(len(body))
            files.pop().close()

    asyncio.run(main())
    assert lengths == [str(len(CONTENT))] * 2


def test_http_1_0_gets_a_stream_that_ends_with_the_connection() -> None:
    exchange = MemoryExchange("GET", "/", version=HttpVersion10)
    app = web.Application()
    app.router.add_get("/", returning(lambda: Source(b"ab", b"c").generate()))
    asyncio.run(answer(app.make_exchange_handler(), exchange))
    assert (exchange.response_body, exchange.keep_alive) == (b"abc", False)
    assert field(exchange, "Transfer-Encoding") is None


class Picture:
    """What a program has a payload class of its own for."""


def test_a_type_that_a_program_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="Unsupported body type .*Picture.*open file"):
        web.Response(body=Picture())

    @payload_type(Picture)
    class PicturePayload(BytesPayload):
        def __init__(self, value: Picture, *args: Any, **kwargs: Any) -> None:
            super().__init__(b"pixels", *args, content_type="image/x", **kwargs)

    exchange = ask_handler(returning(Picture))
    assert (exchange.response_body, field(exchange, "Content-Type")) == (b"pixels", "image/x")


class Duck:
    """What nobody would call a payload but for what it does."""

    def __init__(self, *pieces: Any, size: int | None = None) -> None:
        self.headers = CIMultiDict({"Content-Type": "text/duck"})
        self.size = size
        self.writers: list[Any] = []
        self.pieces = pieces

    async def write(self, writer: Any) -> None:
        self.writers.append(writer)
        for piece in self.pieces:
            await writer.write(piece)


def test_what_can_write_itself_is_a_payload() -> None:
    exchange = ask_handler(returning(lambda: Duck(b"qu", bytearray(b"a"), memoryview(b"ck"), size=5)))
    assert (exchange.response_body, field(exchange, "Content-Type")) == (b"quack", "text/duck")
    assert field(exchange, "Content-Length") == "5"


def test_the_writer_has_what_payloads_call() -> None:
    class Caller(Duck):
        async def write(self, writer: Any) -> None:
            seen.append((writer.length, writer.output_size, writer.buffer_size, writer.transport))
            writer.send_headers()
            seen.append(writer.output_size > 0)
            await writer.write(b"ab", drain=False)
            await writer.drain()
            await writer.write_eof(b"c")
            await writer.write_eof()

    seen: list[Any] = []
    exchange = ask_handler(returning(lambda: Caller(size=3)))
    assert (exchange.response_body, exchange.response_complete) == (b"abc", True)
    assert seen == [(3, 0, 0, None), True]


# -- sizes that are not those of what is written ------------------------------------------------------------


@pytest.mark.parametrize(
    ("pieces", "size", "status", "said"),
    [
        ([], 3, 500, "3 bytes was announced, and none was written"),
        ([b"ab"], 3, 200, "1 bytes fewer"),
        ([b"ab", b"cd"], 3, 200, "2 bytes were sent where 1 may follow"),
        ([b"abcd"], 3, 200, "4 bytes were sent where 3 may follow"),
        ([b"abc", b"d"], 3, 200, "1 bytes were written after the 3"),
        (["text"], None, 500, "'text' is of .*encode it"),
        ([b"a", 5], None, 200, "5 is of .*encode it"),
    ],
)
def test_what_does_not_fit_is_an_error(
    pieces: list[Any], size: int | None, status: int, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    exchange = ask_handler(returning(lambda: Duck(*pieces, size=size)))
    assert status_of(exchange) == status
    assert exchange.aborted is (status == 200)
    assert len(caplog.records) == 1
    assert caplog.records[0].exc_info is not None
    assert _matches(said, caplog.text)
    assert "returning.<locals>.handler" in caplog.text


def _matches(pattern: str, text: str) -> bool:
    first, _, second = pattern.partition(".*")
    return first in text and second in text


def test_a_length_that_the_program_declares_holds(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files: list[IO[bytes]] = []

    def make() -> IO[bytes]:
        files.append(path.open("rb"))
        return files[-1]

    for length in (len(CONTENT) - 1, len(CONTENT) + 1):
        exchange = ask_handler(returning(make, headers={"Content-Length": str(length)}))
        assert (status_of(exchange), exchange.aborted) == (200, True)
    exchange = ask_handler(returning(make, headers={"Content-Length": str(len(CONTENT))}))
    assert (exchange.response_body, exchange.aborted) == (CONTENT, False)
    assert [file.closed for file in files] == [True] * 3


class Changing(BufferedReaderPayload):
    """A file that changes when its length has been told."""

    def __init__(self, value: IO[bytes], change: Callable[[], object]) -> None:
        super().__init__(value)
        self.change = change

    async def write(self, writer: Writer) -> None:
        self.change()
        await super().write(writer)


def test_a_file_that_grows_is_sent_as_long_as_it_was_said_to_be(path: Path) -> None:
    def grow() -> None:
        with path.open("ab") as file:
            file.write(b"more")

    exchange = ask_handler(returning(lambda: Changing(path.open("rb"), grow)))
    assert (exchange.response_body, exchange.aborted) == (CONTENT, False)
    assert path.stat().st_size == len(CONTENT) + 4


def test_a_file_that_shrinks_cannot_be_completed(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    exchange = ask_handler(returning(lambda: Changing(path.open("rb"), lambda: os.truncate(path, 10))))
    assert (exchange.response_body, exchange.aborted) == (CONTENT[:10], True)
    assert f"{len(CONTENT) - 10} bytes fewer" in caplog.text


# -- nothing stays behind ------------------------------------------------------------------------------------


class Opened:
    """Makes bodies and tells whether all of them were closed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files: list[IO[bytes]] = []
        self.sources: list[Source] = []

    def file(self) -> IO[bytes]:
        self.files.append(self.path.open("rb"))
        return self.files[-1]

    def source(self) -> AsyncIterator[bytes]:
        self.sources.append(Source(b"ab", b"cd"))
        return self.sources[-1].generate()

    @property
    def are_closed(self) -> bool:
        # A generator that never began has nothing to close.
        sources = all(source.is_closed or not source.yielded for source in self.sources)
        return sources and all(file.closed for file in self.files)


@pytest.fixture
def opened(path: Path) -> Iterator[Opened]:
    opened = Opened(path)
    yield opened
    assert opened.are_closed
    assert opened.files or opened.sources


KINDS = pytest.mark.parametrize("kind", ["file", "source"])


@KINDS
@pytest.mark.parametrize("status", [200, 204, 205, 304])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_closed_when_sent_or_not_wanted(opened: Opened, kind: str, method: str, status: int) -> None:
    exchange = ask_handler(returning(getattr(opened, kind), status=status), method)
    is_sent = method == "GET" and status == 200
    assert bool(exchange.response_body) is is_sent
    assert (status_of(exchange), exchange.aborted) == (status, False)
    if opened.sources:
        assert opened.sources[0].yielded == (2 if is_sent else 0)


@KINDS
def test_closed_when_the_head_cannot_be_sent(
    opened: Opened, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(request: web.Request) -> web.Response:
        response = web.Response(body=getattr(opened, kind)())
        response.headers["X-One"] = "a\r\nb"
        return response

    assert status_of(ask_handler(handler)) == 500


@KINDS
def test_closed_when_a_hook_fails(opened: Opened, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    async def hook(request: web.Request, response: web.StreamResponse) -> None:
        raise ValueError("no")

    app = web.Application()
    app.router.add_get("/", returning(getattr(opened, kind)))
    app.on_response_prepare.append(hook)
    exchange = MemoryExchange()
    asyncio.run(answer(app.make_exchange_handler(), exchange))
    assert status_of(exchange) == 500


@KINDS
def test_closed_when_the_client_has_left_before(opened: Opened, kind: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        response = web.Response(body=getattr(opened, kind)())
        exchange.disconnect()
        return response

    app = web.Application()
    app.router.add_get("/", handler)
    exchange = MemoryExchange()
    asyncio.run(answer(app.make_exchange_handler(), exchange))


@KINDS
def test_closed_when_the_client_leaves_in_the_middle(
    opened: Opened, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    opened.path.write_bytes(CONTENT * 2**11)
    leave_in_the_middle(getattr(opened, kind))
    assert caplog.records == []


@KINDS
def test_closed_when_cancelled_while_the_client_is_slow(opened: Opened, kind: str) -> None:
    opened.path.write_bytes(CONTENT * 2**11)
    app = web.Application()
    app.router.add_get("/", returning(getattr(opened, kind)))

    async def main() -> None:
        exchange = MemoryExchange()
        exchange.pause_client()
        task = asyncio.ensure_future(answer(app.make_exchange_handler(), exchange))
        await until(lambda: bool(exchange.response_body))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert exchange.aborted

    asyncio.run(main())


def test_closed_when_cancelled_while_the_generator_waits() -> None:
    source = Source(b"ab", b"cd")

    async def main() -> None:
        app = web.Application()
        app.router.add_get("/", returning(source.generate))
        exchange = MemoryExchange()
        source.goes_on.clear()
        task = asyncio.ensure_future(answer(app.make_exchange_handler(), exchange))
        exchange.cancel_on_disconnect = True
        await settle()
        exchange.disconnect()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert (source.is_closed, source.yielded) == (True, 0)


@LOOPS
@KINDS
def test_closed_when_a_client_resets_the_connection(
    opened: Opened, kind: str, new_loop: NewLoop, caplog: pytest.LogCaptureFixture
) -> None:
    opened.path.write_bytes(CONTENT * 2**14)
    app = web.Application()

    async def handler(request: web.Request) -> web.Response:
        if kind == "file":
            return web.Response(body=opened.file())
        opened.sources.append(Source(*[CONTENT * 2**8] * 100))
        return web.Response(body=opened.sources[-1].generate())

    async def main() -> None:
        app.router.add_get("/", handler)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        for _ in range(3):
            reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
            writer.write(get("/"))
            await reader.readexactly(1000)
            writer.transport.abort()
            await until(lambda: opened.are_closed)
        await runner.cleanup()

    run_on_loop(new_loop, main)
    assert len(opened.files or opened.sources) == 3
    assert caplog.records == []


def test_an_error_in_the_middle_cuts_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    source = Source(b"ab", error=ValueError("the source has dried up"))
    exchange = ask_handler(returning(source.generate))
    assert (status_of(exchange), exchange.response_body, exchange.aborted) == (200, b"ab", True)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "the connection was cut" in record.getMessage()
    assert "the source has dried up" in caplog.text
    assert "returning.<locals>.handler" in caplog.text
    assert source.is_closed


def test_an_error_before_the_first_byte_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    source = Source(error=ValueError("the source is dry"))
    exchange = ask_handler(returning(source.generate))
    assert (status_of(exchange), exchange.aborted) == (500, False)
    assert "returning.<locals>.handler" in caplog.text
    assert source.is_closed


def test_an_error_while_a_generator_is_closed_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def generate() -> AsyncIterator[bytes]:
        try:
            yield b"ab"
            yield b"cd"
        finally:
            raise ValueError("cannot be closed")

    leave_in_the_middle(generate)
    assert "cannot be closed" in caplog.text


def test_a_closed_file_is_a_500(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def make() -> IO[bytes]:
        with path.open("rb") as file:
            return file

    assert status_of(ask_handler(returning(make))) == 500
    assert "closed file" in caplog.text


def test_a_body_for_two_requests(caplog: pytest.LogCaptureFixture) -> None:
    response = web.Response(body=BytesPayload(b"abc"))

    async def handler(request: web.Request) -> web.Response:
        return response

    assert ask_handler(handler).response_body == b"abc"
    assert status_of(ask_handler(handler)) == 500
    assert "another request" in caplog.text


def test_an_http_exception_with_a_payload() -> None:
    async def handler(request: web.Request) -> web.Response:
        error = web.HTTPNotFound()
        error.body = io.BytesIO(b"nothing here")
        raise error

    exchange = ask_handler(handler)
    assert (status_of(exchange), exchange.response_body) == (404, b"nothing here")


def test_a_payload_that_was_prepared_by_the_handler(opened: Opened) -> None:
    async def handler(request: web.Request) -> web.Response:
        response = web.Response(body=opened.file())
        await response.prepare(request)
        await response.write_eof()
        await response.write_eof()
        return response

    assert ask_handler(handler).response_body == CONTENT


def test_a_subclass_writes_in_its_own_way() -> None:
    """`write` is what is called, whatever else a class inherits."""

    class Doubled(BytesPayload):
        async def write(self, writer: Writer) -> None:
            await writer.write(bytes(self._value))
            await writer.write(bytes(self._value))

        @property
        def size(self) -> int:
            return 2 * len(bytes(self._value))

    assert ask_handler(returning(lambda: Doubled(b"ab"))).response_body == b"abab"


def test_a_generator_as_a_payload_with_a_type() -> None:
    source = Source(b"a,b\n", b"1,2\n")
    exchange = ask_handler(
        returning(lambda: AsyncIterablePayload(source.generate(), content_type="text/csv; header=present"))
    )
    assert exchange.response_body == b"a,b\n1,2\n"
    assert field(exchange, "Content-Type") == "text/csv; header=present"
    assert field(exchange, "Transfer-Encoding") == "chunked"
