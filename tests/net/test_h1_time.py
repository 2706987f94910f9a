"""How long a client may take, with whatever it is expected to do."""

import asyncio

import pytest

from sketch.http.errors import RemoteProtocolError
from sketch.http.exchange import Exchange, Peer
from sketch.http.heads import ResponseHead
from sketch.http.limits import DEFAULT_LIMITS, Limits
from tests.conformance.driver import settle
from tests.net.stage import (
    GET,
    LARGE,
    Line,
    answer_large,
    echo_target,
    get,
    head,
    pass_time,
    post,
    read_all,
    run,
    serving,
)


def test_the_first_byte() -> None:
    async def main() -> None:
        async with serving(echo_target) as stage:
            line = await stage.connect()
            await pass_time(DEFAULT_LIMITS.first_byte_timeout - 3)
            assert line.is_open
            await pass_time(3)
            assert not line.is_open and line.transport.received == b""
            assert stage.server.connections == []

    run(main)


def test_the_next_request() -> None:
    async def main() -> None:
        async with serving(echo_target) as stage:
            line = await stage.connect(GET)
            await pass_time(DEFAULT_LIMITS.keepalive_timeout - 3)
            await line.send(GET)
            assert line.bodies == [b"/", b"/"]
            await pass_time(DEFAULT_LIMITS.keepalive_timeout - 3)
            assert line.is_open
            await pass_time(3)
            assert not line.is_open and line.bodies == [b"/", b"/"]

    run(main)


BEGINNINGS = pytest.mark.parametrize(
    "packets",
    [
        [b"GET / HT"],
        [GET, b"GET / HT"],
        [GET + b"GET / HT"],
        [GET, b"\r\nGET / HT"],
        [b"\r\n", b"GET / HT"],
    ],
    ids=["first", "next", "sent ahead", "after an empty line", "an empty line before"],
)


@BEGINNINGS
def test_the_rest_of_a_head(packets: list[bytes]) -> None:
    """Counted from its first byte; further ones gain no time."""

    async def main() -> None:
        async with serving(echo_target) as stage:
            line = await stage.connect(*packets)
            await pass_time(DEFAULT_LIMITS.head_timeout / 2 - 2)
            await line.send(b"TP/1.1\r\n")
            await pass_time(DEFAULT_LIMITS.head_timeout / 2 - 2)
            await line.send(b"X-One: 1\r\n")
            assert line.is_open
            await pass_time(3)
            answer = line.answers()[-1]
            assert answer.status == 408 and answer.is_complete
            assert answer.get_all("Connection") == ["close"]
            assert not line.is_open

    run(main)


def test_a_handler_may_take_as_long_as_it_likes() -> None:
    async def main() -> None:
        released = asyncio.Event()

        async def handler(exchange: Exchange) -> None:
            await released.wait()
            await echo_target(exchange)

        async with serving(handler) as stage:
            line = await stage.connect(GET)
            await pass_time(1000)
            released.set()
            await settle()
            assert line.bodies == [b"/"] and line.is_open

    run(main)


# -- bodies ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_that_stays_away(is_chunked: bool) -> None:
    """Rate or silence, whichever is first: of an average of 240 bytes per second nothing is left after ten
    seconds without any."""

    async def main() -> None:
        async with serving(read_then_answer) as stage:
            line = await stage.connect(chunked() if is_chunked else post(1_000_000))
            await pass_time(DEFAULT_LIMITS.body_grace - 2)
            assert line.transport.received == b""
            await pass_time(2)
            await assert_timed_out(line)

    run(main)


def test_a_body_that_comes_too_slowly() -> None:
    async def main() -> None:
        async with serving(read_then_answer) as stage:
            line = await stage.connect(post(1_000_000))
            for _ in range(9):  # 9 seconds, 100 bytes each: enough for 10 + 900 / 240 seconds.
                await line.send(b"x" * 100)
                await pass_time(0)
            for _ in range(3):
                assert line.transport.received == b""
                await line.send(b"x" * 100)
                await pass_time(0)
            await line.send(b"x")
            await pass_time(4)
            await assert_timed_out(line)

    run(main)


