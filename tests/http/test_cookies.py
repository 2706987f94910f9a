"""Cookies: read as aiohttp reads them, written as aiohttp and ``http.cookies`` write them."""

import re
from http.cookies import CookieError, SimpleCookie
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from sketch.http.cookies import check_cookie_part, format_morsel, parse_cookies
from sketch.response import Response

CONTROLS = [chr(code) for code in (*range(32), 127)]


def read_by_aiohttp(value: str) -> dict[str, str]:
    return dict(make_mocked_request("GET", "/", headers={"Cookie": value}).cookies)


@pytest.mark.parametrize(
    ("value", "cookies"),
    [
        ("", {}),
        ("a=b", {"a": "b"}),
        ("a=b; c=d", {"a": "b", "c": "d"}),
        ("a=b;c=d;", {"a": "b", "c": "d"}),
        ("a=; b", {"a": "", "b": ""}),
        ("a=1; a=2", {"a": "2"}),
        ("a==b=; c=d", {"a": "=b=", "c": "d"}),
        ('a="b"; c="d;e"', {"a": "b", "c": "d;e"}),
        (r'a="\"\\\054\303"', {"a": '"\\,Ã'}),
        ('a="never closed; b=c', {"a": '"never closed', "b": "c"}),
        ('a="b"c; d=e', {"a": '"b"c', "d": "e"}),
        ('a="b c"d; e=f', {"a": '"b', "e": "f"}),
        ('a= "b"c', {"a": ""}),
        ("path=/; secure; a=b", {"path": "/", "secure": "", "a": "b"}),
        ("a[1]={x:1}; b=c", {"a[1]": "{x:1}", "b": "c"}),
        ("a=é; b=c", {"a": "é", "b": "c"}),
        ("é=a; b=c", {"b": "c"}),
        ("a,b=c; d=e", {"d": "e"}),
        ("=a; b=c", {"b": "c"}),
        ("é; b=c", {"b": "c"}),
        ("a=b c=d", {"a": "b", "c": "d"}),
        ("e=Wed, 09 Jun 2021 10:18:14 GMT; b=c", {"e": "Wed, 09 Jun 2021 10:18:14 GMT", "b": "c"}),
        ("e=Wednesday, 09-Jun-21 10:18:14 +0100", {"e": "Wednesday, 09-Jun-21 10:18:14 +0100"}),
        ("e=Wed Jun  9 10:18:14 2021; b=c", {"e": "Wed Jun  9 10:18:14 2021", "b": "c"}),
        (";;; a=b;;", {"a": "b"}),
        (" a = b ; c=d", {"a": "b", "c": "d"}),
        ('a="', {"a": '"'}),
        ('a=""', {"a": ""}),
    ],
)
def test_reading(value: str, cookies: dict[str, str]) -> None:
    assert parse_cookies(value) == cookies
    assert list(cookies.items()) == list(read_by_aiohttp(value).items())


PIECES = [
    "a",
    "b",
    "=",
    ";",
    '"',
    "\\",
    " ",
    "é",
    ",",
    "; ",
    '="',
    '";',
    '\\"',
    r"\303",
    "{",
    "Wed, ",
    "\xa0",
]
DATES = ["Wed, 09 Jun 2021 10:18:14 GMT", "Wed Jun  9 10:18:14 2021", "Wednesday, ", "09-Jun-21 "]


@given(st.lists(st.sampled_from(PIECES + DATES), max_size=14).map("".join))
def test_whatever_is_sent_is_read_as_aiohttp_reads_it(value: str) -> None:
    assert list(parse_cookies(value).items()) == list(read_by_aiohttp(value).items())


@pytest.mark.parametrize("text", ['"x\ty"', r'"x\012y"', r'"\000"', r'"\177"', '"x\x01"', "é\x01"])
def test_a_cookie_with_control_characters_is_skipped(text: str) -> None:
    # As in aiohttp on a Python whose http.cookies refuses them (gh-143919).
    assert parse_cookies(f"a=b; c={text}; d=e") == {"a": "b", "d": "e"}


@pytest.mark.parametrize(
    "piece",
    [
        'a="\\";',
        'a="x;',
        "é;",
        ";",
        "a ;",
        '"',
        "\\",
        " ",
        "a",
        "b c",
        "= ",
        'a="b"= ',
        "aaaday, ",
        "abc abc ",
    ],
)
@pytest.mark.parametrize("start", ["", 'a="', "a=abc "])
@pytest.mark.timeout(60)
def test_reading_takes_linear_time(start: str, piece: str) -> None:
    # Quadratic time would take minutes here; linear time takes a tenth of a second.
    value = start + piece * 50_000 + 'é"x'
    assert len(parse_cookies(value)) < 10


def written_by_aiohttp(
    name: str,
    value: str,
    *,
    expires: str | None = None,
    domain: str | None = None,
    max_age: int | str | None = None,
    path: str = "/",
    secure: bool | None = None,
    httponly: bool | None = None,
    samesite: str | None = None,
) -> str:
    response = web.Response()
    response.set_cookie(
        name,
        value,
        expires=expires,
        domain=domain,
        max_age=max_age,
        path=path,
        secure=secure,
        httponly=httponly,
        samesite=samesite,
    )
    return response.cookies[name].OutputString()


