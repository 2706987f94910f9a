"""What connections share, and that nothing stays of those that are gone."""

import gc
import resource
from collections import Counter

import pytest

from sketch.http.exchange import Exchange
from sketch.http.limits import Limits
from sketch.net.registry import MOST_CONNECTIONS
from tests.net.stage import GET, echo_body, echo_target, get, head, post, run, serving
from tests.net.transport import CLIENT


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
                    line.transport.written.clear()
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


# -- too many connections ------------------------------------------------------------------------------


class Door:
    """Something that accepts connections."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pause(self) -> None:
        self.calls.append("pause")

    def resume(self) -> None:
        self.calls.append("resume")


def test_accepting_pauses_while_there_are_too_many() -> None:
    async def main() -> None:
        async with serving(echo_target, limits=Limits(connections=20)) as stage:
            door = Door()
            stage.server.add_acceptor(door)
            lines = [await stage.connect() for _ in range(19)]
            assert door.calls == [] and stage.errors == []
            # What was accepted together with the last one stays.
            lines += [await stage.connect(GET) for _ in range(3)]
            assert door.calls == ["pause"]
            assert [line.bodies for line in lines[-3:]] == [[b"/"]] * 3
            [record] = stage.errors
            assert record.getMessage().startswith("20 connections are open")
            for line in lines[:3]:
                await line.leave()
            assert door.calls == ["pause"], "one comes, one goes, and accepting should not flicker"
            await lines[3].leave()
            assert door.calls == ["pause", "resume"]
            lines += [await stage.connect() for _ in range(2)]
            assert door.calls == ["pause", "resume", "pause"]

    run(main)


def test_a_door_that_comes_late_is_closed() -> None:
    """Another site is started, or the only one is told of when the first connections are there."""

    async def main() -> None:
        async with serving(echo_target, limits=Limits(connections=2)) as stage:
            lines = [await stage.connect() for _ in range(2)]
            door = Door()
            stage.server.add_acceptor(door)
            assert door.calls == ["pause"]
            await lines[0].leave()
            assert door.calls == ["pause", "resume"]

    run(main)


def test_without_a_door_what_is_too_much_is_closed() -> None:
    async def main() -> None:
        async with serving(echo_target, limits=Limits(connections=2)) as stage:
            lines = [await stage.connect() for _ in range(3)]
            assert [line.transport.is_lost for line in lines] == [False, False, True]
            await lines[0].leave()
            line = await stage.connect(GET)
            assert line.bodies == [b"/"]

    run(main)


def test_connections_of_one_address() -> None:
    async def main() -> None:
        async with serving(echo_target, limits=Limits(connections_per_peer=2)) as stage:
            lines = [await stage.connect() for _ in range(3)]
            assert [line.transport.is_lost for line in lines] == [False, False, True]
            other = await stage.connect(GET, address=("192.0.2.77", 1))
            assert other.bodies == [b"/"]
            await lines[0].leave()
            line = await stage.connect(GET)
            assert line.bodies == [b"/"]
            assert (await stage.connect()).transport.is_lost

    run(main)


def test_nobody_is_counted_for_ever() -> None:
    async def main() -> None:
        async with serving(echo_target, limits=Limits(connections_per_peer=2)) as stage:
            for number in range(10):
                line = await stage.connect(GET, address=(f"192.0.2.{number}", 1))
                await line.leave()
            assert not stage.registry._per_peer

    run(main)


def test_who_is_one_too_many_for_two_reasons_is_counted_once() -> None:
    async def main() -> None:
        limits = Limits(connections=3, connections_per_peer=2)
        async with serving(echo_target, limits=limits) as stage:
            await stage.connect(address=("192.0.2.77", 1))
            lines = [await stage.connect() for _ in range(5)]
            assert [line.transport.is_lost for line in lines] == [False, False, True, True, True]
            assert stage.registry._per_peer == {"192.0.2.77": 1, CLIENT[0]: 2}

    run(main)


def test_peers_without_an_address_are_not_counted() -> None:
    async def main() -> None:
        async with serving(echo_target, limits=Limits(connections_per_peer=1)) as stage:
            lines = [await stage.connect(GET, address="") for _ in range(3)]
            assert [line.bodies for line in lines] == [[b"/"]] * 3

    run(main)


@pytest.mark.parametrize(
    ("soft", "expected"),
    [(1024, 896), (100, 1), (65536, MOST_CONNECTIONS), (resource.RLIM_INFINITY, MOST_CONNECTIONS)],
)
def test_as_many_as_there_are_descriptors(soft: int, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda what: (soft, resource.RLIM_INFINITY))

    async def main() -> None:
        async with serving(echo_target) as stage:
            assert stage.registry.capacity == expected

    run(main)
