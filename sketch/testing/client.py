"""A client and a server in one process, without sockets: an application is started, asked, and shut down.

What the two exchange is bytes of HTTP/1.1, through the same connection, engine and handling that serve real
clients. Names and keywords are those of aiohttp's client.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Unpack

from multidict import CIMultiDict
from yarl import URL

from ..application import Application
from ..http.handshake import Deflate
from ..protocol.ws.connection import WebSocketEngine
from ..responsehead import LooseHeaders
from ..runner import AppRunner, BaseRunner, ServerRunner
from ..server import Server
from .asked import Asked, RequestOptions, becomes_get, find_target
from .clock import VirtualLoop
from .connection import Connection
from .entering import Entered
from .errors import TooManyRedirects
from .faults import NO_FAULTS, Faults
from .jar import CookieJar
from .opening import Opening
from .outgoing import Content, Pairs, make_content
from .response import ClientResponse
from .transport import CLIENT
from .websocket import ClientWebSocketResponse, WebSocketRequestOptions
from .websocketoffer import make_offer

_TURNS = 50
_SHUTDOWN_TIMEOUT = 1.0
_SCHEMES = {"ws": "http", "wss": "https"}


class Client(Entered):
    """A client of an application that is served in memory.

    ``app``
        the application, or a ``web.Server``.
    ``base_url``
        what paths are relative to; with ``https`` the server is told that there is TLS.
    ``headers``, ``cookies``
        what is sent with each request.
    ``peer``
        the client's address, as the server sees it.
    ``faults``
        what goes wrong with each request that says nothing else.
    ``auto_decompress``
        whether bodies are decoded that are in content codings: gzip and deflate, and br and zstd where their
        libraries are there.
    ``**options``
        see `AppRunner`. ``shutdown_timeout`` is 1 second unless said otherwise.

    An async context manager: the application starts when it is entered, and is shut down when it is left.
    """

    def __init__(
        self,
        app: Application | Server,
        *,
        base_url: str | URL = "http://localhost",
        headers: LooseHeaders | None = None,
        cookies: Mapping[str, str] | None = None,
        peer: Any = CLIENT,
        faults: Faults = NO_FAULTS,
        auto_decompress: bool = True,
        **options: Any,
    ) -> None:
        self._app = app
        self._base = _check_base(URL(base_url))
        self._headers = CIMultiDict(headers or ())
        self._peer = peer
        self._faults = faults
        self._decodes = auto_decompress
        self._runner = _make_runner(app, options)
        self._connections: set[Connection] = set()
        self._idle: list[Connection] = []
        self._is_closed = False
        self.cookies = CookieJar()
        """The cookies that it keeps."""
        for name, value in (cookies or {}).items():
            self.cookies.set(name, value, self._base)

    # -- life --------------------------------------------------------------------------------------------

    @property
    def app(self) -> Any:
        """What is served."""
        return self._app

    @property
    def runner(self) -> BaseRunner:
        """What serves it."""
        return self._runner

    @property
    def server(self) -> Any:
        """The server; ``None`` before the start and after the end."""
        return self._runner.server

    async def start(self) -> None:
        """Start the application. Part of ``async with``; raises what its start-up raises."""
        await self._runner.setup()

    async def close(self) -> None:
        """Close all connections, and shut the application down. A second call does nothing; raises what
        clean-up raises."""
        if self._is_closed:
            return
        self._is_closed = True
        for connection in list(self._connections):
            connection.close()
        self._idle.clear()
        await asyncio.sleep(0)
        await self._runner.cleanup()

    async def _enter(self) -> None:
        await self.start()

    # -- requests ----------------------------------------------------------------------------------------

    def request(
        self, method: str, path: str | URL, **options: Unpack[RequestOptions]
    ) -> Opening[ClientResponse]:
        """Send a request: ``await client.request(...)``, or ``async with client.request(...) as response``,
        which releases the response in the end.

        The response is there when its head is. Requests that are made at one time are on connections of their
        own; those that are made one after the other share one, as long as the server lets them. Raises
        `ServerDisconnectedError`, `InvalidAnswer`, `TooManyRedirects`, `ConnectionCut` as told, and
        `TimeoutError`. Cancelled, the client closes the connection."""
        return Opening(self._request(method, path, **options))

    def get(self, path: str | URL, **options: Unpack[RequestOptions]) -> Opening[ClientResponse]:
        """``GET``."""
        return self.request("GET", path, **options)

    def head(self, path: str | URL, **options: Unpack[RequestOptions]) -> Opening[ClientResponse]:
        """``HEAD``."""
        return self.request("HEAD", path, **options)

    def post(self, path: str | URL, **options: Unpack[RequestOptions]) -> Opening[ClientResponse]:
        """``POST``."""
        return self.request("POST", path, **options)

    def put(self, path: str | URL, **options: Unpack[RequestOptions]) -> Opening[ClientResponse]:
        """``PUT``."""
        return self.request("PUT", path, **options)

    def patch(self, path: str | URL, **options: Unpack[RequestOptions]) -> Opening[ClientResponse]:
        """``PATCH``."""
        return self.request("PATCH", path, **options)

    def delete(self, path: str | URL, **options: Unpack[RequestOptions]) -> Opening[ClientResponse]:
        """``DELETE``."""
        return self.request("DELETE", path, **options)

    def options(self, path: str | URL, **options: Unpack[RequestOptions]) -> Opening[ClientResponse]:
        """``OPTIONS``."""
        return self.request("OPTIONS", path, **options)

    def ws_connect(
        self, path: str | URL, **options: Unpack[WebSocketRequestOptions]
    ) -> Opening[ClientWebSocketResponse]:
        """Open a WebSocket: ``await client.ws_connect(...)``, or ``async with client.ws_connect(...) as ws``,
        which closes it in the end.

        Raises `WSServerHandshakeError` for an answer that opens none, and as `request` does."""
        return Opening(self._ws_connect(path, **options))

    def make_url(self, path: str | URL) -> URL:
        """The full URL of a path. An absolute URL stays what it is, and those of WebSockets become those of
        HTTP."""
        url = self._base.join(URL(path))
        scheme = _SCHEMES.get(url.scheme)
        return url if scheme is None else url.with_scheme(scheme)

    async def _request(
        self,
        method: str,
        path: str | URL,
        *,
        params: Pairs | str | None = None,
        headers: LooseHeaders | None = None,
        cookies: Mapping[str, str] | None = None,
        data: Any = None,
        json: Any = None,
        files: Pairs | None = None,
        allow_redirects: bool | None = None,
        max_redirects: int = 10,
        timeout: float | None = None,  # noqa: ASYNC109 - aiohttp's name
        expect100: bool = False,
        version: str = "1.1",
        faults: Faults | None = None,
    ) -> ClientResponse:
        method = method.upper()
        url = self.make_url(path)
        if params:
            url = url.extend_query(params)
        asked = Asked(
            method,
            url,
            self._merge(headers),
            cookies or {},
            make_content(data, json, files),
            version,
            expect100,
        )
        wanted = self._faults if faults is None else faults
        follows = method != "HEAD" if allow_redirects is None else allow_redirects
        async with asyncio.timeout(timeout):
            response = await self._exchange(asked, wanted)
            return await self._follow(response, asked, wanted, max_redirects) if follows else response

    async def _ws_connect(
        self,
        path: str | URL,
        *,
        protocols: Sequence[str] = (),
        origin: str | None = None,
        compress: int | Deflate = 0,
        autoclose: bool = True,
        autoping: bool = True,
        max_msg_size: int = 4 * 2**20,
        decode_text: bool = True,
        close_timeout: float = 10.0,
        headers: LooseHeaders | None = None,
        **options: Any,
    ) -> ClientWebSocketResponse:
        offer = make_offer(protocols, compress)
        fields = CIMultiDict(headers or ())
        fields.update(offer.fields())
        if origin is not None:
            fields["Origin"] = origin
        response = await self._request("GET", path, headers=fields, allow_redirects=False, **options)
        protocol, deflate = offer.check(response)
        engine = WebSocketEngine(
            max_message_size=max_msg_size, decode_text=decode_text, deflate=deflate, is_client=True
        )
        return ClientWebSocketResponse(
            response,
            engine,
            protocol=protocol,
            deflate=deflate,
            autoclose=autoclose,
            autoping=autoping,
            close_timeout=close_timeout,
        )

    def _merge(self, headers: LooseHeaders | None) -> "CIMultiDict[str]":
        own = CIMultiDict(headers or ())
        fields = CIMultiDict([(name, value) for name, value in self._headers.items() if name not in own])
        fields.extend(own)
        return fields

    async def _follow(
        self, response: ClientResponse, asked: Asked, faults: Faults, max_redirects: int
    ) -> ClientResponse:
        history: list[ClientResponse] = []
        while (target := find_target(response)) is not None:
            if len(history) >= max_redirects:
                message = f"more than {max_redirects} redirects"
                raise TooManyRedirects(response.status, message, headers=response.headers, url=response.url)
            await response.read()
            history.append(response)
            asked = replace(asked, url=target)
            if becomes_get(response):
                asked = replace(asked, method="GET", content=Content(), expect100=False)
            response = await self._exchange(asked, faults)
        response.history = tuple(history)
        return response

    # -- connections -------------------------------------------------------------------------------------

    async def _exchange(self, asked: Asked, faults: Faults) -> ClientResponse:
        outgoing = asked.make(self.cookies.select(asked.url, _now()))
        connection = self._find_connection(outgoing.url, is_fresh=faults != NO_FAULTS)
        incoming = connection.request(outgoing, faults)
        try:
            head = await incoming.final()
        except BaseException:
            connection.close()
            raise
        response = ClientResponse(outgoing.method, outgoing.url, head, incoming, connection)
        self.cookies.update(response.cookies, outgoing.url, _now())
        return response

    def _find_connection(self, url: URL, *, is_fresh: bool) -> Connection:
        is_secure = url.scheme == "https"
        for connection in reversed(self._idle):
            if connection.is_secure == is_secure and not is_fresh:
                self._idle.remove(connection)
                return connection
        return self._connect(is_secure, peer=self._peer, is_raw=False)

    def _connect(self, is_secure: bool, *, peer: Any, is_raw: bool) -> Connection:
        if self._is_closed or self._runner.server is None:
            raise RuntimeError("the client is not started, or closed: use it inside `async with Client(app)`")
        connection = Connection(
            self._runner.server(),
            address=peer,
            is_secure=is_secure,
            decodes=self._decodes,
            is_raw=is_raw,
            went_idle=self._went_idle,
            ended=self._ended,
            url=self._base,
        )
        self._connections.add(connection)
        return connection

    def _went_idle(self, connection: Connection) -> None:
        if connection.can_continue and not self._is_closed:
            self._idle.append(connection)
        else:
            connection.close()

    def _ended(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    async def connect(self, *, peer: Any = None) -> Connection:
        """A connection on which bytes are sent as they are. Close it, or use it with ``async with``."""
        is_secure = self._base.scheme == "https"
        connection = self._connect(is_secure, peer=self._peer if peer is None else peer, is_raw=True)
        await asyncio.sleep(0)
        return connection

    async def send_raw(
        self, data: bytes, *, method: str = "GET", pieces: int | None = None
    ) -> ClientResponse:
        """Send bytes as they are, on a connection of their own, and wait for the answer.

        ``method``
            of the request that they are, for the framing of the answer.
        ``pieces``
            how many of them arrive at a time.

        Raises `ServerDisconnectedError` where there is no answer, `InvalidAnswer` for what is none. Further
        answers to the same bytes: ``await response.connection.receive()``."""
        connection = await self.connect()
        await connection.send(data, pieces=pieces)
        return await connection.receive(method)

    # -- time --------------------------------------------------------------------------------------------

    async def advance(self, seconds: float) -> None:
        """Let time pass, and all that happens in it happen. Only on a `VirtualLoop`: `RuntimeError`
        elsewhere."""
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualLoop):
            raise RuntimeError(
                f"{type(loop).__name__} runs in real time: to advance it, run the test on a "
                "sketch.testing.VirtualLoop"
            )
        await loop.advance(seconds)

    async def settle(self) -> None:
        """Let everything happen that can happen without time: exactly that on a `VirtualLoop`, some turns of
        the loop on others."""
        loop = asyncio.get_running_loop()
        if isinstance(loop, VirtualLoop):
            await loop.settle()
            return
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    def __repr__(self) -> str:
        return f"<Client of {self._app!r} at {self._base}>"


def _make_runner(app: Any, options: dict[str, Any]) -> BaseRunner:
    if isinstance(app, Application):
        return AppRunner(app, **{"shutdown_timeout": _SHUTDOWN_TIMEOUT, **options})
    if isinstance(app, Server):
        return ServerRunner(app, **{"shutdown_timeout": _SHUTDOWN_TIMEOUT, **options})
    raise TypeError(f"Client takes a web.Application or a web.Server, got {app!r}")


def _check_base(url: URL) -> URL:
    if url.scheme not in ("http", "https") or url != url.origin():
        raise ValueError(f"base_url is a scheme and a host, such as 'http://localhost', got {str(url)!r}")
    return url


def _now() -> float:
    loop = asyncio.get_running_loop()
    return loop.wall_time() if isinstance(loop, VirtualLoop) else time.time()
