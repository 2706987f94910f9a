"""All resources of a router as one tree of path segments: which one answers a path.

Knows the order in which resources are tried, as a number for each, its rank. Refuses to know how a
resource got its rank, and requests.

The order rule is aiohttp's: of all resources that match the path and serve the method, the one with the
lowest rank answers. A list of resources would be tried one by one; here all that begin with the same
segments share one way down, a parameter is one branch whatever its name, and every node knows the lowest
rank below it, so that a branch which cannot win is not entered. What a search costs depends on the path
and on how many branches fit each of its segments, not on the number of routes.
"""

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

from .pattern import Segment, Shape, decode_value
from .resources import AbstractResource, DynamicResource
from .routes import ANY, AbstractRoute, Endpoint
from .subapps import PrefixedSubAppResource

NEVER: Final = sys.maxsize
"""The rank of nothing."""

_NO_METHODS: Final[frozenset[str]] = frozenset()

Found = tuple[Endpoint, Mapping[str, str] | None]
Captured = tuple[str, ...] | dict[str, str]

Item = TypeVar("Item")


class Answer:
    """One route, ready to be returned. ``rank`` is its resource's, ``names`` those of its parameters."""

    __slots__ = ("endpoint", "found", "names", "rank")

    def __init__(self, rank: int, endpoint: Endpoint, names: tuple[str, ...] = ()) -> None:
        self.rank = rank
        self.endpoint = endpoint
        self.names = names
        self.found: Found = (endpoint, None)

    def complete(self, method: str, path: str, captured: Any) -> Found:
        """The endpoint with the values by name. An open resource has named them already: its answers come
        without names."""
        names = self.names
        if names:
            if "%" in path:
                captured = [decode_value(value) for value in captured]
            if len(names) == 1:  # measured: an eighth of the time of the general form
                return self.endpoint, {names[0]: captured[0]}
            return self.endpoint, dict(zip(names, captured, strict=True))
        return (self.endpoint, captured) if captured else self.found


class Mount:
    """A sub-application: it answers whatever reaches it."""

    __slots__ = ("_extended", "app", "rank")

    def __init__(self, rank: int, app: Any, extended: dict[Endpoint, Found]) -> None:
        self.rank = rank
        self.app = app
        self._extended = extended

    def complete(self, method: str, path: str, captured: Captured) -> Found:
        """What the sub-application's router finds, with the application noted on the endpoint."""
        endpoint, values = self.app.router.find(method, path)
        found = self._extended.get(endpoint)
        if found is None:
            found = (Endpoint(endpoint.route, (*endpoint.apps, self.app)), None)
            self._extended[endpoint] = found
        return found if values is None else (found[0], values)


class Leaf:
    """The routes of all resources that match the same paths, by method; the lowest rank has each."""

    __slots__ = ("allowed", "answers", "wildcard")

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.wildcard: Answer | None = None
        self.allowed: frozenset[str] = frozenset()

    def add(self, resource: AbstractResource, make: Callable[[AbstractRoute], Answer]) -> None:
        """Add a resource of a higher rank than all before."""
        if self.wildcard is not None:
            return
        for route in resource:
            if route.method == ANY:
                self.wildcard = make(route)
            elif route.method not in self.answers:
                self.answers[route.method] = make(route)
        self.allowed |= {route.method for route in resource}


class Open:
    """A resource that has to see the whole path: ``match`` gives its values or ``None``."""

    __slots__ = ("leaf", "match", "rank")

    def __init__(self, rank: int, match: Callable[[str], dict[str, str] | None], leaf: Leaf) -> None:
        self.rank = rank
        self.match = match
        self.leaf = leaf


