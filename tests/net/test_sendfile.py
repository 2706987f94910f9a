"""A file that the system sends: what only a socket can show."""

import asyncio
import os
import socket
import tempfile

import pytest

from sketch.http.errors import Disconnected
from sketch.http.exchange import Exchange
from sketch.http.limits import DEFAULT_LIMITS
from sketch.server import Server
from tests.conformance.driver import until
from tests.loops import LOOPS, NewLoop
from tests.net.stage import GET, head, pass_time, run

SIZE = 2**24


@LOOPS
def test_the_system_is_the_first_to_say_that_the_client_is_gone(
    new_loop: NewLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks the exchange then is told the same."""

    def broken(*arguments: object) -> int:
        raise BrokenPipeError

    monkeypatch.setattr(os, "sendfile", broken)
    seen: list[bool] = []

    async def main() -> None:
        done = asyncio.Event()

        async def handler(exchange: Exchange) -> None:
            exchange.start(head(), SIZE)
            with tempfile.TemporaryFile() as file, pytest.raises(Disconnected):
                await exchange.send_file(file.fileno(), 0, SIZE)
            seen.append(exchange.is_disconnected)
            done.set()

        server = Server(handler)
        listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname())
        writer.write(GET)
        await done.wait()
        writer.close()
        listener.close()
        await listener.wait_closed()
        await server.shutdown(1)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
    assert seen == [True]


def test_a_client_that_takes_nothing_of_a_file() -> None:
    """It has so long as for any other answer, counted in what is left of the file."""

    async def main() -> None:
        ended = asyncio.Event()

        async def handler(exchange: Exchange) -> None:
            exchange.start(head(), SIZE)
            with tempfile.TemporaryFile() as file, pytest.raises(Disconnected):
                os.ftruncate(file.fileno(), SIZE)
                await exchange.send_file(file.fileno(), 0, SIZE)
            ended.set()

        server = Server(handler)
        listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
        client = socket.create_connection(listener.sockets[0].getsockname())
        client.sendall(GET)
        await until(lambda: server._registry.slow_readers == 1)
        (connection,) = server._registry.connections
        assert connection.is_sending
        for _ in range(5):
            # It takes a little, now and then.
            await pass_time(DEFAULT_LIMITS.send_timeout / 2)
            client.recv(2**20)
            await until(lambda: server._registry.slow_readers == 1)
        assert not ended.is_set()
        # What it takes from now on is what the system had taken before.
        await pass_time(DEFAULT_LIMITS.send_timeout / 2)
        await pass_time(DEFAULT_LIMITS.send_timeout)
        await ended.wait()
        with pytest.raises(ConnectionResetError):
            while client.recv(2**20):
                pass
        client.close()
        listener.close()
        await listener.wait_closed()
        await server.shutdown(1)

    run(main)
