"""One application over real sockets, with TLS and without, on both event loops, seen by clients that nobody
here wrote."""

import asyncio
import hashlib
import json
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import aiohttp
import pytest
import uvloop

from sketch import web
from sketch.net.connection import SocketConnection
from sketch.tls import make_context
from tests.certificates import Authority
from tests.clients import HAS_CURL, AiohttpClient, CurlClient, HttpClient, HttpxClient, run_curl
from tests.conformance.driver import until

LARGE = bytes(range(256)) * (5 * 2**12)
"""5 MiB."""

NewClient = Callable[[str, Path, Path | None], HttpClient]


@dataclass(frozen=True)
class Ground:
    """What the application stands on: an event loop, and TLS or not."""

    new_loop: Callable[[], asyncio.AbstractEventLoop]
    is_secure: bool = False


NEEDS_CURL = pytest.mark.skipif(not HAS_CURL, reason="curl is not installed")
GROUNDS = pytest.mark.parametrize(
    "ground",
    [
        Ground(asyncio.SelectorEventLoop),
        Ground(uvloop.new_event_loop),
        Ground(asyncio.SelectorEventLoop, is_secure=True),
        Ground(uvloop.new_event_loop, is_secure=True),
    ],
    ids=["asyncio", "uvloop", "asyncio-tls", "uvloop-tls"],
)
CLIENTS = pytest.mark.parametrize(
    "new_client",
    [AiohttpClient, HttpxClient, pytest.param(CurlClient, marks=NEEDS_CURL)],
    ids=["aiohttp", "httpx", "curl"],
)

# -- the application -----------------------------------------------------------------------------------

SENT = web.AppKey("SENT", list[int])
"""How far downloads have come."""

routes = web.RouteTableDef()


@routes.get("/")
async def hello(request: web.Request) -> web.Response:
    return web.Response(text="hello wörld")


@routes.get("/json")
async def query(request: web.Request) -> web.Response:
    return web.json_response({"path": request.path, **request.query})


@routes.post("/json")
async def echo(request: web.Request) -> web.Response:
    return web.json_response({"got": await request.json()})


@routes.get("/greet/{name}")
async def greet(request: web.Request) -> web.Response:
    return web.Response(text=f"hello {request.match_info['name']}")


@routes.get("/stream")
async def stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    response.content_type = "text/plain"
    await response.prepare(request)
    for number in range(100):
        await response.write(b"line %d\n" % number)
    await response.write_eof()
    return response


@routes.post("/upload")
async def upload(request: web.Request) -> web.Response:
    digest = hashlib.sha256()
    async for piece in request.content.iter_any():
        digest.update(piece)
    return web.Response(text=digest.hexdigest())


@routes.post("/refuse")
async def refuse(request: web.Request) -> web.Response:
    """Answers before it has read anything."""
    raise web.HTTPForbidden(text="not here")


@routes.get("/download")
async def download(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(len(LARGE))})
    await response.prepare(request)
    for start in range(0, len(LARGE), 2**16):
        await response.write(LARGE[start : start + 2**16])
        request.app[SENT].append(start)
    return response


@routes.get("/cookies")
async def cookies(request: web.Request) -> web.Response:
    response = web.json_response(dict(request.cookies))
    response.set_cookie("one", "1", httponly=True)
    response.set_cookie("two", "2", max_age=60)
    return response


@routes.get("/fail")
async def fail(request: web.Request) -> web.Response:
    raise LookupError("a secret")


@routes.get("/peer")
async def peer(request: web.Request) -> web.Response:
    """Tells connections apart."""
    assert request.transport is not None
    return web.Response(text=str(request.transport.get_extra_info("peername")[1]) + "\n")


def middleware(name: str) -> Any:
    @web.middleware
    async def mark(request: web.Request, handler: Any) -> web.StreamResponse:
        response: web.StreamResponse = await handler(request)
        response.headers["X-Way"] = response.headers.get("X-Way", "") + name
        return response

    return mark


def make_app() -> web.Application:
    app = web.Application(middlewares=[middleware("c"), middleware("b")])
    app[SENT] = []
    app.add_routes(routes)
    inner = web.Application(middlewares=[middleware("a")])
    inner.router.add_get("/where", query)
    app.add_subapp("/inner", inner)
    return app


# -- the stage -----------------------------------------------------------------------------------------


class Site:
    """The application, served.

    ``base``
        the beginning of its URLs.
    ``authority``
        who has signed its certificate, where it has one.
    """

    def __init__(self, runner: web.AppRunner, base: str, authority: Path | None) -> None:
        self.runner = runner
        self.base = base
        self.authority = authority

    @property
    def curl_options(self) -> list[str]:
        return [] if self.authority is None else ["--cacert", str(self.authority)]

    def make_client_context(self) -> ssl.SSLContext | bool:
        return True if self.authority is None else ssl.create_default_context(cafile=self.authority)


