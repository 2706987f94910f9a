"""A connection as programs see it: what is behind ``request.protocol`` and in ``Server.connections``.

Knows aiohttp's names for what can be asked of a connection. Refuses to know how the connection does it.
"""

import asyncio
import ssl
from abc import abstractmethod
from typing import Any


class RequestHandler(asyncio.Protocol):
    """The server's end of one connection (aiohttp's name for it), for type annotations, for ``isinstance``
    and to be looked at. Programs do not make any: a server is a factory of them."""

    __slots__ = ()

    transport: asyncio.Transport | None
    """The transport; ``None`` before the connection is there and after it is lost."""

    writing_paused: bool
    """Whether the client takes less than it is given."""

    @property
    def connected(self) -> bool:
        """Whether the connection is there."""
        return self.transport is not None

    @property
    def peername(self) -> Any:
        """The address of the other end as the socket has it (asyncio documentation, ``get_extra_info``);
        ``None`` when it is not known."""
        return self._info("peername")

    @property
    def sockname(self) -> Any:
        """The address of this end, likewise."""
        return self._info("sockname")

    @property
    def ssl_context(self) -> ssl.SSLContext | None:
        """What TLS was set up with; ``None`` on a connection without TLS."""
        context: ssl.SSLContext | None = self._info("sslcontext")
        return context

    @property
    @abstractmethod
    def keepalive_timeout(self) -> float:
        """Seconds that the connection may be idle between two requests."""

    def keep_alive(self, val: bool) -> None:
        """With a false ``val``, have the answer that is being made be the last one. There is no way back."""
        if not val:
            self.close()

    def close(self) -> None:
        """Close the connection after the answer that is being made; at once, when there is none."""
        self.drain()

    def force_close(self) -> None:
        """Cut the connection now, so that the client can tell that an answer is not complete."""
        self.abort()

    @abstractmethod
    def drain(self) -> None:
        """What `close` does; the server's name for it."""

    @abstractmethod
    def abort(self) -> None:
        """What `force_close` does; the server's name for it."""

    @abstractmethod
    def pause_reading(self) -> None:
        """Leave what the client sends where it is, until `resume_reading`."""

    @abstractmethod
    def resume_reading(self) -> None:
        """Take what the client sends again."""

    def _info(self, name: str) -> Any:
        return None if self.transport is None else self.transport.get_extra_info(name)
