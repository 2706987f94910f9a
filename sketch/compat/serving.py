"""Modules of aiohttp's that are taken as they are, but for a function or two that cannot work on sketch."""

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from ..http.deferred import deferred
from .changes import Changes

_testing = deferred("sketch.testing")


class TestUtilities(Loader):
    """Loads ``aiohttp.test_utils``. Its ``make_mocked_request`` makes a request out of the parts that
    aiohttp's requests are made of; sketch's does the same out of what sketch's are."""

    __test__ = False

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As usual."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module, then put in what is different."""
        self._loader.exec_module(module)
        module.make_mocked_request = _make_mocked_request  # type: ignore[attr-defined]


def _make_mocked_request(*args: Any, **kwargs: Any) -> Any:
    """See ``sketch.testing.make_mocked_request``."""
    return _testing.make_mocked_request(*args, **kwargs)


class _Finder(MetaPathFinder):
    """Finds one module where it always is, for a loader of our own."""

    def __init__(self, name: str, loader: type[TestUtilities]) -> None:
        self._name = name
        self._make_loader = loader

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The usual specification, with our loader around the usual one; ``None`` for any other module."""
        spec = PathFinder.find_spec(fullname, path, target) if fullname == self._name else None
        if spec is not None and spec.loader is not None:
            spec.loader = self._make_loader(spec.loader)
        return spec


def serve(changes: Changes, name: str, loader: type[TestUtilities]) -> None:
    """Have the module ``name`` loaded by ``loader`` when it is imported."""
    finder = _Finder(name, loader)
    sys.meta_path.insert(0, finder)
    changes.on_undo(lambda: sys.meta_path.remove(finder))
