"""The family of HTTP exceptions, class by class against aiohttp's."""

import copy
import pickle
import re
from typing import Any

import pytest
from aiohttp import web, web_exceptions
from yarl import URL

from sketch import exceptions
from sketch.exceptions import (
    HTTPBadRequest,
    HTTPClientError,
    HTTPError,
    HTTPException,
    HTTPFound,
    HTTPMethodNotAllowed,
    HTTPMove,
    HTTPNoContent,
    HTTPNotFound,
    HTTPOk,
    HTTPRedirection,
    HTTPRequestEntityTooLarge,
    HTTPServerError,
    HTTPSuccessful,
    HTTPUnavailableForLegalReasons,
)
from sketch.http.heads import ResponseHead
from sketch.response import Response

ABSTRACT = {
    "HTTPException",
    "HTTPSuccessful",
    "HTTPRedirection",
    "HTTPError",
    "HTTPClientError",
    "HTTPServerError",
    "HTTPMove",
}
CONCRETE = [name for name in web_exceptions.__all__ if name not in ABSTRACT]


def family_of(module: object) -> dict[str, type]:
    return {name: value for name, value in vars(module).items() if name.startswith("HTTP")}


OURS: dict[str, Any] = family_of(exceptions)
THEIRS: dict[str, Any] = family_of(web_exceptions)


def arguments_of(name: str) -> tuple[Any, ...]:
    """What the class cannot be made without."""
    if issubclass(THEIRS[name], web.HTTPMove):
        return ("/there?x=ü y",)
    return {
        "HTTPMethodNotAllowed": ("patch", ["POST", "GET"]),
        "HTTPRequestEntityTooLarge": (1024, 2048),
        "HTTPUnavailableForLegalReasons": ("https://example.com/who",),
    }.get(name, ())


def shown(response: Any) -> dict[str, Any]:
    """All of an exception that a program or a client can see."""
    return {
        "status": response.status,
        "status_code": response.status_code,
        "empty_body": response.empty_body,
        "reason": response.reason,
        "text": response.text,
        "body": response.body,
        "headers": sorted(response.headers.items()),
        "content_type": response.content_type,
        "charset": response.charset,
        "args": response.args,
        "str": str(response),
        "repr": repr(response),
        "true": bool(response),
        "location": getattr(response, "location", None),
        "link": getattr(response, "link", None),
        "method": getattr(response, "method", None),
        "allowed_methods": getattr(response, "allowed_methods", None),
    }


def test_the_family_is_complete() -> None:
    assert OURS.keys() == THEIRS.keys()
    assert len(CONCRETE) == 51


@pytest.mark.parametrize("name", THEIRS)
def test_each_class_has_its_place_in_the_family(name: str) -> None:
    relatives = {base.__name__ for base in OURS[name].__mro__} & THEIRS.keys()
    assert relatives == {base.__name__ for base in THEIRS[name].__mro__} & THEIRS.keys()
    assert issubclass(OURS[name], Response)
    assert issubclass(OURS[name], Exception)


@pytest.mark.parametrize("name", CONCRETE)
@pytest.mark.parametrize(
    "keywords",
    [
        {},
        {"reason": "Because"},
        {"text": "Some text"},
        {"text": ""},
        {"text": "{}", "content_type": "application/json"},
        {"content_type": "application/problem+json"},
        {"headers": {"X-One": "1"}, "reason": "Because"},
        {"headers": [("X-One", "1"), ("x-one", "2")], "text": "ü"},
        {"headers": {"Content-Type": "text/html"}, "text": "<p>"},
        {"headers": {"Content-Type": "text/html; charset=latin-1"}, "text": "ü"},
        {"headers": {"Location": "/x", "Allow": "x", "Link": "x"}},
    ],
    ids=repr,
)
def test_each_class_looks_like_aiohttps(name: str, keywords: dict[str, Any]) -> None:
    arguments = arguments_of(name)
    assert shown(OURS[name](*arguments, **keywords)) == shown(THEIRS[name](*arguments, **keywords))


