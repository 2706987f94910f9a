"""One suite of a user's, suite.txt, on ``aiohttp.test_utils`` and on `sketch.testing`: what passes on the one
passes on the other.
"""

import inspect
from pathlib import Path

import aiohttp.test_utils
import pytest

import sketch.testing
from tests.testing.suites import Outcome, run_suite

SUITE = (Path(__file__).parent / "suite.txt").read_text("utf-8")


def run_on(directory: Path, framework: str, tools: str, plugin: str) -> Outcome:
    (directory / "conftest.py").write_text(f'pytest_plugins = ["{plugin}"]\n')
    (directory / "test_suite.py").write_text(SUITE.replace("FRAMEWORK", framework).replace("TOOLS", tools))
    options = ["-W", "ignore:aiohttp.pytest_plugin will be removed:DeprecationWarning"]
    options += ["-W", "ignore:It is recommended to use web.RequestKey"]
    return run_suite(directory, *options)


def test_the_same_suite_passes_on_both(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "ours").mkdir()
    theirs = run_on(tmp_path / "theirs", "aiohttp", "aiohttp.test_utils", "aiohttp.pytest_plugin")
    ours = run_on(tmp_path / "ours", "sketch", "sketch.testing", "sketch.testing.plugin")
    # Tests of sketch's plugin are not run once for each kind of loop, unless that is asked for.
    their_results = {
        name.replace("[pyloop]", "").replace("pyloop-", ""): state for name, state in theirs.results.items()
    }
    assert set(their_results.values()) == {"PASSED"}, theirs.output
    assert len(their_results) > 45
    assert ours.results == their_results, ours.output


def test_every_name_is_there() -> None:
    theirs = {
        name
        for name, value in vars(aiohttp.test_utils).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == "aiohttp.test_utils"
    }
    assert theirs - set(sketch.testing.__all__) == set()


@pytest.mark.parametrize(
    "name",
    ["make_mocked_request", "make_mocked_coro", "loop_context", "setup_test_loop", "teardown_test_loop"],
)
def test_signatures(name: str) -> None:
    theirs = inspect.signature(getattr(aiohttp.test_utils, name)).parameters
    ours = inspect.signature(getattr(sketch.testing, name)).parameters
    assert [(each.name, each.kind) for each in ours.values()] == [
        (each.name, each.kind) for each in theirs.values()
    ]
