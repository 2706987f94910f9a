"""Content codings between the server and clients that nobody here wrote, on both event loops."""

import asyncio
import gzip
import hashlib
import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sketch import web
from tests.clients import HAS_CURL, AiohttpClient, CurlClient, HttpClient, HttpxClient
from tests.codings import ENCODE, decode_so_far
from tests.loops import LOOPS, NewLoop
from tests.loops import run as run_on

TEXT = b"The quick brown fox jumps over the lazy dog. " * 3000
BROWSER = "gzip, deflate, br, zstd"

NEEDS_CURL = pytest.mark.skipif(not HAS_CURL, reason="curl is not installed")
CLIENTS = pytest.mark.parametrize(
    "new_client",
    [AiohttpClient, HttpxClient, pytest.param(CurlClient, marks=NEEDS_CURL)],
    ids=["aiohttp", "httpx", "curl"],
)


async def text(request: web.Request) -> web.Response:
    return web.Response(text=TEXT.decode())


async def stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(request)
    for start in range(0, len(TEXT), 10000):
        await response.write(TEXT[start : start + 10000])
    return response


async def digest(request: web.Request) -> web.Response:
    found = hashlib.sha256()
    async for piece in request.content.iter_any():
        found.update(piece)
    return web.Response(text=found.hexdigest())


