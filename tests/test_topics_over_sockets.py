"""Topics over real sockets, on both event loops: to WebSockets and to event streams, of clients that nobody
here wrote, and of some that do not read."""

import asyncio
import signal
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, cast

import aiohttp
import httpx
import pytest
import websockets

from sketch import web
from sketch.topics import Topic, disconnect, drop_oldest, keep_latest
from tests.clients import HAS_CURL
from tests.conformance.driver import until
from tests.eventreader import Event, read_events
from tests.examples.process import running
from tests.loops import LOOPS, NewLoop, run

KEPT = 50

CODES = web.AppKey("CODES", asyncio.Queue[int | None])
"""How WebSockets have ended."""

routes = web.RouteTableDef()

POLICIES = {"drop": drop_oldest(10), "latest": keep_latest(), "disconnect": disconnect(200_000)}


@routes.get("/ws/{room}")
async def join(request: web.Request) -> None:
    """Publishes what it is sent, and sends what is published."""
    ws = await request.websocket(timeout=1)
    topic = request.app.topics[request.match_info["room"]]
    with topic.subscribe(ws, policy=POLICIES.get(request.query.get("policy", ""))):
        async for message in ws:
            if message.type in (web.WSMsgType.TEXT, web.WSMsgType.BINARY):
                topic.publish(message.data)
    request.app[CODES].put_nowait(ws.close_code)


@routes.get("/ended")
async def join_and_forget(request: web.Request) -> None:
    ws = await request.websocket()
    request.app.topics["room"].subscribe(ws)
    await ws.receive()


@routes.get("/events/{room}")
async def events(request: web.Request) -> None:
    async with web.sse_response(request, retry=10) as events:
        await events.follow(request.app.topics[request.match_info["room"]].keep(KEPT))


class Site:
    """The application, served.

    ``base``
        the beginning of its URLs, without a scheme.
    """

    def __init__(self, app: web.Application, runner: web.AppRunner, port: int) -> None:
        self.app = app
        self.runner = runner
        self.port = port
        self.base = f"127.0.0.1:{port}"
        self.room_url = f"ws://{self.base}/ws/room"

    @property
    def room(self) -> Topic:
        return self.app.topics["room"]


def serve(new_loop: NewLoop, use: Callable[[Site], Awaitable[None]]) -> None:
    """Serve the application, use it, and take it down: nothing of it is left."""

    async def main() -> None:
        app = web.Application()
        app[CODES] = asyncio.Queue()
        app.add_routes(routes)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        listening = socket.create_server(("127.0.0.1", 0))
        # Else the system takes megabytes for clients that read nothing.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**14)
        await web.SockSite(runner, listening).start()
        try:
            await use(Site(app, runner, listening.getsockname()[1]))
            await until(lambda: all(len(app.topics[name]) == 0 for name in app.topics))
        finally:
            await runner.cleanup()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(new_loop, main)


# -- WebSockets --------------------------------------------------------------------------------------------


@LOOPS
@pytest.mark.parametrize("compression", ["deflate", None])
def test_websockets_of_two_makes_talk(new_loop: NewLoop, compression: str | None) -> None:
    async def use(site: Site) -> None:
        compress = 15 if compression else 0
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(site.room_url, compress=compress) as first,
            websockets.connect(site.room_url, compression=compression) as second,
        ):
            await until(lambda: len(site.room) == 2)
            for sent in ("hello", "ü" * 50_000, b"\0\1", b"\2" * 100_000, ""):
                await (first.send_bytes(sent) if isinstance(sent, bytes) else first.send_str(sent))
                assert (await first.receive()).data == sent
                assert await second.recv() == sent
            await second.send("and back")
            assert (await first.receive_str(), await second.recv()) == ("and back", "and back")

    serve(new_loop, use)


@LOOPS
def test_who_leaves_and_whose_handler_ends_has_left_the_topic(new_loop: NewLoop) -> None:
    async def use(site: Site) -> None:
        async with aiohttp.ClientSession() as session:
            for path, is_cut in (
                ("/ws/room", False),
                ("/ws/room", True),
                ("/ended", False),
                ("/ended", True),
            ):
                ws = await session.ws_connect(f"ws://{site.base}{path}")
                await until(lambda: len(site.room) == 1)
                if is_cut:
                    assert ws._conn is not None and ws._conn.transport is not None
                    ws._conn.transport.abort()
                elif path == "/ended":
                    await ws.send_str("enough")
                await ws.close()
                await until(lambda: "room" not in site.app.topics)

    serve(new_loop, use)


