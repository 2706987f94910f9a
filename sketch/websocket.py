"""WebSockets for handlers: `WebSocketResponse`.

It knows what a handler may do when, on a `WebSocketStream`. Frames, heartbeats and deadlines are the
stream's; how one is opened is known to `websocketsetup`.
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from enum import Enum
from types import GenericAlias
from typing import Any, ClassVar, Final, Self, TypeVar, overload

from .exceptions import HTTPException
from .http.deferred import deferred
from .http.errors import LocalProtocolError
from .http.exchange import Bytes, Exchange
from .http.handshake import Deflate, WebSocketAgreement
from .http.heads import ResponseHead
from .http.websocket import (
    CLOSED_MESSAGE,
    CLOSING_MESSAGE,
    WebSocketOptions,
    WebSocketStream,
    WSCloseCode,
    WSMessage,
    WSMsgType,
)
from .streamresponse import AnsweredRequest, StreamResponse
from .websocketsending import Sending, broadcast, not_prepared
from .websocketsetup import Origins, WebSocketReady, check_seconds, make_opening

__all__ = [
    "WSMessageTypeError",
    "WebSocketReady",
    "WebSocketResponse",
    "broadcast",
]

_jsonshape: Any = deferred(".jsonshape", __package__)

T = TypeVar("T")

RECEIVED_AFTER_THE_END: Final = 5
"""How often a handler may ask for a message after the end before it is told that it never stops (aiohttp)."""

# Looked up for each message.
_TEXT: Final = WSMsgType.TEXT
_BINARY: Final = WSMsgType.BINARY


class _Stage(Enum):
    NEW = "not prepared"
    OPEN = "open"
    ENDING = "the peer has closed, and the handler has not yet"
    CLOSED = "closed"


class WSMessageTypeError(TypeError):
    """Another type of message came than the one that was asked for."""


class WebSocketResponse(Sending, StreamResponse):
    """A WebSocket with the client (RFC 6455; aiohttp documentation, ``WebSocketResponse``).

    ``timeout``
        seconds that the peer may take for its side of the closing handshake.
    ``receive_timeout``
        seconds that `receive` waits at most; ``None`` for any time.
    ``autoclose``
        whether the peer's close counts as ours, too. If not, the handler still has to call `close`.
    ``autoping``
        whether pings are answered, and pings and pongs are not received.
    ``heartbeat``
        seconds of silence after which the peer is sent a ping; half as long again, and the connection is cut.
    ``protocols``
        the subprotocols that the handler speaks: the first one of the client's that is among them is taken.
    ``compress``
        whether messages are compressed where the client can (RFC 7692); or a `Deflate` that says how.
    ``max_msg_size``
        bytes of the largest message that is received, 0 for any; close code 1009 for a larger one.
    ``writer_limit``
        bytes that are held for a peer that takes less than it is sent; beyond that, sending waits.
    ``decode_text``
        whether TEXT is `str`; if not, it is `bytes`, checked to be UTF-8.
    ``origins``
        pages of which origins may open it: ``"same"`` for those of the host of the request, or a list such
        as ``["https://example.org"]``; 403 for the others. ``None``: everybody's. A request without
        ``Origin`` is no browser's, and passes.
    ``drain_code``
        the close code with which it ends when the server shuts down.

    Iterating gives the messages up to the end; then `close_code` says why. After `prepare` the connection is
    the handler's until it returns; what is not closed by then is closed with 1000, or cut if it raises.

    Raises `TypeError` and `ValueError` for values that cannot be meant.
    """

    may_be_left_out = True

    _source: WebSocketStream | None = None
    """Where messages come from: set while it is open. One question in place of two, per message."""
    _stage = _Stage.NEW
    _agreement: WebSocketAgreement | None = None
    _asked_after_the_end = 0
    _receives_otherwise = False
    """Whether a subclass has a `receive` of its own, through which iteration goes, too."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._receives_otherwise = cls.receive is not WebSocketResponse.receive

    __class_getitem__: ClassVar[Any] = classmethod(GenericAlias)
    """aiohttp's class takes the type of TEXT messages as a parameter, in annotations."""

    def __init__(
        self,
        *,
        timeout: float = 10.0,
        receive_timeout: float | None = None,
        autoclose: bool = True,
        autoping: bool = True,
        heartbeat: float | None = None,
        protocols: Iterable[str] = (),
        compress: bool | Deflate = True,
        max_msg_size: int = 4 * 2**20,
        writer_limit: int = 2**18,
        decode_text: bool = True,
        origins: Origins = None,
        drain_code: int = WSCloseCode.GOING_AWAY,
    ) -> None:
        super().__init__(status=101)
        if receive_timeout is not None and receive_timeout != 0:
            check_seconds("receive_timeout", receive_timeout)
        options = WebSocketOptions(
            max_message_size=max_msg_size,
            write_limit=writer_limit,
            decode_text=decode_text,
            autoping=autoping,
            autoclose=autoclose,
            heartbeat=heartbeat,
            close_timeout=timeout,
            drain_code=drain_code,
        )
        self._opening = make_opening(protocols, compress, origins, options)
        self._receive_timeout = receive_timeout
        self._autoclose = autoclose
        self._asked_compression = compress

    # -- opening ---------------------------------------------------------------------------------------

    def can_prepare(self, request: AnsweredRequest) -> WebSocketReady:
        """Whether `prepare` would open a WebSocket for this request. Raises `RuntimeError` after it."""
        if self._stream is not None:
            raise RuntimeError("Already started: ask can_prepare() before prepare()")
        try:
            agreement = self._opening.agree(request)
        except HTTPException:
            return WebSocketReady(False, None)
        return WebSocketReady(True, agreement.protocol)

    async def prepare(self, request: AnsweredRequest) -> None:
        """Answer the handshake: run ``on_response_prepare``, send the head, and let messages come. A second
        call does nothing.

        Raises the `HTTPException` to answer with when the request opens no WebSocket (400, or 426 for another
        version than 13) or when ``origins`` do not let it in (403), `RuntimeError` on a carrier that has no
        WebSockets, `Disconnected` when the client is gone. Cancelled, it has sent nothing."""
        if self._exchange is None:
            self._agreement = agreement = self._opening.agree(request)
            if request.exchange.head.framing.has_body:
                await request.read()
            self._set_status(agreement.status, None)
            self.headers.update(agreement.fields)
            self.force_close()
        await super().prepare(request)

    def _send_head(self, exchange: Exchange, head: ResponseHead) -> None:
        agreement = self._agreement
        if agreement is None:
            raise AssertionError("prepare() agrees first")
        try:
            stream = exchange.accept_websocket(head, agreement, self._opening.options)
        except LocalProtocolError as error:
            raise RuntimeError(str(error)) from error
        self._stream = self._source = stream
        self._stage = _Stage.OPEN
        self._compresses = bool(stream.compression)

    # -- what it is ------------------------------------------------------------------------------------

    @property
    def prepared(self) -> bool:
        """Whether the handshake was answered."""
        return self._stream is not None

    @property
    def closed(self) -> bool:
        """Whether `close` was called, or `receive` has told of the end, or the heartbeat has failed: nothing
        can be sent any more."""
        if self._stage is _Stage.CLOSED:
            return True
        return self._stream is not None and isinstance(self._stream.error, TimeoutError)

    @property
    def close_code(self) -> int | None:
        """The code with which the peer has closed it, 1005 where it gave none; that of our failure of the
        connection; 1006 when it was lost without either; ``None`` as long as it is open (RFC 6455, 7.1.5).
        Known as soon as it has come, also before what came before it is received."""
        return None if self._stream is None else self._stream.close_code

    @property
    def ws_protocol(self) -> str | None:
        """The subprotocol; ``None`` for none, and before `prepare`."""
        return None if self._stream is None or self._agreement is None else self._agreement.protocol

    @property
    def compress(self) -> "int | bool | Deflate":
        """The bits of the window that sent messages are compressed with, 0 where they are not; before
        `prepare` what was asked for."""
        return self._asked_compression if self._stream is None else self._stream.compression

    def exception(self) -> BaseException | None:
        """What ended it, where it was no closing handshake: a `WebSocketError` for a peer that broke the
        protocol, a `TimeoutError` for one that did not answer in time, a `ConnectionResetError` when the
        connection was lost. ``None`` otherwise."""
        return None if self._stream is None else self._stream.error

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the transport knows by this name (asyncio documentation); ``default`` before `prepare`."""
        return default if self._stream is None else self._stream.get_extra_info(name, default)

    def on_end(self, callback: Callable[[], None]) -> None:
        """Have something called when the handler has returned, for what must not outlive the WebSocket. It
        must neither raise nor wait. Raises `RuntimeError` before `prepare`."""
        if self._exchange is None:
            raise not_prepared()
        self._exchange.on_end(callback)

    # -- the end ---------------------------------------------------------------------------------------

    async def close(
        self, *, code: int = WSCloseCode.OK, message: bytes | str = b"", drain: bool = True
    ) -> bool:
        """Close it: send a close frame, and wait for the peer's, for ``timeout`` seconds at most. Messages
        that were not received are thrown away, and a task that waits in `receive` gets CLOSING.

        ``code`` ``message``
            told to the peer: the reason, in at most 123 bytes of UTF-8.
        ``drain``
            of no effect: what was sent is sent before the close frame.

        Returns whether this call has closed it. How it went, `close_code` and `exception` say; it raises only
        `RuntimeError` before `prepare`, and `ValueError` for a code that may not be sent (RFC 6455, section
        7.4) and a reason that is too long. Cancelled, it has cut the connection."""
        stream = self._prepared_stream()
        if self.closed:
            return False
        stream.close(code, message.encode() if isinstance(message, str) else message)
        self._end(_Stage.CLOSED)
        stream.interrupt()
        try:
            await stream.wait_closed()
        except BaseException:
            stream.abort()
            raise
        return True

    def _end(self, state: _Stage) -> None:
        self._stage = state
        self._source = None

    async def write(self, data: Bytes) -> None:
        """Raises `RuntimeError`: messages are sent with `send_bytes` and `send_str`."""
        raise RuntimeError("Cannot call .write() for websocket: call send_bytes() or send_str()")

    async def write_eof(self, data: Bytes = b"") -> None:
        """Close it, unless it is closed: for whoever ends responses of any kind. Raises `RuntimeError` before
        `prepare`, and for data."""
        if data:
            await self.write(data)
        if self._stream is None:
            raise RuntimeError("Response has not been started")
        await self.close()

    # -- receiving -------------------------------------------------------------------------------------

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
        if self._stage is _Stage.NEW:
            raise not_prepared()
        if self._stage is _Stage.ENDING:
            return CLOSING_MESSAGE
        self._asked_after_the_end += 1
        if self._asked_after_the_end >= RECEIVED_AFTER_THE_END:
            raise RuntimeError("WebSocket connection is closed: stop receiving at CLOSE, CLOSED and ERROR")
        return CLOSED_MESSAGE

    def _take(self, source: WebSocketStream, message: WSMessage) -> WSMessage:
        """What a message that is no data means for us; what the handler gets."""
        kind = message.type
        if kind is WSMsgType.CLOSE:
            if self._stage is _Stage.OPEN:
                self._end(_Stage.CLOSED if self._autoclose else _Stage.ENDING)
        elif kind is WSMsgType.ERROR or kind is WSMsgType.CLOSED:
            self._end(_Stage.CLOSED)
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


_ENDS: Final = frozenset((WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED))


def _expect_type(message: WSMessage, kind: WSMsgType) -> Any:
    if message.type is not kind:
        raise WSMessageTypeError(
            f"Received message {message.type!r}: {message.data!r} is not WSMsgType.{kind.name}"
        )
    return message.data
