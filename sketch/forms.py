"""What a form says: urlencoded or multipart (aiohttp documentation, ``BaseRequest.post``; RFC 7578).

What becomes of a file is in `uploads`; where the body comes from, and which of them are forms, is the
request's to know.
"""

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import parse_qsl

from multidict import CIMultiDictProxy, MultiDict

from .exceptions import HTTPBadRequest, HTTPRequestEntityTooLarge, HTTPUnsupportedMediaType
from .http import names
from .http.charset import decode_text, find_codec
from .http.disposition import content_disposition_filename, read_disposition
from .http.mediatype import parse_content_type
from .http.multipart import Mark, MultipartError, MultipartParser, PartHead, TooManyParts, read_boundary
from .http.partcoding import Decoder, make_decoder
from .responsehead import OCTET_STREAM
from .uploads import FileField, Upload, close_uploads

FormValue = str | bytearray | FileField
"""A text; what has a type and is no text; a file."""

_CHARSET: Final = "_charset_"
"""The field that says what the charset of the others is (RFC 7578, section 4.6)."""


class MalformedBody(HTTPBadRequest, ValueError):
    """The answer to a body that is not what it says it is. For programs that know it from aiohttp, a
    `ValueError`."""

    def __init__(self, message: str) -> None:
        super().__init__(text=f"400: Bad Request\n{message}")
        self.message = message

    def __str__(self) -> str:
        return self.message


class UnsupportedBody(HTTPUnsupportedMediaType, ValueError):
    """The answer to a body of another type than is asked for, or in a charset that nobody knows."""

    def __init__(self, message: str) -> None:
        super().__init__(text=f"415: Unsupported Media Type\n{message}")
        self.message = message

    def __str__(self) -> str:
        return self.message


def too_many_fields(max_fields: int) -> HTTPRequestEntityTooLarge:
    """The answer to a form with more fields than are accepted."""
    return HTTPRequestEntityTooLarge(max_fields, text=f"Maximum number of form fields {max_fields} exceeded.")


# -- urlencoded --------------------------------------------------------------------------------------------


def read_urlencoded(body: bytes, charset: str, max_fields: int) -> "MultiDict[FormValue]":
    """The fields of ``application/x-www-form-urlencoded``; those without a value, too.

    Raises `HTTPRequestEntityTooLarge` for more than ``max_fields`` (0: any number), `MalformedBody` and
    `UnsupportedBody` for what is not text in ``charset``."""
    try:
        codec = find_codec(charset)
        text = body.rstrip().decode(codec)
    except LookupError as error:
        raise UnsupportedBody(str(error)) from error
    except UnicodeDecodeError as error:
        raise MalformedBody(f"the form is not in {charset}: {error}") from error
    if 0 < max_fields <= text.count("&"):
        raise too_many_fields(max_fields)
    return MultiDict(parse_qsl(text, keep_blank_values=True, encoding=codec))


# -- multipart ---------------------------------------------------------------------------------------------


