"""The soak: ``python -m tests.soak [PART ...] --seed 1 --count 5000000``; status 1 if a part failed.

Without a part, all of them run, one after the other: the machine is theirs, or the figures are worth little.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from tests.soak import engine, idle, kill, live, restarts, slow
from tests.soak.report import Report, write

LOOPS = ("uvloop", "asyncio")
Options = argparse.Namespace
Part = Callable[[Options], AsyncIterator[Report]]


async def run_engine(options: Options) -> AsyncIterator[Report]:
    """Mutated requests through the engine."""
    yield await engine.run(options.seed, options.count)


async def run_frames(options: Options) -> AsyncIterator[Report]:
    """Mutated frames through the engine of WebSockets."""
    yield await engine.run(options.seed, options.frames_count, series="frames")


async def run_live(options: Options) -> AsyncIterator[Report]:
    """Mutated requests to a live server, half of them on each event loop."""
    for number, loop in enumerate(LOOPS):
        yield await live.run(options.seed + number, options.live_count // len(LOOPS), loop)


async def run_kill(options: Options) -> AsyncIterator[Report]:
    """Clients that leave after every byte."""
    for loop in LOOPS:
        for cancel in (False, True):
            yield await kill.run(loop, cancel=cancel)
        yield await kill.run(loop, small=True)


async def run_restarts(options: Options) -> AsyncIterator[Report]:
    """Restarts under load, half of them on each event loop."""
    for loop in LOOPS:
        yield await restarts.run(options.seed, options.restarts // len(LOOPS), loop)


async def run_slow(options: Options) -> AsyncIterator[Report]:
    """slowhttptest in its modes."""
    for mode in slow.MODES:
        yield await slow.run(
            mode, connections=options.connections, seconds=options.seconds, loop=options.loop
        )


async def run_idle(options: Options) -> AsyncIterator[Report]:
    """Idle connections."""
    for loop in LOOPS:
        yield await idle.run(options.idle_connections, loop)


PARTS: dict[str, Part] = {
    "engine": run_engine,
    "frames": run_frames,
    "live": run_live,
    "kill": run_kill,
    "restarts": run_restarts,
    "idle": run_idle,
    "slow": run_slow,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run parts of the soak. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Try to break the server.")
    parser.add_argument(
        "parts", nargs="*", choices=[[], *PARTS], help=f"of {', '.join(PARTS)}; all by default"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=5_000_000, help="requests through the engine")
    parser.add_argument("--frames-count", type=int, default=2_000_000, help="streams of frames")
    parser.add_argument("--live-count", type=int, default=100_000, help="inputs to a live server")
    parser.add_argument("--restarts", type=int, default=200)
    parser.add_argument("--connections", type=int, default=1000, help="of slowhttptest")
    parser.add_argument("--seconds", type=int, default=60, help="that each attack lasts, at least")
    parser.add_argument("--loop", choices=LOOPS, default=LOOPS[0], help="of the server that is attacked")
    parser.add_argument("--idle-connections", type=int, default=10_000)
    parser.add_argument("--output", type=Path, default=Path("build/soak.json"))
    options = parser.parse_args(arguments)
    reports = asyncio.run(_run(options.parts or list(PARTS), options))
    write(reports, options.output)
    return _summarize(reports, options.output)


async def _run(parts: Sequence[str], options: Options) -> list[Report]:
    reports: list[Report] = []
    for name in parts:
        print(f"-- {name}: {PARTS[name].__doc__}", flush=True)
        started = time.monotonic()
        async for report in PARTS[name](options):
            print(report, flush=True)
            reports.append(report)
        print(f"-- {name}: {time.monotonic() - started:.0f} s\n", flush=True)
    return reports


def _summarize(reports: Sequence[Report], path: Path) -> int:
    failed = [report.part for report in reports if not report.has_passed]
    outcome = f"FAILED: {', '.join(failed)}" if failed else "all passed"
    print(f"{len(reports)} reports in {path}; {outcome}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
