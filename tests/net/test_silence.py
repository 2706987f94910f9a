"""Whatever a connection was doing when its client fell silent, neither sending nor taking any more: it ends.

A row for each state. The only ones that last are those in which nobody waits for the client: its handler
works, or another protocol has the connection.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sketch.http.errors import Disconnected, RemoteProtocolError
from sketch.http.exchange import Exchange
from sketch.http.heads import ResponseHead
from sketch.net.proxies import TrustedProxies
from tests.conformance.driver import settle
from tests.net.stage import (
    GET,
    LARGE,
    LAST_GET,
    Line,
    echo_target,
    get,
    head,
    pass_time,
    post,
    read_all,
    run,
    serving,
)
from tests.net.transport import CLIENT, FakeTlsTransport, FakeTransport

HEADER = b"PROXY TCP4 203.0.113.7 192.0.2.2 1234 80\r\n"
LARGE_GET = get("/", "X-Large: " + "x" * 8000)
EXPECT = "Expect: 100-continue"
CHUNKED = "Transfer-Encoding: chunked"
UPGRADE = get("/", "Connection: Upgrade", "Upgrade: echo")
SWITCH = ResponseHead(101, "Switching Protocols", (("Connection", "Upgrade"), ("Upgrade", "echo")))

STEPS = [1.0] * 15 + [15.0] * 14
"""Seconds, and one more for each step: 254 in all. The longest that a client has at one time is 75."""

Handler = Callable[[Exchange], Awaitable[object]]


async def answer_largely(exchange: Exchange) -> None:
    exchange.respond(head(), LARGE)


async def answer_one_largely(exchange: Exchange) -> None:
    exchange.respond(head(), LARGE if exchange.head.target == "/large" else b"")


async def answer_last(exchange: Exchange) -> None:
    exchange.keep_alive = False
    exchange.respond(head(), LARGE)


async def stream(exchange: Exchange) -> None:
    exchange.start(head())
    try:
        for _ in range(20):
            await exchange.send(b"x" * 10_000)
        await exchange.finish()
    except Disconnected:
        pass


async def read(exchange: Exchange) -> None:
    try:
        await read_all(exchange)
    except (Disconnected, RemoteProtocolError) as error:
        if not exchange.response_started:
            exchange.respond(head(408), str(error).encode())
    else:
        exchange.respond(head(), LARGE)


async def read_some(exchange: Exchange) -> None:
    await exchange.read()
    exchange.respond(head())


async def invite_and_read(exchange: Exchange) -> None:
    exchange.inform(ResponseHead(100, "Continue"))
    await read(exchange)


async def answer_and_read(exchange: Exchange) -> None:
    exchange.start(head())
    await read(exchange)


async def echo_all(exchange: Exchange) -> None:
    exchange.start(head())
    try:
        while piece := await exchange.read():
            await exchange.send(piece)
        await exchange.finish()
    except (Disconnected, RemoteProtocolError):
        pass


async def fail(exchange: Exchange) -> None:
    exchange.start(head(), 1000)
    await exchange.send(b"x")


async def close_transport(exchange: Exchange) -> None:
    exchange.start(head())
    await exchange.send(b"x")
    assert isinstance(exchange.transport, asyncio.Transport)
    exchange.transport.close()


async def take_over(exchange: Exchange) -> None:
    """Another protocol for as long as the handler runs, which is not for long."""
    if not exchange.can_take_over:
        exchange.respond(head())
        return
    transport = exchange.take_over(SWITCH, asyncio.Protocol())
    transport.write(LARGE)


async def take_over_and_pause(exchange: Exchange) -> None:
    transport = exchange.take_over(SWITCH, asyncio.Protocol())
    transport.pause_reading()


async def take_over_and_close(exchange: Exchange) -> None:
    transport = exchange.take_over(SWITCH, asyncio.Protocol())
    transport.write(LARGE)
    transport.close()


STATES: dict[str, tuple[Handler, list[bytes]]] = {
    "connected": (echo_target, []),
    "an empty line": (echo_target, [b"\r\n"]),
    "half a line end": (echo_target, [b"\r"]),
    "half a head": (echo_target, [b"GET / HT"]),
    "half a head, in pieces": (echo_target, [b"GET", b" / HT", b"TP/1.1\r\n"]),
    "idle": (echo_target, [GET]),
    "idle, an empty line": (echo_target, [GET, b"\r\n"]),
    "half a head, after a request": (echo_target, [GET + b"GET / HT"]),
    "refused": (echo_target, [b"what?\r\n\r\n"]),
    "refused, and more": (echo_target, [b"what?\r\n\r\n", LARGE]),
    "refused after a request": (answer_largely, [GET + b"what?\r\n\r\n"]),
    "answered for the last time": (answer_last, [GET]),
    "answered for the last time, as asked for": (answer_largely, [LAST_GET]),
    "answered for the last time, with requests held": (answer_last, [GET * 3]),
    "answered for the last time, with half a body": (answer_last, [post(100) + b"x"]),
    "answered for the last time, with a body held up": (answer_last, [post(10**6) + LARGE]),
    "answered": (answer_largely, [GET]),
    "answered, with requests held": (answer_largely, [GET * 3]),
    "answered, with large requests held": (answer_one_largely, [get("/large") + LARGE_GET * 20]),
    "answered, with half a head held": (answer_largely, [GET + b"GET / HT"]),
    "answered, with half a body held": (answer_largely, [GET + post(10) + b"x"]),
    "answered, with half a body": (answer_largely, [post(10) + b"x"]),
    "answered, with half a body in chunks": (echo_target, [get("/", CHUNKED) + b"5\r\nab"]),
    "answered, with half a body that was read in part": (read_some, [post(10) + b"x"]),
    "answered, with more of a body than is discarded": (echo_target, [post(10**6), *[LARGE] * 2]),
    "answered, with a body that was not invited": (answer_largely, [post(10, EXPECT)]),
    "streaming": (stream, [GET]),
    "streaming, with requests held": (stream, [GET * 3]),
    "streaming, with half a body": (stream, [post(10) + b"x"]),
    "reading": (read, [post(10)]),
    "reading, in the middle": (read, [post(10), b"abc"]),
    "reading, behind others": (read, [get("/1") + post(10)]),
    "reading a line of chunks": (read, [get("/", CHUNKED), b"5;a"]),
    "reading a chunk": (read, [get("/", CHUNKED), b"5\r\nab"]),
    "reading trailers": (read, [get("/", CHUNKED), b"0\r\nA: b\r\n"]),
    "reading what is too much": (read, [post(10**6) + LARGE]),
    "reading what breaks": (read, [get("/", CHUNKED), b"what?\r\n"]),
    "reading what was invited": (read, [post(10, EXPECT)]),
    "reading what was not invited": (read, [post(10, EXPECT), b"x"]),
    "reading what came uninvited": (read, [post(10, EXPECT) + b"x"]),
    "reading what the handler invited": (invite_and_read, [post(10, EXPECT)]),
    "reading what cannot be invited": (answer_and_read, [post(10, EXPECT)]),
    "reading after the head of the answer": (answer_and_read, [post(10), b"x"]),
    "echoing": (echo_all, [post(10**6), b"abc"]),
    "echoing too much": (echo_all, [post(10**6) + LARGE * 2]),
    "broken off by the handler": (fail, [GET]),
    "closed by the handler": (close_transport, [GET]),
    "closed by the handler, with half a body": (close_transport, [post(10)]),
    "taken back": (take_over, [UPGRADE]),
    "taken back, with more": (take_over, [UPGRADE + LARGE]),
    "taken back, paused": (take_over_and_pause, [UPGRADE + LARGE]),
    "taken back, closed": (take_over_and_close, [UPGRADE]),
    "taken back, after other answers": (take_over, [GET * 2 + UPGRADE]),
}


async def do_nothing(line: Line) -> None:
    """The client stays, and is silent."""


async def half_close(line: Line) -> None:
    """The last that is heard of the client is that nothing more comes."""
    await line.end()


async def drain(line: Line) -> None:
    """The server is to go away in the meantime."""
    line.connection.registry.is_draining = True
    line.connection.registry.draining.set()
    line.connection.drain()
    await settle()


async def drip(line: Line) -> None:
    """It had taken a little, long after."""
    await pass_time(4)
    line.transport.take(1000)
    await settle()


@pytest.mark.parametrize("last", [do_nothing, half_close, drain, drip])
@pytest.mark.parametrize("make_transport", [FakeTransport, FakeTlsTransport])
@pytest.mark.parametrize("takes", [True, False], ids=["takes", "takes nothing"])
@pytest.mark.parametrize("state", STATES)
def test_a_silent_client(
    state: str, takes: bool, make_transport: type[FakeTransport], last: Callable[[Line], Awaitable[None]]
) -> None:
    handler, sent = STATES[state]

    async def main() -> None:
        async with serving(handler) as stage:
            line = Line(stage.server, CLIENT, make_transport)
            await settle()
            if not takes:
                line.transport.stop_taking()
            await line.send(*sent)
            await last(line)
            for seconds in STEPS:
                await pass_time(seconds)
            assert line.transport.is_lost
            assert stage.server.connections == [] and stage.errors == []

    run(main)


@pytest.mark.parametrize(
    "sent", [[], [b"PROXY TCP4 "], [HEADER], [HEADER + b"GET / HT"], [HEADER + GET], [b"GET"]]
)
@pytest.mark.parametrize("half_closes", [False, True])
def test_a_silent_proxy(sent: list[bytes], half_closes: bool) -> None:
    """One that introduces its clients, or has yet to do so."""

    async def main() -> None:
        proxies = TrustedProxies(CLIENT[0], proxy_protocol=True)
        async with serving(echo_target, proxies=proxies) as stage:
            transport = FakeTransport(stage.server())
            await settle()
            for data in sent:
                transport.feed(data)
            if half_closes:
                transport.feed_eof()
            await settle()
            for seconds in STEPS:
                await pass_time(seconds)
            assert transport.is_lost
            assert stage.server.connections == [] and stage.errors == []

    run(main)
