"""Trailer fields of a response: announced, set, sent where there is room."""

from typing import Any

import pytest

from sketch import web
from sketch.http.heads import HttpVersion10
from sketch.http.memory import MemoryExchange
from sketch.request import BaseRequest
from tests.asking import ask_handler, fields_of, play, status_of
from tests.net.stage import run as run_on_stage
from tests.net.stage import serving


async def stream(request: BaseRequest) -> web.StreamResponse:
    """Announces two fields, and sets one of them and another one."""
    response = web.StreamResponse()
    response.announce_trailers("Server-Timing", "X-Sum")
    response.set_trailer("x-count", "1")
    await response.prepare(request)
    await response.write(b"abc")
    response.set_trailer("server-timing", "total;dur=5")
    assert dict(response.trailers) == {"x-count": "1", "server-timing": "total;dur=5"}
    await response.write_eof()
    return response


def test_trailers() -> None:
    exchange = play(stream)
    assert ("Trailer", "Server-Timing, X-Sum, x-count") in fields_of(exchange)
    assert exchange.trailers == [("x-count", "1"), ("server-timing", "total;dur=5")]


def test_trailers_on_the_wire() -> None:
    async def main() -> None:
        async def handler(exchange: Any) -> None:
            await stream(BaseRequest(exchange))

        async with serving(handler) as stage:
            line = await stage.connect(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert b"\r\nTransfer-Encoding: chunked\r\n" in line.transport.received
            assert line.transport.received.endswith(
                b"\r\n3\r\nabc\r\n0\r\nx-count: 1\r\nserver-timing: total;dur=5\r\n\r\n"
            )
            old = await stage.connect(b"GET / HTTP/1.0\r\n\r\n")
            assert old.transport.received.endswith(b"\r\n\r\nabc") and not old.is_open
            head = await stage.connect(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert head.transport.received.endswith(b"\r\n\r\n") and head.answers("HEAD")[0].is_complete

    run_on_stage(main)


@pytest.mark.parametrize("is_prepared", [False, True])
def test_a_response_that_is_sent_in_chunks(is_prepared: bool) -> None:
    async def respond(request: web.Request) -> web.StreamResponse:
        response = web.Response(text="abc")
        response.enable_chunked_encoding()
        response.set_trailer("X-Sum", "6")
        if is_prepared:
            await response.prepare(request)
            response.set_trailer("X-Sum", "7")
        return response

    exchange = ask_handler(respond)
    assert (exchange.response_body, exchange.trailers) == (b"abc", [("X-Sum", "7" if is_prepared else "6")])
    assert ("Trailer", "X-Sum") in fields_of(exchange)


def test_what_the_application_announced_itself() -> None:
    async def steps(request: BaseRequest) -> None:
        response = web.StreamResponse(headers=[("Trailer", "X-Sum"), ("trailer", "X-Count , X-Last")])
        response.set_trailer("X-Last", "1")
        response.announce_trailers("x-sum")
        await response.prepare(request)
        response.set_trailer("X-Count", "2")
        await response.write_eof()

    exchange = play(steps)
    announced = [value for name, value in fields_of(exchange) if name.lower() == "trailer"]
    assert announced == ["X-Sum", "X-Count , X-Last"]
    assert exchange.trailers == [("X-Last", "1"), ("X-Count", "2")]


@pytest.mark.parametrize(
    "name", ["Content-Length", "transfer-encoding", "Host", "Set-Cookie", "Authorization", "Trailer", "Date"]
)
def test_what_must_not_be_a_trailer(name: str) -> None:
    response = web.StreamResponse()
    with pytest.raises(ValueError, match=f"{name} cannot be a trailer"):
        response.set_trailer(name, "1")
    with pytest.raises(ValueError, match=f"{name} cannot be a trailer"):
        response.announce_trailers("X-Sum", name)
    assert "Trailer" not in response.headers and dict(response.trailers) == {}


@pytest.mark.parametrize("field", [("X Sum", "1"), ("", "1"), ("X-Sum", "a\r\nX: b"), ("X-Sum", "\x00")])
def test_what_no_message_can_carry(field: tuple[str, str]) -> None:
    async def steps(request: BaseRequest) -> None:
        response = web.StreamResponse()
        with pytest.raises(ValueError):
            response.set_trailer(*field)
        response.announce_trailers("X-Sum")
        await response.prepare(request)
        with pytest.raises(ValueError):
            response.set_trailer(*field)
        await response.write_eof()

    assert play(steps).trailers == []


def test_trailers_at_the_wrong_time() -> None:
    async def steps(request: BaseRequest) -> None:
        response = web.StreamResponse()
        response.announce_trailers("X-Sum")
        await response.prepare(request)
        with pytest.raises(RuntimeError, match=r"announce_trailers\('X-Count'\) before prepare"):
            response.set_trailer("X-Count", "1")
        with pytest.raises(RuntimeError, match="before the response is prepared"):
            response.announce_trailers("X-Count")
        await response.write_eof()
        with pytest.raises(RuntimeError, match="after write_eof"):
            response.set_trailer("X-Sum", "1")

    assert play(steps).trailers == []


def test_a_body_of_declared_length_has_none() -> None:
    for response in (web.Response(text="x"), web.StreamResponse(headers={"Content-Length": "1"})):
        with pytest.raises(RuntimeError, match="a body of declared length has no trailers"):
            response.set_trailer("X-Sum", "1")

    async def declare_later(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.announce_trailers("X-Sum")
        response.content_length = 1
        await response.prepare(request)
        raise AssertionError("it contradicts itself")

    assert status_of(ask_handler(declare_later)) == 500


def test_http_1_0_has_no_room_for_them() -> None:
    exchange = play(stream, MemoryExchange(version=HttpVersion10))
    assert (exchange.response_body, exchange.trailers) == (b"abc", [])
