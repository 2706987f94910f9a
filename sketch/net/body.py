"""The pieces of a request's body, between the socket that brings them and the handler that reads them."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from ..http.errors import LocalProtocolError

_SMALL = 1024


class BodyBuffer:
    """Pieces that arrived and were not read yet. Not bounded here: whoever fills it watches ``size`` and
    stops the socket.

    One task at a time may wait.
    """

    __slots__ = ("_pieces", "_waiter", "at_end", "error", "is_complete", "size")

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self.size = 0
        """Bytes held."""
        self.is_complete = False
        """Whether all pieces have arrived."""
        self.error: Exception | None = None
        """What ended the body before its time; raised once the pieces before it are read."""
        self.at_end: tuple[Callable[[], None], ...] = ()
        """What is to be called when the exchange is over: here, so that it costs requests without a body
        nothing."""

    def put(self, pieces: Sequence[bytes]) -> None:
        """Add pieces that arrived. Small ones are put together: to hold each by itself would take many times
        its size, and a peer chooses how small they are."""
        size = sum(map(len, pieces))
        if not size:
            return
        if size < len(pieces) * _SMALL:
            pieces = [b"".join(pieces)]
        self.size += size
        held = self._pieces
        if held and len(held[-1]) + size < _SMALL:
            held[-1] += pieces[0]
        else:
            held.extend(pieces)
        self._wake()

    def complete(self) -> None:
        """No more will come: the body is whole."""
        self.is_complete = True
        self._wake()

    def fail(self, error: Exception) -> None:
        """No more will come: the body broke off. The first reason given stays."""
        if not self.is_complete and self.error is None:
            self.error = error
            self._wake()

    def take(self) -> bytes:
        """The next piece; ``b""`` when there is none at the moment, or none any more. Raises `error`."""
        if self._pieces:
            piece = self._pieces.popleft()
            self.size -= len(piece)
            return piece
        if self.error is not None:
            raise self.error
        return b""

    async def wait(self) -> None:
        """Wait until there is something to take, or nothing more to wait for.

        Raises `LocalProtocolError` when another task waits already. Cancellation loses nothing."""
        if self._waiter is not None:
            raise LocalProtocolError("another task is already waiting for the body of this request")
        if self._pieces or self.is_complete or self.error is not None:
            return
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
