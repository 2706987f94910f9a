"""Workers under a real gunicorn: what it asks of them, and what a client sees."""

import asyncio
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.certificates import Authority
from tests.compat.running import ROOT

gunicorn_config = pytest.importorskip("gunicorn.config", reason="the extra 'gunicorn' is not installed")

from sketch.accesslog import AccessLogger  # noqa: E402
from sketch.worker import translate_log_format  # noqa: E402

PROGRAM = """
import asyncio, os, sys, time
from sketch import web

async def hello(request):
    loop = type(asyncio.get_running_loop()).__module__
    return web.json_response({"pid": os.getpid(), "loop": loop, "scheme": request.scheme})

async def slow(request):
    print("slow begins", flush=True)
    await asyncio.sleep(0.5)
    return web.Response(text="to the end")

async def starts_process(request):
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "raise SystemExit(7)")
    return web.Response(text=str(await process.wait()))

async def sit_still(request):
    time.sleep(30)

async def cleaned(app):
    print("cleaned up", flush=True)

def make():
    app = web.Application()
    app.add_routes([web.get("/", hello), web.get("/slow", slow), web.get("/process", starts_process)])
    app.router.add_get("/stuck", sit_still)
    app.on_cleanup.append(cleaned)
    return app

app = make()

async def factory():
    return make()

async def runner():
    return web.AppRunner(make(), access_log=None, max_field_size=100)

async def broken():
    raise LookupError("no database")

def plain():
    return make()
"""


