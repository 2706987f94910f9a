"""Responses: what a handler returns.

A `StreamResponse` is written piece by piece, a `Response` is known whole before its first byte leaves.
Neither knows how it is framed: they hand heads and bytes to the request's `Exchange`.
"""

import json
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, Final, Protocol

from .appkeys import Keeper, ResponseKey
from .http import names
from .http.errors import LocalProtocolError
from .http.exchange import Bytes, Exchange
from .http.headers import check_field
from .http.heads import HttpVersion, HttpVersion11, ResponseHead
from .http.status import allows_body
from .responsehead import OCTET_STREAM, HeadBuilder, LooseHeaders, ok_head, typed, utf8
from .trailers import TrailerBuilder

_UNSET: Final[Any] = object()

PLAIN_TEXT: Final = "text/plain; charset=utf-8"


class AnsweredRequest(Protocol):
    """What a response needs of the request that it answers."""

    exchange: Exchange
    has_prepare_hooks: bool
    begun_response: Any

    @property
    def version(self) -> HttpVersion:
        """The version of HTTP that the request was sent in."""

    async def read(self) -> bytes:
        """The whole body of the request."""

    async def run_prepare_hooks(self, response: Any) -> None:
        """What happens between a response and the settling of its head."""

    def describe_handler(self) -> str:
        """Who answers the request, for messages."""


class StreamResponse(HeadBuilder, TrailerBuilder, Keeper):
    """A response whose body is written as it is made (aiohttp documentation, ``StreamResponse``).

    A mapping, too: what middlewares and handlers have to say to each other about it, by `ResponseKey` or
    string.
    """

    key_class = ResponseKey

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
    def body_length(self) -> int:
        """Bytes sent for this response so far, its head included (aiohttp documentation)."""
        exchange = self._exchange
        return 0 if exchange is None else exchange.bytes_sent

    @property
    def chunked(self) -> bool:
        """Whether chunked framing was asked for; it is also taken when no length is declared."""
        return self._chunked

    def enable_chunked_encoding(self) -> None:
        """Ask for chunked framing (RFC 9112, section 7.1).

        Raises `RuntimeError` when a content length is set."""
        if self._has_field(names.CONTENT_LENGTH):
            raise RuntimeError("You can't enable chunked encoding when a content length is set")
        self._chunked = True
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
            raise
        request.begun_response = self

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
            if not request.has_prepare_hooks:
                return self._build_head()
            self._add_automatic_fields()
            shown = self._show_length()
        except (TypeError, ValueError) as error:
            raise _name_handler(request, error) from error
        await request.run_prepare_hooks(self)
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
        """Send a piece of the body, and wait while the client is too slow to take more.

        Raises `RuntimeError` before `prepare`, after `write_eof` and beyond the content length, `TypeError`
        for anything but bytes, `Disconnected` when the client is gone. Cancelled while it waits, the data
        counts as sent."""
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data argument must be byte-ish ({type(data)!r})")
        exchange = self._exchange
        if exchange is None:
            raise RuntimeError("Cannot call write() before prepare()")
        if exchange.response_complete:
            raise RuntimeError("Cannot call write() after write_eof()")
        if data:
            try:
                await exchange.send(data)
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
        if data:
            await self.write(data)
        try:
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


def _name_handler(request: AnsweredRequest, error: TypeError | ValueError) -> Exception:
    kind = TypeError if isinstance(error, TypeError) else ValueError
    return kind(
        f"the response of {request.describe_handler()} cannot be sent: {error}. What a header field cannot "
        "carry has to be left out or encoded (urllib.parse.quote) where response.headers is changed"
    )


