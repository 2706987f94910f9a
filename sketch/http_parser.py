"""HTTP/1 request heads: from bytes to a `RequestHead`.

The engine cuts the head out of the stream; this module is given exactly one, whole. The request line is
matched by one regular expression, the field lines are httptools' (llhttp's), and what the fields say about
framing is read out here, once, by the rules of RFC 9112. What llhttp forgives is refused here: a ``Host``
that is none, a target that the method may not have, more of everything than the limits. Bodies are not known
here.
"""

import re
from collections.abc import Sequence
from typing import Final

import httptools

from .http.coding import read_codings
from .http.errors import RemoteProtocolError
from .http.headers import FieldLines
from .http.heads import NO_BODY, Framing, HttpVersion, HttpVersion10, HttpVersion11, RequestHead
from .http.limits import DEFAULT_LIMITS, Limits
from .http.target import check_target, is_host

# The last group is empty for HTTP/1.1, the minor version for all others.
_REQUEST_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([!-~]+) HTTP/1\.(?:1|([0-9]))\r\n")
# The usual one. A target that is a path and has no fragment is all that check_target would ask for.
_COMMON_LINE = re.compile(rb"([A-Z]+) (/[!\"$-~]*) HTTP/1\.1\r\n")
_LIKE_A_REQUEST_LINE = re.compile(rb"[^ \r\n]+ [^ \r\n]+ HTTP/([0-9])(?:\.[0-9])?\r\n")
_CONTENT_LENGTH = re.compile(rb"[0-9]{1,19}")
_BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")

# The fields that change what follows the head. All others are the application's. Proxy-Connection says
# nothing to us, but llhttp takes it for Connection.
_FRAMING_FIELDS: Final = frozenset(
    {b"connection", b"content-length", b"expect", b"proxy-connection", b"transfer-encoding", b"upgrade"}
)
_BODY_FIELDS: Final = _FRAMING_FIELDS - {b"connection"}
# Looked for where there is a body anyway, so that nobody has to look for it later.
_READ_FIELDS: Final = _FRAMING_FIELDS | {b"content-encoding"}
_KEEP_ALIVE: Final = (b"keep-alive", b"Keep-Alive")

# The methods whose requests llhttp parses as they are. It knows others, but gives them a meaning: CONNECT
# and PRI change the protocol, and the set differs from version to version.
_PLAIN_METHODS: Final = {
    name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
}

_CLOSE: Final = Framing(keep_alive=False)


