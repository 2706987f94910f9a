"""More clients than a server has room or descriptors for, over sockets."""

import asyncio
import resource
import socket
import subprocess
import sys
from contextlib import suppress

import pytest

from sketch.http.limits import Limits
from sketch.net.addresses import bind_tcp
from sketch.net.sites import Listener
from sketch.server import Server
from tests.loops import LOOPS, NewLoop, run
from tests.net.stage import GET, echo_target


@LOOPS
def test_those_beyond_the_limit_are_served_when_others_leave(new_loop: NewLoop) -> None:
    async def main() -> None:
        server = Server(echo_target, limits=Limits(connections=10))
        listener = Listener(await bind_tcp("127.0.0.1", 0))
        await listener.start(server)
        server.add_acceptor(listener)
        port = listener.sockets[0].getsockname()[1]
        answered = asyncio.Queue[asyncio.StreamWriter]()

        async def visit() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(GET)
            await reader.readuntil(b"\r\n\r\n")
            await answered.put(writer)

        visits = [asyncio.create_task(visit()) for _ in range(200)]
        most = 0
        for _ in visits:
            writer = await answered.get()
            most = max(most, len(server.connections))
            writer.close()
        # asyncio accepts as many at a time as the backlog has room for.
        assert most <= 10 + 128
        await listener.stop()
        await server.shutdown(0)

    run(new_loop, main)


PROGRAM = """
import asyncio, resource, sys
import uvloop
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
from sketch import web
from sketch.http.limits import Limits

async def hello(request):
    return web.Response(text="hello")

async def main():
    app = web.Application()
    app.router.add_get("/", hello)
    limits = {"limits": Limits(connections=10_000)} if sys.argv[2] == "unbounded" else {}
    runner = web.AppRunner(app, **limits)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(site.port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()
    print("over", flush=True)

new_loop = uvloop.new_event_loop if sys.argv[1] == "uvloop" else asyncio.SelectorEventLoop
with asyncio.Runner(loop_factory=new_loop) as runner:
    runner.run(main())
"""


def ask(address: tuple[str, int]) -> bytes:
    """The beginning of an answer, or nothing."""
    with suppress(ConnectionError), socket.create_connection(address, timeout=10) as client:
        client.sendall(GET)
        return client.recv(100)
    return b""


@pytest.mark.parametrize("limit", ["default", "unbounded"])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_no_descriptors_are_left(loop: str, limit: str) -> None:
    """Whether accepting stops in time or the system refuses: the server outlives it."""
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 200
    arguments = [sys.executable, "-c", PROGRAM, loop, limit]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        address = ("127.0.0.1", int(process.stdout.readline()))
        crowd = [socket.create_connection(address, timeout=10) for _ in range(100)]
        for client in crowd:
            client.close()
        # Whoever comes before the server has seen the crowd go may still be turned away.
        while not ask(address).startswith(b"HTTP/1.1 200 "):
            pass
        process.stdin.close()
        assert process.stdout.readline() == "over\n"
        assert process.wait() == 0
