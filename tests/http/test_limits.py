"""Limits that cannot be meant are refused where they are written, with their name and what to write."""

import math
from dataclasses import fields
from typing import Any

import pytest

from sketch.http.limits import Limits

NAMES = [field.name for field in fields(Limits)]


@pytest.mark.parametrize("name", NAMES)
def test_each_limit_can_be_set(name: str) -> None:
    assert getattr(Limits(**{name: 7}), name) == 7


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", ["7", True, [7]])
def test_what_is_no_number(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=rf"Limits\({name}=.*: write a (whole number|number of seconds), "):
        Limits(**{name: value})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [-1, -(2**70)])
def test_what_is_less_than_nothing(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=rf"Limits\({name}=-\d+\): write "):
        Limits(**{name: value})


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("requests", 0, "write a whole number, more than 0, or None"),
        ("connections", 0, "write a whole number, more than 0, or None"),
        ("head_timeout", 0, "write a number of seconds, more than 0"),
        ("send_timeout", math.nan, "write a number of seconds, more than 0"),
        ("body_timeout", math.nan, "write a number of seconds, 0 or more"),
        ("queued_requests", -1, "write a whole number, 0 or more"),
    ],
)
def test_what_to_write(name: str, value: float, remedy: str) -> None:
    with pytest.raises(ValueError) as raised:
        Limits(**{name: value})  # type: ignore[arg-type]
    assert str(raised.value) == f"Limits({name}={value!r}): {remedy}"


def test_a_part_of_a_byte_is_none() -> None:
    with pytest.raises(TypeError, match=r"Limits\(body_rate=1.5\): write a whole number, 0 or more"):
        Limits(body_rate=1.5)  # type: ignore[arg-type]


def test_only_what_has_no_default_number_can_be_none() -> None:
    unset = {"connections", "connections_per_peer", "requests"}
    assert {name for name in NAMES if getattr(Limits(), name) is None} == unset
    for name in unset:
        nothing: Any = {name: None}
        assert getattr(Limits(**nothing), name) is None
    with pytest.raises(TypeError, match=r"Limits\(head_timeout=None\)"):
        Limits(head_timeout=None)  # type: ignore[arg-type]
