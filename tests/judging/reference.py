"""A strict reader of requests: what a server has to make of the bytes of one connection.

Written from the grammars of RFC 9110, 9112 and 3986, slowly and plainly, and from nothing of sketch: it is
what tests hold a server against. It knows no limits of time, and nothing of what an application does with a
request.

Where the specification leaves a choice (sections of RFC 9112, unless another is named):

- 2.2: a bare LF is no line end, because others may see more lines than we do; one empty line before a request
  is ignored, and no more.
- 3.2: a target may have any visible ASCII character but ``#``: browsers send some of those that RFC 3986
  excludes as they are (WHATWG URL: ``|``, ``^``, brackets), and none can move the end of a message.
- 3.2.2: a target of another scheme than http and https is not for this server; one with a user in it is an
  error (RFC 9110, 4.2.4).
- 3.2.3: a CONNECT that declares content is refused; it has none (RFC 9110, 9.3.6).
- 5.2: a folded field line is refused, not mended.
- 6.1: Transfer-Encoding beside Content-Length is refused; so is any transfer coding but chunked.
- 6.3: a Content-Length that repeats one number is refused.
- 7.1: a chunk size has at most 16 digits, a Content-Length 19.
"""

import re
from dataclasses import dataclass, field
from enum import Enum, auto

from tests.judging.fields import FieldLine, is_host, read_field_line

LINE = 8190
FIELDS = 128
HEAD = 65536
CHUNK_LINE = 256
TRAILERS = 8192
TRAILER_FIELDS = 16
"""Sizes that a server is allowed to refuse to go beyond: those of sketch by default."""

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VERSION = re.compile(rb"HTTP/([0-9])\.([0-9])")
_TARGET = re.compile(rb"[!\"$-~]+")
_ABSOLUTE = re.compile(rb"https?://([^/?]*)(?:[/?].*)?", re.IGNORECASE)
_AUTHORITY = re.compile(rb"(.+):[0-9]+")
_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}")
_QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
_EXTENSION = re.compile(
    rb"[ \t]*;[ \t]*(?:%(t)b)(?:[ \t]*=[ \t]*(?:%(t)b|%(q)b))?" % {b"t": _TOKEN.pattern, b"q": _QUOTED}
)


class Fault(Exception):
    """What is wrong with a message, and the section that says so (of RFC 9112, unless it names another).

    ``can_wait``
        whether a server may still wait for the rest of the line or the head before it says so.
    """

    def __init__(self, section: str, words: str, *, can_wait: bool = False) -> None:
        super().__init__(f"{words} ({section})")
        self.section = section
        self.can_wait = can_wait


class _Unfinished(Exception):
    """The bytes end in the middle of a message that has no fault so far."""


class Ending(Enum):
    """What stands after the last message that is complete."""

    IDLE = auto()
    """Nothing: another request may come."""
    CLOSED = auto()
    """Whatever there is, it is not read: the last message was the last of its connection."""
    TUNNEL = auto()
    """What follows a CONNECT, which is not HTTP or not this server's to read."""
    UNFINISHED = auto()
    """The beginning of a message."""
    INVALID = auto()
    """What is no request."""


@dataclass(frozen=True)
class Message:
    """One request."""

    method: str
    target: str
    version: tuple[int, int]
    fields: tuple[FieldLine, ...]
    body: bytes = b""
    trailers: tuple[FieldLine, ...] = ()


@dataclass
class Reading:
    """What the bytes of one connection say.

    ``hostless``
        where, in the bytes, a request line of HTTP/1.1 ends that no ``Host`` field follows.
    """

    messages: list[Message] = field(default_factory=list)
    ending: Ending = Ending.IDLE
    fault: Fault | None = None
    hostless: list[int] = field(default_factory=list)
    is_in_head: bool = False
    """Whether the bytes end before the head that they began."""


def read(data: bytes, *, needs_host: bool = True) -> Reading:
    """Read all messages. Without ``needs_host``, one of HTTP/1.1 may have no ``Host`` field."""
    return _Reader(data, needs_host).read()


