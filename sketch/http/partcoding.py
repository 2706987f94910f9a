"""How the data of a part is encoded: transfer encodings of MIME (RFC 2045, section 6), and content codings.

Decoders are fed what arrives, cut anywhere, and give back pieces of bounded size, one at a time: what is
asked for is all that is ever unfolded. Where the data comes from is not known here.
"""

import binascii
import re
from collections.abc import Iterator
from typing import Final, Protocol

from . import codecs, decoders
from .errors import RemoteProtocolError
from .multipart import MultipartError

PIECE: Final = 2**18
"""Bytes of unfolded data that a decoder gives at a time."""

ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
NOT_BASE64: Final = bytes(set(range(256)).difference(ALPHABET))
"""What base64 passes over (RFC 2045, section 6.8)."""

_escape_bare = re.compile(rb"=(?![0-9A-Fa-f]{2}|\r?\n)").sub


class Decoder(Protocol):
    """One coding of one part."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What the next piece of data decodes to. Raises `MultipartError` for what is not encoded so."""

    def finish(self) -> Iterator[bytes]:
        """The data has ended; what is left. Raises `MultipartError` where something is missing."""


class Base64:
    """RFC 2045, section 6.8. Characters outside of the alphabet are passed over."""

    __slots__ = ("_carry", "_is_padded")

    def __init__(self) -> None:
        self._carry = b""
        # Padding ends the data; what follows it means nothing.
        self._is_padded = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """As `Decoder.feed`."""
        if self._is_padded:
            return
        data = self._carry + data.translate(None, NOT_BASE64)
        end = len(data) // 4 * 4
        padding = data.find(b"=")
        if 0 <= padding < end:
            self._is_padded = True
            end = padding // 4 * 4 + 4
        self._carry = b"" if self._is_padded else data[end:]
        if end:
            try:
                yield binascii.a2b_base64(data[:end])
            except binascii.Error as error:
                raise MultipartError(f"the data of a part is not base64: {error}") from error

    def finish(self) -> Iterator[bytes]:
        """As `Decoder.finish`."""
        if self._carry:
            raise MultipartError("the data of a part is not base64: it ends within four characters")
        return iter(())


class QuotedPrintable:
    """RFC 2045, section 6.7. An ``=`` that encodes nothing is left as it is."""

    __slots__ = ("_carry",)

    def __init__(self) -> None:
        self._carry = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """As `Decoder.feed`."""
        data = self._carry + data
        # What an "=" means is in the two characters after it.
        cut = data.find(b"=", max(0, len(data) - 2))
        self._carry = b"" if cut < 0 else data[cut:]
        yield from self._decode(data if cut < 0 else data[:cut])

    def finish(self) -> Iterator[bytes]:
        """As `Decoder.finish`."""
        # The beginning of a line break that nothing follows.
        yield from self._decode(self._carry.removesuffix(b"\r").removesuffix(b"="))

    def _decode(self, data: bytes) -> Iterator[bytes]:
        if data:
            yield binascii.a2b_qp(_escape_bare(b"=3D", data))


class Coded:
    """A content coding (RFC 9110, section 8.4.1), as bodies have them (`decoders`)."""

    __slots__ = ("_coding", "_decoder")

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._decoder = decoders.make_decoder([coding])

    def feed(self, data: bytes) -> Iterator[bytes]:
        """As `Decoder.feed`."""
        try:
            yield self._decoder.decode(data, PIECE)
            while not self._decoder.needs_input:
                yield self._decoder.decode(b"", PIECE)
        except RemoteProtocolError as error:
            raise MultipartError(f"the data of a part is not {self._coding}: {error}") from error

    def finish(self) -> Iterator[bytes]:
        """As `Decoder.finish`."""
        try:
            self._decoder.finish()
        except RemoteProtocolError as error:
            raise MultipartError(
                f"the data of a part ends in the middle of what is {self._coding}: {error}"
            ) from error
        return iter(())


class _Chain:
    """What was encoded twice: a content coding inside of a transfer encoding."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, outer: Decoder, inner: Decoder) -> None:
        self._outer = outer
        self._inner = inner

    def feed(self, data: bytes) -> Iterator[bytes]:
        for piece in self._outer.feed(data):
            yield from self._inner.feed(piece)

    def finish(self) -> Iterator[bytes]:
        for piece in self._outer.finish():
            yield from self._inner.feed(piece)
        yield from self._inner.finish()


def make_decoder(transfer_encoding: str | None, content_coding: str | None = None) -> Decoder | None:
    """A decoder for what a part's ``Content-Transfer-Encoding`` and ``Content-Encoding`` say; ``None`` where
    its data is as it is.

    Raises `MultipartError` for what nobody here knows."""
    outer = _find_transfer_decoder((transfer_encoding or "").strip().lower())
    inner = _find_content_decoder((content_coding or "").strip().lower())
    if outer is None or inner is None:
        return outer or inner
    return _Chain(outer, inner)


def _find_transfer_decoder(encoding: str) -> Decoder | None:
    if encoding in ("", "7bit", "8bit", "binary"):
        return None
    if encoding == "base64":
        return Base64()
    if encoding == "quoted-printable":
        return QuotedPrintable()
    raise MultipartError(f"unknown content transfer encoding: {encoding[:40]!r}")


def _find_content_decoder(coding: str) -> Decoder | None:
    coding = coding.removeprefix("x-")
    if coding in ("", "identity"):
        return None
    if coding in codecs.AVAILABLE:
        return Coded(coding)
    raise MultipartError(f"unknown content encoding: {coding[:40]!r}")
