"""Going away: a load balancer notices first, streams end by themselves, the log says what did not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from sketch import web
from tests.loops import LOOPS, NewLoop, run


@asynccontextmanager
async def serving(app: web.Application, **options: Any) -> AsyncIterator[tuple[web.AppRunner, str]]:
    runner = web.AppRunner(app, access_log=None, **options)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner, f"http://127.0.0.1:{site.port}"
    finally:
        await runner.cleanup()


@LOOPS
@pytest.mark.parametrize("prefix", ["", "/inside"])
def test_readiness_ends_before_anything_else(new_loop: NewLoop, prefix: str) -> None:
    async def main() -> None:
        app = web.Application()
        inner = web.Application()
        inner.add_routes([web.readiness("/ready")])
        if prefix:
            app.add_subapp(prefix, inner)
        else:
            app = inner
        assert not app.is_ready
        async with serving(app, drain_delay=60) as (runner, url), aiohttp.ClientSession() as session:
            async with session.get(f"{url}{prefix}/ready") as response:
                assert (response.status, await response.text()) == (200, "ready\n")
                assert response.headers["Cache-Control"] == "no-store"
            end = asyncio.create_task(runner.cleanup())
            await asyncio.sleep(0)
            async with aiohttp.ClientSession() as other, other.get(f"{url}{prefix}/ready") as response:
                # New connections are still served, and kept.
                assert (response.status, await response.text()) == (503, "not ready\n")
                assert "Connection" not in response.headers
            end.cancel()
            with pytest.raises(asyncio.CancelledError):
                await end
            with pytest.raises(aiohttp.ClientConnectionError):
                await session.get(f"{url}{prefix}/ready")

    run(new_loop, main)


@LOOPS
def test_an_answer_without_an_end_is_told(new_loop: NewLoop) -> None:
    async def main() -> None:
        begun = asyncio.Event()

        async def stream(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            begun.set()
            assert not request.is_draining
            await request.draining
            assert request.is_draining
            await response.write(b"goodbye")
            return response

        app = web.Application()
        app.router.add_get("/", stream)
        async with serving(app, shutdown_timeout=60) as (runner, url), aiohttp.ClientSession() as session:
            response = await session.get(url)
            await begun.wait()
            await runner.cleanup()
            assert await response.read() == b"goodbye"

    run(new_loop, main)


def test_the_log_names_what_was_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        begun = asyncio.Semaphore(0)

        async def hang(request: web.Request) -> web.Response:
            begun.release()
            await asyncio.Event().wait()
            return web.Response()

        app = web.Application()
        app.router.add_get("/{name}", hang)
        async with serving(app, shutdown_timeout=0.01) as (runner, url), aiohttp.ClientSession() as session:
            requests = [asyncio.create_task(session.get(f"{url}/{number}")) for number in range(12)]
            for _ in requests:
                await begun.acquire()
            await runner.cleanup()
            results = await asyncio.gather(*requests, return_exceptions=True)
            assert all(isinstance(result, aiohttp.ClientError) for result in results)

    run(asyncio.SelectorEventLoop, main)
    [message] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert message.startswith("Shutdown: 12 request(s) were cut off: GET /")
    assert message.count("GET /") == 10 and message.endswith(", ...")


@pytest.mark.parametrize("value", [-1, "5", None])
def test_a_delay_that_is_none(value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="drain_delay must"):
        web.AppRunner(web.Application(), drain_delay=value)
    with pytest.raises((TypeError, ValueError), match="drain_delay must"):
        web.run_app(web.Application(), drain_delay=value)
