"""A connection that a proxy introduces: its first bytes are a header of the PROXY protocol.

It reads that header, begins TLS where TLS comes after it, and gives the socket to an HTTP/1 connection that
knows who the client is. Whoever is not a trusted proxy, or sends anything else, is cut off without an answer.
"""

import asyncio
import ssl
from typing import Any, cast

from ..http.errors import RemoteProtocolError
from ..http.exchange import Peer
from ..http.heads import RequestHead
from ..protocol.proxy import ProxyHeader, ProxyHeaderParser, SocketAddress
from .connection import SocketConnection
from .h1 import H1Connection
from .pace import NEVER
from .proxies import TrustedProxies
from .registry import Registry
from .tls import CLOSING_TIMEOUT


class ProxiedConnection(SocketConnection):
    """The beginning of a connection, up to the end of the header or of the TLS handshake after it.

    ``ssl_context``
        for a server on which clients speak TLS: proxies send the header in front of that, in the clear.
    """

    __slots__ = ("_decrypted", "_header", "_parser", "_proxies", "_securing", "_ssl_context")

    task: asyncio.Task[None] | None = None
    """No handler runs yet."""

    request: RequestHead | None = None
    """No request has come."""

    is_sending = False
    """Nothing is ever answered."""

    def __init__(
        self, registry: Registry, proxies: TrustedProxies, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(registry)
        self._proxies = proxies
        self._ssl_context = ssl_context
        self._parser = ProxyHeaderParser()
        self._header: ProxyHeader | None = None
        self._securing: asyncio.Task[None] | None = None
        self._decrypted = b""

    # -- what asyncio calls ----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        super().connection_made(transport)
        registry = self.registry
        self.deadline = registry.clock.now + registry.limits.head_timeout
        if not self.is_lost and not self._proxies.trusts(self.peer):
            self._refuse("it is not a trusted proxy")

    def data_received(self, data: bytes) -> None:
        """Called by asyncio with what the proxy sent; or the client, through TLS, before we know of it."""
        if self._header is not None:
            self._decrypted += data
            return
        try:
            header = self._parser.receive(data)
        except RemoteProtocolError as error:
            self._refuse(str(error))
            return
        transport = self.transport
        if header is None or transport is None:
            return
        self._header = header
        if self._ssl_context is None:
            self._hand_over(transport, header, self._parser.unread)
        else:
            self._begin_tls(transport, header, self._ssl_context)

    # -- TLS -------------------------------------------------------------------------------------------

    def _begin_tls(self, transport: asyncio.Transport, header: ProxyHeader, context: ssl.SSLContext) -> None:
        loop = self.registry.loop
        self.deadline = NEVER
        self._securing = asyncio.Task(self._secure(transport, header, context), loop=loop, name="sketch TLS")
        # The handshake's beginning may have come with the header. It is passed on after `start_tls` has put
        # its protocol in our place and had it started, which it does in the next two turns of the loop, and
        # before the socket is read again: callbacks of one turn run in their order.
        loop.call_soon(loop.call_soon, _pass_on, transport, self._parser.unread)

    async def _secure(
        self, transport: asyncio.Transport, header: ProxyHeader, context: ssl.SSLContext
    ) -> None:
        registry = self.registry
        secured: asyncio.Transport | None = None
        try:
            secured = await registry.loop.start_tls(
                transport,
                self,
                context,
                server_side=True,
                ssl_handshake_timeout=registry.limits.tls_handshake_timeout,
                ssl_shutdown_timeout=CLOSING_TIMEOUT,
            )
        except OSError as error:
            # `ssl.SSLError` is one. There is nobody to tell.
            registry.logger.debug("TLS behind the proxy %s: %s", self.peer.host, error)
        finally:
            if self.transport is None:
                pass  # It was lost in the meantime, and we were told.
            elif secured is None or secured.is_closing():
                # `start_tls` has closed the transport, and nobody else will say that it is lost.
                self.connection_lost(None)
            else:
                self._hand_over(secured, header, self._decrypted)

    # -- the end of the beginning ----------------------------------------------------------------------

    def _hand_over(self, transport: asyncio.Transport, header: ProxyHeader, received: bytes) -> None:
        """Let an HTTP/1 connection go on, with what came after the header."""
        connection = H1Connection(self.registry)
        if header.source is not None:
            connection.introduce(self._peer_behind(transport, header, header.source))
        self.registry.remove(self)
        self.transport = None
        transport.set_protocol(connection)
        connection.connection_made(transport)
        if received and not transport.is_closing():
            connection.data_received(received)

    def _peer_behind(self, transport: asyncio.Transport, header: ProxyHeader, source: SocketAddress) -> Peer:
        def get_extra_info(name: str, default: Any = None) -> Any:
            return header if name == "proxy_header" else transport.get_extra_info(name, default)

        return Peer(
            source,
            secure=header.secure or self._ssl_context is not None,
            proxy=self.peer,
            get_extra_info=get_extra_info,
        )

    def _refuse(self, reason: str) -> None:
        self.registry.logger.info("A connection from %s was cut off: %s", self.peer.host, reason)
        self.abort()

    # -- what the server calls -------------------------------------------------------------------------

    def on_deadline(self) -> None:
        """The proxy took too long."""
        self._refuse("its PROXY header took too long")

    def drain(self) -> None:
        """Close, unless the header is there: then there may be a request behind it."""
        if self._header is None and self.transport is not None:
            self.transport.close()

    def say_goodbye(self) -> None:
        """There is nothing on it yet."""

    def abort(self) -> None:
        """Close at once."""
        if self._securing is not None:
            self._securing.cancel()
        if self.transport is not None:
            self.transport.abort()


def _pass_on(transport: asyncio.Transport, data: bytes) -> None:
    """Give the bytes to the protocol that a transport has now, as the transport itself would."""
    if transport.is_closing():
        return
    protocol = cast(asyncio.BufferedProtocol, transport.get_protocol())
    while data:
        buffer = cast(memoryview, protocol.get_buffer(len(data)))
        size = min(len(buffer), len(data))
        buffer[:size] = data[:size]
        protocol.buffer_updated(size)
        data = data[size:]
