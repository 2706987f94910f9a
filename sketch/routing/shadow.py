"""Routes that can never be reached, noticed when they are registered.

Knows what was registered in which order, and recognises the ways in which a whole route disappears behind
an earlier one: the same paths, a wider pattern, a catch-all, a sub-application. Refuses to guess: a route
that keeps a single path of its own is none of its business.

Only resources with one index key can hide each other, since a longer key always goes first. Each check is
a few dictionary accesses, so that registering ten thousand routes stays linear.
"""

from collections.abc import Iterator
from itertools import product
from typing import Final

from ..callables import describe
from .doubts import warn
from .pattern import Layout, OpenEnd, Segment, Shape
from .resources import EVERYTHING_BELOW, AbstractResource, Resource
from .routes import ANY, AbstractRoute
from .subapps import PrefixedSubAppResource

_MOST_WIDER = 64
"""Wider patterns that are looked up for one route: six segments with two ways to match each."""

_Paths = tuple[tuple[Segment, ...], OpenEnd | None]

REST: Final = OpenEnd("(?P<_0>.*)", "", "")
REST_NOT_EMPTY: Final = OpenEnd("(?P<_0>.+)", "", "")


class Shadows:
    """The resources of one router by what they match, in the order of registration."""

    __slots__ = ("_by_paths", "_mounts", "_numbers")

    def __init__(self) -> None:
        self._numbers: dict[AbstractResource, int] = {}
        self._by_paths: dict[_Paths, list[Resource]] = {}
        self._mounts: dict[str, PrefixedSubAppResource] = {}

    def add(self, resource: AbstractResource) -> None:
        """Note a resource; warn when it is a sub-application where another one begins."""
        self._numbers[resource] = len(self._numbers)
        if isinstance(resource, PrefixedSubAppResource):
            earlier = self._mounts.setdefault(resource.index_key, resource)
            if earlier is not resource:
                warn(f"{resource!r} is never reached: {earlier!r} begins at the same path; change the prefix")
        elif isinstance(resource, Resource) and resource.layout().open_end != EVERYTHING_BELOW:
            self._by_paths.setdefault(resource.layout(), []).append(resource)

    def check(self, resource: AbstractResource, route: AbstractRoute) -> None:
        """Warn when a route that was just added to a resource is hidden. ``HEAD`` is not looked at: it
        comes with ``GET``."""
        number = self._numbers.get(resource)
        if number is None or route.method == "HEAD" or not isinstance(resource, Resource):
            return
        text = f"{route.method} {resource.canonical or '/'} of {describe(route.handler)} is never reached: "
        mount = self._mounts.get(resource.index_key)
        if mount is not None and self._numbers[mount] < number:
            warn(f"{text}{mount!r} was registered before and answers all there; register the route first")
            return
        for paths in _wider(resource):
            for earlier in self._by_paths.get(paths, ()):
                hidden_by = _serves(earlier, route.method) if self._numbers[earlier] < number else None
                if hidden_by is not None:
                    warn(
                        f"{text}{earlier.canonical} of {describe(hidden_by.handler)} was registered before "
                        "and matches all its paths; register the narrower path first, or remove one"
                    )
                    return


def _serves(resource: Resource, method: str) -> AbstractRoute | None:
    for route in resource:
        if route.method in (method, ANY):
            return route
    return None


def _wider(resource: Resource) -> Iterator[_Paths]:
    """What a resource that matches at least the same paths would be registered as."""
    layout = resource.layout()
    key_length = 1 if resource.index_key == "/" else resource.index_key.count("/") + 1
    ways = [_ways(segment) for segment in layout.segments[key_length:]]
    fixed = layout.segments[:key_length]
    yield from _same_length(fixed, ways, layout)
    yield from _catching_all(fixed, ways, layout)


def _same_length(fixed: tuple[Segment, ...], ways: list[list[Segment]], layout: Layout) -> Iterator[_Paths]:
    if 2 ** len(ways) > _MOST_WIDER:
        yield layout
        return
    for segments in product(*ways):
        yield Layout((*fixed, *segments), layout.open_end)


def _catching_all(fixed: tuple[Segment, ...], ways: list[list[Segment]], layout: Layout) -> Iterator[_Paths]:
    """``{name:.*}`` and ``{name:.+}`` behind any number of the leading segments."""
    for length in range(len(ways) + (layout.open_end is not None)):
        if 2**length > _MOST_WIDER:
            return
        may_be_empty = layout.segments[len(fixed) + length :] in ((), ("",))
        for segments in product(*ways[:length]):
            yield Layout((*fixed, *segments), REST)
            if not may_be_empty:
                yield Layout((*fixed, *segments), REST_NOT_EMPTY)


def _ways(segment: Segment) -> list[Segment]:
    if isinstance(segment, Shape):
        return [segment, None] if segment.within_default else [segment]
    if segment is None or not segment or "{" in segment or "}" in segment:
        return [segment]
    return [segment, None]
