"""permessage-deflate (RFC 7692): messages compressed and inflated, with the memory of those before or
without.

Nothing is known here of frames. Compressors and inflaters are made when they are first used: who only might
use them holds none.
"""

import zlib
from collections.abc import Callable
from typing import Final

from ...http.exchange import Bytes
from ...http.websocket import WebSocketError
from .frames import INVALID_TEXT

LEAST_BITS: Final = 9
"""zlib has no raw compressor with a window of 8 bits."""

_TAIL: Final = b"\x00\x00\xff\xff"
"""How every message ends, which is not sent (RFC 7692, section 7.2.1)."""

_LEVEL: Final = 1
"""For messages of 16 KiB 2.5 times as fast as zlib's usual level 6, and for those of 100 bytes 1.5 times;
what it sends is a fifth to a quarter more (JSON)."""

_MEMORY: Final = 5
"""zlib's memory level: what it sends is within 1% of what the usual 8 sends, in the same time, and a
compressor holds 150 KiB in place of 270, and is made three times as fast."""

_SMALL: Final = 2**11
"""Up to here it is faster to copy a payload with its tail than to call zlib twice."""

_MOST_STREAMS: Final = 64
"""DEFLATE streams in one message. A sender that ends a stream does so once a message (RFC 7692, section
7.2.3.4), or once a fragment; each of them costs an inflater, and a copy of what comes after it."""

_MOST_SPARE: Final = 2
"""Compressors without memory that are kept for each size of window."""

_spare: Final[dict[int, list["zlib._Compress"]]] = {bits: [] for bits in range(LEAST_BITS, 16)}


def _make_compressor(bits: int) -> "zlib._Compress":
    return zlib.compressobj(_LEVEL, zlib.DEFLATED, -bits, _MEMORY)


def compress_alone(payload: Bytes, bits: int) -> bytes:
    """A message that an inflater understands whatever came before it. May be called in any thread."""
    # A full flush leaves nothing of a message in a compressor, which can then serve anybody: that is faster
    # than a new one, by 20% for short messages.
    spare = _spare[bits]
    try:
        compressor = spare.pop()
    except IndexError:
        compressor = _make_compressor(bits)
    data = compressor.compress(payload) + compressor.flush(zlib.Z_FULL_FLUSH)[:-4]
    if len(spare) < _MOST_SPARE:
        spare.append(compressor)
    return data


class Deflater:
    """The compression of one side's messages.

    ``bits``
        of the window that the other side has.
    ``has_memory``
        whether messages may refer to those before them ("context takeover").
    """

    __slots__ = ("_compressor", "_has_memory", "_is_lent", "bits")

    def __init__(self, bits: int, *, has_memory: bool) -> None:
        self.bits = bits
        self._has_memory = has_memory
        self._compressor: zlib._Compress | None = None
        self._is_lent = False

    @property
    def is_lent(self) -> bool:
        """Whether a message is being compressed elsewhere: nothing may be until `settle`."""
        return self._is_lent

    def compress(self, payload: Bytes, bits: int) -> bytes:
        """The next message. ``payload`` is not empty, ``bits`` no more than agreed on."""
        if not self._has_memory:
            return compress_alone(payload, bits)
        if bits != self.bits:
            self.forget()
            return compress_alone(payload, bits)
        compressor = self._compressor
        if compressor is None:
            compressor = self._compressor = _make_compressor(bits)
        return compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)[:-4]

    def forget(self) -> None:
        """Begin anew: the peer's window has got what our compressor does not know. What refers to nothing
        that was sent before is understood whatever that was."""
        self._compressor = None

    def lend(self, payload: Bytes, bits: int) -> Callable[[], bytes]:
        """The compression of the next message, for another thread."""
        self._is_lent = True
        if not self._has_memory or bits != self.bits:
            self.forget()
            return lambda: compress_alone(payload, bits)
        compressor = self._compressor or _make_compressor(bits)
        self._compressor = compressor
        return lambda: compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)[:-4]

    def settle(self, *, is_sent: bool) -> None:
        """The message that was compressed elsewhere is sent next, or will never be."""
        self._is_lent = False
        if not is_sent:
            # The thread may still be at it.
            self.forget()


class Inflater:
    """The other side's messages out of their compression.

    ``bits``
        of the window that it was told to use at most.
    ``has_memory``
        whether its messages may refer to those before them.
    """

    __slots__ = ("_bits", "_ended", "_has_memory", "_is_open", "_stream")

    def __init__(self, bits: int, *, has_memory: bool) -> None:
        # Old versions of zlib use a window of 9 bits where they are asked for 8.
        self._bits = -max(bits, LEAST_BITS)
        self._has_memory = has_memory
        self._stream: zlib._Decompress | None = None
        self._ended = 0
        # Whether there is a block that the tail of the message belongs to.
        self._is_open = False

    def inflate(self, data: Bytes, most: int) -> bytes:
        """The next piece of a message, in no more than ``most`` bytes: with as many, there may be more, and
        nothing can be inflated after it. Raises `WebSocketError`."""
        return self._inflate(data, most, b"") if data else b""

    def finish(self, most: int) -> bytes:
        """The end of a message, as `inflate`."""
        inflated = self._inflate(_TAIL, most, b"") if self._is_open else b""
        self._forget_message()
        return inflated

    def inflate_whole(self, data: bytes, most: int) -> bytes:
        """A message that is all there, as `inflate`."""
        if not data:
            # Some senders mean an empty message by that, which should be one byte (RFC 7692, section 7.2.3.6).
            return b""
        if len(data) > _SMALL:
            inflated = self.inflate(data, most)
            return inflated + self.finish(most - len(inflated)) if len(inflated) < most else inflated
        inflated = self._inflate(data + _TAIL, most, _TAIL)
        self._forget_message()
        return inflated

    def _inflate(self, data: Bytes, most: int, end: bytes) -> bytes:
        stream = self._stream
        if stream is None:
            stream = self._stream = zlib.decompressobj(self._bits)
        self._is_open = True
        try:
            inflated = stream.decompress(data, most)
            return self._begin_streams(stream, inflated, most, end) if stream.eof else inflated
        except zlib.error as error:
            raise WebSocketError(INVALID_TEXT, "a message that cannot be inflated") from error

    def _begin_streams(self, stream: "zlib._Decompress", inflated: bytes, most: int, end: bytes) -> bytes:
        """Go on after a block that was the last one of its stream, unless only ``end`` comes after it. What
        follows refers to nothing before it: no sender is known whose compressor remembers what it ended."""
        pieces = [inflated]
        while stream.eof:
            self._ended += 1
            if self._ended > _MOST_STREAMS:
                raise WebSocketError(INVALID_TEXT, f"a message of more than {_MOST_STREAMS} DEFLATE streams")
            self._stream = None
            rest = stream.unused_data
            most -= len(pieces[-1])
            if not most or rest in (b"", end):
                self._is_open = False
                break
            stream = self._stream = zlib.decompressobj(self._bits)
            pieces.append(stream.decompress(rest, most))
        return b"".join(pieces)

    def _forget_message(self) -> None:
        self._ended = 0
        self._is_open = False
        if not self._has_memory:
            self._stream = None
