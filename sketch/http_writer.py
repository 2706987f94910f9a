"""HTTP/1 responses: from a `ResponseHead` and a body to bytes, and the framing between the two.

What is answered is decided elsewhere; here it is decided how the client will know where the answer ends
(RFC 9112, section 6), and what the carrier adds to a head.
"""

import re
from collections.abc import Iterable, Set
from enum import Enum, auto
from functools import lru_cache
from typing import Final, NamedTuple

from .http.errors import LocalProtocolError
from .http.exchange import Bytes
from .http.headers import check_field, split_list
from .http.heads import SERVER_SOFTWARE, HttpVersion11, RequestHead, ResponseHead
from .http.status import allows_body
from .http.trailers import may_be_trailer

LAST_CHUNK: Final = b"0\r\n\r\n"
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

_CONTENT_LENGTH = re.compile(r"[0-9]{1,19}")
_SERVER: Final = f"Server: {SERVER_SOFTWARE}\r\n".encode()


class Automatic(NamedTuple):
    """The fields that every answer gets, made once a second."""

    date: bytes
    """The ``Date`` line (RFC 9110, section 6.6.1)."""

    ending: bytes
    """``Date``, ``Server``, and the empty line after the head: how nearly every head ends."""


def make_automatic(date: str) -> Automatic:
    """The automatic fields for this moment, given as an HTTP date."""
    line = f"Date: {date}\r\n".encode()
    return Automatic(line, line + _SERVER + b"\r\n")


class BodyFraming(Enum):
    """How a client learns where the body of an answer ends (RFC 9112, section 6.3)."""

    NONE = auto()
    """There is no body, whatever the fields say: ``HEAD``, 204, 304, and the way is free for ``CONNECT``."""
    COUNTED = auto()
    CHUNKED = auto()
    CLOSE = auto()
    """It ends with the connection: a stream to an HTTP/1.0 client."""


@lru_cache(maxsize=2048)
def content_length(length: int) -> bytes:
    """The field line. The lengths of most bodies are small and come again."""
    return b"Content-Length: %d\r\n" % length


def encode_plain(wire: bytes, body: Bytes, automatic: Automatic) -> bytes:
    """A whole answer with a head that has a ``plain_wire``, to an HTTP/1.1 request that is not ``HEAD``, on
    a connection that stays open: the way of nearly every answer."""
    return b"".join((wire, content_length(len(body)), automatic.ending, body))


def encode_response(
    head: ResponseHead, body: Bytes, request: RequestHead, *, keep_alive: bool, automatic: Automatic
) -> list[bytes]:
    """A whole answer, in parts that are written one after the other: its head, and what its body comes to.

    Raises `LocalProtocolError` when the application declared a length that is not the body's."""
    framing, declared = choose_framing(head, len(body), request)
    if framing is BodyFraming.COUNTED and declared != len(body):
        raise LocalProtocolError(f"the response declares {declared} bytes and its body has {len(body)}")
    length = len(body) if body or framing is not BodyFraming.NONE else None
    parts = [encode_start(head, framing, length, request, keep_alive=keep_alive, automatic=automatic)]
    if framing is BodyFraming.CHUNKED:
        # The application asked for it by name.
        parts += [*(encode_chunk(bytes(body)) if body else ()), LAST_CHUNK]
    elif framing is not BodyFraming.NONE and body:
        parts.append(bytes(body))
    return parts


def encode_start(
    head: ResponseHead,
    framing: BodyFraming,
    declared: int | None,
    request: RequestHead,
    *,
    keep_alive: bool,
    automatic: Automatic,
) -> bytes:
    """The head of an answer whose body follows."""
    head, options = _settle(head, request, keep_alive)
    parts = [head.encode()]
    carried = head.carried
    if framing is BodyFraming.CHUNKED and "transfer-encoding" not in carried:
        parts.append(b"Transfer-Encoding: chunked\r\n")
    parts.append(_length_field(head, declared, request))
    parts += _control_fields(head, options, automatic)
    return b"".join(parts)


