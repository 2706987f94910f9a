"""A connection without a socket: an asyncio transport whose far end is a client in the same process.

It keeps to what asyncio's own transports do: the protocol is called by the event loop and never from
inside its own calls, ``close`` sends what is left, ``abort`` does not, and reading can be paused, in which
case the bytes stay where they are, as in the kernel. It knows no HTTP, on neither side.
"""

import asyncio
import contextvars
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Protocol

CLIENT = ("127.0.0.1", 50000)
"""Where a connection comes from unless it is said otherwise."""

SERVER = ("127.0.0.1", 80)
"""Where it goes to."""

READ_SIZE = 2**18
"""Bytes that one call brings at most, as in asyncio."""

_HIGH_WATER = 65536
"""Bytes waiting to be sent beyond which writing is paused, as in asyncio."""


class FarEnd(Protocol):
    """Is told at once of what the server sends."""

    def bytes_came(self, data: bytes) -> None:
        """The next bytes."""

    def end_came(self) -> None:
        """The server sends nothing more."""


class _NoFarEnd:
    def bytes_came(self, data: bytes) -> None: ...

    def end_came(self) -> None: ...


class _Event(Enum):
    """What can come in the place of bytes."""

    END = "the client sends nothing more"
    CLOSE = "the client sends nothing more, and takes nothing more"
    RESET = "the connection is broken"


