"""Multipart bodies, part by part, as they come (aiohttp documentation, "Working with Multipart").

Which part comes next, and what kind of reader it gets, is known here. How bodies are cut
`sketch.http.multipart` knows, and what is done with the data of a part `bodypart`.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, Self

from multidict import CIMultiDictProxy

from .bodypart import BodyPartReader
from .http import names
from .http.disposition import (
    BadContentDispositionHeader,
    BadContentDispositionParam,
    content_disposition_filename,
    parse_content_disposition,
)
from .http.mediatype import parse_content_type
from .http.multipart import FIELD_LINE, FIELDS, MultipartError, MultipartParser, read_boundary
from .partcursor import Content, MakeError, PartCursor, PartStream

__all__ = (
    "BadContentDispositionHeader",
    "BadContentDispositionParam",
    "BodyPartReader",
    "MultipartError",
    "MultipartReader",
    "MultipartResponseWrapper",
    "content_disposition_filename",
    "parse_content_disposition",
)

NESTING: Final = 10
"""How deep multipart bodies may be inside of one another. Mail has two or three levels."""

_CHARSET_NAME: Final = 31
"""Bytes that the name of a charset may have. The longest one that browsers know has 19."""


class _Parts:
    """Iterates as long as there is a next part."""

    async def next(self) -> "MultipartReader | BodyPartReader | None":
        raise NotImplementedError

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> "MultipartReader | BodyPartReader":
        part = await self.next()
        if part is None:
            raise StopAsyncIteration
        return part


class MultipartResponseWrapper(_Parts):
    """The parts of a client's response, which is released after the last one (aiohttp documentation)."""

    def __init__(self, resp: Any, stream: "MultipartReader") -> None:
        self.resp = resp
        self.stream = stream

    def at_eof(self) -> bool:
        """Whether the whole response was read."""
        at_eof: bool = self.resp.content.at_eof()
        return at_eof

    async def next(self) -> "MultipartReader | BodyPartReader | None":
        """As `MultipartReader.next`."""
        item = await self.stream.next()
        if self.stream.at_eof():
            await self.release()
        return item

    async def release(self) -> None:
        """Let go of the response, and of what is left of it."""
        released = self.resp.release()
        if released is not None:
            await released


class MultipartReader(_Parts):
    """The parts of a multipart body, one after the other (aiohttp documentation, ``MultipartReader``).

    ``headers``
        of the body: ``Content-Type`` with the boundary.
    ``content``
        the stream of it; only what has been asked for is read.
    ``client_max_size`` ``max_size_error_cls``
        as for `BodyPartReader`: a bound for each part that is read as a whole.
    ``max_field_size`` ``max_headers``
        bytes of one header field of a part, and how many of them it may have.
    ``make_error``
        makes what is raised for a body that is malformed.

    Raises what ``make_error`` makes, `MultipartError` unless it is given, for a type that is not multipart or
    has no boundary. What waits raises that as well, and what ``content`` raises; cancelling it loses nothing.
    """

    response_wrapper_cls: type[MultipartResponseWrapper] = MultipartResponseWrapper
    multipart_reader_cls: "type[MultipartReader] | None" = None
    """The class of readers for parts that are multipart bodies; ``None`` for that of this one."""
    part_reader_cls: type[BodyPartReader] = BodyPartReader

    _depth = 1

    def __init__(
        self,
        headers: Mapping[str, str],
        content: Content,
        *,
        client_max_size: int = sys.maxsize,
        max_field_size: int = FIELD_LINE,
        max_headers: int = FIELDS,
        max_size_error_cls: Callable[[int], Exception] = ValueError,
        make_error: MakeError = MultipartError,
    ) -> None:
        content_type = headers.get(names.CONTENT_TYPE, "")
        try:
            boundary = read_boundary(content_type)
        except MultipartError as error:
            raise make_error(str(error)) from error
        parser = MultipartParser(boundary, max_field_size=max_field_size, max_fields=max_headers)
        self.headers = headers
        self._boundary = b"--" + boundary
        self._subtype = parse_content_type(content_type)[0].partition("/")[2]
        self._cursor = PartCursor(content, parser, make_error=make_error)
        self._sizes: dict[str, Any] = {
            "client_max_size": client_max_size,
            "max_size_error_cls": max_size_error_cls,
        }
        self._limits: dict[str, Any] = {
            "max_field_size": max_field_size,
            "max_headers": max_headers,
            "make_error": make_error,
        }
        self._default_charset: str | None = None
        self._at_eof = False

    @classmethod
    def from_response(cls, response: Any) -> MultipartResponseWrapper:
        """A reader for a response of aiohttp's client."""
        return cls.response_wrapper_cls(response, cls(response.headers, response.content))

    def at_eof(self) -> bool:
        """Whether the last boundary was reached."""
        return self._at_eof

    async def next(self) -> "MultipartReader | BodyPartReader | None":
        """A reader for the next part, past what is left of the current one; ``None`` after the last.

        A part that is itself a multipart body gets a `MultipartReader`. A form's field ``_charset_`` is not
        given: it says what the charset of the others is (RFC 7578, section 4.6)."""
        if self._at_eof:
            return None
        while (part := await self.fetch_next_part()) is not None:
            if self._subtype != "form-data" or not isinstance(part, BodyPartReader):
                break
            if part.name != "_charset_":
                break
            self._default_charset = await self._read_charset(part)
        return part

    async def fetch_next_part(self) -> "MultipartReader | BodyPartReader | None":
        """As `next`, with ``_charset_``."""
        headers = await self._cursor.next_part()
        if headers is None:
            self._at_eof = True
            return None
        return self._get_part_reader(headers)

    async def release(self) -> None:
        """Read the rest of the body, up to its last boundary, and forget it."""
        while not self._at_eof:
            await self.next()

    def _get_part_reader(self, headers: CIMultiDictProxy[str]) -> "MultipartReader | BodyPartReader":
        """The reader for a part with these fields; to be overridden by those who have others."""
        media_type, _ = parse_content_type(headers.get(names.CONTENT_TYPE, ""))
        if not media_type.startswith("multipart/"):
            return self.part_reader_cls(
                self._boundary,
                headers,
                self._cursor,
                subtype=self._subtype,
                default_charset=self._default_charset,
                **self._sizes,
            )
        if self._depth >= NESTING:
            raise self._cursor.fail(f"multipart bodies are nested more than {NESTING} deep")
        reader_cls = self.multipart_reader_cls or type(self)
        reader = reader_cls(headers, PartStream(self._cursor), **self._sizes, **self._limits)
        reader._depth = self._depth + 1
        return reader

    async def _read_charset(self, part: BodyPartReader) -> str:
        name = b""
        while (chunk := await part.read_chunk(_CHARSET_NAME + 1)) and len(name) <= _CHARSET_NAME:
            name += chunk
        charset = name.strip()
        if len(name) > _CHARSET_NAME or not charset.isascii():
            raise self._cursor.fail(f"the form's _charset_ is no charset: {name[:40]!r}")
        return charset.decode("ascii")
