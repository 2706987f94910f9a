"""``Cookie`` is read and ``Set-Cookie`` is written here (RFC 6265).

Reading is as lenient as in aiohttp: browsers send back whatever some other program on the same domain
once set. Values are written by `http.cookies`; attributes are checked here.
"""

import re
from http.cookies import Morsel
from typing import Final

# What a cookie's name may consist of when it is read: a token, and what is met in the wild besides.
_NAME: Final = r"\w!#$%&'*+\-./:<>?@^`|~()\[\]{}"

# The Cookie field of nearly every request.
_match_simple = re.compile(rf"(?:[{_NAME}]++=[{_NAME}=,]*+; )*[{_NAME}]++=[{_NAME}=,]*+", re.ASCII).fullmatch

# One pair. White space ends a value as a semicolon does, unless the value is quoted or a date. A quote
# that is never closed is a character like others.
#
# What may give characters back does so on purpose: in a="b c"d the value ends before the c, and in
# a= "b"c it is empty. It gives back characters of its own pair only, and a quoted string cannot reach over
# the start of another one, so the time is linear in the length of the field.
_match_pair = re.compile(
    rf"""
    \s*+
    (?P<name> [{_NAME},]++ )
    (?:
        \s*+ = \s*
        (?P<value>
            " [^"\\]*+ (?:\\.[^"\\]*+)* "
          | " [^";]*
          | (?:\w{{3,6}}day|\w{{3}}),\s [\w\s-]{{9,11}}\s [\d:]{{8}}\s (?:GMT|[+-]\d{{4}})
          | \w{{3}}\s+\w{{3}}\s+[\s\d]\d\s+ \d\d:\d\d:\d\d\s+ \d{{4}}
          | [{_NAME}=,]*+
        )
        (?= \s | ; | \Z )
    )?
    (?: \s*+ (?: ; | \Z ) | \s++ )
    """,
    re.ASCII | re.VERBOSE,
).match
_match_name = re.compile(rf"[{_NAME}]++", re.ASCII).fullmatch

_unescape = re.compile(r"\\(?:([0-3][0-7][0-7])|(.))").sub
_find_control = re.compile(r"[\x00-\x1f\x7f]").search


def parse_cookies(value: str) -> dict[str, str]:
    """The cookies in a ``Cookie`` field (RFC 6265, section 5.4).

    Of two cookies with one name the last counts. Quoted values are unquoted and their escapes resolved. A
    name without a value has the value ``""``. What cannot be read is skipped, and so is a cookie with
    control characters in it, escaped or not."""
    if _match_simple(value) is not None:
        return {name: text for name, _, text in [pair.partition("=") for pair in value.split("; ")]}
    cookies: dict[str, str] = {}
    position = 0
    while position < len(value):
        if (found := _match_pair(value, position)) is not None:
            name, text = found["name"], found["value"] or ""
            position = found.end()
        else:
            end = value.find(";", position)
            piece = value[position:] if end < 0 else value[position:end]
            position = end + 1 or len(value)
            name, _, text = piece.partition("=")
            name, text = name.strip(), text.strip()
            if "=" not in piece:
                continue
        text = _unquote(text)
        if _match_name(name) is not None and _find_control(text) is None:
            cookies[name] = text
    return cookies


def _unquote(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == '"':
        return _unescape(_resolve, text[1:-1])
    return text


def _resolve(escape: re.Match[str]) -> str:
    octal, character = escape.groups()
    return chr(int(octal, 8)) if octal else str(character)


# Surrogates that do not stand for a byte have no encoding.
_find_unfit_attribute = re.compile(r"[;\x00-\x1f\x7f\ud800-\udc7f\udd00-\udfff]").search


def check_cookie_part(attribute: str, text: str) -> None:
    """Refuse the text of an attribute that would break out of it: control characters, or a semicolon.

    Raises `ValueError`, which names the attribute and shows the text."""
    if _find_unfit_attribute(text) is not None:
        raise ValueError(
            f"the cookie attribute {attribute} cannot contain control characters or ';': {text!r}"
        )


# `http.cookies` knows the attribute from Python 3.14 on; before, it keeps it but does not write it.
_WRITES_PARTITIONED: Final = Morsel[str]().isReservedKey("partitioned")


def format_morsel(morsel: "Morsel[str]") -> str:
    """The value of a ``Set-Cookie`` field for a cookie of `http.cookies`, with ``Partitioned`` on every
    Python.

    Raises `ValueError` for an attribute that would break out of it: `http.cookies` takes whatever it is
    given."""
    for attribute, text in morsel.items():
        if isinstance(text, str):
            check_cookie_part(attribute, text)
    line = morsel.OutputString()
    if not _WRITES_PARTITIONED and dict.get(morsel, "partitioned"):
        line += "; Partitioned"
    return line
