"""``request.writer``: the body of an answer, below its response."""

import pytest

from sketch.application import Application
from sketch.http.memory import MemoryExchange
from sketch.request import BaseRequest, Request
from sketch.response import StreamResponse
from sketch.writer import ExchangeWriter
from tests.asking import ask, ask_handler, play


def test_what_is_written_past_the_response() -> None:
    async def handler(request: Request) -> StreamResponse:
        response = StreamResponse()
        await response.prepare(request)
        writer = request.writer
        await writer.write(b"one ")
        await writer.drain()
        await response.write(b"two ")
        await writer.write_eof(b"three")
        await writer.write_eof()
        assert writer.output_size == request.exchange.bytes_sent > 0
        assert writer.buffer_size == 0
        return response

    exchange = ask_handler(handler)
    assert exchange.response_body == b"one two three"
    assert exchange.response_complete


def test_nothing_but_an_invitation_may_come_before_the_head() -> None:
    async def steps(request: BaseRequest) -> None:
        with pytest.raises(RuntimeError, match="a response that was prepared"):
            await request.writer.write(b"too early")
        with pytest.raises(RuntimeError):
            await request.writer.write_eof()
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    exchange = play(steps, MemoryExchange("POST", "/", [("Expect", "100-continue")], b"abc"))
    assert [head.status for head in exchange.informed] == [100]
    assert not exchange.response_started


def test_more_than_was_declared() -> None:
    async def handler(request: Request) -> StreamResponse:
        response = StreamResponse(headers={"Content-Length": "2"})
        await response.prepare(request)
        with pytest.raises(RuntimeError):
            await request.writer.write(b"abc")
        await request.writer.write(b"ab")
        return response

    assert ask_handler(handler).response_body == b"ab"


def test_there_is_no_transport_in_memory() -> None:
    async def handler(request: Request) -> StreamResponse:
        assert request.writer.transport is None
        assert request.protocol is None
        assert isinstance(request.writer, ExchangeWriter)
        assert "MemoryExchange" in repr(request.writer)
        response = StreamResponse()
        await response.prepare(request)
        return response

    app = Application()
    app.router.add_get("/", handler)
    assert ask(app).response_complete
