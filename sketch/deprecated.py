"""Names of requests and responses that aiohttp has deprecated: each works, and warns the line that uses it.

Knows what they mean and what is to be written instead. Refuses to add to them: who writes something new does
not find it here.
"""

import asyncio
import warnings
from typing import Any, Final, NamedTuple

from multidict import CIMultiDictProxy
from yarl import URL

from .http import names
from .http.exchange import Exchange
from .http.heads import HttpVersion, RequestHead

_CODINGS: Final = frozenset({"gzip", "deflate", "br", "zstd"})


def warn_deprecated(message: str, *, above: int = 1) -> None:
    """Warn at the line that uses a deprecated name.

    ``above``
        how many functions stand between that line and the caller of this one.
    """
    warnings.warn(message, DeprecationWarning, stacklevel=2 + above)


class RawRequestMessage(NamedTuple):
    """The head of a request (aiohttp's ``RawRequestMessage``).

    ``path``
        the request target as sent.
    ``should_close``
        whether the client sends nothing more on this connection.
    ``compression``
        the content coding of the body, where it is one of those that are decoded.
    ``upgrade``
        whether the client offers to switch protocols.
    ``chunked``
        whether the body is.
    """

    method: str
    path: str
    version: HttpVersion
    headers: CIMultiDictProxy[str]
    raw_headers: tuple[tuple[bytes, bytes], ...]
    should_close: bool
    compression: str | None
    upgrade: bool
    chunked: bool
    url: URL


class DeprecatedRequestNames:
    """What requests have for programs that were written long ago."""

    head: RequestHead
    headers: Any
    raw_headers: Any
    rel_url: Any
    can_read_body: Any

    @property
    def message(self) -> RawRequestMessage:
        """Deprecated: the head; use ``method``, ``headers`` and so on of the request."""
        warn_deprecated("Request.message is deprecated: what it holds are attributes of the request")
        head = self.head
        coding = self.headers.get(names.CONTENT_ENCODING, "").lower()
        return RawRequestMessage(
            head.method,
            head.target,
            head.version,
            self.headers,
            self.raw_headers,
            not head.framing.keep_alive,
            coding if coding in _CODINGS else None,
            bool(head.framing.upgrade),
            head.framing.is_chunked,
            self.rel_url,
        )

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Deprecated: the event loop; use `asyncio.get_running_loop`."""
        warn_deprecated("request.loop is deprecated: use asyncio.get_running_loop()")
        return asyncio.get_running_loop()

    @property
    def has_body(self) -> bool:
        """Deprecated: use ``can_read_body``."""
        warn_deprecated("request.has_body is deprecated: use can_read_body")
        return bool(self.can_read_body)


class DeprecatedResponseNames:
    """What responses have for programs that were written long ago."""

    _exchange: Exchange | None = None

    @property
    def output_length(self) -> int:
        """Deprecated: use ``body_length``.

        Raises `RuntimeError` before ``prepare``."""
        warn_deprecated("output_length is deprecated: use body_length")
        if self._exchange is None:
            raise RuntimeError("output_length is not known before prepare()")
        return self._exchange.bytes_sent

    async def drain(self) -> None:
        """Deprecated: ``write`` waits by itself while the client is too slow.

        Raises `RuntimeError` before ``prepare``."""
        warn_deprecated("drain() is deprecated: await response.write(...) waits by itself")
        if self._exchange is None:
            raise RuntimeError("Response has not been started")
        await asyncio.sleep(0)
