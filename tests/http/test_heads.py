"""Heads as values: equality, what framing says, and the bytes of a response head."""

import pytest

from sketch.http.headers import FieldLines
from sketch.http.heads import (
    NO_BODY,
    Framing,
    HttpVersion,
    HttpVersion10,
    HttpVersion11,
    RequestHead,
    ResponseHead,
)


def test_versions_compare() -> None:
    assert HttpVersion10 < HttpVersion11 == HttpVersion(1, 1) < HttpVersion(2, 0)


@pytest.mark.parametrize(
    ("length", "chunked", "body"), [(0, False, False), (7, False, True), (None, True, True)]
)
def test_framing_says_whether_and_how_a_body_follows(length: int | None, chunked: bool, body: bool) -> None:
    framing = Framing(length)
    assert framing.is_chunked is chunked
    assert framing.has_body is body


def test_the_usual_framing_has_no_body_and_keeps_the_connection() -> None:
    assert NO_BODY == Framing()
    assert not NO_BODY.has_body
    assert NO_BODY.keep_alive
    assert not NO_BODY.expect_continue
    assert NO_BODY.upgrade == ()


@pytest.mark.parametrize(
    "other",
    [
        Framing(1),
        Framing(keep_alive=False),
        Framing(expect_continue=True),
        Framing(upgrade=("h2c",)),
        Framing(codings=("gzip",)),
        "Framing",
    ],
)
def test_framings_differ_in_each_of_their_parts(other: object) -> None:
    assert Framing() != other


def test_a_framing_shows_its_parts() -> None:
    framing = Framing(3, upgrade=("websocket",))
    assert repr(framing) == (
        "Framing(content_length=3, expect_continue=False, has_expectation=False, keep_alive=True, "
        "upgrade=('websocket',), codings=())"
    )


def a_request(
    method: str = "GET",
    target: str = "/",
    version: HttpVersion = HttpVersion11,
    fields: tuple[tuple[bytes, bytes], ...] = ((b"Host", b"a"),),
    framing: Framing = NO_BODY,
) -> RequestHead:
    return RequestHead(method, target, version, FieldLines(fields), framing)


def test_a_request_head_is_its_parts() -> None:
    assert a_request() == a_request(framing=Framing())
    assert repr(a_request("PUT", "/x?y")) == "<RequestHead PUT /x?y HTTP/1.1>"


@pytest.mark.parametrize(
    "other",
    [
        a_request(method="get"),
        a_request(target="/?"),
        a_request(version=HttpVersion10),
        a_request(fields=((b"host", b"a"),)),
        a_request(framing=Framing(1)),
        ("GET", "/"),
    ],
)
def test_request_heads_differ_in_each_of_their_parts(other: object) -> None:
    assert a_request() != other


def test_heads_that_compare_by_value_are_not_hashable() -> None:
    for value in (Framing(), a_request()):
        with pytest.raises(TypeError):
            hash(value)


def test_a_response_head_becomes_its_lines_without_the_empty_one() -> None:
    head = ResponseHead(200, "OK", [("Content-Type", "text/plain"), ("Set-Cookie", "a"), ("Set-Cookie", "b")])
    assert head.encode() == (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"
    )


def test_a_response_head_without_fields_or_reason() -> None:
    assert ResponseHead(299, "").encode() == b"HTTP/1.1 299 \r\n"


def test_the_bytes_are_made_once() -> None:
    head = ResponseHead(404, "Not Found")
    assert head.encode() is head.encode()


def test_text_and_foreign_bytes_in_a_response_head() -> None:
    head = ResponseHead(200, "schön", [("X", "\udcff€")])
    assert head.encode() == b"HTTP/1.1 200 sch\xc3\xb6n\r\nX: \xff\xe2\x82\xac\r\n"


@pytest.mark.parametrize(
    ("head", "shown"),
    [
        (ResponseHead(200, "OK", [("X-One", "1"), ("X-Two", "a\r\nSet-Cookie: b")]), "X-Two"),
        (ResponseHead(200, "OK", [("X-One", "a\x00")]), "X-One"),
        (ResponseHead(200, "OK", [("X-One: 1\r\nX-Two", "2")]), "X-Two"),
        (ResponseHead(200, "OK", [("", "2")]), "''"),
        (ResponseHead(200, "O\r\nK"), r"'O\r\nK'"),
        (ResponseHead(200, "OK\r\nX-One: 1"), r"'OK\r\nX-One: 1'"),
        (ResponseHead(20, "OK"), "20"),
        (ResponseHead(2000, "OK"), "2000"),
        (ResponseHead(200, "OK", [("X-One", "\ud800")]), "ud800"),
    ],
)
def test_a_head_that_would_not_be_one_is_not_written_and_says_why(head: ResponseHead, shown: str) -> None:
    for _ in range(2):
        with pytest.raises(ValueError) as caught:
            head.encode()
        assert shown in str(caught.value)


def test_which_fields_the_carrier_need_not_write() -> None:
    head = ResponseHead(200, "OK", [("DATE", "now"), ("X-Date", "x"), ("content-length", "3")])
    assert head.carried == {"date": "now", "content-length": "3"}
    assert head.carried is head.carried
    assert ResponseHead(200, "OK", [("X-Date", "x")]).carried == {}


def test_automatic_fields_are_the_default() -> None:
    assert ResponseHead(200, "OK").automatic
    assert not ResponseHead(200, "OK", automatic=False).automatic
    assert repr(ResponseHead(200, "OK")) == "<ResponseHead 200 OK>"
