"""Modules that are loaded when they are first used.

For rooms that most programs never enter: the start of every program would wait for them. It is no way
around a wall: ``tests/test_layers.py`` reads `deferred` as the import that it is.
"""

from importlib import import_module
from types import ModuleType
from typing import Any


class deferred:
    """Stands for a module at the top of another one: ``room = deferred(".room", __package__)``. The first
    look at something in it loads it, and raises `ImportError` where it is not installed."""

    __slots__ = ("_module", "_name", "_package")

    def __init__(self, name: str, package: str | None = None) -> None:
        self._name = name
        self._package = package
        self._module: ModuleType | None = None

    def __getattr__(self, name: str) -> Any:
        module = self._module
        if module is None:
            module = self._module = import_module(self._name, self._package)
        return getattr(module, name)

    def __repr__(self) -> str:
        return f"<deferred {self._name}{'' if self._module is None else ', loaded'}>"
