"""Values that no limit can have are refused where they are given, and not by whoever meets them later."""

import math
from dataclasses import fields
from typing import Any

import pytest

from sketch.http.limits import DEFAULT_LIMITS, Limits

NAMES = [field.name for field in fields(Limits)]
TIMES = [name for name in NAMES if isinstance(getattr(DEFAULT_LIMITS, name), float)]
COUNTS = ["connections", "connections_per_peer", "requests"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [-1, math.nan, "1", True])
def test_what_no_limit_is(name: str, value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=rf"^Limits\.{name} must"):
        Limits(**{name: value})


@pytest.mark.parametrize("name", NAMES)
def test_only_some_can_be_lifted(name: str) -> None:
    if name in COUNTS:
        assert getattr(Limits(**{name: None}), name) is None
        # Nobody could be served at all.
        with pytest.raises(ValueError, match=rf"^Limits\.{name} must be at least 1, or None"):
            Limits(**{name: 0})
    else:
        with pytest.raises(TypeError, match=rf"^Limits\.{name} must"):
            Limits(**{name: None})


@pytest.mark.parametrize("name", TIMES)
def test_times_without_end(name: str) -> None:
    """But for those that become a timer of the event loop's, or a number of seconds for a client."""
    if name in ("tls_handshake_timeout", "queue_timeout"):
        with pytest.raises(ValueError, match=rf"^Limits\.{name} must be finite"):
            Limits(**{name: math.inf})
    else:
        assert getattr(Limits(**{name: math.inf}), name) == math.inf


def test_a_handshake_takes_time() -> None:
    """Event loops know no other value, and say so at the first connection."""
    with pytest.raises(ValueError, match=r"^Limits\.tls_handshake_timeout must be more than 0"):
        Limits(tls_handshake_timeout=0)


def test_a_size_is_a_number_of_bytes() -> None:
    wrong: Any = math.inf
    with pytest.raises(TypeError, match=r"^Limits\.write_buffer must be an int"):
        Limits(write_buffer=wrong)
