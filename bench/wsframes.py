"""The client's side of the WebSocket protocol, as far as a benchmark needs it: bytes in, bytes out.

Independent of sketch's own engine: who is measured does not say what is right. A server that fragments its
answers is not understood.
"""

import base64
import hashlib
import zlib
from typing import Final, NamedTuple

_FIN: Final = 0x80
_RSV1: Final = 0x40
_MASKED: Final = 0x80
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TAIL: Final = b"\x00\x00\xff\xff"
"""What ends a deflated message, and is not sent (RFC 7692, section 7.2.1)."""

_OFFER: Final = "permessage-deflate; client_max_window_bits"
"""What browsers offer."""

_CLIENT_BITS: Final = 12
"""The window that the client's messages are deflated with: the smallest that a server of the benchmark asks
for, so that all of them get the same bytes."""


class ProtocolError(Exception):
    """What a server sent is no answer that this client understands."""


class Frame(NamedTuple):
    """One frame of a server. ``first_byte`` has the opcode, and the bits beside it."""

    first_byte: int
    payload: bytes

    @property
    def opcode(self) -> int:
        """What kind of message it is."""
        return self.first_byte & 0xF

    @property
    def is_deflated(self) -> bool:
        """Whether its payload is to be inflated."""
        return bool(self.first_byte & _RSV1)


def opening(host: str, path: str, key: bytes, *, has_deflate: bool) -> bytes:
    """The head of a request that opens a WebSocket (RFC 6455, section 4.1)."""
    extensions = f"Sec-WebSocket-Extensions: {_OFFER}\r\n" if has_deflate else ""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {base64.b64encode(key).decode()}\r\n{extensions}\r\n"
    ).encode()


class Opened(NamedTuple):
    """What a server agreed to.

    ``inflater``
        for its messages; ``None`` without permessage-deflate.
    """

    inflater: "Inflater | None"


def read_opening(head: bytes, key: bytes) -> Opened:
    """Read the head of the answer. Raises `ProtocolError` when no WebSocket was opened, or not this one."""
    status, *lines = head.decode("latin-1").rstrip().split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    proof = base64.b64encode(hashlib.sha1(base64.b64encode(key) + _GUID).digest()).decode()
    if " 101 " not in status or fields.get("sec-websocket-accept") != proof:
        raise ProtocolError(f"no WebSocket was opened: {head!r}")
    return Opened(_agreed(fields.get("sec-websocket-extensions", "")))


def _agreed(extensions: str) -> "Inflater | None":
    name, *words = [word.strip() for word in extensions.split(";")]
    if not name:
        return None
    parameters = dict(word.partition("=")[::2] for word in words)
    bits = int(parameters.get("client_max_window_bits") or 15)
    if name != "permessage-deflate" or bits < _CLIENT_BITS:
        raise ProtocolError(f"cannot keep to Sec-WebSocket-Extensions: {extensions}")
    return Inflater(has_takeover="server_no_context_takeover" not in parameters)


class Inflater:
    """Inflates the messages of one server, each by itself or all in one stream."""

    def __init__(self, *, has_takeover: bool) -> None:
        self._has_takeover = has_takeover
        self._stream = zlib.decompressobj(wbits=-15)

    def inflate(self, data: bytes) -> bytes:
        """The message. Raises `ProtocolError` for what is no deflated message."""
        if not self._has_takeover:
            self._stream = zlib.decompressobj(wbits=-15)
        try:
            return self._stream.decompress(data + _TAIL)
        except zlib.error as error:
            raise ProtocolError(f"a message cannot be inflated: {error}") from error


def deflated(message: bytes) -> bytes:
    """A message deflated without regard to those before it, so that it can be sent at any time."""
    stream = zlib.compressobj(wbits=-_CLIENT_BITS)
    return (stream.compress(message) + stream.flush(zlib.Z_SYNC_FLUSH)).removesuffix(_TAIL)


def client_frame(message: bytes, opcode: int, mask: bytes, *, has_deflate: bool = False) -> bytes:
    """A whole message as a client sends it, masked with the four bytes of ``mask``."""
    payload = deflated(message) if has_deflate else message
    first_byte = _FIN | (_RSV1 if has_deflate else 0) | opcode
    return _head(first_byte, len(payload), _MASKED) + mask + masked(payload, mask)


def server_frame(message: bytes, opcode: int) -> bytes:
    """A whole message as a server sends it that does not deflate."""
    return _head(_FIN | opcode, len(message), 0) + message


def masked(payload: bytes, mask: bytes) -> bytes:
    """The payload, each byte combined with one of the mask's (RFC 6455, section 5.3)."""
    length = len(payload)
    key = (mask * (length // 4 + 1))[:length]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(length, "big")


def _head(first_byte: int, length: int, bit: int) -> bytes:
    if length < 126:
        return bytes((first_byte, bit | length))
    if length < 2**16:
        return bytes((first_byte, bit | 126)) + length.to_bytes(2, "big")
    return bytes((first_byte, bit | 127)) + length.to_bytes(8, "big")


class FrameReader:
    """Takes a server's bytes in any cuts, and returns its frames."""

    def __init__(self) -> None:
        self._buffer = b""

    def receive(self, data: bytes) -> list[Frame]:
        """The frames that are complete with these bytes. Raises `ProtocolError` for a masked or fragmented
        one."""
        self._buffer += data
        frames = []
        while (frame := self._take()) is not None:
            frames.append(frame)
        return frames

    def _take(self) -> Frame | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        first_byte, length = buffer[0], buffer[1]
        if not first_byte & _FIN or not first_byte & 0xF or length & _MASKED:
            raise ProtocolError(f"a fragment or a masked frame: {buffer[:14]!r}")
        start = 2
        if length >= 126:
            start = 4 if length == 126 else 10
            length = int.from_bytes(buffer[2:start], "big")
        end = start + length
        if len(buffer) < max(end, start):
            return None
        self._buffer = buffer[end:]
        return Frame(first_byte, buffer[start:end])
