"""What all connections of one server share, and the list of them."""

import asyncio
import contextvars
import logging
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ..http.deferred import deferred
from ..http.exchange import ExchangeHandler, Peer
from ..http.heads import RequestHead
from ..http.limits import Limits
from ..http_parser import HttpParser
from .admission import Admission, Refused
from .clock import Clock

if TYPE_CHECKING:
    from .proxies import TrustedProxies
    from .websocketwriting import Gathering

_resource = deferred("resource")

MOST_CONNECTIONS = 10_000

FEWEST_DESCRIPTORS_LEFT = 128
"""Descriptors that connections do not take: for files, other sockets, those that are accepted in one go."""


class Connection(Protocol):
    """A connection, as its server sees it."""

    deadline: float
    """When `on_deadline` is due, on the clock of the registry; infinity for never."""

    @property
    def task(self) -> "asyncio.Task[None] | None":
        """The task of the handler that runs on it."""

    @property
    def request(self) -> RequestHead | None:
        """The request that is being answered."""

    @property
    def peer(self) -> Peer:
        """Who is at the other end."""

    @property
    def is_lingering(self) -> bool:
        """Whether the client was told that nothing more comes, and may close."""

    @property
    def is_sending(self) -> bool:
        """Whether a part of an answer is not taken by the client."""

    def on_deadline(self) -> None:
        """The client took too long with what it was expected to do."""

    def drain(self) -> None:
        """Close at the end of the current exchange, or at once if there is none."""

    def say_goodbye(self) -> None:
        """End what has no end of its own."""

    def abort(self) -> None:
        """Close at once, without sending what is still to be sent."""


class Acceptor(Protocol):
    """Listening sockets, as their server sees them."""

    def pause(self) -> None:
        """Accept nothing."""

    def resume(self) -> None:
        """Accept again."""


