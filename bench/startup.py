"""How long it takes until a server answers, and until a package is imported."""

import os
import statistics
import subprocess
from collections.abc import Callable, Sequence

from bench.environment import Environment
from bench.fleet import open_fleet
from bench.peers import ROOT, Peer
from bench.processes import Cores

IMPORTS = ("sketch", "sketch.web", "aiohttp.web", "starlette.applications", "uvicorn", "blacksheep", "sanic")
"""What a program of each framework imports first; for sketch also the part with everything in it."""

_TIME_AN_IMPORT = """
import sys, time
begun = time.perf_counter()
__import__(sys.argv[1])
print(time.perf_counter() - begun)
"""

Say = Callable[[str], None]


def measure_start(
    peers: Sequence[Peer], environment: Environment, cores: Cores, *, rounds: int = 5, say: Say = print
) -> dict[str, list[float]]:
    """Seconds from the start of the process to the first answer."""
    figures: dict[str, list[float]] = {peer.name: [] for peer in peers}
    for _ in range(rounds):
        for peer in peers:
            with open_fleet(environment, cores) as fleet:
                figures[peer.name].append(fleet.start(peer).start_seconds)
    _tell("first answer", figures, say)
    return figures


def measure_imports(
    environment: Environment, *, rounds: int = 15, say: Say = print
) -> dict[str, list[float]]:
    """Seconds that an import takes in a fresh interpreter, its bytecode compiled already."""
    figures: dict[str, list[float]] = {module: [] for module in IMPORTS}
    for number in range(-1, rounds):
        for module in IMPORTS:
            seconds = _time_import(environment, module)
            if number >= 0:
                figures[module].append(seconds)
    _tell("import", figures, say)
    return figures


def _time_import(environment: Environment, module: str) -> float:
    result = subprocess.run(
        [str(environment.pythons["main"]), "-c", _TIME_AN_IMPORT, module],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(result.stdout)


def _tell(what: str, figures: dict[str, list[float]], say: Say) -> None:
    cells = [f"{name} {1000 * statistics.median(values):.0f}" for name, values in figures.items()]
    say(f"  {what}, ms: " + "  ".join(cells))
