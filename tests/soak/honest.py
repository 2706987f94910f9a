"""A client that means no harm, and how long it waits: ``python -m tests.soak.honest``.

It asks at a steady pace, whatever becomes of the answers: a wait is counted from the moment at which the
request was due, so that one slow answer does not hide those that it delays. In a process of its own, because
the waits of whoever starts it are not the server's.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from tests.soak.application import checksum
from tests.soak.child import ROOT, read_to_end

PATIENCE = 10.0
"""Seconds after which an answer counts as missing."""

HOST = "127.0.0.9"
"""Where it asks from in the tests. No other test listens there: its ports are taken for a minute."""

CONNECTIONS = 16
"""Connections that are kept alive; every tenth request has one of its own beside them."""

BODY = b"honest" * 200


@dataclass
class Waits:
    """What became of the requests.

    ``seconds``
        of each that was answered, from when it was due to the last byte.
    ``missing``
        what happened to the others.
    """

    seconds: list[float] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """The wait that this share of the requests does not exceed, in seconds; not a number without any."""
        ordered = sorted(self.seconds)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else float("nan")


class Honest:
    """Asks a server at a steady pace, from one local address."""

    def __init__(self, address: tuple[str, int], host: str) -> None:
        self.waits = Waits()
        self._address = address
        self._host = host
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._places = asyncio.Semaphore(CONNECTIONS)

    async def run(self, seconds: float, rate: float) -> None:
        """Ask ``rate`` times a second, for so long."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        async with asyncio.TaskGroup() as group:
            for number in range(int(seconds * rate)):
                due = start + number / rate
                await asyncio.sleep(due - loop.time())
                group.create_task(self.ask(number, due))
        await self.close()

    async def run_until(self, over: asyncio.Event) -> None:
        """Ask one request after the other, until something is over."""
        for number in count():
            await self.ask(number, asyncio.get_running_loop().time())
            if over.is_set():
                break
        await self.close()

    async def ask(self, number: int, due: float) -> None:
        """One request, and a note of its answer."""
        is_alone = number % 10 == 0
        try:
            async with asyncio.timeout(PATIENCE), self._places:
                await self._exchange(number, is_alone)
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            self.waits.missing.append(f"{number}: {error!r}")
        else:
            self.waits.seconds.append(asyncio.get_running_loop().time() - due)

    async def _exchange(self, number: int, is_alone: bool) -> None:
        if self._idle and not is_alone:
            reader, writer = self._idle.pop()
        else:
            reader, writer = await asyncio.open_connection(*self._address, local_addr=(self._host, 0))
        try:
            await self._ask(reader, writer, has_body=number % 3 == 0)
        except BaseException:
            writer.transport.abort()
            raise
        if is_alone:
            await _close(writer)
        else:
            self._idle.append((reader, writer))

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, has_body: bool
    ) -> None:
        if has_body:
            writer.write(b"POST /take HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)
        else:
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        expected = checksum(BODY) if has_body else "hello"
        head = await reader.readuntil(b"\r\n\r\n")
        text = (await reader.readexactly(len(expected))).decode()
        if not head.startswith(b"HTTP/1.1 200 OK\r\n") or text != expected:
            raise ValueError(f"answered {head!r} {text!r}")

    async def close(self) -> None:
        """Let go of the connections."""
        for _, writer in self._idle:
            await _close(writer)
        self._idle.clear()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


async def ask_from_outside(address: tuple[str, int], host: str, seconds: float, rate: float) -> Waits:
    """Ask from ``host``, in a process of its own. Cancelled: that process is ended."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.soak.honest", *map(str, (*address, host, seconds, rate)),
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    return Waits(**json.loads(await read_to_end(process)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Ask, and print what became of it, as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("local")
    parser.add_argument("seconds", type=float)
    parser.add_argument("rate", type=float)
    options = parser.parse_args(arguments)

    async def ask() -> Waits:
        honest = Honest((options.host, options.port), options.local)
        await honest.run(options.seconds, options.rate)
        return honest.waits

    print(json.dumps(vars(asyncio.run(ask()))))


if __name__ == "__main__":
    main()
