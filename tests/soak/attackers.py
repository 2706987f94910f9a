"""The four slow attacks in a few lines each, against limits that are short: the slice of `tests.soak.slow`.

Each attacker goes on until the server has ended its connection, and says what it was told.
"""

import asyncio
import contextlib
import select
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from tests.soak.child import PATIENCE, listen, serving
from tests.soak.honest import HOST, Honest
from tests.soak.report import Report

LIMITS: dict[str, Any] = {
    "head_timeout": 2.0,
    "body_grace": 2.0,
    "body_timeout": 2.0,
    "send_timeout": 2.0,
    "first_byte_timeout": 2.0,
    "lingering_timeout": 2.0,
}
"""The defaults are tens of seconds. What does not depend on time is as it is for everybody."""

INTERVAL = 0.2
"""Seconds between two bytes of an attacker."""

Attack = Callable[[socket.socket], Awaitable[None]]


async def send_head_slowly(sock: socket.socket) -> None:
    """Slow headers: one more field every now and then."""
    await _drip(sock, b"GET / HTTP/1.1\r\nHost: a\r\n", b"X: y\r\n")


async def send_body_slowly(sock: socket.socket) -> None:
    """Slow body: one more byte of it every now and then."""
    await _drip(sock, b"POST /take HTTP/1.1\r\nHost: a\r\nContent-Length: 4096\r\n\r\n", b"x")


async def read_slowly(sock: socket.socket) -> None:
    """Slow read: a large answer, and one byte of it every now and then."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, b"GET /download/8000000 HTTP/1.1\r\nHost: a\r\n\r\n")
    # What had come before a reset could still be read, for an hour at this pace.
    while not await _is_reset(sock):
        await loop.sock_recv(sock, 1)


async def ask_for_ranges(sock: socket.socket) -> None:
    """Ranges: thousands of them, overlapping."""
    ranges = b",".join(b"5-%d" % end for end in range(2000))
    request = b"GET /whole HTTP/1.1\r\nHost: a\r\nRange: bytes=0-," + ranges + b"\r\n\r\n"
    await asyncio.get_running_loop().sock_sendall(sock, request)


async def say_nothing(sock: socket.socket) -> None:
    """A connection on which nothing is sent."""


ATTACKS: dict[str, tuple[Attack, bytes]] = {
    "slow headers": (send_head_slowly, b"HTTP/1.1 408 "),
    "slow body": (send_body_slowly, b"HTTP/1.1 408 "),
    "slow read": (read_slowly, b""),
    "ranges": (ask_for_ranges, b"HTTP/1.1 431 "),
    "silence": (say_nothing, b""),
}
"""Each attack, and how the answer to it begins; of slow readers nothing more than the end is asked."""


async def _drip(sock: socket.socket, beginning: bytes, drop: bytes) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, beginning)
    while not await _has_answer(sock):
        await loop.sock_sendall(sock, drop)


async def _is_reset(sock: socket.socket) -> bool:
    await asyncio.sleep(INTERVAL)
    looking = select.poll()
    looking.register(sock, 0)
    return bool(looking.poll(0))


async def _has_answer(sock: socket.socket) -> bool:
    await asyncio.sleep(INTERVAL)
    try:
        sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    return True


async def attack(address: tuple[str, int], kind: Attack) -> bytes:
    """One attacker, until its connection has ended. What it was told."""
    loop = asyncio.get_running_loop()
    told = b""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        await loop.sock_connect(sock, address)
        # A reset is an end, too.
        with contextlib.suppress(ConnectionError):
            await kind(sock)
            while data := await loop.sock_recv(sock, 65536):
                told += data
    return told


async def run(loop: str, *, each: int = 25) -> Report:
    """So many attackers of each kind at a time, and an honest client beside them."""
    report = Report(part=f"attackers ({loop})", figures={"attackers": each * len(ATTACKS)})
    async with serving(listen(), loop=loop, limits=LIMITS) as child:
        honest, over = Honest(child.address, HOST), asyncio.Event()
        # What is made once is made by then.
        for name in ATTACKS:
            await _attack_together(report, child.address, name, 1)
        before = await child.quiet()
        asking = asyncio.create_task(honest.run_until(over))
        await asyncio.gather(*(_attack_together(report, child.address, name, each) for name in ATTACKS))
        over.set()
        await asking
        report.failures += await child.left_behind(before)
        report.failures += await child.stop()
    report.figures["honest answers"] = len(honest.waits.seconds)
    report.check(not honest.waits.missing, f"honest requests were not answered: {honest.waits.missing[:3]}")
    return report


async def _attack_together(report: Report, address: tuple[str, int], name: str, count: int) -> None:
    kind, beginning = ATTACKS[name]
    try:
        async with asyncio.timeout(PATIENCE):
            told = await asyncio.gather(*(attack(address, kind) for _ in range(count)))
    except TimeoutError:
        report.failures.append(f"{name}: an attacker is still there")
        return
    wrong = [answer for answer in told if not answer.startswith(beginning)]
    report.check(not wrong, f"{name}: {len(wrong)} attackers were told otherwise: {wrong[:1]}")