class _Reader:
    def __init__(self, data: bytes, needs_host: bool) -> None:
        self._data = data
        self._needs_host = needs_host
        self._position = 0
        self._reading = Reading()

    def read(self) -> Reading:
        reading = self._reading
        try:
            while reading.ending is Ending.IDLE and self._skip_empty_line():
                self._read_message()
        except Fault as fault:
            reading.ending, reading.fault = Ending.INVALID, fault
        except _Unfinished:
            reading.ending = Ending.UNFINISHED
        return reading

    def _skip_empty_line(self) -> bool:
        """Whether anything is left after it."""
        rest = self._data[self._position :]
        if rest.startswith(b"\r\n"):
            self._position += 2
        elif rest == b"\r":
            return False
        return self._position < len(self._data)

    def _read_message(self) -> None:
        line, *lines = self._take_head()
        method, target, version = _read_request_line(line)
        fields = tuple(read_head_line(each) for each in lines)
        if len(fields) > FIELDS:
            raise Fault("9110 5.4", "too many fields")
        self._check_host(fields, version)
        length = read_length(fields, version)
        if method == "CONNECT" and length != 0:
            raise Fault("9110 9.3.6", "a CONNECT with content")
        body, trailers = self._take_body(length)
        self._reading.messages.append(Message(method, target, version, fields, body, trailers))
        if method == "CONNECT":
            self._reading.ending = Ending.TUNNEL
        elif not keeps_alive(fields, version):
            self._reading.ending = Ending.CLOSED

    def _check_host(self, fields: tuple[FieldLine, ...], version: tuple[int, int]) -> None:
        hosts = values_of(fields, b"host")
        if len(hosts) > 1:
            raise Fault("3.2", "more than one Host")
        if not hosts and version >= (1, 1) and self._needs_host:
            raise Fault("3.2", "no Host")
        if hosts and not is_host(hosts[0]):
            raise Fault("3.2", "a malformed Host")

    # -- bytes -----------------------------------------------------------------------------------------

    def _take_head(self) -> list[bytes]:
        start = self._position
        line_end = self._data.find(b"\r\n", start)
        self._note_hostless(line_end)
        end = self._data.find(b"\r\n\r\n", start)
        head = self._data[start:] if end < 0 else self._data[start : end + 2]
        if line_end == start:
            raise Fault("2.2", "more than one empty line before a request", can_wait=end < 0)
        if re.search(rb"(?<!\r)\n", head):
            raise Fault("2.2", "a line that ends in a bare LF")
        lines = head.split(b"\r\n")
        if len(lines[0]) > LINE:
            raise Fault("3", "a request line that is too long")
        if max(map(len, lines)) > LINE or len(head) > HEAD:
            raise Fault("9110 5.4", "a field that is too long")
        if end < 0:
            self._reading.is_in_head = True
            self._check_beginning(lines[:-1])
            raise _Unfinished
        self._position = end + 4
        return lines[:-1]

    def _check_beginning(self, lines: list[bytes]) -> None:
        """What can be said of a head that is not complete."""
        try:
            for line in lines[:1]:
                _read_request_line(line)
            for line in lines[1:]:
                read_head_line(line)
        except Fault as fault:
            raise Fault(fault.section, str(fault), can_wait=True) from fault

    def _note_hostless(self, line_end: int) -> None:
        ends = [end for end in (line_end, self._data.find(b"\n", self._position)) if end >= 0]
        if not ends:
            return
        head = re.split(rb"\n\r?\n", self._data[self._position :])[0]
        line = self._data[self._position : min(ends)]
        is_new = re.search(rb" HTTP/1\.[1-9]$", line) is not None
        if is_new and not re.search(rb"\nhost[ \t]*:", head, re.IGNORECASE):
            self._reading.hostless.append(min(ends))

    def _take_line(self, limit: int) -> bytes:
        rest = self._data[self._position : self._position + limit + 2]
        end = rest.find(b"\n")
        if end < 0:
            if len(rest) == limit + 2:
                raise Fault("7.1", "a line that is too long")
            if b"\r" in rest[:-1]:
                raise Fault("2.2", "a bare CR", can_wait=True)
            raise _Unfinished
        if not rest[:end].endswith(b"\r"):
            raise Fault("2.2", "a line that ends in a bare LF")
        self._position += end + 1
        return rest[: end - 1]

    # -- bodies ----------------------------------------------------------------------------------------

    def _take_body(self, length: int | None) -> tuple[bytes, tuple[FieldLine, ...]]:
        if length is not None:
            return self._take(length), ()
        body = b""
        while size := read_size(self._take_line(CHUNK_LINE)):
            body += self._take(size)
            end = self._data[self._position : self._position + 2]
            if not b"\r\n".startswith(end):
                raise Fault("7.1", "a chunk that is longer than its size")
            self._take(2)
        return body, self._take_trailers()

    def _take(self, size: int) -> bytes:
        data = self._data[self._position : self._position + size]
        self._position += len(data)
        if len(data) < size:
            raise _Unfinished
        return data

    def _take_trailers(self) -> tuple[FieldLine, ...]:
        start = self._position
        trailers = []
        while line := self._take_line(min(LINE, TRAILERS)):
            trailers.append(read_head_line(line))
            if len(trailers) > TRAILER_FIELDS or self._position - start > TRAILERS:
                raise Fault("7.1.2", "too many trailers")
        return tuple(trailers)


