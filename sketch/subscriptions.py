"""Who receives what is published to a topic: a receiver such as a WebSocket, and a program that listens.

A subscriber takes a message without waiting, whatever it does with it then. Knows how one that is slow is
kept from holding up the others. Refuses to know topics, but for how to leave one.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import Context
from types import TracebackType
from typing import Final, Protocol, Self
from weakref import finalize

from .backlog import Backlog, Policy, SlowSubscriberError
from .bus import Message
from .http.errors import Disconnected
from .http.websocket import SharedMessage, WSCloseCode
from .logs import web_logger

SLOW_CODE: Final = WSCloseCode.TRY_AGAIN_LATER
"""The close code for a WebSocket that is too slow: come back later (IANA, WebSocket Close Code Number
Registry). Not 1008, which clients take for a refusal that would be repeated: no rule was broken."""


class Receiver(Protocol):
    """What can subscribe: a `WebSocketStream`, or what behaves as one."""

    def send_shared(self, message: SharedMessage) -> bool:
        """Send a message, never waiting; whether more may be sent before `drain`. Raises `Disconnected`."""

    async def drain(self) -> None:
        """Wait until more may be sent. Raises `Disconnected`."""

    def close(self, code: int, reason: bytes) -> None:
        """Say that it is over, without waiting, and see to it that it is."""


class Subscriber(Protocol):
    """What a topic delivers to."""

    def deliver(self, message: Message) -> bool:
        """Take a message. Neither waits nor raises; whether the subscriber is still there."""


class Leaving:
    """What subscribes until it leaves.

    ``leave``
        has the topic forget it.
    """

    __slots__ = ("_leave",)

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave: Callable[[], None] | None = leave

    @property
    def is_active(self) -> bool:
        """Whether messages still come."""
        return self._leave is not None

    def unsubscribe(self) -> None:
        """Get nothing more; what waits is forgotten. A second call does nothing."""
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unsubscribe()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unsubscribe()


class Subscription(Leaving):
    """A receiver that gets what is published to a topic: until `unsubscribe`, until the receiver ends, and in
    ``with`` or ``async with`` until the end of the block."""

    __slots__ = ("_backlog", "_is_slow", "_policy", "_receiver", "_task", "_topic")

    def __init__(self, topic: str, receiver: Receiver, policy: Policy, leave: Callable[[], None]) -> None:
        super().__init__(leave)
        self._topic = topic
        self._receiver = receiver
        self._policy = policy
        # Of a receiver that is slow: what waits for it, and what feeds it.
        self._is_slow = False
        self._backlog: Backlog | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many messages wait for the receiver to take more."""
        return 0 if self._backlog is None else len(self._backlog)

    @property
    def dropped(self) -> int:
        """How many messages the receiver did not get because it was slow."""
        return 0 if self._backlog is None else self._backlog.dropped

    def unsubscribe(self) -> None:
        """Get nothing more; what waits is forgotten. A second call does nothing."""
        super().unsubscribe()
        if self._backlog is not None:
            self._backlog.clear()
        if self._task is not None:
            self._task.cancel()

    def deliver(self, message: Message) -> bool:
        """Send a message, or have it wait. Neither waits nor raises; whether the receiver is still there."""
        try:
            if self._is_slow and self._backlog is not None:
                self._backlog.put(message)
            elif not self._receiver.send_shared(message):
                self._feed_later()
        except Exception as error:
            self._give_up(error)
        return self._leave is not None

    def _feed_later(self) -> None:
        # The one from before, if any: an empty one is false, and knows how many messages were dropped.
        backlog = self._backlog = Backlog(self._policy) if self._backlog is None else self._backlog
        self._is_slow = True
        # In a context of its own: whoever publishes has nothing to do with it.
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._feed(backlog), context=Context())

    async def _feed(self, backlog: Backlog) -> None:
        """Send what waits, as the receiver takes it, until nothing does."""
        receiver = self._receiver
        try:
            while True:
                await receiver.drain()
                while backlog:
                    if not receiver.send_shared(backlog.take()):
                        break
                else:
                    break
        except Exception as error:
            self._give_up(error)
        finally:
            self._is_slow = False

    def _give_up(self, error: Exception) -> None:
        """There is nothing more to be sent to this receiver."""
        self.unsubscribe()
        if isinstance(error, SlowSubscriberError):
            web_logger.info("A subscriber of the topic %r is disconnected: %s", self._topic, error)
            self._receiver.close(SLOW_CODE, str(error).encode())
        elif not isinstance(error, Disconnected):
            web_logger.error("A subscriber of the topic %r failed", self._topic, exc_info=error)


class Mailbox:
    """What a topic delivers to where a program listens: messages wait for it as for any other subscriber."""

    __slots__ = ("_backlog", "_error", "_is_closed", "_news")

    def __init__(self, policy: Policy) -> None:
        self._backlog = Backlog(policy)
        self._news = asyncio.Event()
        self._is_closed = False
        self._error: SlowSubscriberError | None = None

    @property
    def backlog(self) -> Backlog:
        """What waits."""
        return self._backlog

    def deliver(self, message: Message) -> bool:
        """Have a message wait."""
        if self._error is None:
            try:
                self._backlog.put(message)
            except SlowSubscriberError as error:
                self._backlog.clear()
                self._error = error
            self._news.set()
        return self._error is None

    def close(self) -> None:
        """Let nothing come any more."""
        self._backlog.clear()
        self._is_closed = True
        self._news.set()

    async def take(self) -> Message | None:
        """The next message, waiting for it; ``None`` when it is closed. Raises `SlowSubscriberError`.
        Cancellation loses no message."""
        while not self._backlog:
            if self._error is not None:
                raise self._error
            if self._is_closed:
                return None
            self._news.clear()
            await self._news.wait()
        return self._backlog.take()


class Listener(Leaving):
    """The messages of a topic, for ``async for``: those that were asked for of its history, then what is
    published from the call of ``listen`` on. It subscribes until `unsubscribe`, until the end of a ``with``
    block, and at the latest until nobody refers to it any more.

    One task at a time may wait for a message. Iterating raises `SlowSubscriberError` where the policy says
    that a slow subscriber is disconnected. Cancellation loses no message.
    """

    __slots__ = ("__weakref__", "_at_end", "_mailbox", "_replay")

    def __init__(self, mailbox: Mailbox, replay: Iterable[Message], leave: Callable[[], None]) -> None:
        super().__init__(leave)
        # The topic knows the mailbox only, and so keeps no listener that was left behind.
        self._at_end = finalize(self, _leave_later, asyncio.get_running_loop(), leave)
        self._at_end.atexit = False
        self._mailbox = mailbox
        self._replay = deque(replay)

    @property
    def waiting(self) -> int:
        """How many messages wait to be taken."""
        return len(self._replay) + len(self._mailbox.backlog)

    @property
    def dropped(self) -> int:
        """How many messages are lost because nobody took them in time."""
        return self._mailbox.backlog.dropped

    def unsubscribe(self) -> None:
        """Get nothing more; what waits is forgotten, and iterating ends. A second call does nothing."""
        self._at_end.detach()
        super().unsubscribe()
        self._replay.clear()
        self._mailbox.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        if self._replay:
            return self._replay.popleft()
        message = await self._mailbox.take()
        if message is None:
            raise StopAsyncIteration
        return message


def _leave_later(loop: asyncio.AbstractEventLoop, leave: Callable[[], None]) -> None:
    # What is in a circle is collected whenever it suits, in whichever thread.
    if not loop.is_closed():
        loop.call_soon_threadsafe(leave)
