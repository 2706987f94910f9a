"""A file that the system sends: what only a socket can show."""

import asyncio
import os
import tempfile

import pytest

from sketch.http.errors import Disconnected
from sketch.http.exchange import Exchange
from sketch.server import Server
from tests.loops import LOOPS, NewLoop
from tests.net.stage import GET, head

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
