"""Request bodies with content codings, as handlers read them."""

import asyncio
import gzip
import json
import threading
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch import web
from sketch.application import Application
from sketch.decoding import LARGE_PIECE, PIECE
from sketch.http import decoders
from sketch.http.errors import Disconnected, RemoteProtocolError
from sketch.http.memory import MemoryExchange
from sketch.request import BaseRequest
from tests.asking import ask, ask_handler, fields_of, play, status_of, text_of
from tests.codings import ENCODE, deflate_bare, encode

TEXT = json.dumps({"text": "ü" * 5000, "more": list(range(500))}).encode()
LARGE = bytes(range(256)) * 2**13
"""2 MiB, which zstd makes a few hundred bytes of."""

READINGS: dict[str, Callable[[BaseRequest], Any]] = {
    "read": lambda request: request.read(),
    "text": lambda request: request.text(),
    "json": lambda request: request.json(),
    "content.read": lambda request: request.content.read(),
    "content.readany": lambda request: request.content.readany(),
}


def encoded(codings: str, body: bytes, **more: str) -> tuple[str, str, dict[str, str], bytes]:
    return "POST", "/", {"Content-Encoding": codings, **more}, body


def receiving(codings: str, length: int | None = None) -> MemoryExchange:
    """A request whose body is fed later."""
    fields = {"Content-Encoding": codings}
    if length is not None:
        fields["Content-Length"] = str(length)
    return MemoryExchange("POST", "/", fields, None)


async def echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


@pytest.mark.parametrize(
    "codings", [*sorted(ENCODE), "gzip, br", "X-GZIP", "identity, deflate", "zstd,br,gzip"]
)
def test_the_body_is_what_was_encoded(codings: str) -> None:
    body = encode(codings, TEXT)

    async def steps(request: BaseRequest) -> None:
        assert request.body_exists and request.can_read_body
        assert request.content_length == len(body)
        assert await request.read() == TEXT == await request.read()
        assert not request.can_read_body

    play(steps, MemoryExchange(*encoded(codings, body)))


@pytest.mark.parametrize("way", READINGS)
def test_the_ways_to_read_it(way: str) -> None:
    expected: Any = {"text": TEXT.decode(), "json": json.loads(TEXT)}.get(way, TEXT)

    async def steps(request: BaseRequest) -> None:
        assert await READINGS[way](request) == expected

    play(steps, MemoryExchange(*encoded("gzip", gzip.compress(TEXT))))


@given(
    st.lists(st.binary(max_size=3000).map(lambda unit: unit * 50), max_size=4),
    st.sampled_from([*sorted(ENCODE), "br, gzip"]),
    st.lists(st.integers(0, 2**32), max_size=6),
)
def test_a_body_that_comes_in_pieces(parts: list[bytes], codings: str, cuts: list[int]) -> None:
    content = b"".join(parts)
    body = encode(codings, content)
    places = sorted({0, *(cut % (len(body) + 1) for cut in cuts), len(body)})
    exchange = receiving(codings)

    async def steps(request: BaseRequest) -> None:
        reading = asyncio.ensure_future(request.content.read())
        for start, end in zip(places, places[1:], strict=False):
            exchange.feed(body[start:end])
            await asyncio.sleep(0)
        exchange.feed_eof()
        assert await reading == content
        assert request.content.at_eof() and request.content.total_bytes == len(content)

    play(steps, exchange)


def test_lines_of_it() -> None:
    lines = [b"line %d\n" % number for number in range(20000)]

    async def steps(request: BaseRequest) -> None:
        assert [line async for line in request.content] == lines

    play(steps, MemoryExchange(*encoded("gzip", gzip.compress(b"".join(lines)))))


def test_deflate_in_both_of_its_forms() -> None:
    assert ask_handler(echo, *encoded("deflate", deflate_bare(TEXT))).response_body == TEXT
    assert ask_handler(echo, *encoded("deflate", ENCODE["deflate"](TEXT))).response_body == TEXT


def test_nothing_in_a_coding() -> None:
    """A body of no bytes needs no coding, whatever its field says."""
    assert status_of(ask_handler(echo, *encoded("gzip", b""))) == 200
    assert status_of(ask_handler(echo, *encoded("no-such", b""))) == 200
    exchange = receiving("gzip")
    exchange.feed_eof()

    async def steps(request: BaseRequest) -> None:
        assert await request.read() == b""

    play(steps, exchange)


