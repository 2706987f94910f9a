"""How exchanges and connections end: in order, in the middle, and when nobody asked."""

import asyncio
from typing import Any

import pytest

from sketch.http.errors import Disconnected, LocalProtocolError
from sketch.http.exchange import Exchange
from sketch.http.limits import DEFAULT_LIMITS
from tests.conformance.driver import settle, until
from tests.net.stage import (
    GET,
    Line,
    echo_body,
    echo_target,
    get,
    head,
    post,
    read_all,
    run,
    serving,
)

# -- bodies that nobody reads --------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 1000, DEFAULT_LIMITS.discard])
@pytest.mark.parametrize("comes_late", [False, True])
def test_a_small_body_that_nobody_read(size: int, comes_late: bool) -> None:
    """It is thrown away, and the connection goes on."""

    async def main() -> None:
        async with serving(echo_target) as stage:
            line = await stage.connect(post(size, target="/1"))
            if not comes_late:
                line = await stage.connect(post(size, target="/1") + b"x" * size + get("/2"))
            else:
                await line.send(b"x" * (size - 1), b"x", get("/2"))
            await until(lambda: len(line.bodies) == 2)
            assert line.bodies == [b"/1", b"/2"] and line.is_open

    run(main)


def test_a_large_body_that_nobody_read() -> None:
    """The connection ends; the answer arrives although the client goes on sending."""

    async def main() -> None:
        async with serving(echo_target) as stage:
            line = await stage.connect(post(2**24), *[b"x" * 2**16] * 5)
            assert not line.is_open and not line.transport.is_lost
            await line.send(*[b"x" * 2**16] * 20)
            await until(lambda: line.transport.unread == 0)
            assert line.bodies == [b"/"] and line.answers()[0].is_complete
            await line.end()
            assert line.transport.is_lost

    run(main)


def test_a_chunked_body_that_breaks_after_the_answer() -> None:
    async def main() -> None:
        async with serving(echo_target) as stage:
            line = await stage.connect(
                get("/", "Transfer-Encoding: chunked"), b"5\r\nabcde\r\n", b"what?\r\n"
            )
            assert line.statuses == [200] and not line.is_open

    run(main)


# -- Expect: 100-continue ------------------------------------------------------------------------------


def test_an_invited_body() -> None:
    async def main() -> None:
        async with serving(echo_body) as stage:
            line = await stage.connect(post(3, "Expect: 100-continue"))
            assert line.transport.received == b"HTTP/1.1 100 Continue\r\n\r\n"
            await line.send(b"abc")
            await line.send(GET)
            assert line.bodies == [b"abc", b""]

    run(main)


def test_a_body_that_does_not_wait_is_not_invited() -> None:
    async def main() -> None:
        async with serving(echo_body) as stage:
            line = await stage.connect(post(3, "Expect: 100-continue") + b"abc" + GET)
            assert [answer.interim for answer in line.answers()] == [[], []]
            assert line.bodies == [b"abc", b""]

    run(main)


def test_a_body_that_was_not_invited_ends_the_connection() -> None:
    """Whether it comes nobody knows: the next bytes may be it, or another request."""

    async def main() -> None:
        async with serving(echo_target) as stage:
            line = await stage.connect(post(3, "Expect: 100-continue"))
            (answer,) = line.answers()
            assert (answer.interim, answer.get_all("Connection")) == ([], ["close"])
            await line.send(get("/smuggled"))
            assert len(line.answers()) == 1 and not line.is_open

    run(main)


# -- backpressure --------------------------------------------------------------------------------------


