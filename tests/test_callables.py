"""What can be told of a callable without calling it."""

import functools
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from sketch.callables import describe, is_coroutine_function, is_plain_function, warn_registration
from sketch.signals import Signal


async def coroutine_function(value: object) -> object:
    return value


def plain_function(value: object) -> Awaitable[object]:
    return coroutine_function(value)


async def async_generator_function(value: object) -> AsyncIterator[object]:
    yield value


@functools.wraps(coroutine_function)
def decorated(value: object) -> Awaitable[object]:
    return coroutine_function(value)


class Receiver:
    async def __call__(self, value: object) -> None:
        pass

    async def method(self, value: object) -> None:
        pass

    def plain_method(self, value: object) -> None:
        pass


class PlainReceiver:
    def __call__(self, value: object) -> None:
        pass


ASYNC: list[Any] = [
    coroutine_function,
    decorated,
    Receiver(),
    Receiver().method,
    functools.partial(coroutine_function, 1),
    functools.partial(functools.partial(Receiver().method), 1),
]
PLAIN: list[Any] = [
    plain_function,
    PlainReceiver(),
    Receiver().plain_method,
    functools.partial(plain_function, 1),
]
NEITHER: list[Any] = [async_generator_function, lambda: coroutine_function(1), print, Receiver, 1, None]


@pytest.mark.parametrize("value", ASYNC)
def test_coroutine_functions(value: object) -> None:
    assert is_coroutine_function(value)
    assert not is_plain_function(value)


@pytest.mark.parametrize("value", PLAIN)
def test_plain_functions(value: object) -> None:
    assert is_plain_function(value)
    assert not is_coroutine_function(value)


@pytest.mark.parametrize("value", NEITHER)
def test_neither(value: object) -> None:
    assert not is_plain_function(value)
    assert not is_coroutine_function(value)


def test_describes_functions_with_their_place() -> None:
    line = coroutine_function.__code__.co_firstlineno
    expected = f"{__name__}.coroutine_function ({__file__}:{line})"
    assert describe(coroutine_function) == expected
    assert describe(functools.partial(coroutine_function, 1)) == expected
    assert describe(decorated) == expected


def test_describes_methods_and_callable_objects_by_their_method() -> None:
    assert describe(Receiver().method).startswith(f"{__name__}.Receiver.method (")
    assert describe(Receiver()).startswith(f"{__name__}.Receiver.__call__ (")


def test_describes_other_things_by_type() -> None:
    assert describe(Receiver) == f"class {__name__}.Receiver"
    assert describe("index") == "'index' of type str"
    assert len(describe("x" * 1000)) < 120


def test_describes_what_cannot_describe_itself() -> None:
    class Mute:
        def __repr__(self) -> str:
            raise ValueError("no")

    assert "whose repr fails" in describe(Mute())


def test_a_circle_of_wrapped_functions_ends() -> None:
    def function() -> None:
        pass

    function.__wrapped__ = function  # type: ignore[attr-defined]
    assert "function" in describe(function)


def test_a_warning_points_at_the_caller() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_registration("told")
    assert [(str(warning.message), warning.filename) for warning in caught] == [("told", __file__)]


@pytest.mark.parametrize("change", [Signal.append, Signal.extend])
def test_a_warning_looks_through_the_lists_of_the_package(change: Callable[[Any, Any], None]) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        change(Signal(), plain_function if change is Signal.append else [plain_function])
    assert [warning.filename for warning in caught] == [__file__]
