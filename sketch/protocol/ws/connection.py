"""One WebSocket, as bytes into messages and messages into bytes (RFC 6455, RFC 7692).

The engine is fed bytes, in any pieces, and says which messages they are; it is given messages and returns
their frames. What a peer breaks becomes `WebSocketEngine.failure`, and nothing after it is parsed. It knows
neither time nor sockets, answers nothing by itself, and does not know whether a close frame was sent.

Reading is in one of these states:

==========================  ==========================================================================
between messages            a frame of a message, a first fragment, a control frame
within a message            a further fragment of it, a control frame
within a data frame         its payload, up to the last byte
holding                     messages enough for one call; the rest is parsed with the next one
over                        nothing: the peer has closed, or has broken the protocol
==========================  ==========================================================================
"""

import os
from collections.abc import Callable
from typing import Final

from ...http.errors import LocalProtocolError
from ...http.exchange import Bytes
from ...http.handshake import Deflate
from ...http.websocket import SharedMessage, WebSocketError, WSMessage, WSMsgType
from .assembly import BINARY_MESSAGE, TEXT_MESSAGE, Assembly, make_message, new, refuse_size, refuse_text
from .deflate import LEAST_BITS, Deflater, Inflater, compress_alone
from .frames import (
    CLOSE,
    CONTROL,
    FAULT,
    FIN,
    FIRST_DEFLATED,
    LAST,
    LONGEST_CONTROL,
    MASK,
    PROTOCOL_ERROR,
    RSV1,
    SHORT_HEADS,
    STEPS,
    TEXT,
    WHOLE,
    WHOLE_DEFLATED,
    check_opcode,
    encode_close_payload,
    encode_head,
    explain,
    read_close,
    read_head,
)
from .mask import apply_mask, rotate

LEAST_DEFLATED: Final = 32
"""Bytes from which on messages are compressed. Below, what is saved is less than the head of a packet, and
compressing costs more than everything else that is done for such a message."""

_ALLOWANCE: Final = 2**18
"""Bytes of inflated messages, beyond what came, for one call of `receive`."""

_MOST_MESSAGES: Final = 2048
"""Messages for one call of `receive`: empty ones take no room as bytes, but they do as objects."""

_UNBOUNDED: Final = 2**62
"""Bytes of a message where there is no bound: as many as nobody sends, and as zlib can still be told."""

_VIEWED: Final = 2**15
"""Bytes from which on a view of a payload is cheaper than a copy."""

_CONTROL_MESSAGES: Final = {0x9: WSMsgType.PING, 0xA: WSMsgType.PONG}
_CLOSE_MESSAGE: Final = WSMsgType.CLOSE


