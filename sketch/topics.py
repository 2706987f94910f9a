"""Publish and subscribe: who is interested in a topic gets what is published to it.

Knows which topics there are, who subscribes to them, and what they keep of their history. Refuses to know how
a message gets to a subscriber (`subscriptions`), and to other processes (`bus`).
"""

import json
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator
from functools import partial
from typing import Any, Final
from weakref import WeakValueDictionary

from .backlog import Policy, SlowSubscriberError, check_policy, disconnect, drop_oldest, keep_latest
from .bus import LOCAL_BUS, Bus, Message
from .http.exchange import Bytes
from .subscriptions import Listener, Mailbox, Receiver, Subscriber, Subscription

__all__ = [
    "Bus",
    "Listener",
    "Message",
    "Policy",
    "SlowSubscriberError",
    "Subscription",
    "Topic",
    "Topics",
    "disconnect",
    "drop_oldest",
    "keep_latest",
]

MOST_UNHEARD: Final = 10_000
"""Topics that keep a history while nobody subscribes. The one that has been left for longest is forgotten
beyond: names may be made by clients."""


class Topic:
    """What is published here, all get who subscribe, each as fast as it can, in one order for all.

    It is true, and as long as the number of those who subscribe here. Made by `Topics`, and to be used in the
    event loop only; from another thread, use ``loop.call_soon_threadsafe(topic.publish, data)``.
    """

    __slots__ = ("__weakref__", "_history", "_subscribers", "_topics", "name")

    name: str
    """The name by which `Topics` gives it."""

    def __init__(self, topics: "Topics", name: str) -> None:
        self.name = name
        self._topics = topics
        self._subscribers: dict[Hashable, Subscriber] = {}
        self._history: deque[Message] | None = None

    def __len__(self) -> int:
        return len(self._subscribers)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<Topic {self.name!r} with {len(self)} subscribers>"

    # -- publishing ------------------------------------------------------------------------------------

    def publish(self, data: str | Bytes) -> int:
        """Give a message to all who subscribe, here and beyond the bus. Never waits: for who is slow it waits
        as its policy says.

        ``data``
            `str` for a text message, bytes for a binary one. It is encoded, and compressed, once for all.

        Returns the number of those here who will get it. Raises `TypeError` for other data, and what the bus
        raises."""
        topics = self._topics
        message = Message(self.name, data, id=topics.next_id(), origin=topics.origin)
        count = self.deliver(message)
        topics.bus.publish(message)
        return count

    def publish_json(self, value: Any, *, dumps: Callable[[Any], str] = json.dumps) -> int:
        """`publish` a value as JSON. Raises what ``dumps`` raises, too."""
        return self.publish(dumps(value))

    def deliver(self, message: Message) -> int:
        """Give a message to those who subscribe here, and count them. For `Topics`."""
        if self._history is not None:
            self._history.append(message)
        # One that is gone leaves while it is delivered to.
        return sum([subscriber.deliver(message) for subscriber in tuple(self._subscribers.values())])

    # -- subscribing -----------------------------------------------------------------------------------

    def subscribe(self, receiver: Any, *, policy: Policy | None = None) -> Subscription:
        """Send a receiver what is published from now on: until `unsubscribe`, until the end of its connection
        or handler, and in ``with`` until the end of the block. A receiver subscribes once: when it does
        already, that subscription is returned as it is.

        ``receiver``
            a `WebSocketResponse` that is prepared, a `WebSocketStream`, or what behaves as one.
        ``policy``
            what happens when it is too slow: `drop_oldest`, `keep_latest`, or by default `disconnect`, which
            ends a WebSocket with the close code 1013.

        Raises `TypeError` for what is neither receiver nor policy."""
        policy = check_policy(policy)
        found = self._subscribers.get(receiver)
        if isinstance(found, Subscription):
            return found
        stream = _find_stream(receiver)
        subscription = Subscription(self.name, stream, policy, partial(self._remove, receiver))
        self._add(receiver, subscription)
        self._topics.end_with(receiver, self)
        return subscription

    def unsubscribe(self, receiver: Any) -> bool:
        """Send a receiver nothing more. Returns whether it did subscribe."""
        found = self._subscribers.get(receiver)
        if not isinstance(found, Subscription):
            return False
        found.unsubscribe()
        return True

    def listen(self, *, policy: Policy | None = None, after: int | None = None) -> Listener:
        """Iterate over what is published from now on, with ``async for``.

        ``policy``
            as for `subscribe`. With `disconnect`, iterating raises `SlowSubscriberError`.
        ``after``
            begin with what the history has after the message with this id; 0 for all of it."""
        mailbox = Mailbox(check_policy(policy))
        replay = () if after is None else self.history(after)
        listener = Listener(mailbox, replay, partial(self._remove, mailbox))
        self._add(mailbox, mailbox)
        return listener

    def _add(self, key: Hashable, subscriber: Subscriber) -> None:
        self._subscribers[key] = subscriber
        self._topics.settle(self)

    def _remove(self, key: Hashable) -> None:
        if self._subscribers.pop(key, None) is not None:
            self._topics.leave(key, self)
            self._topics.settle(self)

    # -- history ---------------------------------------------------------------------------------------

    def keep(self, messages: int) -> "Topic":
        """Keep so many of the last messages, for `history` and for who comes back; 0 for none, as at first.
        As long as there is a history the topic is not forgotten, except as the one of 10 000 that nobody has
        subscribed to for longest.

        Returns the topic. Raises `TypeError` or `ValueError` for what is no number of messages."""
        if not isinstance(messages, int) or isinstance(messages, bool):
            raise TypeError(f"keep({messages!r}): write a number of messages")
        if messages < 0:
            raise ValueError(f"keep({messages!r}): write 0 or more messages")
        self._history = deque(self._history or (), messages) if messages else None
        self._topics.settle(self)
        return self

    def history(self, after: int = 0) -> list[Message]:
        """The messages that are kept, the oldest first.

        ``after``
            only those that came here after the one with this id, and those with greater ids: what another
            process has told somebody before may have come here in another order."""
        messages, has_come = [], False
        for message in self._history or ():
            if has_come or message.id > after:
                messages.append(message)
            has_come |= message.id == after
        return messages

    @property
    def is_kept(self) -> bool:
        """Whether it has a history."""
        return self._history is not None


