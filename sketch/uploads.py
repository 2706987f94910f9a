"""Files that clients send: small ones in memory, large ones on disk.

What a form is, and where the data comes from, is not known here.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

from multidict import CIMultiDictProxy

from .http.deferred import deferred

tempfile: Any = deferred("tempfile")

SPOOL = 2**20
"""Bytes of a file that are held in memory; a larger one goes to disk (aiohttp)."""

WRITE = 2**20
"""Bytes that are written at a time, in a thread."""

_NOTHING = memoryview(b"")


@dataclass(frozen=True, slots=True)
class FileField:
    """A file in a form (aiohttp documentation, ``FileField``)."""

    name: str
    """The name of the form's field."""

    filename: str
    """The file's name as the client gives it: never a path to write to."""

    file: IO[bytes]
    """What is in it: a `tempfile.SpooledTemporaryFile` at its beginning, closed when the request is over."""

    content_type: str
    """Its media type as the client gives it; ``application/octet-stream`` where it does not."""

    headers: CIMultiDictProxy[str]
    """All header fields of the part."""


class Upload:
    """A file that is being received. Whoever makes one closes it, or the file that comes of it."""

    __slots__ = ("_buffer", "_file", "_filled", "_held", "_pieces", "is_on_disk")

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        # What was not written yet: what fills the buffer, then these. Pieces are kept as they are until there
        # are too many; from then on they are copied into the buffer, so that their memory is used again for
        # the next ones. To hold them has the system clear fresh memory for each, which takes longer.
        self._pieces: list[bytes] = []
        self._held = 0
        self._buffer = _NOTHING
        self._filled = 0
        self.is_on_disk = False
        """Whether to write to it, or to close it, may take a while."""

    @property
    def is_full(self) -> bool:
        """Whether `spill` is due."""
        return bool(self._pieces) if self.is_on_disk else self._held > SPOOL

    def add(self, piece: bytes) -> None:
        """Take the next piece."""
        if not self.is_on_disk:
            self._held += len(piece)
            self._pieces.append(piece)
            return
        start = self._filled
        room = len(self._buffer) - start
        self._filled += min(len(piece), room)
        self._buffer[start : self._filled] = piece[:room]
        if len(piece) > room:
            self._pieces.append(piece[room:])

    async def spill(self) -> None:
        """Write what is held to disk, in a thread.

        Raises `OSError`, when there is no room, for one. Cancelled, it waits for what is being written."""
        self.is_on_disk = True
        await _run_in_thread(self._write)

    async def finish(self) -> IO[bytes]:
        """All of it as a file, at its beginning. Raises, and is cancelled, as `spill`."""
        if self.is_on_disk:
            await _run_in_thread(self._finish)
        else:
            self._file = tempfile.SpooledTemporaryFile(SPOOL)
            self._finish()
        assert self._file is not None
        return self._file

    def _write(self) -> None:
        file = self._file
        if file is None:
            file = self._file = tempfile.SpooledTemporaryFile()
            file.rollover()
            # A view of it: what is put into a `bytearray` itself is copied twice.
            self._buffer = memoryview(bytearray(WRITE))
        file.writelines([self._buffer[: self._filled], *self._pieces])
        self._pieces = []
        self._filled = 0

    def _finish(self) -> None:
        assert self._file is not None
        self._file.writelines([self._buffer[: self._filled], *self._pieces])
        self._file.seek(0)
        self._pieces = []
        self._buffer = _NOTHING

    def close(self) -> None:
        """Forget all of it. The file is closed, which may take a while when it is on disk."""
        self._pieces = []
        self._buffer = _NOTHING
        if self._file is not None:
            # What is still in a buffer is written first, and the disk may be full: of what is thrown away
            # nothing is missed, and the file is closed all the same.
            with suppress(OSError):
                self._file.close()


def close_uploads(uploads: Iterable[Upload]) -> None:
    """Close them, those on disk in a thread: to give back the room of a large file takes milliseconds."""
    slow = []
    for upload in uploads:
        if upload.is_on_disk:
            slow.append(upload)
        else:
            upload.close()
    if slow:
        try:
            asyncio.get_running_loop().run_in_executor(None, _close_all, slow)
        except RuntimeError:
            # There is no loop any more, or it takes no more work.
            _close_all(slow)


def _close_all(uploads: Iterable[Upload]) -> None:
    for upload in uploads:
        upload.close()


async def _run_in_thread(function: Callable[[], None]) -> None:
    """Run it, and do not return before it has ended, whatever happens: nobody may close a file that a thread
    writes to."""
    future = asyncio.get_running_loop().run_in_executor(None, function)
    try:
        await asyncio.shield(future)
    except asyncio.CancelledError:
        while not future.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([future])
        raise
