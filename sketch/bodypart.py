"""One part of a multipart body: its data as it comes, whole, decoded.

Where the data comes from `partcursor` knows, and how it is encoded `sketch.http.partcoding`.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final, Self
from urllib.parse import parse_qsl

from multidict import CIMultiDictProxy

from .http import names
from .http.charset import decode_text, find_codec
from .http.disposition import content_disposition_filename, read_disposition
from .http.mediatype import parse_content_type
from .http.multipart import MultipartError, MultipartParser
from .http.partcoding import ALPHABET, NOT_BASE64, PIECE, Decoder, make_decoder
from .partcursor import Content, PartCursor

LINE: Final = 2**19
"""Bytes that a line may have (`BodyPartReader.readline`; what aiohttp's server allows by default)."""


class BodyPartReader:
    """One part, which is no multipart body itself (aiohttp documentation, ``BodyPartReader``).

    What waits raises what the body's stream raises, and `MultipartError`, which is a `ValueError`, for a body
    that is malformed; of a request's body, that is an `HTTPBadRequest`, too. Cancelling it loses nothing.
    Once the next part was asked for, there is nothing left of this one.

    ``boundary`` ``content``
        for those who make one themselves: the boundary with its two hyphens, and a stream of what follows the
        head of the part.
    ``subtype``
        of the body: the parts of ``form-data`` have neither content codings nor lengths (RFC 7578, sections
        4.7 and 4.8).
    ``client_max_size``
        bytes that reading all of it takes, before and after decoding.
    ``max_size_error_cls``
        is raised beyond, with that number.
    """

    chunk_size = 8192

    headers: CIMultiDictProxy[str]
    """The fields of the part."""

    def __init__(
        self,
        boundary: bytes,
        headers: CIMultiDictProxy[str],
        content: Content | PartCursor,
        *,
        subtype: str = "mixed",
        default_charset: str | None = None,
        client_max_size: int = sys.maxsize,
        max_size_error_cls: Callable[[int], Exception] = ValueError,
    ) -> None:
        if not isinstance(content, PartCursor):
            content = PartCursor(content, MultipartParser(boundary[2:], is_inside=True), is_inside=True)
        self.headers = headers
        self._cursor = content
        self._number = content.number
        self._is_form_data = subtype == "form-data"
        self._default_charset = default_charset
        self._client_max_size = client_max_size
        self._max_size_error_cls = max_size_error_cls
        # What has come and was not read: one piece, and how far that was.
        self._piece = b""
        self._start = 0
        self._at_eof = False
        # Bytes that have come, and how many will.
        self._size = 0
        self._declared = None if self._is_form_data else self._read_length()
        self._decoder: Decoder | None = None
        self._parameters: dict[str, str] | None = None

    def _read_length(self) -> int | None:
        length = self.headers.get(names.CONTENT_LENGTH)
        if length is None:
            return None
        if not (length.isascii() and length.isdigit() and len(length) < 20):
            raise self._cursor.fail(f"invalid Content-Length of a part: {length[:40]!r}")
        return int(length)

    # -- what it is ------------------------------------------------------------------------------------

    @property
    def name(self) -> str | None:
        """The name of the form's field; ``None`` where there is none that can be read. Warns of nothing: what
        a stranger sends should not."""
        return content_disposition_filename(self._disposition(), "name")

    @property
    def filename(self) -> str | None:
        """The name of the file as the client gives it, which may be a path; ``None`` where there is none that
        can be read."""
        return content_disposition_filename(self._disposition())

    def _disposition(self) -> dict[str, str]:
        if self._parameters is None:
            _, self._parameters, _ = read_disposition(self.headers.get(names.CONTENT_DISPOSITION))
        return self._parameters

    def get_charset(self, default: str) -> str:
        """The charset in its ``Content-Type``, or that of the form (``_charset_``), or ``default``."""
        _, parameters = parse_content_type(self.headers.get(names.CONTENT_TYPE, ""))
        return parameters.get("charset", self._default_charset or default)

    def at_eof(self) -> bool:
        """Whether all of it was read, as far as can be told without waiting."""
        return self._at_eof

    # -- the data that has come ------------------------------------------------------------------------

    async def _fill(self) -> bool:
        """Have something to read, waiting for it. False at the end, and when the part was left."""
        if self._number != self._cursor.number:
            self._piece = b""
            self._at_eof = True
        elif not self._piece and not self._at_eof:
            self._accept(await self._cursor.next_data(self._number))
        return bool(self._piece)

    def _accept(self, piece: bytes) -> None:
        self._piece = piece
        self._start = 0
        self._size += len(piece)
        if piece:
            return
        if self._declared not in (None, self._size):
            message = f"Content-Length of a part is {self._declared}, and it has {self._size} bytes"
            raise self._cursor.fail(message)
        self._at_eof = True

    def _take(self, size: int) -> bytes:
        """At most so many bytes of the piece, of which there is one."""
        end = self._start + size
        if end >= len(self._piece):
            return self._take_piece()
        taken = self._piece[self._start : end]
        self._start = end
        return taken

    def _take_piece(self) -> bytes:
        taken = self._piece[self._start :]
        self._piece = b""
        # Whether that was all is for `at_eof` to tell, if it is known.
        if not self._at_eof and (piece := self._cursor.next_data_nowait(self._number)) is not None:
            self._accept(piece)
        return taken

    def _put_back(self, data: bytes) -> None:
        if data:
            self._piece = data + self._piece[self._start :]
            self._start = 0

    # -- reading it as it comes ------------------------------------------------------------------------

    async def read_chunk(self, size: int = chunk_size) -> bytes:
        """At most ``size`` bytes as they were sent, as soon as there is one; ``b""`` at the end.

        Of base64, whole groups of four characters, so that each chunk can be decoded by itself; more than
        ``size`` bytes where these have no group. Raises `ValueError` for a size below 1."""
        if size < 1:
            raise ValueError(f"read_chunk({size}): ask for one byte at least")
        if not await self._fill():
            return b""
        if self.headers.get(names.CONTENT_TRANSFER_ENCODING, "").lower() == "base64":
            return await self._take_groups(size)
        return self._take(size)

    async def _take_groups(self, size: int) -> bytes:
        while True:
            end = _end_of_groups(self._piece, self._start, self._start + size)
            if end > self._start:
                return self._take(end - self._start)
            if self._start + size < len(self._piece):
                size *= 4
                continue
            # What there is has no group. White space is left out: it would be looked through again and again.
            rest = self._take_piece().translate(None, NOT_BASE64)
            try:
                if not await self._fill():
                    return rest
            finally:
                if not self._at_eof:
                    self._put_back(rest)

    async def readline(self) -> bytes:
        """The next line with its line feed, or what is left before the end; ``b""`` at the end.

        Raises what a malformed body raises for a line of more than 512 KiB. What was looked through
        of that is gone."""
        parts: list[bytes] = []
        size = 0
        try:
            while await self._fill():
                end = self._piece.find(b"\n", self._start) + 1
                parts.append(self._take(end - self._start) if end else self._take_piece())
                size += len(parts[-1])
                if size > LINE:
                    raise self._cursor.make_error(f"a part has a line of more than {LINE} bytes")
                if end:
                    break
        except asyncio.CancelledError:
            self._put_back(b"".join(parts))
            raise
        return b"".join(parts)

    async def release(self) -> None:
        """Read what is left of it, and forget it."""
        while await self._fill():
            self._take_piece()

    # -- the whole of it -------------------------------------------------------------------------------

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        data = await self.next()
        if data is None:
            raise StopAsyncIteration
        return data

    async def next(self) -> bytes | None:
        """All that is left of it; ``None`` where nothing is."""
        return await self.read() or None

    async def read(self, *, decode: bool = False) -> bytes:
        """All that is left of it; ``b""`` where nothing is.

        ``decode``
            undo what its ``Content-Transfer-Encoding`` says and, but in forms, its ``Content-Encoding``.

        Raises ``max_size_error_cls`` beyond ``client_max_size`` bytes, `MultipartError` for an encoding that
        nobody knows or that is not kept to."""
        parts: list[bytes] = []
        size = 0
        try:
            while await self._fill():
                size += len(self._piece) - self._start
                self._check_size(size)
                parts.append(self._take_piece())
        except asyncio.CancelledError:
            self._put_back(b"".join(parts))
            raise
        data = b"".join(parts)
        return await self._decode_whole(data) if decode and data else data

    async def _decode_whole(self, data: bytes) -> bytes:
        pieces: list[bytes] = []
        size = 0
        async for piece in self.decode_iter(data):
            size += len(piece)
            self._check_size(size)
            pieces.append(piece)
        return b"".join(pieces)

    def _check_size(self, size: int) -> None:
        if size > self._client_max_size:
            raise self._max_size_error_cls(self._client_max_size)

    async def text(self, *, encoding: str | None = None) -> str:
        """All of it as text: decoded, by ``encoding``, its charset or UTF-8.

        Raises as `read` does, `LookupError` for a charset that nobody knows, and `UnicodeDecodeError`."""
        return decode_text(await self.read(decode=True), encoding or self.get_charset("utf-8"))

    async def json(self, *, encoding: str | None = None) -> Any:
        """All of it as JSON; ``None`` where it is empty.

        Raises as `text` does, and `json.JSONDecodeError`."""
        text = await self.text(encoding=encoding)
        return json.loads(text) if text else None

    async def form(self, *, encoding: str | None = None) -> list[tuple[str, str]]:
        """All of it as the fields of an urlencoded form. Raises as `text` does."""
        charset = encoding or self.get_charset("utf-8")
        text = await self.text(encoding=charset)
        return parse_qsl(text.rstrip(), keep_blank_values=True, encoding=find_codec(charset))

    # -- decoding --------------------------------------------------------------------------------------

    def decode(self, data: bytes | bytearray) -> bytes:
        """What this piece of its data decodes to; pieces may be given one after the other, as they came.

        Raises as `read` does. Takes as long as it takes: `decode_iter` lets others run meanwhile."""
        pieces: list[bytes] = []
        size = 0
        for piece in self._decode(data):
            size += len(piece)
            self._check_size(size)
            pieces.append(piece)
        return b"".join(pieces)

    async def decode_iter(self, data: bytes | bytearray) -> AsyncIterator[bytes]:
        """The same in pieces, without a bound. What unfolds to more than it was comes 256 KiB at a time, and
        others get their turns in between."""
        for piece in self._decode(data):
            yield piece
            if len(piece) == PIECE:
                await asyncio.sleep(0)

    def _decode(self, data: bytes | bytearray) -> Iterator[bytes]:
        try:
            decoder = self._decoder or self._make_decoder()
            if decoder is None:
                yield bytes(data)
                return
            # Not kept where it does not come to the end of this.
            self._decoder = None
            yield from decoder.feed(bytes(data))
            if self._at_eof and not self._piece:
                yield from decoder.finish()
            else:
                self._decoder = decoder
        except MultipartError as error:
            raise self._cursor.make_error(str(error)) from error

    def _make_decoder(self) -> Decoder | None:
        headers = self.headers
        coding = None if self._is_form_data else headers.get(names.CONTENT_ENCODING)
        return make_decoder(headers.get(names.CONTENT_TRANSFER_ENCODING), coding)


def _end_of_groups(piece: bytes, start: int, end: int) -> int:
    """How far there are whole groups of four characters of base64."""
    chunk = piece[start:end]
    end = start + len(chunk)
    over = len(chunk.translate(None, NOT_BASE64)) % 4
    while over:
        end -= 1
        over -= piece[end] in ALPHABET
    return end
