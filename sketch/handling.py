"""One exchange through a request handler.

A `Handling` is what a server is given by a framework: it makes the request, has it routed, runs the
handler, turns what comes back, or what is raised, into an answer, and tells the access log. Every way out
of a handler ends here, once. How a request finds its handler is not known here.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from time import perf_counter
from typing import Any, TypeVar

from .accesslog import AbstractAccessLogger
from .callables import describe
from .errorpage import server_error
from .exceptions import HTTPException
from .http.errors import Disconnected, LocalProtocolError, RemoteProtocolError
from .http.exchange import Exchange, ExchangeHandler
from .http.status import phrase
from .request import BaseRequest
from .response import Response
from .streamresponse import StreamResponse

R = TypeVar("R", bound=BaseRequest)

RequestHandler = Callable[[Any], Awaitable[StreamResponse]]
"""What answers a request: a handler, or a handler inside its middlewares."""


class Handling:
    """An exchange handler made of request handlers.

    ``make_request``
        makes the request of an exchange, given that and ``app``.
    ``route``
        finds what will answer a request, and may note on the request what it found.
    ``access_logger``
        told of every answer while it is ``enabled``; ``None`` costs nothing.
    ``has_prepare_hooks``
        whether somebody wants to see responses before their heads are settled.
    ``debug``
        whether an error may show the inside of the program to the client.
    """

    __slots__ = (
        "_access_logger",
        "_app",
        "_debug",
        "_has_prepare_hooks",
        "_logger",
        "_make_request",
        "_route",
    )

    def __init__(
        self,
        make_request: Callable[[Exchange, Any], R],
        route: Callable[[R], RequestHandler],
        *,
        app: Any = None,
        logger: logging.Logger,
        access_logger: AbstractAccessLogger | None = None,
        debug: bool = False,
        has_prepare_hooks: bool = False,
    ) -> None:
        self._make_request: Callable[[Exchange, Any], BaseRequest] = make_request
        self._app = app
        self._route: Callable[[Any], RequestHandler] = route
        self._logger = logger
        self._access_logger = access_logger
        self._debug = debug
        self._has_prepare_hooks = has_prepare_hooks

    @property
    def handle(self) -> ExchangeHandler:
        """What a server calls to have an exchange answered and ended: one coroutine for most requests,
        because each one around it costs a fiftieth of what a small one takes in all.

        Raises only what has to leave the server, `SystemExit` and `KeyboardInterrupt`, and the
        cancellation of the task that runs it."""
        return self._answer if self._access_logger is None else self._answer_and_log

    async def _answer_and_log(self, exchange: Exchange) -> None:
        access_logger = self._access_logger
        if access_logger is None or not access_logger.enabled:
            await self._answer(exchange)
            return
        started = perf_counter()
        response: StreamResponse | None = None
        try:
            request = self._make_request(exchange, self._app)
        except Exception as error:
            self._answer_unmade(exchange, error)
            exchange.end()
            return
        try:
            response = await self._answer(exchange, request)
        finally:
            # An answer that broke off has an end, too.
            response = response or request.begun_response
            if response is not None:
                self._tell(access_logger, request, response, perf_counter() - started)
            exchange.end()

    def _tell(
        self,
        access_logger: AbstractAccessLogger,
        request: BaseRequest,
        response: StreamResponse,
        seconds: float,
    ) -> None:
        try:
            access_logger.log(request, response, seconds)
        except Exception:
            self._logger.exception("The access logger failed for %s %s", request.method, request.raw_path)

    async def _answer(self, exchange: Exchange, request: BaseRequest | None = None) -> StreamResponse | None:
        """Answer an exchange, and end it unless the request is given; the answer, or ``None`` when the
        client left before there was one."""
        ends_exchange = request is None
        try:
            if request is None:
                request = self._make_request(exchange, self._app)
            response = await self._route(request)(request)
            if (
                response.__class__ is Response
                and not self._has_prepare_hooks
                and response.respond_plainly(exchange)
            ):
                return response
            return await self._deliver(request, response)
        except BaseException as error:
            if request is None:
                self._answer_unmade(exchange, error)
                return None
            return await self._answer_error(request, error)
        finally:
            if ends_exchange:
                exchange.end()

    def _answer_unmade(self, exchange: Exchange, error: BaseException) -> None:
        """There is not even a request: the program's own way of making them has failed."""
        head = exchange.head
        self._logger.error("Error making a request of %s %s", head.method, head.target, exc_info=error)
        Response(status=500).respond_plainly(exchange)

    async def _deliver(self, request: BaseRequest, response: object) -> StreamResponse:
        if not isinstance(response, StreamResponse):
            begun = request.begun_response
            if response is not None or begun is None or not begun.may_be_left_out:
                raise TypeError(_explain_no_response(request, response))
            response = begun
        await response.prepare(request)
        try:
            await response.write_eof()
        except Exception as error:
            # The traceback leads through what the body is made by, and no more through the handler.
            error.add_note(f"raised while the body was sent that {request.describe_handler()} returned")
            raise
        return response

    # -- when something was raised ---------------------------------------------------------------------

    async def _answer_error(self, request: BaseRequest, error: BaseException) -> StreamResponse | None:
        exchange = request.exchange
        if exchange.is_disconnected and isinstance(error, ConnectionError):
            self._logger.debug("%s %s: the client left", request.method, request.raw_path)
            return None
        if isinstance(error, asyncio.CancelledError) and _is_cancelled():
            exchange.abort()
            raise error
        if exchange.response_started:
            # Once the server has told a WebSocket that it goes away, nothing more can be sent on that.
            has_been_told = exchange.is_draining and isinstance(error, Disconnected)
            if has_been_told or isinstance(error, RemoteProtocolError):
                exchange.abort()
                self._logger.debug("%s %s: %s", request.method, request.raw_path, error)
            else:
                self._cut_off(request, error)
            return None
        response: StreamResponse | None = self._translate(request, error)
        try:
            await self._deliver(request, response)
        except Exception as failure:
            response = self._answer_barely(request, failure)
        if isinstance(error, SystemExit | KeyboardInterrupt):
            raise error
        return response

    def _translate(self, request: BaseRequest, error: BaseException) -> Response:
        """The answer that an exception deserves, before anything was sent."""
        if isinstance(error, HTTPException):
            return error
        if isinstance(error, RemoteProtocolError):
            request.exchange.keep_alive = False
            status = error.status
            return Response(text=f"{status}: {phrase(status)}\n{error}", status=status)
        self._log_error(request, error)
        if isinstance(error, SystemExit | KeyboardInterrupt):
            request.exchange.keep_alive = False
        return server_error(request, error, debug=self._debug)

    def _answer_barely(self, request: BaseRequest, error: Exception) -> StreamResponse | None:
        """The last resort, when even the answer to an error could not be delivered: a hook failed, or
        a field cannot be sent."""
        exchange = request.exchange
        if exchange.is_disconnected:
            return None
        if exchange.response_started:
            self._cut_off(request, error)
            return None
        self._log_error(request, error)
        response = Response(status=500)
        response.respond_plainly(exchange)
        return response

    def _cut_off(self, request: BaseRequest, error: BaseException) -> None:
        """An answer failed part way: nothing honest can follow it, so the client is shown that it failed."""
        request.exchange.abort()
        self._log_error(request, error, ", after its answer had begun: the connection was cut")
        if isinstance(error, SystemExit | KeyboardInterrupt):
            raise error

    def _log_error(self, request: BaseRequest, error: BaseException, remark: str = "") -> None:
        if isinstance(error, LocalProtocolError) or isinstance(error.__cause__, LocalProtocolError):
            # The traceback may not lead through the handler: what it left undone shows when it has returned.
            remark += f", by {request.describe_handler().removesuffix(',')}"
        self._logger.error(
            "Error handling request %s %s%s", request.method, request.raw_path, remark,
            exc_info=(type(error), error, error.__traceback__),
        )  # fmt: skip


def _is_cancelled() -> bool:
    """Whether somebody cancelled the task that runs this. If not, a `CancelledError` is an error like
    any other: the handler awaited something that was cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _explain_no_response(request: BaseRequest, result: object) -> str:
    returned = "None" if result is None else describe(result)
    remedy = "return web.Response(...), web.json_response(...) or another response"
    if isinstance(result, Coroutine):
        result.close()
        remedy = "nobody awaited it: write return await ..."
    elif callable(result):
        remedy = (
            "an old-style middleware factory (app, handler) returns a handler: write it as "
            "async def middleware(request, handler): return await handler(request)"
        )
    return f"{request.describe_handler()} returned {returned}, which is not a response: {remedy}"
