"""The head of a request that nobody has sent: made of what a program or a test writes.

What a client would have to say of the body is added. Whether anybody answers is not known here.
"""

from collections.abc import Iterable, Mapping

from .coding import read_codings
from .headers import FieldLines, split_list
from .heads import Framing, HttpVersion, HttpVersion11, RequestHead

Fields = Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]
"""Header fields of a request, as a test likes to write them."""


def make_head(
    method: str, target: str, fields: Fields, body: bytes | None, version: HttpVersion
) -> RequestHead:
    """The head of a request with these fields and this body; ``None`` for one that is still to come.

    Raises `ValueError` for a ``Content-Length`` that is not that of the body."""
    pairs = FieldLines(_encode_fields(fields))
    return RequestHead(method, target, version, pairs, _add_framing(pairs, version, body))


def _encode_fields(fields: Fields) -> list[tuple[bytes, bytes]]:
    pairs = fields.items() if isinstance(fields, Mapping) else fields
    return [(_encode(name), _encode(value)) for name, value in pairs]


def _encode(text: str | bytes) -> bytes:
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text


def _add_framing(fields: list[tuple[bytes, bytes]], version: HttpVersion, body: bytes | None) -> Framing:
    """Complete the fields by what the body needs, and read the framing out of them."""
    length: int | None = len(body or b"")
    if declared := _get(fields, b"content-length"):
        if body is not None and int(declared) != length:
            raise ValueError(f"Content-Length is {declared}, the body has {length} bytes")
        length = int(declared)
    elif _get(fields, b"transfer-encoding"):
        length = None
    elif body is None:
        length = None
        fields.append((b"Transfer-Encoding", b"chunked"))
    elif body:
        fields.append((b"Content-Length", b"%d" % len(body)))
    options = [option.lower() for option in split_list(_get(fields, b"connection"))]
    is_persistent = version >= HttpVersion11
    # HTTP/1.0 changes to nothing (RFC 9110, section 7.8).
    can_change = is_persistent and "upgrade" in options
    return Framing(
        length,
        keep_alive="close" not in options if is_persistent else "keep-alive" in options,
        expect_continue=is_persistent and _get(fields, b"expect").lower() == "100-continue",
        has_expectation=bool(_get(fields, b"expect")),
        upgrade=tuple(split_list(_get(fields, b"upgrade"))) if can_change else (),
        codings=() if length == 0 else read_codings([_get(fields, b"content-encoding")]),
    )


def _get(fields: list[tuple[bytes, bytes]], name: bytes) -> str:
    """The values of all fields with this name as one list; empty when there is none."""
    return ", ".join(
        [value.decode("utf-8", "surrogateescape") for key, value in fields if key.lower() == name]
    )
