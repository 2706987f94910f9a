"""Servers on loopback sockets, and aiohttp's client before them."""

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sketch import web
from sketch.testing import (
    RawTestServer,
    TestClient,
    TestServer,
    get_port_socket,
    get_unused_port_socket,
    unused_port,
)
from sketch.tls import make_context
from tests.certificates import Authority
from tests.conformance.driver import until
from tests.loops import LOOPS, NewLoop
from tests.loops import run as run_on
from tests.testing.stage import EVENTS, make_app

DONE = web.AppKey("DONE", asyncio.Event)


def run(main: Any) -> None:
    run_on(asyncio.SelectorEventLoop, main)


@LOOPS
def test_a_server_and_its_client(new_loop: NewLoop) -> None:
    async def main() -> None:
        app = make_app()
        server = TestServer(app)
        client: TestClient[web.Request, web.Application] = TestClient(server)
        assert (server.started, server.closed, server.port) == (False, False, None)
        async with client:
            assert (server.started, server.closed) == (True, False)
            assert client.app is app and client.server is server and client.host == "127.0.0.1"
            assert client.port == server.port and client.make_url("/x?y=1") == server.make_url("/x?y=1")
            assert str(client.make_url("/x")) == f"http://127.0.0.1:{client.port}/x"
            async with client.get("/echo", params={"a": "1"}) as response:
                assert (await response.json())["path"] == "/echo?a=1"
            response = await client.session.get(client.make_url("/echo"))
            assert response.status == 200
            assert server.handler.requests_count == 2
        assert (server.started, server.closed, server.port) == (True, True, None)
        assert client.session.closed
        await client.close()
        await server.close()

    run_on(new_loop, main)


@pytest.mark.parametrize("name", ["get", "head", "post", "put", "patch", "delete", "options"])
def test_methods(name: str) -> None:
    async def main() -> None:
        async with TestClient(TestServer(make_app())) as client:
            response = await getattr(client, name)("/echo")
            assert response.method == name.upper()
            task = asyncio.create_task(client.request(name.upper(), "/echo"))
            assert (await task).status == 200

    run(main)


def test_what_was_opened_is_closed() -> None:
    async def main() -> None:
        app = make_app()
        client: Any = TestClient(TestServer(app))
        async with client:
            response = await client.get("/stream?count=100000")
            sleeping = asyncio.create_task(client.get("/sleep?seconds=1000"))
            await until(lambda: client.server.handler.requests_count == 2)
        assert response.closed
        with pytest.raises(aiohttp.ClientError):
            await sleeping
        assert app[EVENTS][-1] == "cancelled"

    run(main)


