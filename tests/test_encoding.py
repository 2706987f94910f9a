"""Responses that are compressed: in which coding, with which fields, piece by piece or whole."""

import asyncio
import enum
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiohttp.web
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch import web
from sketch.http import codecs
from sketch.http.memory import MemoryExchange
from sketch.request import BaseRequest
from tests.asking import ask, ask_handler, fields_of, play, status_of
from tests.codings import DECODE, decode, decode_so_far

BROWSER = "gzip, deflate, br, zstd"
TEXT = "The quick brown fox jumps over the lazy dog. " * 40


def field(exchange: MemoryExchange, name: str) -> str | None:
    """The values of a field; ``None`` for none."""
    values = [value for own, value in fields_of(exchange) if own.lower() == name.lower()]
    return ", ".join(values) if values else None


def content_of(exchange: MemoryExchange) -> bytes:
    """The body, decoded by what the head says of it."""
    return decode(field(exchange, "Content-Encoding"), exchange.response_body)


def get(
    handler: Callable[[Any], Any], accept_encoding: str | None = BROWSER, method: str = "GET"
) -> MemoryExchange:
    fields = {} if accept_encoding is None else {"Accept-Encoding": accept_encoding}
    return ask_handler(handler, method, "/", fields)


def answer(*args: Any, **options: Any) -> Callable[[Any], Any]:
    """A handler that answers with `TEXT`, compressed."""
    force, strategy = options.pop("force", None), options.pop("strategy", None)

    async def handler(request: web.Request) -> web.Response:
        response = web.Response(*args, **({"text": TEXT} | options))
        response.enable_compression(force, strategy)
        assert response.compression and response.content_coding is None
        return response

    return handler


