"""A block that ends with its client and with its server, and what is not its end."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sketch.http.errors import Disconnected
from sketch.http.exchange import Exchange
from sketch.http.heads import ResponseHead
from sketch.http.memory import MemoryExchange, answer
from sketch.presence import Presence
from tests.conformance.driver import settle
from tests.net.stage import run

Block = Callable[[Presence, Exchange], Awaitable[object]]


class Played:
    """A handler with such a block, being run.

    ``log``
        what it did.
    """

    def __init__(self, block: Block, *, cancels: bool = False) -> None:
        self.block = block
        self.exchange = MemoryExchange()
        self.cancels = cancels
        self.log: list[str] = []
        self.presence: Presence | None = None
        self.task = asyncio.create_task(answer(self.handle, self.exchange))

    async def handle(self, exchange: Exchange) -> None:
        exchange.cancel_on_disconnect = self.cancels
        exchange.start(ResponseHead(200, "OK"))
        task = asyncio.current_task()
        assert task is not None
        try:
            async with (presence := Presence(exchange)):
                self.presence = presence
                assert exchange.cancel_on_disconnect and presence.is_entered
                try:
                    await self.block(presence, exchange)
                    self.log.append("block ended")
                finally:
                    self.log.append("cleaned up")
            self.log.append("went on")
        finally:
            assert not presence.is_entered
            assert exchange.cancel_on_disconnect is self.cancels
            self.log.append(f"cancelled {task.cancelling()}")
        await asyncio.sleep(0)
        self.log.append("ended")


async def wait_for_ever(presence: Presence, exchange: Exchange) -> None:
    await asyncio.Event().wait()


WENT_ON = ["cleaned up", "went on", "cancelled 0", "ended"]


def test_a_block_that_ends_by_itself() -> None:
    async def main() -> None:
        async def block(presence: Presence, exchange: Exchange) -> None:
            await asyncio.sleep(0)

        played = Played(block)
        await played.task
        assert played.log == ["block ended", *WENT_ON]
        assert played.presence is not None
        played.presence.leave()

    run(main)


@pytest.mark.parametrize("event", ["disconnect", "begin_draining", "leave"])
def test_a_block_that_is_ended(event: str) -> None:
    async def main() -> None:
        played = Played(wait_for_ever)
        await settle()
        assert played.presence is not None
        getattr(played.presence if event == "leave" else played.exchange, event)()
        await played.task
        assert played.log == WENT_ON

    run(main)


def test_more_than_one_end_at_a_time() -> None:
    async def main() -> None:
        played = Played(wait_for_ever)
        await settle()
        assert played.presence is not None
        played.presence.leave()
        played.presence.leave()
        played.exchange.begin_draining()
        played.exchange.disconnect()
        await played.task
        assert played.log == WENT_ON

    run(main)


def test_one_whose_end_was_before_it() -> None:
    async def main() -> None:
        for event in ("disconnect", "begin_draining"):
            played = Played(wait_for_ever)
            getattr(played.exchange, event)()
            await played.task
            assert played.log == WENT_ON

    run(main)


def test_one_that_leaves_and_never_waits() -> None:
    async def main() -> None:
        ended: list[bool] = []

        async def handle(exchange: Exchange) -> None:
            exchange.start(ResponseHead(200, "OK"))
            async with Presence(exchange) as presence:
                presence.leave()
            await asyncio.sleep(0)
            await exchange.finish()
            ended.append(True)

        exchange = MemoryExchange()
        await answer(handle, exchange)
        assert ended and exchange.response_complete

    run(main)


def test_disconnected_out_of_a_write_is_an_end_where_it_is_this_client() -> None:
    async def main() -> None:
        async def block(presence: Presence, exchange: Exchange) -> None:
            assert isinstance(exchange, MemoryExchange)
            exchange.cancel_on_disconnect = False
            exchange.disconnect()
            await exchange.send(b"hello")

        played = Played(block)
        await played.task
        assert played.log == WENT_ON

        async def send_to_another(presence: Presence, exchange: Exchange) -> None:
            raise Disconnected("another one")

        played = Played(send_to_another)
        with pytest.raises(Disconnected, match="another one"):
            await played.task

    run(main)


def test_groups_of_tasks_end_with_it() -> None:
    async def main() -> None:
        async def block(presence: Presence, exchange: Exchange) -> None:
            async def send() -> None:
                try:
                    await asyncio.Event().wait()
                finally:
                    await exchange.send(b"more")

            async with asyncio.TaskGroup() as group:
                group.create_task(send())
                group.create_task(send())

        played = Played(block)
        await settle()
        played.exchange.disconnect()
        await played.task
        assert played.log == WENT_ON

    run(main)


@pytest.mark.parametrize("event", [None, "disconnect", "begin_draining", "leave"])
def test_other_errors_are_errors(event: str | None) -> None:
    async def main() -> None:
        async def block(presence: Presence, exchange: Exchange) -> None:
            if event is None:
                raise ValueError("broken")
            asyncio.get_running_loop().call_soon(getattr(presence if event == "leave" else exchange, event))
            try:
                await asyncio.Event().wait()
            finally:
                raise ValueError("broken")

        played = Played(block)
        with pytest.raises(ValueError, match="broken"):
            await played.task
        assert played.log == ["cleaned up", "cancelled 0"]

    run(main)


def test_other_cancellations_are_cancellations() -> None:
    async def main() -> None:
        for event in (None, "disconnect", "begin_draining"):
            played = Played(wait_for_ever)
            await settle()
            played.task.cancel()
            if event is not None:
                getattr(played.exchange, event)()
            with pytest.raises(asyncio.CancelledError):
                await played.task
            assert "went on" not in played.log

    run(main)


def test_a_handler_that_is_to_be_cancelled_is() -> None:
    async def main() -> None:
        played = Played(wait_for_ever, cancels=True)
        await settle()
        played.exchange.disconnect()
        with pytest.raises(asyncio.CancelledError):
            await played.task
        assert played.log == ["cleaned up", "cancelled 1"]

    run(main)


def test_a_timeout_around_it_and_one_inside_are_their_own() -> None:
    async def main() -> None:
        async def block(presence: Presence, exchange: Exchange) -> None:
            try:
                async with asyncio.timeout(0):
                    await asyncio.Event().wait()
            except TimeoutError:
                presence.leave()
                await asyncio.Event().wait()

        played = Played(block)
        await played.task
        assert played.log == WENT_ON

        async def handle(exchange: Exchange) -> None:
            exchange.start(ResponseHead(200, "OK"))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0), Presence(exchange):
                    await asyncio.Event().wait()

        await answer(handle, MemoryExchange())

    run(main)