class Response(StreamResponse):
    """A response whose body is known whole (aiohttp documentation, ``Response``).

    ``Response("text")`` and ``Response(b"bytes")`` are the tutorial's form: the first positional argument
    is the body, as ``text/plain``. With keywords it is aiohttp's: ``text`` has the type ``text/plain``
    and an encoding, ``body`` the type ``application/octet-stream``, unless ``content_type``, ``charset``
    or a ``Content-Type`` among the ``headers`` say otherwise.

    Raises `ValueError` for contradicting arguments and for fields that no message can carry, `TypeError`
    for a body of a type that cannot be sent.
    """

    _body: bytes | bytearray | None = None

    _is_simple = False
    """Whether this is 200 with a typed body, and nobody has asked for more since it was made. Set where
    that is so, and reset by whatever changes it: one question in place of six, per response."""

    def __init__(
        self,
        content: str | Bytes | None = None,
        /,
        status: int = 200,
        content_type: str | None = None,
        headers: LooseHeaders | None = None,
        version: str | None = None,
        # Not keyword-only, although meant to be: each default of such a one is looked up in a dictionary in
        # every call (0.06 microseconds for six).
        body: Any = None,
        reason: str | None = None,
        text: str | None = None,
        charset: str | None = None,
        zlib_executor_size: int = 4096,
        zlib_executor: Executor | None = None,
    ) -> None:
        unusual = charset or headers or reason or body is not None or content is not None
        if isinstance(text, str) and status == 200 and not unusual:
            # The way of nearly every response.
            self._plain_type = PLAIN_TEXT if content_type is None else utf8(content_type)
            self._body = text.encode()
            self._is_simple = True
            return
        if status != 200 or reason is not None:
            self._set_status(status, reason)
        if headers is not None:
            self._take_headers(headers)
        if content is not None:
            if body is not None or text is not None:
                raise ValueError("a positional body and body= or text= are not allowed together")
            if isinstance(content, str):
                text = content
            else:
                body = content
                if content_type is None and not self._has_field(names.CONTENT_TYPE):
                    content_type = "text/plain"
        if headers is not None:
            self._take_typed_body(body, text, content_type, charset)
        elif text is not None:
            if body is not None:
                raise ValueError("body and text are not allowed together")
            if content_type is None and charset is None:
                self._plain_type = PLAIN_TEXT
                charset = "utf-8"
            else:
                charset = charset or "utf-8"
                self._plain_type = typed(content_type or "text/plain", charset)
            try:
                self._body = text.encode(charset)
            except AttributeError:
                raise TypeError(f"text argument must be str ({type(text)!r})") from None
        else:
            if content_type is not None:
                self._plain_type = typed(content_type, charset)
            if body is not None:
                self.body = body

    def _take_typed_body(
        self, body: Any, text: str | None, content_type: str | None, charset: str | None
    ) -> None:
        """The rest of the constructor where the fields may already say the type."""
        if body is not None and text is not None:
            raise ValueError("body and text are not allowed together")
        if self._has_field(names.CONTENT_TYPE):
            if content_type is not None or charset is not None:
                raise ValueError(
                    "passing both Content-Type header and content_type or charset params is forbidden"
                )
        elif text is not None:
            self.headers[names.CONTENT_TYPE] = typed(content_type or "text/plain", charset or "utf-8")
        elif content_type is not None:
            self.headers[names.CONTENT_TYPE] = typed(content_type, charset)
        if text is not None:
            self.text = text
        else:
            self.body = body

    # -- the body --------------------------------------------------------------------------------------

    @property
    def body(self) -> bytes | bytearray | None:
        """The body; settable to bytes, to a str, which is sent as UTF-8 text, or to ``None``."""
        return self._body

    @body.setter
    def body(self, body: Any) -> None:
        self._is_simple = False
        if body is None or isinstance(body, bytes | bytearray):
            self._body = body
        elif isinstance(body, memoryview):
            self._body = bytes(body)
        elif isinstance(body, str):
            if self._content_type_value() is None:
                self._set_content_type("text/plain", {"charset": "utf-8"})
            self._body = body.encode(self.charset or "utf-8")
        else:
            raise ValueError(
                f"Unsupported body type {type(body)!r}: pass bytes or text=..., "
                "or use json_response() for data and StreamResponse for a stream"
            )

    @property
    def text(self) -> str | None:
        """The body as text, by its charset; setting it makes an untyped response ``text/plain``."""
        body = self._body
        return None if body is None else body.decode(self.charset or "utf-8")

    @text.setter
    def text(self, text: str) -> None:
        if not isinstance(text, str):
            raise TypeError(f"text argument must be str ({type(text)!r})")
        if self.content_type == OCTET_STREAM:
            self.content_type = "text/plain"
        if self.charset is None:
            self.charset = "utf-8"
        self._body = text.encode(self.charset or "utf-8")

    def add_body(self, body: str | Bytes) -> None:
        """Append to the body (the tutorial's ``Response.add_body``)."""
        more = body.encode(self.charset or "utf-8") if isinstance(body, str) else bytes(body)
        self._body = bytes(self._body or b"") + more

    def add_header(self, name: str, value: str) -> None:
        """Set a header field (the tutorial's ``Response.add_header``). Raises `ValueError` as fields do."""
        text = str(value)
        check_field(name, text)
        self.headers[name] = text

    @property
    def content_length(self) -> int | None:
        """The length of the body in bytes."""
        if self._chunked:
            return None
        declared = self._declared_length()
        return len(self._body or b"") if declared is None else declared

    @content_length.setter
    def content_length(self, value: int | None) -> None:
        raise RuntimeError("Content length is set automatically")

    # -- sending ---------------------------------------------------------------------------------------

    def _send_head(self, exchange: Exchange, head: ResponseHead) -> None:
        # One write is better than two: the head waits for the body.
        self._head = head

    async def write_eof(self, data: Bytes = b"") -> None:
        """Send the whole response. A second call does nothing. Raises as `StreamResponse.write_eof`."""
        exchange = self._exchange
        if exchange is None:
            raise RuntimeError("Response has not been started")
        if data:
            raise RuntimeError(f"data arg is not supported, got {data!r}")
        if exchange.response_complete:
            return
        if self._chunked:
            exchange.start(self._head)
            if self._body:
                await exchange.send(self._body)
            await exchange.finish(tuple(self.trailers.items()))
        else:
            exchange.respond(self._head, self._body or b"")

    def respond_plainly(self, exchange: Exchange) -> bool:
        """Answer at once, if there is nothing to wait for and nothing special to do; say whether it was so.

        This is the way of nearly every response. Only for requests without ``on_response_prepare``."""
        if self._is_simple:
            self._is_simple = False
            self._exchange = exchange
            exchange.respond(ok_head(self._plain_type), self._body)  # type: ignore[arg-type]
            return True
        if self._exchange is not None or self._cookies is not None or self._chunked:
            return False
        if self._keep_alive is False:
            exchange.keep_alive = False
        if self._body and self._content_type_value() is None:
            self._set_content_type(OCTET_STREAM, {})
        try:
            head = self._build_head()
        except (TypeError, ValueError):
            return False  # `prepare` finds it, too, and knows the handler.
        self._exchange = exchange
        exchange.respond(head, self._body or b"")
        return True

    def __str__(self) -> str:
        """The message as HTTP/1.1 would send it, for reading; without ``Date`` and ``Server``."""
        body = bytes(self._body or b"")
        head = self._build_head()
        lines = head.encode().decode("utf-8", "surrogateescape")
        if "content-length" not in head.carried and allows_body(self._status):
            lines += f"Content-Length: {len(body)}\r\n"
        return f"{lines}\r\n{body.decode('utf-8', 'backslashreplace')}"


