"""The current exchange of an HTTP/1 connection, as the framework sees it.

An exchange belongs to its connection while its handler runs. Afterwards it is let go: a task that was left
behind cannot write into the answer to somebody else's request.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ..http.deferred import deferred
from ..http.errors import Disconnected, LocalProtocolError
from ..http.exchange import Bytes, Exchange, Peer
from ..http.heads import RequestHead, ResponseHead
from ..protocol.h1.connection import IDLE, WRITING_BODY, WRITTEN, H1Engine, Writing
from .body import BodyBuffer
from .connection import write_parts
from .sendfile import Sender, can_send_files, send_file
from .takeover import Owner, Successor

if TYPE_CHECKING:
    from ..http.handshake import WebSocketAgreement
    from ..http.websocket import WebSocketOptions
    from . import websocket
else:
    websocket = deferred(".websocket", __package__)

_LARGE = 65536
"""Bytes of a body from which on it is not copied behind its head. Clients that read slowly would each have a
copy of their own, of one body that all of them get."""


class Carrier(Sender, Owner, Protocol):
    """What an exchange needs of its connection."""

    engine: H1Engine

    @property
    def peer(self) -> Peer:
        """Who is at the other end."""

    def invite_body(self) -> None:
        """The handler waits for the body."""

    def body_taken(self, body: BodyBuffer) -> None:
        """The handler read some of the body."""

    def limit_body(self, rate: float | None, timeout: float | None) -> None:
        """The handler bounds how slowly the rest of the body may come."""

    def client_left(self) -> None:
        """The client sends nothing more, and that means that it is gone."""

    def hand_over(self, transport: asyncio.Transport, protocol: asyncio.Protocol, rest: bytes) -> None:
        """Have a protocol called in place of the connection."""

    @property
    def successor(self) -> Successor | None:
        """What has taken the connection over, if it is the server's own."""

    def go_on(self) -> None:
        """The exchange is over: go on to the next one, or to the end."""


