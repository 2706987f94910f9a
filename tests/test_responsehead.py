"""Status, fields and cookies of a response, before it is sent. Against aiohttp's, where a value can be
compared without a server."""

from datetime import UTC, datetime, timedelta, timezone
from http.cookies import CookieError
from typing import Any

import aiohttp.web
import pytest
from multidict import CIMultiDict

from sketch import web
from sketch.responsehead import ok_head, plain_head, typed

BOTH = (aiohttp.web, web)


# -- status ----------------------------------------------------------------------------------------------


def test_the_standard_phrase() -> None:
    response = web.StreamResponse()
    assert (response.status, response.reason) == (200, "OK")
    response.set_status(404)
    assert (response.status, response.reason) == (404, "Not Found")
    response.set_status(299)
    assert (response.status, response.reason) == (299, "")
    response.set_status(500, "Ouch")
    assert (response.status, response.reason) == (500, "Ouch")


@pytest.mark.parametrize("status", [99, 1000, -1, 0])
def test_what_is_no_status(status: int) -> None:
    with pytest.raises(ValueError, match="three-digit"):
        web.StreamResponse(status=status)
    with pytest.raises(ValueError, match="three-digit"):
        web.Response(status=status)


@pytest.mark.parametrize("reason", ["a\nb", "a\r\nX: y", "\x00", "a\x7f"])
def test_what_is_no_reason(reason: str) -> None:
    for make in (web.StreamResponse, web.Response):
        with pytest.raises(ValueError, match="control character"):
            make(reason=reason)
    with pytest.raises(ValueError, match="control character"):
        web.Response().set_status(200, reason)


# -- fields ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"X-One": "1", "x-two": "2"},
        [("X-One", "1"), ("x-two", "2")],
        CIMultiDict({"X-One": "1", "x-two": "2"}),
    ],
)
def test_fields_are_given_in_many_ways(headers: Any) -> None:
    response = web.StreamResponse(headers=headers)
    assert dict(response.headers) == {"X-One": "1", "x-two": "2"}
    response.headers["X-ONE"] = "3"
    assert dict(headers)["X-One"] == "1"


@pytest.mark.parametrize("field", [("X-One", "a\r\nb"), ("X One", "1"), ("", "1"), ("X-One", "\x00")])
def test_what_is_no_field(field: tuple[str, str]) -> None:
    for make in (web.StreamResponse, web.Response):
        with pytest.raises(ValueError):
            make(headers=[field])
    with pytest.raises(ValueError):
        web.Response().add_header(*field)


def types(response: Any) -> tuple[Any, ...]:
    return response.content_type, response.charset, response.headers.get("Content-Type")


# Attributes to set, one after the other; or the fields.
CHANGES: dict[str, list[tuple[str, Any]]] = {
    "none": [],
    "type": [("content_type", "text/html")],
    "type, charset": [("content_type", "text/html"), ("charset", "UTF-8")],
    "charset taken away": [("content_type", "text/html"), ("charset", "utf-8"), ("charset", None)],
    "type after charset": [("content_type", "text/html"), ("charset", "utf-8"), ("content_type", "text/css")],
    "a field": [("Content-Type", 'text/x; charset="koi8-r"; a=b')],
    "charset after the field": [("Content-Type", "text/x; a=b"), ("charset", "latin-1")],
    "type after the field": [("Content-Type", "text/x; a=b"), ("content_type", "text/y")],
}


@pytest.mark.parametrize("change", CHANGES)
def test_content_type_and_charset(change: str) -> None:
    theirs, ours = (web.StreamResponse() for web in BOTH)
    for response in (theirs, ours):
        for name, value in CHANGES[change]:
            if name == "Content-Type":
                response.headers[name] = value
            else:
                setattr(response, name, value)
    assert types(ours) == types(theirs)


def test_no_charset_for_bytes() -> None:
    with pytest.raises(RuntimeError, match="setup content_type first"):
        web.StreamResponse().charset = "utf-8"


def test_a_type_that_is_no_field() -> None:
    with pytest.raises(ValueError):
        web.StreamResponse().content_type = "text/html\r\nX: y"
    with pytest.raises(ValueError):
        web.Response(content_type="a\nb")


