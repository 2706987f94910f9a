"""Whole applications asked the same requests: which handler answers, with which values, how deep.

Applications are random: sub-applications in sub-applications, domains and masks, views, paths that are
written with escapes, empty segments, slashes at ends. Requests are random too, and mostly look like the
routes.
"""

import asyncio
import re
import warnings
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp.web
import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from yarl import URL

from sketch import web

# -- applications --------------------------------------------------------------------------------------------

# Without escapes that a path does not need: what is written with them never matches in aiohttp.
TEXTS = ("a", "b", "ab", "", "a b", "a%2Fb", "%25", "x.y", "a;b", "a+b", "~a", "A", "ü")
ASCII = ("a", "b", "ab", "", "a.b", "A", "~")
PARAMETERS = (
    "{#}",
    "{#}",
    "{#}.html",
    "a{#}",
    "{#}-{#}",
    r"{#:\d+}",
    "{#:[ab]+}",
    "{#:.*}",
    "{#:.+}",
    "{#:a|b/a}",
)
METHODS = ("GET", "POST", "*", "HEAD", "OPTIONS")
PREFIXES = ("/a", "/b", "/a/b", "/ab", "/a/", "/A", "/a//b", "/a/b/c")
DOMAINS = ("a.example", "b.example:8080", "*.example", "*.a.example", "A.EXAMPLE")
HOSTS = (
    "a.example",
    "A.example",
    "a.example:80",
    "b.example",
    "b.example:8080",
    "x.a.example",
    "other",
    "a.example.",
)


@dataclass
class Route:
    """``kind`` is a method, or ``view``."""

    kind: str
    path: str


@dataclass
class Part:
    """A sub-application: below a prefix, or for a domain."""

    place: str
    is_domain: bool
    items: "list[Route | Part]" = field(default_factory=list)


Items = list[Route | Part]


def written(segments: list[str]) -> str:
    numbers = count()
    return "/" + "/".join(re.sub("#", lambda _: f"p{next(numbers)}", segment) for segment in segments)


plain_paths = st.lists(st.sampled_from(TEXTS), max_size=3).map(written)
# Other than ASCII, or what has to be escaped, before a parameter never matches in aiohttp.
dynamic_paths = st.tuples(
    st.lists(st.sampled_from(ASCII), max_size=2),
    st.lists(st.sampled_from(ASCII + PARAMETERS), min_size=1, max_size=3),
).map(lambda parts: written([*parts[0], *parts[1]]))
paths = st.one_of(plain_paths, dynamic_paths, st.just(""))
routes = st.builds(Route, st.sampled_from((*METHODS, "view")), paths)


def prefixed(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Part]:
    return st.builds(Part, st.sampled_from(PREFIXES), st.just(False), st.lists(items, min_size=1, max_size=4))


def hosted(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Part]:
    return st.builds(Part, st.sampled_from(DOMAINS), st.just(True), st.lists(items, min_size=1, max_size=4))


# No domain is below a prefix: aiohttp cannot move it there.
below = prefixed(st.one_of(routes, routes, prefixed(routes)))
tables = st.lists(
    st.one_of(routes, routes, routes, below, hosted(st.one_of(routes, routes, below, hosted(routes)))),
    min_size=1, max_size=8,
)  # fmt: skip


def make_handler(number: int) -> Any:
    async def handler(request: Any) -> Any:
        raise AssertionError("only looked at")

    handler.number = number  # type: ignore[attr-defined]
    return handler


def make_view(web: Any, number: int) -> Any:
    view = type("Own", (web.View,), {"get": make_handler(number)})
    view.number = number  # type: ignore[attr-defined]
    return view


def build(web: Any, items: Items, numbers: Any = None) -> Any:
    """The application; what it refuses is left out, by both alike."""
    numbers = numbers or count()
    app = web.Application()
    for item in items:
        number = next(numbers)
        try:
            if isinstance(item, Part):
                below = build(web, item.items, numbers)
                (app.add_domain if item.is_domain else app.add_subapp)(item.place, below)
            elif item.kind == "view":
                app.router.add_view(item.path, make_view(web, number))
            else:
                app.router.add_route(item.kind, item.path, make_handler(number))
        except (ValueError, RuntimeError):
            continue
    return app


# -- requests ------------------------------------------------------------------------------------------------

VALUES = ("a", "b", "1", "12", "a%20b", "a%2Fb", "a%2520", "%C3%A9", "", "a.b", "a-b", "A", "%61", ".", "~")
PARAMETER = re.compile(r"\{p\d+(?::[^{}]*)?\}")


def all_paths(items: Items, prefix: str = "") -> list[str]:
    found = []
    for item in items:
        if isinstance(item, Part):
            below = prefix if item.is_domain else prefix + item.place.rstrip("/")
            found += [below or "/", *all_paths(item.items, below)]
        else:
            found.append(prefix + item.path)
    return found


Question = tuple[str, str, str]
"""Method, target, host."""


