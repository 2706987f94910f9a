"""What may be a secret, by its name or by its look.

A debug page is shown on a screen that others see and is pasted into tickets. What looks like a secret
leaves the page as dots; hiding too much costs a second look at the program, hiding too little a password.
"""

import re
from typing import Final

MASK: Final = "••••••"
"""What stands in the place of a secret."""

_WORDS: Final = frozenset(
    "apikey auth authorization bearer cookie cookies credential credentials csrf jwt key keys otp pass "
    "passphrase passwd password passwords pwd secret secrets sessionid sid token tokens xsrf".split()
)
_PARTS: Final = (
    "apikey", "api_key", "authorization", "cookie", "credential", "passphrase", "passwd", "password",
    "secret", "session_id", "sessionid", "token",
)  # fmt: skip
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

# From the start of a word, so that the search is linear.
_NAME_AND_SIGN: Final = r"""
    (?<![\w-]) (?P<name>
        [\w-]* (?: api_?key | authorization | cookie | credential | passphrase | passw(?:or)?d
                 | private_key | secret | session_?id | token ) [\w-]* ["']? \s* [=:] \s*
    )
    """
_QUOTED: Final = r"""b?'(?:[^'\\]|\\.)+'? | b?"(?:[^"\\]|\\.)+"?"""
_FLAGS: Final = re.VERBOSE | re.IGNORECASE
_SECRET_LITERAL: Final = re.compile(rf"{_NAME_AND_SIGN} (?: {_QUOTED} )", _FLAGS)
_SECRET_VALUE: Final = re.compile(rf"""{_NAME_AND_SIGN} (?: {_QUOTED} | [^\s,;&()\[\]{{}}'"<>]+ )""", _FLAGS)
_URL_PASSWORD: Final = re.compile(r"(?<=://)(?P<user>[^\s:/@'\"]*):[^\s/@'\"]+@")
_BEARER: Final = re.compile(r"\b(?P<scheme>bearer|basic)\s+[\w+/=.~-]{12,}", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Whether what bears this name (a variable, a header field, a key) should not be shown.

    ``password``, ``dbPassword``, ``X-Api-Key``, ``auth_token`` and ``key`` are; ``keyboard`` is not.
    """
    lowered = name.lower()
    if any(part in lowered for part in _PARTS):
        return True
    return any(word.lower() in _WORDS for word in _WORD.findall(name))


def hide_values(text: str) -> str:
    """``text``, a ``repr`` perhaps, without the values that follow a secret's name in it."""
    return hide_credentials(_SECRET_VALUE.sub(rf"\g<name>{MASK}", text))


def hide_literals(text: str) -> str:
    """``text``, a line of source, without the string literals that follow a secret's name in it."""
    return hide_credentials(_SECRET_LITERAL.sub(rf"\g<name>{MASK}", text))


def hide_credentials(text: str) -> str:
    """``text`` without passwords in URLs and without bearer tokens: for prose, in which ``token:`` may be
    followed by an explanation."""
    text = _URL_PASSWORD.sub(rf"\g<user>:{MASK}@", text)
    return _BEARER.sub(rf"\g<scheme> {MASK}", text)
