"""One message while it arrives: its payload in pieces, as they come, and in the end a `WSMessage`.

Text is refused at the first byte that cannot belong to UTF-8 any more, and a message at the first byte that
is too many, wherever they are: between fragments, in a frame of which more is to come, in what is inflated.
Nothing is known here of frames and masks.
"""

from codecs import utf_8_decode
from typing import Any, Final

from ...http.websocket import WebSocketError, WSMessage, WSMessageTextBytes, WSMsgType
from .deflate import Inflater
from .frames import INVALID_TEXT, TOO_BIG

_MOST_PIECES: Final = 256
"""Pieces that are joined into one, so that a message of single bytes is not held as an object for each."""

# Half as expensive as the constructor of a named tuple.
new: Final = tuple.__new__
TEXT_MESSAGE: Final = WSMsgType.TEXT
BINARY_MESSAGE: Final = WSMsgType.BINARY


def refuse_text() -> WebSocketError:
    """What is wrong with a text message that is no UTF-8 (RFC 6455, section 8.1)."""
    return WebSocketError(INVALID_TEXT, "a text message that is not UTF-8")


def refuse_size(limit: int) -> WebSocketError:
    """What is wrong with a message that is too big."""
    return WebSocketError(TOO_BIG, f"a message of more than {limit} bytes")


def make_message(data: bytes, *, is_text: bool, decode_text: bool) -> WSMessage:
    """A message out of all of its data. Raises `WebSocketError`."""
    if not is_text:
        return new(WSMessage, (BINARY_MESSAGE, data, None))
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise refuse_text() from error
    if decode_text:
        return new(WSMessage, (TEXT_MESSAGE, text, None))
    return new(WSMessageTextBytes, (TEXT_MESSAGE, data, None))  # type: ignore[return-value]


class Assembly:
    """A message that is not all there. ``limit``: of its bytes, inflated."""

    __slots__ = (
        "_folded",
        "_inflater",
        "_is_decoded",
        "_is_text",
        "_limit",
        "_pieces",
        "_rest",
        "raw",
        "size",
    )

    def __init__(self, *, is_text: bool, decode_text: bool, limit: int, inflater: Inflater | None) -> None:
        self._is_text = is_text
        self._is_decoded = is_text and decode_text
        self._limit = limit
        self._inflater = inflater
        self._pieces: list[Any] = []
        self._folded = 0
        # The beginning of a character whose end has not come.
        self._rest = b""
        self.raw = 0
        """Bytes that came."""
        self.size = 0
        """Bytes that they are."""

    @property
    def is_deflated(self) -> bool:
        """Whether the message comes compressed."""
        return self._inflater is not None

    def add(self, piece: bytes) -> None:
        """The next piece of the payload. Raises `WebSocketError`."""
        self.raw += len(piece)
        if self._inflater is not None:
            piece = self._bound(self._inflater.inflate(piece, self._limit - self.size + 1))
        self._take(piece)

    def finish(self) -> WSMessage:
        """The message, of which nothing more comes. Raises `WebSocketError`."""
        if self._inflater is not None:
            self._take(self._bound(self._inflater.finish(self._limit - self.size + 1)))
        if self._rest:
            raise refuse_text()
        if self._is_decoded:
            return new(WSMessage, (TEXT_MESSAGE, "".join(self._pieces), None))
        data = b"".join(self._pieces)
        if self._is_text:
            return new(WSMessageTextBytes, (TEXT_MESSAGE, data, None))  # type: ignore[return-value]
        return new(WSMessage, (BINARY_MESSAGE, data, None))

    def _bound(self, piece: bytes) -> bytes:
        """An inflated piece that is not too much."""
        room = self._limit - self.size
        if len(piece) > room:
            # What fits is looked at first, so that it is the same fault however the message was cut.
            self._take(piece[:room])
            raise refuse_size(self._limit)
        return piece

    def _take(self, piece: bytes) -> None:
        if not piece:
            return
        self.size += len(piece)
        data: bytes | str = piece
        if self._is_text:
            text = self._decode(piece)
            if self._is_decoded:
                data = text
        pieces = self._pieces
        pieces.append(data)
        if len(pieces) - self._folded >= _MOST_PIECES:
            tail = pieces[self._folded :]
            pieces[self._folded :] = ["".join(tail) if self._is_decoded else b"".join(tail)]
            self._folded += 1

    def _decode(self, piece: bytes) -> str:
        if self._rest:
            piece = self._rest + piece
        try:
            text, used = utf_8_decode(piece, "strict", False)
        except UnicodeDecodeError as error:
            raise refuse_text() from error
        self._rest = rest = piece[used:]
        # The one beginning that Python waits with although nothing can follow: of a surrogate, which some of its
        # error handlers would let pass.
        if rest[:1] == b"\xed" and rest[1:] > b"\x9f":
            raise refuse_text()
        return text
