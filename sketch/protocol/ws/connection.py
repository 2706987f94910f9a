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

from collections.abc import Callable
from typing import Final

from ...http.exchange import Bytes
from ...http.handshake import Deflate
from ...http.websocket import MOST_CONTROL, WebSocketError, WSMessage, WSMsgType
from .assembly import BINARY_MESSAGE, TEXT_MESSAGE, Assembly, make_message, new, refuse_size, refuse_text
from .deflate import Inflater
from .encoder import MessageEncoder
from .frames import (
    CLOSE,
    CONTROL,
    FAULT,
    FIRST_DEFLATED,
    LAST,
    MASK,
    PROTOCOL_ERROR,
    STEPS,
    TEXT,
    WHOLE,
    WHOLE_DEFLATED,
    explain,
    read_close,
    read_head,
)
from .mask import apply_mask, rotate

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


class WebSocketEngine(MessageEncoder):
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
        "_extra",
        "_held",
        "_inflater",
        "_is_last",
        "_key",
        "_limit",
        "_longest",
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
        super().__init__(deflate=deflate, is_client=is_client, make_key=make_key)
        self._limit = max_message_size or _UNBOUNDED
        self._decode_text = decode_text
        self._inflater = None if deflate is None else _make_inflater(deflate, is_client=is_client)
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
        self._can_be_simple = not is_client and self._limit >= MOST_CONTROL
        self._longest = min(self._limit, 0xFFFF) + 8
        self.is_settled = self._can_be_simple
        """Whether the next frame stands alone: no other frame, no message has begun, nothing is held, closed
        or broken. May be false where it is so; to ask is quicker than to ask for all of these."""
        self.has_held = False
        """Whether more messages are there than one call of `receive` returns: ``receive(b"")`` has them."""
        self.close_received = False
        """Whether the peer has sent its close frame. Nothing after that is parsed."""
        self.failure: WebSocketError | None = None
        """What the peer has broken. Nothing after that is parsed."""

    def receive(self, data: bytes) -> list[WSMessage]:
        """The messages that are complete with ``data``, in order. Raises nothing for what a peer sends: see
        `failure`, and `has_held` for whether these are all."""
        message = self.receive_whole(data)
        if message is not None:
            return [message]
        if self._missing > len(data):
            return self._receive_piece(data)
        return self._receive(data)

    def receive_whole(self, data: bytes) -> WSMessage | None:
        """The message that ``data`` is, where that is one message in one frame, and nothing else before it is
        unfinished: as nearly always, and in a third of the time. ``None`` where it is anything else: then
        `receive` must have the same ``data``."""
        if not self.is_settled:
            return None
        size = len(data)
        if 5 < size < 132 and data[1] == size + 122:
            payload = apply_mask(data[6:], data[2:6])
        elif 133 < size <= self._longest and data[1] == 254 and data[2] << 8 | data[3] == size - 8:
            payload = apply_mask(data[8:], data[4:8])
        else:
            return None
        first = data[0]
        if first == 0x81 and self._decode_text:
            try:
                return new(WSMessage, (TEXT_MESSAGE, payload.decode(), None))
            except UnicodeDecodeError:
                return None
        if first == 0x82:
            return new(WSMessage, (BINARY_MESSAGE, payload, None))
        return self._receive_deflated(first & 0xF, payload) if first == 0xC1 or first == 0xC2 else None

    def _receive_deflated(self, opcode: int, payload: bytes) -> WSMessage | None:
        if self._inflater is None:
            return None
        try:
            return self._inflate(opcode, payload)
        except WebSocketError as error:
            self._fail(error)
            return None

    def _receive_piece(self, data: bytes) -> list[WSMessage]:
        """What comes is in the middle of a frame, and nothing else."""
        try:
            self._take_payload(data, 0, [])
        except WebSocketError as error:
            self._fail(error)
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
            self._fail(error)
            return messages
        if self.close_received:
            return messages
        if position < len(data):
            # The beginning of a head or of a control frame; or all the rest, where these are enough.
            self._held = data if self.has_held else data[position:]
            self._position = position if self.has_held else 0
        self.is_settled = self._can_be_simple and self._assembly is None and not self._held
        return messages

    def _fail(self, error: WebSocketError) -> None:
        self.failure = error
        self._end()

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
            payload = apply_mask(_cut(data, start, end), key) if key else data[start:end]
            if step == CONTROL:
                self._take_control(first & 0xF, payload, messages)
            elif step == WHOLE:
                messages.append(
                    make_message(payload, is_text=first & 0xF == TEXT, decode_text=self._decode_text)
                )
            else:
                messages.append(self._inflate(first & 0xF, payload))
            return end
        self._begin_frame(first, step, length, key)
        return self._take_payload(data, start, messages)

    def _check_second(self, second: int, step: int) -> None:
        if (second < MASK) is not self._is_client:
            reason = "a client masks its frames" if second < MASK else "a server does not mask its frames"
            raise WebSocketError(PROTOCOL_ERROR, reason)
        if step == CONTROL and second & 0x7F > MOST_CONTROL:
            raise WebSocketError(PROTOCOL_ERROR, f"a control frame of more than {MOST_CONTROL} bytes")

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
        self._steps = STEPS[self._inflater is not None, not self._is_last]

    def _take_payload(self, data: bytes, position: int, messages: list[WSMessage]) -> int:
        """Take what is there of a frame's payload, unmasked at once: so text can be looked at, and each byte
        is copied a number of times that does not depend on the number of pieces."""
        assembly = self._assembly
        if assembly is None:
            raise AssertionError("a payload belongs to a message")
        end = min(len(data), position + self._missing)
        count = end - position
        if key := self._key:
            piece = apply_mask(_cut(data, position, end), key)
            if count & 3:
                self._key = rotate(key, count)
        else:
            piece = data[position:end]
        self._missing -= count
        assembly.add(piece)
        if not self._missing and self._is_last:
            self._assembly = None
            messages.append(assembly.finish())
            self._extra += max(assembly.size - assembly.raw, 0)
        return end

    def _inflate(self, opcode: int, payload: bytes) -> WSMessage:
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
        self._extra += max(len(data) - len(payload), 0)
        return make_message(data, is_text=is_text, decode_text=self._decode_text)

    def _take_control(self, opcode: int, payload: bytes, messages: list[WSMessage]) -> None:
        if opcode == CLOSE:
            code, reason = read_close(payload)
            messages.append(new(WSMessage, (_CLOSE_MESSAGE, code, reason)))
            self.close_received = True
            self._end()
        else:
            messages.append(new(WSMessage, (_CONTROL_MESSAGES[opcode], payload, None)))


def _cut(data: bytes, start: int, end: int) -> Bytes:
    """A part of ``data``, to be unmasked."""
    return (
        data[start:end] if end - start < _VIEWED or end - start == len(data) else memoryview(data)[start:end]
    )


def _make_inflater(deflate: Deflate, *, is_client: bool) -> Inflater:
    if is_client:
        return Inflater(deflate.server_max_window_bits, has_memory=not deflate.server_no_context_takeover)
    return Inflater(deflate.client_max_window_bits, has_memory=not deflate.client_no_context_takeover)
