"""Files over real sockets, with TLS and without, on both event loops: what clients get that nobody here
wrote, and what is left behind when they leave."""

import asyncio
import gzip
import logging
import os
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from sketch import web
from tests.clients import AiohttpClient, CurlClient, HttpClient, HttpxClient
from tests.conformance.driver import until
from tests.descriptors import NEEDS_PROC, nothing_stays_open, open_files
from tests.test_over_sockets import CLIENTS, GROUNDS, NEEDS_CURL, Ground, NewClient, Site
from tests.test_over_sockets import run as serve

pytestmark = NEEDS_PROC

LARGE = os.urandom(2**20) * 12
"""More than any socket takes of a client that does not read."""

SMALL = bytes(range(256)) * 16


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path.resolve() / "root"
    root.mkdir()
    contents = {"large.bin": LARGE, "small.txt": SMALL, "small.txt.gz": gzip.compress(SMALL)}
    for name, content in contents.items():
        (root / name).write_bytes(content)
        os.utime(root / name, (1_700_000_000, 1_700_000_000))
    with nothing_stays_open(root):
        yield root


def run(ground: Ground, place: Path, use: Callable[[str, Path | None], Awaitable[None]]) -> None:
    """Serve the directory, use it, and take it down."""

    def make() -> web.Application:
        app = web.Application()
        app.router.add_static("/s", place, show_index=True)
        return app

    async def use_site(site: Site) -> None:
        await use(site.base, site.authority)

    serve(ground, use_site, make)


def with_client(
    ground: Ground,
    new_client: NewClient,
    place: Path,
    use: Callable[[HttpClient], Awaitable[None]],
) -> None:
    async def connect(base: str, authority: Path | None) -> None:
        client = new_client(base, place.parent, authority)
        try:
            await use(client)
        finally:
            await client.close()

    run(ground, place, connect)


@GROUNDS
@CLIENTS
def test_whole_files(ground: Ground, new_client: NewClient, place: Path) -> None:
    async def use(client: HttpClient) -> None:
        for name, content in (("small.txt", SMALL), ("large.bin", LARGE), ("small.txt", SMALL)):
            answer = await client.request("GET", f"/s/{name}", fields={"Accept-Encoding": "identity"})
            assert (answer.status, answer.body) == (200, content)
            assert answer.get_all("content-length") == [str(len(content))]
            (etag,) = answer.get_all("etag")
            (date,) = answer.get_all("last-modified")
            for known in ({"If-None-Match": etag}, {"If-Modified-Since": date}):
                fields = {"Accept-Encoding": "identity", **known}
                answer = await client.request("GET", f"/s/{name}", fields=fields)
                assert (answer.status, answer.body) == (304, b"")
            answer = await client.request("HEAD", f"/s/{name}", fields={"Accept-Encoding": "identity"})
            assert (answer.status, answer.get_all("content-length")) == (200, [str(len(content))])
            assert (await client.request("GET", "/s/missing")).status == 404

    with_client(ground, new_client, place, use)


@GROUNDS
@pytest.mark.parametrize("new_client", [AiohttpClient, HttpxClient], ids=["aiohttp", "httpx"])
def test_a_compressed_neighbour(ground: Ground, new_client: NewClient, place: Path) -> None:
    async def use(client: HttpClient) -> None:
        answer = await client.request("GET", "/s/small.txt")
        assert (answer.status, answer.body) == (200, SMALL)
        assert (answer.get_all("content-encoding"), answer.get_all("vary")) == (["gzip"], ["Accept-Encoding"])
        assert int(answer.get_all("content-length")[0]) < len(SMALL)

    with_client(ground, new_client, place, use)


@GROUNDS
@CLIENTS
def test_ranges(ground: Ground, new_client: NewClient, place: Path) -> None:
    async def use(client: HttpClient) -> None:
        for name, content in (("small.txt", SMALL), ("large.bin", LARGE)):
            size = len(content)
            for value, start, stop in (("0-9", 0, 10), ("1000-", 1000, size), ("-7", size - 7, size)):
                fields = {"Range": f"bytes={value}", "Accept-Encoding": "identity"}
                answer = await client.request("GET", f"/s/{name}", fields=fields)
                assert (answer.status, answer.body) == (206, content[start:stop])
                assert answer.get_all("content-range") == [f"bytes {start}-{stop - 1}/{size}"]
            fields = {"Range": f"bytes={size}-", "Accept-Encoding": "identity"}
            answer = await client.request("GET", f"/s/{name}", fields=fields)
            assert (answer.status, answer.get_all("content-range")) == (416, [f"bytes */{size}"])

    with_client(ground, new_client, place, use)


