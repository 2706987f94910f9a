"""What a server's engine makes of the frames of a client: the messages, and what is refused, where and with
which close code."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from sketch.http.handshake import Deflate
from sketch.http.websocket import WebSocketError, WSMessage, WSMessageTextBytes, WSMsgType
from sketch.protocol.ws.connection import WebSocketEngine
from sketch.protocol.ws.deflate import Inflater
from sketch.protocol.ws.mask import apply_mask
from tests.protocol.ws.building import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    WIDE,
    WIDEST,
    Compressor,
    close,
    compress,
    frame,
)
from tests.protocol.ws.transcript import cut, one_by_one, receive

RSV1 = 4


def make_engine(limit: int = 0, **options: Any) -> WebSocketEngine:
    return WebSocketEngine(max_message_size=limit, **options)


def refused(data: bytes, **options: Any) -> tuple[int | None, int]:
    """The code that these bytes are refused with, and after how many of them."""
    engine = make_engine(**options)
    for count, byte in enumerate(one_by_one(data), 1):
        engine.receive(byte)
        if engine.failure is not None:
            return engine.failure.code, count
    return None, len(data)


# -- every frame in every state ----------------------------------------------------------------------------

STATES = {
    "between messages": b"",
    "within a text message": frame(TEXT, b"a", fin=False),
    "within a binary message": frame(BINARY, b"a", fin=False),
    "within a compressed message": frame(BINARY, compress(b"a"), fin=False, rsv=RSV1),
    "closed": close(1000),
    "failed": frame(3),
}

WITHIN = ("within a text message", "within a binary message", "within a compressed message")

MESSAGE, NOTHING, REFUSED = "message", "nothing", "refused"

# For each frame: between messages, and within one. Control frames may be anywhere.
TABLE = {
    (TEXT, "final"): (MESSAGE, REFUSED),
    (TEXT, "not final"): (NOTHING, REFUSED),
    (BINARY, "final"): (MESSAGE, REFUSED),
    (BINARY, "not final"): (NOTHING, REFUSED),
    (CONTINUATION, "final"): (REFUSED, MESSAGE),
    (CONTINUATION, "not final"): (REFUSED, NOTHING),
    (PING, "final"): (MESSAGE, MESSAGE),
    (PING, "not final"): (REFUSED, REFUSED),
    (PONG, "final"): (MESSAGE, MESSAGE),
    (PONG, "not final"): (REFUSED, REFUSED),
    (CLOSE, "final"): (MESSAGE, MESSAGE),
    (CLOSE, "not final"): (REFUSED, REFUSED),
    **{(opcode, "final"): (REFUSED, REFUSED) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    **{(opcode, "not final"): (REFUSED, REFUSED) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
}


def outcome(engine: WebSocketEngine, data: bytes) -> str:
    messages = engine.receive(data)
    if engine.failure is not None:
        assert engine.failure.code == 1002
        assert messages == []
        return REFUSED
    assert len(messages) <= 1
    return MESSAGE if messages else NOTHING


def test_the_table_has_every_frame() -> None:
    assert len(TABLE) == 2 * 16


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("deflate", [None, Deflate()], ids=["plain", "deflate"])
@pytest.mark.parametrize("rsv", range(8))
def test_every_frame_in_every_state(state: str, deflate: Deflate | None, rsv: int) -> None:
    for (opcode, final), (between, within) in TABLE.items():
        engine = make_engine(deflate=deflate)
        engine.receive(STATES[state])
        if state == "within a compressed message" and deflate is None:
            assert engine.failure is not None
            continue
        if state in ("closed", "failed"):
            failure = engine.failure
            assert engine.receive(frame(opcode, rsv=rsv)) == []
            assert engine.failure is failure
            continue
        expected = within if state in WITHIN else between
        if rsv and not (rsv == RSV1 and deflate and opcode in (TEXT, BINARY)):
            expected = REFUSED
        assert outcome(engine, frame(opcode, rsv=rsv, fin=final == "final")) == expected, (opcode, final)


# -- messages ----------------------------------------------------------------------------------------------

BOTH_WAYS: list[Callable[[bytes], list[bytes]]] = [lambda data: [data], lambda data: list(one_by_one(data))]
AS_IT_COMES = pytest.mark.parametrize("pieces", BOTH_WAYS, ids=["whole", "byte by byte"])


@AS_IT_COMES
@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 70000])
@pytest.mark.parametrize("deflate", [None, Deflate()], ids=["plain", "deflate"])
def test_messages_of_every_form_of_length(
    size: int, deflate: Deflate | None, pieces: Callable[[bytes], list[bytes]]
) -> None:
    payload = Random(size).randbytes(size)
    text = "ü" * (size // 2)
    data = frame(BINARY, payload) + frame(TEXT, text.encode())
    if deflate is not None:
        data += frame(BINARY, compress(payload), rsv=RSV1)
    told = receive(pieces(data), deflate=deflate)
    assert told.code is None
    expected = [("BINARY", payload, None), ("TEXT", text, None)]
    assert told.messages == (expected if deflate is None else [*expected, expected[0]])


def test_messages_are_of_the_types_that_the_seam_names() -> None:
    everything = (
        frame(TEXT, b"a") + frame(BINARY, b"b") + frame(PING, b"c") + frame(PONG) + close(1001, b"bye")
    )
    messages = make_engine().receive(everything)
    assert messages == [
        WSMessage(WSMsgType.TEXT, "a", None),
        WSMessage(WSMsgType.BINARY, b"b", None),
        WSMessage(WSMsgType.PING, b"c", None),
        WSMessage(WSMsgType.PONG, b"", None),
        WSMessage(WSMsgType.CLOSE, 1001, "bye"),
    ]
    for message in messages:
        assert type(message) is WSMessage
        assert type(message.type) is WSMsgType
        assert type(message.data) in (str, bytes, int)


@pytest.mark.parametrize(
    "data",
    [
        frame(TEXT, b"gr\xc3\xbc\xc3\x9f"),
        frame(TEXT, b"gr\xc3", fin=False) + frame(CONTINUATION, b"\xbc\xc3\x9f"),
        frame(TEXT, compress(b"gr\xc3\xbc\xc3\x9f"), rsv=RSV1),
        frame(TEXT, b"gr\xc3\xbc\xc3\x9f") + frame(PING),
    ],
)
@AS_IT_COMES
def test_text_that_is_left_as_bytes(data: bytes, pieces: Callable[[bytes], list[bytes]]) -> None:
    engine = make_engine(decode_text=False, deflate=Deflate())
    messages = [message for piece in pieces(data) for message in engine.receive(piece)]
    message: object = messages[0]
    assert type(message) is WSMessageTextBytes
    assert message == (WSMsgType.TEXT, b"gr\xc3\xbc\xc3\x9f", None)


@pytest.mark.parametrize("text", [b"\xff", b"\xc3", b"a" * 300 + b"\xed\xa0\x80"])
def test_text_that_is_left_as_bytes_is_still_text(text: bytes) -> None:
    for rsv, payload in ((0, text), (RSV1, compress(text))):
        engine = make_engine(decode_text=False, deflate=Deflate())
        assert engine.receive(frame(TEXT, payload, rsv=rsv)) == []
        assert engine.failure is not None
        assert engine.failure.code == 1007


def test_control_frames_come_between_fragments() -> None:
    data = frame(TEXT, b"a", fin=False) + frame(PING, b"1") + frame(CONTINUATION, b"b", fin=False)
    data += frame(PONG, b"2") + frame(CONTINUATION, b"c")
    expected = [("PING", b"1", None), ("PONG", b"2", None), ("TEXT", "abc", None)]
    assert receive([data]).messages == receive(one_by_one(data)).messages == expected


def test_empty_fragments() -> None:
    empty = frame(CONTINUATION, fin=False)
    data = (
        frame(TEXT, fin=False)
        + empty * 3
        + frame(CONTINUATION, b"a", fin=False)
        + empty
        + frame(CONTINUATION)
    )
    data += frame(BINARY, fin=False) + frame(CONTINUATION) + frame(TEXT)
    expected = [("TEXT", "a", None), ("BINARY", b"", None), ("TEXT", "", None)]
    assert receive([data]).messages == receive(one_by_one(data)).messages == expected


def test_many_messages_at_once_and_cut_anywhere() -> None:
    data = b"".join(frame(1 + number % 2, b"m%d" % number * (number % 60)) for number in range(300))
    whole = receive([data])
    assert len(whole.messages) == 300
    for seed in range(50):
        random = Random(seed)
        assert receive(cut(data, [random.randrange(len(data)) for _ in range(20)])) == whole


def test_each_byte_of_a_mask_counts_wherever_a_frame_is_cut() -> None:
    payload = bytes(range(256)) * 2
    data = frame(BINARY, payload, key=b"\x01\x20\x83\xff")
    for place in range(len(data)):
        assert receive(cut(data, [place])).messages == [("BINARY", payload, None)]


# -- what is refused, and when -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "count", "why"),
    [
        (frame(TEXT, b"hello", key=None), 2, "a client masks its frames"),
        (frame(PING, key=None), 2, "a client masks its frames"),
        (frame(TEXT, rsv=1), 2, "reserved bits are 001"),
        (frame(TEXT, rsv=2), 2, "reserved bits are 010"),
        (frame(TEXT, rsv=RSV1), 2, "reserved bits are 100"),
        (frame(3), 2, "opcode 0x3 is reserved"),
        (frame(15, rsv=7), 2, "opcode 0xf is reserved"),
        (frame(PING, fin=False), 2, "a control frame is not fragmented"),
        (frame(PING, b"x" * 126), 2, "more than 125 bytes"),
        (frame(CLOSE, b"x" * 65536), 2, "more than 125 bytes"),
        (frame(PONG, b"x", form=WIDE), 2, "more than 125 bytes"),
        (frame(CONTINUATION, b"x"), 2, "no message that a continuation could belong to"),
        (frame(TEXT, fin=False) + frame(TEXT), 8, "a message begins inside another one"),
        (frame(TEXT, b"hello", form=WIDE), 8, "need no length of 16 bits"),
        (frame(TEXT, b"x" * 125, form=WIDE), 8, "need no length of 16 bits"),
        (frame(TEXT, b"hello", form=WIDEST), 14, "is no length of 64 bits"),
        (frame(TEXT, b"x" * 65535, form=WIDEST), 14, "is no length of 64 bits"),
        (frame(TEXT, length=2**63), 14, "is no length of 64 bits"),
        (frame(TEXT, length=2**64 - 1), 14, "is no length of 64 bits"),
        (close()[:1] + b"\x81mask" + b"\x03", 7, "half a close code"),
    ],
)
def test_frames_that_break_the_protocol(data: bytes, count: int, why: str) -> None:
    code, refused_after = refused(data)
    assert code == 1002
    assert refused_after <= count
    engine = make_engine()
    assert engine.receive(data) == []
    assert engine.failure is not None
    assert why in str(engine.failure)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (frame(PING, rsv=RSV1), "a control frame is not compressed"),
        (frame(TEXT, fin=False) + frame(CONTINUATION, rsv=RSV1), "only the first frame of a message"),
        (frame(TEXT, rsv=5), "reserved bits are 101"),
    ],
)
def test_where_a_frame_may_not_say_that_it_is_compressed(data: bytes, why: str) -> None:
    engine = make_engine(deflate=Deflate())
    assert engine.receive(data) == []
    assert engine.failure is not None
    assert engine.failure.code == 1002
    assert why in str(engine.failure)


def test_what_came_before_the_fault_is_there() -> None:
    engine = make_engine()
    messages = engine.receive(frame(TEXT, b"a") + frame(PING) + frame(3) + frame(TEXT, b"b"))
    assert [message.type.name for message in messages] == ["TEXT", "PING"]
    failure = engine.failure
    assert isinstance(failure, WebSocketError)
    assert engine.receive(frame(TEXT, b"c")) == []
    assert engine.failure is failure


# -- close frames ------------------------------------------------------------------------------------------

RIGHT_CODES = [1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 3999, 4000, 4999]
WRONG_CODES = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]


@pytest.mark.parametrize("code", RIGHT_CODES)
def test_codes_that_a_close_frame_may_have(code: int) -> None:
    engine = make_engine()
    assert engine.receive(close(code, "tschüß".encode())) == [(WSMsgType.CLOSE, code, "tschüß")]
    assert engine.close_received
    assert engine.failure is None


@pytest.mark.parametrize("code", WRONG_CODES)
def test_codes_that_it_may_not_have(code: int) -> None:
    engine = make_engine()
    assert engine.receive(close(code)) == []
    assert engine.failure is not None
    assert engine.failure.code == 1002
    assert not engine.close_received


def test_a_close_frame_without_a_code() -> None:
    assert make_engine().receive(close()) == [(WSMsgType.CLOSE, 0, "")]


@pytest.mark.parametrize("reason", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"a" * 122 + b"\xe2"])
def test_a_reason_that_is_no_text(reason: bytes) -> None:
    assert refused(close(1000, reason)) == (1007, len(close(1000, reason)))


def test_nothing_is_parsed_after_a_close_frame() -> None:
    engine = make_engine()
    messages = engine.receive(frame(TEXT, b"a") + close(1000) + frame(TEXT, b"b") + frame(3))
    assert [message.type.name for message in messages] == ["TEXT", "CLOSE"]
    assert engine.receive(frame(3)) == []
    assert engine.failure is None
    assert not engine.has_held


def test_a_close_frame_in_the_middle_of_a_message() -> None:
    data = frame(TEXT, b"a", fin=False) + close(1001)
    assert receive([data]) == receive(one_by_one(data))
    assert receive([data]).messages == [("CLOSE", 1001, "")]


# -- text, at the first byte -------------------------------------------------------------------------------

FAULTY = [
    (b"ab\xffcd", 3),
    (b"ab\xc0\xafcd", 3),
    (b"\xed\xa0\x80", 2),
    (b"\xf4\x90\x80\x80", 2),
    (b"a\xe2\x82b", 4),
]
"""Texts, and at which byte they stop to be UTF-8."""


@pytest.mark.parametrize(("text", "count"), FAULTY)
def test_text_is_refused_at_its_first_bad_byte(text: bytes, count: int) -> None:
    head = 6
    # Inside a frame of which more is to come; at the end of one; and across fragments.
    assert refused(frame(TEXT, text + b"x" * 50)) == (1007, head + count)
    assert refused(frame(TEXT, text[:count])) == (1007, head + count)
    fragments = [frame(TEXT, fin=False), *(frame(CONTINUATION, text[n : n + 1], fin=False) for n in range(9))]
    assert refused(b"".join(fragments)) == (1007, head + (head + 1) * count)
    # Nor is the rest waited for when the bad byte comes with others.
    engine = make_engine()
    assert engine.receive(frame(TEXT, text + b"x" * 100_000)[:300]) == []
    assert engine.failure is not None


@pytest.mark.parametrize(("text", "count"), FAULTY)
def test_inflated_text_is_refused_before_its_message_is_complete(text: bytes, count: int) -> None:
    compressor = Compressor()
    # Each fragment is flushed, so that what came can be inflated.
    pieces = [compressor.compress(text[n : n + 1]) + b"\0\0\xff\xff" for n in range(count)]
    data = frame(TEXT, pieces[0], fin=False, rsv=RSV1)
    data += b"".join(frame(CONTINUATION, piece, fin=False) for piece in pieces[1:])
    code, refused_after = refused(data, deflate=Deflate())
    assert code == 1007
    assert refused_after > len(data) - len(pieces[-1])


@pytest.mark.parametrize("text", [b"\xc3", b"a\xe2\x82", b"\xf0\x9f\x98"])
def test_text_that_ends_in_the_middle_of_a_character(text: bytes) -> None:
    assert refused(frame(TEXT, text)) == (1007, 6 + len(text))
    fragments = frame(TEXT, text, fin=False) + frame(CONTINUATION)
    assert refused(fragments) == (1007, len(fragments))
    assert refused(frame(TEXT, compress(text), rsv=RSV1), deflate=Deflate())[0] == 1007


def test_binary_data_is_not_text() -> None:
    data = frame(BINARY, b"\xff", fin=False) + frame(CONTINUATION, b"\xc3")
    assert receive(one_by_one(data)).messages == [("BINARY", b"\xff\xc3", None)]


# -- sizes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 5, 125, 126, 65535, 65536])
@AS_IT_COMES
def test_a_message_may_have_as_many_bytes_as_the_limit_says(
    limit: int, pieces: Callable[[bytes], list[bytes]]
) -> None:
    payload = b"x" * limit
    half = limit // 2
    for data in (
        frame(TEXT, payload),
        frame(BINARY, payload[:half], fin=False) + frame(CONTINUATION, payload[half:]),
        frame(BINARY, compress(payload), rsv=RSV1),
        frame(BINARY, Compressor().compress(Random(1).randbytes(limit)), rsv=RSV1),
    ):
        told = receive(pieces(data), limit=limit, deflate=Deflate())
        assert told.code is None
        assert len(told.messages[0][1]) == limit


@pytest.mark.parametrize("limit", [1, 5, 124, 125, 126, 65535, 65536])
def test_a_message_that_is_too_big_is_refused_with_the_head_of_its_frame(limit: int) -> None:
    payload = b"x" * (limit + 1)
    whole = frame(TEXT, payload)
    assert refused(whole, limit=limit) == (1009, len(whole) - len(payload))
    first = frame(TEXT, payload[:limit], fin=False)
    assert refused(first + frame(CONTINUATION, b"x"), limit=limit) == (1009, len(first) + 6)
    engine = make_engine(limit)
    assert engine.receive(whole) == []
    assert str(engine.failure) == f"a message of more than {limit} bytes"


def test_control_frames_do_not_count() -> None:
    data = frame(TEXT, b"abc", fin=False) + frame(PING, b"x" * 125) * 3 + frame(CONTINUATION, b"de")
    assert receive([data], limit=5).code is None


@pytest.mark.parametrize("limit", [1, 100, 2**16])
def test_a_message_is_not_inflated_beyond_the_limit(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    inflated: list[int] = []
    inflate = Inflater._inflate

    def count(self: Inflater, data: bytes, most: int, end: bytes) -> bytes:
        result = inflate(self, data, most, end)
        inflated.append(len(result))
        return result

    monkeypatch.setattr(Inflater, "_inflate", count)
    bomb = compress(bytes(10_000_000))
    small = compress(bytes(limit + 1))
    for data in (
        frame(BINARY, small, rsv=RSV1),
        frame(TEXT, small, rsv=RSV1),
        frame(BINARY, small, rsv=RSV1, fin=False),
        frame(BINARY, bomb, rsv=RSV1),
    ):
        inflated.clear()
        assert receive([data], limit=limit, deflate=Deflate()).code == 1009
        assert sum(inflated) <= limit + 1


def test_no_limit() -> None:
    data = frame(BINARY, compress(bytes(5_000_000)), rsv=RSV1) + frame(BINARY, bytes(5_000_000))
    assert [len(message[1]) for message in receive([data], deflate=Deflate()).messages] == [5_000_000] * 2
    engine = make_engine()
    assert engine.receive(frame(BINARY, length=2**61)) == []
    assert engine.failure is None


# -- what is held ------------------------------------------------------------------------------------------


def test_messages_enough_are_enough() -> None:
    bombs = frame(BINARY, compress(bytes(100_000)), rsv=RSV1) * 50
    engine = make_engine(deflate=Deflate(client_no_context_takeover=True))
    counts = [len(engine.receive(bombs))]
    while engine.has_held:
        counts.append(len(engine.receive(b"")))
    assert sum(counts) == 50
    assert counts == [3] * 16 + [2]
    assert engine.receive(frame(TEXT, b"a")) == [(WSMsgType.TEXT, "a", None)]


def test_fragmented_messages_count_too() -> None:
    payload = compress(bytes(100_000))
    bomb = frame(BINARY, payload[:5], rsv=RSV1, fin=False) + frame(CONTINUATION, payload[5:])
    engine = make_engine(deflate=Deflate(client_no_context_takeover=True))
    assert len(engine.receive(bomb * 9)) == 3
    assert engine.has_held
    # More may come before what is held was asked for.
    assert len(engine.receive(frame(PING))) == 3
    assert len(engine.receive(b"")) == 3
    assert engine.has_held
    assert [message.type.name for message in engine.receive(b"")] == ["PING"]
    assert not engine.has_held


def test_many_small_messages_are_held_as_bytes() -> None:
    engine = make_engine()
    data = frame(TEXT) * 5000 + frame(PING)
    counts = [len(engine.receive(data))]
    while engine.has_held:
        counts.append(len(engine.receive(b"")))
    assert counts == [2048, 2048, 905]


def test_a_fault_in_what_is_held_comes_in_its_turn() -> None:
    engine = make_engine()
    assert len(engine.receive(frame(TEXT) * 3000 + frame(3))) == 2048
    assert engine.failure is None
    assert len(engine.receive(b"")) == 952
    assert engine.failure is not None
    assert not engine.has_held
    assert engine.receive(b"") == []


def test_large_messages_that_came_as_they_are_do_not_count() -> None:
    engine = make_engine()
    assert len(engine.receive(frame(BINARY, bytes(100_000)) * 10)) == 10
    assert not engine.has_held


class Copies:
    """Counts bytes that are unmasked, and the most that is held in between."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.unmasked = 0

        def count(data: bytes, mask: bytes) -> bytes:
            self.unmasked += len(data)
            return apply_mask(data, mask)

        monkeypatch.setattr("sketch.protocol.ws.connection.apply_mask", count)


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("size", [1, 3, 4096, 65536])
def test_each_byte_is_copied_a_few_times_however_many_pieces_it_comes_in(
    opcode: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = Copies(monkeypatch)
    payload = "ä€b".encode() * (20_000 if size < 10 else 200_000)
    data = frame(opcode, payload)
    engine = make_engine()
    messages: list[WSMessage] = []
    for start in range(0, len(data), size):
        messages += engine.receive(data[start : start + size])
        # What is copied with the next piece: no more than a head.
        assert len(engine._held) < 14
        if engine._assembly is not None:
            pieces = engine._assembly._pieces
            # Joined once, when there are many of them, and once in the end.
            assert len(pieces) <= 256 + start / size / 256
            assert len(pieces) - engine._assembly._folded <= 256
    assert copies.unmasked == len(payload)
    assert messages[0].data == (payload.decode() if opcode == TEXT else payload)


def test_an_idle_engine_holds_nothing() -> None:
    engine = make_engine(deflate=Deflate())
    assert engine._inflater is not None
    assert engine._inflater._stream is None
    assert engine._deflater is not None
    assert engine._deflater._compressor is None
    for data in (frame(TEXT, b"a" * 9000, fin=False), frame(3)):
        engine.receive(data)
    assert engine.failure is not None
    kept: tuple[object, ...] = (engine._held, engine._assembly, engine._inflater)
    assert kept == (b"", None, None)
