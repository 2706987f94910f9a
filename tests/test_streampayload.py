"""What comes piece by piece as payloads: how often it can be written, and when it is closed."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from sketch.http.memory import MemoryExchange
from sketch.multipartwriter import MultipartWriter
from sketch.payload import (
    AsyncIterablePayload,
    BodyPartReaderPayload,
    StreamReaderPayload,
    get_payload,
    streamer,
)
from sketch.streams import StreamReader

from .clientreader import client_reader
from .test_payload import Collector, written

PIECES = (b"ab", b"", bytearray(b"cd"), memoryview(b"ef"))


class Notes:
    """A generator, and what became of it."""

    def __init__(self) -> None:
        self.yielded = 0
        self.is_closed = False

    async def generate(self) -> AsyncIterator[Any]:
        try:
            for piece in PIECES:
                self.yielded += 1
                yield piece
        finally:
            self.is_closed = True


# -- generators ------------------------------------------------------------------------------------------


def test_a_generator_is_written_once() -> None:
    notes = Notes()
    payload = get_payload(notes.generate())
    assert (payload.size, payload.autoclose, payload.consumed) == (None, True, False)
    assert payload.content_type == "application/octet-stream"
    assert written(payload) == b"abcdef"
    assert (payload.consumed, notes.is_closed) == (True, True)


@pytest.mark.parametrize("length", range(8))
def test_the_beginning_of_a_generator(length: int) -> None:
    notes = Notes()
    payload = get_payload(notes.generate())

    async def main() -> None:
        writer = Collector()
        await payload.write_with_length(writer, length)
        await payload.close()
        assert writer.data == b"abcdef"[:length]
        await payload.close()
        await payload.write(writer)
        assert writer.data == b"abcdef"[:length]

    asyncio.run(main())
    assert notes.is_closed


def test_a_generator_that_never_began() -> None:
    notes = Notes()
    asyncio.run(get_payload(notes.generate()).close())
    assert (notes.yielded, notes.is_closed) == (0, False)


def test_what_was_gathered_can_be_written_often() -> None:
    payload = get_payload(Notes().generate())
    with pytest.raises(TypeError, match="as_bytes"):
        payload.decode()

    async def main() -> None:
        assert await payload.as_bytes() == await payload.as_bytes() == b"abcdef"
        for length, expected in ((None, b"abcdef"), (3, b"abc")):
            writer = Collector()
            await payload.write_with_length(writer, length)
            assert writer.data == expected

    asyncio.run(main())
    assert payload.decode() == "abcdef"
    assert not payload.consumed


def test_gathering_what_was_closed() -> None:
    payload = get_payload(Notes().generate())

    async def main() -> None:
        await payload.close()
        assert await payload.as_bytes() == b""

    asyncio.run(main())


def test_an_iterable_that_is_no_generator() -> None:
    class Iterable:
        def __aiter__(self) -> AsyncIterator[bytes]:
            return notes.generate()

    notes = Notes()
    assert written(get_payload(Iterable())) == b"abcdef"
    with pytest.raises(TypeError, match="called"):
        AsyncIterablePayload(notes.generate)  # type: ignore[arg-type]


# -- readers ---------------------------------------------------------------------------------------------

LINES = b"a line\n" * 3 + b"x" * 2**18


def test_a_reader_is_read_in_pieces_and_not_in_lines() -> None:
    async def main() -> None:
        ours = StreamReader(MemoryExchange("POST", "/", (), LINES))
        for reader in (ours, client_reader(LINES)):
            payload = get_payload(reader)
            assert type(payload) is StreamReaderPayload
            writer = Collector()
            await payload.write(writer)
            assert writer.data == LINES
            assert len(writer.pieces) == 1
            await payload.close()

    asyncio.run(main())


async def part_of(*headers: tuple[str, str], content: bytes) -> Any:
    """A part as aiohttp's reader gives it."""
    writer = MultipartWriter("mixed", boundary="b")
    writer.append(content, dict(headers))
    return await aiohttp.MultipartReader(writer.headers, client_reader(await writer.as_bytes())).next()


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "binary"])
def test_a_part_is_passed_on_decoded(encoding: str) -> None:
    async def main() -> None:
        part = await part_of(
            ("Content-Transfer-Encoding", encoding),
            ("Content-Disposition", 'form-data; name="a"; filename="b.txt"'),
            content=LINES,
        )
        payload = get_payload(part)
        assert type(payload) is BodyPartReaderPayload
        assert payload.headers["Content-Disposition"] == 'attachment; name="a"; filename="b.txt"'
        with pytest.raises(TypeError, match=r"part\.text"):
            payload.decode()
        with pytest.raises(TypeError, match=r"part\.read"):
            await payload.as_bytes()
        writer = Collector()
        await payload.write(writer)
        assert (writer.data, payload.consumed) == (LINES, True)

    asyncio.run(main())


def test_a_reader_of_parts_that_decodes_at_once() -> None:
    class Part:
        name = None
        filename = None

        def __init__(self) -> None:
            self.chunks = [b"ba", b"dc"]

        async def read_chunk(self, size: int) -> bytes:
            return self.chunks.pop(0) if self.chunks else b""

        def decode(self, data: bytes) -> bytes:
            return data[::-1]

    payload = get_payload(Part())
    assert written(payload) == b"abcd"
    assert "Content-Disposition" not in payload.headers


# -- streamers -------------------------------------------------------------------------------------------


def test_streamers() -> None:
    with pytest.warns(DeprecationWarning, match="asynchronous generator"):

        @streamer
        async def write(writer: Any, *args: str, **options: str) -> None:
            await writer.write(f"{args}{options}".encode())

    for value, expected in ((write("a", b="c"), b"('a',){'b': 'c'}"), (write, b"(){}")):
        payload = get_payload(value)
        assert (written(payload), payload.size) == (expected, None)
        with pytest.raises(TypeError, match="decoded"):
            payload.decode()