async def events(request: web.Request) -> web.StreamResponse:
    """Sends the next event when the last one was read."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for number in range(3):
        await response.write(b"data: %d\n\n" % number)
        request.app[READ].clear()
        await request.app[READ].wait()
    return response


READ = web.AppKey("READ", asyncio.Event)


def make_app() -> web.Application:
    app = web.Application(middlewares=[web.compress()], client_max_size=2**20)
    app[READ] = asyncio.Event()
    app.router.add_get("/text", text)
    app.router.add_get("/stream", stream)
    app.router.add_get("/events", events)
    app.router.add_post("/digest", digest)
    return app


def run(new_loop: NewLoop, use: Callable[[str, web.Application], Awaitable[None]]) -> None:
    async def main() -> None:
        runner = web.AppRunner(make_app(), access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            host, port = runner.addresses[0][:2]
            await use(f"http://{host}:{port}", runner.app)
        finally:
            await runner.cleanup()

    run_on(new_loop, main)


def with_client(
    new_loop: NewLoop, new_client: Any, directory: Path, use: Callable[[HttpClient], Awaitable[None]]
) -> None:
    async def connect(base: str, app: web.Application) -> None:
        client = new_client(base, directory)
        try:
            await use(client)
        finally:
            await client.close()

    run(new_loop, connect)


@LOOPS
@pytest.mark.parametrize("new_client", [AiohttpClient, HttpxClient], ids=["aiohttp", "httpx"])
@pytest.mark.parametrize("accept_encoding", ["gzip", "deflate", "br", "identity"])
def test_clients_read_what_they_asked_for(
    new_loop: NewLoop, new_client: Any, accept_encoding: str, tmp_path: Path
) -> None:
    """What the client decodes by itself."""

    async def use(client: HttpClient) -> None:
        for target in ("/text", "/stream"):
            answer = await client.request("GET", target, fields={"Accept-Encoding": accept_encoding})
            assert answer.body == TEXT and answer.get_all("vary") == ["Accept-Encoding"]
            coding = [] if accept_encoding == "identity" else [accept_encoding]
            assert answer.get_all("content-encoding") == coding
            head = await client.request("HEAD", target, fields={"Accept-Encoding": accept_encoding})
            assert head.get_all("content-encoding") == coding
            assert head.get_all("content-length") == answer.get_all("content-length")

    with_client(new_loop, new_client, tmp_path, use)


@LOOPS
def test_what_aiohttp_s_client_likes_best(new_loop: NewLoop) -> None:
    async def use(base: str, app: web.Application) -> None:
        async with aiohttp.ClientSession(base) as session:
            for target in ("/text", "/stream"):
                async with session.get(target) as response:
                    assert response.headers["Content-Encoding"] == "zstd"
                    assert await response.read() == TEXT

    run(new_loop, use)


@LOOPS
@NEEDS_CURL
def test_curl_compressed(new_loop: NewLoop, tmp_path: Path) -> None:
    async def use(client: HttpClient) -> None:
        assert isinstance(client, CurlClient)
        for target in ("/text", "/stream"):
            answer = await client.run("--compressed", client._base + target)
            assert answer.body == TEXT and len(answer.get_all("content-encoding")) == 1
            answer = await client.run("--compressed", "--http1.0", client._base + target)
            assert answer.body == TEXT and answer.get_all("transfer-encoding") == []
            answer = await client.run(client._base + target)
            assert answer.body == TEXT and answer.get_all("content-encoding") == []

    with_client(new_loop, CurlClient, tmp_path, use)


@LOOPS
@CLIENTS
@pytest.mark.parametrize("coding", sorted(ENCODE))
def test_encoded_bodies(new_loop: NewLoop, new_client: Any, coding: str, tmp_path: Path) -> None:
    expected = hashlib.sha256(TEXT * 20).hexdigest().encode()

    async def use(client: HttpClient) -> None:
        body = ENCODE[coding](TEXT * 20)
        answer = await client.request("POST", "/digest", body, {"Content-Encoding": coding})
        assert (answer.status, answer.body) == (200, expected)
        answer = await client.request("POST", "/digest", body[:-5], {"Content-Encoding": coding})
        assert answer.status == 400
        answer = await client.request("POST", "/digest", body, {"Content-Encoding": "snappy"})
        assert (answer.status, answer.get_all("accept-encoding")) == (415, ["zstd, br, gzip, deflate"])
        assert (await client.request("GET", "/text")).status == 200

    with_client(new_loop, new_client, tmp_path, use)


@LOOPS
def test_a_body_that_the_client_compresses_as_it_goes(new_loop: NewLoop) -> None:
    async def use(base: str, app: web.Application) -> None:
        async def pieces() -> Any:
            for start in range(0, len(TEXT), 7000):
                yield TEXT[start : start + 7000]

        async with aiohttp.ClientSession(base) as session:
            async with session.post("/digest", data=pieces(), compress="deflate") as response:
                assert await response.text() == hashlib.sha256(TEXT).hexdigest()

    run(new_loop, use)


@LOOPS
@pytest.mark.parametrize("coding", sorted(ENCODE))
def test_events_come_one_by_one(new_loop: NewLoop, coding: str) -> None:
    """The next one is sent only when the client could read the last one."""

    async def use(base: str, app: web.Application) -> None:
        async with aiohttp.ClientSession(base, auto_decompress=False) as session:
            async with session.get("/events", headers={"Accept-Encoding": coding}) as response:
                assert response.headers["Content-Encoding"] == coding
                encoded = b""
                for number in range(3):
                    while b"data: %d\n\n" % number not in decode_so_far(coding, encoded):
                        encoded += await response.content.readany()
                    app[READ].set()
                await response.read()

    run(new_loop, use)


@LOOPS
def test_a_bomb_over_a_socket(new_loop: NewLoop) -> None:
    """Others are answered while it is taken apart, and the connection lives on."""
    bomb = gzip.compress(bytes(2**28), 1)

    async def use(base: str, app: web.Application) -> None:
        async with aiohttp.ClientSession(base) as session:
            answering = asyncio.ensure_future(
                session.post("/digest", data=io.BytesIO(bomb), headers={"Content-Encoding": "gzip"})
            )
            answers = 0
            while not answering.done():
                async with session.get("/text") as response:
                    answers += response.status == 200
            async with await answering as response:
                assert await response.text() == hashlib.sha256(bytes(2**28)).hexdigest()
            assert answers > 1

    run(new_loop, use)
