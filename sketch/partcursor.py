"""How far a multipart body was read: the one place that its readers share.

It puts the stream of a body and its parser together, and makes the errors. What is asked of parts it leaves
to their readers (`bodypart`, `multipart`).
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from multidict import CIMultiDictProxy

from .http.multipart import Mark, MultipartError, MultipartParser, PartHead
from .streams import StreamReader

_PIECE = 2**16

MakeError = Callable[[str], Exception]
"""Makes what is raised for a body that is malformed, out of what is wrong with it."""


class Content(Protocol):
    """A stream of bytes: a `StreamReader`, aiohttp's, or another one. ``readany`` is used where it is."""

    async def read(self, n: int, /) -> bytes:
        """At most so many bytes; ``b""`` at the end."""


class PartCursor:
    """A place in a multipart body.

    ``content``
        where the body comes from.
    ``parser``
        that of the body.
    ``is_inside``
        whether it is in the data of a part.
    """

    __slots__ = ("_error", "_inner", "_is_inside", "_is_left", "_parser", "_read", "make_error", "number")

    def __init__(
        self,
        content: Content,
        parser: MultipartParser,
        *,
        make_error: MakeError = MultipartError,
        is_inside: bool = False,
    ) -> None:
        self._read = _find_way_to_read(content)
        self._parser = parser
        self._is_inside = is_inside
        # That of the body which the current part is; and whether the part was left that this body is.
        self._inner: PartCursor | None = None
        self._is_left = False
        if isinstance(content, PartStream):
            content.cursor._inner = self
        # What went wrong with the body; it goes wrong again for all who read on.
        self._error: Exception | None = None
        self.make_error = make_error
        self.number = 0
        """Of the part that it is in, or has left: to tell readers of earlier ones."""

    def fail(self, message: str) -> Exception:
        """What is to be raised, now and for everything that is asked from now on."""
        self._error = self.make_error(message)
        return self._error

    async def next_part(self) -> CIMultiDictProxy[str] | None:
        """The fields of the next part, past what is left of the current one; ``None`` after the last."""
        if self._is_left:
            return None
        if self._inner is not None:
            self._inner.leave()
            self._inner = None
        while self._is_inside:
            await self.next_data(self.number)
        event = await self._next_event()
        if isinstance(event, PartHead):
            self._is_inside = True
            self.number += 1
            return event.fields
        return None

    def leave(self) -> None:
        """Nobody is to read on: the part that this body is was left."""
        self._is_left = True
        self._is_inside = False
        self.number += 1
        if self._inner is not None:
            self._inner.leave()

    async def next_data(self, number: int) -> bytes:
        """The next piece of data of the part with this number; ``b""`` at its end, and when it was left."""
        if number != self.number or not self._is_inside:
            return b""
        return self._read_data(await self._next_event())

    def next_data_nowait(self, number: int) -> bytes | None:
        """The same if it is there, else ``None``."""
        if number != self.number or not self._is_inside:
            return b""
        # Within the data of a part nothing can be malformed.
        event = self._parser.next_event()
        return None if event is None else self._read_data(event)

    def _read_data(self, event: object) -> bytes:
        if isinstance(event, bytes):
            return event
        self._is_inside = False
        return b""

    async def _next_event(self) -> PartHead | bytes | Mark:
        if self._error is not None:
            raise self._error
        parser = self._parser
        try:
            while (event := parser.next_event()) is None:
                if piece := await self._read():
                    parser.feed(piece)
                else:
                    parser.finish()
        except MultipartError as error:
            raise self.fail(str(error)) from error
        return event


class PartStream:
    """The data of the part that a cursor is in, as the content of another multipart body."""

    __slots__ = ("_number", "cursor")

    def __init__(self, cursor: PartCursor) -> None:
        self.cursor = cursor
        self._number = cursor.number

    async def readany(self) -> bytes:
        """The next piece of it; ``b""`` at its end."""
        return await self.cursor.next_data(self._number)

    async def read(self, n: int, /) -> bytes:
        """The same, whatever ``n`` is: whoever reads it is a cursor."""
        return await self.readany()


def _find_way_to_read(content: Any) -> Callable[[], Awaitable[bytes]]:
    if isinstance(content, StreamReader):

        async def read_piece() -> bytes:
            # As it arrived: to put pieces together would copy all of them.
            piece, _ = await content.readchunk()
            return piece

        return read_piece
    if hasattr(content, "readany"):
        readany: Callable[[], Awaitable[bytes]] = content.readany
        return readany
    return lambda: content.read(_PIECE)
