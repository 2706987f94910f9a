"""How the handler of a route becomes what answers its requests: inside its middlewares, under its options.

Done once for a route, and what is not asked for is not there: without middlewares and options the handler
itself answers. How a request finds its route is not known here.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from functools import partial, update_wrapper
from typing import Any

from .exceptions import HTTPServiceUnavailable
from .handling import RequestHandler
from .http.errors import Disconnected
from .logs import server_logger
from .middleware import Middleware
from .request import Request
from .routing.abstract import ExpectHandler
from .routing.options import SILENT, RouteOptions
from .routing.routes import AbstractRoute
from .streamresponse import StreamResponse

# -- middlewares -----------------------------------------------------------------------------------------


def put_inside(handler: RequestHandler, apps: Sequence[Any]) -> RequestHandler:
    """``handler`` inside the middlewares of ``apps``, the innermost application first."""
    for app in apps:
        for middleware in reversed(app.middlewares):
            handler = update_wrapper(_put_inside_one(middleware, handler), handler)
        if len(apps) > 1:
            handler = update_wrapper(partial(_run_as, app, handler), handler)
    return handler


def _put_inside_one(middleware: Middleware, handler: RequestHandler) -> RequestHandler:
    """A handler inside one middleware. Not a `functools.partial`, whose keyword costs a quarter of the way
    through three middlewares."""

    def inside(request: Request) -> Awaitable[StreamResponse]:
        return middleware(request, handler)

    return inside


async def _run_as(app: Any, handler: RequestHandler, request: Request) -> StreamResponse:
    """Run a handler with ``request.app`` set to the application whose middlewares come next."""
    match_info = request.match_info
    before = match_info.current_app
    match_info.current_app = app
    try:
        return await handler(request)
    finally:
        match_info.current_app = before


# -- expectations ----------------------------------------------------------------------------------------


def put_after_expectation(expect: ExpectHandler, handler: RequestHandler) -> RequestHandler:
    """``handler``, once ``expect`` has dealt with a request's ``Expect`` field and not answered itself."""

    async def meet_expectation(request: Request) -> StreamResponse:
        response: StreamResponse | None = await expect(request)
        return await handler(request) if response is None else response

    return meet_expectation


# -- options ---------------------------------------------------------------------------------------------


def find_options(route: object, apps: Sequence[Any]) -> RouteOptions | None:
    """What holds for a route of the innermost of ``apps``, which comes first: the route's own options, and
    those of the applications where it says nothing. ``None`` when nobody says anything."""
    found = route.options if isinstance(route, AbstractRoute) else None
    for app in apps:
        if app.route_options is not None:
            found = app.route_options if found is None else found.over(app.route_options)
    return None if found is None or found == SILENT else found


def put_under(options: RouteOptions, handler: RequestHandler) -> RequestHandler:
    """``handler`` under these options: they hold while it runs, in all that it awaits."""
    if options.timeout is not None:
        handler = _put_under_timeout(options.timeout, handler)
    size, rate, pause = options.client_max_size, options.body_rate, options.body_timeout
    limits_body = rate is not None or pause is not None
    cancels = None if options.on_disconnect is None else options.on_disconnect == "cancel"
    if not limits_body and cancels is None and size is None:
        return handler

    def answer(request: Request) -> Awaitable[StreamResponse]:
        if size is not None:
            request.client_max_size = size
        exchange = request.exchange
        if limits_body:
            exchange.limit_body(rate=rate, timeout=pause)
        if cancels is not None:
            exchange.cancel_on_disconnect = cancels
            if cancels and exchange.is_disconnected:
                # Nobody else will tell the handler: when the client left, it had not been asked yet.
                raise Disconnected("the client left before its handler was called")
        return handler(request)

    return answer


def _put_under_timeout(seconds: float, handler: RequestHandler) -> RequestHandler:
    async def answer_in_time(request: Request) -> StreamResponse:
        request.time_limit = timeout = asyncio.timeout(seconds or None)
        try:
            async with timeout:
                return await handler(request)
        except TimeoutError as error:
            # The handler may have had a timeout of its own, and have let it through.
            if not timeout.expired():
                raise
            return _answer_late(request, error)

    return answer_in_time


def _answer_late(request: Request, error: TimeoutError) -> StreamResponse:
    """What becomes of a request whose handler was cancelled because of its deadline.

    503 says that this server could not answer (RFC 9110, section 15.6.4). 504 would say that a server behind
    it did not (section 15.6.5), which only the handler can know, and may raise itself."""
    exchange = request.exchange
    response = request.begun_response
    message = f"{request.describe_handler()} did not end before its deadline and was cancelled"
    if exchange.response_started and not exchange.response_complete:
        # It will be cut, and what is raised be logged.
        raise TimeoutError(message) from error
    server_logger.warning(message, exc_info=error)
    if response is not None and exchange.response_complete:
        # The client has all that it was to get, or will have it: to cut it off now would be unfair.
        return response
    raise HTTPServiceUnavailable from error