@GROUNDS
@CLIENTS
def test_several_ranges(ground: Ground, new_client: NewClient, place: Path) -> None:
    async def use(client: HttpClient) -> None:
        fields = {"Range": "bytes=0-3, 5000000-7000000, -3", "Accept-Encoding": "identity"}
        answer = await client.request("GET", "/s/large.bin", fields=fields)
        assert answer.status == 206 and answer.get_all("content-length") == [str(len(answer.body))]
        boundary = answer.get_all("content-type")[0].partition("boundary=")[2].encode()
        parts = re.split(rb"(?:\A|\r\n)--" + boundary + rb"(?:--)?\r\n", answer.body)
        contents = [part.partition(b"\r\n\r\n")[2] for part in parts[1:-1]]
        assert contents == [LARGE[:4], LARGE[5000000:7000001], LARGE[-3:]]

    with_client(ground, new_client, place, use)


@GROUNDS
@NEEDS_CURL
def test_curl_goes_on_where_it_stopped(ground: Ground, place: Path) -> None:
    async def use(base: str, authority: Path | None) -> None:
        client = CurlClient(base, place.parent, authority)
        answer = await client.run("-r", "100-199", f"{base}/s/large.bin")
        assert (answer.status, answer.body) == (206, LARGE[100:200])
        part = place.parent / "part"
        part.write_bytes(LARGE[:5_000_000])
        answer = await client.run("-C", "-", "-o", str(part), f"{base}/s/large.bin")
        assert answer.status == 206 and part.read_bytes() == LARGE
        answer = await client.run("-r", "0-1,4000000-4000001", f"{base}/s/large.bin")
        assert answer.status == 206 and LARGE[4000000:4000002] in answer.body
        answer = await client.run("--path-as-is", f"{base}/s/../../etc/passwd")
        assert answer.status == 404

    run(ground, place, use)


@GROUNDS
@pytest.mark.parametrize("value", [None, "bytes=0-,5-", "bytes=0-5000000,6000000-"])
def test_clients_that_leave_in_the_middle(
    ground: Ground, place: Path, value: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    async def use(base: str, authority: Path | None) -> None:
        tls = AiohttpClient(base, place.parent, authority)
        await tls.close()
        fields = {} if value is None else {"Range": value}
        for _ in range(5):
            connector = aiohttp.TCPConnector(ssl=tls._tls or True)
            async with aiohttp.ClientSession(connector=connector, read_bufsize=2**14) as session:
                response = await session.get(f"{base}/s/large.bin", headers=fields)
                assert await response.content.readexactly(1000)
                assert open_files(place) == [str(place / "large.bin")]
                response.close()
            await until(lambda: open_files(place) == [])

    run(ground, place, use)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@GROUNDS
def test_a_file_that_shrinks_while_it_is_sent(
    ground: Ground, place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def use(base: str, authority: Path | None) -> None:
        tls = AiohttpClient(base, place.parent, authority)
        await tls.close()
        connector = aiohttp.TCPConnector(ssl=tls._tls or True)
        async with aiohttp.ClientSession(connector=connector, read_bufsize=2**14) as session:
            response = await session.get(f"{base}/s/large.bin")
            assert await response.content.readexactly(1000)
            os.truncate(place / "large.bin", 1000)
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()
            # The next one gets what there is now.
            async with session.get(f"{base}/s/large.bin") as response:
                assert len(await response.read()) == 1000

    run(ground, place, use)
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "the connection was cut" in record.getMessage() and record.exc_info is not None
    assert "large.bin cannot be sent to its end" in str(record.exc_info[1])


@GROUNDS
def test_many_at_once(ground: Ground, place: Path) -> None:
    async def use(base: str, authority: Path | None) -> None:
        tls = AiohttpClient(base, place.parent, authority)
        await tls.close()
        connector = aiohttp.TCPConnector(ssl=tls._tls or True, limit=20)
        async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:

            async def get(number: int) -> None:
                name, content = ("large.bin", LARGE) if number % 5 == 0 else ("small.txt", SMALL)
                headers = {"Accept-Encoding": "identity"}
                async with session.get(f"{base}/s/{name}", headers=headers) as response:
                    assert await response.read() == content

            await asyncio.gather(*map(get, range(30)))

    run(ground, place, use)
