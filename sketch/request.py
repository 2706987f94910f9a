"""Requests, of an application or of none.

A request holds its `Exchange` and little else. The URL, the header multidict, cookies and the match info
are made when somebody asks for them, once; most handlers never do. What a request cannot do is answer:
that is the response's.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Self, Unpack

from multidict import CIMultiDict
from yarl import URL

from .appkeys import ChainMapProxy, Keeper, RequestKey
from .callables import describe
from .deprecated import DeprecatedRequestNames
from .encoding import Policy
from .http import names
from .http.deferred import deferred
from .http.errors import LocalProtocolError
from .http.exchange import Exchange
from .http.headers import FieldLines
from .http.heads import HttpVersion, RequestHead, ResponseHead
from .http.status import phrase
from .preconditions import Preconditions
from .requestbody import RequestBody
from .requestview import RequestView
from .responsehead import LooseHeaders
from .routing.matchinfo import UrlMappingMatchInfo, build_match_info
from .writer import ExchangeWriter

if TYPE_CHECKING:
    from . import websocket as _websocket
    from .application import Application
    from .http import memory as _memory
    from .http.certificate import Certificate
    from .routing.routes import Endpoint
    from .streamresponse import StreamResponse
    from .websocketsetup import WebSocketArguments
else:
    _memory = deferred(".http.memory", __package__)
    _websocket = deferred(".websocket", __package__)

_UNSET: Final[Any] = object()

_INTERIM: Final = frozenset(range(100, 200)) - {101}


class BaseRequest(RequestView, RequestBody, Preconditions, DeprecatedRequestNames, Keeper):
    """What a client asked, without an application (aiohttp documentation, ``BaseRequest``).

    A mapping, too: what middlewares leave for handlers, by `RequestKey` or string.
    """

    key_class = RequestKey

    has_prepare_hooks: bool = False
    response_compression: Policy | None = None
    """When responses to it are compressed that say nothing of it themselves; `sketch.compression` sets it."""
    begun_response: "StreamResponse | None" = None
    """The response that was prepared for it. One that was only returned need not be noted here."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.head = exchange.head

    def clone(
        self,
        *,
        method: str = _UNSET,
        rel_url: URL | str = _UNSET,
        headers: LooseHeaders = _UNSET,
        scheme: str = _UNSET,
        host: str = _UNSET,
        remote: str = _UNSET,
        client_max_size: int = _UNSET,
        client_max_fields: int = _UNSET,
    ) -> Self:
        """A copy on the same exchange with some attributes replaced, for middlewares that rewrite. What a
        copy was given, a copy of that has, too.

        Raises `RuntimeError` once the body was read."""
        if self._read_bytes:
            raise RuntimeError("Cannot clone request after reading its content")
        head = self.head
        copy = self._copy()
        copy.head = RequestHead(
            head.method if method is _UNSET else method,
            head.target if rel_url is _UNSET else _as_target(rel_url),
            head.version,
            head.fields if headers is _UNSET else _encode_fields(headers),
            head.framing,
        )
        copy._content = self.content
        copy._state = dict(self._state or ())
        replaced = {
            "_scheme": scheme, "_host": host, "_remote": remote,
            "client_max_size": client_max_size, "client_max_fields": client_max_fields,
        }  # fmt: skip
        for name, value in replaced.items():
            setattr(copy, name, getattr(self, name) if value is _UNSET else value)
        return copy

    def _copy(self) -> Self:
        return type(self)(self.exchange)

    # -- before the response ---------------------------------------------------------------------------

    def inform(self, status: int, headers: LooseHeaders | None = None) -> None:
        """Send an interim response (RFC 9110, section 15.2), before the final one. Never waits; not sent to
        HTTP/1.0, which knows none.

        ``status``
            100 invites the body, as reading does by itself; 102 and 103 are for whoever knows them.

        Raises `ValueError` for any other than an interim status, for 101, which is an `UpgradeResponse`, and
        for fields that no message can carry; `RuntimeError` after the head of the final response."""
        if status not in _INTERIM:
            raise ValueError(
                f"status {status!r} is not that of an interim response: 100 to 199, without 101, which is "
                "web.UpgradeResponse"
            )
        head = ResponseHead(
            status, phrase(status), tuple(CIMultiDict(headers or ()).items()), automatic=False
        )
        head.encode()
        try:
            self.exchange.inform(head)
        except LocalProtocolError as error:
            raise RuntimeError(str(error)) from error

    def send_early_hints(self, *links: str, headers: LooseHeaders | None = None) -> None:
        """Tell the client what it will need while the response is made: 103 (RFC 8297).

        ``links``
            values of ``Link`` fields, as in ``"</style.css>; rel=preload; as=style"``.

        Raises as `inform` does."""
        fields = CIMultiDict(headers or ())
        for link in links:
            fields.add(names.LINK, link)
        self.inform(103, fields)

    # -- the connection --------------------------------------------------------------------------------

    @property
    def upgrade_offers(self) -> tuple[str, ...]:
        """The protocols that the client offers to change to, in its order (RFC 9110, section 7.8); see
        `UpgradeResponse`."""
        return self.head.framing.upgrade

    @property
    def peer_certificate(self) -> "Certificate | None":
        """The client's certificate, verified; ``None`` when it was not asked for one, or has shown none.

        Behind a proxy that is trusted to say who the client is (``forwarded``), ``None``: the certificate on
        the connection would be the proxy's. Made anew each time; keep it."""
        return self.exchange.peer.certificate

    @property
    def transport(self) -> asyncio.BaseTransport | None:
        """The transport below; ``None`` when there is none or it is closed."""
        return self.exchange.transport

    @property
    def protocol(self) -> Any:
        """The connection: a ``web.RequestHandler`` on a server, whose ``transport`` is ``None`` when it is
        gone; ``None`` for a request without one."""
        return self.exchange.protocol

    @property
    def writer(self) -> ExchangeWriter:
        """The body of the answer that is being sent, for programs that write past the response."""
        return ExchangeWriter(self.exchange)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the transport knows by this name (asyncio documentation, ``get_extra_info``)."""
        return self.exchange.peer.get_extra_info(name, default)

    @property
    def is_draining(self) -> bool:
        """Whether the server is shutting down, and would like answers to come to their ends."""
        return self.exchange.is_draining

    @property
    def draining(self) -> Coroutine[Any, Any, None]:
        """To be awaited: until the server shuts down. For answers without an end, which would hold the
        shutdown up and then be cut off."""
        return self.exchange.wait_draining()

    @property
    def task(self) -> "asyncio.Task[Any] | None":
        """The task that runs the handler, as long as it does."""
        task: asyncio.Task[Any] | None = getattr(self.protocol, "task", None)
        return task or asyncio.current_task()

    async def run_prepare_hooks(self, response: "StreamResponse") -> None:
        """What happens between a response and the settling of its head: nothing, without an application."""

    def describe_handler(self) -> str:
        """Who answers this request, for messages."""
        return "the request handler"

    def __repr__(self) -> str:
        path = self.path.encode("ascii", "backslashreplace").decode("ascii")
        return f"<{type(self).__name__} {self.method} {path} >"


class Request(BaseRequest):
    """What a client asked of an application (aiohttp documentation, ``Request``).

    The server makes one from an exchange. ``Request(method=..., url=..., headers=..., version=...,
    body=..., app=...)``, the tutorial's form, makes one without a server, for trying out and for tests.
    """

    _match_info: UrlMappingMatchInfo | None = None
    found: "tuple[Endpoint, Mapping[str, str] | None] | None" = None
    """What the router found: the endpoint, and the values of its parameters."""
    time_limit: asyncio.Timeout | None = None
    """What will cancel the handler; ``None`` on a route without a timeout."""

    def __init__(
        self,
        exchange: Exchange | None = None,
        app: "Application | None" = None,
        # Not keyword-only, although meant to be: each default of such a one is looked up in a dictionary in
        # every call, and there is a call per request.
        method: str = "GET",
        url: str | URL = "/",
        headers: LooseHeaders | None = None,
        version: str = "1.1",
        body: bytes | str | None = None,
    ) -> None:
        if exchange is None:
            exchange = _exchange_in_memory(method, url, headers, version, body)
        self.exchange = exchange
        self.head = exchange.head
        self._root_app = app

    def _copy(self) -> Self:
        copy = type(self)(self.exchange, self._root_app)
        copy.has_prepare_hooks = self.has_prepare_hooks
        copy.response_compression = self.response_compression
        # One object for both: what a handler changes in it is changed for the middlewares around it, too.
        copy._match_info = self._match_info if self.found is None else self.match_info
        copy.found = self.found
        copy.time_limit = self.time_limit
        return copy

    @property
    def match_info(self) -> UrlMappingMatchInfo:
        """What the router found: the route and the values of its parameters.

        Raises `RuntimeError` for a request that was not routed."""
        match_info = self._match_info
        if match_info is None:
            if self.found is None:
                raise RuntimeError(f"{self!r} was not routed: it has no match info")
            match_info = build_match_info(*self.found, self.head.method, self._root_app)
            match_info.freeze()
            self._match_info = match_info
        return match_info

    @property
    def app(self) -> "Application":
        """The application whose middleware or handler is running: the innermost one, in a handler.

        Raises `RuntimeError` for a request that belongs to none."""
        app = self._root_app
        if app is None or app.has_subapps:
            app = self.match_info.current_app
        return app

    @property
    def config_dict(self) -> ChainMapProxy:
        """What `app` and the applications around it keep, the innermost first."""
        if self._root_app is None or not self._root_app.has_subapps:
            return ChainMapProxy([self.app])
        apps = list(self.match_info.apps)
        return ChainMapProxy(apps[apps.index(self.app) :: -1])

    @property
    def deadline(self) -> float | None:
        """When the handler will be cancelled, on the clock of the event loop (``loop.time()``), in seconds;
        ``None`` for never. It can be set, to extend or shorten the time, or to ``None``; see
        `set_timeout`."""
        return None if self.time_limit is None else self.time_limit.when()

    @deadline.setter
    def deadline(self, when: float | None) -> None:
        limit = self.time_limit
        if limit is None:
            raise RuntimeError(
                f"{self!r} is on a route without a timeout and has no deadline to move: give the route one "
                "with web.RouteOptions(timeout=...), 0 for one that begins without a bound"
            )
        try:
            limit.reschedule(when)
        except RuntimeError as error:
            raise RuntimeError(f"{self!r} is past its deadline, or answered: it is too late") from error

    def set_timeout(self, seconds: float | None) -> None:
        """Have the handler end within so many seconds from now, whatever its deadline was; ``None``: without
        a bound.

        Raises `RuntimeError` on a route without a timeout, and when the deadline has passed or the handler
        has returned."""
        self.deadline = None if seconds is None else asyncio.get_running_loop().time() + seconds

    async def websocket(
        self, protocols: Iterable[str] = (), **options: "Unpack[WebSocketArguments]"
    ) -> "_websocket.WebSocketResponse":
        """Open a WebSocket, and return it prepared: ``async for message in await request.websocket(): ...``

        ``protocols`` ``options``
            as for `WebSocketResponse`.

        A handler that has opened one may return it, or nothing. Raises what `WebSocketResponse` and its
        ``prepare`` raise. Cancelled, it has sent nothing."""
        response = _websocket.WebSocketResponse(protocols=protocols, **options)
        await response.prepare(self)
        return response

    def describe_handler(self) -> str:
        """The handler, and the middlewares around it, for messages."""
        if self._match_info is None and self.found is None:
            return super().describe_handler()
        text = f"handler {describe(self.match_info.handler)} of {self.method} {self.raw_path}"
        around = [describe(middleware) for app in self.match_info.apps for middleware in app.middlewares]
        return f"{text}, or one of its middlewares ({', '.join(around)})," if around else text

    async def run_prepare_hooks(self, response: "StreamResponse") -> None:
        """Send ``on_response_prepare`` of every application on the way, the outermost first."""
        for app in self.match_info.apps:
            await app.on_response_prepare.send(self, response)


def _as_target(url: URL | str) -> str:
    """The request target that asks for a URL (RFC 9112, section 3.2)."""
    text = str(URL(url))
    return text if text.startswith("/") or text == "*" or "://" in text else f"/{text}"


def _encode_fields(headers: LooseHeaders) -> FieldLines:
    pairs = CIMultiDict(headers).items()
    return FieldLines([(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in pairs])


def _exchange_in_memory(
    method: str, url: str | URL, headers: LooseHeaders | None, version: str, body: bytes | str | None
) -> "_memory.MemoryExchange":
    """The exchange below the tutorial's form of `Request`."""
    content = body.encode() if isinstance(body, str) else body or b""
    major, _, minor = version.partition(".")
    return _memory.MemoryExchange(
        method, str(url), _encode_fields(headers or ()), content, version=HttpVersion(int(major), int(minor))
    )
