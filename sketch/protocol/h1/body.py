"""Request bodies, cut out of a stream of bytes at any places: counted and chunked.

A decoder is fed what arrives, gives back the pieces of content in it, and knows when the body is
complete; what came after the end is in ``unread``. A body that breaks its framing raises
`RemoteProtocolError`, with the pieces before the fault in it, after which the decoder must not be fed again.
"""

import re
from enum import Enum, auto

from ...http.errors import RemoteProtocolError
from ...http.limits import Limits
from ...http.trailers import may_be_trailer

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'

# RFC 9112, section 7.1. Sixteen digits are 2^64: more can only be leading zeros or an overflow.
_CHUNK_LINE = re.compile(
    rb"([0-9A-Fa-f]{1,16})((?:[ \t]*;[ \t]*%b(?:[ \t]*=[ \t]*(?:%b|%b))?)*)" % (_TOKEN, _TOKEN, _QUOTED)
)
_FIELD_LINE = re.compile(rb"(%b):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)" % _TOKEN)


class CountedBody:
    """A body of which the length was declared (RFC 9112, section 6.2)."""

    __slots__ = ("_remaining", "unread")

    def __init__(self, content_length: int) -> None:
        self._remaining = content_length
        self.unread = b""

    @property
    def is_complete(self) -> bool:
        """Whether the last byte has come."""
        return self._remaining == 0

    @property
    def trailers(self) -> list[tuple[bytes, bytes]]:
        """Fields after the body: this framing has none."""
        return []

    def feed(self, data: bytes) -> list[bytes]:
        """The pieces of content in ``data``: itself, or its beginning."""
        size = len(data)
        if size <= self._remaining:
            self._remaining -= size
            return [data] if data else []
        content, self.unread = data[: self._remaining], data[self._remaining :]
        self._remaining = 0
        return [content] if content else []


class _Part(Enum):
    """Where in a chunked body the next byte belongs."""

    SIZE = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILERS = auto()
    COMPLETE = auto()


class ChunkedBody:
    """A body in chunks, each with its length before it (RFC 9112, section 7.1)."""

    __slots__ = (
        "_extensions",
        "_limits",
        "_line",
        "_part",
        "_remaining",
        "_trailer_bytes",
        "_trailer_count",
        "trailers",
        "unread",
    )

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._part = _Part.SIZE
        self._remaining = 0
        self._line = b""
        self._extensions = 0
        self._trailer_bytes = 0
        self._trailer_count = 0
        self.trailers: list[tuple[bytes, bytes]] = []
        """The trailer fields that may be kept, once the body is complete."""
        self.unread = b""

    @property
    def is_complete(self) -> bool:
        """Whether the last byte, after the trailers, has come."""
        return self._part is _Part.COMPLETE

    def feed(self, data: bytes) -> list[bytes]:
        """The pieces of content in ``data``, one for each chunk or part of one.

        Raises `RemoteProtocolError` for anything that is not to the letter, and for more of it than the
        limits allow; its ``pieces`` are those before the fault."""
        if self._line:
            data = self._line + data
            self._line = b""
        pieces: list[bytes] = []
        try:
            self._feed(data, pieces)
        except RemoteProtocolError as error:
            error.pieces = pieces
            raise
        return pieces

    def _feed(self, data: bytes, pieces: list[bytes]) -> None:
        position = 0
        while position < len(data):
            part = self._part
            if part is _Part.DATA:
                piece = data[position : position + self._remaining]
                pieces.append(piece)
                position += len(piece)
                self._remaining -= len(piece)
                if not self._remaining:
                    self._part = _Part.DATA_END
            elif part is _Part.COMPLETE:
                self.unread = data[position:]
                break
            else:
                end = self._find_line_end(data, position)
                if end < 0:
                    self._line = data[position:]
                    break
                self._take_line(data[position:end])
                position = end + 2

    def _find_line_end(self, data: bytes, position: int) -> int:
        limit = self._line_limit()
        end = data.find(b"\n", position, position + limit + 2)
        if end < 0:
            if len(data) - position >= limit + 2:
                raise RemoteProtocolError(f"a line of the chunked body is longer than {limit} bytes")
            return -1
        if end == position or data[end - 1] != 13:
            raise RemoteProtocolError("a line of the chunked body does not end in CR LF")
        return end - 1

    def _line_limit(self) -> int:
        if self._part is _Part.SIZE:
            return self._limits.chunk_line
        if self._part is _Part.DATA_END:
            return 0
        return min(self._limits.field_line, self._limits.trailers)

    def _take_line(self, line: bytes) -> None:
        if self._part is _Part.SIZE:
            self._take_size(line)
        elif self._part is _Part.DATA_END:
            if line:
                raise RemoteProtocolError("a chunk is longer than its size says")
            self._part = _Part.SIZE
        elif line:
            self._take_trailer(line)
        else:
            self._part = _Part.COMPLETE

    def _take_size(self, line: bytes) -> None:
        match = _CHUNK_LINE.fullmatch(line)
        if match is None:
            raise RemoteProtocolError("a chunk-size line is malformed")
        size, extensions = match.groups()
        self._extensions += len(extensions)
        if self._extensions > self._limits.chunk_extensions:
            raise RemoteProtocolError("the body has too many chunk extensions")
        self._remaining = int(size, 16)
        self._part = _Part.DATA if self._remaining else _Part.TRAILERS

    def _take_trailer(self, line: bytes) -> None:
        match = _FIELD_LINE.fullmatch(line)
        if match is None:
            raise RemoteProtocolError("a trailer field is malformed")
        self._trailer_bytes += len(line) + 2
        self._trailer_count += 1
        limits = self._limits
        if self._trailer_bytes > limits.trailers or self._trailer_count > limits.trailer_fields:
            raise RemoteProtocolError("the trailer section is too large")
        name, value = match.groups()
        # RFC 9112, section 7.1.2: what may be no trailer is ignored.
        if may_be_trailer(name.decode()):
            self.trailers.append((name, value.rstrip(b" \t")))


BodyDecoder = CountedBody | ChunkedBody