class H1Exchange(Exchange):
    """One request and its answer on an HTTP/1 connection."""

    __slots__ = (
        "_cancel_on_disconnect", "_connection", "_is_over", "_peer", "_writing", "body", "bytes_sent", "head",
    )  # fmt: skip

    bytes_sent: int
    _peer: Peer

    def __init__(self, connection: Carrier, head: RequestHead) -> None:
        self.head = head
        self.body: BodyBuffer | None = None
        self.bytes_sent = 0
        self._connection = connection
        self._is_over = False

    # -- who -------------------------------------------------------------------------------------------

    @property
    def peer(self) -> Peer:
        """Who sent the request."""
        connection = self._connection
        proxies = connection.registry.proxies
        if proxies is None:
            return connection.peer
        try:
            return self._peer
        except AttributeError:  # The first to ask; most requests are answered without.
            self._peer = proxies.resolve(connection.peer, self.head.fields)
            return self._peer

    @property
    def transport(self) -> asyncio.BaseTransport | None:
        """The connection's transport, while the exchange is on it."""
        return None if self._is_over else self._connection.transport

    @property
    def protocol(self) -> Any:
        """The connection."""
        return self._connection

    @property
    def keep_alive(self) -> bool:
        """Whether the connection may serve another request after this one."""
        return not self._is_over and self._connection.engine.keep_alive

    @keep_alive.setter
    def keep_alive(self, value: bool) -> None:
        if not value and not self._is_over:
            self._connection.engine.keep_alive = False

    # -- the request's body ----------------------------------------------------------------------------

    @property
    def body_complete(self) -> bool:
        """Whether the whole body has arrived."""
        return self.body is None or self.body.is_complete

    def read_nowait(self) -> bytes:
        """The next piece of the body that is there; ``b""`` when none is."""
        body = self.body
        if body is None:
            return b""
        piece = body.take()
        self._connection.body_taken(body)
        return piece

    async def read(self) -> bytes:
        """The next piece of the body, waiting for it; ``b""`` at the end."""
        body = self.body
        if body is None:
            return b""
        while True:
            piece = self.read_nowait()
            if piece or body.is_complete:
                return piece
            self._connection.invite_body()
            await body.wait()

    @property
    def request_trailers(self) -> Sequence[tuple[bytes, bytes]]:
        """The fields that came after the body."""
        return () if self._is_over or not self.body_complete else self._connection.engine.trailers

    def limit_body(self, *, rate: int | None = None, timeout: float | None = None) -> None:
        """Bound how slowly the rest of the body may come."""
        if not self._is_over:
            self._connection.limit_body(rate, timeout)

    def body_failed(self, error: Exception) -> None:
        """The body broke off. Called by the connection."""
        if self.body is not None:
            self.body.fail(error)

    # -- the answer ------------------------------------------------------------------------------------

    @property
    def response_started(self) -> bool:
        """Whether a final head was handed over."""
        return self._where() is not IDLE

    @property
    def response_complete(self) -> bool:
        """Whether the response was handed over to its end."""
        return self._where() is WRITTEN

    def _where(self) -> Writing:
        return self._writing if self._is_over else self._connection.engine.writing

    def inform(self, head: ResponseHead) -> None:
        """Send an interim response."""
        connection = self._current()
        self._write(connection, connection.engine.inform(head))

    def respond(self, head: ResponseHead, body: Bytes = b"") -> None:
        """Answer at once and completely."""
        connection = self._connection
        if self._is_over:
            self._current()
        if type(body) is memoryview:
            body = bytes(body)  # The length of a view counts its items.
        if len(body) > _LARGE:
            connection.bound_unsent()
            for part in connection.engine.respond_in_parts(head, body, connection.registry.clock.automatic):
                self._write(connection, part)
            return
        data = connection.engine.respond(head, body, connection.registry.clock.automatic)
        self.bytes_sent += len(data)
        transport = connection.transport
        if transport is not None:
            transport.write(data)

    def start(self, head: ResponseHead, content_length: int | None = None) -> None:
        """Send the head of an answer whose body follows."""
        connection = self._current()
        connection.bound_unsent()
        registry = connection.registry
        self._write(connection, connection.engine.start(head, content_length, registry.clock.automatic))
        if registry.admission is not None:
            registry.admission.leave(self)

    async def send(self, data: Bytes) -> None:
        """Send the next piece of the body, and wait while the client is too slow to take more."""
        connection = self._current()
        transport = connection.transport
        if transport is None or transport.is_closing():
            raise Disconnected("the client closed the connection")
        parts = connection.engine.send(data if type(data) is bytes else bytes(data))
        for part in parts:
            self.bytes_sent += len(part)
        write_parts(transport, parts)
        if connection.writing_paused:
            await connection.drained()

    async def send_file(self, descriptor: int, offset: int, count: int) -> None:
        """Send the next piece of the body out of a file, by the system where it can."""
        connection = self._current()
        transport, engine = connection.transport, connection.engine
        if transport is None or transport.is_closing():
            raise Disconnected("the client closed the connection")
        engine.check_room(count)

        def sent(size: int) -> None:
            self.bytes_sent += size
            engine.sent_past(size)

        if engine.sends_bare and can_send_files(transport):
            if await send_file(connection, descriptor, offset, count, sent):
                return
        await super().send_file(descriptor, offset, count)

    async def finish(self, trailers: Sequence[tuple[str, str]] = ()) -> None:
        """End the body."""
        connection = self._current()
        if connection.is_lost:
            raise Disconnected("the client closed the connection")
        try:
            data = connection.engine.finish(trailers)
        except LocalProtocolError:
            if connection.engine.writing is WRITING_BODY:
                connection.abort()
            raise
        self._write(connection, data)

    def _write(self, connection: Carrier, data: bytes) -> None:
        transport = connection.transport
        if data and transport is not None:
            self.bytes_sent += len(data)
            transport.write(data)

    def _current(self) -> Carrier:
        if self._is_over:
            raise LocalProtocolError(f"{self!r} is over: its handler has returned")
        return self._connection

    # -- exits and signals -----------------------------------------------------------------------------

    def abort(self) -> None:
        """Cut the connection, so that the client can tell."""
        if self._is_over:
            return
        successor = self._connection.successor
        if successor is None:
            self._connection.abort()
        else:
            successor.give_up()

    @property
    def can_take_over(self) -> bool:
        """Whether the client asks for another protocol, or a tunnel, and nothing is in its way."""
        connection = self._connection
        return not self._is_over and not connection.is_lost and connection.engine.can_take_over

    def take_over(self, head: ResponseHead, protocol: asyncio.Protocol) -> asyncio.Transport:
        """Answer with the last head, and leave the connection to a protocol."""
        connection = self._current()
        transport = connection.transport
        if transport is None or transport.is_closing():
            raise Disconnected("the client closed the connection")
        registry = connection.registry
        data, rest = connection.engine.take_over(head, registry.clock.automatic)
        if registry.admission is not None:
            registry.admission.leave(self)
        self._write(connection, data)
        connection.hand_over(transport, protocol, rest)
        return transport

    def accept_websocket(
        self, head: ResponseHead, agreement: "WebSocketAgreement", options: "WebSocketOptions"
    ) -> "websocket.WebSocketConnection":
        """Answer with the last head, and leave the connection to a WebSocket."""
        stream = websocket.WebSocketConnection(self._current(), agreement.deflate, options)
        self.take_over(head, stream)
        return stream

    def end(self) -> None:
        """The handler is done: the connection goes on to other things."""
        if self._is_over:
            return
        connection = self._connection
        self._writing = connection.engine.writing
        self._is_over = True
        body = self.body
        if body is not None:
            body.fail(LocalProtocolError("the exchange is over: its handler has returned"))
            for callback in body.at_end:
                callback()
        connection.go_on()

    def on_end(self, callback: Callable[[], None]) -> None:
        """Have something called when the exchange is over."""
        if self._is_over:
            callback()
            return
        if self.body is None:
            self.body = BodyBuffer()
            self.body.complete()
        self.body.at_end += (callback,)

    @property
    def cancel_on_disconnect(self) -> bool:
        """Whether the handler's task is cancelled when the client leaves."""
        try:
            return self._cancel_on_disconnect
        except AttributeError:  # As nearly always: a value of its own would cost every exchange.
            return self._connection.registry.handler_cancellation

    @cancel_on_disconnect.setter
    def cancel_on_disconnect(self, value: bool) -> None:
        self._cancel_on_disconnect = value
        if value and not self._is_over and self._connection.engine.is_ended:
            self._connection.client_left()

    @property
    def is_disconnected(self) -> bool:
        """Whether the client is known to be gone."""
        return self._is_over or self._connection.is_lost

    @property
    def is_draining(self) -> bool:
        """Whether the server is shutting down."""
        return self._connection.registry.is_draining

    async def wait_draining(self) -> None:
        """Wait until the server is shutting down."""
        await self._connection.registry.draining.wait()

    def __repr__(self) -> str:
        return f"<H1Exchange {self.head.method} {self.head.target}>"
