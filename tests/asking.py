"""Applications asked in memory: what most tests of the framework begin with."""

import asyncio
from collections.abc import Callable
from typing import Any

from sketch.application import Application
from sketch.http.exchange import ExchangeHandler
from sketch.http.memory import MemoryExchange, answer
from sketch.http.memoryhead import Fields
from sketch.request import BaseRequest


def ask(
    app: Application,
    method: str = "GET",
    target: str = "/",
    fields: Fields = (),
    body: bytes = b"",
    **options: Any,
) -> MemoryExchange:
    """Have an application answer a request. ``options`` are those of `Application.make_exchange_handler`."""
    exchange = MemoryExchange(method, target, fields, body)
    asyncio.run(answer(app.make_exchange_handler(**options), exchange))
    return exchange


def ask_handler(handler: Callable[[Any], Any], *args: Any, **options: Any) -> MemoryExchange:
    """Have a handler answer a request to ``/``, or to what ``args`` say."""
    app = Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    return ask(app, *args, **options)


def run_with(handler: ExchangeHandler, exchange: MemoryExchange, play: Callable[[], Any]) -> None:
    """Let a handler answer while ``play``, a coroutine function, acts for the client."""

    async def run() -> None:
        task = asyncio.ensure_future(answer(handler, exchange))
        await play()
        await task

    asyncio.run(run())


def status_of(exchange: MemoryExchange) -> int | None:
    """The status that the client got; ``None`` for none."""
    return None if exchange.response_head is None else exchange.response_head.status


def fields_of(exchange: MemoryExchange) -> list[tuple[str, str]]:
    """The fields that the client got."""
    assert exchange.response_head is not None
    return [(str(name), value) for name, value in exchange.response_head.fields]


def text_of(exchange: MemoryExchange) -> str:
    """The body that the client got."""
    return exchange.response_body.decode()


def play(steps: Callable[[BaseRequest], Any], exchange: MemoryExchange | None = None) -> MemoryExchange:
    """Run a coroutine function with a request."""
    exchange = exchange or MemoryExchange()

    async def run() -> None:
        await steps(BaseRequest(exchange))

    asyncio.run(run())
    return exchange