def test_what_came_fast_may_be_followed_by_a_pause() -> None:
    """But not by a silence of 30 seconds, however much came before."""

    async def main() -> None:
        async with serving(read_then_answer) as stage:
            line = await stage.connect(post(1_000_000), LARGE)
            for _ in range(3):
                await pass_time(DEFAULT_LIMITS.body_timeout - 3)
                assert line.transport.received == b""
                await line.send(b"x")
            await pass_time(DEFAULT_LIMITS.body_timeout)
            await assert_timed_out(line)

    run(main)


def test_a_body_that_is_not_read_is_not_late() -> None:
    """Only the time counts in which the server would take it."""

    async def main() -> None:
        released = asyncio.Event()

        async def handler(exchange: Exchange) -> None:
            await released.wait()
            await read_then_answer(exchange)

        async with serving(handler) as stage:
            line = await stage.connect(post(len(LARGE) * 3), LARGE)
            await pass_time(1000)
            assert line.transport.received == b""
            released.set()
            await settle()
            await pass_time(DEFAULT_LIMITS.body_timeout - 3)
            await line.send(LARGE, LARGE)
            assert line.bodies == [b"600000"] and line.is_open

    run(main)


def test_a_body_is_expected_from_the_invitation_on() -> None:
    async def main() -> None:
        released = asyncio.Event()

        async def handler(exchange: Exchange) -> None:
            await released.wait()
            await read_then_answer(exchange)

        async with serving(handler) as stage:
            line = await stage.connect(post(10, "Expect: 100-continue"))
            await pass_time(1000)
            released.set()
            await settle()
            assert line.transport.received.startswith(b"HTTP/1.1 100 ")
            await pass_time(DEFAULT_LIMITS.body_grace - 3)
            assert b"408" not in line.transport.received
            await pass_time(3)
            await assert_timed_out(line)

    run(main)


@pytest.mark.parametrize(
    ("rate", "timeout", "is_in_time"),
    [(0, None, True), (0, 5.0, False), (100_000, None, False), (1, 0, True)],
)
def test_a_handler_has_its_own_idea_of_slowness(
    rate: int | None, timeout: float | None, is_in_time: bool
) -> None:
    async def main() -> None:
        async def handler(exchange: Exchange) -> None:
            exchange.limit_body(rate=rate, timeout=timeout)
            await read_then_answer(exchange)

        async with serving(handler) as stage:
            line = await stage.connect(post(300), b"x" * 299)
            await pass_time(DEFAULT_LIMITS.body_grace + 10)
            await line.send(b"x")
            assert line.statuses == [200 if is_in_time else 408]

    run(main)


def chunked() -> bytes:
    return get("/", "Transfer-Encoding: chunked")


async def read_then_answer(exchange: Exchange) -> None:
    try:
        body = await read_all(exchange)
    except RemoteProtocolError as error:
        exchange.respond(head(error.status), str(error).encode())
    else:
        exchange.respond(head(), str(len(body)).encode())


async def assert_timed_out(line: Line) -> None:
    answer = line.answers()[-1]
    assert answer.status == 408 and answer.is_complete
    assert answer.get_all("Connection") == ["close"]
    assert not line.is_open
    await pass_time(DEFAULT_LIMITS.lingering_timeout)
    assert line.transport.is_lost


# -- answers that nobody takes -------------------------------------------------------------------------


@pytest.mark.parametrize("is_streaming", [False, True])
def test_a_client_that_takes_nothing(is_streaming: bool) -> None:
    async def main() -> None:
        async def handler(exchange: Exchange) -> None:
            if not is_streaming:
                exchange.respond(head(), LARGE)
                return
            exchange.start(head(), 3 * len(LARGE))
            await exchange.send(LARGE)

        async with serving(handler) as stage:
            line = await stage.connect(GET, takes=False)
            await pass_time(0)
            await pass_time(DEFAULT_LIMITS.send_timeout - 4)
            assert not line.transport.is_lost
            await pass_time(4)
            assert line.transport.is_lost

    run(main)


def test_a_client_that_takes_a_little_now_and_then() -> None:
    async def main() -> None:
        async with serving(answer_large) as stage:
            line = await stage.connect(GET, takes=False)
            for _ in range(20):
                await pass_time(DEFAULT_LIMITS.send_timeout / 2)
                line.transport.take(10)
            assert not line.transport.is_lost
            line.transport.take()
            await settle()
            assert line.bodies == [LARGE] and line.is_open

    run(main)


