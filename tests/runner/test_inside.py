"""`run_app_inside`, aiohttp's ``web._run_app``: a server beside whatever else a program does in its loop."""

import asyncio
import socket
from typing import Any

import aiohttp
import pytest
from aiohttp import web as theirs

import sketch.abc
from sketch import web
from sketch.accesslog import AccessLogger
from sketch.logs import access_logger

ours: Any = web


def make_app(web: Any, said: list[str]) -> Any:
    async def hello(request: Any) -> Any:
        return web.Response(text="hello")

    def say(text: str) -> Any:
        async def hook(app: Any) -> None:
            said.append(text)

        return hook

    app = web.Application()
    app.router.add_get("/", hello)
    app.on_startup.append(say("startup"))
    app.on_shutdown.append(say("shutdown"))
    app.on_cleanup.append(say("cleanup"))
    return app


async def serve(web: Any) -> list[str]:
    """Serve until a client had its answer; gives what was said in which order."""
    said: list[str] = []
    running = asyncio.Event()

    def tell(text: str, **kwargs: Any) -> None:
        said.append(text.splitlines()[0].rpartition(":")[0])
        running.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        task = asyncio.create_task(web._run_app(make_app(web, said), sock=listener, print=tell))
        await running.wait()
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/") as response:
            said.append(await response.text())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    return said


async def coroutine(app: Any) -> Any:
    return app


def test_it_serves_until_it_is_cancelled() -> None:
    said = asyncio.run(serve(ours))
    assert said == ["startup", "======== Running on http://127.0.0.1", "hello", "shutdown", "cleanup"]
    assert asyncio.run(serve(theirs)) == said


@pytest.mark.parametrize("web", [ours, theirs])
def test_an_address_that_is_taken_is_an_error_of_the_system(web: Any) -> None:
    said: list[str] = []

    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            app = coroutine(make_app(web, said))
            await web._run_app(app, host="127.0.0.1", port=port, print=None)

    with pytest.raises(OSError, match="address already in use"):
        asyncio.run(run())
    assert said == ["startup", "shutdown", "cleanup"]


def test_what_cannot_be_meant_is_said_before_the_start() -> None:
    said: list[str] = []
    with pytest.raises(ValueError, match="port"):
        asyncio.run(ours._run_app(make_app(ours, said), port=-1, print=None))
    with pytest.raises(TypeError, match="shutdown_timout"):
        asyncio.run(ours._run_app(make_app(ours, said), shutdown_timout=1, print=None))
    assert said == []


def test_names_that_programs_take_from_there() -> None:
    assert ours.AccessLogger is AccessLogger
    assert ours.AbstractAccessLogger is sketch.abc.AbstractAccessLogger
    assert ours.access_logger is access_logger
    assert not {"AccessLogger", "access_logger"} & {*ours.__all__, *theirs.__all__}
