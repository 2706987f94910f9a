"""How a WebSocket on a connection ends: the closing handshake, its deadlines, and a peer that is silent."""

import asyncio
from enum import Enum, auto
from typing import Final

from ..http.handshake import Deflate
from ..http.websocket import MOST_REASON, NO_CODE, WebSocketOptions, WSCloseCode, WSMsgType
from .takeover import Owner
from .websocketwriting import WritingWebSocket

_LOOKS: Final = 4
"""How often it is looked, in each heartbeat, whether the peer was heard. That costs a message nothing, and to
read a clock would."""

_FINE: Final = 4.0
"""Seconds that are too few for a clock that ticks once a second."""

_NEVER: Final = float("inf")


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


class EndingWebSocket(WritingWebSocket):
    """The ways in which a WebSocket comes to its end, on the server's side."""

    __slots__ = (
        "_close_code",
        "_closed_waiters",
        "_error",
        "_has_heard",
        "_silence",
        "_state",
        "_timer",
        "deadline",
    )

    def __init__(self, owner: Owner, deflate: Deflate | None, options: WebSocketOptions) -> None:
        super().__init__(owner, deflate, options)
        self._state = OPEN
        self._closed_waiters: list[asyncio.Future[None]] | None = None
        self._close_code: int | None = None
        self._error: BaseException | None = None
        self._has_heard = False
        self._silence = 0
        self._timer: asyncio.TimerHandle | None = None
        self.deadline = _NEVER

    def _deliver(self) -> None:
        """Give whoever waits what there is."""
        raise NotImplementedError

    # -- the closing handshake -------------------------------------------------------------------------

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
            self._write(frame)
            self._state = LEAVING
            self._schedule(self._options.close_timeout)
            self._owner.resume_reading()
        elif self._state is LEFT:
            self._finish(frame)

    def _peer_ended(self, code: int) -> None:
        """The peer's last word has come, with this code. It is answered when somebody has taken all that came
        before, and at the latest in a while."""
        self._close_code, self._error = code, self._engine.failure
        if self._state is LEAVING:
            self._finish()
        elif self._state is OPEN:
            self._state = LEFT
            self._schedule(self._options.close_timeout)

    def _answer_end(self) -> None:
        """Send the close frame that the peer's last word asks for, and close."""
        failure, code = self._engine.failure, self._close_code
        if failure is not None:
            self._finish(self._engine.encode_close(failure.code, str(failure).encode()[:MOST_REASON]))
        else:
            # It is typically answered with the code that it has (RFC 6455, section 5.5.1).
            self._finish(self._engine.encode_close(code if code and code != NO_CODE else WSCloseCode.OK))

    def _finish(self, frame: bytes = b"") -> None:
        """Send the last frame, if one is owed, and close: the closing handshake is complete, or will never
        be."""
        if frame:
            self._write(frame)
        self.flush()
        self._end()
        self._owner.release(has_said_all=self._engine.close_received)

    def _end(self) -> None:
        """Nothing is sent or received any more."""
        self._state = OVER
        self._outbox, self._gathered = None, 0
        if self._close_code is None:
            self._close_code = WSCloseCode.ABNORMAL_CLOSURE
        self._stop_timer()
        self._deliver()
        waiters, self._closed_waiters = self._closed_waiters, None
        for waiter in waiters or ():
            if not waiter.done():
                waiter.set_result(None)

    async def wait_closed(self) -> None:
        """Wait for the end of the closing handshake or of the connection."""
        while self._state is not OVER:
            waiter: asyncio.Future[None] = self._owner.registry.loop.create_future()
            self._closed_waiters = [*(self._closed_waiters or ()), waiter]
            await waiter

    def say_goodbye(self) -> None:
        """The server is going away: tell the peer."""
        if self._state is OPEN:
            self.close(self._options.drain_code)

    def give_up(self) -> None:
        """The handler has failed: tell the peer, and wait for nothing."""
        if self._state is OPEN or self._state is LEFT:
            self._finish(self._engine.encode_close(WSCloseCode.INTERNAL_ERROR))
        elif self._state is LEAVING:
            self._finish()

    def abort(self) -> None:
        """Cut the connection."""
        if self._state is not OVER:
            self._end()
            self._owner.abort()

    def _fail(self, error: BaseException) -> None:
        """Cut the connection, because of this."""
        self._error = error
        self.abort()

    # -- time ------------------------------------------------------------------------------------------

    def _begin_heartbeat(self) -> None:
        if self._options.heartbeat:
            self._schedule(self._options.heartbeat / _LOOKS)

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
                self._write(self._engine.encode(b"", WSMsgType.PING))
            elif self._silence > _LOOKS * 1.5:
                self._fail(TimeoutError(f"the peer did not answer a ping within {heartbeat / 2:g} s"))
                return
        self._schedule(heartbeat / _LOOKS)
