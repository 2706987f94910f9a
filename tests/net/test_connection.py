"""A socket's two questions, may I write and shall more be read, and who is at its other end."""

import asyncio
import logging
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from sketch.http.errors import Disconnected
from sketch.http.exchange import Exchange, Peer
from sketch.http.limits import DEFAULT_LIMITS
from sketch.http.websocket import WebSocketOptions
from sketch.net import connection
from sketch.net.connection import SocketConnection
from sketch.net.registry import Registry
from sketch.server import Server
from tests.conformance.driver import settle, until
from tests.loops import LOOPS, NewLoop
from tests.net.stage import GET, head
from tests.net.transport import FakeTransport
from tests.net.websocketpeer import HANDSHAKE, make_head


class PlainConnection(SocketConnection):
    """A connection without a protocol."""

    task: asyncio.Task[None] | None = None
    is_sending = False

    def on_deadline(self) -> None: ...

    def drain(self) -> None: ...

    def say_goodbye(self) -> None: ...

    def abort(self) -> None: ...


def run(main: Callable[[], Awaitable[None]], new_loop: NewLoop = asyncio.SelectorEventLoop) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await main()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(bounded())


async def never(exchange: Exchange) -> None:
    raise AssertionError("there is no request")


def make_registry() -> Registry:
    return Registry(
        never,
        asyncio.get_running_loop(),
        limits=DEFAULT_LIMITS,
        logger=logging.Logger("test"),
        handler_cancellation=False,
        tcp_keepalive=True,
        refused=None,
    )


async def connect() -> tuple[PlainConnection, FakeTransport]:
    connection = PlainConnection(make_registry())
    transport = FakeTransport(connection)
    await settle()
    return connection, transport


async def disconnect(connection: PlainConnection, transport: FakeTransport) -> None:
    transport.disconnect()
    await settle()
    assert connection.registry.connections == set() and not connection.registry.clock.is_running


# -- writing -------------------------------------------------------------------------------------------


def test_nobody_waits_for_a_client_that_takes_what_it_gets() -> None:
    async def main() -> None:
        connection, transport = await connect()
        transport.write(b"x" * 200_000)
        assert not connection.writing_paused
        await connection.drained()
        await disconnect(connection, transport)

    run(main)


def test_any_number_of_tasks_wait_for_a_slow_client() -> None:
    async def main() -> None:
        connection, transport = await connect()
        transport.stop_taking()
        transport.write(b"x" * 200_000)
        waiting = [asyncio.create_task(connection.drained()) for _ in range(3)]
        await settle()
        waiting.pop().cancel()
        await settle()
        assert not any(task.done() for task in waiting)
        transport.take()
        await asyncio.gather(*waiting)
        await disconnect(connection, transport)

    run(main)


def test_waiting_ends_with_the_connection() -> None:
    async def main() -> None:
        connection, transport = await connect()
        transport.stop_taking()
        transport.write(b"x" * 200_000)
        waiting = asyncio.create_task(connection.drained())
        await settle()
        await disconnect(connection, transport)
        with pytest.raises(Disconnected):
            await waiting
        with pytest.raises(Disconnected):
            await connection.drained()

    run(main)


def test_a_client_that_is_slow_again_before_the_task_runs() -> None:
    async def main() -> None:
        connection, transport = await connect()
        connection.pause_writing()
        waiting = asyncio.create_task(connection.drained())
        await settle()
        connection.resume_writing()
        connection.pause_writing()
        await settle()
        assert not waiting.done()
        connection.resume_writing()
        await waiting
        await disconnect(connection, transport)

    run(main)


# -- reading -------------------------------------------------------------------------------------------


def test_reading_is_paused_and_resumed_once() -> None:
    """The transport in memory minds being told twice."""

    async def main() -> None:
        connection, transport = await connect()
        connection.resume_reading()
        for _ in range(2):
            connection.pause_reading()
        assert not transport.is_reading()
        for _ in range(2):
            connection.resume_reading()
        assert transport.is_reading()
        transport.close()
        connection.pause_reading()
        connection.resume_reading()
        await disconnect(connection, transport)
        connection.pause_reading()
        connection.resume_reading()

    run(main)