class Mute:
    """A WebSocket client that has said that it is one, and reads nothing until it is told."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    @classmethod
    async def connect(cls, site: Site, target: str, *fields: str) -> "Mute":
        loop = asyncio.get_running_loop()
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**13)
        sock.setblocking(False)
        await loop.sock_connect(sock, ("127.0.0.1", site.port))
        lines = [f"GET {target} HTTP/1.1", "Host: localhost", *fields]
        await loop.sock_sendall(sock, ("\r\n".join(lines) + "\r\n\r\n").encode())
        return cls(sock)

    @classmethod
    async def open(cls, site: Site, policy: str) -> "Mute":
        return await cls.connect(
            site, f"/ws/room?policy={policy}", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        )  # fmt: skip

    async def read(self, end: bytes) -> bytes:
        """What is sent up to these bytes; then leave."""
        data = b""
        with self.sock:
            while end not in data:
                data += await asyncio.get_running_loop().sock_recv(self.sock, 2**16)
        return data


async def publish_to_all(site: Site, reader: aiohttp.ClientWebSocketResponse) -> None:
    """Publish 200 messages of 10 KB, each when the one who reads has got the one before."""
    for number in range(200):
        site.room.publish(f"{number:04}" + "x" * 10_000)
        assert (await reader.receive_str())[:4] == f"{number:04}"


@asynccontextmanager
async def one_far_behind(
    site: Site, policy: str
) -> AsyncIterator[tuple[aiohttp.ClientWebSocketResponse, Mute]]:
    """Two in the room, one who reads and one who does not, after all that was published."""
    async with aiohttp.ClientSession() as session, session.ws_connect(site.room_url) as reader:
        await until(lambda: len(site.room) == 1)
        mute = await Mute.open(site, policy)
        await until(lambda: len(site.room) == 2)
        await publish_to_all(site, reader)
        yield reader, mute


@LOOPS
@pytest.mark.parametrize("policy", ["drop", "latest"])
def test_one_that_does_not_read_holds_up_nobody(new_loop: NewLoop, policy: str) -> None:
    async def use(site: Site) -> None:
        async with one_far_behind(site, policy) as (reader, mute):
            site.room.publish("the end")
            assert await reader.receive_str() == "the end"
            data = await mute.read(b"the end")
        got = [number for number in range(200) if f"{number:04}x".encode() in data]
        last = 9 if policy == "drop" else 0
        assert got[len(got) - last :] == list(range(200 - last, 200)), "with the end, as many as may wait"
        assert len(got) < 100

    serve(new_loop, use)


@LOOPS
def test_one_that_is_too_slow_is_told_so(new_loop: NewLoop) -> None:
    async def use(site: Site) -> None:
        async with one_far_behind(site, "disconnect") as (_, mute):
            assert len(site.room) == 1
            reason = b"too slow: more than 200000 bytes were waiting"
            close_frame = b"\x88" + bytes([2 + len(reason)]) + (1013).to_bytes(2, "big") + reason
            assert close_frame in await mute.read(reason)

    serve(new_loop, use)


@LOOPS
def test_one_that_is_too_slow_to_be_told_is_cut_off(new_loop: NewLoop) -> None:
    async def use(site: Site) -> None:
        async with one_far_behind(site, "disconnect") as (_, mute):
            with mute.sock:
                assert await site.app[CODES].get() == 1006
            assert len(site.room) == 1

    serve(new_loop, use)


# -- event streams -----------------------------------------------------------------------------------------


class EventClient:
    """Reads an event stream piece by piece, as some client gives it."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._data = b""

    async def next_events(self, count: int) -> list[Event]:
        """So many events from the beginning on."""
        while len(events := read_events(self._data)) < count:
            self._data += await anext(self._pieces)
        return events

    async def read_on(self) -> list[Event]:
        """All events up to the end of the stream, which has to be in order."""
        async for piece in self._pieces:
            self._data += piece
        return read_events(self._data)


@asynccontextmanager
async def with_aiohttp(url: str, fields: dict[str, str]) -> AsyncIterator[EventClient]:
    async with aiohttp.ClientSession() as session, session.get(url, headers=fields) as response:
        assert response.content_type == "text/event-stream"
        yield EventClient(response.content.iter_any())


@asynccontextmanager
async def with_httpx(url: str, fields: dict[str, str]) -> AsyncIterator[EventClient]:
    async with (
        httpx.AsyncClient(trust_env=False, timeout=20) as client,
        client.stream("GET", url, headers=fields) as response,
    ):
        assert response.headers["Content-Type"] == "text/event-stream"
        async with aclosing(cast(AsyncGenerator[bytes, None], response.aiter_raw())) as pieces:
            yield EventClient(pieces)