def choose_framing(
    head: ResponseHead, content_length: int | None, request: RequestHead
) -> tuple[BodyFraming, int | None]:
    """How the body will be framed, and its declared length, where there is one.

    ``content_length`` is what the caller knows; a ``Content-Length`` among the fields goes before it.
    Raises `LocalProtocolError` for fields that contradict each other, and for a status that is not
    final."""
    if head.status < 200:
        raise LocalProtocolError(f"{head.status} is not the status of a final response")
    carried = head.carried
    named = carried.get("content-length")
    coding = carried.get("transfer-encoding")
    chunked = coding is not None
    if coding is not None and coding.strip(" \t").lower() != "chunked":
        raise LocalProtocolError(f"the response's Transfer-Encoding is {coding!r}")
    if named is not None:
        if chunked:
            raise LocalProtocolError("the response has both Content-Length and Transfer-Encoding")
        if _CONTENT_LENGTH.fullmatch(named) is None:
            raise LocalProtocolError(f"the response's Content-Length is {named!r}")
        content_length = int(named)
    if request.method == "HEAD" or not allows_body(head.status):
        return BodyFraming.NONE, None if chunked else content_length
    if _opens_tunnel(head, request):
        return BodyFraming.NONE, None
    if chunked and request.version is HttpVersion11:
        return BodyFraming.CHUNKED, None
    if content_length is not None:
        return BodyFraming.COUNTED, content_length
    if request.version is HttpVersion11:
        return BodyFraming.CHUNKED, None
    return BodyFraming.CLOSE, None


def _opens_tunnel(head: ResponseHead, request: RequestHead) -> bool:
    """Whether what follows the head is no content but the tunnel's (RFC 9110, section 9.3.6)."""
    return request.method == "CONNECT" and 200 <= head.status < 300


def without_refused(head: ResponseHead, request: RequestHead, also: Set[str] = frozenset()) -> ResponseHead:
    """A head without the framing fields that the application set where none may be sent: no
    ``Transfer-Encoding`` to HTTP/1.0 (RFC 9112, section 6.1), and neither it nor ``Content-Length`` with
    1xx and 204 (RFC 9110, section 8.6), where a tunnel follows (section 9.3.6), nor with 205, which the
    carrier frames itself. ``also`` are the names of others to leave out."""
    refused = set(also)
    if request.version is not HttpVersion11:
        refused.add("transfer-encoding")
    if _opens_tunnel(head, request) or not (allows_body(head.status) or head.status == 304):
        refused |= {"transfer-encoding", "content-length"}
    if refused.isdisjoint(head.carried):
        return head
    fields = [(name, value) for name, value in head.fields if name.lower() not in refused]
    return ResponseHead(head.status, head.reason, fields, automatic=head.automatic)


def encode_switch(head: ResponseHead, request: RequestHead, automatic: Automatic) -> bytes:
    """The last head on a connection that becomes something else: 101 to a request with ``Upgrade`` (RFC 9110,
    section 15.2.2), 2xx to ``CONNECT`` (section 9.3.6).

    Raises `LocalProtocolError` for another status, and for a protocol that the client did not offer."""
    parts = [b""]
    refused = {"content-length", "transfer-encoding"}
    if request.method == "CONNECT":
        if not _opens_tunnel(head, request):
            raise LocalProtocolError(f"{head.status} does not begin a tunnel: that is 2xx")
    else:
        _check_switch(head, request)
        refused.add("connection")
        parts.append(b"Connection: Upgrade\r\n")
    fields = [(name, value) for name, value in head.fields if name.lower() not in refused]
    parts[0] = ResponseHead(head.status, head.reason, fields).encode()
    carried = head.carried
    if head.automatic and "date" not in carried:
        parts.append(automatic.date)
    if head.automatic and "server" not in carried:
        parts.append(_SERVER)
    return b"".join([*parts, b"\r\n"])


