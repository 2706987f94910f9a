"""Encoded bodies, cut anywhere, decoded in pieces of a bounded size; and what is none, and what is a bomb."""

import gzip
import tracemalloc
import zlib
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.http import codecs
from sketch.http.decoders import Decoder, make_decoder
from sketch.http.encoders import make_encoder
from sketch.http.errors import RemoteProtocolError
from tests.codings import ENCODE, deflate_bare, encode, zstd

CODINGS = pytest.mark.parametrize("coding", sorted(ENCODE))
TEXT = b"The quick brown fox jumps over the lazy dog. " * 50

contents = st.one_of(
    st.binary(max_size=500),
    st.builds(lambda unit, times: unit * times, st.binary(min_size=1, max_size=20), st.integers(0, 5000)),
)
all_codings = st.lists(st.sampled_from(sorted(ENCODE)), min_size=1, max_size=3).map(", ".join)


def take(decoder: Decoder, data: bytes, most: int) -> bytes:
    """All that comes of some bytes."""
    pieces = [decoder.decode(data, most)] if data else []
    while not decoder.needs_input:
        pieces.append(decoder.decode(b"", most))
    assert max(map(len, pieces), default=0) <= most
    return b"".join(pieces)


def decode(content_encoding: str, data: bytes, cuts: list[int] | None = None, most: int = 65536) -> bytes:
    decoder = make_decoder(content_encoding.split(", "))
    content = b""
    places = sorted({0, *(cut % (len(data) + 1) for cut in cuts or []), len(data)})
    for start, end in zip(places, places[1:], strict=False):
        content += take(decoder, data[start:end], most)
    decoder.finish()
    return content


def test_the_extra_is_installed() -> None:
    """Else half of these tests would be about nothing."""
    assert codecs.AVAILABLE == ("zstd", "br", "gzip", "deflate")
    assert sorted(codecs.AVAILABLE) == sorted(ENCODE)


@given(contents, all_codings, st.lists(st.integers(0, 2**32), max_size=12), st.integers(200, 70000))
def test_what_was_encoded_comes_out(content: bytes, codings: str, cuts: list[int], most: int) -> None:
    assert decode(codings, encode(codings, content), cuts, most) == content


@CODINGS
def test_byte_by_byte(coding: str) -> None:
    encoded = ENCODE[coding](TEXT)
    assert decode(coding, encoded, list(range(len(encoded))), most=1) == TEXT


@given(contents, st.lists(st.integers(0, 2**32), max_size=12), st.integers(200, 70000))
def test_deflate_without_its_frame(content: bytes, cuts: list[int], most: int) -> None:
    """RFC 9110, section 8.4.1.2: some clients send it like that."""
    assert decode("deflate", deflate_bare(content), cuts, most) == content


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
@given(parts=st.lists(contents, min_size=2, max_size=5), cuts=st.lists(st.integers(0, 2**32), max_size=8))
def test_members_one_after_the_other(coding: str, parts: list[bytes], cuts: list[int]) -> None:
    """RFC 1952, section 2.2; RFC 8878, section 3.1."""
    assert decode(coding, b"".join(map(ENCODE[coding], parts)), cuts) == b"".join(parts)


@CODINGS
def test_no_bytes_at_all(coding: str) -> None:
    assert decode(coding, b"") == b""


@CODINGS
@given(end=st.integers(1, 2**32))
def test_a_body_that_ends_before(coding: str, end: int) -> None:
    encoded = ENCODE[coding](TEXT)
    with pytest.raises(RemoteProtocolError, match=coding) as caught:
        decode(coding, encoded[: 1 + end % (len(encoded) - 1)])
    assert caught.value.status == 400


@CODINGS
@pytest.mark.parametrize("is_apart", [False, True], ids=["in one piece", "apart"])
def test_a_body_that_goes_on_after(coding: str, is_apart: bool) -> None:
    encoded = ENCODE[coding](TEXT)
    with pytest.raises(RemoteProtocolError, match=coding):
        decode(coding, encoded + b"garbage\xff", [len(encoded)] if is_apart else [])


@CODINGS
@given(data=st.binary(min_size=1, max_size=200), cuts=st.lists(st.integers(0, 2**32), max_size=3))
def test_garbage_is_the_peer_s_fault_or_nobody_s(coding: str, data: bytes, cuts: list[int]) -> None:
    try:
        decode(coding, data, cuts)
    except RemoteProtocolError as error:
        assert error.status == 400


@CODINGS
@given(at=st.integers(0, 2**32), bit=st.integers(0, 7))
def test_a_bit_that_has_fallen_over(coding: str, at: int, bit: int) -> None:
    encoded = bytearray(ENCODE[coding](TEXT))
    encoded[at % len(encoded)] ^= 1 << bit
    try:
        decode(coding, bytes(encoded), most=1000)
    except RemoteProtocolError:
        pass