@pytest.mark.parametrize("name", CONCRETE)
def test_a_body_is_deprecated_and_works(name: str) -> None:
    arguments = arguments_of(name)
    with pytest.warns(DeprecationWarning, match="body") as caught:
        exception = OURS[name](*arguments, body=b"octets")
    assert caught[0].filename == __file__
    assert exception.body == b"octets"
    assert exception.content_type == "application/octet-stream"


@pytest.mark.parametrize("name", CONCRETE)
def test_each_can_be_raised_and_caught(name: str) -> None:
    with pytest.raises(HTTPException) as caught:
        raise OURS[name](*arguments_of(name))
    assert caught.value.status == OURS[name].status_code


def test_the_reason_shows_in_the_status_and_in_the_body() -> None:
    exception = HTTPNotFound(reason="No such user")
    assert exception.reason == str(exception) == "No such user"
    assert exception.text == "404: No such user"


def test_a_reason_may_have_any_letters() -> None:
    exception = HTTPNotFound(reason="kein Gerät €\t!")
    assert exception.reason == "kein Gerät €\t!"
    assert exception.text == "404: kein Gerät €\t!"


@pytest.mark.parametrize(
    ("character", "escaped"),
    [
        ("\r\n", r"\r\n"),
        ("\n", r"\n"),
        ("\x00", r"\x00"),
        ("\x1b", r"\x1b"),
        ("\x7f", r"\x7f"),
        ("\x9b", r"\x9b"),
        ("\udcff", r"\udcff"),
        ("\ud800", r"\ud800"),
    ],
)
def test_a_reason_unfit_for_the_status_line_only_shows_in_the_body(character: str, escaped: str) -> None:
    reason = f"No user {character}Set-Cookie: a=b"
    exception = HTTPNotFound(reason=reason)
    assert exception.status == 404
    assert exception.reason == "Not Found"
    assert exception.text == f"404: No user {escaped}Set-Cookie: a=b"
    assert str(exception) == reason
    ResponseHead(exception.status, exception.reason, tuple(exception.headers.items())).encode()


def test_an_unfit_reason_does_not_touch_a_text_that_was_given() -> None:
    exception = HTTPNotFound(reason="a\nb", text="c\nd")
    assert exception.reason == "Not Found"
    assert exception.text == "c\nd"


def test_an_unfit_reason_makes_no_body_where_there_is_none() -> None:
    assert HTTPNoContent(reason="a\nb").body is None


def test_a_class_of_ones_own() -> None:
    class HTTPTeapot(HTTPClientError):
        status_code = 418

    class HTTPStrange(HTTPServerError):
        status_code = 599

    assert HTTPTeapot().text == "418: I'm a Teapot"
    assert (HTTPStrange().reason, HTTPStrange(reason="Strange").text) == ("", "599: Strange")


def test_a_class_with_a_constructor_of_its_own() -> None:
    class NoSuchUser(HTTPNotFound):
        def __init__(self, name: str) -> None:
            super().__init__(text=f"no {name}", headers={"X-User": name})
            self.name = name

    exception = NoSuchUser("bob")
    assert (exception.text, exception.headers["x-user"], exception.name) == ("no bob", "bob", "bob")
    back = pickle.loads(pickle.dumps(HTTPBadRequest(text="x")))
    assert (type(back), back.text) == (HTTPBadRequest, "x")


def test_a_bad_field_is_refused() -> None:
    with pytest.raises(ValueError, match="X-Name"):
        HTTPNotFound(headers={"X-Name": "a\r\nb: c"})


@pytest.mark.parametrize(
    "location", ["/a b?c=ü#d", URL("/a b?c=ü#d"), "https://exämple.com/", "//x/y", "?x=%2F"]
)
def test_locations_are_encoded_as_aiohttp_encodes_them(location: str | URL) -> None:
    ours, theirs = HTTPFound(location), web.HTTPFound(location)
    assert ours.headers["Location"] == theirs.headers["Location"]
    assert ours.headers["Location"].isascii()
    assert ours.location is location