def test_a_small_answer_that_nobody_takes() -> None:
    """Too small to make anybody wait, and no reason to keep the connection as long as an idle one."""

    async def main() -> None:
        async with serving(echo_target) as stage:
            line = await stage.connect(GET, takes=False)
            await pass_time(DEFAULT_LIMITS.send_timeout)
            assert not line.transport.is_lost
            await pass_time(DEFAULT_LIMITS.lingering_timeout)
            assert line.transport.is_lost

    run(main)


# -- closing -------------------------------------------------------------------------------------------


def test_a_closing_connection_takes_what_still_arrives() -> None:
    """A reset could destroy the answer on its way (RFC 9112, section 9.6)."""

    async def main() -> None:
        async with serving(echo_target) as stage:
            line = await stage.connect(b"what?\r\n\r\n")
            for _ in range(20):
                await line.send(LARGE)
                assert line.transport.unread == 0
            assert line.statuses == [400]
            assert line.transport.has_sent_end and not line.transport.is_lost
            await pass_time(DEFAULT_LIMITS.lingering_timeout)
            assert line.transport.is_lost

    run(main)


def test_a_closing_connection_ends_with_its_client() -> None:
    async def main() -> None:
        async with serving(echo_target) as stage:
            line = await stage.connect(b"what?\r\n\r\n")
            await line.end()
            assert line.transport.is_lost and not line.transport.is_cut

    run(main)


@pytest.mark.parametrize("request_bytes", [get("/", "Connection: close"), get("/") + b"what?\r\n\r\n"])
def test_a_slow_client_gets_the_rest_of_its_last_answer(request_bytes: bytes) -> None:
    """As long as it goes on taking it."""

    async def main() -> None:
        async with serving(answer_large) as stage:
            line = await stage.connect(request_bytes, takes=False)
            for _ in range(10):
                line.transport.take(20_000)
                await pass_time(DEFAULT_LIMITS.lingering_timeout)
            line.transport.take()
            assert line.bodies[0] == LARGE and line.answers()[0].is_complete

    run(main)


def test_a_client_that_does_not_take_the_rest_of_its_last_answer() -> None:
    async def main() -> None:
        async with serving(answer_large) as stage:
            line = await stage.connect()
            line.transport.stop_taking()
            await line.send(get("/", "Connection: close"))
            line.transport.take(1000)
            await pass_time(DEFAULT_LIMITS.lingering_timeout)
            assert not line.transport.is_lost
            await pass_time(DEFAULT_LIMITS.lingering_timeout)
            assert line.transport.is_cut and line.transport.is_lost

    run(main)


# -- bodies that nobody reads --------------------------------------------------------------------------


def test_the_rest_of_a_body_that_nobody_read() -> None:
    async def main() -> None:
        async with serving(echo_target) as stage:
            line = await stage.connect(post(100), b"x" * 50)
            assert line.bodies == [b"/"] and line.is_open
            await pass_time(DEFAULT_LIMITS.lingering_timeout)
            assert not line.is_open
            assert line.answers()[0].is_complete

    run(main)


def test_a_connection_is_idle_after_the_body_that_nobody_read() -> None:
    async def main() -> None:
        async with serving(echo_target) as stage:
            line = await stage.connect(post(100), b"x" * 50, b"x" * 50)
            await pass_time(DEFAULT_LIMITS.lingering_timeout + 10)
            await line.send(get("/2"))
            assert line.bodies == [b"/", b"/2"]

    run(main)


# -- what the access log is told -----------------------------------------------------------------------


@pytest.mark.parametrize("fails", [False, True])
def test_refusals_are_reported(fails: bool) -> None:
    reports: list[tuple[str | None, int, int]] = []

    def refused(peer: Peer, head: ResponseHead, size: int) -> None:
        reports.append((peer.host, head.status, size))
        if fails:
            raise LookupError

    async def main() -> None:
        async with serving(echo_target, refused=refused, limits=Limits(head_timeout=5)) as stage:
            lines = [await stage.connect(b"what?\r\n\r\n"), await stage.connect(b"GET /")]
            await pass_time(6)
            assert [line.statuses for line in lines] == [[400], [408]]
            sizes = [len(line.transport.received) for line in lines]
            assert reports == [("192.0.2.1", 400, sizes[0]), ("192.0.2.1", 408, sizes[1])]
            assert [record.exc_info is not None for record in stage.errors] == [True, True] * fails

    run(main)
