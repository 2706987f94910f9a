"""Whose pages may open a WebSocket."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.origins import Origin, OriginPolicy


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://example.org", ("https", "example.org", 443)),
        ("https://example.org:443", ("https", "example.org", 443)),
        ("HTTPS://Example.ORG", ("https", "example.org", 443)),
        ("https://example.org/", ("https", "example.org", 443)),
        ("http://localhost:8080", ("http", "localhost", 8080)),
        ("http://[::1]:8080", ("http", "::1", 8080)),
        ("https://b\u00fccher.example", ("https", "xn--bcher-kva.example", 443)),
        ("https://xn--bcher-kva.example", ("https", "xn--bcher-kva.example", 443)),
        ("chrome-extension://abcdef", ("chrome-extension", "abcdef", None)),
        ("null", ("null", "", None)),
    ],
)
def test_what_is_an_origin(text: str, origin: tuple[str, str, int | None]) -> None:
    assert Origin.parse(text) == origin


@pytest.mark.parametrize(
    "text",
    ["", "example.org", "//example.org", "https://", "https://a/path", "https://a?q", "https://a#f",
     "https://user@a", "https://:pass@a", "https://a b", "https://a:99999", "https://a:x", "https://[bad",
     "https://a, https://b", "file:///x", "Null", "https://a\n", "https://@a",
     "https://[]@", "https://a?", "https://a#"],
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="is no origin, as 'https://example.org'"):
        Origin.parse(text)
    with pytest.raises(ValueError):
        OriginPolicy([text])
    assert not OriginPolicy("same").allows(text, "a")


@pytest.mark.parametrize(
    ("origin", "host", "is_allowed"),
    [
        ("https://example.org", "example.org", True),
        ("https://example.org", "example.org:443", True),
        ("https://example.org:443", "EXAMPLE.org", True),
        ("http://example.org", "example.org", True),
        ("http://example.org", "example.org:80", True),
        ("http://localhost:8080", "localhost:8080", True),
        ("http://[::1]:8080", "[::1]:8080", True),
        ("https://example.org", "example.org:8443", False),
        ("https://example.org:8443", "example.org", False),
        ("https://evil.example", "example.org", False),
        ("https://example.org.evil.example", "example.org", False),
        ("https://sub.example.org", "example.org", False),
        ("https://example.org", "", False),
        ("https://example.org", "not a host", False),
        ("null", "null", False),
    ],
)
def test_the_host_of_the_request(origin: str, host: str, is_allowed: bool) -> None:
    assert OriginPolicy("same").allows(origin, host) is is_allowed


def test_a_list() -> None:
    policy = OriginPolicy(["https://example.org", "http://localhost:8080"])
    assert policy.allows("https://example.org", "anything")
    assert policy.allows("http://localhost:8080", "anything")
    for other in ("http://example.org", "https://example.org:8080", "http://localhost", "null", "*"):
        assert not policy.allows(other, "example.org")
    assert OriginPolicy(iter(["null"])).allows("null", "")
    assert not OriginPolicy([]).allows("https://example.org", "example.org")


def test_a_request_without_one_is_no_browsers() -> None:
    assert OriginPolicy("same").allows(None, "") and OriginPolicy([]).allows(None, "")


@pytest.mark.parametrize("value", ["https://example.org", "", "*", "SAME"])
def test_a_string_is_no_list(value: str) -> None:
    with pytest.raises(ValueError, match="and not the string"):
        OriginPolicy(value)


@pytest.mark.parametrize("value", [5, [5], [None], True])
def test_what_is_no_policy(value: Any) -> None:
    with pytest.raises(TypeError, match='origins is "same", or a list'):
        OriginPolicy(value)


@given(st.text() | st.text(max_size=20).map("https://{}".format), st.text())
def test_no_request_raises(origin: str, host: str) -> None:
    assert OriginPolicy("same").allows(origin, host) in (True, False)
    assert not OriginPolicy(["https://only.example"]).allows(origin, host)
