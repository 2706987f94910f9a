"""How many requests are answered at one time, and who waits for that.

It stands between a server and its handler where ``Limits.requests`` says so, and is not there otherwise.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable

from ..http.exchange import Exchange, ExchangeHandler, Peer
from ..http.heads import ResponseHead
from ..http.limits import Limits
from ..http.status import phrase

Refused = Callable[[Peer, ResponseHead, int], None]
"""Told of each answer that the server made itself: to whom, its head, and its size in bytes."""


class Admission:
    """A handler of exchanges that hands on so many at a time, and lets others wait in a queue.

    ``inside``
        exchanges that are being answered and count.
    """

    __slots__ = ("_handler", "_limits", "_most", "_refused", "_taken", "_waiting", "inside")

    def __init__(
        self, handler: ExchangeHandler, limits: Limits, most: int, refused: Refused | None = None
    ) -> None:
        self._handler = handler
        self._limits = limits
        self._most = most
        self._refused = refused
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.inside: set[Exchange] = set()

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return len(self._waiting)

    async def handle(self, exchange: Exchange) -> None:
        """Answer an exchange when it is its turn; with 503 when that would take too long.

        Cancelled while it waits: its place in the queue is free."""
        try:
            if not await self._enter():
                self._refuse(exchange)
                return
            self.inside.add(exchange)
            await self._handler(exchange)
        finally:
            self.leave(exchange)
            exchange.end()

    def leave(self, exchange: Exchange) -> None:
        """An exchange no longer counts: it is over, or goes on as a stream, for who knows how long."""
        if exchange in self.inside:
            self.inside.remove(exchange)
            self._hand_on()

    async def _enter(self) -> bool:
        if self._taken < self._most:
            self._taken += 1
            return True
        return len(self._waiting) < self._limits.queued_requests and await self._wait()

    def _hand_on(self) -> None:
        """Give a turn to who waits longest."""
        if self._waiting:
            self._waiting.popleft().set_result(None)
        else:
            self._taken -= 1

    async def _wait(self) -> bool:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            # Not cancelled itself: a turn that is given at the last moment must be seen.
            await asyncio.wait([turn], timeout=self._limits.queue_timeout)
        except asyncio.CancelledError:
            if turn.done():
                self._hand_on()
            else:
                self._waiting.remove(turn)
            raise
        if turn.done():
            return True
        self._waiting.remove(turn)
        return False

    def _refuse(self, exchange: Exchange) -> None:
        seconds = max(1, math.ceil(self._limits.queue_timeout))
        fields = (("Content-Type", "text/plain; charset=utf-8"), ("Retry-After", str(seconds)))
        head = ResponseHead(503, phrase(503), fields)
        exchange.respond(head, b"503: Service Unavailable\nToo many requests are being answered.\n")
        if self._refused is not None:
            self._refused(exchange.peer, head, exchange.bytes_sent)
