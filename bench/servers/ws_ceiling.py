"""The ceiling: a uvloop protocol in Python that echoes a frame from the very call in which it came.

No task, no message object, no text decoded, no limits, no fragments and no closing handshake; masks are taken
off by the websockets library's function in C. What a framework in Python on uvloop costs is what it costs
more than this.
"""

import asyncio
import base64
import hashlib

import uvloop
from options import HOST, parse
from websockets.speedups import apply_mask

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
UPGRADE = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: %s\r\n\r\n"
)
receivers = set()


class Opening(asyncio.Protocol):
    """A connection that has sent no request yet."""

    def connection_made(self, transport):
        self.transport = transport
        self.head = b""

    def data_received(self, data):
        self.head += data
        if not self.head.endswith(b"\r\n\r\n"):
            return
        target = self.head.split(b" ", 2)[1].decode()
        if target not in PROTOCOLS:
            self.transport.write(b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n")
            self.transport.close()
            return
        fields = dict(line.split(b": ", 1) for line in self.head.rstrip().split(b"\r\n")[1:])
        proof = base64.b64encode(hashlib.sha1(fields[b"Sec-WebSocket-Key"] + GUID).digest())
        self.transport.write(UPGRADE % proof)
        self.transport.set_protocol(PROTOCOLS[target](self.transport))


class Echo(asyncio.Protocol):
    """Frames, which come whole or in pieces."""

    __slots__ = ("held", "transport")

    def __init__(self, transport):
        self.transport = transport
        self.held = b""

    def data_received(self, data):
        if self.held:
            data = self.held + data
            self.held = b""
        size = len(data)
        short = data[1] & 0x7F if size > 1 else 126
        if short < 126:
            start = 2
            length = short
        elif short == 126:
            start = 4
            length = int.from_bytes(data[2:4], "big")
        else:
            start = 10
            length = int.from_bytes(data[2:10], "big")
        end = start + 4 + length
        if size < end:
            self.held = data
            return
        self.answer(data[0], data[1:start], apply_mask(data[start + 4 : end], data[start : start + 4]))
        if size > end:
            self.data_received(data[end:])

    def answer(self, first, length, payload):
        head = bytes((first, length[0] & 0x7F)) + length[1:]
        if len(payload) < 4096:
            self.transport.write(head + payload)
        else:
            self.transport.writelines((head, payload))


class Subscribe(asyncio.Protocol):
    """One of those who get what is published."""

    def __init__(self, transport):
        self.transport = transport
        receivers.add(transport)

    def connection_lost(self, error):
        receivers.discard(self.transport)


class Publish(Echo):
    """One who publishes."""

    def answer(self, first, length, payload):
        frame = bytes((first, length[0] & 0x7F)) + length[1:] + payload
        for transport in receivers:
            transport.write(frame)


PROTOCOLS = {"/echo": Echo, "/subscribe": Subscribe, "/publish": Publish}


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Opening, HOST, parse().port)
    await server.serve_forever()


uvloop.run(main())
