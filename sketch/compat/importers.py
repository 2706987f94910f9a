"""Who has imported a module already, as far as that can be seen. Knows nothing of which module it is."""

import sys
from collections.abc import Collection
from types import FunctionType, ModuleType

AT_MOST = 3
"""Names that are given: who came first matters, and the rest is a list to scroll by."""


def find_importers(modules: Collection[str]) -> list[str]:
    """The first few modules that hold one of ``modules``, or a class or function of theirs, in the order in
    which they were imported; their own package is left out unless nobody else is found."""
    package = next(iter(modules)).partition(".")[0]
    holders = [name for name, module in list(sys.modules.items()) if _holds(module, modules)]
    others = [name for name in holders if name.partition(".")[0] != package]
    return (others or [name for name in holders if name not in modules and name != package])[:AT_MOST]


def _holds(module: object, modules: Collection[str]) -> bool:
    if not isinstance(module, ModuleType):
        return False
    return any(_home(value) in modules for value in list(vars(module).values()))


def _home(value: object) -> str | None:
    """The module that ``value`` is, or that it was imported from."""
    if isinstance(value, ModuleType):
        return value.__name__
    if isinstance(value, type | FunctionType):
        # What makes functions for others, as attrs does, may keep one that says it is theirs, and is not.
        home = value.__module__
        return home if getattr(sys.modules.get(home), value.__name__, None) is value else None
    return None
