"""Entity tags, and preconditions: every combination of them against the text of RFC 9110, section 13."""

from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from sketch.http.conditional import ETag, Verdict, evaluate, format_etag, parse_etag, parse_etags
from sketch.http.dates import format_date

MODIFIED = 1_700_000_000
NOW = MODIFIED + 1000.0
CURRENT = ETag("now")


def fields(*pairs: tuple[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(pairs))


def judge(
    method: str,
    *pairs: tuple[str, str],
    etag: ETag | None = CURRENT,
    last_modified: int | None = MODIFIED,
    now: float = NOW,
) -> Verdict:
    return evaluate(method, fields(*pairs), etag=etag, last_modified=last_modified, now=now)


# -- entity tags -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ('"a"', [ETag("a")]),
        ('W/"a"', [ETag("a", True)]),
        ('""', [ETag("")]),
        ('"a", W/"b","c"', [ETag("a"), ETag("b", True), ETag("c")]),
        (' ,, "a" , ', [ETag("a")]),
        ('"a,b"', [ETag("a,b")]),
        ('"*"', [ETag("*")]),
        ("*", [ETag("*")]),
        (" * ", [ETag("*")]),
        ('"\xe9\udcff"', [ETag("\xe9\udcff")]),
        ('w/"a"', []),
        ('W/ "a"', []),
        ('"a" "b"', []),
        ('"a", b, "c"', [ETag("a")]),
        ('"a b"', []),
        ('"a', []),
        ("a", []),
        ("", []),
    ],
)
def test_lists_of_tags(text: str, tags: list[ETag]) -> None:
    assert list(parse_etags(text)) == tags


@pytest.mark.parametrize("text", ["", "a", '"a" ', '"a"b"', '"a","b"', 'w/"a"', '"a b"', '"a\x7f"', "*"])
def test_what_is_no_tag(text: str) -> None:
    assert parse_etag(text) is None


@given(st.text(st.characters(min_codepoint=33, exclude_characters='"\x7f')), st.booleans())
def test_a_tag_comes_back(value: str, is_weak: bool) -> None:
    tag = ETag(value, is_weak)
    assert parse_etag(format_etag(tag)) == tag
    assert parse_etags(f"{format_etag(tag)}, {format_etag(ETag('x'))}") == (tag, ETag("x"))


@pytest.mark.parametrize("value", ['a"b', "a b", "a\nb", "\x00", "\x7f"])
def test_a_value_that_would_leave_its_quotes(value: str) -> None:
    with pytest.raises(ValueError, match="entity tag"):
        format_etag(ETag(value))


@given(st.text())
def test_no_text_is_too_strange(text: str) -> None:
    assert all(isinstance(tag, ETag) for tag in parse_etags(text))


def test_the_table_of_comparisons() -> None:
    """RFC 9110, section 8.8.3.2."""
    weak, strong, other = ETag("1", True), ETag("1"), ETag("2")
    table = {
        (weak, weak): (False, True),
        (weak, ETag("2", True)): (False, False),
        (weak, strong): (False, True),
        (strong, strong): (True, True),
        (strong, other): (False, False),
    }
    for (one, two), (strongly, weakly) in table.items():
        assert (one.matches_strongly(two), one.matches_weakly(two)) == (strongly, weakly)
        assert (two.matches_strongly(one), two.matches_weakly(one)) == (strongly, weakly)


# -- preconditions, one by one ---------------------------------------------------------------------------

BEFORE, SAME, AFTER = (format_date(MODIFIED + offset) for offset in (-1, 0, 1))
AS_ASCTIME = datetime.fromtimestamp(MODIFIED, UTC).strftime("%a %b %d %H:%M:%S %Y")


@pytest.mark.parametrize(
    ("method", "name", "value", "verdict"),
    [
        ("GET", "If-Match", '"now"', Verdict.PROCEED),
        ("PUT", "If-Match", '"old", "now"', Verdict.PROCEED),
        ("PUT", "If-Match", "*", Verdict.PROCEED),
        ("PUT", "If-Match", '"*"', Verdict.FAILED),
        ("PUT", "If-Match", 'W/"now"', Verdict.FAILED),
        ("PUT", "If-Match", '"old"', Verdict.FAILED),
        ("PUT", "If-Match", "now", Verdict.FAILED),
        ("GET", "If-None-Match", '"now"', Verdict.NOT_MODIFIED),
        ("HEAD", "If-None-Match", 'W/"now"', Verdict.NOT_MODIFIED),
        ("GET", "If-None-Match", '"old","now"', Verdict.NOT_MODIFIED),
        ("GET", "If-None-Match", "*", Verdict.NOT_MODIFIED),
        ("GET", "If-None-Match", '"*"', Verdict.PROCEED),
        ("PUT", "If-None-Match", "*", Verdict.FAILED),
        ("PUT", "If-None-Match", '"now"', Verdict.FAILED),
        ("PUT", "If-None-Match", '"old"', Verdict.PROCEED),
        ("GET", "If-Modified-Since", BEFORE, Verdict.PROCEED),
        ("GET", "If-Modified-Since", SAME, Verdict.NOT_MODIFIED),
        ("HEAD", "If-Modified-Since", AFTER, Verdict.NOT_MODIFIED),
        ("GET", "If-Modified-Since", AS_ASCTIME, Verdict.NOT_MODIFIED),
        ("GET", "If-Modified-Since", "yesterday", Verdict.PROCEED),
        ("POST", "If-Modified-Since", AFTER, Verdict.PROCEED),
        ("GET", "If-Unmodified-Since", BEFORE, Verdict.FAILED),
        ("PUT", "If-Unmodified-Since", SAME, Verdict.PROCEED),
        ("PUT", "If-Unmodified-Since", AFTER, Verdict.PROCEED),
        ("PUT", "If-Unmodified-Since", "tomorrow", Verdict.PROCEED),
        ("GET", "If-Range", '"old"', Verdict.PROCEED),
        ("GET", "If-Match", "", Verdict.PROCEED),
        ("GET", "If-None-Match", "", Verdict.PROCEED),
    ],
)
def test_one_precondition(method: str, name: str, value: str, verdict: Verdict) -> None:
    assert judge(method, (name, value)) is verdict