def run(
    ground: Ground, use: Callable[[Site], Awaitable[None]], make: Callable[[], web.Application] | None = None
) -> None:
    """Serve an application, the one above unless told otherwise; use it, and take it down."""

    async def main() -> None:
        runner = web.AppRunner((make or make_app)(), access_log=None)
        await runner.setup()
        listening = socket.create_server(("127.0.0.1", 0))
        # Else the system takes the whole of a download before the server has to wait.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**16)
        authority = Authority(Path(directory)) if ground.is_secure else None
        context = None
        if authority is not None:
            pair = authority.issue("127.0.0.1")
            context = make_context(pair.certificate, pair.key)
        site = web.SockSite(runner, listening, ssl_context=context)
        await site.start()
        try:
            async with asyncio.timeout(60):
                await use(Site(runner, site.name, None if authority is None else authority.path))
        finally:
            await runner.cleanup()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with TemporaryDirectory() as directory, asyncio.Runner(loop_factory=ground.new_loop) as runner:
        runner.run(main())


def with_client(
    ground: Ground,
    new_client: NewClient,
    directory: Path,
    use: Callable[[HttpClient], Awaitable[None]],
) -> None:
    async def connect(site: Site) -> None:
        client = new_client(site.base, directory, site.authority)
        try:
            await use(client)
        finally:
            await client.close()

    run(ground, connect)


# -- what every client sees ----------------------------------------------------------------------------


@GROUNDS
@CLIENTS
def test_small_answers(ground: Ground, new_client: NewClient, tmp_path: Path) -> None:
    async def use(client: HttpClient) -> None:
        answer = await client.request("GET", "/")
        assert (answer.status, answer.body.decode()) == (200, "hello wörld")
        assert answer.get_all("content-type") == ["text/plain; charset=utf-8"]
        assert answer.get_all("content-length") == ["12"] and len(answer.get_all("date")) == 1
        assert answer.get_all("x-way") == ["bc"]
        answer = await client.request("GET", "/greet/J%C3%BCrgen%20M?x=1")
        assert answer.body.decode() == "hello Jürgen M"
        answer = await client.request("GET", "/json?a=1&b=%26")
        assert json.loads(answer.body) == {"path": "/json", "a": "1", "b": "&"}

    with_client(ground, new_client, tmp_path, use)


@GROUNDS
@CLIENTS
def test_bodies(ground: Ground, new_client: NewClient, tmp_path: Path) -> None:
    async def use(client: HttpClient) -> None:
        sent = json.dumps({"a": ["ü", 1]}).encode()
        answer = await client.request("POST", "/json", sent, {"Content-Type": "application/json"})
        assert (answer.status, json.loads(answer.body)) == (200, {"got": {"a": ["ü", 1]}})
        digest = hashlib.sha256(LARGE).hexdigest().encode()
        assert (await client.request("POST", "/upload", LARGE)).body == digest
        assert (await client.upload("/upload", LARGE)).body == digest
        assert (await client.request("POST", "/upload", b"")).body == hashlib.sha256().hexdigest().encode()

    with_client(ground, new_client, tmp_path, use)


@GROUNDS
@CLIENTS
def test_a_refused_body(ground: Ground, new_client: NewClient, tmp_path: Path) -> None:
    """The client learns of it, although it is still sending."""

    async def use(client: HttpClient) -> None:
        for size in (1000, len(LARGE)):
            answer = await client.request("POST", "/refuse", LARGE[:size])
            assert (answer.status, answer.body) == (403, b"not here")
        assert (await client.request("GET", "/")).status == 200

    with_client(ground, new_client, tmp_path, use)


@GROUNDS
@CLIENTS
def test_streams(ground: Ground, new_client: NewClient, tmp_path: Path) -> None:
    async def use(client: HttpClient) -> None:
        answer = await client.request("GET", "/stream")
        assert answer.body == b"".join(b"line %d\n" % number for number in range(100))
        assert answer.get_all("transfer-encoding") == ["chunked"]
        answer = await client.request("GET", "/download")
        assert answer.body == LARGE and answer.get_all("content-length") == [str(len(LARGE))]

    with_client(ground, new_client, tmp_path, use)


@GROUNDS
@CLIENTS
def test_heads(ground: Ground, new_client: NewClient, tmp_path: Path) -> None:
    async def use(client: HttpClient) -> None:
        for target, length in (("/", ["12"]), ("/download", [str(len(LARGE))])):
            answer = await client.request("HEAD", target)
            assert (answer.status, answer.body) == (200, b"")
            assert answer.get_all("content-length") == length

    with_client(ground, new_client, tmp_path, use)


