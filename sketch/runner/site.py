"""Sites: where a runner's server can be reached. One listening address, or one set of them, each.

Knows what kinds of addresses there are and how each is called. Does not know what the runner serves.
"""

import asyncio
import os
import socket
import ssl
import sys
import warnings
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

from yarl import URL

from ..http.deferred import deferred
from ..http.limits import Limits
from ..net.addresses import (
    UnixFile,
    bind_tcp,
    bind_unix,
    check_backlog,
    check_host,
    check_mode,
    check_port,
    check_socket,
    check_unix_path,
    format_unix_path,
    is_unix,
)
from ..net.sites import Listener, PipeListener, ProtocolFactory
from ..server import Server

if TYPE_CHECKING:
    from ..net import tls as _tls
else:
    _tls = deferred("..net.tls", __package__)

PathLike = str | bytes | os.PathLike[str] | os.PathLike[bytes]


class SiteOwner(Protocol):
    """What a site needs of a runner."""

    _shutdown_timeout: float | None

    @property
    def server(self) -> Any:
        """The protocol factory; ``None`` before ``setup``."""

    def _reg_site(self, site: Any) -> None: ...
    def _check_site(self, site: Any) -> None: ...
    def _unreg_site(self, site: Any) -> None: ...


class BaseSite(ABC):
    """A place to listen at (aiohttp documentation, "Application Runners").

    ``runner``
        one that is set up; `RuntimeError` otherwise.
    ``ssl_context``
        for TLS; without one the site speaks plain HTTP.
    ``backlog``
        how many connections may wait to be accepted.
    ``shutdown_timeout``
        deprecated: give it to the runner.

    A subclass of your own calls ``await super().start()`` and sets ``_server`` to something with a
    ``close`` method.
    """

    __slots__ = ("_backlog", "_runner", "_server", "_ssl_context", "_was_started")

    def __init__(
        self,
        runner: SiteOwner,
        *,
        shutdown_timeout: float = 60.0,
        ssl_context: ssl.SSLContext | None = None,
        backlog: int = 128,
    ) -> None:
        if runner.server is None:
            raise RuntimeError("Call `await runner.setup()` before you make a site")
        if ssl_context is not None and not isinstance(ssl_context, ssl.SSLContext):
            raise TypeError(f"ssl_context must be an ssl.SSLContext, got {ssl_context!r}")
        if shutdown_timeout != 60.0:
            message = "Give shutdown_timeout to the runner; on a site it is deprecated"
            warnings.warn(message, DeprecationWarning, stacklevel=3)
            runner._shutdown_timeout = shutdown_timeout
        self._runner = runner
        self._ssl_context = ssl_context
        self._backlog = check_backlog(backlog)
        self._server: Any = None
        self._was_started = False

    @property
    @abstractmethod
    def name(self) -> str:
        """The site's address as a URL, for people."""

    @property
    def _scheme(self) -> str:
        return "https" if self._ssl_context else "http"

    @abstractmethod
    async def start(self) -> None:
        """Listen. Raises `OSError` whose message names the address, `RuntimeError` when it is started
        already. Cancelled: nothing stays open."""
        self._runner._reg_site(self)
        self._was_started = True

    async def stop(self) -> None:
        """Accept the connections that are waiting, then stop listening; those that were accepted go on.

        A second call does nothing; `RuntimeError` before the start. Cancelled: it stops at once."""
        if self._was_started and self._server is None:
            return
        self._runner._check_site(self)
        self._runner._unreg_site(self)
        server, self._server = self._server, None
        if isinstance(server, Listener):
            if isinstance(self._runner.server, Server):
                self._runner.server.remove_acceptor(server)
            await server.stop()
        elif server is not None:
            server.close()

    async def _serve(self, listener: Listener | PipeListener) -> None:
        factory: ProtocolFactory = self._runner.server
        await listener.start(factory)
        self._server = listener
        if isinstance(factory, Server) and isinstance(listener, Listener):
            factory.add_acceptor(listener)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


class _ListeningSite(BaseSite):
    """A site that can be started again after a start that failed."""

    __slots__ = ()

    async def start(self) -> None:
        await super().start()
        try:
            await self._serve(await self._listen())
        except BaseException:
            self._runner._unreg_site(self)
            raise

    def _listening_options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"ssl_context": self._ssl_context, "backlog": self._backlog}
        # A server of another kind may know no limits; the event loop's own are in force then.
        limits: Limits | None = getattr(self._runner.server, "limits", None)
        if limits is not None:
            options["ssl_handshake_timeout"] = limits.tls_handshake_timeout
            if self._ssl_context is not None:
                options["ssl_shutdown_timeout"] = _tls.CLOSING_TIMEOUT
        return options

    @abstractmethod
    async def _listen(self) -> Listener | PipeListener: ...


