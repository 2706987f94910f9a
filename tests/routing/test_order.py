"""The order of routes, against two other implementations of it.

`Reference` is aiohttp's rule written down as it reads: an index by static prefix, walked from the whole
path upwards, resource after resource. The other one is aiohttp itself. Both are asked about random tables
and random paths.
"""

import asyncio
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sketch.router import UrlDispatcher
from sketch.routing.doubts import RouteWarning
from sketch.routing.routes import AbstractRoute, MethodNotAllowedRoute, SystemRoute
from sketch.routing.subapps import Domain, MatchedSubAppResource, PrefixedSubAppResource

GET = "GET"
METHODS = ("GET", "POST", "*", "HEAD")


@dataclass
class Route:
    """One registration: the handler is known by its number."""

    method: str
    path: str
    number: int = -1


@dataclass
class Subapp:
    prefix: str
    table: "list[Route | Subapp]"
    number: int = -1


Table = list[Route | Subapp]


@dataclass
class Outcome:
    """What a router said: a handler's number with values, or the allowed methods (none for a 404)."""

    number: int | None
    values: dict[str, str] = field(default_factory=dict)
    allowed: frozenset[str] = frozenset()
    apps: tuple[int, ...] = ()


# -- tables and paths -------------------------------------------------------------------------------------

LITERALS = ("a", "b", "ab", "", "1")
DYNAMIC = (
    "{p#}",
    "{p#}",
    "a{p#}",
    "{p#}.b",
    "{p#}-{q#}",
    r"{p#:\d+}",
    "{p#:[ab]+}",
    "{p#:[^/]+}",
    "{p#:a|b}",
)
OPEN = (
    "{p#:.*}",
    "{p#:.+}",
    "a{p#:.*}",
    "{p#:.*}b",
    "{p#:a|b/a}",
    "{p#:[^{}]+}",
    "{p#:(?P<k>a*)b}",
    r"{p#:\w+\S}",
)
VALUES = ("a", "b", "ab", "1", "12", "", "a.b", "a-b", "{a}", "a%2Fb", "%25", "x\ny", "a{", "é")


def join(segments: list[str]) -> str:
    return "".join(f"/{segment.replace('#', str(number))}" for number, segment in enumerate(segments))


segments = st.lists(st.sampled_from(LITERALS + DYNAMIC), min_size=1, max_size=4)
with_open = st.tuples(
    st.lists(st.sampled_from(LITERALS + DYNAMIC), max_size=2), st.sampled_from(OPEN), segments
)
paths = st.one_of(
    st.lists(st.sampled_from(LITERALS), min_size=1, max_size=3).map(join),
    segments.map(join),
    with_open.map(lambda parts: join([*parts[0], parts[1], *parts[2][:1]])),
    with_open.map(lambda parts: join([*parts[0], parts[1]])),
)
routes = st.builds(Route, st.sampled_from(METHODS), paths)
subapps = st.builds(
    Subapp, st.sampled_from(("/a", "/b", "/a/b", "/ab")), st.lists(routes, min_size=1, max_size=4)
)
nested = st.builds(
    Subapp, st.sampled_from(("/a", "/b")), st.lists(st.one_of(routes, subapps), min_size=1, max_size=4)
)
tables = st.lists(st.one_of(routes, routes, routes, subapps, nested), min_size=1, max_size=10)
random_paths = st.one_of(
    st.lists(st.sampled_from(VALUES), min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts)),
    st.sampled_from(("*", "a/b", "", "/", "//", "///")),
)


def numbered(table: Table, numbers: Iterator[int] | None = None) -> Table:
    numbers = numbers or count()
    for item in table:
        item.number = next(numbers)
        if isinstance(item, Subapp):
            numbered(item.table, numbers)
    return table


PARAMETER = re.compile(r"\{\w[^{}]*(?:\{[^{}]*\}[^{}]*)*\}")


def templates(table: Table, prefix: str = "") -> Iterator[str]:
    """All paths of a table as they are written, below their prefixes."""
    for item in table:
        if isinstance(item, Subapp):
            yield prefix + item.prefix
            yield from templates(item.table, prefix + item.prefix)
        else:
            yield prefix + item.path


