"""One application, served from its start to its end inside one task.

Knows runners and sites. Does not choose the event loop and does not
listen to signals.
"""

import asyncio
import builtins
import inspect
import ipaddress
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from ..application import Application
from ..logs import server_logger
from .runners import AppRunner
from .site import BaseSite

SiteFactory = Callable[[AppRunner], BaseSite]


class CannotListen(Exception):
    """A site could not be started. Its cause is the `OSError`; its text names the address."""


class Service:
    """An application at its sites, until it is asked to stop.

    ``sites``
        make the sites, once the application has started.
    ``arguments``
        the keywords of `AppRunner`.
    ``companion``
        makes what runs beside the application from before its start to after its end, and is cancelled then.
    ``print``
        told where the application runs; ``None`` for silence.
    """

    def __init__(
        self,
        app: Application | Awaitable[Application],
        sites: Sequence[SiteFactory],
        arguments: dict[str, Any],
        *,
        companion: Callable[[], Awaitable[None]] | None = None,
        print: Callable[..., None] | None = None,
    ) -> None:
        self._app = app
        self._companion = companion
        self._sites = sites
        self._arguments = arguments
        self._print = print
        self._runner: AppRunner | None = None
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_starting = True
        self._is_stopping = False
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Start, serve until `request_stop`, take everything down.

        All of it happens in one task, because a cleanup context must be left in the task that entered it.
        Raises `CannotListen` and what the application raises. Cancelled: takes everything down first."""
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        companion = None if self._companion is None else asyncio.ensure_future(self._companion())
        try:
            await self._start_and_wait()
        finally:
            try:
                if self._runner is not None:
                    await self._runner.cleanup()
            finally:
                if companion is not None:
                    companion.cancel()
                    await asyncio.wait([companion])

    def request_stop(self) -> None:
        """Let `run` come to its end, from wherever it is. Safe at any time."""
        if self._is_stopping:
            return
        self._is_stopping = True
        self._stop.set()
        if self._task is not None and self._is_starting:
            # The application's own start has to be interrupted: it knows nothing of the event.
            self._task.cancel()

    def request_stop_on_signal(self, number: int) -> None:
        """`request_stop` for a handler of `signal.signal`, which can interrupt any line of the program."""
        loop = self._loop
        if loop is None:
            self.request_stop()
        else:
            # The loop is closed when the service is over: there is nothing left to stop.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._stop_on_signal, number)

    def _stop_on_signal(self, number: int) -> None:
        server_logger.info(
            "%s: going away; requests in flight may finish within the shutdown timeout. A second signal ends "
            "the process at once",
            signal.Signals(number).name,
        )
        self.request_stop()

    @property
    def has_ended(self) -> bool:
        """Whether `run` is over, or has never begun."""
        return self._task is None or self._task.done()

    @property
    def is_ending(self) -> bool:
        """Whether `run` was asked to come to its end, by whatever means."""
        return self._is_stopping or (self._task is not None and self._task.cancelling() > 0)

    async def ended(self) -> None:
        """Wait for the end of `run`; raises what it raises, unless that was raised already."""
        task = self._task
        if task is None:
            return
        if task.done():
            # Ended by `SystemExit`, which the event loop has raised. Looked at, it is not logged again.
            task.cancelled() or task.exception()
            return
        await task

    async def _start_and_wait(self) -> None:
        try:
            await self._start()
        except asyncio.CancelledError:
            if not self._is_stopping or self._task is None:
                raise
            self._task.uncancel()
        finally:
            self._is_starting = False
        await self._stop.wait()

    async def _start(self) -> None:
        if self._companion is not None:
            await asyncio.sleep(0)  # It begins first: a signal that it handles may come during the start.
        app = self._app
        self._runner = runner = AppRunner(
            await app if inspect.isawaitable(app) else app,
            **self._arguments,
        )
        await runner.setup()
        for make_site in self._sites:
            site = make_site(runner)
            try:
                await site.start()
            except OSError as error:
                raise CannotListen(error.strerror or str(error)) from error
        self._tell(runner)

    def _tell(self, runner: AppRunner) -> None:
        if runner.debug and (reachable := _reachable_sites(runner)):
            server_logger.warning(
                "Debug mode is on, and other machines may reach %s: errors show them tracebacks, source "
                "lines and request data. Listen on 127.0.0.1, or switch debug off",
                ", ".join(reachable),
            )
        if self._print is None:
            return
        names = ", ".join(sorted(site.name for site in runner.sites))
        message = f"======== Running on {names} ========\n(Press CTRL+C to quit)"
        if self._print is builtins.print:
            # Whoever waits for this line through a pipe must get it now.
            self._print(message, flush=True)
        else:
            self._print(message)


def _reachable_sites(runner: AppRunner) -> list[str]:
    """The names of the sites that other machines may reach."""
    return sorted(site.name for site in runner.sites if any(map(_is_reachable, site._server.sockets)))


def _is_reachable(sock: socket.socket) -> bool:
    address = sock.getsockname()
    if not isinstance(address, tuple):
        return False
    return not ipaddress.ip_address(address[0].partition("%")[0]).is_loopback
