"""The loop of a coroutine test that pytest-asyncio runs."""

import asyncio

from .fixtures import async_fixture


@async_fixture
async def loop() -> asyncio.AbstractEventLoop:
    """The event loop in which the test runs."""
    return asyncio.get_running_loop()
