"""How frames get to the socket of a WebSocket: each at once, and those of a burst together.

A call of the system costs ten times what it takes to put a frame into a list. So the answers to messages
that have come together are written in one go; and so is what is sent to many, from the second message of a
turn of the event loop on: the first one is not kept for others that may never come. What frames mean is not
known here.
"""

import asyncio
from typing import Any, Final

from ..http.handshake import Deflate
from ..http.websocket import WebSocketOptions, WebSocketStream
from ..protocol.ws.connection import WebSocketEngine
from .takeover import Owner, Successor

_MOST_GATHERED: Final = 65536
"""Bytes of frames after which they are written before the turn is over."""


class Gathering:
    """The WebSockets of a server that have frames to write at the end of this turn of the event loop.

    ``turn``
        stands for this turn, once anybody has asked for its end; ``None`` before.
    """

    __slots__ = ("_context", "_loop", "_waiting", "turn")

    def __init__(self, loop: asyncio.AbstractEventLoop, context: Any) -> None:
        self._loop = loop
        self._context = context
        self._waiting: list[WritingWebSocket] = []
        self.turn: object | None = None

    def begin(self) -> object:
        """Have a turn that ends. To be called where there is none."""
        self.turn = turn = object()
        self._loop.call_soon(self._end, context=self._context)
        return turn

    def add(self, websocket: "WritingWebSocket") -> None:
        """Have it flushed at the end of the turn."""
        if self.turn is None:
            self.begin()
        self._waiting.append(websocket)

    def _end(self) -> None:
        self.turn = None
        waiting, self._waiting = self._waiting, []
        for websocket in waiting:
            try:
                websocket.flush()
            except Exception as error:
                # The others have not failed. What was to come after this has a gap before it.
                websocket.abort()
                message = "frames of a WebSocket could not be written"
                self._loop.call_exception_handler({"message": message, "exception": error})


class WritingWebSocket(Successor, WebSocketStream):
    """The part of a WebSocket that writes."""

    __slots__ = ("_engine", "_gathered", "_gathering", "_options", "_outbox", "_owner", "_transport", "_turn")

    _transport: asyncio.Transport

    def __init__(self, owner: Owner, deflate: Deflate | None, options: WebSocketOptions) -> None:
        self._owner = owner
        self._engine = WebSocketEngine(
            max_message_size=options.max_message_size, decode_text=options.decode_text, deflate=deflate
        )
        self._options = options
        registry = owner.registry
        if registry.gathering is None:
            registry.gathering = Gathering(registry.loop, registry.context)
        self._gathering = registry.gathering
        # The last turn in which something was sent that others got, too.
        self._turn: object | None = None
        # Frames that are not written yet, and their bytes. While there are some, all others go behind them.
        self._outbox: list[bytes] | None = None
        self._gathered = 0

    def _write(self, frame: bytes) -> None:
        """Write a frame: at once, or behind those that are gathered."""
        if self._outbox is None:
            self._transport.write(frame)
        else:
            self._gather(frame)

    def _write_in_turn(self, frame: bytes) -> None:
        """Write a frame of a message to many: at once, if it is the first one in this turn."""
        turn = self._gathering.turn or self._gathering.begin()
        if self._turn is turn or self._outbox is not None:
            self._gather(frame)
        else:
            self._turn = turn
            self._transport.write(frame)

    def _begin_to_gather(self) -> list[bytes]:
        """Write nothing before the end of this turn, or before there is a lot."""
        self._outbox = outbox = list[bytes]()
        self._gathering.add(self)
        return outbox

    def _gather(self, frame: bytes) -> None:
        outbox = self._begin_to_gather() if self._outbox is None else self._outbox
        outbox.append(frame)
        self._gathered = size = self._gathered + len(frame)
        if size > _MOST_GATHERED or size > self._options.write_limit:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered, if anything was."""
        outbox, self._outbox, self._gathered = self._outbox, None, 0
        if outbox:
            # Joined: over TLS each piece would be a record, and on a socket a view of its own.
            self._transport.write(b"".join(outbox))
