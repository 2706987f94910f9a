"""One answer on its way: its heads and its body, between the connection that brings them and the test that
reads them.
"""

import asyncio
import zlib
from collections.abc import Callable
from typing import Any

from ..net.body import BodyBuffer
from .answers import AnswerEnd, AnswerHead
from .errors import ClientPayloadError

_AUTOMATIC_HEADER = 32
"""For zlib: gzip's header or zlib's own."""


class Incoming:
    """An answer, as far as it has come.

    ``taken``
        called when some of the body was read.
    ``decodes``
        whether a body with a content coding that zlib knows is decoded.
    """

    def __init__(self, taken: Callable[[], None], *, decodes: bool) -> None:
        self.interim: list[AnswerHead] = []
        """The interim answers that came before."""
        self.head: AnswerHead | None = None
        self.trailers: tuple[tuple[bytes, bytes], ...] = ()
        self.buffer = BodyBuffer()
        self._taken = taken
        self._decodes = decodes
        self._decoder: Any = None
        self._error: Exception | None = None
        self._news = asyncio.Event()

    # -- what the connection brings ----------------------------------------------------------------------

    def take_head(self, head: AnswerHead) -> None:
        """The next head."""
        if head.is_interim:
            self.interim.append(head)
        else:
            self.head = head
            if self._decodes and head.values(b"content-encoding") in ([b"gzip"], [b"deflate"]):
                self._decoder = zlib.decompressobj(zlib.MAX_WBITS | _AUTOMATIC_HEADER)
        self._news.set()

    def take_piece(self, data: bytes) -> None:
        """The next piece of the body."""
        if self._decoder is not None:
            try:
                data = self._decoder.decompress(data)
            except zlib.error as error:
                self.fail(ClientPayloadError(f"the content coding of the body: {error}"))
                return
        self.buffer.put([data])

    def take_end(self, end: AnswerEnd) -> None:
        """The answer is complete."""
        self.trailers = end.trailers
        self.buffer.complete()
        self._news.set()

    def fail(self, error: Exception) -> None:
        """Nothing more will come. Does nothing after the end, or another failure."""
        if self.head is None and self._error is None:
            self._error = error
        self.buffer.fail(error)
        self._news.set()

    # -- what the test waits for -------------------------------------------------------------------------

    async def final(self) -> AnswerHead:
        """Wait for the final head. Raises what it failed with before."""
        while self.head is None:
            await self._next()
        return self.head

    async def invited(self) -> bool:
        """Wait for ``100 Continue``, or for an answer that makes the body needless; says whether it is
        wanted. Raises as `final`."""
        while self.head is None and not any(head.status == 100 for head in self.interim):
            await self._next()
        return self.head is None

    async def _next(self) -> None:
        if self._error is not None:
            raise self._error
        self._news.clear()
        await self._news.wait()

    # -- the body, as a `StreamReader` wants it ----------------------------------------------------------

    @property
    def body_complete(self) -> bool:
        """Whether the whole body has arrived."""
        return self.buffer.is_complete

    def read_nowait(self) -> bytes:
        """The next piece if it is there, or ``b""``."""
        piece = self.buffer.take()
        self._taken()
        return piece

    async def read(self) -> bytes:
        """The next piece, waiting for it; ``b""`` at the end."""
        while True:
            piece = self.read_nowait()
            if piece or self.buffer.is_complete:
                return piece
            await self.buffer.wait()
