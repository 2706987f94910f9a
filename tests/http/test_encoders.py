"""Bodies on their way out: what any client makes of them, and how much of them it can read when."""

import zlib
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.http import codecs, encoders
from sketch.http.encoders import DEFAULT_LEVELS, LEVELS, check_coding, make_encoder
from tests.codings import DECODE, decode_so_far

CODINGS = pytest.mark.parametrize("coding", sorted(DECODE))
pieces_of_bodies = st.lists(st.binary(max_size=300).map(lambda unit: unit * 20), max_size=10)


@CODINGS
@given(pieces=pieces_of_bodies, flushed=st.sets(st.integers(0, 9)))
def test_what_went_in_can_be_read(coding: str, pieces: list[bytes], flushed: set[int]) -> None:
    encoder = make_encoder(coding)
    encoded = b""
    for number, piece in enumerate(pieces):
        encoded += encoder.encode(piece)
        if number in flushed:
            encoded += encoder.flush()
    assert DECODE[coding](encoded + encoder.finish()) == b"".join(pieces)


@CODINGS
def test_what_was_flushed_can_be_read_at_once(coding: str) -> None:
    encoder = make_encoder(coding)
    encoded = b""
    for number in range(1, 20):
        encoded += encoder.encode(b"data: hello\n\n") + encoder.flush()
        assert decode_so_far(coding, encoded) == b"data: hello\n\n" * number


@CODINGS
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_all_that_a_body_may_be(coding: str, kind: type) -> None:
    encoder = make_encoder(coding)
    assert DECODE[coding](encoder.encode(kind(b"abc" * 10)) + encoder.finish()) == b"abc" * 10


@CODINGS
def test_every_level(coding: str) -> None:
    content = b"".join(b"%d, " % (number * 7919 % 1000) for number in range(2000))
    assert DEFAULT_LEVELS[coding] in LEVELS[coding]
    sizes = {}
    for level in LEVELS[coding]:
        encoder = make_encoder(coding, level)
        encoded = encoder.encode(content) + encoder.finish()
        assert DECODE[coding](encoded) == content
        sizes[level] = len(encoded)
    assert sizes[max(sizes)] < sizes[min(sizes)]


def test_the_frame_of_a_window_that_clients_allow() -> None:
    """RFC 9659: 8 MiB at most, whatever the level."""
    for level in LEVELS["zstd"]:
        encoder = make_encoder("zstd", level)
        frame = encoder.encode(bytes(2**20)) + encoder.finish()
        exponent, mantissa = frame[5] >> 3, frame[5] & 7
        assert (1 << (10 + exponent)) * (8 + mantissa) // 8 <= 8 * 2**20


def test_deflate_has_its_frame() -> None:
    """RFC 9110, section 8.4.1.2: the zlib format."""
    encoder = make_encoder("deflate")
    encoded = encoder.encode(b"abc") + encoder.finish()
    assert int.from_bytes(encoded[:2], "big") % 31 == 0 and zlib.decompress(encoded) == b"abc"


def test_a_strategy() -> None:
    content = b"abcabcabc" * 1000
    sizes = []
    for strategy in (None, zlib.Z_HUFFMAN_ONLY):
        encoder = make_encoder("gzip", strategy=strategy)
        encoded = encoder.encode(content) + encoder.finish()
        assert DECODE["gzip"](encoded) == content
        sizes.append(len(encoded))
    assert sizes[1] > 10 * sizes[0]


def test_a_coding_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codecs, "AVAILABLE", ("gzip", "deflate"))
    check_coding("gzip")
    with pytest.raises(ValueError, match=r"'br' is not available here: install sketch-web\[compression\]"):
        make_encoder("br")
    with pytest.raises(ValueError, match="'snappy' is not available here: use one of gzip, deflate"):
        make_encoder("snappy")


def test_another_zlib(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def compressobj(**options: Any) -> object:
        made.append(options)
        return zlib.compressobj(**options)

    monkeypatch.setattr(codecs, "zlib", zlib)
    backend = SimpleNamespace(
        compressobj=compressobj,
        decompressobj=zlib.decompressobj,
        error=zlib.error,
        Z_SYNC_FLUSH=zlib.Z_SYNC_FLUSH,
        Z_FINISH=zlib.Z_FINISH,
    )
    codecs.set_zlib_backend(backend)
    encoder = encoders.make_encoder("gzip", 1)
    assert DECODE["gzip"](encoder.encode(b"abc") + encoder.flush() + encoder.finish()) == b"abc"
    assert made == [{"level": 1, "wbits": 31}]
    with pytest.raises(TypeError, match="no backend for zlib: it has no compressobj"):
        codecs.set_zlib_backend(SimpleNamespace())
