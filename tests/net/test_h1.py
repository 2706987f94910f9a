"""An HTTP/1 connection: which request is next, whose context is whose, and how it all ends."""

import asyncio
import contextvars

import pytest

from sketch.http.errors import Disconnected, RemoteProtocolError
from sketch.http.exchange import Exchange
from sketch.http.limits import DEFAULT_LIMITS, Limits
from tests.conformance.driver import settle, until
from tests.net.stage import (
    GET,
    LAST_GET,
    echo_body,
    echo_target,
    get,
    head,
    pass_time,
    post,
    read_all,
    run,
    serving,
)

# -- requests one after the other ----------------------------------------------------------------------


def test_one_request_after_the_other() -> None:
    async def main() -> None:
        async with serving(echo_target) as stage:
            line = await stage.connect(get("/1"))
            assert line.bodies == [b"/1"]
            await line.send(get("/2"))
            assert line.bodies == [b"/1", b"/2"]
            assert stage.server.requests_count == 2
            assert line.is_open

    run(main)


@pytest.mark.parametrize("size", [1, 3, 50, 10**6])
def test_requests_sent_ahead_are_answered_in_order(size: int) -> None:
    async def main() -> None:
        async with serving(echo_target) as stage:
            wire = b"".join(get(f"/{number}") for number in range(20))
            line = await stage.connect(*(wire[start : start + size] for start in range(0, len(wire), size)))
            while len(line.bodies) < 20:
                await settle()
            assert line.bodies == [b"/%d" % number for number in range(20)]

    run(main)


def test_answers_do_not_overtake() -> None:
    """The first request sent ahead takes the longest."""

    async def main() -> None:
        released = asyncio.Event()

        async def handler(exchange: Exchange) -> None:
            if exchange.head.target == "/slow":
                await released.wait()
            await echo_target(exchange)

        async with serving(handler) as stage:
            line = await stage.connect(get("/slow"), get("/2"), get("/3") + get("/4"))
            assert line.bodies == [] and stage.server.requests_count == 1
            released.set()
            await settle()
            assert line.bodies == [b"/slow", b"/2", b"/3", b"/4"]

    run(main)


def test_thousands_of_requests_in_one_packet() -> None:
    """They do not nest, and do not keep another connection waiting."""

    async def main() -> None:
        async with serving(echo_target) as stage:
            flood = await stage.connect()
            other = await stage.connect()
            flood.transport.feed(GET * 3000)
            other.transport.feed(GET)
            await settle()
            assert other.bodies == [b"/"]
            assert stage.server.requests_count < 100
            await until(lambda: stage.server.requests_count == 3001)
            await settle()
            assert flood.transport.received.count(b"HTTP/1.1 200") == 3000

    run(main)


def test_a_large_body_is_not_copied_behind_its_head() -> None:
    """Of one body that many clients take slowly there is one copy, and not one for each of them."""

    async def main() -> None:
        body = bytes(range(256)) * 1024
        fields = {"/chunked": (("Transfer-Encoding", "chunked"),), "/head": (), "/": ()}

        async def handler(exchange: Exchange) -> None:
            exchange.respond(head(fields=fields[exchange.head.target]), body)
            sent.append(exchange.bytes_sent)

        sent: list[int] = []
        async with serving(handler) as stage:
            line = await stage.connect(get("/"), get("/chunked"), b"HEAD /head HTTP/1.1\r\nHost: a\r\n\r\n")
            assert [answer.body for answer in line.answers("GET", "GET", "HEAD")] == [body, body, b""]
            assert line.transport.written.count(body) == 2
            assert any(written is body for written in line.transport.written)
            assert sum(sent) == len(line.transport.received)

    run(main)


def test_good_requests_before_a_bad_one_are_answered_first() -> None:
    async def main() -> None:
        async with serving(echo_target) as stage:
            line = await stage.connect(get("/1") + get("/2") + b"what?\r\n\r\n" + get("/3"))
            assert [answer.status for answer in line.answers()] == [200, 200, 400]
            assert line.bodies[:2] == [b"/1", b"/2"]
            assert not line.is_open

    run(main)


