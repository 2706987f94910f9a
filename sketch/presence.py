"""A block of code that goes on as long as its client is there and the server stays.

What `asyncio.timeout` is for a time, `Presence` is for a client: the block is cancelled where it waits, and
what comes after it goes on. Knows an exchange and a task. Refuses to know what is sent in the block.
"""

import asyncio
from types import TracebackType
from typing import Self

from .http.errors import Disconnected
from .http.exchange import Exchange


class Presence:
    """An asynchronous context manager whose block ends, without an exception, when the client leaves, when
    the server begins to shut down, and when `leave` is called. An end of what the client sends counts as
    leaving.

    While the block runs, the exchange's ``cancel_on_disconnect`` is on. Whoever else cancels the task, does.
    """

    __slots__ = ("_attendant", "_before", "_exchange", "_has_left", "_others", "_task")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._task: asyncio.Task[object] | None = None
        self._attendant: asyncio.Task[None] | None = None
        self._has_left = False
        # How often the task was cancelled before, and whether it would be in any case when the client leaves.
        self._others = 0
        self._before = False

    @property
    def is_entered(self) -> bool:
        """Whether the block runs."""
        return self._task is not None

    def leave(self) -> None:
        """End the block where it waits. Never waits itself, and may be called from anywhere in the event
        loop; does nothing outside of the block."""
        if self._task is not None and not self._has_left:
            self._has_left = True
            self._task.cancel()

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a response is streamed in a task")
        self._task = task
        self._others = task.cancelling()
        self._before = self._exchange.cancel_on_disconnect
        self._exchange.cancel_on_disconnect = True
        self._attendant = asyncio.create_task(self._attend())
        if self._exchange.is_disconnected:
            # Nobody else will say so.
            self.leave()
        return self

    async def _attend(self) -> None:
        await self._exchange.wait_draining()
        self.leave()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if self._attendant is not None:
            self._attendant.cancel()
        task, self._task = self._task, None
        assert task is not None, "it was entered"
        self._exchange.cancel_on_disconnect = self._before
        if self._has_left and error is None:
            # The block has ended before it has felt that.
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError as cancellation:
                error = cancellation
        for _ in range(self._count_own(task)):
            task.uncancel()
        if task.cancelling() > self._others:
            return False
        return (self._has_left or self._exchange.is_disconnected) and _is_departure(error)

    def _count_own(self, task: "asyncio.Task[object]") -> int:
        """How many of the task's cancellations come from here, or are the carrier's for this."""
        own = int(self._has_left)
        is_by_carrier = self._exchange.is_disconnected and not self._before
        return own + int(is_by_carrier and task.cancelling() == self._others + own + 1)


def _is_departure(error: BaseException | None) -> bool:
    """Whether nothing but the end of the block is the reason of this."""
    if isinstance(error, BaseExceptionGroup):
        return error.split((Disconnected, asyncio.CancelledError))[1] is None
    return isinstance(error, Disconnected | asyncio.CancelledError)