class Topics:
    """The topics of an application, by name: ``app.topics["room"]``. Made when they are asked for; one that
    nobody subscribes to and that keeps no history takes no memory.

    Iterating gives the names of the others, and ``len`` their number. It is always true.

    ``bus``
        takes messages to the topics of other processes. By default there are none.
    """

    def __init__(self, bus: Bus = LOCAL_BUS) -> None:
        self.origin: Final = uuid.uuid4().hex
        """What messages say that are published here."""
        self.bus: Bus = LOCAL_BUS
        """What takes them elsewhere; see `use`."""
        self._topics: WeakValueDictionary[str, Topic] = WeakValueDictionary()
        # Those that somebody subscribes to; those that have no more than a history, the first one left first.
        self._heard: dict[str, Topic] = {}
        self._unheard: OrderedDict[str, Topic] = OrderedDict()
        # Of receivers that say when they end.
        self._topics_of: dict[Hashable, set[Topic]] = {}
        self._last_id = 0
        self.use(bus)

    def __getitem__(self, name: str) -> Topic:
        topic = self._topics.get(name)
        if topic is None:
            if not isinstance(name, str):
                raise TypeError(f"the name of a topic is str, got {name!r}")
            topic = self._topics[name] = Topic(self, name)
        return topic

    def __contains__(self, name: object) -> bool:
        return name in self._heard or name in self._unheard

    def __iter__(self) -> Iterator[str]:
        return iter([*self._heard, *self._unheard])

    def __len__(self) -> int:
        return len(self._heard) + len(self._unheard)

    def __bool__(self) -> bool:
        return True

    def use(self, bus: Bus) -> None:
        """From now on, have messages taken to other processes by this bus, and theirs brought. The topics
        that there are move to it from the one before. Raises `TypeError` for what is no bus."""
        if not isinstance(bus, Bus):
            raise TypeError(f"a bus is a sketch.topics.Bus, got {bus!r}")
        before, self.bus = self.bus, bus
        if bus is not LOCAL_BUS:
            bus.receive = self._receive
        for name in self:
            before.unsubscribe(name)
            bus.subscribe(name)

    def _receive(self, message: Message) -> None:
        # What is published here from now on comes after it.
        self._last_id = max(self._last_id, message.id)
        if message.origin != self.origin and message.topic in self:
            self[message.topic].deliver(message)

    # -- for topics ------------------------------------------------------------------------------------

    def next_id(self) -> int:
        """The id of the next message that is published here."""
        self._last_id = max(self._last_id + 1, time.time_ns() // 1000)
        return self._last_id

    def settle(self, topic: Topic) -> None:
        """Keep a topic, or forget it, after its subscribers or its history have changed."""
        name = topic.name
        was_there = name in self
        self._heard.pop(name, None)
        self._unheard.pop(name, None)
        if len(topic):
            self._heard[name] = topic
        elif topic.is_kept:
            self._unheard[name] = topic
        if was_there is not (name in self):
            change = self.bus.unsubscribe if was_there else self.bus.subscribe
            change(name)
        if len(self._unheard) > MOST_UNHEARD:
            forgotten, _ = self._unheard.popitem(last=False)
            self.bus.unsubscribe(forgotten)

    def end_with(self, receiver: Any, topic: Topic) -> None:
        """Have a receiver leave a topic when it ends, where it says when that is."""
        topics = self._topics_of.get(receiver)
        if topics is not None:
            topics.add(topic)
        elif (on_end := getattr(receiver, "on_end", None)) is not None:
            self._topics_of[receiver] = {topic}
            on_end(partial(self._end, receiver))

    def leave(self, receiver: Any, topic: Topic) -> None:
        """A receiver has left a topic, and goes on."""
        topics = self._topics_of.get(receiver)
        if topics is not None:
            topics.discard(topic)

    def _end(self, receiver: Any) -> None:
        for topic in self._topics_of.pop(receiver):
            topic.unsubscribe(receiver)


def _find_stream(receiver: Any) -> Receiver:
    stream: Any = getattr(receiver, "stream", receiver)
    if not all(callable(getattr(stream, name, None)) for name in ("send_shared", "drain", "close")):
        raise TypeError(f"{receiver!r} is no WebSocket: a receiver has send_shared(), drain() and close()")
    checked: Receiver = stream
    return checked
