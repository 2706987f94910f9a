"""Mutated requests to a live server: many on one connection, cut anywhere, ended in every way.

The inputs are those of `tests.fuzz.mutator`. Nothing may be left of them in the server, nobody may complain,
and an honest client is answered all the while.
"""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from random import Random

from tests.fuzz.mutator import make_input, random_for
from tests.soak.census import Census
from tests.soak.child import PATIENCE, Child, listen, serving
from tests.soak.report import Report

CLIENTS = 32
"""Connections at a time."""

LONGEST_VISIT = 5
"""Inputs on one connection, at most."""

HEARING = 0.02
"""Seconds for which clients listen that wait for an answer before they send more."""

_HONEST = b"GET /work/quick/17 HTTP/1.1\r\nHost: honest\r\nConnection: close\r\n\r\n"
_RESET = struct.pack("ii", 1, 0)


class Visitor(asyncio.Protocol):
    """A client that takes what comes, or takes nothing for a while.

    ``beginning``
        the first bytes that came.
    ``heard``
        set when something comes.
    ``lost``
        set when the connection is.
    """

    def __init__(self) -> None:
        self.beginning = b""
        self.heard = asyncio.Event()
        self.lost = asyncio.Event()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self.heard.set()
        if len(self.beginning) < 4096:
            self.beginning += data

    def connection_lost(self, exc: BaseException | None) -> None:
        """Called by asyncio."""
        self.heard.set()
        self.lost.set()

    def end(self) -> None:
        """Send nothing more, and wait for what comes."""
        # The server may have reset the connection, which asyncio has not noticed.
        with suppress(OSError):
            if not self.transport.is_closing():
                self.transport.write_eof()

    def reset(self) -> None:
        """Leave without a word."""
        sock = self.transport.get_extra_info("socket")
        if sock.fileno() >= 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()


class Visits:
    """Many clients, who share one series of inputs.

    ``statuses``
        of the first answer on each connection, as text; ``none`` where nothing came.
    ``sent``
        inputs that were.
    ``failures``
        what was wrong, in sentences.
    """

    def __init__(self, address: tuple[str, int], seed: int, numbers: Iterator[int]) -> None:
        self.statuses: Counter[str] = Counter()
        self.sent = 0
        self.failures: list[str] = []
        self._address = address
        self._seed = seed
        self._numbers = numbers

    async def run(self) -> None:
        """Send all inputs."""
        async with asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(self._visit_repeatedly())

    async def _visit_repeatedly(self) -> None:
        for first in self._numbers:
            random = random_for(self._seed, first)
            more = range(random.randrange(LONGEST_VISIT))
            numbers = [first, *(number for _, number in zip(more, self._numbers, strict=False))]
            while numbers:
                numbers = await self._visit(random, numbers)
            if random.random() < 0.02:
                await self._ask_honestly(first)

    async def _visit(self, random: Random, numbers: list[int]) -> list[int]:
        """Send these inputs on one connection, until the server ends it. Returns those that are left."""
        loop = asyncio.get_running_loop()
        _, visitor = await loop.create_connection(Visitor, *self._address)
        if is_reluctant := random.random() < 0.1:
            visitor.transport.pause_reading()
        sent = 0
        while sent < len(numbers) and not visitor.transport.is_closing():
            await self._send(random, visitor, make_input(self._seed, numbers[sent]))
            sent += 1
        if is_reluctant and not visitor.transport.is_closing():
            visitor.transport.resume_reading()
        await self._leave(random, visitor, numbers[:sent])
        return numbers[sent:]

    async def _send(self, random: Random, visitor: Visitor, data: bytes) -> None:
        self.sent += 1
        visitor.heard.clear()
        for piece in _cut(random, data):
            if not visitor.transport.is_closing():
                visitor.transport.write(piece)
                await asyncio.sleep(0)
        if random.random() < 0.7:
            # Mostly there is an answer, and often the end of the connection: what follows goes elsewhere.
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARING):
                    await visitor.heard.wait()

    async def _leave(self, random: Random, visitor: Visitor, numbers: list[int]) -> None:
        way = random.random()
        if way < 0.25:
            visitor.reset()
        elif way < 0.5:
            visitor.transport.close()
        else:
            visitor.end()
        try:
            async with asyncio.timeout(PATIENCE):
                await visitor.lost.wait()
        except TimeoutError:
            self.failures.append(f"inputs {numbers}: the connection stays open after the client's end")
            visitor.transport.abort()
        self._read(visitor.beginning, numbers)

    def _read(self, beginning: bytes, numbers: list[int]) -> None:
        line = beginning[:16].split(b"\r\n")[0]
        self.statuses[line[9:12].decode("latin-1") or "none"] += 1
        if beginning and not b"HTTP/1.1 ".startswith(line[:9]):
            self.failures.append(f"inputs {numbers}: the answer begins with {line!r}")
        if line[9:12] == b"500":
            self.failures.append(f"inputs {numbers}: 500")

    async def _ask_honestly(self, number: int) -> None:
        reader, writer = await asyncio.open_connection(*self._address)
        try:
            async with asyncio.timeout(PATIENCE):
                writer.write(_HONEST)
                answer = await reader.read()
        finally:
            writer.close()
            await writer.wait_closed()
        if not (answer.startswith(b"HTTP/1.1 200 OK\r\n") and answer.endswith(b"\r\n\r\n17")):
            self.failures.append(f"near input {number}: an honest client was answered {answer!r}")


def _cut(random: Random, data: bytes) -> list[bytes]:
    places = sorted(random.randrange(len(data) + 1) for _ in range(random.choice((0, 0, 1, 2, 5))))
    pieces = [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]
    return [piece for piece in pieces if piece]


async def run(seed: int, count: int, loop: str) -> Report:
    """Send ``count`` inputs of a series to a server on this event loop."""
    report = Report(part=f"live ({loop})")
    async with serving(listen(), loop=loop) as child:
        warm_up = count // 5
        await _send(child, seed, range(warm_up), report)
        before = await child.quiet()
        statuses = await _send(child, seed, range(warm_up, count), report)
        await _compare(report, child, before, count)
        report.failures += await child.stop()
    report.figures |= {"inputs": count, "seed": seed, "connections": statuses.total()}
    report.figures["first answers"] = ", ".join(f"{name}: {statuses[name]}" for name in sorted(statuses))
    return report


async def _send(child: Child, seed: int, numbers: range, report: Report) -> Counter[str]:
    visits = Visits(child.address, seed, iter(numbers))
    await visits.run()
    report.failures += visits.failures
    report.check(visits.sent == len(numbers), f"{visits.sent} inputs were sent, and not {len(numbers)}")
    return visits.statuses


async def _compare(report: Report, child: Child, before: Census, count: int) -> None:
    # Tables that grow to a limit (hosts, URLs and dates that yarl and others remember) come to some 12 000
    # blocks; one block that every twentieth input left behind would be found in a series of 100 000.
    report.failures += await child.left_behind(before, blocks=15_000 + count // 20)
    after = await child.census()
    grown = (after.resident - before.resident) / 2**20
    report.check(grown < 16, f"the process has grown by {grown:.1f} MiB")
    report.figures["memory blocks more"] = after.blocks - before.blocks
    report.figures["resident MiB more"] = grown
