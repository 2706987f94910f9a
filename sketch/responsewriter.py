"""Where a payload writes to when it is the body of a response.

It knows what comes first, the head or a piece of the body, and that what was announced has to be written. How
either is sent, the response and its exchange know.
"""

import asyncio
from typing import Protocol

from .http.exchange import Bytes, Exchange
from .http.heads import ResponseHead
from .http.status import allows_body
from .payloadbase import AnyPayload, let_go


class StreamedResponse(Protocol):
    """What is needed of a response whose head is settled and not sent."""

    async def write(self, data: Bytes) -> None:
        """Send a piece of the body."""

    async def finish_stream(self) -> None:
        """End the body."""


class ResponseWriter:
    """The writer of a response's body (aiohttp ``abc.AbstractStreamWriter``, as far as payloads use it).

    The head is sent with the first piece. So most bodies leave in one write, and a payload that fails before
    it has written anything can still be answered with an error.

    ``length``
        bytes that will be written; ``None`` when that is not known.
    """

    __slots__ = ("_exchange", "_head", "_is_started", "_response", "length")

    buffer_size = 0
    """Bytes that are held back here: none."""

    def __init__(
        self, response: StreamedResponse, exchange: Exchange, head: ResponseHead, length: int | None
    ) -> None:
        self._response = response
        self._exchange = exchange
        self._head = head
        self._is_started = False
        self.length = length

    @property
    def output_size(self) -> int:
        """Bytes that were sent so far, the head included."""
        return self._exchange.bytes_sent

    @property
    def transport(self) -> asyncio.BaseTransport | None:
        """The transport below; ``None`` where there is none (any more)."""
        return self._exchange.transport

    def send_headers(self) -> None:
        """Send the head now, without a piece of the body."""
        if not self._is_started:
            self._is_started = True
            self._exchange.start(self._head, self.length)

    async def write(self, chunk: Bytes, *, drain: bool = True) -> None:
        """Send a piece, and wait while the client is too slow to take more.

        Raises `TypeError` for anything but bytes, `RuntimeError` for more of them than were announced,
        `Disconnected` when the client is gone."""
        if not isinstance(chunk, bytes | bytearray | memoryview):
            raise TypeError(f"a body is made of bytes, and {chunk!r:.100} is of {type(chunk)!r}: encode it")
        if not chunk:
            return
        if not self._is_started:
            size = chunk.nbytes if isinstance(chunk, memoryview) else len(chunk)
            if size == self.length:
                self._is_started = True
                self._exchange.respond(self._head, chunk)
                return
            self.send_headers()
        elif self._exchange.response_complete:
            raise RuntimeError(f"{len(chunk)} bytes were written after the {self.length} that were announced")
        await self._response.write(chunk)

    async def write_eof(self, chunk: Bytes = b"") -> None:
        """Send a last piece, if any, and end the body. A second call does nothing.

        Raises as `write` does, and `RuntimeError` when less was written than announced."""
        await self.write(chunk)
        if self._exchange.response_complete:
            return
        if not self._is_started and self.length:
            raise RuntimeError(f"a body of {self.length} bytes was announced, and none was written")
        await self.end()

    async def end(self) -> None:
        """End the response here, for which nothing may be missing."""
        if not self._is_started and self.length == 0:
            self._is_started = True
            self._exchange.respond(self._head)
            return
        self.send_headers()
        await self._response.finish_stream()

    async def drain(self) -> None:
        """Does nothing: `write` has waited."""


async def send_payload(payload: AnyPayload, writer: ResponseWriter, exchange: Exchange, status: int) -> None:
    """Send a response whose body is a payload, without that where the request or the status allow none (RFC
    9110, section 6.4.1), and let go of the payload, whatever happens."""
    try:
        method = exchange.head.method
        if method == "HEAD" or not allows_body(status) or (method == "CONNECT" and 200 <= status < 300):
            writer.send_headers()
            await writer.end()
        else:
            await payload.write(writer)
            await writer.write_eof()
    finally:
        await let_go(payload)
