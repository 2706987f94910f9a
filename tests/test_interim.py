"""Interim responses from a handler; what a request says of its trailers."""

import asyncio
from typing import Any

import pytest

from sketch import web
from sketch.http.heads import HttpVersion10
from sketch.http.memory import MemoryExchange
from sketch.request import BaseRequest
from tests.asking import ask, ask_handler, run_with, status_of, text_of


def test_early_hints() -> None:
    async def hint(request: web.Request) -> web.Response:
        request.send_early_hints(
            "</style.css>; rel=preload; as=style",
            "</app.js>; rel=preload; as=script",
            headers={"X-One": "1"},
        )
        request.inform(102)
        return web.Response(text="x")

    exchange = ask_handler(hint)
    assert [(head.status, head.reason) for head in exchange.informed] == [
        (103, "Early Hints"),
        (102, "Processing"),
    ]
    assert list(exchange.informed[0].fields) == [
        ("X-One", "1"),
        ("Link", "</style.css>; rel=preload; as=style"),
        ("Link", "</app.js>; rel=preload; as=script"),
    ]
    assert text_of(exchange) == "x"


def test_http_1_0_gets_no_hints() -> None:
    exchange = MemoryExchange(version=HttpVersion10)
    BaseRequest(exchange).send_early_hints("</a>")
    assert exchange.informed == []


def test_hints_after_the_final_head() -> None:
    exchange = MemoryExchange()
    exchange.start(web.Response(status=200)._build_head())
    with pytest.raises(RuntimeError):
        BaseRequest(exchange).send_early_hints("</a>")
    assert exchange.informed == []


@pytest.mark.parametrize("status", [99, 101, 200, 404, "103"])
def test_what_is_no_interim_status(status: Any) -> None:
    with pytest.raises(
        ValueError, match=f"status {status!r} is not that of an interim .* web.UpgradeResponse"
    ):
        BaseRequest(MemoryExchange()).inform(status)


def test_hints_that_no_message_can_carry() -> None:
    exchange = MemoryExchange()
    with pytest.raises(ValueError, match="Link"):
        BaseRequest(exchange).send_early_hints("</a>\r\nX: y")
    with pytest.raises(ValueError, match="X One"):
        BaseRequest(exchange).inform(103, {"X One": "1"})
    assert exchange.informed == []


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ([("Expect", "100-Continue")], 200),
        ([("Expect", "100-continue"), ("Expect", "100-continue")], 200),
        ([("Expect", "100-continue"), ("Expect", "coffee")], 417),
        ([("Expect", "100-continue, coffee")], 417),
        ([("Expect", "coffee")], 417),
        ([("Expect", "\udcd0")], 417),
        ([("Expect", "")], 200),
    ],
)
def test_expectations(fields: Any, status: int) -> None:
    async def read(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    app = web.Application()
    app.router.add_post("/", read)
    exchange = ask(app, "POST", "/", fields, b"abc")
    assert status_of(exchange) == status
    if status == 200:
        assert exchange.response_body == b"abc"


def test_trailers_of_a_request() -> None:
    seen: list[list[tuple[str, str]]] = []

    async def read(request: web.Request) -> web.Response:
        seen.append(list(request.trailers.items()))
        body = await request.read()
        seen.append(list(request.trailers.items()))
        return web.Response(body=body)

    app = web.Application()
    app.router.add_post("/", read)
    exchange = MemoryExchange("POST", "/", body=None)

    async def play() -> None:
        await asyncio.sleep(0)
        exchange.feed(b"abc")
        exchange.feed_eof([(b"X-Sum", b"6"), (b"x-sum", b"\xc3\xbc")])

    run_with(app.make_exchange_handler(), exchange, play)
    assert seen == [[], [("X-Sum", "6"), ("x-sum", "ü")]]
    assert exchange.response_body == b"abc"
