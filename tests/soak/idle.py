"""Ten thousand connections that do nothing: what each costs, and that another client does not notice.

Each makes one request before it falls idle, so that it holds what a connection in use holds.
"""

import asyncio
import resource
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from tests.soak.child import PATIENCE, listen, serving
from tests.soak.honest import HOST, Honest
from tests.soak.report import Report

_SPARE = 200
"""Descriptors that the two processes need for other things."""

_AT_A_TIME = 500
_ASK = b"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: idle\r\nAccept: */*\r\n\r\n"


def raise_descriptors(count: int) -> int:
    """Let this process and those that it starts have so many descriptors, or as many as they may. Returns
    how many connections that is enough for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + _SPARE if hard == resource.RLIM_INFINITY else min(count + _SPARE, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted - _SPARE


async def run(count: int, loop: str) -> Report:
    """Hold ``count`` idle connections to a server on this event loop, or as many as descriptors allow."""
    allowed = min(count, raise_descriptors(count))
    report = Report(part=f"idle ({loop})", figures={"connections": allowed})
    async with serving(listen(), loop=loop, limits={"connections": allowed + _SPARE // 2}) as child:
        async with _opened(child.address, min(allowed, _AT_A_TIME)):
            pass
        before = await child.quiet()
        async with _opened(child.address, allowed):
            full = await child.census()
            honest = Honest(child.address, HOST)
            for number in range(100):
                await honest.ask(number, asyncio.get_running_loop().time())
            await honest.close()
            still = await child.census()
        report.failures += await child.left_behind(before)
        report.failures += await child.stop()
    report.figures["bytes of memory each"] = (full.resident - before.resident) // max(allowed, 1)
    report.figures["slowest of 100 answers beside them, ms"] = honest.waits.percentile(1.0) * 1000
    report.check(not honest.waits.missing, f"not answered beside them: {honest.waits.missing[:3]}")
    report.check(still.connections >= allowed, f"only {still.connections} connections are left")
    return report


@asynccontextmanager
async def _opened(address: tuple[str, int], count: int) -> AsyncIterator[None]:
    with ExitStack() as sockets:
        for start in range(0, count, _AT_A_TIME):
            some = range(min(_AT_A_TIME, count - start))
            clients = [sockets.enter_context(socket.socket()) for _ in some]
            for client in clients:
                # From many addresses: one has too few ports, when the last minute's are still taken.
                client.bind((f"127.0.1.{start // _AT_A_TIME + 1}", 0))
            await asyncio.gather(*(_open_one(address, client) for client in clients))
        yield


async def _open_one(address: tuple[str, int], sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    sock.setblocking(False)
    async with asyncio.timeout(PATIENCE):
        await loop.sock_connect(sock, address)
        await loop.sock_sendall(sock, _ASK)
        answer = b""
        while not answer.endswith(b"hello"):
            piece = await loop.sock_recv(sock, 4096)
            assert piece, f"closed after {answer!r}"
            answer += piece
