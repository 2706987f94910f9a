"""permessage-deflate by itself: what is inflated, from senders of every kind; what compressors hold."""

import zlib
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.http.handshake import Deflate
from sketch.http.websocket import WebSocketError
from sketch.protocol.ws import deflate as module
from sketch.protocol.ws.deflate import Deflater, Inflater, compress_alone
from tests.protocol.ws.building import (
    BINARY,
    CONTINUATION,
    TEXT,
    Compressor,
    compress,
    compress_finally,
    frame,
)
from tests.protocol.ws.transcript import cut, one_by_one, receive

MOST = 2**20
RSV1 = 4


def messages_of(data: bytes, deflate: Deflate | None = None) -> list[bytes]:
    """What a server's engine makes of these bytes, whole and byte by byte."""
    deflate = deflate or Deflate()
    whole = receive([data], deflate=deflate)
    assert whole == receive(one_by_one(data), deflate=deflate)
    assert whole.code is None, whole
    return [message[1] for message in whole.messages]


def code_of(data: bytes, limit: int = 0) -> int | None:
    whole = receive([data], limit=limit, deflate=Deflate())
    assert whole == receive(one_by_one(data), limit=limit, deflate=Deflate())
    return whole.code


def deflated(payload: bytes) -> bytes:
    return frame(BINARY, payload, rsv=RSV1)


# The examples of RFC 7692, section 7.2.3.
EXAMPLES = {
    "one block": "f2 48 cd c9 c9 07 00",
    "no compression": "00 05 00 fa ff 48 65 6c 6c 6f 00",
    "the last block of its stream": "f3 48 cd c9 c9 07 00 00",
    "two blocks": "f2 48 05 00 00 00 ff ff ca c9 c9 07 00",
}


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=list(EXAMPLES))
def test_the_examples_of_the_specification(example: str) -> None:
    assert messages_of(deflated(bytes.fromhex(example))) == [b"Hello"]


def test_the_examples_of_a_window_that_is_kept_and_of_fragments() -> None:
    # Sections 7.2.3.2 and 7.2.3.1.
    data = deflated(bytes.fromhex("f2 48 cd c9 c9 07 00")) + deflated(bytes.fromhex("f2 00 11 00 00"))
    data += frame(BINARY, bytes.fromhex("f2 48 cd"), rsv=RSV1, fin=False)
    data += frame(CONTINUATION, bytes.fromhex("c9 c9 07 00"))
    assert messages_of(data) == [b"Hello"] * 3


def test_empty_messages() -> None:
    # One byte (section 7.2.3.6), and, from senders that did not think of it, none; anywhere in a stream.
    for empty in (deflated(b"\0"), deflated(b""), frame(BINARY, rsv=RSV1, fin=False) + frame(CONTINUATION)):
        compressor = Compressor()
        first, second = deflated(compressor.compress(b"hello")), deflated(compressor.compress(b"hello"))
        assert messages_of(empty + first + empty * 2 + second) == [b"", b"hello", b"", b"", b"hello"]


@pytest.mark.parametrize("extra", [b"", b"\0"], ids=["as it ends", "with the empty block of section 7.2.3.4"])
def test_messages_that_end_their_streams(extra: bytes) -> None:
    stream = zlib.compressobj(6, zlib.DEFLATED, -15)
    ended = stream.compress(b"hello hello") + stream.flush(zlib.Z_FINISH) + extra
    compressor = Compressor()
    long = compressor.compress(Random(1).randbytes(5000))
    data = deflated(ended) * 2 + deflated(long) + deflated(compressor.compress(b"hello"))
    assert messages_of(data)[:2] == [b"hello hello"] * 2
    assert messages_of(data)[3] == b"hello"
    # Each fragment may be a stream, too.
    fragments = frame(BINARY, ended.removesuffix(extra), rsv=RSV1, fin=False)
    fragments += frame(CONTINUATION, ended) + deflated(ended)
    assert messages_of(fragments) == [b"hello hello" * 2, b"hello hello"]


def test_a_long_message_that_ends_its_stream() -> None:
    payload = Random(2).randbytes(10_000)
    assert messages_of(deflated(compress_finally(payload)) + deflated(compress(payload))) == [payload] * 2


def test_a_message_has_not_too_many_streams() -> None:
    one = b"\x03\x00"
    assert messages_of((deflated(one * 64)) * 2) == [b"", b""]
    assert code_of(deflated(one * 65)) == 1007
    fragments = frame(BINARY, one * 40, rsv=RSV1, fin=False) + frame(CONTINUATION, one * 40)
    assert code_of(fragments) == 1007
    assert code_of(deflated(one * 100_000)) == 1007


@pytest.mark.parametrize(
    "payload",
    [b"\xff", b"\x07", b"hello", compress(b"hello")[:-1] + b"\xff" * 9, b"\x00\x05\x00\x05\x00hello"],
)
def test_what_cannot_be_inflated(payload: bytes) -> None:
    assert code_of(deflated(payload)) == 1007


def test_what_refers_to_what_never_was() -> None:
    compressor = Compressor()
    compressor.compress(b"hello hello hello")
    assert code_of(deflated(compressor.compress(b"hello hello hello"))) == 1007


def test_what_refers_further_back_than_was_agreed_on() -> None:
    compressor = Compressor(15)
    payload = Random(1).randbytes(1000)
    data = deflated(compressor.compress(payload)) + deflated(compressor.compress(payload))
    assert receive([data], deflate=Deflate(client_max_window_bits=9)).code == 1007
    assert receive([data], deflate=Deflate(client_max_window_bits=10)).code is None


