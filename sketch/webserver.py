"""A server for one request handler, without an application (aiohttp documentation, "Low Level Server").

The edge in which the server meets requests: `sketch.server.Server` knows exchanges only.
"""

import asyncio
from abc import ABCMeta
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from . import server
from .accesslog import log_refusal
from .handling import Handling
from .http.exchange import Exchange
from .request import BaseRequest
from .runner.options import server_options
from .runner.serving import ApplicationServer
from .streamresponse import StreamResponse


class Server(server.Server, metaclass=ABCMeta):
    """Serves a handler of requests, for any path (aiohttp documentation, ``web.Server``).

    ``handler``
        ``async def (request)``, which returns a response.
    ``request_factory``
        makes the request of an exchange; by default a `BaseRequest`.
    ``handler_cancellation``
        whether the handler is cancelled when its client leaves.
    ``**kwargs``
        see `sketch.runner.options.server_options`.

    Made in a coroutine, or given the ``loop`` in which it will serve. Raises `TypeError` for a handler that
    is none. The server of an `AppRunner` is an instance, too.
    """

    def __init__(
        self,
        handler: Callable[[Any], Awaitable[StreamResponse]],
        *,
        request_factory: Callable[[Exchange], BaseRequest] | None = None,
        handler_cancellation: bool = False,
        loop: asyncio.AbstractEventLoop | None = None,
        **kwargs: Any,
    ) -> None:
        if not callable(handler):
            raise TypeError(f"handler must be a coroutine function that takes a request, got {handler!r}")
        make_request = request_factory or BaseRequest
        self.request_handler = handler
        """What answers a request."""
        self.request_factory = make_request
        """What makes the request of an exchange."""
        self.handler_cancellation = handler_cancellation
        """Whether the handler is cancelled when its client leaves."""
        options = server_options(handler_cancellation=handler_cancellation, **kwargs)
        access_logger = options.make_access_logger()
        handling = Handling(
            partial(_make_request, make_request, options.auto_decompress),
            lambda request: handler,
            logger=options.logger,
            access_logger=access_logger,
            debug=options.debug,
        )
        super().__init__(
            handling.handle,
            ends_exchanges=True,
            limits=options.limits,
            logger=options.logger,
            handler_cancellation=handler_cancellation,
            tcp_keepalive=options.tcp_keepalive,
            refused=None if access_logger is None else partial(log_refusal, access_logger),
            proxies=options.proxies,
            loop=loop,
        )

    async def shutdown(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - aiohttp's name
        """Wait for answers, until the clients have taken them, at most ``timeout`` seconds (``None``: for
        ever); then cut what is left.

        Cancelled, it cuts at once."""
        await super().shutdown(timeout)


Server.register(ApplicationServer)


def _make_request(
    factory: Callable[[Exchange], BaseRequest], auto_decompress: bool, exchange: Exchange, _: None
) -> BaseRequest:
    request = factory(exchange)
    if not auto_decompress:
        request.auto_decompress = False
    return request
