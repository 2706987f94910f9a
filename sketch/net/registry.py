"""What all connections of one server share, and the list of them."""

import asyncio
import contextvars
import logging
from collections.abc import Callable
from typing import Protocol

from ..http.exchange import ExchangeHandler, Peer
from ..http.heads import ResponseHead
from ..http.limits import Limits
from ..http_parser import HttpParser
from .clock import Clock

Refused = Callable[[Peer, ResponseHead, int], None]
"""Told of each answer that a connection made itself: to whom, its head, and its size in bytes."""


class Connection(Protocol):
    """A connection, as its server sees it."""

    deadline: float
    """When `on_deadline` is due, on the clock of the registry; infinity for never."""

    @property
    def task(self) -> "asyncio.Task[None] | None":
        """The task of the handler that runs on it."""

    @property
    def is_sending(self) -> bool:
        """Whether a part of an answer is not taken by the client."""

    def on_deadline(self) -> None:
        """The client took too long with what it was expected to do."""

    def drain(self) -> None:
        """Close at the end of the current exchange, or at once if there is none."""

    def abort(self) -> None:
        """Close at once, without sending what is still to be sent."""


class Registry:
    """The connections of a server and what they have in common.

    ``is_draining``
        whether the server is going away.
    ``draining``
        set when it is.
    ``requests_count``
        requests begun so far.
    ``abandoned``
        the tasks of handlers whose clients have left.
    ``removed``
        set whenever a connection is lost; cleared by whoever waits for that.
    ``context``
        the context in which the first connection was made: that of nobody's request.
    """

    __slots__ = (
        "abandoned", "clock", "connections", "context", "draining", "handler", "handler_cancellation",
        "is_draining", "limits", "logger", "loop", "parser", "refused", "removed", "requests_count",
        "tcp_keepalive",
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
    ) -> None:
        self.handler = handler
        self.loop = loop
        self.limits = limits
        self.logger = logger
        self.handler_cancellation = handler_cancellation
        self.tcp_keepalive = tcp_keepalive
        self.refused = refused
        self.parser = HttpParser(limits)
        self.connections: set[Connection] = set()
        self.abandoned: set[asyncio.Task[None]] = set()
        self.clock = Clock(loop, self._sweep, idle_timeout=min(limits.keepalive_timeout, limits.send_timeout))
        self.context: contextvars.Context | None = None
        self.removed = asyncio.Event()
        self.draining = asyncio.Event()
        self.is_draining = False
        self.requests_count = 0

    def add(self, connection: Connection) -> None:
        """Enter a connection that was made."""
        if self.context is None:
            self.context = contextvars.copy_context()
        self.connections.add(connection)
        self.clock.start()

    def remove(self, connection: Connection) -> None:
        """Drop a connection that was lost."""
        self.connections.discard(connection)
        if not self.connections:
            self.clock.stop()
        self.removed.set()

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
