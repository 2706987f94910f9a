"""The figures of a run: their shape in ``results.json``, and the arithmetic on them.

It measures nothing and writes nothing. Every comparison is made within a round, between servers that ran
seconds apart, and the median of the rounds' ratios is what counts.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypedDict

from bench.works import COMMON_WORKS
from bench.wsworks import DEFLATE_WORKS, ECHO_WORKS


class Round(TypedDict):
    """One server's turn at one work. Times in the unit that the name says."""

    requests: float
    seconds: float
    cpu_seconds: float
    errors: int
    latency_p50_us: float
    latency_p99_us: float


class WorkFigures(TypedDict):
    """One server at one work, round by round."""

    answer_bytes: int
    rounds: list[Round]


class StreamFigures(TypedDict):
    """Largest resident set of a server process, in bytes: before and after a body of ``body_bytes``."""

    body_bytes: int
    before: int
    upload_peak: int
    download_peak: int


class ResolveFigures(TypedDict):
    """Microseconds of one look-up, by number of routes, one value for each round."""

    plain: dict[str, list[float]]
    parameter: dict[str, list[float]]


class Results(TypedDict):
    """Everything that a run found out. What was not measured is empty."""

    date: str
    machine: dict[str, str]
    versions: dict[str, str]
    plan: dict[str, int]
    titles: dict[str, str]
    skipped: dict[str, str]
    works: dict[str, dict[str, WorkFigures]]
    idle_connection_bytes: dict[str, list[float]]
    streams: dict[str, StreamFigures]
    start_seconds: dict[str, list[float]]
    import_seconds: dict[str, list[float]]
    resolve: dict[str, ResolveFigures]
    pipeline_microseconds: dict[str, dict[str, list[float]]]
    websockets: "WebSocketResults"


class WebSocketResults(TypedDict):
    """The part of a run that is about WebSockets; it can be made anew by itself, so it has its own heading.

    In ``works``, requests are messages received."""

    date: str
    versions: dict[str, str]
    plan: dict[str, int]
    works: dict[str, dict[str, WorkFigures]]
    idle_bytes: dict[str, list[float]]


class Spread(NamedTuple):
    """A median with the quartiles and the extremes around it."""

    minimum: float
    low: float
    median: float
    high: float
    maximum: float

    @property
    def percent(self) -> float:
        """Half of the distance between the quartiles, in percent of the median."""
        return 50 * (self.high - self.low) / self.median if self.median else 0.0


def empty_results() -> Results:
    """Results of a run that has not begun."""
    return Results(
        date="",
        machine={},
        versions={},
        plan={},
        titles={},
        skipped={},
        works={},
        idle_connection_bytes={},
        streams={},
        start_seconds={},
        import_seconds={},
        resolve={},
        pipeline_microseconds={},
        websockets=empty_websocket_results(),
    )


def empty_websocket_results() -> WebSocketResults:
    """Their part of it."""
    return WebSocketResults(date="", versions={}, plan={}, works={}, idle_bytes={})


def spread(values: Sequence[float]) -> Spread:
    """The spread of at least one value. Raises `ValueError` for none."""
    if not values:
        raise ValueError("no values, no spread")
    if len(values) == 1:
        (value,) = values
        return Spread(value, value, value, value, value)
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(min(values), low, median, high, max(values))


def efficiency(figures: WorkFigures) -> list[float]:
    """Requests per second of server CPU time, round by round."""
    return [turn["requests"] / turn["cpu_seconds"] for turn in figures["rounds"]]


def ratios(values: Sequence[float], others: Sequence[float]) -> list[float]:
    """Value by value; rounds that only one of the two has are left out."""
    return [value / other for value, other in zip(values, others, strict=False) if other]


def work_ratio(results: Results, work: str, server: str, other: str) -> Spread | None:
    """How many times the other server's requests a server answers per CPU second; ``None`` if unknown."""
    servers = results["works"].get(work) or results["websockets"]["works"].get(work, {})
    if server not in servers or other not in servers:
        return None
    values = ratios(efficiency(servers[server]), efficiency(servers[other]))
    return spread(values) if values else None


