"""The 500 page: silent without debug, whole with it, and never an exception itself."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from sketch.debugpage import report
from sketch.debugpage.style import CONTENT_SECURITY_POLICY
from sketch.errorpage import server_error
from sketch.response import Response

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def make_request(*accept: str) -> Any:
    class FakeRequest:
        method, raw_path, remote = "GET", "/users/17?token=gold", "192.0.2.7"
        headers = CIMultiDictProxy(CIMultiDict([("Accept", value) for value in accept]))

    return FakeRequest()


def fail() -> BaseException:
    def look_up(user: str) -> object:
        password = "gold"
        users: dict[str, object] = {}
        return users[f"{user}{len(password)}"]

    try:
        look_up("Ada")
    except KeyError as exception:
        return exception
    raise AssertionError("it did not fail")


def text_of(response: Response) -> str:
    assert isinstance(response.body, bytes)
    return response.body.decode()


def check_head(response: Response, content_type: str) -> None:
    assert response.status == 500
    assert response.headers["Content-Type"] == f"{content_type}; charset=utf-8"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'; ")


# -- without debug --------------------------------------------------------------------------------------


def test_plain_without_debug() -> None:
    response = server_error(make_request("*/*"), fail(), debug=False)
    check_head(response, "text/plain")
    assert text_of(response) == "500 Internal Server Error\n\nServer got itself in trouble"


def test_html_without_debug() -> None:
    response = server_error(make_request(BROWSER), fail(), debug=False)
    check_head(response, "text/html")
    assert "<h1>500 Internal Server Error</h1>" in text_of(response)


@pytest.mark.parametrize("accept", ["*/*", BROWSER])
def test_nothing_of_the_inside_leaves_without_debug(accept: str) -> None:
    exception = fail()
    exception.add_note("a note")
    page = text_of(server_error(make_request(accept), exception, debug=False))
    for secret in ("KeyError", "Ada", "look_up", "gold", "a note", __file__, "users", "192.0.2.7", "sketch"):
        assert secret not in page


# -- with debug -----------------------------------------------------------------------------------------


def test_plain_with_debug() -> None:
    response = server_error(make_request("*/*"), fail(), debug=True)
    check_head(response, "text/plain")
    page = text_of(response)
    assert page.endswith("KeyError: 'Ada4'\n")
    assert "in fail.look_up\n" in page
    assert "      user = 'Ada'\n" in page


def test_html_with_debug() -> None:
    response = server_error(make_request(BROWSER), fail(), debug=True)
    check_head(response, "text/html")
    assert response.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    page = text_of(response)
    assert page.startswith("<!DOCTYPE html>")
    assert "<h1>&#x27;Ada4&#x27;</h1>" in page
    assert "look_up" in page


@pytest.mark.parametrize("accept", ["*/*", BROWSER])
def test_secrets_stay_with_debug(accept: str) -> None:
    assert "gold" not in text_of(server_error(make_request(accept), fail(), debug=True))


# -- what the client accepts ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ((), "text/plain"),
        (("*/*",), "text/plain"),
        (("text/*",), "text/plain"),
        (("application/json",), "text/plain"),
        ((BROWSER,), "text/html"),
        (("TEXT/HTML",), "text/html"),
        (("application/json", "text/html"), "text/html"),
        (("text/html;q=0, */*",), "text/plain"),
        (("text/htmlx",), "text/plain"),
    ],
)
@pytest.mark.parametrize("debug", [True, False])
def test_html_is_for_those_who_name_it(accept: tuple[str, ...], content_type: str, debug: bool) -> None:
    check_head(server_error(make_request(*accept), fail(), debug=debug), content_type)


# -- nothing breaks it ----------------------------------------------------------------------------------


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


class Hidden(Exception):
    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("nothing to see")


ODD: list[Callable[[], BaseException]] = [
    Unspeakable,
    Hidden,
    lambda: ValueError("\ud800 half a surrogate pair"),
    lambda: ValueError("\x00\x1b"),
    lambda: ExceptionGroup("several", [Unspeakable(), Hidden()]),
    lambda: SyntaxError("odd", ("f", -1, -1, "\x00", -1, -1)),
    SystemExit,
    KeyboardInterrupt,
    asyncio.CancelledError,
    RecursionError,
    MemoryError,
]


@pytest.mark.parametrize("make", ODD)
@pytest.mark.parametrize("accept", ["*/*", BROWSER])
def test_odd_exceptions(make: Callable[[], BaseException], accept: str) -> None:
    response = server_error(make_request(accept), make(), debug=True)
    check_head(response, "text/html" if accept == BROWSER else "text/plain")


def test_a_request_that_can_tell_nothing() -> None:
    class Broken:
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError("nothing to see")

    broken: Any = Broken()
    check_head(server_error(broken, fail(), debug=True), "text/plain")
    check_head(server_error(broken, fail(), debug=False), "text/plain")


def test_a_page_that_cannot_be_made(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(exception: BaseException, request: object) -> Any:
        raise ValueError("the page is broken")

    monkeypatch.setattr(report, "collect_report", broken)
    response = server_error(make_request(BROWSER), fail(), debug=True)
    check_head(response, "text/html")
    assert "Ada" not in text_of(response)
    [record] = caplog.records
    assert (record.name, record.levelno) == ("sketch.web", logging.ERROR)
