"""So many requests at a time; the others wait for their turn, and not for ever."""

import asyncio
from collections.abc import Callable

import pytest

from sketch.http.exchange import Exchange, Peer
from sketch.http.heads import ResponseHead
from sketch.http.limits import Limits
from tests.conformance.driver import settle
from tests.net.stage import GET, Line, Stage, get, head, pass_time, run, serving

TWO = Limits(requests=2, queued_requests=3, queue_timeout=5.0)


class Handlers:
    """Handlers that wait until they are told to answer, by target."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}

    async def __call__(self, exchange: Exchange) -> None:
        target = exchange.head.target
        self.begun.append(target)
        self._ends[target] = asyncio.Event()
        await self._ends[target].wait()
        exchange.respond(head(), target.encode())

    async def end(self, target: str) -> None:
        self._ends[target].set()
        await settle()


async def ask(stage: Stage, *targets: str) -> list[Line]:
    return [await stage.connect(get(target)) for target in targets]


def test_the_others_wait_for_their_turn() -> None:
    async def main() -> None:
        handlers = Handlers()
        async with serving(handlers, limits=TWO) as stage:
            lines = await ask(stage, "/1", "/2", "/3", "/4", "/5")
            assert handlers.begun == ["/1", "/2"]
            await handlers.end("/2")
            assert handlers.begun == ["/1", "/2", "/3"]
            await handlers.end("/1")
            await handlers.end("/3")
            assert handlers.begun == ["/1", "/2", "/3", "/4", "/5"]
            await handlers.end("/5")
            await handlers.end("/4")
            assert [line.bodies for line in lines] == [[b"/1"], [b"/2"], [b"/3"], [b"/4"], [b"/5"]]

    run(main)


def test_a_full_queue() -> None:
    refused: list[tuple[int, int]] = []

    def note(peer: Peer, answer: ResponseHead, size: int) -> None:
        refused.append((answer.status, size))

    async def main() -> None:
        handlers = Handlers()
        async with serving(handlers, limits=TWO, refused=note) as stage:
            lines = await ask(stage, "/1", "/2", "/3", "/4", "/5", "/6")
            answer = lines[-1].answers()[0]
            assert (answer.status, answer.get_all("Retry-After")) == (503, ["5"])
            assert refused == [(503, len(lines[-1].transport.received))]
            # The request was a good one: its connection may ask again.
            assert lines[-1].is_open
            for target in ("/1", "/2", "/3", "/4", "/5"):
                await handlers.end(target)
            await lines[-1].send(get("/again"))
            await handlers.end("/again")
            assert lines[-1].statuses == [503, 200]

    run(main)


def test_a_request_that_waits_too_long() -> None:
    async def main() -> None:
        handlers = Handlers()
        async with serving(handlers, limits=TWO) as stage:
            lines = await ask(stage, "/1", "/2", "/3")
            await pass_time(3)
            assert lines[2].transport.received == b""
            await pass_time(2)
            assert lines[2].statuses == [503]
            await handlers.end("/1")
            await handlers.end("/2")
            lines += await ask(stage, "/4", "/5", "/6")
            assert handlers.begun == ["/1", "/2", "/4", "/5"]

    run(main)


@pytest.mark.parametrize("is_told", [False, True], ids=["in the queue", "when its turn has come"])
def test_a_client_that_leaves_while_it_waits(is_told: bool) -> None:
    async def main() -> None:
        handlers = Handlers()
        async with serving(handlers, limits=TWO, handler_cancellation=True) as stage:
            lines = await ask(stage, "/1", "/2", "/3", "/4")
            lines[2].transport.disconnect()
            if is_told:
                handlers._ends["/1"].set()
            await settle()
            await settle()
            if not is_told:
                await handlers.end("/1")
            assert handlers.begun == ["/1", "/2", "/4"]

    run(main)


@pytest.mark.parametrize("answer", [None, RuntimeError], ids=["answers", "fails"])
def test_every_end_of_a_handler_makes_room(answer: Callable[[], Exception] | None) -> None:
    async def main() -> None:
        begun = 0

        async def handler(exchange: Exchange) -> None:
            nonlocal begun
            begun += 1
            if answer is not None:
                exchange.respond(head(500))
                raise answer()
            exchange.respond(head())

        async with serving(handler, limits=Limits(requests=1, queued_requests=0)) as stage:
            for _ in range(5):
                await stage.connect(GET)
            assert begun == 5

    run(main)


def test_an_answer_that_streams_makes_room() -> None:
    """It may go on for hours: it counts as a connection."""

    async def main() -> None:
        ends = asyncio.Event()

        async def handler(exchange: Exchange) -> None:
            if exchange.head.target == "/stream":
                exchange.start(head())
                await ends.wait()
                await exchange.finish()
            else:
                exchange.respond(head())

        async with serving(handler, limits=Limits(requests=1, queued_requests=0)) as stage:
            stream = await stage.connect(get("/stream"))
            line = await stage.connect(GET)
            assert line.statuses == [200]
            ends.set()
            await settle()
            assert stream.statuses == [200]
            # Its end makes no second room.
            assert stage.registry.admission is not None
            assert stage.registry.admission.inside == set()

    run(main)
