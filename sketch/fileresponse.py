"""Responses whose bodies are files.

What is sent of a file, and how it is described, is decided here. How it is opened, `sketch.files` knows; how
its bytes reach the client, the exchange.
"""

import asyncio
import os
from collections.abc import Iterator
from functools import partial
from time import time
from typing import TYPE_CHECKING, Final

from .encoding import vary_by_encoding
from .files import OpenFile, open_file
from .http import names
from .http.conditional import ETag, Verdict, evaluate
from .http.dates import format_date
from .http.deferred import deferred
from .http.errors import LocalProtocolError
from .http.exchange import Exchange, read_at
from .http.ranges import (
    ByteRange,
    Multipart,
    RangeNotSatisfiable,
    format_content_range,
    format_unsatisfied,
    parse_range,
    select,
)
from .request import BaseRequest
from .responsehead import LooseHeaders
from .streamresponse import StreamResponse

if TYPE_CHECKING:
    from . import filetypes
else:
    filetypes = deferred(".filetypes", __package__)

CHUNK_SIZE: Final = 256 * 1024

_SECOND: Final = 10**9
"""Nanoseconds."""


class FileResponse(StreamResponse):
    """A file, or the parts of it that the client asks for (aiohttp documentation, ``FileResponse``).

    Answers conditional requests (RFC 9110, section 13) and requests for one range or several (section 14),
    and sends a neighbour, ``name.br``, ``name.zst`` or ``name.gz``, to clients that take the coding. A file
    that is not there is answered with 404; what may not be read, and what is no regular file, with 403.

    ``chunk_size``
        bytes that are read at a time where the system cannot send the file by itself and it is encoded on
        the way.

    Raises `TypeError` for a path that is none, and as `StreamResponse` does.
    """

    _file: OpenFile | None = None
    _length: int | None = None
    _parts: Multipart | None = None

    def __init__(
        self,
        path: "str | os.PathLike[str]",
        chunk_size: int = CHUNK_SIZE,
        status: int = 200,
        reason: str | None = None,
        headers: LooseHeaders | None = None,
    ) -> None:
        super().__init__(status=status, reason=reason, headers=headers)
        self._path = os.fspath(path)
        if not isinstance(self._path, str):
            raise TypeError(f"path must be a str or a path of str, and is {path!r}")
        self._chunk_size = chunk_size

    async def prepare(self, request: BaseRequest) -> None:  # type: ignore[override]
        """Open the file, settle the head, run ``on_response_prepare``, and send all of it. A second call does
        nothing.

        Raises as `StreamResponse.prepare` does; `RuntimeError` for a file that shrinks while it is sent, and
        `OSError` for one that the system fails to open or to read. Cancelled, or after any of these, the file
        is closed, and an answer that has begun is cut off."""
        if self._exchange is not None:
            self._check_same(request)
            return
        self._exchange = exchange = request.exchange
        try:
            file = self._file or await self._open(request)
            if file is None:
                await self._send(request, None, [])
                return
            try:
                await self._send(request, file, self._judge(request, file))
            finally:
                file.close()
        except BaseException:
            if not exchange.response_started:
                self._exchange = None
            raise

    async def _open(self, request: BaseRequest) -> OpenFile | None:
        """The file; ``None`` after setting the status where there is none to send."""
        call = partial(
            open_file,
            self._path,
            self._read_accepted(request),
            reads=request.exchange.head.method != names.METH_HEAD,
        )
        try:
            return await asyncio.get_running_loop().run_in_executor(None, call)
        except FileNotFoundError:
            self._refuse(404)
        except (PermissionError, IsADirectoryError):
            self._refuse(403)
        return None

    def _read_accepted(self, request: BaseRequest) -> str | None:
        if self._has_field(names.CONTENT_ENCODING):
            return None  # The program says what it is in.
        return accepted_encodings(request)

    def _refuse(self, status: int) -> None:
        self._set_status(status, None)
        self._length = 0

    # -- what is sent ----------------------------------------------------------------------------------

    def _judge(self, request: BaseRequest, file: OpenFile) -> list[ByteRange]:
        """What is sent of the file, after setting the head; nothing, where the answer is another one."""
        etag = _make_etag(file)
        modified = -(-file.modified // _SECOND)
        now = time()
        verdict = Verdict.PROCEED
        if 200 <= self._status < 300:
            verdict = evaluate(request.method, request.headers, etag=etag, last_modified=modified, now=now)
        if verdict is Verdict.FAILED:
            self._refuse(412)
            return []
        self._describe(file, etag, min(modified, int(now)))
        if verdict is Verdict.NOT_MODIFIED:
            self._refuse(304)
            return []
        whole = [ByteRange(0, file.size)]
        if request.method != names.METH_GET or self._status != 200 or verdict is Verdict.PROCEED_WHOLE:
            ranges = None
        else:
            try:
                ranges = self._select(request, file)
            except RangeNotSatisfiable:
                return self._refuse_ranges(file)
        self._set_body(file, ranges or whole, is_partial=bool(ranges))
        return ranges or whole

    def _select(self, request: BaseRequest, file: OpenFile) -> list[ByteRange] | None:
        values = request.headers.getall(names.RANGE, ())
        specs = parse_range(",".join(values)) if values else None
        return None if specs is None else select(specs, file.size)

    def _refuse_ranges(self, file: OpenFile) -> list[ByteRange]:
        """416, which describes nothing but the size."""
        for name in (names.ETAG, names.LAST_MODIFIED, names.CONTENT_ENCODING):
            self.headers.pop(name, None)
        self.headers[names.CONTENT_RANGE] = format_unsatisfied(file.size)
        self._refuse(416)
        return []

    def _describe(self, file: OpenFile, etag: ETag, modified: int) -> None:
        """What holds for 304, too (RFC 9110, section 15.4.5)."""
        headers = self.headers
        self.etag = etag
        headers[names.LAST_MODIFIED] = format_date(modified)
        if file.has_neighbours:
            vary_by_encoding(headers)

    def _set_body(self, file: OpenFile, ranges: list[ByteRange], *, is_partial: bool) -> None:
        headers = self.headers
        if names.CONTENT_TYPE not in headers:
            headers[names.CONTENT_TYPE] = filetypes.find_content_type(self._path)
        if file.coding is not None:
            headers[names.CONTENT_ENCODING] = file.coding
        headers.pop(names.CONTENT_LENGTH, None)
        headers[names.ACCEPT_RANGES] = "bytes"
        self._length = sum(item.size for item in ranges)
        if not is_partial:
            return
        self._set_status(206, None)
        if len(ranges) == 1:
            headers[names.CONTENT_RANGE] = format_content_range(ranges[0], file.size)
            return
        self._parts = parts = Multipart(
            ranges, file.size, boundary=os.urandom(16).hex(), content_type=headers[names.CONTENT_TYPE]
        )
        headers[names.CONTENT_TYPE] = parts.content_type
        self._length = parts.length

    def _declared_length(self) -> int | None:
        if self._length is None:
            return super()._declared_length()
        return None if self._chunked or self._coding is not None else self._length

    # -- sending it ------------------------------------------------------------------------------------

    async def _send(self, request: BaseRequest, file: OpenFile | None, ranges: list[ByteRange]) -> None:
        head = await self._settle_head(request)
        exchange = request.exchange
        request.begun_response = self
        if exchange.head.method == names.METH_HEAD:
            # Not `respond`, which takes an empty body for one that nobody wants to know the length of.
            exchange.start(head, self.content_length)
            await exchange.finish()
        elif file is None or not ranges:
            exchange.respond(head)
        elif self._body_encoder is not None:
            exchange.start(head)
            await self._send_encoded(file)
        elif file.content is not None and not self._chunked:
            exchange.respond(head, b"".join(self._cut(file.content, ranges)))
        else:
            exchange.start(head, self.content_length)
            await self._send_parts(exchange, file, ranges)
            await exchange.finish()

    async def _send_encoded(self, file: OpenFile) -> None:
        """The whole file, through the encoder of the response: a part of it is not encoded."""
        loop = asyncio.get_running_loop()
        offset = 0
        while offset < file.size:
            count = min(self._chunk_size, file.size - offset)
            if file.content is None:
                piece = await loop.run_in_executor(None, read_at, file.descriptor, count, offset)
            else:
                piece = file.content[offset : offset + count]
            if not piece:
                raise RuntimeError(f"{self._path} cannot be sent to its end: it ends at byte {offset}")
            await self.write(piece)
            offset += len(piece)
        await self.write_eof()

    def _cut(self, content: bytes, ranges: list[ByteRange]) -> Iterator[bytes]:
        parts = self._parts
        if parts is None:
            start, stop = ranges[0]
            yield content[start:stop]
            return
        for before, item in parts.parts():
            yield before
            yield content[item.start : item.stop]
        yield parts.end

    async def _send_parts(self, exchange: Exchange, file: OpenFile, ranges: list[ByteRange]) -> None:
        parts = self._parts
        if file.content is not None:
            for piece in self._cut(file.content, ranges):
                await exchange.send(piece)
        elif parts is None:
            await self._send_range(exchange, file, ranges[0])
        else:
            for before, item in parts.parts():
                await exchange.send(before)
                await self._send_range(exchange, file, item)
            await exchange.send(parts.end)

    async def _send_range(self, exchange: Exchange, file: OpenFile, item: ByteRange) -> None:
        try:
            await exchange.send_file(file.descriptor, item.start, item.size)
        except LocalProtocolError as error:
            raise RuntimeError(f"{self._path} cannot be sent to its end: {error}") from error


def respond_with(file: OpenFile, chunk_size: int = CHUNK_SIZE) -> FileResponse:
    """The response for a file that is open already, and is closed with it."""
    response = FileResponse(file.path, chunk_size)
    response._file = file
    return response


def accepted_encodings(request: BaseRequest) -> str | None:
    """The value of ``Accept-Encoding``, for `open_file`."""
    values = request.headers.getall(names.ACCEPT_ENCODING, None)
    return None if values is None else ",".join(values)


def _make_etag(file: OpenFile) -> ETag:
    """A strong tag: the name of the coding sets apart what is as old and as large, as copies that keep the
    time may be."""
    coding = "" if file.coding is None else f"-{file.coding}"
    return ETag(f"{file.modified:x}-{file.size:x}{coding}")
