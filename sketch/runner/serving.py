"""An application made into a server: where the framework's handler of exchanges meets what calls it.

Knows how an application is served, and nothing of when: runners say.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from ..accesslog import log_refusal
from ..application import Application
from ..server import Server
from .options import ServerOptions, check_names, server_options


class ApplicationServer(Server):
    """The server of one application; ``isinstance`` takes it for a ``web.Server``.

    ``debug``
        whether error pages show tracebacks.
    """

    def __init__(
        self,
        app: Application,
        options: ServerOptions,
        *,
        debug: bool = False,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        access_logger = options.make_access_logger()
        super().__init__(
            app.make_exchange_handler(
                access_logger=access_logger, debug=debug, auto_decompress=options.auto_decompress
            ),
            ends_exchanges=True,
            refused=None if access_logger is None else partial(log_refusal, access_logger),
            limits=options.limits,
            logger=options.logger,
            handler_cancellation=options.handler_cancellation,
            tcp_keepalive=options.tcp_keepalive,
            proxies=options.proxies,
            loop=loop,
        )
        self.request_handler = app._handle
        """What answers a request."""
        self.handler_cancellation = options.handler_cancellation
        """Whether a handler is cancelled when its client leaves."""


def make_server(
    app: Application, *, loop: asyncio.AbstractEventLoop | None = None, **keywords: Any
) -> ApplicationServer:
    """What aiohttp's ``Application.make_handler`` returns. Raises as `server_options`, and `RuntimeError` for
    an application that was made for another event loop than ``loop``, or than the running one."""
    options = server_options(**with_handler_arguments(app, keywords))
    app._set_loop(loop)
    return ApplicationServer(app, options, debug=options.debug or app.is_debugging, loop=loop)


def with_handler_arguments(app: Application, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The application's own ``handler_args`` go before the runner's keywords, as in aiohttp."""
    check_names(app.handler_args)
    return {**keywords, **app.handler_args}