class Affixes(Generic[Item]):
    """Things that are tried against text, found by what the text must start and end with.

    A few are simply all tried. Many, such as ten thousand ``/report-1-{x}``, ``/report-2-{x}``, are looked
    up: one dictionary access for each pair of lengths that occurs.
    """

    __slots__ = ("_groups", "items")

    FEW = 4

    def __init__(self) -> None:
        self.items: list[Item] = []
        self._groups: dict[tuple[int, int], dict[tuple[str, str], list[Item]]] = {}

    def add(self, prefix: str, suffix: str, item: Item) -> None:
        """Add a thing that only fits text with this prefix and suffix."""
        self.items.append(item)
        group = self._groups.setdefault((len(prefix), len(suffix)), {})
        group.setdefault((prefix, suffix), []).append(item)

    def candidates(self, head: str, tail: str) -> Sequence[Item]:
        """All that may fit, and perhaps others. ``head`` and ``tail`` may be the same text."""
        if len(self.items) <= self.FEW:
            return self.items
        found: list[Item] = []
        end = len(tail)
        for (before, after), group in self._groups.items():
            if after <= end:
                found += group.get((head[:before], tail[end - after :]), ())
        return found


class Node:
    """A place between two segments. ``least`` is the lowest rank at it and below."""

    __slots__ = ("leaf", "least", "literals", "opens", "parameter", "shapes", "targets")

    def __init__(self) -> None:
        self.least = NEVER
        self.literals: dict[str, Node] = {}
        self.parameter: Node | None = None
        self.shapes: Affixes[tuple[re.Pattern[str], Node]] | None = None
        self.targets: dict[str, Node] = {}
        self.leaf: Leaf | None = None
        self.opens: Affixes[Open | Mount] | None = None

    def child(self, segment: Segment) -> "Node":
        """The node behind a segment, made if need be."""
        if segment is None:
            if self.parameter is None:
                self.parameter = Node()
            return self.parameter
        if isinstance(segment, Shape):
            return self._shaped(segment)
        node = self.literals.get(segment)
        if node is None:
            node = self.literals[segment] = Node()
        return node

    def _shaped(self, shape: Shape) -> "Node":
        node = self.targets.get(shape.regex)
        if node is None:
            node = self.targets[shape.regex] = Node()
            if self.shapes is None:
                self.shapes = Affixes()
            self.shapes.add(shape.prefix, shape.suffix, (re.compile(shape.regex), node))
        return node

    def open(self, prefix: str, suffix: str, item: Open | Mount) -> None:
        """Try this on every path that comes by."""
        if self.opens is None:
            self.opens = Affixes()
        self.opens.add(prefix, suffix, item)


