"""A receiver that does what a test says."""

import asyncio
from collections.abc import Callable

from sketch.http.errors import Disconnected
from sketch.http.websocket import SharedMessage


class FakeReceiver:
    """Takes messages as long as it `has_room`.

    ``taken``
        the data of the messages that it took.
    ``closed``
        the close code and reason that it was given.
    """

    def __init__(self) -> None:
        self.taken: list[str | bytes] = []
        self.closed: tuple[int, str] | None = None
        self.is_gone = False
        self.room = asyncio.Event()
        self.room.set()

    @property
    def has_room(self) -> bool:
        return self.room.is_set()

    def send_shared(self, message: SharedMessage) -> bool:
        self._check()
        self.taken.append(message.payload.decode() if isinstance(message.data, str) else message.payload)
        return self.has_room

    async def drain(self) -> None:
        await self.room.wait()
        self._check()

    def close(self, code: int, reason: bytes) -> None:
        self.closed = code, reason.decode()

    def _check(self) -> None:
        if self.is_gone or self.closed:
            raise Disconnected("the receiver is gone")

    def pause(self) -> None:
        """Be slow from now on: what it is sent is one message too many."""
        self.room.clear()

    def resume(self) -> None:
        self.room.set()

    def take_one(self) -> None:
        """Have room for one message."""
        self.room.set()
        asyncio.get_running_loop().call_soon(self.room.clear)

    def leave(self) -> None:
        """Be gone without a word."""
        self.is_gone = True
        self.room.set()


class EndingReceiver(FakeReceiver):
    """One that says when it ends, as responses do."""

    def __init__(self) -> None:
        super().__init__()
        self.at_end: list[Callable[[], None]] = []

    def on_end(self, callback: Callable[[], None]) -> None:
        if self.is_gone:
            callback()
        else:
            self.at_end.append(callback)

    def end(self) -> None:
        self.leave()
        for callback in self.at_end:
            callback()


class Wrapper(EndingReceiver):
    """One that has a stream, and hides what that can do."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = FakeReceiver()
        self.send_shared = None  # type: ignore[assignment, method-assign]
