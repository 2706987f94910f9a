"""The programs of docs/websocket.md do what the page says."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from sketch import web
from sketch.http.memory import MemoryExchange, answer
from sketch.http.memorywebsocket import MemoryWebSocket
from sketch.testing import run
from tests.conformance.driver import settle
from tests.websockets import FIELDS, sent

PAGE = Path(__file__).parent.parent / "docs" / "websocket.md"


def application() -> web.Application:
    """What the page's programs come to."""
    names: dict[str, Any] = {}
    for program in re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE):
        exec(compile(program, str(PAGE), "exec"), names)
    app = names["app"]
    assert isinstance(app, web.Application)
    return app


def talk(path: str, play: Callable[[MemoryWebSocket], Awaitable[None]], **fields: str) -> MemoryExchange:
    """Open a WebSocket of the page's, and close it when ``play`` has returned."""
    exchange = MemoryExchange("GET", path, FIELDS | fields)

    async def main() -> None:
        task = asyncio.create_task(answer(application().make_exchange_handler(), exchange))
        await settle()
        if exchange.websocket is not None:
            await play(exchange.websocket)
            await settle()
            exchange.websocket.feed_close()
        await task

    run(main())
    return exchange


def test_the_first_program(capsys: pytest.CaptureFixture[str]) -> None:
    async def play(peer: MemoryWebSocket) -> None:
        peer.feed("hello")
        peer.feed(b"not text")

    exchange = talk("/chat", play, Origin="https://example.org")
    assert sent(exchange) == ["you said hello", (1000, "")]
    assert capsys.readouterr().out == "closed with 1000\n"


def test_pages_from_elsewhere() -> None:
    async def play(peer: MemoryWebSocket) -> None:
        raise AssertionError("it was opened")

    for path in ("/chat", "/room"):
        exchange = talk(path, play, Origin="https://evil.example")
        assert exchange.response_head is not None and exchange.response_head.status == 403


def test_a_dataclass() -> None:
    async def play(peer: MemoryWebSocket) -> None:
        peer.feed('{"x": 1, "y": 2}')

    assert sent(talk("/game", play))[0] == '{"to": [1, 2]}'


def test_what_does_not_fit(caplog: pytest.LogCaptureFixture) -> None:
    async def play(peer: MemoryWebSocket) -> None:
        peer.feed('{"x": "one", "y": 2}')

    talk("/game", play)
    message = "$.x is 'one', and int was expected"
    assert message in caplog.text and message in PAGE.read_text("utf-8")


def test_a_function_that_listens() -> None:
    async def play(peer: MemoryWebSocket) -> None:
        peer.feed("one")
        peer.feed(b"two")

    assert sent(talk("/echo", play)) == ["one", b"two", (1000, "")]


def test_a_broadcast() -> None:
    async def play(peer: MemoryWebSocket) -> None:
        peer.feed("to all")

    assert sent(talk("/room", play))[0] == "to all"


def test_every_option_is_in_the_table() -> None:
    section = PAGE.read_text("utf-8").partition("## Options")[2].partition("\n## ")[0]
    described = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    assert described == set(web.WebSocketResponse.__init__.__kwdefaults__ or ())