def test_a_window_that_clients_must_not_ask_for() -> None:
    """RFC 9659: more than 8 MiB."""
    level = zstd.CompressionParameter.compression_level
    window = zstd.CompressionParameter.window_log

    def compress(bits: int) -> bytes:
        compressor = zstd.ZstdCompressor(options={level: 1, window: bits})
        return bytes(compressor.compress(TEXT) + compressor.flush())

    assert decode("zstd", compress(23)) == TEXT
    with pytest.raises(RemoteProtocolError):
        decode("zstd", compress(24))


# -- bombs -----------------------------------------------------------------------------------------------

GIBIBYTE = 2**30
BLOCK = bytes(2**20)


@cache
def _bomb(coding: str) -> bytes:
    """A gibibyte of nothing."""
    encoder = make_encoder(coding, level=1)
    parts = [encoder.encode(BLOCK) for _ in range(GIBIBYTE // len(BLOCK))]
    return b"".join([*parts, encoder.finish()])


@CODINGS
def test_a_bomb_is_held_in_pieces(coding: str) -> None:
    """However much it unfolds to, no more than a piece is there at a time."""
    bomb = _bomb(coding)
    assert len(bomb) < 6 * 2**20
    decoder = make_decoder([coding])
    tracemalloc.start()
    try:
        size = len(decoder.decode(bomb, 65536))
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        while size < GIBIBYTE // 8:
            piece = decoder.decode(b"", 65536)
            assert 0 < len(piece) <= 65536
            size += len(piece)
        assert tracemalloc.get_traced_memory()[1] - before < 2**20
    finally:
        tracemalloc.stop()


def test_a_bomb_in_a_bomb_is_held_in_pieces() -> None:
    bomb = gzip.compress(_bomb("gzip"))
    assert len(bomb) < 2**15
    decoder = make_decoder(["gzip", "gzip"])
    tracemalloc.start()
    try:
        size = len(decoder.decode(bomb, 65536))
        while size < GIBIBYTE // 16:
            size += len(decoder.decode(b"", 65536))
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def _empty_blocks(size: int) -> bytes:
    """A deflate stream of blocks with nothing in them."""
    deflate = zlib.compressobj(wbits=31)
    return deflate.compress(b"") + deflate.flush(zlib.Z_SYNC_FLUSH) + b"\0\0\0\xff\xff" * (size // 5)


@pytest.mark.parametrize(
    ("coding", "padded"),
    [
        ("gzip", gzip.compress(b"", mtime=0) * 10000),
        ("gzip", _empty_blocks(200000)),
        ("gzip", b"\x1f\x8b\x08\x08\0\0\0\0\0\xff" + b"name" * 50000),
        ("zstd", b"\x50\x2a\x4d\x18" + (200000).to_bytes(4, "little") + bytes(200000)),
        ("zstd", zstd.compress(b"") * 20000),
        ("gzip, gzip", gzip.compress(_empty_blocks(200000), mtime=0)),
        ("gzip", gzip.compress(b"abc", mtime=0) * 2000),
        ("deflate", zlib.compress(b"abc") * 2000),
        ("zstd", zstd.compress(b"abc") * 2000),
        ("zstd", b"\x50\x2a\x4d\x18\0\0\0\0" * 2000),
        ("gzip, zstd", zstd.compress(gzip.compress(b"abc", mtime=0) * 2000)),
    ],
    ids=[
        "members", "blocks", "a name", "a skippable frame", "frames", "a coding of blocks", "small members",
        "other small members", "frames of little", "skippable frames", "coded members",
    ],
)  # fmt: skip
def test_much_of_nothing(coding: str, padded: bytes) -> None:
    """It would cost time for as long as it goes on, and no limit on the content would be reached."""
    with pytest.raises(RemoteProtocolError, match="padding"):
        decode(coding, padded)


def test_what_clients_pad_is_taken() -> None:
    """One that flushes after every line."""
    deflate = zlib.compressobj(wbits=31)
    lines = [b"%d\n" % number for number in range(20000)]
    encoded = b"".join([deflate.compress(line) + deflate.flush(zlib.Z_SYNC_FLUSH) for line in lines])
    assert decode("gzip", encoded + deflate.flush()) == b"".join(lines)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
def test_members_that_clients_send_are_taken(coding: str) -> None:
    """One for each message, or one for each block of a large file."""
    messages = [b"%d: " % number + TEXT[:300] for number in range(2000)]
    assert decode(coding, b"".join(map(ENCODE[coding], messages))) == b"".join(messages)


# -- misuse ----------------------------------------------------------------------------------------------


def test_what_makes_no_decoder() -> None:
    with pytest.raises(ValueError, match="needs no decoder"):
        make_decoder([])
    with pytest.raises(ValueError, match="'snappy' is not available"):
        make_decoder(["gzip", "snappy"])


def test_more_than_was_asked_for() -> None:
    decoder = make_decoder(["gzip", "br"])
    decoder.decode(encode("gzip, br", TEXT), 10)
    assert not decoder.needs_input
    with pytest.raises(AssertionError):
        decoder.decode(b"x", 10)
