"""Runners: an application or a server, brought up and taken down in order.

The edge in which framework and server meet. Knows both; knows nothing of event loops' lives, of the
process or of its signals, apart from aiohttp's ``handle_signals``.
"""

import asyncio
import signal
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn

from ..accesslog import log_refusal
from ..application import Application
from ..server import Server
from .options import ServerOptions, check_names, check_seconds, server_options
from .site import BaseSite

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class GracefulExit(SystemExit):
    """Raised to end the program in order. `run_app` catches it and returns once everything is cleaned up.

    In a program that runs the event loop itself, ``handle_signals=True`` makes SIGINT and SIGTERM raise it
    out of ``loop.run_forever()``; not caught, it ends the process with the exit code 1."""

    code = 1


def _raise_graceful_exit() -> NoReturn:
    raise GracefulExit


class BaseRunner(ABC):
    """What serves, and the sites at which it does (aiohttp documentation, "Application Runners").

    ``handle_signals``
        whether SIGINT and SIGTERM raise `GracefulExit` while the runner is set up.
    ``shutdown_timeout``
        seconds that requests in flight, and then background tasks, have to finish in `cleanup`; ``None``
        for no limit.
    ``drain_delay``
        seconds that `cleanup` goes on accepting while a `sketch.health.readiness` route says 503 already:
        the time that a load balancer needs to notice.
    ``**kwargs``
        see `sketch.runner.options.server_options`.
    """

    __slots__ = ("_drain_delay", "_handle_signals", "_options", "_server", "_shutdown_timeout", "_sites")

    def __init__(
        self,
        *,
        handle_signals: bool = False,
        shutdown_timeout: float | None = 60.0,
        drain_delay: float = 0.0,
        **kwargs: Any,
    ) -> None:
        self._handle_signals = handle_signals
        self._options: ServerOptions = server_options(**kwargs)
        if shutdown_timeout is not None:
            check_seconds("shutdown_timeout", shutdown_timeout)
        self._shutdown_timeout = shutdown_timeout
        self._drain_delay = check_seconds("drain_delay", drain_delay)
        self._server: Any = None
        self._sites: list[BaseSite] = []

    @property
    def server(self) -> Any:
        """The server, a protocol factory; ``None`` before `setup` and after `cleanup`."""
        return self._server

    @property
    def addresses(self) -> list[Any]:
        """What the listening sockets are bound to: ``(host, port, ...)`` or a path each."""
        servers = [site._server for site in self._sites if site._server is not None]
        return [sock.getsockname() for server in servers for sock in server.sockets or ()]

    @property
    def sites(self) -> set[BaseSite]:
        """The sites that are started."""
        return set(self._sites)

    async def setup(self) -> None:
        """Start what is to be served; sites can be made then. Raises what the application's start raises,
        after everything that had started is cleaned up. Cancelled: the same. `RuntimeError` when it is set
        up already."""
        if self._server is not None:
            raise RuntimeError(f"{type(self).__name__} is set up already")
        self._install_signal_handlers()
        try:
            self._server = await self._make_server()
        except BaseException:
            self._remove_signal_handlers()
            raise

    @abstractmethod
    async def shutdown(self) -> None:
        """Tell the application that the end has come. Part of `cleanup`."""

    async def cleanup(self) -> None:
        """Take everything down: say so and wait for ``drain_delay``, stop the sites, close idle
        connections, `shutdown`, let requests in flight finish within ``shutdown_timeout``, cut off the
        rest, let background tasks finish in what is left of that time, clean up the application.

        A step that fails does not keep the later ones from being taken; the first failure is raised at
        the end, further ones are logged. Cancelled: it no longer waits for anybody, and raises at the
        end. A second call does nothing."""
        server, self._server = self._server, None
        failures: list[BaseException] = []
        if server is not None:
            self._announce_end()
            if self._drain_delay and self._sites:
                await _attempt(asyncio.sleep(self._drain_delay), failures)
        await _attempt(self._stop_sites(failures), failures)
        if server is not None:
            await self._end(server, failures)
            self._remove_signal_handlers()
        self._report(failures)

    def _announce_end(self) -> None:  # noqa: B027 - who has nobody to tell has nothing to do
        """Let it be known that the end is near; nothing else happens yet."""

    async def _stop_sites(self, failures: list[BaseException]) -> None:
        stops = [site.stop() for site in self._sites]
        results = await asyncio.gather(*stops, return_exceptions=True)
        failures.extend(result for result in results if result is not None)

    async def _end(self, server: Any, failures: list[BaseException]) -> None:
        await _attempt(_call(server.pre_shutdown), failures)
        await _attempt(self.shutdown(), failures)
        loop = asyncio.get_running_loop()
        seconds = self._shutdown_timeout
        deadline = None if seconds is None else loop.time() + seconds
        if await _attempt(server.shutdown(seconds), failures):
            await _attempt(server.shutdown(0), failures)
            deadline = loop.time()
        seconds = None if deadline is None else max(deadline - loop.time(), 0)
        await _attempt(self._finish_tasks(seconds), failures)
        await _attempt(self._cleanup_server(), failures)

    def _report(self, failures: list[BaseException]) -> None:
        # Whoever cancelled has to see it arrive, whatever else went wrong.
        failures.sort(key=lambda failure: not isinstance(failure, asyncio.CancelledError))
        for failure in failures[1:]:
            if not isinstance(failure, asyncio.CancelledError):
                self._options.logger.error("Error during cleanup", exc_info=failure)
        if failures:
            raise failures[0]

    @abstractmethod
    async def _make_server(self) -> Any:
        """The server, ready for connections."""

    async def _finish_tasks(self, seconds: float | None) -> None:  # noqa: B027 - a hook, not a duty
        """Wait for what is done beside requests, for so long. Does nothing unless overridden."""

    @abstractmethod
    async def _cleanup_server(self) -> None:
        """The last step of `cleanup`: no connection is left."""

    def _install_signal_handlers(self) -> None:
        if self._handle_signals:
            loop = asyncio.get_running_loop()
            # Event loops on Windows have none.
            with suppress(NotImplementedError):
                for number in _SIGNALS:
                    loop.add_signal_handler(number, _raise_graceful_exit)

    def _remove_signal_handlers(self) -> None:
        if self._handle_signals:
            loop = asyncio.get_running_loop()
            with suppress(NotImplementedError):
                for number in _SIGNALS:
                    loop.remove_signal_handler(number)

    def _reg_site(self, site: BaseSite) -> None:
        if site in self._sites:
            raise RuntimeError(f"{site} is started already")
        self._sites.append(site)

    def _check_site(self, site: BaseSite) -> None:
        if site not in self._sites:
            raise RuntimeError(f"{site} is not one of the started sites of {self}")

    def _unreg_site(self, site: BaseSite) -> None:
        self._check_site(site)
        self._sites.remove(site)


