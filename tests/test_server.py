"""The server: its connections, and how it goes away."""

import asyncio
import logging
from contextlib import suppress

import pytest

from sketch.http.errors import LocalProtocolError
from sketch.http.exchange import Exchange
from sketch.http.limits import DEFAULT_LIMITS, Limits
from sketch.server import CANCELLATION_GRACE, Server
from tests.conformance.driver import settle, until
from tests.net.stage import GET, Line, answer_large, echo_target, get, head, pass_time, run, serving


class Gate:
    """A handler that waits until it may answer."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.ended: list[str] = []

    async def handle(self, exchange: Exchange) -> None:
        try:
            await self.opened.wait()
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise
        self.ended.append("in order")
        await echo_target(exchange)


# -- while it serves -----------------------------------------------------------------------------------


def test_it_needs_a_loop() -> None:
    with pytest.raises(RuntimeError):
        Server(echo_target)
    loop = asyncio.SelectorEventLoop()
    Server(echo_target, loop=loop)
    loop.close()


def test_it_knows_its_connections() -> None:
    async def main() -> None:
        async with serving(echo_target) as stage:
            assert stage.server.connections == [] and stage.server.requests_count == 0
            first, second = await stage.connect(GET), await stage.connect(GET, GET)
            assert set(stage.server.connections) == {first.connection, second.connection}
            assert stage.server.requests_count == 3
            await first.end()
            assert stage.server.connections == [second.connection]

    run(main)


def test_the_write_buffer_is_the_limits() -> None:
    async def main() -> None:
        async def handler(exchange: Exchange) -> None:
            exchange.start(head())
            for _ in range(100):
                await exchange.send(b"x" * 1000)
            await exchange.finish()

        async with serving(handler, limits=Limits(write_buffer=5000)) as stage:
            line = await stage.connect(GET, takes=False)
            assert 5000 < line.transport.get_write_buffer_size() < 7000
            line.transport.take()
            await until(lambda: line.bodies == [b"x" * 100_000])

    run(main)


@pytest.mark.parametrize("answers", [False, True])
def test_a_handler_that_says_itself_when_it_is_done(answers: bool) -> None:
    async def main() -> None:
        async def handler(exchange: Exchange) -> None:
            if answers:
                exchange.respond(head(), b"x")
            exchange.end()
            exchange.end()
            assert exchange.is_disconnected
            with pytest.raises(LocalProtocolError, match="is over"):
                exchange.respond(head(), b"again")

        async with serving(handler, ends_exchanges=True) as stage:
            line = await stage.connect(GET, GET)
            assert line.statuses == [200, 200] * answers
            assert line.transport.is_cut is not answers

    run(main)


def test_a_handler_that_fails_without_an_answer() -> None:
    async def main() -> None:
        async def handler(exchange: Exchange) -> None:
            raise LookupError("what is this?")

        async with serving(handler) as stage:
            line = await stage.connect(GET)
            assert line.transport.is_cut and line.transport.received == b""
            [record] = stage.errors
            assert "has to answer, whatever happens" in record.getMessage()

    run(main)


# -- going away ----------------------------------------------------------------------------------------


def test_idle_connections_are_closed() -> None:
    async def main() -> None:
        async with serving(echo_target) as stage:
            lines = [await stage.connect(), await stage.connect(GET)]
            stage.server.pre_shutdown()
            await settle()
            assert not any(line.is_open or line.transport.is_cut for line in lines)
            # What a client sends before it sees the end is not answered with a reset.
            await lines[1].send(GET)
            assert not lines[1].transport.is_lost and lines[1].bodies == [b"/"]
            for line in lines:
                await line.end()
            assert stage.server.connections == []

    run(main)


def test_a_request_that_has_arrived_is_answered() -> None:
    """It was sent before anybody could know."""

    async def main() -> None:
        async with serving(echo_target) as stage:
            lines = [await stage.connect(), await stage.connect(GET)]
            for line in lines:
                line.transport.feed(get("/late"))
            stage.server.pre_shutdown()
            await settle()
            assert [line.bodies[-1] for line in lines] == [b"/late", b"/late"]
            assert all(line.answers()[-1].get_all("Connection") == ["close"] for line in lines)

    run(main)


def test_an_answer_that_has_not_said_that_it_is_the_last() -> None:
    """The client may send another request, which must not meet a reset."""

    async def main() -> None:
        released = asyncio.Event()

        async def handler(exchange: Exchange) -> None:
            exchange.start(head(), 3)
            await released.wait()
            await exchange.send(b"one")
            await exchange.finish()

        async with serving(handler) as stage:
            line = await stage.connect(GET)
            stage.server.pre_shutdown()
            await settle()
            released.set()
            await line.send(GET)
            answers = line.answers()
            assert [answer.body for answer in answers] == [b"one", b"one"]
            assert [answer.get_all("Connection") for answer in answers] == [[], ["close"]]
            assert not line.is_open

    run(main)


def test_answers_in_flight_say_that_they_are_the_last() -> None:
    async def main() -> None:
        gate = Gate()
        async with serving(gate.handle) as stage:
            line = await stage.connect(get("/1"), get("/2"))
            stage.server.pre_shutdown()
            await settle()
            assert line.is_open
            gate.opened.set()
            await settle()
            (answer,) = line.answers()
            assert (answer.body, answer.get_all("Connection")) == (b"/1", ["close"])
            assert not line.is_open and stage.server.requests_count == 1

    run(main)


def test_a_streamed_answer_goes_on() -> None:
    async def main() -> None:
        released = asyncio.Event()

        async def handler(exchange: Exchange) -> None:
            exchange.start(head())
            await exchange.send(b"one")
            await released.wait()
            assert exchange.is_draining
            await exchange.send(b"two")
            await exchange.finish()

        async with serving(handler) as stage:
            line = await stage.connect(GET)
            stage.server.pre_shutdown()
            released.set()
            await settle()
            assert line.bodies == [b"onetwo"] and line.answers()[0].is_complete
            assert not line.is_open

    run(main)


@pytest.mark.parametrize("rest", [b"st\r\n\r\n", None])
def test_a_request_that_has_begun_to_come(rest: bytes | None) -> None:
    async def main() -> None:
        async with serving(echo_target) as stage:
            line = await stage.connect(b"GET / HTTP/1.1\r\nHost: localho")
            stage.server.pre_shutdown()
            await settle()
            assert line.is_open
            if rest is None:
                await pass_time(DEFAULT_LIMITS.head_timeout)
            else:
                await line.send(rest)
            (answer,) = line.answers()
            assert answer.status == (408 if rest is None else 200)
            assert answer.get_all("Connection") == ["close"]
            assert not line.is_open

    run(main)


def test_a_connection_that_comes_too_late() -> None:
    """It was in the backlog: its first answer is its last."""

    async def main() -> None:
        async with serving(echo_target) as stage:
            stage.server.pre_shutdown()
            line = await stage.connect(GET)
            (answer,) = line.answers()
            assert (answer.body, answer.get_all("Connection")) == (b"/", ["close"])
            assert not line.is_open

    run(main)


def test_requests_sent_ahead_of_the_end() -> None:
    """Whatever was answered before says nothing of an end: the next answer does."""

    async def main() -> None:
        async with serving(echo_target) as stage:
            line = Line(stage.server)
            await settle()
            line.transport.feed(GET * 100)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await stage.server.shutdown(None)
            answers = line.answers()
            assert 0 < len(answers) < 100
            assert answers[-1].get_all("Connection") == ["close"]
            assert all(answer.is_complete for answer in answers)

    run(main)


def test_a_slow_client_gets_the_rest_of_its_answer() -> None:
    async def main() -> None:
        async with serving(answer_large) as stage:
            line = await stage.connect(GET, takes=False)
            shutting_down = asyncio.create_task(stage.server.shutdown(60))
            await settle()
            line.transport.take(100_000)
            await settle()
            assert not shutting_down.done()
            line.transport.take()
            await shutting_down
            assert line.answers()[0].is_complete and not line.transport.is_cut

    run(main)


def test_a_client_that_takes_nothing_is_cut() -> None:
    async def main() -> None:
        async with serving(answer_large) as stage:
            line = await stage.connect()
            line.transport.stop_taking()
            await line.send(GET + GET)
            shutting_down = asyncio.create_task(stage.server.shutdown(5))
            await pass_time(3)
            assert not shutting_down.done()
            await pass_time(3)
            await shutting_down
            assert line.transport.is_cut and stage.errors == []

    run(main)


@pytest.mark.parametrize("cancels", [False, True])
def test_shutdown_waits_for_handlers_whose_clients_have_left(cancels: bool) -> None:
    """They may be in the middle of something, and what they use is taken down next."""

    async def main() -> None:
        released = asyncio.Event()
        ended: list[str] = []

        async def handler(exchange: Exchange) -> None:
            try:
                await asyncio.Event().wait() if cancels else None
            finally:
                await released.wait()
                ended.append("ended")

        async with serving(handler, handler_cancellation=cancels) as stage:
            line = await stage.connect(GET)
            await line.leave()
            assert stage.server.connections == []
            shutting_down = asyncio.create_task(stage.server.shutdown(60))
            await settle()
            assert not shutting_down.done()
            released.set()
            await shutting_down
            assert ended == ["ended"] and stage.errors == []
            assert stage.registry.abandoned == set()

    run(main)


def test_shutdown_cuts_handlers_whose_clients_have_left() -> None:
    async def main() -> None:
        gate = Gate()
        async with serving(gate.handle) as stage:
            line = await stage.connect(GET)
            await line.leave()
            await stage.server.shutdown(0)
            assert gate.ended == ["cancelled"] and len(stage.errors) == 1

    run(main)


@pytest.mark.parametrize("seconds", [60.0, None])
def test_shutdown_waits_for_handlers(seconds: float | None) -> None:
    async def main() -> None:
        gate = Gate()
        async with serving(gate.handle) as stage:
            line = await stage.connect(GET)
            shutting_down = asyncio.create_task(stage.server.shutdown(seconds))
            await pass_time(50)
            assert not shutting_down.done()
            gate.opened.set()
            await shutting_down
            await settle()
            assert line.bodies == [b"/"] and gate.ended == ["in order"]
            assert stage.errors == [] and stage.server.connections == []

    run(main)


def test_shutdown_cuts_what_takes_too_long() -> None:
    async def main() -> None:
        gate = Gate()
        async with serving(gate.handle) as stage:
            lines = [await stage.connect(GET) for _ in range(3)]
            shutting_down = asyncio.create_task(stage.server.shutdown(5))
            await pass_time(3)
            assert not shutting_down.done()
            await pass_time(3)
            await shutting_down
            assert gate.ended == ["cancelled"] * 3
            await settle()
            assert all(line.transport.is_cut for line in lines) and stage.server.connections == []
            (record,) = stage.errors
            assert record.levelno == logging.WARNING and "3" in record.getMessage()

    run(main)


def test_shutdown_leaves_those_behind_that_will_not_end() -> None:
    async def main() -> None:
        released = asyncio.Event()

        async def handler(exchange: Exchange) -> None:
            while not released.is_set():
                with suppress(asyncio.CancelledError):
                    await released.wait()

        async with serving(handler) as stage:
            await stage.connect(GET)
            shutdown = asyncio.create_task(stage.server.shutdown(0))
            await settle()
            await pass_time(CANCELLATION_GRACE - 2)
            assert not shutdown.done()
            await pass_time(2)
            await shutdown
            cut, left = stage.errors
            assert cut.getMessage() == "Shutdown: 1 request(s) were cut off: GET /"
            assert "goes on all the same and is left behind" in left.getMessage()
            released.set()
            await settle()

    run(main)


def test_a_cancelled_shutdown_cuts_at_once() -> None:
    async def main() -> None:
        gate = Gate()
        async with serving(gate.handle) as stage:
            line = await stage.connect(GET)
            shutting_down = asyncio.create_task(stage.server.shutdown(None))
            await settle()
            shutting_down.cancel()
            with pytest.raises(asyncio.CancelledError):
                await shutting_down
            await settle()
            assert gate.ended == ["cancelled"] and line.transport.is_cut

    run(main)


def test_two_shutdowns_at_once() -> None:
    async def main() -> None:
        async with serving(answer_large) as stage:
            line = await stage.connect(GET, takes=False)
            shutdowns = [asyncio.create_task(stage.server.shutdown(60)) for _ in range(2)]
            await settle()
            line.transport.take()
            await asyncio.gather(*shutdowns)
            assert line.answers()[0].is_complete

    run(main)


def test_shutdown_of_a_server_that_served_nobody() -> None:
    async def main() -> None:
        async with serving(echo_target) as stage:
            await stage.server.shutdown(None)
            await stage.server.shutdown()

    run(main)
