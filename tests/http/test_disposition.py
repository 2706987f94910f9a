"""``Content-Disposition`` as it is sent: against aiohttp where that can read it, and where it cannot."""

import warnings
from typing import Any

import aiohttp
import pytest
from aiohttp.helpers import content_disposition_header as their_header
from hypothesis import assume, given
from hypothesis import strategies as st

from sketch.http.disposition import (
    BadContentDispositionHeader,
    BadContentDispositionParam,
    content_disposition_filename,
    content_disposition_header,
    parse_content_disposition,
    read_disposition,
)

Parsed = tuple[str | None, dict[str, str]]


def theirs(header: str | None) -> tuple[Parsed, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        parsed = aiohttp.parse_content_disposition(header)
    return parsed, [warning.category.__name__ for warning in caught]


def ours(header: str | None) -> tuple[Parsed, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        parsed = parse_content_disposition(header)
    return parsed, [warning.category.__name__ for warning in caught]


SAME = [
    None,
    "",
    "inline",
    "INLINE",
    " form-data ",
    '"inline"',
    "a b",
    "/",
    ";",
    "=",
    "form-data;",
    'form-data; name="a"',
    "form-data; name=a",
    'form-data; name="a"; filename="b.txt"',
    'form-data;name="a";filename="b.txt"',
    'FORM-DATA; NAME="A"',
    'form-data; name="a"; name="b"',
    "form-data; name",
    'form-data; name="a";',
    'form-data; name="a";;filename="b"',
    'form-data; name=""',
    "form-data; name=",
    'form-data; name="a;b"',
    'form-data; name="ü€"',
    "form-data; name=ü",
    r'form-data; name="a\"b"',
    r'form-data; name="a\\b"',
    r'form-data; filename="C:\dir\file.txt"',
    r'form-data; filename="\\server\file"',
    'form-data; filename="/etc/x"',
    'form-data; filename="../x"',
    'form-data; name="a"b"',
    "form-data; name='a'",
    "form-data; name=a b",
    "attachment; filename*=UTF-8''%e2%82%ac.txt",
    "attachment; filename*=''abc",
    "attachment; filename*=utf-8'en'a",
    "attachment; filename*=utf-8''%ff",
    "attachment; filename*=nonsense''a",
    "attachment; filename*=nonsense''%41",
    "attachment; filename*=abc",
    "attachment; filename*=\"utf-8''a\"",
    "attachment; filename=a; filename*=utf-8''b",
    "attachment; filename*=utf-8''b; filename=a",
    "attachment; filename*=iso-8859-1''%fc",
    "attachment; filename*0=a; filename*1=b",
    'attachment; filename*0="a b"; filename*1=".txt"',
    "attachment; filename*0*=utf-8''a%20; filename*1*=b; filename*2=c",
    "attachment; filename*1=b",
    "attachment; filename*0=a b; x=y",
    "attachment; (=a",
    "attachment; a b=c; x=y",
    'attachment; x="',
    'attachment; x="',
    'attachment; filename="a%20b"',
    "attachment; x=1; y=2; z=3",
    'form-data; name="_charset_"',
    'form-data; name="a"; filename=""',
    "attachment; filename*",
    "attachment; filename**=utf-8''a",
    "form-data ;name=a",
    'form-data; name = "a"',
    "form-data;\tname=a",
    "attachment; x=a,b",
    "attachment, inline",
]


@pytest.mark.parametrize("header", SAME)
def test_as_aiohttp(header: str | None) -> None:
    assert ours(header) == theirs(header)


BETTER: list[tuple[str, Parsed]] = [
    # White space around values is no part of them (RFC 9110, section 5.6.6).
    ("form-data; name=a ; filename=b", ("form-data", {"name": "a", "filename": "b"})),
    ('form-data; name="a"; ', ("form-data", {"name": "a"})),
    ('attachment; filename*0="a" ; filename*1=b', ("attachment", {"filename*0": "a", "filename*1": "b"})),
    # Any number of semicolons in a quoted string.
    ('form-data; name="a;b;c"; filename="d;e;f"', ("form-data", {"name": "a;b;c", "filename": "d;e;f"})),
    ('form-data; name="a;b"c;d"; x=y', ("form-data", {"name": 'a;b"c;d', "x": "y"})),
    # A quote that was escaped does not end it.
    (r'form-data; name="a\";b"', ("form-data", {"name": 'a";b'})),
    (
        r'form-data; name="a"; filename="q\"; name=b.txt"',
        ("form-data", {"name": "a", "filename": 'q"; name=b.txt'}),
    ),
]


@pytest.mark.parametrize(("header", "parsed"), BETTER, ids=[header for header, _ in BETTER])
def test_what_aiohttp_cannot_read(header: str, parsed: Parsed) -> None:
    assert ours(header)[0] == parsed
    assert theirs(header)[0] != parsed


PIECES = [
    "name",
    "filename",
    "filename*",
    "filename*0",
    "filename*1*",
    "=",
    ";",
    "; ",
    '"',
    "\\",
    "'",
    "utf-8''",
    "%c3%bc",
    "a",
    "b.txt",
    " ",
    "ü",
    "/",
    "*",
    "form-data",
]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_what_aiohttp_can_read_is_read_the_same(rest: str) -> None:
    header = "form-data; " + rest
    assume('\\"' not in header)
    parsed, _ = theirs(header)
    if parsed[0] is not None:
        assert ours(header)[0] == parsed


@given(st.text(max_size=40), st.text('";\\=* a', max_size=40))
def test_nothing_is_raised(header: str, rest: str) -> None:
    for each in (header, "form-data;" + header, "form-data;" + rest):
        disposition, parameters, _ = read_disposition(each)
        assert disposition is not None or parameters == {}
        content_disposition_filename(parameters)


def test_warnings_name_what_is_wrong() -> None:
    with pytest.warns(BadContentDispositionHeader, match='"inline"'):
        parse_content_disposition('"inline"')
    with pytest.warns(BadContentDispositionParam, match="filename"):
        parse_content_disposition("attachment; filename*=abc")


def test_what_a_stranger_sent_warns_of_nothing_when_read_quietly() -> None:
    disposition, parameters, faults = read_disposition("attachment; filename*=abc; x=y;")
    assert (disposition, parameters) == ("attachment", {"x": "y"})
    assert [type(fault) for fault in faults] == [BadContentDispositionParam, BadContentDispositionHeader]


def test_long_values_take_one_look() -> None:
    """Each quote begins a string that does not end: that may be looked for once."""
    header = "form-data" + ';a="' * 20_000
    assert parse_quietly(header)[0] is None
    header = "form-data" + ';a="\\"' * 20_000
    assert parse_quietly(header)[0] is None
    assert parse_quietly('form-data;a="' + ";" * 100_000)[0] is None
    assert parse_quietly('form-data;a="' + '" ' * 50_000)[1]["a"].startswith('" "')


def parse_quietly(header: str) -> Parsed:
    disposition, parameters, _ = read_disposition(header)
    return disposition, parameters


# -- names in pieces -------------------------------------------------------------------------------------

NAMES: list[tuple[dict[str, str], str | None]] = [
    ({}, None),
    ({"name": "a"}, None),
    ({"filename": "a"}, "a"),
    ({"filename*": "a", "filename": "b"}, "a"),
    ({"filename*0": "a", "filename*1": "b"}, "ab"),
    ({"filename*0": "a", "filename*2": "b"}, "a"),
    ({"filename*1": "b"}, None),
    ({"filename*0*": "utf-8''%c3%bc", "filename*1*": "%c3%bc"}, "üü"),
    ({"filename*0*": "utf-8''%c3%bc", "filename*1": ".html"}, "ü.html"),
    ({"filename*0*": "''a", "filename*1*": "b"}, "ab"),
    ({"filename*0*": "utf-8''%ff"}, None),
    ({"filename*0*": "nonsense''%41"}, None),
    ({"filename": "a", "filename*0": "b"}, "a"),
]


@pytest.mark.parametrize(("parameters", "name"), NAMES)
def test_the_name_of_a_file(parameters: dict[str, str], name: str | None) -> None:
    assert content_disposition_filename(parameters) == name
    assert aiohttp.content_disposition_filename(parameters) == name


def test_names_in_pieces_that_aiohttp_cannot_put_together() -> None:
    many = {f"filename*{number}": str(number) for number in range(12)}
    assert content_disposition_filename(many) == "01234567891011"
    split = {"filename*0*": "utf-8''%c3", "filename*1*": "%bc", "filename*2": "%41'"}
    assert content_disposition_filename(split) == "ü%41'"
    # Not encoded: apostrophes mean nothing.
    assert content_disposition_filename({"filename*0": "it's ", "filename*1": "o'clock"}) == "it's o'clock"
    assert content_disposition_filename({"filename*0*": "it's"}) == "it's"
    mixed = {"filename*0*": "ascii''a", "filename*1": "ü", "filename*2*": "%62"}
    assert content_disposition_filename(mixed) == "aüb"
    mixed["filename*2*"] = "%ff"
    assert content_disposition_filename(mixed) is None


def test_another_name() -> None:
    assert content_disposition_filename({"name*": "a", "filename": "b"}, "name") == "a"


# -- writing ---------------------------------------------------------------------------------------------

TEXTS = st.text(
    st.one_of(st.sampled_from('ab "\\;=/%\tü€\n\0'), st.characters(exclude_categories=["Cs"])), max_size=12
)


@given(st.sampled_from(["form-data", "attachment"]), st.sampled_from(["name", "filename", "x"]), TEXTS)
def test_written_as_aiohttp_writes(disposition: str, name: str, value: str) -> None:
    written = content_disposition_header(disposition, True, {name: value})
    assert written == their_header(disposition, True, **{name: value})
    assert written.isascii() and written.isprintable() or "\t" in value


@given(TEXTS)
def test_written_as_it_is(value: str) -> None:
    assume(all(character == "\t" or character >= " " and character != "\x7f" for character in value))
    written = content_disposition_header("form-data", False, {"name": value})
    assert written == their_header("form-data", False, name=value)


@given(st.sampled_from(["name", "x"]), TEXTS, st.booleans())
def test_what_is_written_can_be_read(name: str, value: str, quote_fields: bool) -> None:
    assume(value and not value.startswith(("/", "\\")))
    assume(quote_fields or not any(character < " " or character == "\x7f" for character in value))
    written = content_disposition_header("form-data", quote_fields, {name: value})
    disposition, parameters, faults = read_disposition(written)
    assert (disposition, faults) == ("form-data", [])
    assert content_disposition_filename(parameters, name) == value


def test_several_parameters_and_none() -> None:
    assert content_disposition_header("inline") == "inline"
    written = content_disposition_header("form-data", params={"name": "a", "filename": "ü.txt"})
    assert written == 'form-data; name="a"; filename="%C3%BC.txt"'
    written = content_disposition_header("attachment", params={"filename": "ü"}, charset="latin-1")
    assert written == 'attachment; filename="%FC"'


@pytest.mark.parametrize(
    "arguments",
    [
        ("", True, {}),
        ("a b", True, {}),
        ("a", True, {"": "x"}),
        ("a", True, {"b c": "x"}),
        ("a", False, {"name": "a\r\nX: y"}),
        ("a", False, {"name": "\0"}),
    ],
)
def test_what_cannot_be_written(arguments: Any) -> None:
    with pytest.raises(ValueError, match="is not|cannot be written"):
        content_disposition_header(*arguments)
