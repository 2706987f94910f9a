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

from bench import inside, memory, report, startup
from bench.client import NotStarted, WrongAnswer
from bench.environment import (
    WORK_DIRECTORY,
    Environment,
    EnvironmentFailed,
    describe_machine,
    describe_versions,
    prepare,
)
from bench.figures import Results, empty_results
from bench.peers import HERE, PEERS, QUICK_PEERS, ROOT, Peer, sketch_from
from bench.processes import Cores
from bench.rounds import Plan, UnreliableRun, measure_work
from bench.works import QUICK_WORKS, WORKS, Work, find_work

CHART = ROOT / "docs" / "images" / "speed.png"
QUICK_SECONDS = 170.0
"""A quick run takes at most this long, without installing anything; three minutes are promised."""

PARTS_SECONDS = 240.0
"""What the parts besides the works take, roughly."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a command line asks for."""

    peers: Sequence[Peer]
    works: Sequence[Work]
    plan: Plan
    is_quick: bool
    has_parts: bool
    output: Path

    def estimate(self) -> float:
        """Seconds that the run takes, roughly."""
        total = PARTS_SECONDS if self.has_parts else 0.0
        for work in self.works:
            total += self.plan.estimate(sum(work.name in peer.works for peer in self.peers))
        return min(total, QUICK_SECONDS) if self.is_quick else total

    def describe(self) -> str:
        """The plan, in words."""
        names = ", ".join(work.name for work in self.works)
        return (
            f"{', '.join(peer.name for peer in self.peers)}\n"
            f"at {names or 'no work'}: {self.plan.rounds} rounds of {self.plan.seconds} s each, "
            f"{self.plan.connections} connections"
            f"{'; before that look-up, pipeline, import, start and memory' if self.has_parts else ''}\n"
            f"about {self.estimate() / 60:.0f} minutes; results go to {self.output}"
        )


def parse(arguments: Sequence[str] | None = None) -> Run:
    """Read a command line. Ends the program with a message when it is wrong."""
    options = _parser().parse_args(arguments)
    known = {peer.name: peer for peer in PEERS}
    names = options.servers or (QUICK_PEERS if options.quick else tuple(known))
    works = options.works or (QUICK_WORKS if options.quick else [work.name for work in WORKS])
    is_whole = not (options.quick or options.servers or options.works or options.sketch_from)
    return Run(
        peers=[known[name] for name in names] + [sketch_from(path) for path in options.sketch_from],
        works=[find_work(name) for name in works],
        plan=Plan(
            rounds=options.rounds or (5 if options.quick else 9),
            seconds=options.seconds or (1 if options.quick else 2),
            warm_up=1,
            connections=options.connections,
        ),
        is_quick=options.quick,
        has_parts=is_whole or options.parts,
        output=options.output or (HERE if is_whole else WORK_DIRECTORY),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure sketch and its peers.")
    parser.add_argument("--quick", action="store_true", help="few servers and works, at most three minutes")
    names = [peer.name for peer in PEERS]
    parser.add_argument("--servers", nargs="+", choices=names, metavar="SERVER", help=", ".join(names))
    works = [work.name for work in WORKS]
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
    try:
        environment = prepare(
            {peer.environment for peer in run.peers}, {peer.needs for peer in run.peers if peer.needs}
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
    results = empty_results()
    peers = _present(run.peers, environment, results)
    results["date"] = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    results["machine"] = describe_machine()
    sketches = {peer.name: peer.path for peer in peers if peer.path is not None}
    results["versions"] = describe_versions(environment, sketches)
    plan = run.plan
    results["plan"] = {"rounds": plan.rounds, "seconds": plan.seconds, "connections": plan.connections}
    results["titles"] = {peer.name: peer.title for peer in run.peers}
    cores = Cores.choose()
    if cores.server == cores.client:
        print("only one core: the load takes turns with the servers; ratios still mean something")
    cores.leave_server_core()
    if run.has_parts:
        _measure_parts(peers, environment, cores, results)
    _measure_works(run, peers, environment, cores, results)
    report.write(results, run.output)
    if run.output == HERE:
        _draw_chart(environment)
    print()
    print(report.render(results) if run.is_quick else f"wrote {run.output / 'RESULTS.md'}")


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
    run: Run, peers: Sequence[Peer], environment: Environment, cores: Cores, results: Results
) -> None:
    begun = time.monotonic()
    for number, work in enumerate(run.works, start=1):
        print(f"{work.title} ({time.monotonic() - begun:.0f} s so far)", flush=True)
        deadline = begun + QUICK_SECONDS * number / len(run.works) if run.is_quick else None
        results["works"][work.name] = measure_work(
            work, peers, environment, cores, run.plan, deadline=deadline, say=_say
        )
        # After every work, so that an interruption loses at most one.
        report.write(results, run.output if run.output != HERE else WORK_DIRECTORY)


def _measure_parts(peers: Sequence[Peer], environment: Environment, cores: Cores, results: Results) -> None:
    results["resolve"] = inside.measure_resolve(environment)
    results["pipeline_microseconds"] = inside.measure_pipeline(environment)
    results["import_seconds"] = startup.measure_imports(environment, say=_say)
    results["start_seconds"] = startup.measure_start(peers, environment, cores, say=_say)
    results["idle_connection_bytes"] = memory.measure_idle(peers, environment, cores, say=_say)
    results["streams"] = memory.measure_streams(peers, environment, cores, say=_say)


def _draw_chart(environment: Environment) -> None:
    python = str(environment.pythons["main"])
    CHART.parent.mkdir(parents=True, exist_ok=True)
    words = [python, "-m", "bench.chart", str(HERE / "results.json"), str(CHART)]
    subprocess.run(words, cwd=ROOT, check=True)


def _say(line: str) -> None:
    print(line, flush=True)
