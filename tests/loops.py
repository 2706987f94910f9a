"""Both event loops, for tests over sockets."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import uvloop

NewLoop = Callable[[], asyncio.AbstractEventLoop]

LOOPS = pytest.mark.parametrize(
    "new_loop", [asyncio.SelectorEventLoop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
"""Gives a test each of the two as ``new_loop``."""

PATIENCE = 60.0
"""Seconds for what takes a fraction of one on an idle machine."""


def run(new_loop: NewLoop, main: Callable[[], Awaitable[None]]) -> None:
    """Run a coroutine function to its end on such a loop."""

    async def bounded() -> None:
        async with asyncio.timeout(PATIENCE):
            await main()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(bounded())
