"""A queue of items with an end, for one reader (aiohttp documentation, ``DataQueue``)."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

from .streams import EofStream

T = TypeVar("T")


class DataQueue(Generic[T]):
    """Items that are fed and read in order, up to an end or an exception.

    ``loop``
        the event loop in which it is read.

    Nothing bounds it: whoever feeds it has to know how far the reader is behind (``len``). Reading is also
    ``async for``, which ends at the end.
    """

    __slots__ = ("_exception", "_is_ended", "_items", "_loop", "_waiter")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._items: deque[T] = deque()
        self._is_ended = False
        self._exception: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._items)

    def __bool__(self) -> bool:
        return True

    def is_eof(self) -> bool:
        """Whether the end was fed. There may be something left to read."""
        return self._is_ended

    def at_eof(self) -> bool:
        """Whether the end was fed and everything before it was read."""
        return self._is_ended and not self._items

    def exception(self) -> BaseException | None:
        """What the reader gets once everything is read."""
        return self._exception

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:
        """End the queue with an exception, which a reader that waits gets at once."""
        if exc_cause is not None:
            exc.__cause__ = exc_cause
        self._exception = exc
        self.feed_eof()

    def feed_data(self, data: T, size: int = 0) -> None:
        """Put an item at the end; ``size`` means nothing, as in aiohttp."""
        self._items.append(data)
        self._wake()

    def feed_eof(self) -> None:
        """Say that nothing more will come."""
        self._is_ended = True
        self._wake()

    async def read(self) -> T:
        """The next item, waiting for it.

        Raises `EofStream` at the end, or the exception that was set; `RuntimeError` while another task waits
        here. Cancelled, it loses nothing."""
        if not self._items and not self._is_ended:
            if self._waiter is not None:
                raise RuntimeError("another task waits for this queue already")
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        if self._items:
            return self._items.popleft()
        raise self._exception or EofStream

    def __aiter__(self) -> "DataQueue[T]":
        return self

    async def __anext__(self) -> T:
        try:
            return await self.read()
        except EofStream:
            raise StopAsyncIteration from None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