class MultipartForm:
    """A form that is being received.

    ``content_type``
        the type of the body, with its boundary.
    ``read``
        gives the next piece of it; ``b""`` at the end (`StreamReader.readchunk`).
    ``max_size``
        bytes of the body, and ``max_fields``, the number of parts, that are accepted; 0 for any.

    Raises `MalformedBody`.
    """

    def __init__(
        self,
        content_type: str,
        read: Callable[[], Awaitable[tuple[bytes, bool]]],
        *,
        max_size: int,
        max_fields: int,
    ) -> None:
        try:
            self._parser = MultipartParser(read_boundary(content_type), max_parts=max_fields)
        except MultipartError as error:
            raise MalformedBody(str(error)) from error
        self._read = read
        self._max_size = max_size
        self._max_fields = max_fields
        self._size = 0
        self._charset = "utf-8"
        self._part: _Part | None = None
        self._fields: MultiDict[FormValue] = MultiDict()
        self.uploads: list[Upload] = []
        """The files that have come, to be closed by whoever made this."""

    async def receive(self) -> "MultiDict[FormValue]":
        """All fields, once the whole body has come.

        Raises `HTTPRequestEntityTooLarge`, `MalformedBody`, what ``read`` raises, and `OSError` when a file
        cannot be written."""
        try:
            while await self._receive_piece():
                await self._take_events()
            self._parser.finish()
            await self._take_events()
        except TooManyParts as error:
            raise too_many_fields(self._max_fields) from error
        except MultipartError as error:
            raise MalformedBody(str(error)) from error
        return self._fields

    async def _receive_piece(self) -> bool:
        piece, _ = await self._read()
        self._size += len(piece)
        if self._size > self._max_size > 0:
            raise HTTPRequestEntityTooLarge(self._max_size, self._size)
        if piece:
            self._parser.feed(piece)
        return bool(piece)

    async def _take_events(self) -> None:
        next_event = self._parser.next_event
        while (event := next_event()) is not None:
            if isinstance(event, bytes):
                assert self._part is not None
                upload = self._part.add(event)
                if upload is not None and upload.is_full:
                    event = None  # Its memory is for the next piece, which comes meanwhile.
                    await upload.spill()
            elif isinstance(event, PartHead):
                self._part = self._begin(event.fields)
            elif event is Mark.PART_END:
                await self._end_part()
            else:
                return

    def _begin(self, headers: CIMultiDictProxy[str]) -> "_Part":
        part = _Part(headers)
        if part.upload is not None:
            self.uploads.append(part.upload)
        return part

    async def _end_part(self) -> None:
        part = self._part
        assert part is not None
        part.end()
        upload = part.upload
        if upload is not None:
            content_type = part.content_type or OCTET_STREAM
            file = await upload.finish()
            field = FileField(part.name, part.filename or "", file, content_type, part.headers)
            self._fields.add(part.name, field)
        elif part.name == _CHARSET:
            self._charset = part.decode("ascii").strip()
        elif part.is_text:
            self._fields.add(part.name, part.decode(self._charset))
        else:
            self._fields.add(part.name, bytearray(b"".join(part.pieces)))


class _Part:
    """One field of a form, from its head to its end.

    Raises `MultipartError` for one that has no name, or is encoded in a way that nobody knows."""

    __slots__ = ("_decoder", "content_type", "filename", "headers", "name", "pieces", "upload")

    def __init__(self, headers: CIMultiDictProxy[str]) -> None:
        self.headers = headers
        self.content_type = headers.get(names.CONTENT_TYPE)
        _, parameters, _ = read_disposition(headers.get(names.CONTENT_DISPOSITION))
        name = content_disposition_filename(parameters, "name")
        if name is None:
            raise MultipartError("a field of the form has no name")
        if self.content_type is not None and self.content_type.lower().startswith("multipart/"):
            raise MultipartError(f"the field {name[:40]!r} of the form is itself multipart")
        self.name = name
        self.filename = content_disposition_filename(parameters)
        # RFC 7578, section 4.8: no content codings.
        self._decoder: Decoder | None = make_decoder(headers.get(names.CONTENT_TRANSFER_ENCODING))
        self.upload = Upload() if self.filename else None
        self.pieces: list[bytes] = []

    @property
    def is_text(self) -> bool:
        """Whether its value is a text."""
        return self.content_type is None or self.content_type.lower().startswith("text/")

    def add(self, data: bytes) -> Upload | None:
        """Take the next piece of its data; the file that it belongs to."""
        upload = self.upload
        take = self.pieces.append if upload is None else upload.add
        if self._decoder is None:
            take(data)
        else:
            for piece in self._decoder.feed(data):
                take(piece)
        return upload

    def end(self) -> None:
        """There is no more of it."""
        if self._decoder is not None:
            for piece in self._decoder.finish():
                (self.pieces.append if self.upload is None else self.upload.add)(piece)

    def decode(self, default_charset: str) -> str:
        """Its value as text, by its own charset where it has one."""
        charset = default_charset
        if self.content_type is not None:
            charset = parse_content_type(self.content_type)[1].get("charset", charset)
        try:
            return decode_text(b"".join(self.pieces), charset)
        except (LookupError, UnicodeDecodeError) as error:
            raise MultipartError(f"the field {self.name[:40]!r} of the form is no text: {error}") from error


async def read_multipart(form: MultipartForm) -> "MultiDict[FormValue]":
    """What `MultipartForm.receive` gives. The files are closed when it raises, or is cancelled."""
    try:
        return await form.receive()
    except BaseException:
        close_uploads(form.uploads)
        raise
