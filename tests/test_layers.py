"""The walls of docs/architecture.md: which module may import what, read with `ast`.

Each rule is a function from one source to the sentences that describe how it breaks the rule. Each test
applies its rule to the package, and then to a planted source that breaks it, so that a rule which can no
longer fail is noticed.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "sketch"
LAYERS = ("vocabulary", "engine", "framework", "serving", "edge")

# By the first name after `sketch`, be it a module or a folder. What is not named here belongs to the
# framework, which may import least.
LAYER_OF_ROOM = {
    "http": "vocabulary",
    "http_parser": "engine",
    "http_writer": "engine",
    "protocol": "engine",
    "net": "serving",
    "server": "serving",
    "__main__": "edge",
    "aliases": "edge",
    "cli": "edge",
    "compat": "edge",
    "runner": "edge",
    "testing": "edge",
    "tls": "edge",
    "web": "edge",
    "webserver": "edge",
    "worker": "edge",
}

MAY_IMPORT = {
    "vocabulary": {"vocabulary"},
    "engine": {"vocabulary", "engine"},
    "framework": {"vocabulary", "framework"},
    "serving": {"vocabulary", "engine", "serving"},
    "edge": set(LAYERS),
}

# PEP 562: two names that programs expect in the framework and that live in an edge.
# And the one place in which modules are loaded that were named at the top of others.
LATE_IMPORTS = {
    ("sketch.application", "__getattr__"),
    ("sketch.application", "Application.make_handler"),
    ("sketch.http.deferred", "deferred.__getattr__"),
}

# By the same names: rooms that are only entered by programs that have installed more than the package needs,
# and the extra of pyproject.toml that says what that is.
EXTRA_OF_ROOM = {"compat": "compat", "testing": "testing", "worker": "gunicorn"}

# What is used where it is installed and done without elsewhere, the one module that may look for it, and the
# extra in which it is, with its name there.
OPTIONAL = {
    ("sketch.http.codecs", "brotli"): ("compression", "Brotli"),
    ("sketch.http.codecs", "backports.zstd"): ("compression", "backports.zstd"),
    ("sketch.testing.fixtures", "pytest_asyncio"): ("test", "pytest-asyncio"),
}
IN_LATER_VERSIONS = {"compression.zstd"}
"""Modules of the standard library that an older Python does not list."""


@dataclass(frozen=True)
class Import:
    """One name that a module imports: the module it comes from, and where the statement stands."""

    target: str
    line: int
    function: str | None
    is_for_types: bool


class Source:
    """One module: its dotted name and its parsed text."""

    def __init__(self, name: str, text: str, *, is_package: bool = False) -> None:
        self.name = name
        self.is_package = is_package
        self.tree = ast.parse(text, name)

    @property
    def layer(self) -> str:
        return layer_of(self.name)

    @property
    def room(self) -> str:
        return room_of(self.name)

    def imports(self) -> list[Import]:
        return list(_imports_in(self, self.tree, function=None, is_for_types=False))


def layer_of(module: str) -> str:
    room = room_of(module)
    return LAYER_OF_ROOM.get(room, "framework") if room else "edge"


def room_of(module: str) -> str:
    """The first name after `sketch`; nothing for `sketch` itself."""
    return module.partition(".")[2].partition(".")[0]


def _imports_in(
    source: Source, node: ast.AST, *, function: str | None, is_for_types: bool, owner: str = ""
) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            inside = function or owner + child.name
            yield from _imports_in(source, child, function=inside, is_for_types=is_for_types)
        elif isinstance(child, ast.ClassDef):
            yield from _imports_in(
                source, child, function=function, is_for_types=is_for_types, owner=f"{child.name}."
            )
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from _imports_in(source, child, function=function, is_for_types=True, owner=owner)
        else:
            for target in _targets(source, child):
                yield Import(target, getattr(child, "lineno", 0), function, is_for_types)
            yield from _imports_in(source, child, function=function, is_for_types=is_for_types, owner=owner)


def _targets(source: Source, node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = _base(source, node)
        # `from package import module` names a module, `from module import name` does not.
        return [name if (name := f"{base}.{alias.name}") in module_names() else base for alias in node.names]
    if isinstance(node, ast.Call) and ast.unparse(node.func) in {
        "__import__",
        "import_module",
        "importlib.import_module",
        "deferred",
    }:
        match node.args:
            case [ast.Constant(value=str(module)), *_]:
                package, name = _package(source), module.lstrip(".")
                up = len(module) - len(name) - 1
                return [module if up < 0 else ".".join([*package[: len(package) - up], name])]
        return ["(computed)"]
    return []


def _base(source: Source, node: ast.ImportFrom) -> str:
    if not node.level:
        assert node.module is not None
        return node.module
    package = _package(source)
    above = package[: len(package) - (node.level - 1)]
    return ".".join(above + ([node.module] if node.module else []))


def _package(source: Source) -> list[str]:
    parts = source.name.split(".")
    return parts if source.is_package else parts[:-1]


@cache
def module_names() -> frozenset[str]:
    return frozenset(_module_name(path) for path in PACKAGE.rglob("*.py"))


def _module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def package() -> tuple[Source, ...]:
    return tuple(
        Source(_module_name(path), path.read_text("utf-8"), is_package=path.name == "__init__.py")
        for path in sorted(PACKAGE.rglob("*.py"))
    )


Rule = Callable[[Source], list[str]]


def broken(rule: Rule, *, layer: str | None = None) -> list[str]:
    sources = [source for source in package() if layer in (None, source.layer)]
    return [sentence for source in sources for sentence in rule(source)]


def breaks(rule: Rule, module: str, text: str) -> bool:
    return bool(rule(Source(module, text)))


def is_sketch(target: str) -> bool:
    return target == "sketch" or target.startswith("sketch.")


# -- the layers ------------------------------------------------------------------------------------------


def imports_only_what_its_layer_may(source: Source) -> list[str]:
    late = {function for module, function in LATE_IMPORTS if module == source.name}
    return [
        f"{source.name}:{found.line} ({source.layer}) imports {found.target} ({layer_of(found.target)})"
        for found in source.imports()
        if is_sketch(found.target)
        and layer_of(found.target) not in MAY_IMPORT[source.layer]
        and not (found.function in late and layer_of(found.target) == "edge")
    ]


def test_every_layer_has_modules() -> None:
    assert {source.layer for source in package()} == set(LAYERS)


def test_the_vocabulary_imports_nothing_else_of_sketch() -> None:
    assert broken(imports_only_what_its_layer_may, layer="vocabulary") == []
    planted = "from sketch.request import Request"
    assert breaks(imports_only_what_its_layer_may, "sketch.http.heads", planted)
    assert breaks(imports_only_what_its_layer_may, "sketch.http.heads", "from ..request import Request")
    assert breaks(imports_only_what_its_layer_may, "sketch.http.heads", "import sketch")
    assert breaks(imports_only_what_its_layer_may, "sketch.http.heads", "import_module('..web', __package__)")
    assert breaks(imports_only_what_its_layer_may, "sketch.http.heads", "x = deferred('..web', __package__)")
    assert not breaks(imports_only_what_its_layer_may, "sketch.http.heads", "from .errors import X")
    assert not breaks(imports_only_what_its_layer_may, "sketch.http.heads", "import_module('.errors', 'x')")


def test_engines_import_only_the_vocabulary_and_each_other() -> None:
    assert broken(imports_only_what_its_layer_may, layer="engine") == []
    for planted in ("from .server import Server", "import sketch.net.clock", "from sketch import Request"):
        assert breaks(imports_only_what_its_layer_may, "sketch.http_parser", planted)
    planted = "from ...request import Request"
    assert breaks(imports_only_what_its_layer_may, "sketch.protocol.h1.body", planted)


def test_the_framework_imports_neither_engines_nor_serving() -> None:
    assert broken(imports_only_what_its_layer_may, layer="framework") == []
    for planted in (
        "from .server import Server",
        "from .http_writer import encode",
        "from sketch.runner import run_app",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .net.h1 import Connection",
        "def handle():\n    from .runner import run_app",
        "def __getattr__(name):\n    from .runner import run_app",
    ):
        assert breaks(imports_only_what_its_layer_may, "sketch.request", planted)


def test_serving_never_imports_the_framework() -> None:
    assert broken(imports_only_what_its_layer_may, layer="serving") == []
    for planted in ("from ..request import Request", "from ..routing.tree import Tree", "import sketch.web"):
        assert breaks(imports_only_what_its_layer_may, "sketch.net.h1", planted)


def test_framework_and_serving_meet_only_in_the_edges() -> None:
    def knows_both_sides(source: Source) -> list[str]:
        layers = {layer_of(found.target) for found in source.imports() if is_sketch(found.target)}
        knows_both = {"framework", "serving"} <= layers | {source.layer}
        return [source.name] if knows_both and source.layer != "edge" else []

    assert broken(knows_both_sides) == []
    both = "from .server import Server\nfrom .application import Application"
    assert breaks(knows_both_sides, "sketch.handling", both)
    assert breaks(knows_both_sides, "sketch.http.exchange", both.replace(" .", " .."))
    assert not breaks(knows_both_sides, "sketch.runner", both)


# -- what the layers stay away from ----------------------------------------------------------------------

NOT_IN_ENGINES = frozenset({"asyncio", "socket", "ssl", "logging", "time"})
NOT_IN_THE_FRAMEWORK = frozenset({"socket", "ssl", "selectors"})


def _imports_of(source: Source, forbidden: frozenset[str]) -> list[str]:
    return [
        f"{source.name}:{found.line} imports {found.target}"
        for found in source.imports()
        if found.target.split(".")[0] in forbidden
    ]


def test_engines_do_not_wait_look_at_clocks_or_log() -> None:
    def is_pure(source: Source) -> list[str]:
        if source.layer != "engine":
            return []
        waits = [
            f"{source.name}:{node.lineno} async def {node.name}"
            for node in ast.walk(source.tree)
            if isinstance(node, ast.AsyncFunctionDef)
        ]
        return waits + _imports_of(source, NOT_IN_ENGINES)

    assert broken(is_pure) == []
    for name in NOT_IN_ENGINES:
        assert breaks(is_pure, "sketch.http_writer", f"import {name}")
        assert breaks(is_pure, "sketch.protocol.h1.body", f"def now():\n    from {name} import x")
    assert breaks(is_pure, "sketch.http_parser", "class Parser:\n    async def feed(self): ...")


def test_the_framework_knows_no_sockets() -> None:
    def has_no_sockets(source: Source) -> list[str]:
        return _imports_of(source, NOT_IN_THE_FRAMEWORK) if source.layer == "framework" else []

    assert broken(has_no_sockets) == []
    assert breaks(has_no_sockets, "sketch.request", "import socket")
    assert breaks(has_no_sockets, "sketch.request", "from ssl import SSLContext")


def test_other_distributions_are_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = _distributions(project["dependencies"])
    extras = {name: _distributions(each) for name, each in project["optional-dependencies"].items()}
    for extra, distribution in OPTIONAL.values():
        assert distribution in extras[extra]

    def imports_what_is_declared(source: Source) -> list[str]:
        return [
            f"{source.name}:{found.line} imports {found.target}"
            for found in source.imports()
            if not is_sketch(found.target)
            and (name := found.target.split(".")[0]) not in sys.stdlib_module_names
            and found.target not in IN_LATER_VERSIONS
            and name not in declared
            and name not in extras.get(EXTRA_OF_ROOM.get(source.room, ""), ())
            and (source.name, found.target) not in OPTIONAL
            and (source.name, found.function) not in LATE_IMPORTS
        ]

    assert broken(imports_what_is_declared) == []
    assert breaks(imports_what_is_declared, "sketch.request", "import attrs")
    assert not breaks(imports_what_is_declared, "sketch.request", "import yarl")
    assert breaks(imports_what_is_declared, "sketch.request", "import aiohttp")
    assert not breaks(imports_what_is_declared, "sketch.testing.session", "import aiohttp")
    assert breaks(imports_what_is_declared, "sketch.request", "import brotli")
    assert breaks(imports_what_is_declared, "sketch.http.codecs", "import brotlicffi")
    assert not breaks(imports_what_is_declared, "sketch.compat.types", "import aiohttp")
    assert breaks(imports_what_is_declared, "sketch.compat.types", "import gunicorn")


def _distributions(requirements: list[str]) -> set[str]:
    return {re.split(r"[^\w.-]", requirement)[0] for requirement in requirements}


def test_the_vocabulary_is_the_standard_library_multidict_and_yarl() -> None:
    def is_plain(source: Source) -> list[str]:
        if source.layer != "vocabulary":
            return []
        return _imports_of(source, frozenset({"httptools", "uvloop"}))

    assert broken(is_plain) == []
    assert breaks(is_plain, "sketch.http.heads", "import httptools")


# -- imports stand at the top, and nothing is imported in a circle -----------------------------------------


def imports_stand_at_the_top(source: Source) -> list[str]:
    return [
        f"{source.name}:{found.line} imports {found.target} inside {found.function}"
        for found in source.imports()
        if found.function is not None and (source.name, found.function) not in LATE_IMPORTS
    ]


def test_no_import_inside_a_function() -> None:
    assert broken(imports_stand_at_the_top) == []
    for planted in (
        "def f():\n    import json",
        "def f():\n    if True:\n        from . import request",
        "class C:\n    async def f(self):\n        from .runner import run_app",
        "import importlib\ndef f():\n    importlib.import_module('sketch.runner')",
        "def f():\n    return import_module('.runner', __package__).run_app",
        "def f():\n    __import__(name)",
        "def f():\n    return deferred('.runner', __package__).run_app",
        "def __getattr__(name):\n    from .runner import run_app",
    ):
        assert breaks(imports_stand_at_the_top, "sketch.request", planted)
    assert not breaks(imports_stand_at_the_top, "sketch.request", "import json\nclass C:\n    import re")


def test_the_two_late_imports_are_the_ones_that_are_allowed() -> None:
    def imports_an_edge_late(source: Source) -> list[str]:
        return [
            f"{source.name}:{found.line} imports {found.target} in {found.function}"
            for found in source.imports()
            if (source.name, found.function) in LATE_IMPORTS and layer_of(found.target) == "edge"
        ]

    text = "def __getattr__(name):\n    from .runner import run_app\n    return run_app"
    allowed = Source("sketch.application", text)
    assert imports_an_edge_late(allowed)
    assert imports_stand_at_the_top(allowed) == imports_only_what_its_layer_may(allowed) == []
    # Only there, only in these functions.
    elsewhere = text.replace("__getattr__", "startup")
    assert breaks(imports_stand_at_the_top, "sketch.application", elsewhere)
    assert breaks(imports_only_what_its_layer_may, "sketch.application", "from .runner import run_app")
    serving = text.replace(".runner", ".server")
    assert breaks(imports_only_what_its_layer_may, "sketch.application", serving)
    late = broken(imports_an_edge_late)
    assert 1 <= len(late) <= len(LATE_IMPORTS), late


def _circle(graph: Mapping[str, set[str]]) -> list[str]:
    """One circle in the graph, as the path around it; empty when there is none."""
    finished: set[str] = set()

    def visit(module: str, path: list[str]) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in finished:
            return []
        for target in sorted(graph.get(module, ())):
            if found := visit(target, [*path, module]):
                return found
        finished.add(module)
        return []

    return next((found for module in sorted(graph) if (found := visit(module, []))), [])


def _graph(sources: tuple[Source, ...]) -> dict[str, set[str]]:
    """Who imports whom while the package is loaded. Packages' own `__init__` modules are left out: a
    submodule loads its parents before itself, by the language's own rule."""
    packages = {source.name for source in sources if source.is_package}
    return {
        source.name: {
            found.target
            for found in source.imports()
            if is_sketch(found.target)
            and found.target not in packages
            and found.function is None
            and not found.is_for_types
        }
        for source in sources
        if source.name not in packages
    }


