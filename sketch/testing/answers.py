"""Answers, read out of the bytes of one connection as they come. Takes bytes and returns what is in them;
waits for nobody and knows no connection.

It is strict: what a client in the world would perhaps forgive is `InvalidAnswer` here.
"""

import re
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from ..http.errors import RemoteProtocolError
from ..http.heads import HttpVersion
from ..http.limits import Limits
from ..http.status import allows_body
from ..protocol.h1.body import BodyDecoder, ChunkedBody, CountedBody
from .errors import ClientPayloadError, InvalidAnswer, ServerDisconnectedError

LARGEST_HEAD = 2**20
"""Bytes of an answer's head; a server that sends more has lost its way."""

_LIMITS = Limits(
    chunk_line=LARGEST_HEAD, trailers=LARGEST_HEAD, field_line=LARGEST_HEAD, trailer_fields=10_000
)

_STATUS_LINE = re.compile(rb"HTTP/(\d)\.(\d) ([1-9]\d\d) ([^\x00-\x08\x0a-\x1f\x7f]*)")
_FIELD_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")


class AnswerHead(NamedTuple):
    """The status line and the fields of an answer, interim or final."""

    version: HttpVersion
    status: int
    reason: str
    fields: tuple[tuple[bytes, bytes], ...]

    def values(self, name: bytes) -> list[bytes]:
        """The values of the fields with this name, in lower case."""
        return [value.strip().lower() for key, value in self.fields if key.lower() == name]

    @property
    def is_interim(self) -> bool:
        """Whether another head follows (RFC 9110, section 15.2). After 101 comes no HTTP any more."""
        return self.status < 200 and self.status != 101

    def options(self, name: bytes) -> list[bytes]:
        """The members of the lists in these fields."""
        return [part.strip() for value in self.values(name) for part in value.split(b",")]


class AnswerEnd(NamedTuple):
    """The end of an answer."""

    trailers: tuple[tuple[bytes, bytes], ...] = ()


Event = AnswerHead | AnswerEnd | bytes
"""What is in the bytes of a connection; ``bytes`` is a piece of a body."""


class _Reading(Enum):
    NOTHING = "no answer is expected"
    HEAD = "a head"
    BODY = "a body of which the end is known"
    REST = "a body that the end of the connection ends"
    TUNNEL = "what is no longer HTTP"


class AnswerReader:
    """Reads one answer after the other; each has to be expected."""

    def __init__(self) -> None:
        self._reading = _Reading.NOTHING
        self._method = ""
        self._data = b""
        self._body: BodyDecoder | None = None
        self.can_continue = True
        """Whether another answer may follow the one that is complete."""

    @property
    def held(self) -> bytes:
        """What came and belongs to no answer that is expected."""
        return self._data

    @property
    def is_tunnel(self) -> bool:
        """Whether the connection is no longer HTTP's: after 101, and after 2xx to ``CONNECT``."""
        return self._reading is _Reading.TUNNEL

    def expect(self, method: str) -> list[Event]:
        """The next answer is to this method. Returns what is there of it already."""
        assert self._reading is _Reading.NOTHING, "one answer at a time"
        self._reading = _Reading.HEAD
        self._method = method
        return self.receive(b"")

    def receive(self, data: bytes) -> list[Event]:
        """The next bytes. Raises `InvalidAnswer`, after which it must not be fed again."""
        self._data += data
        events: list[Event] = []
        while self._reading is not _Reading.NOTHING and self._data and self._step(events):
            pass
        return events

    def receive_end(self) -> list[Event]:
        """The connection has ended. Raises `ServerDisconnectedError` where an answer was expected,
        `ClientPayloadError` in the middle of one."""
        reading, self._reading = self._reading, _Reading.NOTHING
        self.can_continue = False
        if reading is _Reading.HEAD:
            some = f" after {self._data[:80]!r}" if self._data else ""
            raise ServerDisconnectedError(f"the server closed the connection without an answer{some}")
        if reading is _Reading.BODY:
            raise ClientPayloadError("the server closed the connection in the middle of the answer's body")
        return [AnswerEnd()] if reading is _Reading.REST else []

    def take_held(self) -> bytes:
        """What is `held`, which is not held any more."""
        held, self._data = self._data, b""
        return held

    def _step(self, events: list[Event]) -> bool:
        """Take the next part; says whether there may be more of them."""
        if self._reading is _Reading.HEAD:
            return self._take_head(events)
        if self._reading is _Reading.TUNNEL:
            return False
        data, self._data = self._data, b""
        if self._body is None:
            events.append(data)
            return False
        try:
            events.extend(self._body.feed(data))
        except RemoteProtocolError as error:
            raise InvalidAnswer(f"the body of the answer: {error}") from error
        if self._body.is_complete:
            self._data = self._body.unread
            self._end(events, self._body.trailers)
        return True

    def _take_head(self, events: list[Event]) -> bool:
        end = self._data.find(b"\r\n\r\n", 0, LARGEST_HEAD)
        if end < 0:
            if len(self._data) >= LARGEST_HEAD or not self._data.startswith(b"HTTP/"[: len(self._data)]):
                raise InvalidAnswer(f"this is not the head of an answer: {self._data[:80]!r}")
            return False
        head = _parse_head(self._data[:end])
        self._data = self._data[end + 4 :]
        events.append(head)
        if not head.is_interim:
            self._begin(head, events)
        return True

    def _begin(self, head: AnswerHead, events: list[Event]) -> None:
        """What follows the head (RFC 9112, section 6.3)."""
        options = head.options(b"connection")
        is_persistent = b"close" not in options if head.version >= (1, 1) else b"keep-alive" in options
        self.can_continue = is_persistent
        self._body = None
        if head.status == 101 or (self._method == "CONNECT" and head.status < 300):
            self._reading = _Reading.TUNNEL
            self.can_continue = False
            events.append(AnswerEnd())
        elif self._method == "HEAD" or not allows_body(head.status):
            self._end(events)
        else:
            self._frame(head)
            if self._body is not None and self._body.is_complete:
                self._end(events)

    def _frame(self, head: AnswerHead) -> None:
        codings, lengths = head.options(b"transfer-encoding"), head.options(b"content-length")
        if codings and lengths:
            raise InvalidAnswer("an answer with both Transfer-Encoding and Content-Length")
        if codings and codings != [b"chunked"]:
            raise InvalidAnswer(f"transfer codings that nobody asked for: {codings}")
        if len(lengths) > 1 or not all(length.isdigit() for length in lengths):
            raise InvalidAnswer(f"Content-Length: {lengths}")
        if codings or lengths:
            self._body = ChunkedBody(_LIMITS) if codings else CountedBody(int(lengths[0]))
            self._reading = _Reading.BODY
        else:
            self._reading = _Reading.REST
            self.can_continue = False

    def _end(self, events: list[Event], trailers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        self._reading = _Reading.NOTHING
        self._body = None
        events.append(AnswerEnd(tuple(trailers)))


def _parse_head(data: bytes) -> AnswerHead:
    line, *lines = data.split(b"\r\n")
    match = _STATUS_LINE.fullmatch(line)
    if match is None:
        raise InvalidAnswer(f"this is not a status line: {line[:80]!r}")
    major, minor, status, reason = match.groups()
    fields = []
    for text in lines:
        field = _FIELD_LINE.fullmatch(text)
        if field is None:
            raise InvalidAnswer(f"this is not a field line: {text[:80]!r}")
        fields.append((field[1], field[2].rstrip(b" \t")))
    version = HttpVersion(int(major), int(minor))
    return AnswerHead(version, int(status), reason.decode("utf-8", "surrogateescape"), tuple(fields))
