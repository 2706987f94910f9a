"""What a payload is: a value with its header fields, which can write itself somewhere.

A payload does not know what it is the body of, a response or a part of a multipart body, nor how either is
framed: it is given a writer. What kinds there are, and which is made of what, `payload` knows.
"""

import mimetypes
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from typing import Any, Final, Protocol

from multidict import CIMultiDict

from .http import names
from .http.disposition import content_disposition_header
from .http.exchange import Bytes
from .http.mediatype import DEFAULT_CONTENT_TYPE, parse_content_type
from .responsehead import LooseHeaders

_UNSET: Final[Any] = object()

# From Python 3.13 on `guess_type` is for URLs.
_guess_type = getattr(mimetypes, "guess_file_type", mimetypes.guess_type)


class Writer(Protocol):
    """What a payload is written to (aiohttp ``abc.AbstractStreamWriter``, as far as payloads use it)."""

    async def write(self, chunk: Bytes, /) -> None:
        """Take a piece, and wait while there is no room for more."""


class AnyPayload(Protocol):
    """What passes for a payload wherever one is accepted: ours, aiohttp's, and whatever else can write
    itself. ``size`` is in bytes, ``None`` when it is not known beforehand."""

    @property
    def headers(self) -> CIMultiDict[str]:
        """The header fields that belong to the value."""

    @property
    def size(self) -> int | None:
        """Bytes that will be written, where that is known."""

    async def write(self, writer: Any, /) -> None:
        """Write all of it."""


def is_payload(value: object) -> bool:
    """Whether a value can be used as a payload, whoever made its class."""
    if isinstance(value, Payload):
        return True
    # The fields come first, because hardly anything else has them; `size` may look at a disk.
    has_head = hasattr(value, "headers") and callable(getattr(value, "write", None))
    return has_head and hasattr(value, "size")


def text_type(content_type: str | None, encoding: str | None) -> tuple[str, str]:
    """The ``Content-Type`` and the charset of a text, each by the other one where it is not given."""
    if encoding is None:
        parameters = {} if content_type is None else parse_content_type(content_type)[1]
        encoding = parameters.get("charset", "utf-8")
    return f"text/plain; charset={encoding}" if content_type is None else content_type, encoding


class Payload(ABC):
    """A value that can be written as a body (aiohttp documentation, ``aiohttp.payload``).

    ``headers``
        fields of its own; ``Content-Type`` among them goes before all else.
    ``content_type``
        its media type; without it that of the file's name, and ``application/octet-stream`` where there is
        none.
    ``filename``
        a name for it, without folders.
    ``encoding``
        the charset of a text.

    Other keywords are passed over: a program may give the same ones to whatever the registry finds.
    """

    _default_content_type: str = DEFAULT_CONTENT_TYPE
    _size: int | None = None
    _consumed: bool = False
    _autoclose: bool = False

    def __init__(
        self,
        value: Any,
        headers: LooseHeaders | None = None,
        content_type: str | None = _UNSET,
        filename: str | None = None,
        encoding: str | None = None,
        **kwargs: Any,
    ) -> None:
        self._value = value
        self._filename = filename
        self._encoding = encoding
        self._headers: CIMultiDict[str] = CIMultiDict()
        if content_type is _UNSET or content_type is None:
            guessed = None if filename is None else _guess_type(filename)[0]
            content_type = guessed or self._default_content_type
        self._headers[names.CONTENT_TYPE] = content_type
        if headers:
            self._headers.update(headers)

    # -- what is known of it ---------------------------------------------------------------------------

    @property
    def size(self) -> int | None:
        """Bytes that `write` will write; ``None`` when that is not known beforehand."""
        return self._size

    @property
    def filename(self) -> str | None:
        """A name for it, without folders."""
        return self._filename

    @property
    def headers(self) -> CIMultiDict[str]:
        """The header fields that belong to it, to read and to change."""
        return self._headers

    @property
    def encoding(self) -> str | None:
        """The charset, where it is a text."""
        return self._encoding

    @property
    def content_type(self) -> str:
        """The value of its ``Content-Type``, with parameters."""
        return self._headers[names.CONTENT_TYPE]

    @property
    def consumed(self) -> bool:
        """Whether it was written or closed, so that it cannot be written once more."""
        return self._consumed

    @property
    def autoclose(self) -> bool:
        """Whether it holds nothing that has to be closed, such as a file."""
        return self._autoclose

    def set_content_disposition(
        self, disptype: str, quote_fields: bool = True, _charset: str = "utf-8", **params: str
    ) -> None:
        """Set ``Content-Disposition`` (RFC 2183; RFC 7578, section 4.2).

        ``quote_fields``
            whether what is not ASCII is percent-encoded; otherwise it is sent as it is.

        Raises `ValueError` for what is no token, and for what no quoting makes fit for a field."""
        value = content_disposition_header(disptype, quote_fields, params, charset=_charset)
        self._headers[names.CONTENT_DISPOSITION] = value

    # -- what can be done with it ----------------------------------------------------------------------

    @abstractmethod
    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The value as text. Blocks where it has to be read from a file.

        Raises `TypeError` where it can only be written."""

    @abstractmethod
    async def write(self, writer: Writer) -> None:
        """Write all of it. Raises what the writer and the source of the value raise. Cancelled, a part of it
        is written."""

    async def write_with_length(self, writer: Writer, content_length: int | None) -> None:
        """Write its first ``content_length`` bytes; all of it for ``None``. A class that does not say how
        writes all of it in any case."""
        await self.write(writer)

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """The value as bytes; ``encoding`` is for a text that says none."""
        actual = self._encoding or encoding
        return self.decode(actual, errors).encode(actual)

    def _close(self) -> None:
        """Let go of what is held, without waiting. For subclasses; `close` calls it."""
        return

    async def close(self) -> None:
        """Let go of what is held: a file, a generator. A second call does nothing."""
        self._close()


async def let_go(payload: Any) -> None:
    """Close a payload, as far as it can be closed."""
    close = getattr(payload, "close", None)
    closing = None if close is None else close()
    if isinstance(closing, Awaitable):
        await closing
