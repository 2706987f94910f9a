"""What a request says of the representation that it wants: ranges and conditions, as values.

They are read here, and evaluated in `sketch.http.conditional` and `sketch.http.ranges`.
"""

import re
from datetime import datetime
from typing import TYPE_CHECKING

from .http import names
from .http.dates import parse_date
from .http.deferred import deferred
from .http.heads import RequestHead

if TYPE_CHECKING:
    from .http import conditional
    from .http.conditional import ETag
else:
    conditional = deferred(".http.conditional", __package__)

_ONE_RANGE = r"bytes=(\d*)-(\d*)"


class Preconditions:
    """The part of a request that is about ranges and conditions (aiohttp documentation, ``BaseRequest``)."""

    head: RequestHead

    @property
    def http_range(self) -> slice:
        """The one range of bytes that ``Range`` asks for; ``slice(None, None, 1)`` where there is no such
        field, a negative start for the end of the content (RFC 9110, section 14.2).

        Raises `ValueError` for several ranges, and for what is none."""
        value = self.head.fields.decoded.get(names.RANGE)
        if value is None:
            return slice(None, None, 1)
        found = re.fullmatch(_ONE_RANGE, value, re.ASCII | re.IGNORECASE)
        if found is None or not (found[1] or found[2]):
            raise ValueError(f"Range is {value!r}, which is not one range of bytes, as 'bytes=0-499' is")
        first, last = (int(digits) if digits else None for digits in found.groups())
        if first is None:
            return slice(-(last or 0), None, 1)
        if last is not None and last < first:
            raise ValueError(f"Range is {value!r}, which ends before it begins")
        return slice(first, None if last is None else last + 1, 1)

    @property
    def if_match(self) -> "tuple[ETag, ...] | None":
        """The tags of ``If-Match``, as many as can be read; one with the value ``"*"`` for any
        representation; ``None`` where there is no such field (RFC 9110, section 13.1.1)."""
        return self._tags(names.IF_MATCH)

    @property
    def if_none_match(self) -> "tuple[ETag, ...] | None":
        """The tags of ``If-None-Match``, in the form of `if_match` (RFC 9110, section 13.1.2)."""
        return self._tags(names.IF_NONE_MATCH)

    @property
    def if_modified_since(self) -> datetime | None:
        """The date of ``If-Modified-Since``, ``None`` where there is none that can be read (RFC 9110,
        section 13.1.3)."""
        return self._date(names.IF_MODIFIED_SINCE)

    @property
    def if_unmodified_since(self) -> datetime | None:
        """The date of ``If-Unmodified-Since``, ``None`` where there is none that can be read (RFC 9110,
        section 13.1.4)."""
        return self._date(names.IF_UNMODIFIED_SINCE)

    @property
    def if_range(self) -> datetime | None:
        """The date of ``If-Range``; ``None`` where there is none, or an entity tag (RFC 9110, section
        13.1.5)."""
        return self._date(names.IF_RANGE)

    def _tags(self, name: str) -> "tuple[ETag, ...] | None":
        text = ", ".join(self.head.fields.decoded.getall(name, ()))
        return conditional.parse_etags(text) if text else None

    def _date(self, name: str) -> datetime | None:
        value = self.head.fields.decoded.get(name)
        return None if value is None else parse_date(value)