class HttpParser:
    """Parses request heads, one at a time. No head changes how the next one is read, so that all
    connections of a server share one parser."""

    __slots__ = ("_fields", "_limits", "_llhttp", "_most_fields", "_shortest_line", "_usual_host")

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._most_fields = limits.fields
        self._shortest_line = min(limits.request_line, limits.field_line, limits.head)
        # The last Host field that was found to be one. Nearly all requests to a server have the same, and
        # nearly all clients send it first (as RFC 9110, section 7.2, asks): to find it again costs 0.04
        # microseconds.
        self._usual_host = (b"", b"")
        self._fields = FieldLines()
        self._llhttp = httptools.HttpRequestParser(self)

    def on_header(self, *field: bytes) -> None:
        """Called by httptools for each field line. It only appends, and the arguments are the pair: a
        callback per field has to be cheap (0.12 microseconds for each; counting is done afterwards)."""
        self._fields.append(field)  # type: ignore[arg-type]

    def parse(self, data: bytes) -> RequestHead:
        """Parse one request head, from its first byte to the empty line that ends it.

        Raises `RemoteProtocolError` with the status to answer."""
        match = _COMMON_LINE.match(data)
        if match is None or len(data) > self._shortest_line:
            return self._parse_unusual(data)
        name, target = match.groups()
        method = _PLAIN_METHODS.get(name)
        if method is None:
            return self._parse_unusual(data)
        fields = self._parse_fields(data)
        names = [field_name.lower() for field_name, _ in fields]
        if names.count(b"host") == 1 and (
            _FRAMING_FIELDS.isdisjoint(names)
            # What every browser sends.
            or (
                _BODY_FIELDS.isdisjoint(names)
                and names.count(b"connection") == 1
                and fields[names.index(b"connection")][1] in _KEEP_ALIVE
            )
        ):
            if self._usual_host not in fields:
                self._check_host(fields[names.index(b"host")])
            return RequestHead(method, target.decode(), HttpVersion11, fields, NO_BODY)
        framing = self._read_framing(names, fields, HttpVersion11)
        return RequestHead(method, target.decode(), HttpVersion11, fields, framing)

    def parse_repeated(
        self, data: bytes, line_end: int, end: int, previous: RequestHead
    ) -> RequestHead | None:
        """The head that is ``data[:end]``, whose field lines begin at ``line_end`` and are, to the letter,
        those of the head before; ``None`` where what is before them is not just a common request line.

        A client says the same of itself in every request (it is what HPACK, RFC 7541, is built on). What
        was read out of these bytes once needs no second reading: 0.6 microseconds in place of 1.1 for one
        field, and of 3.7 for thirteen."""
        match = _COMMON_LINE.match(data)
        if match is None or match.end() != line_end or end > self._shortest_line:
            return None
        name, target = match.groups()
        method = _PLAIN_METHODS.get(name)
        if method is None or previous.version is not HttpVersion11:
            return None
        return RequestHead(method, target.decode(), HttpVersion11, previous.fields, previous.framing)

    def _parse_unusual(self, data: bytes) -> RequestHead:
        """A head with long lines, another method than the common ones, another target than a path, or another
        version; or one whose request line is none."""
        if len(data) > self._shortest_line:
            self._check_lines(data)
        match = _REQUEST_LINE.match(data)
        if match is None:
            check_beginning(data, self._limits)
            raise AssertionError("a request line that is none was not refused")
        method, target, minor = match.groups()
        check_target(method, target)
        version = HttpVersion10 if minor == b"0" else HttpVersion11
        # A stand-in, because llhttp would give the method or the version a meaning of its own.
        fields = self._parse_fields(b"GET / HTTP/1.1\r\n%b" % data[match.end() :])
        names = [field_name.lower() for field_name, _ in fields]
        framing = self._read_framing(names, fields, version)
        if method == b"CONNECT":
            framing = _without_content(framing)
        return RequestHead(method.decode(), target.decode(), version, fields, framing)

    def _parse_fields(self, head: bytes) -> FieldLines:
        self._fields = fields = FieldLines()
        try:
            self._llhttp.feed_data(head)
        except httptools.HttpParserUpgrade:
            # An upgrade that nobody accepts must not change how the request is read (RFC 9110, section
            # 7.8): the head is complete, and what follows it is ours to cut.
            self._llhttp = httptools.HttpRequestParser(self)
        except httptools.HttpParserError as error:
            self._llhttp = httptools.HttpRequestParser(self)
            raise RemoteProtocolError(f"malformed header section: {error}") from error
        if len(fields) > self._most_fields:
            self._llhttp = httptools.HttpRequestParser(self)
            raise RemoteProtocolError(f"more than {self._most_fields} header fields", status=431)
        return fields

    def _check_lines(self, head: bytes) -> None:
        """Only for a head that is longer than one line may be."""
        check_beginning(head, self._limits)
        _, *lines = head.split(b"\r\n")
        if max(map(len, lines)) > self._limits.field_line:
            raise RemoteProtocolError("a header field is too long", status=431)

    def _read_framing(
        self, names: list[bytes], fields: Sequence[tuple[bytes, bytes]], version: HttpVersion
    ) -> Framing:
        """What the fields say about the framing. ``names`` are theirs in lower case."""
        # llhttp may now expect a body, or an end, whether this head is accepted or not, and its next head is
        # likely another client's. We cut bodies ourselves, and every head is a fresh start; a new parser
        # costs 0.2 microseconds.
        self._llhttp = httptools.HttpRequestParser(self)
        # RFC 9112, section 3.2.
        hosts = names.count(b"host")
        if hosts > 1 or (not hosts and version is HttpVersion11):
            raise RemoteProtocolError("an HTTP/1.1 request has exactly one Host field")
        if hosts:
            self._check_host(fields[names.index(b"host")])
        present = _READ_FIELDS.intersection(names)
        values = {
            name: [field[1] for own, field in zip(names, fields, strict=True) if own == name]
            for name in present
        }
        return read_framing(values, version)

    def _check_host(self, field: tuple[bytes, bytes]) -> None:
        """RFC 9110, section 7.2."""
        if not is_host(field[1].strip(b" \t")):
            raise RemoteProtocolError("the value of Host is not a host and a port")
        self._usual_host = field


