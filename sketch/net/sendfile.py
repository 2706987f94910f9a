"""A file that the system sends, past the transport: its bytes never come to this process.

It knows descriptors and bytes, and nothing of what they are the body of. Event loops refuse to watch the
descriptor of a transport for others, and uvloop has no ``sendfile`` at all; so a second descriptor of the
same socket is watched, while the transport has nothing to send.
"""

import asyncio
import os
from collections.abc import Callable
from typing import Any, Protocol

from ..http.errors import Disconnected, LocalProtocolError
from .registry import Registry

_PIECE = 2**20
"""Bytes that the system is given at a time. A client that takes them as fast as they come must not keep the
others waiting."""


class Sender(Protocol):
    """What sending a file needs of a connection."""

    registry: Registry
    transport: asyncio.Transport | None
    passing: int

    @property
    def is_lost(self) -> bool:
        """Whether nothing that is written would arrive."""

    def pause_writing(self) -> None:
        """More is waiting to be sent than the client takes."""

    def resume_writing(self) -> None:
        """It takes more."""

    async def drained(self) -> None:
        """Wait until writing is not paused. Raises `Disconnected`."""

    def set_write_buffer_limits(self) -> None:
        """Have writing paused where the server's limit says."""


def can_send_files(transport: asyncio.Transport) -> bool:
    """Whether the system can send a file where this transport sends: on a socket, without TLS."""
    if not hasattr(os, "sendfile") or transport.get_extra_info("sslcontext") is not None:
        return False
    sock: Any = transport.get_extra_info("socket")
    return sock is not None and sock.fileno() >= 0


async def send_file(
    connection: Sender, descriptor: int, offset: int, count: int, sent: Callable[[int], None]
) -> bool:
    """Have the system send ``count`` bytes of an open file, and wait until it has taken them.

    Returns whether it could: there are file systems that cannot be sent from, some of those in user space for
    example, which shows at the first byte.

    ``sent``
        told of each piece that was sent.

    Raises `LocalProtocolError` when the file ends before, `Disconnected` when the client is gone. Cancelled,
    it has sent what ``sent`` was told."""
    await _drain(connection)
    transport = connection.transport
    if transport is None or transport.is_closing():
        raise Disconnected("the client closed the connection")
    target = os.dup(transport.get_extra_info("socket").fileno())
    connection.passing, first = count, offset
    try:
        while count:
            try:
                size = os.sendfile(target, descriptor, offset, min(count, _PIECE))
            except BlockingIOError:
                await _wait_until_writable(connection, target)
                continue
            except ConnectionError as error:
                # The transport, which is asked whether the client is there, has not heard of it yet.
                transport.abort()
                raise Disconnected("the client closed the connection") from error
            except OSError:
                if offset > first:
                    raise
                return False
            if not size:
                raise LocalProtocolError(f"the file ends at byte {offset}, {count} bytes too early")
            sent(size)
            offset += size
            count -= size
            connection.passing = count
            if count:
                await asyncio.sleep(0)
                if connection.is_lost:
                    raise Disconnected("the client closed the connection")
    finally:
        connection.passing = 0
        os.close(target)
    return True


async def _drain(connection: Sender) -> None:
    """Wait until the transport has nothing left to send."""
    transport = connection.transport
    if transport is None:
        return
    # What was written in this turn of the loop, uvloop sends at the end of it.
    await asyncio.sleep(0)
    if not transport.get_write_buffer_size():
        return
    transport.set_write_buffer_limits(high=0)
    try:
        await connection.drained()
    finally:
        connection.set_write_buffer_limits()


async def _wait_until_writable(connection: Sender, target: int) -> None:
    """Wait until the client takes more, for as long as it may take."""
    loop = connection.registry.loop
    loop.add_writer(target, connection.resume_writing)
    try:
        connection.pause_writing()
        await connection.drained()
    finally:
        loop.remove_writer(target)
        connection.resume_writing()