@st.composite
def cases(draw: st.DrawFn) -> tuple[Table, list[tuple[str, str]]]:
    """A table, and requests most of which look like its routes."""
    table = numbered(draw(tables))
    written = list(templates(table))
    questions = []
    for _ in range(draw(st.integers(4, 12))):
        path = draw(st.one_of(st.sampled_from(written), st.sampled_from(written), random_paths))
        path = PARAMETER.sub(lambda match: draw(st.sampled_from((*VALUES, "a/b", "a/1"))), path)
        questions.append((draw(st.sampled_from(("GET", "GET", "POST", "PUT"))), path))
    return table, questions


# -- the rule as it reads ---------------------------------------------------------------------------------


class ReferenceResource:
    def __init__(self, path: str) -> None:
        self.path = path
        self.prefix = ""
        self.routes: dict[str, int] = {}

    @property
    def key(self) -> str:
        full = self.prefix + self.path
        if "{" in full:
            full = full.partition("{")[0].rpartition("/")[0]
        return full.rstrip("/") or "/"

    def match(self, path: str) -> dict[str, str] | None:
        full = self.prefix + self.path
        if "{" not in full:
            return {} if path == full else None
        found = re.fullmatch(self.expression(full), path)
        if found is None:
            return None
        values = {name: value or "" for name, value in found.groupdict().items()}
        return {name: value.replace("%2F", "/").replace("%25", "%") for name, value in values.items()}

    @staticmethod
    def expression(path: str) -> str:
        expression = ""
        for part in re.split(r"(\{\w[^{}]*(?:\{[^{}]*\}[^{}]*)*\})", path):
            name, _, regex = part[1:-1].partition(":")
            expression += f"(?P<{name}>{regex or '[^{}/]+'})" if part[:1] == "{" else re.escape(part)
        return expression

    def find(self, method: str, path: str) -> tuple[Outcome | None, set[str]]:
        values = self.match(path)
        if values is None:
            return None, set()
        number = self.routes.get(method, self.routes.get("*"))
        return None if number is None else Outcome(number, values), set(self.routes)


class ReferenceSubapp:
    def __init__(self, prefix: str, number: int, app: "Reference") -> None:
        self.key = prefix
        self.number = number
        self.app = app
        self.move(prefix)

    def move(self, prefix: str) -> None:
        for resource in self.app.resources:
            if isinstance(resource, ReferenceSubapp):
                resource.key = prefix + resource.key
                resource.move(prefix)
            else:
                resource.prefix = prefix + resource.prefix

    def find(self, method: str, path: str) -> tuple[Outcome | None, set[str]]:
        outcome = self.app.find(method, path)
        return Outcome(outcome.number, outcome.values, outcome.allowed, (self.number, *outcome.apps)), set()


class Reference:
    def __init__(self, table: Table) -> None:
        self.resources: list[ReferenceResource | ReferenceSubapp] = []
        for item in table:
            if isinstance(item, Subapp):
                self.resources.append(ReferenceSubapp(item.prefix, item.number, Reference(item.table)))
            else:
                self.add(item)

    def add(self, route: Route) -> None:
        last = self.resources[-1] if self.resources else None
        if not (isinstance(last, ReferenceResource) and last.path == route.path):
            last = ReferenceResource(route.path)
            self.resources.append(last)
        if route.method not in last.routes and "*" not in last.routes:
            last.routes[route.method] = route.number

    def find(self, method: str, path: str) -> Outcome:
        allowed: set[str] = set()
        part = path
        while part:
            for resource in self.resources:
                if resource.key == part:
                    outcome, methods = resource.find(method, path)
                    if outcome is not None:
                        return outcome
                    allowed |= methods
            if part == "/":
                break
            part = part.rpartition("/")[0] or "/"
        return Outcome(None, allowed=frozenset(allowed))


# -- the routers under test -------------------------------------------------------------------------------


class App:
    """As much of an application as a router needs."""

    def __init__(self, number: int = -1) -> None:
        self.router = UrlDispatcher()
        self.number = number


def make_handler(number: int) -> Callable[[Any], Any]:
    async def handler(request: Any) -> Any:
        raise AssertionError("only looked at")

    handler.number = number  # type: ignore[attr-defined]
    return handler


