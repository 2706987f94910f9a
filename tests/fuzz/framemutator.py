"""Bytes that are nearly the frames of a client: right ones, changed in ways that matter to an engine.

Everything follows from the seed, as in `tests.fuzz.mutator`.
"""

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from sketch.http.handshake import Deflate
from tests.fuzz.mutator import end_early, flip_bit, random_for
from tests.protocol.ws.building import Compressor, compress_finally

KEYS = [b"\0\0\0\0", b"mask", b"\x80\x01\xff\x7f"]
_TEXTS = [
    b"", b"a", b"hello", b"x" * 125, b"y" * 126, b'{"user": "u1", "text": "hello hello hello"}',
    b"gr\xc3\xbc\xc3\x9fe", b"\xe2\x82\xac" * 9, b"\xf0\x9f\x98\x80" * 5, b"0" * 300,
    b"\xef\xbb\xbf\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf",
]  # fmt: skip
_FAULTY_TEXTS = [
    b"\x80", b"\xc0\xaf", b"\xc3", b"ab\xe2\x82", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf5", b"\xff",
    b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"a" * 100 + b"\xc3\x28", b"\xf0\x9f\x98",
]  # fmt: skip
_CODES = [0, 999, 1000, 1001, 1004, 1005, 1006, 1007, 1014, 1015, 1016, 2999, 3000, 4999, 5000, 65535]
_DEFLATES = [
    None, None, None, Deflate(), Deflate(client_no_context_takeover=True), Deflate(client_max_window_bits=9),
]  # fmt: skip


class Stream(NamedTuple):
    """What a peer sends, and what it is sent to. ``limit``: of a message."""

    data: bytes
    limit: int
    deflate: Deflate | None


