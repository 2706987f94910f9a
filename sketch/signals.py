"""Lists of callables that an application runs at set moments, closed once it has started.

`Signal` sends to its receivers in order; `CleanupContext` enters at start-up and leaves, in the opposite
order, at the end. What the moments are is the application's business.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, MutableSequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, NoReturn, TypeVar, TypeVarTuple, cast, overload

from .callables import describe, is_plain_function, warn_registration

T = TypeVar("T")
R = TypeVar("R")
Ts = TypeVarTuple("Ts")


class FrozenList(MutableSequence[T]):
    """A list that can be closed against change for good (aiohttp documentation, ``FrozenList``)."""

    __slots__ = ("_frozen", "_items")

    def __init__(self, items: Iterable[T] = ()) -> None:
        self._frozen = False
        self._items: list[T] = []
        self.extend(items)

    @property
    def frozen(self) -> bool:
        """Whether `freeze` was called."""
        return self._frozen

    def freeze(self) -> None:
        """Refuse every change from now on, with `RuntimeError`. There is no way back."""
        self._frozen = True

    def check(self, item: T) -> None:
        """Look at an item before it enters the list; subclasses raise here what they do not take."""

    def insert(self, index: int, value: T) -> None:
        """Put ``value`` before position ``index``. Raises `RuntimeError` when frozen."""
        self._require_open()
        self.check(value)
        self._items.insert(index, value)

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> list[T]: ...

    def __getitem__(self, index: int | slice) -> T | list[T]:
        return self._items[index]

    @overload
    def __setitem__(self, index: int, value: T) -> None: ...

    @overload
    def __setitem__(self, index: slice, value: Iterable[T]) -> None: ...

    def __setitem__(self, index: int | slice, value: T | Iterable[T]) -> None:
        self._require_open()
        if isinstance(index, slice):
            items = list(cast("Iterable[T]", value))
            for item in items:
                self.check(item)
            self._items[index] = items
        else:
            self.check(cast("T", value))
            self._items[index] = cast("T", value)

    def __delitem__(self, index: int | slice) -> None:
        self._require_open()
        del self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        return iter(self._items)

    def __eq__(self, other: object) -> bool:
        return self._items == (other._items if isinstance(other, FrozenList) else other)

    def __hash__(self) -> int:
        """The hash of the items. Raises `RuntimeError` while they can still change."""
        if not self._frozen:
            raise RuntimeError("a list that is not frozen has no hash")
        return hash(tuple(self._items))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}(frozen={self._frozen}, {self._items!r})>"

    def _require_open(self) -> None:
        if self._frozen:
            raise RuntimeError(f"cannot change this {type(self).__name__}: it is frozen")


class Signal(FrozenList[Callable[[*Ts], Awaitable[object]]]):
    """Coroutine functions that are awaited one after the other (aiohttp documentation, ``Signal``).

    ``owner``
        whose signal it is, for ``repr``.
    """

    __slots__ = ("_owner",)

    def __init__(self, owner: object = None) -> None:
        super().__init__()
        self._owner = owner

    def check(self, item: Callable[[*Ts], Awaitable[object]]) -> None:
        """Raise `TypeError` for what cannot be a receiver; warn about a plain ``def``."""
        if not callable(item):
            _refuse_uncallable(item, "a receiver of a signal", "async def on_startup(app): ...")
        if inspect.isasyncgenfunction(item):
            raise TypeError(
                f"{describe(item)} is an async generator function; a signal takes coroutine functions. "
                "Append it to app.cleanup_ctx instead"
            )
        if is_plain_function(item):
            warn_registration(
                f"{describe(item)} is a plain function; what it returns is going to be awaited. "
                'Write "async def" in place of "def"'
            )

    async def send(self, *args: *Ts, **kwargs: Any) -> None:
        """Await every receiver with these arguments, in order.

        The first exception ends the round and is passed on; so does cancellation. Raises
        `RuntimeError` when the signal is not frozen, `TypeError` when a receiver's result cannot be
        awaited.
        """
        if not self._frozen:
            raise RuntimeError("cannot send a signal before it is frozen")
        for receiver in self._items:
            result = receiver(*args, **kwargs)
            if not inspect.isawaitable(result):
                raise TypeError(
                    f"{describe(receiver)} returned {type(result).__qualname__}, which cannot be "
                    'awaited. Write "async def" in place of "def"'
                )
            await result

    def __call__(self, function: Callable[[*Ts], Awaitable[R]]) -> Callable[[*Ts], Awaitable[R]]:
        """Append ``function`` and return it: a signal works as a decorator."""
        self.append(function)
        return function

    def __repr__(self) -> str:
        return f"<Signal owner={self._owner!r}, frozen={self._frozen}, {self._items!r}>"


class CleanupError(RuntimeError):
    """Several cleanup contexts failed at the end. ``args`` is a message and the exceptions."""

    @property
    def exceptions(self) -> list[BaseException]:
        """What failed, in the order in which it did."""
        return cast("list[BaseException]", self.args[1])


CleanupCallable = Callable[[Any], AbstractAsyncContextManager[Any]] | Callable[[Any], AsyncIterator[Any]]
"""A function of the application: an async generator function with one ``yield``, or one that returns an
async context manager."""


class CleanupContext(FrozenList[CleanupCallable]):
    """Resources that live as long as the application (aiohttp documentation, ``cleanup_ctx``)."""

    __slots__ = ("_entered",)

    def __init__(self) -> None:
        super().__init__()
        self._entered: list[AbstractAsyncContextManager[Any]] = []

    def check(self, item: CleanupCallable) -> None:
        """Raise `TypeError` for what cannot be a cleanup context."""
        example = "async def database(app): ...; yield; ..."
        if not callable(item):
            _refuse_uncallable(item, "a cleanup context", example)
        if inspect.iscoroutinefunction(item):
            raise TypeError(
                f'{describe(item)} is a coroutine function without "yield". Put a "yield" between '
                f"set-up and clean-up ({example}), or append it to app.on_startup"
            )

    async def enter(self, app: Any) -> None:
        """Enter every context in order; what was entered before a failure stays for `leave`.

        Exceptions and cancellation pass through.
        """
        for function in self._items:
            if inspect.isasyncgenfunction(function):
                context: Any = asynccontextmanager(function)(app)
            else:
                context = function(app)
                if not isinstance(context, AbstractAsyncContextManager):
                    context = _from_iterator(function, context)
            await context.__aenter__()
            self._entered.append(context)

    async def leave(self, app: Any) -> None:
        """Leave what was entered, last first, each of them even if others fail.

        A single failure is raised as it is, several as one `CleanupError`. Cancellation counts as the
        failure of the context that it met.
        """
        failures: list[BaseException] = []
        while self._entered:
            try:
                await self._entered.pop().__aexit__(None, None, None)
            except (Exception, asyncio.CancelledError) as error:
                failures.append(error)
        if len(failures) == 1:
            raise failures[0]
        if failures:
            raise CleanupError(f"{len(failures)} cleanup contexts failed", failures)


def _from_iterator(function: Any, result: object) -> AbstractAsyncContextManager[Any]:
    """A context from a plain function that returned an async generator which it had from elsewhere."""
    if not isinstance(result, AsyncIterator):
        raise TypeError(
            f"{describe(function)} returned {type(result).__qualname__}; a cleanup context is an async "
            "generator function with one yield, or returns an async context manager"
        )
    return asynccontextmanager(lambda: result)()


def _refuse_uncallable(value: object, role: str, example: str) -> NoReturn:
    if inspect.iscoroutine(value):
        value.close()
        raise TypeError(
            f"{value.__qualname__}(...) is a coroutine, not {role}: it was called already. "
            f"Append the function itself, {value.__name__}, without the parentheses"
        )
    if inspect.isasyncgen(value):
        raise TypeError(
            f"{value.__qualname__}(...) is an async generator, not {role}: it was called already. "
            f"Append the function itself, {value.__name__}, without the parentheses"
        )
    raise TypeError(
        f"{describe(value)} is not callable, so it cannot be {role}. Append a function: {example}"
    )
