"""Forms from clients that nobody here wrote, over sockets, on both event loops."""

import asyncio
import gc
import hashlib
import io
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

from sketch import web
from sketch.multipart import BodyPartReader
from tests.clients import HAS_CURL, run_curl
from tests.loops import LOOPS, NewLoop, run

DATA = bytes(range(256)) * (3 * 2**12 + 1)
"""3 MiB, and a little."""

FILES = web.AppKey("FILES", list[Any])
BROKEN_OFF = web.AppKey("BROKEN_OFF", asyncio.Queue[str])


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


routes = web.RouteTableDef()


@routes.post("/post")
async def post(request: web.Request) -> web.Response:
    """Tells what is in the form."""
    fields = []
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            request.app[FILES].append(value.file)
            fields.append([name, value.filename, value.content_type, digest(value.file.read())])
        else:
            fields.append([name, value if isinstance(value, str) else value.decode()])
    return web.json_response(fields)


@routes.post("/parts")
async def parts(request: web.Request) -> web.Response:
    """The same, part by part."""
    fields = []
    async for item in await request.multipart():
        assert isinstance(item, BodyPartReader)
        hashed = hashlib.sha256()
        size = 0
        while chunk := await item.read_chunk(2**16):
            hashed.update(chunk)
            size += len(chunk)
        fields.append([item.name, item.filename, size, hashed.hexdigest()])
    return web.json_response(fields)


@routes.post("/note")
async def note(request: web.Request) -> web.Response:
    """Notes how it ends."""
    try:
        await request.post()
    except Exception as error:
        request.app[BROKEN_OFF].put_nowait(type(error).__name__)
        raise
    return web.Response()


def serve(new_loop: NewLoop, use: Callable[[str, web.Application], Awaitable[None]]) -> None:
    """Run a test against the application. No file may be left open."""

    async def main() -> None:
        before = open_files()
        app = web.Application(client_max_size=2**25)
        app[FILES] = []
        app[BROKEN_OFF] = asyncio.Queue()
        app.add_routes(routes)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            await use(f"http://127.0.0.1:{runner.addresses[0][1]}", app)
        finally:
            await runner.cleanup()
        await asyncio.get_running_loop().shutdown_default_executor()
        assert all(file.closed for file in app[FILES])
        assert open_files() == before

    run(new_loop, main)
    gc.collect()


EXPECTED = [
    ["text", "ünï"],
    ["empty", ""],
    ["small", "a b.txt", "text/plain", digest(b"content")],
    ["large", "large.bin", "application/octet-stream", digest(DATA)],
]


@LOOPS
def test_the_form_of_aiohttp(new_loop: NewLoop) -> None:
    def form() -> aiohttp.FormData:
        # Else it escapes the names, and browsers do not.
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("text", "ünï")
        form.add_field("empty", "")
        form.add_field("small", io.BytesIO(b"content"), filename="a b.txt", content_type="text/plain")
        form.add_field(
            "large", io.BytesIO(DATA), filename="large.bin", content_type="application/octet-stream"
        )
        return form

    async def use(base: str, app: web.Application) -> None:
        async with aiohttp.ClientSession(base) as session:
            async with session.post("/post", data=form()) as response:
                assert await response.json() == EXPECTED
            async with session.post("/parts", data=form()) as response:
                last = (await response.json())[-1]
                assert last == ["large", "large.bin", len(DATA), digest(DATA)]
            async with session.post("/post", data={"a": "1 &=", "b": "ü"}) as response:
                assert await response.json() == [["a", "1 &="], ["b", "ü"]]

    serve(new_loop, use)


@LOOPS
def test_the_form_of_httpx(new_loop: NewLoop) -> None:
    async def use(base: str, app: web.Application) -> None:
        async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=20) as client:
            response = await client.post(
                "/post",
                data={"text": "ünï", "empty": ""},
                files={
                    "small": ("a b.txt", io.BytesIO(b"content"), "text/plain"),
                    "large": ("large.bin", io.BytesIO(DATA), "application/octet-stream"),
                },
            )
            assert response.json() == EXPECTED
            response = await client.post("/post", data={"a": ["1 &=", "ü"]})
            assert response.json() == [["a", "1 &="], ["a", "ü"]]

    serve(new_loop, use)


@pytest.mark.skipif(not HAS_CURL, reason="curl is not installed")
@LOOPS
def test_the_form_of_curl(new_loop: NewLoop, tmp_path: Path) -> None:
    (tmp_path / "a b.txt").write_bytes(b"content")
    (tmp_path / "large.bin").write_bytes(DATA)
    (tmp_path / 'q"; x.txt').write_bytes(b"quoted")

    async def use(base: str, app: web.Application) -> None:
        arguments = [
            "-F", "text=ünï", "-F", "empty=", "-F", f"small=@{tmp_path / 'a b.txt'};type=text/plain",
            "-F", f"large=@{tmp_path / 'large.bin'};type=application/octet-stream",
        ]  # fmt: skip
        assert json.loads(await run_curl(*arguments, f"{base}/post")) == EXPECTED
        parts = json.loads(await run_curl(*arguments, f"{base}/parts"))
        assert [[name, filename, size] for name, filename, size, _ in parts] == [
            ["text", None, 5], ["empty", None, 0], ["small", "a b.txt", 7], ["large", "large.bin", len(DATA)],
        ]  # fmt: skip
        assert parts[3][3] == digest(DATA)
        # It waits for an invitation, and sends in chunks.
        output = await run_curl(
            *arguments, "-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue", f"{base}/post"
        )
        assert json.loads(output) == EXPECTED
        assert json.loads(await run_curl("-d", "a=1&b=%C3%BC", f"{base}/post")) == [["a", "1"], ["b", "ü"]]

    serve(new_loop, use)


@pytest.mark.skipif(not HAS_CURL, reason="curl is not installed")
def test_names_that_curl_escapes(tmp_path: Path) -> None:
    async def use(base: str, app: web.Application) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"content")
        quoted = f'a=@{path};filename="q\\";x;y.txt"'
        fields = json.loads(await run_curl("--form-escape", "-F", quoted, f"{base}/post"))
        assert fields[0][1] == 'q";x;y.txt'

    serve(asyncio.SelectorEventLoop, use)


@LOOPS
def test_a_client_that_leaves_in_the_middle_of_a_file(new_loop: NewLoop) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="a"; filename="f"\r\n\r\n'

    async def use(base: str, app: web.Application) -> None:
        port = int(base.rpartition(":")[2])
        for _ in range(3):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(
                b"POST /note HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
                b"Content-Length: 20000000\r\n\r\n" + head + bytes(2**22)
            )
            # More than all buffers on the way take: a part of it is on the server's disk.
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            assert await app[BROKEN_OFF].get() == "Disconnected"

    serve(new_loop, use)


def open_files() -> int:
    """Descriptors of this process that are files without a name, as temporary files are."""
    count = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{name}").endswith(" (deleted)")
        except OSError:
            # That of the listing itself.
            pass
    return count
