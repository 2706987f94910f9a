"""The series of `tests.fuzz.soak`, divided among the processors."""

import asyncio
import os
import sys

from tests.soak.child import ROOT, read_to_end
from tests.soak.report import Report

_PARTS = {"requests": "engine", "frames": "frames"}


async def run(seed: int, count: int, processes: int | None = None, series: str = "requests") -> Report:
    """Feed an engine ``count`` inputs of a series, in so many processes; one for each processor by
    default."""
    number = processes or os.cpu_count() or 1
    bounds = [count * part // number for part in range(number + 1)]
    report = Report(part=_PARTS[series], figures={"inputs": count, "seed": seed, "processes": number})
    parts = zip(bounds, bounds[1:], strict=False)
    results = await asyncio.gather(*(_run_part(series, seed, first, end - first) for first, end in parts))
    for first, (code, output) in zip(bounds, results, strict=False):
        report.figures[f"from input {first}"] = output.strip().splitlines()[-1] if output else "nothing"
        report.check(code == 0, output)
    return report


async def _run_part(series: str, seed: int, first: int, count: int) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.fuzz.soak",
        "--series", series, "--seed", str(seed), "--first", str(first), "--count", str(count),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    output = await read_to_end(process)
    return process.returncode or 0, output.decode()
