"""Responses: what they are made of, when they are sent, and what the client gets. How every form of
constructor looks on the wire is compared with aiohttp's in tests/differential."""

import asyncio
from typing import Any

import pytest

from sketch import web
from sketch.http.errors import Disconnected
from sketch.http.heads import HttpVersion
from sketch.http.memory import MemoryExchange
from sketch.request import BaseRequest

from .asking import fields_of, play, status_of, text_of


def send(response: web.StreamResponse, exchange: MemoryExchange | None = None) -> MemoryExchange:
    """Have a response answer an exchange, as the server would."""
    exchange = exchange or MemoryExchange()

    async def run() -> None:
        await response.prepare(BaseRequest(exchange))
        await response.write_eof()

    asyncio.run(run())
    return exchange


# -- made of ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("response", "body", "content_type"),
    [
        (web.Response("text"), b"text", "text/plain; charset=utf-8"),
        (web.Response(b"bytes"), b"bytes", "text/plain"),
        (web.Response(bytearray(b"bytes")), b"bytes", "text/plain"),
        (web.Response("<p>", content_type="text/html"), b"<p>", "text/html; charset=utf-8"),
        (web.Response("<p>", 201, "text/html"), b"<p>", "text/html; charset=utf-8"),
        (web.Response(b"{}", content_type="application/json"), b"{}", "application/json"),
        (web.Response("x", headers={"X-One": "1"}), b"x", "text/plain; charset=utf-8"),
        (web.Response("x", headers={"Content-Type": "a/b"}, version="1.0"), b"x", "a/b; charset=utf-8"),
        (web.Response(), b"", None),
    ],
)
def test_the_tutorials_form(response: web.Response, body: bytes, content_type: str | None) -> None:
    exchange = send(response)
    assert exchange.response_body == body
    assert dict(fields_of(exchange)).get("Content-Type") == content_type


def test_bytes_with_fields_in_the_tutorials_form() -> None:
    assert dict(fields_of(send(web.Response(b"x", headers={"X-One": "1"}))))["Content-Type"] == "text/plain"


@pytest.mark.parametrize("more", [{"body": b"x"}, {"text": "x"}])
def test_a_body_twice(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not allowed together"):
        web.Response("text", **more)
    with pytest.raises(ValueError, match="not allowed together"):
        web.Response(text="text", body=b"x")
    with pytest.raises(ValueError, match="not allowed together"):
        web.Response(text="text", body=b"x", headers={"X-One": "1"})


def test_growing_and_marking_a_response() -> None:
    response = web.Response("a")
    response.add_body("b")
    response.add_body(b"c")
    response.add_header("X-One", "1")
    response.add_header("x-one", "2")
    exchange = send(response)
    assert text_of(exchange) == "abc"
    assert [value for name, value in fields_of(exchange) if name.lower() == "x-one"] == ["2"]
    empty = web.Response()
    empty.add_body("ü")
    assert empty.body == "ü".encode()


def test_body_and_text_follow_each_other() -> None:
    response = web.Response(text="ü")
    assert (response.body, response.text, response.content_length) == ("ü".encode(), "ü", 2)
    response.body = b"abc"
    assert (response.text, response.content_length) == ("abc", 3)
    response.body = memoryview(b"de")
    assert response.body == b"de"
    response.text = "fg"
    assert response.body == b"fg"
    response.body = None
    assert (response.body, response.text, response.content_length) == (None, None, 0)
    with pytest.raises(RuntimeError, match="set automatically"):
        response.content_length = 5


def test_text_gives_a_type_to_an_untyped_response() -> None:
    response = web.Response()
    response.text = "x"
    assert (response.content_type, response.charset) == ("text/plain", "utf-8")
    html = web.Response(content_type="text/html", charset="latin-1")
    html.text = "ü"
    assert (html.body, html.content_type, html.charset) == (b"\xfc", "text/html", "latin-1")


@pytest.mark.parametrize("body", [5, object(), ["a"], {"a": 1}])
def test_a_body_of_a_type_that_cannot_be_sent(body: Any) -> None:
    with pytest.raises(ValueError, match="Unsupported body type.*json_response"):
        web.Response(body=body)


def test_a_text_that_is_none() -> None:
    for headers in (None, {"X-One": "1"}):
        with pytest.raises(TypeError, match="must be str"):
            web.Response(text=b"x", headers=headers)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="must be str"):
        web.Response().text = b"x"  # type: ignore[assignment]


