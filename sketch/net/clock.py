"""One coarse clock for all connections of a server.

It ticks once a second while there are connections: it tells the time to whoever sets a deadline, makes the
``Date`` field of the coming second, and has deadlines swept. No request sets a timer of its own.
"""

import asyncio
import time
from collections.abc import Callable

from ..http.dates import format_date
from ..http_writer import Automatic, make_automatic


class Clock:
    """The time in steps of a second.

    ``now``
        seconds of the loop's monotonic clock, as of the last tick.
    ``idle_deadline``
        until when a connection that falls idle now may stay so.
    ``automatic``
        the fields that every answer of this second carries.
    """

    __slots__ = ("_idle_timeout", "_loop", "_on_tick", "_timer", "_wall", "automatic", "idle_deadline", "now")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, on_tick: Callable[[float], None], *, idle_timeout: float
    ) -> None:
        self._loop = loop
        self._idle_timeout = idle_timeout
        self._on_tick = on_tick
        self._timer: asyncio.TimerHandle | None = None
        # A loop whose time is its own, as in tests, has a calendar of its own.
        self._wall: Callable[[], float] = getattr(loop, "wall_time", time.time)
        self._read()

    @property
    def is_running(self) -> bool:
        """Whether the clock ticks."""
        return self._timer is not None

    def start(self) -> None:
        """Begin to tick. Does nothing when it ticks already."""
        if self._timer is None:
            self._advance()

    def stop(self) -> None:
        """Stop ticking, so that a loop without connections has nothing to wake up for."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _read(self) -> float:
        wall = self._wall()
        self.now = self._loop.time()
        self.idle_deadline = self.now + self._idle_timeout
        self.automatic: Automatic = make_automatic(format_date(int(wall)))
        return wall

    def _advance(self) -> None:
        wall = self._read()
        # Just after the next whole second, so that Date is never behind by more than a moment.
        self._timer = self._loop.call_later(1.001 - wall % 1.0, self._tick)

    def _tick(self) -> None:
        self._advance()
        self._on_tick(self.now)
