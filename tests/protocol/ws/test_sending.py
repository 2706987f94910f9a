"""What an engine sends: frames of every form, compressed or not, shared, compressed elsewhere; and the
client's side. What reads it here is the reference, or zlib by itself."""

import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.http.errors import LocalProtocolError
from sketch.http.exchange import Bytes
from sketch.http.handshake import Deflate
from sketch.http.websocket import SharedMessage, WSMsgType
from sketch.protocol.ws import deflate as deflate_module
from sketch.protocol.ws.connection import WebSocketEngine
from sketch.protocol.ws.encoder import LEAST_DEFLATED
from tests.protocol.ws.building import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close, frame

LONG = b"a message that is long enough to be compressed: " * 3
_SOMETHING = Random(1).randbytes(1500)
TEXTS = [_SOMETHING[number * 100 : number * 100 + 900] for number in range(6)]
"""Messages that have much in common, none of it twice: what refers to a wrong place gets something else."""

BITS = [9, 10, 11, 12, 13, 14, 15]


def make_server(deflate: Deflate | None = None) -> WebSocketEngine:
    return WebSocketEngine(max_message_size=0, deflate=deflate)


class Peer:
    """Reads what a server sends, by the letter of RFC 7692: an inflater with exactly the window agreed on."""

    def __init__(self, bits: int = 15, *, has_memory: bool = True) -> None:
        self._bits = bits
        self._has_memory = has_memory
        self._stream = zlib.decompressobj(-bits)

    def read(self, data: bytes) -> list[tuple[int, bool, bytes]]:
        """Opcode, whether it was compressed, and payload of each frame."""
        return list(self._read(data))

    def _read(self, data: bytes) -> Iterator[tuple[int, bool, bytes]]:
        while data:
            first, length, start = data[0], data[1], 2
            assert length < 128, "a server masks nothing"
            assert first & 0xB0 == 0x80, "each message is one frame"
            if length > 125:
                start = 4 if length == 126 else 10
                assert (length := int.from_bytes(data[2:start], "big")) >= (126 if start == 4 else 65536)
            payload, data = data[start : start + length], data[start + length :]
            assert len(payload) == length
            if first & 0x40:
                payload = self._inflate(payload)
            yield first & 0xF, bool(first & 0x40), payload

    def _inflate(self, payload: bytes) -> bytes:
        if not self._has_memory:
            self._stream = zlib.decompressobj(-self._bits)
        # In small pieces: zlib looks at its window only for what was returned before.
        data = payload + b"\x00\x00\xff\xff"
        return b"".join(self._stream.decompress(data[n : n + 16]) for n in range(0, len(data), 16))