def test_every_way_to_change_a_plain_response_has_its_effect() -> None:
    """A text with nothing else is sent by a short cut; whatever is changed must lead off it."""

    def change(response: web.Response, name: str) -> None:
        match name:
            case "status":
                response.set_status(202)
            case "header":
                response.headers["X-One"] = "1"
            case "cookie":
                response.set_cookie("a", "b")
            case "close":
                response.force_close()
            case "chunked":
                response.enable_chunked_encoding()
            case "no body":
                response.body = None
            case "body":
                response.body = b"other"
            case "text":
                response.text = "other"
            case "type":
                response.content_type = "text/html"
            case "charset":
                response.charset = "latin-1"

    expected: dict[str, tuple[int, bytes, tuple[str, str] | None]] = {
        "status": (202, b"x", None),
        "header": (200, b"x", ("X-One", "1")),
        "cookie": (200, b"x", ("Set-Cookie", "a=b; Path=/")),
        "close": (200, b"x", None),
        "chunked": (200, b"x", ("Transfer-Encoding", "chunked")),
        "no body": (200, b"", ("Content-Length", "0")),
        "body": (200, b"other", ("Content-Length", "5")),
        "text": (200, b"other", ("Content-Length", "5")),
        "type": (200, b"x", ("Content-Type", "text/html; charset=utf-8")),
        "charset": (200, b"x", ("Content-Type", "text/plain; charset=latin-1")),
    }
    for name, (status, body, field) in expected.items():
        for response in (
            web.Response(text="x"),
            web.Response("x"),
            web.Response("x", headers={"X-Two": "2"}),
        ):
            change(response, name)
            exchange = MemoryExchange()
            if not response.respond_plainly(exchange):
                send(response, exchange)
            assert (status_of(exchange), exchange.response_body) == (status, body), name
            assert field is None or field in fields_of(exchange), name
            assert exchange.keep_alive is (name != "close")


# -- JSON ------------------------------------------------------------------------------------------------


def test_json() -> None:
    response = web.json_response({"a": [1, "ü"]}, status=201, headers={"X-One": "1"})
    assert (response.status, response.text) == (201, '{"a": [1, "\\u00fc"]}')
    assert response.content_type == "application/json"
    assert web.json_response(None).text == "null"
    assert web.json_response(text="[]").text == "[]"
    assert web.json_response(body=b"[]").body == b"[]"
    assert web.json_response([1], dumps=lambda data: f"<{data}>").text == "<[1]>"
    assert web.json_bytes_response([1], dumps=lambda data: b"<1>").body == b"<1>"
    assert web.json_bytes_response(body=b"[]", dumps=lambda data: b"").body == b"[]"


def test_json_twice() -> None:
    with pytest.raises(ValueError, match="only one of data, text, or body"):
        web.json_response(1, text="1")
    with pytest.raises(ValueError, match="only one of data or body"):
        web.json_bytes_response(1, dumps=lambda data: b"", body=b"1")
    with pytest.raises(TypeError, match="serializable"):
        web.json_response(object())


# -- as it would be sent ---------------------------------------------------------------------------------


def test_a_response_as_text() -> None:
    assert str(web.Response("hé")) == (
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\n\r\nhé"
    )
    assert str(web.Response(status=204)) == "HTTP/1.1 204 No Content\r\n\r\n"
    assert str(web.Response(body=b"\xff")).endswith("\r\n\r\n\\xff")
    assert str(web.HTTPNotFound(reason="gone")) == "gone"


def test_a_response_as_text_is_not_sent_by_that() -> None:
    response = web.Response("x")
    assert str(response) == str(response)
    assert not response.prepared
    assert text_of(send(response)) == "x"


def test_how_it_looks() -> None:
    response = web.StreamResponse(status=404)
    assert repr(response) == "<StreamResponse Not Found not prepared>"

    async def steps(request: BaseRequest) -> None:
        await response.prepare(request)
        assert repr(response) == "<StreamResponse Not Found GET / >"
        await response.write_eof()
        assert repr(response) == "<StreamResponse Not Found eof>"

    play(steps)


# -- sent ------------------------------------------------------------------------------------------------


def test_a_stream_step_by_step() -> None:
    response = web.StreamResponse(status=201, headers={"X-One": "1"})

    async def steps(request: BaseRequest) -> None:
        exchange = request.exchange
        assert isinstance(exchange, MemoryExchange)
        assert (response.prepared, response.body_length) == (False, 0)
        await response.prepare(request)
        await response.prepare(request)
        assert (response.prepared, response.keep_alive, status_of(exchange)) == (True, True, 201)
        head = response.body_length
        await response.write(b"abc")
        await response.write(b"")
        await response.write(memoryview(b"de"))
        assert (exchange.response_body, response.body_length - head) == (b"abcde", 5)
        await response.write_eof(b"f")
        await response.write_eof()
        assert (exchange.response_body, exchange.response_complete) == (b"abcdef", True)

    exchange = play(steps)
    assert ("Transfer-Encoding", "chunked") in fields_of(exchange)
    assert ("Content-Type", "application/octet-stream") in fields_of(exchange)


