"""Messages into frames (RFC 6455, section 5): whole, compressed or not, masked or not, and shared ones.

Of what the peer sends, and of what has been sent but for the memory of compression, nothing is known here.
"""

import os
from collections.abc import Callable
from typing import Final

from ...http.errors import LocalProtocolError
from ...http.exchange import Bytes
from ...http.handshake import Deflate
from ...http.websocket import SharedMessage
from .deflate import LEAST_BITS, Deflater, compress_alone
from .frames import (
    CLOSE,
    FIN,
    MASK,
    RSV1,
    SHORT_HEADS,
    check_opcode,
    encode_close_payload,
    encode_head,
    read_head,
)
from .mask import apply_mask

LEAST_DEFLATED: Final = 32
"""Bytes from which on messages are compressed. By itself a message of 32 bytes (JSON) becomes no shorter, and
one of 64 by a tenth; with the memory of those before, one of 16 becomes shorter by a third, which are 5 bytes
for 1.2 microseconds, ten times what it costs to send it as it is."""


_NO_HEADS: Final[dict[int, list[bytes]]] = {}

UNCOMPRESSED: Final = 0
"""Where a shared message keeps its frame for those whose messages are not compressed."""


class MessageEncoder:
    """What one side of a WebSocket sends.

    ``deflate``
        what was agreed on for permessage-deflate; ``None``: no message is compressed.
    ``is_client``
        which side this is. Clients mask what they send, servers do not (RFC 6455, section 5.1).
    ``make_key``
        makes the four bytes of a mask; random ones by default.
    """

    __slots__ = ("_deflater", "_is_client", "_make_key", "short_heads")

    def __init__(
        self,
        *,
        deflate: Deflate | None = None,
        is_client: bool = False,
        make_key: Callable[[], bytes] | None = None,
    ) -> None:
        self._is_client = is_client
        self._make_key = make_key or _make_key
        self._deflater = None if deflate is None else _make_deflater(deflate, is_client=is_client)
        self.short_heads = SHORT_HEADS if not is_client and deflate is None else _NO_HEADS
        """What short messages begin with, by opcode and size, where they are neither compressed nor masked:
        for who cannot spare a call for that. Otherwise nothing is in it."""

    def encode(self, payload: Bytes, opcode: int, compress: int | None = None) -> bytes:
        """One message, as one whole frame.

        ``opcode``
            TEXT (then ``payload`` is UTF-8), BINARY, PING or PONG.
        ``compress``
            bits of the window for this message, 9 to 15 and no more than was agreed on; 0 for no compression,
            ``None`` for what was agreed on. Where nothing was, and for short messages, it does nothing.

        Raises `ValueError` for another opcode, for other ``compress``, and for a ping or pong of more than
        125 bytes."""
        if compress is None and opcode in self.short_heads and payload.__class__ is bytes:
            return encode_head(FIN | opcode, len(payload)) + payload
        head, payload = self.encode_in_parts(payload, opcode, compress)
        return head + payload

    def encode_in_parts(
        self, payload: Bytes, opcode: int, compress: int | None = None
    ) -> tuple[bytes, Bytes]:
        """The same in two parts, to be sent one after the other: what is neither compressed nor masked is not
        copied. Takes and raises what `encode` does."""
        if isinstance(payload, memoryview):
            payload = payload.cast("B") if payload.c_contiguous else payload.tobytes()
        size = len(payload)
        check_opcode(opcode, size)
        bits = self._choose_bits(compress)
        deflater = self._deflater
        if deflater is None or not bits or size < LEAST_DEFLATED or opcode >= CLOSE or deflater.is_lent:
            return self._frame(FIN | opcode, payload)
        return self._frame(FIN | RSV1 | opcode, deflater.compress(payload, bits))

    def _choose_bits(self, compress: int | None) -> int:
        """The window for a message, 0 for none."""
        agreed = 0 if self._deflater is None else self._deflater.bits
        if compress is None:
            return agreed
        if compress and not LEAST_BITS <= compress <= 15:
            raise ValueError(f"compress={compress!r}: a window has {LEAST_BITS} to 15 bits, and 0 means none")
        return min(compress, agreed)

    def _frame(self, first: int, payload: Bytes) -> tuple[bytes, Bytes]:
        if not self._is_client:
            return encode_head(first, len(payload)), payload
        key = self._make_key()
        return encode_head(first, len(payload), MASK) + key, apply_mask(payload, key)

    def encode_close(self, code: int, reason: bytes = b"") -> bytes:
        """A close frame; with code 0 and no reason an empty one.

        Raises `ValueError` for a code that may not be sent (RFC 6455, section 7.4) and a reason of more than
        123 bytes."""
        head, payload = self._frame(FIN | CLOSE, encode_close_payload(code, reason))
        return head + payload

    def encode_shared(self, message: SharedMessage) -> bytes:
        """A message that others get, too, as one whole frame: it is encoded and compressed once for each
        size of window, and kept in ``message.encoded`` under the bits of that, 0 where it is not
        compressed."""
        deflater = self._deflater
        bits = 0
        if deflater is not None and len(message.payload) >= LEAST_DEFLATED and not deflater.is_lent:
            bits = deflater.bits
            # The peer's window gets what our compressor does not see.
            deflater.forget()
        frame: bytes | None = message.encoded.get(bits)
        if frame is None:
            payload, first = message.payload, FIN | message.opcode
            if bits:
                payload, first = compress_alone(payload, bits), first | RSV1
            frame = message.encoded[bits] = encode_head(first, len(payload)) + payload
        return self._mask_frame(frame) if self._is_client else frame

    def _mask_frame(self, frame: bytes) -> bytes:
        """A frame without a mask, with one."""
        head = read_head(frame, 0, is_masked=False)
        if head is None:
            raise AssertionError("a frame has a head")
        start, _, _ = head
        return b"".join(self._frame(frame[0], frame[start:]))

    # -- compressing elsewhere -------------------------------------------------------------------------

    @property
    def can_compress(self) -> bool:
        """Whether `begin_compression` may be called: compression was agreed on, and none is going on."""
        return self._deflater is not None and not self._deflater.is_lent

    def begin_compression(self, payload: Bytes, compress: int | None = None) -> Callable[[], bytes]:
        """The compression of a message, to be called once, in any thread; it returns what `end_compression`
        takes. Until that, or `abandon_compression`, everything else is encoded uncompressed, and may be sent:
        it does not enter the memory that compression refers to.

        ``payload``
            of a TEXT or BINARY message. It must not change meanwhile.

        Raises `LocalProtocolError` where `can_compress` is false, `ValueError` as `encode` does."""
        deflater = self._deflater
        if deflater is None or deflater.is_lent:
            raise LocalProtocolError("nothing can be compressed now: see can_compress")
        if isinstance(payload, memoryview) and not payload.c_contiguous:
            payload = payload.tobytes()
        bits = self._choose_bits(compress) or deflater.bits
        return deflater.lend(payload, bits)

    def end_compression(self, compressed: bytes, opcode: int) -> tuple[bytes, Bytes]:
        """The frame of what `begin_compression` has compressed, in two parts. It must be sent before anything
        that is encoded after it."""
        self._settle(is_sent=True)
        return self._frame(FIN | RSV1 | opcode, compressed)

    def abandon_compression(self) -> None:
        """Give up what `begin_compression` has begun, in whatever state it is. Its result must not be
        sent."""
        self._settle(is_sent=False)

    def _settle(self, *, is_sent: bool) -> None:
        if self._deflater is None or not self._deflater.is_lent:
            raise LocalProtocolError("no compression has begun")
        self._deflater.settle(is_sent=is_sent)


def _make_deflater(deflate: Deflate, *, is_client: bool) -> Deflater | None:
    if is_client:
        bits, has_memory = deflate.client_max_window_bits, not deflate.client_no_context_takeover
    else:
        bits, has_memory = deflate.server_max_window_bits, not deflate.server_no_context_takeover
    # What a client sends to a server with 8 bits must not be compressed with more, and need not be at all.
    return Deflater(bits, has_memory=has_memory) if bits >= LEAST_BITS else None


def _make_key() -> bytes:
    return os.urandom(4)
