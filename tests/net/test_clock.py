"""The clock: it ticks once a second while it is wanted, and tells the date."""

import asyncio
import time
from datetime import UTC, datetime

import pytest

from sketch.http.dates import parse_date
from sketch.net.clock import Clock


class Timer:
    """A timer that the test sets off."""

    def __init__(self, delay: float, callback: object) -> None:
        self.delay = delay
        self.callback = callback
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class StillLoop(asyncio.SelectorEventLoop):
    """A loop on which no time passes, unless it is said."""

    def __init__(self) -> None:
        super().__init__()
        self.moment = 100.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.moment

    def call_later(self, delay: float, callback: object, *args: object, context: object = None) -> Timer:  # type: ignore[override]
        self.timers.append(Timer(delay, callback))
        return self.timers[-1]

    def pass_time(self, seconds: float) -> None:
        """Time passes, and the last timer goes off."""
        self.moment += seconds
        callback = self.timers[-1].callback
        assert callable(callback) and not self.timers[-1].is_cancelled
        callback()


class Scene:
    """A clock at a fixed wall time, 0.25 seconds into a second."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall = 784111777.25
        monkeypatch.setattr(time, "time", lambda: self.wall)
        self.loop = StillLoop()
        self.ticks: list[float] = []
        self.clock = Clock(self.loop, self.ticks.append, idle_timeout=75.0)
        self.loop.close()


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


def test_a_clock_that_was_not_started(scene: Scene) -> None:
    """It tells the time at which it was made, and leaves the loop alone."""
    assert not scene.clock.is_running and scene.loop.timers == []
    assert (scene.clock.now, scene.clock.idle_deadline) == (100.0, 175.0)
    assert b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" in scene.clock.automatic.ending


def test_it_ticks_just_after_each_second(scene: Scene) -> None:
    scene.clock.start()
    assert scene.clock.is_running
    assert scene.loop.timers[0].delay == pytest.approx(0.751)
    scene.wall += 0.8
    scene.loop.pass_time(0.8)
    assert scene.ticks == [100.8]
    assert (scene.clock.now, scene.clock.idle_deadline) == (100.8, 175.8)
    assert b"Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n" in scene.clock.automatic.ending
    assert scene.loop.timers[1].delay == pytest.approx(0.951)
    assert len(scene.loop.timers) == 2


def test_it_starts_once(scene: Scene) -> None:
    scene.clock.start()
    scene.clock.start()
    assert len(scene.loop.timers) == 1


def test_it_stops(scene: Scene) -> None:
    scene.clock.start()
    scene.clock.stop()
    scene.clock.stop()
    assert not scene.clock.is_running and scene.loop.timers[0].is_cancelled


def test_a_clock_that_stood_still_knows_the_time_when_it_starts(scene: Scene) -> None:
    scene.clock.start()
    scene.clock.stop()
    scene.wall += 3600
    scene.loop.moment += 3600
    scene.clock.start()
    assert scene.clock.now == 3700.0
    assert b"Date: Sun, 06 Nov 1994 09:49:37 GMT\r\n" in scene.clock.automatic.ending


def test_it_may_be_stopped_by_its_own_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    clock = Clock(scene.loop, lambda now: clock.stop(), idle_timeout=1.0)
    clock.start()
    scene.loop.pass_time(1.0)
    assert not clock.is_running and scene.loop.timers[-1].is_cancelled


def test_the_date_is_now() -> None:
    loop = asyncio.SelectorEventLoop()
    clock = Clock(loop, lambda now: None, idle_timeout=1.0)
    loop.close()
    date = parse_date(clock.automatic.date.decode().removeprefix("Date: ").strip())
    assert date is not None and abs((datetime.now(UTC) - date).total_seconds()) < 5
