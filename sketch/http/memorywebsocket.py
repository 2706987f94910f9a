"""One WebSocket without any carrier: a test plays the peer.

It keeps the rules of `WebSocketStream` and records what the peer would get, as messages. No frames are known
here, nothing is compressed, and no heartbeat beats.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from .errors import Disconnected
from .exchange import Bytes, Peer
from .handshake import WebSocketAgreement
from .websocket import (
    CLOSED_MESSAGE,
    CLOSING_MESSAGE,
    MOST_CONTROL,
    NO_CODE,
    SharedMessage,
    WebSocketError,
    WebSocketOptions,
    WebSocketStream,
    WSCloseCode,
    WSMessage,
    WSMessageTextBytes,
    WSMsgType,
    check_close,
)


class MemoryWebSocket(WebSocketStream):
    """A WebSocket whose peer is a test.

    ``sent``
        what the peer got, in its order: messages, pings and pongs, and the close frame as CLOSE.
    ``sent_bits``
        for each of them the bits of the window that it would be compressed with, 0 for none.
    ``aborted``
        whether this side has cut the connection.

    The peer acts with `feed`, `feed_ping`, `feed_pong`, `feed_close`, `break_protocol`, `fall_silent`,
    `vanish`, `pause_peer` and `resume_peer`; the server with `say_goodbye`.
    """

    __slots__ = (
        "_agreement",
        "_close_code",
        "_close_sent",
        "_deadline",
        "_error",
        "_held",
        "_inbox",
        "_options",
        "_over",
        "_peer",
        "_room",
        "_waiter",
        "aborted",
        "sent",
        "sent_bits",
    )

    def __init__(self, agreement: WebSocketAgreement, options: WebSocketOptions, peer: Peer) -> None:
        self._agreement = agreement
        self._options = options
        self._peer = peer
        self._inbox: deque[WSMessage] = deque()
        self._waiter: asyncio.Future[WSMessage] | None = None
        self._close_code: int | None = None
        self._error: BaseException | None = None
        self._close_sent = False
        # Set once the closing handshake is complete, or the connection gone.
        self._over = asyncio.Event()
        self._deadline: asyncio.TimerHandle | None = None
        # What a peer that takes nothing has not got. Room is there while it is less than the limit.
        self._held: list[tuple[WSMessage, int, int]] | None = None
        self._room = asyncio.Event()
        self._room.set()
        self.sent: list[WSMessage] = []
        self.sent_bits: list[int] = []
        self.aborted = False

    # -- what a test does ------------------------------------------------------------------------------

    def feed(self, data: str | bytes) -> None:
        """Let a message come. Beyond ``max_message_size`` it is what `break_protocol` does, with 1009."""
        payload = data.encode() if isinstance(data, str) else data
        limit = self._options.max_message_size
        if limit and len(payload) > limit:
            message = f"a message of {len(payload)} bytes is larger than {limit}"
            self.break_protocol(WebSocketError(WSCloseCode.MESSAGE_TOO_BIG, message))
        elif isinstance(data, bytes):
            self._arrive(WSMessage(WSMsgType.BINARY, data, None))
        elif self._options.decode_text:
            self._arrive(WSMessage(WSMsgType.TEXT, data, None))
        else:
            self._arrive(WSMessageTextBytes(WSMsgType.TEXT, payload, None))  # type: ignore[arg-type]

    def feed_ping(self, payload: bytes = b"") -> None:
        """Let a ping come: it is answered, or received without ``autoping``."""
        if not self._options.autoping:
            self._arrive(WSMessage(WSMsgType.PING, payload, None))
        elif self._can_arrive and not self._close_sent:
            self._send(WSMessage(WSMsgType.PONG, payload, None), len(payload), 0)

    def feed_pong(self, payload: bytes = b"") -> None:
        """Let a pong come, which is received without ``autoping``."""
        if not self._options.autoping:
            self._arrive(WSMessage(WSMsgType.PONG, payload, None))

    def feed_close(self, code: int = 1000, reason: str = "") -> None:
        """Let the peer's close frame come; ``code`` 0 for one without."""
        if self._can_arrive:
            self._arrive_last(WSMessage(WSMsgType.CLOSE, code, reason), code or NO_CODE)

    def break_protocol(self, error: WebSocketError) -> None:
        """Let the peer send what breaks the protocol."""
        if self._can_arrive:
            self._error = error
            self._arrive_last(WSMessage(WSMsgType.ERROR, error, None), error.code)

    def fall_silent(self) -> None:
        """Let the heartbeat find that the peer answers no more."""
        self._cut(TimeoutError("no pong came in time"))

    def vanish(self) -> None:
        """Let the connection be lost."""
        self._cut(Disconnected("the peer has left"))

    def say_goodbye(self) -> None:
        """Let the server go away: it closes by itself."""
        self.close(self._options.drain_code)

    def give_up(self) -> None:
        """The handler has failed: the peer is told so, and waited for no more."""
        if not self._over.is_set():
            if not self._close_sent:
                self._close_sent = True
                self._send(WSMessage(WSMsgType.CLOSE, WSCloseCode.INTERNAL_ERROR, ""), 2, 0)
            self._close_code = self._close_code or WSCloseCode.ABNORMAL_CLOSURE
            self._finish()

    def pause_peer(self) -> None:
        """Let the peer take nothing more."""
        if self._held is None:
            self._held = []

    def resume_peer(self) -> None:
        """Let it take what there is, and go on."""
        held, self._held = self._held or [], None
        for message, _, bits in held:
            self._deliver(message, bits)
        self._room.set()

    # -- arriving --------------------------------------------------------------------------------------

    @property
    def _can_arrive(self) -> bool:
        return self._close_code is None

    def _arrive(self, message: WSMessage) -> None:
        if self._can_arrive:
            self._inbox.append(message)
            self._wake()

    def _arrive_last(self, message: WSMessage, code: int) -> None:
        self._close_code = code
        self._inbox.append(message)
        self._wake()
        if self._close_sent:
            self._finish()
        else:
            self._set_deadline(lambda: self._answer(message))

    def _wake(self) -> None:
        # To take the last message is to end, which wakes again.
        waiter, self._waiter = self._waiter, None
        if waiter is None or waiter.done():
            return
        message = self.receive_nowait()
        if message is None:
            self._waiter = waiter
        else:
            waiter.set_result(message)

    def _set_deadline(self, callback: Callable[[], None]) -> None:
        self._deadline = asyncio.get_running_loop().call_later(self._options.close_timeout, callback)

    def _answer(self, message: WSMessage) -> None:
        """Answer the peer's close, or what it did wrong, with a close frame of the same code."""
        if not self._over.is_set():
            code = message.data.code if message.type is WSMsgType.ERROR else message.data
            if not self._close_sent:
                self._close_sent = True
                self._send(WSMessage(WSMsgType.CLOSE, code, ""), 2, 0)
            self._finish()

    def _cut(self, error: BaseException) -> None:
        if self._over.is_set():
            return
        if self._close_code is None:
            self._close_code, self._error = WSCloseCode.ABNORMAL_CLOSURE, error
        self._held = None
        self._finish()

    def _finish(self) -> None:
        """The closing handshake is complete, or the connection is gone."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._over.set()
        self._room.set()
        self._wake()

    # -- what it is ------------------------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        """Whether the closing handshake is complete, or the connection gone."""
        return self._over.is_set()

    @property
    def compression(self) -> int:
        deflate = self._agreement.deflate
        return 0 if deflate is None else deflate.server_max_window_bits

    @property
    def close_code(self) -> int | None:
        return self._close_code

    @property
    def error(self) -> BaseException | None:
        return self._error

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._peer.get_extra_info(name, default)

    # -- receiving -------------------------------------------------------------------------------------

    def receive_nowait(self) -> WSMessage | None:
        if self._inbox:
            message = self._inbox.popleft()
            is_last = message.type is WSMsgType.CLOSE or message.type is WSMsgType.ERROR
            if is_last and self._options.autoclose:
                self._answer(message)
            return message
        return None if self._close_code is None else CLOSED_MESSAGE

    def wait(self) -> "asyncio.Future[WSMessage]":
        if self._waiter is not None and not self._waiter.done():
            raise RuntimeError("Concurrent call to receive() is not allowed: another task waits")
        self._waiter = asyncio.get_running_loop().create_future()
        return self._waiter

    def give_back(self, waiter: "asyncio.Future[WSMessage]") -> None:
        if waiter.done() and not waiter.cancelled() and waiter.result() is not CLOSING_MESSAGE:
            self._inbox.appendleft(waiter.result())
            # Somebody else may wait by now.
            self._wake()

    def interrupt(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(CLOSING_MESSAGE)

    # -- sending ---------------------------------------------------------------------------------------

    @property
    def buffered(self) -> int:
        return sum(size for _, size, _ in self._held or ())

    def send_nowait(self, payload: Bytes, opcode: int, compress: int | None = None) -> bool:
        kind = WSMsgType(opcode)
        is_control = kind is WSMsgType.PING or kind is WSMsgType.PONG
        if is_control and len(payload) > MOST_CONTROL:
            raise ValueError(f"a ping or pong has at most {MOST_CONTROL} bytes, got {len(payload)}")
        data = bytes(payload)
        bits = 0 if is_control else self.compression if compress is None else compress
        return self._send_message(
            WSMessage(kind, data.decode() if kind is WSMsgType.TEXT else data, None), len(data), bits
        )

    def _send_message(self, message: WSMessage, size: int, bits: int) -> bool:
        if self._close_sent or self._over.is_set():
            raise Disconnected("the WebSocket is closed" if self._close_sent else "the peer has left")
        self._send(message, size, bits)
        return self._room.is_set()

    def _send(self, message: WSMessage, size: int, bits: int) -> None:
        if self._held is None:
            self._deliver(message, bits)
            return
        self._held.append((message, size, bits))
        if self.buffered > self._options.write_limit:
            self._room.clear()

    def _deliver(self, message: WSMessage, bits: int) -> None:
        self.sent.append(message)
        self.sent_bits.append(bits)

    async def send(self, payload: Bytes, opcode: int, compress: int | None = None) -> None:
        if not self.send_nowait(payload, opcode, compress):
            await self.drain()

    def send_shared(self, message: SharedMessage) -> bool:
        encoded = message.encoded.get(MemoryWebSocket)
        if encoded is None:
            encoded = message.encoded[MemoryWebSocket] = WSMessage(message.opcode, message.data, None)
        return self._send_message(encoded, len(message.payload), self.compression)

    async def drain(self) -> None:
        await self._room.wait()
        if self._over.is_set() and self._error is not None:
            raise Disconnected("the peer has left")

    # -- the end ---------------------------------------------------------------------------------------

    def close(self, code: int = WSCloseCode.OK, reason: bytes = b"") -> None:
        check_close(code, reason)
        if self._close_sent or self._over.is_set():
            return
        self._close_sent = True
        self._send(WSMessage(WSMsgType.CLOSE, code, reason.decode()), 2 + len(reason), 0)
        if self._close_code is None:
            self._set_deadline(lambda: self._cut(TimeoutError("the peer has not closed in time")))
        else:
            self._finish()

    async def wait_closed(self) -> None:
        self._inbox.clear()
        await self._over.wait()
        self._inbox.clear()

    def abort(self) -> None:
        self.aborted = True
        self._cut(Disconnected("this side has cut the connection"))
