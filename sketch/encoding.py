"""A response's body in a content coding: whether it gets one, which one, and what that changes in its head.

`Encodable` is the part of every response that knows this. How bytes are encoded `http.encoders` knows;
whether a whole application does it `compression` decides."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from enum import Enum
from typing import Any, Final, Protocol
from warnings import warn

from multidict import CIMultiDict, CIMultiDictProxy

from .http import names
from .http.coding import IDENTITY, ContentCoding, negotiate
from .http.deferred import deferred
from .http.exchange import Bytes, Exchange
from .http.headers import split_list
from .http.status import allows_body

codecs: Any = deferred(".http.codecs", __package__)
encoders: Any = deferred(".http.encoders", __package__)

AT_ONCE: Final = 4096
"""Bytes that are encoded in the event loop; more is work for a thread (aiohttp documentation,
``zlib_executor_size``)."""

# A digest was made of the content as it is (RFC 9530; RFC 1864).
_DIGESTS: Final = (names.CONTENT_DIGEST, names.REPR_DIGEST, names.DIGEST, names.CONTENT_MD5)


class Policy:
    """When a response is compressed, and how; not changed once it is made.

    ``codings``
        what may be negotiated, the preferred ones first; ``None`` for all that are there.
    ``force``
        the coding that is used whatever the client accepts.
    ``levels`` ``strategy``
        as `http.encoders.make_encoder` takes them.
    ``minimum_size``
        bytes that a body of known length has at least.
    ``covers_type``
        which values of ``Content-Type``; ``None`` for any, and for none.
    """

    __slots__ = ("codings", "covers_type", "force", "levels", "minimum_size", "strategy")

    def __init__(
        self,
        *,
        codings: tuple[str, ...] | None = None,
        force: str | None = None,
        levels: Mapping[str, int] | None = None,
        strategy: int | None = None,
        minimum_size: int = 0,
        covers_type: Callable[[str], bool] | None = None,
    ) -> None:
        self.codings = codings
        self.force = force
        self.levels = levels or {}
        self.strategy = strategy
        self.minimum_size = minimum_size
        self.covers_type = covers_type

    def covers(self, content_type: str | None, content_length: int | None) -> bool:
        """Whether it is for content of this type and length, as far as they are known."""
        if content_length is not None and content_length < self.minimum_size:
            return False
        return self.covers_type is None or (content_type is not None and self.covers_type(content_type))

    def negotiate(self, fields: CIMultiDictProxy[str]) -> str | None:
        """The coding for a request with these fields; ``None`` for none."""
        lines = fields.getall(names.ACCEPT_ENCODING, None)
        accepted = None if lines is None else ", ".join(lines)
        coding = negotiate(accepted, codecs.AVAILABLE if self.codings is None else self.codings)
        return None if coding == IDENTITY else coding

    def make_encoder(self, coding: str) -> Any:
        """An encoder for one body."""
        return encoders.make_encoder(coding, self.levels.get(coding), self.strategy)


NEGOTIATED: Final = Policy()


class CompressedRequest(Protocol):
    """What is needed of the request that is answered."""

    exchange: Exchange
    response_compression: Policy | None

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """The header fields."""


class BodyEncoder:
    """The body of one response that streams: encoded piece by piece, in order, whoever writes.

    Every piece is flushed, because nobody knows when the next one comes: what was written can be read."""

    __slots__ = ("_encoder", "_is_finished", "_lock", "_ready", "_waiting", "_working")

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder
        self._lock = asyncio.Lock()
        # Pieces in their order, and what is to be done with each. A write that is cancelled leaves its own to
        # the next one.
        self._waiting: deque[tuple[bytes, Callable[[bytes], bytes]]] = deque()
        # What a thread is at, or has done, and what came of it.
        self._working: asyncio.Future[bytes] | None = None
        self._ready = b""
        self._is_finished = False

    async def send(self, exchange: Exchange, data: Bytes) -> None:
        """Encode a piece and send it. Raises as `Exchange.send`, and `RuntimeError` after `finish`.
        Cancelled, the data counts as sent."""
        if self._is_finished:
            raise RuntimeError("Cannot call write() after write_eof()")
        self._waiting.append((bytes(data), self._flush))
        await self._send_waiting(exchange)

    async def finish(self, exchange: Exchange, data: Bytes) -> None:
        """The same with the last piece, which may be empty. A second call sends what the first one,
        cancelled, has left."""
        if not self._is_finished:
            self._is_finished = True
            self._waiting.append((bytes(data), self._finish))
        await self._send_waiting(exchange)

    async def _send_waiting(self, exchange: Exchange) -> None:
        async with self._lock:
            while self._waiting or self._working is not None or self._ready:
                await self._encode_next()
                ready, self._ready = self._ready, b""
                await exchange.send(ready)

    async def _encode_next(self) -> None:
        if self._working is None and self._waiting:
            data, work = self._waiting.popleft()
            if len(data) <= AT_ONCE:
                self._ready += work(data)
                return
            self._working = asyncio.get_running_loop().run_in_executor(None, work, data)
        if self._working is not None:
            # Cancelled, it leaves the thread to its work.
            await asyncio.wait([self._working])
            working, self._working = self._working, None
            self._ready += working.result()

    def _flush(self, data: bytes) -> bytes:
        encoded: bytes = self._encoder.encode(data) + self._encoder.flush()
        return encoded

    def _finish(self, data: bytes) -> bytes:
        encoded: bytes = self._encoder.encode(data) + self._encoder.finish()
        return encoded


async def encode_whole(encoder: Any, body: Bytes, executor: Executor | None, at_once: int | None) -> bytes:
    """A whole body, encoded; in ``executor`` where it has more than ``at_once`` bytes."""

    def work() -> bytes:
        encoded: bytes = encoder.encode(body) + encoder.finish()
        return encoded

    if at_once is None or len(body) <= at_once:
        return work()
    return await asyncio.get_running_loop().run_in_executor(executor, work)


class Encodable:
    """The content coding of a response (aiohttp documentation, ``StreamResponse``)."""

    _status: int
    _is_simple: bool
    _content_type_value: Callable[[], str | None]
    _policy: Policy | None = None
    _coding: str | None = None
    _body_encoder: BodyEncoder | None = None
    _needs_prepare = False
    """Whether somebody asked for what only `prepare` sees to."""

    @property
    def headers(self) -> CIMultiDict[str]:
        """The header fields."""
        raise NotImplementedError

    @property
    def content_length(self) -> int | None:
        """The length of the body; ``None`` where it is not known."""
        raise NotImplementedError

    @property
    def compression(self) -> bool:
        """Whether compression was asked for; the client may not accept any."""
        return self._policy is not None

    @property
    def content_coding(self) -> ContentCoding | None:
        """The coding that the body is sent in, once the response is prepared; ``None`` where it is sent as it
        was written, which may be in a coding of the handler's own."""
        return None if self._coding is None else ContentCoding(self._coding)

    def enable_compression(
        self, force: ContentCoding | bool | None = None, strategy: int | None = None
    ) -> None:
        """Compress the body, in the coding that the client likes best (RFC 9110, section 12.5.3), if it
        accepts any. To be called before `prepare`.

        ``force``
            a coding to use whatever the client accepts. A bool is deprecated: ``deflate``, or ``identity``.
        ``strategy``
            zlib's strategy, for ``gzip`` and ``deflate``.

        A body that has a ``Content-Encoding``, a part of one, and a status without a body are left as they
        are; without ``force`` also what ``Cache-Control: no-transform`` or a digest of the content forbids
        to change. Raises `TypeError` for a coding that is none, `ValueError` for one whose library is not
        installed."""
        if isinstance(force, bool):
            warn("a bool for force is deprecated: use web.ContentCoding", DeprecationWarning, stacklevel=2)
            force = ContentCoding.deflate if force else ContentCoding.identity
        coding = None if force is None else _check_coding(force)
        if coding is None and strategy is None:
            self._compress(NEGOTIATED)
        else:
            self._compress(Policy(force=coding, strategy=strategy))

    def _compress(self, policy: Policy) -> None:
        self._policy = policy
        self._needs_prepare = True
        self._is_simple = False

    # -- while the head is settled ---------------------------------------------------------------------

    async def _settle_coding(self, policy: Policy, request: CompressedRequest) -> None:
        """Choose a coding, say so in the fields, and begin to encode."""
        coding = self._choose_coding(policy, request)
        headers = self.headers
        if self._status == 304:
            self._settle_unmodified(coding, request)
            return
        if coding is None:
            return
        _weaken(headers)
        headers.popall(names.CONTENT_LENGTH, None)
        # Ranges would be of what is made anew each time.
        headers.popall(names.ACCEPT_RANGES, None)
        headers[names.CONTENT_ENCODING] = self._coding = coding
        await self._begin_coding(policy, coding, request.exchange.head.method == names.METH_HEAD)

    def _settle_unmodified(self, coding: str | None, request: CompressedRequest) -> None:
        """The fields of what was sent (RFC 9110, section 15.4.5): its tag above all, because a cache that has
        another one under it goes on asking for ever. What that was, often only the client says: 304 has
        neither a type nor a length."""
        etag = self.headers.get(names.ETAG)
        if etag is None:
            return
        known = ", ".join(request.headers.getall(names.IF_NONE_MATCH, ()))
        if f"W/{etag}" in known or (coding is not None and etag not in known):
            _weaken(self.headers)
            vary_by_encoding(self.headers)

    def _choose_coding(self, policy: Policy, request: CompressedRequest) -> str | None:
        headers, status = self.headers, self._status
        is_unmodified = status == 304
        if not (allows_body(status) or is_unmodified) or status == 206:
            return None
        if names.CONTENT_ENCODING in headers or names.CONTENT_RANGE in headers:
            return None
        coding = policy.force
        if coding is None:
            length = None if is_unmodified else self.content_length
            if not policy.covers(self._content_type_value(), length) or _must_stay(headers):
                return None
            vary_by_encoding(headers)
            coding = policy.negotiate(request.headers)
        if coding == IDENTITY or (self.content_length == 0 and not is_unmodified):
            return None
        return coding

    async def _begin_coding(self, policy: Policy, coding: str, is_head: bool) -> None:
        if not is_head:
            self._body_encoder = BodyEncoder(policy.make_encoder(coding))

    async def _confirm_coding(self, policy: Policy) -> None:
        """After the hooks, which may have thought better of it."""
        if self.headers.get(names.CONTENT_ENCODING) != self._coding:
            self._coding = self._body_encoder = None


