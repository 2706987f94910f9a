"""The ends of a connection that has no half close, as over TLS. The time is the test's."""

import pytest

from sketch.http.limits import DEFAULT_LIMITS, Limits
from tests.conformance.driver import settle
from tests.net.stage import GET, Line, Stage, echo_target, pass_time, post, run, serving
from tests.net.transport import FakeTlsTransport

NONSENSE = b"nonsense\r\n\r\n"


async def connect(stage: Stage, *data: bytes) -> Line:
    line = Line(stage.server, make_transport=FakeTlsTransport)
    await settle()
    await line.send(*data)
    return line


def test_who_is_refused_and_silent_is_closed_soon() -> None:
    async def main() -> None:
        async with serving(echo_target) as stage:
            line = await connect(stage, NONSENSE)
            assert line.statuses == [400] and not line.transport.is_closing()
            await pass_time(3)
            assert line.transport.is_lost and not line.transport.is_cut

    run(main)


def test_who_is_refused_and_still_sends_is_heard_out_for_a_while() -> None:
    async def main() -> None:
        async with serving(echo_target) as stage:
            line = await connect(stage, NONSENSE)
            for _ in range(int(DEFAULT_LIMITS.lingering_timeout) // 2 - 1):
                await line.send(b"x" * 1000, GET)
                await pass_time(1)
                assert not line.transport.is_closing() and line.transport.unread == 0
            await line.send(b"x" * 1000)
            await pass_time(3)
            assert line.transport.is_lost and not line.transport.is_cut
            assert line.statuses == [400]

    run(main)


def test_who_is_refused_and_leaves_is_gone_at_once() -> None:
    async def main() -> None:
        async with serving(echo_target) as stage:
            line = await connect(stage, NONSENSE)
            await line.end()
            assert line.transport.is_lost and stage.server.connections == []

    run(main)


def test_who_does_not_take_the_refusal_is_cut_off() -> None:
    async def main() -> None:
        async with serving(echo_target) as stage:
            line = await connect(stage)
            line.transport.stop_taking()
            await line.send(NONSENSE)
            await pass_time(DEFAULT_LIMITS.lingering_timeout)
            assert line.transport.is_closing() and not line.transport.is_lost
            await pass_time(DEFAULT_LIMITS.lingering_timeout)
            assert line.transport.is_cut

    run(main)


def test_who_takes_the_refusal_slowly_gets_it() -> None:
    async def main() -> None:
        async with serving(echo_target) as stage:
            line = await connect(stage)
            line.transport.stop_taking()
            await line.send(NONSENSE)
            while line.transport.get_write_buffer_size() > 40:
                line.transport.take(40)
                await pass_time(DEFAULT_LIMITS.lingering_timeout - 3)
                assert not line.transport.is_cut
            line.transport.take()
            assert line.statuses == [400] and line.answers()[0].is_complete

    run(main)


@pytest.mark.parametrize("size", [1000, 200_000])
def test_a_body_that_nobody_reads_may_be_long(size: int) -> None:
    """The client was not told that the answer is the last, and cannot be told now."""

    async def main() -> None:
        async with serving(echo_target, limits=Limits(discard=10_000)) as stage:
            line = await connect(stage, post(size), b"x" * size, GET)
            assert line.statuses == [200, 200] and not line.transport.is_closing()

    run(main)


def test_a_body_that_nobody_reads_may_not_be_slow() -> None:
    async def main() -> None:
        async with serving(echo_target) as stage:
            line = await connect(stage, post(1000), b"x")
            await pass_time(DEFAULT_LIMITS.lingering_timeout)
            await line.send(b"x")
            await pass_time(3)
            await pass_time(3)
            assert line.transport.is_lost and line.statuses == [200]

    run(main)
