"""A report as one HTML document: no script, nothing from elsewhere.

The error first, then the frames from the inside out, since that is the order of the questions: what
happened, where, and how did we get there. The programmer's own frames are open, runs of library frames
are folded. Every text of a report passes through `escape` on its way into the markup.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from .frames import Folded, Frame, SourceLine, Variable
from .plain import render_chain
from .report import Chain, ExceptionReport, Link, Report, RequestReport, Section
from .style import STYLE

_LINKS = {
    Link.CAUSE: "caused by",
    Link.CONTEXT: "raised while handling",
}


# U+2400 and after are pictures of the control characters, which HTML does not allow.
_ESCAPES: Final[dict[int, int | str]] = {
    **{code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r"},
    0x7F: 0x2421,
    ord("&"): "&amp;",
    ord("<"): "&lt;",
    ord(">"): "&gt;",
    ord('"'): "&quot;",
    ord("'"): "&#x27;",
}


def escape(text: str) -> str:
    """``text`` as it may stand in an element or a quoted attribute; control characters made visible."""
    return text.translate(_ESCAPES)


def render_page(report: Report) -> str:
    """The whole document."""
    return "".join(_document(report))


def _document(report: Report) -> Iterator[str]:
    raised = report.chain[0]
    headline = f"{raised.kind}: {raised.message}" if raised.message else raised.kind
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield '<meta name="robots" content="noindex">\n'
    yield f"<title>{escape(headline[:200])}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
    yield from _top(raised, report.request)
    yield from _chain(report.chain, variables_open=True)
    yield from _request(report.request)
    yield '<h2 class="title">As text</h2>\n<details><summary>Traceback to copy</summary>\n'
    yield f'<pre class="text">{escape(render_chain(report.chain))}</pre>\n</details>\n'
    yield f"<footer>sketch on Python {escape(report.python)}. This page is shown because debug mode is on; "
    yield "turn it off where strangers can see it.</footer>\n</main>\n</body>\n</html>\n"


def _top(raised: ExceptionReport, request: RequestReport) -> Iterator[str]:
    yield '<header class="top">\n<p class="request-line mono">500 Internal Server Error &middot; '
    yield f"<b>{escape(request.method)} {escape(request.target)}</b></p>\n"
    yield f'<p class="kind mono">{escape(raised.kind)}</p>\n'
    yield f"<h1>{escape(raised.message or raised.kind)}</h1>\n"
    yield from _notes(raised)
    yield "</header>\n"


# -- exceptions ----------------------------------------------------------------------------------------------


def _chain(chain: Chain, *, variables_open: bool) -> Iterator[str]:
    """The exceptions of a chain; the heading of the first is the caller's.

    ``variables_open``
        whether the first frame in focus shows its variables at once.
    """
    for index, report in enumerate(chain):
        yield "<section>\n"
        if index:
            yield f'<p class="link">{_LINKS[report.link]}</p>\n'
            yield from _heading(report)
        yield from _frames(report.frames, variables_open=variables_open and index == 0)
        yield from _members(report)
        yield "</section>\n"


def _heading(report: ExceptionReport) -> Iterator[str]:
    yield f'<p class="kind mono">{escape(report.kind)}</p>\n'
    if report.message:
        yield f'<h2 class="message">{escape(report.message)}</h2>\n'
    yield from _notes(report)


def _notes(report: ExceptionReport) -> Iterator[str]:
    for note in report.notes:
        yield f'<p class="note">{escape(note)}</p>\n'


def _members(report: ExceptionReport) -> Iterator[str]:
    if report.members:
        total = len(report.members) + report.omitted
        yield '<div class="members">\n'
        for number, chain in enumerate(report.members, 1):
            yield f'<section>\n<p class="count">{number} of {total}</p>\n'
            yield from _heading(chain[0])
            yield from _chain(chain, variables_open=False)
            yield "</section>\n"
        yield "</div>\n"
    if report.omitted:
        yield f'<p class="omitted">{_plural(report.omitted, "more exception")} left out</p>\n'


# -- frames --------------------------------------------------------------------------------------------------


def _frames(frames: Iterable[Frame | Folded], *, variables_open: bool) -> Iterator[str]:
    """The frames from the inside out."""
    for is_library, run in groupby(reversed(tuple(frames)), _is_library):
        if is_library:
            yield from _library([frame for frame in run if isinstance(frame, Frame)])
            continue
        for frame in run:
            if isinstance(frame, Folded):
                yield f'<p class="omitted">{_plural(frame.number, "frame")} left out</p>\n'
            else:
                yield from _frame(frame, variables_open)
                variables_open = False


def _is_library(frame: Frame | Folded) -> bool:
    return isinstance(frame, Frame) and not frame.in_focus


def _library(frames: list[Frame]) -> Iterator[str]:
    packages = ", ".join(
        f"<b>{escape(name)}</b>" for name in dict.fromkeys(frame.package for frame in frames)
    )
    yield f'<details class="library">\n<summary>{_plural(len(frames), "frame")} in {packages}</summary>\n'
    for frame in frames:
        yield from _frame(frame, False)
    yield "</details>\n"


def _frame(frame: Frame, variables_open: bool) -> Iterator[str]:
    yield '<article class="frame">\n<p class="where mono">'
    if frame.function:
        yield f"<b>{escape(frame.function)}</b>"
    yield f'<span title="{escape(frame.path)}">{_place(frame)}</span></p>\n'
    if frame.source:
        yield f'<pre class="source">{"".join(map(_source, frame.source))}</pre>\n'
    if frame.variables:
        yield from _variables(frame.variables, frame.variables_omitted, variables_open)
    yield "</article>\n"


def _place(frame: Frame) -> str:
    folder, slash, name = frame.place.rpartition("/")
    return f"{escape(folder)}{slash}<b>{escape(name)}:{frame.line}</b>"


def _source(line: SourceLine) -> str:
    text = escape(line.text)
    if line.mark is not None:
        start, end = line.mark
        before, marked, after = line.text[:start], line.text[start:end], line.text[end:]
        text = f"{escape(before)}<mark>{escape(marked)}</mark>{escape(after)}"
    row = "row current" if line.is_current else "row"
    return f'<span class="{row}"><span class="number">{line.number}</span>{text}\n</span>'


def _variables(variables: tuple[Variable, ...], omitted: int, is_open: bool) -> Iterator[str]:
    opened = " open" if is_open else ""
    yield f'<details class="variables"{opened}>\n<summary>{_plural(len(variables), "variable")}</summary>\n'
    yield from _definitions((variable.name, variable.value) for variable in variables)
    if omitted:
        yield f'<p class="omitted">{omitted} more left out</p>\n'
    yield "</details>\n"


# -- the request ---------------------------------------------------------------------------------------------


def _request(request: RequestReport) -> Iterator[str]:
    items = [
        ("Request line", f"{request.method} {request.target} {request.version}"),
        ("Client", request.remote),
    ]
    if request.handler:
        items.append(("Handler", request.handler))
    for section in (Section("Request", tuple(items)), *request.sections):
        yield f'<h2 class="title">{escape(section.title)}</h2>\n'
        yield from _definitions(section.items)


def _definitions(items: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield "<dl>\n"
    for name, value in items:
        yield f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>\n"
    yield "</dl>\n"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
