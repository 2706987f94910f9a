"""An application for the tests of the client in memory, and the two kinds of loops they run on."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sketch import web
from sketch.testing import VirtualLoop

NewLoop = Callable[[], asyncio.AbstractEventLoop]

LOOPS = pytest.mark.parametrize(
    "new_loop", [VirtualLoop, asyncio.SelectorEventLoop], ids=["virtual", "asyncio"]
)

EVENTS = web.AppKey("EVENTS", list[str])
"""What has happened in the application."""


def run(main: Callable[[], Awaitable[None]], new_loop: NewLoop = VirtualLoop) -> None:
    """Run a test on a loop of its own; nothing of it may be left."""

    async def bounded() -> None:
        failures: list[dict[str, Any]] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: failures.append(context))
        await main()
        for _ in range(20):
            await asyncio.sleep(0)
        assert failures == []
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert [timer for timer in loop._scheduled if not timer.cancelled()] == []  # type: ignore[attr-defined]

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(bounded())


async def echo(request: web.Request) -> web.Response:
    """Answers with what it was asked."""
    body = await request.read()
    return web.json_response(
        {
            "method": request.method,
            "path": request.path_qs,
            "fields": [[name.decode(), value.decode()] for name, value in request.raw_headers],
            "body": body.decode(),
            "cookies": dict(request.cookies),
            "secure": request.secure,
            "remote": request.remote,
            "version": list(request.version),
        }
    )


async def stream(request: web.Request) -> web.StreamResponse:
    """Sends so many pieces of 1000 bytes, and notes each."""
    response = web.StreamResponse()
    await response.prepare(request)
    for number in range(int(request.query["count"])):
        await response.write(b"x" * 1000)
        request.app[EVENTS].append(f"piece {number}")
    await response.write_eof()
    return response


async def redirect(request: web.Request) -> web.Response:
    return web.Response(status=int(request.query["status"]), headers={"Location": request.query["to"]})


async def sleep(request: web.Request) -> web.Response:
    """Sleeps for so many seconds, and notes how that ended."""
    events = request.app[EVENTS]
    try:
        await asyncio.sleep(float(request.query["seconds"]))
    except asyncio.CancelledError:
        events.append("cancelled")
        raise
    events.append("slept")
    return web.Response(text="slept")


async def upload(request: web.Request) -> web.Response:
    """Reads its body piece by piece, and notes how that ended."""
    size = 0
    try:
        async for piece in request.content.iter_any():
            size += len(piece)
    except ConnectionError:
        request.app[EVENTS].append(f"left after {size}")
        raise
    request.app[EVENTS].append(f"got {size}")
    return web.Response(text=str(size))


def make_app() -> web.Application:
    app = web.Application()
    app[EVENTS] = []
    app.router.add_route("*", "/echo", echo)
    app.router.add_get("/stream", stream)
    app.router.add_route("*", "/redirect", redirect)
    app.router.add_get("/sleep", sleep)
    app.router.add_post("/upload", upload)
    return app
