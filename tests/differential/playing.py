"""One program on two frameworks, without a server: what it saw, and what it was warned of.

A program is a function ``def program(web, note)``, or a coroutine function, which uses the names of ``web``
and notes what it finds. ``note(value)`` keeps a value as text; ``note.try_(call)`` keeps what a call returns,
or the class of what it raises. Warnings are kept with the line of the program that they point at.
"""

import asyncio
import inspect
import re
import sys
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import aiohttp.web

import sketch.web

Program = Callable[[Any, "Notes"], Any]

_ADDRESS = re.compile(r"0x[0-9a-f]+")


class Notes:
    """What a program saw."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, *values: object) -> None:
        text = ", ".join(map(_show, values))
        self.seen.append(_ADDRESS.sub("0x", text))

    def try_(self, call: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        """Note what a call returns, or the class of what it raises; the value is returned."""
        try:
            result = call(*arguments, **keywords)
        except Exception as error:
            self(_kind(error))
            return None
        self(result)
        return result

    async def await_(self, call: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        """`try_` for what has to be awaited."""
        try:
            result = await call(*arguments, **keywords)
        except Exception as error:
            self(_kind(error))
            return None
        self(result)
        return result


def _kind(error: Exception) -> str:
    # What aiohttp asserts is checked here by other means: see docs/aiohttp.md.
    kinds = (AssertionError, TypeError, ValueError, RuntimeError)
    wrong = isinstance(error, kinds)
    return "refused" if wrong else type(error).__name__


def _show(value: object) -> str:
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, dict | set | frozenset):
        return str(sorted(value, key=str))
    return str(value)


class Played(NamedTuple):
    """What came of a program. Warnings: their category, and the line of the program, or 0."""

    seen: list[str]
    warned: list[tuple[str, int]]


def play(web: Any, program: Program) -> Played:
    """Run a program with the names of one framework."""
    notes = Notes()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if inspect.iscoroutinefunction(program):
            asyncio.run(program(web, notes))
        else:
            program(web, notes)
    file = sys.modules[program.__module__].__file__
    warned = [(each.category.__name__, each.lineno if each.filename == file else 0) for each in caught]
    return Played(notes.seen, warned)


def play_both(program: Program) -> tuple[Played, Played]:
    """What came of a program with aiohttp, and with sketch."""
    return play(aiohttp.web, program), play(sketch.web, program)


def assert_alike(program: Program) -> None:
    """Fail unless a program sees the same, and is warned of the same, with both."""
    theirs, ours = play_both(program)
    assert ours.seen == theirs.seen
    assert [category for category, _ in ours.warned] == [category for category, _ in theirs.warned]
    # A warning that points into aiohttp helps nobody; ours may point at the program there.
    assert all(line in (at, 0) for (_, at), (_, line) in zip(ours.warned, theirs.warned, strict=True))
