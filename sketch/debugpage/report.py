"""What is to be told of a failure: the exception with all that belongs to it, and the request.

Everything in a report is a bounded text or number. Collecting never raises, whatever the exception's and
the request's own methods do.
"""

import sys
import traceback
from collections.abc import Callable, Iterable
from enum import Enum
from itertools import islice
from typing import Any, Final, NamedTuple

from ..callables import describe
from .frames import Allowance, Folded, Frame, SourceLine, Span, collect_frames, excerpt, shorten_path
from .masking import MASK, hide_credentials, hide_values, is_secret
from .values import safely, shorten

EXCEPTIONS: Final = 16
"""Exceptions in one report, causes and members of groups together."""

ALL_VARIABLES: Final = 300
"""Variables in one report."""

NOTES: Final = 10
MESSAGE_LENGTH: Final = 4000
TARGET_LENGTH: Final = 2000
FIELD_LENGTH: Final = 1000
FIELDS: Final = 60


class Link(Enum):
    """Why an exception is told of."""

    RAISED = "raised"
    CAUSE = "cause"
    CONTEXT = "context"


class ExceptionReport(NamedTuple):
    """One exception.

    ``frames``
        outermost first.
    ``members``
        of an exception group: each one with its own chain.
    ``omitted``
        how many members, or earlier exceptions, are left out.
    """

    link: Link
    kind: str
    message: str
    notes: tuple[str, ...] = ()
    frames: tuple[Frame | Folded, ...] = ()
    members: tuple["Chain", ...] = ()
    omitted: int = 0


Chain = tuple[ExceptionReport, ...]
"""An exception, then what caused it or was being handled when it was raised, and so on back."""


class Section(NamedTuple):
    """A titled list of names and values."""

    title: str
    items: tuple[tuple[str, str], ...]


class RequestReport(NamedTuple):
    """The request: its line, who sent it, which handler was to answer it, and its parts."""

    method: str
    target: str
    version: str
    remote: str
    handler: str
    sections: tuple[Section, ...] = ()


class Report(NamedTuple):
    """All that a page tells."""

    chain: Chain
    request: RequestReport
    python: str = sys.version.partition(" ")[0]


def collect_report(exception: BaseException, request: Any) -> Report:
    """Collect what is to be told of ``exception``, met while ``request`` was answered."""
    allowance = Allowance(exceptions=EXCEPTIONS, variables=ALL_VARIABLES)
    chain = _collect_chain(exception, allowance, set())
    return Report(chain, _collect_request(request))


# -- exceptions ----------------------------------------------------------------------------------------------


def _collect_chain(exception: BaseException, allowance: Allowance, seen: set[int]) -> Chain:
    reports: list[ExceptionReport] = []
    current: BaseException | None = exception
    link = Link.RAISED
    while current is not None and id(current) not in seen:
        if allowance.exceptions <= 0:
            if reports:
                reports[-1] = reports[-1]._replace(omitted=reports[-1].omitted + 1)
            break
        allowance.exceptions -= 1
        seen.add(id(current))
        reports.append(_collect_exception(current, link, allowance, seen))
        current, link = _earlier(current)
    return tuple(reports)


def _earlier(exception: BaseException) -> tuple[BaseException | None, Link]:
    if exception.__cause__ is not None:
        return exception.__cause__, Link.CAUSE
    if exception.__suppress_context__:
        return None, Link.CONTEXT
    return exception.__context__, Link.CONTEXT


def _collect_exception(
    exception: BaseException, link: Link, allowance: Allowance, seen: set[int]
) -> ExceptionReport:
    frames = collect_frames(exception.__traceback__, allowance)
    if isinstance(exception, SyntaxError):
        frames += _syntax_frame(exception)
    members: list[Chain] = []
    inner = exception.exceptions if isinstance(exception, BaseExceptionGroup) else ()
    for member in inner:
        if allowance.exceptions <= 0:
            break
        members.append(_collect_chain(member, allowance, seen))
    return ExceptionReport(
        link=link,
        kind=_kind(exception),
        message=_message(exception),
        notes=_notes(exception),
        frames=frames,
        members=tuple(chain for chain in members if chain),
        omitted=len(inner) - len(members),
    )


def _kind(exception: BaseException) -> str:
    kind = type(exception)
    module = str(kind.__module__)
    return kind.__qualname__ if module in ("builtins", "__main__") else f"{module}.{kind.__qualname__}"


def _message(exception: BaseException) -> str:
    return _text(safely(lambda: _with_suggestion(exception), "") or exception)


def _with_suggestion(exception: BaseException) -> str:
    """The message with Python's "Did you mean", which is not part of the exception itself."""
    if not isinstance(exception, NameError | AttributeError | ImportError):
        return ""
    summary = traceback.TracebackException(
        type(exception), exception, exception.__traceback__, limit=0, lookup_lines=False, compact=True
    )
    return "".join(summary.format_exception_only()).strip().partition(": ")[2]


def _notes(exception: BaseException) -> tuple[str, ...]:
    notes = exception.__dict__.get("__notes__")
    if not isinstance(notes, list):
        return ()
    return tuple(_text(note) for note in notes[:NOTES])


def _text(value: object) -> str:
    text = safely(lambda: str(value), f"<{type(value).__qualname__} whose str fails>")
    return hide_credentials(shorten(text, MESSAGE_LENGTH))


def _syntax_frame(exception: SyntaxError) -> tuple[Frame, ...]:
    """The place that a `SyntaxError` speaks of, as if it were the innermost frame."""
    line, path, text = exception.lineno, exception.filename, exception.text
    if not isinstance(line, int) or not isinstance(path, str):
        return ()
    column, end_column = exception.offset, exception.end_offset
    start = column - 1 if isinstance(column, int) and column > 0 else None
    end = end_column - 1 if isinstance(end_column, int) and end_column > 0 else None
    if start is not None and (end is None or end <= start):
        end = start + 1
    source: tuple[SourceLine, ...] = ()
    if isinstance(text, str):
        source = tuple(shown._replace(number=line) for shown in excerpt([text], Span(1, 1, start, end), 0))
    place = shorten_path(path)
    return (Frame(path, place, line, "", place, in_focus=True, source=source),)


# -- the request ---------------------------------------------------------------------------------------------


def _collect_request(request: Any) -> RequestReport:
    sections = (
        _collect_section("Path parameters", lambda: request.match_info.items()),
        _collect_section("Query", lambda: request.query.items()),
        _collect_section("Headers", lambda: request.headers.items()),
        _collect_section("Cookies", lambda: [(name, MASK) for name in request.cookies]),
    )
    return RequestReport(
        method=safely(lambda: shorten(request.method, 100), "?"),
        target=hide_values(safely(lambda: shorten(request.raw_path, TARGET_LENGTH), "?")),
        version=safely(lambda: f"HTTP/{request.version.major}.{request.version.minor}", "HTTP"),
        remote=safely(lambda: request.remote, "unknown"),
        handler=safely(lambda: describe(request.match_info.handler), ""),
        sections=tuple(section for section in sections if section.items),
    )


def _collect_section(title: str, items: Callable[[], Iterable[tuple[Any, Any]]]) -> Section:
    try:
        shown = tuple((str(name), _show_field(str(name), value)) for name, value in islice(items(), FIELDS))
    except Exception:
        # A request that was not routed has no parameters; a header that is no UTF-8 has no query. What a
        # request cannot tell is left out.
        shown = ()
    return Section(title, shown)


def _show_field(name: str, value: object) -> str:
    text = str(value)
    return MASK if text and is_secret(name) else hide_values(shorten(text, FIELD_LENGTH))
