"""Routes that can never be reached are noticed, and no others. (That those noticed are never reached is a
property in ``test_order.py``.)"""

import warnings
from typing import Any

import pytest

from sketch.router import UrlDispatcher
from sketch.routing.doubts import RouteWarning
from sketch.routing.resources import PlainResource
from sketch.routing.subapps import PrefixedSubAppResource


class App:
    def __init__(self) -> None:
        self.router = UrlDispatcher()


async def first(request: Any) -> Any:
    raise AssertionError("only looked at")


async def second(request: Any) -> Any:
    raise AssertionError("only looked at")


HIDDEN = [
    ("/a", "/a"),
    ("/{x}", "/{y}"),
    ("/{x}/{y}", "/{x}/a"),
    ("/{x}/{y}/c/{z}", "/{x}/b/c/d"),
    ("/{name}", "/{name}.json"),
    (r"/{x:\d+}", r"/{y:\d+}"),
    ("/{path:.*}", "/"),
    ("/{path:.*}", "/{x}/a"),
    ("/{path:.+}", "/{x}/a"),
    ("/{path:.*}", "/{x:.+}.js"),
    ("/a/{path:.*}", "/a/"),
    ("/a/{x}/{path:.*}", "/a/{x}/b"),
    ("/a/{x}/{path:.*}", "/a/{x}/"),
]

REACHED = [
    ("/{x}", "/a"),
    ("/{path:.*}", "/a"),
    ("/{path:.*}", "/a/{x}"),
    ("/{path:.+}", "/"),
    ("/a/{path:.+}", "/a/"),
    ("/a/{x}/{path:.+}", "/a/{x}/"),
    ("/{x}/a", "/{x}/{y}"),
    ("/{x}.json", "/{x}"),
    ("/{x}", r"/{x:\d+|a/b}"),
    (r"/{x:\d+}", "/{x}"),
    ("/{x}/{y}", "/{x}/"),
    ("/{x}/{y}", "/{x}/%7Ba"),
    ("/a/", "/a"),
]


def register(paths: tuple[str, str]) -> UrlDispatcher:
    router = UrlDispatcher()
    router.add_get(paths[0], first)
    router.add_get("/between/us", first)
    router.add_get(paths[1], second)
    return router


@pytest.mark.parametrize("paths", HIDDEN)
def test_hidden(paths: tuple[str, str]) -> None:
    with pytest.warns(RouteWarning) as caught:
        register(paths)
    (warning,) = caught
    text = str(warning.message)
    assert text.startswith("GET /") and "never reached" in text
    assert "second" in text and "first" in text and "was registered before" in text
    assert warning.filename == __file__


@pytest.mark.parametrize("paths", REACHED)
def test_reached(paths: tuple[str, str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        register(paths)


def test_another_method_is_not_hidden_but_every_method_hides() -> None:
    router = UrlDispatcher()
    router.add_post("/a", first)
    router.add_route("*", "/b", first)
    router.add_get("/a", second)
    with pytest.warns(RouteWarning, match="GET /b of .*second"):
        router.add_get("/b", second)


def test_a_subapp_hides_what_follows_in_its_place() -> None:
    router = UrlDispatcher()
    router.add_get("/a/{early}", first)
    router.register_resource(PrefixedSubAppResource("/a", App()))
    router.add_get("/a/longer", second)
    for path in ("/a", "/a/", "/a/{x}", "/a/{x:.*}"):
        with pytest.warns(RouteWarning, match="<PrefixedSubAppResource /a -> .*register the route first"):
            router.add_get(path, second)
    with pytest.warns(RouteWarning, match="begins at the same path"):
        router.register_resource(PrefixedSubAppResource("/a", App()))


def test_routes_that_a_resource_brings_with_it_are_looked_at() -> None:
    router = UrlDispatcher()
    router.add_get("/a", first)
    resource = PlainResource("/a")
    resource.add_route("GET", second)
    with pytest.warns(RouteWarning, match="GET /a of .*second"):
        router.register_resource(resource)


def test_resources_that_say_nothing_of_their_paths_hide_nothing() -> None:
    class AnyCase(PlainResource):
        def _match(self, path: str) -> dict[str, str] | None:
            return None

    router = UrlDispatcher()
    for _ in range(2):
        resource = AnyCase("/a")
        resource.add_route("GET", first)
        router.register_resource(resource)
    assert len(router.resources()) == 2


def test_a_very_long_path_is_only_compared_with_itself() -> None:
    router = UrlDispatcher()
    router.add_get("".join(f"/{{x{number}}}" for number in range(10)), first)
    router.add_get("/{x}" + "/a" * 9, second)
    with pytest.warns(RouteWarning):
        router.add_get("/{y}" + "/a" * 9, second)
