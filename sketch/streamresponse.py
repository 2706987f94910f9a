"""Responses whose bodies are written as they are made, and what all responses have in common.

A response does not know how it is framed: it hands heads and bytes to the request's `Exchange`.
"""

import asyncio
from typing import Any, Protocol

from .appkeys import Keeper, ResponseKey
from .deprecated import DeprecatedResponseNames, warn_deprecated
from .encoding import CompressedRequest, Encodable
from .http import names
from .http.errors import LocalProtocolError
from .http.exchange import Bytes, Exchange
from .http.heads import HttpVersion, HttpVersion11, ResponseHead
from .http.status import allows_body
from .responsehead import OCTET_STREAM, HeadBuilder, LooseHeaders
from .trailers import TrailerBuilder


class AnsweredRequest(CompressedRequest, Protocol):
    """What a response needs of the request that it answers."""

    has_prepare_hooks: bool
    begun_response: Any

    @property
    def version(self) -> HttpVersion:
        """The version of HTTP that the request was sent in."""

    @property
    def host(self) -> str:
        """The host and port that the client asked for."""

    async def read(self) -> bytes:
        """The whole body of the request."""

    async def run_prepare_hooks(self, response: Any) -> None:
        """What happens between a response and the settling of its head."""

    def describe_handler(self) -> str:
        """Who answers the request, for messages."""


