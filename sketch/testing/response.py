"""An answer as a test sees it: the names of aiohttp client's ``ClientResponse``."""

import json
from collections.abc import Callable
from functools import cached_property
from http.cookies import SimpleCookie
from typing import Any, Protocol

from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from ..http import names
from ..http.headers import decode_fields
from ..http.heads import HttpVersion
from ..http.mediatype import parse_content_type
from ..streams import StreamReader
from .answers import AnswerHead
from .errors import ClientResponseError, ContentTypeError
from .incoming import Incoming
from .jar import parse_set_cookies

_OCTET_STREAM = "application/octet-stream"
_ANY_LENGTH = 2**62


class Line(Protocol):
    """What a response needs of its connection."""

    def close(self) -> None:
        """Close it."""


class ClientResponse:
    """An answer. Its head is there; its body may be on its way.

    ``method``, ``url``
        what was asked for.
    ``content``
        the body as a stream.
    ``history``
        the redirects that led here.
    ``connection``
        what it came on.
    """

    def __init__(self, method: str, url: URL, head: AnswerHead, incoming: Incoming, connection: Any) -> None:
        self.method = method
        self.url = url
        self.connection = connection
        self.history: tuple[ClientResponse, ...] = ()
        self.content = StreamReader(incoming, _ANY_LENGTH)
        self._head = head
        self._incoming = incoming
        self._body: bytes | None = None
        self._is_released = False

    # -- the head ----------------------------------------------------------------------------------------

    @property
    def status(self) -> int:
        """The status code."""
        return self._head.status

    @property
    def reason(self) -> str:
        """The phrase beside it."""
        return self._head.reason

    @property
    def version(self) -> HttpVersion:
        """The version of HTTP that it came in."""
        return self._head.version

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status < 400

    @cached_property
    def headers(self) -> CIMultiDictProxy[str]:
        """The fields, by name in any case."""
        return CIMultiDictProxy(decode_fields(self._head.fields))

    @property
    def raw_headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """The fields as they came."""
        return self._head.fields

    @cached_property
    def cookies(self) -> "SimpleCookie":
        """The cookies that it sets."""
        return parse_set_cookies(self.headers.getall(names.SET_COOKIE, []))

    @property
    def content_type(self) -> str:
        """The media type of the body, without its parameters."""
        return parse_content_type(self.headers.get(names.CONTENT_TYPE, _OCTET_STREAM))[0]

    @property
    def charset(self) -> str | None:
        """The charset of the body, where it is given."""
        return parse_content_type(self.headers.get(names.CONTENT_TYPE, ""))[1].get("charset")

    @property
    def content_length(self) -> int | None:
        """The length of the body as it was declared, in bytes."""
        value = self.headers.get(names.CONTENT_LENGTH)
        return None if value is None else int(value)

    @property
    def real_url(self) -> URL:
        """As `url`."""
        return self.url

    @property
    def host(self) -> str:
        """The host that was asked."""
        return self.url.host or ""

    @property
    def interim(self) -> list[tuple[int, CIMultiDict[str]]]:
        """The status and the fields of the interim answers that came before, 100 and 103 for example."""
        return [(head.status, decode_fields(head.fields)) for head in self._incoming.interim]

    @property
    def trailers(self) -> CIMultiDictProxy[str]:
        """The fields that came after the body (RFC 9110, section 6.5); none before it is complete."""
        return CIMultiDictProxy(decode_fields(self._incoming.trailers))

    # -- the body ----------------------------------------------------------------------------------------

    async def read(self) -> bytes:
        """The whole body; a second call returns the same bytes. Raises `ClientPayloadError` where it breaks
        off, `ConnectionCut` where it was told to. Cancelled, it loses nothing."""
        if self._body is None:
            self._body = await self.content.read()
        return self._body

    async def text(self, encoding: str | None = None, errors: str = "strict") -> str:
        """The whole body as text, by the given encoding, its charset, or UTF-8. Raises as `read` does, and
        `UnicodeDecodeError`."""
        return (await self.read()).decode(encoding or self.charset or "utf-8", errors)

    async def json(
        self,
        *,
        encoding: str | None = None,
        loads: Callable[[str], Any] = json.loads,
        content_type: str | None = "application/json",
    ) -> Any:
        """The whole body as JSON; ``None`` for an empty one. Raises as `text` does, what ``loads`` raises,
        and `ContentTypeError` for another type than ``content_type`` (``None`` takes any)."""
        text = await self.text(encoding)
        if content_type is not None and not self._is_json(content_type):
            message = f"a body of the type {self.content_type!r} is not read as JSON"
            raise ContentTypeError(self.status, message, headers=self.headers, url=self.url)
        return loads(text) if text.strip() else None

    def _is_json(self, wanted: str) -> bool:
        own = self.content_type
        if wanted != "application/json":
            return wanted in own
        return own == wanted or (own.startswith("application/") and own.endswith("+json"))

    # -- the end -----------------------------------------------------------------------------------------

    def raise_for_status(self) -> None:
        """Raises `ClientResponseError` for a status of 400 or more."""
        if not self.ok:
            self.release()
            raise ClientResponseError(self.status, self.reason, headers=self.headers, url=self.url)

    @property
    def closed(self) -> bool:
        """Whether nothing more will come: the body is complete, or it was released."""
        return self._is_released or self._incoming.body_complete

    def release(self) -> None:
        """Need no more of it: where the body is not complete, that closes the connection."""
        if not self.closed:
            self.connection.close()
        self._is_released = True

    def close(self) -> None:
        """As `release`, and close the connection in any case."""
        self._is_released = True
        self.connection.close()

    async def __aenter__(self) -> "ClientResponse":
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.release()

    def __repr__(self) -> str:
        return f"<ClientResponse({self.url}) [{self.status} {self.reason}]>"
