"""WebSockets and server-sent events as a browser sees them: a page in a headless Chromium talks to a server
over sockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sketch import web
from tests.browser import NEEDS_CHROMIUM, Browser, Page, browsing
from tests.conformance.driver import until
from tests.loops import LOOPS, NewLoop, run

pytestmark = NEEDS_CHROMIUM

SCRIPT = """
class Line {
  constructor(url, protocols = []) {
    this.socket = new WebSocket(new URL(url, location.href.replace("http", "ws")), protocols);
    this.socket.binaryType = "arraybuffer";
    this.opened = new Promise((resolve) => this.socket.addEventListener("open", resolve));
    this.closed = new Promise((resolve) => this.socket.addEventListener("close", (event) => {
      resolve({code: event.code, reason: event.reason, wasClean: event.wasClean});
    }));
  }
  async ask(data) {
    await this.opened;
    const answer = new Promise((resolve) => this.socket.addEventListener("message", resolve, {once: true}));
    this.socket.send(data);
    return (await answer).data;
  }
}
"""

FEW = 1024
"""Bytes of the largest message that one of the handlers takes."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


SEEN = web.AppKey("SEEN", asyncio.Queue[Any])
"""What the handlers have to say."""


async def empty(request: web.Request) -> web.Response:
    page = "<!doctype html><link rel=icon href=data:,><title>empty</title>"
    return web.Response(text=page, content_type="text/html")


async def echo(request: web.Request) -> web.WebSocketResponse:
    """Sends everything back, and notes how it ended."""
    ws = web.WebSocketResponse(protocols=("second", "first"), max_msg_size=2**22)
    await ws.prepare(request)
    async for message in ws:
        if message.type is web.WSMsgType.TEXT:
            await ws.send_str(message.data)
        else:
            await ws.send_bytes(message.data)
    request.app[SEEN].put_nowait({"code": ws.close_code, "compress": bool(ws.compress)})
    return ws


async def narrow(request: web.Request) -> web.WebSocketResponse:
    """Takes messages of a few bytes, from its own pages only."""
    ws = web.WebSocketResponse(max_msg_size=FEW, origins="same")
    await ws.prepare(request)
    async for message in ws:
        await ws.send_str(message.data)
    return ws


async def leave(request: web.Request) -> web.WebSocketResponse:
    """Closes as it is told, or is gone without a word."""
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    how = await ws.receive_json()
    if how is None:
        assert isinstance(request.transport, asyncio.Transport)
        request.transport.abort()
    else:
        await ws.close(code=how["code"], message=how["reason"].encode())
    return ws


async def tell(request: web.Request) -> web.StreamResponse:
    """Tells the news, and notes after which of them the client comes back."""
    request.app[SEEN].put_nowait((request.headers.get("Last-Event-ID"), request.transport))
    async with web.sse_response(request, retry=10) as events:
        await events.follow(request.app.topics["news"])
    return events


def make_app() -> web.Application:
    app = web.Application()
    app[SEEN] = asyncio.Queue()
    app.add_routes([web.get("/", empty), web.get("/echo", echo), web.get("/narrow", narrow)])
    app.add_routes([web.get("/leave", leave), web.get("/news", tell)])
    return app


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """The address of an application that is served."""
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def opened(browser: Browser, address: str) -> AsyncIterator[Page]:
    """An empty page of the server's."""
    async with browser.session() as session:
        page = await session.open(address)
        await page.evaluate(SCRIPT)
        yield page


