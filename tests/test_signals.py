"""Signals and cleanup contexts: order, freezing, failures, and what is said at registration."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiosignal
import pytest
from frozenlist import FrozenList as ReferenceList
from hypothesis import given
from hypothesis import strategies as st

from sketch.signals import CleanupContext, CleanupError, FrozenList, Signal

Log = list[str]


# -- FrozenList ------------------------------------------------------------------------------------------

CHANGES: list[Callable[[Any], object]] = [
    lambda items: items.append(1),
    lambda items: items.insert(0, 1),
    lambda items: items.extend([1]),
    lambda items: items.__iadd__([1]),
    lambda items: items.__setitem__(0, 1),
    lambda items: items.__setitem__(slice(0, 1), [1]),
    lambda items: items.__delitem__(0),
    lambda items: items.pop(),
    lambda items: items.remove(7),
    lambda items: items.clear(),
    lambda items: items.reverse(),
]


@pytest.mark.parametrize("change", CHANGES)
def test_changes_as_a_list_until_it_is_frozen(change: Callable[[Any], object]) -> None:
    ours, theirs = FrozenList([7, 8]), ReferenceList([7, 8])
    change(ours)
    change(theirs)
    assert list(ours) == list(theirs)


@pytest.mark.parametrize("change", CHANGES)
def test_refuses_changes_once_frozen(change: Callable[[Any], object]) -> None:
    items = FrozenList([7, 8])
    items.freeze()
    with pytest.raises(RuntimeError, match="frozen"):
        change(items)
    assert items == [7, 8]


@given(st.lists(st.integers()), st.integers(-5, 5), st.integers())
def test_inserts_where_a_list_does(values: list[int], index: int, value: int) -> None:
    ours = FrozenList(values)
    ours.insert(index, value)
    values.insert(index, value)
    assert ours == values
    assert ours == FrozenList(values)
    assert ours[1:] == values[1:]


def test_has_a_hash_when_frozen() -> None:
    items = FrozenList([1, 2])
    with pytest.raises(RuntimeError):
        hash(items)
    items.freeze()
    assert items.frozen
    assert hash(items) == hash((1, 2))
    assert repr(items) == "<FrozenList(frozen=True, [1, 2])>"


# -- Signal ----------------------------------------------------------------------------------------------


def test_sends_in_order_with_arguments() -> None:
    async def main() -> list[tuple[str, Any, Any]]:
        received: list[tuple[str, Any, Any]] = []

        async def first(app: str, *, key: int) -> None:
            await asyncio.sleep(0)
            received.append(("first", app, key))

        async def second(app: str, *, key: int) -> None:
            received.append(("second", app, key))

        signal: Signal[str] = Signal("owner")
        signal.append(first)  # type: ignore[arg-type]
        signal.append(second)  # type: ignore[arg-type]
        signal.freeze()
        await signal.send("app", key=1)
        return received

    assert asyncio.run(main()) == [("first", "app", 1), ("second", "app", 1)]


@pytest.mark.parametrize("kind", [Signal, aiosignal.Signal])
def test_is_not_sent_before_it_is_frozen(kind: Any) -> None:
    with pytest.raises(RuntimeError):
        asyncio.run(kind("owner").send())


def test_the_first_failure_ends_the_round() -> None:
    reached: Log = []

    async def failing() -> None:
        raise ValueError("first")

    async def late() -> None:
        reached.append("late")

    signal: Signal[()] = Signal()
    signal.extend([failing, late])
    signal.freeze()
    with pytest.raises(ValueError, match="first"):
        asyncio.run(signal.send())
    assert reached == []


def test_works_as_a_decorator() -> None:
    signal: Signal[()] = Signal()

    @signal
    async def receiver() -> None:
        pass

    assert signal == [receiver]


def test_shows_its_owner() -> None:
    assert repr(Signal("shop")) == "<Signal owner='shop', frozen=False, []>"


@pytest.mark.parametrize("value", [None, "on_startup", 17])
def test_an_uncallable_receiver_is_named_when_it_is_appended(value: Any) -> None:
    with pytest.raises(TypeError) as caught:
        Signal().append(value)
    assert repr(value) in str(caught.value)
    assert "async def" in str(caught.value)


def test_a_receiver_that_was_called_already() -> None:
    async def connect() -> None:
        pass

    with pytest.raises(TypeError, match="connect, without the parentheses"):
        Signal().append(connect())  # type: ignore[arg-type]


def test_an_async_generator_function_belongs_to_cleanup_ctx() -> None:
    async def database(app: object) -> AsyncIterator[None]:
        yield

    with pytest.raises(TypeError, match="cleanup_ctx"):
        Signal().append(database)  # type: ignore[arg-type]


def test_a_plain_function_is_told_when_appended_and_when_sent() -> None:
    def connect(app: object) -> None:
        pass

    signal: Signal[object] = Signal()
    with pytest.warns(UserWarning, match='connect.*"async def"') as caught:
        signal.append(connect)  # type: ignore[arg-type]
    assert caught[0].filename == __file__
    signal.freeze()
    with pytest.raises(TypeError, match="connect.*returned NoneType"):
        asyncio.run(signal.send("app"))


def test_a_lambda_that_returns_an_awaitable_is_welcome() -> None:
    received: Log = []

    async def receiver(app: str) -> None:
        received.append(app)

    signal: Signal[()] = Signal()
    signal.append(lambda: receiver("app"))
    signal.freeze()
    asyncio.run(signal.send())
    assert received == ["app"]


# -- CleanupContext --------------------------------------------------------------------------------------


def generator(
    log: Log, name: str, error: BaseException | None = None
) -> Callable[[Any], AsyncIterator[None]]:
    async def resource(app: Any) -> AsyncIterator[None]:
        log.append(f"+{name}")
        yield
        log.append(f"-{name}")
        if error is not None:
            raise error

    return resource


def run(context: CleanupContext) -> None:
    async def main() -> None:
        try:
            await context.enter("app")
        finally:
            await context.leave("app")

    asyncio.run(main())


def test_leaves_in_the_opposite_order() -> None:
    log: Log = []
    context = CleanupContext()
    context.append(generator(log, "a"))
    context.append(asynccontextmanager(generator(log, "b")))
    context.append(lambda app: asynccontextmanager(generator(log, "c"))(app))
    run(context)
    assert log == ["+a", "+b", "+c", "-c", "-b", "-a"]


def test_a_plain_function_may_return_an_async_generator() -> None:
    log: Log = []
    context = CleanupContext()
    context.append(lambda app: generator(log, "a")(app))
    run(context)
    assert log == ["+a", "-a"]


def test_what_had_started_is_left_when_a_later_one_fails() -> None:
    log: Log = []

    async def failing(app: object) -> AsyncIterator[None]:
        raise ValueError("no database")
        yield

    context = CleanupContext()
    context.extend([generator(log, "a"), failing, generator(log, "c")])
    with pytest.raises(ValueError, match="no database"):
        run(context)
    assert log == ["+a", "-a"]


def test_leaves_once() -> None:
    log: Log = []
    context = CleanupContext()
    context.append(generator(log, "a"))
    run(context)
    asyncio.run(context.leave("app"))
    assert log == ["+a", "-a"]


def test_a_single_failure_is_raised_as_it_is() -> None:
    log: Log = []
    error = ValueError("one")
    context = CleanupContext()
    context.extend([generator(log, "a"), generator(log, "b", error), generator(log, "c")])
    with pytest.raises(ValueError) as caught:
        run(context)
    assert caught.value is error
    assert log[-3:] == ["-c", "-b", "-a"]


def test_several_failures_are_told_together() -> None:
    errors: list[BaseException] = [ValueError("one"), asyncio.CancelledError(), OSError("three")]
    context = CleanupContext()
    context.extend([generator([], str(number), error) for number, error in enumerate(errors)])
    with pytest.raises(CleanupError) as caught:
        run(context)
    assert caught.value.exceptions == errors[::-1]
    assert isinstance(caught.value, RuntimeError)


def test_a_generator_with_two_yields_fails() -> None:
    async def twice(app: object) -> AsyncIterator[None]:
        yield
        yield

    context = CleanupContext()
    context.append(twice)
    with pytest.raises(RuntimeError, match="didn't stop"):
        run(context)


def test_a_coroutine_function_is_told_to_yield() -> None:
    async def connect(app: object) -> None:
        pass

    with pytest.raises(TypeError, match="on_startup"):
        CleanupContext().append(connect)  # type: ignore[arg-type]


def test_a_generator_that_was_called_already() -> None:
    with pytest.raises(TypeError, match="resource, without the parentheses"):
        CleanupContext().append(generator([], "a")("app"))  # type: ignore[arg-type]


def test_a_function_that_returns_no_context_is_named() -> None:
    context = CleanupContext()
    context.append(lambda app: None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="lambda.*returned NoneType"):
        run(context)
