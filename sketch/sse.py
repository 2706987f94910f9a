"""Server-sent events: a response that goes on until its client leaves (HTML standard, section 9.2).

Knows when something is sent, and what of topics. How an event is written `http.eventstream` knows; when it is
over, `presence`.
"""

import asyncio
import json
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

from .backlog import Policy, SlowSubscriberError
from .bus import Message
from .encoding import CompressedRequest
from .encoding import Policy as CompressionPolicy
from .http import names
from .http.errors import Disconnected
from .http.eventstream import (
    CONTENT_TYPE,
    KEEP_ALIVE,
    check_retry,
    encode_comment,
    encode_event,
    encode_retry,
)
from .presence import Presence
from .request import BaseRequest
from .responsehead import LooseHeaders
from .streamresponse import StreamResponse
from .topics import Topic

KEEPALIVE: Final = 15.0
"""Seconds of silence before a comment is sent: about what the HTML standard says (section 9.2.7). Proxies
close what is silent for longer (nginx ``proxy_read_timeout``: 60)."""

_DEFAULT_FIELDS: Final = (
    (names.CACHE_CONTROL, "no-store"),
    # Else nginx would collect what was sent until it fills a buffer.
    ("X-Accel-Buffering", "no"),
)


def sse_response(
    request: BaseRequest,
    *,
    retry: int | None = None,
    keepalive: float | None = KEEPALIVE,
    headers: LooseHeaders | None = None,
) -> "EventSourceResponse":
    """Answer with a stream of events (HTML standard, section 9.2), which goes on while the block does::

        async with web.sse_response(request) as events:
            await events.send("hello")
            await events.follow(request.app.topics["news"])

    The block ends by itself, without an exception, when the client leaves and when the server begins to shut
    down: what it waits for is cancelled.

    ``retry``
        milliseconds after which a client that lost the connection comes back; its own default without it.
    ``keepalive``
        seconds of silence after which a comment is sent, so that nobody between the two takes the connection
        for dead; ``None`` for never.
    ``headers``
        more fields. ``Cache-Control`` and ``X-Accel-Buffering`` have defaults, ``Content-Type`` is given.

    Raises `TypeError` or `ValueError` for what is no time.
    """
    return EventSourceResponse(request, retry=retry, keepalive=keepalive, headers=headers)


