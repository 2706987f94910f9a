"""How routing tells a programmer that a registration is wrong, or looks wrong.

Wrong ones raise what aiohttp raises. Those that aiohttp accepts, but that cannot do what they look like,
warn, with what to write instead, at the line of the program that registers.
"""

from ..callables import warn_registration


class RouteWarning(UserWarning):
    """A registration that is accepted and probably not what was meant."""


class HandlerError(TypeError, AssertionError):
    """A handler that cannot be called. Also an `AssertionError`, because aiohttp asserts here."""


def warn(message: str) -> None:
    """Warn at the line of the program that registers, whichever registration function was called."""
    warn_registration(message, RouteWarning)
