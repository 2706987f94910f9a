"""Servers on loopback sockets, for tests with any client (aiohttp documentation, "Testing").

They know runners and sites; what is served they are given.
"""

import asyncio
import socket
import ssl
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from ipaddress import IPv6Address
from typing import Any

from yarl import URL

from ..application import Application
from ..runner import AppRunner, BaseRunner, ServerRunner, SockSite
from ..webserver import Server
from .entering import Entered
from .ports import get_port_socket

SocketFactory = Callable[[str, int, socket.AddressFamily], socket.socket]


class BaseTestServer(Entered):
    """A server for a test.

    ``scheme``
        of its URLs; by default ``https`` where `start_server` is given ``ssl``, else ``http``.
    ``host``, ``port``
        where it listens; without a port, or with 0, the system picks one.
    ``skip_url_asserts``
        whether `make_url` takes what is no path.
    ``socket_factory``
        makes the listening socket of a host, a port and an address family.
    ``loop``
        accepted, and of no effect: it is served in the loop that runs.

    An async context manager, too, which starts and closes it.
    """

    __test__ = False

    def __init__(
        self,
        *,
        scheme: str = "",
        loop: asyncio.AbstractEventLoop | None = None,
        host: str = "127.0.0.1",
        port: int | None = None,
        skip_url_asserts: bool = False,
        socket_factory: SocketFactory = get_port_socket,
        **kwargs: Any,
    ) -> None:
        self.scheme = scheme
        self.host = host
        self.port = port
        self.skip_url_asserts = skip_url_asserts
        self.socket_factory = socket_factory
        self.runner: BaseRunner | None = None
        """What serves; ``None`` before the start."""
        # There is one from the moment at which clients are taken to the one at which they are not any more.
        self._root: URL | None = None
        self._is_closed = False

    async def start_server(self, loop: asyncio.AbstractEventLoop | None = None, **kwargs: Any) -> None:
        """Listen. A second call does nothing.

        ``ssl``
            a server's context, for TLS.
        ``**kwargs``
            see `AppRunner`. Unless said otherwise, a handler is cancelled when its client leaves.

        Raises `OSError` for an address that is taken, and what the application's start raises."""
        if self.runner is not None:
            return
        ssl_context: ssl.SSLContext | None = kwargs.pop("ssl", None)
        runner = await self._make_runner(**{"handler_cancellation": True, **kwargs})
        await runner.setup()
        self.runner = runner
        try:
            await self._listen(runner, ssl_context)
        except BaseException:
            await self.close()
            raise

    async def _enter(self) -> None:
        await self.start_server()

    async def _listen(self, runner: BaseRunner, ssl_context: ssl.SSLContext | None) -> None:
        asked_for = self.host
        sock = self.socket_factory(asked_for, self.port or 0, _family_of(asked_for))
        try:
            await SockSite(runner, sock, ssl_context=ssl_context).start()
            self.host, self.port, *_ = sock.getsockname()
        except BaseException:
            sock.close()
            raise
        if not self.scheme:
            self.scheme = "http" if ssl_context is None else "https"
        # By the name that was asked for: a certificate is for that one.
        self._root = URL.build(scheme=self.scheme, host=asked_for, port=self.port)

    @abstractmethod
    async def _make_runner(self, **kwargs: Any) -> BaseRunner:
        """What serves, not set up."""

    def make_url(self, path: str | URL) -> URL:
        """The URL of a path. Raises `RuntimeError` unless the server is started, and `AssertionError`, as in
        aiohttp, for what is no path."""
        root = self._root
        if root is None:
            raise RuntimeError(f"{type(self).__name__} has no URL before its start and after its end")
        if self.skip_url_asserts:
            return URL(f"{root}{path}")
        relative = URL(path)
        if relative.absolute:
            raise AssertionError(f"make_url() takes a path, got {str(relative)!r}; see skip_url_asserts")
        return root.join(relative)

    @property
    def handler(self) -> Any:
        """The ``web.Server`` inside. Raises `RuntimeError` before the start."""
        server = None if self.runner is None else self.runner.server
        if server is None:
            raise RuntimeError(f"{type(self).__name__} has no handler before its start and after its end")
        return server

    @property
    def started(self) -> bool:
        """Whether it was started."""
        return self.runner is not None

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._is_closed

    async def close(self) -> None:
        """Stop listening, and shut down what is served. A second call does nothing; raises what clean-up
        raises."""
        runner = self.runner
        if runner is not None and not self._is_closed:
            self._is_closed = True
            self._root = self.port = None
            await runner.cleanup()


def _family_of(host: str) -> socket.AddressFamily:
    try:
        IPv6Address(host)
    except ValueError:
        return socket.AF_INET
    return socket.AF_INET6


class TestServer(BaseTestServer):
    """A server of an application. The keywords are those of `BaseTestServer`."""

    def __init__(self, app: Application, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.app = app

    async def _make_runner(self, **kwargs: Any) -> BaseRunner:
        return AppRunner(self.app, **kwargs)


class RawTestServer(BaseTestServer):
    """A server of one request handler, without an application. The keywords are those of `BaseTestServer`."""

    def __init__(self, handler: Callable[[Any], Awaitable[Any]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._handler = handler

    async def _make_runner(self, **kwargs: Any) -> BaseRunner:
        return ServerRunner(Server(self._handler, **{"debug": True, **kwargs}))
