"""A clock that nobody waits for: an event loop on which time passes only when nothing else is left to do.

`asyncio.sleep(3600)` takes an hour of this time and no time of yours, and everything that happens at a time
happens in its order: two runs of a test are alike. What the loop cannot see, such as another process, takes
no part: see `VirtualLoop.outside`.
"""

import asyncio
import selectors
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

DAY = 86400.0

_START = 1000.0
"""What the clock shows at first: not 0, which programs take for no time at all."""

_PATIENCE = 10.0
"""Real seconds for other threads to make themselves heard, when nothing else can happen."""

_MOST_NAMED = 10


class Stalled(RuntimeError):
    """Nothing can happen any more, or nothing has for a day of virtual time; the message names the tasks that
    wait."""


class _Selector(selectors.DefaultSelector):
    """Tells its loop when there is nothing to be done."""

    idle: Callable[[float | None], None]

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if events or (timeout is not None and timeout <= 0):
            return events
        self.idle(timeout)
        return super().select(0)

    def wait(self, seconds: float | None) -> bool:
        """Wait for something to come from outside; says whether it did."""
        return bool(super().select(seconds))


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer when every task waits.

    ``wall``
        what the calendar shows at first, in seconds since 1970; by default the time at which it is made, in
        whole seconds. ``Date`` fields come from there.
    ``horizon``
        seconds of virtual time after which a test that does not end raises `Stalled`: servers have timers of
        their own, so that time never runs out by itself.

    Use it with ``asyncio.Runner(loop_factory=VirtualLoop)``, or `run`. Threads of executors, among them those
    of `asyncio.to_thread`, are waited for, and no time passes meanwhile.
    """

    def __init__(self, *, wall: float | None = None, horizon: float = DAY) -> None:
        self._now = _START
        self._wall = float(int(time.time()) if wall is None else wall) - _START
        self._span = horizon
        self._horizon = _START + horizon
        self._outside = 0
        self._settling: list[asyncio.Future[None]] = []
        self._own_selector = _Selector()
        self._own_selector.idle = self._idle
        super().__init__(self._own_selector)
        if not horizon > 0:
            self.close()
            raise ValueError(f"horizon must be more than 0 seconds, got {horizon!r}")

    def time(self) -> float:
        """The virtual time in seconds, from an arbitrary beginning."""
        return self._now

    def wall_time(self) -> float:
        """What the calendar shows, in seconds since 1970."""
        return self._wall + self._now

    async def advance(self, seconds: float) -> None:
        """Let so much time pass, and everything happen that happens in it. Raises `ValueError` for less than
        0 seconds. Cancelled: the time up to then has passed."""
        if not seconds >= 0:
            raise ValueError(f"time does not go back: advance({seconds!r})")
        self._horizon = max(self._horizon, self._now + seconds + self._span)
        await asyncio.sleep(seconds)
        await self.settle()

    async def settle(self) -> None:
        """Wait until every other task waits for time to pass, or for something that never comes. No time
        passes."""
        waiter: asyncio.Future[None] = self.create_future()
        self._settling.append(waiter)
        await waiter

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Around whatever happens outside of the loop and is waited for: a thread of your own, another
        process, a socket to one. Meanwhile no time passes, and it is really waited for."""
        self._outside += 1
        try:
            yield
        finally:
            self._outside -= 1

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """As in asyncio. No time passes until the function has returned."""
        future = super().run_in_executor(executor, func, *args)
        self._outside += 1
        future.add_done_callback(self._came_back)
        return future

    async def shutdown_default_executor(self, *args: Any, **kwargs: Any) -> None:
        """As in asyncio."""
        with self.outside():
            await super().shutdown_default_executor(*args, **kwargs)

    def _came_back(self, future: "asyncio.Future[Any]") -> None:
        self._outside -= 1

    def _idle(self, timeout: float | None) -> None:
        """Nothing is ready, and nothing will be before ``timeout`` seconds have passed."""
        if self._outside:
            self._own_selector.wait(None)
        elif self._settling:
            waiters, self._settling = self._settling, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)
        elif timeout is not None:
            self._pass(timeout)
        elif not self._can_be_woken():
            raise Stalled(f"every task waits for what never comes: {self._name_tasks()}")

    def _pass(self, seconds: float) -> None:
        if self._now + seconds > self._horizon:
            self._horizon = self._now + self._span
            raise Stalled(
                f"{self._span:.0f} seconds of virtual time have passed since the test last asked for any, "
                f"and it is not over (VirtualLoop.advance asks, horizon bounds it): {self._name_tasks()}"
            )
        self._now += seconds

    def _can_be_woken(self) -> bool:
        # One is the pipe through which threads and signals wake the loop.
        if len(self._own_selector.get_map()) > 1:
            return self._own_selector.wait(None)
        return threading.active_count() > 1 and self._own_selector.wait(_PATIENCE)

    def _name_tasks(self) -> str:
        names = sorted(_describe(task) for task in asyncio.all_tasks(self))
        more = ["..."] if len(names) > _MOST_NAMED else []
        return ", ".join(names[:_MOST_NAMED] + more) or "there are none"


def _describe(task: "asyncio.Task[Any]") -> str:
    """The coroutines of a task, each of which waits for the next one, and where the last of them waits."""
    names, where = [], ""
    coroutine: Any = task.get_coro()
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        names.append(coroutine.__qualname__)
        where = f" at {frame.f_code.co_filename}:{frame.f_lineno}"
        coroutine = coroutine.cr_await
    return (" > ".join(names) or task.get_name()) + where


def run(main: Coroutine[Any, Any, T], *, wall: float | None = None, horizon: float = DAY) -> T:
    """Run a coroutine on a `VirtualLoop` of its own, to which the keywords belong, and return what it
    returns: what ``asyncio.run`` is for real time."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(wall=wall, horizon=horizon)) as runner:
        return runner.run(main)
