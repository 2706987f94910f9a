"""Every row of ``docs/http1.md``: its bytes, over a socket, to both loops; byte by byte, to the engine; and
the page, which says the same."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import uvloop

from sketch import web
from tests.http1.application import make_app
from tests.http1.row import CLOSED, KEPT, Row
from tests.http1.rows import ROWS, TABLES
from tests.http1.table import render
from tests.protocol.h1.corpus import head
from tests.protocol.h1.transcript import one_by_one, play, same

PAGE = Path(__file__).parents[2] / "docs" / "http1.md"
PROBE = head(b"GET /probe HTTP/1.1")

EACH_ROW = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)


# -- a server for all rows ----------------------------------------------------------------------------


class Site:
    """The application, served on a loop that runs only while somebody asks."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._application = web.AppRunner(make_app(), access_log=None)
        self.address = runner.run(self._start())

    async def _start(self) -> tuple[str, int]:
        await self._application.setup()
        listening = socket.create_server(("127.0.0.1", 0))
        await web.SockSite(self._application, listening).start()
        host, port = listening.getsockname()
        return host, port

    def ask(self, row: Row) -> "list[Answer]":
        """Send what the row sends. The answers, and that of a probe where the connection is still open."""
        return self._runner.run(self._ask(row))

    async def _ask(self, row: Row) -> "list[Answer]":
        async with asyncio.timeout(20):
            client = Client(*await asyncio.open_connection(*self.address), row.wire)
            try:
                return await client.converse(row)
            finally:
                client.writer.close()

    def stop(self) -> None:
        self._runner.run(self._application.cleanup())


@pytest.fixture(
    scope="module", params=[asyncio.SelectorEventLoop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with asyncio.Runner(loop_factory=request.param) as runner:
        site = Site(runner)
        yield site
        site.stop()


# -- a client that knows no mercy ----------------------------------------------------------------------------


class Answer(NamedTuple):
    status: int
    fields: list[str]
    body: bytes

    def get(self, name: str) -> str | None:
        values = [line.partition(": ")[2] for line in self.fields if line.lower().startswith(f"{name}: ")]
        assert len(values) < 2, f"{name} is there {len(values)} times"
        return values[0] if values else None


class Client:
    """Reads answers by RFC 9112, section 6.3, and nothing that it does not allow."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wire: bytes) -> None:
        self.reader = reader
        self.writer = writer
        self._is_head = wire.removeprefix(b"\r\n").startswith(b"HEAD ")

    async def converse(self, row: Row) -> list[Answer]:
        self.writer.write(row.wire)
        answers = []
        if row.leaves:
            self.writer.write_eof()
        for number in range(len(row.answers)):
            answers.append(await self._read_answer())
            if not number:
                self.writer.write(row.then)
        if row.ends == KEPT:
            self._is_head = False
            self.writer.write(PROBE)
            answers.append(await self._read_answer())
        else:
            assert await self.reader.read() == b"", "the connection was to be closed"
        return answers

    async def _read_answer(self) -> Answer:
        section = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        status_line, *lines = section.removesuffix("\r\n\r\n").split("\r\n")
        match = re.fullmatch("HTTP/1.1 ([0-9]{3}) [ -~]*", status_line)
        assert match is not None, status_line
        assert all(re.fullmatch("[A-Za-z-]+: [ -~]+", line) for line in lines), lines
        answer = Answer(int(match[1]), lines, b"")
        return answer._replace(body=await self._read_body(answer))

    async def _read_body(self, answer: Answer) -> bytes:
        length = answer.get("content-length")
        if self._is_head or answer.status in (204, 304) or answer.status < 200:
            return b""
        if answer.get("transfer-encoding") == "chunked":
            assert length is None
            return b"".join([chunk async for chunk in self._read_chunks()])
        return await (self.reader.read() if length is None else self.reader.readexactly(int(length)))

    async def _read_chunks(self) -> AsyncIterator[bytes]:
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            yield await self.reader.readexactly(size)
            assert await self.reader.readexactly(2) == b"\r\n"
        assert await self.reader.readexactly(2) == b"\r\n"


# -- the rows ----------------------------------------------------------------------------


@EACH_ROW
def test_a_row_over_a_socket(row: Row, site: Site) -> None:
    answers = site.ask(row)
    if row.ends == KEPT:
        probe = answers.pop()
        assert (probe.status, probe.body) == (200, b"GET /probe")
    assert tuple(answer.status for answer in answers) == row.answers
    if answers:
        check_answer(row, answers[-1])


def check_answer(row: Row, answer: Answer) -> None:
    if row.body is not None:
        assert answer.body == row.body
    for field in row.has:
        name, _, value = field.partition(": ")
        found = answer.get(name.lower())
        assert found is not None if not value else found == value, field
    for name in row.lacks:
        assert answer.get(name.lower()) is None, name
    assert answer.get("date") is not None
    if row.ends == CLOSED and answer.get("content-length") is not None and b" HTTP/1.0\r\n" not in row.wire:
        assert "close" in (answer.get("connection") or "").split(", "), "the client was not told"


@EACH_ROW
def test_a_row_in_the_engine(row: Row) -> None:
    wire = row.wire + row.then
    whole = play([wire])
    assert same(whole, play(one_by_one(wire)))
    assert same(whole, play(one_by_one(wire), lag=3))
    final = [status for status in row.answers if status >= 200]
    complete = sum(seen.is_complete for seen in whole.requests)
    if row.leaves or row.wire.startswith(b"POST /deaf "):
        # Only the end of the connection says that no more will come of the body.
        assert (complete, len(whole.requests), whole.status) == (0, 1, 400)
    else:
        assert whole.status == (final[-1] if row.is_refused else None)
        assert complete == len(final) - row.is_refused


# -- the page ----------------------------------------------------------------------------


@pytest.mark.parametrize("title", TABLES)
def test_the_page_has_the_rows(title: str) -> None:
    assert f"\n## {title}\n" in PAGE.read_text("utf-8")
    _, _, section = PAGE.read_text("utf-8").partition(f"\n## {title}\n")
    table = "".join(
        line + "\n" for line in section.partition("\n## ")[0].splitlines() if line.startswith("|")
    )
    assert table == render(title), "python -m tests.http1.table prints what it should be"


def test_the_page_has_no_other_tables() -> None:
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("|")]
    assert lines == "".join(map(render, TABLES)).splitlines()


def test_every_row_has_a_name_of_its_own() -> None:
    assert len(ROWS) == sum(map(len, TABLES.values()))
