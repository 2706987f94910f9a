"""One socket: its transport, its flow control in both directions, and who is at its other end.

It knows nothing of HTTP. `asyncio` calls it, and it answers the two questions that every protocol on a
stream has: may I write, and shall more be read.
"""

import asyncio
import socket
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

from ..http.deferred import deferred
from ..http.errors import Disconnected
from ..http.exchange import Bytes, Peer
from ..http.limits import DEFAULT_LIMITS
from .registry import Registry
from .requesthandler import RequestHandler

_fcntl = deferred("fcntl")
_termios = deferred("termios")

WRITELINES_PAUSES = not ((3, 12) <= sys.version_info < (3, 12, 9) or (3, 13) <= sys.version_info < (3, 13, 2))
"""Whether asyncio's ``writelines`` tells a protocol to pause. Where it does not (CVE-2024-12254), a client
that takes nothing would have the process hold all that is sent."""

MANY_SLOW_READERS = 64
"""So many may have the system hold for them what it likes. There are more when the server is attacked, or
when its clients download a lot on slow lines: then it is worth that a socket takes less at a time."""

_MOST_UNSENT = 2**17
"""Bytes that the system then holds for a client without having sent them."""

_RESET = struct.pack("ii", 1, 0)
"""To linger, for no time: a close sends a reset and drops what is unsent."""


