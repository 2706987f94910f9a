"""An HTTP/1 connection: the engine between a socket and a handler, one exchange at a time.

The connection decides what happens next: read a head, run the handler, discard what nobody read, close.
What bytes mean is the engine's to say; how long a client may take is the clock's.
"""

import asyncio
import sys
from typing import Any

from ..http.errors import Disconnected, RemoteProtocolError
from ..http.heads import RequestHead
from ..protocol.h1.connection import HEAD, IDLE, READ, READING_BODY, WRITTEN, H1Engine
from .body import BodyBuffer
from .h1end import EndingConnection
from .h1exchange import H1Exchange
from .pace import NEVER, BodyPace, SendPace
from .registry import Registry
from .takeover import Successor, TakenOver

STARTS_EAGERLY = sys.version_info >= (3, 12)
"""A task that starts at once saves a turn of the loop. Python 3.11 knows no such thing."""

TASK_NAME = "sketch request"
"""One name for all: to number them costs a tenth of making the task on 3.11."""

Task: Any = asyncio.Task

TURNS_TO_LEAVE = 3
"""Turns of the event loop in which what has arrived at a socket is read: one to look, one to read, and one
for TLS in between."""


class H1Connection(EndingConnection):
    """The server's end of one HTTP/1 connection."""

    __slots__ = (
        "_body_pace", "_discarded", "_exchange", "_is_starting", "_may_idle", "_send_pace", "_taken_over",
        "task",
    )  # fmt: skip

    def __init__(self, registry: Registry) -> None:
        super().__init__(registry)
        self.task: asyncio.Task[None] | None = None
        """The task of the handler that is running."""
        self._exchange: H1Exchange | None = None
        # While a body is expected that is not all there; while a client takes less than it is given.
        self._body_pace: BodyPace | None = None
        self._send_pace: SendPace | None = None
        self._may_idle = False
        self._taken_over: TakenOver | None = None
        self._discarded = 0
        self._is_starting = False

    # -- what asyncio calls ----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        super().connection_made(transport)
        registry = self.registry
        self.deadline = registry.clock.now + registry.limits.first_byte_timeout
        if registry.is_draining:
            self.engine.keep_alive = False

    def data_received(self, data: bytes) -> None:
        """Called by asyncio with what the client sent."""
        engine = self.engine
        reading = engine.reading
        if reading is HEAD:
            self._receive_head(data)
        elif reading is READING_BODY:
            self._receive_body(data)
        elif reading is READ:
            engine.hold(data)
            if engine.held > self.registry.limits.read_buffer:
                self.pause_reading()
        else:
            self._has_heard = True

    def eof_received(self) -> bool:
        """Called by asyncio when the client will send nothing more. It may still want its answer, unless its
        handler is to be cancelled when it leaves: nobody can tell the one from the other."""
        if self._is_lingering:
            return False
        engine = self.engine
        if self._exchange is not None and self._exchange.cancel_on_disconnect:
            self.client_left()
            return False
        try:
            engine.receive_end()
        except RemoteProtocolError:
            # It may be half closed and wait for an answer, but then to a request that it never made.
            if self._exchange is not None:
                self._exchange.body_failed(Disconnected("the client left in the middle of the body"))
        else:
            if self._exchange is None and engine.held:
                # It is still answered; of half a head it is known now that it is the last.
                self.registry.loop.call_soon(self._receive_held, context=self.registry.context)
            # Over TLS its end is the end of both sides.
            if (self._exchange is not None or engine.held) and self._can_half_close():
                return True
        # asyncio closes, and we see to it that it comes to that.
        self._wait_for_client()
        return False

    def connection_lost(self, exc: BaseException | None) -> None:
        """Called by asyncio when the connection is gone, whoever ended it."""
        exchange = self._exchange
        self.engine.lose()
        if exchange is not None:
            _ = self.peer  # The access log will ask, and the transport will not know any more.
            exchange.body_failed(Disconnected("the client closed the connection"))
        super().connection_lost(exc)
        if exchange is not None and self.task is not None:
            self.registry.abandon(self.task, cancel=exchange.cancel_on_disconnect)

    def pause_writing(self) -> None:
        """Called by asyncio when more is waiting to be sent than the limit allows."""
        super().pause_writing()
        registry = self.registry
        if self._send_pace is None:
            self._send_pace = SendPace(registry.limits.send_timeout)
        if self.transport is not None:
            self._send_pace.watch(self.untaken, registry.clock.now)
            self.deadline = min(self.deadline, self._send_pace.deadline)

    def resume_writing(self) -> None:
        """Called by asyncio when what was waiting is mostly sent."""
        super().resume_writing()
        if self._exchange is None and self.engine.can_continue:
            self.go_on()

    # -- requests --------------------------------------------------------------------------------------

    @property
    def request(self) -> RequestHead | None:
        """The request that is being answered."""
        return None if self._exchange is None else self._exchange.head

    def _receive_head(self, data: bytes) -> None:
        engine = self.engine
        try:
            head = engine.receive_head(data)
        except RemoteProtocolError as error:
            self._refuse(error.status, str(error))
            return
        if head is not None:
            self._begin(head, engine)
        elif engine.is_ended:
            self._close()
        elif 0 < engine.held <= len(data) or not data:
            # Its first bytes: from here on the whole head has so long to come.
            registry = self.registry
            self.deadline = registry.clock.now + registry.limits.head_timeout

    def _begin(self, head: RequestHead, engine: H1Engine) -> None:
        """Run the handler for a request, in a task and a context of its own."""
        self._exchange = exchange = H1Exchange(self, head)
        registry = self.registry
        registry.requests_count += 1
        self.deadline = NEVER
        if engine.reading is READING_BODY:
            self._expect_body(exchange)
        if not STARTS_EAGERLY:
            self.task = Task(registry.handler(exchange), loop=registry.loop, name=TASK_NAME)
            return
        self._is_starting = True
        try:
            task = Task(registry.handler(exchange), loop=registry.loop, name=TASK_NAME, eager_start=True)
        except (SystemExit, KeyboardInterrupt) as error:
            # An exception that ends the program would end in the transport that called us: it has to leave
            # the loop from a callback of the loop.
            registry.loop.call_soon(_raise, error)
        self._is_starting = False
        if self._exchange is exchange:
            self.task = task
        else:
            self.go_on()

    def go_on(self) -> None:
        """Go on after an exchange: to the next request, or to the end."""
        self._exchange = self.task = None
        if self._is_starting:
            # It has ended before its task was handed to us: we go on from there.
            return
        engine = self.engine
        if self.writing_paused and engine.can_continue:
            # The client does not take its answers, and gets no more of them until it does.
            return
        if not engine.next_cycle():
            self._end_or_discard()
            return
        registry = self.registry
        self.deadline = registry.clock.idle_deadline
        self._may_idle = True
        if engine.unread or engine.is_ended:
            # Not from here: thousands of requests in one packet must neither nest nor keep the other
            # connections waiting, and the next handler must not inherit the context of this one.
            registry.loop.call_soon(self._receive_held, context=registry.context)
            if engine.held > registry.limits.read_buffer:
                self.pause_reading()
        elif self._reading_paused:
            self.resume_reading()
        if registry.is_draining:
            self.drain()

    def _receive_held(self) -> None:
        """Go on with what was sent ahead. Does nothing when that has happened in the meantime."""
        engine = self.engine
        if engine.reading is HEAD:
            self._receive_head(b"")
        if not self._reading_paused:
            return
        exchange = self._exchange
        limits = self.registry.limits
        if engine.reading is READING_BODY and exchange is not None and exchange.body is not None:
            self.body_taken(exchange.body)
        elif engine.held <= max(limits.read_buffer, limits.head):
            self.resume_reading()

    def _end_or_discard(self) -> None:
        engine = self.engine
        self._body_pace = None
        if self._taken_over is not None:
            if self.transport is not None:
                self._taken_over.end()
            self._take_back()
        if self.is_lost:
            # Perhaps closed by the handler.
            self._wait_for_client()
            return
        if self._is_lingering:
            return
        if engine.writing is not WRITTEN:
            # The handler gave up in the middle, or never began.
            self.abort()
        elif engine.reading is READING_BODY and engine.keep_alive:
            self._discarded = 0
            self.deadline = self.registry.clock.now + self.registry.limits.lingering_timeout
            self.resume_reading()
        elif engine.reading is READ and not engine.held:
            self._close()
        else:
            self._linger()

    # -- bodies ----------------------------------------------------------------------------------------

    def _expect_body(self, exchange: H1Exchange) -> None:
        exchange.body = BodyBuffer()
        self._receive_body(b"")
        engine = self.engine
        if engine.reading is not READING_BODY:
            return
        if engine.is_ended:
            # It was sent ahead, and so was the end. The answers before it are still sent.
            self.client_left()
            exchange.body_failed(Disconnected("the client left in the middle of the body"))
            return
        registry = self.registry
        self._body_pace = BodyPace(registry.limits, registry.clock.now)
        if not engine.awaits_continue:
            self._time_body()

    def _time_body(self) -> None:
        """From now on the body is expected to come, as long as the socket is read."""
        pace = self._body_pace
        if pace is not None and not self._reading_paused:
            pace.resume(self.registry.clock.now)
            self.deadline = min(self.deadline, pace.deadline)

    def limit_body(self, rate: float | None, timeout: float | None) -> None:
        """Expect the rest of the body at another pace."""
        pace = self._body_pace
        if pace is not None:
            pace.limit(rate, timeout)
            self.deadline = min(self.deadline, pace.deadline)

    def pause_reading(self) -> None:
        """Leave what the client sends to the socket's buffer, until `resume_reading`."""
        super().pause_reading()
        if self._body_pace is not None:
            self._body_pace.stop(self.registry.clock.now)

    def resume_reading(self) -> None:
        """Take from the socket again."""
        super().resume_reading()
        if self._body_pace is not None and not self.engine.awaits_continue:
            self._time_body()

    def _receive_body(self, data: bytes) -> None:
        engine = self.engine
        exchange = self._exchange
        try:
            pieces = engine.receive_body(data)
        except RemoteProtocolError as error:
            if exchange is None:
                self._linger()
            else:
                if exchange.body is not None:
                    exchange.body.put(error.pieces)
                exchange.body_failed(error)
            return
        if exchange is None or exchange.body is None:
            self._discard(pieces)
            return
        body = exchange.body
        if pieces:
            body.put(pieces)
        if self._body_pace is not None:
            self._body_pace.received(len(data), self.registry.clock.now)
        if engine.reading is READ:
            self._body_pace = None
            body.complete()
        elif body.size >= self.registry.limits.read_buffer:
            self.pause_reading()

    def _discard(self, pieces: list[bytes]) -> None:
        """Throw away a body that nobody read, up to the limit, so that the connection can go on.

        Over TLS only the time is limited. The rest would have to be read in any case, or the answer could be
        lost; and a client that was not told that its answer is the last would send another request."""
        self._discarded += sum(map(len, pieces))
        if self.engine.reading is READ:
            self.go_on()
        elif self._discarded > self.registry.limits.discard and self._can_half_close():
            self._linger()

    def body_taken(self, body: BodyBuffer) -> None:
        """The handler read some of the body: there is room for more."""
        if not self._reading_paused or self.engine.reading is not READING_BODY:
            return
        if body.size <= self.registry.limits.read_buffer // 2:
            self.resume_reading()

    def invite_body(self) -> None:
        """The handler waits for the body: say so to a client that waits for that.

        It has time from now on, whoever invited it; or nobody, where it sends without, or where a final
        answer was begun, after which it can no longer be invited."""
        data = self.engine.invite_body()
        if data and self.transport is not None:
            self.transport.write(data)
        self._time_body()

    # -- a connection that is no longer HTTP's -----------------------------------------------------------

    def hand_over(self, transport: asyncio.Transport, protocol: asyncio.Protocol, rest: bytes) -> None:
        """Have a protocol called in place of this connection, until the handler returns."""
        self.deadline = NEVER
        was_paused = self.writing_paused
        self.resume_writing()
        self._taken_over = taken_over = TakenOver(self, protocol, self.engine)
        transport.set_protocol(taken_over)
        self.resume_reading()
        taken_over.begin(transport, rest, is_paused=was_paused)

    @property
    def successor(self) -> Successor | None:
        """What has taken the connection over, if it is the server's own."""
        return None if self._taken_over is None else self._taken_over.successor

    def release(self, *, has_said_all: bool) -> None:
        """Close the connection for what had taken it over, before the handler has returned. What a client
        still sends that has not said all is thrown away."""
        self._take_back()
        if self._exchange is not None:
            # Its handler is told in its own way of the end, and may do what is to be done then.
            self._exchange.cancel_on_disconnect = False
        if has_said_all:
            self._close()
        else:
            self._linger()

    def _take_back(self) -> None:
        """What is left to do is to close."""
        self._taken_over = None
        transport = self.transport
        if transport is None:
            return
        transport.set_protocol(self)
        self._reading_paused = not transport.is_reading()
        if transport.is_closing():
            self._wait_for_client()

    # -- time ------------------------------------------------------------------------------------------

    def on_deadline(self) -> None:
        """The client took too long, or it is time to look."""
        transport = self.transport
        if transport is None:
            return
        if transport.is_closing() or self._is_lingering:
            self._check_end(transport)
        elif self._exchange is not None or self.writing_paused:
            self._check_pace()
            if self.successor is not None:
                self._call_successor(self.successor)
        elif self.engine.reading is HEAD and self.engine.held:
            self.deadline = NEVER
            self._refuse(408, "the request's head took too long")
        elif self.engine.reading is READING_BODY:
            self._linger()
        else:
            self._check_idle()

    def _call_successor(self, successor: Successor) -> None:
        successor.on_deadline()
        self.deadline = min(self.deadline, successor.deadline)

    def _check_pace(self) -> None:
        """Whether the body comes, and the answer is taken, as fast as can be expected."""
        now = self.registry.clock.now
        self.deadline = NEVER
        sending = self._send_pace
        if self.writing_paused and sending is not None:
            if sending.is_stuck(self.untaken, now):
                self._give_up()
                return
            self.deadline = sending.deadline
        pace = self._body_pace
        if pace is None:
            return
        if pace.deadline > now:
            self.deadline = min(self.deadline, pace.deadline)
        elif self._exchange is not None:
            self._body_pace = None
            self.engine.lose()
            self._exchange.body_failed(RemoteProtocolError("the request's body took too long", status=408))

    def _check_idle(self) -> None:
        """A client that took its last answer may be silent for a while longer."""
        if self._may_idle and not self.unsent:
            self._may_idle = False
            limits = self.registry.limits
            self.deadline += limits.keepalive_timeout - limits.send_timeout
            if self.deadline > self.registry.clock.now:
                return
        self._close()

    def drain(self) -> None:
        """Close at the end of the current exchange, or if there is none, once it is known that no request has
        arrived."""
        engine = self.engine
        if engine.writing is not IDLE:
            # The answer's head has said, or not said, what comes after it. We are asked again.
            return
        engine.keep_alive = False
        if self._exchange is not None:
            return
        if engine.is_between_requests:
            self._leave(TURNS_TO_LEAVE)
        elif engine.reading is HEAD:
            # If all of it is here, it is the last.
            self.registry.call_outside(self._receive_head, b"")

    def say_goodbye(self) -> None:
        """End what has no end of its own."""
        if self.successor is not None:
            self.successor.say_goodbye()

    def _leave(self, turns: int) -> None:
        """Close if nothing of a request comes in so many turns of the loop. What was in the buffer of the
        socket already, was sent before anybody could know, and is answered."""
        if not self.engine.is_between_requests or self.is_lost:
            return
        if turns:
            self.registry.loop.call_soon(self._leave, turns - 1, context=self.registry.context)
        else:
            # Not closed at once: what comes from now on should meet an end of the connection, not a reset.
            self._linger()


def _raise(error: BaseException) -> None:
    raise error