def test_a_handler_that_does_not_read_stops_the_socket() -> None:
    async def main() -> None:
        released = asyncio.Event()

        async def handler(exchange: Exchange) -> None:
            await released.wait()
            await echo_body(exchange)

        async with serving(handler) as stage:
            size = 2**22
            line = await stage.connect(post(size))
            for _ in range(size // 2**14):
                line.transport.feed(b"x" * 2**14)
            await settle()
            assert not line.transport.is_reading()
            assert size - line.transport.unread <= DEFAULT_LIMITS.read_buffer + 2**14
            released.set()
            await until(lambda: line.transport.unread == 0)
            await until(lambda: line.bodies == [b"x" * size])

    run(main)


def test_a_client_that_does_not_take_its_answers_gets_no_more_of_them() -> None:
    async def main() -> None:
        async def handler(exchange: Exchange) -> None:
            exchange.respond(head(), b"x" * 50_000)

        async with serving(handler) as stage:
            line = await stage.connect()
            line.transport.stop_taking()
            await line.send(GET * 100)
            await settle()
            assert stage.server.requests_count == 2
            line.transport.take()
            await until(lambda: stage.server.requests_count == 100)
            await settle()
            assert line.bodies == [b"x" * 50_000] * 100

    run(main)


# -- a peer that leaves --------------------------------------------------------------------------------

PHASES = {
    "before the head": b"",
    "in the head": b"GET / HTTP/1.1\r\nHo",
    "in the body": post(100) + b"x" * 50,
    "in a chunk": get("/", "Transfer-Encoding: chunked") + b"5\r\nab",
    "while the handler runs": GET,
    "with a request sent ahead": GET + GET,
    "after the answer": get("/now"),
    "in the answer": get("/stream"),
    "before the rest of a body that nobody read": post(100, target="/now") + b"x" * 50,
    "while it is refused": b"what?\r\n\r\n",
}


async def answer_somehow(exchange: Exchange) -> None:
    """A handler with a way for each phase."""
    try:
        if exchange.head.target == "/stream":
            exchange.start(head())
            while True:
                await exchange.send(b"x" * 1000)
                await asyncio.sleep(0)
        if exchange.head.target == "/now":
            exchange.respond(head())
        else:
            await read_all(exchange)
            await until(lambda: exchange.is_disconnected)
            exchange.respond(head())
    except Disconnected:
        exchange.respond(head(500)) if not exchange.response_started else exchange.abort()


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("cancels", [False, True])
def test_a_peer_that_leaves(phase: str, cancels: bool) -> None:
    """In whatever phase: no traceback, no task, nothing left."""

    async def main() -> None:
        async with serving(answer_somehow, handler_cancellation=cancels) as stage:
            line = await stage.connect(PHASES[phase])
            await line.leave()
            await settle()
            assert stage.errors == []
            assert stage.server.connections == []

    run(main)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("turns", range(8))
def test_a_peer_that_leaves_at_once(phase: str, turns: int) -> None:
    """Before the server has had so many turns of the loop."""

    async def main() -> None:
        async with serving(answer_somehow, handler_cancellation=True) as stage:
            line = Line(stage.server)
            line.transport.feed(PHASES[phase])
            for _ in range(turns):
                await asyncio.sleep(0)
            await line.leave()
            assert stage.errors == []
            assert stage.server.connections == []

    run(main)


@pytest.mark.parametrize("cancels", [False, True])
def test_handler_cancellation(cancels: bool) -> None:
    async def main() -> None:
        ended: list[str] = []
        released = asyncio.Event()

        async def handler(exchange: Exchange) -> None:
            try:
                await released.wait()
                ended.append("in order")
            except asyncio.CancelledError:
                ended.append("cancelled")
                raise

        async with serving(handler, handler_cancellation=cancels) as stage:
            line = await stage.connect(GET)
            await line.leave()
            assert ended == ["cancelled"] * cancels
            released.set()
            await settle()
            assert ended == ["cancelled" if cancels else "in order"]

    run(main)


# -- handlers that fail --------------------------------------------------------------------------------


class Failed(Exception):
    """What a broken handler raises."""


async def _return(exchange: Exchange) -> None:
    await asyncio.sleep(0) if exchange.head.target == "/later" else None


async def _fail(exchange: Exchange) -> None:
    await _return(exchange)
    raise Failed


async def _cancel_itself(exchange: Exchange) -> None:
    await _return(exchange)
    raise asyncio.CancelledError


async def _return_halfway(exchange: Exchange) -> None:
    await _return(exchange)
    exchange.start(head(), 10)
    await exchange.send(b"half")


@pytest.mark.parametrize("target", ["/now", "/later"])
@pytest.mark.parametrize("handler", [_return, _fail, _cancel_itself, _return_halfway])
def test_a_handler_that_does_not_answer(handler: Any, target: str) -> None:
    """The client is shown that there is no answer, and what it sent ahead is not run."""

    async def main() -> None:
        async with serving(handler) as stage:
            line = await stage.connect(get(target) + GET)
            assert line.transport.is_cut and stage.server.connections == []
            assert stage.server.requests_count == 1
            assert [answer.is_complete for answer in line.answers()] == [False] * (handler is _return_halfway)
            assert len(stage.errors) == (handler is _fail)

    run(main)


def test_a_handler_that_fails_after_its_answer() -> None:
    async def main() -> None:
        async def handler(exchange: Exchange) -> None:
            await echo_target(exchange)
            raise Failed

        async with serving(handler) as stage:
            line = await stage.connect(GET, GET)
            assert line.bodies == [b"/", b"/"] and line.is_open
            assert len(stage.errors) == 2

    run(main)


@pytest.mark.parametrize("target", ["/now", "/later"])
@pytest.mark.parametrize("way_out", [SystemExit, KeyboardInterrupt])
def test_a_handler_that_ends_the_program(way_out: type[BaseException], target: str) -> None:
    """It leaves the event loop, and its connection is not left hanging."""
    lines: list[Line] = []

    async def handler(exchange: Exchange) -> None:
        await _return(exchange)
        exchange.respond(head(500))
        raise way_out

    async def main() -> None:
        async with serving(handler) as stage:
            lines.append(Line(stage.server))
            await lines[0].send(get(target))

    with pytest.raises(way_out):
        run(main)
    assert lines[0].statuses == [500] and lines[0].transport.is_lost


# -- what is left behind -------------------------------------------------------------------------------


def test_a_leftover_task_cannot_write_into_another_answer() -> None:
    async def main() -> None:
        exchanges: list[Exchange] = []

        async def handler(exchange: Exchange) -> None:
            exchanges.append(exchange)
            if len(exchanges) == 1:
                await echo_target(exchange)
                return
            exchange.start(head())
            await exchange.send(b"mine")
            old: Any = exchanges[0]
            for method, status in ((old.respond, 200), (old.start, 200), (old.inform, 103)):
                with pytest.raises(LocalProtocolError):
                    method(head(status))
            for awaitable in (old.send(b"yours"), old.finish()):
                with pytest.raises(LocalProtocolError):
                    await awaitable
            old.abort()
            old.keep_alive = False
            assert old.response_complete and old.is_disconnected and old.transport is None
            await exchange.finish()

        async with serving(handler) as stage:
            line = await stage.connect(get("/1"), get("/2"))
            assert line.bodies == [b"/1", b"mine"] and line.is_open

    run(main)


def test_a_leftover_task_that_reads_is_told() -> None:
    async def main() -> None:
        reading: list[asyncio.Task[bytes]] = []

        async def handler(exchange: Exchange) -> None:
            reading.append(asyncio.create_task(exchange.read()))
            await settle()
            exchange.respond(head(), b"enough")

        async with serving(handler) as stage:
            line = await stage.connect(post(10))
            await until(lambda: bool(reading) and reading[0].done())
            assert isinstance(reading[0].exception(), LocalProtocolError)
            await line.send(b"x" * 10 + GET)
            await until(lambda: len(reading) == 2 and len(line.bodies) == 2)
            assert reading[1].result() == b""

    run(main)
