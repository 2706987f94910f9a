"""What one request is spent on, step by step, in one process and without a socket; in CPU time.

* *parse*: the bytes of a head become a `RequestHead`.
* *handle*: an exchange goes through routing, middlewares and handler to `respond`; the exchange does nothing.
* *encode*: a response's head and body become the bytes of the answer.
* *task*: an empty coroutine runs as a task of the loop.
* *whole*: bytes given to a connection's protocol, until the answer's bytes are given to its transport. No two
  heads in a row on a connection are the same.
* *connection*: what *whole* takes more than the others together: reading, the exchange, writing.
* *repeated*: *whole*, with the same head again and again, of which the connection remembers the last.

``python -m bench.pipeline`` prints a table.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import uvloop

from bench.figures import spread
from sketch import web
from sketch.http.dates import format_date
from sketch.http.exchange import Bytes, ExchangeHandler
from sketch.http.heads import RequestHead, ResponseHead
from sketch.http_parser import HttpParser
from sketch.http_writer import encode_plain, make_automatic
from sketch.server import Server
from sketch.testing import MemoryExchange

CONNECTIONS = 64
"""How many connections ask at once: as many as in the load from outside."""

_ONE_FIELD = b"GET /user/sketch HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
_BROWSER = (
    b"GET /user/sketch HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nConnection: keep-alive\r\n"
    b'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"\r\n'
    b'sec-ch-ua-mobile: ?0\r\nsec-ch-ua-platform: "Linux"\r\nUpgrade-Insecure-Requests: 1\r\n'
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    b"Chrome/140.0.0.0 Safari/537.36\r\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,"
    b"image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7\r\n"
    b"Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n"
    b"Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n\r\n"
)
REQUESTS = {"1 field": _ONE_FIELD, "13 fields": _BROWSER}


class SilentExchange(MemoryExchange):
    """An exchange that takes an answer and throws it away, so that it can be used again."""

    __slots__ = ("answers",)

    def __init__(self, head: RequestHead) -> None:
        super().__init__()
        self.head = head
        self.answers = 0

    def respond(self, head: ResponseHead, body: Bytes = b"") -> None:
        """Count the answer."""
        self.answers += 1


class SilentTransport(asyncio.Transport):
    """A transport whose peer takes everything at once. It counts what is written to it."""

    def __init__(self, protocol: asyncio.BaseProtocol) -> None:
        super().__init__({"peername": ("127.0.0.1", 50000), "sockname": ("127.0.0.1", 8080)})
        self._protocol = protocol
        self._is_closing = False
        self.writes = 0
        self.last = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Count one write."""
        self.writes += 1
        self.last = bytes(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """Count one write of several pieces."""
        self.write(b"".join(list_of_data))

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The protocol that is fed."""
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Change it."""
        self._protocol = protocol

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """There is no buffer."""

    def get_write_buffer_size(self) -> int:
        """Always empty."""
        return 0

    def pause_reading(self) -> None:
        """Nothing is read."""

    def resume_reading(self) -> None:
        """Nothing is read."""

    def is_reading(self) -> bool:
        """As if."""
        return True

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self._is_closing

    def close(self) -> None:
        """Tell the protocol."""
        if not self._is_closing:
            self._is_closing = True
            self._protocol.connection_lost(None)

    def abort(self) -> None:
        """Tell the protocol."""
        self.close()


def make_handler() -> ExchangeHandler:
    """An application with one parameter in its path, as a server is given it."""

    async def user(request: web.Request) -> web.Response:
        return web.Response(text=request.match_info["name"])

    app = web.Application()
    app.router.add_get("/user/{name}", user)
    app.freeze()
    return app.make_exchange_handler()


def time_parse(data: bytes, repeats: int) -> float:
    """Microseconds of *parse*."""
    parse = HttpParser().parse
    begun = time.process_time()
    for _ in range(repeats):
        parse(data)
    return 1e6 * (time.process_time() - begun) / repeats


async def time_handle(data: bytes, repeats: int) -> float:
    """Microseconds of *handle*, the exchange's making not counted: as many of them as connections."""
    head = HttpParser().parse(data)
    handler = make_handler()
    exchanges = [SilentExchange(head) for _ in range(CONNECTIONS)]
    turns = repeats // CONNECTIONS
    begun = time.process_time()
    for _ in range(turns):
        for exchange in exchanges:
            await handler(exchange)
    used = time.process_time() - begun
    if not all(exchange.answers == turns for exchange in exchanges):
        raise AssertionError("a request was not answered")
    return 1e6 * used / (turns * CONNECTIONS)


def time_encode(repeats: int) -> float:
    """Microseconds of *encode*, for a head like that of most answers."""
    head = ResponseHead(200, "OK", [("Content-Type", "text/plain; charset=utf-8")])
    automatic = make_automatic(format_date(time.time()))
    begun = time.process_time()
    for _ in range(repeats):
        encode_plain(head.encode(), b"sketch", automatic)
    return 1e6 * (time.process_time() - begun) / repeats


async def time_task(repeats: int) -> float:
    """Microseconds of *task*, with as many tasks at once as there are connections."""
    loop = asyncio.get_running_loop()
    begun = time.process_time()
    for _ in range(repeats // CONNECTIONS):
        tasks = [loop.create_task(_nothing()) for _ in range(CONNECTIONS)]
        await tasks[-1]
    return 1e6 * (time.process_time() - begun) / (repeats // CONNECTIONS * CONNECTIONS)


async def _nothing() -> None:
    pass


async def time_whole(heads: Sequence[bytes], repeats: int) -> float:
    """Microseconds of *whole*, all connections asking at once, with one of the heads after the other."""
    server = Server(make_handler(), ends_exchanges=True)
    transports = [_connect(server()) for _ in range(CONNECTIONS)]
    feeds: list[Callable[[bytes], Any]] = [_feed_of(transport) for transport in transports]
    await asyncio.sleep(0)
    begun = time.process_time()
    for turn in range(1, repeats // CONNECTIONS + 1):
        data = heads[turn % len(heads)]
        for feed in feeds:
            feed(data)
        await _wait_for_writes(transports[-1], turn)
    used = time.process_time() - begun
    for transport in transports:
        if transport.writes != repeats // CONNECTIONS or not transport.last.endswith(b"sketch"):
            raise AssertionError(f"{transport.writes} writes, the last one {transport.last!r}")
        transport.close()
    await server.shutdown(1.0)
    return 1e6 * used / (repeats // CONNECTIONS * CONNECTIONS)


async def _wait_for_writes(transport: SilentTransport, count: int) -> None:
    """Let the loop turn until an answer was written: once for the tasks, more often if they wait."""
    for _ in range(100):
        await asyncio.sleep(0)
        if transport.writes >= count:
            return
    raise AssertionError("a request was not answered")


def _connect(protocol: asyncio.BaseProtocol) -> SilentTransport:
    transport = SilentTransport(protocol)
    protocol.connection_made(transport)
    return transport


def _feed_of(transport: SilentTransport) -> Callable[[bytes], Any]:
    protocol = transport.get_protocol()
    if not isinstance(protocol, asyncio.Protocol):
        raise AssertionError("the connection is expected to be a plain asyncio.Protocol")
    return protocol.data_received


async def measure(rounds: int, repeats: int) -> dict[str, dict[str, list[float]]]:
    """All steps for each request, in turns."""
    figures: dict[str, dict[str, list[float]]] = {name: {} for name in REQUESTS}
    for number in range(-1, rounds):
        for name, data in REQUESTS.items():
            steps = {
                "parse": time_parse(data, repeats),
                "handle": await time_handle(data, repeats),
                "encode": time_encode(repeats),
                "task": await time_task(repeats),
                "whole": await time_whole((data, data.replace(b":8080", b":8081")), repeats),
            }
            steps["connection"] = 2 * steps["whole"] - sum(steps.values())
            steps["repeated"] = await time_whole((data,), repeats)
            if number >= 0:
                for step, microseconds in steps.items():
                    figures[name].setdefault(step, []).append(microseconds)
    return figures


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.pipeline")
    parser.add_argument("--json", action="store_true", help="every round, for the report")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--repeats", type=int, default=6400)
    options = parser.parse_args()
    figures = uvloop.run(measure(options.rounds, options.repeats))
    if options.json:
        print(json.dumps(figures))
        return
    for name, steps in figures.items():
        cells = [f"{step} {spread(values).median:.2f}" for step, values in steps.items()]
        print(f"{name:10} " + "  ".join(cells) + "  microseconds")


if __name__ == "__main__":
    _main()
