"""The WebSocket in memory keeps the contract of every carrier."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sketch.http.exchange import Exchange
from sketch.http.handshake import Deflate
from sketch.http.memory import MemoryExchange, answer
from sketch.http.websocket import WebSocketError, WebSocketOptions, WebSocketStream, WSMsgType
from tests.conformance.websocket import END, FIELDS, WHOLE, Got, Peer, WebSocketConformance, accept


class MemoryPeer(Peer):
    """Its two sides meet in one object, so there is nothing to wait for."""

    def __init__(self, exchange: MemoryExchange) -> None:
        assert exchange.websocket is not None
        self._exchange = exchange
        self._websocket = exchange.websocket

    @property
    def got(self) -> list[Got]:  # type: ignore[override]
        got = [
            Got(each.type, (each.data, each.extra) if each.type is WSMsgType.CLOSE else each.data)
            for each in self._websocket.sent
        ]
        return [*got, END] if self._websocket.is_over else got

    async def say(self, data: str | bytes) -> None:
        self._websocket.feed(data)

    async def ping(self, payload: bytes) -> None:
        self._websocket.feed_ping(payload)

    async def pong(self, payload: bytes) -> None:
        self._websocket.feed_pong(payload)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self._websocket.feed_close(code, reason)

    async def break_protocol(self) -> None:
        self._websocket.break_protocol(WebSocketError(1002, "a reserved opcode"))

    async def vanish(self) -> None:
        self._exchange.disconnect()

    async def pause(self) -> None:
        self._websocket.pause_peer()

    async def resume(self) -> None:
        self._websocket.resume_peer()

    async def shut_down(self) -> None:
        self._websocket.say_goodbye()


class TestMemoryWebSocket(WebSocketConformance):
    """Without a carrier."""

    @asynccontextmanager
    async def talk(
        self, options: WebSocketOptions = WHOLE, deflate: Deflate | None = None
    ) -> AsyncIterator[tuple[WebSocketStream, Peer]]:
        streams: list[WebSocketStream] = []
        released = asyncio.Event()

        async def handler(exchange: Exchange) -> None:
            streams.append(accept(exchange, options, deflate))
            await released.wait()

        exchange = MemoryExchange("GET", "/", FIELDS)
        handling = asyncio.create_task(answer(handler, exchange))
        await asyncio.sleep(0)
        try:
            yield streams[0], MemoryPeer(exchange)
        finally:
            released.set()
            await handling
