"""Turns the results of a run into the tables of ``RESULTS.md``.

``python -m bench.report`` writes them again from ``results.json``, without measuring.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.figures import GOALS, Results, Spread, WorkFigures, efficiency, empty_results, ratios, spread
from bench.works import WORKS
from bench.wsworks import WEBSOCKET_WORKS

HERE = Path(__file__).resolve().parent
_TITLES = {work.name: work.title for work in WORKS} | {work.name: work.title for work in WEBSOCKET_WORKS}

_HOW_TO_READ = """\
**How to read this.** The figure is *requests per second of server CPU time*: what wrk counted, divided by
the CPU time that the server's processes used meanwhile. It says how much work a core of the server gets
done, and it does not depend on whether the load was strong enough. Each server runs on one core, wrk
with {connections} connections (8 for uploads and downloads) on another one. All servers take turns of
{seconds} s, {rounds} rounds of them, in an order that rotates; the others are stopped meanwhile. A figure
is the median of its rounds, ± half of the distance between the quartiles; a ratio is the median of the
ratios within each round. The *ceiling* is a uvloop protocol with httptools and a canned answer: what is
left when the framework does nothing. wrk repeats its request to the letter, and sketch remembers the last
head of each connection; the work with a cookie that changes shows it without that. *Canned* servers
give a constant answer and are limits, not peers.
`bench/README.md` has the method."""

_HOW_TO_READ_WEBSOCKETS = """\
The figure is *messages received per second of server CPU time*. An echo has {connections} connections, with
one message on its way on each of them; a broadcast has one connection that sends and 1000 that receive, and
is followed by the next one when all of them have it. Turns of {seconds} s, {rounds} rounds, in an order that
rotates. *Busy* is the part of a turn in which the server used its core. Text is JSON in ASCII, and no message
is like one of the 128 KiB before it. The *ceiling* is a uvloop protocol that echoes a frame from the call in
which it came: what is left without messages and tasks. *picows* is measured by its own interface, which is
called with frames and does not look whether a text is UTF-8, and by the one of the websockets library;
*sketch* in a loop that awaits messages, and by a function that is called with them."""


def render(results: Results) -> str:
    """The whole report, as Markdown."""
    works, websockets = results["works"], results["websockets"]
    parts = ["# Results", _introduction(results), _goals(results), _overview(results, works, "requests")]
    parts += [_work(results, name) for name in works]
    parts += [_memory(results), _streams(results), _times(results), _resolve(results), _pipeline(results)]
    parts += [_websocket_introduction(results), _overview(results, websockets["works"], "messages")]
    parts += [_websocket_work(results, name) for name in websockets["works"]]
    parts += [_websocket_memory(results), _machine(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table whose first column is text and whose others are numbers."""
    lines = ["| " + " | ".join(header) + " |", "|---" + "|---:" * (len(header) - 1) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def _introduction(results: Results) -> str:
    if not results["date"]:
        return ""
    plan = results["plan"]
    lines = [f"Measured on {results['date']}.", "", _HOW_TO_READ.format(**plan)]
    for name, reason in results["skipped"].items():
        lines += ["", f"Not measured: {_title(results, name)}: {reason}."]
    return "\n".join(lines)


def _websocket_introduction(results: Results) -> str:
    own = results["websockets"]
    if not own["date"]:
        return ""
    return (
        f"# WebSockets\n\nMeasured on {own['date']}.\n\n{_HOW_TO_READ_WEBSOCKETS.format(**own['plan'])}\n\n"
        f"Versions: {_versions(own['versions'])}."
    )


def _goals(results: Results) -> str:
    rows = []
    for goal in GOALS:
        value = goal.measure(results)
        if value is not None:
            bound = f"{'at most' if goal.is_upper else 'at least'} {goal.bound:.2f}"
            rows.append([goal.title, bound, f"{value:.2f}", "yes" if goal.is_met(value) else "**no**"])
    return "## Goals\n\n" + table(["sketch", "wanted", "measured", "met"], rows) if rows else ""


def _overview(results: Results, works: dict[str, dict[str, WorkFigures]], what: str) -> str:
    servers = _best_first(next(iter(works.values()), {}))
    servers += [name for work in works.values() for name in work]
    rows = []
    for server in dict.fromkeys(servers):
        cells = [_thousands(work.get(server)) for work in works.values()]
        rows.append([_emphasised(server, _title(results, server)), *cells])
    if not rows:
        return ""
    heading = f"## Overview: thousands of {what} per server CPU second"
    return f"{heading}\n\n" + table(["server", *works], rows)


def _work(results: Results, name: str) -> str:
    figures = results["works"][name]
    header = ["server", "requests per CPU second", "spread", "× ceiling", "× aiohttp", "requests per second"]
    header += ["p50 ms", "p99 ms", "answer bytes", "errors"]
    rows = [_work_row(results, figures, server) for server in _best_first(figures)]
    return f"{_heading(name)}\n\n" + table(header, rows)


def _websocket_work(results: Results, name: str) -> str:
    figures = results["websockets"]["works"][name]
    header = ["server", "messages per CPU second", "spread", "× ceiling", "× aiohttp", "× picows"]
    header += ["messages per second", "busy", "p50 ms", "p99 ms", "answer bytes"]
    rows = [_websocket_row(results, figures, server) for server in _best_first(figures)]
    return f"{_heading(name)}\n\n" + table(header, rows)


def _heading(work: str) -> str:
    title = _TITLES[work]
    return f"## {title[0].upper()}{title[1:]}"


def _websocket_row(results: Results, figures: dict[str, WorkFigures], server: str) -> list[str]:
    own = figures[server]
    busy = spread([turn["cpu_seconds"] / turn["seconds"] for turn in own["rounds"]])
    return [
        *_standing(results, figures, server, ("ceiling", "aiohttp", "picows")),
        _speed(own),
        f"{100 * busy.median:.0f} %",
        *_latencies(own),
        str(own["answer_bytes"]),
    ]


def _standing(
    results: Results, figures: dict[str, WorkFigures], server: str, others: Sequence[str]
) -> list[str]:
    """Its name, what it does in a second of the processor, and that as a ratio to others."""
    values = efficiency(figures[server])
    return [
        _emphasised(server, _title(results, server)),
        _number(spread(values).median),
        f"± {spread(values).percent:.1f} %",
        *(_ratio(values, figures.get(other)) for other in others),
    ]


def _speed(figures: WorkFigures) -> str:
    return _number(spread([turn["requests"] / turn["seconds"] for turn in figures["rounds"]]).median)


def _latencies(figures: WorkFigures) -> list[str]:
    rounds = figures["rounds"]
    halves = spread([turn["latency_p50_us"] for turn in rounds]).median
    slow = spread([turn["latency_p99_us"] for turn in rounds]).median
    return [f"{halves / 1000:.2f}", f"{slow / 1000:.2f}"]


def _work_row(results: Results, figures: dict[str, WorkFigures], server: str) -> list[str]:
    own = figures[server]
    return [
        *_standing(results, figures, server, ("ceiling", "aiohttp")),
        _speed(own),
        *_latencies(own),
        str(own["answer_bytes"]),
        str(sum(turn["errors"] for turn in own["rounds"])),
    ]


def _memory(results: Results) -> str:
    return _idle_table(results, results["idle_connection_bytes"], "an idle keep-alive connection")


def _websocket_memory(results: Results) -> str:
    return _idle_table(results, results["websockets"]["idle_bytes"], "an idle WebSocket")


def _idle_table(results: Results, figures: dict[str, list[float]], what: str) -> str:
    rows = [
        [_emphasised(name, _title(results, name)), _kibibytes(spread(values)), str(len(values))]
        for name, values in sorted(figures.items(), key=lambda item: spread(item[1]).median)
    ]
    if not rows:
        return ""
    return f"## Memory of {what}\n\n" + table(["server", "KiB", "rounds"], rows)


def _streams(results: Results) -> str:
    streams = results["streams"]
    rows = []
    for name, figures in streams.items():
        sizes = (figures["before"], figures["upload_peak"], figures["download_peak"])
        cells = [f"{size / 2**20:.1f}" for size in sizes]
        rows.append([_emphasised(name, _title(results, name)), *cells])
    if not rows:
        return ""
    length = f"{next(iter(streams.values()))['body_bytes'] / 2**30:g} GiB"
    header = ["server", "after start", f"{length} upload", f"{length} download to a slow reader"]
    return "## Largest resident set while a long body streams, MiB\n\n" + table(header, rows)


def _times(results: Results) -> str:
    parts = []
    if results["start_seconds"]:
        parts.append("## From start to the first answer\n\n" + _milliseconds(results, "start_seconds"))
    if results["import_seconds"]:
        parts.append("## Import in a fresh interpreter\n\n" + _milliseconds(results, "import_seconds"))
    return "\n\n".join(parts)


def _milliseconds(results: Results, key: str) -> str:
    figures = results["start_seconds"] if key == "start_seconds" else results["import_seconds"]
    ordered = sorted(figures.items(), key=lambda item: spread(item[1]).median)
    rows = []
    for name, values in ordered:
        found = spread(values)
        cells = [f"{1000 * found.median:.0f}", f"{1000 * found.minimum:.0f} to {1000 * found.maximum:.0f}"]
        rows.append([_emphasised(name, _title(results, name)), *cells])
    return table(["", "ms, median", "ms, range"], rows)


def _resolve(results: Results) -> str:
    parts = []
    for name, kinds in results["resolve"].items():
        sizes = list(kinds["plain"])
        rows = [
            ["plain path", *(f"{spread(kinds['plain'][size]).median:.3f}" for size in sizes)],
            ["path with a parameter", *(f"{spread(kinds['parameter'][size]).median:.3f}" for size in sizes)],
        ]
        parts.append(f"{_title(results, name)}\n\n" + table(["routes", *sizes], rows))
    return "## Looking up a route, microseconds\n\n" + "\n\n".join(parts) if parts else ""


def _pipeline(results: Results) -> str:
    figures = results["pipeline_microseconds"]
    if not figures:
        return ""
    steps = list(next(iter(figures.values())))
    rows = []
    for step in steps:
        rows.append([step, *(f"{spread(kind[step]).median:.2f}" for kind in figures.values())])
    return "## What a request is spent on, microseconds\n\n" + table(["step", *figures], rows)


def _machine(results: Results) -> str:
    machine = [f"* {name}: {value}" for name, value in results["machine"].items()]
    if results["versions"]:
        machine.append(f"* {_versions(results['versions'])}")
    return "## Machine and versions\n\n" + "\n".join(machine)


def _versions(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _best_first(figures: dict[str, WorkFigures]) -> list[str]:
    return sorted(figures, key=lambda name: -spread(efficiency(figures[name])).median)


def _title(results: Results, name: str) -> str:
    return results["titles"].get(name, name)


def _emphasised(name: str, title: str) -> str:
    return f"**{title}**" if name.startswith("sketch") else title


def _number(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ") if value >= 100 else f"{value:.1f}"


def _thousands(figures: WorkFigures | None) -> str:
    if figures is None:
        return ""
    value = spread(efficiency(figures)).median / 1000
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _ratio(values: Sequence[float], other: WorkFigures | None) -> str:
    found = ratios(values, efficiency(other)) if other is not None else []
    return f"{spread(found).median:.2f}" if found else ""


def _kibibytes(found: Spread) -> str:
    return f"{found.median / 1024:.2f}"


def write(results: Results, directory: Path) -> None:
    """Write ``results.json`` and ``RESULTS.md``."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (directory / "RESULTS.md").write_text(render(results))


def read(file: Path) -> Results:
    """The results of an earlier run; a part that it did not know is empty."""
    results = empty_results()
    results.update(json.loads(file.read_text()))
    return results


if __name__ == "__main__":
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "results.json"
    write(read(source), source.parent)