def build(table: Table, app: App, hidden: set[int] | None = None) -> App:
    """Register a table, note which routes the router says can never be reached, and freeze."""
    for item in table:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if isinstance(item, Subapp):
                below = build(item.table, App(item.number), hidden)
                app.router.register_resource(PrefixedSubAppResource(item.prefix, below))
            else:
                try:
                    app.router.add_route(item.method, item.path, make_handler(item.number))
                except RuntimeError:
                    continue
        assert all(warning.category is RouteWarning for warning in caught)
        if caught and hidden is not None and isinstance(item, Route):
            hidden.add(item.number)
    app.router.freeze()
    return app


def outcome_of(route: AbstractRoute, values: Any, apps: Any) -> Outcome:
    if isinstance(route, SystemRoute):
        allowed = route.allowed_methods if isinstance(route, MethodNotAllowedRoute) else frozenset()
        return Outcome(None, {}, allowed, apps)
    return Outcome(route.handler.number, dict(values or {}), frozenset(), apps)  # type: ignore[attr-defined]


def ask(app: App, method: str, path: str) -> Outcome:
    endpoint, values = app.router.find(method, path)
    again, _ = app.router.find(method, path)
    assert again is endpoint
    return outcome_of(endpoint.route, values, tuple(below.number for below in endpoint.apps[::-1]))


def request_for(method: str, path: str, host: str = "x") -> Any:
    url = SimpleNamespace(path_safe=path)
    return SimpleNamespace(method=method, match_path=path, rel_url=url, headers={"Host": host})


# -- the properties ---------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(cases())
def test_tree_gives_what_the_rule_gives(case: tuple[Table, list[tuple[str, str]]]) -> None:
    table, questions = case
    reference = Reference(table)
    hidden: set[int] = set()
    app = build(table, App(), hidden)
    for method, path in questions:
        outcome = ask(app, method, path)
        assert outcome == reference.find(method, path)
        assert outcome.number not in hidden


@settings(max_examples=60, deadline=None)
@given(cases())
def test_resolve_agrees_with_find(case: tuple[Table, list[tuple[str, str]]]) -> None:
    table, questions = case
    app = build(table, App())

    async def main() -> None:
        for method, path in questions:
            found = ask(app, method, path)
            info = await app.router.resolve(request_for(method, path))
            assert outcome_of(info.route, info, tuple(below.number for below in info.apps)) == found

    asyncio.run(main())


@settings(max_examples=100, deadline=None)
@given(cases())
def test_aiohttp_gives_the_same(case: tuple[Table, list[tuple[str, str]]]) -> None:
    table, questions = case
    web = pytest.importorskip("aiohttp.web")
    app = build(table, App())
    other = build_aiohttp(web, table, -1)

    async def main() -> None:
        for method, path in questions:
            info = await other.router.resolve(request_for(method, path))
            apps = tuple(below.number for below in info.apps)
            allowed = frozenset(getattr(info.http_exception, "allowed_methods", ()))
            number = None if info.http_exception else info.handler.number
            assert ask(app, method, path) == Outcome(number, dict(info), allowed, apps)

    asyncio.run(main())


def build_aiohttp(web: Any, table: Table, number: int) -> Any:
    app = web.Application()
    object.__setattr__(app, "number", number)
    for item in table:
        if isinstance(item, Subapp):
            app.add_subapp(item.prefix, build_aiohttp(web, item.table, item.number))
        else:
            try:
                app.router.add_route(item.method, item.path, make_handler(item.number))
            except RuntimeError:
                continue
    return app


@pytest.mark.parametrize("host", ["a.example", "b.example", "c.example"])
@settings(max_examples=15, deadline=None)
@given(st.lists(routes, min_size=1, max_size=4), st.lists(routes, min_size=1, max_size=4), random_paths)
def test_domains_come_first(host: str, table: Table, below: Table, path: str) -> None:
    numbered([*table, *below])
    app = build(table, App())
    app = App()
    build_unfrozen(table, app)
    app.router.register_resource(MatchedSubAppResource(Domain("a.example"), build(below, App(7))))
    app.router.freeze()
    info = asyncio.run(app.router.resolve(request_for(GET, path, host)))
    found = outcome_of(info.route, info, tuple(inner.number for inner in info.apps))
    if host == "a.example":
        expected = Reference(below).find(GET, path)
        expected.apps = (7,)
    else:
        expected = Reference(table).find(GET, path)
    assert found == expected


def build_unfrozen(table: Table, app: App) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RouteWarning)
        for item in table:
            assert isinstance(item, Route)
            try:
                app.router.add_route(item.method, item.path, make_handler(item.number))
            except RuntimeError:
                continue
