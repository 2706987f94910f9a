"""Changes to modules that can be taken back, the last one first. Knows nothing of which ones are made."""

import sys
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, Final

_ABSENT: Final[Any] = object()


class Changes:
    """What was changed, and how to take it back."""

    __slots__ = ("_undo",)

    def __init__(self) -> None:
        self._undo: list[Callable[[], object]] = []

    def on_undo(self, step: Callable[[], object]) -> None:
        """Have ``step`` called when the changes are taken back."""
        self._undo.append(step)

    def set_attribute(self, owner: Any, name: str, value: Any) -> None:
        """Set ``owner.name``."""
        self.on_undo(partial(_restore, owner, name, vars(owner).get(name, _ABSENT)))
        setattr(owner, name, value)

    def forget_attribute(self, owner: Any, name: str) -> None:
        """Take ``owner.name`` away, now and when the changes are taken back."""
        _restore(owner, name, _ABSENT)
        self.on_undo(partial(_restore, owner, name, _ABSENT))

    def set_module(self, name: str, module: ModuleType) -> None:
        """Have ``import name`` give ``module``, whose package is imported already."""
        before = sys.modules.get(name)
        self.on_undo(partial(sys.modules.pop, name) if before is None else partial(_load, name, before))
        sys.modules[name] = module
        package, _, last = name.rpartition(".")
        self.set_attribute(sys.modules[package], last, module)

    def forget_module(self, name: str) -> None:
        """Have the next import of ``name`` load it again, if it was loaded."""
        if sys.modules.pop(name, None) is not None:
            package, _, last = name.rpartition(".")
            _restore(sys.modules[package], last, _ABSENT)

    def undo(self) -> None:
        """Take everything back."""
        while self._undo:
            self._undo.pop()()


def _load(name: str, module: ModuleType) -> None:
    sys.modules[name] = module


def _restore(owner: Any, name: str, value: Any) -> None:
    if value is not _ABSENT:
        setattr(owner, name, value)
    elif name in vars(owner):
        delattr(owner, name)
