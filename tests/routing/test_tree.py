"""The tree by itself: its parts, and that a search costs the same in a large table. (What it finds is
compared with two other implementations in ``test_order.py``.)"""

import sys
from types import FrameType
from typing import Any

import pytest

from sketch.router import UrlDispatcher
from sketch.routing.doubts import RouteWarning
from sketch.routing.resources import PlainResource
from sketch.routing.tree import Affixes, Tree


async def handler(request: Any) -> Any:
    raise AssertionError("only looked at")


def test_few_are_all_candidates() -> None:
    affixes: Affixes[int] = Affixes()
    for number in range(Affixes.FEW):
        affixes.add(f"{number}-", "", number)
    assert list(affixes.candidates("7", "7")) == list(range(Affixes.FEW))


def test_many_are_looked_up_by_their_ends() -> None:
    affixes: Affixes[str] = Affixes()
    for prefix in ("", "a-", "b-", "long-"):
        for suffix in ("", ".js", ".html"):
            affixes.add(prefix, suffix, f"{prefix}*{suffix}")
    assert set(affixes.candidates("a-1.js", "a-1.js")) == {"*", "*.js", "a-*", "a-*.js"}
    assert set(affixes.candidates("a", "a/b.html")) == {"*", "*.html"}
    assert list(affixes.candidates("", "")) == ["*"]


FORMS = [
    ("/a{}", "/a{}"),
    ("/a{}/{{x}}", "/a{}/1"),
    ("/{{x}}/a{}", "/1/a{}"),
    ("/items/{{x}}/a{}", "/items/1/a{}"),
    ("/n/{{x:[0-9]+}}/a{}", "/n/1/a{}"),
    ("/a{}-{{x}}", "/a{}-1"),
    ("/{{x}}.a{}", "/1.a{}"),
    ("/a{}/{{x:.*}}", "/a{}/1/2"),
    ("/{{x:.*}}/a{}", "/1/2/a{}"),
]


@pytest.mark.parametrize(("route", "path"), FORMS)
def test_a_search_takes_as_many_steps_in_a_large_table(route: str, path: str) -> None:
    assert steps(route, path, 15) == steps(route, path, 600)


def steps(route: str, path: str, count: int) -> int:
    """Lines of code executed to find the last of so many routes. All numbers have three digits."""
    router = UrlDispatcher()
    for number in range(100, 100 + count):
        router.add_post(route.format(number), handler)
    router.freeze()
    lines = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal lines
        if not frame.f_globals["__name__"].startswith("sketch."):
            # What a collection of garbage runs in between is not ours.
            return None
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        endpoint, _ = router.find("POST", path.format(99 + count))
    finally:
        sys.settrace(before)
    assert endpoint.route.method == "POST"
    return lines


def test_the_lower_rank_wins_where_paths_are_equal() -> None:
    """One leaf, several resources, and a branch that was entered for another method's sake."""
    router = UrlDispatcher()
    post = router.add_post("/{a}/x", handler)
    wide = router.add_get("/{a}/{b}", handler)
    with pytest.warns(RouteWarning):
        router.add_get("/{b}/x", handler)
    assert router.find("POST", "/1/x")[0].route is post
    assert router.find("GET", "/1/x")[0].route is wide


def test_an_empty_path_reaches_nothing() -> None:
    class Anything(PlainResource):
        def _match(self, path: str) -> dict[str, str] | None:
            return {"path": path}

    router = UrlDispatcher()
    resource = Anything("/")
    route = resource.add_route("GET", handler)
    router.register_resource(resource)
    assert router.find("GET", "*") == (router.find("GET", "/")[0], {"path": "*"})
    assert router.find("GET", "/")[0].route is route
    assert router.find("GET", "")[0].route.get_info()["http_exception"].status == 404


def test_a_tree_of_nothing_refuses_everything() -> None:
    router = UrlDispatcher()
    tree = Tree((), router._endpoint_of, router._refuse, router._extended_by)
    hit, captured = tree.search("GET", "/a/b")
    assert (hit.complete("GET", "/a/b", captured), captured) == ((router._refuse(frozenset()), None), ())
