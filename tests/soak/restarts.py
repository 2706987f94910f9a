"""Restarts under load: a server is ended by SIGTERM and followed by another, again and again.

The listening socket stays open all the while, as with a service manager that passes it on, so that no
connection is refused. Each request has a number, which the server notes as its handler begins. That tells
what a client alone cannot: whether a request that was not answered had been received.

An answer is missing if the handler had begun, or if the connection was reset before the first byte of an
answer: the system does so when a server closes a connection with bytes that it did not read. A connection
that comes to an orderly end with nothing of the request taken was closed while it was idle, which a server
may do at any time; the request is then sent again on another one (RFC 9112, sections 9.3.1 and 9.5).
"""

import asyncio
import itertools
import socket
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import aiohttp
import h11

from tests.soak.application import checksum
from tests.soak.child import Child, listen, start
from tests.soak.report import Report

CLIENTS = 24
"""Keep-alive connections with one request at a time."""

AIOHTTP_CLIENTS = 4
"""Tasks that use aiohttp's client, and its pool."""

ANSWERS_BETWEEN = 60
"""Answers that each server gives before it is ended, at least."""

BODY = bytes(range(256)) * 8

ANSWERED = "answered"
CLOSED = "closed while idle, sent again"
RESET = "reset before the answer"
CUT = "cut off within the answer"
WRONG = "answered wrongly"


class Load:
    """Clients that ask all the time.

    ``outcomes``
        how many requests ended in which way.
    ``answered``
        the numbers of those that were answered.
    ``failures``
        what nobody should have to see, in sentences.
    """

    def __init__(self, address: tuple[str, int], seed: int) -> None:
        self.outcomes: Counter[str] = Counter()
        self.answered: set[int] = set()
        self.failures: list[str] = []
        self._address = address
        self._random = Random(seed)
        self._numbers: Iterator[int] = itertools.count(1)
        self._is_over = False
        self._progress = asyncio.Event()

    async def run(self) -> None:
        """Ask until `stop`; the last requests are brought to their ends."""
        async with asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(Client(self._address).ask_all(self))
            group.create_task(self._run_aiohttp())

    def stop(self) -> None:
        """Ask nothing more."""
        self._is_over = True

    async def wait_for_answers(self, count: int) -> None:
        """Wait until so many more requests were answered."""
        aim = len(self.answered) + count
        while len(self.answered) < aim:
            self._progress.clear()
            await self._progress.wait()

    def requests(self) -> Iterator[tuple[str, int]]:
        """What to ask next, of which kind and with which number."""
        while not self._is_over:
            yield (
                self._random.choice(("quick", "quick", "wait", "upload", "late", "stream")),
                next(self._numbers),
            )

    def note(self, kind: str, number: int, outcome: str, place: int = 0) -> None:
        """How a request ended. ``place``: which one of its connection it was."""
        self.outcomes[outcome] += 1
        if outcome is ANSWERED:
            self.answered.add(number)
            self._progress.set()
        elif outcome is not CLOSED:
            self.failures.append(f"request {number} ({kind}, the {place}. of its connection): {outcome}")

    async def _run_aiohttp(self) -> None:
        async with aiohttp.ClientSession(f"http://{self._address[0]}:{self._address[1]}") as session:
            async with asyncio.TaskGroup() as group:
                for _ in range(AIOHTTP_CLIENTS):
                    group.create_task(self._ask_by_aiohttp(session))

    async def _ask_by_aiohttp(self, session: aiohttp.ClientSession) -> None:
        for _, number in self.requests():
            try:
                async with session.get(f"/work/wait/{number}") as response:
                    is_right = response.status == 200 and await response.text() == str(number)
                self.note("aiohttp", number, ANSWERED if is_right else WRONG)
            except aiohttp.ClientConnectionError:
                # It asks a second time by itself, and may twice meet a connection that ends. What was lost
                # the server's record says.
                self.outcomes["given up by aiohttp"] += 1