def test_nothing_is_imported_in_a_circle() -> None:
    assert _circle(_graph(package())) == []
    planted = (
        Source("sketch.protocol.h1.body", "from .connection import Connection"),
        Source("sketch.protocol.h1.connection", "from .body import CountedBody"),
    )
    assert _circle(_graph(planted)) == [
        "sketch.protocol.h1.body",
        "sketch.protocol.h1.connection",
        "sketch.protocol.h1.body",
    ]


# -- the table of rooms ----------------------------------------------------------------------------------


def _rooms(text: str) -> set[str]:
    """The paths in the first column of the table under "Rooms"."""
    section = text.partition("\n## Rooms\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    return {path for row in rows for path in re.findall(r"`([^`]+)`", row.split("|")[1])}


def _differences(rooms: set[str], modules: set[str]) -> list[str]:
    folders = tuple(room for room in rooms if room.endswith("/"))
    missing = [
        f"{room} is in the table and not in sketch/"
        for room in sorted(rooms)
        if room not in modules and not any(module.startswith(room) for module in modules if room in folders)
    ]
    unlisted = [
        f"sketch/{module} is not in the table"
        for module in sorted(modules)
        if module not in rooms and not module.startswith(folders)
    ]
    return missing + unlisted


def test_the_table_of_rooms_and_the_package_are_the_same() -> None:
    rooms = _rooms((ROOT / "docs" / "architecture.md").read_text("utf-8"))
    modules = {
        path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"
    }
    assert _differences(rooms, modules) == []

    table = "\n## Rooms\n\n| module | knows |\n|---|---|\n| `a.py` `b.py` | |\n| `room/` | `not.py` |\n"
    assert _rooms(table) == {"a.py", "b.py", "room/"}
    assert _differences({"a.py", "room/"}, {"a.py", "room/x.py"}) == []
    assert _differences({"a.py", "gone.py"}, {"a.py"}) == ["gone.py is in the table and not in sketch/"]
    assert _differences({"a.py", "gone/"}, {"a.py"}) == ["gone/ is in the table and not in sketch/"]
    assert _differences({"a.py"}, {"a.py", "new.py"}) == ["sketch/new.py is not in the table"]
