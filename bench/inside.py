"""Starts the measurements that run inside one process, in an interpreter that has sketch and aiohttp."""

import json
import subprocess
from typing import Any

from bench.environment import Environment
from bench.figures import ResolveFigures
from bench.peers import ROOT


def measure_resolve(environment: Environment) -> dict[str, ResolveFigures]:
    """What `bench.resolve` finds out."""
    figures: dict[str, ResolveFigures] = _run(environment, "bench.resolve")
    return figures


def measure_pipeline(environment: Environment) -> dict[str, dict[str, list[float]]]:
    """What `bench.pipeline` finds out."""
    figures: dict[str, dict[str, list[float]]] = _run(environment, "bench.pipeline")
    return figures


def _run(environment: Environment, module: str) -> Any:
    words = [str(environment.pythons["main"]), "-m", module, "--json"]
    print(f"  {module}", flush=True)
    result = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(result.stdout)
