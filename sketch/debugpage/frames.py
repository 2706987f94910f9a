"""The frames of a traceback as values: places, source lines, variables.

A frame is in *focus* when it is the programmer's own code, and not the standard library's, an installed
package's or this one's; if no frame is, the innermost one.
"""

import linecache
import os
import sys
import types
from collections.abc import Iterator
from itertools import groupby, islice
from typing import Final, NamedTuple

from .masking import hide_literals
from .values import shorten, show_named

FIRST_FRAMES: Final = 8
LAST_FRAMES: Final = 24
"""A longer traceback is folded in its middle: mutual recursion fills it."""

REPETITIONS: Final = 5
"""More frames at the same line of the same function, one after the other, are folded."""

VARIABLES: Final = 30
"""Variables shown of one frame."""

LINE_LENGTH: Final = 200
"""Characters of one source line."""

_CONTEXT: Final = 3
_LIBRARY_CONTEXT: Final = 1
_MARKED_LINES: Final = 8
_TAB: Final = 4


class SourceLine(NamedTuple):
    """One line of source.

    ``is_current``
        whether the frame stands at it.
    ``mark``
        the characters of ``text`` that were being executed, as start and end, where that is known and
        narrower than the line.
    """

    number: int
    text: str
    is_current: bool = False
    mark: tuple[int, int] | None = None


class Variable(NamedTuple):
    """A local variable, its value already as a text."""

    name: str
    value: str


class Frame(NamedTuple):
    """One frame. ``path`` is what the code says of its file, ``place`` the same for the eye."""

    path: str
    place: str
    line: int
    function: str
    package: str
    in_focus: bool
    source: tuple[SourceLine, ...] = ()
    variables: tuple[Variable, ...] = ()
    variables_omitted: int = 0


class Folded(NamedTuple):
    """Stands for ``number`` frames that are left out."""

    number: int


class Allowance:
    """How much may still be shown in one report, whatever its parts ask for."""

    __slots__ = ("exceptions", "variables")

    def __init__(self, *, exceptions: int, variables: int) -> None:
        self.exceptions = exceptions
        self.variables = variables


def collect_frames(traceback: types.TracebackType | None, allowance: Allowance) -> tuple[Frame | Folded, ...]:
    """The frames of ``traceback``, outermost first. Variables count against ``allowance``."""
    steps = list(_walk(traceback))
    focused = {id(step) for step in steps if _is_own_code(step.tb_frame.f_code.co_filename)}
    if steps and not focused:
        focused.add(id(steps[-1]))
    # From the inside, so that the frames nearest to the error get the variables.
    frames = [
        entry if isinstance(entry, Folded) else _collect_frame(entry, id(entry) in focused, allowance)
        for entry in reversed(_fold_middle(_fold_repetitions(steps)))
    ]
    return tuple(reversed(frames))


def _fold_repetitions(steps: list[types.TracebackType]) -> list[types.TracebackType | Folded]:
    """Leave out all but the ends of a run of frames that stand at the same line of the same function."""
    entries: list[types.TracebackType | Folded] = []
    for _, group in groupby(steps, lambda step: (step.tb_frame.f_code, step.tb_lineno)):
        run = list(group)
        if len(run) <= REPETITIONS:
            entries += run
        else:
            entries += [*run[:2], Folded(len(run) - 3), run[-1]]
    return entries


def _fold_middle(entries: list[types.TracebackType | Folded]) -> list[types.TracebackType | Folded]:
    """Leave out the middle of what is still too long."""
    if len(entries) <= FIRST_FRAMES + LAST_FRAMES + 1:
        return entries
    middle = entries[FIRST_FRAMES:-LAST_FRAMES]
    count = sum(entry.number if isinstance(entry, Folded) else 1 for entry in middle)
    return [*entries[:FIRST_FRAMES], Folded(count), *entries[-LAST_FRAMES:]]


def _walk(traceback: types.TracebackType | None) -> Iterator[types.TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _collect_frame(step: types.TracebackType, in_focus: bool, allowance: Allowance) -> Frame:
    frame = step.tb_frame
    code = frame.f_code
    line = step.tb_lineno or code.co_firstlineno
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename, frame.f_globals)
    context = _CONTEXT if in_focus else _LIBRARY_CONTEXT
    variables, omitted = _collect_variables(frame, allowance) if in_focus else ((), 0)
    return Frame(
        path=code.co_filename,
        place=shorten_path(code.co_filename),
        line=line,
        function=code.co_qualname.replace("<locals>.", ""),
        package=_package(frame, code.co_filename),
        in_focus=in_focus,
        source=excerpt(lines, Span.of_instruction(code, step.tb_lasti, line), context, _lines_of(code)),
        variables=variables,
        variables_omitted=omitted,
    )


# -- whose code ----------------------------------------------------------------------------------------------

_OWN_PACKAGE: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_STANDARD_LIBRARY: Final = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_INSTALLED: Final = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


def _is_own_code(path: str) -> bool:
    """Whether the file at ``path`` is the programmer's."""
    if path.startswith(("<frozen ", "<__array_function__", _OWN_PACKAGE)):
        return False
    return not path.startswith(_STANDARD_LIBRARY) and not any(part in path for part in _INSTALLED)


