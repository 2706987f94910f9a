"""The access log: one line for one answer, the same with both."""

import asyncio
import logging
import re
from typing import Any

import aiohttp.web
import aiohttp.web_log
import pytest
from aiohttp.abc import AbstractAccessLogger

import sketch.web
from sketch.accesslog import AccessLogger

from .harness import ask


class Lines(logging.Handler):
    """Keeps the records of one logger."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def program(web: Any) -> Any:
    async def show(request: Any) -> Any:
        return web.Response(text="text", headers={"X-Answer": "yes"})

    async def stream(request: Any) -> Any:
        response = web.StreamResponse(headers={"X-Answer": "streamed"})
        await response.prepare(request)
        await response.write(b"abc")
        await response.write_eof()
        return response

    async def refuse(request: Any) -> Any:
        raise web.HTTPForbidden(headers={"X-Answer": "no"})

    async def empty(request: Any) -> Any:
        return web.Response(status=204)

    async def moved(request: Any) -> Any:
        raise web.HTTPFound("/show")

    app = web.Application()
    for handler in (show, stream, refuse, empty, moved):
        app.router.add_get(f"/{handler.__name__}", handler)
    return app


async def serve(web: Any, requests: tuple[bytes, ...], **options: Any) -> list[logging.LogRecord]:
    """The records for requests, each on a connection of its own."""
    lines = Lines()
    logger = logging.Logger("lines", logging.INFO)
    logger.addHandler(lines)
    runner = web.AppRunner(program(web), access_log=logger, **options)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    for request in requests:
        reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
        writer.write(request)
        await reader.read()
        writer.close()
    await runner.cleanup()
    return lines.records


CLOSE = ("Connection", "close")
PATHS = ("/show", "/stream", "/refuse", "/empty", "/moved", "/nowhere", "/show?a=b&c=%20")
REQUESTS = (
    *[ask("GET", path, [CLOSE, ("Referer", "http://from.example"), ("User-Agent", "x/1")]) for path in PATHS],
    ask("HEAD", "/show", [CLOSE]),
    ask("POST", "/show", [CLOSE], b"abc"),
    ask("GET", "/show", [], version="1.0"),
    ask("GET", "/show", [CLOSE, ("X-Two", "1"), ("X-Two", "2"), ("User-Agent", "")]),
)


def both(*requests: bytes, **options: Any) -> tuple[list[logging.LogRecord], list[logging.LogRecord]]:
    async def run() -> Any:
        theirs = await serve(aiohttp.web, requests, **options)
        return theirs, await serve(sketch.web, requests, **options)

    # Not in a debugging loop, in which both would show the inside of programs.
    theirs, ours = asyncio.run(run(), debug=False)
    return theirs, ours


FORMATS = (
    '%a "%r" %s "%{Referer}i" "%{User-Agent}i"',
    "%P %a %s",
    "%{X-Answer}o %{Content-Type}o %{content-length}o %{X-None}o",
    "%{user-agent}i %{Host}i %{X-Two}i %{Connection}i",
    "%s %s %r %r",
    "%T",
    "text only",
    "[%s] {%a} 100",
    "",
)


@pytest.mark.parametrize("log_format", FORMATS)
def test_lines(log_format: str) -> None:
    theirs, ours = both(*REQUESTS, access_log_format=log_format)
    assert [each.getMessage() for each in ours] == [each.getMessage() for each in theirs]
    assert len(ours) == len(REQUESTS)


TIMES = "%t %Tf %D"


def test_times_look_alike() -> None:
    for records in both(*REQUESTS[:3], access_log_format=TIMES):
        for record in records:
            pattern = r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] \d+\.\d{6} \d+"
            assert re.fullmatch(pattern, record.getMessage())


ATTRIBUTES = (
    "remote_address", "first_request_line", "response_status", "request_header", "response_header",
    "levelname", "process_id", "request_time",
)  # fmt: skip


def test_fields_that_the_server_writes() -> None:
    theirs, ours = both(REQUESTS[0], access_log_format="%{Date}o|%{Server}o")
    for records, server in ((theirs, "Python/"), (ours, "sketch")):
        date, _, software = records[0].getMessage().partition("|")
        assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", date)
        assert software.startswith(server)


def test_what_a_record_carries() -> None:
    theirs, ours = both(*REQUESTS, access_log_format="%a %r %s %P %T %{Referer}i %{Host}i %{X-Answer}o")
    carried = [[(name, getattr(each, name)) for name in ATTRIBUTES] for each in theirs]
    assert [[(name, getattr(each, name)) for name in ATTRIBUTES] for each in ours] == carried
    theirs, ours = both(REQUESTS[0], access_log_format="%t %b %Tf %D")
    names = ("request_start_time", "response_size", "request_time_frac", "request_time_micro")
    assert [[type(getattr(each[0], name)) for name in names] for each in (ours, theirs)] == [
        [str, int, str, str]
    ] * 2


def test_the_default_format_is_the_same() -> None:
    assert AccessLogger.LOG_FORMAT == aiohttp.web_log.AccessLogger.LOG_FORMAT
    strip = re.compile(r"\[.*?\]|(?<= )\d+(?= \")").sub
    theirs, ours = both(*REQUESTS)
    assert [strip("", each.getMessage()) for each in ours] == [
        strip("", each.getMessage()) for each in theirs
    ]


class Own(AbstractAccessLogger):
    """A logger of a program's own, as aiohttp's documentation has it."""

    def log(self, request: Any, response: Any, time: float) -> None:
        self.logger.info(
            f"{self.log_format} {request.method} {request.path} {response.status} {response.reason} "
            f"{request.remote} {response.headers.get('X-Answer')} {0 <= time < 60} {response.content_length}"
        )


class Silent(Own):
    @property
    def enabled(self) -> bool:
        return False


class Failing(Own):
    def log(self, request: Any, response: Any, time: float) -> None:
        raise LookupError("no line")


def test_a_logger_of_ones_own() -> None:
    theirs, ours = both(*REQUESTS, access_log_class=Own, access_log_format="own:")
    assert [each.getMessage() for each in ours] == [each.getMessage() for each in theirs]
    assert len(ours) == len(REQUESTS)


def test_a_logger_that_is_switched_off() -> None:
    assert both(*REQUESTS, access_log_class=Silent) == ([], [])


def test_a_subclass_of_the_usual_logger() -> None:
    def derive(base: type[Any]) -> type[Any]:
        class Without(base):  # type: ignore[misc]
            """Leaves out what nobody wants to read."""

            def log(self, request: Any, response: Any, time: float) -> None:
                if request.path != "/show":
                    super().log(request, response, time)

        return Without

    async def run() -> list[list[str]]:
        kinds = ((aiohttp.web, aiohttp.web_log.AccessLogger), (sketch.web, AccessLogger))
        found = [
            await serve(web, REQUESTS, access_log_class=derive(base), access_log_format="%r %s")
            for web, base in kinds
        ]
        return [[each.getMessage() for each in records] for records in found]

    theirs, ours = asyncio.run(run(), debug=False)
    assert ours == theirs
    assert len(ours) == 5


def test_nothing_is_logged_without_a_logger() -> None:
    async def run(web: Any) -> list[logging.LogRecord]:
        return await serve_silently(web)

    assert asyncio.run(run(sketch.web)) == asyncio.run(run(aiohttp.web)) == []


async def serve_silently(web: Any) -> list[logging.LogRecord]:
    lines = Lines()
    names = ("aiohttp.access", "sketch.access")
    for name in names:
        logging.getLogger(name).addHandler(lines)
    try:
        runner = web.AppRunner(program(web), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
        writer.write(REQUESTS[0])
        await reader.read()
        writer.close()
        await runner.cleanup()
    finally:
        for name in names:
            logging.getLogger(name).removeHandler(lines)
    return lines.records