class Frame(NamedTuple):
    """A frame before it is bytes, so that it can be changed where it matters."""

    opcode: int
    payload: bytes
    fin: bool = True
    rsv: int = 0
    key: bytes | None = KEYS[1]
    form: int = 0
    length: int | None = None

    def encode(self) -> bytes:
        length = len(self.payload) if self.length is None else self.length
        form = self.form or (0 if length < 126 else 126 if length < 65536 else 127)
        if form == 126 and length > 65535:
            form = 127
        mask = 0 if self.key is None else 0x80
        head = bytes([self.fin << 7 | self.rsv << 4 | self.opcode, mask | (form or length & 0x7F)])
        if form:
            head += length.to_bytes(2 if form == 126 else 8, "big")
        if self.key is None:
            return head + self.payload
        size = len(self.payload)
        pad = int.from_bytes((self.key * (size // 4 + 1))[:size], "big")
        return head + self.key + (int.from_bytes(self.payload, "big") ^ pad).to_bytes(size, "big")


def make_stream(seed: int, number: int) -> Stream:
    """The stream of this number in the series of this seed."""
    random = random_for(seed, number)
    deflate = random.choice(_DEFLATES)
    limit = random.choice([0, 0, 0, 1, 40, 125, 126, 300, 2000])
    frames = _make_frames(random, deflate)
    while random.random() < 0.4:
        frames = random.choice(MUTATIONS)(random, frames)
    data = b"".join(frame.encode() for frame in frames)
    while random.random() < 0.25:
        data = random.choice(BYTE_MUTATIONS)(random, data)
    return Stream(data, limit, deflate)


# -- right streams ----------------------------------------------------------------------------------------


def _make_frames(random: Random, deflate: Deflate | None) -> list[Frame]:
    frames: list[Frame] = []
    compressor = None
    if deflate is not None:
        bits = deflate.client_max_window_bits
        compressor = Compressor(bits, has_memory=not deflate.client_no_context_takeover)
    for _ in range(random.randrange(1, 5)):
        if random.random() < 0.2:
            frames.append(_make_control(random))
        else:
            frames += _make_message(random, compressor)
    if random.random() < 0.2:
        frames.append(Frame(8, _make_close(random)))
    return frames


def _make_message(random: Random, compressor: Compressor | None) -> list[Frame]:
    opcode = random.choice((1, 1, 2))
    payload = _make_payload(random, opcode)
    rsv = 0
    if compressor is not None and random.random() < 0.7:
        rsv = 4
        payload = compress_finally(payload) if random.random() < 0.1 else compressor.compress(payload)
    key = random.choice(KEYS)
    if random.random() < 0.5:
        return [Frame(opcode, payload, rsv=rsv, key=key)]
    places = sorted(random.randrange(len(payload) + 1) for _ in range(random.randrange(1, 4)))
    bounds = list(zip([0, *places], [*places, len(payload)], strict=True))
    frames = []
    for number, (start, end) in enumerate(bounds):
        fin = number == len(bounds) - 1
        opcode, rsv = (0, 0) if number else (opcode, rsv)
        frames.append(Frame(opcode, payload[start:end], fin=fin, rsv=rsv, key=key))
        if random.random() < 0.1:
            frames.append(_make_control(random))
    return frames


def _make_payload(random: Random, opcode: int) -> bytes:
    chance = random.random()
    if chance < 0.05:
        return random.choice(_FAULTY_TEXTS)
    if chance < 0.06:
        return random.choice(_TEXTS) * random.choice((10, 300))
    if opcode == 2 and chance < 0.5:
        return random.randbytes(random.randrange(60))
    return random.choice(_TEXTS) + random.choice(_TEXTS)


def _make_control(random: Random) -> Frame:
    return Frame(random.choice((9, 10)), random.randbytes(random.choice((0, 0, 1, 5, 125))))


def _make_close(random: Random) -> bytes:
    chance = random.random()
    if chance < 0.2:
        return b""
    if chance < 0.25:
        return b"\x03"
    code = random.choice(_CODES) if chance < 0.6 else 1000
    return code.to_bytes(2, "big") + random.choice(_TEXTS + _FAULTY_TEXTS)[:123]


# -- changes to frames ------------------------------------------------------------------------------------

Mutation = Callable[[Random, list[Frame]], list[Frame]]


def change_frame(random: Random, frames: list[Frame]) -> list[Frame]:
    """One field of one frame says something else."""
    place = random.randrange(len(frames))
    frame = frames[place]
    change = random.randrange(8)
    if change == 0:
        frame = frame._replace(opcode=random.randrange(16))
    elif change == 1:
        frame = frame._replace(fin=not frame.fin)
    elif change == 2:
        frame = frame._replace(rsv=random.randrange(8))
    elif change == 3:
        frame = frame._replace(key=None)
    elif change == 4:
        frame = frame._replace(form=random.choice((126, 127)))
    elif change == 5:
        near = [0, 1, 125, 126, 127, 65535, 65536, 2**31, 2**63 - 1, 2**63, len(frame.payload) + 1]
        frame = frame._replace(length=random.choice(near))
    elif change == 6:
        frame = frame._replace(payload=_spoil(random, frame.payload))
    else:
        frame = frame._replace(payload=frame.payload * random.choice((2, 3, 30)))
    return [*frames[:place], frame, *frames[place + 1 :]]


def _spoil(random: Random, payload: bytes) -> bytes:
    place = random.randrange(len(payload) + 1)
    if random.random() < 0.3:
        return payload[:place]
    if random.random() < 0.5:
        return payload[:place] + random.choice(_TEXTS + _FAULTY_TEXTS) + payload[place:]
    return payload[:place] + bytes([random.randrange(256)]) + payload[place + 1 :]


def insert_frame(random: Random, frames: list[Frame]) -> list[Frame]:
    """A control frame, an empty fragment, a bomb or the beginning of another message, anywhere."""
    place = random.randrange(len(frames) + 1)
    frame = random.choice(
        [
            _make_control(random),
            Frame(0, b"", fin=False),
            Frame(random.choice((1, 2)), b"", fin=random.random() < 0.5),
            Frame(2, Compressor().compress(bytes(3000)), rsv=4),
            Frame(1, b"\xc3", fin=False),
            Frame(8, _make_close(random)),
            Frame(2, b"\x03\x00" * random.choice((3, 64, 65)), rsv=4),
        ]
    )
    return [*frames[:place], frame, *frames[place:]]


def reorder(random: Random, frames: list[Frame]) -> list[Frame]:
    """Frames repeated, lost, or in another order."""
    one, other = random.randrange(len(frames)), random.randrange(len(frames))
    change = random.randrange(3)
    if change == 0:
        return [*frames[:other], frames[one], *frames[other:]]
    if change == 1 and len(frames) > 1:
        return [*frames[:one], *frames[one + 1 :]]
    changed = list(frames)
    changed[one], changed[other] = changed[other], changed[one]
    return changed


MUTATIONS: list[Mutation] = [change_frame, change_frame, insert_frame, reorder]

# -- changes to bytes -------------------------------------------------------------------------------------

ByteMutation = Callable[[Random, bytes], bytes]


def insert_bytes(random: Random, data: bytes) -> bytes:
    place = random.randrange(len(data) + 1)
    return data[:place] + random.randbytes(random.randrange(1, 5)) + data[place:]


def delete_bytes(random: Random, data: bytes) -> bytes:
    place = random.randrange(len(data) + 1)
    return data[:place] + data[place + random.randrange(1, 5) :]


BYTE_MUTATIONS: list[ByteMutation] = [flip_bit, end_early, insert_bytes, delete_bytes]