def check_beginning(data: bytes | bytearray, limits: Limits, *, begin: int = 0, scanned: int = 0) -> None:
    """Refuse a head, or what there is of it, for what no further byte could mend.

    ``begin`` is where it begins in ``data``; what lies before ``scanned`` was looked at before. Faults are
    reported in the order in which they show byte by byte, so that the answer does not depend on how the
    network cut the head.

    Raises `RemoteProtocolError` with the status to answer."""
    most = begin + limits.head
    longest = min(begin + limits.request_line + 2, most)
    bare = _BARE_LINE_FEED.search(data, scanned, most + 1)
    if scanned <= longest:
        end = data.find(b"\r\n", begin, longest)
        sound = len(data) if bare is None else bare.start()
        if end < 0 and longest < sound:
            raise RemoteProtocolError("the request line is too long", status=414)
        # Once: when the end of the line has just come.
        if 0 <= end < sound and (not scanned or end > scanned + 1):
            _check_request_line(bytes(data[begin : end + 2]))
    if bare is not None:
        raise RemoteProtocolError("a line of the head does not end in CR LF")
    if len(data) > most:
        raise RemoteProtocolError("the header section is too large", status=431)


def read_framing(present: dict[bytes, list[bytes]], version: HttpVersion) -> Framing:
    """What the framing fields say, given as lists of values by lower-case name.

    Raises `RemoteProtocolError` where they contradict each other or the specification: such a message
    could be read differently by another server on the way (RFC 9112, section 11.2)."""
    options = _split_tokens(present.get(b"connection", ()))
    if b"close" in options:
        keep_alive = False
    else:
        keep_alive = version is HttpVersion11 or b"keep-alive" in options
    content_length = _read_length(present, version)
    expect_continue = (
        b"expect" in present
        and version is HttpVersion11
        and _split_tokens(present[b"expect"]) == [b"100-continue"]
    )
    upgrade: tuple[str, ...] = ()
    if b"upgrade" in options and b"upgrade" in present and version is HttpVersion11:
        upgrade = tuple(value.decode("latin-1") for value in _split_list(present[b"upgrade"]))
    if content_length == 0 and b"expect" not in present and not upgrade:
        return NO_BODY if keep_alive else _CLOSE
    return Framing(
        content_length,
        keep_alive=keep_alive,
        expect_continue=expect_continue,
        has_expectation=b"expect" in present,
        upgrade=upgrade,
        codings=_read_codings(present) if b"content-encoding" in present and content_length != 0 else (),
    )


def _read_codings(present: dict[bytes, list[bytes]]) -> tuple[str, ...]:
    return read_codings([value.decode("utf-8", "surrogateescape") for value in present[b"content-encoding"]])


def _read_length(present: dict[bytes, list[bytes]], version: HttpVersion) -> int | None:
    """Bytes of the body, ``None`` when it is chunked (RFC 9112, section 6.3)."""
    codings = present.get(b"transfer-encoding")
    lengths = present.get(b"content-length")
    if codings is not None:
        if lengths is not None:
            raise RemoteProtocolError("both Transfer-Encoding and Content-Length")
        if version is not HttpVersion11:
            raise RemoteProtocolError("Transfer-Encoding in an HTTP/1.0 request")
        names = _split_tokens(codings)
        if names.count(b"chunked") != 1 or names[-1] != b"chunked":
            raise RemoteProtocolError("Transfer-Encoding does not end in one chunked")
        if len(names) > 1:
            raise RemoteProtocolError("a transfer coding other than chunked", status=501)
        return None
    if lengths is None:
        return 0
    value = lengths[0].strip(b" \t")
    if len(lengths) > 1 or _CONTENT_LENGTH.fullmatch(value) is None:
        raise RemoteProtocolError("Content-Length is not one number")
    return int(value)


def _split_list(values: Sequence[bytes]) -> list[bytes]:
    items = [item.strip(b" \t") for value in values for item in value.split(b",")]
    return [item for item in items if item]


def _split_tokens(values: Sequence[bytes]) -> list[bytes]:
    return [item.lower() for item in _split_list(values)]


def _check_request_line(line: bytes) -> None:
    """Refuse a line, with its end, that begins no request."""
    match = _REQUEST_LINE.fullmatch(line)
    if match is not None:
        check_target(match[1], match[2])
        return
    named = _LIKE_A_REQUEST_LINE.match(line)
    if named is not None and named[1] != b"1":
        raise RemoteProtocolError("a version of HTTP that is not spoken here", status=505)
    raise RemoteProtocolError("malformed request line")


def _without_content(framing: Framing) -> Framing:
    """The framing of a CONNECT request, which has no content: what follows it is the tunnel's (RFC 9110,
    section 9.3.6). A client may begin with that before it is answered, so there is no next request."""
    if framing.has_body:
        raise RemoteProtocolError("a CONNECT request has no content")
    return Framing(keep_alive=False, has_expectation=framing.has_expectation)
