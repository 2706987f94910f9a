"""The four forms of request targets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from sketch.http.target import is_own_path, parse_target, path_to_match


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/", "/", ""),
        ("/a/b?c=d&e", "/a/b", "c=d&e"),
        ("/a?b?c", "/a", "b?c"),
        ("//other.example/x", "//other.example/x", ""),
        ("/a%2Fb?c=%20", "/a%2Fb", "c=%20"),
        ("/a#b?c", "/a", ""),
        ("/http://x/", "/http://x/", ""),
        ("/:80", "/:80", ""),
    ],
)
def test_origin_form(target: str, path: str, query: str) -> None:
    relative, authority = parse_target("GET", target)
    assert (relative.raw_path, relative.raw_query_string, authority) == (path, query, None)
    assert not relative.absolute


@pytest.mark.parametrize(
    ("target", "relative", "authority"),
    [
        ("http://example.com/a?b", "/a?b", "example.com"),
        ("http://example.com", "/", "example.com"),
        ("http://example.com?b", "/?b", "example.com"),
        ("https://example.com:8443/", "/", "example.com:8443"),
        ("http://user:word@example.com:81/a", "/a", "example.com:81"),
        ("http://[::1]:80/a", "/a", "[::1]:80"),
    ],
)
def test_absolute_form(target: str, relative: str, authority: str) -> None:
    parsed = parse_target("GET", target)
    assert (str(parsed.relative), parsed.authority) == (relative, authority)


def test_authority_form() -> None:
    assert parse_target("CONNECT", "example.com:443") == (URL(), "example.com:443")


def test_asterisk_form() -> None:
    relative, authority = parse_target("OPTIONS", "*")
    assert (relative.raw_path, authority) == ("*", None)


@pytest.mark.parametrize("target", ["a", "a/b", "?a", "http:/a", "example.com:80", ""])
def test_none_of_the_four(target: str) -> None:
    with pytest.raises(ValueError, match="neither a path nor an absolute URL"):
        parse_target("GET", target)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/", "/"),
        ("/a/b?c=d", "/a/b"),
        ("/a%20b", "/a b"),
        ("/a%2Fb", "/a%2Fb"),
        ("/a%2fb", "/a%2Fb"),
        ("/a%25b", "/a%25b"),
        ("/%C3%BC", "/ü"),
        ("/a?b%20c", "/a"),
        ("/a#b", "/a"),
        ("/a?b#c", "/a"),
        ("//a", "//a"),
        ("http://example.com/a%20b?c", "/a b"),
        ("*", "*"),
    ],
)
def test_what_is_matched(target: str, path: str) -> None:
    assert path_to_match("GET", target) == path


@given(st.text(st.sampled_from("/ab.%?#20Ff:@"), max_size=12))
def test_the_short_way_to_what_is_matched_is_the_long_one(tail: str) -> None:
    target = f"/{tail}"
    assert path_to_match("GET", target) == parse_target("GET", target).relative.path_safe
    if is_own_path(target):
        assert path_to_match("GET", target) == target
