"""A slice of each part of the soak, in every run of the tests."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any

import pytest

from tests.soak import attackers, engine, idle, kill, live, restarts
from tests.soak.report import Report

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what is left is counted in /proc")

LOOPS = pytest.mark.parametrize("loop", ["uvloop", "asyncio"])


def passes(part: Coroutine[Any, Any, Report]) -> Report:
    """Run a part, which finds nothing wrong."""
    report = asyncio.run(part)
    assert report.failures == [], str(report)
    return report


@LOOPS
def test_mutated_requests_to_a_live_server(loop: str) -> None:
    report = passes(live.run(20260728, 3000, loop))
    statuses = str(report.figures["first answers"])
    assert all(status in statuses for status in ("200: ", "400: ", "403: ", "none: "))


@LOOPS
def test_clients_that_leave_anywhere(loop: str) -> None:
    report = passes(kill.run(loop, step=4))
    assert int(report.figures["clients"]) > 1000


@LOOPS
def test_clients_that_leave_while_handlers_are_cancelled(loop: str) -> None:
    passes(kill.run(loop, step=11, cancel=True))


@LOOPS
def test_clients_that_leave_in_the_middle_of_a_large_answer(loop: str) -> None:
    passes(kill.run(loop, step=101, small=True))


@LOOPS
def test_restarts_under_load(loop: str) -> None:
    report = passes(restarts.run(1, 5, loop))
    assert int(report.figures["answered"]) >= 5 * restarts.ANSWERS_BETWEEN


@LOOPS
def test_slow_attacks_beside_an_honest_client(loop: str) -> None:
    report = passes(attackers.run(loop, each=15))
    assert int(report.figures["honest answers"]) > 10


@LOOPS
def test_idle_connections(loop: str) -> None:
    passes(idle.run(300, loop))


def test_the_engine_on_two_processors() -> None:
    report = passes(engine.run(3, 600, processes=2))
    assert "300 inputs" in str(report.figures["from input 300"])


def test_the_engine_of_websockets_on_two_processors() -> None:
    report = passes(engine.run(3, 600, processes=2, series="frames"))
    assert report.part == "frames"
    assert "300 inputs" in str(report.figures["from input 300"])
