"""WebSockets for handlers: `WebSocketResponse`.

It knows how one is opened, what is known of it, and how it is closed, on a `WebSocketStream`: frames,
heartbeats and deadlines are that one's. What goes either way is in `websocketreceiving` and
`websocketsending`.
"""

from collections.abc import Callable, Iterable
from types import GenericAlias
from typing import Any, ClassVar

from .exceptions import HTTPException
from .http.errors import LocalProtocolError
from .http.exchange import Bytes, Exchange
from .http.handshake import Deflate, WebSocketAgreement
from .http.heads import ResponseHead
from .http.websocket import WebSocketOptions, WSCloseCode, WSMessageTypeError
from .streamresponse import AnsweredRequest, StreamResponse
from .websocketreceiving import Receiving, Stage
from .websocketsending import Sending, broadcast, not_prepared
from .websocketsetup import Origins, WebSocketReady, check_seconds, make_opening

__all__ = [
    "WSMessageTypeError",
    "WebSocketReady",
    "WebSocketResponse",
    "broadcast",
]


class WebSocketResponse(Sending, Receiving, StreamResponse):
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

    _agreement: WebSocketAgreement | None = None

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
        self._receive_timeout = receive_timeout or None
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
        self._stage = Stage.OPEN
        self._compresses = bool(stream.compression)
        if exchange.is_draining:
            # The others are told, or have been: nobody would tell this one.
            stream.close(self._opening.options.drain_code)

    # -- what it is ------------------------------------------------------------------------------------

    @property
    def prepared(self) -> bool:
        """Whether the handshake was answered."""
        return self._stream is not None

    @property
    def closed(self) -> bool:
        """Whether `close` was called, or `receive` has told of the end, or the heartbeat has failed: nothing
        can be sent any more."""
        if self._stage is Stage.CLOSED:
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
        self._end(Stage.CLOSED)
        stream.interrupt()
        try:
            await stream.wait_closed()
        except BaseException:
            stream.abort()
            raise
        return True

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
