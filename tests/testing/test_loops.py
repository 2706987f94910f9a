"""Event loops by hand."""

import asyncio

import pytest
import uvloop

from sketch.testing import VirtualLoop, loop_context, setup_test_loop, teardown_test_loop


@pytest.mark.parametrize("fast", [False, True])
def test_a_loop_by_hand(fast: bool) -> None:
    loop = setup_test_loop()
    assert asyncio.get_event_loop_policy().get_event_loop() is loop
    called: list[int] = []
    loop.call_soon(called.append, 1)
    teardown_test_loop(loop, fast=fast)
    assert loop.is_closed() and called == [1]
    teardown_test_loop(loop, fast=True)


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop, VirtualLoop])
def test_a_loop_around_a_block(factory: type[asyncio.AbstractEventLoop]) -> None:
    with loop_context(factory, fast=True) as loop:
        assert loop.run_until_complete(asyncio.sleep(0.001, 3)) == 3
    assert loop.is_closed()
    with pytest.raises(LookupError), loop_context(factory, fast=True) as loop:
        raise LookupError
    assert loop.is_closed()