def test_the_end_is_known_with_the_last_piece() -> None:
    async def steps(request: BaseRequest) -> None:
        content = request.content
        assert not content.at_eof() and not content.is_eof()
        assert await content.readany() == TEXT
        assert content.at_eof() and content.is_eof()
        assert await content.readany() == b"" == content.read_nowait()

    play(steps, MemoryExchange(*encoded("br", ENCODE["br"](TEXT))))


def test_what_is_there_without_waiting() -> None:
    async def steps(request: BaseRequest) -> None:
        assert request.content.read_nowait(4) == TEXT[:4]
        assert request.content.read_nowait() == TEXT[4:]

    play(steps, MemoryExchange(*encoded("gzip", gzip.compress(TEXT))))


# -- where the work is done ------------------------------------------------------------------------------


class Watched:
    """A decoder that notes where it works, and can be made to wait there."""

    def __init__(self, codings: tuple[str, ...]) -> None:
        self._decoder = _make_decoder(codings)
        self.pieces: list[tuple[bool, int]] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.is_waiting = threading.Event()

    @property
    def needs_input(self) -> bool:
        return self._decoder.needs_input

    def decode(self, data: bytes, max_length: int) -> bytes:
        is_in_loop = threading.current_thread() is threading.main_thread()
        piece = self._decoder.decode(data, max_length)
        if not is_in_loop:
            self.is_waiting.set()
            assert self.may_go_on.wait(20)
        self.pieces.append((is_in_loop, len(piece)))
        return piece

    def finish(self) -> None:
        self._decoder.finish()


_make_decoder = decoders.make_decoder


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[Watched]:
    made: list[Watched] = []

    def make(codings: tuple[str, ...]) -> Watched:
        made.append(Watched(codings))
        return made[-1]

    monkeypatch.setattr(decoders, "make_decoder", make)
    return made


def test_a_small_body_is_decoded_at_once(watched: list[Watched]) -> None:
    assert ask_handler(echo, *encoded("gzip", gzip.compress(TEXT))).response_body == TEXT
    assert watched[0].pieces == [(True, len(TEXT))]


def test_a_large_body_is_decoded_in_a_thread(watched: list[Watched]) -> None:
    """The event loop does the first piece at most, before it is let go."""

    async def steps(request: BaseRequest) -> None:
        assert b"".join([piece async for piece in request.content.iter_any()]) == LARGE

    play(steps, MemoryExchange(*encoded("zstd", ENCODE["zstd"](LARGE))))
    (decoder,) = watched
    for (was_in_loop, size), (is_in_loop, _) in zip(decoder.pieces, decoder.pieces[1:], strict=False):
        assert size <= (PIECE if was_in_loop else LARGE_PIECE)
        assert not (was_in_loop and is_in_loop)
    assert sum(size for is_in_loop, size in decoder.pieces if not is_in_loop) > len(LARGE) // 2


def test_a_read_that_is_cancelled_while_a_thread_works(watched: list[Watched]) -> None:
    async def steps(request: BaseRequest) -> None:
        content = request.content
        taken = await content.read(10)
        (decoder,) = watched
        decoder.may_go_on.clear()
        reading = asyncio.ensure_future(content.readexactly(len(LARGE) - 10))
        await asyncio.to_thread(decoder.is_waiting.wait)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        again = asyncio.ensure_future(content.read())
        await asyncio.sleep(0)
        decoder.may_go_on.set()
        assert taken + await again == LARGE

    play(steps, MemoryExchange(*encoded("zstd", ENCODE["zstd"](LARGE))))


def test_a_thread_whose_work_nobody_wants(watched: list[Watched]) -> None:
    """The handler has given up: nothing is logged, and nothing waits."""
    body = gzip.compress(LARGE)

    async def steps(request: BaseRequest) -> None:
        content = request.content
        await content.read(10)
        (decoder,) = watched
        decoder.may_go_on.clear()
        reading = asyncio.ensure_future(content.read())
        await asyncio.to_thread(decoder.is_waiting.wait)
        reading.cancel()
        decoder.may_go_on.set()

    play(steps, MemoryExchange(*encoded("gzip", body[:-100])))