class WebSocketEngine:
    """One side of a WebSocket, without the opening handshake.

    ``max_message_size``
        bytes of a message that the peer may send, inflated; 0: no bound.
    ``decode_text``
        whether TEXT becomes `str`; or else `WSMessageTextBytes`.
    ``deflate``
        what was agreed on for permessage-deflate; ``None``: no message is compressed.
    ``is_client``
        which side this is. Clients mask what they send, servers do not (RFC 6455, section 5.1).
    ``make_key``
        makes the four bytes of a mask.
    """

    __slots__ = (
        "_assembly",
        "_can_be_simple",
        "_decode_text",
        "_deflater",
        "_extra",
        "_held",
        "_inflater",
        "_is_client",
        "_is_last",
        "_is_plain",
        "_key",
        "_limit",
        "_longest",
        "_make_key",
        "_missing",
        "_position",
        "_steps",
        "close_received",
        "failure",
        "has_held",
        "is_settled",
    )

    def __init__(
        self,
        *,
        max_message_size: int,
        decode_text: bool = True,
        deflate: Deflate | None = None,
        is_client: bool = False,
        make_key: Callable[[], bytes] | None = None,
    ) -> None:
        self._limit = max_message_size or _UNBOUNDED
        self._decode_text = decode_text
        self._is_client = is_client
        self._make_key = make_key or _make_key
        self._deflater: Deflater | None = None
        self._inflater: Inflater | None = None
        if deflate is not None:
            self._agree(deflate)
        self._steps = STEPS[deflate is not None, False]
        self._assembly: Assembly | None = None
        # The frame of which more is to come: how much, its mask from there on, whether it ends its message.
        self._missing = 0
        self._key = b""
        self._is_last = False
        # What came and was not parsed, and from where on it is to be.
        self._held = b""
        self._position = 0
        self._extra = 0
        # Whether a short frame can be taken for what it looks like.
        self._can_be_simple = not is_client and self._limit >= LONGEST_CONTROL
        self._longest = min(self._limit, 0xFFFF) + 8
        # Whether what is sent needs neither compression nor mask.
        self._is_plain = not is_client and deflate is None
        self.is_settled = self._can_be_simple
        """Whether the next frame stands alone: no other frame, no message has begun, nothing is held, closed
        or broken. May be false where it is so; to ask is quicker than to ask for all of these."""
        self.has_held = False
        """Whether more messages are there than one call of `receive` returns: ``receive(b"")`` has them."""
        self.close_received = False
        """Whether the peer has sent its close frame. Nothing after that is parsed."""
        self.failure: WebSocketError | None = None
        """What the peer has broken. Nothing after that is parsed."""

    def _agree(self, deflate: Deflate) -> None:
        server = deflate.server_max_window_bits, not deflate.server_no_context_takeover
        client = deflate.client_max_window_bits, not deflate.client_no_context_takeover
        (own, remembers), (other, other_remembers) = (client, server) if self._is_client else (server, client)
        self._deflater = Deflater(max(own, LEAST_BITS), has_memory=remembers)
        self._inflater = Inflater(other, has_memory=other_remembers)

    # -- receiving -------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> list[WSMessage]:
        """The messages that are complete with ``data``, in order. Raises nothing for what a peer sends: see
        `failure`, and `has_held` for whether these are all."""
        if self.is_settled:
            # One whole frame and nothing else, as nearly always: 0.5 microseconds in place of 1.5.
            size = len(data)
            if 5 < size < 132 and data[1] == size + 122:
                payload = apply_mask(data[6:], data[2:6])
            elif 133 < size <= self._longest and data[1] == 254 and data[2] << 8 | data[3] == size - 8:
                payload = apply_mask(data[8:], data[4:8])
            else:
                return self._receive(data)
            first = data[0]
            if first == 0x82:
                return [new(WSMessage, (BINARY_MESSAGE, payload, None))]
            if first == 0x81 and self._decode_text:
                try:
                    text = payload.decode()
                except UnicodeDecodeError:
                    return self._fail(refuse_text(), [])
                return [new(WSMessage, (TEXT_MESSAGE, text, None))]
            if self._inflater is not None and (first == 0xC1 or first == 0xC2):
                return self._receive_deflated(first & 0xF, payload)
        elif self._missing > len(data):
            return self._receive_piece(data)
        return self._receive(data)

    def _receive_deflated(self, opcode: int, payload: bytes) -> list[WSMessage]:
        messages: list[WSMessage] = []
        try:
            self._take_deflated(opcode, payload, messages)
        except WebSocketError as error:
            self._fail(error, messages)
        return messages

    def _receive_piece(self, data: bytes) -> list[WSMessage]:
        """What comes is in the middle of a frame, and nothing else."""
        try:
            self._take_payload(data, 0, [])
        except WebSocketError as error:
            self._fail(error, [])
        return []

    def _receive(self, data: bytes) -> list[WSMessage]:
        messages: list[WSMessage] = []
        if self.failure is not None or self.close_received:
            return messages
        position = 0
        if self._held:
            if data:
                data = self._held[self._position :] + data
            else:
                data, position = self._held, self._position
            self._held = b""
        self._extra = 0
        self.has_held = False
        try:
            position = self._parse(data, position, messages)
        except WebSocketError as error:
            return self._fail(error, messages)
        if self.close_received:
            return messages
        if position < len(data):
            # The beginning of a head or of a control frame; or all the rest, where these are enough.
            self._held = data if self.has_held else data[position:]
            self._position = position if self.has_held else 0
        self.is_settled = self._can_be_simple and self._assembly is None and not self._held
        return messages

    def _fail(self, error: WebSocketError, messages: list[WSMessage]) -> list[WSMessage]:
        self.failure = error
        self._end()
        return messages

    def _end(self) -> None:
        """Nothing more is parsed, and nothing held for it."""
        self.is_settled = False
        self._assembly = self._inflater = None
        self._held = b""
        self._missing = 0

    def _parse(self, data: bytes, position: int, messages: list[WSMessage]) -> int:
        """Parse frames up to where no more can be, or enough was; returns where that is."""
        size = len(data)
        if self._missing and position < size:
            position = self._take_payload(data, position, messages)
        while position + 1 < size and not self._missing:
            if self._can_be_simple and self._assembly is None:
                position = self._take_simple(data, position, messages)
            if len(messages) < _MOST_MESSAGES and position + 1 < size:
                after = self._take_frame(data, position, messages)
                if after < 0:
                    break
                position = after
                if self.close_received:
                    break
            if self._extra > _ALLOWANCE or len(messages) >= _MOST_MESSAGES:
                self.has_held = position < size
                break
        return position

    def _take_simple(self, data: bytes, position: int, messages: list[WSMessage]) -> int:
        """Parse short whole messages, one after the other, and return where something else begins: 0.6
        microseconds for one in place of 1.5."""
        size = len(data)
        while position + 5 < size and len(messages) < _MOST_MESSAGES:
            first, second = data[position], data[position + 1]
            end = position + second - 122
            if end > size or not 127 < second < 254:
                break
            if first == 0x82:
                payload = apply_mask(data[position + 6 : end], data[position + 2 : position + 6])
                messages.append(new(WSMessage, (BINARY_MESSAGE, payload, None)))
            elif first == 0x81 and self._decode_text:
                payload = apply_mask(data[position + 6 : end], data[position + 2 : position + 6])
                try:
                    messages.append(new(WSMessage, (TEXT_MESSAGE, payload.decode(), None)))
                except UnicodeDecodeError as error:
                    raise refuse_text() from error
            else:
                break
            position = end
        return position

    def _take_frame(self, data: bytes, position: int, messages: list[WSMessage]) -> int:
        """Parse a frame, or as much of a data frame as is there; returns where its payload ends or -1."""
        first = data[position]
        step = self._steps[first]
        if step == FAULT:
            raise explain(first, deflate=self._inflater is not None)
        self._check_second(data[position + 1], step)
        head = read_head(data, position, is_masked=not self._is_client)
        if head is None:
            return -1
        start, length, key = head
        if step != CONTROL:
            self._check_length(length, step)
        end = start + length
        if end > len(data):
            if step == CONTROL:
                return -1
        elif step in (WHOLE, WHOLE_DEFLATED, CONTROL):
            view: Bytes = data[start:end] if length < _VIEWED else memoryview(data)[start:end]
            payload = apply_mask(view, key) if key else bytes(view)
            if step == CONTROL:
                self._take_control(first & 0xF, payload, messages)
            elif step == WHOLE:
                messages.append(
                    make_message(payload, is_text=first & 0xF == TEXT, decode_text=self._decode_text)
                )
            else:
                self._take_deflated(first & 0xF, payload, messages)
            return end
        self._begin_frame(first, step, length, key)
        return self._take_payload(data, start, messages)

    def _check_second(self, second: int, step: int) -> None:
        if (second < MASK) is not self._is_client:
            reason = "a client masks its frames" if second < MASK else "a server does not mask its frames"
            raise WebSocketError(PROTOCOL_ERROR, reason)
        if step == CONTROL and second & 0x7F > LONGEST_CONTROL:
            raise WebSocketError(PROTOCOL_ERROR, f"a control frame of more than {LONGEST_CONTROL} bytes")

    def _check_length(self, length: int, step: int) -> None:
        """Refuse a frame of data that makes its message too big."""
        limit, assembly = self._limit, self._assembly
        came = 0
        is_deflated = step in (WHOLE_DEFLATED, FIRST_DEFLATED)
        if assembly is not None:
            is_deflated = assembly.is_deflated
            came = assembly.raw
        # What cannot be compressed becomes longer, with the worst settings of zlib by less than a quarter.
        most = limit + limit // 4 + 64 if is_deflated else limit
        if came + length > most:
            raise refuse_size(limit)

    def _begin_frame(self, first: int, step: int, length: int, key: bytes) -> None:
        if self._assembly is None:
            self._assembly = Assembly(
                is_text=first & 0xF == TEXT,
                decode_text=self._decode_text,
                limit=self._limit,
                inflater=self._inflater if step in (WHOLE_DEFLATED, FIRST_DEFLATED) else None,
            )
        self._missing = length
        self._key = key
        self._is_last = step in (WHOLE, WHOLE_DEFLATED, LAST)
        self._steps = STEPS[self._deflater is not None, not self._is_last]

    def _take_payload(self, data: bytes, position: int, messages: list[WSMessage]) -> int:
        """Take what is there of a frame's payload, unmasked at once: so text can be looked at, and each byte
        is copied a number of times that does not depend on the number of pieces."""
        assembly = self._assembly
        if assembly is None:
            raise AssertionError("a payload belongs to a message")
        count = min(len(data) - position, self._missing)
        piece: Bytes = data
        if count != len(data):
            piece = memoryview(data)[position : position + count]
        if self._key:
            piece = apply_mask(piece, self._key)
            self._key = rotate(self._key, count)
        self._missing -= count
        assembly.add(bytes(piece))
        if not self._missing and self._is_last:
            self._assembly = None
            messages.append(assembly.finish())
            self._extra += max(assembly.size - assembly.raw, 0)
        return position + count

    def _take_deflated(self, opcode: int, payload: bytes, messages: list[WSMessage]) -> None:
        """A compressed message that is all there."""
        if self._inflater is None:
            raise AssertionError("a compressed message where none may be")
        is_text, limit = opcode == TEXT, self._limit
        data = self._inflater.inflate_whole(payload, limit + 1)
        if len(data) > limit:
            # As in pieces: what fits is looked at first.
            assembly = Assembly(is_text=is_text, decode_text=False, limit=limit, inflater=None)
            assembly.add(data[:limit])
            raise refuse_size(limit)
        messages.append(make_message(data, is_text=is_text, decode_text=self._decode_text))
        self._extra += max(len(data) - len(payload), 0)

    def _take_control(self, opcode: int, payload: bytes, messages: list[WSMessage]) -> None:
        if opcode == CLOSE:
            code, reason = read_close(payload)
            messages.append(new(WSMessage, (_CLOSE_MESSAGE, code, reason)))
            self.close_received = True
            self._end()
        else:
            messages.append(new(WSMessage, (_CONTROL_MESSAGES[opcode], payload, None)))

    # -- sending ---------------------------------------------------------------------------------------

    def encode(self, payload: Bytes, opcode: int, compress: int | None = None) -> bytes:
        """One message, as one whole frame.

        ``opcode``
            TEXT (then ``payload`` is UTF-8), BINARY, PING or PONG.
        ``compress``
            bits of the window for this message, 9 to 15 and no more than was agreed on; 0 for no compression,
            ``None`` for what was agreed on. Where nothing was, and for short messages, it does nothing.

        Raises `ValueError` for another opcode, for other ``compress``, and for a ping or pong of more than
        125 bytes."""
        if self._is_plain and compress is None and opcode in SHORT_HEADS and type(payload) is bytes:
            size = len(payload)
            if size < 126:
                return SHORT_HEADS[opcode][size] + payload
            return encode_head(FIN | opcode, size) + payload
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


def _make_key() -> bytes:
    return os.urandom(4)
