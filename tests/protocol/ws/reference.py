"""The same protocol a second time, written to be looked through and not to be fast: the frames of a client
out of all of its bytes at once, one byte of data after the other.

It shares no code with the engine, and does nothing that the engine does to be fast. What it says of any
bytes, the engine has to say, in whatever pieces they come.
"""

import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

DATA_OPCODES = {1: "TEXT", 2: "BINARY"}
CONTROL_OPCODES = {8: "CLOSE", 9: "PING", 10: "PONG"}

# The table of RFC 3629, section 4: for each first byte, the ranges of those that follow.
_TAIL = (0x80, 0xBF)
_FOLLOWERS: dict[int, list[tuple[int, int]]] = {
    **{byte: [] for byte in range(0x80)},
    **{byte: [_TAIL] for byte in range(0xC2, 0xE0)},
    **{byte: [_TAIL, _TAIL] for byte in range(0xE0, 0xF0)},
    **{byte: [_TAIL, _TAIL, _TAIL] for byte in range(0xF0, 0xF5)},
    0xE0: [(0xA0, 0xBF), _TAIL],
    0xED: [(0x80, 0x9F), _TAIL],
    0xF0: [(0x90, 0xBF), _TAIL, _TAIL],
    0xF4: [(0x80, 0x8F), _TAIL, _TAIL],
}


class Fault(Exception):
    """The peer is to be told this code. ``is_inflating``: because zlib can make nothing of a message."""

    def __init__(self, code: int, *, is_inflating: bool = False) -> None:
        self.code = code
        self.is_inflating = is_inflating
        super().__init__(code)


class NotThere(Exception):
    """More bytes would be needed."""


class Utf8:
    """Text, byte by byte."""

    def __init__(self) -> None:
        self._expected: list[tuple[int, int]] = []

    def feed(self, byte: int) -> None:
        if self._expected:
            least, most = self._expected[0]
            if not least <= byte <= most:
                raise Fault(1007)
            self._expected = self._expected[1:]
        elif byte in _FOLLOWERS:
            self._expected = _FOLLOWERS[byte]
        else:
            raise Fault(1007)

    def end(self) -> None:
        if self._expected:
            raise Fault(1007)


@dataclass
class Told:
    """What the bytes say: messages as ``(type, data, extra)``, and how it ended."""

    messages: list[tuple[str, Any, str | None]] = field(default_factory=list)
    code: int | None = None
    """That the peer is to be told, because it broke the protocol."""
    is_closed: bool = False
    """Whether a close frame came."""
    is_inflating: bool = field(default=False, compare=False)
    """Whether zlib has found what is wrong."""


def agree(told: Told, other: Told, *, is_small: bool = False) -> bool:
    """Whether two tell the same. zlib leaves something open where a compressed message is broken anyway:

    * one that is too big and cannot be inflated either is refused for one or the other, because zlib says the
      second thing without what it has inflated before;
    * one that goes back further than a small window is looked at more closely in pieces than as a whole.
    """
    if told == other:
        return True
    for one, another in ((told, other), (other, told)):
        if one.is_inflating and one.code == 1007:
            if one.messages == another.messages and another.code == 1009:
                return True
            if is_small and one.messages == another.messages[: len(one.messages)]:
                return True
    return False


class Message:
    """A message, as far as it came."""

    def __init__(self, opcode: int, limit: int, inflate: "Inflate | None") -> None:
        self.opcode = opcode
        self.limit = limit
        self.inflate = inflate
        self.data = bytearray()
        self.came = 0
        self.utf8 = Utf8()

    def check_length(self, length: int) -> None:
        self.came += length
        most = self.limit + self.limit // 4 + 64 if self.inflate else self.limit
        if self.came > most:
            raise Fault(1009)

    def feed(self, payload: bytes) -> None:
        for byte in payload:
            self._feed_data(self.inflate.feed(bytes([byte])) if self.inflate else bytes([byte]))

    def _feed_data(self, data: bytes) -> None:
        for byte in data:
            if len(self.data) == self.limit:
                raise Fault(1009)
            if self.opcode == 1:
                self.utf8.feed(byte)
            self.data.append(byte)

    def end(self) -> tuple[str, Any, None]:
        if self.inflate:
            self._feed_data(self.inflate.end())
        self.utf8.end()
        data = bytes(self.data)
        return DATA_OPCODES[self.opcode], data.decode() if self.opcode == 1 else data, None