class Tree:
    """The compiled resources of one router.

    ``endpoint_of``
        gives the one endpoint of a route.
    ``refuse``
        gives the endpoint for no match with these allowed methods.
    ``extended_by``
        gives the dictionary in which an application's endpoints are kept with the application noted.
    """

    __slots__ = (
        "_endpoint_of",
        "_extended_by",
        "_outside",
        "_refusals",
        "_refuse",
        "_slash",
        "mounts",
        "plain",
    )

    def __init__(
        self,
        resources: Iterable[AbstractResource],
        endpoint_of: Callable[[AbstractRoute], Endpoint],
        refuse: Callable[[frozenset[str]], Endpoint],
        extended_by: Callable[[Any], dict[Endpoint, Found]],
    ) -> None:
        self._endpoint_of = endpoint_of
        self._refuse = refuse
        self._extended_by = extended_by
        self._refusals: dict[frozenset[str], Answer] = {}
        self._slash = Node()
        self.plain: dict[str, Leaf] = {}
        self.mounts: list[Mount] = []
        for rank, resource in enumerate(resources):
            self._add(rank, resource)
        # Paths without a slash at the start, "*" of OPTIONS above all, have nothing but what is open there.
        self._outside = Node()
        self._outside.opens = self._slash.opens
        self._outside.least = self._slash.least

    def _add(self, rank: int, resource: AbstractResource) -> None:
        segments, open_end = resource.layout()
        if len(segments) == 1 and open_end is None:
            return  # an empty path before the router is frozen: no request has it
        node = self._slash
        node.least = min(node.least, rank)
        for segment in segments[1:]:
            node = node.child(segment)
            node.least = min(node.least, rank)
        if isinstance(resource, PrefixedSubAppResource):
            mount = Mount(rank, resource.app, self._extended_by(resource.app))
            self.mounts.append(mount)
            node.open("", "", mount)
        elif open_end is not None:
            leaf = Leaf()
            leaf.add(resource, self._maker(rank, ()))
            node.open(open_end.prefix, open_end.suffix, Open(rank, resource.match, leaf))
        else:
            self._add_leaf(node, rank, resource, segments)

    def _add_leaf(
        self, node: Node, rank: int, resource: AbstractResource, segments: tuple[Segment, ...]
    ) -> None:
        leaf = node.leaf
        if leaf is None:
            leaf = node.leaf = Leaf()
        names = resource.names if isinstance(resource, DynamicResource) else ()
        leaf.add(resource, self._maker(rank, names))
        literals = [segment for segment in segments if isinstance(segment, str)]
        if len(literals) == len(segments):
            self.plain["/".join(literals)] = leaf

    def _maker(self, rank: int, names: tuple[str, ...]) -> Callable[[AbstractRoute], Answer]:
        return lambda route: Answer(rank, self._endpoint_of(route), names)

    def search(self, method: str, path: str) -> tuple[Answer | Mount, Captured]:
        """The route, sub-application or refusal for a method and a decoded path, and what fills the
        parameters.

        One function, and a long one, because it runs for every request to a path with parameters and does
        so little per segment that a call for each would be a good part of it. It goes down literal text
        first, keeps the other branches for later, and enters those only if something below has a lower
        rank than the best so far."""
        segments = path.split("/")
        count = len(segments)
        best: Answer | Mount | None = None
        best_captured: Captured = ()
        limit = NEVER
        allowed = _NO_METHODS
        captured: tuple[str, ...] = ()
        pending: list[tuple[Node, int, tuple[str, ...] | None]] = []
        node, index = self._slash, 1
        if segments[0] or count == 1:
            node, index = (self._outside, count) if path else (Node(), count)
        while True:
            while node.least < limit:
                if node.opens is not None:
                    pending.append((node, index, None))
                if index == count:
                    leaf = node.leaf
                    if leaf is not None:
                        answer = leaf.answers.get(method, leaf.wildcard)
                        if answer is None:
                            allowed |= leaf.allowed
                        elif answer.rank < limit:
                            best, best_captured, limit = answer, captured, answer.rank
                    break
                segment = segments[index]
                index += 1
                child = node.literals.get(segment)
                if node.shapes is not None:
                    for regex, target in node.shapes.candidates(segment, segment):
                        match = regex.fullmatch(segment)
                        if match is not None:
                            pending.append((target, index, captured + tuple(match.groupdict().values())))
                parameter = node.parameter
                if parameter is not None and segment and "{" not in segment and "}" not in segment:
                    if child is None:
                        captured = captured + (segment,)
                        node = parameter
                        continue
                    pending.append((parameter, index, captured + (segment,)))
                if child is None:
                    break
                node = child
            while pending:
                node, index, branch = pending.pop()
                if branch is not None:
                    captured = branch
                    break
                head = segments[index] if index < count else ""
                hit, values, allowed = _look(node, head, method, path, limit, allowed)
                if hit is not None:
                    best, best_captured, limit = hit, values, hit.rank
            else:
                return (self._refusal(allowed), ()) if best is None else (best, best_captured)

    def _refusal(self, allowed: frozenset[str]) -> Answer:
        answer = self._refusals.get(allowed)
        if answer is None:
            answer = self._refusals[allowed] = Answer(NEVER, self._refuse(allowed))
        return answer


def _look(
    node: Node, head: str, method: str, path: str, limit: int, allowed: frozenset[str]
) -> tuple[Answer | Mount | None, Captured, frozenset[str]]:
    """The best of what is open at a node and ranks below the limit; the allowed methods, with those of
    what matches and does not serve the method."""
    best: Answer | Mount | None = None
    captured: Captured = ()
    for item in () if node.opens is None else node.opens.candidates(head, path):
        if item.rank >= limit:
            continue
        if isinstance(item, Mount):
            best, captured, limit = item, (), item.rank
            continue
        values = item.match(path)
        if values is None:
            continue
        answer = item.leaf.answers.get(method, item.leaf.wildcard)
        if answer is None:
            allowed |= item.leaf.allowed
        else:
            best, captured, limit = answer, values, answer.rank
    return best, captured, allowed