class MemoryTransport(asyncio.Transport):
    """Carries bytes between a protocol and a client.

    ``far_end``
        the client.
    ``address``
        where the client is, as ``get_extra_info("peername")`` tells it.
    ``extra``
        what else ``get_extra_info`` tells.

    Made in a running loop.
    """

    def __init__(
        self,
        protocol: asyncio.Protocol,
        far_end: FarEnd | None = None,
        *,
        address: Any = CLIENT,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__({"peername": address, "sockname": SERVER, **(extra or {})})
        self.protocol = protocol
        self.is_cut = False
        """Whether the server has aborted."""
        self.is_lost = False
        """Whether nothing goes either way any more."""
        self.has_sent_end = False
        """Whether the client was told that nothing more comes."""
        self._is_reading = True
        self._is_looking = False
        self._far_end: FarEnd = far_end or _NoFarEnd()
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self._incoming: deque[bytes | _Event] = deque()
        self._unread = 0
        self._unsent = bytearray()
        self._waiters: list[asyncio.Future[None]] = []
        self._allowance: int | None = None
        self._client_is_gone = False
        self._has_heard_end = False
        self._is_paused = False
        self._is_closing = False
        self._has_ended = False
        self._high, self._low = _HIGH_WATER, _HIGH_WATER // 4
        self._soon(self.protocol.connection_made, self)

    # -- the client's side -----------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """The client sends bytes."""
        for start in range(0, len(data), READ_SIZE):
            self._incoming.append(data[start : start + READ_SIZE])
        self._unread += len(data)
        self._look()

    def feed_eof(self) -> None:
        """The client sends nothing more."""
        self._incoming.append(_Event.END)
        self._look()

    def feed_close(self) -> None:
        """The client closes the connection: what it sent before arrives, and whatever is sent to it from
        then on meets a reset."""
        self._incoming.append(_Event.CLOSE)
        self._look()

    def feed_reset(self) -> None:
        """The client breaks the connection, after what it has sent has arrived."""
        self._incoming.append(_Event.RESET)
        self._look()

    def disconnect(self) -> None:
        """The client is gone, in both directions; the server learns it in the next turn of the loop, and
        may miss what was on its way."""
        self._incoming.clear()
        self._unread = 0
        self._unsent.clear()
        self._lose(ConnectionResetError("the client has reset the connection"))

    def stop_taking(self) -> None:
        """The client no longer reads."""
        self._allowance = 0

    def take(self, size: int | None = None) -> None:
        """The client reads ``size`` bytes more, now or when they come; without a size, all that comes."""
        self._allowance = None if size is None else (self._allowance or 0) + size
        data = bytes(self._unsent[: self._allowance])
        del self._unsent[: len(data)]
        self._reach_client(data)
        if self._is_paused and len(self._unsent) <= self._low:
            self._is_paused = False
            self._soon(self.protocol.resume_writing)
        self._end_if_sent()

    @property
    def unread(self) -> int:
        """Bytes that the client sent and the server has not taken."""
        return self._unread

    async def taken(self, below: int = 0) -> None:
        """Wait until at most ``below`` bytes that the client sent are left for the server to take, or the
        connection is lost."""
        while self.unread > below and not self._is_closing:
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._waiters.append(waiter)
            await waiter

    # -- asyncio.Transport -----------------------------------------------------------------------------

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Whom to call from now on."""
        assert isinstance(protocol, asyncio.Protocol)
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Who is called."""
        return self.protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes. What is written to a client that is gone is lost, and the protocol is told."""
        if self._has_ended:
            raise RuntimeError("write() after write_eof()")
        if self.is_lost or self.is_cut:
            return
        if self._client_is_gone:
            self._lose(ConnectionResetError("the client has closed the connection"))
            return
        if not self._unsent:
            taken = len(data) if self._allowance is None else min(len(data), self._allowance)
            self._reach_client(bytes(data[:taken]))
            data = data[taken:]
        self._unsent += data
        if not self._is_paused and len(self._unsent) > self._high:
            self._is_paused = True
            self.protocol.pause_writing()

    def can_write_eof(self) -> bool:
        """Whether there is a half close."""
        return True

    def write_eof(self) -> None:
        """Send nothing more once everything is sent."""
        if not self._is_closing and not self._has_ended:
            self._has_ended = True
            self._end_if_sent()

    def get_write_buffer_size(self) -> int:
        """Bytes that the client has not taken."""
        return len(self._unsent)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Bytes beyond which writing is paused, and from which on it goes on."""
        self._high = _HIGH_WATER if high is None else high
        self._low = self._high // 4 if low is None else low

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """What `set_write_buffer_limits` set, the lower one first."""
        return self._low, self._high

    def is_reading(self) -> bool:
        """Whether bytes are brought."""
        return self._is_reading and not self._is_closing

    def pause_reading(self) -> None:
        """Leave what the client sends where it is. A second call does nothing."""
        self._is_reading = False

    def resume_reading(self) -> None:
        """Bring it again. A second call does nothing."""
        if self._is_reading or self._is_closing:
            return
        self._is_reading = True
        # As in asyncio: whatever reads from now on runs in the context of the one who resumed.
        self._context = contextvars.copy_context()
        self._look()

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._is_closing

    def close(self) -> None:
        """Close once everything is sent."""
        if not self._is_closing:
            self._is_closing = True
            self._wake()
            self._end_if_sent()

    def abort(self) -> None:
        """Close at once."""
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
        if isinstance(data, bytes):
            self._unread -= len(data)
        self._wake()
        if isinstance(data, bytes):
            self.protocol.data_received(data)
        elif data is _Event.RESET or (data is _Event.CLOSE and self._unsent):
            # To close with something unread resets the connection, too (RFC 2525, section 2.17).
            self.disconnect()
        elif self._has_heard_end:
            self._client_is_gone = True
        else:
            self._client_is_gone = data is _Event.CLOSE
            self._has_heard_end = True
            if not self.protocol.eof_received() or not self.can_write_eof():
                self.close()
        self._look()

    def _reach_client(self, data: bytes) -> None:
        if self._allowance is not None:
            self._allowance -= len(data)
        if data and not self._client_is_gone:
            self._far_end.bytes_came(data)

    def _end_if_sent(self) -> None:
        if self._unsent:
            return
        if self._has_ended and not self.has_sent_end:
            self.has_sent_end = True
            self._far_end.end_came()
        if self._is_closing:
            self._lose(None)

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _lose(self, error: Exception | None) -> None:
        self._is_closing = True
        self._wake()
        if not self.is_lost:
            self.is_lost = True
            self._soon(self._tell_lost, error)

    def _tell_lost(self, error: Exception | None) -> None:
        self.protocol.connection_lost(error)
        if not self.has_sent_end:
            self.has_sent_end = True
            self._far_end.end_came()


class TlsMemoryTransport(MemoryTransport):
    """One that knows no half close, as TLS: neither side can end its own direction alone."""

    def can_write_eof(self) -> bool:
        """There is none."""
        return False

    def write_eof(self) -> None:
        """Raises `NotImplementedError`, as asyncio's."""
        raise NotImplementedError("TLS knows no half close")


class _PretendedTls:
    """What a program can ask of TLS where there is none."""

    def getpeercert(self, binary_form: bool = False) -> Any:
        return None if binary_form else {}

    def version(self) -> str:
        return "TLSv1.3"

    def cipher(self) -> tuple[str, str, int]:
        return ("TLS_AES_256_GCM_SHA384", "TLSv1.3", 256)

    def selected_alpn_protocol(self) -> str | None:
        return None


def connect_transport(
    protocol: asyncio.Protocol, far_end: FarEnd, address: Any, is_secure: bool
) -> MemoryTransport:
    """The transport between a protocol of the server's and a client; over TLS, which is pretended, it has
    no half close."""
    if not is_secure:
        return MemoryTransport(protocol, far_end, address=address)
    tls = {"sslcontext": ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), "ssl_object": _PretendedTls()}
    return TlsMemoryTransport(protocol, far_end, address=address, extra=tls)
