"""The client in memory: requests, responses, connections, the life of the application."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from multidict import CIMultiDict

import sketch.testing
from sketch import web
from sketch.testing import (
    Client,
    ClientPayloadError,
    ClientResponseError,
    ContentTypeError,
    InvalidAnswer,
    ServerDisconnectedError,
    TooManyRedirects,
)
from tests.codings import encode
from tests.testing.stage import EVENTS, LOOPS, NewLoop, make_app, run

METHODS = ["get", "head", "post", "put", "patch", "delete", "options"]


async def asked(client: Client, *args: Any, **options: Any) -> Any:
    """What a request looked like to the application."""
    response = await client.request(*args, **options)
    return await response.json()


@LOOPS
def test_a_request(new_loop: NewLoop) -> None:
    async def main() -> None:
        async with Client(make_app()) as client:
            response = await client.get("/echo?a=1", params={"b": "2 3"}, headers={"X-Own": "välue"})
            assert (response.status, response.reason, response.ok) == (200, "OK", True)
            assert response.version == (1, 1) and response.method == "GET"
            assert response.content_type == "application/json" and response.charset == "utf-8"
            assert response.content_length == len(await response.read())
            assert str(response.url) == str(response.real_url) == "http://localhost/echo?a=1&b=2+3"
            seen = await response.json()
            assert seen["path"] == "/echo?a=1&b=2+3" and ["X-Own", "välue"] in seen["fields"]
            assert seen["remote"] == "127.0.0.1" and not seen["secure"]
            assert response.closed and response.host == "localhost"
            assert repr(response) == "<ClientResponse(http://localhost/echo?a=1&b=2+3) [200 OK]>"

    run(main, new_loop)


@pytest.mark.parametrize("name", METHODS)
def test_methods(name: str) -> None:
    async def main() -> None:
        async with Client(make_app()) as client:
            async with getattr(client, name)("/echo") as response:
                body = await response.read()
            assert (body == b"") == (name == "head")
            if body:
                assert (await response.json())["method"] == name.upper()

    run(main)


def test_who_asks_and_how() -> None:
    async def main() -> None:
        options: dict[str, Any] = {"base_url": "https://shop.example:8443", "peer": ("2001:db8::1", 9, 0, 0)}
        async with Client(make_app(), headers={"X-A": "1", "X-B": "1"}, **options) as client:
            seen = await asked(client, "GET", "/echo", headers={"x-b": "2"}, version="1.0")
            assert seen["secure"] and seen["remote"] == "2001:db8::1" and seen["version"] == [1, 0]
            assert [["Host", "shop.example:8443"], ["X-A", "1"], ["x-b", "2"]] == [
                field for field in sorted(seen["fields"]) if field[0].lower() in ("host", "x-a", "x-b")
            ]
            seen = await asked(client, "GET", "http://other.example/echo")
            assert not seen["secure"] and ["Host", "other.example"] in seen["fields"]

    run(main)


def test_bodies() -> None:
    async def main() -> None:
        async def pieces() -> AsyncIterator[bytes]:
            for piece in (b"one ", b"", b"two"):
                yield piece
                await asyncio.sleep(1)

        async with Client(make_app()) as client:
            assert (await asked(client, "POST", "/echo", data="text"))["body"] == "text"
            assert (await asked(client, "POST", "/echo", json=[1]))["body"] == "[1]"
            seen = await asked(client, "POST", "/echo", data=pieces())
            assert seen["body"] == "one two" and ["Transfer-Encoding", "chunked"] in seen["fields"]
            seen = await asked(client, "PUT", "/echo", files={"f": ("a.txt", b"abc")})
            assert 'filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nabc\r\n' in seen["body"]

    run(main)


def test_a_body_that_fails() -> None:
    async def main() -> None:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"x" * 1000
            raise LookupError("the test's own")

        app = make_app()
        async with Client(app) as client:
            with pytest.raises(LookupError, match="own"):
                await client.post("/upload", data=pieces())
            await client.settle()
            assert app[EVENTS] == ["left after 1000"]

    run(main)


@LOOPS
def test_an_endless_body_waits_for_the_server(new_loop: NewLoop) -> None:
    """And an answer that comes before its end, ends it."""

    async def main() -> None:
        sent = 0

        async def pieces() -> AsyncIterator[bytes]:
            nonlocal sent
            while True:
                yield b"x" * 10_000
                sent += 1

        async def refuse(request: web.Request) -> web.Response:
            await request.content.readexactly(1)
            await asyncio.sleep(0.01)
            return web.Response(status=403)

        app = web.Application()
        app.router.add_post("/", refuse)
        async with Client(app) as client:
            response = await client.post("/", data=pieces())
            assert response.status == 403
            assert 0 < sent < 100

    run(main, new_loop)


def test_expecting_to_be_invited() -> None:
    async def main() -> None:
        async def refuse(request: web.Request) -> web.Response:
            return web.Response(status=403)

        app = make_app()
        app.router.add_post("/refuse", refuse)
        async with Client(app) as client:
            response = await client.post("/echo", data=b"abc", expect100=True)
            assert (await response.json())["body"] == "abc"
            assert response.interim == [(100, CIMultiDict())]
            response = await client.post("/refuse", data=b"abc", expect100=True)
            assert response.status == 403 and response.interim == []
            assert not response.connection.can_continue

    run(main)


def test_interim_answers_and_trailers() -> None:
    async def main() -> None:
        async def hint(request: web.Request) -> web.StreamResponse:
            request.send_early_hints("</a.css>")
            response = web.StreamResponse()
            response.announce_trailers("X-Sum")
            await response.prepare(request)
            await response.write(b"body")
            response.set_trailer("X-Sum", "7")
            await response.write_eof()
            return response

        app = web.Application()
        app.router.add_get("/", hint)
        async with Client(app) as client:
            response = await client.get("/")
            assert response.interim == [(103, CIMultiDict(Link="</a.css>"))]
            assert await response.read() == b"body"
            assert dict(response.trailers) == {"X-Sum": "7"}

    run(main)


# -- reading -----------------------------------------------------------------------------------------------


def test_json_that_is_none() -> None:
    async def main() -> None:
        async def plain(request: web.Request) -> web.Response:
            return web.Response(text=request.query["text"], content_type=request.query["type"])

        app = web.Application()
        app.router.add_get("/", plain)
        async with Client(app) as client:
            response = await client.get("/", params={"text": "[1]", "type": "text/plain"})
            with pytest.raises(ContentTypeError, match="text/plain"):
                await response.json()
            assert await response.json(content_type=None) == [1]
            response = await client.get("/", params={"text": " ", "type": "application/problem+json"})
            assert await response.json() is None

    run(main)


def test_statuses_that_are_errors() -> None:
    async def main() -> None:
        async with Client(make_app()) as client:
            response = await client.get("/nowhere")
            with pytest.raises(ClientResponseError, match="404, message='Not Found'") as caught:
                response.raise_for_status()
            assert caught.value.status == 404 and not response.ok
            (await client.get("/echo")).raise_for_status()

    run(main)


@LOOPS
def test_a_handler_waits_for_who_reads_slowly(new_loop: NewLoop) -> None:
    async def main() -> None:
        app = make_app()
        async with Client(app) as client:
            response = await client.get("/stream?count=1000")
            await client.settle()
            before = len(app[EVENTS])
            assert before < 300
            assert len(await response.content.readexactly(500_000)) == 500_000
            await client.settle()
            assert before < len(app[EVENTS]) < 1000
            assert len(await response.read()) == 500_000
            again = await client.get("/echo")
            assert again.connection is response.connection

    run(main, new_loop)


@LOOPS
def test_a_stream_without_an_end(new_loop: NewLoop) -> None:
    async def main() -> None:
        app = make_app()
        async with Client(app, handler_cancellation=True) as client:
            async with client.get(f"/stream?count={10**9}") as response:
                assert await response.content.read(10) == b"x" * 10
            await client.settle()
            assert client.server.connections == []

    run(main, new_loop)


@pytest.mark.parametrize("size", [65_000, 65_536, 66_000, 131_072])
def test_a_connection_goes_on_after_a_body_of_any_size(size: int) -> None:
    async def main() -> None:
        async def body(request: web.Request) -> web.Response:
            return web.Response(body=b"x" * size)

        app = make_app()
        app.router.add_get("/body", body)
        async with Client(app) as client:
            first = await client.get("/body")
            second = await client.get("/echo")
            assert second.status == 200
            assert len(await first.read()) == size

    run(main)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "deflate, zstd"])
def test_content_codings(coding: str) -> None:
    text = b"text" * 100_000
    bodies = {"whole": encode(coding, text), "cut": encode(coding, text)[:-3], "broken": b"\xff" * 100}

    async def main() -> None:
        async def body(request: web.Request) -> web.Response:
            data = bodies[request.match_info["how"]]
            return web.Response(body=data, headers={"Content-Encoding": coding})

        def make() -> web.Application:
            app = web.Application()
            app.router.add_get("/{how}", body)
            return app

        async with Client(make()) as client:
            assert await (await client.get("/whole")).read() == text
            for how in ("cut", "broken"):
                with pytest.raises(ClientPayloadError, match="content coding"):
                    await (await client.get(f"/{how}")).read()
            assert await (await client.head("/whole")).read() == b""
        async with Client(make(), auto_decompress=False) as client:
            assert await (await client.get("/broken")).read() == bodies["broken"]

    run(main)


def test_a_content_coding_that_nobody_knows_is_left_alone() -> None:
    async def main() -> None:
        async def body(request: web.Request) -> web.Response:
            return web.Response(body=b"as it is", headers={"Content-Encoding": "gzip, of-our-own"})

        app = web.Application()
        app.router.add_get("/", body)
        async with Client(app) as client:
            assert await (await client.get("/")).read() == b"as it is"

    run(main)


# -- redirects and cookies -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "method", "becomes"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (302, "PUT", "PUT"),
        (303, "PUT", "GET"),
        (307, "POST", "POST"),
        (308, "PUT", "PUT"),
        (303, "HEAD", "HEAD"),
    ],
)
def test_redirects(status: int, method: str, becomes: str) -> None:
    async def main() -> None:
        async with Client(make_app()) as client:
            response = await client.request(
                method,
                "/redirect",
                params={"status": str(status), "to": "/echo?x=1"},
                data=b"body",
                headers={"X-Own": "1"},
                allow_redirects=True,
            )
            assert [each.status for each in response.history] == [status]
            assert response.method == becomes and response.url.path == "/echo"
            if becomes != "HEAD":
                seen = await response.json()
                assert seen["body"] == ("" if becomes == "GET" else "body")
                assert ["X-Own", "1"] in seen["fields"]

    run(main)


def test_redirects_that_are_not_followed() -> None:
    async def main() -> None:
        async with Client(make_app()) as client:
            there = {"status": "302", "to": "/echo"}
            assert (await client.get("/redirect", params=there, allow_redirects=False)).status == 302
            assert (await client.head("/redirect", params=there)).status == 302
            elsewhere = {"status": "302", "to": "https://elsewhere.example/"}
            assert (await client.get("/redirect", params=elsewhere)).status == 302
            circle = {"status": "302", "to": "/redirect?status=302&to=/redirect"}
            with pytest.raises(TooManyRedirects, match="more than 1"):
                await client.get("/redirect", params=circle, max_redirects=1)

    run(main)


def test_cookies() -> None:
    async def main() -> None:
        async def login(request: web.Request) -> web.Response:
            response = web.Response()
            response.set_cookie("session", "a b", max_age=60)
            response.set_cookie("other", "1", path="/elsewhere")
            return response

        app = make_app()
        app.router.add_get("/login", login)
        async with Client(app, cookies={"given": "0"}) as client:
            response = await client.get("/login")
            assert response.cookies["session"].value == "a b"
            assert dict(client.cookies) == {"given": "0", "session": "a b", "other": "1"}
            seen = await asked(client, "GET", "/echo", cookies={"once": "2"})
            assert seen["cookies"] == {"given": "0", "session": "a b", "once": "2"}
            await client.advance(61)
            assert (await asked(client, "GET", "/echo"))["cookies"] == {"given": "0"}
            own = await asked(client, "GET", "/echo", headers={"Cookie": "mine=1"})
            assert own["cookies"] == {"mine": "1"}

    run(main)


# -- connections ---------------------------------------------------------------------------------------------


@LOOPS
def test_one_connection_for_one_request_after_the_other(new_loop: NewLoop) -> None:
    async def main() -> None:
        async with Client(make_app()) as client:
            responses = [await client.get("/echo") for _ in range(5)]
            assert len({id(response.connection) for response in responses}) == 1
            assert len(client.server.connections) == 1
            closing = await client.get("/echo", headers={"Connection": "close"})
            assert closing.connection is responses[0].connection
            after = await client.get("/echo")
            assert after.connection is not closing.connection and not closing.connection.is_open

    run(main, new_loop)


@LOOPS
def test_requests_at_one_time(new_loop: NewLoop) -> None:
    async def main() -> None:
        app = make_app()
        async with Client(app) as client:
            loop = asyncio.get_running_loop()
            before = loop.time()
            responses = await asyncio.gather(*[client.get("/sleep?seconds=0.1") for _ in range(20)])
            assert loop.time() - before < 1
            assert len({id(response.connection) for response in responses}) == 20
            assert [await response.text() for response in responses] == ["slept"] * 20
            assert client.server.requests_count == 20

    run(main, new_loop)


def test_a_request_is_a_coroutine_too() -> None:
    async def main() -> None:
        async with Client(make_app()) as client:
            task = asyncio.create_task(client.get("/echo"))
            assert (await task).status == 200
            opening = client.get("/echo")
            opening.close()

    run(main)


@LOOPS
def test_a_timeout(new_loop: NewLoop) -> None:
    async def main() -> None:
        app = make_app()
        async with Client(app, handler_cancellation=True) as client:
            with pytest.raises(TimeoutError):
                await client.get("/sleep?seconds=1000", timeout=0.02)
            await client.settle()
            assert app[EVENTS] == ["cancelled"] and client.server.connections == []

    run(main, new_loop)


def test_a_request_that_is_cancelled() -> None:
    async def main() -> None:
        async with Client(make_app()) as client:
            task = asyncio.create_task(client.get("/sleep?seconds=10"))
            await client.settle()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await client.get("/echo")).status == 200

    run(main)


class Broken(asyncio.Protocol):
    """A server that answers with what it is told, whatever it is asked."""

    def __init__(self, answer: bytes, *, closes: bool) -> None:
        self.answer = answer
        self.closes = closes

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(self.answer)
        if self.closes:
            self.transport.close()


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("answer", "closes", "error"),
    [
        (b"", True, ServerDisconnectedError),
        (b"HTTP/1.1 2", True, ServerDisconnectedError),
        (b"SSH-2.0\r\n", False, InvalidAnswer),
        (OK + b"Content-Length: 9\r\n\r\nshort", True, ClientPayloadError),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n", True, ClientPayloadError),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nshort\r\n", False, InvalidAnswer),
        (OK + b"Content-Length: 2\r\n\r\nlong", False, InvalidAnswer),
    ],
)
def test_servers_that_are_wrong(answer: bytes, closes: bool, error: type[Exception]) -> None:
    async def main() -> None:
        async with Client(make_app()) as client:
            client.runner._server = lambda: Broken(answer, closes=closes)
            try:
                with pytest.raises(error):
                    await (await client.get("/")).read()
            finally:
                client.runner._server = None

    run(main)


# -- life ----------------------------------------------------------------------------------------------------


def test_the_application_starts_and_ends() -> None:
    events: list[str] = []

    async def main() -> None:
        app = make_app()

        async def context(app: web.Application) -> AsyncIterator[None]:
            events.append("up")
            yield
            events.append("down")

        async def shut(app: web.Application) -> None:
            events.append("shutdown")

        app.cleanup_ctx.append(context)
        app.on_shutdown.append(shut)
        client = Client(app)
        with pytest.raises(RuntimeError, match="not started"):
            await client.get("/echo")
        async with client:
            assert events == ["up"] and client.app is app
            await client.get("/echo")
        await client.close()
        assert events == ["up", "shutdown", "down"]
        with pytest.raises(RuntimeError, match="closed"):
            await client.get("/echo")

    run(main)


def test_a_start_that_fails() -> None:
    async def main() -> None:
        async def fail(app: web.Application) -> None:
            raise LookupError("no database")

        app = make_app()
        app.on_startup.append(fail)
        with pytest.raises(LookupError, match="no database"):
            async with Client(app):
                raise AssertionError("it did not start")

    run(main)


@LOOPS
def test_the_end_does_not_wait_for_who_is_connected(new_loop: NewLoop) -> None:
    """Not for clients that are gone; for handlers as long as it is told to."""

    async def main() -> None:
        app = make_app()
        async with Client(app, shutdown_timeout=0.05) as client:
            await client.get("/echo")
            await client.connect()
            await client.get(f"/stream?count={10**9}")
            waiting = asyncio.create_task(client.get("/sleep?seconds=1000"))
            await client.settle()
        with pytest.raises((ServerDisconnectedError, ClientPayloadError)):
            await waiting
        assert "cancelled" in app[EVENTS]

    run(main, new_loop)


def test_what_is_served() -> None:
    async def main() -> None:
        async def raw(request: web.BaseRequest) -> web.Response:
            return web.Response(text=request.path)

        async with Client(web.Server(raw)) as client:
            assert await (await client.get("/any")).text() == "/any"
        with pytest.raises(TypeError, match="web.Application"):
            Client(raw)  # type: ignore[arg-type]
        for base in ("localhost", "ftp://localhost", "http://localhost/path"):
            with pytest.raises(ValueError):
                Client(make_app(), base_url=base)

    run(main)


def test_keywords_that_do_not_exist() -> None:
    async def main() -> None:
        async with Client(make_app()) as client:
            with pytest.raises(TypeError, match="haeders"):
                client.get("/", haeders={})  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="keepalive_timeout"):
            Client(make_app(), keepalive_time=3)

    run(main)


def test_time_is_virtual_only_on_a_loop_for_it() -> None:
    async def main() -> None:
        async with Client(make_app()) as client:
            with pytest.raises(RuntimeError, match="real time"):
                await client.advance(1)

    run(main, asyncio.SelectorEventLoop)


def test_dates_are_those_of_the_calendar() -> None:
    async def main() -> list[str]:
        async with Client(make_app()) as client:
            first = await client.get("/echo")
            await client.get("/sleep?seconds=3600.5")
            second = await client.get("/echo")
            return [first.headers["Date"], second.headers["Date"]]

    dates = sketch.testing.run(main(), wall=946684800)
    assert dates == ["Sat, 01 Jan 2000 00:00:00 GMT", "Sat, 01 Jan 2000 01:00:00 GMT"]
