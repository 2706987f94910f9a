"""All cases against `sketch`, on both event loops: ``python -m tests.conformance.autobahn``. Its status is 1
if one of them is not good.

``--original WSTEST`` runs them with the original suite, too; ``--peers`` runs what needs no compression
against other servers, whose faults are none of ours; ``--write DOCUMENT`` puts the table into a document.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.conformance.autobahn.judging import CASES, DEFLATE
from tests.conformance.autobahn.programs import PROGRAMS
from tests.conformance.autobahn.runs import Result, Run
from tests.conformance.autobahn.suites import Kosoku, Original, Suite
from tests.conformance.autobahn.table import format_table, write_table

EVERYTHING = tuple(CASES)
WITHOUT_DEFLATE = tuple(chapter for chapter in CASES if chapter not in DEFLATE)

OURS = [
    Run("sketch", loop, deflate, EVERYTHING if deflate else WITHOUT_DEFLATE)
    for deflate in (True, False)
    for loop in ("asyncio", "uvloop")
]
PEERS = [Run(name, "asyncio", True, WITHOUT_DEFLATE) for name in PROGRAMS if name != "sketch"]


def judge(runs: Sequence[Run], suites: Sequence[Suite]) -> Iterator[Result]:
    """One result after the other, each of them announced."""
    for suite in suites:
        for run in runs:
            started = time.monotonic()
            result = run.judge(suite)
            seconds = time.monotonic() - started
            counts = ", ".join(f"{name} {count}" for name, count in result.count_cases().items())
            print(f"{suite.name}: {run.name} {' '.join(run.options)}: {counts} ({seconds:.0f} s)", flush=True)
            yield result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suites. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.autobahn", description=__doc__)
    parser.add_argument("--original", type=Path, metavar="WSTEST", help="the command of the original suite")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--write", type=Path, metavar="DOCUMENT")
    options = parser.parse_args(arguments)
    suites: list[Suite] = [Kosoku()]
    if options.original:
        suites.append(Original(options.original))
    results = list(judge(OURS, suites))
    faults = [fault for result in results for fault in result.faults]
    if options.peers:
        results += judge(PEERS, suites[:1])
    print(format_table(results), *faults, sep="\n")
    if options.write:
        write_table(options.write, results)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