def test_a_read_that_is_cancelled_while_it_waits() -> None:
    body = gzip.compress(TEXT)
    exchange = receiving("gzip", len(body))

    async def steps(request: BaseRequest) -> None:
        exchange.feed(body[:100])
        reading = asyncio.ensure_future(request.read())
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        exchange.feed(body[100:])
        assert await request.read() == TEXT

    play(steps, exchange)


# -- too much --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("coding", sorted(ENCODE))
def test_the_limit_is_on_what_comes_out(coding: str) -> None:
    app = Application(client_max_size=len(LARGE))
    app.router.add_post("/", echo)
    assert status_of(ask(app, *encoded(coding, ENCODE[coding](LARGE)))) == 200
    exchange = ask(app, *encoded(coding, ENCODE[coding](LARGE + b"x")))
    assert status_of(exchange) == 413
    assert text_of(exchange).startswith(f"Maximum request body size {len(LARGE)} exceeded")


def test_a_limit_between_the_two_sizes() -> None:
    """What is larger in its coding than without may come, if it is small enough without."""
    content = bytes(range(256))
    body = gzip.compress(content)
    assert len(body) > len(content)
    app = Application(client_max_size=len(content))
    app.router.add_post("/", echo)
    assert ask(app, *encoded("gzip", body)).response_body == content


def test_a_bomb_is_not_held() -> None:
    bomb = ENCODE["gzip"](bytes(256 * 2**20))
    app = Application()
    app.router.add_post("/", echo)
    ask(app, *encoded("gzip", gzip.compress(TEXT)))
    tracemalloc.start()
    try:
        assert status_of(ask(app, *encoded("gzip", bomb))) == 413
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()


def test_a_bomb_that_nobody_reads_is_not_decoded(watched: list[Watched]) -> None:
    async def refuse(request: web.Request) -> web.Response:
        raise web.HTTPForbidden

    assert status_of(ask_handler(refuse, *encoded("gzip", gzip.compress(LARGE)))) == 403
    assert watched == []


# -- what cannot be decoded ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "codings", ["snappy", "compress", "gzip, snappy", "gz\xeep", "gzip,gzip,gzip,gzip", "*"]
)
def test_a_coding_that_is_not_known(codings: str) -> None:
    """RFC 9110, section 8.4; what would be accepted is in the answer (section 12.5.3)."""
    exchange = ask_handler(echo, *encoded(codings, b"abc"))
    assert status_of(exchange) == 415
    assert ("Accept-Encoding", "zstd, br, gzip, deflate") in fields_of(exchange)
    assert text_of(exchange).splitlines()[1] == (
        "The content codings of a body can be: zstd, br, gzip, deflate"
    )
    assert exchange.keep_alive


@pytest.mark.parametrize("way", [name for name in READINGS if name.startswith("content")])
def test_a_stream_in_a_coding_that_is_not_known(way: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.can_read_body
        with pytest.raises(web.HTTPUnsupportedMediaType):
            await READINGS[way](request)
        await READINGS[way](request)
        raise AssertionError("it was read")

    assert status_of(ask_handler(handler, *encoded("snappy", b"abc"))) == 415


def test_a_handler_that_does_not_read_takes_any_coding() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.body_exists} {request.headers['Content-Encoding']}")

    assert text_of(ask_handler(handler, *encoded("snappy", b"abc"))) == "True snappy"


def test_a_client_is_not_invited_to_send_what_is_not_known() -> None:
    exchange = ask_handler(echo, *encoded("snappy", b"abc", Expect="100-continue"))
    assert (status_of(exchange), exchange.informed) == (415, [])


@pytest.mark.parametrize("coding", sorted(ENCODE))
@pytest.mark.parametrize(
    "spoil", [lambda body: body[:-4], lambda body: body + b"more", lambda body: b"\x08no"]
)
def test_what_is_not_in_its_coding(coding: str, spoil: Callable[[bytes], bytes]) -> None:
    body = spoil(ENCODE[coding](TEXT))
    exchange = ask_handler(echo, *encoded(coding, body))
    assert status_of(exchange) == 400 and coding in text_of(exchange)

    async def stream(request: web.Request) -> web.Response:
        content = request.content
        with pytest.raises(web.RequestPayloadError, match=coding) as caught:
            while await content.readany():
                pass
        assert content.exception() is caught.value and not content.at_eof()
        await content.read()
        raise AssertionError("it was read")

    assert status_of(ask_handler(stream, *encoded(coding, body))) == 400