@st.composite
def cases(draw: st.DrawFn) -> tuple[Items, list[Question]]:
    items = draw(tables)
    known = all_paths(items)
    questions = []
    for _ in range(draw(st.integers(3, 10))):
        path = draw(st.one_of(st.sampled_from(known), st.sampled_from(known), plain_paths))
        path = (
            PARAMETER.sub(lambda _: draw(st.sampled_from((*VALUES, "a/b"))), path)
            .replace(" ", "%20")
            .replace("ü", "%C3%BC")
        )
        path = draw(
            st.sampled_from((path, path, path, path + "/", path.rstrip("/"), path.replace("/", "//", 1)))
        )
        method = draw(st.sampled_from(("GET", "GET", "POST", "HEAD", "DELETE")))
        questions.append((method, path if path.startswith("/") else "/" + path, draw(st.sampled_from(HOSTS))))
    return items, questions


# -- answers ---------------------------------------------------------------------------------------------


@dataclass
class Found:
    """What was found: the number of a handler, or ``None``; the values; the allowed methods; how deep."""

    number: int | None
    values: dict[str, str]
    allowed: set[str]
    depth: int


def found(info: Any) -> Found:
    error = info.http_exception
    number = None if error else info.handler.number
    return Found(number, dict(info), set(getattr(error, "allowed_methods", ())), len(info.apps))


def ours_for(app: Any, question: Question) -> Any:
    method, target, host = question
    return web.Request(method=method, url=target, headers={"Host": host}, app=app)


def theirs_for(app: Any, question: Question) -> Any:
    method, target, host = question
    path, _, query = target.partition("?")
    # As the parser makes it: what begins with two slashes is a path all the same.
    url = URL.build(path=path, query_string=query, encoded=True)
    return make_mocked_request(method, "/", {"Host": host}).clone(rel_url=url)


@settings(max_examples=150, deadline=None)
@given(cases())
def test_the_same_handler_answers(case: tuple[Items, list[Question]]) -> None:
    items, questions = case
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs, ours = build(aiohttp.web, items), build(web, items)
    assert resources(ours) == resources(theirs)
    theirs.freeze()
    ours.freeze()

    async def ask_both() -> None:
        for question in questions:
            expected = found(await theirs.router.resolve(theirs_for(theirs, question)))
            assert found(await ours.router.resolve(ours_for(ours, question))) == expected, question
            # The way that is taken without anything to look at the whole request finds the same.
            if not ours.router.needs_request:
                request = ours_for(ours, question)
                ours.find_handler(request)
                expected.depth += 1
                assert found(request.match_info) == expected, question

    asyncio.run(ask_both())


def resources(app: Any) -> list[tuple[str, list[str]]]:
    """All resources with the methods of their routes, in order."""
    return [(each.canonical, [route.method for route in each]) for each in app.router.resources()]


# -- paths put in order ------------------------------------------------------------------------------------

ORDERS: tuple[dict[str, Any], ...] = (
    {}, {"append_slash": False}, {"merge_slashes": False}, {"append_slash": False, "remove_slash": True},
    {"append_slash": False, "remove_slash": True, "merge_slashes": False},
    {"append_slash": False, "merge_slashes": False},
)  # fmt: skip
ORDERED = ("/a", "/a/", "/a/b", "/a/b/", "/{x}/end", "/{x}/end/", "/a b/", "/c/{tail:.+}/")
slashed = st.lists(
    st.sampled_from(("/", "/", "//", "///", "a", "b", "c", "end", "a%20b", "a%2Fb", "evil.example", "\\")),
    max_size=7,
).map(lambda pieces: "/" + "".join(pieces))
queries = st.sampled_from(("", "", "?", "?x=1&y=%20", "?to=//evil.example"))


@pytest.mark.parametrize("options", ORDERS, ids=str)
@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(ORDERED), min_size=1, max_size=4, unique=True), slashed, queries)
def test_paths_are_put_in_order(options: dict[str, Any], known: list[str], path: str, query: str) -> None:
    # There aiohttp takes the last character away, whatever it is.
    assume(path.endswith("/") or not options.get("remove_slash") or not options.get("merge_slashes", True))

    async def location(module: Any, make_request: Any) -> str | None:
        app = module.Application(middlewares=[module.normalize_path_middleware(**options)])
        for each in known:
            app.router.add_get(each, answer)
        app.freeze()
        request = make_request(app, ("GET", path + query, "x"))
        try:
            await app._handle(request)
        except module.HTTPMove as error:
            assert error.status == 308
            return str(error.location)
        except module.HTTPNotFound:
            return "not found"
        return None

    async def answer(request: Any) -> Any:
        return None

    async def both() -> tuple[str | None, str | None]:
        return await location(aiohttp.web, theirs_for), await location(web, ours_for)

    theirs, ours = asyncio.run(both())
    assert ours == theirs
    assert ours is None or not ours.startswith(("//", "/\\"))