class Inflate:
    """RFC 7692, section 7.2.2."""

    def __init__(self, bits: int, has_memory: bool) -> None:
        self.bits = bits
        self.has_memory = has_memory
        self.is_open = False
        self.stream: Any = None
        self.streams = 0

    def feed(self, data: bytes) -> bytes:
        if self.stream is None:
            self.stream = zlib.decompressobj(-max(self.bits, 9))
        self.is_open = True
        try:
            inflated = bytes(self.stream.decompress(data))
        except zlib.error:
            raise Fault(1007, is_inflating=True) from None
        if self.stream.eof:
            rest = self.stream.unused_data
            self.stream, self.is_open = None, False
            self.streams += 1
            if self.streams > 64:
                raise Fault(1007)
            if rest:
                inflated += self.feed(rest)
        return inflated

    def end(self) -> bytes:
        data = b""
        if self.is_open:
            data = b"".join(self.feed(bytes([byte])) for byte in b"\x00\x00\xff\xff")
        self.streams, self.is_open = 0, False
        if not self.has_memory:
            self.stream = None
        return data


class Reference:
    """What a client's bytes say. ``limit``: of a message, 0 for none but what a frame may say; ``inflate``:
    where compression was agreed on."""

    def __init__(self, data: bytes, limit: int = 0, inflate: Inflate | None = None) -> None:
        self._data = data
        self._limit = limit or 2**62
        self._inflate = inflate
        self._message: Message | None = None
        self.told = Told()

    def read(self) -> Told:
        try:
            while self._data and not self.told.is_closed:
                self._read_frame()
        except Fault as fault:
            self.told.code, self.told.is_inflating = fault.code, fault.is_inflating
        except NotThere:
            pass
        return self.told

    def _cut(self, count: int) -> bytes:
        if len(self._data) < count:
            raise NotThere
        piece, self._data = self._data[:count], self._data[count:]
        return piece

    def _read_frame(self) -> None:
        first, second = self._cut(2)
        fin, rsv1, rsv2, rsv3 = (bool(first & bit) for bit in (0x80, 0x40, 0x20, 0x10))
        opcode, is_masked, short = first & 15, bool(second & 0x80), second & 0x7F
        if rsv2 or rsv3 or (rsv1 and (self._inflate is None or opcode not in DATA_OPCODES)):
            raise Fault(1002)
        if opcode not in {0, *DATA_OPCODES, *CONTROL_OPCODES}:
            raise Fault(1002)
        if (opcode == 0) != (self._message is not None) and opcode not in CONTROL_OPCODES:
            raise Fault(1002)
        if not is_masked or (opcode in CONTROL_OPCODES and (not fin or short > 125)):
            raise Fault(1002)
        length = self._read_length(short)
        key = self._cut(4)
        if opcode in CONTROL_OPCODES:
            self._read_control(opcode, self._unmask(self._cut(length), key))
        else:
            self._read_data(opcode, length, key, fin, rsv1)

    def _read_length(self, short: int) -> int:
        if short == 126:
            (length,) = struct.unpack("!H", self._cut(2))
            least = 126
        elif short == 127:
            (length,) = struct.unpack("!Q", self._cut(8))
            least = 65536
        else:
            return short
        if length < least or length > 2**63 - 1:
            raise Fault(1002)
        return int(length)

    def _unmask(self, payload: bytes, key: bytes) -> bytes:
        return bytes(byte ^ key[place % 4] for place, byte in enumerate(payload))

    def _read_data(self, opcode: int, length: int, key: bytes, fin: bool, rsv1: bool) -> None:
        if opcode:
            self._message = Message(opcode, self._limit, self._inflate if rsv1 else None)
        message = self._message
        assert message is not None
        message.check_length(length)
        if len(self._data) < length:
            message.feed(self._unmask(self._data, key))
            raise NotThere
        message.feed(self._unmask(self._cut(length), key))
        if fin:
            self.told.messages.append(message.end())
            self._message = None

    def _read_control(self, opcode: int, payload: bytes) -> None:
        if opcode == 8:
            self.told.messages.append(("CLOSE", *self._read_close(payload)))
            self.told.is_closed = True
        else:
            self.told.messages.append((CONTROL_OPCODES[opcode], payload, None))

    def _read_close(self, payload: bytes) -> tuple[int, str]:
        if not payload:
            return 0, ""
        if len(payload) == 1:
            raise Fault(1002)
        code = payload[0] * 256 + payload[1]
        if code not in {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014}:
            if code not in range(3000, 5000):
                raise Fault(1002)
        utf8 = Utf8()
        for byte in payload[2:]:
            utf8.feed(byte)
        utf8.end()
        return code, payload[2:].decode()
