"""Values as response bodies: every kind of payload, on both frameworks; and the differences that are meant,
each of which is a line under "Bodies" in docs/aiohttp.md."""

import asyncio
import gzip
import io
import os
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import aiohttp
import aiohttp.payload
import pytest

import sketch.multipartwriter
import sketch.payload
from tests.test_payload import Collector

from .harness import ask, assert_same, compare, differ

CONTENT = b"first\nsecond\r\n" + bytes(range(256))
LARGE = bytes(range(256)) * 2**12


@pytest.fixture(scope="module", autouse=True)
def folder() -> Iterator[None]:
    """The files that are sent, and their end: aiohttp leaves some of them open."""
    with TemporaryDirectory() as path:
        FILES.clear()
        FILES["folder"] = path
        for name in NAMES:
            Path(path, name).write_bytes(
                LARGE if "large" in name else CONTENT if "empty" not in name else b""
            )
        yield
        for file in OPENED:
            file.close()


NAMES = (
    "a.txt",
    "page.html",
    "nobody-knows.xyzzy",
    "archive.tar.gz",
    'naïve name; "x".bin',
    "large.bin",
    "empty.bin",
)
FILES: dict[str, str] = {}
OPENED: list[IO[Any]] = []


def opened(name: str, mode: str = "rb", **options: Any) -> IO[Any]:
    file: IO[Any] = open(Path(FILES["folder"], name), mode, **options)
    OPENED.append(file)
    return file


def payloads(web: Any) -> Any:
    """The module that the payload classes of a framework are in."""
    return aiohttp.payload if web is aiohttp.web else sketch.payload


def writers(web: Any) -> Any:
    return aiohttp if web is aiohttp.web else sketch.multipartwriter


def moved(file: IO[Any], position: int) -> IO[Any]:
    file.seek(position)
    return file


