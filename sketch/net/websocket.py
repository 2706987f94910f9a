"""A WebSocket on a connection that was HTTP's: the engine between a socket and whoever takes the messages.

What frames mean is the engine's to say, and how it all ends that of `websocketend`. Here it is decided who is
woken or called, when the socket is read, and what is held for whom.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from types import CoroutineType
from typing import Any, Final, cast

from ..http.errors import Disconnected
from ..http.exchange import Bytes
from ..http.handshake import Deflate
from ..http.websocket import (
    CLOSED_MESSAGE,
    CLOSING_MESSAGE,
    COMPRESSED_ASIDE,
    ENDS,
    NO_CODE,
    MessageCallback,
    SharedMessage,
    WebSocketOptions,
    WSMessage,
    WSMsgType,
    refuse_coroutine,
)
from ..protocol.ws.encoder import UNCOMPRESSED
from ..protocol.ws.frames import MOST_SHORT
from .connection import write_parts
from .takeover import Owner
from .websocketend import LEFT, OPEN, OVER, EndingWebSocket

_LARGE: Final = 2**19
"""Bytes of a message from which on it is not copied behind its head. A copy is cheaper than it looks: uvloop
takes a third longer to send 128 KiB in two pieces than in one, and about as long for 1 MiB."""

_TEXT, _BINARY = WSMsgType.TEXT, WSMsgType.BINARY
_PING, _PONG, _CLOSE = WSMsgType.PING, WSMsgType.PONG, WSMsgType.CLOSE
_ERROR = WSMsgType.ERROR


class WebSocketConnection(EndingWebSocket):
    """The server's end of a WebSocket on a connection of its own."""

    __slots__ = (
        "_bits",
        "_compressing",
        "_discards",
        "_is_calling",
        "_is_full",
        "_listener",
        "_make_future",
        "_messages",
        "_on_message",
        "_owed_pong",
        "_queued",
        "_short_heads",
        "_waiter",
    )

    def __init__(self, owner: Owner, deflate: Deflate | None, options: WebSocketOptions) -> None:
        super().__init__(owner, deflate, options)
        self._make_future: Callable[[], asyncio.Future[WSMessage]] = owner.registry.loop.create_future
        self._short_heads = self._engine.short_heads
        self._bits = 0 if deflate is None else deflate.server_max_window_bits
        # A queue takes 0.6 KiB, and most are never needed.
        self._messages: deque[WSMessage] | None = None
        # Bytes that have come since the queue was last empty.
        self._queued = 0
        # Who waits for a message; or, where somebody listens, for the end.
        self._waiter: asyncio.Future[WSMessage] | None = None
        self._listener: MessageCallback | None = None
        # Who listens, as long as it may be called: nothing is queued, the peer takes what it is sent.
        self._on_message: MessageCallback | None = None
        # Whether that one is being called with what was queued: the next message is for when it returns.
        self._is_calling = False
        self._owed_pong: bytes | None = None
        self._compressing: asyncio.Lock | None = None
        # Whether the peer takes less than it is given.
        self._is_full = False
        self._discards = False

    # -- what asyncio calls ----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called when the connection is handed over."""
        # Those of uvloop are no subclass.
        self._transport = transport = cast(asyncio.Transport, transport)
        limit = self._options.write_limit
        if limit != self._owner.registry.limits.write_buffer:
            transport.set_write_buffer_limits(high=limit)
        self._begin_heartbeat()

    def data_received(self, data: bytes) -> None:
        """Called by asyncio with what the peer sent."""
        self._has_heard = True
        message = self._engine.receive_whole(data)
        if message is None:
            messages = self._engine.receive(data)
            if messages or self._engine.failure is not None:
                self._take(messages, len(data))
            return
        # One message, for who waits for one or listens, as nearly always.
        waiter, on_message = self._waiter, self._on_message
        if waiter is None or waiter.done() or (on_message is None and self._listener is not None):
            self._take([message], len(data))
        elif on_message is not None:
            self._call(on_message, message, waiter)
        else:
            self._waiter = None
            waiter.set_result(message)

    def eof_received(self) -> bool:
        """Called by asyncio when the peer will send nothing more. It may still want an answer to its close
        frame; nothing else, because a WebSocket has no half close."""
        self.flush()
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
        self._on_message = None
        self._owner.bound_unsent()
        self._owner.pause_writing()

    def resume_writing(self) -> None:
        """Called by asyncio when what was waiting is mostly sent."""
        self._is_full = False
        self._owner.resume_writing()
        payload, self._owed_pong = self._owed_pong, None
        if payload is not None:
            self._answer_ping(payload)
        self._deliver()

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
        if self._close_code is None:
            if engine.failure is not None:
                queue.append(WSMessage(_ERROR, engine.failure, None))
                self._peer_ended(engine.failure.code)
            elif engine.close_received:
                self._peer_ended(messages[-1].data or NO_CODE)
        self._deliver()
        self._bound_queue(size)

    def _bound_queue(self, size: int) -> None:
        """After so many bytes: leave what else comes to the socket's buffer where enough is queued, and where
        the engine holds more than it parses in one go."""
        registry, has_held = self._owner.registry, self._engine.has_held
        if self._messages:
            self._queued += size
        else:
            self._messages = None
            if has_held:
                # Nobody will ask for it, because nothing that came before it was left for anybody.
                registry.loop.call_soon(self._make_room, context=registry.context)
        if (has_held or self._queued > registry.limits.read_buffer) and self._state is not OVER:
            self._owner.pause_reading()

    def _deliver(self) -> None:
        """Give whoever waits the next message, if there is one; or whoever listens all of them."""
        waiter, self._on_message = self._waiter, None
        if waiter is None or waiter.done() or self._is_calling:
            return
        if self._listener is not None:
            self._call_with_all(self._listener, waiter)
            return
        self._waiter = None
        message = self.receive_nowait()
        if message is None:
            self._waiter = waiter
        else:
            waiter.set_result(message)

    def _call_with_all(self, listener: MessageCallback, waiter: "asyncio.Future[WSMessage]") -> None:
        """Call who listens with what there is, while the peer takes what it is sent."""
        self._is_calling = True
        try:
            while not waiter.done() and (not self._is_full or self._state is OVER):
                message = self.receive_nowait()
                if message is None:
                    self._on_message = listener
                    break
                if message.type in ENDS:
                    waiter.set_result(message)
                else:
                    self._call(listener, message, waiter)
        finally:
            self._is_calling = False
        if self._waiter is not waiter:
            # The function has ended this, and had another one begin.
            self._deliver()

    def _call(
        self, listener: MessageCallback, message: WSMessage, waiter: "asyncio.Future[WSMessage]"
    ) -> None:
        """Call who listens. What is raised is for who awaits the end of that."""
        try:
            returned = listener(message)
            if returned.__class__ is CoroutineType:
                raise refuse_coroutine(returned)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            if waiter.done():
                # It has ended meanwhile: nobody awaits it any more.
                raise
            self._on_message = None
            if isinstance(error, StopIteration):
                error = RuntimeError("a listener raised StopIteration")  # No future can have that.
            waiter.set_exception(error)

    def _answer_ping(self, payload: bytes) -> None:
        """Only the last one has to be answered (RFC 6455, section 5.5.3): a peer that takes nothing does not
        have us hold a pong for each of its pings."""
        if self._state is not OPEN:
            return
        if self._is_full:
            self._owed_pong = payload
        else:
            self._write(self._engine.encode(payload, _PONG))

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
        if messages and self._outbox is None:
            # The answers to several messages go out together.
            self._begin_to_gather()
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
        if self._waiter is not None:
            if not self._waiter.done():
                raise RuntimeError("Concurrent call to receive() is not allowed: another task waits")
            # Its task was cancelled, say, and has not run since: who listened is called no more.
            self._listener = self._on_message = None
        self._waiter = waiter = self._make_future()
        return waiter

    def give_back(self, waiter: "asyncio.Future[WSMessage]") -> None:
        """Nobody awaits this any more."""
        if not waiter.done() or waiter.cancelled() or waiter.exception() is not None:
            return
        message = waiter.result()
        if message is not CLOSING_MESSAGE and message is not CLOSED_MESSAGE:
            self._messages = deque((message, *(self._messages or ())))
            # Somebody else may wait by now.
            self._deliver()

    async def listen(self, callback: MessageCallback) -> WSMessage:
        """Have a function called with each message, until there are no more."""
        waiter = self.wait()
        run: Callable[..., object] = copy_context().run
        self._listener = listener = partial(run, callback)
        try:
            self._deliver()
            return await waiter
        except BaseException:
            self.give_back(waiter)
            raise
        finally:
            if self._listener is listener:
                self._listener = self._on_message = None

    def interrupt(self) -> None:
        """Have whoever waits for a message, or listens, get `CLOSING_MESSAGE`."""
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
        return self._owner.unsent + self._gathered

    def send_nowait(self, payload: Bytes, opcode: int, compress: int | None = None) -> bool:
        """Send a message, or a ping or pong."""
        state = self._state
        if state is not OPEN and state is not LEFT:
            raise Disconnected("the WebSocket is closed, or closing")
        size = len(payload)
        heads = self._short_heads
        if size <= MOST_SHORT and opcode in heads and compress is None and payload.__class__ is bytes:
            frame = heads[opcode][size] + payload
            if self._outbox is None:
                self._transport.write(frame)
            else:
                self._gather(frame)
        elif size < _LARGE:
            self._write(self._engine.encode(payload, opcode, compress))
        else:
            self.flush()
            write_parts(self._transport, self._engine.encode_in_parts(payload, opcode, compress))
        return not self._is_full

    async def send(self, payload: Bytes, opcode: int, compress: int | None = None) -> None:
        """Send a message, compressing what is large outside the event loop, and wait while the peer takes
        less than it is given."""
        if self._bits and compress != 0 and len(payload) > COMPRESSED_ASIDE and opcode < _CLOSE:
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
            self.flush()
            write_parts(self._transport, engine.end_compression(compressed, opcode))

    def send_shared(self, message: SharedMessage) -> bool:
        """Send a message that others get, too."""
        if self._state is not OPEN and self._state is not LEFT:
            raise Disconnected("the WebSocket is closed, or closing")
        # Of a thousand receivers nothing is in the processor's caches: few objects are looked at.
        frame = None if self._bits else message.encoded.get(UNCOMPRESSED)
        self._write_in_turn(self._engine.encode_shared(message) if frame is None else frame)
        return not self._is_full

    async def drain(self) -> None:
        """Wait until the peer has taken most of what it was given."""
        await self._owner.drained()

    async def wait_closed(self) -> None:
        """Wait for the end of the closing handshake or of the connection."""
        self._discards = True
        self._messages = None
        if self._queued:
            self._make_room()
        await super().wait_closed()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the transport knows under this name."""
        return self._transport.get_extra_info(name, default)
