"""An application behind proxies, over real sockets: a test plays the proxies that it trusts, and others."""

import asyncio
import json
import logging
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from sketch import web
from tests.conformance.driver import until
from tests.loops import NewLoop

PROXY = "127.0.0.1"
STRANGER = "127.0.0.2"
CLIENT = "198.51.100.7"

V1 = f"PROXY TCP4 {CLIENT} 192.0.2.2 4711 443\r\n".encode()
V2 = (
    b"\r\n\r\n\0\r\nQUIT\n\x21\x21\x00\x2b"
    + socket.inet_pton(socket.AF_INET6, "2001:db8::7")
    + socket.inet_pton(socket.AF_INET6, "2001:db8::2")
    + struct.pack("!HH", 4711, 443)
    + b"\x04\x00\x04\0\0\0\0"
)
PADDING = b"x" * 300_000
"""More than event loops read at once."""


async def tell(request: web.Request) -> web.Response:
    """Whom the application takes its client for."""
    await request.read()
    return web.json_response(
        {"remote": request.remote, "scheme": request.scheme, "host": request.host, "url": str(request.url)}
    )


class Site:
    """The application, served.

    ``address``
        where it listens: ``(host, port)`` or a path.
    ``log``
        the lines of its access log, and its warnings.
    """

    def __init__(self, runner: web.AppRunner, log: list[str]) -> None:
        self.runner = runner
        self.address = runner.addresses[0]
        self.log = log

    @property
    def port(self) -> int:
        port: int = self.address[1]
        return port

    async def send(self, data: bytes, *, host: str = PROXY, then_end: bool = False) -> bytes:
        """All that comes back for these bytes on a connection from ``host``, up to its end."""
        if isinstance(self.address, str):
            reader, writer = await asyncio.open_unix_connection(self.address)
        else:
            reader, writer = await asyncio.open_connection(*self.address, local_addr=(host, 0))
        received = b""
        with suppress(ConnectionError):
            writer.write(data)
            if then_end:
                writer.write_eof()
            received = await reader.read()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        return received

    async def ask(self, *fields: str, before: bytes = b"", host: str = PROXY) -> Any:
        """What `tell` answers to one request."""
        return body_of(await self.send(before + request(*fields), host=host))


def request(*fields: str) -> bytes:
    lines = ["GET /a?b=c HTTP/1.1", "Host: own.example", "Connection: close", *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def body_of(answer: bytes) -> Any:
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    return json.loads(answer.partition(b"\r\n\r\n")[2])


class Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def run(
    new_loop: NewLoop,
    use: Callable[[Site], Awaitable[None]],
    *,
    path: Path | None = None,
    ssl_context: ssl.SSLContext | None = None,
    **options: Any,
) -> None:
    """Serve the application, use it, and take it down: nothing of it may be left."""

    async def main() -> None:
        lines = Lines()
        logger = logging.Logger("proxies", logging.INFO)
        logger.addHandler(lines)
        app = web.Application()
        app.router.add_route("*", "/a", tell)
        runner = web.AppRunner(app, access_log=logger, access_log_format="%a %s", logger=logger, **options)
        await runner.setup()
        if path is None:
            sock = socket.create_server((PROXY, 0))
            await web.SockSite(runner, sock, ssl_context=ssl_context).start()
        else:
            await web.UnixSite(runner, path, ssl_context=ssl_context).start()
        try:
            async with asyncio.timeout(30):
                await use(Site(runner, lines.lines))
        finally:
            await runner.cleanup()
        await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
