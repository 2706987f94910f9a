"""The queue with an end: what is fed is read, in order, whoever comes first."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from sketch import DataQueue, EofStream


def run(steps: Callable[[Any], Awaitable[None]], *, on_aiohttp: bool = False) -> None:
    """Run a coroutine function with a queue."""

    async def play() -> None:
        kind: Any = aiohttp.DataQueue if on_aiohttp else DataQueue
        await steps(kind(asyncio.get_running_loop()))

    asyncio.run(play())


@pytest.mark.parametrize("on_aiohttp", [False, True])
def test_what_was_fed_is_read_in_order_up_to_the_end(on_aiohttp: bool) -> None:
    async def steps(queue: Any) -> None:
        queue.feed_data("one")
        queue.feed_data("two", 3)
        queue.feed_eof()
        assert (len(queue), queue.is_eof(), queue.at_eof()) == (2, True, False)
        assert [await queue.read(), await queue.read()] == ["one", "two"]
        assert queue.at_eof()
        with pytest.raises((EofStream, aiohttp.EofStream)):
            await queue.read()

    run(steps, on_aiohttp=on_aiohttp)


@pytest.mark.parametrize("on_aiohttp", [False, True])
def test_a_reader_that_comes_first_waits(on_aiohttp: bool) -> None:
    async def steps(queue: Any) -> None:
        reader = asyncio.create_task(queue.read())
        await asyncio.sleep(0)
        queue.feed_data("late")
        assert await reader == "late"
        reader = asyncio.create_task(queue.read())
        await asyncio.sleep(0)
        error = LookupError("broken")
        queue.set_exception(error, OSError("cause"))
        with pytest.raises(LookupError) as raised:
            await reader
        assert isinstance(raised.value.__cause__, OSError)
        assert queue.exception() is error and queue.is_eof()

    run(steps, on_aiohttp=on_aiohttp)


@pytest.mark.parametrize("on_aiohttp", [False, True])
def test_iterating_ends_at_the_end(on_aiohttp: bool) -> None:
    async def steps(queue: Any) -> None:
        for number in range(3):
            queue.feed_data(number)
        queue.feed_eof()
        assert [item async for item in queue] == [0, 1, 2]

    run(steps, on_aiohttp=on_aiohttp)


def test_an_exception_comes_after_what_was_fed_before() -> None:
    async def steps(queue: DataQueue[str]) -> None:
        queue.feed_data("first")
        queue.set_exception(OSError("then"))
        assert await queue.read() == "first"
        with pytest.raises(OSError, match="then"):
            await queue.read()

    run(steps)


def test_a_cancelled_reader_loses_nothing_and_a_second_one_is_refused() -> None:
    async def steps(queue: DataQueue[str]) -> None:
        reader = asyncio.create_task(queue.read())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="another task"):
            await queue.read()
        reader.cancel()
        queue.feed_data("kept")
        with pytest.raises(asyncio.CancelledError):
            await reader
        assert await queue.read() == "kept"

    run(steps)
