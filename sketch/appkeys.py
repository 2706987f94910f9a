"""Typed keys for what programs keep in an application, a request or a response.

A key is compared by identity and carries the type of its value for type checkers, so two libraries never
meet in the same name by accident. The mappings themselves live with their owners; what is here beside the
keys is the advice to use them, and the view over the mappings of nested applications.
"""

import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any, Final, Generic, TypeVar, get_args, overload

T = TypeVar("T")
D = TypeVar("D")


class NotAppKeyWarning(UserWarning):
    """An application was given a value under a `str` instead of an `AppKey` (aiohttp documentation)."""


# Heard by those who ask for warnings (``-W default``, ``-X dev``), as in aiohttp.
warnings.filterwarnings("ignore", category=NotAppKeyWarning, append=True)


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


_TOLD_AT_MOST: Final = 1000
_told: set[tuple[str, object]] = set()


def warn_about_string_key(key: object, kind: str, *, stacklevel: int, once: bool = True) -> None:
    """Advise to use ``kind`` (``"web.RequestKey"``) in place of ``key``, with a `NotAppKeyWarning`.

    ``stacklevel``
        as in `warnings.warn`, seen from here: 3 is the caller of a ``__setitem__`` that calls this.
    ``once``
        whether each key is told once, since requests come and go with the same keys (and a program that
        makes its keys up as it goes is not told for ever); an application tells every time, as in aiohttp.
    """
    if once:
        if (kind, key) in _told or len(_told) >= _TOLD_AT_MOST:
            return
        _told.add((kind, key))
    warnings.warn(
        f"{key!r} is used as a key; a {kind} is checked by type checkers and cannot collide: "
        f"KEY = {kind}({str(key)!r}, the_type_of_the_value)",
        NotAppKeyWarning,
        stacklevel=stacklevel,
    )


class Keeper(MutableMapping[Any, Any]):
    """What others keep on a request or a response while it is on its way: a mapping by typed key or, with a
    warning, by string. A keeper is true, and equal to itself only."""

    key_class: type[BaseKey[Any]]
    """The keys that it should be given."""

    _state: dict[Any, Any] | None = None

    def _kept(self) -> dict[Any, Any]:
        if self._state is None:
            self._state = {}
        return self._state

    def __getitem__(self, key: Any) -> Any:
        return self._kept()[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        if not isinstance(key, self.key_class):
            warn_about_string_key(key, f"web.{self.key_class.__name__}", stacklevel=3)
        self._kept()[key] = value

    def __delitem__(self, key: Any) -> None:
        del self._kept()[key]

    def __len__(self) -> int:
        return 0 if self._state is None else len(self._state)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._kept())

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return object.__hash__(self)


class ChainMapProxy(Mapping[str | AppKey[Any], Any]):
    """A read-only view over several mappings: the first that has a key gives its value (aiohttp
    documentation, ``Request.config_dict``).

    ``maps``
        the mappings, the one that is asked first in front.
    """

    __slots__ = ("_maps",)

    def __init__(self, maps: Iterable[Mapping[Any, Any]]) -> None:
        self._maps = tuple(maps)

    @overload
    def __getitem__(self, key: AppKey[T]) -> T: ...

    @overload
    def __getitem__(self, key: str) -> Any: ...

    def __getitem__(self, key: Any) -> Any:
        for mapping in self._maps:
            if key in mapping:
                return mapping[key]
        raise KeyError(key)

    @overload  # type: ignore[override]
    def get(self, key: AppKey[T], default: D) -> T | D: ...

    @overload
    def get(self, key: AppKey[T], default: None = None) -> T | None: ...

    @overload
    def get(self, key: str, default: Any = None) -> Any: ...

    def get(self, key: Any, default: Any = None) -> Any:
        """The value of ``key``, or ``default`` where no mapping has it."""
        return self[key] if key in self else default

    def __contains__(self, key: object) -> bool:
        return any(key in mapping for mapping in self._maps)

    def __len__(self) -> int:
        return len(self._keys())

    def __iter__(self) -> Iterator[str | AppKey[Any]]:
        return iter(self._keys())

    def __bool__(self) -> bool:
        return any(self._maps)

    def __repr__(self) -> str:
        return f"ChainMapProxy({', '.join(map(repr, self._maps))})"

    def _keys(self) -> dict[str | AppKey[Any], None]:
        # The outermost mapping's keys come first, as in `collections.ChainMap`.
        return {key: None for mapping in reversed(self._maps) for key in mapping}
