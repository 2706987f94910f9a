"""Dates in header fields (RFC 9110, section 5.6.7): written in one form, read in all three.

The one module of the vocabulary that looks at the clock, for `current_date`.
"""

import re
from datetime import UTC, datetime, timedelta
from time import gmtime, time
from typing import Final

EPOCH: Final = "Thu, 01 Jan 1970 00:00:00 GMT"
"""The beginning of POSIX time: what a cookie expires at that is to be forgotten."""

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_TIME: Final = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_MONTH: Final = rf"(?P<month>{'|'.join(_MONTHS)})"
_FORMS: Final = (
    # IMF-fixdate: Sun, 06 Nov 1994 08:49:37 GMT
    rf"(?:{'|'.join(_DAYS)}), (?P<day>\d\d?) {_MONTH} (?P<year>\d{{4}}) {_TIME} GMT",
    # RFC 850: Sunday, 06-Nov-94 08:49:37 GMT
    rf"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?P<day>\d\d)-{_MONTH}-(?P<year>\d\d) {_TIME} GMT",
    # asctime: Sun Nov  6 08:49:37 1994
    rf"(?:{'|'.join(_DAYS)}) {_MONTH} (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})",
)


def format_date(timestamp: float) -> str:
    """A POSIX timestamp in seconds as an IMF-fixdate, ``Sun, 06 Nov 1994 08:49:37 GMT``.

    Fractions of a second are cut off. Raises `OverflowError` or `OSError` for a time that the platform
    has no calendar for."""
    year, month, day, hour, minute, second, weekday, _, _ = gmtime(timestamp)
    return f"{_DAYS[weekday]}, {day:02} {_MONTHS[month - 1]} {year:04} {hour:02}:{minute:02}:{second:02} GMT"


def parse_date(text: str) -> datetime | None:
    """The time that a date in any of the three forms names, in UTC; ``None`` for anything else.

    The name of the weekday is not compared with the date. A leap second counts as the second after it,
    and a year of two digits is at most 50 years ahead."""
    for form in _FORMS:
        if (found := re.fullmatch(form, text, re.ASCII | re.IGNORECASE)) is not None:
            return _moment(found)
    return None


def _moment(found: re.Match[str]) -> datetime | None:
    digits = found["year"]
    year = int(digits) if len(digits) == 4 else _full_year(int(digits), datetime.now(UTC).year)
    month = _MONTHS.index(found["month"].capitalize()) + 1
    day, hour, minute, second = map(int, found.group("day", "hour", "minute", "second"))
    leap = int(second == 60)
    try:
        return datetime(year, month, day, hour, minute, second - leap, tzinfo=UTC) + timedelta(seconds=leap)
    except (ValueError, OverflowError):
        return None


def _full_year(two_digits: int, this_year: int) -> int:
    year = this_year - this_year % 100 + two_digits
    return year - 100 if year > this_year + 50 else year


# From when, until when, and the text: one tuple, so that threads only ever see the three together. The
# start is there for a clock that is set back.
_current: tuple[float, float, str] = (0.0, 0.0, "")


def current_date() -> str:
    """The date of now, for the ``Date`` field (RFC 9110, section 6.6.1). Made once a second."""
    global _current
    now = time()
    start, end, text = _current
    if start <= now < end:
        return text
    start = now // 1
    text = format_date(start)
    _current = (start, start + 1, text)
    return text
