"""Compression for a whole application: the middleware that decides which responses get a content coding.

What is worth it is known here. What becomes of a response then is `encoding`'s.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from typing import Any, Final

from .encoding import Policy
from .exceptions import HTTPException
from .http.deferred import deferred
from .http.headers import is_token
from .http.mediatype import parse_content_type
from .middleware import Handler, Middleware, middleware
from .request import Request
from .response import Response
from .streamresponse import StreamResponse

codecs: Any = deferred(".http.codecs", __package__)
encoders: Any = deferred(".http.encoders", __package__)

MINIMUM_SIZE: Final = 1024
"""Bytes of a body below which there is little to gain: its head, and a packet, are as large."""

COMPRESSIBLE_TYPES: Final = (
    "text/*",
    "+json",
    "+xml",
    "+text",
    "+yaml",
    "application/javascript",
    "application/json",
    "application/manifest+json",
    "application/rtf",
    "application/sql",
    "application/vnd.ms-fontobject",
    "application/wasm",
    "application/x-javascript",
    "application/x-ndjson",
    "application/xml",
    "application/yaml",
    "font/otf",
    "font/ttf",
    "image/bmp",
    "image/svg+xml",
    "image/vnd.microsoft.icon",
    "image/x-icon",
)
"""The media types whose content is not compressed in itself."""


def compress(
    *,
    minimum_size: int = MINIMUM_SIZE,
    types: Iterable[str] = COMPRESSIBLE_TYPES,
    codings: Iterable[str] | None = None,
    level: int | Mapping[str, int] | None = None,
) -> Middleware:
    """Make a middleware that compresses the responses of an application, in the coding that each client
    likes best (RFC 9110, section 12.5.3).

    ``minimum_size``
        bytes of a body that is worth it. A stream without a declared length always is.
    ``types``
        media types: ``"application/json"``, all of a kind (``"text/*"``), or all with a suffix (``"+json"``).
    ``codings``
        the ones to offer, the preferred one first: of ``"zstd"``, ``"br"``, ``"gzip"`` and ``"deflate"``.
        ``None``: all of them that are installed, in this order.
    ``level``
        how hard to try: one number for all codings, or one for each by its name; ``None`` for what suits
        content that is made on request.

    A response is left as it is if it has a ``Content-Encoding`` already, is a part (206), must not be
    transformed (``Cache-Control: no-transform``) or carries a digest of its content; and if the handler
    called
    ``enable_compression`` itself, what it said holds.

    Raises `ValueError` for what is no media type, no level, or a coding that is not there, with the remedy,
    and `TypeError` for what is no number."""
    offered = None if codings is None else _check_codings(codings)
    policy = Policy(
        codings=offered,
        levels=_check_levels(level, offered),
        minimum_size=_check_size(minimum_size),
        covers_type=_make_matcher(types),
    )

    @middleware
    async def compress(request: Request, handler: Handler) -> StreamResponse:
        # For what the handler prepares itself.
        request.response_compression = policy
        try:
            response = await handler(request)
        except HTTPException as error:
            _offer(policy, error)
            raise
        if isinstance(response, StreamResponse):
            _offer(policy, response)
        return response

    return compress


def _offer(policy: Policy, response: StreamResponse) -> None:
    """Have a response looked at when it is prepared, if it may be worth it: the others keep their short
    way."""
    if response.compression or response.prepared:
        return
    if type(response) is Response:
        try:
            if not policy.covers(response._content_type_value(), response.content_length):
                return
        except ValueError:
            # The length that it declares is none. Whoever prepares it will say so.
            return
    response._compress(policy)


def _check_codings(codings: Iterable[str]) -> tuple[str, ...]:
    if isinstance(codings, str):
        raise TypeError(f"codings must be several, as in [{codings!r}]")
    names = tuple(codings)
    for name in names:
        encoders.check_coding(name)
    return names


def _check_levels(level: int | Mapping[str, int] | None, offered: tuple[str, ...] | None) -> dict[str, int]:
    if level is None:
        return {}
    if isinstance(level, Mapping):
        levels = dict(level)
    else:
        levels = dict.fromkeys(codecs.AVAILABLE if offered is None else offered, level)
    for coding, number in levels.items():
        if coding not in encoders.LEVELS:
            raise ValueError(f"there are no levels for {coding!r}, but for {', '.join(encoders.LEVELS)}")
        possible = encoders.LEVELS[coding]
        if type(number) is not int:
            raise TypeError(f"a level must be an int, got {number!r} for {coding}")
        if number not in possible:
            raise ValueError(f"{coding} has the levels {possible[0]} to {possible[-1]}, and {number} is none")
    return levels


def _check_size(minimum_size: int) -> int:
    if type(minimum_size) is not int:
        raise TypeError(f"minimum_size must be an int, got {minimum_size!r}")
    if minimum_size < 0:
        raise ValueError(f"minimum_size must not be negative, got {minimum_size}")
    return minimum_size


def _make_matcher(types: Iterable[str]) -> Callable[[str], bool]:
    if isinstance(types, str):
        raise TypeError(f"types must be several, as in [{types!r}]")
    patterns = frozenset(pattern.lower() for pattern in types)
    for pattern in patterns:
        kind, slash, subtype = pattern.partition("/")
        parts = (kind, subtype) if slash else (kind.removeprefix("+"),)
        if not all(map(is_token, parts)) or not (slash or kind.startswith("+")):
            raise ValueError(f"{pattern!r} is no media type: write 'text/html', 'text/*' or '+json'")
    # A program has few values of Content-Type, and each is matched once.
    return lru_cache(maxsize=256)(partial(_matches, patterns))


def _matches(patterns: frozenset[str], content_type: str) -> bool:
    media_type = parse_content_type(content_type)[0]
    kind, _, subtype = media_type.partition("/")
    _, plus, suffix = subtype.rpartition("+")
    return not patterns.isdisjoint((media_type, f"{kind}/*", plus + suffix))
