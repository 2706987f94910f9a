"""What is published, and the seam to other workers and machines.

Knows messages, and what `Topics` ask of whatever carries them elsewhere. Refuses to know who subscribes, and
what a bus is made of.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final

from .http.exchange import Bytes
from .http.websocket import SharedMessage


class Message(SharedMessage):
    """What was published to a topic once, for all who receive it.

    ``data``
        `str` or bytes, as it was published; ``payload`` is the same in bytes.
    ``topic``
        the name of the topic.
    ``id``
        a number that grows with each message that a process publishes, also over its restarts: microseconds
        since 1970, where two come apart by that much. Those of several processes go by their clocks, and by
        what each has received: an answer has a greater one than what it answers.
    ``origin``
        which `Topics` it was published to, one of all in the world.

    Raises `TypeError` for data that is neither.
    """

    __slots__ = ("id", "origin", "topic")

    def __init__(self, topic: str, data: str | Bytes, *, id: int, origin: str) -> None:
        super().__init__(data)
        self.topic = topic
        self.id = id
        self.origin = origin

    def __repr__(self) -> str:
        return f"<Message {self.id} to {self.topic!r}: {self.data!r:.60}>"


class Bus(ABC):
    """Takes messages to the `Topics` of other processes, and brings theirs. One bus serves one `Topics`.

    Everything is called in the event loop, and must neither wait nor raise, except for `publish`: a bus with
    a connection has a task of its own; who makes the bus begins and ends that, in ``cleanup_ctx``. Who
    subscribes here has a message before the bus gets it, so it need not come back; if it does, it is known by
    its ``origin``.
    """

    receive: Callable[[Message], None]
    """To be called in the event loop with each message that comes in, once. Never raises. There as soon as
    the bus is in use; not to be called when it no longer is."""

    @abstractmethod
    def publish(self, message: Message) -> None:
        """Take a message to the others. What it raises, ``topic.publish`` raises, when everybody here has the
        message."""

    @abstractmethod
    def subscribe(self, topic: str) -> None:
        """From now on messages to this topic are wanted here. Others that come are ignored."""

    @abstractmethod
    def unsubscribe(self, topic: str) -> None:
        """They are not wanted any more."""


class LocalBus(Bus):
    """The bus of a program that runs in one process: there is nobody else."""

    def publish(self, message: Message) -> None:
        """Does nothing."""

    def subscribe(self, topic: str) -> None:
        """Does nothing."""

    def unsubscribe(self, topic: str) -> None:
        """Does nothing."""


LOCAL_BUS: Final = LocalBus()
