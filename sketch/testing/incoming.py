"""One answer on its way: its heads and its body, between the connection that brings them and the test that
reads them.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from ..http.coding import read_codings
from ..http.deferred import deferred
from ..http.errors import RemoteProtocolError
from ..net.body import BodyBuffer
from .answers import AnswerEnd, AnswerHead
from .errors import ClientPayloadError

codecs: Any = deferred("..http.codecs", __package__)
decoders: Any = deferred("..http.decoders", __package__)

_PIECE = 2**16
"""Bytes that are decoded at a time."""


class Incoming:
    """An answer, as far as it has come.

    ``taken``
        called when some of the body was read.
    ``decodes``
        whether a body is decoded that is in content codings whose libraries are there.
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
            codings = read_codings([value.decode("latin-1") for value in head.values(b"content-encoding")])
            if self._decodes and codings and all(coding in codecs.AVAILABLE for coding in codings):
                self._decoder = decoders.make_decoder(codings)
        self._news.set()

    def take_piece(self, data: bytes) -> None:
        """The next piece of the body."""
        if self._decoder is None:
            self.buffer.put([data])
        elif self.buffer.error is None:
            self._decode(data)

    def _decode(self, data: bytes) -> None:
        decoder = self._decoder
        try:
            self.buffer.put([decoder.decode(data, _PIECE)])
            while not decoder.needs_input:
                self.buffer.put([decoder.decode(b"", _PIECE)])
        except RemoteProtocolError as error:
            self._fail_decoding(error)

    def _fail_decoding(self, error: RemoteProtocolError) -> None:
        failure = ClientPayloadError(f"the content coding of the answer: {error}")
        failure.__cause__ = error
        self.fail(failure)

    def take_end(self, end: AnswerEnd) -> None:
        """The answer is complete."""
        self.trailers = end.trailers
        if self._decoder is not None and self.buffer.error is None:
            try:
                self._decoder.finish()
            except RemoteProtocolError as error:
                self._fail_decoding(error)
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
