"""Listeners: nothing that has connected is lost, whatever the event loop."""

import asyncio
import gc
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import pytest

from sketch.net.addresses import UnixFile, bind_tcp, bind_unix
from sketch.net.sites import Listener
from tests.loops import LOOPS, NewLoop


def run(new_loop: NewLoop, main: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(main(), 10)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(bounded())
    gc.collect()


class Echo(asyncio.Protocol):
    """Keeps what it was told; answers with the same bytes."""

    made: list["Echo"]

    def __init__(self, made: list["Echo"]) -> None:
        made.append(self)
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.received += data
        self.transport.write(data)


async def listen_on_tcp(protocols: list[Echo], backlog: int = 128) -> Listener:
    listener = Listener(await bind_tcp("127.0.0.1", 0, backlog=backlog), backlog=backlog)
    await listener.start(lambda: Echo(protocols))
    return listener


async def close_all(protocols: list[Echo]) -> None:
    """Close and wait until the event loop has let go of the sockets."""
    for protocol in protocols:
        protocol.transport.abort()
    await asyncio.sleep(0)
    await asyncio.sleep(0)


@LOOPS
def test_connections_get_a_protocol_each(new_loop: NewLoop) -> None:
    async def main() -> None:
        protocols: list[Echo] = []
        listener = await listen_on_tcp(protocols)
        address = listener.sockets[0].getsockname()
        for word in (b"one", b"two"):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(word)
            assert await reader.readexactly(3) == word
            writer.close()
            await writer.wait_closed()
        assert [protocol.received for protocol in protocols] == [b"one", b"two"]
        await listener.stop()
        await close_all(protocols)

    run(new_loop, main)


@LOOPS
def test_stop_accepts_what_waits_in_the_backlog_and_reads_it(new_loop: NewLoop) -> None:
    async def main() -> None:
        protocols: list[Echo] = []
        listener = await listen_on_tcp(protocols)
        address = listener.sockets[0].getsockname()
        # Without giving the event loop a turn: all of them wait in the kernel.
        clients = [socket.create_connection(address) for _ in range(20)]
        for number, client in enumerate(clients):
            client.sendall(b"%d" % number)
        assert protocols == []
        await listener.stop()
        assert {protocol.received for protocol in protocols} == {b"%d" % number for number in range(20)}
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)
        for client in clients:
            client.close()
        await close_all(protocols)

    run(new_loop, main)


@LOOPS
@pytest.mark.parametrize("turns", range(4))
def test_a_connection_on_its_way_through_the_loop_is_not_lost(new_loop: NewLoop, turns: int) -> None:
    async def main() -> None:
        protocols: list[Echo] = []
        listener = await listen_on_tcp(protocols)
        with socket.create_connection(listener.sockets[0].getsockname()) as client:
            client.sendall(b"hello")
            for _ in range(turns):
                await asyncio.sleep(0)
            await listener.stop()
            assert [protocol.received for protocol in protocols] == [b"hello"]
        await close_all(protocols)

    run(new_loop, main)


@LOOPS
def test_a_connection_is_served_on_after_the_stop(new_loop: NewLoop) -> None:
    async def main() -> None:
        protocols: list[Echo] = []
        listener = await listen_on_tcp(protocols)
        reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname())
        await listener.stop()
        writer.write(b"still here")
        assert await reader.readexactly(10) == b"still here"
        writer.close()
        await writer.wait_closed()
        await close_all(protocols)

    run(new_loop, main)


@LOOPS
def test_a_second_stop_and_a_stop_before_the_start_do_nothing(new_loop: NewLoop) -> None:
    async def main() -> None:
        protocols: list[Echo] = []
        listener = await listen_on_tcp(protocols)
        await listener.stop()
        await listener.stop()
        assert listener.sockets == ()
        never_started = Listener(await bind_tcp("127.0.0.1", 0))
        (sock,) = never_started.sockets
        await never_started.stop()
        assert sock.fileno() == -1

    run(new_loop, main)


@LOOPS
def test_a_cancelled_stop_closes_at_once(new_loop: NewLoop) -> None:
    async def main() -> None:
        protocols: list[Echo] = []
        listener = await listen_on_tcp(protocols)
        address = listener.sockets[0].getsockname()
        stop = asyncio.create_task(listener.stop())
        await asyncio.sleep(0)
        stop.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stop
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)

    run(new_loop, main)


@LOOPS
def test_a_failed_start_keeps_nothing_open(new_loop: NewLoop) -> None:
    async def main() -> None:
        good = (await bind_tcp("127.0.0.1", 0))[0]
        closed = socket.socket()
        closed.close()
        listener = Listener([good, closed])
        with pytest.raises((OSError, ValueError)):
            await listener.start(lambda: Echo([]))
        assert listener.sockets == ()
        await asyncio.sleep(0)
        assert good.fileno() == -1

    run(new_loop, main)


# -- UNIX sockets ------------------------------------------------------------------------------------------


