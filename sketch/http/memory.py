"""One request and its answer without any carrier.

This module keeps the rules of an HTTP carrier (what may be called when, how long a body is, where there
is none) and records what a client would get. It knows no bytes of HTTP/1 and no clock, so it adds neither
``Date`` nor ``Server`` nor ``Connection``.
"""

import asyncio
from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

from .deferred import deferred
from .errors import Disconnected, LocalProtocolError, RemoteProtocolError
from .exchange import Bytes, Exchange, ExchangeHandler, Peer
from .fedbody import Arrival, FedBody
from .heads import HttpVersion, HttpVersion11, ResponseHead
from .memoryhead import Fields, make_head
from .status import allows_body, phrase
from .trailers import may_be_trailer

if TYPE_CHECKING:
    from . import memorywebsocket
    from .handshake import WebSocketAgreement
    from .websocket import WebSocketOptions, WebSocketStream
else:
    memorywebsocket = deferred(".memorywebsocket", __package__)


class _Answer(Enum):
    NONE = "no final head yet"
    STREAMING = "the head is out, the body follows"
    COMPLETE = "handed over to its end"


class MemoryExchange(Exchange):
    """A request that a test makes up, and a record of what was answered.

    ``fields``
        header fields, as a mapping or as pairs. ``Content-Length`` or ``Transfer-Encoding`` are added
        where there is a body and neither is given; nothing else is, not even ``Host``.
    ``body``
        the whole of it; or ``None`` for one whose pieces are fed later, with the length that
        ``Content-Length`` gives, or else chunked.

    A test looks at what was handed over in ``informed``, ``response_head``, ``response_body`` and
    ``trailers``, and at ``aborted``. It plays the client with `feed`, `feed_eof`, `break_body`,
    `disconnect`, `pause_client` and `resume_client`, and the server with `begin_draining`. Where a WebSocket
    was opened, it plays its peer in ``websocket``.

    Raises `ValueError` for framing fields that contradict the body.
    """

    __slots__ = (
        "_answer",
        "_at_end",
        "_body",
        "_has_body",
        "_invites",
        "_is_chunked",
        "_is_disconnected",
        "_is_over",
        "_draining",
        "_keep_alive",
        "_missing",
        "_parts",
        "_peer",
        "_request_trailers",
        "_room",
        "_task",
        "aborted",
        "body_limits",
        "cancel_on_disconnect",
        "head",
        "informed",
        "response_head",
        "trailers",
        "websocket",
    )

    informed: list[ResponseHead]
    """The interim answers that the client got."""

    response_head: ResponseHead | None
    """The final head with the fields of the framing; ``None`` as long as there is none."""

    trailers: list[tuple[str, str]]
    """The trailer fields that the client got."""

    body_limits: tuple[int | None, float | None]
    """What `limit_body` was last told: the rate, and the time between two pieces."""

    cancel_on_disconnect: bool

    aborted: bool
    """Whether the exchange was cut off by this side."""

    websocket: "memorywebsocket.MemoryWebSocket | None"
    """The WebSocket that the exchange has become, if any."""

    def __init__(
        self,
        method: str = "GET",
        target: str = "/",
        fields: Fields = (),
        body: bytes | None = b"",
        *,
        version: HttpVersion = HttpVersion11,
        peer: Peer | None = None,
    ) -> None:
        self.head = make_head(method, target, fields, body, version)
        framing = self.head.framing
        self._peer = peer or Peer()
        self._body = FedBody(framing.content_length)
        if body is not None and framing.has_body:
            self._body.feed(body)
            self._body.end()
        self._invites = framing.expect_continue
        # After CONNECT a client speaks something else (RFC 9110, section 9.3.6).
        self._keep_alive = framing.keep_alive and method != "CONNECT"
        self._is_disconnected = False
        self._draining = asyncio.Event()
        self._answer = _Answer.NONE
        # Of an answer that streams: whether its body reaches the client, how, and what it still lacks.
        self._has_body = self._is_chunked = False
        self._missing: int | None = None
        self._parts: list[bytes] = []
        # Set while the client takes what is sent.
        self._room = asyncio.Event()
        self._room.set()
        self._request_trailers: Sequence[tuple[bytes, bytes]] = ()
        self._task: asyncio.Task[Any] | None = None
        self._is_over = False
        self._at_end: list[Callable[[], None]] = []
        self.body_limits = (None, None)
        self.cancel_on_disconnect = False
        self.informed = []
        self.response_head = None
        self.trailers = []
        self.aborted = False
        self.websocket = None

    def __repr__(self) -> str:
        return f"<MemoryExchange {self.head.method} {self.head.target}: {self._answer.value}>"

    # -- what a test does ------------------------------------------------------------------------------

    @property
    def bytes_sent(self) -> int:
        """The size of the head, without what belongs to a carrier only, and of the body so far."""
        head = self.response_head
        return (0 if head is None else len(head.encode())) + sum(map(len, self._parts))

    @property
    def response_body(self) -> bytes:
        """The body that the client got so far."""
        return b"".join(self._parts)

    def feed(self, data: bytes) -> None:
        """Let a piece of the request's body arrive. A counted body is complete with its last byte.

        Raises `ValueError` for more than the request declared, and after the body's end."""
        self._body.feed(data)

    def feed_eof(self, trailers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        """Let the body end. Raises `ValueError` when it lacks bytes that the request declared."""
        self._request_trailers = trailers
        self._body.end()

    def break_body(self, message: str = "the body breaks its framing", *, status: int = 400) -> None:
        """Let the body go wrong here: who reads on gets `RemoteProtocolError`."""
        self._keep_alive = False
        self._body.fail(RemoteProtocolError(message, status=status))

    def disconnect(self) -> None:
        """Let the client leave without a word."""
        self._is_disconnected = True
        self._keep_alive = False
        self._body.fail(Disconnected("the client has left"))
        self._room.set()
        if self.websocket is not None:
            self.websocket.vanish()
        if self._task is not None and self.cancel_on_disconnect:
            self._task.cancel()

    def pause_client(self) -> None:
        """Let the client stop reading: the next `send` waits."""
        if not self._is_disconnected:
            self._room.clear()

    def resume_client(self) -> None:
        """Let the client read again."""
        self._room.set()

    def begin_draining(self) -> None:
        """Let the server begin to shut down."""
        self._draining.set()

    # -- the request -----------------------------------------------------------------------------------

    @property
    def peer(self) -> Peer:
        return self._peer

    @property
    def body_complete(self) -> bool:
        return self._body.arrival is Arrival.COMPLETE

    def read_nowait(self) -> bytes:
        return self._body.read_nowait()

    async def read(self) -> bytes:
        if self._invites:
            self._invite()
        return await self._body.read()

    @property
    def request_trailers(self) -> Sequence[tuple[bytes, bytes]]:
        return self._request_trailers

    def limit_body(self, *, rate: int | None = None, timeout: float | None = None) -> None:
        self.body_limits = (rate, timeout)

    def _invite(self) -> None:
        """Send ``100 Continue`` unless the body comes anyway or the answer did (RFC 9110, 10.1.1)."""
        self._invites = False
        is_waited_for = self._body.is_empty and self._body.arrival is Arrival.RECEIVING
        if is_waited_for and self._answer is _Answer.NONE:
            self.informed.append(ResponseHead(100, phrase(100), automatic=False))

    @property
    def is_disconnected(self) -> bool:
        return self._is_disconnected

    @property
    def is_draining(self) -> bool:
        return self._draining.is_set()

    async def wait_draining(self) -> None:
        await self._draining.wait()

    @property
    def keep_alive(self) -> bool:
        """Whether another request may follow. Raises `LocalProtocolError` when it is set back to true."""
        return self._keep_alive

    @keep_alive.setter
    def keep_alive(self, value: bool) -> None:
        if value and not self._keep_alive:
            raise LocalProtocolError("keep_alive cannot be set back to True")
        self._keep_alive = value

    # -- the answer ------------------------------------------------------------------------------------

    @property
    def response_started(self) -> bool:
        return self._answer is not _Answer.NONE

    @property
    def response_complete(self) -> bool:
        return self._answer is _Answer.COMPLETE

    def inform(self, head: ResponseHead) -> None:
        if not 100 <= head.status < 200 or head.status == 101:
            raise LocalProtocolError(f"{head.status} is not the status of an interim answer")
        if self._answer is not _Answer.NONE:
            raise LocalProtocolError("an interim answer after the final one")
        if self.head.version < HttpVersion11:
            return
        if head.status == 100:
            self._invites = False
        self.informed.append(head)

    def respond(self, head: ResponseHead, body: Bytes = b"") -> None:
        declared = self._check_head(head)
        data = bytes(body)
        if self._allows_body(head.status):
            if declared is not None and declared != len(data):
                raise LocalProtocolError(f"Content-Length is {declared}, the body has {len(data)} bytes")
            self._parts.append(data)
        length = 0 if head.status == 205 else len(data)
        self.response_head = self._frame(head, length)
        self._answer = _Answer.COMPLETE

    def start(self, head: ResponseHead, content_length: int | None = None) -> None:
        declared = self._check_head(head)
        if declared is not None and content_length not in (None, declared):
            raise LocalProtocolError(f"Content-Length is {declared}, and {content_length} bytes follow")
        length = 0 if head.status == 205 else content_length if declared is None else declared
        self.response_head = self._frame(head, length)
        self._has_body = self._allows_body(head.status)
        if self._has_body:
            self._missing = length
            self._is_chunked = length is None and self.head.version >= HttpVersion11
            # Without a length, an HTTP/1.0 client knows the end of the body by that of the connection.
            self._keep_alive &= length is not None or self._is_chunked
        self._answer = _Answer.STREAMING

    async def send(self, data: Bytes) -> None:
        self._check_streaming("send")
        piece = bytes(data)
        if self._missing is not None:
            if len(piece) > self._missing:
                raise LocalProtocolError(f"{len(piece)} bytes were sent where {self._missing} may follow")
        self._raise_if_disconnected()
        if self._missing is not None:
            self._missing -= len(piece)
        if self._has_body:
            self._parts.append(piece)
        if not self._room.is_set():
            await self._room.wait()
            self._raise_if_disconnected()

    async def finish(self, trailers: Sequence[tuple[str, str]] = ()) -> None:
        self._check_streaming("finish")
        self._raise_if_disconnected()
        if self._missing:
            missing = self._missing
            self.abort()
            raise LocalProtocolError(f"{missing} bytes fewer were sent than declared")
        if self._is_chunked:
            for name, _ in trailers:
                if not may_be_trailer(name):
                    self.abort()
                    raise LocalProtocolError(f"{name} cannot be a trailer")
            self.trailers.extend(trailers)
        self._answer = _Answer.COMPLETE

    def abort(self) -> None:
        self.aborted = True
        if self.websocket is not None:
            self.websocket.give_up()
        self.disconnect()

    def end(self) -> None:
        # Whoever is done with it is not cancelled by it.
        self._task = None
        self._is_over = True
        callbacks, self._at_end = self._at_end, []
        for callback in callbacks:
            callback()
        if self.websocket is not None and not self.websocket.is_over:
            self.websocket.abort()
        if not self.response_complete:
            self.abort()

    def on_end(self, callback: Callable[[], None]) -> None:
        if self._is_over:
            callback()
        else:
            self._at_end.append(callback)

    def accept_websocket(
        self, head: ResponseHead, agreement: "WebSocketAgreement", options: "WebSocketOptions"
    ) -> "WebSocketStream":
        if self._answer is not _Answer.NONE:
            raise LocalProtocolError("a second answer to one request")
        self._raise_if_disconnected()
        self.response_head = head
        self._answer = _Answer.COMPLETE
        self._keep_alive = False
        self.websocket = memorywebsocket.MemoryWebSocket(agreement, options, self._peer)
        return self.websocket

    def _check_head(self, head: ResponseHead) -> int | None:
        """Refuse a head that may not come here. Returns the length that it declares itself."""
        if self._answer is not _Answer.NONE:
            raise LocalProtocolError("a second answer to one request")
        if head.status < 200:
            raise LocalProtocolError(f"{head.status} is not the status of a final answer")
        declared = head.carried.get("content-length")
        if declared is None:
            return None
        if not (declared.isascii() and declared.isdigit()):
            raise LocalProtocolError(f"Content-Length is {declared!r}, which is no length")
        return int(declared)

    def _check_streaming(self, call: str) -> None:
        if self._answer is _Answer.NONE:
            raise LocalProtocolError(f"{call}() before start()")
        if self._answer is _Answer.COMPLETE:
            raise LocalProtocolError(f"{call}() after the end of the answer")

    def _allows_body(self, status: int) -> bool:
        """RFC 9110, section 6.4.1."""
        return self.head.method != "HEAD" and allows_body(status) and not self._begins_tunnel(status)

    def _begins_tunnel(self, status: int) -> bool:
        """RFC 9110, section 9.3.6."""
        return self.head.method == "CONNECT" and 200 <= status < 300

    def _frame(self, head: ResponseHead, length: int | None) -> ResponseHead:
        """The head with the field that says where its body ends, unless it has one or may have none."""
        if {"content-length", "transfer-encoding"} & head.carried.keys() or head.status in (204, 304):
            return head
        if self._begins_tunnel(head.status):
            return head
        if length is not None:
            field = ("Content-Length", str(length))
        elif self.head.version >= HttpVersion11:
            field = ("Transfer-Encoding", "chunked")
        else:
            return head
        return ResponseHead(head.status, head.reason, [*head.fields, field], automatic=head.automatic)

    def _raise_if_disconnected(self) -> None:
        if self._is_disconnected:
            raise Disconnected("the client has left")


async def answer(handler: ExchangeHandler, exchange: MemoryExchange) -> None:
    """Have a handler answer an exchange, and cut off what is not complete when it returns or raises."""
    exchange._task = asyncio.current_task()
    try:
        await handler(exchange)
    finally:
        exchange._task = None
        exchange.end()