async def generate(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


class Iterable:
    """An asynchronous iterable that is no generator."""

    def __init__(self, *pieces: Any) -> None:
        self._pieces = list(pieces)

    def __aiter__(self) -> "Iterable":
        return self

    async def __anext__(self) -> Any:
        if not self._pieces:
            raise StopAsyncIteration
        return self._pieces.pop(0)


def streamed(web: Any, is_called: bool) -> Any:
    async def write(writer: Any, text: bytes = b"nothing") -> None:
        await writer.write(text)
        await writer.drain()

    module: Any = aiohttp if web is aiohttp.web else sketch.payload
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        made = module.streamer(write)
    return made(text=b"streamed") if is_called else made


def custom(web: Any) -> Any:
    """A payload of a program's own."""

    class Countdown(payloads(web).Payload):  # type: ignore[misc]
        _size = 3

        def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
            return "321"

        async def write(self, writer: Any) -> None:
            for digit in (b"3", b"2", b"1"):
                await writer.write(digit)

    return Countdown(None, headers={"X-One": "1"}, content_type="text/countdown")


def multipart(web: Any, subtype: str = "mixed") -> Any:
    return writers(web).MultipartWriter(subtype, boundary="BOUNDARY")


def with_parts(web: Any) -> Any:
    writer = multipart(web)
    writer.append("hé")
    writer.append(b"\x00\xff", {"X-Part": "2", "Content-Type": "a/b"})
    writer.append_json({"a": [1]})
    writer.append_form([("a", "1"), ("b", "ü &")])
    writer.append_form({"a": ["1", "2"]}, {"X-Form": "y"})
    writer.append(io.BytesIO(b"in memory"))
    writer.append(opened("a.txt"))
    return writer


def with_encoded_parts(web: Any) -> Any:
    writer = multipart(web, "related")
    text = b"a = b\n" * 3
    for coding in ("gzip", "deflate", "identity"):
        writer.append(text, {"Content-Encoding": coding})
    for encoding in ("base64", "quoted-printable", "binary"):
        writer.append(text, {"Content-Transfer-Encoding": encoding})
    writer.append(text, {"Content-Encoding": "gzip", "Content-Transfer-Encoding": "base64"})
    return writer


def with_a_nested_writer(web: Any) -> Any:
    inner = writers(web).MultipartWriter("alternative", boundary="in ner")
    inner.append("one")
    inner.append("two")
    outer = multipart(web)
    outer.append(inner)
    outer.append("three")
    return outer


def with_an_endless_part(web: Any) -> Any:
    writer = multipart(web)
    writer.append(generate(b"ab", b"cd"))
    return writer


def form(web: Any) -> Any:
    writer = multipart(web, "form-data")
    writer.append("without a name")
    part = writer.append("value")
    part.set_content_disposition("form-data", name="field")
    part = writer.append(opened("a.txt"))
    part.set_content_disposition("form-data", quote_fields=False, name='na"me', filename="fïle.txt")
    return writer


BODIES: dict[str, Any] = {
    "bytes": lambda web: b"abc",
    "bytearray": lambda web: bytearray(b"abc"),
    "memoryview": lambda web: memoryview(b"abc"),
    "text": lambda web: "hé",
    "BytesPayload": lambda web: payloads(web).BytesPayload(b"abc"),
    "BytesPayload with a type": lambda web: payloads(web).BytesPayload(b"abc", content_type="a/b"),
    "BytesPayload with fields": lambda web: payloads(web).BytesPayload(b"abc", {"X-One": "1"}),
    "BytesPayload with a name": lambda web: payloads(web).BytesPayload(b"abc", filename="a.txt"),
    "StringPayload": lambda web: payloads(web).StringPayload("hé"),
    "StringPayload with a charset": lambda web: payloads(web).StringPayload("hé", encoding="latin-1"),
    "StringPayload with a type": lambda web: payloads(web).StringPayload(
        "hé", content_type="text/html; charset=utf-16"
    ),
    "StringPayload with both": lambda web: payloads(web).StringPayload(
        "да", encoding="koi8-r", content_type="text/html"
    ),
    "StringIOPayload": lambda web: io.StringIO("hé"),
    "StringIO in the middle": lambda web: moved(io.StringIO("abcd"), 2),
    "JsonPayload": lambda web: payloads(web).JsonPayload({"a": "ü"}),
    "JsonPayload with all": lambda web: payloads(web).JsonPayload(
        1, "utf-16", "application/hal+json", lambda value: f"<{value}>"
    ),
    "JsonBytesPayload": lambda web: payloads(web).JsonBytesPayload(1, lambda value: b"<1>"),
    "BytesIO": lambda web: io.BytesIO(b"abc"),
    "BytesIO in the middle": lambda web: moved(io.BytesIO(b"abcdef"), 4),
    "BytesIO past its end": lambda web: moved(io.BytesIO(b"abc"), 3),
    "BytesIO, large": lambda web: io.BytesIO(LARGE),
    "file": lambda web: opened("a.txt"),
    "file with another type": lambda web: opened("page.html"),
    "file of no known type": lambda web: opened("nobody-knows.xyzzy"),
    "file with two endings": lambda web: opened("archive.tar.gz"),
    "file with a strange name": lambda web: opened(NAMES[4]),
    "file, large": lambda web: opened("large.bin"),
    "file, empty": lambda web: opened("empty.bin"),
    "file, unbuffered": lambda web: opened("a.txt", buffering=0),
    "file to write, too": lambda web: opened("a.txt", "r+b"),
    "file in the middle": lambda web: moved(opened("a.txt"), 200),
    "file, inline": lambda web: payloads(web).BufferedReaderPayload(opened("a.txt"), "inline"),
    "file without disposition": lambda web: payloads(web).BufferedReaderPayload(opened("a.txt"), None),
    "file with another name": lambda web: payloads(web).IOBasePayload(opened("a.txt"), filename="b.html"),
    "file with a disposition of its own": lambda web: payloads(web).IOBasePayload(
        opened("a.txt"), headers={"Content-Disposition": "inline"}
    ),
    "generator": lambda web: generate(b"ab", b"", b"cd"),
    "generator without anything": lambda web: generate(),
    "generator, large": lambda web: generate(LARGE, LARGE),
    "generator with a type": lambda web: payloads(web).AsyncIterablePayload(
        generate(b"a"), content_type="a/b"
    ),
    "iterable": lambda web: Iterable(b"ab", bytearray(b"cd"), memoryview(b"ef")),
    "streamer": lambda web: streamed(web, True),
    "streamer that was not called": lambda web: streamed(web, False),
    "custom": custom,
    "aiohttp's": lambda web: aiohttp.payload.StringPayload("hé", content_type="text/x"),
    "aiohttp's file": lambda web: aiohttp.payload.BufferedReaderPayload(opened("a.txt")),
    "aiohttp's generator": lambda web: aiohttp.payload.AsyncIterablePayload(generate(b"ab", b"cd")),
    "aiohttp's multipart": lambda web: with_parts(aiohttp.web),
    "multipart": with_parts,
    "multipart without parts": multipart,
    "multipart with encoded parts": with_encoded_parts,
    "multipart in a multipart": with_a_nested_writer,
    "multipart of unknown length": with_an_endless_part,
    "form": form,
    "an odd boundary": lambda web: writers(web).MultipartWriter(boundary='a "b" \\c'),
}  # fmt: skip

OPTIONS: dict[str, dict[str, Any]] = {
    "none": {},
    "type": {"content_type": "text/css"},
    "type as a field": {"headers": {"content-type": "text/css; charset=utf-8"}},
    "disposition": {"headers": {"Content-Disposition": "inline", "X-One": "2"}},
    "201": {"status": 201},
    "204": {"status": 204},
    "304": {"status": 304},
}  # fmt: skip


def bodies(web: Any, seen: list[Any]) -> Any:
    async def handler(request: Any) -> Any:
        name, options = request.match_info["name"], OPTIONS[request.query.get("options", "none")]
        response = web.Response(body=BODIES[name](web), **options)
        if "chunked" in request.query:
            response.enable_chunked_encoding()
        body = response.body
        seen.append((response.content_type, response.charset, sorted(response.headers.items())))
        if not isinstance(body, bytes | bytearray):
            seen.append(
                (type(body).__name__, body.content_type, body.filename, body.encoding, body.autoclose)
            )
        return response

    app = web.Application()
    app.router.add_route("*", "/{name}", handler)
    return app


# In aiohttp their bodies are payloads; what becomes of them on the way is the same.
BYTES = ("memoryview", "text")
# `HEAD` gets their type (test_differences).
UNTYPED = ("bytes", "bytearray")


@pytest.mark.parametrize("name", BODIES)
def test_every_kind_of_body(name: str) -> None:
    target = f"/{name}".replace(" ", "%20")
    methods = ["GET"] if name in UNTYPED else ["GET", "HEAD"]
    for outcomes in compare(bodies, *[ask(method, target) for method in methods]):
        if name in BYTES:
            assert replace(outcomes.ours, seen=[]) == replace(outcomes.theirs, seen=[])
        else:
            assert outcomes.ours == outcomes.theirs


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", ["file", "generator", "BytesIO", "multipart", "custom", "StringPayload"])
def test_options_and_bodies(name: str, options: str) -> None:
    target = f"/{name}?options={options}".replace(" ", "%20")
    assert_same(bodies, ask("GET", target), ask("HEAD", target))


@pytest.mark.parametrize("name", ["file", "BytesIO", "multipart", "custom", "StringPayload"])
def test_chunked_bodies(name: str) -> None:
    assert_same(bodies, ask("GET", f"/{name}?chunked"))


# -- reading them with a client --------------------------------------------------------------------------


async def read_parts(reader: Any) -> list[Any]:
    """What aiohttp's client makes of a multipart body: of each part its type, its name and what is in it."""
    parts: list[Any] = []
    async for part in reader:
        if isinstance(part, aiohttp.MultipartReader):
            parts.append(await read_parts(part))
        else:
            content = await part.read(decode=True)
            parts.append((part.headers.get("Content-Type"), part.name, part.filename, bytes(content)))
    return parts


async def read_with_a_client(web: Any, name: str) -> list[Any]:
    runner = web.AppRunner(bodies(web, []), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        async with aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as session:
            async with session.get(f"/{name}") as response:
                return await read_parts(aiohttp.MultipartReader.from_response(response).stream)
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    "name",
    [name for name in BODIES if "multipart" in name and name != "multipart without parts"] + ["form"],
)
def test_a_client_reads_the_same_parts(name: str) -> None:
    ours = asyncio.run(read_with_a_client(sketch.web, name), debug=False)
    theirs = asyncio.run(read_with_a_client(aiohttp.web, name), debug=False)
    assert ours == theirs
    assert len(ours) > 0


# -- the differences that are meant ----------------------------------------------------------------------


async def fail(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    raise ValueError("the source has dried up")


def compressed() -> IO[Any]:
    file = io.BytesIO()
    with gzip.open(file, "wb") as writer:
        writer.write(CONTENT * 10)
    path = Path(FILES["folder"], "compressed")
    path.write_bytes(file.getvalue())
    opened_file: Any = gzip.open(path)
    OPENED.append(opened_file)
    return opened_file  # type: ignore[no-any-return]


def piped(data: bytes) -> IO[Any]:
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    file = os.fdopen(reading, "rb")
    OPENED.append(file)
    return file


def troubled(web: Any, seen: list[Any]) -> Any:
    def filled_late() -> Any:
        outer = multipart(web)
        inner = outer.append(writers(web).MultipartWriter("mixed", boundary="inner"))
        inner.append("text")
        return outer

    made: dict[str, Any] = {
        "text": lambda: opened("a.txt", "r", encoding="latin-1"),
        "gzip": compressed,
        "pipe": lambda: piped(b"piped"),
        "early": lambda: fail(),
        "late": lambda: fail(b"abc"),
        "bytesio": lambda: io.BytesIO(b"abc"),
        "filled_late": filled_late,
        "strange": lambda: Iterable("text"),
    }

    async def handler(request: Any) -> Any:
        response = web.Response(body=made[request.match_info["name"]]())
        seen.append(response.content_length)
        return response

    app = web.Application()
    app.router.add_get("/{name}", handler)
    return app


def test_a_text_file_has_no_length() -> None:
    """Its bytes on the disk are not those that are sent."""
    outcomes = differ(troubled, ask("GET", "/text"), patience=0.3)
    text = CONTENT.decode("latin-1").replace("\r\n", "\n").replace("\r", "\n")
    assert (outcomes.theirs.field("Content-Length"), outcomes.theirs.body) != (None, text.encode())
    assert outcomes.theirs.body != text.encode()
    assert (outcomes.ours.field("Content-Length"), outcomes.ours.body) == (None, text.encode())
    assert outcomes.ours.is_complete


def test_a_file_that_is_decompressed_has_no_length() -> None:
    outcomes = differ(troubled, ask("GET", "/gzip"))
    assert outcomes.theirs.body != CONTENT * 10
    assert (outcomes.ours.body, outcomes.ours.is_complete) == (CONTENT * 10, True)


def test_a_body_that_fails_before_its_first_byte_is_a_500() -> None:
    for name in ("early", "strange"):
        outcomes = differ(troubled, ask("GET", f"/{name}"))
        assert (outcomes.theirs.status, outcomes.theirs.is_complete) == (None, False)
        assert (outcomes.ours.status, outcomes.ours.is_complete) == (500, True)


def test_a_body_that_fails_later_is_cut_off() -> None:
    assert_same(troubled, ask("GET", "/late"))


def test_what_is_known_of_the_length_is_told() -> None:
    outcomes = differ(troubled, ask("GET", "/bytesio"))
    assert (outcomes.theirs.seen, outcomes.ours.seen) == (["None"], ["3"])
    assert replace(outcomes.theirs, seen=[]) == replace(outcomes.ours, seen=[])


def test_a_pipe_is_closed() -> None:
    assert_same(troubled, ask("GET", "/pipe"))
    theirs, ours = OPENED[-2:]
    assert (theirs.closed, ours.closed) == (False, True)
    theirs.close()


def test_a_file_that_is_not_wanted_is_closed() -> None:
    for method, options in (("HEAD", "none"), ("GET", "304")):
        assert_same(bodies, ask(method, f"/file?options={options}"))
        theirs, ours = OPENED[-2:]
        assert (theirs.closed, ours.closed) == (False, True)


def test_quoted_printable_keeps_line_ends() -> None:
    text = b"a\nb\r\n" + b"x" * 100
    for web, encoded in (
        (aiohttp.web, b"a\nb\n" + b"x" * 75 + b"=\n" + b"x" * 25),
        (sketch.web, b"a\nb\r\n" + b"x" * 75 + b"=\r\n" + b"x" * 25),
    ):
        writer, collector = multipart(web), Collector()
        writer.append(text, {"Content-Transfer-Encoding": "quoted-printable"})
        asyncio.run(writer.write(collector))
        assert b"\r\n\r\n" + encoded + b"\r\n--" in collector.data


@pytest.mark.parametrize(
    ("misuse", "error"),
    [
        (lambda writer: writer.append("x", {"Content-Encoding": "gzip"}), ValueError),
        (lambda writer: writer.append("x", {"Content-Length": "1"}), ValueError),
        (lambda writer: writer.append_form(5), TypeError),
    ],
)
def test_misuse_of_a_writer(misuse: Callable[[Any], object], error: type[Exception]) -> None:
    for web, expected in ((aiohttp.web, AssertionError), (sketch.web, error)):
        with pytest.raises(expected):
            misuse(multipart(web, "form-data"))


def test_a_writer_that_is_filled_when_it_is_a_part_already() -> None:
    """Its length is the one that it has when it is sent."""
    outcomes = differ(troubled, ask("GET", "/filled_late"))
    assert b"Content-Length: 11\r\n" in outcomes.theirs.body
    inner = outcomes.ours.body.partition(b"--inner")
    size = len(inner[1] + inner[2].removesuffix(b"\r\n--BOUNDARY--\r\n"))
    assert b"Content-Length: %d\r\n" % size in inner[0]


@pytest.mark.parametrize("boundary", ["", " ", "x ", "x" * 71, "a\tb"])
def test_boundaries_that_no_reader_has_to_understand(boundary: str) -> None:
    aiohttp.MultipartWriter(boundary=boundary)
    with pytest.raises(ValueError, match="boundary"):
        sketch.multipartwriter.MultipartWriter(boundary=boundary)


def test_large_bytes_are_no_reason_for_a_warning() -> None:
    with pytest.warns(ResourceWarning, match="large body"):
        aiohttp.payload.BytesPayload(bytes(2**20 + 1))
    sketch.payload.BytesPayload(bytes(2**20 + 1))


def test_encoded_parts_as_bytes() -> None:
    """They are what is written."""
    for web in (aiohttp.web, sketch.web):
        writer = multipart(web)
        writer.append(b"abc", {"Content-Transfer-Encoding": "base64"})
        data = asyncio.run(writer.as_bytes())
        assert (b"YWJj" in data) is (web is sketch.web)
        assert ("--BOUNDARY--" in writer.decode()) is (web is sketch.web)
