"""Which cookies are kept, and where they are sent."""

import pytest
from yarl import URL

from sketch.testing.jar import CookieJar, parse_set_cookies

NOW = 1_000_000.0


def kept(*lines: str, origin: str = "http://shop.example/a/b") -> CookieJar:
    jar = CookieJar()
    jar.update(parse_set_cookies(list(lines)), URL(origin), NOW)
    return jar


@pytest.mark.parametrize(
    ("line", "sent_to", "kept_from"),
    [
        (
            "n=v",
            ["http://shop.example/a", "https://shop.example/a/x"],
            ["http://shop.example/", "http://x/a"],
        ),
        ("n=v; Path=/", ["http://shop.example/"], ["http://sub.shop.example/"]),
        (
            "n=v; Path=/a/b",
            ["http://shop.example/a/b/c"],
            ["http://shop.example/a/bc", "http://shop.example/a"],
        ),
        ("n=v; Path=/; Secure", ["https://shop.example/"], ["http://shop.example/"]),
        ("n=v; Path=/; Domain=.example", ["http://other.example/", "http://example/"], ["http://anexample/"]),
        ("n=v; Path=/; HttpOnly; SameSite=Lax; Partitioned", ["http://shop.example/"], []),
        ("n=v; Path=relative", ["http://shop.example/a/"], ["http://shop.example/"]),
        ("n=v; Domain=elsewhere.example", [], ["http://elsewhere.example/a", "http://shop.example/a"]),
    ],
)
def test_places(line: str, sent_to: list[str], kept_from: list[str]) -> None:
    jar = kept(line)
    assert [url for url in sent_to if jar.select(URL(url), NOW) != {"n": "v"}] == []
    assert [url for url in kept_from if jar.select(URL(url), NOW)] == []


@pytest.mark.parametrize(
    ("line", "until"),
    [
        ("n=v; Path=/; Max-Age=60", NOW + 60),
        ("n=v; Path=/; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", NOW + 60),
        ("n=v; Path=/; Expires=Mon, 12 Jan 1970 13:47:40 GMT", NOW + 60),
        ("n=v; Path=/; Expires=whenever", float("inf")),
    ],
)
def test_times(line: str, until: float) -> None:
    jar, url = kept(line), URL("http://shop.example/")
    assert jar.select(url, min(until - 1, 1e12))
    assert not jar.select(url, until) or until == float("inf")


def test_what_takes_a_cookie_away() -> None:
    jar = kept("a=1; Path=/", "b=2; Path=/")
    jar.update(parse_set_cookies(["a=; Max-Age=0; Path=/"]), URL("http://shop.example/"), NOW)
    assert dict(jar) == {"b": "2"}
    jar.clear()
    assert dict(jar) == {} and len(jar) == 0


def test_longer_paths_go_first_and_names_stay_one() -> None:
    jar = kept("n=outer; Path=/", "n=inner; Path=/a", "m=1; Path=/")
    assert list(jar.select(URL("http://shop.example/a"), NOW).items()) == [("n", "inner"), ("m", "1")]


def test_quotes_are_sent_back_as_they_came() -> None:
    jar = kept('n="a b"; Path=/')
    assert jar["n"] == "a b"
    assert jar.select(URL("http://shop.example/"), NOW) == {"n": '"a b"'}
    with pytest.raises(KeyError):
        jar["other"]


def test_what_is_no_cookie() -> None:
    assert dict(parse_set_cookies(["", "=v", ";", "a b=c"])) == {}
    (morsel,) = parse_set_cookies(["n=v; unknown=x; Path=/p; secure"]).values()
    assert (morsel.value, morsel["path"], morsel["secure"]) == ("v", "/p", True)
