"""Workers for gunicorn: ``gunicorn module:app -k sketch.worker.GunicornWebWorker``.

Knows what gunicorn asks of a worker: when it lives, when it has to go, where it listens and logs. Refuses to
know how an application is served: runners and sites do.
"""

import asyncio
import inspect
import os
import re
import signal
import ssl
import sys
from types import FrameType
from typing import Any, Final

from gunicorn.config import AccessLogFormat
from gunicorn.sock import ssl_context
from gunicorn.workers.base import Worker

from .accesslog import AccessLogger
from .application import Application
from .runner.loops import LoopChoice, loop_factory
from .runner.runners import AppRunner
from .runner.site import SockSite

__all__ = ["GunicornUVLoopWebWorker", "GunicornWebWorker"]

_HEARTBEAT: Final = 1.0
"""Seconds between two signs of life, and two looks at whether it is time to go."""

_SHARE_OF_GRACE: Final = 0.95
"""Of gunicorn's ``graceful_timeout``, how much requests in flight have: after all of it, the worker is
killed."""

_ATOMS: Final = {
    "B": "%b",
    "D": "%D",
    "L": "%Tf",
    "T": "%T",
    "a": "%{User-Agent}i",
    "b": "%b",
    "f": "%{Referer}i",
    "h": "%a",
    "l": "-",
    "p": "%P",
    "r": "%r",
    "s": "%s",
    "t": "%t",
    "u": "-",
}
"""gunicorn's atoms in the language of `AccessLogger`. Nobody here knows a user: ``u`` is what it is
without."""

_ATOM: Final = re.compile(r"%\((?:(\w+)|\{([^{}\s]+)\}([ioe]))\)(.?)")


class GunicornWebWorker(Worker):
    """Serves an application in a process of gunicorn's (aiohttp documentation, "Deployment using Gunicorn").

    What gunicorn is given is an `Application`, or a coroutine function that returns one or, for options that
    gunicorn has none for, an `AppRunner` that is not set up yet.

    Of gunicorn's settings it follows ``keepalive`` (seconds between two requests on one connection),
    ``graceful_timeout``, ``max_requests`` with its jitter, ``timeout``, ``backlog``, ``accesslog``,
    ``access_log_format`` (`translate_log_format`), and those of TLS, the hook ``ssl_context`` included.
    Bounds on requests are those of `sketch.http.limits.Limits`, and proxies are trusted as an `AppRunner`
    says.

    It runs on what `run_app` would run on: uvloop, unless ``SKETCH_LOOP`` in the environment, or an event
    loop policy, say otherwise.
    """

    _loop_choice: LoopChoice = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._going = asyncio.Event()

    # -- the process -----------------------------------------------------------------------------------

    def init_process(self) -> None:
        """Called in the new process: make the event loop, and leave the rest to gunicorn, which calls
        `run`."""
        self._loop_runner = asyncio.Runner(loop_factory=loop_factory(self._loop_choice))
        self.loop = self._loop_runner.get_loop()
        # An application may ask for it while it is imported.
        asyncio.set_event_loop(self.loop)
        super().init_process()

    def init_signals(self) -> None:
        """Take signals as gunicorn means them."""
        for number in self.SIGNALS:
            # The master's own handlers are inherited. That for SIGCHLD would take the exit codes of
            # processes that the application starts.
            signal.signal(number, signal.SIG_DFL)
        handlers = {
            signal.SIGINT: self.handle_quit,
            signal.SIGQUIT: self.handle_quit,
            signal.SIGTERM: self.handle_exit,
            signal.SIGUSR1: self.handle_usr1,
            signal.SIGWINCH: self.handle_winch,
        }
        for number, handler in handlers.items():
            self.loop.add_signal_handler(number, handler, number, None)
        # Not by the loop: gunicorn sends it when that is stuck, and the traceback then shows where.
        signal.signal(signal.SIGABRT, self.handle_abort)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Go in order."""
        self.alive = False
        self._going.set()

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """Go in order, and tell the hook ``worker_int``."""
        self.handle_exit(sig, frame)
        self.cfg.worker_int(self)

    # -- serving ---------------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until it is time to go, then end the process. What the application raises at its start passes
        through, and gunicorn gives up."""
        # gunicorn takes a worker for started when it calls this: the start is here.
        self.booted = False
        with self._loop_runner as loop_runner:
            loop_runner.run(self._serve())
        sys.exit(0)

    async def _serve(self) -> None:
        runner = await self._make_runner()
        await runner.setup()
        heartbeat: asyncio.Task[None] | None = None
        try:
            await self._listen(runner)
            self.booted = True
            heartbeat = asyncio.create_task(self._beat(runner))
            await self._going.wait()
        finally:
            await runner.cleanup()
            if heartbeat is not None:
                heartbeat.cancel()

    async def _make_runner(self) -> AppRunner:
        app = self.wsgi
        if not isinstance(app, Application) and inspect.iscoroutinefunction(app):
            app = await app()
        if isinstance(app, AppRunner):
            return app
        if not isinstance(app, Application):
            raise RuntimeError(
                f"gunicorn was given {self.wsgi!r}: name a web.Application, or an async function that "
                "returns one or a web.AppRunner"
            )
        cfg = self.cfg
        return AppRunner(
            app,
            logger=self.log.error_log,
            keepalive_timeout=cfg.keepalive,
            shutdown_timeout=cfg.graceful_timeout * _SHARE_OF_GRACE,
            access_log=self.log.access_log if cfg.accesslog else None,
            access_log_format=translate_log_format(cfg.access_log_format),
        )

    async def _listen(self, runner: AppRunner) -> None:
        context: ssl.SSLContext | None = ssl_context(self.cfg) if self.cfg.is_ssl else None
        for sock in self.sockets:
            # gunicorn's own object is around the socket.
            site = SockSite(runner, sock.sock, ssl_context=context, backlog=self.cfg.backlog)
            await site.start()

    async def _beat(self, runner: AppRunner) -> None:
        """Show that the event loop turns, to the very end, and look whether it is time to go."""
        server = runner.server
        while True:
            self.notify()
            if self.alive and server.requests_count > self.max_requests:
                self.log.info("%s has answered its number of requests (max_requests) and goes", self)
                self.alive = False
            elif self.alive and self.ppid != os.getppid():
                self.log.info("The master of %s is gone, and it goes, too", self)
                self.alive = False
            if not self.alive:
                self._going.set()
            await asyncio.sleep(_HEARTBEAT)


class GunicornUVLoopWebWorker(GunicornWebWorker):
    """`GunicornWebWorker`, on uvloop whatever else is said."""

    _loop_choice = "uvloop"


def translate_log_format(log_format: str) -> str:
    """gunicorn's ``access_log_format`` in the language of `AccessLogger`; one in that language, and
    gunicorn's default, which nobody chose, are `AccessLogger`'s own.

    Raises `ValueError` for an atom of gunicorn's that nothing here stands for."""
    if log_format == AccessLogFormat.default:
        return AccessLogger.LOG_FORMAT
    return _ATOM.sub(_translate, log_format)


def _translate(atom: re.Match[str]) -> str:
    simple, header, side, conversion = atom.groups()
    if conversion in ("s", "d"):
        if simple in _ATOMS:
            return _ATOMS[simple]
        if header is not None and side in ("i", "o"):
            return f"%{{{header}}}{side}"
    raise ValueError(
        f"access_log_format: nothing stands for {atom[0]!r}. Of gunicorn's atoms there are "
        f"{', '.join(_ATOMS)}, "
        "{header}i and {header}o; those of AccessLogger (%a %t %P %r %s %b %T %Tf %D) can be used as well"
    )