@pytest.mark.parametrize("comes_with_its_head", [True, False])
def test_what_came_of_a_body_before_its_fault_is_read(comes_with_its_head: bool) -> None:
    read: list[bytes] = []

    async def handler(exchange: Exchange) -> None:
        with pytest.raises(RemoteProtocolError, match="malformed"):
            while True:
                read.append(await exchange.read())
        exchange.respond(head(400))

    async def main() -> None:
        first = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        body = b"3\r\nabc\r\n2\r\nde\r\nno chunk\r\n"
        async with serving(handler) as stage:
            line = await stage.connect(*([first + body] if comes_with_its_head else [first, body]))
            assert b"".join(read) == b"abcde"
            assert [answer.status for answer in line.answers()] == [400]
            assert not line.is_open

    run(main)


def test_what_is_sent_ahead_is_bounded() -> None:
    """However many requests were answered: the socket is not read while enough of them are held."""

    async def main() -> None:
        limits = Limits(read_buffer=2000, head=1000)
        async with serving(echo_target, limits=limits) as stage:
            line = await stage.connect()
            for _ in range(300):
                line.transport.feed(GET * 20)
            while stage.server.requests_count < 6000:
                await settle()
                assert line.connection.engine.held <= 2000 + len(GET * 20)
            await settle()
            assert line.transport.received.count(b"HTTP/1.1 200") == 6000
            assert line.transport.is_reading()

    run(main)


def test_bodies_among_what_is_sent_ahead_are_bounded() -> None:
    async def main() -> None:
        limits = Limits(read_buffer=2000, head=1000)

        async with serving(echo_body, limits=limits) as stage:
            line = await stage.connect()
            request = post(3) + b"abc"
            for _ in range(300):
                line.transport.feed(request * 20)
            while stage.server.requests_count < 6000:
                await settle()
                assert line.connection.engine.held <= 2000 + len(request * 20)
            await settle()
            assert line.transport.received.count(b"abc") == 6000
            assert line.transport.is_reading()

    run(main)


def test_a_large_body_behind_requests_sent_ahead() -> None:
    """Reading was stopped for what was held, and has to go on for the body."""

    async def main() -> None:
        limits = Limits(read_buffer=2000, head=1000)
        released = asyncio.Event()

        async def handler(exchange: Exchange) -> None:
            if exchange.head.target == "/slow":
                await released.wait()
            await echo_body(exchange)

        async with serving(handler, limits=limits) as stage:
            line = await stage.connect(get("/slow"), GET * 50, post(9000) + b"x" * 4000)
            assert not line.transport.is_reading()
            released.set()
            while stage.server.requests_count < 52:
                await settle()
            await line.send(b"y" * 5000)
            assert line.bodies[-1] == b"x" * 4000 + b"y" * 5000

    run(main)


# -- whose context -------------------------------------------------------------------------------------

seen: contextvars.ContextVar[str] = contextvars.ContextVar("seen", default="nobody's")


@pytest.mark.parametrize("waits", [False, True])
def test_context_variables_are_a_requests_own(waits: bool) -> None:
    async def handler(exchange: Exchange) -> None:
        before = seen.get()
        seen.set(exchange.head.target)
        if waits:
            await asyncio.sleep(0)
        exchange.respond(head(), f"{before} {seen.get()}".encode())

    async def main() -> None:
        async with serving(handler) as stage:
            line = await stage.connect(get("/1") + get("/2") + get("/3"), get("/4"))
            await line.send(get("/5"))
            assert line.bodies == [b"nobody's /%d" % number for number in range(1, 6)]

    run(main)


def test_reading_on_in_a_handler_does_not_pass_its_context_on() -> None:
    """asyncio remembers the context of whoever resumes reading."""

    async def handler(exchange: Exchange) -> None:
        before = seen.get()
        seen.set(exchange.head.target)
        await settle()
        while await exchange.read():
            pass
        exchange.respond(head(), before.encode())

    async def main() -> None:
        async with serving(handler) as stage:
            line = await stage.connect(post(300_000), b"x" * 100_000)
            assert not line.transport.is_reading()
            await line.send(b"x" * 200_000)
            await line.send(GET)
            while len(line.bodies) < 2:
                await settle()
            assert line.bodies == [b"nobody's", b"nobody's"]

    run(main)


