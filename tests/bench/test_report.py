"""The arithmetic of the benchmark, and what it writes. Nothing is measured here."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import (
    GOALS,
    ResolveFigures,
    Results,
    Round,
    StreamFigures,
    WorkFigures,
    efficiency,
    empty_results,
    list_ratio,
    ratios,
    spread,
    work_ratio,
)
from bench.report import read, render, table, write

MEBIBYTE = 2**20


def turn(requests: float, cpu_seconds: float = 1.0, *, errors: int = 0) -> Round:
    return Round(
        requests=requests,
        seconds=2.0,
        cpu_seconds=cpu_seconds,
        errors=errors,
        latency_p50_us=500.0,
        latency_p99_us=1500.0,
    )


def figures(*requests: float) -> WorkFigures:
    return WorkFigures(answer_bytes=152, rounds=[turn(count) for count in requests])


def make_results() -> Results:
    results = empty_results()
    results["date"] = "2026-01-02 03:04 UTC"
    results["machine"] = {"processor": "a processor"}
    results["versions"] = {"Python": "3.11.7", "wrk": "4.1.0"}
    results["plan"] = {"rounds": 3, "seconds": 2, "connections": 64}
    results["titles"] = {"sketch": "sketch", "granian-rsgi": "granian RSGI (bare)"}
    results["works"]["plaintext"] = {
        "aiohttp": figures(30_000, 31_000, 32_000),
        "sketch": figures(90_000, 93_000, 64_000),
        "ceiling": figures(120_000, 124_000, 128_000),
    }
    results["works"]["upload"] = {"sketch": figures(20, 20, 20)}
    return results


def make_websocket_results() -> Results:
    results = make_results()
    own = results["websockets"]
    own["date"] = "2026-02-03 04:05 UTC"
    own["versions"] = {"picows": "2.3.1"}
    own["plan"] = {"rounds": 3, "seconds": 2, "connections": 64}
    own["works"]["ws-text-32b"] = {
        "aiohttp": figures(100_000, 100_000, 100_000),
        "sketch": figures(150_000, 160_000, 170_000),
        "picows": figures(200_000, 200_000, 200_000),
    }
    own["idle_bytes"] = {"sketch": [7 * 1024.0, 9 * 1024.0]}
    return results


def goal_values(results: Results) -> dict[str, float]:
    found = {goal.title: goal.measure(results) for goal in GOALS}
    return {title: value for title, value in found.items() if value is not None}


# -- arithmetic ----------------------------------------------------------------------------------------


def test_a_spread_has_the_median_the_quartiles_and_the_extremes() -> None:
    assert spread([5, 1, 4, 2, 3]) == (1, 2, 3, 4, 5)


def test_half_the_distance_between_the_quartiles_is_told_in_percent() -> None:
    assert spread([90, 100, 110]).percent == pytest.approx(5.0)


def test_one_value_is_its_own_spread() -> None:
    assert spread([7.0]) == (7, 7, 7, 7, 7)
    assert spread([7.0]).percent == 0


def test_no_values_have_no_spread() -> None:
    with pytest.raises(ValueError, match="no values"):
        spread([])


@given(st.lists(st.floats(min_value=0.001, max_value=1e9), min_size=1))
def test_a_spread_is_ordered(values: list[float]) -> None:
    found = spread(values)
    for lower, upper in zip(found, found[1:], strict=False):
        assert lower <= upper or math.isclose(lower, upper)


def test_efficiency_counts_the_servers_time_not_the_clocks() -> None:
    rounds = [turn(1000, 0.5), turn(1000, 2.0)]
    assert efficiency(WorkFigures(answer_bytes=1, rounds=rounds)) == [2000, 500]


def test_ratios_leave_out_rounds_that_only_one_has() -> None:
    assert ratios([2, 6, 9], [1, 2]) == [2, 3]
    assert ratios([2, 6], [0, 2]) == [3]


def test_a_ratio_is_the_median_of_the_rounds_ratios_not_the_ratio_of_the_medians() -> None:
    found = work_ratio(make_results(), "plaintext", "sketch", "aiohttp")
    assert found is not None
    # Round by round 3, 3 and 2; the medians are 90 000 and 31 000.
    assert found.median == 3
    assert found.minimum == 2


def test_a_ratio_with_somebody_who_was_not_there_is_unknown() -> None:
    results = make_results()
    assert work_ratio(results, "plaintext", "sketch", "nginx") is None
    assert work_ratio(results, "json", "sketch", "aiohttp") is None
    assert list_ratio({"sketch": [1.0], "aiohttp": []}, "sketch", "aiohttp") is None


# -- goals ---------------------------------------------------------------------------------------------


def test_goals_without_figures_are_unknown() -> None:
    assert goal_values(empty_results()) == {}


def test_goals_of_speed_compare_with_the_ceiling_and_with_aiohttp() -> None:
    values = goal_values(make_results())
    assert values == {
        "plaintext: requests per CPU second, times ceiling": 0.75,
        "plaintext: requests per CPU second, times aiohttp": 3.0,
    }


def test_goals_over_websockets_compare_with_aiohttp_and_picows() -> None:
    new = set(goal_values(make_websocket_results()).items()) - set(goal_values(make_results()).items())
    assert new == {
        ("ws-text-32b: messages per CPU second, times aiohttp", 1.6),
        ("ws-text-32b: messages per CPU second, times picows", 0.8),
        ("memory of an idle WebSocket, KiB", 8.0),
    }


def test_goals_of_memory_and_time_are_upper_bounds() -> None:
    results = make_results()
    results["idle_connection_bytes"] = {"sketch": [3000, 3000], "granian-rsgi": [4000, 6000]}
    results["import_seconds"] = {"sketch": [0.1], "aiohttp.web": [0.25]}
    results["streams"]["sketch"] = StreamFigures(
        body_bytes=1024 * MEBIBYTE,
        before=30 * MEBIBYTE,
        upload_peak=61 * MEBIBYTE,
        download_peak=40 * MEBIBYTE,
    )
    results["resolve"]["sketch"] = ResolveFigures(
        plain={"10": [0.1, 0.1], "10000": [0.1, 0.1]}, parameter={"10": [0.2], "10000": [0.3]}
    )
    met = {goal.title: goal.is_met(value) for goal in GOALS if (value := goal.measure(results)) is not None}
    assert met["memory of an idle connection, times granian-rsgi"]
    assert met["import sketch, times import aiohttp.web"]
    assert not met["peak memory with a body of 1 GiB, MiB"]
    assert met["looking up a plain route among 10 000, times among 10"]
    assert not met["looking up a parameter route among 10 000, times among 10"]


# -- the report ----------------------------------------------------------------------------------------


def test_a_table_is_markdown() -> None:
    assert table(["a", "b"], [["x", "1"]]) == "| a | b |\n|---|---:|\n| x | 1 |"


def test_the_report_has_a_section_for_each_work_best_server_first() -> None:
    report = render(make_results())
    assert "## Plaintext\n" in report
    assert "## Upload of 1 MiB, read in chunks\n" in report
    section = report.partition("## Plaintext\n")[2].partition("\n## ")[0]
    assert section.index("| ceiling") < section.index("| **sketch**") < section.index("| aiohttp")


def test_a_row_has_median_spread_and_ratios() -> None:
    section = render(make_results()).partition("## Plaintext\n")[2]
    row = next(line for line in section.splitlines() if line.startswith("| **sketch**"))
    assert row == "| **sketch** | 90 000 | ± 8.1 % | 0.75 | 3.00 | 45 000 | 0.50 | 1.50 | 152 | 0 |"


def test_the_report_says_what_was_not_measured_and_why() -> None:
    results = make_results()
    results["skipped"] = {"granian-rsgi": "its environment could not be made"}
    assert "Not measured: granian RSGI (bare): its environment could not be made." in render(results)


def test_a_goal_that_is_not_met_is_shown_as_such() -> None:
    results = make_results()
    results["works"]["plaintext"]["sketch"] = figures(60_000, 31_000, 32_000)
    rows = [line for line in render(results).splitlines() if "times ceiling" in line]
    assert rows == ["| plaintext: requests per CPU second, times ceiling | at least 0.60 | 0.25 | **no** |"]


def test_parts_that_were_measured_are_in_the_report() -> None:
    results = make_results()
    results["idle_connection_bytes"] = {"sketch": [3072.0]}
    results["start_seconds"] = {"sketch": [0.2, 0.3, 0.4]}
    results["resolve"]["sketch"] = ResolveFigures(plain={"10": [0.1]}, parameter={"10": [0.25]})
    results["pipeline_microseconds"] = {"1 field": {"parse": [1.0]}, "13 fields": {"parse": [2.9]}}
    report = render(results)
    assert "| **sketch** | 3.00 | 1 |" in report
    assert "| **sketch** | 300 | 200 to 400 |" in report
    assert "| path with a parameter | 0.250 |" in report
    assert "| parse | 1.00 | 2.90 |" in report


def test_websockets_have_a_part_of_their_own() -> None:
    report = render(make_websocket_results())
    http, _, websockets = report.partition("# WebSockets\n\nMeasured on 2026-02-03 04:05 UTC.")
    assert "## Overview: thousands of requests per server CPU second" in http
    assert "## Overview: thousands of messages per server CPU second" in websockets
    assert "Versions: picows 2.3.1." in websockets
    assert (
        "| **sketch** | 160 000 | ± 3.1 % |  | 1.60 | 0.80 | 80 000 | 50 % | 0.50 | 1.50 | 152 |"
        in websockets
    )
    assert "## Memory of an idle WebSocket\n\n| server | KiB | rounds |" in websockets
    assert "| **sketch** | 8.00 | 2 |" in websockets


def test_a_run_over_websockets_alone_has_a_report() -> None:
    results = empty_results()
    results["websockets"] = make_websocket_results()["websockets"]
    report = render(results)
    assert report.startswith("# Results\n\n## Goals\n")
    assert "wrk" not in report


def test_results_from_before_there_were_websockets_can_be_read(tmp_path: Path) -> None:
    kept = {key: value for key, value in make_results().items() if key != "websockets"}
    (tmp_path / "results.json").write_text(json.dumps(kept))
    assert read(tmp_path / "results.json") == make_results()


def test_a_run_that_measured_nothing_has_a_report() -> None:
    results = make_results()
    results["works"] = {}
    assert render(results).startswith("# Results\n\nMeasured on 2026-01-02 03:04 UTC.")


def test_what_is_written_can_be_read_again(tmp_path: Path) -> None:
    results = make_results()
    write(results, tmp_path)
    assert read(tmp_path / "results.json") == results
    assert (tmp_path / "RESULTS.md").read_text() == render(json.loads(json.dumps(results)))
