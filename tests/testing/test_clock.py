"""Time that passes when nobody has anything else to do."""

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from itertools import count

import pytest

from sketch.testing.clock import DAY, Stalled, VirtualLoop, run


def virtual_loop() -> VirtualLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop


def test_sleep_takes_the_time_that_it_says() -> None:
    async def main() -> float:
        before = virtual_loop().time()
        await asyncio.sleep(3600)
        return virtual_loop().time() - before

    assert run(main()) == pytest.approx(3600, abs=1e-6)


def test_what_is_due_happens_in_its_order() -> None:
    order: list[int] = []

    async def note(seconds: int) -> None:
        await asyncio.sleep(seconds)
        order.append(seconds)

    async def main() -> None:
        await asyncio.gather(*map(note, (300, 1, 7000, 20)))

    run(main())
    assert order == [1, 20, 300, 7000]


def test_no_time_passes_while_somebody_works() -> None:
    async def main() -> None:
        loop = virtual_loop()
        before = loop.time()
        for _ in range(1000):
            await asyncio.sleep(0)
        assert loop.time() == before

    run(main())


def test_a_timeout_comes_when_it_is_due() -> None:
    async def main() -> float:
        before = virtual_loop().time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await asyncio.Event().wait()
        return virtual_loop().time() - before

    assert run(main()) == pytest.approx(10, abs=1e-6)


def test_two_runs_are_alike() -> None:
    async def main() -> list[tuple[float, int]]:
        log: list[tuple[float, int]] = []

        async def tick(number: int) -> None:
            for _ in range(20):
                await asyncio.sleep(0.1 * number)
                log.append((asyncio.get_running_loop().time(), number))

        await asyncio.gather(*map(tick, range(1, 8)))
        return log

    assert run(main()) == run(main())


def test_advance_lets_all_happen_that_is_due() -> None:
    async def main() -> None:
        events: list[str] = []
        loop = virtual_loop()
        loop.call_later(5, events.append, "five")
        loop.call_later(10, lambda: loop.call_soon(events.append, "ten"))
        loop.call_later(10.1, events.append, "later")
        await loop.advance(10)
        assert events == ["five", "ten"]
        await loop.advance(0.2)
        assert events == ["five", "ten", "later"]
        with pytest.raises(ValueError, match="does not go back"):
            await loop.advance(-1)

    run(main())


def test_settle_lets_all_happen_that_needs_no_time() -> None:
    async def main() -> None:
        loop = virtual_loop()
        before = loop.time()
        steps = 0

        async def work() -> None:
            nonlocal steps
            for _ in range(500):
                await asyncio.sleep(0)
                steps += 1
            await asyncio.sleep(1)
            steps += 1

        task = asyncio.create_task(work())
        await loop.settle()
        assert (steps, loop.time()) == (500, before)
        await task
        assert steps == 501

    run(main())


def test_the_calendar() -> None:
    async def main() -> tuple[float, float]:
        loop = virtual_loop()
        before = loop.wall_time()
        await asyncio.sleep(100)
        return before, loop.wall_time()

    assert run(main(), wall=946684800) == pytest.approx((946684800, 946684900), abs=1e-6)


# -- what the loop does not see -------------------------------------------------------------------------


def test_threads_are_waited_for_and_time_stands_still() -> None:
    async def main() -> None:
        loop = virtual_loop()
        before = loop.time()
        is_free = threading.Event()
        async with asyncio.timeout(1):
            threading.Timer(0.05, is_free.set).start()
            assert await asyncio.to_thread(is_free.wait, 30)
        assert loop.time() == before

    run(main())


def test_other_work_outside() -> None:
    async def main() -> None:
        loop = virtual_loop()
        before = loop.time()
        program = "import time; time.sleep(0.05); print('done')"
        with loop.outside():
            async with asyncio.timeout(1):
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-c", program, stdout=subprocess.PIPE
                )
                output, _ = await process.communicate()
        assert output.strip() == b"done"
        assert loop.time() == before

    run(main())


def test_sockets_of_the_same_loop() -> None:
    async def main() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readexactly(5))
            writer.close()

        server = await asyncio.start_server(answer, sock=socket.create_server(("127.0.0.1", 0)))
        port = server.sockets[0].getsockname()[1]
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"hello")
            assert await reader.read() == b"hello"
        writer.close()
        server.close()
        await server.wait_closed()

    run(main())


# -- tests that do not end ------------------------------------------------------------------------------


async def wait_for_ever() -> None:
    await asyncio.Event().wait()


async def tick_for_ever() -> None:
    for _ in count():
        await asyncio.sleep(60)


def stalls(main: Callable[[], Awaitable[None]], match: str, horizon: float = DAY) -> None:
    async def outer() -> None:
        await main()

    with pytest.raises(Stalled, match=match):
        run(outer(), horizon=horizon)


def test_nothing_can_happen_any_more() -> None:
    async def main() -> None:
        waiting = asyncio.create_task(wait_for_ever())
        await waiting

    stalls(main, "never comes.*wait_for_ever")


def test_a_day_has_passed() -> None:
    stalls(tick_for_ever, "86400 seconds.*tick_for_ever")


def test_the_horizon_is_counted_from_what_was_asked_for() -> None:
    async def main() -> None:
        await virtual_loop().advance(10 * DAY)
        await asyncio.sleep(DAY - 1)

    async def too_long() -> None:
        await virtual_loop().advance(10 * DAY)
        await asyncio.sleep(DAY + 1)

    run(main())
    stalls(too_long, "86400 seconds")
    with pytest.raises(ValueError, match="horizon"):
        VirtualLoop(horizon=0)


def test_tasks_are_cleaned_up_after_a_stall() -> None:
    events: list[str] = []

    async def main() -> None:
        try:
            await wait_for_ever()
        finally:
            await asyncio.sleep(5)
            events.append("cleaned up")

    stalls(main, "never comes")
    assert events == ["cleaned up"]


def test_many_tasks_are_not_all_named() -> None:
    async def main() -> None:
        await asyncio.gather(*[wait_for_ever() for _ in range(30)])

    stalls(main, r"\.\.\.$")
