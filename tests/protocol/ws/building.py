"""Frames, built by hand: right ones, and such as nobody should send."""

import zlib

TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0
KEY = b"\x37\xfa\x21\x3d"
"""The mask of the examples of RFC 6455, section 5.7."""

SHORT, WIDE, WIDEST = 0, 126, 127
"""The three forms of a length."""


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    key: bytes | None = KEY,
    form: int | None = None,
    length: int | None = None,
) -> bytes:
    """One frame. ``key``: ``None`` for none; ``form``: of the length, the shortest by default; ``length``:
    what is said of it."""
    said = len(payload) if length is None else length
    if form is None:
        form = SHORT if said < 126 else WIDE if said < 2**16 else WIDEST
    mask = 0 if key is None else 0x80
    head = bytes([fin << 7 | rsv << 4 | opcode])
    if form == SHORT:
        head += bytes([mask | said])
    else:
        head += bytes([mask | form]) + said.to_bytes(2 if form == WIDE else 8, "big")
    if key is None:
        return head + payload
    return head + key + bytes(byte ^ key[place % 4] for place, byte in enumerate(payload))


def close(code: int | None = None, reason: bytes = b"", *, key: bytes | None = KEY) -> bytes:
    """A close frame."""
    return frame(CLOSE, b"" if code is None else code.to_bytes(2, "big") + reason, key=key)


class Compressor:
    """The other side's compression, straight from RFC 7692, section 7.2.1."""

    def __init__(self, bits: int = 15, *, has_memory: bool = True) -> None:
        self._bits = bits
        self._has_memory = has_memory
        self._stream = self._new()

    def _new(self) -> "zlib._Compress":
        return zlib.compressobj(6, zlib.DEFLATED, -self._bits)

    def compress(self, data: bytes) -> bytes:
        if not self._has_memory:
            self._stream = self._new()
        whole = self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH)
        assert whole.endswith(b"\x00\x00\xff\xff")
        return whole[:-4]


def compress(data: bytes) -> bytes:
    """One message by itself."""
    return Compressor().compress(data)


def compress_finally(data: bytes) -> bytes:
    """One message whose block is the last one of its stream (RFC 7692, section 7.2.3.4)."""
    stream = zlib.compressobj(6, zlib.DEFLATED, -15)
    return stream.compress(data) + stream.flush(zlib.Z_FINISH) + b"\x00"
