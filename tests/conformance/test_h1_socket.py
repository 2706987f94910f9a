"""An HTTP/1 connection keeps the contract of every carrier: over sockets, on both event loops."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import uvloop

from sketch.http.exchange import ExchangeHandler
from sketch.server import Server
from tests.conformance.exchange import Client, ExchangeConformance, Opening, until
from tests.conformance.h1client import H1Client, Wire, answer_probes

BUFFER = 2**14
"""Bytes that the system holds in each direction. Left alone, it takes megabytes before `send` waits."""

RESET = struct.pack("ii", 1, 0)
"""For ``SO_LINGER``: a close that is a reset."""


class SocketWire(Wire):
    """A socket that is read all the time, unless it is paused."""

    def __init__(self, sock: socket.socket, client: H1Client) -> None:
        self._socket = sock
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        data = b" "
        while data:
            data = b""
            with suppress(ConnectionError):
                data = await self._loop.sock_recv(self._socket, BUFFER)
            self._client.bytes_came(data) if data else self._client.end_came()

    async def send(self, data: bytes) -> None:
        with suppress(ConnectionError):
            await self._loop.sock_sendall(self._socket, data)

    async def disconnect(self) -> None:
        await self.pause()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._socket.close()

    async def pause(self) -> None:
        self._reading.cancel()
        await asyncio.wait([self._reading])

    async def resume(self) -> None:
        self._reading = asyncio.create_task(self._read())

    async def close(self) -> None:
        """Wait for the server's end, and let go."""
        if self._socket.fileno() >= 0:
            await asyncio.wait([self._reading])
        self._socket.close()


def listen() -> socket.socket:
    """A listening socket whose connections have small buffers."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    listening.setblocking(False)
    return listening


async def connect(address: tuple[str, int]) -> socket.socket:
    """A connection to it, with small buffers."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, address)
    return sock


class TestH1Socket(ExchangeConformance):
    """On asyncio's event loop."""

    @asynccontextmanager
    async def open(self, opening: Opening, handler: ExchangeHandler) -> AsyncIterator[Client]:
        server = Server(answer_probes(handler))
        client = H1Client(opening, server.pre_shutdown)
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(server, sock=listen())
        sock = await connect(listening.sockets[0].getsockname())
        client.wire = wire = SocketWire(sock, client)
        try:
            await client.send_head()
            yield client
        finally:
            listening.close()
            await server.shutdown(None)
            await wire.close()
            await until(lambda: server.connections == [])


class TestH1SocketOnUvloop(TestH1Socket):
    """On uvloop."""

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        return uvloop.new_event_loop()
