"""What becomes of every form of response on its way to the client."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import aiohttp.web
import pytest

import sketch.web

from .harness import ask, assert_same

Make = Callable[[Any], Any]

RESPONSES: dict[str, Make] = {
    "nothing": lambda web: web.Response(),
    "text": lambda web: web.Response(text="hé"),
    "empty text": lambda web: web.Response(text=""),
    "body": lambda web: web.Response(body=b"\x00\xff"),
    "empty body": lambda web: web.Response(body=b""),
    "bytearray": lambda web: web.Response(body=bytearray(b"ab")),
    "body that is text": lambda web: web.Response(body="hé"),
    "status": lambda web: web.Response(status=201, text="made"),
    "status without a phrase": lambda web: web.Response(status=299, text="x"),
    "status 599": lambda web: web.Response(status=599),
    "reason": lambda web: web.Response(reason="Fine", text="x"),
    "status and reason": lambda web: web.Response(status=404, reason="Gone fishing"),
    "empty reason": lambda web: web.Response(reason=""),
    "204": lambda web: web.Response(status=204),
    "204 with a body": lambda web: web.Response(status=204, body=b"x"),
    "204 with a text": lambda web: web.Response(status=204, text="x"),
    "205": lambda web: web.Response(status=205),
    "304": lambda web: web.Response(status=304),
    "304 with a body": lambda web: web.Response(status=304, body=b"x"),
    "304 with a type": lambda web: web.Response(status=304, content_type="text/css"),
    "304 with an etag": lambda web: web.Response(status=304, headers={"ETag": '"x"'}),
    "content type": lambda web: web.Response(text="{}", content_type="application/json"),
    "content type of bytes": lambda web: web.Response(body=b"{}", content_type="application/json"),
    "content type without a body": lambda web: web.Response(content_type="text/html"),
    "charset": lambda web: web.Response(text="hé", charset="latin-1"),
    "charset in capitals": lambda web: web.Response(text="hé", charset="UTF-8"),
    "charset of bytes": lambda web: web.Response(body=b"x", charset="utf-16"),
    "type and charset": lambda web: web.Response(text="hé", content_type="text/html", charset="utf-16"),
    "type and charset of bytes": lambda web: web.Response(body=b"x", content_type="text/x", charset="koi8-r"),
    "type as a field": lambda web: web.Response(text="hé", headers={"Content-Type": "text/html"}),
    "type and charset as a field": lambda web: web.Response(
        text="hé", headers={"content-type": 'text/html; charset="latin-1"'}
    ),
    "type of bytes as a field": lambda web: web.Response(body=b"x", headers={"Content-Type": "a/b;c=d"}),
    "fields": lambda web: web.Response(text="x", headers={"X-One": "1", "x-two": "2"}),
    "fields of bytes": lambda web: web.Response(body=b"x", headers={"X-One": "1"}),
    "fields alone": lambda web: web.Response(headers={"X-One": "1"}),
    "fields as pairs": lambda web: web.Response(headers=[("X-One", "1"), ("x-one", "2"), ("X-Two", "3")]),
    "a length of its own": lambda web: web.Response(body=b"abc", headers={"Content-Length": "3"}),
    "json": lambda web: web.json_response({"a": [1, None, "ü"]}),
    "json null": lambda web: web.json_response(None),
    "json text": lambda web: web.json_response(text="[]"),
    "json body": lambda web: web.json_response(body=b"[]"),
    "json with all": lambda web: web.json_response(
        [1], status=202, reason="Later", headers={"X-One": "1"}, content_type="application/hal+json"
    ),
    "json dumps": lambda web: web.json_response(1, dumps=lambda value: f"<{value}>"),
    "json bytes": lambda web: web.json_bytes_response(1, dumps=lambda value: b"<1>"),
}


def responses(web: Any, seen: list[Any]) -> Any:
    async def handler(request: Any) -> Any:
        response = RESPONSES[request.match_info["name"]](web)
        seen.append((response.status, response.reason, response.content_type, response.charset))
        if request.match_info["name"] != "body that is text":
            seen.append((response.body, response.content_length))
        if response.content_type.startswith("text/"):
            seen.append(response.text)
        seen.append(
            (response.prepared, response.keep_alive, response.chunked, list(response.headers.items()))
        )
        return response

    app = web.Application()
    app.router.add_route("*", "/{name}", handler)
    return app


# What has a body and no type. aiohttp makes up the type for GET only (test_differences).
UNTYPED = {"body", "bytearray", "charset of bytes", "fields of bytes", "a length of its own"}


@pytest.mark.parametrize("name", RESPONSES)
def test_responses(name: str) -> None:
    target = "/" + name.replace(" ", "%20")
    assert_same(
        responses,
        ask("GET", target),
        ask("POST", target, [("Connection", "close")]),
        ask("GET", target, version="1.0"),
    )
    if name not in UNTYPED:
        assert_same(responses, ask("HEAD", target))


REFUSED: dict[str, Make] = {
    "body and text": lambda web: web.Response(body=b"x", text="x"),
    "text that is none": lambda web: web.Response(text=b"x"),
    "type twice": lambda web: web.Response(text="x", content_type="a/b", headers={"Content-Type": "c/d"}),
    "charset twice": lambda web: web.Response(text="x", charset="utf-8", headers={"Content-Type": "c/d"}),
    "charset in the type": lambda web: web.Response(text="x", content_type="a/b; charset=utf-8"),
    "unknown charset": lambda web: web.Response(text="x", charset="no-such"),
    "a character that it lacks": lambda web: web.Response(text="€", charset="latin-1"),
    "reason with a line": lambda web: web.Response(reason="a\nb"),
    "json and text": lambda web: web.json_response(1, text="1"),
    "json that is none": lambda web: web.json_response(object()),
    "a body of another kind": lambda web: web.Response(body=object()),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_arguments(name: str) -> None:
    raised = []
    for web in (aiohttp.web, sketch.web):
        with pytest.raises(Exception) as caught:
            REFUSED[name](web)
        raised.append(caught.type)
    assert raised[0] is raised[1]


Change = Callable[[Any, Any], Any]


async def stream_chunked(web: Any, request: Any) -> Any:
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(b"a" * 10)
    await response.write(b"")
    await response.write(memoryview(b"b"))
    await response.write_eof(b"c")
    return response


async def stream_unknown(web: Any, request: Any) -> Any:
    response = web.StreamResponse(status=201, reason="Streamed", headers={"X-One": "1"})
    response.content_type = "text/plain"
    response.charset = "utf-8"
    await response.prepare(request)
    await response.write(b"abc")
    return response


async def stream_counted(web: Any, request: Any) -> Any:
    response = web.StreamResponse()
    response.content_length = 3
    await response.prepare(request)
    await response.write(b"abc")
    await response.write_eof()
    return response


async def stream_nothing(web: Any, request: Any) -> Any:
    response = web.StreamResponse()
    await response.prepare(request)
    return response


async def stream_unprepared(web: Any, request: Any) -> Any:
    return web.StreamResponse(status=202)


async def stream_204(web: Any, request: Any) -> Any:
    response = web.StreamResponse(status=204)
    await response.prepare(request)
    return response


async def stream_304(web: Any, request: Any) -> Any:
    response = web.StreamResponse(status=304)
    await response.prepare(request)
    return response


async def stream_closing(web: Any, request: Any) -> Any:
    response = web.StreamResponse()
    response.force_close()
    await response.prepare(request)
    await response.write(b"abc")
    return response


async def prepared_early(web: Any, request: Any) -> Any:
    response = web.Response(text="abc")
    await response.prepare(request)
    await response.prepare(request)
    await response.write_eof()
    await response.write_eof()
    return response


async def chunked_response(web: Any, request: Any) -> Any:
    response = web.Response(text="abc")
    response.enable_chunked_encoding()
    return response


async def changed_response(web: Any, request: Any) -> Any:
    response = web.Response()
    response.set_status(202)
    response.text = "häßlich"
    response.charset = "latin-1"
    response.content_type = "text/x-ugly"
    response.headers["X-One"] = "1"
    response.headers.add("x-one", "2")
    response.headers["X-Two"] = "2"
    del response.headers["X-Two"]
    return response


async def body_set_late(web: Any, request: Any) -> Any:
    response = web.Response(text="one")
    response.body = b"two"
    return response


async def body_taken_away(web: Any, request: Any) -> Any:
    response = web.Response(text="one")
    response.body = None
    return response


async def closed(web: Any, request: Any) -> Any:
    response = web.Response(text="x")
    response.force_close()
    return response


async def modified(web: Any, request: Any) -> Any:
    response = web.Response(text="x")
    response.last_modified = datetime(2020, 2, 29, 12, 30, 15, tzinfo=UTC)
    return response


async def modified_by_number(web: Any, request: Any) -> Any:
    response = web.Response(text="x")
    response.last_modified = 1_000_000_000.5
    return response


async def given_connection(web: Any, request: Any) -> Any:
    return web.Response(text="x", headers={"Connection": "close"})


STREAMS = {
    function.__name__: function
    for function in (
        stream_chunked, stream_unknown, stream_counted, stream_nothing, stream_unprepared, stream_204,
        stream_304, stream_closing, prepared_early, chunked_response, changed_response, body_set_late,
        body_taken_away, closed, modified, modified_by_number, given_connection,
    )
}  # fmt: skip


def streams(web: Any, seen: list[Any]) -> Any:
    async def handler(request: Any) -> Any:
        response = await STREAMS[request.match_info["name"]](web, request)
        seen.append((response.status, response.reason, response.prepared, response.chunked))
        seen.append((response.content_length, response.content_type, response.charset, response.keep_alive))
        return response

    app = web.Application()
    app.router.add_route("*", "/{name}", handler)
    return app


UNTYPED_STREAMS = {
    "stream_chunked",
    "stream_counted",
    "stream_nothing",
    "stream_unprepared",
    "stream_closing",
}


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_streams(name: str, method: str) -> None:
    if method != "HEAD" or name not in UNTYPED_STREAMS:
        assert_same(streams, ask(method, f"/{name}"))


# No chunks for them.
OLD_STREAMS = STREAMS.keys() - {"stream_chunked", "chunked_response"}
# aiohttp leaves old clients that would keep the connection without an end (test_differences).
ENDLESS = {"stream_unknown", "stream_nothing", "stream_unprepared"}


@pytest.mark.parametrize("name", sorted(OLD_STREAMS))
def test_streams_to_old_clients(name: str) -> None:
    assert_same(streams, ask("GET", f"/{name}", version="1.0"))


@pytest.mark.parametrize("name", sorted(OLD_STREAMS - ENDLESS))
def test_streams_to_old_clients_that_stay(name: str) -> None:
    assert_same(streams, ask("GET", f"/{name}", [("Connection", "keep-alive")], version="1.0"))


def set_some(response: Any) -> None:
    response.set_cookie("plain", "value")
    response.set_cookie("odd", 'a b;c,"d"\\é')
    response.set_cookie(
        "full",
        "x",
        expires="Wed, 21 Oct 2026 07:28:00 GMT",
        domain="example.com",
        max_age=60,
        path="/p",
        secure=True,
        httponly=True,
        samesite="Strict",
    )


def set_twice(response: Any) -> None:
    response.set_cookie("one", "1", path="/a", secure=True)
    response.set_cookie("one", "2")


def delete_one(response: Any) -> None:
    response.del_cookie("gone")
    response.del_cookie(
        "gone-there", path="/p", domain="example.com", secure=True, httponly=True, samesite="Lax"
    )


def set_and_delete(response: Any) -> None:
    response.set_cookie("one", "1")
    response.del_cookie("one")
    response.set_cookie("two", "1")
    response.del_cookie("two")
    response.set_cookie("two", "2")


def set_by_header(response: Any) -> None:
    response.headers.add("Set-Cookie", "raw=1")
    response.set_cookie("two", "2")


def set_empty(response: Any) -> None:
    response.set_cookie("empty", "")
    response.set_cookie("age", "x", max_age=0)
    response.set_cookie("age2", "x", max_age="10", path="")


def set_through_mapping(response: Any) -> None:
    response.cookies["one"] = "1"
    response.cookies["one"]["path"] = "/x"


COOKIES = {
    function.__name__: function
    for function in (
        set_some, set_twice, delete_one, set_and_delete, set_by_header, set_empty, set_through_mapping,
    )
}  # fmt: skip


def cookies(web: Any, seen: list[Any]) -> Any:
    async def handler(request: Any) -> Any:
        seen.append(sorted(request.cookies.items()))
        response = web.Response(text="x")
        COOKIES[request.match_info["name"]](response)
        seen.append(str(response.cookies))
        return response

    app = web.Application()
    app.router.add_get("/{name}", handler)
    return app


@pytest.mark.parametrize("name", COOKIES)
def test_cookies(name: str) -> None:
    assert_same(cookies, ask("GET", f"/{name}"))


SENT_COOKIES = (
    "a=1", "a=1; b=2", "a=1;b=2", "a=1; a=2", 'a="x y"', 'a="x\\"y"', "a=", "=x", "a", "a=b=c",
    "a={1}; b=[2]", "a=1,b=2", "a b=1; c=2", "a=%20; b=ü", ";;a=1;;", "$Version=1; a=1; $Path=/",
    "a=1; path=/; b=2", 'a="\\303\\274"', "a:b=c", "a=1; b",
)  # fmt: skip


@pytest.mark.parametrize("value", SENT_COOKIES)
def test_sent_cookies(value: str) -> None:
    assert_same(cookies, ask("GET", "/set_empty", [("Cookie", value)]))


def test_cookies_in_several_fields() -> None:
    assert_same(cookies, ask("GET", "/set_empty", [("Cookie", "a=1"), ("cookie", "b=2")]))


FAMILY = sorted(
    name
    for name, value in vars(aiohttp.web).items()
    if isinstance(value, type) and issubclass(value, aiohttp.web.HTTPException) and value.status_code > 0
)


def make_exception(web: Any, name: str, **arguments: Any) -> Any:
    cls = getattr(web, name)
    if issubclass(cls, web.HTTPMove):
        return cls("/there?a=b c&ü#x", **arguments)
    special = {
        "HTTPMethodNotAllowed": ("patch", ["POST", "GET"]),
        "HTTPRequestEntityTooLarge": (1024, 2048),
        "HTTPUnavailableForLegalReasons": ("https://example.com/who",),
    }
    return cls(*special.get(name, ()), **arguments)


def family(web: Any, seen: list[Any]) -> Any:
    async def raised(request: Any) -> Any:
        raise make_exception(web, request.match_info["name"])

    async def with_arguments(request: Any) -> Any:
        arguments = {
            "headers": {"X-One": "1"},
            "reason": "Because",
            "text": "<b>x</b>",
            "content_type": "text/html",
        }
        error = make_exception(web, request.match_info["name"], **arguments)
        error.set_cookie("one", "1")
        seen.append(error)
        raise error

    app = web.Application()
    app.router.add_route("*", "/raised/{name}", raised)
    app.router.add_route("*", "/full/{name}", with_arguments)
    return app


@pytest.mark.parametrize("name", FAMILY)
def test_raised_exceptions(name: str) -> None:
    assert_same(family, ask("GET", f"/raised/{name}"), ask("HEAD", f"/raised/{name}"))
    if name != "HTTPResetContent":
        assert_same(family, ask("GET", f"/full/{name}"))
