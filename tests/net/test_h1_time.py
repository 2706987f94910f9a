"""How long a client may take, with whatever it is expected to do."""

import asyncio

import pytest

from sketch.http.exchange import Exchange, Peer
from sketch.http.heads import ResponseHead
from sketch.http.limits import DEFAULT_LIMITS, Limits
from tests.conformance.driver import settle
from tests.net.stage import GET, echo_target, get, head, pass_time, post, run, serving

LARGE = b"x" * 200_000


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
        async def handler(exchange: Exchange) -> None:
            exchange.respond(head(), LARGE)

        async with serving(handler) as stage:
            line = await stage.connect()
            line.transport.stop_taking()
            await line.send(request_bytes)
            for _ in range(10):
                line.transport.take(20_000)
                await pass_time(DEFAULT_LIMITS.lingering_timeout)
            line.transport.take()
            assert line.bodies[0] == LARGE and line.answers()[0].is_complete

    run(main)


def test_a_client_that_does_not_take_the_rest_of_its_last_answer() -> None:
    async def main() -> None:
        async def handler(exchange: Exchange) -> None:
            exchange.respond(head(), LARGE)

        async with serving(handler) as stage:
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