@LOOPS
def test_the_file_of_a_unix_socket_goes_with_the_listener(new_loop: NewLoop, tmp_path: Path) -> None:
    path = tmp_path / "socket"

    async def main() -> None:
        protocols: list[Echo] = []
        raw = os.fsencode(path)
        listener = Listener([bind_unix(raw)], unix_file=UnixFile(raw))
        await listener.start(lambda: Echo(protocols))
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(raw)
            client.sendall(b"hello")
            await listener.stop()
            assert [protocol.received for protocol in protocols] == [b"hello"]
        assert not path.exists()
        await close_all(protocols)

    run(new_loop, main)


@LOOPS
def test_the_file_of_a_successor_is_left_alone(new_loop: NewLoop, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    raw = os.fsencode(path)

    async def main() -> None:
        listener = Listener([bind_unix(raw)], unix_file=UnixFile(raw))
        await listener.start(lambda: Echo([]))
        path.unlink()
        successor = bind_unix(raw)
        await listener.stop()
        assert path.exists()
        successor.close()

    run(new_loop, main)


@LOOPS
def test_the_file_of_a_given_socket_is_left_alone(new_loop: NewLoop, tmp_path: Path) -> None:
    path = tmp_path / "socket"

    async def main() -> None:
        listener = Listener([bind_unix(os.fsencode(path))])
        await listener.start(lambda: Echo([]))
        await listener.stop()
        assert path.exists()

    run(new_loop, main)


# -- TLS ---------------------------------------------------------------------------------------------------


@LOOPS
def test_a_client_without_tls_does_not_hold_the_stop_up(new_loop: NewLoop) -> None:
    async def main() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        listener = Listener(await bind_tcp("127.0.0.1", 0), ssl_context=context)
        protocols: list[Echo] = []
        await listener.start(lambda: Echo(protocols))
        with socket.create_connection(listener.sockets[0].getsockname()):
            started = asyncio.get_running_loop().time()
            await listener.stop()
            assert asyncio.get_running_loop().time() - started < 5

    run(new_loop, main)


# -- too many connections ------------------------------------------------------------------------------


async def until_accepting(listener: Listener, expected: bool) -> None:
    while listener.is_accepting is not expected:  # noqa: ASYNC110 - it takes a few turns of the loop
        await asyncio.sleep(0)


def connect_to(listener: Listener) -> socket.socket:
    return socket.create_connection(listener.sockets[0].getsockname())


@LOOPS
def test_who_comes_in_a_pause_waits(new_loop: NewLoop) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        protocols: list[Echo] = []
        listener = await listen_on_tcp(protocols)
        address = listener.sockets[0].getsockname()
        for round_ in range(1, 4):
            listener.pause()
            await until_accepting(listener, False)
            assert listener.sockets[0].getsockname() == address
            with connect_to(listener) as client:
                client.setblocking(False)
                await loop.sock_sendall(client, b"hello")
                assert len(protocols) == round_ - 1
                listener.resume()
                assert await loop.sock_recv(client, 5) == b"hello"
            assert len(protocols) == round_
        await listener.stop()
        await close_all(protocols)

    run(new_loop, main)


@LOOPS
def test_a_pause_and_its_end_at_once(new_loop: NewLoop) -> None:
    async def main() -> None:
        protocols: list[Echo] = []
        listener = await listen_on_tcp(protocols)
        for _ in range(3):
            listener.pause()
            listener.resume()
        await asyncio.sleep(0)
        with connect_to(listener):
            while not protocols:  # noqa: ASYNC110 - the connection is there, the loop has to see it
                await asyncio.sleep(0)
            # What is being accepted at the beginning of a pause is not lost.
            listener.pause()
            await until_accepting(listener, False)
            assert len(protocols) == 1
        await listener.stop()
        assert listener.sockets == ()
        listener.resume()
        assert not listener.is_accepting
        await close_all(protocols)

    run(new_loop, main)


@LOOPS
def test_a_stop_in_a_pause(new_loop: NewLoop, tmp_path: Path) -> None:
    async def main() -> None:
        protocols: list[Echo] = []
        path = tmp_path / "socket"
        sock = bind_unix(os.fsencode(path), backlog=128)
        listener = Listener([sock], unix_file=UnixFile(os.fsencode(path)))
        await listener.start(lambda: Echo(protocols))
        listener.pause()
        await until_accepting(listener, False)
        assert path.exists()
        await listener.stop()
        assert not path.exists() and listener.sockets == ()

    run(new_loop, main)


@LOOPS
@pytest.mark.parametrize("is_resumed", [False, True])
def test_a_stop_that_is_cancelled_on_the_way_into_a_pause(is_resumed: bool, new_loop: NewLoop) -> None:
    async def main() -> None:
        listener = await listen_on_tcp([])
        address = listener.sockets[0].getsockname()
        if is_resumed:
            listener.pause()
            await until_accepting(listener, False)
            listener.resume()
        else:
            listener.pause()
        stop = asyncio.create_task(listener.stop())
        await asyncio.sleep(0)
        stop.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stop
        while listener.sockets:  # noqa: ASYNC110 - it takes a few turns of the loop
            await asyncio.sleep(0)
        assert not listener.is_accepting
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)

    run(new_loop, main)
