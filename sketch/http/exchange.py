"""One request with its response, whatever carries it: the seam between framework and server.

The framework is written against `Exchange` and never sees a socket; a carrier (an HTTP/1 connection, an
HTTP/2 stream, an ASGI scope, the in-memory one of the tests) implements it and never sees a `Request`.
Every carrier passes the same suite, ``tests/conformance/exchange.py``.
"""

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from .deferred import deferred
from .errors import LocalProtocolError
from .heads import RequestHead, ResponseHead

if TYPE_CHECKING:
    from . import certificate, handshake
    from .websocket import WebSocketOptions, WebSocketStream
else:
    certificate = deferred(".certificate", __package__)
    handshake = deferred(".handshake", __package__)

Bytes = bytes | bytearray | memoryview
"""What a body may be handed over as. Immutable bytes are never copied."""

FILE_PIECE = 2**18
"""Bytes of a file that are read, or given to the system, at a time."""


class Peer:
    """Who is at the other end of a connection, as far as the carrier knows.

    ``address``
        what the socket calls the peer: ``(host, port, ...)``, a path, or ``None`` where there is none. From
        a proxy it may have port 0, which is not told, or be an identifier that stands for an address.
    ``secure``
        whether the connection is TLS: the peer's own one, to whichever server it is.
    ``authority``
        the host and port that the peer asked for, where a proxy says so; ``None`` where the request does.
    ``proxy``
        the peer that said all this of somebody behind it, and is trusted; ``None`` where the socket does.
    """

    __slots__ = ("address", "authority", "get_extra_info", "proxy", "secure")

    def __init__(
        self,
        address: tuple[Any, ...] | str | None = None,
        *,
        secure: bool = False,
        authority: str | None = None,
        proxy: "Peer | None" = None,
        get_extra_info: Callable[..., Any] | None = None,
    ) -> None:
        self.address = address
        self.secure = secure
        self.authority = authority
        self.proxy = proxy
        self.get_extra_info: Callable[..., Any] = get_extra_info or _no_extra_info

    @property
    def certificate(self) -> "certificate.Certificate | None":
        """The certificate that the peer has shown and that was verified; ``None`` when it was not asked
        for one, or has none."""
        tls = self.get_extra_info("ssl_object")
        fields = None if tls is None else tls.getpeercert()
        return certificate.Certificate.read(fields, tls.getpeercert(binary_form=True)) if fields else None

    @property
    def host(self) -> str | None:
        """The peer's IP address as text; its path for a UNIX socket, the identifier that a proxy gives in
        place of either; ``None`` when unknown."""
        address = self.address
        if isinstance(address, tuple):
            return str(address[0]) if address else None
        return address or None

    def __repr__(self) -> str:
        behind = "" if self.proxy is None else f" behind {self.proxy!r}"
        return f"<Peer {self.host}{behind}>"


def _no_extra_info(name: str, default: Any = None) -> Any:
    return default


