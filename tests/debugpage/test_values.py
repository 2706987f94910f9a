"""Any value becomes a short text, whatever its own methods do."""

import asyncio
import types
from collections import OrderedDict, deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from sketch.debugpage.masking import MASK
from sketch.debugpage.values import VALUE_LENGTH, safely, shorten, show, show_named


def raising(error: BaseException) -> Any:
    class Broken:
        def __repr__(self) -> str:
            raise error

    return Broken()


SMALL: list[Any] = [
    None, True, 1, 1.5, "text", b"bytes", [1, "a"], (1,), (1, 2), {1}, {"a": 1}, [], (), set(), {},
    frozenset(), frozenset({1}), deque(), deque([1]), [[1, [2]]], object, range(3),
]  # fmt: skip


@pytest.mark.parametrize("value", SMALL)
def test_small_values_are_their_repr(value: object) -> None:
    assert show(value) == repr(value)


@pytest.mark.parametrize(
    "value",
    [
        "x" * 10**6,
        b"x" * 10**6,
        bytearray(10**6),
        memoryview(bytes(10**6)),
        list(range(10**6)),
        dict.fromkeys(range(10**6)),
        set(range(10**6)),
        [["x" * 1000] * 100] * 100,
        types.SimpleNamespace(text="x" * 10**6),
    ],
)
def test_large_values_are_cut(value: object) -> None:
    shown = show(value)
    assert 10 < len(shown) <= VALUE_LENGTH
    assert "…" in shown


def test_deep_values_are_cut() -> None:
    nested: list[Any] = []
    for _ in range(10000):
        nested = [nested]
    assert show(nested) == "[[[[…]]]]"
    circular: dict[str, Any] = {}
    circular["self"] = circular
    assert show(circular) == "{'self': {'self': {'self': {…}}}}"


@pytest.mark.parametrize(
    "error", [ValueError("x"), RecursionError(), SystemExit(3), asyncio.CancelledError(), GeneratorExit()]
)
def test_a_repr_that_fails_is_told(error: BaseException) -> None:
    assert show(raising(error)) == "<raising.<locals>.Broken whose repr fails>"
    assert show([raising(error)]).endswith("whose repr fails>")


def test_the_users_interrupt_goes_through() -> None:
    with pytest.raises(KeyboardInterrupt):
        show(raising(KeyboardInterrupt()))


def test_a_repr_that_is_no_string() -> None:
    class Broken:
        def __repr__(self) -> str:
            return 17  # type: ignore[return-value]

    assert "whose repr fails" in show(Broken())


def test_an_unbound_proxy() -> None:
    class Proxy:
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError("there is no request")

        def __repr__(self) -> str:
            return "<unbound>"

    assert show(Proxy()) == "<unbound>"
    assert show_named("current", Proxy()) == "<unbound>"


@pytest.mark.parametrize("name", ["password", "api_key", "token"])
def test_named_secrets(name: str) -> None:
    assert show_named(name, "gold") == MASK
    assert show_named(name, ["gold"]) == MASK
    assert show_named(name, None) == "None"
    assert show_named(name, "") == "''"
    assert show_named(name, False) == "False"


def test_secrets_inside() -> None:
    value = {"user": "a", "password": "gold", "nested": [{"token": b"gold"}], "empty_token": None}
    assert "gold" not in show(value)
    assert "'user': 'a'" in show(value)
    assert "'empty_token': None" in show(value)
    assert "gold" not in show(OrderedDict(password="gold"))
    assert show(CIMultiDict({"Authorization": "gold", "Host": "x"})).endswith("'Host': 'x'})")
    assert "gold" not in show(CIMultiDict({"Authorization": "gold"}))
    assert "gold" not in show(types.SimpleNamespace(secret="gold"))


def test_a_secret_that_the_cut_goes_through() -> None:
    padding = "x" * (VALUE_LENGTH - 30)
    assert "gold" not in show(types.SimpleNamespace(a=padding, password="gold" * 100))


@given(
    st.recursive(
        st.text() | st.binary() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_always_a_text_within_the_limit(value: object) -> None:
    # Masks replace values that may be shorter than they are.
    assert len(show(value)) <= VALUE_LENGTH * 4


def test_shorten() -> None:
    assert shorten("abc", 3) == "abc"
    assert shorten("abcd", 3) == "ab…"


def test_safely() -> None:
    assert safely(lambda: "made", "fallback") == "made"
    assert safely(lambda: str(1 // 0), "fallback") == "fallback"
