"""What waits for a slow subscriber, under each policy."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.backlog import Backlog, Policy, SlowSubscriberError, check_policy
from sketch.bus import Message
from sketch.topics import disconnect, drop_oldest, keep_latest


def message(number: int, data: str | bytes = "") -> Message:
    return Message("topic", data or str(number), id=number, origin="here")


def ids(backlog: Backlog) -> list[int]:
    return [backlog.take().id for _ in range(len(backlog))]


def test_the_oldest_are_dropped() -> None:
    backlog = Backlog(drop_oldest(2))
    for number in range(5):
        backlog.put(message(number))
    assert (len(backlog), backlog.dropped) == (2, 3)
    assert ids(backlog) == [3, 4]
    assert not backlog


def test_the_latest_is_kept() -> None:
    backlog = Backlog(keep_latest())
    for number in range(3):
        backlog.put(message(number))
    assert (ids(backlog), backlog.dropped) == ([2], 2)


def test_too_many_bytes() -> None:
    backlog = Backlog(disconnect(1000))
    backlog.put(message(1, "x" * 800))
    with pytest.raises(SlowSubscriberError, match="too slow: more than 1000 bytes were waiting"):
        backlog.put(message(2, b"x" * 200))


def test_what_was_taken_waits_no_more() -> None:
    backlog = Backlog(disconnect(1000))
    for number in range(100):
        backlog.put(message(number, "x" * 800))
        assert backlog.take().id == number
    backlog.put(message(100))
    backlog.clear()
    assert len(backlog) == 0
    backlog.put(message(101, "x" * 900))


def test_empty_messages_do_not_wait_without_number() -> None:
    backlog = Backlog(disconnect())
    with pytest.raises(SlowSubscriberError):
        for number in range(10**6):
            backlog.put(Message("topic", b"", id=number, origin="here"))


@given(st.integers(1, 5), st.lists(st.booleans()))
def test_what_is_left_are_the_last_ones_in_their_order(limit: int, steps: list[bool]) -> None:
    backlog, expected = Backlog(drop_oldest(limit)), list[int]()
    for number, puts in enumerate(steps):
        if puts:
            backlog.put(message(number))
            expected = [*expected, number][-limit:]
        elif expected:
            assert backlog.take().id == expected.pop(0)
    assert ids(backlog) == expected


@pytest.mark.parametrize("make_policy", [drop_oldest, disconnect])
def test_limits_are_numbers(make_policy: Callable[[int], Policy]) -> None:
    for limit in ("5", 1.5, True):
        with pytest.raises(TypeError, match=rf"{make_policy.__name__}\({limit!r}\): write a number of"):
            make_policy(limit)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=rf"{make_policy.__name__}\(0\): write 1 or more"):
        make_policy(0)


def test_a_policy_is_made_by_one_of_the_three() -> None:
    assert check_policy(None) == disconnect()
    assert check_policy(keep_latest()) == keep_latest()
    for other in (drop_oldest, "drop_oldest", 5, (5, None)):
        with pytest.raises(TypeError, match=r"write drop_oldest\(limit\), keep_latest\(\) or disconnect"):
            check_policy(other)  # type: ignore[arg-type]