# -- frames ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opcode", [TEXT, BINARY, WSMsgType.TEXT, WSMsgType.BINARY])
@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 100_000])
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_messages_of_every_form_of_length(opcode: int, size: int, kind: type[Any]) -> None:
    payload = bytes(range(250)) * (size // 250 + 1)
    payload = payload[:size]
    expected = frame(opcode, payload, key=None)
    assert make_server().encode(kind(payload), opcode) == expected
    head, rest = make_server().encode_in_parts(kind(payload), opcode)
    assert head + rest == expected
    assert type(make_server().encode(kind(payload), opcode)) is bytes


@pytest.mark.parametrize("opcode", [PING, PONG])
@pytest.mark.parametrize("deflate", [None, Deflate()])
def test_control_frames(opcode: int, deflate: Deflate | None) -> None:
    engine = make_server(deflate)
    assert engine.encode(b"x" * 125, opcode) == frame(opcode, b"x" * 125, key=None)
    assert engine.encode(b"", opcode) == frame(opcode, key=None)
    with pytest.raises(ValueError, match="of 126 bytes: it has at most 125"):
        engine.encode(b"x" * 126, opcode)


@pytest.mark.parametrize("opcode", [CONTINUATION, CLOSE, 3, 7, 11, 15, 16, 0x100])
def test_other_opcodes_are_not_for_messages(opcode: int) -> None:
    for deflate in (None, Deflate()):
        with pytest.raises(ValueError, match=f"opcode {opcode}: a frame to be sent is TEXT"):
            make_server(deflate).encode(b"", opcode)


def test_what_is_not_copied() -> None:
    payload = b"x" * 100_000
    assert make_server().encode_in_parts(payload, BINARY)[1] is payload


def test_a_view_of_larger_items_is_its_bytes() -> None:
    view = memoryview(b"abcdefgh").cast("I")
    assert make_server().encode(view, BINARY) == frame(BINARY, b"abcdefgh", key=None)
    assert make_server().encode(memoryview(b"abcdefgh")[::2], BINARY) == frame(BINARY, b"aceg", key=None)


def test_close_frames() -> None:
    engine = make_server(Deflate())
    assert engine.encode_close(1000, b"bye") == close(1000, b"bye", key=None)
    assert engine.encode_close(4999) == close(4999, key=None)
    assert engine.encode_close(1001, b"x" * 123) == close(1001, b"x" * 123, key=None)
    assert engine.encode_close(0) == close(key=None)


@pytest.mark.parametrize(
    ("code", "reason", "why"),
    [
        (1005, b"", "close code 1005 may not be sent"),
        (1006, b"", "close code 1006"),
        (999, b"", "close code 999"),
        (5000, b"", "close code 5000"),
        (-1, b"", "close code -1"),
        (0, b"bye", "close code 0"),
        (1000, b"x" * 124, "a reason of 124 bytes: a close frame has room for 123"),
    ],
)
def test_close_frames_that_may_not_be_sent(code: int, reason: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        make_server().encode_close(code, reason)


# -- compression -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("has_memory", [False, True])
def test_messages_are_compressed_as_was_agreed_on(bits: int, has_memory: bool) -> None:
    agreed = Deflate(server_no_context_takeover=not has_memory, server_max_window_bits=bits)
    engine, peer = make_server(agreed), Peer(bits, has_memory=has_memory)
    sizes = []
    for number in range(20):
        payload = b"%d" % number + bytes(range(256)) * 4
        data = engine.encode(payload, BINARY)
        sizes.append(len(data))
        assert peer.read(data) == [(BINARY, True, payload)]
    # A window of 2 KiB and more has all of the message before, of less has not.
    if has_memory and bits > 10:
        assert sizes[5] * 4 < sizes[0]
    if not has_memory:
        assert max(sizes) - min(sizes) < 5


def test_short_messages_are_not_compressed() -> None:
    engine, peer = make_server(Deflate()), Peer()
    for size in (0, 1, LEAST_DEFLATED - 1):
        assert peer.read(engine.encode(b"a" * size, TEXT)) == [(TEXT, False, b"a" * size)]
    assert peer.read(engine.encode(b"a" * LEAST_DEFLATED, TEXT)) == [(TEXT, True, b"a" * LEAST_DEFLATED)]


def test_nothing_is_compressed_that_was_not_agreed_on() -> None:
    for compress in (None, 0, 9, 15):
        assert make_server().encode(LONG, TEXT, compress) == frame(TEXT, LONG, key=None)


@pytest.mark.parametrize("agreed", BITS)
@pytest.mark.parametrize("compress", BITS)
def test_a_window_for_one_message(agreed: int, compress: int) -> None:
    # The peer's window is what both say: what is asked for beyond what was agreed on is not taken.
    engine, peer = make_server(Deflate(server_max_window_bits=agreed)), Peer(agreed)
    for number, bits in enumerate((None, compress, None, compress, compress, 0, None)):
        payload = TEXTS[number % 6]
        data = engine.encode(payload, BINARY, bits)
        assert peer.read(data) == [(BINARY, bits != 0, payload)]
    payload = bytes(range(256)) * 8
    alone = make_server(Deflate(server_max_window_bits=agreed)).encode(payload, BINARY, compress)
    assert Peer(min(agreed, compress)).read(alone) == [(BINARY, True, payload)]


@pytest.mark.parametrize("compress", [-1, 1, 8, 16, 100])
@pytest.mark.parametrize("deflate", [None, Deflate()])
def test_windows_that_there_are_not(compress: int, deflate: Deflate | None) -> None:
    with pytest.raises(ValueError, match=f"compress={compress}: a window has 9 to 15 bits"):
        make_server(deflate).encode(LONG, TEXT, compress)
    with pytest.raises(ValueError, match=f"compress={compress}"):
        make_server(deflate).encode_in_parts(b"", TEXT, compress)


def test_a_compressed_message_in_parts() -> None:
    head, payload = make_server(Deflate()).encode_in_parts(LONG, TEXT)
    assert Peer().read(head + payload) == [(TEXT, True, LONG)]


# -- one message for many ----------------------------------------------------------------------------------


def test_a_shared_message_is_compressed_once_for_each_window(monkeypatch: pytest.MonkeyPatch) -> None:
    compressed = []
    compress_alone = deflate_module.compress_alone

    def count(payload: Bytes, bits: int) -> bytes:
        compressed.append(bits)
        return compress_alone(payload, bits)

    monkeypatch.setattr("sketch.protocol.ws.encoder.compress_alone", count)
    message = SharedMessage(LONG.decode())
    frames = set()
    for bits in (15, 12, 15, 15, 12):
        data = make_server(Deflate(server_max_window_bits=bits)).encode_shared(message)
        assert Peer(bits).read(data) == [(TEXT, True, LONG)]
        frames.add(id(data))
    assert make_server().encode_shared(message) == frame(TEXT, LONG, key=None)
    assert make_server().encode_shared(message) is make_server().encode_shared(message)
    assert compressed == [15, 12]
    assert len(frames) == 2


def test_a_short_shared_message() -> None:
    message = SharedMessage(b"short")
    for deflate in (None, Deflate()):
        assert make_server(deflate).encode_shared(message) == frame(BINARY, b"short", key=None)
    assert list(message.encoded) == [0]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["own", "own", "own", "shared", "window", "plain", "elsewhere", "abandoned", "short"]
        ),
        st.integers(0, 5),
    ),
    max_size=30,
)


