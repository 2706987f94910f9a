"""One program on two frameworks: what a client gets, and what the program itself saw.

A program is a module-level function ``def program(web, seen)`` that makes an application out of the names
of ``web``, which is `aiohttp.web` or `sketch.web`, and whose handlers note in ``seen`` what they find. It
is served on a loopback socket by each of the two, and asked the same bytes, each request on a connection
of its own. What must be the same is an `Outcome`; ``Server`` and ``Date`` are left out of it.

A difference that is meant is written down in docs/aiohttp.md and told with `differ`, which gives both
outcomes to the test.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

import aiohttp.web

import sketch.web

Program = Callable[[Any, list[Any]], Any]
"""``(web, seen)`` to an application."""

Fields = list[tuple[str, str]]

PATIENCE = 10.0


@dataclass(frozen=True)
class Outcome:
    """What a client gets in answer to one request, and what the program noted meanwhile.

    ``fields``
        header fields by name, and where there are several of a name in the order in which they came: the
        order of different names means nothing (RFC 9110, section 5.3), and is not the same.
    ``is_complete``
        whether the client can tell that it has the whole answer.
    ``is_waiting``
        whether the client gave up waiting, on a connection that was still open.
    ``interim``
        how many interim answers came before; not compared, since clients pass them over.
    ``seen``
        the values, as text.
    """

    status: int | None
    reason: str
    fields: Fields
    body: bytes
    is_complete: bool
    is_waiting: bool
    seen: list[str]
    interim: int = field(compare=False)

    def field(self, name: str) -> str | None:
        """The values of a field as one list; ``None`` when there is none."""
        values = [value for key, value in self.fields if key.lower() == name.lower()]
        return ", ".join(values) if values else None


class Both(NamedTuple):
    """The outcomes of one request: aiohttp's, and sketch's."""

    theirs: Outcome
    ours: Outcome


def ask(
    method: str = "GET",
    target: str = "/",
    fields: Fields | None = None,
    body: bytes = b"",
    *,
    host: str | None = "example.com",
    version: str = "1.1",
) -> bytes:
    """A request as bytes, with ``Host`` and, for a body, ``Content-Length``."""
    lines = [] if host is None else [("Host", host)]
    lines += fields or []
    if body:
        lines.append(("Content-Length", str(len(body))))
    head = "".join(f"{name}: {value}\r\n" for name, value in lines)
    return f"{method} {target} HTTP/{version}\r\n{head}\r\n".encode() + body


def assert_same(program: Program, *requests: bytes) -> None:
    """Fail unless all requests have the same outcomes on both."""
    for request, outcomes in zip(requests, compare(program, *requests), strict=True):
        assert outcomes.ours == outcomes.theirs, _explain(program, request, outcomes)


def differ(program: Program, request: bytes, *, patience: float = PATIENCE) -> Both:
    """Both outcomes of a request. Fails if they are the same: then there is nothing to write down."""
    (outcomes,) = compare(program, request, patience=patience)
    assert outcomes.ours != outcomes.theirs, f"{request!r} to {program.__name__} makes no difference"
    return outcomes


def _explain(program: Program, request: bytes, outcomes: Both) -> str:
    lines = [f"{request!r} to {program.__name__}"]
    for name in [each.name for each in fields(Outcome)]:
        theirs, ours = getattr(outcomes.theirs, name), getattr(outcomes.ours, name)
        if theirs != ours:
            lines += [f"{name} in aiohttp: {theirs!r}", f"{name} in sketch:  {ours!r}"]
    return "\n".join(lines)


def compare(program: Program, *requests: bytes, patience: float = PATIENCE) -> list[Both]:
    """The outcomes of requests, one after the other, on both frameworks.

    ``patience``
        seconds after which an answer of aiohttp's that does not come, or does not end, is given up.
    """

    async def run_both() -> list[Both]:
        theirs = await _run(aiohttp.web, program, requests, patience)
        return list(map(Both, theirs, await _run(sketch.web, program, requests, PATIENCE)))

    # Not in a debugging loop, in which both would show the inside of programs.
    return asyncio.run(run_both(), debug=False)


async def _run(web: Any, program: Program, requests: tuple[bytes, ...], patience: float) -> list[Outcome]:
    seen: list[Any] = []
    runner = web.AppRunner(program(web, seen), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        return [await _exchange(port, request, seen, patience) for request in requests]
    finally:
        await runner.cleanup()


async def _exchange(port: int, request: bytes, seen: list[Any], patience: float) -> Outcome:
    seen.clear()
    head, body, is_complete, is_waiting = NO_HEAD, b"", False, False
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(patience):
            writer.write(request)
            head = await _read_head(reader)
            is_complete = head.status is not None and _has_no_body(request, head.status)
            if head.status is not None and not is_complete:
                body, is_complete = await _read_body(reader, dict(head.fields))
    except TimeoutError:
        is_waiting = True
    finally:
        writer.close()
    return Outcome(
        head.status,
        head.reason,
        head.fields,
        body,
        is_complete,
        is_waiting,
        list(map(str, seen)),
        head.interim,
    )


class Head(NamedTuple):
    """A final head. Names of fields as sent, in the order of `Outcome.fields`."""

    status: int | None
    reason: str
    fields: Fields
    interim: int


NO_HEAD = Head(None, "", [], 0)


async def _read_head(reader: asyncio.StreamReader) -> Head:
    """The first head that is final; `NO_HEAD` when the connection ends before it."""
    interim = 0
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return NO_HEAD
        line, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")[:-2]
        _, status, reason = line.split(" ", 2)
        if not status.startswith("1"):
            return Head(int(status), reason, _sort(lines), interim)
        interim += 1


def _sort(lines: list[str]) -> Fields:
    pairs = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
    pairs = [pair for pair in pairs if pair[0].lower() not in ("server", "date")]
    return sorted(pairs, key=lambda pair: pair[0].lower())


def _has_no_body(request: bytes, status: int) -> bool:
    """RFC 9112, section 6.3."""
    return request.startswith(b"HEAD ") or status in (204, 304)


async def _read_body(reader: asyncio.StreamReader, fields: dict[str, str]) -> tuple[bytes, bool]:
    try:
        if "Transfer-Encoding" in fields:
            return await _read_chunks(reader)
        if "Content-Length" in fields:
            return await reader.readexactly(int(fields["Content-Length"])), True
        return await reader.read(), True
    except asyncio.IncompleteReadError as error:
        return error.partial, False
    except ConnectionResetError:
        return b"", False


async def _read_chunks(reader: asyncio.StreamReader) -> tuple[bytes, bool]:
    pieces = b""
    while True:
        try:
            line = await reader.readuntil(b"\r\n")
            size = int(line, 16)
        except asyncio.IncompleteReadError:
            return pieces, False
        except ValueError:
            # What is no chunk is shown for what it is.
            return pieces + line, False
        pieces += (await reader.readexactly(size + 2))[:-2]
        if not size:
            return pieces, True