def stream(*pieces: bytes, force: web.ContentCoding | None = None, **options: Any) -> Callable[[Any], Any]:
    """A handler that writes pieces, compressed."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(**options)
        response.enable_compression(force)
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        await response.write_eof()
        return response

    return handler


# -- which coding ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept_encoding", "coding"),
    [
        (None, None),
        ("", None),
        ("identity", None),
        ("compress", None),
        ("*;q=0", None),
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("gzip, deflate", "gzip"),
        (BROWSER, "zstd"),
        ("br;q=0.2, gzip;q=0.9", "gzip"),
        ("gzip;q=0.2, identity", None),
    ],
)
def test_a_client_gets_what_it_likes_best(accept_encoding: str | None, coding: str | None) -> None:
    for handler in (answer(), stream(TEXT[:100].encode(), TEXT[100:].encode())):
        exchange = get(handler, accept_encoding)
        assert field(exchange, "Content-Encoding") == coding
        assert field(exchange, "Vary") == "Accept-Encoding"
        assert content_of(exchange) == TEXT.encode()
        assert (coding is None) == (exchange.response_body == TEXT.encode())


def test_several_fields_are_one_list() -> None:
    fields = [("Accept-Encoding", "gzip;q=0.5"), ("Accept-Encoding", "deflate")]
    assert field(ask_handler(answer(), "GET", "/", fields), "Content-Encoding") == "deflate"


@pytest.mark.parametrize("force", [coding for coding in web.ContentCoding if coding.value != "identity"])
def test_a_coding_that_is_forced(force: web.ContentCoding) -> None:
    """It depends on nothing, so nothing is said of ``Vary``."""
    for handler in (answer(force=force), stream(TEXT.encode(), force=force)):
        for accepted in (None, "identity", "*;q=0"):
            exchange = get(handler, accepted)
            assert field(exchange, "Content-Encoding") == force.value
            assert field(exchange, "Vary") is None
            assert content_of(exchange) == TEXT.encode() != exchange.response_body


def test_identity_that_is_forced() -> None:
    exchange = get(answer(force=web.ContentCoding.identity))
    assert (field(exchange, "Content-Encoding"), field(exchange, "Vary")) == (None, None)
    assert exchange.response_body == TEXT.encode()


@pytest.mark.parametrize(("force", "coding"), [(True, "deflate"), (False, None)])
def test_a_bool_is_deprecated(force: bool, coding: str | None) -> None:
    async def handler(request: web.Request) -> web.Response:
        response = web.Response(text=TEXT)
        with pytest.warns(DeprecationWarning, match="ContentCoding") as caught:
            response.enable_compression(force)
        assert caught[0].filename == __file__
        return response

    assert field(get(handler), "Content-Encoding") == coding


def test_a_coding_that_is_none() -> None:
    for force in ("gzip", 1, object(), enum.Enum("Other", "snappy").snappy):  # type: ignore[attr-defined]
        with pytest.raises(TypeError, match="force must be a web.ContentCoding or None"):
            web.Response().enable_compression(force)  # type: ignore[arg-type]


def test_an_enumeration_of_somebody_else() -> None:
    """As of aiohttp, where both are used."""
    other: Any = aiohttp.web.ContentCoding
    assert field(get(answer(force=other.deflate)), "Content-Encoding") == "deflate"


def test_a_coding_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codecs, "AVAILABLE", ("gzip", "deflate"))
    assert field(get(answer()), "Content-Encoding") == "gzip"
    with pytest.raises(ValueError, match=r"'br' is not available here: install sketch-web\[compression\]"):
        web.Response().enable_compression(web.ContentCoding.br)


def test_a_strategy() -> None:
    sizes = []
    for strategy in (None, zlib.Z_HUFFMAN_ONLY):
        exchange = get(answer(strategy=strategy), "gzip")
        assert content_of(exchange) == TEXT.encode()
        sizes.append(len(exchange.response_body))
    assert sizes[1] > 2 * sizes[0]


def test_what_a_response_knows_of_it() -> None:
    async def steps(request: BaseRequest) -> None:
        response = web.Response(text=TEXT)
        assert not response.compression and response.content_coding is None
        response.enable_compression()
        assert response.compression and response.content_length == len(TEXT)
        await response.prepare(request)
        assert response.content_coding is web.ContentCoding.zstd
        assert response.content_length is not None and response.content_length < len(TEXT)
        assert response.text == TEXT
        await response.write_eof()

    play(steps, MemoryExchange("GET", "/", {"Accept-Encoding": BROWSER}))


# -- the fields ------------------------------------------------------------------------------------------


def test_the_length_is_that_of_what_is_sent() -> None:
    exchange = get(answer())
    assert field(exchange, "Content-Length") == str(len(exchange.response_body))
    exchange = get(answer(headers={"Content-Length": str(len(TEXT))}))
    assert field(exchange, "Content-Length") == str(len(exchange.response_body))
    exchange = get(stream(TEXT.encode(), headers={"Content-Length": str(len(TEXT))}))
    assert field(exchange, "Content-Length") is None
    assert field(exchange, "Transfer-Encoding") == "chunked"
    exchange = get(stream(TEXT.encode(), headers={"Content-Length": str(len(TEXT))}), None)
    assert field(exchange, "Content-Length") == str(len(TEXT))


@pytest.mark.parametrize(
    ("given", "accept_encoding", "sent"),
    [
        ('"x"', BROWSER, 'W/"x"'),
        ('W/"x"', BROWSER, 'W/"x"'),
        ('"x"', None, '"x"'),
    ],
)
def test_a_strong_validator_is_for_these_bytes_only(
    given: str, accept_encoding: str | None, sent: str
) -> None:
    """RFC 9110, section 8.8.3.3."""
    for handler in (answer(headers={"ETag": given}), stream(b"x", headers={"ETag": given})):
        assert field(get(handler, accept_encoding), "ETag") == sent


def test_there_are_no_ranges_of_what_is_made_anew() -> None:
    assert field(get(answer(headers={"Accept-Ranges": "bytes"})), "Accept-Ranges") is None
    assert field(get(answer(headers={"Accept-Ranges": "bytes"}), None), "Accept-Ranges") == "bytes"


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ([], "Accept-Encoding"),
        ([("Vary", "Cookie")], "Cookie, Accept-Encoding"),
        ([("Vary", "Cookie"), ("vary", "Origin")], "Cookie, Origin, Accept-Encoding"),
        ([("Vary", "Cookie, accept-encoding")], "Cookie, accept-encoding"),
        ([("Vary", "*")], "*"),
    ],
)
def test_what_it_depends_on(given: list[tuple[str, str]], sent: str) -> None:
    """Whatever came of it: a cache has to know for the next client."""
    for accepted in (BROWSER, None, "identity"):
        assert field(get(answer(headers=given), accepted), "Vary") == sent


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Encoding": "br"},
        {"Content-Encoding": "identity"},
        {"Content-Range": "bytes 0-1/2"},
        {"Cache-Control": "no-transform"},
        {"Cache-Control": "max-age=5, No-Transform"},
        {"Content-Digest": "sha-256=:x:"},
        {"Repr-Digest": "sha-256=:x:"},
        {"Digest": "sha-256=x"},
        {"Content-MD5": "x"},
    ],
)
def test_what_must_stay_as_it_is(headers: dict[str, str]) -> None:
    for handler in (answer(headers=headers), stream(TEXT.encode(), headers=headers)):
        exchange = get(handler)
        assert exchange.response_body == TEXT.encode()
        assert field(exchange, "Content-Encoding") == headers.get("Content-Encoding")
        assert field(exchange, "Vary") is None


def test_what_is_forced_all_the_same() -> None:
    """An origin may do what it forbids others; but nothing is encoded twice."""
    headers = {"Cache-Control": "no-transform"}
    assert field(get(answer(headers=headers, force=web.ContentCoding.gzip)), "Content-Encoding") == "gzip"
    exchange = get(answer(headers={"Content-Encoding": "br"}, force=web.ContentCoding.gzip))
    assert (field(exchange, "Content-Encoding"), exchange.response_body) == ("br", TEXT.encode())


@pytest.mark.parametrize("status", [204, 205, 206])
@pytest.mark.parametrize("force", [None, web.ContentCoding.gzip])
def test_a_status_that_has_no_whole_body(status: int, force: web.ContentCoding | None) -> None:
    async def handler(request: web.Request) -> web.Response:
        response = web.Response(status=status, body=b"abc" if status == 206 else None)
        response.enable_compression(force)
        return response

    exchange = get(handler)
    assert status_of(exchange) == status
    assert (field(exchange, "Content-Encoding"), field(exchange, "Vary")) == (None, None)
    assert exchange.response_body == (b"abc" if status == 206 else b"")


def test_what_was_not_modified_has_the_fields_of_what_was_sent() -> None:
    """RFC 9110, section 15.4.5."""

    async def handler(request: web.Request) -> web.Response:
        response = web.Response(status=304, headers={"ETag": '"x"'})
        response.enable_compression()
        return response

    exchange = get(handler)
    assert (field(exchange, "ETag"), field(exchange, "Vary")) == ('W/"x"', "Accept-Encoding")
    assert field(exchange, "Content-Encoding") is None
    assert field(get(handler, None), "ETag") == '"x"'


@pytest.mark.parametrize("force", [None, web.ContentCoding.gzip])
def test_nothing_is_not_compressed(force: web.ContentCoding | None) -> None:
    for options in ({"text": None}, {"text": None, "body": b""}, {"text": ""}):
        exchange = get(answer(force=force, **options))
        assert (field(exchange, "Content-Encoding"), exchange.response_body) == (None, b"")
        assert field(exchange, "Content-Length") == "0"


@pytest.mark.parametrize("accept_encoding", [BROWSER, "gzip", None])
def test_the_head_alone(accept_encoding: str | None) -> None:
    """RFC 9110, section 9.3.2: the fields that GET would get."""
    for handler in (answer(headers={"ETag": '"x"'}), stream(TEXT.encode(), b"", TEXT.encode())):
        head = get(handler, accept_encoding, "HEAD")
        assert fields_of(head) == fields_of(get(handler, accept_encoding))
        assert head.response_body == b""


def test_chunks_that_were_asked_for() -> None:
    async def handler(request: web.Request) -> web.Response:
        response = web.Response(text=TEXT)
        response.enable_chunked_encoding()
        response.enable_compression()
        response.set_trailer("X-Sum", "5")
        return response

    exchange = get(handler)
    assert field(exchange, "Content-Length") is None and exchange.trailers == [("X-Sum", "5")]
    assert content_of(exchange) == TEXT.encode()


def test_an_exception_that_is_compressed() -> None:
    async def handler(request: web.Request) -> web.Response:
        error = web.HTTPConflict(text=TEXT)
        error.enable_compression()
        raise error

    exchange = get(handler)
    assert (status_of(exchange), field(exchange, "Content-Encoding")) == (409, "zstd")
    assert content_of(exchange) == TEXT.encode()


# -- hooks -----------------------------------------------------------------------------------------------


def with_hook(hook: Callable[[Any], Any], handler: Callable[[Any], Any]) -> MemoryExchange:
    async def call(request: web.Request, response: web.StreamResponse) -> None:
        hook(response)

    app = web.Application()
    app.on_response_prepare.append(call)
    app.router.add_get("/", handler)
    return ask(app, fields={"Accept-Encoding": BROWSER})


def test_a_hook_sees_what_will_be_sent() -> None:
    seen = []
    for handler in (answer(), stream(TEXT.encode())):
        exchange = with_hook(lambda response: seen.append(dict(response.headers)), handler)
        assert content_of(exchange) == TEXT.encode()
    assert seen[0]["Content-Encoding"] == seen[1]["Content-Encoding"] == "zstd"
    assert int(seen[0]["Content-Length"]) < len(TEXT) and "Content-Length" not in seen[1]


def test_a_hook_that_replaces_the_body() -> None:
    def replace(response: Any) -> None:
        response.body = b"another " * 100

    exchange = with_hook(replace, answer())
    assert content_of(exchange) == b"another " * 100
    assert field(exchange, "Content-Length") == str(len(exchange.response_body))


def test_a_hook_that_wants_none_of_it() -> None:
    def undo(response: Any) -> None:
        del response.headers["Content-Encoding"]

    for handler in (answer(), stream(TEXT.encode())):
        exchange = with_hook(undo, handler)
        assert field(exchange, "Content-Encoding") is None
        assert exchange.response_body == TEXT.encode()


# -- streams ---------------------------------------------------------------------------------------------


@given(
    st.lists(st.binary(max_size=400).map(lambda unit: unit * 30), max_size=6),
    st.sampled_from(sorted(DECODE)),
    st.binary(max_size=20),
)
def test_what_was_written_can_be_read(pieces: list[bytes], coding: str, last: bytes) -> None:
    async def steps(request: BaseRequest) -> None:
        response = web.StreamResponse()
        response.enable_compression()
        await response.prepare(request)
        for number, piece in enumerate(pieces):
            await response.write((piece, bytearray(piece), memoryview(piece))[number % 3])
        await response.write_eof(last)

    exchange = play(steps, MemoryExchange("GET", "/", {"Accept-Encoding": coding}))
    assert content_of(exchange) == b"".join(pieces) + last


@pytest.mark.parametrize("coding", sorted(DECODE))
def test_every_write_can_be_read_at_once(coding: str) -> None:
    """An event that waits for the next one comes too late."""
    exchange = MemoryExchange("GET", "/", {"Accept-Encoding": coding})

    async def steps(request: BaseRequest) -> None:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        response.enable_compression()
        await response.prepare(request)
        for number, event in enumerate([b"data: hello\n\n"] * 10, 1):
            await response.write(event)
            assert decode_so_far(coding, exchange.response_body) == event * number
            await response.write(b"")
        await response.write_eof()

    play(steps, exchange)
    assert len(exchange.response_body) < 130 + 20


def test_misuse_of_a_stream() -> None:
    async def steps(request: BaseRequest) -> None:
        response = web.StreamResponse()
        response.enable_compression()
        await response.prepare(request)
        with pytest.raises(TypeError, match="byte-ish"):
            await response.write("text")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="byte-ish"):
            await response.write_eof(5)  # type: ignore[arg-type]
        await response.write_eof(b"abc")
        await response.write_eof(b"abc")
        with pytest.raises(RuntimeError, match="after write_eof"):
            await response.write(b"abc")

    exchange = play(steps, MemoryExchange("GET", "/", {"Accept-Encoding": "gzip"}))
    assert content_of(exchange) == b"abc"


def test_two_tasks_that_write() -> None:
    """Large pieces, which take a thread, and small ones, which do not: each is there whole, and in order."""
    pieces = [bytes([97 + number]) * (50000 if number % 2 else 10) for number in range(10)]

    async def steps(request: BaseRequest) -> None:
        response = web.StreamResponse()
        response.enable_compression()
        await response.prepare(request)
        await asyncio.gather(*[response.write(piece) for piece in pieces])
        writing = asyncio.ensure_future(response.write(pieces[1]))
        await asyncio.sleep(0)
        ending = asyncio.ensure_future(response.write_eof(b"end"))
        await asyncio.sleep(0)
        late = asyncio.ensure_future(response.write(b"late"))
        await asyncio.gather(writing, ending)
        with pytest.raises(RuntimeError, match="after write_eof"):
            await late

    for coding in sorted(DECODE):
        exchange = play(steps, MemoryExchange("GET", "/", {"Accept-Encoding": coding}))
        assert content_of(exchange) == b"".join([*pieces, pieces[1], b"end"])


def test_a_write_that_is_cancelled() -> None:
    """It counts as sent, wherever it was: what follows can be read."""

    async def steps(request: BaseRequest) -> None:
        response = web.StreamResponse()
        response.enable_compression()
        await response.prepare(request)
        await cancelled(response.write(b"a" * 50000))
        await response.write(b"b")
        await cancelled(response.write(b"c" * 50000))
        await cancelled(response.write_eof(b"d" * 50000))
        await response.write_eof()

    async def cancelled(writing: Any) -> None:
        task = asyncio.ensure_future(writing)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    exchange = play(steps, MemoryExchange("GET", "/", {"Accept-Encoding": "gzip"}))
    assert content_of(exchange) == b"a" * 50000 + b"b" + b"c" * 50000 + b"d" * 50000
    assert exchange.response_complete


def test_a_slow_client_is_waited_for() -> None:
    exchange = MemoryExchange("GET", "/", {"Accept-Encoding": "gzip"})

    async def steps(request: BaseRequest) -> None:
        response = web.StreamResponse()
        response.enable_compression()
        await response.prepare(request)
        exchange.pause_client()
        writing = asyncio.ensure_future(response.write(b"abc"))
        done, _ = await asyncio.wait([writing], timeout=0.01)
        assert not done
        exchange.resume_client()
        await writing
        await response.write_eof()

    play(steps, exchange)
    assert content_of(exchange) == b"abc"


# -- where the work is done ------------------------------------------------------------------------------


class Pool(ThreadPoolExecutor):
    """An executor that counts."""

    submitted = 0

    def submit(self, *args: Any, **options: Any) -> Any:
        self.submitted += 1
        return super().submit(*args, **options)


@pytest.mark.parametrize(("size", "is_in_pool"), [(len(TEXT), False), (len(TEXT) - 1, True)])
def test_the_executor_of_a_whole_body(size: int, is_in_pool: bool) -> None:
    with Pool(1) as pool:
        exchange = get(answer(zlib_executor=pool, zlib_executor_size=size))
        assert content_of(exchange) == TEXT.encode()
        assert bool(pool.submitted) is is_in_pool


def test_the_executor_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than 4096 bytes are not compressed in the event loop, whole or in pieces."""
    names = []

    class Backend:
        error = zlib.error
        decompressobj = zlib.decompressobj
        Z_SYNC_FLUSH = zlib.Z_SYNC_FLUSH
        Z_FINISH = zlib.Z_FINISH

        @staticmethod
        def compressobj(**options: Any) -> Any:
            deflate = zlib.compressobj(**options)

            class Object:
                flush = deflate.flush

                @staticmethod
                def compress(data: bytes) -> bytes:
                    names.append(threading.current_thread() is threading.main_thread())
                    return deflate.compress(data)

            return Object

    monkeypatch.setattr(codecs, "zlib", Backend)
    for body in (b"x" * 4096, b"x" * 4097):
        for handler in (answer(text=None, body=body), stream(body)):
            names.clear()
            assert content_of(get(handler, "gzip")) == body
            assert names[0] is (len(body) == 4096)


def test_an_executor_that_a_response_does_not_need() -> None:
    """The keywords do not keep a response from the short way that it would have taken."""
    response = web.Response(text="x", zlib_executor_size=None)  # type: ignore[arg-type]
    exchange = MemoryExchange()
    assert response.respond_plainly(exchange) and exchange.response_body == b"x"