@GROUNDS
@CLIENTS
def test_errors(
    ground: Ground, new_client: NewClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def use(client: HttpClient) -> None:
        assert (await client.request("GET", "/nowhere")).status == 404
        answer = await client.request("DELETE", "/json")
        assert (answer.status, answer.get_all("allow")) == (405, ["GET,HEAD,POST"])
        answer = await client.request("GET", "/fail")
        assert answer.status == 500 and b"secret" not in answer.body
        assert (await client.request("GET", "/")).status == 200

    with_client(ground, new_client, tmp_path, use)
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert record.exc_info is not None and "/fail" in record.getMessage()


@GROUNDS
@CLIENTS
def test_cookies(ground: Ground, new_client: NewClient, tmp_path: Path) -> None:
    async def use(client: HttpClient) -> None:
        answer = await client.request("GET", "/cookies", fields={"Cookie": "a=b; c=d"})
        assert json.loads(answer.body) == {"a": "b", "c": "d"}
        assert [value.partition(";")[0] for value in answer.get_all("set-cookie")] == ["one=1", "two=2"]

    with_client(ground, new_client, tmp_path, use)


@GROUNDS
@CLIENTS
def test_a_sub_application(ground: Ground, new_client: NewClient, tmp_path: Path) -> None:
    async def use(client: HttpClient) -> None:
        answer = await client.request("GET", "/inner/where?a=1")
        assert json.loads(answer.body) == {"path": "/inner/where", "a": "1"}
        assert answer.get_all("x-way") == ["abc"]

    with_client(ground, new_client, tmp_path, use)


# -- what only one of them can show --------------------------------------------------------------------


@GROUNDS
@pytest.mark.parametrize("new_client", [AiohttpClient, HttpxClient], ids=["aiohttp", "httpx"])
def test_a_connection_is_used_again(ground: Ground, new_client: NewClient, tmp_path: Path) -> None:
    async def use(client: HttpClient) -> None:
        ports = {(await client.request("GET", "/peer")).body for _ in range(3)}
        await client.request("POST", "/refuse", b"x" * 1000)
        ports.add((await client.request("GET", "/peer")).body)
        assert len(ports) == 1

    with_client(ground, new_client, tmp_path, use)


@GROUNDS
def test_a_download_to_a_slow_reader(ground: Ground) -> None:
    """The handler waits, and holds next to nothing; the reader gets it all in the end."""

    def make_socket(info: Any) -> socket.socket:
        sock = socket.socket(info[0], info[1], info[2])
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
        return sock

    async def use(site: Site) -> None:
        connector = aiohttp.TCPConnector(socket_factory=make_socket, ssl=site.make_client_context())
        async with aiohttp.ClientSession(connector=connector, read_bufsize=2**16) as session:
            async with session.get(site.base + "/download") as response:
                assert site.runner.server is not None
                (connection,) = site.runner.server.connections
                await until(lambda: cast(SocketConnection, connection).writing_paused)
                assert site.runner.app[SENT][-1] < len(LARGE) // 2
                assert connection.transport.get_write_buffer_size() < 2**18
                assert await response.read() == LARGE

    run(ground, use)


@GROUNDS
@NEEDS_CURL
def test_curl_in_its_ways(ground: Ground, tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        client = CurlClient(site.base, tmp_path, site.authority)
        answer = await client.run("--http1.0", site.base + "/")
        assert answer.body.decode() == "hello wörld"
        answer = await client.run("--http1.0", site.base + "/stream")
        assert answer.body.endswith(b"line 99\n") and answer.get_all("transfer-encoding") == []
        ports = (
            await run_curl(*site.curl_options, "--http1.1", site.base + "/peer", site.base + "/peer")
        ).split()
        assert len(ports) == 2 and len(set(ports)) == 1
        ports = (
            await run_curl(*site.curl_options, "--http1.0", site.base + "/peer", site.base + "/peer")
        ).split()
        assert len(ports) == 2
        output = await run_curl(*site.curl_options, "--limit-rate", "10M", site.base + "/download")
        assert output == LARGE

    run(ground, use)


@GROUNDS
@NEEDS_CURL
@pytest.mark.parametrize(("target", "is_invited"), [("/upload", True), ("/refuse", False)])
def test_curl_expects_an_invitation(target: str, is_invited: bool, ground: Ground, tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        body, heads = tmp_path / "body", tmp_path / "heads"
        body.write_bytes(LARGE)
        await run_curl(
            *site.curl_options, "-H", "Expect: 100-continue", "--expect100-timeout", "20",
            "--dump-header", str(heads), "--data-binary", f"@{body}", site.base + target,
        )  # fmt: skip
        assert (b"HTTP/1.1 100 Continue" in heads.read_bytes()) is is_invited

    run(ground, use)