@asynccontextmanager
async def with_curl(url: str, fields: dict[str, str]) -> AsyncIterator[EventClient]:
    options = [part for name, value in fields.items() for part in ("-H", f"{name}: {value}")]
    process = await asyncio.create_subprocess_exec(
        "curl", "-sSN", "--noproxy", "*", "--max-time", "30", *options, url, stdout=asyncio.subprocess.PIPE
    )

    async def read() -> AsyncIterator[bytes]:
        assert process.stdout is not None
        while piece := await process.stdout.read(2**16):
            yield piece
        # Else the stream was cut off.
        assert await process.wait() == 0

    try:
        yield EventClient(read())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


CLIENTS = pytest.mark.parametrize(
    "client",
    [
        with_aiohttp,
        with_httpx,
        pytest.param(with_curl, marks=pytest.mark.skipif(not HAS_CURL, reason="curl is not installed")),
    ],
    ids=["aiohttp", "httpx", "curl"],
)


@LOOPS
@CLIENTS
def test_events_come_at_once_and_who_comes_back_has_missed_nothing(new_loop: NewLoop, client: Any) -> None:
    async def use(site: Site) -> None:
        url = f"http://{site.base}/events/room"
        async with client(url, {}) as events:
            await until(lambda: len(site.room) == 1)
            site.room.publish("one")
            assert [event.data for event in await events.next_events(1)] == ["one"]
            site.room.publish("two\nlines")
            *_, last = await events.next_events(2)
            assert last.data == "two\nlines"
        await until(lambda: len(site.room) == 0)
        assert site.room.publish("missed") == 0
        async with client(url, {"Last-Event-ID": last.id}) as events:
            await until(lambda: len(site.room) == 1)
            site.room.publish("not missed")
            assert [event.data for event in await events.next_events(2)] == ["missed", "not missed"]
        await until(lambda: len(site.room) == 0)

    serve(new_loop, use)


@LOOPS
@CLIENTS
def test_streams_end_in_order_when_the_server_drains(new_loop: NewLoop, client: Any) -> None:
    async def use(site: Site) -> None:
        async with client(f"http://{site.base}/events/room", {}) as events:
            await until(lambda: len(site.room) == 1)
            site.room.publish("one")
            await events.next_events(1)
            stopping = asyncio.create_task(site.runner.cleanup())
            assert [event.data for event in await events.read_on()] == ["one"]
        await stopping

    serve(new_loop, use)


@LOOPS
def test_a_stream_that_is_not_read_holds_up_nobody(new_loop: NewLoop) -> None:
    async def use(site: Site) -> None:
        mute = await Mute.connect(site, "/events/room")
        await until(lambda: len(site.room) == 1)
        async with aiohttp.ClientSession() as session, session.ws_connect(site.room_url) as reader:
            await until(lambda: len(site.room) == 2)
            await publish_to_all(site, reader)
        # What is more than it may have waiting, it gets when it comes back.
        data = await mute.read(b"\r\n0\r\n\r\n")
        got = data.count(b"data: ")
        assert got < 200 and b"data: %04d" % (got - 1) in data

    serve(new_loop, use)


PROGRAM = """
from sketch import web

app = web.Application()

@app.get("/events")
async def events(request):
    async with web.sse_response(request) as events:
        print("a client", flush=True)
        await events.follow(app.topics["room"])

@app.get("/ws")
async def join(request):
    ws = await request.websocket()
    app.topics["room"].subscribe(ws)
    print("a client", flush=True)
    async for message in ws:
        pass

from sketch import run_app
run_app(app, shutdown_timeout=30)
"""


@LOOPS
def test_a_signal_ends_them_without_a_word_in_the_log(new_loop: NewLoop, tmp_path: Any) -> None:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM, "utf-8")

    async def use(base: str, example: Any) -> None:
        async with (
            with_aiohttp(f"http://{base}/events", {}) as events,
            aiohttp.ClientSession() as session,
            session.ws_connect(f"ws://{base}/ws") as ws,
        ):
            for _ in range(2):
                await asyncio.to_thread(example.wait_for, "a client")
            example.send_signal(signal.SIGTERM)
            assert await events.read_on() == []
            message = await ws.receive()
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)

    with running(path) as example:
        run(new_loop, lambda: use(f"127.0.0.1:{example.port}", example))
        assert example.wait() == 0
        assert "Traceback" not in example.output and "rror" not in example.output