def test_memory_that_was_not_agreed_on() -> None:
    compressor = Compressor()
    data = deflated(compressor.compress(b"hello hello hello"))
    data += deflated(compressor.compress(b"hello hello hello"))
    assert len(messages_of(data)) == 2
    told = receive([data], deflate=Deflate(client_no_context_takeover=True))
    assert len(told.messages) == 1
    assert told.code == 1007


@pytest.mark.parametrize("fin", [True, False])
@pytest.mark.parametrize("size", [100, 3000])
def test_a_message_that_is_no_text_and_too_big_is_what_comes_first(size: int, fin: bool) -> None:
    early = frame(TEXT, compress(b"\xff" + b"x" * size), rsv=RSV1, fin=fin)
    late = frame(TEXT, compress(b"x" * size + b"\xff" * 2), rsv=RSV1, fin=fin)
    assert code_of(early, limit=size // 2) == 1007
    assert code_of(early, limit=1) == 1007
    assert code_of(late, limit=size) == 1009
    # The end of the data that fits is no end of text.
    assert code_of(frame(TEXT, compress("€".encode() * size), rsv=RSV1), limit=50) == 1009


def test_a_compressed_frame_that_is_far_too_long_is_refused_with_its_head() -> None:
    for opcode in (TEXT, BINARY):
        told = receive([frame(opcode, length=10_000, rsv=RSV1)], limit=1000, deflate=Deflate())
        assert told.code == 1009
    first = frame(BINARY, compress(b""), rsv=RSV1, fin=False)
    assert code_of(first + frame(CONTINUATION, length=10_000), limit=1000) == 1009


@pytest.mark.parametrize("bits", range(8, 16))
@pytest.mark.parametrize("has_memory", [False, True])
def test_windows_of_clients(bits: int, has_memory: bool) -> None:
    compressor = Compressor(max(bits, 9), has_memory=has_memory)
    payloads = [Random(number % 3).randbytes(300) * 4 for number in range(8)]
    data = b"".join(deflated(compressor.compress(payload)) for payload in payloads)
    agreed = Deflate(client_max_window_bits=bits, client_no_context_takeover=not has_memory)
    assert messages_of(data, agreed) == payloads


@given(
    texts=st.lists(st.text(max_size=100), max_size=6),
    levels=st.lists(st.sampled_from([0, 1, 6, 9]), min_size=1),
    seed=st.integers(0, 2**32),
    has_memory=st.booleans(),
)
def test_compressed_messages_in_any_pieces(
    texts: list[str], levels: list[int], seed: int, has_memory: bool
) -> None:
    random = Random(seed)
    data = b""
    stream = zlib.compressobj(levels[0], zlib.DEFLATED, -15)
    for number, text in enumerate(texts):
        if not has_memory:
            stream = zlib.compressobj(levels[number % len(levels)], zlib.DEFLATED, -15)
        payload = (stream.compress(text.encode()) + stream.flush(zlib.Z_SYNC_FLUSH))[:-4]
        pieces = list(cut(payload, [random.randrange(len(payload) + 1) for _ in range(random.randrange(3))]))
        for place, piece in enumerate(pieces):
            opcode, rsv = (CONTINUATION, 0) if place else (TEXT, RSV1)
            data += frame(opcode, piece, rsv=rsv, fin=place == len(pieces) - 1)
    deflate = Deflate(client_no_context_takeover=not has_memory)
    told = receive(cut(data, [random.randrange(len(data) + 1) for _ in range(4)]), deflate=deflate)
    assert [message[1] for message in told.messages] == texts
    assert told == receive([data], deflate=deflate)


# -- what is held ------------------------------------------------------------------------------------------


def test_nothing_is_made_before_it_is_used() -> None:
    deflater, inflater = Deflater(15, has_memory=True), Inflater(15, has_memory=True)
    assert deflater._compressor is None
    assert inflater._stream is None
    deflater.compress(b"hello", 15)
    inflater.inflate_whole(compress(b"hello"), MOST)
    assert deflater._compressor is not None
    assert inflater._stream is not None


def test_nothing_is_kept_without_memory() -> None:
    deflater, inflater = Deflater(15, has_memory=False), Inflater(15, has_memory=False)
    inflater.inflate_whole(deflater.compress(b"hello", 15), MOST)
    inflater.inflate(compress(b"hello"), MOST)
    inflater.finish(MOST)
    assert deflater._compressor is None
    assert inflater._stream is None


def test_what_serves_everybody_serves_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    spare: dict[int, list[object]] = {bits: [] for bits in range(9, 16)}
    monkeypatch.setattr(module, "_spare", spare)
    once = compress_alone(b"hello" * 20, 12)
    (compressor,) = spare[12]
    assert compress_alone(b"hello" * 20, 12) == once
    assert spare[12] == [compressor]
    assert all(not spare[bits] for bits in spare if bits != 12)
    # No more are kept than a few.
    spare[12] += [module._make_compressor(12) for _ in range(5)]
    kept = len(spare[12])
    compress_alone(b"hello", 12)
    assert len(spare[12]) == kept - 1


def test_an_inflater_says_what_is_wrong() -> None:
    with pytest.raises(WebSocketError, match="cannot be inflated") as caught:
        Inflater(15, has_memory=True).inflate_whole(b"\xff", MOST)
    assert caught.value.code == 1007
    assert isinstance(caught.value.__cause__, zlib.error)