# -- who is there --------------------------------------------------------------------------------------


def test_the_peer() -> None:
    async def main() -> None:
        connection, transport = await connect()
        peer = connection.peer
        assert (peer.host, peer.address, peer.secure) == ("192.0.2.1", ("192.0.2.1", 50000), False)
        assert peer.get_extra_info("sockname") == ("192.0.2.2", 80)
        assert repr(peer) == f"<Peer {peer.host}>"
        assert repr(Peer(("10.0.0.1", 0), proxy=peer)) == f"<Peer 10.0.0.1 behind <Peer {peer.host}>>"
        assert connection.peer is peer
        await disconnect(connection, transport)
        assert connection.peer is peer and connection.is_lost

    run(main)


def test_a_peer_that_nobody_asked_about_in_time() -> None:
    async def main() -> None:
        connection, transport = await connect()
        await disconnect(connection, transport)
        assert connection.peer.host is None

    run(main)


# -- sockets -------------------------------------------------------------------------------------------


async def listen(handler: Any, **options: Any) -> tuple[Server, asyncio.Server, tuple[str, int]]:
    server = Server(handler, **options)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    return server, listening, listening.sockets[0].getsockname()


async def receive_all(sock: socket.socket) -> bytes:
    loop = asyncio.get_running_loop()
    received = b""
    while data := await loop.sock_recv(sock, 2**16):
        received += data
    return received


async def open_socket(address: tuple[str, int]) -> socket.socket:
    sock = socket.socket()
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, address)
    return sock


@LOOPS
@pytest.mark.parametrize("tcp_keepalive", [False, True])
def test_tcp_keepalive(tcp_keepalive: bool, new_loop: NewLoop) -> None:
    async def handler(exchange: Exchange) -> None:
        sock = exchange.peer.get_extra_info("socket")
        exchange.respond(head(), b"%d" % sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))

    async def main() -> None:
        server, listening, address = await listen(handler, tcp_keepalive=tcp_keepalive)
        with await open_socket(address) as sock:
            await asyncio.get_running_loop().sock_sendall(sock, b"GET / HTTP/1.0\r\n\r\n")
            assert (await receive_all(sock)).endswith(b"%d" % tcp_keepalive)
        listening.close()
        await server.shutdown(0)

    run(main, new_loop)


@LOOPS
@pytest.mark.parametrize("is_complete", [False, True])
def test_an_answer_that_ends_with_the_connection(is_complete: bool, new_loop: NewLoop) -> None:
    """Cut off, it ends with a reset: an orderly end would look like the end of the answer."""

    async def handler(exchange: Exchange) -> None:
        exchange.start(head())
        await exchange.send(b"all of it")
        await received.wait()
        if is_complete:
            await exchange.finish()

    async def main() -> None:
        server, listening, address = await listen(handler)
        loop = asyncio.get_running_loop()
        with await open_socket(address) as sock:
            await loop.sock_sendall(sock, b"GET / HTTP/1.0\r\n\r\n")
            assert (await loop.sock_recv(sock, 2**16)).endswith(b"all of it")
            received.set()
            if is_complete:
                assert await receive_all(sock) == b""
            else:
                with pytest.raises(ConnectionResetError):
                    await receive_all(sock)
        listening.close()
        await server.shutdown(0)

    received = asyncio.Event()
    run(main, new_loop)


@LOOPS
def test_an_answer_survives_what_the_client_goes_on_sending(new_loop: NewLoop) -> None:
    """The client sends 16 MiB more before it looks for its answer."""

    async def handler(exchange: Exchange) -> None:
        exchange.respond(head(413), b"too large")

    async def main() -> None:
        server, listening, address = await listen(handler)
        loop = asyncio.get_running_loop()
        with await open_socket(address) as sock:
            await loop.sock_sendall(sock, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % 2**30)
            await until(lambda: server.requests_count == 1)
            for _ in range(256):
                await loop.sock_sendall(sock, b"x" * 2**16)
            assert (await receive_all(sock)).endswith(b"too large")
        await until(lambda: server.connections == [])
        listening.close()
        await server.shutdown(0)

    run(main, new_loop)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what waits in a socket")