class Exchange(ABC):
    """One request and the answer to it.

    Once the peer is gone, what never waits (`inform`, `respond`, `start`) does nothing and raises nothing.

    The life of an exchange: the carrier makes it from a complete request head and calls
    ``handler(exchange)`` in a task of its own. The handler answers once: `respond`, or `start`, any
    number of `send`, `finish`. Before that it may `inform`, and at any time read the body. When the
    handler returns, the exchange is over; an answer that is not complete by then is cut off, so that the
    client can tell.

    Methods that wait raise `Disconnected` once the peer is gone, and leave the exchange usable when
    they are cancelled. Misuse raises `LocalProtocolError`.
    """

    __slots__ = ()

    head: RequestHead
    """The request's head."""

    # -- who -------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def peer(self) -> Peer:
        """Who sent the request."""

    @property
    def transport(self) -> asyncio.BaseTransport | None:
        """The transport below, for programs that look at it; ``None`` where there is none (any more)."""
        return None

    @property
    def protocol(self) -> Any:
        """What the event loop calls for the connection below, for programs that look at it, also when that is
        gone; ``None`` where there is none."""
        return None

    # -- the request's body ----------------------------------------------------------------------------

    @property
    @abstractmethod
    def body_complete(self) -> bool:
        """Whether the whole body has arrived: what `read_nowait` still returns is all there is."""

    @abstractmethod
    def read_nowait(self) -> bytes:
        """The next piece of the body, as it arrived; ``b""`` when none is there at the moment.

        Raises what `read` raises, once all pieces that arrived before are taken."""

    @abstractmethod
    async def read(self) -> bytes:
        """The next piece of the body, waiting for it; ``b""`` at the end, and again after it.

        The first call invites a client that sent ``Expect: 100-continue`` to go on. One task at a time
        may wait here. Raises `RemoteProtocolError` for a body that breaks its framing, `Disconnected`
        when the peer leaves in the middle of it. Cancellation loses no bytes."""

    @property
    @abstractmethod
    def request_trailers(self) -> Sequence[tuple[bytes, bytes]]:
        """The fields that came after the body (RFC 9110, section 6.5); none before the body is complete."""

    @abstractmethod
    def limit_body(self, *, rate: int | None = None, timeout: float | None = None) -> None:
        """Bound how slowly the rest of the body may come: ``rate`` in bytes per second on average,
        ``timeout`` in seconds between two pieces; 0 for no bound, ``None`` to leave it as it is."""

    # -- the answer ------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def response_started(self) -> bool:
        """Whether a final response head was handed over: from here on there is no other status."""

    @property
    @abstractmethod
    def response_complete(self) -> bool:
        """Whether the response was handed over to its end."""

    @property
    @abstractmethod
    def bytes_sent(self) -> int:
        """Bytes handed to the client so far for this answer, heads and framing included, as far as the
        carrier counts them."""

    @abstractmethod
    def inform(self, head: ResponseHead) -> None:
        """Send an interim (1xx) response (RFC 9110, section 15.2). Not sent to a client that cannot
        understand it (HTTP/1.0)."""

    @abstractmethod
    def respond(self, head: ResponseHead, body: Bytes = b"") -> None:
        """Answer at once and completely. Never waits.

        The carrier adds ``Content-Length``, and leaves the body out where the method or the status
        allow none (RFC 9110, section 6.4.1). Raises `LocalProtocolError` after another answer."""

    @abstractmethod
    def start(self, head: ResponseHead, content_length: int | None = None) -> None:
        """Send the head of an answer whose body follows through `send`. Never waits.

        ``content_length``
            bytes that will follow; ``None`` when it is not known, for chunked framing or, to HTTP/1.0,
            a body that the end of the connection ends.

        Raises `LocalProtocolError` after another answer."""

    @abstractmethod
    async def send(self, data: Bytes) -> None:
        """Send the next piece of the body, and wait while the client is too slow to take more.

        Raises `LocalProtocolError` when it exceeds the declared length or the answer is not started,
        `Disconnected` when the peer is gone. Cancelled while it waits: the data counts as sent."""

    async def send_file(self, descriptor: int, offset: int, count: int) -> None:
        """Send ``count`` bytes of an open regular file, from ``offset`` on, as the next piece of the body,
        and wait while the client is too slow to take more. The file's own position does not matter.

        A carrier that can have the system do it (``sendfile``) does; the others read the file in a thread.
        Blocks while the system reads what it has not cached. Raises as `send` does, and
        `LocalProtocolError` for a file that ends before, after what there was is sent: it has shrunk, and
        the answer cannot be completed. Cancelled, it has sent a part that nobody knows the size of: all that
        is left is to let the exchange end."""
        while count:
            piece = await asyncio.to_thread(read_at, descriptor, min(count, FILE_PIECE), offset)
            if not piece:
                raise LocalProtocolError(f"the file ends at byte {offset}, {count} bytes too early")
            await self.send(piece)
            offset += len(piece)
            count -= len(piece)

    @abstractmethod
    async def finish(self, trailers: Sequence[tuple[str, str]] = ()) -> None:
        """End the body, with trailer fields where the framing has room for them (RFC 9110, section 6.5).

        Raises `LocalProtocolError` when fewer bytes were sent than declared, and for trailers that belong in
        the head (section 6.5.1); the carrier then cuts the connection."""

    @property
    @abstractmethod
    def keep_alive(self) -> bool:
        """Whether the connection may serve another request after this one. The application can set it to
        ``False`` before it answers; it cannot set it back."""

    @keep_alive.setter
    @abstractmethod
    def keep_alive(self, value: bool) -> None: ...

    # -- exits -----------------------------------------------------------------------------------------

    @abstractmethod
    def abort(self) -> None:
        """Cut the exchange off so that the client can tell. Never raises; safe at any time."""

    @abstractmethod
    def end(self) -> None:
        """The handler is done: the exchange is over, and what is not complete is cut off. Never raises; a
        second call does nothing.

        The carrier goes on to other things in this call, so that it is the last thing that is done."""

    @abstractmethod
    def on_end(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called in `end`, before the carrier goes on: for what must not outlive the
        exchange. Called at once when the exchange is over already. It must neither raise nor wait."""

    @property
    def can_take_over(self) -> bool:
        """Whether `take_over` works on this carrier at this moment: the client asks for it, the whole body
        has arrived, nothing was answered, and the peer is there."""
        return False

    def take_over(self, head: ResponseHead, protocol: asyncio.Protocol) -> asyncio.Transport:
        """Answer with ``head``, after which the connection is no longer HTTP's: 101 with an ``Upgrade`` field
        that the client offered (RFC 9110, section 7.8), or 2xx to ``CONNECT`` (section 9.3.6).

        ``protocol``
            what is called from now on, as by asyncio: ``connection_made``, then ``data_received`` with what
            the client sent after its request, before this returns.

        Returns the transport. No deadline of HTTP's applies to it any more, and the answer counts as
        complete. The connection is the protocol's as long as the handler runs; when that returns, the carrier
        takes it back, calls ``connection_lost(None)``, and closes it once everything is sent.

        Raises `LocalProtocolError` unless `can_take_over`, and for a head that does not say what it has to;
        `Disconnected` when the peer is gone."""
        raise LocalProtocolError(f"{type(self).__name__} has no connection to hand over")

    def read_websocket_offer(self) -> "handshake.WebSocketOffer":
        """What the client offers for the WebSocket that its request opens. Raises `HandshakeError`, with the
        status to answer, when it opens none."""
        return handshake.read_offer(self.head)

    def accept_websocket(
        self, head: ResponseHead, agreement: "handshake.WebSocketAgreement", options: "WebSocketOptions"
    ) -> "WebSocketStream":
        """Answer with ``head``, after which messages go both ways.

        ``head``
            with the status and, among others, the fields of the ``agreement``.
        ``agreement``
            made from what `read_websocket_offer` gave.

        The answer counts as complete. Of HTTP's deadlines only that for a peer that takes nothing of what
        it is sent applies from here on. The stream is the handler's as long as it runs; when it returns, a
        WebSocket that is not closed by then is cut.

        Raises `LocalProtocolError` after another answer and where the carrier has no WebSockets,
        `Disconnected` when the peer is gone."""
        raise LocalProtocolError(f"{type(self).__name__} carries no WebSockets")

    # -- signals ---------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def cancel_on_disconnect(self) -> bool:
        """Whether the handler's task is cancelled when the peer leaves. At first what the server was told.

        A carrier that cannot tell a peer that is gone from one that sends nothing more, and waits for its
        answer, takes it for gone where this is true."""

    @cancel_on_disconnect.setter
    @abstractmethod
    def cancel_on_disconnect(self, value: bool) -> None: ...

    @property
    @abstractmethod
    def is_disconnected(self) -> bool:
        """Whether the peer is known to be gone."""

    @property
    @abstractmethod
    def is_draining(self) -> bool:
        """Whether the server is shutting down and would like this exchange to end soon."""

    @abstractmethod
    async def wait_draining(self) -> None:
        """Wait until `is_draining`: for answers without an end, which nothing else would end in time."""


def read_at(descriptor: int, count: int, offset: int) -> bytes:
    """Read from an open file at this offset, at most ``count`` bytes; ``b""`` at its end."""
    if hasattr(os, "pread"):
        return os.pread(descriptor, count, offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, count)


ExchangeHandler = Callable[[Exchange], Awaitable[object]]
"""The one callable that serving is given: it answers an exchange, and returns when it is done with it.
Whether it calls `Exchange.end` then is for the two to agree on; see `sketch.server.Server`."""
