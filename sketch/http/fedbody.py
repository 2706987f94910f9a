"""A request's body between a test that feeds it and the one task that reads it.

It knows when a body has ended, and how; it does not know whose body it is.
"""

import asyncio
from collections import deque
from enum import Enum

from .errors import LocalProtocolError


class Arrival(Enum):
    """How far a body has come."""

    RECEIVING = "more may come"
    COMPLETE = "the whole body is here"
    BROKEN = "nothing comes any more, although it should"


class FedBody:
    """Pieces that arrived and were not read.

    ``content_length``
        bytes of the whole; ``None`` when only `end` tells.
    """

    __slots__ = ("_error", "_missing", "_pieces", "_waiter", "arrival")

    def __init__(self, content_length: int | None) -> None:
        self._pieces: deque[bytes] = deque()
        # Bytes that a counted body still lacks; None for a chunked one.
        self._missing = content_length
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.arrival = Arrival.COMPLETE if content_length == 0 else Arrival.RECEIVING

    @property
    def is_empty(self) -> bool:
        """Whether there is no piece to read at the moment."""
        return not self._pieces

    def feed(self, data: bytes) -> None:
        """Add a piece. Raises `ValueError` beyond the declared length and after the end."""
        if not data:
            return
        if self.arrival is not Arrival.RECEIVING:
            raise ValueError(f"{len(data)} bytes were fed to a body that has ended")
        if self._missing is not None:
            if len(data) > self._missing:
                raise ValueError(f"{len(data)} bytes were fed to a body that lacks {self._missing}")
            self._missing -= len(data)
        self._pieces.append(data)
        if self._missing == 0:
            self.arrival = Arrival.COMPLETE
        self._wake()

    def end(self) -> None:
        """Nothing follows. Raises `ValueError` when declared bytes are missing."""
        if self._missing:
            raise ValueError(f"the body lacks {self._missing} bytes: feed them, or disconnect()")
        if self.arrival is Arrival.RECEIVING:
            self.arrival = Arrival.COMPLETE
            self._wake()

    def fail(self, error: Exception) -> None:
        """Nothing follows, although something should: raise ``error`` once the pieces are read. Without
        effect on a body that has ended."""
        if self.arrival is Arrival.RECEIVING:
            self.arrival = Arrival.BROKEN
            self._error = error
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def read_nowait(self) -> bytes:
        """As `Exchange.read_nowait`."""
        if self._pieces:
            return self._pieces.popleft()
        if self._error is not None:
            raise self._error
        return b""

    async def read(self) -> bytes:
        """As `Exchange.read`, without the invitation."""
        if self._waiter is not None:
            raise LocalProtocolError("another task is waiting for this body: one at a time may")
        while not self._pieces and self.arrival is Arrival.RECEIVING:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self.read_nowait()
