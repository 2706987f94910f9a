"""What comes before the answer, and what must not come after it has begun."""

import asyncio
import re

import pytest

from sketch.http.errors import LocalProtocolError
from sketch.http.exchange import Exchange
from sketch.http.heads import ResponseHead
from tests.conformance.driver import settle
from tests.net.stage import Line, get, head, post, read_all, run, serving

WAITING = post(3, "Expect: 100-continue")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
HINTS = ResponseHead(
    103, "Early Hints", (("Link", "</a.css>; rel=preload"), ("Link", "</b.js>; rel=preload"))
)


def statuses(line: Line) -> list[int]:
    """Of all heads, in their order."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", line.transport.received)]


def test_hints_are_sent_at_once() -> None:
    async def main() -> None:
        ready = asyncio.Event()

        async def handler(exchange: Exchange) -> None:
            exchange.inform(HINTS)
            await ready.wait()
            exchange.respond(head(), b"x")

        async with serving(handler) as stage:
            line = await stage.connect(get("/") + get("/next"))
            assert line.transport.received == (
                b"HTTP/1.1 103 Early Hints\r\n"
                b"Link: </a.css>; rel=preload\r\nLink: </b.js>; rel=preload\r\n\r\n"
            )
            ready.set()
            await settle()
            assert statuses(line) == [103, 200, 103, 200] and line.bodies == [b"x", b"x"]

    run(main)


def test_hints_have_no_framing() -> None:
    async def main() -> None:
        async def handler(exchange: Exchange) -> None:
            exchange.inform(
                ResponseHead(103, "", (("Content-Length", "5"), ("Transfer-Encoding", "chunked")))
            )
            exchange.respond(head())

        async with serving(handler) as stage:
            line = await stage.connect(get("/"))
            assert line.transport.received.startswith(b"HTTP/1.1 103 \r\n\r\nHTTP/1.1 200 ")

    run(main)


@pytest.mark.parametrize("begins", ["respond", "start"])
def test_nothing_interim_comes_after_the_final_head(begins: str) -> None:
    """Neither what the handler sends, nor the invitation of a body that it reads late."""

    async def main() -> None:
        refused: list[str] = []

        async def handler(exchange: Exchange) -> None:
            exchange.respond(head(403)) if begins == "respond" else exchange.start(head(403), 4)
            try:
                exchange.inform(HINTS)
            except LocalProtocolError as error:
                refused.append(str(error))
            reading = asyncio.ensure_future(exchange.read())
            await settle()
            reading.cancel()
            if begins == "start":
                await exchange.send(b"late")
                await exchange.finish()

        async with serving(handler) as stage:
            line = await stage.connect(WAITING)
            await settle()
            assert statuses(line) == [403] and len(refused) == 1
            (answer,) = line.answers()
            assert answer.is_complete and answer.get_all("Connection") == ["close"]

    run(main)


@pytest.mark.parametrize("is_read", [False, True])
def test_the_invitation_is_the_handlers(is_read: bool) -> None:
    """Without reading there is none: the client is spared its body."""

    async def main() -> None:
        async def handler(exchange: Exchange) -> None:
            body = await read_all(exchange) if is_read else b"unread"
            exchange.respond(head(), body)

        async with serving(handler) as stage:
            line = await stage.connect(WAITING)
            assert statuses(line) == ([100] if is_read else [200])
            await line.send(b"abc")
            assert statuses(line) == ([100, 200] if is_read else [200])
            assert line.is_open is is_read

    run(main)


def test_a_body_is_invited_once_and_after_hints() -> None:
    async def main() -> None:
        async def handler(exchange: Exchange) -> None:
            exchange.inform(HINTS)
            if exchange.head.target == "/early":
                exchange.inform(ResponseHead(100, "Continue"))
            exchange.respond(head(), await read_all(exchange))

        for target, expected in (("/", [103, 100]), ("/early", [103, 100])):
            async with serving(handler) as stage:
                line = await stage.connect(post(3, "Expect: 100-continue", target=target))
                assert statuses(line) == expected and line.transport.received.endswith(CONTINUE)
                await line.send(b"a", b"bc")
                assert statuses(line) == [*expected, 200] and line.bodies == [b"abc"] and line.is_open

    run(main)