class Registry:
    """The connections of a server and what they have in common.

    ``admission``
        who may be answered now, where requests are counted.
    ``acceptors``
        what accepts its connections, and is paused while there are too many.
    ``proxies``
        the proxies that are believed.
    ``is_draining``
        whether the server is going away.
    ``draining``
        set when it is.
    ``is_over``
        whether it has gone: a connection whose TLS handshake ends only now may not stay.
    ``requests_count``
        requests begun so far.
    ``slow_readers``
        connections whose clients take less than they are given, at this moment.
    ``abandoned``
        the tasks of handlers whose clients have left.
    ``removed``
        set whenever a connection is lost; cleared by whoever waits for that.
    ``context``
        the context in which the first connection was made: that of nobody's request.
    ``gathering``
        the WebSockets that have something to write at the end of a turn of the loop; the first one makes it.
    """

    __slots__ = (
        "_is_full", "_per_peer", "abandoned", "acceptors", "admission", "capacity", "clock", "connections",
        "context", "draining", "gathering", "handler", "handler_cancellation", "is_draining", "is_over",
        "limits", "logger", "loop", "parser", "proxies", "refused", "removed", "requests_count",
        "slow_readers", "tcp_keepalive",
    )  # fmt: skip

    def __init__(
        self,
        handler: ExchangeHandler,
        loop: asyncio.AbstractEventLoop,
        *,
        limits: Limits,
        logger: logging.Logger,
        handler_cancellation: bool,
        tcp_keepalive: bool,
        refused: Refused | None,
        proxies: "TrustedProxies | None" = None,
    ) -> None:
        self.handler = handler
        self.admission: Admission | None = None
        if limits.requests is not None:
            self.admission = Admission(handler, limits, limits.requests, refused)
            self.handler = self.admission.handle
        self.loop = loop
        self.limits = limits
        self.logger = logger
        self.handler_cancellation = handler_cancellation
        self.tcp_keepalive = tcp_keepalive
        self.refused = refused
        self.proxies = proxies
        self.parser = HttpParser(limits)
        self.connections: set[Connection] = set()
        self.acceptors: set[Acceptor] = set()
        self.capacity = limits.connections or _default_capacity()
        self._is_full = False
        self._per_peer: Counter[str] | None = None if limits.connections_per_peer is None else Counter()
        self.abandoned: set[asyncio.Task[None]] = set()
        self.clock = Clock(loop, self._sweep, idle_timeout=min(limits.keepalive_timeout, limits.send_timeout))
        self.context: contextvars.Context | None = None
        self.gathering: Gathering | None = None
        self.slow_readers = 0
        self.removed = asyncio.Event()
        self.draining = asyncio.Event()
        self.is_draining = self.is_over = False
        self.requests_count = 0

    def add(self, connection: Connection) -> bool:
        """Enter a connection that was made; say whether it may stay."""
        if self.context is None:
            self.context = contextvars.copy_context()
        self.connections.add(connection)
        self.clock.start()
        # Whether it stays or not: `remove` discounts all.
        is_one_of_few = self._per_peer is None or self._count(connection, self._per_peer)
        if self.is_over:
            return False
        if len(self.connections) >= self.capacity and not self._fill():
            return False
        return is_one_of_few

    def add_acceptor(self, acceptor: Acceptor) -> None:
        """Enter what accepts connections. There may be too many of them already."""
        self.acceptors.add(acceptor)
        if self._is_full:
            acceptor.pause()

    def remove(self, connection: Connection) -> None:
        """Drop a connection that was lost."""
        self.connections.discard(connection)
        if not self.connections:
            self.clock.stop()
        self.removed.set()
        if self._per_peer is not None:
            self._discount(self._counted_host(connection), self._per_peer)
        # Not at the first that goes: to stop and start again costs more than to accept one.
        if self._is_full and len(self.connections) <= self.capacity * 0.9:
            self._is_full = False
            for acceptor in self.acceptors:
                acceptor.resume()

    def _fill(self) -> bool:
        """Have nothing accepted for a while. Without acceptors, what is too much may not stay."""
        if not self._is_full:
            self._is_full = True
            self.logger.warning(
                "%d connections are open, and no more are accepted until some of them have gone: see "
                "Limits.connections and the process's limit of open files (ulimit -n)",
                len(self.connections),
            )
            for acceptor in self.acceptors:
                acceptor.pause()
        return bool(self.acceptors) or len(self.connections) <= self.capacity

    def _count(self, connection: Connection, per_peer: Counter[str]) -> bool:
        host = self._counted_host(connection)
        if host is None:
            return True
        per_peer[host] += 1
        limit = self.limits.connections_per_peer
        return limit is None or per_peer[host] <= limit

    def _counted_host(self, connection: Connection) -> str | None:
        """The address that a connection counts for. What a proxy opens is not one client's."""
        peer = connection.peer
        return None if self.proxies is not None and self.proxies.trusts(peer) else peer.host

    @staticmethod
    def _discount(host: str | None, per_peer: Counter[str]) -> None:
        if host is None:
            return
        per_peer[host] -= 1
        if not per_peer[host]:
            del per_peer[host]

    def abandon(self, task: "asyncio.Task[None]", *, cancel: bool) -> None:
        """Keep the task of a handler whose client has left, until it is done; cancel it first, or not."""
        self.abandoned.add(task)
        task.add_done_callback(self.abandoned.discard)
        if cancel:
            task.cancel()

    def call_outside(self, function: Callable[..., None], *arguments: object) -> None:
        """Call a function in a context that is no request's, whoever asks for it."""
        assert self.context is not None, "it is there from the first connection on"
        self.context.copy().run(function, *arguments)

    def _sweep(self, now: float) -> None:
        for connection in [connection for connection in self.connections if connection.deadline <= now]:
            connection.on_deadline()


def _default_capacity() -> int:
    """As many connections as the process has descriptors for, and 10 000 at most."""
    try:
        soft: int = _resource.getrlimit(_resource.RLIMIT_NOFILE)[0]
    except ImportError:  # Windows counts no descriptors.
        return MOST_CONNECTIONS
    if soft == _resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(1, min(MOST_CONNECTIONS, soft - FEWEST_DESCRIPTORS_LEFT))
