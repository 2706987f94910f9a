"""Chapter 2: making the server protocol.

Bytes arrive in pieces of any size, so something has to find out where a request ends. httptools does: it
is fed what arrives and calls back for the target, each field, each piece of the body and the end.

    curl -d "some data" "http://127.0.0.1:8080/where?from=here"

This is the tutorial's way of using httptools, and the shortest. `sketch.http_parser` cuts the stream
itself and gives httptools one head at a time; docs/architecture.md says why.
"""

import asyncio
import signal

from httptools import HttpParserError, HttpRequestParser


class HttpProtocol(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.parser = HttpRequestParser(self)
        self.target = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.body = bytearray()

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except HttpParserError:
            self.answer("400 Bad Request", "That is not HTTP.\n")

    # The parser calls these, the first two perhaps several times with pieces.

    def on_url(self, target: bytes) -> None:
        self.target += target

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value))

    def on_message_complete(self) -> None:
        method = self.parser.get_method().decode()
        lines = [f"{method} {self.target.decode()}", f"{len(self.body)} bytes of body"]
        lines += [f"{name.decode()} = {value.decode()}" for name, value in self.fields]
        self.answer("200 OK", "\n".join(lines) + "\n")

    def answer(self, status: str, text: str) -> None:
        body = text.encode()
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        self.transport.write(head.encode() + body)
        self.transport.close()


async def serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(HttpProtocol, "127.0.0.1", port)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    print(f"Running on http://127.0.0.1:{port}")
    async with server:
        await stopped.wait()


def main(port: int = 8080) -> None:
    asyncio.run(serve(port))


if __name__ == "__main__":
    main()
