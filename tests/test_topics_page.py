"""The programs of docs/topics.md and docs/sse.md do what the pages say."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from sketch.http.memory import MemoryExchange, answer
from sketch.topics import Topics
from tests.asking import text_of
from tests.conformance.driver import settle
from tests.eventreader import Event, read_events
from tests.net.stage import pass_time, run

DOCS = Path(__file__).parent.parent / "docs"

OPENING = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def programs(page: str) -> dict[str, Any]:
    """What the page's programs define."""
    names: dict[str, Any] = {}
    text = (DOCS / page).read_text("utf-8")
    for program in re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        exec(compile(program, page, "exec"), names)
    return names


class Clients:
    """Clients of an application."""

    def __init__(self, app: Any) -> None:
        self.handle = app.make_exchange_handler()
        self.tasks: list[asyncio.Task[None]] = []

    async def ask(self, target: str, fields: dict[str, str] | None = None) -> MemoryExchange:
        exchange = MemoryExchange("GET", target, fields or {})
        self.tasks.append(asyncio.create_task(answer(self.handle, exchange)))
        await settle()
        return exchange

    async def join(self, target: str) -> Any:
        websocket = (await self.ask(target, OPENING)).websocket
        assert websocket is not None
        return websocket


def sent_to(websocket: Any) -> list[Any]:
    return [message.data for message in websocket.sent]


def test_rooms_and_prices(capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        app = programs("topics.md")["app"]
        clients = Clients(app)
        await app.startup()
        first, second, elsewhere = [await clients.join(f"/rooms/{room}") for room in "aab"]
        first.feed("hello")
        await settle()
        assert [sent_to(each) for each in (first, second, elsewhere)] == [["hello"], ["hello"], []]
        prices = await clients.join("/prices")
        prices.pause_peer()
        for price in range(20):
            app.topics["prices"].publish(str(price) + " " * 50_000)
            await settle()
        prices.resume_peer()
        await settle()
        got = [int(data) for data in sent_to(prices)]
        assert got == [*range(len(got) - 1), 19] and len(got) < 20, "what was on its way, and the last one"
        for websocket in (first, second, elsewhere, prices):
            websocket.feed_close()
        await asyncio.gather(*clients.tasks)
        assert list(app.topics) == []
        await app.cleanup()

    run(main)
    # By then the bus is in use.
    printed = capsys.readouterr().out.splitlines()
    assert printed[:3] == ["wanted here a", "wanted here b", printed[2]]
    assert printed[2].startswith("out a ")
    assert "not wanted any more a" in printed


def test_words_are_counted() -> None:
    async def main() -> None:
        topic = Topics()["words"]
        task = asyncio.create_task(programs("topics.md")["count_words"](topic))
        await settle()
        topic.publish("one two three")
        topic.publish("stop")
        assert await task == 4
        await settle()
        assert len(topic) == 0

    run(main)


def test_a_bus_brings_what_comes_in() -> None:
    async def main() -> None:
        bus = programs("topics.md")["LoggedBus"]()
        with Topics(bus)["room"].listen() as messages:
            bus.message_came_in("room", 5, "elsewhere", "hello")
            assert (await anext(messages)).data == "hello"

    run(main)


def test_event_streams() -> None:
    async def main() -> None:
        app = programs("sse.md")["app"]
        clients = Clients(app)
        clock, news = await clients.ask("/clock"), await clients.ask("/news")
        publishing = MemoryExchange("POST", "/news", body=b"hello")
        await answer(clients.handle, publishing)
        assert text_of(publishing) == '{"readers": 1}'
        await pass_time(1)
        assert read_events(clock.response_body) == [Event("0", "tick"), Event("1", "tick")]
        assert news.response_body.startswith(b"retry: 3000\n\n")
        (event,) = read_events(news.response_body)
        assert event.data == "hello"
        news.disconnect()
        await answer(clients.handle, MemoryExchange("POST", "/news", body=b"missed"))
        again = await clients.ask("/news", {"Last-Event-ID": event.id})
        assert [event.data for event in read_events(again.response_body)] == ["missed"]
        for client in (clock, again):
            client.begin_draining()
        await asyncio.gather(*clients.tasks)
        assert clock.response_complete and again.response_complete

    run(main)
