"""What it costs to find a route's handler among 10 to 10 000 routes, in one process, without HTTP.

Both routers are asked by `UrlDispatcher.resolve`, which takes a request and gives a match info.
``python -m bench.resolve`` prints a table.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from bench.figures import ResolveFigures, spread
from sketch.request import Request
from sketch.router import UrlDispatcher

SIZES = (10, 100, 1000, 10_000)
PROBES = 5
"""Look-ups are for this many routes, spread over all of them; the same number at each size, so that what
the processor's caches hold does not depend on it."""

LookUp = Callable[[], object]
Pair = tuple[list[LookUp], list[LookUp]]


async def _handler(request: object) -> None:
    raise AssertionError("routes are looked up here, never called")


def plain_paths(count: int) -> list[str]:
    """Paths without parameters."""
    return [f"/section{number}/page" for number in range(count)]


def parameter_paths(count: int) -> list[str]:
    """Patterns with one parameter."""
    return [f"/resource{number}/{{id}}" for number in range(count)]


def probe(paths: Sequence[str]) -> list[str]:
    """Requests for some of these paths, from the first to the last."""
    step = (len(paths) - 1) / (PROBES - 1)
    return [paths[round(step * number)].replace("{id}", "42") for number in range(PROBES)]


def _make_look_ups(router: Any, make_request: Callable[[str], object], size: int) -> Pair:
    """Look-ups in a router that gets this many routes: of plain ones, and of ones with a parameter."""
    plain, parameter = plain_paths(size // 2), parameter_paths(size // 2)
    for path in plain + parameter:
        router.add_get(path, _handler)
    router.freeze()

    def make(path: str) -> LookUp:
        request = make_request(path)

        def look_up() -> object:
            # It never waits, so that one step is all of it.
            try:
                router.resolve(request).send(None)
            except StopIteration as result:
                return result.value
            raise AssertionError("resolve waited for something")

        return look_up

    return [make(path) for path in probe(plain)], [make(path) for path in probe(parameter)]


def sketch_look_ups(size: int) -> Pair:
    """`UrlDispatcher.resolve` of sketch."""
    return _make_look_ups(UrlDispatcher(), lambda path: Request(url=path), size)


def aiohttp_look_ups(size: int) -> Pair:
    """The same of aiohttp."""
    return _make_look_ups(web.UrlDispatcher(), lambda path: make_mocked_request("GET", path), size)


def time_look_ups(look_ups: Sequence[LookUp], repeats: int) -> float:
    """Microseconds of one look-up."""
    begun = time.process_time()
    for _ in range(repeats):
        for look_up in look_ups:
            look_up()
    return 1e6 * (time.process_time() - begun) / (repeats * len(look_ups))


def measure(make: Callable[[int], Pair], *, rounds: int, repeats: int) -> ResolveFigures:
    """All sizes in turns."""
    routers = {str(size): make(size) for size in SIZES}
    figures = ResolveFigures(plain={size: [] for size in routers}, parameter={size: [] for size in routers})
    for plain, parameter in routers.values():
        time_look_ups([*plain, *parameter], repeats // 10 + 1)
    for _ in range(rounds):
        for size, (plain, parameter) in routers.items():
            figures["plain"][size].append(time_look_ups(plain, repeats))
            figures["parameter"][size].append(time_look_ups(parameter, repeats))
    return figures


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.resolve")
    parser.add_argument("--json", action="store_true", help="every round, for the report")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--repeats", type=int, default=4000)
    options = parser.parse_args()
    makers = {"sketch": sketch_look_ups, "aiohttp": aiohttp_look_ups}
    figures = {
        name: measure(make, rounds=options.rounds, repeats=options.repeats) for name, make in makers.items()
    }
    if options.json:
        print(json.dumps(figures))
        return
    for name, kinds in figures.items():
        for kind, sizes in (("plain", kinds["plain"]), ("parameter", kinds["parameter"])):
            cells = [f"{size}: {spread(values).median:.3f}" for size, values in sizes.items()]
            print(f"{name:8} {kind:10} " + "  ".join(cells) + "  microseconds")


if __name__ == "__main__":
    _main()
