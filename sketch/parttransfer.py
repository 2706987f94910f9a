"""How the content of a part is written where the part says that it is encoded: compressed, or as text.

Bytes go in, in any pieces, and bytes come out; who wants them is not known here.
"""

import asyncio
import binascii
import zlib
from typing import Any, Final, Protocol

from .http.exchange import Bytes
from .payloadbase import Writer

CONTENT_CODINGS: Final = {"gzip": 16 + zlib.MAX_WBITS, "deflate": -zlib.MAX_WBITS}
"""The content codings of parts, and how zlib knows them. ``deflate`` is bare, as aiohttp reads it."""

_IN_THREAD: Final = 2**16
"""Bytes from which on a piece is compressed in a thread: about 2 milliseconds of work."""

_LINE_LIMIT: Final = 2**16
"""Bytes of a line that are held back for its end (quoted-printable)."""


class TransferEncoder(Protocol):
    """Content that becomes text on its way (RFC 2045, section 6)."""

    def encode(self, data: bytes) -> bytes:
        """What can be said of these bytes, and of what was held back."""

    def finish(self) -> bytes:
        """What was held back."""


class Base64Encoder:
    """Base64 (RFC 2045, section 6.8), in one line: HTTP has no limit for lines."""

    def __init__(self) -> None:
        self._rest = b""

    def encode(self, data: bytes) -> bytes:
        """Three bytes become four; what is left waits for more."""
        data = self._rest + data
        end = len(data) - len(data) % 3
        self._rest = data[end:]
        return binascii.b2a_base64(memoryview(data)[:end], newline=False)

    def finish(self) -> bytes:
        """The last one or two bytes, padded."""
        return binascii.b2a_base64(self._rest, newline=False)


class QuotedPrintableEncoder:
    """Quoted-printable (RFC 2045, section 6.7). Line ends stay what they are, CRLF or LF."""

    def __init__(self) -> None:
        self._rest = b""

    def encode(self, data: bytes) -> bytes:
        """Whole lines; what is left waits for the end of its line, unless that is far away."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        text = b"".join([_encode_line(line, ends=True) for line in lines])
        if len(self._rest) > _LINE_LIMIT:
            # Not after what may be the first half of a line end.
            end = len(self._rest) - 1
            text += _encode_line(self._rest[:end], ends=False) + b"=\r\n"
            self._rest = self._rest[end:]
        return text

    def finish(self) -> bytes:
        """The last line, which has no end."""
        return _encode_line(self._rest, ends=False)


def _encode_line(line: bytes, *, ends: bool) -> bytes:
    # A carriage return of its own is no line end, and breaks at least one reader. Soft line breaks are CRLF.
    ending = b""
    if ends:
        line, ending = (line[:-1], b"\r\n") if line.endswith(b"\r") else (line, b"\n")
    return binascii.b2a_qp(line, istext=False).replace(b"=\n", b"=\r\n") + ending


TRANSFER_ENCODINGS: Final[dict[str, type[Base64Encoder] | type[QuotedPrintableEncoder]]] = {
    "base64": Base64Encoder,
    "quoted-printable": QuotedPrintableEncoder,
}
"""The transfer encodings that change something, by name."""


class PartWriter:
    """A writer that encodes what is written, for another writer: first the content coding, then the transfer
    encoding, each where there is one."""

    def __init__(self, writer: Writer, coding: str | None, encoding: str | None) -> None:
        self._writer = writer
        self._compressor: Any = None if coding is None else zlib.compressobj(wbits=CONTENT_CODINGS[coding])
        self._encoder: TransferEncoder | None = None if encoding is None else TRANSFER_ENCODINGS[encoding]()

    async def write(self, chunk: Bytes, /) -> None:
        """Encode a piece. Cancelled while it is compressed in a thread, nothing more can be written."""
        data: bytes = bytes(chunk)
        if self._compressor is not None:
            if len(data) < _IN_THREAD:
                data = self._compressor.compress(data)
            else:
                loop = asyncio.get_running_loop()
                data = await loop.run_in_executor(None, self._compressor.compress, data)
        await self._pass_on(data)

    async def _pass_on(self, data: bytes) -> None:
        if self._encoder is not None:
            data = self._encoder.encode(data)
        if data:
            await self._writer.write(data)

    async def write_eof(self, chunk: Bytes = b"") -> None:
        """Encode a last piece, if any, and what was held back."""
        if chunk:
            await self.write(chunk)
        if self._compressor is not None:
            await self._pass_on(self._compressor.flush())
        if self._encoder is not None and (data := self._encoder.finish()):
            await self._writer.write(data)

    async def drain(self) -> None:
        """Does nothing: `write` has waited."""