def json_response(
    data: Any = _UNSET,
    *,
    text: str | None = None,
    body: bytes | None = None,
    status: int = 200,
    reason: str | None = None,
    headers: LooseHeaders | None = None,
    content_type: str = "application/json",
    dumps: Callable[[Any], str] = json.dumps,
) -> Response:
    """A response with ``data`` as JSON (aiohttp documentation, ``json_response``).

    ``text`` or ``body`` give JSON that is already made. Raises `ValueError` for more than one of the
    three, and whatever ``dumps`` raises."""
    if data is not _UNSET:
        if text or body:
            raise ValueError("only one of data, text, or body should be specified")
        text = dumps(data)
    return Response(
        text=text, body=body, status=status, reason=reason, headers=headers, content_type=content_type
    )


def json_bytes_response(
    data: Any = _UNSET,
    *,
    dumps: Callable[[Any], bytes],
    body: bytes | None = None,
    status: int = 200,
    reason: str | None = None,
    headers: LooseHeaders | None = None,
    content_type: str = "application/json",
) -> Response:
    """`json_response` for encoders that return bytes (aiohttp documentation, ``json_bytes_response``)."""
    if data is not _UNSET:
        if body:
            raise ValueError("only one of data or body should be specified")
        body = dumps(data)
    return Response(body=body, status=status, reason=reason, headers=headers, content_type=content_type)
