"""The body of a request, and what its head says of it.

What is read, and how much of it at most, is decided here; where the pieces come from is the exchange's to
know, and how they are cut `streams` knows.
"""

import json
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from multidict import CIMultiDictProxy, MultiDict, MultiDictProxy

from .exceptions import HTTPBadRequest, HTTPException, HTTPRequestEntityTooLarge, HTTPRequestTimeout
from .http import names
from .http.charset import decode_text
from .http.deferred import deferred
from .http.errors import RemoteProtocolError
from .http.exchange import Exchange
from .http.headers import decode_fields
from .http.heads import RequestHead
from .http.mediatype import parse_content_type
from .pieces import Body
from .responsehead import OCTET_STREAM
from .streams import BodyTooLarge, StreamReader, read_rest, reader_of

decoding: Any = deferred(".decoding", __package__)
if TYPE_CHECKING:
    from .forms import FormValue
    from .multipart import MultipartReader

forms: Any = deferred(".forms", __package__)
multipart: Any = deferred(".multipart", __package__)
uploads: Any = deferred(".uploads", __package__)

CLIENT_MAX_SIZE: Final = 1024**2
"""Bytes of a body that `BaseRequest.read` takes by default (aiohttp documentation, ``client_max_size``)."""


class RequestBody:
    """The part of a request that is about its body (aiohttp documentation, ``BaseRequest``)."""

    exchange: Exchange
    head: RequestHead

    client_max_size: int = CLIENT_MAX_SIZE
    client_max_fields: int = 1000
    auto_decompress: bool = True
    """Whether a body with content codings is decoded as it is read (aiohttp documentation,
    ``auto_decompress``). Can be set to ``False`` before the body is first looked at, for the bytes as they
    were sent."""

    POST_METHODS: Final = frozenset({"PATCH", "POST", "PUT", "TRACE", "DELETE"})
    """The methods whose bodies may be forms."""

    _content: StreamReader | None = None
    _read_bytes: bytes | None = None
    _post: "MultiDictProxy[FormValue] | None" = None
    _post_error: Exception | None = None

    # -- what the head says of it ----------------------------------------------------------------------

    @property
    def content_type(self) -> str:
        """The body's media type; ``application/octet-stream`` where none is given."""
        value = self.head.fields.decoded.get(names.CONTENT_TYPE)
        return OCTET_STREAM if value is None else parse_content_type(value)[0]

    @property
    def charset(self) -> str | None:
        """The body's charset, where it is given."""
        value = self.head.fields.decoded.get(names.CONTENT_TYPE)
        if value is None or ";" not in value:
            return None
        return parse_content_type(value)[1].get("charset")

    @property
    def content_length(self) -> int | None:
        """The length of the body in bytes; ``None`` when it is not given."""
        value = self.head.fields.decoded.get(names.CONTENT_LENGTH)
        return None if value is None else int(value)

    # -- reading it ------------------------------------------------------------------------------------

    @property
    def content(self) -> StreamReader:
        """The body as a stream (aiohttp documentation, ``StreamReader``), decoded where it has content
        codings and `auto_decompress` is set."""
        content = self._content
        if content is None:
            content = self._content = StreamReader(self._find_body())
        return content

    def _find_body(self) -> Body:
        """Where the bytes come from that are read: not the carrier, if it has them in a content coding."""
        codings = self.head.framing.codings
        if not codings or not self.auto_decompress:
            return self.exchange
        body: Body = decoding.DecodedBody(self.exchange, codings)
        return body

    @property
    def body_exists(self) -> bool:
        """Whether the request has a body: one with a length that is not 0, or a chunked one."""
        return self.head.framing.has_body

    @property
    def can_read_body(self) -> bool:
        """Whether there is anything left to read of the body."""
        return self.head.framing.has_body and not self.content.at_eof()

    async def read(self) -> bytes:
        """The whole body; a second call returns the same bytes.

        Raises `HTTPRequestEntityTooLarge` for more than ``client_max_size`` bytes, which are counted as they
        come out of a content coding, `HTTPUnsupportedMediaType` for a coding that is not known,
        `HTTPBadRequest` for a body that breaks its framing or its coding, `HTTPRequestTimeout` for one that
        comes too slowly, `Disconnected` when the client leaves in the middle. Cancelled, it loses nothing:
        the next call goes on."""
        body = self._read_bytes
        if body is not None:
            return body
        try:
            framing, limit = self.head.framing, self.client_max_size
            if self._content is None and not framing.codings:
                declared = framing.content_length
                if limit and declared is not None and declared > limit:
                    raise BodyTooLarge(limit, declared)
                # A small body comes with its head: nothing to wait for, and no stream to make.
                body = self.exchange.read_nowait()
                if len(body) == declared:
                    self._read_bytes = body
                    return body
                self._content = StreamReader(self.exchange, taken=body)
            body = self._read_bytes = await read_rest(self.content, limit)
        except (BodyTooLarge, RemoteProtocolError) as error:
            raise _translate(error) from error
        return body

    async def text(self) -> str:
        """The whole body as text, by its charset or UTF-8.

        Raises as `read` does, `LookupError` for a charset that nobody knows, and `UnicodeDecodeError`."""
        return _decode(await self.read(), self.charset)

    async def json(self, *, loads: Callable[[str], Any] = json.loads) -> Any:
        """The whole body as JSON. Raises as `text` does, and what ``loads`` raises (`ValueError`)."""
        return loads(_decode(await self.read(), self.charset))

    # -- forms -----------------------------------------------------------------------------------------

    async def multipart(self) -> "MultipartReader":
        """The parts of a multipart body, one after the other, as they come (aiohttp documentation).

        What is malformed raises an `HTTPBadRequest` that is a `ValueError`, here or when it is met; a type
        that is not multipart, an `HTTPUnsupportedMediaType` that is one. Reading a part of more than
        ``client_max_size`` bytes whole raises `HTTPRequestEntityTooLarge`. The body itself has no bound.
        Raises `RuntimeError` when the body was read already, and not by `read`."""
        headers = self.head.fields.decoded
        if not self.content_type.startswith("multipart/"):
            given = headers.get(names.CONTENT_TYPE, "no type at all")
            raise forms.UnsupportedBody(f"multipart content type expected, and this is {given[:100]!r}")
        reader: MultipartReader = multipart.MultipartReader(
            headers,
            self._content_again(),
            client_max_size=self.client_max_size or sys.maxsize,
            max_size_error_cls=HTTPRequestEntityTooLarge,
            make_error=forms.MalformedBody,
        )
        return reader

    async def post(self) -> "MultiDictProxy[FormValue]":
        """The fields of the form that the body is: texts, `FileField`, and `bytearray` for what has a type
        that is not text. Empty for methods other than `POST_METHODS`, and for other content types. A second
        call returns the same (aiohttp documentation).

        Files of more than 1 MiB are on disk; all of them are closed when the request is over.

        Raises `HTTPRequestEntityTooLarge` for more than ``client_max_size`` bytes or ``client_max_fields``
        fields, an `HTTPBadRequest` that is a `ValueError` for a form that is malformed, and otherwise as
        `read` does. Cancelled, it loses a multipart form, and raises `RuntimeError` when called again, or
        when the body of such a form was read already, and not by `read`."""
        post = self._post
        if post is None:
            if self._post_error is not None:
                raise self._post_error
            post = self._post = MultiDictProxy(await self._read_form())
        return post

    async def _read_form(self) -> "MultiDict[FormValue]":
        content_type = self.content_type
        if self.head.method in self.POST_METHODS:
            if content_type == "application/x-www-form-urlencoded":
                form: MultiDict[FormValue] = forms.read_urlencoded(
                    await self.read(), self.charset or "utf-8", self.client_max_fields
                )
                return form
            if content_type == "multipart/form-data":
                return await self._read_multipart_form()
        return MultiDict()

    async def _read_multipart_form(self) -> "MultiDict[FormValue]":
        self._post_error = RuntimeError(
            "post() was cancelled, or is still running in another task: what it has read is gone"
        )
        try:
            fields: MultiDict[FormValue] = await self._receive_form()
        except Exception as error:
            self._post_error = error
            raise
        self._post_error = None
        return fields

    async def _receive_form(self) -> "MultiDict[FormValue]":
        declared, limit = self.head.framing.content_length, self.client_max_size
        if declared is not None and declared > limit > 0:
            raise HTTPRequestEntityTooLarge(limit, declared)
        form = forms.MultipartForm(
            self.head.fields.decoded[names.CONTENT_TYPE],
            self._content_again().readchunk,
            max_size=limit,
            max_fields=self.client_max_fields,
        )
        try:
            fields: MultiDict[FormValue] = await forms.read_multipart(form)
        except RemoteProtocolError as error:
            raise _translate(error) from error
        if form.uploads:
            self.exchange.on_end(partial(uploads.close_uploads, form.uploads))
        return fields

    def _content_again(self) -> StreamReader:
        """The body as a stream, also when all of it was read as bytes."""
        if self._read_bytes:
            return reader_of(self._read_bytes)
        content = self.content
        if content.total_bytes and content.at_eof():
            # Else it would look as if the client had sent nothing, and be told so.
            raise RuntimeError(
                "the body was read already, as a stream, by multipart() or for a copy of the request, and is "
                "gone: read it in one place, or await request.read() before"
            )
        return content

    async def release(self) -> None:
        """Read what is left of the body, and forget it."""
        content = self.content
        while not content.at_eof():
            await content.readany()

    @property
    def trailers(self) -> CIMultiDictProxy[str]:
        """The fields that the client sent after a chunked body (RFC 9110, section 6.5), without those that
        must not be there; empty until the whole body has arrived, which it has when it was read."""
        return CIMultiDictProxy(decode_fields(self.exchange.request_trailers))


def _translate(error: BodyTooLarge | RemoteProtocolError) -> HTTPException:
    """What the client is told of it."""
    if isinstance(error, BodyTooLarge):
        return HTTPRequestEntityTooLarge(error.limit, error.actual)
    if error.status == 408:
        return HTTPRequestTimeout(text=f"408: Request Timeout\n{error}")
    return HTTPBadRequest(text=f"400: Bad Request\n{error}")


def _decode(body: bytes, charset: str | None) -> str:
    # Nearly always it is UTF-8, of which nobody has to be asked.
    return body.decode() if charset is None else decode_text(body, charset)
