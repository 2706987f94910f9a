"""Encoded content of parts: whatever is written, in whatever pieces, is what a reader decodes."""

import asyncio
import base64
import quopri
import zlib
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.parttransfer import (
    CONTENT_CODINGS,
    TRANSFER_ENCODINGS,
    Base64Encoder,
    PartWriter,
    QuotedPrintableEncoder,
)

from .test_payload import Collector

# Line ends, white space before them, and what has a meaning in one of the encodings.
TRICKY = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b" ", b"\t", b"=", b".", b"a", b"\xff", b"x" * 75]))
CONTENT = st.one_of(st.binary(max_size=400), TRICKY.map(b"".join))


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    """The data in pieces; some may be empty."""
    bounds = [0, *sorted(min(place, len(data)) for place in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(bounds)]


def encoded(encoder: Any, pieces: list[bytes]) -> bytes:
    return b"".join([*map(encoder.encode, pieces), encoder.finish()])


@given(CONTENT, st.lists(st.integers(0, 400), max_size=5))
def test_base64(data: bytes, cuts: list[int]) -> None:
    assert encoded(Base64Encoder(), cut(data, cuts)) == base64.b64encode(data)


@given(CONTENT, st.lists(st.integers(0, 400), max_size=5))
def test_quoted_printable(data: bytes, cuts: list[int]) -> None:
    text = encoded(QuotedPrintableEncoder(), cut(data, cuts))
    assert text == encoded(QuotedPrintableEncoder(), [data])
    assert quopri.decodestring(text) == data
    for line in text.splitlines():
        assert len(line) <= 76
        assert not line.endswith((b" ", b"\t"))
        assert all(32 <= byte < 127 or byte == 9 for byte in line)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_line_without_an_end_is_not_held_back_for_ever(end: bytes) -> None:
    encoder = QuotedPrintableEncoder()
    pieces = [b"x=" * 20_000, b"\r" * 70_000, b"y \t" * 30_000, end]
    texts = [encoder.encode(piece) for piece in pieces]
    assert len(texts[2]) > 50_000
    assert quopri.decodestring(b"".join([*texts, encoder.finish()])) == b"".join(pieces)


def decoded(data: bytes, coding: str | None, encoding: str | None) -> bytes:
    if encoding == "base64":
        data = base64.b64decode(data, validate=True)
    elif encoding == "quoted-printable":
        data = quopri.decodestring(data)
    return data if coding is None else zlib.decompress(data, CONTENT_CODINGS[coding])


@pytest.mark.parametrize("encoding", [None, *TRANSFER_ENCODINGS])
@pytest.mark.parametrize("coding", [None, *CONTENT_CODINGS])
def test_one_upon_the_other(coding: str | None, encoding: str | None) -> None:
    pieces: list[Any] = [b"abc\n", bytearray(b"def"), memoryview(b"ghi"), b"", bytes(range(256)) * 300]
    collector = Collector()

    async def main() -> None:
        writer = PartWriter(collector, coding, encoding)
        for piece in pieces:
            await writer.write(piece)
        await writer.drain()
        await writer.write_eof(b"the end")

    asyncio.run(main())
    assert decoded(collector.data, coding, encoding) == b"".join(map(bytes, pieces)) + b"the end"
    assert b"" not in collector.pieces


@pytest.mark.parametrize("coding", CONTENT_CODINGS)
def test_nothing(coding: str) -> None:
    collector = Collector()
    asyncio.run(PartWriter(collector, coding, "base64").write_eof())
    assert decoded(collector.data, coding, "base64") == b""
