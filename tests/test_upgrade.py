"""A handler that takes its connection over: over sockets, on both event loops."""

import asyncio
import logging
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
import uvloop

from sketch import web
from sketch.http.errors import Disconnected
from sketch.http.memory import MemoryExchange
from sketch.request import BaseRequest
from sketch.upgrade import UpgradeResponse
from tests.asking import ask_handler, fields_of, status_of
from tests.conformance.driver import until

NewLoop = Callable[[], asyncio.AbstractEventLoop]
LOOPS = pytest.mark.parametrize(
    "new_loop", [asyncio.SelectorEventLoop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)

UPGRADE = b"GET /%b HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: Echo/1.0\r\n\r\n"
RESET = struct.pack("ii", 1, 0)
LARGE = bytes(range(256)) * 2**14
"""4 MiB."""


class Place:
    """An application that is served.

    ``notes``
        what its handlers noted.
    ``released``
        what some of them wait for.
    """

    def __init__(self, port: int, runner: web.AppRunner, notes: list[Any], released: asyncio.Event) -> None:
        self.runner = runner
        self.notes = notes
        self.released = released
        self._port = port

    async def connect(self, data: bytes) -> tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]:
        """Send a request, and wait for the head of the answer: it, and the streams."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(data)
        return await reader.readuntil(b"\r\n\r\n"), reader, writer

    @property
    def connections(self) -> int:
        """How many there are."""
        assert self.runner.server is not None
        return len(self.runner.server.connections)


NOTES = web.AppKey("NOTES", list[Any])
RELEASED = web.AppKey("RELEASED", asyncio.Event)

routes = web.RouteTableDef()


@routes.route("*", "/echo")
async def echo(request: web.Request) -> web.StreamResponse:
    """Sends back what comes, until nothing more does."""
    response = UpgradeResponse("echo/1.0", headers={"X-One": "1"})
    await response.prepare(request)
    while data := await response.reader.read(2**16):
        response.writer.write(data)
        await response.writer.drain()
    request.app[NOTES].append("end")
    response.writer.write(b"bye")
    return response


@routes.get("/protocol")
async def with_protocol(request: web.Request) -> web.StreamResponse:
    """Says what it gets in capitals, until its client leaves."""
    lost = asyncio.get_running_loop().create_future()

    class Capitals(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast(asyncio.Transport, transport)

        def data_received(self, data: bytes) -> None:
            self.transport.write(data.upper())

        def connection_lost(self, exc: Exception | None) -> None:
            lost.set_result(None)

    response = UpgradeResponse("echo/1.0", protocol=Capitals())
    await response.prepare(request)
    with pytest.raises(RuntimeError, match="where a protocol was given"):
        _ = response.reader
    await lost
    request.app[NOTES].append("lost")
    return response


@routes.get("/flood")
async def flood(request: web.Request) -> web.StreamResponse:
    """Sends more than any buffer takes, and notes how far it has come."""
    response = UpgradeResponse("echo/1.0")
    await response.prepare(request)
    for number in range(16):
        response.writer.write(LARGE)
        await response.writer.drain()
        request.app[NOTES].append(number)
    return response


@routes.get("/fail")
async def fail(request: web.Request) -> web.StreamResponse:
    response = UpgradeResponse("echo/1.0")
    await response.prepare(request)
    await response.reader.readline()
    raise LookupError("a secret")


@routes.get("/another")
async def another(request: web.Request) -> web.StreamResponse:
    await UpgradeResponse("echo/1.0").prepare(request)
    return web.Response(text="another")


@routes.get("/wait")
async def wait(request: web.Request) -> web.StreamResponse:
    response = UpgradeResponse("echo/1.0")
    await response.prepare(request)
    try:
        await request.app[RELEASED].wait()
    except asyncio.CancelledError:
        request.app[NOTES].append("cancelled")
        raise
    request.app[NOTES].append("released")
    return response


@routes.get("/read")
async def read_on(request: web.Request) -> web.StreamResponse:
    response = UpgradeResponse("echo/1.0")
    await response.prepare(request)
    try:
        await response.reader.read()
    finally:
        request.app[NOTES].append("read")
    return response


@routes.get("/other")
async def something_else(request: web.Request) -> web.StreamResponse:
    return web.json_response({"offers": request.upgrade_offers})


@web.middleware
async def proxy(request: web.Request, handler: Any) -> web.StreamResponse:
    """Opens tunnels, all of them to itself."""
    if request.method != "CONNECT":
        response: web.StreamResponse = await handler(request)
        return response
    tunnel = UpgradeResponse()
    await tunnel.prepare(request)
    tunnel.writer.write(await tunnel.reader.readline())
    return tunnel


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[Place]:
    app = web.Application(middlewares=[proxy])
    app.add_routes(routes)
    app[NOTES] = notes = list[Any]()
    app[RELEASED] = released = asyncio.Event()
    runner = web.AppRunner(app, **options)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield Place(runner.addresses[0][1], runner, notes, released)
    finally:
        await runner.cleanup()


def run(new_loop: NewLoop, use: Callable[[Place], Awaitable[None]], **options: Any) -> None:
    """Serve the application, use it, and shut down; nothing of it is left."""

    async def main() -> None:
        async with asyncio.timeout(20), serving(**options) as place:
            await use(place)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())


# -- streams -------------------------------------------------------------------------------------------


@LOOPS
def test_an_echo(new_loop: NewLoop, caplog: pytest.LogCaptureFixture) -> None:
    async def use(place: Place) -> None:
        head, reader, writer = await place.connect(UPGRADE % b"echo" + b"early, ")
        lines = head.split(b"\r\n")
        assert lines[0] == b"HTTP/1.1 101 Switching Protocols"
        assert {b"Upgrade: echo/1.0", b"X-One: 1", b"Connection: Upgrade"} <= set(lines)
        assert not any(line.startswith((b"Content-", b"Transfer-")) for line in lines)
        writer.write(b"late")
        assert await reader.readexactly(11) == b"early, late"
        writer.write_eof()
        assert await reader.read() == b"bye" and place.notes == ["end"]
        writer.close()
        await until(lambda: place.connections == 0)

    with caplog.at_level(logging.INFO, "sketch.access"):
        run(new_loop, use)
    (record,) = caplog.records
    assert '"GET /echo HTTP/1.1" 101' in record.getMessage()


@LOOPS
def test_large_amounts_both_ways(new_loop: NewLoop) -> None:
    async def use(place: Place) -> None:
        _, reader, writer = await place.connect(UPGRADE % b"echo")

        async def send() -> None:
            for start in range(0, len(LARGE), 2**16):
                writer.write(LARGE[start : start + 2**16])
                await writer.drain()
            writer.write_eof()

        sending = asyncio.ensure_future(send())
        assert await reader.read() == LARGE + b"bye"
        await sending
        writer.close()

    run(new_loop, use)


@LOOPS
def test_a_slow_client_makes_the_handler_wait(new_loop: NewLoop) -> None:
    async def use(place: Place) -> None:
        _, reader, writer = await place.connect(UPGRADE % b"flood")
        # Nobody reads: the client's stream stops its socket, and the server's buffers fill.
        assert place.runner.server is not None
        (connection,) = place.runner.server.connections
        await until(lambda: connection.is_sending)
        assert len(place.notes) < 8
        assert len(await reader.read()) == len(LARGE) * 16
        writer.close()

    run(new_loop, use)


@LOOPS
def test_a_protocol(new_loop: NewLoop) -> None:
    async def use(place: Place) -> None:
        _, reader, writer = await place.connect(UPGRADE % b"protocol" + b"abc")
        assert await reader.readexactly(3) == b"ABC"
        writer.close()
        await until(lambda: place.notes == ["lost"])

    run(new_loop, use)


@LOOPS
def test_a_body_is_read_first(new_loop: NewLoop) -> None:
    async def use(place: Place) -> None:
        fields = b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"
        post = UPGRADE.replace(b"GET", b"POST").replace(b"\r\n\r\n", b"\r\n" + fields) % b"echo"
        head, reader, writer = await place.connect(post)
        assert head == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"bodyafter"[1:])
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        assert await reader.readexactly(5) == b"after"
        writer.close()

    run(new_loop, use)


@LOOPS
def test_a_body_that_is_too_large(new_loop: NewLoop) -> None:
    async def use(place: Place) -> None:
        post = UPGRADE.replace(b"\r\n\r\n", b"\r\nContent-Length: 2000000\r\n\r\n") % b"echo"
        head, _, writer = await place.connect(post)
        assert head.startswith(b"HTTP/1.1 413 ")
        writer.close()

    run(new_loop, use)


@LOOPS
def test_a_tunnel(new_loop: NewLoop) -> None:
    async def use(place: Place) -> None:
        connect = b"CONNECT example.org:80 HTTP/1.1\r\nHost: example.org:80\r\n\r\n"
        head, reader, writer = await place.connect(connect + b"GET / HTTP/1.1\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n") and b"Content-" not in head
        assert await reader.read() == b"GET / HTTP/1.1\r\n"
        writer.close()

    run(new_loop, use)


# -- ends ----------------------------------------------------------------------------------------------


@LOOPS
@pytest.mark.parametrize("path", ["fail", "another"])
def test_a_handler_that_fails(path: str, new_loop: NewLoop, caplog: pytest.LogCaptureFixture) -> None:
    """No second status line: the connection is cut."""

    async def use(place: Place) -> None:
        _, reader, writer = await place.connect(UPGRADE % path.encode())
        writer.write(b"\n")
        try:
            assert await reader.read() == b""
        except ConnectionError:
            pass
        writer.close()
        await until(lambda: place.connections == 0)

    run(new_loop, use)
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.getMessage().startswith(f"Error handling request GET /{path}, after its answer had begun")


@LOOPS
@pytest.mark.parametrize("cancels", [False, True])
def test_a_client_that_leaves_is_no_error(
    cancels: bool, new_loop: NewLoop, caplog: pytest.LogCaptureFixture
) -> None:
    async def use(place: Place) -> None:
        for path in (b"read", b"wait"):
            _, _, writer = await place.connect(UPGRADE % path)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()
            await until(lambda: place.connections == 0)
        place.released.set()
        await until(lambda: len(place.notes) == 2)
        assert place.notes == ["read", "cancelled" if cancels else "released"]

    run(new_loop, use, handler_cancellation=cancels)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@LOOPS
def test_shutdown(new_loop: NewLoop, caplog: pytest.LogCaptureFixture) -> None:
    async def use(place: Place) -> None:
        _, reader, writer = await place.connect(UPGRADE % b"wait")
        await place.runner.cleanup()
        assert place.notes == ["cancelled"]
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()

    run(new_loop, use, shutdown_timeout=0)
    assert "1 request(s) were cut off: GET /wait" in caplog.text


# -- refusals ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"Upgrade": "echo/1.0"},
        {"Connection": "upgrade", "Upgrade": "echo"},
        {"Connection": "upgrade", "Upgrade": "echo/2.0"},
    ],
)
def test_a_client_that_does_not_offer_it(fields: dict[str, str]) -> None:
    async def only_echo(request: web.Request) -> web.StreamResponse:
        response = UpgradeResponse("echo/1.0")
        await response.prepare(request)
        raise AssertionError("there was nothing to change to")

    exchange = ask_handler(only_echo, "GET", "/", fields)
    assert status_of(exchange) == 426
    assert {("Upgrade", "echo/1.0"), ("Connection", "Upgrade")} <= set(fields_of(exchange))


def test_a_carrier_without_a_connection() -> None:
    offer = {"Connection": "upgrade", "Upgrade": "echo"}

    async def prepare(response: UpgradeResponse, exchange: MemoryExchange) -> None:
        await response.prepare(BaseRequest(exchange))

    with pytest.raises(RuntimeError, match="no connection to hand over"):
        asyncio.run(prepare(UpgradeResponse("echo"), MemoryExchange("GET", "/", offer)))
    gone = MemoryExchange("GET", "/", offer)
    gone.disconnect()
    with pytest.raises(Disconnected):
        asyncio.run(prepare(UpgradeResponse("echo"), gone))
    with pytest.raises(RuntimeError, match="GET asks for no tunnel"):
        asyncio.run(prepare(UpgradeResponse(), MemoryExchange()))


@pytest.mark.parametrize("name", ["", "a b", "a/b/c", "a\r\nX: y", "a,b", "é"])
def test_what_names_no_protocol(name: str) -> None:
    with pytest.raises(ValueError, match="names no protocol"):
        UpgradeResponse(name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"upgrade": 5}, "upgrade must be the name of a protocol, such as 'example/1.0', got 5"),
        (
            {"upgrade": "a", "protocol": asyncio.Protocol},
            "must be an instance of asyncio.Protocol, got <class",
        ),
    ],
)
def test_what_is_no_protocol(arguments: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        UpgradeResponse(**arguments)


def test_what_an_upgrade_has_not() -> None:
    response = UpgradeResponse("echo")
    assert (response.status, response.content_length) == (101, 0)
    with pytest.raises(RuntimeError, match="no content length"):
        response.content_length = 5
    with pytest.raises(RuntimeError, match="before prepare"):
        _ = response.writer
    with pytest.raises(RuntimeError, match="has no body"):
        asyncio.run(response.write(b"x"))
    with pytest.raises(RuntimeError, match="declared length"):
        response.set_trailer("X-One", "1")
    with pytest.raises(ValueError, match="X-One"):
        UpgradeResponse("echo", headers={"X-One": "a\nb"})


@LOOPS
def test_an_offer_that_is_not_taken(new_loop: NewLoop) -> None:
    async def use(place: Place) -> None:
        head, reader, writer = await place.connect(UPGRADE % b"other")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert await reader.readuntil(b"}") == b'{"offers": ["Echo/1.0"]}'
        writer.write(UPGRADE % b"echo")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        writer.close()

    run(new_loop, use)