def written(name: str, value: str, **attributes: Any) -> str:
    """The field's value for a cookie that a response was given."""
    response = Response()
    response.set_cookie(name, value, **attributes)
    return format_morsel(response.cookies[name])


@pytest.mark.parametrize(
    "value",
    [
        "",
        "b",
        "a b",
        "a,b",
        "a;b",
        'say "x"',
        "back\\slash",
        "é",
        "€",
        "a=b",
        "(a)[b]{c}<d>/?@",
        "!#$%&'*+-.^_`|~:",
    ],
)
def test_values_are_written_as_aiohttp_writes_them_and_come_back(value: str) -> None:
    line = written("name", value)
    assert line == written_by_aiohttp("name", value)
    assert parse_cookies(line.removesuffix("; Path=/")) == {"name": value}


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_every_value_that_can_be_written_comes_back(value: str) -> None:
    line = written("name", value, path="")
    assert line == written_by_aiohttp("name", value, path="")
    assert parse_cookies(line) == {"name": value}


@pytest.mark.parametrize("secure", [None, False, True])
@pytest.mark.parametrize("httponly", [None, False, True])
@pytest.mark.parametrize("samesite", [None, "", "Lax"])
@pytest.mark.parametrize("max_age", [None, 0, 3600, "60"])
@pytest.mark.parametrize("domain", [None, "", "example.com"])
def test_attributes_are_written_as_aiohttp_writes_them(
    secure: bool | None,
    httponly: bool | None,
    samesite: str | None,
    max_age: int | str | None,
    domain: str | None,
) -> None:
    for expires in (None, "Thu, 01 Jan 1970 00:00:00 GMT"):
        for path in ("/", "", "/a b"):
            assert written(
                "a",
                "b",
                expires=expires,
                domain=domain,
                max_age=max_age,
                path=path,
                secure=secure,
                httponly=httponly,
                samesite=samesite,
            ) == written_by_aiohttp(
                "a",
                "b",
                expires=expires,
                domain=domain,
                max_age=max_age,
                path=path,
                secure=secure,
                httponly=httponly,
                samesite=samesite,
            )


def test_all_attributes_at_once() -> None:
    line = written(
        "a",
        "b",
        expires="Sun, 06 Nov 1994 08:49:37 GMT",
        domain="example.com",
        max_age=5,
        path="/p",
        secure=True,
        httponly=True,
        samesite="None",
        partitioned=True,
    )
    assert sorted(line.split("; ")) == [
        "Domain=example.com",
        "HttpOnly",
        "Max-Age=5",
        "Partitioned",
        "Path=/p",
        "SameSite=None",
        "Secure",
        "a=b",
        "expires=Sun, 06 Nov 1994 08:49:37 GMT",
    ]


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a;b", "a\r\nSet-Cookie: x", "é", '"a"', "a,b", "a\x00"])
def test_a_bad_name_is_refused_and_shown(name: str) -> None:
    with pytest.raises(CookieError, match=re.escape(repr(name))):
        written(name, "b")


@pytest.mark.parametrize("character", CONTROLS)
def test_a_value_does_not_break_out(character: str) -> None:
    """Python quotes what it finds in a value, or refuses it, depending on its version."""
    try:
        line = written("a", f"x{character}y")
    except CookieError:
        return
    assert character not in line


@pytest.mark.parametrize("character", [*CONTROLS, ";", "\ud800"])
def test_a_bad_attribute_is_refused_and_shown(character: str) -> None:
    text = f"x{character}y"
    shown = re.escape(repr(text))
    with pytest.raises(ValueError, match=f"comment.*{shown}"):
        check_cookie_part("comment", text)
    with pytest.raises(ValueError, match=f"expires.*{shown}"):
        written("a", "b", expires=text)
    with pytest.raises(ValueError, match=f"domain.*{shown}"):
        written("a", "b", domain=text)
    with pytest.raises(ValueError, match=f"max-age.*{shown}"):
        written("a", "b", max_age=text)
    with pytest.raises(ValueError, match=f"path.*{shown}"):
        written("a", "b", path=text)
    with pytest.raises(ValueError, match=f"samesite.*{shown}"):
        written("a", "b", samesite=text)


def test_what_is_fit_for_an_attribute_passes() -> None:
    check_cookie_part("Path", "/a b/ü,=\xa0")


@pytest.mark.parametrize("partitioned", [True, False, None])
def test_a_cookie_of_the_standard_library_is_written_with_all_its_attributes(
    partitioned: bool | None,
) -> None:
    cookies = SimpleCookie({"a": "b c"})
    morsel = cookies["a"]
    morsel["path"] = "/p"
    morsel["secure"] = True
    dict.__setitem__(morsel, "partitioned", partitioned)
    written = set(format_morsel(morsel).split("; "))
    assert written == {'a="b c"', "Path=/p", "Secure"} | ({"Partitioned"} if partitioned else set())