class EventSourceResponse(StreamResponse):
    """A response that is a stream of events. Made by `sse_response`, which says what it is given. The handler
    may return it, or nothing."""

    may_be_left_out = True

    def __init__(
        self,
        request: BaseRequest,
        *,
        retry: int | None = None,
        keepalive: float | None = KEEPALIVE,
        headers: LooseHeaders | None = None,
    ) -> None:
        super().__init__(headers=headers)
        self.headers[names.CONTENT_TYPE] = CONTENT_TYPE
        for name, value in _DEFAULT_FIELDS:
            self.headers.setdefault(name, value)
        self._request = request
        self._retry = None if retry is None else check_retry(retry)
        self._keepalive = _check_keepalive(keepalive)
        self._presence = Presence(request.exchange)
        self._attendant: asyncio.Task[None] | None = None
        # When something was sent last, and how many are at it.
        self._sent_at = 0.0
        self._senders = 0

    @property
    def last_event_id(self) -> str | None:
        """The id of the last event that the client got, when it comes back; ``None`` when it does not say."""
        return self._request.headers.get(names.LAST_EVENT_ID)

    # -- the block -------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Send the head. Raises as `prepare`."""
        await self.prepare(self._request)
        self._sent_at = asyncio.get_running_loop().time()
        if self._retry is not None:
            await self.write(encode_retry(self._retry))
        await self._presence.__aenter__()
        if self._request.method == names.METH_HEAD:
            # There will be no events.
            self.stop()
        elif self._keepalive is not None:
            self._attendant = asyncio.create_task(self._send_keepalives(self._keepalive))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if self._attendant is not None:
            self._attendant.cancel()
        return await self._presence.__aexit__(kind, error, trace)

    def stop(self) -> None:
        """End the block where it waits, from anywhere in the event loop. Does nothing when it has ended."""
        self._presence.leave()

    async def wait(self) -> None:
        """Wait for the end of the block: for programs that send from elsewhere."""
        await asyncio.get_running_loop().create_future()

    async def _send_keepalives(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                silence = loop.time() - self._sent_at
                if silence < seconds:
                    await asyncio.sleep(seconds - silence)
                elif self._senders:
                    # The client is slow: it has enough to take.
                    await asyncio.sleep(seconds)
                else:
                    await self.write(KEEP_ALIVE)
        except Disconnected:
            self.stop()

    # -- sending ---------------------------------------------------------------------------------------

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send a piece of the stream as it is. Raises as `StreamResponse.write`."""
        self._sent_at = asyncio.get_running_loop().time()
        self._senders += 1
        try:
            await super().write(data)
        finally:
            self._senders -= 1

    async def send(
        self, data: str, *, event: str | None = None, id: str | None = None, retry: int | None = None
    ) -> None:
        """Send an event, and wait while the client is too slow to take more. Several tasks may do so at a
        time. Arguments and what is raised for them: `sketch.http.eventstream.encode_event`.

        Raises `Disconnected` when the client is gone, which ends the block. Cancelled while it waits, the
        event counts as sent."""
        await self.write(encode_event(data, event=event, id=id, retry=retry))

    async def send_json(
        self,
        value: Any,
        *,
        event: str | None = None,
        id: str | None = None,
        retry: int | None = None,
        dumps: Callable[[Any], str] = json.dumps,
    ) -> None:
        """`send` a value as JSON. Raises what ``dumps`` raises, too."""
        await self.send(dumps(value), event=event, id=id, retry=retry)

    async def send_comment(self, text: str = "") -> None:
        """Send what clients ignore. Raises as `write`."""
        await self.write(encode_comment(text))

    async def follow(
        self,
        topic: Topic,
        *,
        event: str | None = None,
        policy: Policy | None = None,
        after: int | None = None,
    ) -> None:
        """Send what is published to a topic, with its ids, until the block ends. To follow several topics, do
        so in several tasks of the block.

        ``event``
            the name under which the client dispatches it.
        ``policy``
            what happens when the client is too slow (`sketch.topics`). By default it is disconnected: the
            block ends, the client comes back, and gets what it has missed as far as the topic keeps it.
        ``after``
            begin with what the topic has kept after the message with this id; 0 for all of it. By default,
            with what comes after the client's ``Last-Event-ID``, where it has one.

        Raises as `send`, and `TypeError` for a message that is not text; `SlowSubscriberError` outside of the
        block only."""
        if after is None:
            after = _read_id(self.last_event_id)
        with topic.listen(policy=policy, after=after) as messages:
            try:
                async for message in messages:
                    await self.write(_encode_message(message, event))
            except SlowSubscriberError:
                if not self._presence.is_entered:
                    raise
                self.stop()
                await self.wait()

    # -- compression -----------------------------------------------------------------------------------

    async def _settle_coding(self, policy: CompressionPolicy, request: CompressedRequest) -> None:
        # Only where this response was asked for it. A middleware means pages: what an encoder remembers of a
        # stream, hundreds of kilobytes, would stay with each client that mostly waits.
        if policy is self._policy:
            await super()._settle_coding(policy, request)


def _encode_message(message: Message, event: str | None) -> bytes:
    """A message as an event, encoded once for all clients that get it."""
    key = (CONTENT_TYPE, event)
    encoded: bytes | None = message.encoded.get(key)
    if encoded is None:
        data = message.data
        if not isinstance(data, str):
            raise TypeError(f"{message!r} is binary, and an event stream is text: publish str")
        encoded = message.encoded[key] = encode_event(data, event=event, id=str(message.id))
    return encoded


def _read_id(text: str | None) -> int | None:
    """The id of a message; ``None`` for none, and for what cannot be one."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 20 else None


def _check_keepalive(seconds: float | None) -> float | None:
    if seconds is None:
        return None
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        raise TypeError(f"keepalive={seconds!r}: write a number of seconds, or None")
    if not seconds > 0:
        raise ValueError(f"keepalive={seconds!r}: write more than 0 seconds, or None")
    return seconds
