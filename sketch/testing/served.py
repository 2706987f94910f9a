"""Servers on loopback sockets, for tests with any client (aiohttp documentation, "Testing").

They know runners and sites; what is served they are given.
"""

import asyncio
import ipaddress
import socket
import ssl
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, Self

from yarl import URL

from ..application import Application
from ..runner import AppRunner, BaseRunner, ServerRunner, SockSite
from ..webserver import Server
from .ports import get_port_socket

SocketFactory = Callable[[str, int, socket.AddressFamily], socket.socket]


class BaseTestServer(ABC):
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
        self._loop = loop
        self._root: URL | None = None
        self._closed = False
        self.runner: BaseRunner | None = None
        """What serves; ``None`` before the start."""
        self.scheme = scheme
        self.host = host
        self.port = port
        self.skip_url_asserts = skip_url_asserts
        self.socket_factory = socket_factory

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

    async def _listen(self, runner: BaseRunner, ssl_context: ssl.SSLContext | None) -> None:
        is_ipv6 = _is_ipv6(self.host)
        named = f"[{self.host}]" if is_ipv6 else self.host
        family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
        sock = self.socket_factory(self.host, self.port or 0, family)
        try:
            self.host, self.port = sock.getsockname()[:2]
            site = SockSite(runner, sock, ssl_context=ssl_context)
            await site.start()
        except BaseException:
            sock.close()
            raise
        self.scheme = self.scheme or ("https" if ssl_context is not None else "http")
        self._root = URL(f"{self.scheme}://{named}:{self.port}")

    @abstractmethod
    async def _make_runner(self, **kwargs: Any) -> BaseRunner:
        """What serves, not set up."""

    def make_url(self, path: str | URL) -> URL:
        """The URL of a path. Raises `RuntimeError` unless the server is started, and `AssertionError`, as in
        aiohttp, for what is no path."""
        if self._root is None:
            raise RuntimeError(f"{type(self).__name__} has no URL before its start and after its end")
        if self.skip_url_asserts:
            return URL(f"{self._root}{path}")
        url = URL(path)
        if url.absolute:
            raise AssertionError(f"make_url() takes a path, got {str(url)!r}; see skip_url_asserts")
        return self._root.join(url)

    @property
    def started(self) -> bool:
        """Whether it was started."""
        return self.runner is not None

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    @property
    def handler(self) -> Any:
        """The ``web.Server`` inside."""
        assert self.runner is not None and self.runner.server is not None, "the server is not started"
        return self.runner.server

    async def close(self) -> None:
        """Stop listening, and shut down what is served. A second call does nothing; raises what clean-up
        raises."""
        if self.runner is None or self._closed:
            return
        self._closed = True
        self._root = None
        self.port = None
        await self.runner.cleanup()

    def __enter__(self) -> NoReturn:
        raise TypeError("Use async with instead")

    def __exit__(self, *exc: object) -> None:  # noqa: B027 - not a hook
        """Never called: there has to be one for ``with`` to come to the message above."""

    async def __aenter__(self) -> Self:
        await self.start_server()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False


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