def _check_coding(force: object) -> str:
    # aiohttp's own enumeration is as good as ours.
    value = force.value if isinstance(force, Enum) else None
    if value not in ContentCoding.__members__:
        raise TypeError(f"force must be a web.ContentCoding or None, got {force!r}")
    coding = str(value)
    if coding != IDENTITY:
        encoders.check_coding(coding)
    return coding


def _weaken(headers: CIMultiDict[str]) -> None:
    """Have no strong tag: it would name these bytes, and stands for others (RFC 9110, section 8.8.3.3)."""
    etag = headers.get(names.ETAG)
    if etag is not None and not etag.startswith("W/"):
        headers[names.ETAG] = f"W/{etag}"


def _must_stay(headers: CIMultiDict[str]) -> bool:
    """Whether the fields forbid to change the content (RFC 9111, section 5.2.2.6)."""
    if any(name in headers for name in _DIGESTS):
        return True
    directives = [part for line in headers.getall(names.CACHE_CONTROL, ()) for part in split_list(line)]
    return any(directive.lower() == "no-transform" for directive in directives)


def vary_by_encoding(headers: CIMultiDict[str]) -> None:
    """Say that ``Accept-Encoding`` had a part in it, whatever came of it (RFC 9110, section 12.5.5)."""
    lines = headers.getall(names.VARY, [])
    named = {name.lower() for line in lines for name in split_list(line)}
    if named.isdisjoint(("*", "accept-encoding")):
        headers[names.VARY] = ", ".join([*lines, names.ACCEPT_ENCODING])
