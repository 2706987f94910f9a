"""Dates: one form out, three forms in, and the current one for a second."""

import time
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.http import dates
from sketch.http.dates import EPOCH, current_date, format_date, parse_date

EXAMPLE = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


def test_the_example_of_the_specification() -> None:
    assert format_date(EXAMPLE.timestamp()) == "Sun, 06 Nov 1994 08:49:37 GMT"


def test_the_epoch_is_the_beginning_of_time() -> None:
    assert format_date(0) == EPOCH


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "sun, 06 NOV 1994 08:49:37 gmt",
        "Mon, 06 Nov 1994 08:49:37 GMT",
    ],
)
def test_the_three_forms_and_what_else_is_understood(text: str) -> None:
    assert parse_date(text) == EXAMPLE


@given(st.integers(-62_135_596_800, 253_402_300_799))
def test_a_date_comes_back_from_its_text(timestamp: int) -> None:
    moment = datetime.fromtimestamp(timestamp, UTC)
    text = format_date(timestamp)
    assert text == format_datetime(moment, usegmt=True)
    assert parse_date(text) == moment
    assert parse_date(time.asctime(time.gmtime(timestamp))) == (moment if moment.year >= 1000 else None)


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2049, 12, 31)))
def test_the_old_form_of_this_age_comes_back(moment: datetime) -> None:
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    assert parse_date(moment.strftime("%A, %d-%b-%y %H:%M:%S GMT")) == moment


def test_a_year_of_two_digits_is_at_most_fifty_years_ahead() -> None:
    ahead = datetime.now(UTC).year + 50
    for year in range(ahead - 49, ahead + 1):
        found = parse_date(f"Sunday, 06-Nov-{year % 100:02} 08:49:37 GMT")
        assert found is not None
        assert found.year in (year, year - 100)
        assert found.year <= ahead
    beyond = parse_date(f"Sunday, 06-Nov-{(ahead + 1) % 100:02} 08:49:37 GMT")
    assert beyond is not None
    assert beyond.year == ahead + 1 - 100


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "-1",
        "now",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Xyz, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT\n",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, ٠٦ Nov 1994 08:49:37 GMT",
        "Fri, 31 Dec 9999 23:59:60 GMT",
    ],
)
def test_anything_else_is_no_date(text: str) -> None:
    assert parse_date(text) is None


def test_a_leap_second_is_the_second_after_it() -> None:
    assert parse_date("Sat, 31 Dec 2016 23:59:60 GMT") == datetime(2017, 1, 1, tzinfo=UTC)


def test_the_current_date_is_made_once_a_second_and_follows_the_clock_both_ways(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 784_111_777.0
    monkeypatch.setattr(dates, "time", lambda: now)
    first = current_date()
    assert first == "Sun, 06 Nov 1994 08:49:37 GMT"
    now += 0.999
    assert current_date() is first
    now += 0.001
    assert current_date() == "Sun, 06 Nov 1994 08:49:38 GMT"
    now -= 100
    assert current_date() == "Sun, 06 Nov 1994 08:47:58 GMT"


def test_the_current_date_is_now() -> None:
    before = int(time.time())
    found = parse_date(current_date())
    assert found is not None
    assert before <= found.timestamp() <= time.time()