class Gunicorn:
    """gunicorn in a process of its own, on a socket that it binds itself.

    ``base``
        the address, known once it listens.
    ``lines``
        what it said so far.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self.base = ""

    async def expect(self, pattern: str) -> re.Match[str]:
        """Read on until a line matches."""
        assert self.process.stdout is not None
        while line := (await self.process.stdout.readline()).decode():
            self.lines.append(line)
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"no {pattern!r} in:\n{''.join(self.lines)}")

    async def end(self) -> int:
        """Read to the end; the exit code."""
        assert self.process.stdout is not None
        self.lines += (await self.process.stdout.read()).decode().splitlines(keepends=True)
        return await self.process.wait()


async def begin(
    directory: Path, entry: str, *options: str, worker: str = "GunicornWebWorker", loop: str = ""
) -> Gunicorn:
    (directory / "program.py").write_text(PROGRAM)
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths, "HOME": str(directory), "SKETCH_LOOP": loop}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gunicorn", f"program:{entry}", "-k", f"sketch.worker.{worker}",
        "-b", "127.0.0.1:0", *options,
        cwd=directory, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return Gunicorn(process)


@asynccontextmanager
async def serving(
    directory: Path, entry: str, *options: str, **how: str
) -> AsyncIterator[tuple[Gunicorn, aiohttp.ClientSession]]:
    gunicorn = await begin(directory, entry, *options, **how)
    try:
        async with asyncio.timeout(30):
            gunicorn.base = (await gunicorn.expect(r"Listening at: (\S+)"))[1]
            connector = aiohttp.TCPConnector(force_close=True)
            async with aiohttp.ClientSession(gunicorn.base, connector=connector) as session:
                yield gunicorn, session
    finally:
        if gunicorn.process.returncode is None:
            gunicorn.process.terminate()
            await gunicorn.end()


def in_loop(directory: Path, steps: Callable[[Path], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(steps(directory))


@pytest.mark.parametrize("entry", ["app", "factory", "runner"])
def test_what_may_be_served(tmp_path: Path, entry: str) -> None:
    async def steps(directory: Path) -> None:
        async with serving(directory, entry) as (gunicorn, session):
            async with session.get("/") as answer:
                seen = await answer.json()
                assert answer.headers["Server"] == "sketch"
            assert seen["loop"] == "uvloop" and seen["pid"] != gunicorn.process.pid
            assert await (await session.get("/process")).text() == "7"
            gunicorn.process.terminate()
            assert await gunicorn.end() == 0
            assert "cleaned up\n" in gunicorn.lines

    in_loop(tmp_path, steps)


def test_options_that_gunicorn_has_not_are_a_runner_s(tmp_path: Path) -> None:
    async def steps(directory: Path) -> None:
        async with serving(directory, "runner") as (_, session):
            async with session.get("/", headers={"X-Long": "x" * 200}) as answer:
                assert answer.status == 431

    in_loop(tmp_path, steps)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_requests_in_flight_are_answered_before_the_end(tmp_path: Path, number: signal.Signals) -> None:
    async def steps(directory: Path) -> None:
        async with serving(directory, "app") as (gunicorn, session):
            answering = asyncio.ensure_future(session.get("/slow"))
            await gunicorn.expect("slow begins")
            gunicorn.process.send_signal(number)
            async with await answering as answer:
                assert await answer.text() == "to the end"
            assert await gunicorn.end() == 0
            assert gunicorn.lines.count("cleaned up\n") == 1

    in_loop(tmp_path, steps)


def test_a_worker_that_has_answered_enough_is_replaced(tmp_path: Path) -> None:
    async def steps(directory: Path) -> None:
        async with serving(directory, "app", "--max-requests", "2") as (gunicorn, session):
            first = (await (await session.get("/")).json())["pid"]
            for _ in range(3):
                await session.get("/")
            await gunicorn.expect("max_requests")
            # Until the first one has stopped listening, both may answer.
            await gunicorn.expect("cleaned up")
            assert (await (await session.get("/")).json())["pid"] != first

    in_loop(tmp_path, steps)


def test_workers_are_replaced_without_losing_a_request(tmp_path: Path) -> None:
    async def steps(directory: Path) -> None:
        async with serving(directory, "app", "--workers", "2") as (gunicorn, session):
            pids = {(await (await session.get("/")).json())["pid"]}
            is_over = asyncio.Event()

            async def ask() -> None:
                while not is_over.is_set():
                    async with session.get("/") as answer:
                        pids.add((await answer.json())["pid"])

            asking = asyncio.create_task(ask())
            gunicorn.process.send_signal(signal.SIGHUP)
            for _ in range(2):
                await gunicorn.expect("cleaned up")
            is_over.set()
            await asking
            pids.add((await (await session.get("/")).json())["pid"])
            assert len(pids) >= 2

    in_loop(tmp_path, steps)


def test_lines_of_the_access_log(tmp_path: Path) -> None:
    async def steps(directory: Path) -> None:
        log_format = '%(h)s %(u)s "%(r)s" %(s)s %({x-mark}i)s <%(a)s>'
        options = ("--access-logfile", "-", "--access-logformat", log_format)
        async with serving(directory, "app", *options) as (gunicorn, session):
            await session.get("/?a=1", headers={"X-Mark": "7", "User-Agent": "tests"})
            line = (await gunicorn.expect("GET"))[0]
            assert line and gunicorn.lines[-1] == '127.0.0.1 - "GET /?a=1 HTTP/1.1" 200 7 <tests>\n'

    in_loop(tmp_path, steps)


def test_without_an_access_log_there_is_none(tmp_path: Path) -> None:
    async def steps(directory: Path) -> None:
        async with serving(directory, "app") as (gunicorn, session):
            await session.get("/")
            gunicorn.process.terminate()
            await gunicorn.end()
            assert not [line for line in gunicorn.lines if "GET" in line]

    in_loop(tmp_path, steps)


def test_an_idle_connection_lives_as_long_as_gunicorn_says(tmp_path: Path) -> None:
    async def steps(directory: Path) -> None:
        async with serving(directory, "app", "--keep-alive", "1") as (gunicorn, _):
            host, port = gunicorn.base.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"Connection: close" not in head
            # The client does nothing, and by default nothing would happen for 75 seconds.
            async with asyncio.timeout(20):
                await reader.read()
            writer.close()

    in_loop(tmp_path, steps)


def test_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("127.0.0.1")
    trust = ssl.create_default_context(cafile=authority.path)

    async def steps(directory: Path) -> None:
        options = ("--certfile", str(pair.certificate), "--keyfile", str(pair.key))
        async with serving(directory, "app", *options) as (_, session):
            async with session.get("/", ssl=trust) as answer:
                assert (await answer.json())["scheme"] == "https"

    in_loop(tmp_path, steps)


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [("broken", "LookupError: no database"), ("plain", "an async function that returns one")],
)
def test_gunicorn_gives_up_where_the_application_cannot_start(
    tmp_path: Path, entry: str, complaint: str
) -> None:
    async def steps(directory: Path) -> None:
        gunicorn = await begin(directory, entry)
        assert await gunicorn.end() == 3
        assert complaint in "".join(gunicorn.lines)

    in_loop(tmp_path, steps)


def test_a_worker_whose_loop_is_stuck_shows_where(tmp_path: Path) -> None:
    async def steps(directory: Path) -> None:
        async with serving(directory, "app", "--timeout", "2") as (gunicorn, session):
            assert (await session.get("/stuck")).status == 500
            await gunicorn.expect("in sit_still")

    in_loop(tmp_path, steps)


@pytest.mark.parametrize(
    ("worker", "environment", "loop"),
    [
        ("GunicornWebWorker", "asyncio", "asyncio.unix_events"),
        ("GunicornUVLoopWebWorker", "asyncio", "uvloop"),
    ],
)
def test_which_loop(tmp_path: Path, worker: str, environment: str, loop: str) -> None:
    async def steps(directory: Path) -> None:
        async with serving(directory, "app", worker=worker, loop=environment) as (_, session):
            assert (await (await session.get("/")).json())["loop"] == loop

    in_loop(tmp_path, steps)


# -- formats of lines --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (gunicorn_config.AccessLogFormat.default, AccessLogger.LOG_FORMAT),
        ('%a "%r" %Tf', '%a "%r" %Tf'),
        ("%(h)s %(l)s %(u)s %(t)s", "%a - - %t"),
        ("%(b)s %(B)s %(D)s %(L)s %(T)d %(p)s", "%b %b %D %Tf %T %P"),
        ("%({x-request-id}i)s %({server}o)s", "%{x-request-id}i %{server}o"),
        ("%(s)sms", "%sms"),
    ],
)
def test_formats(theirs: str, ours: str) -> None:
    assert translate_log_format(theirs) == ours


@pytest.mark.parametrize("atom", ["%(m)s", "%({HOME}e)s", "%(U)s", "%(h)x", "%(h)"])
def test_what_nothing_stands_for(atom: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"nothing stands for '{atom}'")):
        translate_log_format(f"%(h)s {atom}")
