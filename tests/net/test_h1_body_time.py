"""When a body is waited for, and when it is known that it will not come."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sketch.http.errors import Disconnected, RemoteProtocolError
from sketch.http.exchange import Exchange
from sketch.http.heads import ResponseHead
from sketch.http.limits import DEFAULT_LIMITS
from tests.conformance.driver import settle
from tests.net.stage import get, head, pass_time, post, read_all, run, serving

EXPECT = "Expect: 100-continue"


async def at_once(exchange: Exchange) -> None:
    """Nothing comes before the body is read."""


async def later(exchange: Exchange) -> None:
    """The body is read when some of it is there."""
    await asyncio.sleep(5)
    assert exchange.read_nowait() == b"x"


async def after_hints(exchange: Exchange) -> None:
    """The handler invites the client itself."""
    exchange.inform(ResponseHead(100, "Continue"))


async def after_the_head(exchange: Exchange) -> None:
    """Nothing interim can be sent any more: the client is never invited."""
    exchange.start(head(400))


@pytest.mark.parametrize(
    ("before", "sent"), [(at_once, b""), (later, b"x"), (after_hints, b""), (after_the_head, b"")]
)
def test_a_client_that_expects_to_be_invited_is_not_waited_for_longer(
    before: Callable[[Exchange], Awaitable[None]], sent: bytes
) -> None:
    """However it came about that its body is expected."""

    async def main() -> None:
        statuses: list[int] = []

        async def handler(exchange: Exchange) -> None:
            await before(exchange)
            try:
                await read_all(exchange)
            except RemoteProtocolError as error:
                statuses.append(error.status)

        async with serving(handler) as stage:
            line = await stage.connect(post(10, EXPECT))
            await line.send(sent)
            await pass_time(5)
            await pass_time(DEFAULT_LIMITS.body_grace)
            assert statuses == [408]

    run(main)


@pytest.mark.parametrize("sent", [b"", b"abc"])
def test_a_body_sent_ahead_by_a_client_that_then_half_closes(sent: bytes) -> None:
    """It is known as soon as its turn comes that it will not be whole, and nobody waits for more."""

    async def main() -> None:
        pieces: list[bytes] = []

        async def handler(exchange: Exchange) -> None:
            if exchange.head.method == "POST":
                exchange.limit_body(rate=0, timeout=0)
                with pytest.raises(Disconnected):
                    while True:
                        pieces.append(await exchange.read())
            exchange.respond(head())

        async with serving(handler) as stage:
            line = await stage.connect()
            line.transport.feed(get("/") + post(10) + sent)
            await line.end()
            assert b"".join(pieces) == sent
            assert stage.server.connections == []

    run(main)


def test_what_is_left_of_a_body_s_time_is_not_the_end_s() -> None:
    """A connection that closes goes on taking the body for as long as any other."""

    async def main() -> None:
        released = asyncio.Event()

        async def handler(exchange: Exchange) -> None:
            await released.wait()
            exchange.keep_alive = False
            exchange.respond(head(413))

        async with serving(handler) as stage:
            line = await stage.connect(post(1000), b"x")
            await pass_time(DEFAULT_LIMITS.body_grace - 4)
            released.set()
            await settle()
            await pass_time(DEFAULT_LIMITS.lingering_timeout - 3)
            assert not line.transport.is_lost
            await pass_time(3)
            assert line.transport.is_lost

    run(main)
