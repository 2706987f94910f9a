"""What is received on a WebSocket: the part of `WebSocketResponse` that handlers listen with.

It takes messages of a `WebSocketStream`, and knows what the last of them mean for a handler. How it is closed
is known to `websocket`.
"""

import asyncio
import json
from collections.abc import Callable
from enum import Enum
from typing import Any, Final, Self, TypeVar, overload

from .callables import describe, is_coroutine_function
from .http.deferred import deferred
from .http.websocket import (
    CLOSED_MESSAGE,
    CLOSING_MESSAGE,
    ENDS,
    MessageCallback,
    WebSocketStream,
    WSMessage,
    WSMessageTypeError,
    WSMsgType,
    call_with_each,
)
from .websocketsending import not_prepared

_jsonshape: Any = deferred(".jsonshape", __package__)

T = TypeVar("T")

RECEIVED_AFTER_THE_END: Final = 5
"""How often a handler may ask for a message after the end before it is told that it never stops (aiohttp)."""

# Looked up for each message.
_TEXT: Final = WSMsgType.TEXT
_BINARY: Final = WSMsgType.BINARY


class Stage(Enum):
    """Where a WebSocket is in its life, for its handler."""

    NEW = "not prepared"
    OPEN = "open"
    ENDING = "the peer has closed, and the handler has not yet"
    CLOSED = "closed"


