"""Clients that leave after every byte of a request, and after every byte of its answer.

With a reset or with an orderly end, at once or when the server has had time to go on; and before a server
whose buffers are so small that it waits in the middle of an answer. Nothing may be left of them.
"""

import asyncio
import itertools
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.soak.child import PATIENCE, Child, listen, serving
from tests.soak.report import Report

_RESET = struct.pack("ii", 1, 0)

CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n5\r\nab cd\r\n3;x=y\r\nefg\r\n0\r\nX-T: 1\r\n\r\n"
COUNTED = b"Content-Length: 10\r\n\r\n0123456789"
LAST = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

REQUESTS = {
    "plain": LAST,
    "counted body": b"POST /take HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + COUNTED,
    "chunked body": b"POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + CHUNKED,
    "unread body": b"POST /ignore HTTP/1.1\r\nHost: a\r\n" + CHUNKED + LAST,
    "invited body": b"POST /take HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\n"
    + COUNTED,
    "refused": b"GET / HTTP/1.1\r\n\r\n",
    "pipelined": b"GET /drops/3 HTTP/1.1\r\nHost: a\r\n\r\nGET /work/quick/1 HTTP/1.1\r\nHost: a\r\n\r\n"
    + LAST,
    "old": b"GET /drops/20 HTTP/1.0\r\n\r\n",
}
"""What clients send. Each is answered to the end of the connection."""

LARGE = b"GET /download/%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True)
class Leaving:
    """One client: what it sends, how many bytes it takes, how it goes."""

    wire: bytes
    taken: int
    with_reset: bool
    with_pause: bool
    receive_buffer: int | None = None


def leave(address: tuple[str, int], case: Leaving) -> None:
    """Be that client. Blocks."""
    with socket.socket() as sock:
        if case.receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, case.receive_buffer)
        sock.settimeout(PATIENCE)
        sock.connect(address)
        sock.sendall(case.wire)
        _take(sock, case.taken)
        if case.with_pause:
            # For as long as a server takes to get into its next wait; what is found is right without it.
            time.sleep(0.0005)
        if case.with_reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def _take(sock: socket.socket, size: int) -> None:
    while size > 0:
        # Not more than that: what is left unread in the socket is a part of the case.
        data = sock.recv(min(size, 65536))
        if not data:
            raise EOFError(f"the answer ends {size} bytes too early")
        size -= len(data)


def measure(address: tuple[str, int], wire: bytes) -> int:
    """How many bytes the whole answer has."""
    with socket.create_connection(address, PATIENCE) as sock:
        sock.sendall(wire)
        size = 0
        while data := sock.recv(65536):
            size += len(data)
        return size


def cases(address: tuple[str, int], step: int) -> Iterator[Leaving]:
    """Every request, left after each byte of itself and each byte of its answer; only each ``step``-th of
    them, but both ends of everything."""
    pauses = itertools.cycle([False, True, False])
    for wire in REQUESTS.values():
        for with_reset in (False, True):
            for sent in _places(len(wire), step):
                yield Leaving(wire[:sent], 0, with_reset, next(pauses))
            for taken in _places(measure(address, wire), step):
                yield Leaving(wire, taken, with_reset, next(pauses))


def large_cases(size: int, step: int) -> Iterator[Leaving]:
    """One large answer, before small buffers, left after each ``step``-th byte."""
    pauses = itertools.cycle([False, True, True])
    for with_reset in (False, True):
        for taken in _places(size, step):
            yield Leaving(LARGE % size, taken, with_reset, next(pauses), receive_buffer=4096)


def _places(size: int, step: int) -> list[int]:
    return sorted({*range(0, size + 1, step), 0, size})


async def run(loop: str, *, step: int = 1, cancel: bool = False, small: bool = False) -> Report:
    """Clients that leave a server on this event loop.

    ``step``
        1 for every byte, 2 for every second one.
    ``cancel``
        whether the server cancels handlers whose clients have left.
    ``small``
        whether it is about a large answer before small buffers."""
    kind = "large answers" if small else "requests and answers"
    report = Report(part=f"kill ({loop}, {kind}{', cancelling' if cancel else ''})")
    limits = {"write_buffer": 1024} if small else {}
    arguments: dict[str, Any] = {"limits": limits, "options": {"handler_cancellation": cancel}}
    async with serving(listen(send_buffer=1 if small else None), loop=loop, **arguments) as child:
        await _leave_all(child, step=max(step, 7), small=small)
        before = await child.quiet()
        started = time.monotonic()
        report.figures["clients"] = await _leave_all(child, step=step, small=small)
        report.figures["seconds"] = time.monotonic() - started
        report.failures += await child.left_behind(before)
        report.failures += await child.stop()
    return report


async def _leave_all(child: Child, *, step: int, small: bool) -> int:
    return await asyncio.to_thread(_leave_all_blocking, child.address, step, small)


def _leave_all_blocking(address: tuple[str, int], step: int, small: bool) -> int:
    count = 0
    for case in large_cases(20_000, step) if small else cases(address, step):
        leave(address, case)
        count += 1
    return count
