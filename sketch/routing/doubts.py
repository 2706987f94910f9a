"""How routing tells a programmer that a registration is wrong, or looks wrong.

Wrong ones raise what aiohttp raises. Those that aiohttp accepts, but that cannot do what they look like,
warn, with what to write instead, at the line of the program that registers.
"""

import sys
import warnings

_PACKAGE = __name__.partition(".")[0]


class RouteWarning(UserWarning):
    """A registration that is accepted and probably not what was meant."""


class HandlerError(TypeError, AssertionError):
    """A handler that cannot be called. Also an `AssertionError`, because aiohttp asserts here."""


def warn(message: str) -> None:
    """Warn at the innermost frame outside of this package, whichever registration function was called."""
    level = 2
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE:
        frame = frame.f_back
        level += 1
    warnings.warn(message, RouteWarning, stacklevel=level)
