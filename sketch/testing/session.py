"""aiohttp's client before a `TestServer` (aiohttp documentation, "Testing").

aiohttp has to be installed, with the extra ``sketch-web[testing]``; it is loaded when the first `TestClient`
is made.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from yarl import URL

from ..application import Application
from ..http.deferred import deferred
from ..request import BaseRequest, Request
from .entering import Entered
from .opening import Opening
from .served import BaseTestServer, TestServer

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession, ClientWebSocketResponse
    from aiohttp.abc import AbstractCookieJar

aiohttp = deferred("aiohttp")

R = TypeVar("R")
A = TypeVar("A")


class TestClient(Entered, Generic[R, A]):
    """Sends requests to a server for tests, through an ``aiohttp.ClientSession``.

    ``server``
        a `TestServer` or a `RawTestServer`; the client starts and closes it.
    ``cookie_jar``
        by default one that keeps the cookies of IP addresses, too.
    ``loop``
        for the session, if it is made where none runs.
    ``**kwargs``
        see ``aiohttp.ClientSession``.

    An async context manager, too. What it has opened, it closes: responses, WebSockets, the session, the
    server. Raises `TypeError` for another server, `ImportError` where aiohttp is not installed.
    """

    __test__ = False

    @overload
    def __init__(
        self: "TestClient[Request, Application]",
        server: TestServer,
        *,
        cookie_jar: "AbstractCookieJar | None" = None,
        loop: asyncio.AbstractEventLoop | None = None,
        **kwargs: Any,
    ) -> None: ...

    @overload
    def __init__(
        self: "TestClient[BaseRequest, None]",
        server: BaseTestServer,
        *,
        cookie_jar: "AbstractCookieJar | None" = None,
        loop: asyncio.AbstractEventLoop | None = None,
        **kwargs: Any,
    ) -> None: ...

    def __init__(
        self,
        server: BaseTestServer,
        *,
        cookie_jar: "AbstractCookieJar | None" = None,
        loop: asyncio.AbstractEventLoop | None = None,
        **kwargs: Any,
    ) -> None:
        if not isinstance(server, BaseTestServer):
            raise TypeError(
                f"TestClient takes a TestServer or a RawTestServer of sketch.testing, got {server!r}"
            )
        own: dict[str, Any] = {} if loop is None else {"loop": loop}
        if cookie_jar is None:
            # The safe one takes no cookies of IP addresses, and that is what servers for tests have.
            cookie_jar = aiohttp.CookieJar(unsafe=True, **own)
        self._server = server
        self._session: ClientSession = aiohttp.ClientSession(cookie_jar=cookie_jar, **own, **kwargs)
        # Else it hides that the server has closed a connection, which tests want to see.
        self._session._retry_connection = False
        self._opened: list[Any] = []
        self._is_closed = False

    async def start_server(self) -> None:
        """Start the server, unless it is started."""
        await self._server.start_server()

    async def _enter(self) -> None:
        await self.start_server()

    @property
    def server(self) -> BaseTestServer:
        """The server."""
        return self._server

    @property
    def app(self) -> A:
        """Its application; ``None`` for a `RawTestServer`."""
        app: A = getattr(self._server, "app", None)  # type: ignore[assignment]
        return app

    @property
    def session(self) -> "ClientSession":
        """The session inside. It takes full URLs: see `make_url`."""
        return self._session

    @property
    def host(self) -> str:
        """The server's host."""
        return self._server.host

    @property
    def port(self) -> int | None:
        """The server's port; ``None`` before its start."""
        return self._server.port

    def make_url(self, path: str | URL) -> URL:
        """The full URL of a path on the server."""
        return self._server.make_url(path)

    def request(self, method: str, path: str | URL, **kwargs: Any) -> "Opening[ClientResponse]":
        """Send a request to the server, as ``ClientSession.request`` does: to be awaited, or entered with
        ``async with``."""
        return Opening(self._keep(self._session.request(method, self.make_url(path), **kwargs)))

    def get(self, path: str | URL, **kwargs: Any) -> "Opening[ClientResponse]":
        """``GET``."""
        return self.request("GET", path, **kwargs)

    def head(self, path: str | URL, **kwargs: Any) -> "Opening[ClientResponse]":
        """``HEAD``."""
        return self.request("HEAD", path, **kwargs)

    def post(self, path: str | URL, **kwargs: Any) -> "Opening[ClientResponse]":
        """``POST``."""
        return self.request("POST", path, **kwargs)

    def put(self, path: str | URL, **kwargs: Any) -> "Opening[ClientResponse]":
        """``PUT``."""
        return self.request("PUT", path, **kwargs)

    def patch(self, path: str | URL, **kwargs: Any) -> "Opening[ClientResponse]":
        """``PATCH``."""
        return self.request("PATCH", path, **kwargs)

    def delete(self, path: str | URL, **kwargs: Any) -> "Opening[ClientResponse]":
        """``DELETE``."""
        return self.request("DELETE", path, **kwargs)

    def options(self, path: str | URL, **kwargs: Any) -> "Opening[ClientResponse]":
        """``OPTIONS``."""
        return self.request("OPTIONS", path, **kwargs)

    def ws_connect(self, path: str | URL, **kwargs: Any) -> "Opening[ClientWebSocketResponse[Any]]":
        """Open a WebSocket, as ``ClientSession.ws_connect`` does."""
        return Opening(self._keep(self._session.ws_connect(self.make_url(path), **kwargs)))

    async def _keep(self, opening: Coroutine[Any, Any, Any]) -> Any:
        opened = await opening
        self._opened.append(opened)
        return opened

    async def close(self) -> None:
        """Close everything. A second call does nothing; raises what the application's clean-up raises.
        Cancelled while a WebSocket waits for its end: session and server are closed all the same."""
        if self._is_closed:
            return
        self._is_closed = True
        async with AsyncExitStack() as closing:
            closing.push_async_callback(self._server.close)
            closing.push_async_callback(self._session.close)
            for opened in self._opened:
                waiting = opened.close()
                if waiting is not None:  # A WebSocket says good-bye.
                    await waiting
