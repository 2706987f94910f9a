"""Tasks that belong to an application and to no request: begun by handlers, awaited at the end.

Knows how many there are, how they failed, and when they may be begun. Refuses to know what they do, and
when the end is: the application and its runner say.
"""

import asyncio
import contextvars
import logging
from collections.abc import Coroutine, Sequence
from enum import Enum
from typing import Any, Final, NoReturn, TypeVar

from .callables import describe

T = TypeVar("T")

MAX_TASKS: Final = 1000
"""Tasks of one application at one time. Each costs some kilobytes and what it holds: so many that none has
ended yet mean that they are begun faster than they end."""


CANCELLATION_GRACE: Final = 5.0
"""Seconds that tasks have for their clean-up once they are cancelled."""

MOST_NAMED: Final = 10
"""Tasks that the log names when they are cancelled."""


class TooManyTasks(RuntimeError):
    """An application has as many background tasks as it may have. The coroutine was closed, not begun."""


class _Phase(Enum):
    """How far the application is, and what to do then about a task that is refused."""

    BEFORE = "has not started yet: spawn in on_startup, in cleanup_ctx, in a handler, or later"
    OPEN = "is running"
    AFTER = "is being cleaned up: spawn before on_cleanup, or await the coroutine"


class BackgroundTasks:
    """The background tasks of one application.

    ``logger``
        told of tasks that failed, and of those that had to be cancelled.
    ``limit``
        how many there may be at one time.
    """

    __slots__ = ("_limit", "_logger", "_loop", "_phase", "tasks")

    def __init__(self, logger: logging.Logger, limit: int = MAX_TASKS) -> None:
        if not isinstance(limit, int) or isinstance(limit, bool):
            raise TypeError(f"max_background_tasks={limit!r}: write a number of tasks, such as {MAX_TASKS}")
        if limit < 1:
            raise ValueError(f"max_background_tasks={limit!r}: write 1 or more")
        self._logger = logger
        self._limit = limit
        self._phase = _Phase.BEFORE
        self._loop: asyncio.AbstractEventLoop | None = None
        self.tasks: set[asyncio.Task[Any]] = set()
        """Those that have not ended."""

    def open(self) -> None:
        """Let tasks be spawned, in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._phase = _Phase.OPEN

    def spawn(
        self,
        coroutine: Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
    ) -> "asyncio.Task[T]":
        """See `sketch.application.Application.spawn`."""
        if not asyncio.iscoroutine(coroutine):
            raise TypeError(
                f"spawn() takes a coroutine, got {describe(coroutine)}: call the coroutine function, as in "
                "app.spawn(send_mail(address))"
            )
        if self._phase is not _Phase.OPEN:
            _refuse(coroutine, RuntimeError(f"spawn(): the application {self._phase.value}"))
        if len(self.tasks) >= self._limit:
            _refuse(coroutine, TooManyTasks(
                f"spawn(): {self._limit} background tasks have not ended yet; answer 503, begin fewer, or "
                "raise Application(max_background_tasks=...)"
            ))  # fmt: skip
        if _running_loop() is not self._loop:
            _refuse(coroutine, RuntimeError(
                "spawn() works in the event loop of the application only; from another thread, use "
                "loop.call_soon_threadsafe(app.spawn, coroutine)"
            ))  # fmt: skip
        task = asyncio.create_task(
            coroutine, name=name or getattr(coroutine, "__qualname__", None), context=context
        )
        self.tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self.tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        # What ends the program has left the loop already, and is no failure.
        if isinstance(error, Exception):
            self._logger.error("The background task %r failed", task.get_name(), exc_info=error)

    def cancel_all(self) -> "set[asyncio.Task[Any]]":
        """Refuse new tasks, and cancel those that are left, which are returned. The one that calls this is
        not among them."""
        self._phase = _Phase.AFTER
        left = self.tasks - {asyncio.current_task()}
        if left:
            names = sorted(task.get_name() for task in left)
            more = ", ..." if len(names) > MOST_NAMED else ""
            self._logger.warning(
                "Shutdown: %d background task(s) were cancelled: %s%s",
                len(left), ", ".join(names[:MOST_NAMED]), more,
            )  # fmt: skip
        for task in left:
            task.cancel()
        return left

    def report(self, stubborn: "set[asyncio.Task[Any]]") -> None:
        """Tell of the tasks among these that are its own."""
        for task in self.tasks & stubborn:
            self._logger.error(
                "Shutdown: a background task was cancelled, goes on all the same and is left behind: %r", task
            )


async def wait_for_all(groups: Sequence[BackgroundTasks], seconds: float | None) -> None:
    """Wait until no task is left, of those too that are spawned meanwhile, for at most so many seconds
    (``None``: for ever). Cancellation ends the waiting and nothing else."""
    own = asyncio.current_task()
    try:
        async with asyncio.timeout(seconds):
            while tasks := [task for group in groups for task in group.tasks if task is not own]:
                await asyncio.wait(tasks)
    except TimeoutError:
        pass


async def close_all(groups: Sequence[BackgroundTasks]) -> None:
    """Refuse new tasks, cancel those that are left, and wait `CANCELLATION_GRACE` for their ends. Cancelled,
    it no longer waits."""
    left = set().union(*[group.cancel_all() for group in groups])
    if not left:
        return
    _, stubborn = await asyncio.wait(left, timeout=CANCELLATION_GRACE)
    for group in groups:
        group.report(stubborn)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _refuse(coroutine: Coroutine[Any, Any, Any], error: RuntimeError) -> NoReturn:
    # Else Python would complain that nobody awaited it.
    coroutine.close()
    raise error
