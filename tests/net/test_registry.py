"""What connections share, and that nothing stays of those that are gone."""

import gc
from collections import Counter

import pytest

from sketch.http.exchange import Exchange
from tests.net.stage import GET, echo_body, echo_target, get, head, post, run, serving


def test_the_clock_runs_while_there_are_connections() -> None:
    async def main() -> None:
        async with serving(echo_target) as stage:
            clock = stage.registry.clock
            assert not clock.is_running
            first, second = await stage.connect(), await stage.connect()
            assert clock.is_running
            await first.end()
            assert clock.is_running
            await second.leave()
            assert not clock.is_running
            await stage.connect()
            assert clock.is_running

    run(main)


def count_objects() -> Counter[type]:
    """How many objects of each type there are."""
    gc.collect()
    return Counter(map(type, gc.get_objects()))


@pytest.mark.parametrize("new_connections", [False, True])
def test_memory_does_not_grow(new_connections: bool) -> None:
    async def main() -> None:
        async def handler(exchange: Exchange) -> None:
            if exchange.head.target == "/stream":
                exchange.start(head())
                await exchange.send(b"piece")
                await exchange.finish()
            else:
                await echo_body(exchange)

        async with serving(handler) as stage:
            line = await stage.connect()

            async def serve(count: int) -> None:
                nonlocal line
                for number in range(count):
                    if new_connections:
                        await (line.leave if number % 2 else line.end)()
                        line = await stage.connect()
                    line.transport.received = b""
                    line.transport.writes.clear()
                    await line.send(GET, post(3) + b"abc", get("/stream"), post(3), b"ab", b"c")
                    assert line.statuses == [200] * 4

            await serve(50)
            before = count_objects()
            await serve(450)
            after = count_objects()
            # Some come with caches and the test itself; one for each request of a kind would be 450.
            assert {kind: n for kind, n in (after - before).items() if n > 300} == {}
            assert stage.server.requests_count == 2000

    run(main)
