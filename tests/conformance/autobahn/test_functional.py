"""The functional cases of Autobahn|Testsuite, chapter by chapter, and some cases of permessage-deflate.

All of them, the long ones too: ``make conformance``.
"""

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conformance.autobahn.judging import FUNCTIONAL, find_faults
from tests.conformance.autobahn.runs import Run
from tests.conformance.autobahn.serving import serving
from tests.conformance.autobahn.suites import Kosoku

pytestmark = pytest.mark.skipif(
    find_spec("kosoku") is None, reason="kosoku, which runs the cases, is not installed"
)

ON_BOTH_LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])

QUICK_DEFLATED = [f"12.{kind}.{number}" for kind in range(1, 6) for number in (1, 4)] + [
    f"13.{parameters}.{number}" for parameters in range(1, 8) for number in (1, 4)
]
"""Each kind of data and each combination of parameters, in messages that are soon compressed."""


@ON_BOTH_LOOPS
@pytest.mark.parametrize("chapter", FUNCTIONAL)
def test_every_case_is_good(chapter: int, loop: str) -> None:
    result = Run("sketch", loop, True, [chapter]).judge(Kosoku())
    assert not result.faults, "\n".join(result.faults)


@ON_BOTH_LOOPS
def test_every_case_is_good_where_a_function_listens(loop: str, tmp_path: Path) -> None:
    with serving("sketch", ["--loop", loop, "--listen"]) as served:
        verdicts = Kosoku().run(served.url, [f"{chapter}.*" for chapter in FUNCTIONAL], tmp_path)
    faults = find_faults(verdicts, FUNCTIONAL)
    assert not faults, "\n".join(faults)
    assert not served.log


@pytest.mark.parametrize("options", [["--no-deflate"], ["--bytes"]], ids=lambda options: str(options[0]))
def test_utf8_is_checked_with_other_options(options: list[str], tmp_path: Path) -> None:
    with serving("sketch", options) as served:
        verdicts = Kosoku().run(served.url, ["6.*"], tmp_path)
    faults = find_faults(verdicts, [6])
    assert not faults, "\n".join(faults)
    assert not served.log


@ON_BOTH_LOOPS
def test_compressed_messages(loop: str, tmp_path: Path) -> None:
    with serving("sketch", ["--loop", loop]) as served:
        verdicts = Kosoku().run(served.url, QUICK_DEFLATED, tmp_path)
    faults = find_faults(verdicts, [])
    assert not faults, "\n".join(faults)
    assert [verdict.case for verdict in verdicts] == QUICK_DEFLATED
    assert not served.log
