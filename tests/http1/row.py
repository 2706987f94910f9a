"""One case of ``docs/http1.md``: what arrives and what is answered, with its bytes."""

from dataclasses import dataclass

from tests.protocol.h1.corpus import head

KEPT, CLOSED = "kept", "closed"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One case.

    ``arrives``
        what the client sends, for people, in Markdown.
    ``wire``
        what it sends.
    ``section``
        where it is decided: of RFC 9110 or RFC 9112, if no other is named.
    ``answers``
        the status codes that it is sent, one after the other.
    ``ends``
        whether the connection serves another request after that.
    ``why``
        the reason, where the specification leaves a choice.
    ``body``
        what the last answer says; ``None`` where it does not matter.
    ``has`` ``lacks``
        fields of the last answer, and names of fields that it must not have.
    ``then``
        what the client sends once it has the first answer.
    ``is_refused``
        whether the last answer is to something that is no request, or no body.
    ``leaves``
        whether the client ends its side after all that, in the middle of a body.
    """

    arrives: str
    wire: bytes
    section: str
    answers: tuple[int, ...]
    ends: str
    why: str = ""
    body: bytes | None = None
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    then: bytes = b""
    is_refused: bool = False
    leaves: bool = False


def taken(
    arrives: str, wire: bytes, section: str, why: str = "", *, body: bytes | None = None, ends: str = KEPT
) -> Row:
    """A request that is one."""
    return Row(
        arrives=arrives, wire=wire, section=section, answers=(200,), ends=ends, why=why, body=body
    )  # fmt: skip


def refused(arrives: str, wire: bytes, section: str, status: int = 400, why: str = "") -> Row:
    """What is no request: framing is in doubt, so the connection is closed."""
    return Row(
        arrives=arrives, wire=wire, section=section, answers=(status,), ends=CLOSED, why=why, is_refused=True
    )  # fmt: skip


def left(arrives: str, wire: bytes, section: str) -> Row:
    """A client that goes before it has sent its body."""
    return Row(
        arrives=arrives, wire=wire, section=section, answers=(), ends=CLOSED, leaves=True,
        why="nobody made a whole request, and nobody is there to be answered; the handler's read is told",
    )  # fmt: skip


def answered(arrives: str, wire: bytes, section: str, status: int, ends: str, why: str = "") -> Row:
    """A request that the application, or the lack of one, answers with this status."""
    return Row(arrives=arrives, wire=wire, section=section, answers=(status,), ends=ends, why=why)


def line(request_line: bytes) -> bytes:
    return head(request_line)


def having(*fields: bytes) -> bytes:
    return head(b"GET / HTTP/1.1", *fields)


def hosted(value: bytes) -> bytes:
    return head(b"GET / HTTP/1.1", b"Host: " + value, host=False)


def post(*fields: bytes, body: bytes = b"abc") -> bytes:
    return head(b"POST / HTTP/1.1", *fields) + body


def chunked(payload: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked", body=payload)


def coded(*fields: bytes) -> bytes:
    return post(*fields, body=b"3\r\nabc\r\n0\r\n\r\n")


GET = head(b"GET / HTTP/1.1")
LAST = b"0\r\n\r\n"
