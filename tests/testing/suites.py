"""Test suites as users write them, run by pytest in a process and a directory of their own."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent.parent

NEEDS_PYTEST_ASYNCIO = pytest.mark.skipif(
    importlib.util.find_spec("pytest_asyncio") is None, reason="pytest-asyncio is not installed"
)
NEEDS_PYTEST_AIOHTTP = pytest.mark.skipif(
    importlib.util.find_spec("pytest_aiohttp") is None, reason="pytest-aiohttp is not installed"
)

OTHERS = ("asyncio", "aiohttp", "anyio")
"""Plugins that may be installed, by the names that pytest has for them."""


class Outcome(NamedTuple):
    """How a run ended.

    ``results``
        the outcome of each test, by its name.
    """

    returncode: int
    results: dict[str, str]
    output: str


def run_suite(directory: Path, *options: str, plugins: tuple[str, ...] = ()) -> Outcome:
    """Run the tests in a directory, with these of the other plugins, and no others."""
    off = [option for name in OTHERS if name not in plugins for option in ("-p", f"no:{name}")]
    scope = ["-o", "asyncio_default_fixture_loop_scope=function"] if "asyncio" in plugins else []
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    result = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-rA", "-W", "error", "-p", "no:cacheprovider",
            "--strict-markers", "--tb=short", "-c", os.devnull, "--rootdir", str(directory),
            *off, *scope, *options, str(directory),
        ],
        cwd=directory, env=environment, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    found = re.findall(r"^(PASSED|FAILED|ERROR|SKIPPED) (?:\S*/)?(\S+)", result.stdout, re.MULTILINE)
    return Outcome(result.returncode, {name: state for state, name in found}, result.stdout + result.stderr)


def passed(outcome: Outcome) -> set[str]:
    """The tests that passed; fails unless all did."""
    assert outcome.returncode == 0, outcome.output
    assert set(outcome.results.values()) == {"PASSED"}, outcome.output
    return set(outcome.results)
