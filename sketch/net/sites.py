"""One place to listen at: sockets that are accepted from until it is stopped, without losing a connection.

Knows listening sockets and the protocol factory that each connection is given to. Does not know where the
sockets come from, nor what is served on them.
"""

import asyncio
import logging
import socket
import ssl
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol, runtime_checkable

from .addresses import UnixFile, is_unix

server_logger = logging.getLogger("sketch.server")

ProtocolFactory = Callable[[], asyncio.BaseProtocol]


@runtime_checkable
class BeginsTls(Protocol):
    """A protocol factory that may want to begin TLS itself, later than with a connection's first byte."""

    def secured_by(self, ssl_context: ssl.SSLContext) -> ProtocolFactory | None:
        """The factory to use in its place, for plain sockets; ``None`` where it does not want to."""


# Turns of the event loop between an accepted connection and its first bytes being read: one for the
# transport's start, one for the reader to be registered, one for the selector to report it.
_TURNS_TO_FIRST_BYTES = 3

_HANDSHAKE_GRACE = 1.0
"""Seconds that connections taken from the backlog at the very end have for their TLS handshake."""


class Listener:
    """Listening sockets, served together, stopped together. It owns them from the start on.

    ``ssl_context``
        for TLS.
    ``ssl_handshake_timeout``
        seconds from an accepted connection to the end of its TLS handshake; by default the event loop's.
    ``ssl_shutdown_timeout``
        seconds from the close of a connection to its end, in which the client has to take what was
        written, and to say that it has; by default the event loop's.
    """

    __slots__ = (
        "_accepts", "_backlog", "_factory", "_is_stopping", "_servers", "_sockets", "_tls", "_turn",
        "_unix_file",
    )  # fmt: skip

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        *,
        ssl_context: ssl.SSLContext | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        backlog: int = 128,
        unix_file: UnixFile | None = None,
    ) -> None:
        self._sockets = list(sockets)
        # As the event loop takes them: the timeouts only together with a context.
        self._tls: dict[str, Any] = {}
        if ssl_context is not None:
            self._tls = {
                "ssl": ssl_context,
                "ssl_handshake_timeout": ssl_handshake_timeout,
                "ssl_shutdown_timeout": ssl_shutdown_timeout,
            }
        self._backlog = backlog
        self._unix_file = unix_file
        self._servers: list[asyncio.AbstractServer] = []
        self._factory: ProtocolFactory | None = None
        self._accepts = True
        self._is_stopping = False
        self._turn: asyncio.Task[None] | None = None

    @property
    def is_accepting(self) -> bool:
        """Whether connections are accepted, as far as the event loop has come."""
        return bool(self._servers)

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The listening sockets; none once it is stopped."""
        return tuple(self._sockets)

    async def start(self, factory: ProtocolFactory) -> None:
        """Give every connection a protocol from ``factory``. Raises `OSError`, and keeps nothing open then;
        the same when it is cancelled."""
        if self._tls and isinstance(factory, BeginsTls):
            own = factory.secured_by(self._tls["ssl"])
            if own is not None:
                factory, self._tls = own, {}
        self._factory = factory
        try:
            await self._serve_all()
        except BaseException:
            self.close()
            raise

    async def _serve_all(self) -> None:
        assert self._factory is not None, "connections are accepted only after the start"
        for sock in self._sockets:
            self._servers.append(await self._serve(self._factory, sock))

    async def _serve(self, factory: ProtocolFactory, sock: socket.socket) -> asyncio.AbstractServer:
        loop = asyncio.get_running_loop()
        options = {**self._tls, "backlog": self._backlog}
        sock.setblocking(False)
        if not is_unix(sock):
            return await loop.create_server(factory, sock=sock, **options)
        if sys.version_info < (3, 13):
            return await loop.create_unix_server(factory, sock=sock, **options)
        # The file of a socket that we were given belongs to whoever made it (a service manager, say).
        return await loop.create_unix_server(factory, sock=sock, cleanup_socket=False, **options)

    def pause(self) -> None:
        """Accept nothing until `resume`: who connects waits in the backlog. Takes effect in a few turns of
        the loop, and not at all where the process has no descriptors left for it."""
        self._accepts = False
        self._begin_turn()

    def resume(self) -> None:
        """Accept again. Does nothing when it was not paused, or is stopped."""
        self._accepts = True
        self._begin_turn()

    def _begin_turn(self) -> None:
        if self._turn is None and self._sockets and not self._is_stopping:
            self._turn = asyncio.get_running_loop().create_task(self._turn_over())

    async def _turn_over(self) -> None:
        """Go back and forth until what is meant to be is so."""
        try:
            while self._sockets and self._accepts is not self.is_accepting:
                if self._accepts:
                    await self._serve_all()
                else:
                    waiting = self._duplicate()
                    try:
                        await self._stop_servers()
                    finally:
                        self._sockets = waiting
        except OSError as error:
            what = "accept connections again" if self._accepts else "pause accepting connections"
            server_logger.error("Cannot %s: %s", what, error)
        finally:
            self._turn = None

    def close(self) -> None:
        """Stop listening at once; connections that wait in the backlog are reset. Never raises `OSError`."""
        if self._unix_file is not None:
            self._unix_file.remove()
        self._close_sockets()

    def _close_sockets(self) -> None:
        for server in self._servers:
            server.close()
        for sock in self._sockets:
            sock.close()
        self._servers.clear()
        self._sockets.clear()

    async def stop(self) -> None:
        """Accept every connection that is waiting already, then stop listening.

        When it returns, the bytes that those connections had sent have been read, so that they do not
        look idle; TLS handshakes have `_HANDSHAKE_GRACE` seconds. A UNIX socket's file is removed first,
        so that nobody can come too late; over TCP a connection that arrives between the last look and the
        close is reset, which no system call can prevent. Cancelled: stops at once. A second call does
        nothing. One that is paused accepts nothing any more."""
        self._is_stopping = True
        turn = self._turn
        if turn is not None:
            try:
                await asyncio.wait([turn])
            except asyncio.CancelledError:
                # Until then the turn has sockets that nobody else knows of.
                turn.add_done_callback(lambda _: self.close())
                raise
        if not self._servers:
            self.close()
            return
        if self._unix_file is not None:
            self._unix_file.remove()
        waiting: list[socket.socket] = []
        try:
            # Out of descriptors: what waits in the backlog is lost, the stop is not.
            with suppress(OSError):
                waiting = self._duplicate()
            await self._stop_servers()
            await self._accept_all(waiting)
        finally:
            for sock in waiting:
                sock.close()

    def _duplicate(self) -> list[socket.socket]:
        """Second descriptors of the sockets, so that the backlog outlives those of the event loop."""
        duplicates: list[socket.socket] = []
        try:
            for sock in self._sockets:
                duplicates.append(sock.dup())
        except OSError:
            for sock in duplicates:
                sock.close()
            raise
        return duplicates

    async def _stop_servers(self) -> None:
        """Take the sockets away from the event loop."""
        try:
            await self._settle_accepted()
        finally:
            self._close_sockets()

    async def _settle_accepted(self) -> None:
        # asyncio hands an accepted connection to its server one turn of the loop later, and loses it when
        # the server is closed by then. uvloop does so at once, and has no such reader.
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            with suppress(NotImplementedError, RuntimeError):
                loop.remove_reader(sock.fileno())
        await asyncio.sleep(0)

    async def _accept_all(self, waiting: Sequence[socket.socket]) -> None:
        connections = [connection for sock in waiting for connection in _accept_waiting(sock)]
        for sock in waiting:
            sock.close()
        await asyncio.gather(*[self._connect(connection) for connection in connections])
        for _ in range(_TURNS_TO_FIRST_BYTES):
            await asyncio.sleep(0)

    async def _connect(self, connection: socket.socket) -> None:
        assert self._factory is not None, "connections are accepted only after the start"
        loop, options = asyncio.get_running_loop(), self._tls
        if options:
            # Not by cancelling: uvloop then waits for the other side's answer to the end of TLS.
            options = {**options, "ssl_handshake_timeout": _HANDSHAKE_GRACE}
        try:
            await loop.connect_accepted_socket(self._factory, connection, **options)
        except OSError:
            # Gone again, or no TLS: there is nobody to tell. (`ssl.SSLError` is an `OSError`.)
            connection.close()


def _accept_waiting(sock: socket.socket) -> list[socket.socket]:
    connections: list[socket.socket] = []
    while True:
        try:
            connection, _ = sock.accept()
        except ConnectionAbortedError:
            continue
        except OSError:
            # Usually `BlockingIOError`: nothing is left. Out of descriptors: nothing can be done.
            return connections
        connection.setblocking(False)
        connections.append(connection)


class PipeListener:
    """A Windows named pipe, served until it is stopped. Needs asyncio's proactor event loop."""

    __slots__ = ("_path", "_servers")

    sockets: tuple[socket.socket, ...] = ()
    """None: a pipe has no socket."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._servers: list[asyncio.AbstractServer] = []

    async def start(self, factory: ProtocolFactory) -> None:
        """Give every connection a protocol from ``factory``. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        self._servers = list(await loop.start_serving_pipe(factory, self._path))  # type: ignore[attr-defined]

    def close(self) -> None:
        """Stop listening at once."""
        for server in self._servers:
            server.close()
        self._servers.clear()

    async def stop(self) -> None:
        """Stop listening. A second call does nothing."""
        self.close()
