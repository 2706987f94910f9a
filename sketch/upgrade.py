"""Leaving HTTP: a response after which the connection belongs to the handler.

It knows how to ask a carrier for the connection, and how to give a handler streams on it. What is spoken on
it then is not known here.
"""

import asyncio

from .exceptions import HTTPUpgradeRequired
from .http import names
from .http.errors import Disconnected
from .http.exchange import Bytes, Exchange
from .http.headers import is_token
from .http.heads import ResponseHead
from .responsehead import LooseHeaders
from .streamresponse import AnsweredRequest, StreamResponse

STREAM_LIMIT = 65536
"""Bytes that a stream holds for a handler that does not read, half of what stops the socket being read
(asyncio's default)."""


class _Streams(asyncio.StreamReaderProtocol):
    """A connection as two streams. It keeps the writer as long as the connection keeps it: a writer that
    nobody holds closes its transport."""

    writer: asyncio.StreamWriter

    def __init__(self, limit: int) -> None:
        self.reader = asyncio.StreamReader(limit)
        super().__init__(self.reader)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the carrier."""
        super().connection_made(transport)
        loop = asyncio.get_running_loop()
        self.writer = asyncio.StreamWriter(transport, self, self.reader, loop)  # type: ignore[arg-type]


class UpgradeResponse(StreamResponse):
    """101 to a client that wants to go on with another protocol (RFC 9110, section 7.8), or 200 to
    ``CONNECT`` (section 9.3.6).

    ``upgrade``
        the protocol, as the ``Upgrade`` field names it; ``None`` for the tunnel that ``CONNECT`` asks for.
    ``headers``
        further fields of the head.
    ``protocol``
        an `asyncio.Protocol` that is called in place of `reader` and `writer` being made.
    ``limit``
        of the `reader`, in bytes (asyncio documentation, ``open_connection``).

    After `prepare` the connection is the handler's until it returns. Then what was written is sent, and the
    connection is closed. A handler that raises or is cancelled has it cut.

    Raises `TypeError` and `ValueError` for a name that is none, a protocol that is no `asyncio.Protocol`, and
    fields that no message can carry.
    """

    def __init__(
        self,
        upgrade: str | None = None,
        *,
        headers: LooseHeaders | None = None,
        protocol: asyncio.Protocol | None = None,
        limit: int = STREAM_LIMIT,
    ) -> None:
        _check(upgrade, protocol)
        super().__init__(status=200 if upgrade is None else 101, headers=headers)
        if upgrade is not None:
            self.headers[names.UPGRADE] = upgrade
        self._upgrade = upgrade
        self._streams: _Streams | None = None
        self._protocol = protocol
        self._limit = limit

    @property
    def reader(self) -> asyncio.StreamReader:
        """What the client sends, from the first byte after its request. Raises `RuntimeError` before
        `prepare`, and where there is a ``protocol``."""
        return self._prepared_streams().reader

    @property
    def writer(self) -> asyncio.StreamWriter:
        """What the client gets; ``writer.transport`` is the transport. Raises `RuntimeError` as `reader`
        does."""
        return self._prepared_streams().writer

    def _prepared_streams(self) -> _Streams:
        if self._streams is None:
            raise RuntimeError("there are no streams before prepare(), and where a protocol was given")
        return self._streams

    @property
    def content_length(self) -> int | None:
        """0: what follows is no content."""
        return 0

    @content_length.setter
    def content_length(self, value: int | None) -> None:
        raise RuntimeError("what follows a change of protocol has no content length")

    async def prepare(self, request: AnsweredRequest) -> None:
        """Read what is left of the request's body, run ``on_response_prepare``, send the head, and take the
        connection over. A second call does nothing.

        Raises `HTTPUpgradeRequired` when the client did not offer the protocol, `RuntimeError` for a tunnel
        that it did not ask for and on a carrier that has no connection to hand over, `Disconnected` when the
        client is gone, and what ``request.read()`` raises. Cancelled, it has sent nothing."""
        if self._exchange is None:
            self._check_offer(request.exchange)
            await request.read()
        await super().prepare(request)

    def _check_offer(self, exchange: Exchange) -> None:
        head, upgrade = exchange.head, self._upgrade
        if upgrade is None:
            if head.method != names.METH_CONNECT:
                raise RuntimeError(f"{head.method} asks for no tunnel: name the protocol to change to")
        elif upgrade.lower() not in [offer.lower() for offer in head.framing.upgrade]:
            raise HTTPUpgradeRequired(
                headers=[(names.UPGRADE, upgrade), (names.CONNECTION, "Upgrade")],
                text=f"426: Upgrade Required\nThis is for clients that change to {upgrade}",
            )

    def _send_head(self, exchange: Exchange, head: ResponseHead) -> None:
        if not exchange.can_take_over:
            if exchange.is_disconnected:
                raise Disconnected("the client closed the connection")
            raise RuntimeError(f"{exchange!r} has no connection to hand over")
        protocol = self._protocol
        if protocol is None:
            protocol = self._streams = _Streams(self._limit)
        exchange.take_over(head, protocol)

    async def write(self, data: Bytes) -> None:
        """Raises `RuntimeError`: what follows is no body."""
        raise RuntimeError("an UpgradeResponse has no body: write with its writer, and drain it")


def _check(upgrade: object, protocol: object) -> None:
    if not isinstance(upgrade, str | None):
        raise TypeError(f"upgrade must be the name of a protocol, such as 'example/1.0', got {upgrade!r}")
    if upgrade is not None and not all(map(is_token, upgrade.split("/", 1))):
        raise ValueError(f"{upgrade!r} names no protocol, as 'websocket' or 'example/1.0' do")
    if not isinstance(protocol, asyncio.Protocol | None):
        raise TypeError(f"protocol must be an instance of asyncio.Protocol, got {protocol!r}")
