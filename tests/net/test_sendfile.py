"""A file that the system sends: what only a socket can show."""

import asyncio
import errno
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


def serve_file(new_loop: NewLoop, content: bytes) -> tuple[bytes, list[BaseException]]:
    """What a client gets of a file that the system is asked to send, and what the handler was told."""
    errors: list[BaseException] = []

    async def handler(exchange: Exchange) -> None:
        exchange.start(head(), len(content))
        with tempfile.TemporaryFile() as file:
            file.write(content)
            file.flush()
            try:
                await exchange.send_file(file.fileno(), 0, len(content))
                await exchange.finish()
            except OSError as error:
                errors.append(error)

    async def main() -> bytes:
        server = Server(handler)
        listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname())
        writer.write(GET)
        writer.write_eof()
        received = await reader.read()
        writer.close()
        listener.close()
        await listener.wait_closed()
        await server.shutdown(1)
        return received.partition(b"\r\n\r\n")[2]

    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(main()), errors


@LOOPS
def test_a_file_system_that_cannot_be_sent_from(new_loop: NewLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is read then, as everywhere where the system cannot send."""

    def refuse(*arguments: object) -> int:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "sendfile", refuse)
    content = os.urandom(2**20)
    assert serve_file(new_loop, content) == (content, [])


@LOOPS
def test_a_disk_that_fails_in_the_middle(new_loop: NewLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    system = os.sendfile

    def fail_later(target: int, source: int, offset: int, count: int) -> int:
        if offset:
            raise OSError(errno.EIO, "Input/output error")
        return system(target, source, offset, 1000)

    monkeypatch.setattr(os, "sendfile", fail_later)
    content = os.urandom(2**20)
    received, errors = serve_file(new_loop, content)
    assert received == content[:1000]
    assert [getattr(error, "errno", None) for error in errors] == [errno.EIO]
