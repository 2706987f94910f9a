"""Which fields may come after a body, as trailers (RFC 9110, section 6.5).

One answer for both directions: of a request's trailers the others are dropped, among a response's they are a
mistake of the program. What the fields mean is not known here, only that they mean it too late.
"""

from typing import Final

# RFC 9110, section 6.5.1, names the kinds, and RFC 7230, section 4.1.2, more of the fields. Conditions are
# refused by how they begin, as in Go's net/http. The names with an X are the same in a proxy's spelling.
_FORBIDDEN: Final = frozenset({
    # framing, routing, and what concerns the connection
    "connection", "content-length", "forwarded", "host", "http2-settings", "keep-alive", "proxy-connection",
    "te", "trailer", "transfer-encoding", "upgrade", "via", "x-forwarded-for", "x-forwarded-host",
    "x-forwarded-proto", "x-real-ip",
    # modifiers of a request
    "cache-control", "expect", "max-forwards", "pragma", "range",
    # authentication, and state that passes for it
    "authorization", "cookie", "origin", "proxy-authenticate", "proxy-authorization", "set-cookie",
    "www-authenticate",
    # control data of a response
    "age", "date", "expires", "location", "retry-after", "vary", "warning",
})  # fmt: skip

_FORBIDDEN_BEGINNINGS: Final = ("content-", "if-")

_ALLOWED: Final = frozenset({"content-digest"})
"""What is known when the content is, and not before (RFC 9530)."""


def may_be_trailer(name: str) -> bool:
    """Whether a field of this name, in any case, may be a trailer: not if it is about the framing, the
    routing, the request's conditions, who asks, or the format of the content."""
    name = name.lower()
    if name in _ALLOWED:
        return True
    return name not in _FORBIDDEN and not name.startswith(_FORBIDDEN_BEGINNINGS)
