"""The in-memory exchange keeps the contract of every carrier."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import uvloop

from sketch.http.exchange import ExchangeHandler
from sketch.testing import MemoryExchange, answer
from tests.conformance.exchange import Client, ExchangeConformance, Opening, Received, until


class MemoryClient(Client):
    """Its two sides meet in one object, so there is nothing to wait for."""

    def __init__(self, exchange: MemoryExchange, handling: asyncio.Task[None], piece_size: int) -> None:
        self._exchange = exchange
        self._handling = handling
        self._piece_size = piece_size

    async def feed(self, data: bytes) -> None:
        for start in range(0, len(data), self._piece_size):
            self._exchange.feed(data[start : start + self._piece_size])

    async def end_body(self, trailers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        self._exchange.feed_eof(trailers)

    async def break_body(self) -> None:
        self._exchange.break_body()

    async def disconnect(self) -> None:
        self._exchange.disconnect()

    async def pause(self) -> None:
        self._exchange.pause_client()

    async def resume(self) -> None:
        self._exchange.resume_client()

    async def begin_draining(self) -> None:
        self._exchange.begin_draining()

    async def wait_for_body(self, size: int) -> None:
        await until(lambda: len(self._exchange.response_body) >= size)

    async def received(self) -> Received:
        await self._handling
        exchange = self._exchange
        head = exchange.response_head
        is_complete = exchange.response_complete and not exchange.aborted
        return Received(
            interim=[(head.status, list(head.fields)) for head in exchange.informed],
            status=head.status if head else None,
            fields=list(head.fields) if head else [],
            body=exchange.response_body,
            trailers=exchange.trailers,
            is_complete=is_complete,
            is_reusable=is_complete and exchange.keep_alive,
        )


class TestMemoryExchange(ExchangeConformance):
    """Each piece arrives as it was fed."""

    piece_size = 2**20

    @asynccontextmanager
    async def open(self, opening: Opening, handler: ExchangeHandler) -> AsyncIterator[Client]:
        body = b"" if opening.length == 0 else None
        exchange = MemoryExchange(
            opening.method, opening.target, opening.all_fields, body, version=opening.version
        )
        handling = asyncio.create_task(answer(handler, exchange))
        try:
            yield MemoryClient(exchange, handling, self.piece_size)
        finally:
            await handling


class TestMemoryExchangeInSmallPieces(TestMemoryExchange):
    """The suite does not depend on how a carrier cuts what arrives, nor on whose loop it runs."""

    piece_size = 2

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        return uvloop.new_event_loop()
