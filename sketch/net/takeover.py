"""A connection that was handed over: what asyncio calls in its place, and what the connection is still told.

It knows two protocols, the one that has taken the connection over and the one that keeps the books for the
server, and nothing of what either speaks.
"""

import asyncio

from ..protocol.h1.connection import H1Engine


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
        asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)
