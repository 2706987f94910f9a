"""Status codes: their phrases, and which of them have a body (RFC 9110, section 15)."""

from http import HTTPStatus
from typing import Final

_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}

# 205 may not have content either (section 15.3.6), although its framing would allow some.
_WITHOUT_BODY: Final = frozenset({*range(100, 200), 204, 205, 304})


def phrase(status: int) -> str:
    """The standard phrase of a status code, as this Python's `http.HTTPStatus` has it; ``""`` for a code
    that it does not know."""
    return _PHRASES.get(status, "")


def allows_body(status: int) -> bool:
    """Whether an answer with this status code may have a body, whatever the method was."""
    return status not in _WITHOUT_BODY
