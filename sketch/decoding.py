"""A request's body, decoded as it is read: what stands between an exchange and a `StreamReader` where the
body has content codings.

It decides where the work is done: the beginning in the event loop, because most encoded bodies are small,
and what goes on from there in a thread, a piece at a time. How bytes are decoded `http.decoders` knows."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from .exceptions import HTTPUnsupportedMediaType
from .http import names
from .http.coding import MOST_CODINGS
from .http.deferred import deferred
from .http.errors import Disconnected, RemoteProtocolError
from .pieces import Body

codecs: Any = deferred(".http.codecs", __package__)
decoders: Any = deferred(".http.decoders", __package__)

PIECE: Final = 65536
"""Bytes that are decoded in the event loop between two waits: a fifth of a millisecond."""

LARGE_PIECE: Final = 262144
"""Bytes that are decoded in a thread at a time, and all that is held of what a body unfolds to."""

_LEAST_WORK: Final = 4096
"""What a step counts for that gives less."""


class _Outcome(NamedTuple):
    piece: bytes
    error: RemoteProtocolError | None


class DecodedBody:
    """A `Body` out of an encoded one.

    ``body``
        where the encoded pieces come from.
    ``codings``
        those of `Framing.codings`, of which there is one at least.
    """

    __slots__ = ("_at_once", "_body", "_codings", "_data", "_decoder", "_error", "_is_over", "_working")

    def __init__(self, body: Body, codings: Sequence[str]) -> None:
        self._body = body
        self._codings = codings
        self._decoder: Any = None
        # An encoded piece that the decoder was not given yet.
        self._data = b""
        # Bytes that may still be decoded in the event loop before the next wait.
        self._at_once = PIECE
        # What a thread is at, or has done for a read that was cancelled. Meanwhile nobody touches the
        # decoder.
        self._working: asyncio.Future[_Outcome] | None = None
        self._error: RemoteProtocolError | None = None
        self._is_over = False

    @property
    def body_complete(self) -> bool:
        """Whether the whole body has arrived and was handed over: how much is still to come out of what is
        there only decoding tells."""
        return self._is_over

    def read_nowait(self) -> bytes:
        """The next piece, if it is there and not too much work; ``b""`` otherwise. Raises as `read` does."""
        if self._working is not None:
            return self._take_outcome() if self._working.done() else b""
        while self._at_once > 0 and self._has_input():
            piece = self._decode(self._at_once)
            self._at_once -= max(len(piece), _LEAST_WORK)
            if piece:
                self._look_ahead()
                return piece
        return b""

    async def read(self) -> bytes:
        """The next piece, waiting for it; ``b""`` at the end, and again after it. Cancellation loses no
        bytes.

        Raises `HTTPUnsupportedMediaType` where a coding is not known, `RemoteProtocolError` for a body that
        is not in its coding, and what the encoded body raises."""
        while not self._is_over:
            piece = self.read_nowait()
            if piece:
                return piece
            if self._working is not None or self._has_input():
                await self._wait_for_thread()
            elif not self._is_over:
                self._data = await self._body.read()
                self._at_once = PIECE
        return b""

    # -- the encoded body ------------------------------------------------------------------------------

    def _has_input(self) -> bool:
        """Whether there is something to decode. If not, there will be, or the body is over."""
        if self._error is not None:
            raise self._error
        if self._is_over:
            return False
        if self._decoder is None:
            self._decoder = self._make_decoder()
        if self._data or not self._decoder.needs_input:
            return True
        self._data = self._body.read_nowait()
        if not self._data and self._body.body_complete:
            try:
                self._decoder.finish()
            except RemoteProtocolError as error:
                self._error = error
                raise
            self._is_over = True
        return bool(self._data)

    def _look_ahead(self) -> None:
        """Notice the end together with the last piece. What went wrong is for whoever reads on."""
        try:
            self._has_input()
        except (RemoteProtocolError, Disconnected):
            pass

    def _make_decoder(self) -> Any:
        codings = self._codings
        if len(codings) > MOST_CODINGS or not set(codecs.AVAILABLE).issuperset(codings):
            accepted = ", ".join(codecs.AVAILABLE)
            raise HTTPUnsupportedMediaType(
                headers=[(names.ACCEPT_ENCODING, accepted)],
                text=f"415: Unsupported Media Type\nThe content codings of a body can be: {accepted}",
            )
        return decoders.make_decoder(codings)

    # -- the work --------------------------------------------------------------------------------------

    def _decode(self, most: int) -> bytes:
        data, self._data = self._data, b""
        try:
            piece: bytes = self._decoder.decode(data, most)
        except RemoteProtocolError as error:
            self._error = error
            raise
        return piece

    async def _wait_for_thread(self) -> None:
        if self._working is None:
            self._working = asyncio.get_running_loop().run_in_executor(None, self._work)
        # Cancelled, it leaves the thread to its work, and the outcome to the next reader.
        await asyncio.wait([self._working])

    def _work(self) -> _Outcome:
        # Returned: what is raised in a thread and not fetched any more would be logged.
        try:
            return _Outcome(self._decode(LARGE_PIECE), None)
        except RemoteProtocolError as error:
            return _Outcome(b"", error)

    def _take_outcome(self) -> bytes:
        working, self._working = self._working, None
        if working is None:
            raise AssertionError("there is no outcome to take")
        self._at_once = PIECE
        piece, error = working.result()
        if error is not None:
            raise error
        if piece:
            self._look_ahead()
        return piece
