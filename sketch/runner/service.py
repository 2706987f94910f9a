"""One application, served from its start to its end inside one task.

Knows runners, sites and the signals that end a service. Does not choose the event loop and does not end
the process.
"""

import asyncio
import builtins
import inspect
import ipaddress
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from ..application import Application
from ..logs import server_logger
from .runners import AppRunner
from .site import BaseSite

SiteFactory = Callable[[AppRunner], BaseSite]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class CannotListen(Exception):
    """A site could not be started. Its cause is the `OSError`; its text names the address."""


class Service:
    """An application at its sites, until it is asked to stop.

    ``sites``
        make the sites, once the application has started.
    ``arguments``
        the keywords of `AppRunner`.
    ``print``
        told where the application runs; ``None`` for silence.
    """

    def __init__(
        self,
        app: Application | Awaitable[Application],
        sites: Sequence[SiteFactory],
        arguments: dict[str, Any],
        *,
        print: Callable[..., None] | None = None,
        handle_signals: bool = True,
    ) -> None:
        self._app = app
        self._sites = sites
        self._arguments = arguments
        self._print = print
        self._handle_signals = handle_signals
        self._runner: AppRunner | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_starting = True
        self._is_stopping = False
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Start, serve until `request_stop`, take everything down.

        All of it happens in one task, because a cleanup context must be left in the task that entered it.
        Raises `CannotListen` and what the application raises. Cancelled: takes everything down first."""
        self._task = asyncio.current_task()
        if self._handle_signals:
            self._install_signal_handlers()
        try:
            await self._start_and_wait()
        finally:
            if self._runner is not None:
                await self._runner.cleanup()

    def request_stop(self) -> None:
        """Let `run` come to its end, from wherever it is. Safe at any time."""
        if self._is_stopping:
            return
        self._is_stopping = True
        self._stop.set()
        if self._task is not None and self._is_starting:
            # The application's own start has to be interrupted: it knows nothing of the event.
            self._task.cancel()

    @property
    def has_ended(self) -> bool:
        """Whether `run` is over, or has never begun."""
        return self._task is None or self._task.done()

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
        app = self._app
        self._runner = runner = AppRunner(
            await app if inspect.isawaitable(app) else app,  # type: ignore[arg-type]
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
        if runner.debug and (reachable := _reachable_addresses(runner)):
            server_logger.warning(
                "debug mode is on, and others than this machine can connect to %s: an error shows them "
                "tracebacks, source lines and request data. Listen on 127.0.0.1, or switch debug off",
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

    # -- signals -----------------------------------------------------------------------------------------

    def _install_signal_handlers(self) -> None:
        loop = asyncio.get_running_loop()
        # `NotImplementedError` on Windows, `ValueError` and `RuntimeError` outside of the main thread.
        with suppress(NotImplementedError, ValueError, RuntimeError):
            for number in _SIGNALS:
                loop.add_signal_handler(number, self._end_on_signal, number)

    def _end_on_signal(self, number: signal.Signals) -> None:
        server_logger.info(
            "%s: requests in flight may finish within the shutdown timeout; a second signal ends the process "
            "at once",
            number.name,
        )
        loop = asyncio.get_running_loop()
        for each in _SIGNALS:
            loop.remove_signal_handler(each)
            # From now on the system ends the process: no handler, hook or blocked loop can prevent it.
            signal.signal(each, signal.SIG_DFL)
        self.request_stop()


def _reachable_addresses(runner: AppRunner) -> list[str]:
    """The addresses that other machines may reach."""
    hosts = [address[0] for address in runner.addresses if isinstance(address, tuple)]
    return [host for host in hosts if not ipaddress.ip_address(host.partition("%")[0]).is_loopback]
