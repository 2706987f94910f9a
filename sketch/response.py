"""Responses that are known whole before their first byte leaves: what most handlers return."""

import json
from collections.abc import AsyncIterable, Callable
from concurrent.futures import Executor
from typing import IO, TYPE_CHECKING, Any, Final

from .encoding import AT_ONCE, Policy, encode_whole
from .http import names
from .http.deferred import deferred
from .http.exchange import Bytes, Exchange
from .http.headers import check_field
from .http.heads import ResponseHead
from .http.status import allows_body
from .responsehead import OCTET_STREAM, LooseHeaders, ok_head, typed, utf8
from .streamresponse import StreamResponse

if TYPE_CHECKING:
    from .payloadbase import AnyPayload, Payload

__all__ = ["Response", "StreamResponse", "json_bytes_response", "json_response"]

_UNSET: Final[Any] = object()

PLAIN_TEXT: Final = "text/plain; charset=utf-8"

# Most responses are texts and bytes.
_payloads = deferred(".payload", __package__)
_writers = deferred(".responsewriter", __package__)


class Response(StreamResponse):
    """A response whose body is a value (aiohttp documentation, ``Response``).

    ``Response("text")`` and ``Response(b"bytes")`` are the tutorial's form: the first positional argument
    is the body, as ``text/plain``. With keywords it is aiohttp's: ``text`` has the type ``text/plain``
    and an encoding, ``body`` the type ``application/octet-stream``, unless ``content_type``, ``charset``
    or a ``Content-Type`` among the ``headers`` say otherwise. A body may also be a file, an asynchronous
    generator, a payload or whatever else `PAYLOAD_REGISTRY` makes one of, which brings its own type.

    Raises `ValueError` for contradicting arguments, for fields that no message can carry, and for a body of a
    type that cannot be sent; `TypeError` for a text that is none.
    """

    _body: bytes | bytearray | None = None
    _encoded: tuple[Any, bytes] | None = None
    """The body in its content coding, where it has one, and what it was made of."""
    _zlib_executor: Executor | None = None
    _zlib_executor_size: int | None = AT_ONCE

    _payload: "AnyPayload | None" = None
    """The body where it is not bytes."""

    _is_simple = False
    """Whether this is 200 with a typed body, and nobody has asked for more since it was made. Set where
    that is so, and reset by whatever changes it: one question in place of six, per response."""

    def __init__(
        self,
        content: "str | Bytes | IO[Any] | AsyncIterable[Bytes] | Payload | None" = None,
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
        zlib_executor_size: int = AT_ONCE,
        zlib_executor: Executor | None = None,
    ) -> None:
        unusual = charset or headers or reason is not None or body is not None or content is not None
        if zlib_executor_size != AT_ONCE or zlib_executor is not None:
            self._zlib_executor_size = zlib_executor_size
            self._zlib_executor = zlib_executor
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
                is_bytes = isinstance(content, bytes | bytearray | memoryview)
                if is_bytes and content_type is None and not self._has_field(names.CONTENT_TYPE):
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
    def body(self) -> "bytes | bytearray | Payload | None":
        """The body: bytes, a payload, or ``None``. Settable to these, to a str, which is sent as UTF-8 text,
        and to whatever `PAYLOAD_REGISTRY` makes a payload of, such as an open file or an asynchronous
        generator. The fields of a payload become those of the response, unless that has them already.

        Setting it raises `ValueError` for a value that no payload can be made of."""
        return self._body if self._payload is None else self._payload  # type: ignore[return-value]

    @body.setter
    def body(self, body: Any) -> None:
        self._is_simple = False
        self._payload = None
        if body is None or isinstance(body, bytes | bytearray):
            self._body = body
        elif isinstance(body, memoryview):
            self._body = bytes(body)
        elif isinstance(body, str):
            if self._content_type_value() is None:
                self._set_content_type("text/plain", {"charset": "utf-8"})
            self._body = body.encode(self.charset or "utf-8")
        else:
            self._take_payload(body)

    def _take_payload(self, body: Any) -> None:
        try:
            payload: AnyPayload = _payloads.PAYLOAD_REGISTRY.get(body)
        except _payloads.LookupError:
            raise ValueError(
                f"Unsupported body type {type(body)!r}: pass bytes, text=..., an open file or an async "
                "generator, or use json_response() for data"
            ) from None
        self._body, self._payload = None, payload
        headers = self.headers
        for name, value in payload.headers.items():
            headers.setdefault(name, value)

    @property
    def text(self) -> str | None:
        """The body as text, by its charset; setting it makes an untyped response ``text/plain``.

        Of a file it blocks while that is read. Raises `TypeError` for a body that can only be sent."""
        body: Any = self.body
        return None if body is None else body.decode(self.charset or "utf-8")

    @text.setter
    def text(self, text: str) -> None:
        if not isinstance(text, str):
            raise TypeError(f"text argument must be str ({type(text)!r})")
        if self.content_type == OCTET_STREAM:
            self.content_type = "text/plain"
        if self.charset is None:
            self.charset = "utf-8"
        self._payload = None
        self._body = text.encode(self.charset or "utf-8")

    def add_body(self, body: str | Bytes) -> None:
        """Append to the body (the tutorial's ``Response.add_body``). Raises `TypeError` where that is a
        payload."""
        if self._payload is not None:
            raise TypeError(f"nothing can be appended to a body that is a {type(self._payload).__name__}")
        more = body.encode(self.charset or "utf-8") if isinstance(body, str) else bytes(body)
        self._body = bytes(self._body or b"") + more

    def add_header(self, name: str, value: str) -> None:
        """Set a header field (the tutorial's ``Response.add_header``). Raises `ValueError` as fields do."""
        text = str(value)
        check_field(name, text)
        self.headers[name] = text

    @property
    def content_length(self) -> int | None:
        """The length of the body in bytes, in its content coding once it has one; ``None`` for a payload of
        which it is not known beforehand."""
        if self._chunked:
            return None
        declared = self._declared_length()
        if declared is not None:
            return declared
        if self._payload is None:
            return len(self._content())
        return self._payload.size if self._coding is None else None

    @content_length.setter
    def content_length(self, value: int | None) -> None:
        raise RuntimeError("Content length is set automatically")

    def _content(self) -> bytes | bytearray:
        """The body as it is sent."""
        if self._encoded is not None and self._encoded[0] is self._body:
            return self._encoded[1]
        return self._body or b""

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
        if self._payload is not None:
            writer = _writers.ResponseWriter(self, exchange, self._head, self.content_length)
            await _writers.send_payload(self._payload, writer, exchange, self._status)
            return
        body = self._content()
        if self._chunked:
            exchange.start(self._head)
            if body:
                await exchange.send(body)
            await exchange.finish(tuple(self.trailers.items()))
        else:
            exchange.respond(self._head, body)

    async def _begin_coding(self, policy: Policy, coding: str, is_head: bool) -> None:
        if self._payload is not None:
            await super()._begin_coding(policy, coding, is_head)
            return
        body, encoder = self._body, policy.make_encoder(coding)
        encoded = await encode_whole(encoder, body or b"", self._zlib_executor, self._zlib_executor_size)
        self._encoded = (body, encoded)

    async def _confirm_coding(self, policy: Policy) -> None:
        await super()._confirm_coding(policy)
        coding = self._coding
        is_begun = self._body_encoder is not None
        if self._payload is None:
            self._body_encoder = None
            is_begun = self._encoded is not None and self._encoded[0] is self._body
        if coding is None:
            self._encoded = None
        elif not is_begun:
            await self._begin_coding(policy, coding, False)

    async def finish_stream(self) -> None:
        """End a body that was written piece by piece (`ResponseWriter`)."""
        await super().write_eof()

    async def _give_up(self) -> None:
        if self._payload is not None:
            await _writers.let_go(self._payload)

    def respond_plainly(self, exchange: Exchange) -> bool:
        """Answer at once, if there is nothing to wait for and nothing special to do; say whether it was so.

        This is the way of nearly every response. Only for requests without ``on_response_prepare``."""
        if self._is_simple:
            self._is_simple = False
            self._exchange = exchange
            exchange.respond(ok_head(self._plain_type), self._body)  # type: ignore[arg-type]
            return True
        if self._exchange is not None or self._cookies is not None or self._needs_prepare:
            return False
        if self._payload is not None:
            return False
        if self._keep_alive is False:
            exchange.keep_alive = False
        if self._body and self._content_type_value() is None and allows_body(self._status):
            self._set_content_type(OCTET_STREAM, {})
        try:
            head = self._build_head()
        except (TypeError, ValueError):
            return False  # `prepare` finds it, too, and knows the handler.
        self._exchange = exchange
        exchange.respond(head, self._body or b"")
        return True

    def __str__(self) -> str:
        """The message as HTTP/1.1 would send it, for reading; without ``Date`` and ``Server``, and without a
        body that is a payload."""
        body = bytes(self._body or b"")
        head = self._build_head()
        lines = head.encode().decode("utf-8", "surrogateescape")
        length = self.content_length
        if "content-length" not in head.carried and allows_body(self._status):
            lines += f"Content-Length: {length}\r\n" if length is not None else ""
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
