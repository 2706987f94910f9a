"""An application whose clients leave whenever they like: nobody is told of it as of a fault.

Over sockets, on both event loops; each client goes with a reset, or with an orderly end.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from sketch import web
from sketch.server import Server
from tests.conformance.driver import settle, until
from tests.loops import LOOPS, NewLoop

RESET = struct.pack("ii", 1, 0)


async def read(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


async def read_json(request: web.Request) -> web.Response:
    return web.json_response(await request.json())


async def stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(50):
        await response.write(b"x" * 1000)
        await asyncio.sleep(0)
    return response


async def echo_stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    async for piece in request.content.iter_any():
        await response.write(piece)
    return response


async def ignore(request: web.Request) -> web.Response:
    await asyncio.sleep(0)
    return web.Response(text="ignored")


def make_app() -> web.Application:
    app = web.Application()
    app.router.add_post("/read", read)
    app.router.add_post("/json", read_json)
    app.router.add_get("/stream", stream)
    app.router.add_post("/echo", echo_stream)
    app.router.add_post("/ignore", ignore)
    return app


CHUNKED = "Transfer-Encoding: chunked\r\n\r\n5\r\nab cd\r\n3;x=y\r\nefg\r\n0\r\nX-T: 1\r\n\r\n"
COUNTED = 'Content-Length: 10\r\n\r\n"01234567"'
REQUESTS = {
    "read": f"POST /read HTTP/1.1\r\nHost: a\r\n{COUNTED}",
    "json": f"POST /json HTTP/1.1\r\nHost: a\r\n{COUNTED}",
    "echo": f"POST /echo HTTP/1.1\r\nHost: a\r\n{CHUNKED}",
    "ignore": f"POST /ignore HTTP/1.1\r\nHost: a\r\n{CHUNKED}",
    "stream": "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n",
    "two": "GET /stream HTTP/1.1\r\nHost: a\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n",
}


class Stage:
    """The application, served, and its clients."""

    def __init__(self, server: Server, address: tuple[str, int]) -> None:
        self.server = server
        self.address = address

    @asynccontextmanager
    async def connect(self, data: bytes, with_reset: bool) -> AsyncIterator[socket.socket]:
        """A client that sends these bytes, and leaves at the end."""
        loop = asyncio.get_running_loop()
        with socket.socket() as sock:
            sock.setblocking(False)
            await loop.sock_connect(sock, self.address)
            await loop.sock_sendall(sock, data)
            yield sock
            if with_reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def run(new_loop: NewLoop, use: Callable[[Stage], Awaitable[None]]) -> None:
    """Serve, use, take down. Nothing is left, and nobody raised where only the loop would notice."""

    async def main() -> None:
        failures: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: failures.append(context))
        runner = web.AppRunner(make_app(), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        assert isinstance(runner.server, Server)
        stage = Stage(runner.server, runner.addresses[0])
        try:
            async with asyncio.timeout(60):
                await use(stage)
                await until(lambda: stage.server.connections == [])
        finally:
            await runner.cleanup()
        assert failures == [] and asyncio.all_tasks() == {asyncio.current_task()}

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@LOOPS
@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("with_reset", [False, True])
def test_leaving_after_every_byte_of_a_request(
    name: str, with_reset: bool, new_loop: NewLoop, caplog: pytest.LogCaptureFixture
) -> None:
    wire = REQUESTS[name].encode()

    async def use(stage: Stage) -> None:
        for size in range(len(wire) + 1):
            async with stage.connect(wire[:size], with_reset):
                if size % 3:
                    await settle()

    run(new_loop, use)
    assert warnings(caplog) == []


@LOOPS
@pytest.mark.parametrize("name", ["read", "echo", "stream", "two"])
@pytest.mark.parametrize("with_reset", [False, True])
def test_leaving_in_the_middle_of_an_answer(
    name: str, with_reset: bool, new_loop: NewLoop, caplog: pytest.LogCaptureFixture
) -> None:
    async def use(stage: Stage) -> None:
        loop = asyncio.get_running_loop()
        for size in (1, 17, 100, 2000, 20_000):
            async with stage.connect(REQUESTS[name].encode(), with_reset) as sock:
                await loop.sock_recv(sock, size)

    run(new_loop, use)
    assert warnings(caplog) == []


@LOOPS
@pytest.mark.parametrize("turns", [0, 1])
@pytest.mark.parametrize("way_out", [SystemExit, KeyboardInterrupt])
def test_a_handler_that_ends_the_program(way_out: type[BaseException], turns: int, new_loop: NewLoop) -> None:
    """The exception leaves the event loop; the client has its answer."""
    answers: list[bytes] = []

    async def leave(request: web.Request) -> web.Response:
        for _ in range(turns):
            await asyncio.sleep(0)
        raise way_out

    async def main() -> None:
        app = web.Application()
        app.router.add_get("/", leave)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        with socket.create_connection(runner.addresses[0]) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            try:
                await asyncio.Event().wait()
            finally:
                await runner.cleanup()
                sock.settimeout(10)
                answers.append(sock.recv(2**16))

    with pytest.raises(way_out), asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
    assert answers[0].startswith(b"HTTP/1.1 500 ")
