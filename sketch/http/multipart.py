"""Multipart bodies, cut out of a stream of bytes at any places (RFC 2046, section 5.1).

A parser is fed what arrives and gives back events: a part begins, with its header fields; pieces of its data;
it ends; the body ends. It looks at each byte once, holds no more than the end of a piece in which a boundary
may have begun, or the unfinished head of a part, and does not copy pieces that hold nothing but data.
What the fields mean, and what becomes of the data, is not known here.
"""

import re
from enum import Enum
from typing import Final, NamedTuple

from multidict import CIMultiDictProxy

from .errors import LocalProtocolError
from .headers import decode_fields
from .mediatype import parse_content_type

PREAMBLE: Final = 8192
"""Bytes before the first boundary. Clients send none; mail programs a sentence."""

PADDING: Final = 128
"""Bytes of white space after a boundary, which nobody must send (section 5.1.1)."""

HEAD: Final = 65536
"""Bytes of the head of one part (`Limits.head`)."""

FIELD_LINE: Final = 8190
"""Bytes of one field of a part (`Limits.field_line`; aiohttp ``max_field_size``)."""

FIELDS: Final = 128
"""Number of field lines of a part (`Limits.fields`; aiohttp ``max_headers``)."""

# RFC 2046 allows fewer characters, and clients use others of ASCII: nothing is gained by refusing them.
_match_boundary = re.compile(r"[ -~]{0,69}[!-~]").fullmatch
_match_field = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)").fullmatch

_LWSP: Final = b" \t"
_HEAD_SPAN: Final = HEAD + 6
"""Bytes from the line end before the longest head to the end of the empty line after it."""


class MultipartError(ValueError):
    """A body is no multipart body, or not one that is accepted: its sender's mistake."""


class TooManyParts(MultipartError):
    """A body has more parts than are accepted."""


class PartHead(NamedTuple):
    """A part begins."""

    fields: CIMultiDictProxy[str]
    """Its header fields."""


class Mark(Enum):
    """Something ends."""

    PART_END = "the part ends: all its data was given"
    END = "the body ends: what follows its last boundary means nothing"


Event = PartHead | bytes | Mark
"""Bytes are data of the part that has begun, and never empty."""


def is_boundary(text: str) -> bool:
    """Whether a text can stand between parts: one to 70 characters of printable ASCII, the last one not a
    space."""
    return _match_boundary(text) is not None


def read_boundary(content_type: str) -> bytes:
    """The boundary in the value of a ``Content-Type`` field.

    Raises `MultipartError` where there is none, or none that can be meant: one to 70 characters, of printable
    ASCII, the last one not a space."""
    media_type, parameters = parse_content_type(content_type)
    if not media_type.startswith("multipart/"):
        raise MultipartError(f"{content_type[:100]!r} is not a multipart type")
    boundary = parameters.get("boundary")
    if boundary is None:
        raise MultipartError(f"boundary missed for Content-Type: {content_type[:100]!r}")
    if not is_boundary(boundary):
        raise MultipartError(
            f"{boundary[:100]!r} is not a boundary: it has 1 to 70 printable ASCII characters, of which the "
            "last one is not a space"
        )
    return boundary.encode("ascii")


class _Place(Enum):
    """Where in a body the next byte belongs."""

    PREAMBLE = "before the first boundary"
    BOUNDARY = "in the line of a boundary, after that"
    HEAD = "in the head of a part"
    DATA = "in its data"
    END = "after the last boundary"