async def _call(function: Any) -> None:
    function()


async def _attempt(step: Awaitable[Any], failures: list[BaseException]) -> bool:
    """Take one step of a clean-up that has to go on; says whether it failed."""
    try:
        await step
    except (Exception, asyncio.CancelledError) as failure:
        failures.append(failure)
        return True
    return False


class ServerRunner(BaseRunner):
    """A runner for a server that exists already: a ``web.Server``, or any protocol factory with
    ``pre_shutdown()`` and ``async shutdown(timeout)``.

    The keywords of `AppRunner` are accepted and have no effect: the server has been told already.
    """

    __slots__ = ("_web_server",)

    def __init__(self, web_server: Any, *, handle_signals: bool = False, **kwargs: Any) -> None:
        super().__init__(handle_signals=handle_signals, **kwargs)
        self._web_server = web_server

    async def shutdown(self) -> None:
        """Nothing to do: there is no application."""

    async def _make_server(self) -> Any:
        return self._web_server

    async def _cleanup_server(self) -> None:
        pass


class AppRunner(BaseRunner):
    """A runner for an application. Raises `TypeError` when it is given something else."""

    __slots__ = ("_app", "_debug")

    def __init__(self, app: Application, *, handle_signals: bool = False, **kwargs: Any) -> None:
        if not isinstance(app, Application):
            raise TypeError(f"The first argument must be a web.Application, got {app!r}")
        super().__init__(handle_signals=handle_signals, **_with_handler_arguments(app, kwargs))
        self._app = app
        self._debug = False

    @property
    def app(self) -> Application:
        """The application."""
        return self._app

    @property
    def debug(self) -> bool:
        """Whether error pages show tracebacks; known after `setup`."""
        return self._debug

    async def shutdown(self) -> None:
        """Run the application's ``on_shutdown`` hooks."""
        await self._app.shutdown()

    def _announce_end(self) -> None:
        self._app._is_ready = False

    async def _make_server(self) -> Server:
        try:
            self._app._set_loop(asyncio.get_running_loop())
            self._app.on_startup.freeze()
            await self._app.startup()
            self._app.freeze()
            server = self._serve_application()
            self._app._is_ready = True
            return server
        except BaseException:
            await self._abandon()
            raise

    def _serve_application(self) -> Server:
        options = self._options
        access_logger = options.make_access_logger()
        self._debug = bool(options.debug) or self._app.is_debugging
        handler = self._app.make_exchange_handler(
            access_logger=access_logger, debug=self._debug, auto_decompress=options.auto_decompress
        )
        return Server(
            handler,
            ends_exchanges=True,
            refused=None if access_logger is None else partial(log_refusal, access_logger),
            limits=options.limits,
            logger=options.logger,
            handler_cancellation=options.handler_cancellation,
            tcp_keepalive=options.tcp_keepalive,
            proxies=options.proxies,
        )

    async def _abandon(self) -> None:
        """Clean up after a start that failed; its own error is the one to be seen first."""
        failures: list[BaseException] = []
        if await _attempt(self._app.cleanup(), failures):
            self._options.logger.error("Error during cleanup after a failed start", exc_info=failures[0])

    async def _finish_tasks(self, seconds: float | None) -> None:
        await self._app.finish_tasks(seconds)

    async def _cleanup_server(self) -> None:
        await self._app.cleanup()


def _with_handler_arguments(app: Application, keywords: dict[str, Any]) -> dict[str, Any]:
    """The application's own ``handler_args`` go before the runner's keywords, as in aiohttp."""
    check_names(app.handler_args)
    return {**keywords, **app.handler_args}