MOMENT = datetime(2020, 2, 29, 12, 30, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        MOMENT,
        MOMENT.replace(tzinfo=None),
        MOMENT.astimezone(timezone(timedelta(hours=5))),
        1_000_000_000,
        1_000_000_000.1,
        "Sat, 29 Feb 2020 12:30:15 GMT",
        "no date",
        None,
    ],
)
def test_last_modified(value: Any) -> None:
    theirs, ours = (web.StreamResponse() for web in BOTH)
    for response in (theirs, ours):
        response.last_modified = value
    assert ours.headers.get("Last-Modified") == theirs.headers.get("Last-Modified")
    assert ours.last_modified == theirs.last_modified


def test_a_fraction_of_a_second_is_a_second_later() -> None:
    response = web.StreamResponse()
    response.last_modified = MOMENT.replace(microsecond=1)
    assert response.headers["Last-Modified"] == "Sat, 29 Feb 2020 12:30:16 GMT"
    assert response.last_modified == MOMENT + timedelta(seconds=1)
    response.last_modified = None
    assert response.last_modified is None
    assert "Last-Modified" not in response.headers


def test_what_is_no_date() -> None:
    response = web.StreamResponse()
    with pytest.raises(TypeError, match="last_modified: list"):
        response.last_modified = []  # type: ignore[assignment]
    with pytest.raises(ValueError):
        response.last_modified = "a\r\nb"


def test_the_length_of_a_stream() -> None:
    response = web.StreamResponse()
    assert response.content_length is None
    response.content_length = 5
    assert (response.content_length, response.headers["Content-Length"]) == (5, "5")
    with pytest.raises(RuntimeError, match="chunked"):
        response.enable_chunked_encoding()
    response.content_length = None
    assert response.content_length is None
    response.enable_chunked_encoding()
    assert response.chunked
    with pytest.raises(RuntimeError, match="chunked"):
        response.content_length = 5


def test_the_connection() -> None:
    response = web.StreamResponse()
    assert response.keep_alive is None
    response.force_close()
    assert response.keep_alive is False


# -- cookies ---------------------------------------------------------------------------------------------


def test_cookies() -> None:
    response = web.StreamResponse()
    response.set_cookie("one", "1")
    response.set_cookie("two", "2", path="/x", httponly=True, max_age=5)
    assert response.cookies["two"]["max-age"] == "5"
    assert str(response.cookies["one"]) == "Set-Cookie: one=1; Path=/"
    response.set_cookie("two", "3")
    assert "max-age" not in response.cookies["two"]
    response.del_cookie("one")
    assert response.cookies["one"].value == ""
    assert response.cookies["one"]["expires"] == "Thu, 01 Jan 1970 00:00:00 GMT"
    response.set_cookie("one", "back")
    assert "expires" not in response.cookies["one"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": "a b", "value": "1"},
        {"name": "", "value": "1"},
        {"name": "a", "value": "1", "path": "/\r\nX: y"},
        {"name": "a", "value": "1", "domain": "x; Secure"},
        {"name": "a", "value": "1", "samesite": "Lax\n"},
        {"name": "a", "value": "1", "max_age": "1; Secure"},
    ],
)
def test_cookies_that_would_break_out(arguments: dict[str, Any]) -> None:
    with pytest.raises((ValueError, CookieError)):
        web.StreamResponse().set_cookie(**arguments)


def test_a_value_is_quoted() -> None:
    response = web.StreamResponse()
    response.set_cookie("a", "1; b\r\n")
    assert str(response.cookies["a"]) == 'Set-Cookie: a="1\\073 b\\015\\012"; Path=/'


# -- shared heads ----------------------------------------------------------------------------------------


def test_heads_of_plain_answers_are_shared() -> None:
    assert ok_head("text/plain") is ok_head("text/plain") is plain_head(200, "OK", "text/plain")
    assert plain_head(404, "Not Found", None).encode() == b"HTTP/1.1 404 Not Found\r\n"
    assert typed("text/html", "utf-8") == "text/html; charset=utf-8"
    assert typed("text/html", None) == "text/html"
    with pytest.raises(ValueError, match="carries a charset"):
        typed("text/html; charset=utf-8", None)
