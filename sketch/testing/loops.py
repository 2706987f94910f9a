"""Event loops by hand, for tests that nobody else runs (aiohttp documentation, "Testing")."""

import asyncio
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def setup_test_loop(loop_factory: LoopFactory = asyncio.new_event_loop) -> asyncio.AbstractEventLoop:
    """A new event loop, which is the current one from now on. `teardown_test_loop` closes it."""
    loop = loop_factory()
    asyncio.set_event_loop(loop)
    return loop


def teardown_test_loop(loop: asyncio.AbstractEventLoop, fast: bool = False) -> None:
    """Close a loop; there is no current one from now on.

    ``fast``
        whether to do without collecting garbage, which finds what a test has left behind.
    """
    asyncio.set_event_loop(None)
    if not loop.is_closed():
        # What was called for the last turn of the loop still happens.
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
    if not fast:
        gc.collect()


@contextmanager
def loop_context(
    loop_factory: LoopFactory = asyncio.new_event_loop, fast: bool = False
) -> Iterator[asyncio.AbstractEventLoop]:
    """`setup_test_loop` and `teardown_test_loop` around a block."""
    loop = setup_test_loop(loop_factory)
    try:
        yield loop
    finally:
        teardown_test_loop(loop, fast)