def read_head_line(line: bytes) -> FieldLine:
    """A field line. Raises `Fault`."""
    read = read_field_line(line)
    if isinstance(read, str):
        raise Fault("5", read)
    return read


def _read_request_line(line: bytes) -> tuple[str, str, tuple[int, int]]:
    parts = line.split(b" ")
    if len(parts) != 3:
        raise Fault("3", "a request line is three words with one space between them")
    method, target, version = parts
    if _TOKEN.fullmatch(method) is None:
        raise Fault("3.1", "a method is a token")
    match = _VERSION.fullmatch(version)
    if match is None:
        raise Fault("2.3", "a version is HTTP/ and two digits")
    if match[1] != b"1":
        raise Fault("9110 2.5", "another major version")
    _check_target(method, target)
    return method.decode(), target.decode(), (1, int(match[2]))


def _check_target(method: bytes, target: bytes) -> None:
    if _TARGET.fullmatch(target) is None:
        raise Fault("3.2", "a target is visible ASCII, and no fragment")
    if method == b"CONNECT":
        match = _AUTHORITY.fullmatch(target)
        if match is None or not is_host(target) or not match[1]:
            raise Fault("3.2.3", "CONNECT takes a host and a port")
        return
    if target.startswith(b"/") or (target == b"*" and method == b"OPTIONS"):
        return
    match = _ABSOLUTE.fullmatch(target)
    if match is None:
        raise Fault("3.2", "a target in none of the forms that the method allows")
    if not match[1] or match[1].startswith(b":") or not is_host(match[1]):
        raise Fault("9110 4.2", "an absolute target whose authority is no host and port")


def values_of(fields: tuple[FieldLine, ...], name: bytes) -> list[bytes]:
    """The values of the fields with this name."""
    return [value for own, value in fields if own.lower() == name]


def items_of(fields: tuple[FieldLine, ...], name: bytes) -> list[bytes]:
    """The items of a list-valued field, in lower case (RFC 9110, section 5.6.1)."""
    items = [item.strip(b" \t") for value in values_of(fields, name) for item in value.split(b",")]
    return [item.lower() for item in items if item]


def read_length(fields: tuple[FieldLine, ...], version: tuple[int, int]) -> int | None:
    """The length of the body, ``None`` for a chunked one. Raises `Fault` (section 6.3)."""
    lengths = values_of(fields, b"content-length")
    if values_of(fields, b"transfer-encoding"):
        if lengths:
            raise Fault("6.1", "both Transfer-Encoding and Content-Length")
        if version < (1, 1):
            raise Fault("6.1", "Transfer-Encoding in HTTP/1.0")
        if items_of(fields, b"transfer-encoding") != [b"chunked"]:
            raise Fault("6.1", "a Transfer-Encoding that is not chunked, once")
        return None
    if not lengths:
        return 0
    if len(lengths) > 1 or re.fullmatch(rb"[0-9]{1,19}", lengths[0]) is None:
        raise Fault("6.3", "a Content-Length that is not one number")
    return int(lengths[0])


def read_size(line: bytes) -> int:
    """The size of a chunk. Raises `Fault` (section 7.1)."""
    match = _SIZE.match(line)
    if match is None:
        raise Fault("7.1", "a chunk without a size")
    rest = line[match.end() :]
    while rest:
        extension = _EXTENSION.match(rest)
        if extension is None:
            raise Fault("7.1.1", "a malformed chunk extension")
        rest = rest[extension.end() :]
    return int(match[0], 16)


def keeps_alive(fields: tuple[FieldLine, ...], version: tuple[int, int]) -> bool:
    """Whether another request may follow (section 9.3)."""
    options = items_of(fields, b"connection")
    return b"close" not in options and (version >= (1, 1) or b"keep-alive" in options)
