"""A WebSocket on a connection that was HTTP's: the engine between a socket and whoever takes the messages.

What frames mean is the engine's to say. Here it is decided what happens when: who is woken, when the socket
is read, what a peer is waited for, and how it all ends.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, Final, cast

from ..http.errors import Disconnected
from ..http.exchange import Bytes
from ..http.handshake import Deflate
from ..http.websocket import (
    CLOSED_MESSAGE,
    CLOSING_MESSAGE,
    MOST_REASON,
    SharedMessage,
    WebSocketOptions,
    WebSocketStream,
    WSCloseCode,
    WSMessage,
    WSMsgType,
)
from ..protocol.ws.connection import WebSocketEngine
from ..protocol.ws.encoder import UNCOMPRESSED
from .connection import WRITELINES_PAUSES
from .takeover import Owner, Successor

_LARGE: Final = 2**19
"""Bytes of a message from which on it is not copied behind its head. A copy is cheaper than it looks: uvloop
takes a third longer to send 128 KiB in two pieces than in one, and about as long for 1 MiB."""

_COMPRESSED_IN_LOOP: Final = 65536
"""Bytes of a message up to which it is compressed where it stands: a millisecond or two."""

_LOOKS: Final = 4
"""How often it is looked, in each heartbeat, whether the peer was heard. That costs a message nothing, and to
read a clock would."""

_FINE: Final = 4.0
"""Seconds that are too few for a clock that ticks once a second."""

_NO_CODE: Final = 1005
"""The close code of a close frame without one (RFC 6455, section 7.1.5). It is never sent."""

_NEVER: Final = float("inf")

_TEXT, _BINARY = WSMsgType.TEXT, WSMsgType.BINARY
_PING, _PONG, _CLOSE = WSMsgType.PING, WSMsgType.PONG, WSMsgType.CLOSE
_ERROR = WSMsgType.ERROR


class State(Enum):
    """How far the closing handshake is."""

    OPEN = auto()
    """Nobody closes."""
    LEAVING = auto()
    """A close frame was sent, and is to be answered."""
    LEFT = auto()
    """One has come, or what breaks the protocol: to be answered when it is taken."""
    OVER = auto()
    """Nothing is sent or received any more."""


OPEN, LEAVING, LEFT, OVER = State


class WebSocketConnection(Successor, WebSocketStream):
    """The server's end of a WebSocket on a connection of its own."""

    __slots__ = (
        "_bits", "_close_code", "_closed_waiters", "_compressing", "_discards", "_engine", "_error",
        "_has_heard", "_is_full", "_make_future", "_messages", "_options", "_owed_pong", "_owner",
        "_queued", "_silence", "_state", "_timer", "_transport", "_waiter", "deadline",
    )  # fmt: skip

    _transport: asyncio.Transport

    def __init__(self, owner: Owner, deflate: Deflate | None, options: WebSocketOptions) -> None:
        self._owner = owner
        self._make_future: Callable[[], asyncio.Future[WSMessage]] = owner.registry.loop.create_future
        self._engine = WebSocketEngine(
            max_message_size=options.max_message_size, decode_text=options.decode_text, deflate=deflate
        )
        self._options = options
        self._bits = 0 if deflate is None else deflate.server_max_window_bits
        self._state = OPEN
        # A queue takes 0.6 KiB, and most are never needed.
        self._messages: deque[WSMessage] | None = None
        # Bytes that have come since the queue was last empty.
        self._queued = 0
        self._waiter: asyncio.Future[WSMessage] | None = None
        self._closed_waiters: list[asyncio.Future[None]] | None = None
        self._close_code: int | None = None
        self._error: BaseException | None = None
        self._owed_pong: bytes | None = None
        self._compressing: asyncio.Lock | None = None
        self._has_heard = False
        # Whether the peer takes less than it is given.
        self._is_full = False
        self._silence = 0
        self._timer: asyncio.TimerHandle | None = None
        self._discards = False
        self.deadline = _NEVER

    # -- what asyncio calls ----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called when the connection is handed over."""
        # Those of uvloop are no subclass.
        self._transport = transport = cast(asyncio.Transport, transport)
        limit = self._options.write_limit
        if limit != self._owner.registry.limits.write_buffer:
            transport.set_write_buffer_limits(high=limit)
        if self._options.heartbeat:
            self._schedule(self._options.heartbeat / _LOOKS)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio with what the peer sent."""
        self._has_heard = True
        engine = self._engine
        messages = engine.receive(data)
        waiter = self._waiter
        if waiter is not None and engine.is_settled and len(messages) == 1:
            # One message for who waits for one, as nearly always.
            message = messages[0]
            kind = message[0]
            if kind is _TEXT or kind is _BINARY:
                self._waiter = None
                try:
                    waiter.set_result(message)
                    return
                except asyncio.InvalidStateError:
                    # Who waited was cancelled, and has not noticed yet.
                    pass
        if messages or not engine.is_settled:
            self._take(messages, len(data))

    def eof_received(self) -> bool:
        """Called by asyncio when the peer will send nothing more. It may still want an answer to its close
        frame; nothing else, because a WebSocket has no half close."""
        return self._state is LEFT and self._transport.can_write_eof()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Called when the connection is gone, or the handler has returned."""
        if self._state is OVER:
            return
        if self._state is not LEFT:
            self._error = Disconnected("the peer closed the connection without a close frame")
        self._end()

    def pause_writing(self) -> None:
        """Called by asyncio when more is waiting to be sent than the limit allows."""
        self._is_full = True
        self._owner.bound_unsent()
        self._owner.pause_writing()

    def resume_writing(self) -> None:
        """Called by asyncio when what was waiting is mostly sent."""
        self._is_full = False
        self._owner.resume_writing()
        payload, self._owed_pong = self._owed_pong, None
        if payload is not None:
            self._answer_ping(payload)

    # -- what has come ---------------------------------------------------------------------------------

    def _take(self, messages: list[WSMessage], size: int) -> None:
        """Put messages, out of so many bytes, where they are found, or have them awaited for."""
        keeps_pings = not self._options.autoping
        engine = self._engine
        queue = self._messages
        if queue is None:
            queue = self._messages = deque()
        for message in messages:
            kind = message[0]
            if kind is _TEXT or kind is _BINARY or keeps_pings or kind is _CLOSE:
                if not self._discards:
                    queue.append(message)
            elif kind is _PING:
                self._answer_ping(message.data)
        if (engine.close_received or engine.failure is not None) and self._close_code is None:
            self._peer_ended(messages, queue)
        self._deliver()
        if not self._messages:
            self._messages = None
        else:
            self._queued += size
            if self._queued > self._owner.registry.limits.read_buffer or engine.has_held:
                self._owner.pause_reading()

    def _deliver(self) -> None:
        """Give whoever waits the next message, if there is one."""
        waiter, self._waiter = self._waiter, None
        if waiter is None or waiter.done():
            return
        message = self.receive_nowait()
        if message is None:
            self._waiter = waiter
        else:
            waiter.set_result(message)

    def _answer_ping(self, payload: bytes) -> None:
        """Only the last one has to be answered (RFC 6455, section 5.5.3): a peer that takes nothing does not
        have us hold a pong for each of its pings."""
        if self._state is not OPEN:
            return
        if self._is_full:
            self._owed_pong = payload
        else:
            self._transport.write(self._engine.encode(payload, _PONG))

    def _peer_ended(self, messages: list[WSMessage], queue: deque[WSMessage]) -> None:
        """The peer's last word has come. It is answered when somebody has taken all that came before, and at
        the latest in a while."""
        failure = self._engine.failure
        if failure is None:
            self._close_code = messages[-1].data or _NO_CODE
        else:
            self._close_code, self._error = failure.code, failure
            queue.append(WSMessage(_ERROR, failure, None))
        if self._state is LEAVING:
            self._end()
            self._owner.release(has_said_all=failure is None)
        elif self._state is OPEN:
            self._state = LEFT
            self._schedule(self._options.close_timeout)

    # -- receiving -------------------------------------------------------------------------------------

    def receive_nowait(self) -> WSMessage | None:
        """The next message; ``None`` when none is there at the moment."""
        messages = self._messages
        if not messages:
            if self._queued:
                self._make_room()
                return self.receive_nowait()
            return CLOSED_MESSAGE if self._state is OVER else None
        message = messages.popleft()
        kind = message[0]
        if (kind is _CLOSE or kind is _ERROR) and self._state is LEFT and self._options.autoclose:
            self._answer_end()
        return message

    def _make_room(self) -> None:
        """All that has come is taken."""
        self._queued = 0
        if self._engine.has_held:
            self._take(self._engine.receive(b""), 1)
        if not self._engine.has_held and self._state is not OVER:
            self._owner.resume_reading()

    def wait(self) -> "asyncio.Future[WSMessage]":
        """The next message, once it comes."""
        if self._waiter is not None and not self._waiter.done():
            raise RuntimeError("Concurrent call to receive() is not allowed: another task waits")
        self._waiter = waiter = self._make_future()
        return waiter

    def give_back(self, waiter: "asyncio.Future[WSMessage]") -> None:
        """Nobody awaits this any more."""
        if waiter.done() and not waiter.cancelled() and (message := waiter.result()) is not CLOSING_MESSAGE:
            if message is not CLOSED_MESSAGE:
                self._messages = deque((message, *(self._messages or ())))

    def interrupt(self) -> None:
        """Have whoever waits for a message get `CLOSING_MESSAGE`."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(CLOSING_MESSAGE)

    # -- sending ---------------------------------------------------------------------------------------

    @property
    def compression(self) -> int:
        """The bits of the window that messages of this side are compressed with; 0 where they are not."""
        return self._bits

    @property
    def buffered(self) -> int:
        """Bytes that the peer has not taken."""
        return self._owner.unsent

    def send_nowait(self, payload: Bytes, opcode: int, compress: int | None = None) -> bool:
        """Send a message, or a ping or pong."""
        state = self._state
        if state is not OPEN and state is not LEFT:
            raise Disconnected("the WebSocket is closed, or closing")
        if len(payload) < _LARGE:
            self._transport.write(self._engine.encode(payload, opcode, compress))
        else:
            parts = self._engine.encode_in_parts(payload, opcode, compress)
            if WRITELINES_PAUSES:
                self._transport.writelines(parts)
            else:
                self._transport.write(b"".join(parts))
        return not self._is_full

    async def send(self, payload: Bytes, opcode: int, compress: int | None = None) -> None:
        """Send a message, compressing what is large outside the event loop, and wait while the peer takes
        less than it is given."""
        if self._bits and compress != 0 and len(payload) > _COMPRESSED_IN_LOOP and opcode < _CLOSE:
            await self._send_compressed(bytes(payload), opcode, compress)
        else:
            self.send_nowait(payload, opcode, compress)
        if self._is_full:
            await self._owner.drained()

    async def _send_compressed(self, payload: bytes, opcode: int, compress: int | None) -> None:
        if self._compressing is None:
            self._compressing = asyncio.Lock()
        engine = self._engine
        async with self._compressing:
            compression = engine.begin_compression(payload, compress)
            try:
                compressed = await asyncio.to_thread(compression)
                if self._state is not OPEN and self._state is not LEFT:
                    raise Disconnected("the WebSocket was closed while a message was compressed")
            except BaseException:
                engine.abandon_compression()
                raise
            for part in engine.end_compression(compressed, opcode):
                self._transport.write(part)

    def send_shared(self, message: SharedMessage) -> bool:
        """Send a message that others get, too."""
        if self._state is not OPEN and self._state is not LEFT:
            raise Disconnected("the WebSocket is closed, or closing")
        # Of a thousand receivers nothing is in the processor's caches: few objects are looked at.
        frame = None if self._bits else message.encoded.get(UNCOMPRESSED)
        self._transport.write(self._engine.encode_shared(message) if frame is None else frame)
        return not self._is_full

    async def drain(self) -> None:
        """Wait until the peer has taken most of what it was given."""
        await self._owner.drained()

    # -- the end ---------------------------------------------------------------------------------------

    @property
    def close_code(self) -> int | None:
        """Why the WebSocket ended."""
        return self._close_code

    @property
    def error(self) -> BaseException | None:
        """What ended it, where it was no close frame."""
        return self._error

    def close(self, code: int = WSCloseCode.OK, reason: bytes = b"") -> None:
        """Send a close frame, the first time."""
        if not code:
            raise ValueError("a close frame has a code, such as 1000")
        frame = self._engine.encode_close(code, reason)
        if self._state is OPEN:
            self._transport.write(frame)
            self._state = LEAVING
            self._schedule(self._options.close_timeout)
            self._owner.resume_reading()
        elif self._state is LEFT:
            self._finish(frame)

    def _answer_end(self) -> None:
        """Send the close frame that the peer's last word asks for, and close."""
        failure, code = self._engine.failure, self._close_code
        if failure is not None:
            self._finish(self._engine.encode_close(failure.code, str(failure).encode()[:MOST_REASON]))
        else:
            # It is typically answered with the code that it has (RFC 6455, section 5.5.1).
            self._finish(self._engine.encode_close(WSCloseCode.OK if code in (None, _NO_CODE) else code, b""))

    def _finish(self, frame: bytes) -> None:
        """Send the last frame, in answer to the peer's last word."""
        self._transport.write(frame)
        self._end()
        self._owner.release(has_said_all=self._engine.failure is None)

    def _fail(self, error: BaseException) -> None:
        """Cut the connection, because of this."""
        self._error = error
        self.abort()

    def _end(self) -> None:
        """Nothing is sent or received any more."""
        self._state = OVER
        if self._close_code is None:
            self._close_code = WSCloseCode.ABNORMAL_CLOSURE
        self._stop_timer()
        self._deliver()
        waiters, self._closed_waiters = self._closed_waiters, None
        for waiter in waiters or ():
            if not waiter.done():
                waiter.set_result(None)

    def say_goodbye(self) -> None:
        """The server is going away: tell the peer."""
        if self._state is OPEN:
            self.close(self._options.drain_code)

    def give_up(self) -> None:
        """The handler has failed: tell the peer, and wait for nothing."""
        if self._state is OPEN or self._state is LEFT:
            self._transport.write(self._engine.encode_close(WSCloseCode.INTERNAL_ERROR, b""))
        if self._state is not OVER:
            self._end()
            self._owner.release(has_said_all=False)

    async def wait_closed(self) -> None:
        """Wait for the end of the closing handshake or of the connection."""
        self._discards = True
        self._messages = None
        if self._queued:
            self._make_room()
        while self._state is not OVER:
            waiter: asyncio.Future[None] = self._owner.registry.loop.create_future()
            self._closed_waiters = [*(self._closed_waiters or ()), waiter]
            await waiter

    def abort(self) -> None:
        """Cut the connection."""
        if self._state is not OVER:
            self._end()
            self._owner.abort()

    # -- time ------------------------------------------------------------------------------------------

    def _schedule(self, seconds: float) -> None:
        """Have it looked in so many seconds at what the peer does."""
        self._stop_timer()
        registry = self._owner.registry
        if seconds < _FINE:
            self._timer = registry.loop.call_later(seconds, self._look, context=registry.context)
        else:
            self.deadline = registry.clock.now + seconds
            self._owner.deadline = min(self._owner.deadline, self.deadline)

    def _stop_timer(self) -> None:
        self.deadline = _NEVER
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def on_deadline(self) -> None:
        """Called by the connection on each of its deadlines."""
        if self.deadline <= self._owner.registry.clock.now:
            self._look()

    def _look(self) -> None:
        state, seconds = self._state, self._options.close_timeout
        if state is OPEN:
            self._check_silence(self._options.heartbeat or 0.0)
        elif state is LEAVING:
            self._fail(TimeoutError(f"the peer did not answer a close frame within {seconds:g} s"))
        elif state is LEFT:
            self._answer_end()

    def _check_silence(self, heartbeat: float) -> None:
        # What is not read is not heard.
        if self._has_heard or not self._owner.is_reading:
            self._has_heard = False
            self._silence = 0
        else:
            self._silence += 1
            if self._silence == _LOOKS:
                self._transport.write(self._engine.encode(b"", _PING))
            elif self._silence > _LOOKS * 1.5:
                self._fail(TimeoutError(f"the peer did not answer a ping within {heartbeat / 2:g} s"))
                return
        self._schedule(heartbeat / _LOOKS)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the transport knows under this name."""
        return self._transport.get_extra_info(name, default)
