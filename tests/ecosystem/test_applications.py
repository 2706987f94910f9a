"""Applications and packages by their own tests: what passes on aiohttp passes on sketch."""

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.compat.running import ROOT
from tests.ecosystem.applications import APPLICATIONS, Application
from tests.ecosystem.sources import fetch

CONFIGURATION = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
"""
LONGEST = 150.0
"""Seconds after which a run that hangs is ended."""


def find_source(application: Application) -> Path:
    try:
        return fetch(application.distribution)
    except PackageNotFoundError:
        pytest.skip(f"the extra 'ecosystem' is not installed: no {application.distribution}")


def run_tests(application: Application, source: Path, directory: Path, *options: str) -> dict[str, str]:
    """Run its tests in a process of their own. Gives what became of each."""
    directory.mkdir()
    (directory / "pytest.ini").write_text(CONFIGURATION)
    report = directory / "report.xml"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment.update(PYTHONPATH=str(ROOT), PYTHONHASHSEED="0")
    ended = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options,
            "-c", str(directory / "pytest.ini"), "--rootdir", str(source), f"--junitxml={report}",
            *application.options, *application.tests,
        ],
        capture_output=True, text=True, timeout=LONGEST, cwd=source, env=environment, check=False,
    )  # fmt: skip
    assert report.exists(), ended.stdout + ended.stderr
    outcomes: dict[str, str] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        bad = [part.tag + ": " + (part.get("message") or "") for part in case]
        name = f"{case.get('classname')}::{case.get('name')}"
        if bad or name not in outcomes:
            outcomes[name] = bad[0] if bad else "passed"
    return outcomes


@pytest.mark.timeout(2 * LONGEST)
@pytest.mark.parametrize("application", APPLICATIONS, ids=lambda application: application.distribution)
def test_its_tests_pass_as_they_do_on_aiohttp(application: Application, tmp_path: Path) -> None:
    source = find_source(application)
    differing = " or ".join(application.differing)
    unless = ("-k", f"not ({differing})") if differing else ()
    theirs = run_tests(application, source, tmp_path / "aiohttp")
    ours = run_tests(application, source, tmp_path / "sketch", "-p", "sketch.compat.pytest_plugin", *unless)
    passed = {name for name, outcome in theirs.items() if outcome == "passed"}
    assert len(passed) >= application.at_least, theirs
    failed = {name: ours.get(name, "not run") for name in passed if ours.get(name) != "passed"}
    assert {name.rpartition("::")[2] for name in failed} == set(application.differing), failed
