"""Many inputs through an engine: ``python -m tests.fuzz.soak --series requests --count 1000000 --seed 1``.

It stops at the first input that breaks a rule, prints how to get that input again, and ends with status 1.
"""

import argparse
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tests.fuzz import check, framecheck, framemutator, mutator


class Series(NamedTuple):
    """Inputs, and what must hold for them.

    ``make``
        the input with a seed and a number.
    ``start``
        returns what tries an input with a seed and a number, and returns what it was refused with or
        ``None``.
    """

    make: Callable[[int, int], object]
    start: Callable[[], Callable[[int, int], int | None]]


def _start_requests() -> Callable[[int, int], int | None]:
    checker = check.Checker()
    return lambda seed, number: checker.check(seed, number).status


def _start_frames() -> Callable[[int, int], int | None]:
    return framecheck.Checker().check


SERIES = {
    "requests": Series(mutator.make_input, _start_requests),
    "frames": Series(framemutator.make_stream, _start_frames),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a series of inputs, or a part of one. Returns the exit status."""
    parser = argparse.ArgumentParser(description="Feed mutated inputs to an engine.")
    parser.add_argument("--series", choices=SERIES, default="requests", help="what is fed to its engine")
    parser.add_argument("--count", type=int, default=1_000_000, help="how many inputs (default: a million)")
    parser.add_argument("--seed", type=int, default=1, help="of the series (default: 1)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first input (default: 0)")
    options = parser.parse_args(arguments)
    return run(options.series, options.seed, options.first, options.count)


def run(name: str, seed: int, first: int, count: int) -> int:
    """Try ``count`` inputs of a series, from number ``first`` on."""
    try_one = SERIES[name].start()
    statuses: Counter[int | None] = Counter()
    started = time.monotonic()
    step = max(count // (100 if sys.stderr.isatty() else 10), 1)
    for number in range(first, first + count):
        try:
            statuses[try_one(seed, number)] += 1
        except Exception:
            _report(name, seed, number)
            return 1
        if (number + 1 - first) % step == 0:
            _show(number + 1 - first, count, started)
    seconds = time.monotonic() - started
    refused = ", ".join(f"{status}: {statuses[status]}" for status in sorted(filter(None, statuses)))
    print(f"{count} inputs in {seconds:.0f} s, seed {seed}: {statuses[None]} without a fault, {refused}")
    return 0


def _report(name: str, seed: int, number: int) -> None:
    print(f"\nInput {number} of seed {seed} broke a rule:\n")
    print(traceback.format_exc())
    print(repr(SERIES[name].make(seed, number)))
    again = f"python -m tests.fuzz.soak --series {name} --seed {seed} --first {number} --count 1"
    print(f"\nAgain: {again}")


def _show(done: int, count: int, started: float) -> None:
    rate = done / max(time.monotonic() - started, 1e-9)
    if sys.stderr.isatty():
        print(f"\r{done} of {count} inputs, {rate:.0f} a second", end="", file=sys.stderr, flush=True)
        if done == count:
            print(file=sys.stderr)
    else:
        print(f"{done} of {count} inputs, {rate:.0f} a second", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
