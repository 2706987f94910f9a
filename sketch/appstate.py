"""What an application keeps for its handlers: a mapping by `AppKey`, until it is frozen and, with a warning,
after it.

Knows the mapping. Refuses to know when an application is frozen, and what is kept.
"""

import warnings
from collections.abc import Iterator, MutableMapping
from typing import Any, TypeVar, overload

from .appkeys import AppKey, NotAppKeyWarning

T = TypeVar("T")


class ApplicationState(MutableMapping[Any, Any]):
    """The part of an application that is a mapping. It is true, and equal to itself only."""

    def __init__(self) -> None:
        self._state: dict[Any, Any] = {}
        self._frozen = False

    @property
    def frozen(self) -> bool:
        """Whether the application is settled for good, its state included."""
        return self._frozen

    @overload
    def __getitem__(self, key: AppKey[T]) -> T: ...

    @overload
    def __getitem__(self, key: str) -> Any: ...

    def __getitem__(self, key: Any) -> Any:
        return self._state[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._warn_if_frozen()
        if not isinstance(key, AppKey):
            warnings.warn(
                f"It is recommended to use web.AppKey instances for keys, not {key!r}",
                category=NotAppKeyWarning,
                stacklevel=2,
            )
        self._state[key] = value

    def __delitem__(self, key: Any) -> None:
        self._warn_if_frozen()
        del self._state[key]

    def __len__(self) -> int:
        return len(self._state)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._state)

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def _warn_if_frozen(self) -> None:
        if self._frozen:
            warnings.warn(
                "Changing state of started or joined application is deprecated",
                DeprecationWarning,
                stacklevel=3,
            )
