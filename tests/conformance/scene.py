"""One exchange in the hands of a test: the stage of the conformance suite."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from sketch.http.exchange import Exchange, ExchangeHandler
from sketch.http.heads import ResponseHead

from .driver import Client, Opening, Received, settle

Arguments = ParamSpec("Arguments")
Subject = TypeVar("Subject", bound="Stage")


class Scene:
    """An exchange whose handler has begun and does nothing: the test acts in its place.

    ``task``
        the handler's.
    ``cancelled``
        set when the handler was cancelled. It has returned then.
    """

    def __init__(
        self,
        exchange: Exchange,
        client: Client,
        task: asyncio.Task[Any] | None,
        released: asyncio.Event,
        cancelled: asyncio.Event,
    ) -> None:
        self.exchange = exchange
        self.client = client
        self.task = task
        self.cancelled = cancelled
        self._released = released

    async def end(self) -> Received:
        """Let the handler return. What the client got."""
        self._released.set()
        return await self.client.received()

    async def finish_request(self, *pieces: bytes, is_chunked: bool = True) -> None:
        """Send these pieces of the body and its end."""
        for piece in pieces:
            await self.client.feed(piece)
        if is_chunked:
            await self.client.end_body()


class Stage(ABC):
    """Where the tests of the suite run. A carrier's test class fills in `open`, and what differs."""

    flood_limit = 2**26
    """A client that does not read has stopped `Exchange.send` before this number of bytes."""

    seconds = 20.0
    """After which a test that hangs has failed."""

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that one test runs on. Asyncio's own, unless overridden."""
        return asyncio.SelectorEventLoop()

    @abstractmethod
    def open(self, opening: Opening, handler: ExchangeHandler) -> AbstractAsyncContextManager[Client]:
        """Serve one request with ``handler``, as in production, and be its client.

        On entry the head is sent, and nothing of the body. The handler never raises. On exit it has been
        told to return: wait until it has, and leave nothing behind. Whatever warns then fails the test."""

    @asynccontextmanager
    async def exchange(self, opening: Opening = Opening()) -> AsyncIterator[Scene]:  # noqa: B008 (frozen)
        """Open a request and wait for its handler to begin."""
        begun: asyncio.Future[tuple[Exchange, asyncio.Task[Any] | None]]
        begun = asyncio.get_running_loop().create_future()
        released = asyncio.Event()
        cancelled = asyncio.Event()

        async def handler(exchange: Exchange) -> None:
            begun.set_result((exchange, asyncio.current_task()))
            try:
                await released.wait()
            except asyncio.CancelledError:
                cancelled.set()

        async with self.open(opening, handler) as client:
            try:
                exchange, task = await begun
                yield Scene(exchange, client, task, released, cancelled)
            finally:
                released.set()

    async def flood(self, exchange: Exchange) -> tuple[bytes, asyncio.Task[None]]:
        """Send until a send waits. All that was sent, that one included, and the task that waits in it."""
        sent: list[bytes] = []
        size = 0
        while size < self.flood_limit:
            piece = bytes([len(sent) % 256]) * 2**16
            sent.append(piece)
            size += len(piece)
            task = asyncio.create_task(exchange.send(piece))
            await settle()
            if not task.done():
                return b"".join(sent), task
            await task
        raise AssertionError(f"send() did not wait for a client that takes nothing of {size} bytes")


def on_loop(
    test: Callable[Concatenate[Subject, Arguments], Coroutine[Any, Any, None]],
) -> Callable[Concatenate[Subject, Arguments], None]:
    """Make a plain test of a coroutine function: on the stage's loop, and not for ever."""

    @wraps(test)
    def run(self: Subject, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(self.seconds):
                await test(self, *args, **kwargs)

        with asyncio.Runner(loop_factory=self.new_event_loop) as runner:
            runner.run(bounded())

    return run


def head(status: int = 200, fields: Sequence[tuple[str, str]] = ()) -> ResponseHead:
    """A head of an answer. Its reason is one that no table has, to see that it is passed on."""
    return ResponseHead(status, "As It Were", fields)


async def read_until(exchange: Exchange, size: int) -> bytes:
    """Read pieces until they have ``size`` bytes; a carrier may cut and join them as it likes."""
    body = b""
    while len(body) < size:
        piece = await exchange.read()
        assert piece, f"the body ended after {body!r}"
        body += piece
    return body


async def failure(awaitable: Awaitable[object]) -> BaseException | None:
    """What an awaitable raised."""
    try:
        await awaitable
    except Exception as error:
        return error
    return None