class Receiving:
    """The part of a `WebSocketResponse` that is about what is received on it."""

    _source: WebSocketStream | None = None
    """Where messages come from: set while it is open. One question in place of two, per message."""
    _stage = Stage.NEW
    _autoclose = True
    _receive_timeout: float | None = None
    _asked_after_the_end = 0
    _receives_otherwise = False
    """Whether a subclass has a `receive` of its own, through which iteration goes, too."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._receives_otherwise = cls.receive is not Receiving.receive

    async def receive(self, timeout: float | None = None) -> WSMessage:  # noqa: ASYNC109 - aiohttp's name
        """The next message, or the news that there are no more. By its ``type`` it is:

        * TEXT, BINARY, and without ``autoping`` PING and PONG;
        * CLOSE: the peer has closed it, with the code in ``data`` and the reason in ``extra``;
        * CLOSING: this side is closing it; CLOSED: it is closed, or the connection was lost;
        * ERROR with an exception in ``data``: the peer broke the protocol, or the heartbeat failed.

        ``timeout``
            seconds after which it raises `TimeoutError`; ``None`` for what the constructor was given.

        Raises `RuntimeError` before `prepare`, while another task waits here, and when it is called again and
        again after the end. Cancelled or timed out, no message is lost."""
        source = self._source
        if source is None:
            return self._receive_without_source()
        message = source.receive_nowait()
        if message is None:
            message = await self._wait(source, timeout or self._receive_timeout)
        kind = message[0]
        if kind is _TEXT or kind is _BINARY:
            return message
        return self._take(source, message)

    async def _wait(self, source: WebSocketStream, seconds: float | None) -> WSMessage:
        if not seconds:
            return await source.receive()
        async with asyncio.timeout(seconds):
            return await source.receive()

    def _receive_without_source(self) -> WSMessage:
        if self._stage is Stage.NEW:
            raise not_prepared()
        if self._stage is Stage.ENDING:
            return CLOSING_MESSAGE
        self._asked_after_the_end += 1
        if self._asked_after_the_end >= RECEIVED_AFTER_THE_END:
            raise RuntimeError("WebSocket connection is closed: stop receiving at CLOSE, CLOSED and ERROR")
        return CLOSED_MESSAGE

    def _take(self, source: WebSocketStream, message: WSMessage) -> WSMessage:
        """What a message that is no data means for us; what the handler gets."""
        kind = message.type
        if kind is WSMsgType.CLOSE:
            if self._stage is Stage.OPEN:
                self._end(Stage.CLOSED if self._autoclose else Stage.ENDING)
        elif kind is WSMsgType.ERROR or kind is WSMsgType.CLOSED:
            self._end(Stage.CLOSED)
            if kind is WSMsgType.CLOSED and isinstance(source.error, TimeoutError):
                return WSMessage(WSMsgType.ERROR, source.error, None)
        return message

    async def receive_str(self, *, timeout: float | None = None) -> str:  # noqa: ASYNC109 - aiohttp's name
        """The next message, which has to be TEXT: its data (`bytes` without ``decode_text``).

        Raises `WSMessageTypeError` for any other, also at the end; otherwise as `receive`."""
        data: str = _expect_type(await self.receive(timeout), _TEXT)
        return data

    async def receive_bytes(self, *, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """The next message, which has to be BINARY: its data. Raises as `receive_str`."""
        data: bytes = _expect_type(await self.receive(timeout), _BINARY)
        return data

    @overload
    async def receive_json(
        self,
        *,
        loads: Callable[[Any], Any] = ...,
        timeout: float | None = None,  # noqa: ASYNC109
        expect: None = None,
    ) -> Any: ...

    @overload
    async def receive_json(
        self,
        *,
        loads: Callable[[Any], Any] = ...,
        timeout: float | None = None,  # noqa: ASYNC109
        expect: type[T],
    ) -> T: ...

    async def receive_json(
        self,
        *,
        loads: Callable[[Any], Any] = json.loads,
        timeout: float | None = None,  # noqa: ASYNC109
        expect: type[Any] | None = None,
    ) -> Any:
        """The next message, which has to be TEXT, parsed as JSON.

        ``expect``
            what it has to be: `dict`, `list`, `str`, `int`, `float` or `bool`; or a dataclass, which is made
            of an object by the names of its fields.

        Raises `ValueError` for what is no JSON, or not what is expected: then the error names the place and
        the value. Otherwise as `receive_str`, and what ``loads`` raises."""
        text = _expect_type(await self.receive(timeout), _TEXT)
        try:
            value = loads(text)
        except RecursionError as error:
            # No fault of the program's: a peer may nest as it likes.
            raise ValueError("the JSON is nested too deep to be read") from error
        return value if expect is None else _jsonshape.build(value, expect)

    async def listen(self, callback: MessageCallback) -> None:
        """Have a plain function called with each message as soon as it comes, until there are no more. That
        costs a short message a fifth less than iteration, because no task is woken for it.

        ``callback``
            gets what iteration gives, up to the end; that, `close_code` and `exception` say. It is called one
            message after the other, in a copy of the context that this is called in, and must not block. It
            sends with `send_nowait`: while the peer does not take what it is sent, the function is not
            called, and in the end the peer not read.

        Raises what the function raises: then the WebSocket is still open, and the messages after that one can
        be received, or listened to. `TypeError` for a coroutine function, and when a coroutine is returned;
        `RuntimeError` as `receive` does. With a ``receive_timeout`` it raises `TimeoutError` after so much
        silence. Cancelled, no message is lost."""
        if is_coroutine_function(callback):
            raise TypeError(
                f"listen() takes a plain function, and {describe(callback)} is a coroutine function: "
                "await it in the body of 'async for message in ws'"
            )
        source = self._source
        if source is None:
            await self.receive()
        elif self._receives_otherwise or self._receive_timeout:
            await call_with_each(self.receive, source.drain, callback)
        else:
            self._take(source, await source.listen(callback))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> WSMessage:
        source = self._source
        if source is None or self._receives_otherwise or self._receive_timeout:
            message = await self.receive()
        else:
            # The same with one coroutine less, which is a tenth of what a short message costs.
            message_or_none = source.receive_nowait()
            if message_or_none is None:
                waiter = source.wait()
                try:
                    message = await waiter
                except BaseException:
                    source.give_back(waiter)
                    raise
            else:
                message = message_or_none
            kind = message[0]
            if kind is _TEXT or kind is _BINARY:
                return message
            message = self._take(source, message)
        if message.type in _ENDS:
            raise StopAsyncIteration
        return message

    def _end(self, state: Stage) -> None:
        self._stage = state
        self._source = None


# Who iterates gets the exception of an ERROR before the end.
_ENDS: Final = ENDS - {WSMsgType.ERROR}


def _expect_type(message: WSMessage, kind: WSMsgType) -> Any:
    if message.type is not kind:
        raise WSMessageTypeError(
            f"Received message {message.type!r}: {message.data!r} is not WSMsgType.{kind.name}"
        )
    return message.data