@given(steps=STEPS, has_memory=st.booleans(), bits=st.sampled_from(BITS))
def test_any_sequence_of_messages_is_understood(
    steps: list[tuple[str, int]], has_memory: bool, bits: int
) -> None:
    """What others get enters the peer's window behind our compressor's back; so does what has a window of its
    own. Whatever is sent, in whatever order: an inflater that knows nothing of that reads it."""
    agreed = Deflate(server_no_context_takeover=not has_memory, server_max_window_bits=bits)
    engine, peer = make_server(agreed), Peer(bits, has_memory=has_memory)
    shared = [SharedMessage(text) for text in TEXTS]
    for step, number in steps:
        payload = TEXTS[number]
        if step == "short":
            payload = payload[:10]
        if step in ("elsewhere", "abandoned"):
            compression = engine.begin_compression(payload, 9 + number if number % 3 else None)
            meanwhile = engine.encode(payload, TEXT) + engine.encode_shared(shared[number])
            meanwhile += engine.encode(payload, TEXT, 9)
            assert peer.read(meanwhile) == [
                (TEXT, False, payload),
                (BINARY, False, payload),
                (TEXT, False, payload),
            ]
            if step == "abandoned":
                if number % 2:
                    compression()
                engine.abandon_compression()
                continue
            head, rest = engine.end_compression(compression(), BINARY)
            data = head + rest
        elif step == "shared":
            data = engine.encode_shared(shared[number])
        else:
            compress = {"window": 9 + number, "plain": 0}.get(step)
            data = engine.encode(payload, BINARY, compress)
        assert peer.read(data) == [(BINARY, step not in ("plain", "short"), payload)]


# -- compressing elsewhere ---------------------------------------------------------------------------------


@pytest.mark.parametrize("has_memory", [False, True])
def test_a_message_is_compressed_in_another_thread(has_memory: bool) -> None:
    engine = make_server(Deflate(server_no_context_takeover=not has_memory))
    peer = Peer(has_memory=has_memory)
    payload = LONG * 10_000
    with ThreadPoolExecutor() as executor:
        for compress in (None, None, 11):
            assert peer.read(engine.encode(LONG, TEXT)) == [(TEXT, True, LONG)]
            future = executor.submit(engine.begin_compression(payload, compress))
            assert not engine.can_compress
            assert peer.read(engine.encode(LONG, TEXT)) == [(TEXT, False, LONG)]
            head, rest = engine.end_compression(future.result(), TEXT)
            assert engine.can_compress
            assert peer.read(head + rest) == [(TEXT, True, payload)]


def test_a_window_for_one_message_that_is_compressed_elsewhere() -> None:
    engine, peer = make_server(Deflate()), Peer()
    for number, bits in enumerate((None, 9, None, 12, None)):
        assert peer.read(engine.encode(TEXTS[0], BINARY)) == [(BINARY, True, TEXTS[0])]
        compressed = engine.begin_compression(TEXTS[number], bits)()
        head, rest = engine.end_compression(compressed, BINARY)
        assert peer.read(head + rest) == [(BINARY, True, TEXTS[number])]


