"""Whether an engine says what the reference says: whole, byte by byte, and in any pieces."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.http.handshake import Deflate
from tests.protocol.ws.building import BINARY, CONTINUATION, TEXT, close, compress, compress_finally, frame
from tests.protocol.ws.reference import Told, agree
from tests.protocol.ws.transcript import cut, one_by_one, receive, refer

TEXTS = st.text(max_size=40).map(str.encode) | st.sampled_from(
    [
        b"a" * 125,
        b"b" * 126,
        "ü".encode() * 70,
        "\U0001f600".encode() * 3,
        b"\xff",
        b"\xc3",
        b"ab\xed\xa0",
        b"",
    ]
)
PAYLOADS = TEXTS | st.binary(max_size=60) | st.sampled_from([b"", b"x" * 200, bytes(65536)])
DEFLATES = st.sampled_from([None, Deflate(), Deflate(client_no_context_takeover=True)])


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """Mostly right: a message in fragments, with control frames between them."""
    opcode = draw(st.sampled_from([TEXT, BINARY]))
    payload = draw(TEXTS if opcode == TEXT else PAYLOADS)
    rsv = draw(st.sampled_from([0, 0, 4]))
    if rsv:
        payload = draw(st.sampled_from([compress, compress_finally]))(payload)
    places = draw(st.lists(st.integers(0, len(payload)), max_size=4))
    pieces = list(cut(payload, places))
    data = b""
    for number, piece in enumerate(pieces):
        data += frame(
            CONTINUATION if number else opcode,
            piece,
            fin=number == len(pieces) - 1,
            rsv=0 if number else rsv,
            key=draw(st.binary(min_size=4, max_size=4)),
        )
        if draw(st.booleans()):
            data += frame(draw(st.sampled_from([9, 10])), draw(st.binary(max_size=20)))
    return data


@st.composite
def any_frame(draw: st.DrawFn) -> bytes:
    """Mostly wrong."""
    return frame(
        draw(st.integers(0, 15)),
        draw(PAYLOADS),
        fin=draw(st.booleans()),
        rsv=draw(st.sampled_from([0, 0, 0, 4, 1])),
        key=draw(st.sampled_from([b"\0\0\0\0", b"mask", b"mask", None])),
        form=draw(st.sampled_from([None, None, None, 127])),
        length=draw(st.sampled_from([None, None, None, 3, 2**63])) if draw(st.booleans()) else None,
    )


CODES = st.integers(0, 5000) | st.sampled_from(
    [999, 1000, 1004, 1005, 1006, 1007, 1014, 1015, 2999, 3000, 4999]
)
CLOSES = st.builds(close, CODES, TEXTS.filter(lambda reason: len(reason) <= 123))


@given(
    data=st.lists(messages() | messages() | CLOSES, max_size=5).map(b"".join),
    limit=st.sampled_from([0, 0, 20, 126, 1000]),
    deflate=DEFLATES,
    seed=st.integers(0, 2**32),
)
def test_messages(data: bytes, limit: int, deflate: Deflate | None, seed: int) -> None:
    agrees(data, limit, deflate, seed)


@given(
    data=st.lists(messages() | any_frame() | CLOSES | st.binary(max_size=20), max_size=5).map(b"".join),
    limit=st.sampled_from([0, 20, 1000]),
    deflate=DEFLATES,
    seed=st.integers(0, 2**32),
)
def test_anything(data: bytes, limit: int, deflate: Deflate | None, seed: int) -> None:
    agrees(data, limit, deflate, seed)


@given(
    packets=st.lists(messages() | messages() | any_frame() | CLOSES, max_size=8),
    limit=st.sampled_from([0, 0, 20, 126, 1000]),
    deflate=DEFLATES,
)
def test_each_frame_in_a_packet_of_its_own(packets: list[bytes], limit: int, deflate: Deflate | None) -> None:
    """What is one whole message is read in another way than the rest, whatever came before it."""
    expected = refer(b"".join(packets), limit=limit, deflate=deflate)
    assert agree(receive(packets, limit=limit, deflate=deflate), expected)


def agrees(data: bytes, limit: int, deflate: Deflate | None, seed: int) -> None:
    expected = refer(data, limit=limit, deflate=deflate)
    random = Random(seed)
    places = [random.randrange(len(data) + 1) for _ in range(random.randrange(6))]
    assert agree(receive([data], limit=limit, deflate=deflate), expected)
    assert agree(receive(cut(data, places), limit=limit, deflate=deflate), expected)
    if len(data) < 2000:
        assert agree(receive(one_by_one(data), limit=limit, deflate=deflate), expected)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        # RFC 6455, section 5.7, with the example's mask.
        (bytes.fromhex("818537fa213d7f9f4d5158"), Told([("TEXT", "Hello", None)])),
        (bytes.fromhex("898537fa213d7f9f4d5158"), Told([("PING", b"Hello", None)])),
        (b"\x81\x05Hello", Told(code=1002)),
    ],
)
def test_the_examples_of_the_specification(data: bytes, expected: Told) -> None:
    assert refer(data) == receive([data]) == receive(one_by_one(data)) == expected