def test_what_comes_before_the_fault_can_be_read() -> None:
    body = gzip.compress(TEXT)[:-4]

    async def steps(request: BaseRequest) -> None:
        assert await request.content.readany() == TEXT
        assert request.can_read_body
        with pytest.raises(RemoteProtocolError, match="ends before its content coding gzip"):
            await request.content.readany()

    play(steps, MemoryExchange(*encoded("gzip", body)))


def test_a_fault_that_a_thread_finds() -> None:
    body = bytearray(gzip.compress(LARGE))
    body[-6] ^= 1
    exchange = ask_handler(echo, *encoded("gzip", bytes(body)))
    assert status_of(exchange) == 413
    app = Application(client_max_size=2**22)
    app.router.add_post("/", echo)
    assert status_of(ask(app, *encoded("gzip", bytes(body)))) == 400


def test_a_body_that_breaks_off_in_its_framing() -> None:
    """The error of the framing goes before that of the coding."""
    body = gzip.compress(TEXT)
    exchange = receiving("gzip")
    exchange.feed(body[:-10])
    exchange.break_body("too slow", status=408)

    async def slow(request: BaseRequest) -> None:
        with pytest.raises(web.HTTPRequestTimeout):
            await request.read()

    play(slow, exchange)
    exchange = receiving("gzip")
    exchange.feed(body[:-10])
    exchange.disconnect()

    async def gone(request: BaseRequest) -> None:
        with pytest.raises(Disconnected):
            await request.read()

    play(gone, exchange)


# -- bytes as they were sent -----------------------------------------------------------------------------


def test_a_server_that_decodes_nothing() -> None:
    app = Application(client_max_size=1000)
    app.router.add_post("/", echo)
    exchange = ask(app, *encoded("snappy", b"as sent"), auto_decompress=False)
    assert exchange.response_body == b"as sent"
    assert status_of(ask(app, *encoded("snappy", b"x" * 1001), auto_decompress=False)) == 413


def test_a_request_that_is_not_decoded() -> None:
    """A handler, or a middleware, that knows more codings."""

    @web.middleware
    async def unpack(request: web.Request, handler: Any) -> Any:
        if "snappy" in request.headers["Content-Encoding"]:
            request.auto_decompress = False
        return await handler(request)

    app = Application(middlewares=[unpack])
    app.router.add_post("/", echo)
    assert ask(app, *encoded("snappy", b"as sent")).response_body == b"as sent"
    assert ask(app, *encoded("gzip", gzip.compress(b"abc"))).response_body == b"abc"


@pytest.mark.parametrize(("decompress", "body"), [(True, b"abc"), (False, gzip.compress(b"abc", mtime=0))])
def test_the_keyword_of_servers(decompress: bool, body: bytes) -> None:
    async def main() -> None:
        app = web.Application()
        app.router.add_post("/", echo)
        server = web.Server(echo, auto_decompress=decompress)
        for runner in (
            web.AppRunner(app, auto_decompress=decompress, access_log=None),
            web.ServerRunner(server),
        ):
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
            sent = gzip.compress(b"abc", mtime=0)
            writer.write(
                b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Encoding: gzip\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (len(sent), sent)
            )
            assert (await reader.read()).partition(b"\r\n\r\n")[2] == body
            writer.close()
            await runner.cleanup()

    asyncio.run(main())


# -- what else looks at a body ---------------------------------------------------------------------------


def test_a_clone_reads_the_same_body() -> None:
    async def steps(request: BaseRequest) -> None:
        assert await request.clone(method="PUT").read() == TEXT

    play(steps, MemoryExchange(*encoded("br", ENCODE["br"](TEXT))))


def test_a_body_is_let_go() -> None:
    async def steps(request: BaseRequest) -> None:
        await request.release()
        assert not request.can_read_body

    play(steps, MemoryExchange(*encoded("gzip", gzip.compress(LARGE))))
