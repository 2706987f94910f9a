"""The way of a request through an application: to its route, and to the handler inside its middlewares.

What can be decided once is decided before the first request; `Dispatching.find_handler` is what is left to do
for each. What an application is made of, and when it is settled, is not known here.
"""

from abc import abstractmethod
from collections.abc import Awaitable
from functools import partial
from typing import Any

from .accesslog import AbstractAccessLogger
from .folding import find_options, put_after_expectation, put_inside, put_under
from .handling import Handling, RequestHandler
from .http.exchange import Exchange, ExchangeHandler
from .http.target import path_to_match
from .logs import server_logger
from .request import Request
from .router import UrlDispatcher
from .routing.abstract import ExpectHandler
from .routing.routes import Endpoint
from .streamresponse import StreamResponse


class Dispatching:
    """The part of an application that answers requests."""

    _router: UrlDispatcher
    _settings: dict[str, Any]
    """What the requests of this application have in place of a request's defaults."""
    _has_middlewares: bool
    _has_prepare_hooks: bool

    @abstractmethod
    def freeze(self) -> None:
        """Settle everything."""

    @property
    @abstractmethod
    def is_debugging(self) -> bool:
        """Whether errors may show the inside of the program."""

    def make_exchange_handler(
        self,
        *,
        access_logger: AbstractAccessLogger | None = None,
        debug: bool = False,
        auto_decompress: bool = True,
    ) -> ExchangeHandler:
        """Freeze the application, and give what a server calls for each exchange.

        ``debug``
            whether errors may show the inside of the program to clients.
        ``auto_decompress``
            whether bodies with content codings are decoded as they are read.
        """
        self.freeze()
        settings = self._settings if auto_decompress else {**self._settings, "auto_decompress": False}
        return Handling(
            partial(_make_request, settings) if settings else Request,
            self.find_handler if self._takes_fast_path() else self._defer,
            app=self,
            logger=server_logger,
            access_logger=access_logger,
            debug=debug or self.is_debugging,
            has_prepare_hooks=self._has_prepare_hooks,
        ).handle

    def handle(self, exchange: Exchange) -> Awaitable[object]:
        """Answer one exchange, without an access log; for tests and tools. A server is given
        `make_exchange_handler`."""
        return self.make_exchange_handler()(exchange)

    def find_handler(self, request: Request) -> RequestHandler:
        """Route a request: note on it what was found, and return its handler inside its middlewares."""
        head = request.head
        answers = self._router.plain_targets.get(head.target)
        found = None if answers is None else answers.get(head.method)
        if found is None:
            found = self._router.find(head.method, path_to_match(head.method, head.target))
        request.found = found
        endpoint = found[0]
        if head.framing.has_expectation:
            return endpoint.expecting or self._fold(endpoint, expects=True)
        return endpoint.handler or self._fold(endpoint)

    def _takes_fast_path(self) -> bool:
        """Whether nobody put something of their own in the place of routing or handling, as monitoring
        tools do. Everything that they can see then happens as in aiohttp."""
        return (
            isinstance(self._router, UrlDispatcher)
            and not self._router.needs_request
            and getattr(self._handle, "__func__", None) is _HANDLE
            and getattr(self._router.resolve, "__func__", None) is _RESOLVE
        )

    def _defer(self, request: Request) -> RequestHandler:
        return self._handle

    async def _handle(self, request: Request) -> StreamResponse:
        """Route and answer a request, through `UrlDispatcher.resolve`: the name that others patch."""
        match_info = await self._router.resolve(request)
        match_info.add_app(self)
        match_info.freeze()
        request._match_info = match_info
        expect = match_info.expect_handler if request.head.framing.has_expectation else None
        apps = match_info.apps[::-1]
        return await self._wrap(match_info.handler, expect, getattr(match_info, "route", None), apps)(request)

    def _fold(self, endpoint: Endpoint, *, expects: bool = False) -> RequestHandler:
        """Wrap an endpoint's handler, once for all its requests."""
        route = endpoint.route
        expect = route.handle_expect_header if expects else None
        handler = self._wrap(route.handler, expect, route, (*endpoint.apps, self))
        if not endpoint.is_refusal:
            if expects:
                endpoint.expecting = handler
            else:
                endpoint.handler = handler
        return handler

    def _wrap(
        self,
        handler: RequestHandler,
        expect: ExpectHandler | None,
        route: object,
        apps: tuple[Any, ...],
    ) -> RequestHandler:
        """``handler`` inside the middlewares of ``apps``, the innermost first; around that ``expect``, for a
        request that carries ``Expect``; around all, the options of the route."""
        if self._has_middlewares:
            handler = put_inside(handler, apps)
        if expect is not None:
            handler = put_after_expectation(expect, handler)
        options = find_options(route, apps)
        return handler if options is None else put_under(options, handler)


_HANDLE = Dispatching._handle
_RESOLVE = UrlDispatcher.resolve


def _make_request(settings: dict[str, Any], exchange: Exchange, app: Any) -> Request:
    """A request of an application that has defaults of its own for its requests."""
    request = Request(exchange, app)
    request.__dict__.update(settings)
    return request