def test_calls_at_the_wrong_time() -> None:
    response = web.StreamResponse()

    async def steps(request: BaseRequest) -> None:
        with pytest.raises(RuntimeError, match="before prepare"):
            await response.write(b"x")
        with pytest.raises(RuntimeError, match="not been started"):
            await response.write_eof()
        await response.prepare(request)
        with pytest.raises(TypeError, match="byte-ish"):
            await response.write("x")  # type: ignore[arg-type]
        with pytest.raises(RuntimeError, match="after the headers have been sent"):
            response.set_status(404)
        await response.write_eof()
        with pytest.raises(RuntimeError, match="after write_eof"):
            await response.write(b"x")
        whole = web.Response(text="x")
        with pytest.raises(RuntimeError, match="not been started"):
            await whole.write_eof()
        other = BaseRequest(MemoryExchange())
        await whole.prepare(other)
        with pytest.raises(RuntimeError, match="not supported"):
            await whole.write_eof(b"more")
        with pytest.raises(RuntimeError, match="make a new response for each request"):
            await whole.prepare(request)

    play(steps)


def test_chunks_are_not_for_old_clients() -> None:
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    with pytest.raises(RuntimeError, match="forbidden for HTTP/1.0"):
        send(response, MemoryExchange(version=HttpVersion(1, 0)))
    assert not response.prepared
    assert ("Transfer-Encoding", "chunked") in fields_of(send(response))


def test_a_response_that_could_not_be_prepared_can_be_mended() -> None:
    response = web.StreamResponse()
    response.headers["X-One"] = "a\nb"
    with pytest.raises(ValueError, match="X-One"):
        send(response)
    response.headers["X-One"] = "ab"
    assert status_of(send(response)) == 200


def test_a_cancelled_hook_sends_nothing() -> None:
    reached = asyncio.Event()

    class Hooked(BaseRequest):
        has_prepare_hooks = True

        async def run_prepare_hooks(self, response: web.StreamResponse) -> None:
            reached.set()
            await asyncio.Event().wait()

    exchange = MemoryExchange()
    response = web.Response(text="x")

    async def run() -> None:
        task = asyncio.ensure_future(response.prepare(Hooked(exchange)))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert (exchange.response_started, response.prepared) == (False, False)


def test_the_connection_ends_when_the_response_says_so() -> None:
    for response in (web.StreamResponse(), web.Response(text="x")):
        response.force_close()
        assert not send(response).keep_alive
    kept = web.Response(text="x")
    exchange = send(kept, MemoryExchange(fields={"Connection": "close"}))
    assert (kept.keep_alive, exchange.keep_alive) == (False, False)


def test_the_length_of_a_stream_is_kept_to() -> None:
    async def too_much(request: BaseRequest) -> None:
        response = web.StreamResponse()
        response.content_length = 2
        await response.prepare(request)
        with pytest.raises(RuntimeError):
            await response.write(b"abc")
        await response.write_eof(b"ab")

    assert play(too_much).response_body == b"ab"

    async def too_little(request: BaseRequest) -> None:
        response = web.StreamResponse(headers={"Content-Length": "2"})
        await response.prepare(request)
        with pytest.raises(RuntimeError, match="fewer"):
            await response.write_eof(b"a")

    assert play(too_little).aborted


def test_a_slow_client_is_waited_for_and_a_lost_one_is_told() -> None:
    async def steps(request: BaseRequest) -> None:
        exchange = request.exchange
        assert isinstance(exchange, MemoryExchange)
        response = web.StreamResponse()
        await response.prepare(request)
        exchange.pause_client()
        writing = asyncio.ensure_future(response.write(b"abc"))
        await asyncio.sleep(0)
        assert not writing.done()
        exchange.resume_client()
        await writing
        exchange.disconnect()
        with pytest.raises(Disconnected):
            await response.write(b"def")
        with pytest.raises(ConnectionResetError):
            await response.write_eof()

    assert play(steps).response_body == b"abc"


@pytest.mark.parametrize("status", [204, 304])
def test_answers_that_have_no_body(status: int) -> None:
    for response in (web.Response(status=status, body=b"x"), web.StreamResponse(status=status)):
        exchange = send(response)
        assert (status_of(exchange), exchange.response_body) == (status, b"")
        assert not {"Content-Length", "Transfer-Encoding"} & dict(fields_of(exchange)).keys()


def test_cookies_are_among_the_fields() -> None:
    response = web.Response(text="x", headers={"Set-Cookie": "raw=1"})
    response.set_cookie("one", "1")
    response.del_cookie("two")
    assert [value for name, value in fields_of(send(response)) if name == "Set-Cookie"] == [
        "raw=1",
        "one=1; Path=/",
        'two=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/',
    ]


# -- what is kept on it ----------------------------------------------------------------------------------


def test_a_response_is_a_mapping() -> None:
    key = web.ResponseKey("key", int)
    response = web.Response()
    assert (len(response), list(response), bool(response), response.get(key)) == (0, [], True, None)
    response[key] = 1
    assert (response[key], len(response), list(response), key in response) == (1, 1, [key], True)
    del response[key]
    assert key not in response
    with pytest.warns(web.NotAppKeyWarning, match="ResponseKey") as caught:
        response["test_a_response_is_a_mapping"] = 1
    assert caught[0].filename == __file__


def test_responses_are_compared_by_identity() -> None:
    response, other = web.Response(), web.Response()
    assert response == response
    assert response != other
    assert len({response, other}) == 2
