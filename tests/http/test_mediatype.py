"""``Content-Type`` and ``Accept``, as sent by friends and by strangers."""

from types import SimpleNamespace

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from sketch.http.mediatype import accepts, parse_content_type


@pytest.mark.parametrize(
    ("value", "media_type", "parameters"),
    [
        ("text/html", "text/html", {}),
        (" Text/HTML ; Charset=UTF-8", "text/html", {"charset": "UTF-8"}),
        ('a/b; x="y;z"; q=1', "a/b", {"x": "y;z", "q": "1"}),
        (r'multipart/form-data; boundary="a\"b"', "multipart/form-data", {"boundary": 'a"b'}),
        ("text/html;;charset=x;", "text/html", {"charset": "x"}),
        ("text/html; charset=a; charset=b", "text/html", {"charset": "a"}),
        ("a/b; x = y", "a/b", {"x": "y"}),
        ('a/b; x="never closed; y=1', "a/b", {"x": "never closed; y=1"}),
        ('a/b; x="a" junk; y=2', "a/b", {"x": "a", "y": "2"}),
        ('a/b; x=""; y=2', "a/b", {"x": "", "y": "2"}),
        ("a/b; x=a b; y=2", "a/b", {"x": "a", "y": "2"}),
        ("a/b; charset", "a/b", {}),
        ("a/b; =1; charset=; y=2", "a/b", {"y": "2"}),
        ('a/b; x="ü€"', "a/b", {"x": "ü€"}),
        ("", "application/octet-stream", {}),
        ("garbage", "application/octet-stream", {}),
        ("text/", "application/octet-stream", {}),
        ("a/b/c", "application/octet-stream", {}),
        ("text/html, text/plain", "application/octet-stream", {}),
        ("text/html charset=x", "application/octet-stream", {}),
        ("; charset=x", "application/octet-stream", {"charset": "x"}),
    ],
)
def test_content_types(value: str, media_type: str, parameters: dict[str, str]) -> None:
    assert parse_content_type(value) == (media_type, parameters)


@pytest.mark.parametrize(
    "value",
    [
        "text/html",
        "TEXT/Html; Charset=utf-8",
        'application/json; charset="utf-8"',
        "text/html;charset=latin-1;charset=utf-8",
        'multipart/form-data; boundary="x;y"; charset=ascii',
        "garbage",
        "a/b/c",
        "",
        "text/plain; charset=utf-8 trailing",
    ],
)
def test_content_types_are_read_as_aiohttp_reads_them(value: str) -> None:
    theirs = make_mocked_request("POST", "/", headers={"Content-Type": value})
    media_type, parameters = parse_content_type(value)
    ours = SimpleNamespace(content_type=media_type, charset=parameters.get("charset"))
    assert (ours.content_type, ours.charset) == (theirs.content_type, theirs.charset)


@given(st.text('ab/;=" \\,é\t') | st.text())
def test_no_content_type_is_an_error(value: str) -> None:
    media_type, parameters = parse_content_type(value)
    assert media_type.count("/") == 1
    assert "" not in parameters


# The table of RFC 9110, section 12.5.1.
RANGES = "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4, */*;q=0.5"


@pytest.mark.parametrize(
    ("media_type", "weight"),
    [
        ("text/plain;format=flowed", 1.0),
        ("text/plain", 0.7),
        ("text/html", 0.3),
        ("image/jpeg", 0.5),
        ("text/plain;format=fixed", 0.4),
        ("text/html;level=3", 0.3),
    ],
)
def test_the_most_specific_range_decides(media_type: str, weight: float) -> None:
    assert accepts(RANGES, media_type) == weight


@pytest.mark.parametrize(
    ("accept", "media_type", "weight"),
    [
        (None, "text/html", 1.0),
        ("", "text/html", 1.0),
        (" , ", "text/html", 1.0),
        ("text/plain", "text/html", 0.0),
        ("*/*, text/html;q=0", "text/html", 0.0),
        ("text/html;q=0, */*", "image/png", 1.0),
        ("TEXT/Html;Q=0.5", "text/html", 0.5),
        ("text/html ; q=0.5", "text/html; charset=utf-8", 0.5),
        ("text/html;q=0.5;level=1", "text/html;level=1", 0.5),
        ("text/html;level=1", "text/html", 0.0),
        ('text/html;level=""', "text/html", 0.0),
        ("text/html;level=2", "text/html;level=1", 0.0),
        ('text/html;charset="UTF-8"', "text/html;charset=utf-8", 1.0),
        ("text/html;q=0.2, text/html;q=0.9", "text/html", 0.9),
        ("text/html;q=7", "text/html", 1.0),
        ("text/html;q=high, */*;q=0.1", "text/html", 0.1),
        ("text/html;q=-1", "text/html", 0.0),
        ("text/html;q=nan", "text/html", 0.0),
        ("text/html;q=1e9", "text/html", 0.0),
        ("text/html, image/gif, *; q=.2, */*; q=.2", "audio/mpeg", 0.2),
        ('text/plain;title="a, text/html"', "text/html", 0.0),
        ("text", "text/html", 0.0),
        ("*/html", "text/html", 0.0),
    ],
)
def test_weights(accept: str | None, media_type: str, weight: float) -> None:
    assert accepts(accept, media_type) == weight


@given(st.text('texhml/*;q=01.," \\') | st.text())
def test_every_accept_field_gives_a_weight(accept: str) -> None:
    assert 0.0 <= accepts(accept, "text/html") <= 1.0


@pytest.mark.parametrize("piece", ['"', '\\"', ';x="', ";", ";x=", "; ", ";x", "a/b,", "*;q=1,"])
@pytest.mark.timeout(60)
def test_hostile_fields_take_linear_time(piece: str) -> None:
    # Quadratic time would take minutes here; linear time takes well under a second.
    value = "*/*;x=" + piece * 100_000
    assert parse_content_type(value)[0] == "*/*"
    assert 0.0 <= accepts(value, "text/html") <= 1.0
