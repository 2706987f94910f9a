"""The judge: what it takes for good, and that it sees what is not."""

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conformance.autobahn.judging import CASES, Verdict, find_faults, read_report
from tests.conformance.autobahn.runs import Result, Run
from tests.conformance.autobahn.serving import serving
from tests.conformance.autobahn.suites import Kosoku
from tests.conformance.autobahn.table import format_table, write_table


def verdict(case: str, behavior: str = "OK", closing: str = "OK") -> Verdict:
    return Verdict(case, behavior, closing, {"description": "Send\n  a thing.", "result": "Bad."})


def chapter_three(**changes: tuple[str, str]) -> list[Verdict]:
    return [verdict(f"3.{number}", *changes.get(f"case{number}", ())) for number in range(1, 8)]


def result(verdicts: Sequence[Verdict], log: str = "") -> Result:
    return Result(Run("sketch", "asyncio", True, [3]), "kosoku 0.1.0", verdicts, log)


def test_there_are_as_many_cases_as_the_suite_has() -> None:
    assert sum(CASES.values()) == 517


def test_what_is_good() -> None:
    assert not find_faults(chapter_three(case1=("INFORMATIONAL", "INFORMATIONAL")), [3])


@pytest.mark.parametrize(
    "found",
    [
        ("NON-STRICT", "OK"),
        ("FAILED", "OK"),
        ("UNIMPLEMENTED", "OK"),
        ("ERROR", "FAILED"),
        ("OK", "UNCLEAN"),
        ("OK", "WRONG CODE"),
        ("OK", "FAILED BY CLIENT"),
    ],
)
def test_what_is_not(found: tuple[str, str]) -> None:
    (fault,) = find_faults(chapter_three(case2=found), [3])
    assert fault.startswith(f"3.2: {found[0]}, closing {found[1]}\n  case:     Send a thing.\n")


def test_cases_that_were_not_run_are_missed() -> None:
    assert find_faults(chapter_three()[1:], [3, 10]) == [
        "chapter 3: 6 of 7 cases were run",
        "chapter 10: 0 of 1 cases were run",
    ]


def test_a_server_that_logs_an_error_is_at_fault() -> None:
    assert result(chapter_three()).faults == []
    assert result(chapter_three(), "Traceback").faults == ["the server wrote: Traceback"]


def test_a_report_is_read_in_the_order_of_the_cases(tmp_path: Path) -> None:
    names = ["5.10", "5.9", "12.1.1"]
    index = {
        name: {"behavior": "OK", "behaviorClose": "UNCLEAN", "reportfile": "case.json"} for name in names
    }
    (tmp_path / "index.json").write_text(json.dumps({"server": index}))
    (tmp_path / "case.json").write_text('{"received": []}')
    verdicts = read_report(tmp_path)
    assert [each.case for each in verdicts] == ["5.9", "5.10", "12.1.1"]
    assert verdicts[0][1:] == ("OK", "UNCLEAN", {"received": []})


def test_the_table() -> None:
    rows = format_table([result(chapter_three(case1=("NON-STRICT", "OK"), case4=("FAILED", "UNCLEAN")))])
    assert rows.splitlines()[2:] == [
        "| sketch, asyncio | kosoku 0.1.0 | permessage-deflate | 7 | 5 | 0 | 1 | 1 | 1 |"
    ]


def test_the_table_replaces_the_one_before(tmp_path: Path) -> None:
    document = tmp_path / "document.md"
    with pytest.raises(FileNotFoundError):
        write_table(document, [])
    document.write_text("no place")
    with pytest.raises(ValueError, match="document.md"):
        write_table(document, [])
    mark = "<!-- made by `python -m tests.conformance.autobahn --write`: begin -->"
    document.write_text(f"before\n{mark}\nold\n<!-- end -->\nafter\n")
    write_table(document, [result(chapter_three())])
    once = document.read_text()
    write_table(document, [result(chapter_three())])
    assert document.read_text() == once
    assert once.startswith(f"before\n{mark}\n\n| server |")
    assert once.endswith(" 0 |\n\n<!-- end -->\nafter\n")


@pytest.mark.skipif(find_spec("kosoku") is None, reason="kosoku, which runs the cases, is not installed")
def test_the_suite_finds_the_faults_of_another_server(tmp_path: Path) -> None:
    """aiohttp answers the close code 1006, which nobody may send, as if it were any other."""
    with serving("aiohttp", ["--loop", "asyncio"]) as served:
        verdicts = Kosoku().run(served.url, ["7.9.4", "7.9.5", "7.9.6"], tmp_path)
    assert [(each.case, each.is_good) for each in verdicts] == [
        ("7.9.4", True),
        ("7.9.5", False),
        ("7.9.6", True),
    ]
    assert "close code 1000" in verdicts[1].explain()