class TCPSite(_ListeningSite):
    """A host and a port.

    ``host``
        a name or an address; ``None`` (or ``""``) for all interfaces, over IPv4 and IPv6.
    ``port``
        8080 by default, 8443 with TLS. With 0 the system picks one, the same for all addresses.
    ``reuse_address``, ``reuse_port``
        ``SO_REUSEADDR`` and ``SO_REUSEPORT``, as in `asyncio.loop.create_server`.

    Raises `TypeError` or `ValueError` for a host or a port that cannot be one.
    """

    __slots__ = ("_bound_port", "_host", "_port", "_reuse_address", "_reuse_port")

    def __init__(
        self,
        runner: SiteOwner,
        host: str | None = None,
        port: int | None = None,
        *,
        shutdown_timeout: float = 60.0,
        ssl_context: ssl.SSLContext | None = None,
        backlog: int = 128,
        reuse_address: bool | None = None,
        reuse_port: bool | None = None,
    ) -> None:
        super().__init__(runner, shutdown_timeout=shutdown_timeout, ssl_context=ssl_context, backlog=backlog)
        self._host = check_host(host)
        self._port = check_port((8443 if ssl_context else 8080) if port is None else port)
        self._bound_port: int | None = None
        self._reuse_address = reuse_address
        self._reuse_port = reuse_port

    @property
    def port(self) -> int:
        """The port that is listened on; before the start, the one that was asked for."""
        return self._port if self._bound_port is None else self._bound_port

    @property
    def name(self) -> str:
        """As in ``http://127.0.0.1:8080``; all interfaces are ``0.0.0.0``."""
        return str(URL.build(scheme=self._scheme, host=self._host or "0.0.0.0", port=self.port))

    async def _listen(self) -> Listener:
        sockets = await bind_tcp(
            self._host,
            self._port,
            backlog=self._backlog,
            reuse_address=self._reuse_address,
            reuse_port=self._reuse_port,
        )
        self._bound_port = sockets[0].getsockname()[1]
        return Listener(sockets, **self._listening_options())


class UnixSite(_ListeningSite):
    """A UNIX socket.

    ``path``
        of the socket's file; with a leading NUL, a name in Linux's abstract namespace.
    ``mode``
        the file's permission bits, ``0o660`` say, in force before anybody can connect; by default what
        the process's umask leaves. An abstract name has none.

    The file that a server left behind is replaced, a server that is alive is not: `OSError`. The file is
    removed when the site stops. Raises `TypeError` or `ValueError` for a path that cannot be one.
    """

    __slots__ = ("_mode", "_path", "_raw_path")

    def __init__(
        self,
        runner: SiteOwner,
        path: PathLike,
        *,
        shutdown_timeout: float = 60.0,
        ssl_context: ssl.SSLContext | None = None,
        backlog: int = 128,
        mode: int | None = None,
    ) -> None:
        super().__init__(runner, shutdown_timeout=shutdown_timeout, ssl_context=ssl_context, backlog=backlog)
        self._path = path
        self._raw_path = check_unix_path(path)
        self._mode = check_mode(mode)

    @property
    def name(self) -> str:
        """As in ``http://unix:/run/app.sock:``; an abstract name starts with ``@``."""
        return f"{self._scheme}://unix:{format_unix_path(self._raw_path)}:"

    async def _listen(self) -> Listener:
        sock = bind_unix(self._raw_path, backlog=self._backlog, mode=self._mode)
        unix_file = UnixFile(self._raw_path)
        return Listener([sock], unix_file=unix_file, **self._listening_options())


class NamedPipeSite(_ListeningSite):
    """A Windows named pipe, like ``\\\\.\\pipe\\app``. `RuntimeError` without the proactor event loop."""

    __slots__ = ("_path",)

    def __init__(self, runner: SiteOwner, path: str, *, shutdown_timeout: float = 60.0) -> None:
        if not _has_named_pipes():
            raise RuntimeError("Named pipes need Windows and asyncio's ProactorEventLoop")
        super().__init__(runner, shutdown_timeout=shutdown_timeout)
        self._path = path

    @property
    def name(self) -> str:
        """The pipe's path."""
        return self._path

    async def _listen(self) -> PipeListener:
        return PipeListener(self._path)


def _has_named_pipes() -> bool:
    if sys.platform != "win32":
        return False
    return isinstance(asyncio.get_event_loop(), asyncio.ProactorEventLoop)


class SockSite(_ListeningSite):
    """A socket that is bound already. The site owns it from the start on, and closes it at the stop; the
    file of a UNIX socket stays.

    Raises `TypeError` or `ValueError` for what is no stream socket.
    """

    __slots__ = ("_name", "_sock")

    def __init__(
        self,
        runner: SiteOwner,
        sock: socket.socket,
        *,
        shutdown_timeout: float = 60.0,
        ssl_context: ssl.SSLContext | None = None,
        backlog: int = 128,
    ) -> None:
        super().__init__(runner, shutdown_timeout=shutdown_timeout, ssl_context=ssl_context, backlog=backlog)
        self._sock = check_socket(sock)
        self._name = self._name_of(sock.getsockname())

    def _name_of(self, address: Any) -> str:
        if is_unix(self._sock):
            return f"{self._scheme}://unix:{format_unix_path(os.fsencode(address))}:"
        return str(URL.build(scheme=self._scheme, host=address[0], port=address[1]))

    @property
    def name(self) -> str:
        """As in ``http://127.0.0.1:8080`` or ``http://unix:/run/app.sock:``."""
        return self._name

    async def _listen(self) -> Listener:
        return Listener([self._sock], **self._listening_options())
