"""The command ``python -m bench``: the plan, the parts of the run in order, the files it writes."""

import argparse
import datetime
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TypeVar

from bench import inside, memory, report, startup
from bench.anywork import AnyWork
from bench.client import NotStarted, WrongAnswer
from bench.environment import (
    WORK_DIRECTORY,
    Environment,
    EnvironmentFailed,
    describe_machine,
    describe_versions,
    describe_websocket_versions,
    prepare,
)
from bench.figures import Results, WorkFigures, empty_results, empty_websocket_results
from bench.peers import (
    HERE,
    PEERS,
    QUICK_PEERS,
    QUICK_WEBSOCKET_PEERS,
    ROOT,
    WEBSOCKET_PEERS,
    Peer,
    sketch_from,
)
from bench.processes import Cores
from bench.rounds import Plan, UnreliableRun, measure_work
from bench.works import QUICK_WORKS, WORKS, Work
from bench.wsworks import QUICK_WEBSOCKET_WORKS, WEBSOCKET_WORKS, WebSocketWork

W = TypeVar("W", Work, WebSocketWork)

CHART = ROOT / "docs" / "images" / "speed.png"
QUICK_SECONDS = 170.0
"""A quick run takes at most this long, without installing anything; three minutes are promised."""

PARTS_SECONDS = 240.0
"""What the parts besides the works take, roughly; `WEBSOCKET_PARTS_SECONDS` those about WebSockets."""

WEBSOCKET_PARTS_SECONDS = 240.0


@dataclass(frozen=True, kw_only=True)
class Group:
    """The works over HTTP, or those over WebSockets, with the servers that may do them."""

    peers: Sequence[Peer]
    works: Sequence[AnyWork]

    def estimate(self, plan: Plan) -> float:
        """Seconds that the works take, roughly."""
        return sum(plan.estimate(sum(work.name in peer.works for peer in self.peers)) for work in self.works)

    def describe(self) -> str:
        """Who does what."""
        if not self.works:
            return ""
        names = ", ".join(work.name for work in self.works)
        return f"{', '.join(peer.name for peer in self.peers)}\nat {names}\n"


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a command line asks for.

    ``is_whole``
        whether all servers do all works of the groups that are measured, so that the figures are worth
        keeping.
    """

    http: Group
    websockets: Group
    plan: Plan
    is_quick: bool
    is_whole: bool
    has_parts: bool
    output: Path

    @property
    def groups(self) -> list[Group]:
        """Those that have works."""
        return [group for group in (self.http, self.websockets) if group.works]

    def estimate(self) -> float:
        """Seconds that the run takes, roughly."""
        total = sum(group.estimate(self.plan) for group in self.groups)
        if self.has_parts:
            total += PARTS_SECONDS if self.http.works else 0.0
            total += WEBSOCKET_PARTS_SECONDS if self.websockets.works else 0.0
        return min(total, QUICK_SECONDS) if self.is_quick else total

    def describe(self) -> str:
        """The plan, in words."""
        return (
            "".join(group.describe() for group in self.groups)
            + f"{self.plan.rounds} rounds of {self.plan.seconds} s each, {self.plan.connections} connections"
            f"{'; before that memory, import, start and so on' if self.has_parts else ''}\n"
            f"about {self.estimate() / 60:.0f} minutes; results go to {self.output}"
        )


def parse(arguments: Sequence[str] | None = None) -> Run:
    """Read a command line. Ends the program with a message when it is wrong."""
    options = _parser().parse_args(arguments)
    is_whole = not (options.quick or options.servers or options.works or options.sketch_from)
    return Run(
        http=Group(
            peers=_chosen_peers(options, PEERS, QUICK_PEERS),
            works=[] if options.websockets else _chosen_works(options, WORKS, QUICK_WORKS),
        ),
        websockets=Group(
            peers=_chosen_peers(options, WEBSOCKET_PEERS, QUICK_WEBSOCKET_PEERS),
            works=_chosen_works(options, WEBSOCKET_WORKS, QUICK_WEBSOCKET_WORKS),
        ),
        plan=Plan(
            rounds=options.rounds or (5 if options.quick else 9),
            seconds=options.seconds or (1 if options.quick else 2),
            warm_up=1,
            connections=options.connections,
        ),
        is_quick=options.quick,
        is_whole=is_whole,
        has_parts=is_whole or options.parts,
        output=options.output or (HERE if is_whole else WORK_DIRECTORY),
    )


def _chosen_peers(options: argparse.Namespace, peers: Sequence[Peer], quick: Sequence[str]) -> list[Peer]:
    names = options.servers or (quick if options.quick else [peer.name for peer in peers])
    chosen = [peer for peer in peers if peer.name in names]
    return chosen + [sketch_from(path, peers[0]) for path in options.sketch_from]


def _chosen_works(options: argparse.Namespace, works: Sequence[W], quick: Sequence[str]) -> list[W]:
    names = options.works or (quick if options.quick else [work.name for work in works])
    return [work for work in works if work.name in names]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure sketch and its peers.")
    parser.add_argument("--quick", action="store_true", help="few servers and works, at most three minutes")
    parser.add_argument("--websockets", action="store_true", help="only the works over WebSockets")
    names = list(dict.fromkeys(peer.name for peer in (*PEERS, *WEBSOCKET_PEERS)))
    parser.add_argument("--servers", nargs="+", choices=names, metavar="SERVER", help=", ".join(names))
    works = [work.name for work in WORKS] + [work.name for work in WEBSOCKET_WORKS]
    parser.add_argument("--works", nargs="+", choices=works, metavar="WORK", help=", ".join(works))
    parser.add_argument("--rounds", type=int, help="turns of each server at each work (9; quick: 5)")
    parser.add_argument("--seconds", type=int, help="of one turn (2; quick: 1)")
    parser.add_argument("--connections", type=int, default=64, help="open at once (64)")
    parser.add_argument("--sketch-from", type=Path, action="append", default=[], metavar="DIRECTORY")
    parser.add_argument("--parts", action="store_true", help="memory, start, import in a partial run, too")
    parser.add_argument("--output", type=Path, metavar="DIRECTORY", help="of RESULTS.md and results.json")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark. Returns the exit code: 1 when a figure could not be had honestly."""
    signal.signal(signal.SIGTERM, _leave)
    run = parse(arguments)
    peers = [peer for group in run.groups for peer in group.peers]
    try:
        environment = prepare(
            {peer.environment for peer in peers}, {peer.needs for peer in peers if peer.needs}
        )
        print(run.describe(), flush=True)
        _run(run, environment)
    except (EnvironmentFailed, NotStarted, UnreliableRun, WrongAnswer) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; all servers have ended", file=sys.stderr)
        return 130
    return 0


