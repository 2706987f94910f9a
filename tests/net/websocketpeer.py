"""The client's end of a WebSocket in memory. Its frames are made and read by `websockets`: no code of ours
has a part in them.
"""

import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from sketch.http.exchange import Exchange
from sketch.http.handshake import Deflate, WebSocketAgreement
from sketch.http.heads import ResponseHead
from sketch.http.websocket import WebSocketOptions, WebSocketStream
from tests.net.stage import Line, Stage, serving

HANDSHAKE = (
    b"GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)
"""The example of RFC 6455, section 1.3, up to the end of its fields."""

Serve = Callable[[WebSocketStream], Awaitable[None]]


def text(data: str, *, fin: bool = True) -> bytes:
    """A TEXT frame."""
    return Frame(Opcode.TEXT, data.encode(), fin).serialize(mask=True)


def binary(data: bytes, *, fin: bool = True) -> bytes:
    """A BINARY frame."""
    return Frame(Opcode.BINARY, data, fin).serialize(mask=True)


def ping(data: bytes = b"") -> bytes:
    """A PING frame."""
    return Frame(Opcode.PING, data).serialize(mask=True)


def pong(data: bytes = b"") -> bytes:
    """A PONG frame."""
    return Frame(Opcode.PONG, data).serialize(mask=True)


def close(code: int | None = 1000, reason: str = "") -> bytes:
    """A CLOSE frame."""
    payload = b"" if code is None else struct.pack("!H", code) + reason.encode()
    return Frame(Opcode.CLOSE, payload).serialize(mask=True)


UNMASKED = Frame(Opcode.TEXT, b"bare").serialize(mask=False)
"""What no client may send (RFC 6455, section 5.1)."""


class Peer:
    """A client whose WebSocket is open."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self._head_size = line.transport.received.index(b"\r\n\r\n") + 4

    @property
    def head(self) -> bytes:
        """The answer to the opening handshake."""
        return self.line.transport.received[: self._head_size]

    @property
    def frames(self) -> list[tuple[Opcode, bytes]]:
        """The frames that have come so far, the unfinished one left out."""
        return self._read([])

    @property
    def inflated(self) -> list[bytes]:
        """The messages that have come, of a WebSocket with permessage-deflate as it is without parameters."""
        return [data for _, data in self._read([PerMessageDeflate(False, False, 15, 15)])]

    def _read(self, extensions: Sequence[Extension]) -> list[tuple[Opcode, bytes]]:
        reader = StreamReader()
        reader.feed_data(self.line.transport.received[self._head_size :])
        frames: list[tuple[Opcode, bytes]] = []
        while True:
            parser = Frame.parse(reader.read_exact, mask=False, extensions=extensions)
            try:
                next(parser)
            except StopIteration as parsed:
                frame: Any = parsed.value
                frames.append((frame.opcode, bytes(frame.data)))
            else:
                return frames

    @property
    def closing(self) -> list[tuple[int, bytes]]:
        """The codes and reasons of the close frames that have come."""
        return [
            (struct.unpack("!H", data[:2])[0], data[2:])
            for opcode, data in self.frames
            if opcode is Opcode.CLOSE
        ]

    @property
    def data(self) -> list[str | bytes]:
        """The messages that have come."""
        return [
            data.decode() if opcode is Opcode.TEXT else data
            for opcode, data in self.frames
            if opcode in (Opcode.TEXT, Opcode.BINARY)
        ]

    async def send(self, *data: bytes) -> None:
        """Send these bytes, each in a packet of its own."""
        await self.line.send(*data)


@asynccontextmanager
async def talking(
    serve: Serve,
    *first: bytes,
    options: WebSocketOptions = WebSocketOptions(),  # noqa: B008 - immutable
    deflate: Deflate | None = None,
    fields: bytes = b"",
    takes: bool = True,
    **server_options: Any,
) -> AsyncIterator[tuple[Peer, Stage]]:
    """A WebSocket in memory, served by ``serve``; what the client sends ``first`` is in the packet of its
    request."""

    async def handle(exchange: Exchange) -> None:
        agreement = exchange.read_websocket_offer().agree(deflate=deflate)
        await serve(exchange.accept_websocket(make_head(agreement), agreement, options))

    async with serving(handle, **server_options) as stage:
        line = await stage.connect(HANDSHAKE + fields + b"\r\n" + b"".join(first))
        if not takes:
            line.transport.stop_taking()
        yield Peer(line), stage


def make_head(agreement: WebSocketAgreement) -> ResponseHead:
    """The head of the answer that opens a WebSocket."""
    return ResponseHead(agreement.status, "Switching Protocols", agreement.fields)