class SocketConnection(RequestHandler):
    """The part of a connection that is the same for every protocol."""

    __slots__ = (
        "_below_tls",
        "_drain_waiters",
        "_peer",
        "_reading_paused",
        "registry",
        "deadline",
        "passing",
        "transport",
        "writing_paused",
    )

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.transport: asyncio.Transport | None = None
        """The transport, until the connection is lost."""
        self.deadline = float("inf")
        self.writing_paused = False
        """Whether the client takes less than it is given."""
        self.passing = 0
        """Bytes that are on their way past the transport: the rest of a file."""
        self._reading_paused = False
        self._drain_waiters: list[asyncio.Future[None]] | None = None
        self._peer: Peer | None = None
        self._below_tls: Any = None
        """The socket, where there is TLS between it and us."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self.transport = cast(asyncio.Transport, transport)
        registry = self.registry
        if registry.tcp_keepalive:
            _set_tcp_keepalive(transport)
        if transport.get_extra_info("ssl_object") is not None:
            self._below_tls = transport.get_extra_info("socket")
        # Without being told, event loops hold eight times as much for a client over TLS.
        if self._below_tls is not None or registry.limits.write_buffer != DEFAULT_LIMITS.write_buffer:
            self.set_write_buffer_limits()
        self.bound_unsent()
        if not registry.add(self):  # type: ignore[arg-type]
            self.transport.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Called by asyncio."""
        self.deadline = float("inf")
        self.registry.remove(self)  # type: ignore[arg-type]
        self.transport = None
        self.resume_writing()

    @property
    def is_lost(self) -> bool:
        """Whether nothing that is written would arrive."""
        transport = self.transport
        return transport is None or transport.is_closing()

    @property
    def peer(self) -> Peer:
        """Who is at the other end."""
        peer = self._peer
        if peer is None:
            transport = self.transport
            if transport is None:
                return Peer()
            info = transport.get_extra_info
            peer = self._peer = Peer(
                info("peername"), secure=info("sslcontext") is not None, get_extra_info=info
            )
        return peer

    def introduce(self, peer: Peer) -> None:
        """Somebody who knows better than the transport says who is at the other end."""
        self._peer = peer

    @property
    def keepalive_timeout(self) -> float:
        """Seconds that the connection may be idle between two requests."""
        return self.registry.limits.keepalive_timeout

    # -- writing ---------------------------------------------------------------------------------------

    @property
    def unsent(self) -> int:
        """Bytes that the client has not taken, and that would be lost with the connection.

        A transport over TLS knows only of those that it has not encrypted, and nothing of those in the
        transport below it. These it has only while the system's own buffer is full: over TLS, the bytes in
        that are counted, too."""
        transport = self.transport
        if transport is None:
            return 0
        size = transport.get_write_buffer_size() + self.passing
        return size if self._below_tls is None else size + _count_queued(self._below_tls)

    @property
    def untaken(self) -> int:
        """Bytes that the client has not taken, wherever they wait. Only in these is it seen that one takes
        them slowly: a socket tells that it takes more when a third of what it holds is gone, megabytes at
        times."""
        if self.transport is None or self._below_tls is not None:
            return self.unsent
        sock: Any = self.transport.get_extra_info("socket")
        return self.unsent if sock is None else self.unsent + _count_queued(sock)

    @property
    def is_lingering(self) -> bool:
        """Whether the client was told that nothing more comes, and may close."""
        return False

    def bound_unsent(self) -> None:
        """Have the system hold little of what is written from now on, if many clients do not take what they
        are given. For each it holds up to 4 MiB, and some hundred use up what it has for all sockets (Linux
        ``tcp_mem``): then the honest ones wait."""
        if self.registry.slow_readers <= MANY_SLOW_READERS or not hasattr(socket, "TCP_NOTSENT_LOWAT"):
            return
        sock: Any = None if self.transport is None else self.transport.get_extra_info("socket")
        if sock is not None:
            with suppress(OSError):  # It is no TCP.
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _MOST_UNSENT)

    def pause_writing(self) -> None:
        """Called by asyncio when more is waiting to be sent than the limit allows."""
        if not self.writing_paused:
            self.writing_paused = True
            self.registry.slow_readers += 1

    def resume_writing(self) -> None:
        """Called by asyncio when what was waiting is mostly sent."""
        if self.writing_paused:
            self.writing_paused = False
            self.registry.slow_readers -= 1
        waiters, self._drain_waiters = self._drain_waiters, None
        for waiter in waiters or ():
            if not waiter.done():
                waiter.set_result(None)

    def set_write_buffer_limits(self) -> None:
        """Have writing paused where the server's limit says."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.set_write_buffer_limits(high=self.registry.limits.write_buffer)

    async def drained(self) -> None:
        """Wait until writing is not paused. Raises `Disconnected`."""
        while self.writing_paused and self.transport is not None:
            waiter: asyncio.Future[None] = self.registry.loop.create_future()
            if self._drain_waiters is None:
                self._drain_waiters = []
            self._drain_waiters.append(waiter)
            await waiter
        if self.transport is None:
            raise Disconnected("the client closed the connection")

    def reset_on_close(self) -> None:
        """Have the client see a reset, and no orderly end."""
        sock: Any = None if self.transport is None else self.transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)

    # -- reading ---------------------------------------------------------------------------------------

    @property
    def is_reading(self) -> bool:
        """Whether what the client sends is taken from the socket."""
        return not self._reading_paused

    def pause_reading(self) -> None:
        """Leave what the client sends to the socket's buffer, until `resume_reading`."""
        transport = self.transport
        if not self._reading_paused and transport is not None and not transport.is_closing():
            self._reading_paused = True
            transport.pause_reading()

    def resume_reading(self) -> None:
        """Take from the socket again."""
        if self._reading_paused:
            self._reading_paused = False
            transport = self.transport
            if transport is not None and not transport.is_closing():
                # asyncio reads from now on in the context of its caller, which may be a handler's.
                self.registry.call_outside(transport.resume_reading)


def write_parts(transport: asyncio.Transport, parts: Sequence[Bytes]) -> None:
    """Write several pieces, one after the other."""
    # That a connection is lost, of which nobody was told yet, asyncio's ``writelines`` up to 3.14.0 does not
    # see: it has the selector watch a descriptor that is closed next (gh-136234).
    if WRITELINES_PAUSES and not transport.is_closing():
        transport.writelines(parts)
    else:
        transport.write(b"".join(parts))


def _set_tcp_keepalive(transport: asyncio.BaseTransport) -> None:
    sock: Any = transport.get_extra_info("socket")
    if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def _count_queued(sock: Any) -> int:
    """Bytes that were written to a socket and not acknowledged; 0 where the system does not tell."""
    size = struct.pack("i", 0)
    # Closed by now, or the system has no answer; Windows has nobody to ask.
    with suppress(OSError, ValueError, ImportError):
        size = _fcntl.ioctl(sock.fileno(), _termios.TIOCOUTQ, size)
    return int(struct.unpack("i", size)[0])
