"""Handlers with a WebSocket, talked with in memory."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from sketch import web
from sketch.http.memory import MemoryExchange, answer
from sketch.http.memorywebsocket import MemoryWebSocket
from sketch.http.websocket import WSMsgType
from sketch.testing import run
from tests.conformance.driver import settle

FIELDS = {
    "Host": "example.org",
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
DEFLATE = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}

Handler = Callable[[web.Request], Awaitable[Any]]
Play = Callable[[MemoryWebSocket], Awaitable[None]]


def handshake(**fields: str) -> MemoryExchange:
    """A request that opens a WebSocket, with more fields: ``_`` in their names stands for ``-``."""
    return MemoryExchange(
        "GET", "/chat", FIELDS | {name.replace("_", "-"): value for name, value in fields.items()}
    )


def talk(handler: Handler, play: Play, exchange: MemoryExchange | None = None) -> MemoryExchange:
    """Have an application's handler open a WebSocket, and ``play`` be its peer. Time is virtual."""
    exchange = exchange or handshake()
    app = web.Application()
    app.router.add_get("/{tail:.*}", handler)

    async def main() -> None:
        task = asyncio.create_task(answer(app.make_exchange_handler(), exchange))
        await settle()
        assert exchange.websocket is not None, "the handler has not opened a WebSocket"
        await play(exchange.websocket)
        await task

    run(main())
    return exchange


def sent(exchange: MemoryExchange) -> list[Any]:
    """What the peer got: the data of messages, ``(code, reason)`` of a close frame."""
    assert exchange.websocket is not None
    return [
        (each.data, each.extra) if each.type is WSMsgType.CLOSE else each.data
        for each in exchange.websocket.sent
    ]