def shorten_path(path: str) -> str:
    """``path`` as one would say it: from the working directory, or from where packages are installed."""
    for part in _INSTALLED:
        if part in path:
            return path.rpartition(part)[2]
    for root in (os.path.dirname(_OWN_PACKAGE[:-1]) + os.sep, _STANDARD_LIBRARY):
        if path.startswith(root) and not _is_own_code(path):
            return path[len(root) :]
    try:
        root = os.path.join(os.getcwd(), "")
    except OSError:
        return path
    return path[len(root) :] if path.startswith(root) else path


def _package(frame: types.FrameType, path: str) -> str:
    name = frame.f_globals.get("__name__")
    return name.partition(".")[0] if isinstance(name, str) and name else os.path.basename(path)


# -- source --------------------------------------------------------------------------------------------------


class Span(NamedTuple):
    """A stretch of a file: lines from 1; columns in characters from 0, ``None`` where unknown."""

    line: int
    end_line: int
    column: int | None = None
    end_column: int | None = None
    columns_are_bytes: bool = False

    @classmethod
    def of_instruction(cls, code: types.CodeType, offset: int, line: int) -> "Span":
        """What the instruction at ``offset`` was compiled from (PEP 657), or only its ``line``."""
        positions = next(islice(code.co_positions(), offset // 2, None), None) if offset >= 0 else None
        if positions is None or None in positions or positions[0] != line:
            return cls(line, line)
        _, end_line, column, end_column = positions
        return cls(line, end_line or line, column, end_column, columns_are_bytes=True)


def _lines_of(code: types.CodeType) -> range:
    """The lines of a function; all lines for a lambda or a comprehension, which have no context of their
    own."""
    if code.co_name.startswith("<"):
        return range(1, sys.maxsize)
    last = max((line for _, _, line in code.co_lines() if line is not None), default=sys.maxsize)
    return range(code.co_firstlineno, last + 1)


def excerpt(
    lines: list[str], span: Span, context: int, within: range = range(1, sys.maxsize)
) -> tuple[SourceLine, ...]:
    """The lines of ``span`` and ``context`` lines around it, as far as they are ``within``; the indentation
    that all of them share is left out."""
    if not 1 <= span.line <= len(lines):
        return ()
    end_line = min(max(span.end_line, span.line), span.line + _MARKED_LINES, len(lines))
    first = max(1, min(span.line, max(span.line - context, within.start)))
    last = min(len(lines), max(end_line, min(end_line + context, within.stop - 1)))
    numbers = _without_blank_ends(lines, range(first, last + 1), span.line)
    indentation = _shared_indentation([lines[number - 1] for number in numbers])
    return tuple(_source_line(lines[number - 1], number, span, end_line, indentation) for number in numbers)


def _without_blank_ends(lines: list[str], numbers: range, current: int) -> range:
    first, last = numbers[0], numbers[-1]
    while first < current and not lines[first - 1].strip():
        first += 1
    while last > current and not lines[last - 1].strip():
        last -= 1
    return range(first, last + 1)


def _shared_indentation(lines: list[str]) -> int:
    widths = [len(text) - len(text.lstrip()) for line in lines if (text := _expand(line)).strip()]
    return min(widths, default=0)


def _source_line(line: str, number: int, span: Span, end_line: int, indentation: int) -> SourceLine:
    text = shorten(_expand(line)[indentation:], LINE_LENGTH)
    shown = hide_literals(text)
    if not span.line <= number <= end_line:
        return SourceLine(number, shown)
    mark = None
    if shown == text and span.column is not None and span.end_column is not None:
        start = _column(line, span.column, span) - indentation if number == span.line else 0
        end = _column(line, span.end_column, span) - indentation if number == span.end_line else len(text)
        mark = _worth_marking(text, start, end)
    return SourceLine(number, shown, is_current=True, mark=mark)


def _worth_marking(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The mark within the text and without white space, unless it says no more than the line does."""
    end = min(end, len(text))
    start = max(start, 0)
    inner = text[start:end]
    start += len(inner) - len(inner.lstrip())
    end -= len(inner) - len(inner.rstrip())
    if start >= end or text[start:end] == text.strip():
        return None
    return start, end


def _expand(line: str) -> str:
    return line.rstrip("\r\n").expandtabs(_TAB).rstrip()


def _column(line: str, column: int, span: Span) -> int:
    """Where ``column`` of the line as it is in the file comes to stand in the line as it is shown."""
    if span.columns_are_bytes and not line.isascii():
        column = len(line.encode("utf-8", "replace")[:column].decode("utf-8", "replace"))
    return len(line[:column].expandtabs(_TAB))


# -- variables -----------------------------------------------------------------------------------------------


def _collect_variables(frame: types.FrameType, allowance: Allowance) -> tuple[tuple[Variable, ...], int]:
    """The variables of a frame in the order of their appearance, and how many more there were."""
    try:
        local = dict(frame.f_locals)
    except Exception:
        # A class body's namespace may be any mapping, with any mistakes.
        return (), 0
    # By the type and not by `isinstance`: that asks an unbound proxy for its `__class__`.
    found = {
        name: value
        for name, value in local.items()
        if not name.startswith(("__", ".")) and not issubclass(type(value), types.ModuleType)
    }
    count = min(len(found), VARIABLES, allowance.variables)
    allowance.variables -= count
    shown = [Variable(name, show_named(name, value)) for name, value in islice(found.items(), count)]
    return tuple(shown), len(found) - count
