"""The four forms of request targets."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from sketch.http.errors import RemoteProtocolError
from sketch.http.target import (
    check_target,
    is_authority,
    is_host,
    is_own_path,
    parse_target,
    path_to_match,
)
from tests.protocol.h1.corpus import GOOD_HOSTS
from tests.protocol.h1.faults import BAD_HOSTS


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
        ("http://a:?b", "/?b", "a:"),
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


def test_no_path_is_the_server_itself_for_options() -> None:
    for target, path in [("http://a", "*"), ("http://a/", "/"), ("http://a?b", "/")]:
        assert parse_target("OPTIONS", target).relative.raw_path == path
        assert path_to_match("OPTIONS", target) == path


# -- what may be asked for -----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", GOOD_HOSTS)
def test_hosts(value: bytes) -> None:
    value = value.strip()
    assert is_host(value)
    assert is_authority(value) is (value != b"")
    assert URL.build(scheme="http", authority=value.decode()).port is not None, (
        "nobody stumbles over it later"
    )


@pytest.mark.parametrize("value", BAD_HOSTS)
def test_what_is_no_host(value: bytes) -> None:
    assert not is_host(value)
    assert not is_authority(value)


@given(st.from_regex(re.compile(rb"[0-9A-Za-z.]+(?::[0-9]{0,4})?|\[::[0-9a-f]{1,4}\]"), fullmatch=True))
def test_a_host_may_be_asked_for_in_every_form(value: bytes) -> None:
    assert is_host(value)
    check_target(b"GET", b"http://" + value)
    check_target(b"OPTIONS", b"HTTPS://" + value + b"/a?b")


def refusal(method: bytes, target: bytes) -> int | None:
    try:
        check_target(method, target)
    except RemoteProtocolError as error:
        return error.status
    return None


@pytest.mark.parametrize(
    ("target", "statuses"),
    [
        # for GET, OPTIONS, CONNECT
        (b"/", (None, None, 400)),
        (b"/a?b", (None, None, 400)),
        (b"/a#b", (400, 400, 400)),
        (b"*", (400, None, 400)),
        (b"**", (400, 400, 400)),
        (b"a:80", (400, 400, None)),
        (b"[::1]:80", (400, 400, None)),
        (b"a:0", (400, 400, 400)),
        (b"a", (400, 400, 400)),
        (b"80", (400, 400, 400)),
        (b"[::1]", (400, 400, 400)),
        (b"http://a", (None, None, 400)),
        (b"hTTp://a?b", (None, None, 400)),
        (b"http://a:80/b", (None, None, 400)),
        (b"http://a@b", (400, 400, 400)),
        (b"http://", (400, 400, 400)),
        (b"http://?a", (400, 400, 400)),
        (b"http://a#b", (400, 400, 400)),
        (b"http:/a", (400, 400, 400)),
        (b"ftp://a", (421, 421, 400)),
        (b"h2c+x.y-z://a:1/b", (421, 421, 400)),
        (b"ftp://a b", (400, 400, 400)),
        (b"1http://a", (400, 400, 400)),
        (b"", (400, 400, 400)),
    ],
)
def test_which_methods_may_use_which_target(target: bytes, statuses: tuple[int | None, ...]) -> None:
    assert tuple(refusal(method, target) for method in (b"GET", b"OPTIONS", b"CONNECT")) == statuses
    assert refusal(b"BREW", target) == refusal(b"GET", target)
    assert refusal(b"connect", target) == refusal(b"GET", target)


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