def test_over_tls_what_waits_in_the_socket_counts() -> None:
    """The transport does not know of it, nor of what waits before it."""

    class TlsTransport(FakeTransport):
        def get_extra_info(self, name: str, default: Any = None) -> Any:
            return {"ssl_object": object(), "socket": ours}.get(name, default)

    async def main() -> None:
        connection = PlainConnection(make_registry())
        transport = TlsTransport(connection)
        await settle()
        assert connection.unsent == 0
        ours.setblocking(False)
        ours.send(b"x" * 1000)
        assert connection.unsent >= 1000
        transport.stop_taking()
        transport.write(b"x" * 5000)
        assert connection.unsent >= 6000
        theirs.recv(1000)
        assert connection.unsent == 5000
        # Closed, as a transport may be before its connection is told.
        ours.close()
        assert connection.unsent == 5000
        await disconnect(connection, transport)
        assert connection.unsent == 0

    ours, theirs = socket.socketpair()
    with ours, theirs:
        run(main)


# -- many clients that take too little -----------------------------------------------------------------


@pytest.mark.skipif(not hasattr(socket, "TCP_NOTSENT_LOWAT"), reason="the system has no such option")
@pytest.mark.parametrize("way", ["whole", "stream", "websocket"])
@LOOPS
def test_the_system_holds_little_for_many_slow_readers(
    new_loop: NewLoop, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first ones may have it hold for them what it likes; it has only so much for all sockets."""
    monkeypatch.setattr(connection, "MANY_SLOW_READERS", 1)
    body = bytes(2**23)

    async def handler(exchange: Exchange) -> None:
        if way == "whole":
            exchange.respond(head(), body)
        elif way == "stream":
            exchange.start(head(), len(body))
            with suppress(Disconnected):
                await exchange.send(body)
        else:
            agreement = exchange.read_websocket_offer().agree()
            stream = exchange.accept_websocket(make_head(agreement), agreement, WebSocketOptions())
            stream.send_nowait(body, 2)
            await stream.wait_closed()

    request = HANDSHAKE + b"\r\n" if way == "websocket" else GET

    def bounds(server: Server) -> list[int]:
        connections: Any = server._registry.connections
        sockets = [each.transport.get_extra_info("socket") for each in connections]
        return sorted(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) for sock in sockets)

    async def main() -> None:
        server = Server(handler)
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(server, "127.0.0.1", 0)
        address = listener.sockets[0].getsockname()
        # One asks when the others are known to be slow, on a connection that it had before.
        early, *others = [socket.create_connection(address) for _ in range(4)]
        await until(lambda: len(server.connections) == 4)
        for slow, client in enumerate(others[:2], start=1):
            client.sendall(request)
            await until(lambda slow=slow: server._registry.slow_readers == slow)  # type: ignore[misc]
        unbounded = bounds(server)
        early.sendall(request)
        await until(lambda: server._registry.slow_readers == 3)
        late = socket.create_connection(address)
        await until(lambda: len(server.connections) == 5)
        bounded = bounds(server)
        for client in (early, late, *others):
            client.close()
        await until(lambda: server.connections == [])
        assert server._registry.slow_readers == 0
        listener.close()
        await listener.wait_closed()
        await server.shutdown(0)
        assert bounded == [0, 0, 0, 2**17, 2**17] and unbounded == [0] * 4

    run(main, new_loop)


@pytest.mark.parametrize("closes", [False, True])
def test_pieces_go_in_one_where_writelines_does_not_see_that_a_connection_is_lost(
    closes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = list[object]()

    class Noting(FakeTransport):
        def writelines(self, list_of_data: Any) -> None:
            calls.append(list(list_of_data))

        def write(self, data: Any) -> None:
            calls.append(data)

    async def main() -> None:
        transport = Noting(PlainConnection(make_registry()))
        if closes:
            transport.abort()
        connection.write_parts(transport, [b"1", b"2"])
        assert calls == ([b"12"] if closes else [[b"1", b"2"]])

    monkeypatch.setattr(connection, "WRITELINES_PAUSES", True)
    run(main)
