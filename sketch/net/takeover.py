"""A connection that was handed over: what asyncio calls in its place, and what the connection is still told.

It knows two protocols, the one that has taken the connection over and the one that keeps the books for the
server, and nothing of what either speaks.
"""

import asyncio
from typing import Protocol

from ..protocol.h1.connection import H1Engine
from .registry import Registry


class Owner(Protocol):
    """What a successor needs of the connection that it takes over."""

    registry: Registry
    deadline: float
    writing_paused: bool

    @property
    def unsent(self) -> int:
        """Bytes that the client has not taken."""

    @property
    def is_reading(self) -> bool:
        """Whether the socket is read."""

    def pause_reading(self) -> None:
        """Leave what the client sends to the socket's buffer."""

    def resume_reading(self) -> None:
        """Take from the socket again."""

    def pause_writing(self) -> None:
        """The client takes less than it is given."""

    def resume_writing(self) -> None:
        """It takes more again."""

    def bound_unsent(self) -> None:
        """Have the system hold little of what is written from now on, if many clients do not take what they
        are given."""

    async def drained(self) -> None:
        """Wait until it does."""

    def abort(self) -> None:
        """Cut the connection."""

    def release(self, *, has_said_all: bool) -> None:
        """Close the connection; the client may have more to say, which is thrown away."""


class Successor(asyncio.Protocol):
    """A protocol of the server's own that takes a connection over. It is told of more than asyncio tells."""

    __slots__ = ()

    deadline: float
    """When it wants `on_deadline` called; infinity for never."""

    def on_deadline(self) -> None:
        """It is time to look. Perhaps not yet."""
        raise NotImplementedError

    def say_goodbye(self) -> None:
        """The server is going away, and the programs on it have said all they have to say."""
        raise NotImplementedError

    def give_up(self) -> None:
        """The handler has failed."""
        raise NotImplementedError

    def flush(self) -> None:
        """Write what is not written yet: the connection takes its transport back."""
        raise NotImplementedError


class TakenOver(asyncio.Protocol):
    """The protocol of a transport that was handed over.

    ``owner``
        the connection: it is told of the end, so that the server can count it.
    ``protocol``
        told of everything.
    ``engine``
        the connection's: it is told that the client sends nothing more, in case it gets the transport back.
    """

    def __init__(self, owner: asyncio.Protocol, protocol: asyncio.Protocol, engine: H1Engine) -> None:
        self._owner = owner
        self._protocol = protocol
        self._engine = engine
        self.successor = protocol if isinstance(protocol, Successor) else None
        # What is called for every packet takes no way through here.
        self.data_received = protocol.data_received  # type: ignore[method-assign]
        self.pause_writing = protocol.pause_writing  # type: ignore[method-assign]
        self.resume_writing = protocol.resume_writing  # type: ignore[method-assign]

    def begin(self, transport: asyncio.Transport, rest: bytes, *, is_paused: bool) -> None:
        """Tell the protocol all that it has missed: the transport, whether its client is slow, what came
        after the request, and whether that was the last."""
        protocol = self._protocol
        protocol.connection_made(transport)
        if is_paused:
            protocol.pause_writing()
        if rest:
            protocol.data_received(rest)
        if self._engine.is_ended and not protocol.eof_received():
            transport.close()

    def eof_received(self) -> bool | None:
        """Called by asyncio when the client will send nothing more."""
        self._engine.is_ended = True
        return self._protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio when the connection is gone."""
        try:
            self._protocol.connection_lost(exc)
        finally:
            self._owner.connection_lost(exc)

    def end(self) -> None:
        """The handler has returned. Whoever still waits for the protocol is told that nothing more comes."""
        if self.successor is not None:
            self.successor.flush()
        asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)