@LOOPS
def test_messages_come_back(browser: Browser, new_loop: NewLoop) -> None:
    async def main() -> None:
        app = make_app()
        async with serving(app) as address, opened(browser, address) as page:
            seen = await page.evaluate("""(async () => {
              const line = new Line("/echo", ["first", "second"]);
              const random = (size) => crypto.getRandomValues(new Uint8Array(size));
              const long = Array.from({length: 2 ** 17}, (_, i) => i.toString(36).padStart(8, "€")).join("");
              const texts = ["", "a", "ä€😀", "x".repeat(125), "x".repeat(126), "x".repeat(65536), long];
              const right = [];
              for (const text of texts) {
                right.push(await line.ask(text) === text);
              }
              for (const size of [0, 1, 125, 126, 65535, 65536, 2 ** 20]) {
                const bytes = new Uint8Array(size);
                for (let start = 0; start < size; start += 65536) {
                  bytes.set(random(Math.min(65536, size - start)), start);
                }
                const came = new Uint8Array(await line.ask(bytes));
                right.push(came.length === size && came.every((byte, place) => byte === bytes[place]));
              }
              line.socket.close(3001, "enough");
              const {protocol, extensions} = line.socket;
              return {right, protocol, extensions, closed: await line.closed};
            })()""")
            assert seen == {
                "right": [True] * 14,
                "protocol": "first",
                "extensions": "permessage-deflate",
                "closed": {"code": 3001, "reason": "", "wasClean": True},
            }
            assert await app[SEEN].get() == {"code": 3001, "compress": True}
            assert page.complaints == []

    run(new_loop, main)


@pytest.mark.parametrize(
    ("how", "seen"),
    [
        ({"code": 1000, "reason": ""}, {"code": 1000, "reason": "", "wasClean": True}),
        ({"code": 4000, "reason": "ä€😀"}, {"code": 4000, "reason": "ä€😀", "wasClean": True}),
        ({"code": 1012, "reason": "x" * 123}, {"code": 1012, "reason": "x" * 123, "wasClean": True}),
        (None, {"code": 1006, "reason": "", "wasClean": False}),
    ],
    ids=["plainly", "with a reason", "with a long one", "without a word"],
)
def test_how_the_server_leaves(browser: Browser, how: Any, seen: Any) -> None:
    async def main() -> None:
        async with serving(make_app()) as address, opened(browser, address) as page:
            closed = await page.evaluate(f"""(async () => {{
              const line = new Line("/leave");
              await line.opened;
              line.socket.send({json.dumps(json.dumps(how))});
              return line.closed;
            }})()""")
            assert closed == seen

    run(asyncio.SelectorEventLoop, main)


def test_messages_that_are_too_large(browser: Browser) -> None:
    async def main() -> None:
        async with serving(make_app()) as address, opened(browser, address) as page:
            seen = await page.evaluate(f"""(async () => {{
              const line = new Line("/narrow");
              const answer = await line.ask("x".repeat({FEW}));
              line.socket.send("x".repeat({FEW + 1}));
              return [answer.length, (await line.closed).code];
            }})()""")
            assert seen == [FEW, 1009]

    run(asyncio.SelectorEventLoop, main)


def test_pages_of_somebody_else(browser: Browser) -> None:
    """With ``origins="same"`` a page of another origin gets no connection; without, it does."""

    async def main() -> None:
        async with serving(make_app()) as address, serving(make_app()) as foreign:
            async with opened(browser, foreign) as page:
                seen = await page.evaluate(f"""(async () => {{
                  const code = (await new Line("{address}narrow".replace("http", "ws")).closed).code;
                  return [code, await new Line("{address}echo".replace("http", "ws")).ask("hello")];
                }})()""")
                assert seen == [1006, "hello"]
                assert any("403" in complaint for complaint in page.complaints)

    run(asyncio.SelectorEventLoop, main)


@LOOPS
def test_events_go_on_where_they_broke_off(browser: Browser, new_loop: NewLoop) -> None:
    async def main() -> None:
        app = make_app()
        news = app.topics["news"].keep(10)
        async with serving(app) as address, opened(browser, address) as page:
            await page.evaluate("""
              const source = new EventSource("/news");
              source.onmessage = (event) => document.body.append(`${event.data} `);
            """)
            came_back_after, transport = await app[SEEN].get()
            assert came_back_after is None
            await until(lambda: len(news) == 1)
            news.publish("one")
            await page.wait_for_text("one")
            transport.abort()
            news.publish("two ä€😀")
            came_back_after, transport = await app[SEEN].get()
            assert came_back_after == str(news.history()[0].id)
            await page.wait_for_text("two")
            news.publish("three")
            await page.wait_for_text("three")
            assert await page.evaluate("document.body.innerText.trim()") == "one two ä€😀 three"
            await page.evaluate("source.close()")

    run(new_loop, main)
