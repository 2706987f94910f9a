"""The syntax of header fields (RFC 9110, section 5): tokens, values, lists, quoted strings.

It knows no field's meaning. Received fields are decoded here, and fields to be sent are checked here,
each exactly once.
"""

import re
from collections.abc import Sequence
from typing import Final

from multidict import CIMultiDict, CIMultiDictProxy

# Optional white space (section 5.6.3). Without an argument `strip` also takes what belongs to the value: a
# no-break space, for one.
_OWS: Final = " \t"
_OWS_BYTES: Final = b" \t"

_match_token = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch

# Control characters without HTAB; and surrogates that do not stand for a byte, for which there is no
# encoding: they would fail when the head is written, far from whoever set the field.
_find_forbidden = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udc7f\udd00-\udfff]").search

# A quoted string may lack its end: the rest of the value is then part of it. Nothing here can fail once it
# has begun, so there is no way back, and the time is linear in what a stranger sent.
_find_elements = re.compile(r'(?:[^",]++|"(?:[^"\\]++|\\.)*\\?"?)+', re.DOTALL).findall
_unescape = re.compile(r"\\(.)", re.DOTALL).sub
_escape_special = re.compile(r'["\\]').sub


class FieldLines(list[tuple[bytes, bytes]]):
    """The field lines of a received head: name and value pairs in the order of arrival, names as sent, values
    perhaps with white space at their ends. Not changed once the head is made.

    Heads that repeat the lines of another one share them, and with them what was decoded."""

    __slots__ = ("_decoded",)

    _decoded: CIMultiDictProxy[str]

    @property
    def decoded(self) -> CIMultiDictProxy[str]:
        """The fields as text; made when somebody asks."""
        try:
            return self._decoded
        except AttributeError:
            self._decoded = CIMultiDictProxy(decode_fields(self))
            return self._decoded


def decode_fields(pairs: Sequence[tuple[bytes, bytes]]) -> CIMultiDict[str]:
    """Received field lines as text, in their order.

    White space around the values is stripped. Bytes that are not UTF-8 become surrogates (PEP 383), from
    which ``value.encode("utf-8", "surrogateescape")`` gives the bytes back."""
    try:
        # Without the error handler's name each `decode` takes a third less.
        return CIMultiDict([(name.decode(), value.strip(_OWS_BYTES).decode()) for name, value in pairs])
    except UnicodeDecodeError:
        return CIMultiDict([(_decode(name), _decode(value.strip(_OWS_BYTES))) for name, value in pairs])


def _decode(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")


def is_token(text: str) -> bool:
    """Whether a text is a token, as methods and field names are (RFC 9110, section 5.6.2)."""
    return _match_token(text) is not None


def check_text(text: str) -> None:
    """Refuse a text that is not fit for a field's value or a reason phrase (RFC 9110, section 5.5; RFC 9112,
    section 4).

    Raises `ValueError`, which shows it: it has a line end, NUL or another control character that is not a
    tab, or a surrogate that stands for no byte."""
    # `isprintable` is true of nearly all texts, and saves a search that takes three times as long.
    if not text.isprintable() and (found := _find_forbidden(text)) is not None:
        raise ValueError(f"{found[0]!r} cannot be part of a message's head: {text!r}")


def check_field(name: str, value: str) -> None:
    """Refuse a field that must not be sent (RFC 9110, section 5.5).

    Raises `ValueError`, which shows the name or the value: a name that is not a token; a value with a
    line end, NUL or another control character that is not a tab. Raises `TypeError` for what is not text."""
    try:
        is_named, is_plain = _match_token(name) is not None, value.isprintable()
    except (AttributeError, TypeError):
        raise TypeError(f"the field {name!r} with the value {value!r}: both must be of type str") from None
    if not is_named:
        raise ValueError(f"{name!r} is not a field name: it must be a token")
    if not is_plain and (found := _find_forbidden(value)) is not None:
        raise ValueError(f"the value of {name} contains {found[0]!r}, which a field cannot carry: {value!r}")


def split_list(value: str) -> list[str]:
    """The elements of a comma-separated list (RFC 9110, section 5.6.1), without the empty ones.

    A comma inside a quoted string does not separate. Quotes and escapes are left as they are;
    `unquote_string` removes them."""
    parts = _find_elements(value) if '"' in value else value.split(",")
    return [element for part in parts if (element := part.strip(_OWS))]


def quote_string(text: str) -> str:
    r"""A text as a quoted string, with ``"`` and ``\`` escaped (RFC 9110, section 5.6.4).

    Raises `ValueError` for control characters, which no escape makes legal."""
    if not text.isprintable() and (found := _find_forbidden(text)) is not None:
        raise ValueError(f"a quoted string cannot contain {found[0]!r}: {text!r}")
    escaped = _escape_special(r"\\\g<0>", text)
    return f'"{escaped}"'


def unquote_string(text: str) -> str:
    """What a token or a quoted string says: the text itself, or what is between its quotes with the
    escapes resolved. An end that is missing is forgiven."""
    if not text.startswith('"'):
        return text
    inner = text[1:-1] if len(text) > 1 and _is_closed(text) else text[1:]
    return _unescape(r"\1", inner)


def _is_closed(text: str) -> bool:
    # The last quote ends the string unless an odd number of backslashes stands before it.
    if not text.endswith('"'):
        return False
    before = text[1:-1]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 0