class MultipartParser:
    """One multipart body.

    ``boundary``
        as `read_boundary` gives it.
    ``max_parts``
        number of parts that are accepted; 0 for any.
    ``max_field_size`` ``max_fields``
        bytes of one field of a part, and the number of its fields.
    ``is_inside``
        begin in the data of a part whose head was read by somebody else.
    """

    __slots__ = (
        "_data", "_delimiter", "_head", "_held", "_is_fresh", "_max_field_size", "_max_fields", "_max_parts",
        "_parts", "_place", "_position", "_skipped",
    )  # fmt: skip

    def __init__(
        self,
        boundary: bytes,
        *,
        max_parts: int = 0,
        max_field_size: int = FIELD_LINE,
        max_fields: int = FIELDS,
        is_inside: bool = False,
    ) -> None:
        # Section 5.1.1: the line end before a boundary belongs to it. That of the line before the first one,
        # or before data, is as good.
        self._delimiter = b"\r\n--" + boundary
        self._max_parts = max_parts
        self._max_field_size = max_field_size
        self._max_fields = max_fields
        self._place = _Place.DATA if is_inside else _Place.PREAMBLE
        # The current piece, and how far it was looked at.
        self._data = b""
        self._position = 2 if is_inside else 0
        # What the next piece continues: the beginning of a boundary, perhaps; or, in `_head`, that of a head.
        self._held = b"\r\n"
        self._head = bytearray()
        # Whether nothing of a part's data was seen yet. The two bytes before the position are then the line
        # end before it, with which a boundary may begin: such a part is empty.
        self._is_fresh = is_inside
        self._parts = 0
        self._skipped = 0

    def feed(self, data: bytes) -> None:
        """Take the next piece, once `next_event` has returned ``None``.

        Raises `LocalProtocolError` before that."""
        if self._place is _Place.END:
            return
        if self._data:
            raise LocalProtocolError("the last piece was not used up: next_event() returns None when it is")
        if self._head:
            data = self._complete_head(data)
        elif self._held:
            data, self._held = self._held + data, b""
        self._data = data

    def finish(self) -> None:
        """The body has ended; what `next_event` returns from now on is all there is.

        Raises `MultipartError` unless its last boundary has come."""
        if self._place is _Place.BOUNDARY and self._held.rstrip(_LWSP) == b"--":
            self._place = _Place.END
        if self._place is _Place.END:
            return
        shown = self._delimiter[2:].decode()
        if self._place is _Place.PREAMBLE:
            raise MultipartError(f"the body ends before its first boundary, {shown!r}")
        raise MultipartError(f"the body ends before its last boundary, {shown + '--'!r}")

    def next_event(self) -> Event | None:
        """What comes next in what was fed; ``None`` when that is used up. The end of the body is given as
        often as it is asked for.

        Raises `MultipartError` for what is no multipart body, after which there is nothing to ask for."""
        while True:
            place = self._place
            if place is _Place.END:
                self._data = b""
                return Mark.END
            if not self._data:
                return None
            if place is _Place.DATA:
                return self._take_data()
            if place is _Place.HEAD:
                return self._take_head()
            is_done = self._skip_preamble() if place is _Place.PREAMBLE else self._take_boundary()
            if not is_done:
                return None

    # -- data ------------------------------------------------------------------------------------------

    def _take_data(self) -> Event | None:
        data, position, delimiter = self._data, self._position, self._delimiter
        start = position - 2 if self._is_fresh else position
        at = data.find(delimiter, start)
        if at < 0:
            return self._take_rest(start)
        self._is_fresh = False
        if at > position:
            self._position = at
            return data[position:at]
        self._position = at + len(delimiter)
        self._place = _Place.BOUNDARY
        return Mark.PART_END

    def _take_rest(self, start: int) -> bytes | None:
        """The rest of the piece, but for the bytes with which a boundary may begin."""
        data, position = self._data, self._position
        end = self._find_tail(start)
        self._hold(end)
        if end < position:
            # Nothing but the line end before the data, and perhaps what may be a boundary.
            self._position = position - end
            return None
        self._is_fresh = False
        return data[position:end] or None

    def _find_tail(self, start: int) -> int:
        """Where the end of the piece begins that may be the beginning of a boundary.

        A boundary has one CR, its first byte, so that only the last CR can be it."""
        data, delimiter = self._data, self._delimiter
        tail = data.rfind(b"\r", max(start, len(data) - len(delimiter) + 1))
        return tail if tail >= 0 and delimiter.startswith(data[tail:]) else len(data)

    def _hold(self, position: int) -> None:
        self._held = self._data[position:]
        self._data = b""
        self._position = 0

    # -- boundaries ------------------------------------------------------------------------------------

    def _skip_preamble(self) -> bool:
        at = self._data.find(self._delimiter)
        end = self._find_tail(0) if at < 0 else at
        self._skipped += end
        # The line end that was put before the body is none of its bytes.
        if self._skipped > PREAMBLE + 2:
            shown = self._delimiter[2:].decode()
            raise MultipartError(f"could not find the starting boundary {shown!r} in {PREAMBLE} bytes")
        if at < 0:
            self._hold(end)
            return False
        self._position = at + len(self._delimiter)
        self._place = _Place.BOUNDARY
        return True

    def _take_boundary(self) -> bool:
        """What follows a boundary in its line: nothing, or two hyphens after the last one."""
        data, position = self._data, self._position
        end = data.find(b"\r\n", position, position + PADDING + 4)
        if end < 0:
            if len(data) - position >= PADDING + 4:
                self._refuse_boundary(data[position:])
            self._hold(position)
            return False
        line = data[position:end].rstrip(_LWSP)
        if line == b"--":
            self._place = _Place.END
        elif line or end - position > PADDING:
            self._refuse_boundary(data[position:end])
        else:
            self._parts += 1
            if self._parts > self._max_parts > 0:
                raise TooManyParts(f"the body has more than {self._max_parts} parts")
            self._place = _Place.HEAD
            self._position = end
        return True

    def _refuse_boundary(self, rest: bytes) -> None:
        shown = self._delimiter[2:].decode()
        raise MultipartError(f"a boundary, {shown!r}, has something behind it: {rest[:40]!r}")

    # -- heads -----------------------------------------------------------------------------------------

    def _take_head(self) -> PartHead | None:
        """The head of a part, looked for from the line end before it on, with which an empty one ends."""
        data, position = self._data, self._position
        end = data.find(b"\r\n\r\n", position, position + _HEAD_SPAN)
        if end < 0:
            self._check_head(len(data) - position)
            self._head += data[position:]
            self._data = b""
            self._position = 0
            return None
        head = data[position:end]
        if self._delimiter in head:
            raise MultipartError("the head of a part has a boundary in it, and no end")
        fields = self._read_fields(head[2:])
        self._position = end + 4
        self._place = _Place.DATA
        self._is_fresh = True
        return PartHead(fields)

    def _complete_head(self, data: bytes) -> bytes:
        """What is to be looked at when ``data`` follows an unfinished head: nothing, until that is there.

        Else a head that comes byte by byte would be looked through as often."""
        head = self._head
        seen = len(head) - 3
        head += data
        if head.find(b"\r\n\r\n", max(seen, 0)) < 0:
            self._check_head(len(head))
            return b""
        self._head = bytearray()
        return bytes(head)

    def _check_head(self, size: int) -> None:
        if size >= _HEAD_SPAN:
            raise MultipartError(f"the head of a part has more than {HEAD} bytes")

    def _read_fields(self, head: bytes) -> CIMultiDictProxy[str]:
        pairs: list[tuple[bytes, bytes]] = []
        lines = head.split(b"\r\n") if head else []
        if len(lines) > self._max_fields:
            raise MultipartError(f"a part has more than {self._max_fields} header fields")
        for line in _unfold(lines):
            if len(line) > self._max_field_size:
                raise MultipartError(f"a header field of a part has more than {self._max_field_size} bytes")
            match = _match_field(line)
            if match is None:
                raise MultipartError(f"this is not a header field of a part: {line[:40]!r}")
            pairs.append((match[1], match[2]))
        return CIMultiDictProxy(decode_fields(pairs))


def _unfold(lines: list[bytes]) -> list[bytes]:
    """Fields that go on in a line which begins with white space, as one line (RFC 5322, section 2.2.3)."""
    fields: list[list[bytes]] = []
    for line in lines:
        if line.startswith((b" ", b"\t")) and fields:
            fields[-1].append(line)
        else:
            fields.append([line])
    return [b"".join(field) for field in fields]
