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
    "apikey", "api_key", "api-key", "authorization", "cookie", "credential", "passphrase", "passwd",
    "password", "private_key", "secret", "session_id", "sessionid", "token",
)  # fmt: skip
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

# A name and its sign, then a value. Names are judged by `_is_surely_secret` and not by the expression, which
# stays linear so. `None` and the like are no secrets.
_NAME_AND_SIGN: Final = r"""(?<![\w-]) (?P<name>[\w-]++) (?P<sign>["']?\s*[=:]\s*)"""
_QUOTED: Final = r"""b?'(?:[^'\\]|\\.)++'? | b?"(?:[^"\\]|\\.)++"?"""
_LITERAL: Final = re.compile(rf"{_NAME_AND_SIGN} (?: {_QUOTED} )", re.VERBOSE)
_VALUE: Final = re.compile(
    rf"""{_NAME_AND_SIGN} (?! (?:None|True|False)\b ) (?: {_QUOTED} | [^\s,;&()\[\]{{}}'"<>]++ )""",
    re.VERBOSE,
)
_URL_PASSWORD: Final = re.compile(r"(?<=://)(?P<user>[^\s:/@'\"]*):[^\s/@'\"]+@")
_BEARER: Final = re.compile(r"\b(?P<scheme>bearer|basic)\s+[\w+/=.~-]{16,}", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Whether what bears this name (a variable, a header field, a key) should not be shown.

    ``password``, ``dbPassword``, ``X-Api-Key``, ``auth_token`` and ``key`` are; ``keyboard`` is not.
    """
    return _is_surely_secret(name) or any(word.lower() in _WORDS for word in _WORD.findall(name))


def _is_surely_secret(name: str) -> bool:
    # Without the short words: in the middle of a text, ``key: `` is too common to hide what follows.
    lowered = name.lower()
    return any(part in lowered for part in _PARTS)


def hide_values(text: str) -> str:
    """``text``, a ``repr`` perhaps, without the values that follow a secret's name in it."""
    return hide_credentials(_VALUE.sub(_hide, text))


def hide_literals(text: str) -> str:
    """``text``, a line of source, without the string literals that follow a secret's name in it."""
    return hide_credentials(_LITERAL.sub(_hide, text))


def _hide(match: re.Match[str]) -> str:
    return f"{match['name']}{match['sign']}{MASK}" if _is_surely_secret(match["name"]) else match[0]


def hide_credentials(text: str) -> str:
    """``text`` without passwords in URLs and without bearer tokens: for prose, in which ``token:`` may be
    followed by an explanation."""
    text = _URL_PASSWORD.sub(rf"\g<user>:{MASK}@", text)
    return _BEARER.sub(rf"\g<scheme> {MASK}", text)