def test_cancelled_while_it_says_good_bye_it_is_closed_all_the_same() -> None:
    async def handler(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await request.app[DONE].wait()
        return ws

    async def main() -> None:
        app = web.Application()
        app[DONE] = asyncio.Event()
        app.router.add_get("/", handler)
        client: Any = TestClient(TestServer(app))
        await client.start_server()
        ws = await client.ws_connect("/")
        # Its close frame is not answered before the handler has taken what came before it.
        await ws.send_str("not received")
        closing = asyncio.create_task(client.close())
        await until(lambda: ws.closed)
        closing.cancel()
        app[DONE].set()
        with pytest.raises(asyncio.CancelledError):
            await closing
        assert client.session.closed and client.server.closed

    run(main)


def test_cookies_of_an_address_are_kept() -> None:
    async def main() -> None:
        async def login(request: web.Request) -> web.Response:
            response = web.Response()
            response.set_cookie("a", "1")
            return response

        app = make_app()
        app.router.add_get("/login", login)
        async with TestClient(TestServer(app)) as client:
            await client.get("/login")
            assert (await (await client.get("/echo")).json())["cookies"] == {"a": "1"}
        jar = aiohttp.DummyCookieJar()
        async with TestClient(TestServer(app_with(login)), cookie_jar=jar) as client:
            await client.get("/")
            assert client.session.cookie_jar is jar

    run(main)


def app_with(handler: Any) -> web.Application:
    app = web.Application()
    app.router.add_get("/", handler)
    return app


def test_a_server_of_one_handler() -> None:
    async def main() -> None:
        async def handler(request: web.BaseRequest) -> web.Response:
            if "fail" in request.path:
                raise LookupError("shown, for this is a test")
            return web.Response(text=f"{type(request).__name__} {request.path}")

        async with TestClient(RawTestServer(handler)) as client:
            assert await (await client.get("/any")).text() == "BaseRequest /any"
            assert "shown, for this is a test" in await (await client.get("/fail")).text()
            assert client.app is None

    run(main)


def test_a_server_alone() -> None:
    async def main() -> None:
        async with TestServer(make_app()) as server, aiohttp.ClientSession() as session:
            await server.start_server()
            async with session.get(server.make_url("/echo")) as response:
                assert response.status == 200

    run(main)


def test_where_it_listens() -> None:
    async def main() -> None:
        port = unused_port()
        async with TestServer(make_app(), port=port, scheme="https") as server:
            assert server.port == port and str(server.make_url("/")) == f"https://127.0.0.1:{port}/"
        async with TestServer(make_app(), host="::1") as server:
            assert str(server.make_url("/")).startswith("http://[::1]:")
        asked: list[Any] = []

        def make(host: str, port: int, family: socket.AddressFamily) -> socket.socket:
            asked.append((host, port, family))
            return get_port_socket(host, port, family)

        async with TestServer(make_app(), socket_factory=make):
            assert asked == [("127.0.0.1", 0, socket.AF_INET)]

    run(main)


def test_an_address_that_is_taken() -> None:
    async def main() -> None:
        with get_unused_port_socket("127.0.0.1") as sock:
            sock.listen()
            events: list[str] = []
            app = make_app()

            async def note(app: web.Application) -> None:
                events.append("cleaned up")

            app.on_cleanup.append(note)
            server = TestServer(app, port=sock.getsockname()[1])
            with pytest.raises(OSError):
                await server.start_server()
            assert events == ["cleaned up"]

    run(main)


def test_urls() -> None:
    async def main() -> None:
        server = TestServer(make_app())
        with pytest.raises(RuntimeError, match="before its start"):
            server.make_url("/")
        async with server:
            with pytest.raises(AssertionError, match="takes a path"):
                server.make_url("http://elsewhere.example/")
        async with TestServer(make_app(), skip_url_asserts=True) as server:
            assert str(server.make_url("//double")).endswith(f":{server.port}//double")

    run(main)


def test_tls(tmp_path: Path) -> None:
    async def main() -> None:
        authority = Authority(tmp_path)
        trusted = ssl.create_default_context(cafile=authority.path)
        server = TestServer(make_app(), host="127.0.0.1")
        pair = authority.issue("127.0.0.1")
        await server.start_server(ssl=make_context(pair.certificate, pair.key))
        connector = aiohttp.TCPConnector(ssl=trusted)
        async with TestClient(server, connector=connector) as client:
            assert client.make_url("/").scheme == "https"
            assert (await (await client.get("/echo")).json())["secure"]

    run(main)


def test_options_go_to_the_runner() -> None:
    async def main() -> None:
        app = make_app()
        server = TestServer(app)
        await server.start_server(handler_cancellation=False, keepalive_timeout=7)
        assert server.handler.limits.keepalive_timeout == 7
        async with TestClient(server) as client:
            with pytest.raises(TimeoutError):
                await client.get("/sleep?seconds=0.2", timeout=aiohttp.ClientTimeout(total=0.05))
        assert app[EVENTS] == ["slept"]

    run(main)


def test_misuse() -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match="async with"), TestServer(make_app()):
            pass
        client: Any = TestClient(TestServer(make_app()))
        with pytest.raises(TypeError, match="async with"), client:
            pass
        await client.close()
        with pytest.raises(TypeError, match=r"RawTestServer of sketch\.testing"):
            TestClient(make_app())  # type: ignore[call-overload]

    run(main)


def test_classes_are_no_tests() -> None:
    for cls in (TestServer, RawTestServer, TestClient):
        assert cls.__test__ is False
    assert TestClient[web.Request, web.Application] is not None


def test_ports() -> None:
    with get_unused_port_socket("127.0.0.1") as sock:
        assert sock.getsockname()[1] > 0
    with get_unused_port_socket("::1", socket.AF_INET6) as sock:
        sock.listen()
        with pytest.raises(OSError):
            get_port_socket("::1", sock.getsockname()[1], socket.AF_INET6)
