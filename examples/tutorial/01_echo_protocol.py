"""Chapter 1: asyncio's low-level API.

A server is a *protocol* that is told what happens on a connection, and a *transport* that it writes to.
This one sends back whatever it was sent, wrapped in just enough HTTP for curl to show it:

    curl http://127.0.0.1:8080/hello
"""

import asyncio
import signal


class EchoProtocol(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n"
        self.transport.write(head.encode() + data)
        self.transport.close()


async def serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(EchoProtocol, "127.0.0.1", port)
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