def list_ratio(table: dict[str, list[float]], name: str, other: str) -> Spread | None:
    """The same for a table of lists."""
    if not table.get(name) or not table.get(other):
        return None
    values = ratios(table[name], table[other])
    return spread(values) if values else None


@dataclass(frozen=True, kw_only=True)
class Goal:
    """One figure that the project wants to reach.

    ``bound``
        the least value that is good enough, or the greatest one when ``is_upper``.
    """

    title: str
    bound: float
    measure: Callable[[Results], float | None]
    is_upper: bool = False

    def is_met(self, value: float) -> bool:
        """Whether a value is good enough."""
        return value <= self.bound if self.is_upper else value >= self.bound


def _faster(work: str, other: str, bound: float, *, called_back: bool = False) -> Goal:
    def measure(results: Results) -> float | None:
        found = work_ratio(results, work, "sketch-listen" if called_back else "sketch", other)
        return found.median if found else None

    what = "messages" if work.startswith("ws-") else "requests"
    how = ", called back" if called_back else ""
    return Goal(title=f"{work}{how}: {what} per CPU second, times {other}", bound=bound, measure=measure)


def _idle_websocket(results: Results) -> float | None:
    values = results["websockets"]["idle_bytes"].get("sketch")
    return spread(values).median / 1024 if values else None


def _resolve_growth(kind: str) -> Goal:
    def measure(results: Results) -> float | None:
        table = results["resolve"].get("sketch")
        if table is None:
            return None
        found = list_ratio(table["plain"] if kind == "plain" else table["parameter"], "10000", "10")
        return found.median if found else None

    title = f"looking up a {kind} route among 10 000, times among 10"
    return Goal(title=title, bound=1.05, measure=measure, is_upper=True)


def _idle_connection(results: Results) -> float | None:
    found = list_ratio(results["idle_connection_bytes"], "sketch", "granian-rsgi")
    return found.median if found else None


def _import_time(results: Results) -> float | None:
    found = list_ratio(results["import_seconds"], "sketch", "aiohttp.web")
    return found.median if found else None


def _stream_memory(results: Results) -> float | None:
    figures = results["streams"].get("sketch")
    return max(figures["upload_peak"], figures["download_peak"]) / 2**20 if figures else None


GOALS: Final[tuple[Goal, ...]] = (
    _faster("plaintext", "ceiling", 0.60),
    _faster("browser", "ceiling", 0.60),
    _faster("middlewares", "ceiling", 0.54),
    *(_faster(work, "aiohttp", 2.0) for work in COMMON_WORKS),
    _faster("file", "aiohttp", 2.0),
    _faster("large-file", "nginx", 0.9),
    _faster("form", "aiohttp", 1.5),
    _faster("plaintext", "granian-rsgi", 1.4),
    _faster("browser", "granian-rsgi", 1.15),
    _faster("plaintext", "socketify", 1.0),
    _resolve_growth("plain"),
    _resolve_growth("parameter"),
    Goal(
        title="memory of an idle connection, times granian-rsgi",
        bound=1.0,
        measure=_idle_connection,
        is_upper=True,
    ),
    Goal(title="import sketch, times import aiohttp.web", bound=0.5, measure=_import_time, is_upper=True),
    Goal(
        title="peak memory with a body of 1 GiB, MiB",
        bound=60.0,
        measure=_stream_memory,
        is_upper=True,
    ),
    *(_faster(work, "aiohttp", 1.0) for work in ECHO_WORKS),
    *(
        _faster(work, "picows", 0.85, called_back=called_back)
        for work in ECHO_WORKS
        if work.endswith(("-32b", "-16k"))
        for called_back in (True, False)
    ),
    *(_faster(work, other, 1.0) for work in DEFLATE_WORKS for other in ("aiohttp", "websockets")),
    _faster("ws-broadcast", "aiohttp", 2.0),
    _faster("ws-broadcast-burst", "aiohttp", 2.0),
    _faster("ws-broadcast-deflate", "aiohttp", 5.0),
    Goal(title="memory of an idle WebSocket, KiB", bound=8.0, measure=_idle_websocket, is_upper=True),
)
