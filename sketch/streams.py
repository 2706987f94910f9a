"""The ways to read a request's body: by size, by line, piece by piece, to the end.

This module knows aiohttp's names for them. How pieces are cut, and why that is cheap, is in `pieces`;
where they come from, nobody here knows.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, Generic, TypeVar
from warnings import warn

from .http.errors import LocalProtocolError, RemoteProtocolError
from .http.exchange import Exchange
from .http.heads import RequestHead
from .pieces import Body, Pieces

DEFAULT_LIMIT: Final = 2**19
"""Bytes that a line may have where the caller sets no bound (what aiohttp's server allows by default)."""

RequestPayloadError: Final = RemoteProtocolError
"""A body that breaks its framing, by the name that programs catch it by (aiohttp documentation)."""

PayloadAccessError: Final = LocalProtocolError
"""A body that is read after its request was answered, likewise."""

_Item = TypeVar("_Item")


class BodyTooLarge(Exception):
    """A body has more bytes than whoever wanted the whole of it accepts.

    ``limit``
        bytes that were accepted.
    ``actual``
        bytes that the body has, as far as is known: declared, or counted up to the limit.
    """

    def __init__(self, limit: int, actual: int) -> None:
        super().__init__(f"the body has {actual} bytes or more, and {limit} are accepted")
        self.limit = limit
        self.actual = actual


class EofStream(Exception):
    """The end of a stream, for sources that tell it by an exception (aiohttp documentation).

    `StreamReader` itself never raises it: its end is ``b""``.
    """


class StreamReader(Pieces):
    """A request's body as a stream of bytes (aiohttp documentation, "Streaming API").

    Methods that wait raise `RemoteProtocolError` for a body that breaks its framing and `Disconnected`
    when the peer leaves in the middle of it, once what arrived before is taken. Cancelling them loses no
    bytes: the next read starts where the cancelled one did. One task at a time may wait here; a second
    one gets `RuntimeError`.

    ``body``
        the exchange whose body is read.
    ``limit``
        bytes that `readline` and `readuntil` may gather when they are not told otherwise.
    ``taken``
        the beginning of the body, where somebody took it from the exchange already.
    """

    __slots__ = ()

    def __init__(self, body: Body, limit: int = DEFAULT_LIMIT, *, taken: bytes = b"") -> None:
        super().__init__(body, limit)
        self._accept(taken)

    def __repr__(self) -> str:
        state = "eof" if self.is_eof() else f"waiting in {self._waiting}" if self._waiting else "open"
        return f"<{type(self).__name__} {state}, {self.total_bytes} bytes>"

    # -- reading ---------------------------------------------------------------------------------------

    async def read(self, n: int = -1) -> bytes:
        """At most ``n`` bytes, as soon as there is one; all up to the end when ``n`` is negative, or is the
        length that the client has declared, up to the reader's limit: who asks for that wants the whole body.

        ``b""`` at the end of the body."""
        if self._exception is not None:
            raise self._exception
        if n <= 0:
            return await self._gather_rest("read", 0) if n else b""
        if not (self._piece or self._fill_nowait() or await self._fill("read")):
            return b""
        taken = self._take(n)
        if len(taken) == n or n > self._limit or n != self._find_length():
            return taken
        # Programs take it from WSGI that they get what they ask for. aiohttp's handlers begin so much later
        # than the body that they mostly do.
        return await self._gather_up_to(taken, n, "read")

    async def readany(self) -> bytes:
        """What is there, as soon as there is something; ``b""`` at the end of the body."""
        if self._exception is not None:
            raise self._exception
        if self._piece or self._fill_nowait() or await self._fill("readany"):
            return self._take_available()
        return b""

    async def readexactly(self, n: int) -> bytes:
        """Exactly ``n`` bytes.

        Raises `asyncio.IncompleteReadError`, which has what there was, when the body ends before."""
        if self._exception is not None:
            raise self._exception
        if n <= 0:
            return b""
        if not (self._piece or self._fill_nowait() or await self._fill("readexactly")):
            raise asyncio.IncompleteReadError(b"", n)
        taken = self._take(n)
        if len(taken) < n:
            taken = await self._gather_up_to(taken, n, "readexactly")
        if len(taken) < n:
            raise asyncio.IncompleteReadError(taken, n)
        return taken

    async def readline(self, *, max_line_length: int | None = None) -> bytes:
        """The next line with its line feed; what is left when the body ends before one.

        Raises `ValueError` for a line of more than ``max_line_length`` bytes (`readuntil`)."""
        return await self.readuntil(max_size=max_line_length)

    async def readuntil(self, separator: bytes = b"\n", *, max_size: int | None = None) -> bytes:
        """What comes up to the next separator, which is included, or up to the end of the body.

        Raises `ValueError` when that is more than ``max_size`` bytes; the pieces that were looked through
        by then are gone."""
        if not separator:
            raise ValueError("an empty separator separates nothing")
        if self._exception is not None:
            raise self._exception
        limit = max_size or self._limit
        if not (self._piece or self._fill_nowait() or await self._fill("readuntil")):
            return b""
        # Nearly every line lies within one piece.
        end = self._piece.find(separator, self._start)
        if end >= 0 and (size := end + len(separator) - self._start) <= limit:
            return self._take(size)
        return await self._gather_until(separator, limit)

    async def readchunk(self) -> tuple[bytes, bool]:
        """The next piece as it arrived, and ``False``; ``(b"", False)`` at the end of the body.

        The second value is whether a chunk of the transfer coding ends there. It is never said: chunks
        have no meaning (RFC 9112, section 7.1), and a carrier does not pass their bounds on."""
        if self._exception is not None:
            raise self._exception
        if self._piece or self._fill_nowait() or await self._fill("readchunk"):
            return self._take_piece(), False
        return b"", False

    def read_nowait(self, n: int = -1) -> bytes:
        """At most ``n`` bytes of what is there, all of that when ``n`` is negative. Never waits.

        ``b""`` when nothing is there, at the end or before it. Raises `RuntimeError` while a task waits
        in another method."""
        if self._exception is not None:
            raise self._exception
        if n == 0 or not (self._piece or self._fill_nowait()):
            return b""
        return self._take(n) if n > 0 else self._take_available()

    def unread_data(self, data: bytes) -> None:
        """Put bytes back, to be read next. Deprecated, as in aiohttp.

        Raises `RuntimeError` while a task waits in another method."""
        warn("unread_data() is deprecated: keep what was read too far", DeprecationWarning, stacklevel=2)
        self._refuse_second_reader()
        if data:
            self._put_back([data])

    # -- iterating -------------------------------------------------------------------------------------

    def __aiter__(self) -> "_Iterator[bytes]":
        """The lines of the body (`readline`)."""
        return _Iterator(self.readline, b"")

    def iter_chunked(self, n: int) -> "_Iterator[bytes]":
        """The body in pieces of at most ``n`` bytes (`read`)."""
        return _Iterator(partial(self.read, n), b"")

    def iter_any(self) -> "_Iterator[bytes]":
        """The body in pieces as large as they are there (`readany`)."""
        return _Iterator(self.readany, b"")

    def iter_chunks(self) -> "_Iterator[tuple[bytes, bool]]":
        """The body in pieces as they arrived, in the tuples of `readchunk`."""
        return _Iterator(self.readchunk, (b"", False))

    # -- the end ---------------------------------------------------------------------------------------

    def is_eof(self) -> bool:
        """Whether the whole body has arrived. There may be something left to read."""
        return self._body.body_complete

    def at_eof(self) -> bool:
        """Whether the whole body has arrived and was read."""
        if self._piece or self._waiting or not self._body.body_complete:
            return False
        return not self._fill_nowait()

    def on_eof(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` when the whole body has arrived: at once, or in the read that learns of it.

        Not called for a body that breaks off, or that nobody reads. What it raises is logged."""
        if self.is_eof():
            self._call(callback)
        else:
            self._callbacks.append(callback)

    async def wait_eof(self) -> None:
        """Wait until the whole body has arrived. Nothing is taken: it can be read afterwards.

        What arrives meanwhile has to be held, so this raises `ValueError` beyond the reader's limit."""
        pieces: list[bytes] = []
        size = 0
        try:
            while not self._body.body_complete:
                if self._exception is not None:
                    raise self._exception
                if self._piece or self._fill_nowait() or await self._fill("wait_eof"):
                    pieces.append(self._take_piece())
                    size += len(pieces[-1])
                if size > self._limit:
                    raise ValueError(f"wait_eof() holds at most {self._limit} bytes: read the body instead")
        finally:
            if pieces:
                self._put_back(pieces)

    def exception(self) -> BaseException | None:
        """What every further read raises: a failure that a read has met, or what was set."""
        return self._exception

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:
        """Have every read from the next one on raise ``exc``, whatever is left to read.

        A task that waits already is not woken up."""
        if exc_cause is not None:
            exc.__cause__ = exc_cause
        self._fail(exc)

    # -- gathering across pieces -----------------------------------------------------------------------

    def _find_length(self) -> int | None:
        """What the client has declared, where the body is an exchange's and was not decoded on its way."""
        head: RequestHead | None = getattr(self._body, "head", None)
        return None if head is None else head.framing.content_length

    async def _gather_up_to(self, taken: bytes, size: int, caller: str) -> bytes:
        parts = [taken]
        missing = size - len(taken)
        try:
            while missing and (self._piece or self._fill_nowait() or await self._fill(caller)):
                parts.append(self._take(missing))
                missing -= len(parts[-1])
        except asyncio.CancelledError:
            self._put_back(parts)
            raise
        return b"".join(parts)

    async def _gather_until(self, separator: bytes, limit: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        overlap = len(separator) - 1
        tail = b""
        try:
            while self._piece or self._fill_nowait() or await self._fill("readuntil"):
                part, found = self._take_until(separator, tail)
                parts.append(part)
                size += len(part)
                if size > limit:
                    raise ValueError(f"Chunk too big: no {separator!r} within {limit} bytes")
                if found:
                    break
                if overlap:
                    tail = (tail + part[-overlap:])[-overlap:]
        except asyncio.CancelledError:
            self._put_back(parts)
            raise
        return b"".join(parts)

    async def _gather_rest(self, caller: str, limit: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        try:
            while self._piece or self._fill_nowait() or await self._fill(caller):
                parts.append(self._take_piece())
                size += len(parts[-1])
                if limit and size > limit:
                    raise BodyTooLarge(limit, size)
        except asyncio.CancelledError:
            if parts:
                self._put_back(parts)
            raise
        return b"".join(parts)


class _Iterator(Generic[_Item]):
    """Calls a reading method until it returns what it returns at the end."""

    __slots__ = ("_end", "_read")

    def __init__(self, read: Callable[[], Awaitable[_Item]], end: _Item) -> None:
        self._read = read
        self._end = end

    def __aiter__(self) -> "_Iterator[_Item]":
        return self

    async def __anext__(self) -> _Item:
        item = await self._read()
        if item == self._end:
            raise StopAsyncIteration
        return item


class _NoBody:
    __slots__ = ()

    body_complete: Final = True

    def read_nowait(self) -> bytes:
        return b""

    async def read(self) -> bytes:
        return b""


class _EmptyStreamReader(StreamReader):
    """One object for all requests without a body, so nothing may leave a trace in it."""

    __slots__ = ()

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:
        """Does nothing: there is nothing that could be read."""

    def _put_back(self, pieces: list[bytes]) -> None:
        raise RuntimeError("nothing was read from a request without a body, so nothing can be unread")


EMPTY_PAYLOAD: Final[StreamReader] = _EmptyStreamReader(_NoBody())
"""The reader of a request without a body (aiohttp documentation)."""


def reader_of(data: bytes) -> StreamReader:
    """A reader of a body that is there already."""
    return StreamReader(_NoBody(), taken=data)


async def read_whole(exchange: Exchange, limit: int = 0) -> bytes:
    """The whole body of an exchange from which nothing was read yet.

    ``limit``
        bytes that are accepted; 0 for any number.

    Raises `BodyTooLarge` beyond the limit, before it reads where the length is declared;
    `RemoteProtocolError` and `Disconnected` as `Exchange.read` does. Cancellation loses the pieces that
    were gathered; `read_rest` keeps them.
    """
    declared = exchange.head.framing.content_length
    if limit and declared is not None and declared > limit:
        raise BodyTooLarge(limit, declared)
    piece = exchange.read_nowait()
    if len(piece) == declared:
        return piece
    return await read_rest(StreamReader(exchange, taken=piece), limit)


async def read_rest(reader: StreamReader, limit: int = 0) -> bytes:
    """What of a body was not read through its reader yet. Cancellation loses no bytes.

    Raises `BodyTooLarge` when that is more than ``limit`` bytes (0 for any number), and what
    `StreamReader.read` raises.
    """
    exception = reader.exception()
    if exception is not None:
        raise exception
    return await reader._gather_rest("read", limit)
