"""The loop of a coroutine test that this project's plugin runs: a new one for each."""

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from .clock import VirtualLoop
from .loops import LoopFactory, loop_context


@pytest.fixture
def loop_factory(request: pytest.FixtureRequest) -> LoopFactory:
    """Makes the event loop; to be overridden for another kind."""
    if request.node.get_closest_marker("virtual_clock") is not None:
        return VirtualLoop
    return asyncio.new_event_loop


@pytest.fixture
def loop(loop_factory: LoopFactory, request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    """The event loop in which the test and its asynchronous fixtures run."""
    config = request.config
    with loop_context(loop_factory, fast=config.getoption("aiohttp_fast", False)) as loop:
        if config.getoption("aiohttp_enable_loop_debug", False):
            loop.set_debug(True)
        yield loop
        loop.run_until_complete(_clear(loop))


@pytest.fixture
def proactor_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """The event loop of Windows for a test that needs that one."""
    if sys.platform != "win32":
        pytest.skip("the proactor event loop is for Windows")
    with loop_context(asyncio.ProactorEventLoop) as loop:
        yield loop


async def _clear(loop: asyncio.AbstractEventLoop) -> None:
    """Leave nothing behind, as `asyncio.run` does."""
    left: set[asyncio.Task[Any]] = asyncio.all_tasks(loop) - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()
