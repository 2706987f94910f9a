"""The head of a request and the head of a response, as values.

A head is everything before the body. It knows nothing of sockets, buffers or handlers: an engine makes
a `RequestHead` once from the bytes of one message, and the framework makes a `ResponseHead` that an
engine turns into bytes.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from .headers import FieldLines, check_field
from .status import allows_body

SERVER_SOFTWARE: Final = "sketch"
"""The value of ``Server``: the product, without its version (RFC 9110, section 10.2.4)."""

# One look at the finished head, in C: every line is a line, and nothing in it can be taken for another.
_WELL_FORMED = re.compile(
    r"HTTP/1\.1 [0-9]{3} [^\x00-\x08\x0a-\x1f\x7f]*\r\n"
    r"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+: [^\x00-\x08\x0a-\x1f\x7f]*\r\n)*+"
)

# The fields that the carrier would otherwise write itself.
_CARRIED: Final = frozenset({"connection", "content-length", "date", "server", "transfer-encoding"})
_NONE_CARRIED: Final[Mapping[str, str]] = MappingProxyType({})


class HttpVersion(NamedTuple):
    """The version of HTTP that a message was sent in (RFC 9110, section 2.5)."""

    major: int
    minor: int


HttpVersion10: Final = HttpVersion(1, 0)
HttpVersion11: Final = HttpVersion(1, 1)


class Framing:
    """Where a request's body ends, and what its fields say about the connection.

    The engine reads this out of the fields once; nobody after it interprets those fields again.

    ``content_length``
        bytes of the body; ``None`` when the body is chunked (RFC 9112, section 6).
    ``keep_alive``
        whether the client is willing to send another request (RFC 9112, section 9.3).
    ``expect_continue``
        whether the client waits for ``100 Continue`` before the body (RFC 9110, section 10.1.1).
    ``has_expectation``
        whether there is an ``Expect`` field, whatever it says.
    ``upgrade``
        the protocols that the client offers to switch to, in its order (RFC 9110, section 7.8);
        empty unless ``Connection`` names the field.
    ``codings``
        the content codings of the body, in the order in which they were applied (section 8.4); empty for
        nearly every request, and without a body.
    """

    __slots__ = ("content_length", "expect_continue", "has_expectation", "keep_alive", "upgrade", "codings")

    def __init__(
        self,
        content_length: int | None = 0,
        *,
        keep_alive: bool = True,
        expect_continue: bool = False,
        has_expectation: bool = False,
        upgrade: tuple[str, ...] = (),
        codings: tuple[str, ...] = (),
    ) -> None:
        self.content_length = content_length
        self.keep_alive = keep_alive
        self.expect_continue = expect_continue
        self.has_expectation = has_expectation or expect_continue
        self.upgrade = upgrade
        self.codings = codings

    @property
    def is_chunked(self) -> bool:
        """Whether the body's length is only known at its end."""
        return self.content_length is None

    @property
    def has_body(self) -> bool:
        """Whether at least one byte of body may follow the head."""
        return self.content_length != 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Framing):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"Framing({values})"


NO_BODY: Final = Framing()
"""The framing of nearly every request: no body, and the connection stays open. One object for all."""


class RequestHead:
    """One request's line and fields, as they came, checked but not interpreted.

    ``method``
        case-sensitive, as sent (RFC 9110, section 9.1).
    ``target``
        the request target as sent, in ASCII (RFC 9112, section 3.2).
    ``fields``
        the field lines.
    """

    __slots__ = ("fields", "framing", "method", "target", "version")

    def __init__(
        self,
        method: str,
        target: str,
        version: HttpVersion,
        fields: FieldLines,
        framing: Framing = NO_BODY,
    ) -> None:
        self.method = method
        self.target = target
        self.version = version
        self.fields = fields
        self.framing = framing

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RequestHead):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<RequestHead {self.method} {self.target} HTTP/{self.version.major}.{self.version.minor}>"


class ResponseHead:
    """One response's status and fields, ready for an engine.

    The fields do not include those of the framing (``Content-Length``, ``Transfer-Encoding``,
    ``Connection``), which belong to the carrier, unless the application set them itself; the carrier
    then keeps them and holds the body to them.

    A head is immutable, so that one made for a common case (200 with plain text, say) can be shared by
    all responses that look alike: its bytes are made and checked once.

    ``automatic``
        whether the carrier adds ``Date`` and ``Server`` where the fields lack them. The maker of a head
        from which somebody took one of them out says ``False``.
    """

    __slots__ = ("_carried", "_wire", "automatic", "fields", "plain_wire", "reason", "status")

    def __init__(
        self,
        status: int,
        reason: str,
        fields: Sequence[tuple[str, str]] = (),
        *,
        automatic: bool = True,
    ) -> None:
        self.status = status
        self.reason = reason
        self.fields = fields
        self.automatic = automatic
        self._wire: bytes | None = None
        self._carried: Mapping[str, str] | None = None
        self.plain_wire: bytes | None = None
        """What `encode` gave, if nothing about this head is special to a carrier: it adds all of its own
        fields, and the status allows a body. ``None`` before."""

    def encode(self) -> bytes:
        """The status line and the field lines as HTTP/1.1 sends them, without the empty line at the end.

        Raises `ValueError`, naming the field, where a name or a value cannot stand in a message
        (RFC 9110, section 5), and `TypeError` where one is not text."""
        wire = self._wire
        if wire is None:
            try:
                # Joined and not formatted: what is no text must not be sent as whatever it looks like.
                lines = [": ".join(field) for field in self.fields]
                text = "\r\n".join([f"HTTP/1.1 {self.status} {self.reason}", *lines, ""])
                # The number of lines tells a field that brings another one along.
                if text.count("\n") != len(lines) + 1 or _WELL_FORMED.fullmatch(text) is None:
                    raise ValueError(text)
                wire = text.encode("utf-8", "surrogateescape")
            except (TypeError, ValueError):
                raise self._find_fault() from None
            self._wire = wire
            if self.automatic and not self.carried and allows_body(self.status):
                self.plain_wire = wire
        return wire

    def _find_fault(self) -> Exception:
        try:
            for name, value in self.fields:
                check_field(name, value)
        except (TypeError, ValueError) as error:
            return error
        return ValueError(f"status {self.status} with reason {self.reason!r} makes no status line")

    @property
    def carried(self) -> Mapping[str, str]:
        """Those fields, by lower-case name, which the carrier would otherwise write itself. Lines of one
        name are combined (RFC 9110, section 5.3)."""
        carried = self._carried
        if carried is None:
            named = {name.lower() for name, _ in self.fields}
            carried = {name: self._combine(name) for name in _CARRIED & named} or _NONE_CARRIED
            self._carried = carried
        return carried

    def _combine(self, name: str) -> str:
        return ", ".join([value for own, value in self.fields if own.lower() == name])

    def __repr__(self) -> str:
        return f"<ResponseHead {self.status} {self.reason}>"