class StreamResponse(HeadBuilder, TrailerBuilder, Encodable, DeprecatedResponseNames, Keeper):
    """A response whose body is written as it is made (aiohttp documentation, ``StreamResponse``).

    A mapping, too: what middlewares and handlers have to say to each other about it, by `ResponseKey` or
    string.
    """

    key_class = ResponseKey

    may_be_left_out = False
    """Whether a handler that has prepared it may return nothing."""

    _chunked = False
    _body_length = 0

    def __init__(
        self, *, status: int = 200, reason: str | None = None, headers: LooseHeaders | None = None
    ) -> None:
        if status != 200 or reason is not None:
            self._set_status(status, reason)
        if headers is not None:
            self._take_headers(headers)

    # -- where it is in its life -----------------------------------------------------------------------

    @property
    def prepared(self) -> bool:
        """Whether `prepare` was called, so that the head is settled."""
        return self._exchange is not None

    @property
    def task(self) -> "asyncio.Task[Any] | None":
        """The task that makes the response, when asked in it; ``None`` before `prepare`."""
        return None if self._exchange is None else asyncio.current_task()

    @property
    def body_length(self) -> int:
        """Bytes sent for this response so far, its head included (aiohttp documentation)."""
        exchange = self._exchange
        return 0 if exchange is None else exchange.bytes_sent

    @property
    def chunked(self) -> bool:
        """Whether chunked framing was asked for; it is also taken when no length is declared."""
        return self._chunked

    def enable_chunked_encoding(self, chunk_size: int | None = None) -> None:
        """Ask for chunked framing (RFC 9112, section 7.1).

        ``chunk_size``
            deprecated, without effect: each ``write`` is a chunk.

        Raises `RuntimeError` when a content length is set."""
        if chunk_size is not None:
            warn_deprecated("chunk_size is deprecated: each write is a chunk")
        if self._has_field(names.CONTENT_LENGTH):
            raise RuntimeError("You can't enable chunked encoding when a content length is set")
        self._chunked = True
        self._needs_prepare = True
        self._is_simple = False

    @property
    def content_length(self) -> int | None:
        """The declared length of the body in bytes, ``None`` when it is not known beforehand."""
        return self._declared_length()

    @content_length.setter
    def content_length(self, value: int | None) -> None:
        if value is not None and self._chunked:
            raise RuntimeError("You can't set content length when chunked encoding is enable")
        if value is None:
            self.headers.pop(names.CONTENT_LENGTH, None)
        elif int(value) < 0:
            raise ValueError(f"content_length is {value!r}: no body has fewer than 0 bytes")
        else:
            self.headers[names.CONTENT_LENGTH] = str(int(value))

    # -- sending ---------------------------------------------------------------------------------------

    async def prepare(self, request: "AnsweredRequest") -> None:
        """Settle the head, run ``on_response_prepare``, and send it. A second call does nothing.

        Raises `RuntimeError` for chunked framing to an HTTP/1.0 client or when the response already
        answered another request; `ValueError` for a field that no message can carry and `TypeError` for one
        that is no text, which name the handler; `Disconnected` when the client is gone. Cancelled in a hook,
        nothing was sent."""
        if self._exchange is not None:
            self._check_same(request)
            return
        self._is_simple = False
        self._exchange = exchange = request.exchange
        try:
            head = await self._settle_head(request)
            self._send_head(exchange, head)
        except BaseException:
            if not exchange.response_started:
                self._exchange = None
            await self._give_up()
            raise
        request.begun_response = self

    async def _give_up(self) -> None:
        """Let go of what would have been sent. For subclasses that hold something."""

    def _check_same(self, request: "AnsweredRequest") -> None:
        if self._exchange is not request.exchange:
            raise RuntimeError(
                f"{self!r} already answered another request: make a new response for each request"
            )

    async def _settle_head(self, request: "AnsweredRequest") -> ResponseHead:
        if self._chunked and request.version < HttpVersion11:
            version = request.version
            raise RuntimeError(
                f"Using chunked encoding is forbidden for HTTP/{version.major}.{version.minor}"
            )
        self._check_room()
        exchange = request.exchange
        if self._keep_alive is False:
            exchange.keep_alive = False
        self._keep_alive = exchange.keep_alive
        try:
            self._add_cookies()
            if allows_body(self._status) and self._content_type_value() is None and self.content_length != 0:
                self._set_content_type(OCTET_STREAM, {})
            policy = self._policy or request.response_compression
            if policy is not None:
                await self._settle_coding(policy, request)
            if not request.has_prepare_hooks:
                return self._build_head()
            self._add_automatic_fields()
            shown = self._show_length()
        except (TypeError, ValueError) as error:
            raise _name_handler(request, error) from error
        await request.run_prepare_hooks(self)
        if policy is not None and self._coding is not None:
            await self._confirm_coding(policy)
        if shown is not None and self.headers.get(names.CONTENT_LENGTH) == shown:
            # A hook may have changed the body. The carrier says how long it is.
            del self.headers[names.CONTENT_LENGTH]
        try:
            return self._build_head(automatic=False)
        except (TypeError, ValueError) as error:
            raise _name_handler(request, error) from error

    def _show_length(self) -> str | None:
        """Put in ``Content-Length`` for hooks to see, where the length is known and not said yet."""
        length = self.content_length
        if length is None or not allows_body(self._status) or self._has_field(names.CONTENT_LENGTH):
            return None
        self.headers[names.CONTENT_LENGTH] = text = str(length)
        return text

    def _send_head(self, exchange: Exchange, head: ResponseHead) -> None:
        exchange.start(head, self.content_length)

    async def write(self, data: Bytes) -> None:
        """Send a piece of the body, and wait while the client is too slow to take more. In a content coding
        it is flushed, so that the client can read it at once.

        Raises `RuntimeError` before `prepare`, after `write_eof` and beyond the content length, `TypeError`
        for anything but bytes, `Disconnected` when the client is gone. Cancelled while it waits, the data
        counts as sent."""
        _check_bytes(data)
        exchange = self._exchange
        if exchange is None:
            raise RuntimeError("Cannot call write() before prepare()")
        if exchange.response_complete:
            raise RuntimeError("Cannot call write() after write_eof()")
        if data:
            try:
                if self._body_encoder is None:
                    await exchange.send(data)
                else:
                    await self._body_encoder.send(exchange, data)
            except LocalProtocolError as error:
                raise RuntimeError(str(error)) from error

    async def write_eof(self, data: Bytes = b"") -> None:
        """Send a last piece, if any, and end the body. A second call does nothing.

        Raises as `write` does, and `RuntimeError` when less was written than the content length said."""
        exchange = self._exchange
        if exchange is None:
            raise RuntimeError("Response has not been started")
        if exchange.response_complete:
            return
        encoder = self._body_encoder
        if data and encoder is None:
            await self.write(data)
        try:
            if encoder is not None:
                _check_bytes(data)
                await encoder.finish(exchange, data)
            await exchange.finish(tuple(self.trailers.items()) if self._trailers else ())
        except LocalProtocolError as error:
            raise RuntimeError(str(error)) from error

    def __repr__(self) -> str:
        exchange = self._exchange
        if exchange is None:
            info = "not prepared"
        elif exchange.response_complete:
            info = "eof"
        else:
            info = f"{exchange.head.method} {exchange.head.target} "
        return f"<{type(self).__name__} {self._reason} {info}>"


def _check_bytes(data: object) -> None:
    if not isinstance(data, bytes | bytearray | memoryview):
        raise TypeError(f"data argument must be byte-ish ({type(data)!r})")


def _name_handler(request: AnsweredRequest, error: TypeError | ValueError) -> Exception:
    kind = TypeError if isinstance(error, TypeError) else ValueError
    return kind(
        f"the response of {request.describe_handler()} cannot be sent: {error}. What a header field cannot "
        "carry has to be left out or encoded (urllib.parse.quote) where response.headers is changed"
    )
