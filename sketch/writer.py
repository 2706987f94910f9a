"""What is behind ``request.writer``: the answer below its response, for programs that write past it.

Knows aiohttp's names for that. Refuses to make heads and to frame bodies: responses and carriers do.
"""

import asyncio
from typing import Final

from .http.errors import LocalProtocolError
from .http.exchange import Bytes, Exchange
from .http.heads import ResponseHead
from .http.status import phrase

_INVITATION: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class ExchangeWriter:
    """Writes into the body of the answer that is being sent (aiohttp's ``AbstractStreamWriter``, without what
    is the response's: heads, chunked framing, compression)."""

    __slots__ = ("_exchange",)

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    @property
    def transport(self) -> asyncio.BaseTransport | None:
        """The transport below; ``None`` when there is none or it is closed."""
        return self._exchange.transport

    @property
    def output_size(self) -> int:
        """Bytes handed to the client so far, heads and framing included."""
        return self._exchange.bytes_sent

    @property
    def buffer_size(self) -> int:
        """Bytes that wait here to be sent: none, what is written is handed on at once."""
        return 0

    async def write(self, chunk: Bytes) -> None:
        """Send a piece of the body, and wait while the client is too slow to take more.

        Before the answer's head, what may be written is ``HTTP/1.1 100 Continue``, by an ``expect_handler``
        that accepts the body. Anything else raises `RuntimeError` there, as do more bytes than were declared;
        `Disconnected` when the client is gone. Cancelled while it waits, the data counts as sent."""
        exchange = self._exchange
        if not exchange.response_started and chunk == _INVITATION:
            exchange.inform(ResponseHead(100, phrase(100), automatic=False))
            return
        try:
            await exchange.send(chunk)
        except LocalProtocolError as error:
            raise RuntimeError(
                f"{error}: request.writer is for the body of a response that was prepared"
            ) from error

    async def write_eof(self, chunk: Bytes = b"") -> None:
        """Send a last piece, if any, and end the body. Raises as `write` does."""
        if chunk:
            await self.write(chunk)
        if not self._exchange.response_complete:
            try:
                await self._exchange.finish()
            except LocalProtocolError as error:
                raise RuntimeError(str(error)) from error

    async def drain(self) -> None:
        """Let others run. `write` has waited for the client already."""
        await asyncio.sleep(0)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._exchange!r}>"
