"""A WebSocket on an HTTP/1 connection keeps the contract of every carrier: over sockets, on both event loops.

The client's frames are made and read by `websockets`: no code of ours has a part in them.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import uvloop
from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Close, Frame, Opcode
from websockets.streams import StreamReader

from sketch.http.exchange import Exchange
from sketch.http.handshake import Deflate
from sketch.http.websocket import WebSocketOptions, WebSocketStream, WSMsgType
from sketch.server import Server
from tests.conformance.driver import until
from tests.conformance.test_h1_socket import RESET, connect, listen
from tests.conformance.websocket import END, FIELDS, WHOLE, Got, Peer, WebSocketConformance, accept

REQUEST = (
    "GET / HTTP/1.1\r\nHost: localhost\r\n"
    + "".join(f"{name}: {value}\r\n" for name, value in FIELDS)
    + "\r\n"
).encode()


class SocketPeer(asyncio.Protocol, Peer):
    """A client over a socket."""

    transport: asyncio.Transport

    def __init__(self, server: Server, deflate: Deflate | None) -> None:
        self.got: list[Got] = []
        self._server = server
        self._extensions: list[Extension] = []
        if deflate is not None:
            server_forgets, client_forgets, server_bits, client_bits = deflate
            self._extensions = [PerMessageDeflate(server_forgets, client_forgets, server_bits, client_bits)]
        self._shutting_down: asyncio.Task[None] | None = None
        self._reader = StreamReader()
        self._reading = self._read()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:
        self._reader.feed_data(data)
        next(self._reading)

    def connection_lost(self, exc: Exception | None) -> None:
        self.got.append(END)

    def _read(self) -> Any:
        """Take what has come apart; a generator that goes on with each piece."""
        while (yield from self._reader.read_line(2**16)) != b"\r\n":
            pass
        while True:
            frame: Frame = yield from Frame.parse(
                self._reader.read_exact, mask=False, extensions=self._extensions
            )
            self.got.append(_show(frame))

    def _send(self, opcode: Opcode, payload: bytes) -> None:
        self.transport.write(Frame(opcode, payload).serialize(mask=True, extensions=self._extensions))

    async def say(self, data: str | bytes) -> None:
        is_text = isinstance(data, str)
        self._send(
            Opcode.TEXT if is_text else Opcode.BINARY, data.encode() if isinstance(data, str) else data
        )

    async def ping(self, payload: bytes) -> None:
        self._send(Opcode.PING, payload)

    async def pong(self, payload: bytes) -> None:
        self._send(Opcode.PONG, payload)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self._send(Opcode.CLOSE, Close(code, reason).serialize() if code else b"")

    async def break_protocol(self) -> None:
        self.transport.write(b"\x83\x80\x00\x00\x00\x00")

    async def vanish(self) -> None:
        sock: socket.socket = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.transport.abort()

    async def pause(self) -> None:
        self.transport.pause_reading()

    async def resume(self) -> None:
        if not self.transport.is_closing():
            self.transport.resume_reading()

    async def shut_down(self) -> None:
        self._shutting_down = asyncio.create_task(self._server.shutdown(None))


def _show(frame: Frame) -> Got:
    kind, data = WSMsgType(frame.opcode), bytes(frame.data)
    if frame.opcode is Opcode.CLOSE:
        code = struct.unpack("!H", data[:2])[0] if data else 0
        # What a peer has done wrong may be told in any words.
        return Got(kind, (code, "" if code in (1002, 1009) else data[2:].decode()))
    return Got(kind, data.decode() if kind is WSMsgType.TEXT else data)


class TestH1WebSocket(WebSocketConformance):
    """On asyncio's event loop."""

    @asynccontextmanager
    async def talk(
        self, options: WebSocketOptions = WHOLE, deflate: Deflate | None = None
    ) -> AsyncIterator[tuple[WebSocketStream, Peer]]:
        loop = asyncio.get_running_loop()
        streams: list[WebSocketStream] = []
        released, returned = asyncio.Event(), asyncio.Event()

        async def handler(exchange: Exchange) -> None:
            try:
                streams.append(accept(exchange, options, deflate))
                await released.wait()
            finally:
                exchange.end()
                returned.set()

        server = Server(handler)
        listening = await loop.create_server(server, sock=listen())
        sock = await connect(listening.sockets[0].getsockname())
        peer = SocketPeer(server, deflate)
        await loop.create_connection(lambda: peer, sock=sock)
        try:
            await until(lambda: streams != [])
            yield streams[0], peer
        finally:
            listening.close()
            released.set()
            await returned.wait()
            await peer.resume()
            await server.shutdown(None)
            await until(lambda: END in peer.got)
            await until(lambda: server.connections == [])


class TestH1WebSocketOnUvloop(TestH1WebSocket):
    """On uvloop."""

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        return uvloop.new_event_loop()