def _leave(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _run(run: Run, environment: Environment) -> None:
    results = begin(run)
    cores = Cores.choose()
    if cores.server == cores.client:
        print("only one core: the load takes turns with the servers; ratios still mean something")
    cores.leave_server_core()
    if run.http.works:
        _measure_http(run, environment, cores, results)
    if run.websockets.works:
        _measure_websockets(run, environment, cores, results)
    report.write(results, run.output)
    if run.output == HERE and run.http.works:
        _draw_chart(environment)
    print()
    print(report.render(results) if run.is_quick else f"wrote {run.output / 'RESULTS.md'}")


def begin(run: Run) -> Results:
    """Empty results; or where all about WebSockets is measured anew, the last ones about HTTP beside it."""
    kept = HERE / "results.json"
    results = report.read(kept) if run.is_whole and not run.http.works and kept.exists() else empty_results()
    results["websockets"] = empty_websocket_results() if run.websockets.works else results["websockets"]
    results["machine"] = describe_machine()
    results["titles"] |= {peer.name: peer.title for group in run.groups for peer in group.peers}
    return results


def _measure_http(run: Run, environment: Environment, cores: Cores, results: Results) -> None:
    peers = _present(run.http.peers, environment, results)
    results["date"] = _now()
    results["versions"] = describe_versions(environment, _sketches(peers))
    results["plan"] = run.plan.describe()
    if run.has_parts:
        results["resolve"] = inside.measure_resolve(environment)
        results["pipeline_microseconds"] = inside.measure_pipeline(environment)
        results["import_seconds"] = startup.measure_imports(environment, say=_say)
        results["start_seconds"] = startup.measure_start(peers, environment, cores, say=_say)
        results["idle_connection_bytes"] = memory.measure_idle(peers, environment, cores, say=_say)
        results["streams"] = memory.measure_streams(peers, environment, cores, say=_say)
    _measure_works(run, run.http.works, peers, environment, cores, results, results["works"])


def _measure_websockets(run: Run, environment: Environment, cores: Cores, results: Results) -> None:
    peers = _present(run.websockets.peers, environment, results)
    own = results["websockets"]
    own["date"] = _now()
    own["versions"] = describe_websocket_versions(environment, _sketches(peers))
    own["plan"] = run.plan.describe()
    if run.has_parts:
        own["idle_bytes"] = memory.measure_idle_websockets(peers, environment, cores, say=_say)
    _measure_works(run, run.websockets.works, peers, environment, cores, results, own["works"])


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def _sketches(peers: Sequence[Peer]) -> dict[str, Path]:
    return {peer.name: peer.path for peer in peers if peer.path and not peer.name.startswith("sketch-")}


def _present(peers: Sequence[Peer], environment: Environment, results: Results) -> list[Peer]:
    present = []
    for peer in peers:
        reasons = [environment.missing.get(need) for need in (peer.environment, peer.needs) if need]
        reason = next((reason for reason in reasons if reason), None)
        if reason is None:
            present.append(peer)
        else:
            results["skipped"][peer.name] = reason
            print(f"skipped: {peer.name}: {reason}")
    return present


def _measure_works(
    run: Run,
    works: Sequence[AnyWork],
    peers: Sequence[Peer],
    environment: Environment,
    cores: Cores,
    results: Results,
    table: dict[str, dict[str, WorkFigures]],
) -> None:
    begun = time.monotonic()
    share = QUICK_SECONDS / sum(len(group.works) for group in run.groups)
    for number, work in enumerate(works, start=1):
        print(f"{work.title} ({time.monotonic() - begun:.0f} s so far)", flush=True)
        deadline = begun + share * number if run.is_quick else None
        table[work.name] = measure_work(
            work, peers, environment, cores, run.plan, deadline=deadline, say=_say
        )
        # After every work, so that an interruption loses at most one.
        report.write(results, run.output if run.output != HERE else WORK_DIRECTORY)


def _draw_chart(environment: Environment) -> None:
    python = str(environment.pythons["main"])
    CHART.parent.mkdir(parents=True, exist_ok=True)
    words = [python, "-m", "bench.chart", str(HERE / "results.json"), str(CHART)]
    subprocess.run(words, cwd=ROOT, check=True)


def _say(line: str) -> None:
    print(line, flush=True)
