"""Clients that take their answers slowly, over real sockets: the system holds much for them."""

import asyncio
import os
import socket
import tempfile
from contextlib import suppress

import pytest

from sketch.http.errors import Disconnected
from sketch.http.exchange import Exchange
from sketch.http.limits import DEFAULT_LIMITS
from sketch.server import Server
from tests.conformance.driver import until
from tests.net.stage import GET, LAST_GET, head, pass_time, run

SIZE = 2**25


async def answer(exchange: Exchange, way: str) -> None:
    """Answer with `SIZE` zeros, at once, as a piece of a stream, or out of a file."""
    if way == "whole":
        exchange.respond(head(), bytes(SIZE))
        return
    exchange.start(head(), SIZE)
    if way == "piece":
        await exchange.send(bytes(SIZE))
    else:
        with tempfile.TemporaryFile() as file:
            os.ftruncate(file.fileno(), SIZE)
            await exchange.send_file(file.fileno(), 0, SIZE)
    await exchange.finish()


@pytest.mark.parametrize("request_bytes", [GET, LAST_GET], ids=["kept", "last"])
@pytest.mark.parametrize("way", ["whole", "piece", "file"])
def test_a_client_that_takes_its_answer_slowly(way: str, request_bytes: bytes) -> None:
    """A little within each time is enough, although the socket takes nothing more for it: it tells that
    there is room when a third of what it holds is gone. One that stops has the time for one more piece."""

    async def main() -> None:
        async def handler(exchange: Exchange) -> None:
            with suppress(Disconnected):
                await answer(exchange, way)

        server = Server(handler)
        listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
        client.connect(listener.sockets[0].getsockname())
        client.sendall(request_bytes)
        await until(lambda: server._registry.slow_readers == 1)
        patience = min(DEFAULT_LIMITS.send_timeout, DEFAULT_LIMITS.lingering_timeout)
        for _ in range(10):
            taken = 0
            while taken < 2**16:
                taken += len(client.recv(2**16))
            await pass_time(patience / 2 - 1)
            assert len(server.connections) == 1
        await pass_time(DEFAULT_LIMITS.send_timeout)
        await until(lambda: server.connections == [])
        with pytest.raises(ConnectionResetError):
            while client.recv(2**20):
                pass
        client.close()
        listener.close()
        await listener.wait_closed()
        await server.shutdown(1)

    run(main)
