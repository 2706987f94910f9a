"""A connection without a socket: an asyncio transport whose far end is the test.

It keeps to what asyncio's own transports do: the protocol is called by the event loop and never from
inside its own calls, ``close`` sends what is left, ``abort`` does not, and reading can be paused, in which
case the bytes stay where they are, as in the kernel.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

CLIENT = ("192.0.2.1", 50000)
"""Where a connection comes from unless a test says otherwise."""

READ_SIZE = 2**18
"""Bytes that one call brings at most, as in asyncio."""


class FarEnd(Protocol):
    """Is told at once of what the server sends."""

    def bytes_came(self, data: bytes) -> None:
        """The next bytes."""

    def end_came(self) -> None:
        """The server sends nothing more."""


class _NoFarEnd:
    def bytes_came(self, data: bytes) -> None: ...

    def end_came(self) -> None: ...


class FakeTransport(asyncio.Transport):
    """Carries bytes between a protocol and a test.

    ``received``
        what has reached the client.
    ``is_cut``
        whether the server has aborted.
    """

    def __init__(
        self, protocol: asyncio.Protocol, far_end: FarEnd | None = None, *, address: Any = CLIENT
    ) -> None:
        super().__init__({"peername": address, "sockname": ("192.0.2.2", 80)})
        self.protocol = protocol
        self.received = b""
        self.written: list[bytes | bytearray | memoryview] = []
        """What was written, each piece as it came."""
        self.is_cut = False
        self.is_lost = False
        self._is_reading = True
        self._is_looking = False
        self.has_sent_end = False
        self._far_end: FarEnd = far_end or _NoFarEnd()
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self._incoming: deque[bytes | None] = deque()
        self._unsent = bytearray()
        self._is_taking = True
        self._is_paused = False
        self._is_closing = False
        self._has_ended = False
        self._high, self._low = 65536, 16384
        self._soon(self.protocol.connection_made, self)

    # -- the test's side -------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """The client sends bytes."""
        for start in range(0, len(data), READ_SIZE):
            self._incoming.append(data[start : start + READ_SIZE])
        self._look()

    def feed_eof(self) -> None:
        """The client sends nothing more."""
        self._incoming.append(None)
        self._look()

    def disconnect(self) -> None:
        """The client is gone, in both directions; the server learns it in the next turn of the loop."""
        self._incoming.clear()
        self._unsent.clear()
        self._lose(ConnectionResetError("reset by the test"))

    def stop_taking(self) -> None:
        """The client no longer reads."""
        self._is_taking = False

    def take(self, size: int | None = None) -> None:
        """The client reads ``size`` bytes more; without a size, all that comes."""
        self._is_taking = size is None
        data = bytes(self._unsent[:size])
        del self._unsent[: len(data)]
        self._reach_client(data)
        if self._is_paused and len(self._unsent) <= self._low:
            self._is_paused = False
            self._soon(self.protocol.resume_writing)
        self._end_if_sent()

    @property
    def unread(self) -> int:
        """Bytes that the client sent and the server has not taken."""
        return sum(len(data) for data in self._incoming if data is not None)

    # -- asyncio.Transport -----------------------------------------------------------------------------

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self.protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._has_ended:
            raise RuntimeError("write() after write_eof()")
        if self.is_lost or self.is_cut:
            return
        self.written.append(data)
        if self._is_taking:
            self._reach_client(bytes(data))
            return
        self._unsent += data
        if not self._is_paused and len(self._unsent) > self._high:
            self._is_paused = True
            self.protocol.pause_writing()

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if not self._is_closing and not self._has_ended:
            self._has_ended = True
            self._end_if_sent()

    def get_write_buffer_size(self) -> int:
        return len(self._unsent)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = 65536 if high is None else high
        self._low = self._high // 4 if low is None else low

    def is_reading(self) -> bool:
        return self._is_reading and not self._is_closing

    def pause_reading(self) -> None:
        assert self._is_reading, "paused twice"
        assert not self._is_closing, "paused while it closes"
        self._is_reading = False

    def resume_reading(self) -> None:
        assert not self._is_reading, "resumed twice"
        assert not self._is_closing, "resumed while it closes"
        self._is_reading = True
        # As in asyncio: whatever reads from now on runs in the context of the one who resumed.
        self._context = contextvars.copy_context()
        self._look()

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._end_if_sent()

    def abort(self) -> None:
        if not self.is_lost:
            self.is_cut = True
            self._unsent.clear()
            self._lose(None)

    # -- between the two -------------------------------------------------------------------------------

    def _soon(self, function: Callable[..., object], *arguments: object) -> None:
        self._loop.call_soon(function, *arguments, context=self._context)

    def _look(self) -> None:
        if self._incoming and not self._is_looking:
            self._is_looking = True
            self._soon(self._deliver)

    def _deliver(self) -> None:
        self._is_looking = False
        if not self._incoming or not self.is_reading():
            return
        data = self._incoming.popleft()
        if data is not None:
            self.protocol.data_received(data)
        elif not self.protocol.eof_received():
            self.close()
        self._look()

    def _reach_client(self, data: bytes) -> None:
        self.received += data
        if data:
            self._far_end.bytes_came(data)

    def _end_if_sent(self) -> None:
        if self._unsent:
            return
        if self._has_ended and not self.has_sent_end:
            self.has_sent_end = True
            self._far_end.end_came()
        if self._is_closing:
            self._lose(None)

    def _lose(self, error: Exception | None) -> None:
        self._is_closing = True
        if not self.is_lost:
            self.is_lost = True
            self._soon(self._tell_lost, error)

    def _tell_lost(self, error: Exception | None) -> None:
        self.protocol.connection_lost(error)
        if not self.has_sent_end:
            self.has_sent_end = True
            self._far_end.end_came()


class FakeTlsTransport(FakeTransport):
    """One that knows no half close: neither side can end its own direction alone."""

    def can_write_eof(self) -> bool:
        return False

    def write_eof(self) -> None:
        raise NotImplementedError
