"""Chapter 3: request and response objects.

The protocol of chapter 2, with what the parser found made into a `Request`, handed to a handler, and the
handler's `Response` written out: `str(response)` is the message as it goes on the wire.

    curl -d '{"name": "Ada"}' http://127.0.0.1:8080/greet
"""

import asyncio
import signal
from json import JSONDecodeError

from httptools import HttpRequestParser

from sketch.request import Request
from sketch.response import Response


async def handler(request: Request) -> Response:
    try:
        data = await request.json()
    except JSONDecodeError:
        return Response("Send me JSON.\n", status=400)
    response = Response(f"{request.method} {request.url.path}\n")
    response.add_body(f"Hello, {data['name']}!\n")
    response.add_header("X-Powered-By", "sketch")
    return response


class HttpProtocol(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.parser = HttpRequestParser(self)
        self.target = b""
        self.headers: dict[str, str] = {}
        self.body = bytearray()

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, target: bytes) -> None:
        self.target += target

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode()] = value.decode()

    def on_message_complete(self) -> None:
        request = Request(
            method=self.parser.get_method().decode(),
            url=self.target.decode(),
            headers=self.headers,
            version=self.parser.get_http_version(),
            body=bytes(self.body),
        )
        self.task = asyncio.get_running_loop().create_task(self.answer(request))

    async def answer(self, request: Request) -> None:
        response = await handler(request)
        self.transport.write(str(response).encode())
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