def _check_switch(head: ResponseHead, request: RequestHead) -> None:
    if head.status != 101:
        raise LocalProtocolError(f"{head.status} does not switch to another protocol: that is 101")
    value = ", ".join([value for name, value in head.fields if name.lower() == "upgrade"])
    named = {protocol.lower() for protocol in split_list(value)}
    offered = {protocol.lower() for protocol in request.framing.upgrade}
    if not named or not named <= offered:
        raise LocalProtocolError(f"Upgrade is {value!r}, and the client offers {request.framing.upgrade!r}")


def encode_interim(head: ResponseHead, request: RequestHead) -> bytes:
    """An interim (1xx) response (RFC 9110, section 15.2)."""
    return without_refused(head, request).encode() + b"\r\n"


def encode_chunk(data: Bytes) -> tuple[bytes, Bytes, bytes]:
    """One chunk, in parts that are written one after the other (RFC 9112, section 7.1). Not for empty
    data, which would end the body."""
    return (b"%x\r\n" % len(data), data, b"\r\n")


def encode_trailers(trailers: Iterable[tuple[str, str]]) -> bytes:
    """The last chunk, with trailer fields.

    Raises `ValueError` for fields that cannot be sent, and `LocalProtocolError` for those that mean something
    only in the head (RFC 9110, section 6.5.1)."""
    lines = []
    for name, value in trailers:
        check_field(name, value)
        if not may_be_trailer(name):
            raise LocalProtocolError(f"{name} cannot be a trailer: a client needs it before the body")
        lines.append(f"{name}: {value}\r\n")
    return b"0\r\n" + "".join(lines).encode("utf-8", "surrogateescape") + b"\r\n"


def _length_field(head: ResponseHead, length: int | None, request: RequestHead) -> bytes:
    """The line that says how long the body is, if the answer has none and may have one: never for 1xx, 204
    (RFC 9110, section 8.6) and 304, whose body would not be the one that was left out."""
    if (
        "content-length" in head.carried
        or "transfer-encoding" in head.carried
        or _opens_tunnel(head, request)
    ):
        return b""
    if head.status == 205 and request.method != "HEAD":
        # Unlike 204 and 304 it does not end with its head: a client waits for what is not said to be empty
        # (RFC 9110, section 15.3.6).
        length = 0
    elif length is None or not allows_body(head.status):
        return b""
    return content_length(length)


def _settle(head: ResponseHead, request: RequestHead, keep_alive: bool) -> tuple[ResponseHead, str]:
    """The head without what may not be sent, and the value of ``Connection`` to be added to it."""
    needed = "keep-alive" if keep_alive else "close"
    is_usual = keep_alive is (request.version is HttpVersion11)
    carried = head.carried
    if "connection" in carried:
        options = _complete_options(carried["connection"], needed, is_usual)
    else:
        options = "" if is_usual else needed
    if carried:
        head = without_refused(head, request, {"connection"} if options else frozenset())
    return head, options


def _complete_options(value: str, needed: str, is_usual: bool) -> str:
    """The value of ``Connection`` by which a client knows whether the connection stays (RFC 9112, section
    9.3); ``""`` where the one that the application set says so, or need not."""
    named = split_list(value)
    said = {option.lower() for option in named} & {"close", "keep-alive"}
    if said == {needed} or (not said and is_usual):
        return ""
    value = ", ".join([*(option for option in named if option.lower() not in said), needed])
    check_field("Connection", value)
    return value


def _control_fields(head: ResponseHead, options: str, automatic: Automatic) -> list[bytes]:
    """What the carrier adds at the end of a head, and the empty line."""
    carried = head.carried
    lines: list[bytes] = []
    if head.automatic and "date" not in carried:
        lines.append(automatic.date)
    if head.automatic and "server" not in carried:
        lines.append(_SERVER)
    if options:
        lines.append(b"Connection: %b\r\n" % options.encode("utf-8", "surrogateescape"))
    lines.append(b"\r\n")
    return lines
