"""The language of route paths: what it means, and what it refuses."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sketch.routing.pattern import (
    Layout,
    OpenEnd,
    Parameter,
    Pattern,
    Shape,
    decode,
    decode_value,
    index_key,
    literal_segments,
    quote,
    requote,
)


def test_a_parameter_is_one_segment_that_is_not_empty() -> None:
    pattern = Pattern.parse("/user/{name}")
    assert pattern.match("/user/ada") == {"name": "ada"}
    for path in ("/user/", "/user/a/b", "/user/{x}", "/user", "user/ada"):
        assert pattern.match(path) is None


def test_a_parameter_with_an_expression_matches_what_the_expression_does() -> None:
    pattern = Pattern.parse(r"/{year:\d{4}}-{month:[01]\d}/{rest:.*}")
    assert pattern.names == ("year", "month", "rest")
    assert pattern.match("/2024-12/a/b") == {"year": "2024", "month": "12", "rest": "a/b"}
    assert pattern.match("/24-12/a") is None


def test_values_are_decoded_last() -> None:
    assert Pattern.parse("/{a}/{b}").match("/x%2Fy/100%25") == {"a": "x/y", "b": "100%"}
    assert decode_value("%252F") == "%2F"


def test_an_inner_group_that_took_no_part_has_no_value() -> None:
    assert Pattern.parse("/{a:(?P<sign>-)?1}").match("/1") == {"a": "1"}


def test_text_is_matched_decoded_and_written_quoted() -> None:
    for path in ("/é b/{x}", "/%C3%A9%20b/{x}"):
        pattern = Pattern.parse(path)
        assert pattern.canonical == "/%C3%A9%20b/{x}"
        assert pattern.match("/é b/1") == {"x": "1"}
    assert Pattern.parse("/a%2Fb/{x}").match("/a%2Fb/1") == {"x": "1"}


def test_filling_in_quotes_the_values() -> None:
    pattern = Pattern.parse("/é/{x}/{y:.*}")
    assert pattern.fill({"x": "a b", "y": "100%/?"}) == "/%C3%A9/a%20b/100%25/%3F"
    with pytest.raises(KeyError, match="y"):
        pattern.fill({"x": "a"})


def test_below_a_prefix() -> None:
    pattern = Pattern.parse("/{x}").prefixed("/b").prefixed("/a c")
    assert pattern.canonical == "/a%20c/b/{x}"
    assert pattern.match("/a c/b/1") == {"x": "1"}
    assert pattern.index_key == "/a c/b"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("user/{x}", "starts with '/'"),
        ("/{x", r"'{' at position 1 is not closed"),
        ("/{x:a{2}", "is not closed"),
        ("/a}b", "'}' at position 2 closes nothing"),
        ("/{x}}", "'}' at position 4 closes nothing"),
        ("/{}", "'{}' at position 1 is no parameter; write {name}"),
        ("/{1x}", "is no parameter"),
        ("/{x y}", "is no parameter"),
        ("/{x:}", "is no parameter"),
        ("/{x}/{x}", "{x} occurs twice"),
        ("/{x:+}", "Bad pattern '+' of {x} in path '/{x:+}': nothing to repeat at position 0; write"),
        ("/{x:(}", "Bad pattern '(' of {x}"),
        (r"/{x:[a-}", "Bad pattern"),
        ("/{x:(?i)b}", "Bad pattern in path '/{x:(?i)b}': global flags not at the start"),
        ("/{x:(?P<x>a)}", "redefinition of group name 'x'"),
        (r"/{x:(a)\1}", "cannot refer to an open group"),
    ],
)
def test_a_bad_path_says_what_and_where(path: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Pattern.parse(path)


def test_an_expression_may_refer_to_an_earlier_parameter() -> None:
    pattern = Pattern.parse("/x/{a}/{b:(?P=a)}")
    assert pattern.match("/x/1/1") == {"a": "1", "b": "1"}
    assert pattern.match("/x/1/2") is None
    segments, open_end = pattern.layout()
    assert segments == ("", "x")
    assert open_end is not None


def test_layout_of_segments() -> None:
    layout = Pattern.parse(r"/a/{x}/{y:\d+}/{z}.json/").layout()
    digits = Shape(r"(?P<_0>\d+)", "", "", False)
    json = Shape(r"(?P<_0>[^{}/]+)\.json", "", ".json", True)
    assert layout == Layout(("", "a", None, digits, json, ""), None)


def test_layout_with_an_open_end() -> None:
    layout = Pattern.parse("/a/{x}/v{y:.*}/end").layout()
    assert layout == Layout(("", "a", None), OpenEnd("v(?P<_1>.*)/end", "v", "end"))


def test_layouts_are_equal_whatever_the_names() -> None:
    assert Pattern.parse(r"/{a}/{b:\d+}/{c:.*}").layout() == Pattern.parse(r"/{x}/{y:\d+}/{z:.*}").layout()


@pytest.mark.parametrize(
    "regex", [r"\d+", r"\w{1,3}", "[a-z0-9_-]+", "a|b", "(?:en|de)", "(x)?y", "[^/]+", "[^/.]+", r"\d+\.\d+"]
)
def test_expressions_that_stay_in_a_segment(regex: str) -> None:
    assert Parameter("x", regex).is_local


@pytest.mark.parametrize(
    "regex",
    [
        ".*",
        "[^a]",
        r"\S",
        r"\D",
        "a/b",
        r"\/",
        "[+-9]",
        "[!-~]",
        r"[\d/]",
        "(?=.)",
        "(?P<y>a)",
        "[^]/]",
        r"\x2f",
    ],
)
def test_expressions_that_may_leave_it(regex: str) -> None:
    assert not Parameter("x", regex).is_local


TOKENS = [*"ab1_-.*+?|()[]^$/{},", r"\d", r"\w", r"\.", r"\-", "(?:", "[^/", "a-z", "+-9", "{2}", "{1,}"]


@settings(max_examples=500)
@given(
    st.lists(st.sampled_from(TOKENS), min_size=1, max_size=8).map("".join), st.text("ab1/-.+[]", max_size=6)
)
def test_what_is_taken_for_local_never_matches_a_slash(regex: str, text: str) -> None:
    if not Parameter("x", regex).is_local:
        return
    try:
        compiled = re.compile(regex)
    except re.error:
        return
    for candidate in (f"{text}/", f"/{text}", f"a/{text}"):
        assert compiled.fullmatch(candidate) is None


def test_quoting() -> None:
    assert quote("/a b%20") == "/a%20b%2520"
    assert requote("/a b%20") == "/a%20b%20"
    assert decode("/a%20b%2F%25") == "/a b%2F%25"
    assert decode("/é") == "/é"


def test_index_keys() -> None:
    assert [index_key(path) for path in ("", "/", "/a", "/a/", "//")] == ["/", "/", "/a", "/a", "/"]
    assert [literal_segments(path) for path in ("/", "/a", "/a/b")] == [("",), ("", "a"), ("", "a", "b")]
    keys = [Pattern.parse(path).index_key for path in ("/{x}", "/a/{x}", "/a/b{x}", "/a//{x}", "/%7B/{x}")]
    assert keys == ["/", "/a", "/a", "/a", "/{"]