def test_one_compression_elsewhere_at_a_time() -> None:
    engine = make_server(Deflate())
    engine.begin_compression(LONG)
    with pytest.raises(LocalProtocolError, match="can_compress"):
        engine.begin_compression(LONG)
    engine.abandon_compression()
    for settle in (engine.abandon_compression, lambda: engine.end_compression(b"", TEXT)):
        with pytest.raises(LocalProtocolError, match="no compression has begun"):
            settle()


def test_there_is_no_compression_elsewhere_where_none_was_agreed_on() -> None:
    engine = make_server()
    assert not engine.can_compress
    with pytest.raises(LocalProtocolError):
        engine.begin_compression(LONG)
    with pytest.raises(LocalProtocolError):
        engine.abandon_compression()


def test_what_cannot_be_compressed_is_refused_before_it_begins() -> None:
    engine = make_server(Deflate())
    with pytest.raises(ValueError, match="compress=8"):
        engine.begin_compression(LONG, 8)
    assert engine.can_compress


def test_a_shared_message_while_another_is_compressed_is_sent_as_it_is() -> None:
    engine, peer = make_server(Deflate()), Peer()
    message = SharedMessage(LONG)
    compression = engine.begin_compression(LONG)
    assert peer.read(engine.encode_shared(message)) == [(BINARY, False, LONG)]
    assert peer.read(b"".join(engine.end_compression(compression(), TEXT))) == [(TEXT, True, LONG)]
    assert peer.read(engine.encode_shared(message)) == [(BINARY, True, LONG)]


# -- the client's side -------------------------------------------------------------------------------------


def make_client(deflate: Deflate | None = None) -> WebSocketEngine:
    return WebSocketEngine(max_message_size=0, deflate=deflate, is_client=True)


def test_a_client_masks_what_it_sends() -> None:
    keys = iter([b"abcd", b"efgh", b"ijkl", b"mnop"])
    client = WebSocketEngine(max_message_size=0, is_client=True, make_key=lambda: next(keys))
    assert client.encode(b"hello", TEXT) == frame(TEXT, b"hello", key=b"abcd")
    assert client.encode(b"", PING) == frame(PING, key=b"efgh")
    assert client.encode_close(1000, b"bye") == close(1000, b"bye", key=b"ijkl")
    assert client.encode_shared(SharedMessage(b"x" * 300)) == frame(BINARY, b"x" * 300, key=b"mnop")


def test_masks_cannot_be_foreseen() -> None:
    client = make_client()
    assert len({client.encode(b"", TEXT)[2:6] for _ in range(50)}) == 50


def test_a_client_compresses_nothing_for_a_window_that_it_cannot_make() -> None:
    agreed = Deflate(client_max_window_bits=8)
    client, server = make_client(agreed), make_server(agreed)
    assert not client.can_compress
    data = client.encode(LONG, TEXT) + client.encode_shared(SharedMessage(LONG))
    assert data[0] == 0x81
    assert [message.data for message in server.receive(data)] == [LONG.decode(), LONG]
    # The server's messages are another matter.
    assert client.receive(server.encode(LONG, BINARY)) == [(WSMsgType.BINARY, LONG, None)]


def test_a_client_takes_no_masked_frames() -> None:
    client = make_client()
    assert client.receive(frame(TEXT, b"a", key=None)) == [(WSMsgType.TEXT, "a", None)]
    assert client.receive(frame(TEXT, b"a")) == []
    assert client.failure is not None
    assert client.failure.code == 1002
    assert "a server does not mask" in str(client.failure)


@pytest.mark.parametrize(
    "deflate",
    [None, Deflate(), Deflate(True, True), Deflate(server_max_window_bits=9, client_max_window_bits=10)],
)
@pytest.mark.parametrize("size", [0, 5, 126, 5000, 70_000])
def test_both_sides_understand_each_other(deflate: Deflate | None, size: int) -> None:
    server, client = make_server(deflate), make_client(deflate)
    message = SharedMessage("ä" * size)
    for _ in range(3):
        for sender, receiver in ((server, client), (client, server)):
            data = sender.encode(b"\xff" * size, BINARY) + sender.encode_shared(message)
            data += b"".join(sender.encode_in_parts(b"a" * size, TEXT))
            expected = [b"\xff" * size, "ä" * size, "a" * size]
            assert [each.data for each in receiver.receive(data)] == expected
            assert receiver.failure is None