@pytest.mark.parametrize(
    ("value", "is_unchanged"),
    [
        ('"now"', True), ('W/"now"', False), ('"old"', False), ('"now", "old"', False), ("*", False),
        (BEFORE, False), (SAME, True), (AFTER, False), ("then", False), ("", False), (AS_ASCTIME, True),
    ],
)  # fmt: skip
def test_if_range(value: str, is_unchanged: bool) -> None:
    verdict = Verdict.PROCEED if is_unchanged else Verdict.PROCEED_WHOLE
    assert judge("GET", ("Range", "bytes=0-1"), ("If-Range", value)) is verdict
    assert judge("HEAD", ("Range", "bytes=0-1"), ("If-Range", value)) is Verdict.PROCEED


def test_a_weak_tag_and_a_young_date_are_no_validators_for_ranges() -> None:
    asked = ("Range", "bytes=0-1")
    weak = ETag("now", True)
    assert judge("GET", asked, ("If-Range", 'W/"now"'), etag=weak) is Verdict.PROCEED_WHOLE
    assert judge("GET", asked, ("If-Range", '"now"'), etag=weak) is Verdict.PROCEED_WHOLE
    for age, verdict in ((0.99, Verdict.PROCEED_WHOLE), (1.0, Verdict.PROCEED)):
        assert judge("GET", asked, ("If-Range", SAME), now=MODIFIED + age) is verdict


def test_several_lines_are_one_list_of_tags() -> None:
    assert judge("PUT", ("If-Match", '"old"'), ("If-Match", '"now"')) is Verdict.PROCEED
    assert judge("GET", ("If-None-Match", '"old"'), ("If-None-Match", '"now"')) is Verdict.NOT_MODIFIED


def test_two_dates_are_none() -> None:
    for name in ("If-Modified-Since", "If-Unmodified-Since"):
        assert judge("GET", (name, BEFORE), (name, AFTER)) is Verdict.PROCEED
    lines = (("Range", "bytes=0-1"), ("If-Range", SAME), ("If-Range", SAME))
    assert judge("GET", *lines) is Verdict.PROCEED_WHOLE


def test_without_validators() -> None:
    def bare(method: str, *pairs: tuple[str, str]) -> Verdict:
        return judge(method, *pairs, etag=None, last_modified=None)

    assert bare("PUT", ("If-Match", '"now"')) is Verdict.FAILED
    assert bare("PUT", ("If-Match", "*")) is Verdict.PROCEED
    assert bare("GET", ("If-None-Match", '"now"')) is Verdict.PROCEED
    assert bare("PUT", ("If-None-Match", "*")) is Verdict.FAILED
    for name in ("If-Modified-Since", "If-Unmodified-Since"):
        assert bare("GET", (name, SAME)) is Verdict.PROCEED
    for value in ('"now"', SAME):
        assert bare("GET", ("Range", "bytes=0-1"), ("If-Range", value)) is Verdict.PROCEED_WHOLE


# -- all of them together --------------------------------------------------------------------------------

TAGS = (None, "*", '"now"', 'W/"now"', '"old"')
"""Values of ``If-Match`` and ``If-None-Match``."""

DATES = (None, BEFORE, SAME, AFTER, "no date")
IF_RANGES = (None, '"now"', 'W/"now"', '"old"', BEFORE, SAME, AFTER)


def specified(
    method: str,
    if_match: str | None,
    if_unmodified_since: str | None,
    if_none_match: str | None,
    if_modified_since: str | None,
    if_range: str | None,
    has_range: bool,
) -> Verdict:
    """RFC 9110, section 13.2.2, step by step as it stands there."""
    # 1. and 2.
    if if_match is not None:
        if if_match not in ("*", '"now"'):
            return Verdict.FAILED
    elif if_unmodified_since == BEFORE:
        return Verdict.FAILED
    # 3. and 4.
    if if_none_match is not None:
        if if_none_match in ("*", '"now"', 'W/"now"'):
            return Verdict.NOT_MODIFIED if method in ("GET", "HEAD") else Verdict.FAILED
    elif method in ("GET", "HEAD") and if_modified_since in (SAME, AFTER):
        return Verdict.NOT_MODIFIED
    # 5. and 6.
    if method == "GET" and has_range and if_range is not None and if_range not in ('"now"', SAME):
        return Verdict.PROCEED_WHOLE
    return Verdict.PROCEED


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_every_combination_in_its_order_of_precedence(method: str) -> None:
    seen = set()
    for values in product(TAGS, DATES, TAGS, DATES, IF_RANGES, (False, True)):
        if_match, unmodified, if_none_match, modified, if_range, has_range = values
        pairs = {
            "If-Match": if_match, "If-Unmodified-Since": unmodified, "If-None-Match": if_none_match,
            "If-Modified-Since": modified, "If-Range": if_range, "Range": "bytes=0-1" if has_range else None,
        }  # fmt: skip
        sent = [(name, value) for name, value in pairs.items() if value is not None]
        verdict = specified(method, *values)
        assert judge(method, *sent) is verdict, sent
        seen.add(verdict)
    assert len(seen) == {"GET": 4, "HEAD": 3, "PUT": 2}[method]