def test_a_location_given_twice_is_the_argument() -> None:
    assert HTTPFound("/a", headers={"location": "/b"}).headers.getall("Location") == ["/a"]


def test_a_location_cannot_end_its_line() -> None:
    for location in ("/a\r\nSet-Cookie: b=c", "/a\nb", "/a\x00b"):
        ResponseHead(302, "Found", tuple(HTTPFound(location).headers.items())).encode()
        assert "\n" not in HTTPFound(location).headers["Location"]
    with pytest.raises(ValueError, match="Location"):
        HTTPFound(URL("/a\x01b", encoded=True))


@pytest.mark.parametrize("location", ["", URL(), None])
def test_a_redirect_needs_a_location(location: Any) -> None:
    with pytest.raises(ValueError, match="HTTPFound.*location"):
        HTTPFound(location)
    with pytest.raises(ValueError):
        web.HTTPFound(location)


def test_the_methods_that_are_allowed() -> None:
    exception = HTTPMethodNotAllowed("put", iter(["POST", "GET", "POST"]))
    assert exception.headers["Allow"] == "GET,POST"
    assert exception.allowed_methods == {"GET", "POST"}
    assert exception.method == "PUT"
    assert HTTPMethodNotAllowed("GET", []).headers["Allow"] == ""
    with pytest.raises(ValueError, match="Allow"):
        HTTPMethodNotAllowed("GET", ["GET\r\nX: y"])


def test_a_body_that_is_too_large() -> None:
    exception = HTTPRequestEntityTooLarge(max_size=10, actual_size=20)
    assert exception.text == "Maximum request body size 10 exceeded."
    assert (exception.max_size, exception.actual_size) == (10, 20)
    assert HTTPRequestEntityTooLarge(10, text="too much").text == "too much"


def test_who_withholds_it() -> None:
    exception = HTTPUnavailableForLegalReasons(URL("https://example.com/ü"))
    assert exception.link == URL("https://example.com/ü")
    assert exception.headers["Link"] == '<https://example.com/%C3%BC>; rel="blocked-by"'
    silent = HTTPUnavailableForLegalReasons(None)
    assert silent.link is None
    assert "Link" not in silent.headers
    with pytest.raises(ValueError, match="Link"):
        HTTPUnavailableForLegalReasons(URL("/a\x01b", encoded=True))


def test_exceptions_are_told_apart_by_identity_and_are_true() -> None:
    one, other = HTTPNotFound(), HTTPNotFound()
    assert one == one and one != other
    assert {one: 1}[one] == 1
    assert one and len(one) == 0


def test_groups() -> None:
    for group, low, high in (
        (HTTPSuccessful, 200, 300),
        (HTTPRedirection, 300, 400),
        (HTTPClientError, 400, 500),
        (HTTPServerError, 500, 600),
        (HTTPError, 400, 600),
    ):
        inside = {name for name in CONCRETE if issubclass(OURS[name], group)}
        assert inside == {name for name in CONCRETE if low <= OURS[name].status_code < high}
    assert issubclass(HTTPMove, HTTPRedirection)
    assert HTTPOk.status_code == 200


@pytest.mark.parametrize("name", CONCRETE)
@pytest.mark.parametrize(
    "keywords", [{}, {"reason": "a\nb"}, {"text": "x", "headers": {"X-One": "1"}}], ids=repr
)
def test_each_survives_pickle_and_copy(name: str, keywords: dict[str, Any]) -> None:
    exception = OURS[name](*arguments_of(name), **keywords)
    expected = shown(exception)
    duplicates = [copy.copy(exception), copy.deepcopy(exception)]
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        duplicates.append(pickle.loads(pickle.dumps(exception, protocol)))
    for back in duplicates:
        assert type(back) is type(exception)
        assert shown(back) == expected


def test_every_class_says_what_it_means_and_where_that_is_written() -> None:
    for name in CONCRETE:
        assert re.search(r"\(RFC \d{4}, section [\d.]+\)\.", OURS[name].__doc__), name