def test_the_servers_context_is_every_requests() -> None:
    """What a program sets before it listens is seen by all handlers, those of requests sent ahead too."""

    async def handler(exchange: Exchange) -> None:
        exchange.respond(head(), seen.get().encode())

    async def main() -> None:
        seen.set("the program's")
        async with serving(handler) as stage:
            line = await stage.connect(GET * 3)
            assert line.bodies == [b"the program's"] * 3

    run(main)


# -- clients that say that they are done ---------------------------------------------------------------


@pytest.mark.parametrize("waits", [False, True])
def test_a_half_closed_client_gets_all_its_answers(waits: bool) -> None:
    async def handler(exchange: Exchange) -> None:
        if waits:
            await asyncio.sleep(0)
        await echo_target(exchange)

    async def main() -> None:
        async with serving(handler) as stage:
            line = await stage.connect()
            line.transport.feed(get("/1") + get("/2") + get("/3"))
            await line.end()
            await until(lambda: stage.server.connections == [])
            assert line.bodies == [b"/1", b"/2", b"/3"]
            assert not line.is_open

    run(main)


def test_a_half_closed_client_that_is_slow_gets_all_its_answers() -> None:
    async def main() -> None:
        async def handler(exchange: Exchange) -> None:
            exchange.respond(head(), exchange.head.target[1:].encode() * 50_000)

        async with serving(handler) as stage:
            line = await stage.connect()
            line.transport.stop_taking()
            await line.send(get("/1") + get("/2") + get("/3"))
            await line.send(get("/4"))
            await line.end()
            assert stage.server.requests_count < 4
            line.transport.take()
            await settle()
            assert line.bodies == [b"%d" % number * 50_000 for number in range(1, 5)]
            assert not line.is_open

    run(main)


@pytest.mark.parametrize("sent", [b"", b"GET / HT", GET + b"GET / HT"])
def test_a_half_closed_client_that_has_nothing_to_wait_for(sent: bytes) -> None:
    async def main() -> None:
        async with serving(echo_target) as stage:
            line = await stage.connect()
            line.transport.feed(sent)
            await line.end()
            assert line.bodies == [b"/"] * sent.count(GET)
            assert not line.is_open and stage.server.connections == []

    run(main)


@pytest.mark.parametrize("takes", [False, True])
def test_a_client_that_half_closes_in_the_middle_of_a_body(takes: bool) -> None:
    """It has left: there will never be a request that could be answered."""

    async def main() -> None:
        seen: list[bool] = []

        async def handler(exchange: Exchange) -> None:
            exchange.start(head())
            with pytest.raises(Disconnected):
                await exchange.send(b"x" * 1000 if takes else b"x" * 200_000)
                await read_all(exchange)
            seen.append(exchange.is_disconnected)

        async with serving(handler) as stage:
            line = await stage.connect()
            if not takes:
                line.transport.stop_taking()
            await line.send(post(10) + b"abc")
            await line.end()
            await pass_time(DEFAULT_LIMITS.lingering_timeout)
            assert stage.server.connections == [] and stage.errors == []
            assert seen == [True]

    run(main)


@pytest.mark.parametrize("end", [b"", b"Expect: 100-continue\r\n"])
def test_half_a_body_sent_ahead_and_then_the_end(end: bytes) -> None:
    """The answer before it is still sent; nobody can answer what never came."""

    async def main() -> None:
        ready = asyncio.Event()
        is_gone: list[bool] = []

        async def handler(exchange: Exchange) -> None:
            if exchange.head.target == "/1":
                await ready.wait()
            try:
                body = await read_all(exchange)
            except Disconnected:
                is_gone.append(exchange.is_disconnected)
            else:
                exchange.respond(head(), body or b"/1")

        async with serving(handler) as stage:
            line = await stage.connect(get("/1"))
            await line.send(b"POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n" + end + b"\r\nhalf")
            await line.end()
            ready.set()
            await until(lambda: stage.server.connections == [])
            assert line.bodies == [b"/1"] and is_gone == [True]
            assert stage.errors == []

    run(main)


def test_the_last_request() -> None:
    async def main() -> None:
        async with serving(echo_target) as stage:
            line = await stage.connect(LAST_GET)
            (answer,) = line.answers()
            assert answer.get_all("Connection") == ["close"]
            assert not line.is_open and stage.server.connections == []

    run(main)
