"""Files as payloads: read in pieces, in a thread, from where they stand, and closed in a thread.

What a file is sent as is `payloadbase`'s to know; here it is known how long it is, and who may touch it when.
"""

import asyncio
import codecs
import io
import logging
import os
import stat
import threading
from typing import IO, Any, Final

from .http import names
from .http.exchange import FILE_PIECE
from .payloadbase import Payload, Writer, text_type

_logger = logging.getLogger("sketch.web")

# Files that are being closed: the loop itself does not hold on to what nobody waits for.
_closing: Final[set[asyncio.Future[None]]] = set()


class IOBasePayload(Payload):
    """A file of bytes, from where it stands to its end.

    ``disposition``
        the type of ``Content-Disposition``, which is set where the file has a name; ``None`` to leave it out.
    ``filename``
        the name; without it that of the file, without folders.

    The file is the payload's: `close` closes it. As long as it can be read from any place, it can be written
    several times, each time from where it stood at first. One task at a time may write it.
    """

    _value: IO[Any]

    def __init__(
        self, value: IO[Any], disposition: str | None = "attachment", *args: Any, **kwargs: Any
    ) -> None:
        kwargs.setdefault("filename", _name_of(value))
        super().__init__(value, *args, **kwargs)
        # Whoever closes a file waits for a thread that still reads it, whose task was cancelled: the system
        # may have given its descriptor to another file by then.
        self._lock = threading.Lock()
        self._start: int | None = None
        self._is_closed = False
        self._told_size: int | None = None
        if self._filename is not None and disposition is not None:
            if names.CONTENT_DISPOSITION not in self._headers:
                self.set_content_disposition(disposition, filename=self._filename)

    @property
    def size(self) -> int | None:
        """Bytes from where it stood at first to its end; ``None`` for what is no regular file.

        `write` will write no more than was told here last, however the file grows."""
        self._told_size = size = self._measure()
        return size

    def _measure(self) -> int | None:
        # Others may have a descriptor, and other bytes than it: a gzip file has that of the compressed one.
        if not isinstance(getattr(self._value, "raw", self._value), io.FileIO):
            return None
        try:
            if self._start is None:
                self._start = self._value.tell()
            status = os.fstat(self._value.fileno())
        except (OSError, ValueError):
            return None  # It cannot be told, or is closed: then reading it will say so.
        return max(0, status.st_size - self._start) if stat.S_ISREG(status.st_mode) else None

    # -- reading, in a thread --------------------------------------------------------------------------

    def _rewind(self) -> None:
        """Go to where it stood at first."""
        try:
            if self._start is None:
                self._start = self._value.tell()
            else:
                self._value.seek(self._start)
        except OSError:
            self._consumed = True  # It is a pipe, or the like: what was read is gone.

    def _read_first(self, limit: int | None) -> bytes:
        with self._lock:
            self._rewind()
            return self._read_piece(limit)

    def _read_next(self, limit: int | None) -> bytes:
        with self._lock:
            return self._read_piece(limit)

    def _read_piece(self, limit: int | None) -> bytes:
        piece: bytes = self._value.read(FILE_PIECE if limit is None else min(FILE_PIECE, limit))
        return piece

    def _read_all(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        with self._lock:
            self._rewind()
            data: bytes = self._value.read()
            return data

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """All of it as text. Blocks while it is read."""
        return self._read_all().decode(encoding, errors)

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """All of it, read in a thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, self._read_all, self._encoding or encoding, errors)

    async def write(self, writer: Writer) -> None:
        """Write all of it. Raises what reading it raises, too."""
        await self.write_with_length(writer, self._told_size)

    async def write_with_length(self, writer: Writer, content_length: int | None) -> None:
        """Write its first ``content_length`` bytes, or as many as there are."""
        loop = asyncio.get_running_loop()
        missing, read = content_length, self._read_first
        while missing is None or missing > 0:
            piece = await loop.run_in_executor(None, read, missing)
            if not piece:
                break
            if missing is not None:
                piece = piece[:missing]
                missing -= len(piece)
            await writer.write(piece)
            read = self._read_next

    # -- closing it ------------------------------------------------------------------------------------

    def _close(self) -> None:
        """Have the file closed in a thread, which may have to wait for the disk. Needs a running loop."""
        if self._is_closed:
            return
        self._is_closed = self._consumed = True
        try:
            future = asyncio.get_running_loop().run_in_executor(None, self._close_file)
        except RuntimeError:
            self._close_file()  # The loop is about to end, and takes no more work for threads.
            return
        _closing.add(future)
        future.add_done_callback(_forget)

    def _close_file(self) -> None:
        with self._lock:
            self._value.close()


def _forget(future: "asyncio.Future[None]") -> None:
    _closing.discard(future)
    if not future.cancelled() and (error := future.exception()) is not None:
        _logger.error("Error closing a file that was sent", exc_info=error)


def _name_of(value: Any) -> str | None:
    """The name of a file, without folders; ``None`` for what has none, or ``<stdin>`` and the like."""
    name = getattr(value, "name", None)
    if not isinstance(name, str) or not name or name[0] == "<" or name[-1] == ">":
        return None
    return os.path.basename(name.rstrip(os.sep)) or None


class BufferedReaderPayload(IOBasePayload):
    """A file as ``open(path, "rb")`` gives it."""


class BytesIOPayload(IOBasePayload):
    """A file of bytes in memory. It is not closed: there is nothing to be let go."""

    _value: io.BytesIO
    _autoclose = True

    def __init__(self, value: io.BytesIO, *args: Any, **kwargs: Any) -> None:
        super().__init__(value, *args, **kwargs)
        self._start = value.tell()
        with value.getbuffer() as view:
            self._told_size = max(0, len(view) - self._start)

    @property
    def size(self) -> int | None:
        """Bytes from where it stood when the payload was made, to where its end was then."""
        return self._told_size

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """What is in it."""
        return self._read_all()

    async def write_with_length(self, writer: Writer, content_length: int | None) -> None:
        """Write its first ``content_length`` bytes, letting others run between the pieces."""
        missing, read = content_length, self._read_first
        while (missing is None or missing > 0) and (piece := read(missing)):
            if missing is not None:
                missing -= len(piece)
            await writer.write(piece)
            await asyncio.sleep(0)
            read = self._read_next

    def _close(self) -> None:
        pass


class TextIOPayload(IOBasePayload):
    """A text file, from where it stands to its end. Its charset on the wire is the ``encoding``, or that of
    the ``content_type``, or UTF-8, whatever the file's own one is."""

    def __init__(
        self,
        value: IO[str],
        *args: Any,
        encoding: str | None = None,
        content_type: str | None = None,
        **kwargs: Any,
    ) -> None:
        content_type, encoding = text_type(content_type, encoding)
        super().__init__(value, *args, encoding=encoding, content_type=content_type, **kwargs)
        self._encoder = codecs.getincrementalencoder(encoding)()

    def _measure(self) -> int | None:
        # Reading translates line ends and encodings: nobody knows before what it comes to.
        return None

    def _read_first(self, limit: int | None) -> bytes:
        self._encoder.reset()
        return super()._read_first(limit)

    def _read_piece(self, limit: int | None) -> bytes:
        # One encoder for all pieces: each on its own would begin with a byte order mark in UTF-16.
        text: str = self._value.read(FILE_PIECE if limit is None else min(FILE_PIECE, limit))
        return self._encoder.encode(text, final=not text)

    def _read_all(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return self.decode().encode(encoding, errors)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """All of it. Blocks while it is read."""
        with self._lock:
            self._rewind()
            return str(self._value.read())
