"""Byte ranges (RFC 9110, section 14): which parts of a content a client asks for, and how several of them
are one body.

It knows numbers and bytes, and not where the content is.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from .headers import split_list

MOST_RANGES: Final = 100
"""Ranges that a request may ask for. Readers of PDF files ask for dozens at once; a flood of them is no
request of anybody's (sections 14.2 and 17.15)."""

MOST_PARTS: Final = 32
"""Ranges that are left, once those that are near each other are one, and that are sent: each costs a look at
the file of its own."""

GAP: Final = 80
"""Bytes between two ranges up to which they are sent as one: about what a part costs by itself
(section 15.3.7.2)."""

_match_range = re.compile(r"(\d*)[ \t]*-[ \t]*(\d*)", re.ASCII).fullmatch

_FAR: Final = 10**18
"""What positions of more digits than any content has are taken for."""


class RangeNotSatisfiable(ValueError):
    """The ranges cannot be, or will not be, sent: 416 (RFC 9110, section 15.5.17)."""


class ByteRange(NamedTuple):
    """The bytes from ``start`` to before ``stop``. At least one."""

    start: int
    stop: int

    @property
    def size(self) -> int:
        """How many bytes."""
        return self.stop - self.start


Spec = tuple[int | None, int | None]
"""A range as it is asked for: the first and the last position, or ``None`` and the size of a suffix."""


def parse_range(value: str) -> list[Spec] | None:
    """The ranges that a ``Range`` field asks for; ``None`` for a unit that is not bytes, which is to be
    ignored (section 14.2).

    Raises `RangeNotSatisfiable` for what is no set of byte ranges, and for more than `MOST_RANGES`."""
    unit, equals, text = value.partition("=")
    if equals and unit.strip(" \t").lower() != "bytes":
        return None
    elements = split_list(text)
    if not elements or len(elements) > MOST_RANGES:
        raise RangeNotSatisfiable(f"{len(elements)} ranges: at least 1, and at most {MOST_RANGES}")
    return [_parse_spec(element) for element in elements]


def _parse_spec(text: str) -> Spec:
    found = _match_range(text)
    if found is None or not (found[1] or found[2]):
        raise RangeNotSatisfiable(f"{text!r} is no range of bytes, as '0-499', '500-' and '-500' are")
    first, last = (_position(digits) if digits else None for digits in found.groups())
    if first is not None and last is not None and last < first:
        raise RangeNotSatisfiable(f"the range {text!r} ends before it begins")
    return first, last


def _position(digits: str) -> int:
    return int(digits) if len(digits) <= 18 else _FAR


def select(specs: Sequence[Spec], size: int) -> list[ByteRange]:
    """The ranges of a content of ``size`` bytes, in the order in which they were asked for; those that
    overlap, or are less than `GAP` apart, as one. Empty for all there is of an empty content.

    Raises `RangeNotSatisfiable` when none of them is within the content, and for more than `MOST_PARTS`."""
    found = [_resolve(first, last, size) for first, last in specs]
    ranges = [item for item in found if item is not None]
    if not ranges:
        if size == 0 and any(first is None and last for first, last in specs):
            return []
        raise RangeNotSatisfiable(f"no range is within the {size} bytes")
    if len(ranges) > 1:
        ranges = _coalesce(ranges)
        if len(ranges) > MOST_PARTS:
            raise RangeNotSatisfiable(f"{len(ranges)} parts: at most {MOST_PARTS}")
    return ranges


def _resolve(first: int | None, last: int | None, size: int) -> ByteRange | None:
    if first is None:
        start, stop = max(size - (last or 0), 0), size
    else:
        start, stop = first, size if last is None else min(last + 1, size)
    return ByteRange(start, stop) if start < stop else None


def _coalesce(ranges: Sequence[ByteRange]) -> list[ByteRange]:
    """One range in the place of the first of those that touch."""
    merged: list[tuple[int, ByteRange]] = []
    for place, item in sorted(enumerate(ranges), key=lambda pair: pair[1]):
        if merged and item.start <= merged[-1][1].stop + GAP:
            earlier, before = merged[-1]
            merged[-1] = min(place, earlier), ByteRange(before.start, max(before.stop, item.stop))
        else:
            merged.append((place, item))
    return [item for _, item in sorted(merged)]


def format_content_range(item: ByteRange, size: int) -> str:
    """The value of ``Content-Range`` for a part of ``size`` bytes (section 14.4)."""
    return f"bytes {item.start}-{item.stop - 1}/{size}"


def format_unsatisfied(size: int) -> str:
    """The value of ``Content-Range`` for 416 (section 14.4)."""
    return f"bytes */{size}"


class Multipart:
    """Several ranges as one body, ``multipart/byteranges`` (RFC 9110, section 14.6).

    ``boundary``
        what separates the parts; it must not occur in the content.
    ``content_type``
        that of the content.
    """

    __slots__ = ("_boundary", "_type", "ranges", "size")

    def __init__(self, ranges: Sequence[ByteRange], size: int, *, boundary: str, content_type: str) -> None:
        self.ranges = ranges
        self.size = size
        self._boundary = boundary
        self._type = content_type

    @property
    def content_type(self) -> str:
        """The value of ``Content-Type`` for the whole."""
        return f"multipart/byteranges; boundary={self._boundary}"

    @property
    def length(self) -> int:
        """Bytes of the whole body."""
        return sum(len(head) + item.size for head, item in self.parts()) + len(self.end)

    def parts(self) -> Iterator[tuple[bytes, ByteRange]]:
        """What is sent before each range, and the range."""
        before = ""
        for item in self.ranges:
            head = (
                f"{before}--{self._boundary}\r\nContent-Type: {self._type}\r\n"
                f"Content-Range: {format_content_range(item, self.size)}\r\n\r\n"
            )
            yield head.encode("utf-8", "surrogateescape"), item
            before = "\r\n"

    @property
    def end(self) -> bytes:
        """What is sent after the last range."""
        return f"\r\n--{self._boundary}--\r\n".encode()
