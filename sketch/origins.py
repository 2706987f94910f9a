"""Which pages of browsers may open a WebSocket: the check of ``Origin`` (RFC 6455, section 10.2).

A browser lets any page open a WebSocket to any server, sends the server's cookies along, and says in
``Origin`` which page it is. What is done with a page that may not is not known here.
"""

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from yarl import URL

OPAQUE: Final = "null"
"""What a browser says of a page that has no origin: one from a file, or in a sandbox (RFC 6454, 6.1)."""

_FOREIGN: Final = frozenset(" @?#")
"""What no origin has, and a URL may have. yarl raises `IndexError` for some that have an ``@``."""


class Origin(NamedTuple):
    """Where a page is from (RFC 6454, section 4). ``port`` is ``None`` where the scheme has no default."""

    scheme: str
    host: str
    port: int | None

    @classmethod
    def parse(cls, text: str) -> "Origin":
        """Raises `ValueError` for what is no origin: ``scheme://host`` or ``scheme://host:port``."""
        if text == OPAQUE:
            return cls(OPAQUE, "", None)
        if text.isprintable() and _FOREIGN.isdisjoint(text):
            try:
                url = URL(text)
                if url.scheme and url.raw_host and url.path in ("", "/"):
                    return cls(url.scheme, url.raw_host, url.port)
            except ValueError:
                pass
        raise ValueError(f"{text!r} is no origin, as 'https://example.org' and 'http://localhost:8080' are")


class OriginPolicy:
    """Pages of which origins are let in.

    ``origins``
        ``"same"`` for those of the host that the request asks for, in whichever scheme; or the origins, such
        as ``"https://example.org"``; ``"null"`` among them stands for pages without one.

    Raises `ValueError` for what is no origin, and `TypeError` for what is none of the two.
    """

    __slots__ = ("_origins",)

    def __init__(self, origins: Literal["same"] | Iterable[str]) -> None:
        self._origins: frozenset[Origin] | None = None
        if origins != "same":
            self._origins = frozenset(map(Origin.parse, _check(origins)))

    def allows(self, origin: str | None, host: str) -> bool:
        """Whether a request is let in.

        ``origin``
            the value of its ``Origin``. Without one it is not a browser's, and is let in.
        ``host``
            that it asks for, with the port where that is not the scheme's own.
        """
        if origin is None:
            return True
        try:
            parsed = Origin.parse(origin)
            if self._origins is not None:
                return parsed in self._origins
            return parsed == Origin.parse(f"{parsed.scheme}://{host}")
        except ValueError:
            return False


def _check(origins: Iterable[str]) -> tuple[str, ...]:
    remedy = 'origins is "same", or a list of origins such as ["https://example.org"]'
    if isinstance(origins, str):
        raise ValueError(f"{remedy}, and not the string {origins!r}")
    try:
        values = tuple(origins)
    except TypeError:
        raise TypeError(f"{remedy}, and not {origins!r}") from None
    for value in values:
        if not isinstance(value, str):
            raise TypeError(f"{remedy}, and {value!r} is among them")
    return values
