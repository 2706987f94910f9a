"""The transport of the server's own tests: that of `sketch.testing`, which here remembers what went over it
and is stricter with the server than asyncio is.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from sketch.testing.transport import FarEnd, MemoryTransport, TlsMemoryTransport

CLIENT = ("192.0.2.1", 50000)
"""Where a connection comes from unless a test says otherwise."""

SERVER = ("192.0.2.2", 80)


class FakeTransport(MemoryTransport):
    """Carries bytes between a protocol and a test.

    ``received``
        what has reached the client.
    """

    def __init__(
        self,
        protocol: asyncio.Protocol,
        far_end: FarEnd | None = None,
        *,
        address: Any = CLIENT,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(protocol, far_end, address=address, extra={"sockname": SERVER, **(extra or {})})
        self.received = b""
        self.written: list[bytes | bytearray | memoryview] = []
        """What was written, each piece as it came."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._has_ended and not self.is_lost and not self.is_cut:
            self.written.append(data)
        super().write(data)

    def _reach_client(self, data: bytes) -> None:
        self.received += data
        super()._reach_client(data)

    def pause_reading(self) -> None:
        assert self._is_reading, "paused twice"
        assert not self._is_closing, "paused while it closes"
        super().pause_reading()

    def resume_reading(self) -> None:
        assert not self._is_reading, "resumed twice"
        assert not self._is_closing, "resumed while it closes"
        super().resume_reading()


class FakeTlsTransport(FakeTransport, TlsMemoryTransport):
    """One that knows no half close: neither side can end its own direction alone."""
