"""What waits for a subscriber that is slower than its topic, and what happens when that gets too much.

Knows messages and bounds. Refuses to know who the subscriber is, and how it is told.
"""

from collections import deque
from typing import Final, NamedTuple

from .bus import Message

MOST_BYTES: Final = 2**20
"""What may wait for one subscriber. A message that waits for many is there only once."""

_OVERHEAD: Final = 64
"""Bytes that a message counts for beside its own: else empty ones could wait without number."""


class Policy(NamedTuple):
    """What happens to messages that a subscriber does not take as fast as they come; made by `drop_oldest`,
    `keep_latest` and `disconnect`.

    ``messages``
        that wait at most; the oldest are dropped beyond. ``None``: none is dropped.
    ``size``
        bytes that wait at most; the subscriber is disconnected beyond. ``None``: it is not.
    """

    messages: int | None = None
    size: int | None = None


def drop_oldest(limit: int = 100) -> Policy:
    """Let so many messages wait, and drop the oldest of them when there are more: for what is only of use
    while it is new."""
    return Policy(messages=_check_limit("drop_oldest", limit, "messages"))


def keep_latest() -> Policy:
    """Let the last message wait, and no other: for messages each of which says all, such as a price."""
    return Policy(messages=1)


def disconnect(limit: int = MOST_BYTES) -> Policy:
    """Let so many bytes wait, and disconnect the subscriber when there are more: for what must not have gaps.
    It comes back, and begins anew or with a replay."""
    return Policy(size=_check_limit("disconnect", limit, "bytes"))


DISCONNECT: Final = Policy(size=MOST_BYTES)
"""The policy of whoever names none: no other loses messages without a word."""


class SlowSubscriberError(Exception):
    """More waits for a subscriber than its policy allows, and it gets nothing more."""


class Backlog:
    """The messages that wait for one subscriber.

    ``dropped``
        how many of them it will never get.
    """

    __slots__ = ("_messages", "_most_bytes", "_size", "dropped")

    def __init__(self, policy: Policy) -> None:
        self._most_bytes = policy.size
        self._messages: deque[Message] = deque(maxlen=policy.messages)
        self._size = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, message: Message) -> None:
        """Have a message wait. Raises `SlowSubscriberError` when that is too much."""
        messages = self._messages
        if len(messages) == messages.maxlen:
            self.take()
            self.dropped += 1
        messages.append(message)
        self._size += len(message.payload) + _OVERHEAD
        if self._most_bytes is not None and self._size > self._most_bytes:
            raise SlowSubscriberError(f"too slow: more than {self._most_bytes} bytes were waiting")

    def take(self) -> Message:
        """The oldest message that waits. Raises `IndexError` when none does."""
        message = self._messages.popleft()
        self._size -= len(message.payload) + _OVERHEAD
        return message

    def clear(self) -> None:
        """Let nothing wait any more."""
        self._messages.clear()
        self._size = 0


def check_policy(policy: Policy | None) -> Policy:
    """The policy, or `DISCONNECT` for none. Raises `TypeError` for what is not made by one of the three."""
    if policy is None:
        return DISCONNECT
    if not isinstance(policy, Policy):
        raise TypeError(
            f"policy={policy!r}: write drop_oldest(limit), keep_latest() or disconnect(limit), which are in "
            "sketch.topics"
        )
    return policy


def _check_limit(name: str, limit: int, unit: str) -> int:
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise TypeError(f"{name}({limit!r}): write a number of {unit}")
    if limit < 1:
        raise ValueError(f"{name}({limit!r}): write 1 or more {unit}")
    return limit
