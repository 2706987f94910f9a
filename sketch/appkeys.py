"""Typed keys for what programs keep in an application, a request or a response.

A key is compared by identity and carries the type of its value for type checkers, so two libraries never
meet in the same name by accident. The mappings themselves live with their owners.
"""

import sys
from typing import Any, Generic, TypeVar, get_args

T = TypeVar("T")


class NotAppKeyWarning(UserWarning):
    """An application was given a value under a `str` instead of an `AppKey` (aiohttp documentation)."""


class BaseKey(Generic[T]):
    """What the three kinds of keys have in common. Use one of them.

    ``name``
        shown in messages, after the name of the module whose top level makes the key.
    ``t``
        the type of the value. A type that is not a class, ``Iterable[int]`` say, is given as the type
        argument instead: ``AppKey[Iterable[int]]("numbers")``.
    """

    __slots__ = ("__orig_class__", "_name", "_t")

    # Python sets it on an instance that was made through a parametrised class.
    __orig_class__: Any

    def __init__(self, name: str, t: type[T] | None = None) -> None:
        self._name = f"{_defining_module()}.{name}"
        self._t = t

    def __lt__(self, other: object) -> bool:
        """Order keys by name, and before anything else, so that the keys of a mapping can be sorted."""
        return self._name < other._name if isinstance(other, BaseKey) else True

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({self._name}, type={self._type_name()})>"

    def _type_name(self) -> str:
        value_type: Any = self._t
        if value_type is None:
            arguments = get_args(getattr(self, "__orig_class__", None))
            if not arguments:
                return "<<Unknown>>"
            value_type = arguments[0]
        if not isinstance(value_type, type):
            return repr(value_type)
        if value_type.__module__ == "builtins":
            return value_type.__qualname__
        return f"{value_type.__module__}.{value_type.__qualname__}"


def _defining_module() -> str:
    """The module that is being executed at the moment; failing that, the one that makes the key.

    The nearest module body on the stack, as aiohttp's rule has it: a key that a helper makes belongs to
    the module that called the helper while it was imported.
    """
    caller = frame = sys._getframe(2)
    while frame.f_code.co_name != "<module>":
        if frame.f_back is None:
            frame = caller
            break
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", "__main__"))


class AppKey(BaseKey[T]):
    """A key for `Application` (aiohttp documentation, ``web.AppKey``)."""

    __slots__ = ()


class RequestKey(BaseKey[T]):
    """A key for `Request` (aiohttp documentation, ``web.RequestKey``)."""

    __slots__ = ()


class ResponseKey(BaseKey[T]):
    """A key for `StreamResponse` (aiohttp documentation, ``web.ResponseKey``)."""

    __slots__ = ()
