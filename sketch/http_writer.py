"""HTTP/1 responses: from a `ResponseHead` and a body to bytes, and the framing between the two.

What is answered is decided elsewhere; here it is decided how the client will know where the answer ends
(RFC 9112, section 6), and what the carrier adds to a head.
"""

from collections.abc import Iterable
from enum import Enum, auto
from functools import lru_cache
from typing import Final, NamedTuple

from .http.errors import LocalProtocolError
from .http.exchange import Bytes
from .http.headers import check_field
from .http.heads import SERVER_SOFTWARE, HttpVersion11, RequestHead, ResponseHead
from .http.status import allows_body

LAST_CHUNK: Final = b"0\r\n\r\n"
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

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
    """There is no body, whatever the fields say: ``HEAD``, 204, 304."""
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
) -> bytes:
    """A whole answer, in one piece.

    Raises `LocalProtocolError` when the application declared a length that is not the body's."""
    framing, declared = choose_framing(head, len(body), request)
    parts = [head.encode()]
    if framing is BodyFraming.COUNTED and declared != len(body):
        raise LocalProtocolError(f"the response declares {declared} bytes and its body has {len(body)}")
    if framing is BodyFraming.CHUNKED:
        # The application asked for it by name.
        parts += _control_fields(head, request, keep_alive, automatic)
        parts += [*(encode_chunk(body) if body else ()), LAST_CHUNK]
        return b"".join(parts)
    if "content-length" not in head.carried and _says_length(framing, head, body):
        parts.append(content_length(0 if head.status == 205 else len(body)))
    parts += _control_fields(head, request, keep_alive, automatic)
    if framing is not BodyFraming.NONE and head.status != 205:
        parts.append(bytes(body))
    return b"".join(parts)


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
    parts = [head.encode()]
    carried = head.carried
    if framing is BodyFraming.CHUNKED and "transfer-encoding" not in carried:
        parts.append(b"Transfer-Encoding: chunked\r\n")
    if head.status == 205:
        parts.append(content_length(0))
    elif declared is not None and "content-length" not in carried and allows_body(head.status):
        parts.append(content_length(declared))
    parts += _control_fields(head, request, keep_alive, automatic)
    return b"".join(parts)


def choose_framing(
    head: ResponseHead, content_length: int | None, request: RequestHead
) -> tuple[BodyFraming, int | None]:
    """How the body will be framed, and its declared length, where there is one.

    ``content_length`` is what the caller knows; a ``Content-Length`` among the fields goes before it.
    Raises `LocalProtocolError` for fields that contradict each other."""
    if head.status < 200:
        raise LocalProtocolError(f"{head.status} is not the status of a final response")
    carried = head.carried
    named = carried.get("content-length")
    chunked = carried.get("transfer-encoding", "").strip().lower() == "chunked"
    if named is not None:
        if chunked:
            raise LocalProtocolError("the response has both Content-Length and Transfer-Encoding")
        if not (named.isascii() and named.isdigit()):
            raise LocalProtocolError(f"the response's Content-Length is {named!r}")
        content_length = int(named)
    if request.method == "HEAD" or not allows_body(head.status):
        return BodyFraming.NONE, content_length
    if chunked and request.version is HttpVersion11:
        return BodyFraming.CHUNKED, None
    if content_length is not None:
        return BodyFraming.COUNTED, content_length
    if request.version is HttpVersion11:
        return BodyFraming.CHUNKED, None
    return BodyFraming.CLOSE, None


def encode_interim(head: ResponseHead) -> bytes:
    """An interim (1xx) response (RFC 9110, section 15.2)."""
    return head.encode() + b"\r\n"


def encode_chunk(data: Bytes) -> tuple[bytes, Bytes, bytes]:
    """One chunk, in parts that are written one after the other (RFC 9112, section 7.1). Not for empty
    data, which would end the body."""
    return (b"%x\r\n" % len(data), data, b"\r\n")


def encode_trailers(trailers: Iterable[tuple[str, str]]) -> bytes:
    """The last chunk, with trailer fields. Raises `ValueError` for fields that cannot be sent."""
    lines = []
    for name, value in trailers:
        check_field(name, value)
        lines.append(f"{name}: {value}\r\n")
    return b"0\r\n" + "".join(lines).encode("utf-8", "surrogateescape") + b"\r\n"


def _says_length(framing: BodyFraming, head: ResponseHead, body: Bytes) -> bool:
    """Whether ``Content-Length`` is added: never to 1xx and 204 (RFC 9110, section 8.6); to an answer
    without a body only where the body that was left out is known."""
    if head.status == 205:
        return True
    if framing is BodyFraming.NONE:
        return len(body) > 0 and (allows_body(head.status) or head.status == 304)
    return True


def _control_fields(
    head: ResponseHead, request: RequestHead, keep_alive: bool, automatic: Automatic
) -> list[bytes]:
    """What the carrier adds at the end of a head, and the empty line."""
    carried = head.carried
    lines: list[bytes] = []
    if head.automatic and "date" not in carried:
        lines.append(automatic.date)
    if head.automatic and "server" not in carried:
        lines.append(_SERVER)
    if "connection" not in carried:
        if not keep_alive:
            if request.version is HttpVersion11:
                lines.append(b"Connection: close\r\n")
        elif request.version is not HttpVersion11:
            lines.append(b"Connection: keep-alive\r\n")
    lines.append(b"\r\n")
    return lines
