"""What becomes of the last answer on a connection, whoever ends it."""

import asyncio
import gc
import socket
import struct
from typing import Any

import pytest

from sketch.http.exchange import Exchange
from sketch.http.limits import DEFAULT_LIMITS, Limits
from tests.conformance.driver import settle, until
from tests.loops import LOOPS, NewLoop
from tests.net.stage import GET, LARGE, answer_large, head, pass_time, post, run, serving
from tests.net.test_connection import listen, open_socket, receive_all
from tests.net.test_connection import run as run_on


@pytest.mark.parametrize("request_bytes", [GET, post(10)], ids=["complete", "half a body"])
def test_a_client_that_half_closes_and_takes_its_answer_slowly(request_bytes: bytes) -> None:
    """It gets all of it, as long as it goes on taking it."""

    async def main() -> None:
        async with serving(answer_large) as stage:
            line = await stage.connect(request_bytes, takes=False)
            await line.end()
            for _ in range(9):
                line.transport.take(20_000)
                await pass_time(DEFAULT_LIMITS.lingering_timeout - 3)
            line.transport.take()
            await settle()
            assert line.bodies == [LARGE] and line.transport.is_lost

    run(main)


def test_a_client_that_half_closes_and_takes_nothing_of_its_answer() -> None:
    async def main() -> None:
        async with serving(answer_large) as stage:
            line = await stage.connect(GET, takes=False)
            await line.end()
            await pass_time(DEFAULT_LIMITS.lingering_timeout)
            assert line.transport.is_lost

    run(main)


def test_a_handler_that_closes_the_transport() -> None:
    """What is not taken of its answer does not keep the connection for ever."""

    async def main() -> None:
        async def handler(exchange: Exchange) -> None:
            exchange.start(head())
            await exchange.send(b"x" * 1000)
            transport = exchange.transport
            assert isinstance(transport, asyncio.Transport)
            transport.close()

        async with serving(handler) as stage:
            line = await stage.connect(GET, takes=False)
            for _ in range(9):
                line.transport.take(100)
                await pass_time(DEFAULT_LIMITS.lingering_timeout - 3)
            assert not line.transport.is_lost
            await pass_time(DEFAULT_LIMITS.lingering_timeout)
            await pass_time(DEFAULT_LIMITS.lingering_timeout)
            assert line.transport.is_lost

    run(main)


# -- over sockets --------------------------------------------------------------------------------------


@LOOPS
def test_the_rest_of_an_answer_that_ends_with_the_connection(new_loop: NewLoop) -> None:
    """The handler was done with it, and the client takes nothing of what waits. When that is dropped, it must
    not look as if there was nothing more."""

    async def handler(exchange: Exchange) -> None:
        exchange.start(head())
        await exchange.send(b"x" * 2**23)  # More than systems hold for two sockets.
        await exchange.finish()

    async def main() -> None:
        server, listening, address = await listen(handler, limits=Limits(write_buffer=2**24))
        try:
            with await open_socket(address) as sock:
                await asyncio.get_running_loop().sock_sendall(sock, b"GET / HTTP/1.0\r\n\r\n")
                await until(lambda: server.requests_count == 1)
                (connection,) = server.connections
                await until(lambda: connection.task is None)
                connection.abort()
                with pytest.raises(ConnectionResetError):
                    await receive_all(sock)
        finally:
            listening.close()
            await server.shutdown(0)

    run_on(main, new_loop)


@LOOPS
def test_a_client_that_resets_a_connection_that_is_not_read(new_loop: NewLoop) -> None:
    """Nothing is noticed of it until the end is sent, which the system then refuses to do."""

    async def main() -> None:
        failures: list[dict[str, Any]] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: failures.append(context))
        answered, released = asyncio.Event(), asyncio.Event()

        async def handler(exchange: Exchange) -> None:
            exchange.keep_alive = False
            exchange.respond(head(413))
            answered.set()
            await released.wait()

        server, listening, address = await listen(handler)
        try:
            sock = await open_socket(address)
            await loop.sock_sendall(sock, post(10**6) + b"x" * 10**5)
            await answered.wait()
            await until(lambda: not server.connections[0].transport.is_reading())  # type: ignore[attr-defined]
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
            released.set()
            await until(lambda: server.connections == [])
            gc.collect()
            await asyncio.sleep(0)
            assert failures == []
        finally:
            listening.close()
            await server.shutdown(0)

    run_on(main, new_loop)
