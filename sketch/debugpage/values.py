"""Any value as a short text: bounded, masked, and without exceptions.

The values are those of a program that has just failed. Their ``repr`` may fail as well, be megabytes long,
or show a password.
"""

from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Final

from multidict import MultiMapping

from .masking import MASK, hide_values, is_secret

VALUE_LENGTH: Final = 400
"""Characters of one value."""

_ITEMS: Final = 12
_DEPTH: Final = 3
_SCALARS: Final = (type(None), bool)


def safely(make: Callable[[], str], fallback: str) -> str:
    """What ``make`` returns, or ``fallback`` when it fails in any way but by the user's interrupt."""
    try:
        text = make()
        return text if isinstance(text, str) else fallback
    except KeyboardInterrupt:
        raise
    except BaseException:
        # A `__repr__` may raise anything, `SystemExit` and `CancelledError` included, and none of that
        # says more than the exception that is being shown.
        return fallback


def show(value: object, limit: int = VALUE_LENGTH) -> str:
    """``repr(value)``, cut at ``limit`` characters, with what looks like a secret hidden. Never raises."""
    text = safely(lambda: _show(value, _DEPTH), f"<{type(value).__qualname__} whose repr fails>")
    return hide_values(shorten(text, limit))


def show_named(name: str, value: object, limit: int = VALUE_LENGTH) -> str:
    """The same for a value with a name: hidden when the name is a secret's and there is something to hide."""
    if is_secret(name) and not _says_nothing(value):
        return MASK
    return show(value, limit)


def shorten(text: str, limit: int) -> str:
    """At most ``limit`` characters of ``text``, with an ellipsis where something is missing."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _says_nothing(value: object) -> bool:
    return type(value) in _SCALARS or (type(value) in (str, bytes) and not value)


def _show(value: Any, depth: int) -> str:
    kind = type(value)
    if kind is str or kind is bytes:
        return _show_string(value)
    if kind is bytearray or kind is memoryview:
        return f"{kind.__name__}({_show_string(bytes(value[:VALUE_LENGTH]))})"
    # By the type and not by `isinstance`: that asks an unbound proxy for its `__class__`.
    if issubclass(kind, dict | MultiMapping):
        return _show_mapping(value, depth) if depth else "{…}"
    brackets = _BRACKETS.get(kind)
    if brackets is not None and value:
        return _show_items(brackets, value, depth) if depth else "…".join(brackets)
    return repr(value)


def _show_string(value: str | bytes) -> str:
    # The slice comes before the `repr`, which would copy all of it.
    return repr(value) if len(value) <= VALUE_LENGTH else f"{value[:VALUE_LENGTH]!r}…"


_BRACKETS: Final[dict[type, tuple[str, str]]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
    deque: ("deque([", "])"),
}


def _show_items(brackets: tuple[str, str], items: Iterable[Any], depth: int) -> str:
    shown = [_show(item, depth - 1) for item in islice(items, _ITEMS + 1)]
    if len(shown) > _ITEMS:
        shown[-1] = "…"
    comma = "," if len(shown) == 1 and brackets[0] == "(" else ""
    return f"{brackets[0]}{', '.join(shown)}{comma}{brackets[1]}"


def _show_mapping(mapping: Any, depth: int) -> str:
    shown = [_show_pair(key, value, depth) for key, value in islice(mapping.items(), _ITEMS)]
    if len(mapping) > _ITEMS:
        shown.append("…")
    inner = f"{{{', '.join(shown)}}}"
    return inner if type(mapping) is dict else f"{type(mapping).__name__}({inner})"


def _show_pair(key: Any, value: Any, depth: int) -> str:
    name = key if isinstance(key, str) else ""
    shown = MASK if is_secret(name) and not _says_nothing(value) else _show(value, depth - 1)
    return f"{_show(key, 1)}: {shown}"
