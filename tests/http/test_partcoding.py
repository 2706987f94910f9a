"""What parts are encoded in: back and forth, cut anywhere; and nothing unfolds further than is asked for."""

import base64
import binascii
import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.http.multipart import MultipartError
from sketch.http.partcoding import PIECE, make_decoder
from tests.codings import ENCODE


def deflate_raw(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


ENCODERS: dict[str, tuple[str | None, str | None, Callable[[bytes], bytes]]] = {
    "binary": ("binary", "identity", bytes),
    "8bit": (" 8BIT ", None, bytes),
    "base64": ("base64", None, base64.b64encode),
    "base64 in lines": ("BASE64", None, base64.encodebytes),
    "quoted-printable": ("quoted-printable", None, lambda data: binascii.b2a_qp(data, istext=False)),
    "gzip": (None, "gzip", gzip.compress),
    "x-gzip": ("7bit", "x-gzip", gzip.compress),
    "gzip in members": (None, "GZIP", lambda data: gzip.compress(data[:3]) + gzip.compress(data[3:])),
    "br": (None, "br", ENCODE["br"]),
    "zstd": (None, "zstd", ENCODE["zstd"]),
    "deflate": (None, "deflate", zlib.compress),
    "deflate without a header": (None, "deflate", deflate_raw),
    "both": ("base64", "gzip", lambda data: base64.encodebytes(gzip.compress(data))),
}  # fmt: skip


def decode(transfer: str | None, coding: str | None, data: bytes, size: int = 2**30) -> bytes:
    decoder = make_decoder(transfer, coding)
    if decoder is None:
        return data
    pieces: list[bytes] = []
    for start in range(0, len(data), size):
        pieces += decoder.feed(data[start : start + size])
    pieces += decoder.finish()
    return b"".join(pieces)


@pytest.mark.parametrize("name", ENCODERS)
@given(
    data=st.one_of(st.binary(max_size=200), st.text("=\r\n aü", max_size=40).map(str.encode)),
    size=st.integers(1, 50),
)
def test_back_and_forth(name: str, data: bytes, size: int) -> None:
    transfer, coding, encode = ENCODERS[name]
    encoded = encode(data)
    assert decode(transfer, coding, encoded) == data
    assert decode(transfer, coding, encoded, size) == data
    assert decode(transfer, coding, encoded, 1) == data


@given(st.text("=\r\n aAf03", max_size=30).map(str.encode), st.integers(1, 5))
def test_quoted_printable_does_not_depend_on_the_cuts(data: bytes, size: int) -> None:
    assert decode("quoted-printable", None, data, size) == decode("quoted-printable", None, data)


@given(st.text("=\nQUJD", max_size=30).map(str.encode), st.integers(1, 5))
def test_base64_does_not_depend_on_the_cuts(data: bytes, size: int) -> None:
    def outcome(size: int) -> bytes | None:
        try:
            return decode("base64", None, data, size)
        except MultipartError:
            return None

    assert outcome(size) == outcome(2**20)


def test_what_comes_after_padding_means_nothing() -> None:
    assert decode("base64", None, b"QQ==QUJD") == b"A" == decode("base64", None, b"QQ==QUJD", 3)


@pytest.mark.parametrize(
    ("transfer", "coding", "data", "message"),
    [
        ("base64", None, b"QUJ", "within four characters"),
        ("base64", None, b"Q===", "not base64"),
        ("base64", None, b"=QUJ", "not base64"),
        (None, "gzip", b"nonsense", "not gzip"),
        (None, "gzip", gzip.compress(b"abc", mtime=0)[:-3], "in the middle"),
        (None, "gzip", gzip.compress(b"abc", mtime=0) + b"nonsense", "not gzip"),
        (None, "deflate", b"\xff\xff\xff", "not deflate"),
        (None, "deflate", b"x", "in the middle"),
        (None, "deflate", zlib.compress(b"abc")[:-1], "in the middle"),
        (None, "deflate", zlib.compress(b"abc") + b"x", "not deflate|in the middle"),
        ("base64", "gzip", base64.b64encode(gzip.compress(b"abc", mtime=0))[:-8], "in the middle"),
        ("base64", "gzip", base64.b64encode(gzip.compress(b"abc", mtime=0))[:-3], "within four characters"),
    ],
)
def test_what_is_not_encoded_so(transfer: str | None, coding: str | None, data: bytes, message: str) -> None:
    for size in (1, 3, 1000):
        with pytest.raises(MultipartError, match=message):
            decode(transfer, coding, data, size)


@pytest.mark.parametrize(
    ("transfer", "coding"),
    [("uuencode", None), ("x" * 10_000, None), (None, "compress"), (None, "gzip, gzip")],
)
def test_what_nobody_knows(transfer: str | None, coding: str | None) -> None:
    with pytest.raises(MultipartError, match="unknown content") as caught:
        make_decoder(transfer, coding)
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_bomb_unfolds_piece_by_piece(coding: str) -> None:
    size = 64 * 2**20
    bomb = gzip.compress(bytes(size)) if coding == "gzip" else zlib.compress(bytes(size))
    decoder = make_decoder(None, coding)
    assert decoder is not None
    tracemalloc.start()
    try:
        seen = 0
        for piece in decoder.feed(bomb):
            assert len(piece) <= PIECE
            seen += len(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert seen == size and list(decoder.finish()) == []
    assert peak < 8 * PIECE


def test_what_is_not_asked_for_is_not_unfolded() -> None:
    decoder = make_decoder(None, "gzip")
    assert decoder is not None
    pieces = decoder.feed(gzip.compress(bytes(2**24)))
    assert len(next(pieces)) == PIECE
