"""What of a body has arrived and was not taken yet: one piece, and how far it was read.

This module knows how to cut pieces without copying more than is taken. It does not know what a reader
wants them for (`streams`), or where they come from, and it holds back nothing but the current piece: flow
control stays with whoever holds the others.
"""

import logging
from collections.abc import Callable
from typing import Final, Protocol

from .http.errors import Disconnected, RemoteProtocolError

_logger = logging.getLogger("sketch.web")

_BODY_ERRORS: Final = (RemoteProtocolError, Disconnected)


class Body(Protocol):
    """What is needed of an `Exchange`. The contract is that of the methods there."""

    @property
    def body_complete(self) -> bool:
        """Whether the whole body has arrived."""

    def read_nowait(self) -> bytes:
        """The next piece if it is there, or ``b""``."""

    async def read(self) -> bytes:
        """The next piece, waiting for it; ``b""`` at the end."""


class Pieces:
    """A place in a body, and the moves forward from it: the half of `StreamReader` that never gathers.

    Errors of the body are kept for `StreamReader.exception`. A second task that waits gets
    `RuntimeError`.
    """

    __slots__ = (
        "_body",
        "_callbacks",
        "_exception",
        "_held",
        "_limit",
        "_piece",
        "_start",
        "_waiting",
        "total_bytes",
    )

    total_bytes: int
    """Bytes taken over from the body so far, whether or not they were read."""

    def __init__(self, body: Body, limit: int) -> None:
        self._body = body
        self._limit = limit
        # Either empty, or with at least one byte from `_start` on that was not taken.
        self._piece = b""
        self._start = 0
        # Pieces after that one which were put back, the next one last. Empty nearly always.
        self._held: list[bytes] = []
        self._exception: BaseException | None = None
        # What to call when the whole body has arrived.
        self._callbacks: list[Callable[[], None]] = []
        # The method in which a task waits. Meanwhile there is no piece and nothing held.
        self._waiting = ""
        self.total_bytes = 0

    # -- the next piece --------------------------------------------------------------------------------

    def _fill_nowait(self) -> bool:
        """Make the next piece the current one, which is used up, if it is there."""
        if self._held:
            self._piece = self._held.pop()
            return True
        if self._waiting:
            self._refuse_second_reader()
        try:
            piece = self._body.read_nowait()
        except _BODY_ERRORS as error:
            self._fail(error)
            raise
        return self._accept(piece)

    def _fill_quietly(self) -> bool:
        """`_fill_nowait` for a caller with bytes in hand: what went wrong is for the next one."""
        try:
            return self._fill_nowait()
        except _BODY_ERRORS:
            return False

    async def _fill(self, caller: str) -> bool:
        """Make the next piece the current one, waiting for it. False at the end of the body.

        To be called when `_fill_nowait` found nothing."""
        if self._body.body_complete:
            return False
        self._waiting = caller
        try:
            piece = await self._body.read()
        except _BODY_ERRORS as error:
            self._fail(error)
            raise
        finally:
            self._waiting = ""
        return self._accept(piece)

    def _accept(self, piece: bytes) -> bool:
        if self._callbacks and self._body.body_complete:
            callbacks, self._callbacks = self._callbacks, []
            for callback in callbacks:
                self._call(callback)
        self._piece = piece
        self.total_bytes += len(piece)
        return bool(piece)

    def _fail(self, error: BaseException) -> None:
        self._exception = error
        self._callbacks = []

    def _call(self, callback: Callable[[], None]) -> None:
        try:
            callback()
        except Exception:
            _logger.exception("on_eof callback %r failed", callback)

    def _refuse_second_reader(self) -> None:
        if self._waiting:
            raise RuntimeError(f"another task is reading this body, in {self._waiting}(): one at a time may")

    # -- taking ----------------------------------------------------------------------------------------

    def _take_piece(self) -> bytes:
        """The rest of the current piece, without a copy where nothing of it was taken."""
        rest = self._piece[self._start :]
        self._piece = b""
        self._start = 0
        return rest

    def _take(self, size: int) -> bytes:
        """At most ``size`` bytes of what is there, of which there is one."""
        piece, start = self._piece, self._start
        end = start + size
        if end < len(piece):
            self._start = end
            return piece[start:end]
        taken = self._take_piece()
        if len(taken) == size or not self._fill_quietly():
            return taken
        return self._take_across(taken, size)

    def _take_across(self, taken: bytes, size: int) -> bytes:
        parts = [taken]
        missing = size - len(taken)
        while missing and (self._piece or self._fill_quietly()):
            if missing < len(self._piece):
                parts.append(self._piece[:missing])
                self._start = missing
                break
            parts.append(self._take_piece())
            missing -= len(parts[-1])
        return b"".join(parts)

    def _take_available(self) -> bytes:
        """All that is there, of which there is one byte. No further piece beyond the limit, so that a
        body that fills up as it is taken does not keep one call busy."""
        taken = self._take_piece()
        if not self._fill_quietly():
            return taken
        parts = [taken]
        size = len(taken)
        while size < self._limit and (self._piece or self._fill_quietly()):
            parts.append(self._take_piece())
            size += len(parts[-1])
        return b"".join(parts)

    def _take_until(self, separator: bytes, tail: bytes) -> tuple[bytes, bool]:
        """The current piece up to the separator, and whether it is there.

        ``tail``
            the bytes before the piece in which the separator may have begun."""
        piece, start = self._piece, self._start
        if tail:
            at = (tail + piece[start : start + len(separator) - 1]).find(separator)
            if at >= 0:
                return self._take(at + len(separator) - len(tail)), True
        at = piece.find(separator, start)
        if at >= 0:
            return self._take(at + len(separator) - start), True
        return self._take_piece(), False

    def _put_back(self, pieces: list[bytes]) -> None:
        """Make these, none of which is empty, what is taken next."""
        if self._piece:
            self._held.append(self._take_piece())
        self._held.extend(reversed(pieces))
        self._piece = self._held.pop()
