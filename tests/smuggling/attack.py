"""One attempt to smuggle a request: bytes, and what the RFC makes of them.

What is expected is said where the bytes are made, by the rule that the bytes keep or break; nothing here is
computed by reading them.
"""

from dataclasses import dataclass
from enum import Enum, auto

from tests.judging.echo import Read

INNER = b"GET /inner HTTP/1.1\r\nHost: inner.example\r\n\r\n"
"""The request that is hidden: in a body, or where a body is only for whoever overlooks its framing."""

HOST = b"Host: front.example"
"""The field that makes a head whole."""


REFUSALS = frozenset({400, 414, 421, 431, 501, 505})
"""What is answered to no request."""


class Verdict(Enum):
    """What has to come of an attack."""

    READ = auto()
    """Each request in it is answered once, with the meaning that is said, and so is what follows."""
    REFUSED = auto()
    """It is refused, and the connection closed."""
    EITHER = auto()
    """The RFC leaves the choice between the two, and nothing in between."""


@dataclass(frozen=True)
class Attack:
    """A message, and what it is.

    ``name``
        the family, and what was varied in it.
    ``reads``
        what is read, where it may be.
    ``closes``
        whether it is the last that is answered on its connection.
    ``before``
        what is read before it, whatever comes of it.
    """

    name: str
    data: bytes
    verdict: Verdict
    reads: tuple[Read, ...] = ()
    closes: bool = False
    before: tuple[Read, ...] = ()


def head(*fields: bytes, line: bytes = b"POST /outer HTTP/1.1") -> bytes:
    """A request line and fields, made a head."""
    return b"\r\n".join([line, HOST, *fields, b"", b""])


def outer(body: bytes = b"", *, method: str = "POST") -> Read:
    """The request that `head` begins."""
    return Read(method, "/outer", body)


def inner() -> Read:
    """The hidden request, in the open."""
    return Read("GET", "/inner", b"")


def chunked(body: bytes) -> bytes:
    """A body in one chunk."""
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


def visible(data: bytes) -> str:
    """Bytes as a name that a terminal can show."""
    return data.decode("latin-1").encode("unicode_escape").decode()
