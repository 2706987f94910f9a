"""What a request says of ranges and conditions, as values; with aiohttp's own for comparison."""

from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from sketch.http.conditional import ETag
from sketch.http.memory import MemoryExchange
from sketch.request import BaseRequest

NAMES = {
    "Range": "http_range",
    "If-Match": "if_match",
    "If-None-Match": "if_none_match",
    "If-Modified-Since": "if_modified_since",
    "If-Unmodified-Since": "if_unmodified_since",
    "If-Range": "if_range",
}


def ours(*fields: tuple[str, str]) -> BaseRequest:
    return BaseRequest(MemoryExchange(fields=fields))


def value_of(request: Any, name: str) -> Any:
    """The value in a form that both share."""
    try:
        value = getattr(request, name)
    except ValueError:
        return ValueError
    if isinstance(value, tuple):
        return [(tag.value, tag.is_weak) for tag in value]
    return value


TAGS = ('"a"', 'W/"a"', '"a", W/"b" ,"c"', "*", '"*"', "", "a", '"a", b', '"a" "b"', '"a b"')
DATES = (
    "Tue, 14 Nov 2023 22:13:20 GMT", "Tuesday, 14-Nov-23 22:13:20 GMT", "Tue Nov 14 22:13:20 2023", "no", "",
    '"a"', "Tue, 14 Nov 2023 22:13:61 GMT",
)  # fmt: skip
RANGES = (
    "bytes=0-499", "bytes=500-", "bytes=-500", "bytes=-0", "BYTES=1-1", "bytes=0-0,1-1", "bytes=5-4",
    "bytes=-", "bytes=", "items=0-1", "0-1", "", "bytes=1-" + "9" * 5000,
)  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[(field, value) for field in ("If-Match", "If-None-Match") for value in TAGS],
        *[(field, value) for field in ("If-Modified-Since", "If-Unmodified-Since") for value in DATES],
        *[("If-Range", value) for value in DATES],
        *[("Range", value) for value in RANGES],
    ],
)
def test_the_values_are_aiohttp_s(field: str, value: str) -> None:
    theirs = make_mocked_request("GET", "/", headers={field: value})
    for name in NAMES.values():
        assert value_of(ours((field, value)), name) == value_of(theirs, name)


def test_nothing_is_said() -> None:
    request = ours()
    assert request.http_range == slice(None, None, 1)
    assert [getattr(request, name) for name in list(NAMES.values())[1:]] == [None] * 5


def test_the_types() -> None:
    request = ours(
        ("If-Match", 'W/"a"'), ("If-Range", "Tue, 14 Nov 2023 22:13:20 GMT"), ("Range", "bytes=1-2")
    )
    assert request.if_match == (ETag("a", is_weak=True),)
    assert request.if_range == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert request.http_range == slice(1, 3, 1)


def test_lines_of_one_name_are_one_list() -> None:
    assert ours(("If-Match", '"a"'), ("If-Match", '"b"')).if_match == (ETag("a"), ETag("b"))


@pytest.mark.parametrize("value", ["bytes=0-1,2-3", "bytes=2-1", "bytes"])
def test_an_error_shows_the_field(value: str) -> None:
    with pytest.raises(ValueError, match=value):
        ours(("Range", value)).http_range  # noqa: B018