class Client:
    """One connection at a time, kept alive for as long as the server likes."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._sock: socket.socket | None = None
        self._parser = h11.Connection(h11.CLIENT)
        self._place = 0

    async def ask_all(self, load: Load) -> None:
        """Ask what a load wants to be asked."""
        try:
            for kind, number in load.requests():
                await self._connect()
                self._place += 1
                place = self._place
                load.note(kind, number, await self._ask(kind, number), place)
        finally:
            self._close()

    async def _connect(self) -> None:
        if self._sock is not None and _has_ended(self._sock):
            self._close()
        if self._sock is None:
            self._sock, self._place = socket.socket(), 0
            self._sock.setblocking(False)
            self._parser = h11.Connection(h11.CLIENT)
            await asyncio.get_running_loop().sock_connect(self._sock, self._address)

    def _close(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    async def _ask(self, kind: str, number: int) -> str:
        has_body = kind in ("upload", "late")
        path = f"/work/{'upload' if has_body else kind}/{number}"
        fields = [("Host", "a"), *([("Content-Length", str(len(BODY)))] if has_body else [])]
        head = self._parser.send(
            h11.Request(method="POST" if has_body else "GET", target=path, headers=fields)
        )
        body = self._parser.send(h11.Data(BODY)) if has_body else b""
        self._parser.send(h11.EndOfMessage())
        try:
            await self._send([head, body] if kind == "late" else [(head or b"") + (body or b"")])
            text = await self._read()
        except ConnectionResetError:
            self._close()
            return RESET
        except (BrokenPipeError, EOFError) as error:
            self._close()
            return CUT if error.args == (CUT,) else CLOSED
        expected = (
            f"{number} {checksum(BODY)}"
            if has_body
            else f"{number}\n" * 20
            if kind == "stream"
            else f"{number}"
        )
        return ANSWERED if text == expected else WRONG

    async def _send(self, pieces: list[bytes | None]) -> None:
        assert self._sock is not None
        for piece in pieces:
            await asyncio.get_running_loop().sock_sendall(self._sock, piece or b"")
            if len(pieces) > 1:
                await asyncio.sleep(0.01)

    async def _read(self) -> str:
        """The text of the answer. `EOFError` says whether something of it had come."""
        assert self._sock is not None
        body, has_begun = b"", False
        while True:
            event = self._parser.next_event()
            if event is h11.NEED_DATA:
                data = await asyncio.get_running_loop().sock_recv(self._sock, 65536)
                if not data:
                    raise EOFError(CUT if has_begun else CLOSED)
                has_begun = True
                self._parser.receive_data(data)
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                self._prepare_for_next()
                return body.decode()

    def _prepare_for_next(self) -> None:
        if self._parser.their_state is h11.DONE and self._parser.our_state is h11.DONE:
            self._parser.start_next_cycle()
        else:
            self._close()


def _has_ended(sock: socket.socket) -> bool:
    try:
        return sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


async def run(seed: int, count: int, loop: str) -> Report:
    """Restart a server on this event loop ``count`` times."""
    report = Report(part=f"restarts ({loop})", figures={"restarts": count})
    with tempfile.TemporaryDirectory() as directory, listen() as sock:
        record = Path(directory) / "record"
        child = await start(sock, loop=loop, record=record)
        load = Load(child.address, seed)
        running = asyncio.create_task(load.run())
        try:
            child = await _restart(child, sock, count, load, report, record=record, loop=loop)
            load.stop()
            await running
            report.failures += await child.stop()
        finally:
            running.cancel()
            await child.close()
        _judge(report, load, {int(line) for line in record.read_text().split()})
    return report


async def _restart(
    child: Child, sock: socket.socket, count: int, load: Load, report: Report, *, record: Path, loop: str
) -> Child:
    """Every second server is started before the one that it follows ends. Returns the last."""
    for number in range(count):
        await load.wait_for_answers(ANSWERS_BETWEEN)
        if number % 2:
            before, child = child, await start(sock, record=record, loop=loop)
            report.failures += await before.stop()
        else:
            report.failures += await child.stop()
            child = await start(sock, record=record, loop=loop)
    return child


def _judge(report: Report, load: Load, begun: set[int]) -> None:
    missing = begun - load.answered
    report.check(
        not missing, f"{len(missing)} requests had begun and were not answered: {sorted(missing)[:10]}"
    )
    report.failures += load.failures[:10]
    report.figures |= {outcome: count for outcome, count in sorted(load.outcomes.items())}
    report.figures["begun and not answered"] = len(missing)
