"""A report as plain text, for terminals and logs: in the order of Python's own tracebacks."""

from collections.abc import Iterator
from itertools import groupby

from .frames import Folded, Frame, SourceLine
from .report import Chain, ExceptionReport, Link, Report, RequestReport

_LINKS = {
    Link.CAUSE: "The above exception was the direct cause of the following one:",
    Link.CONTEXT: "While the above exception was being handled, another one occurred:",
}


def render_plain(report: Report) -> str:
    """The whole report, the error itself last, nearest to the prompt."""
    lines = ["500 Internal Server Error", "", *_request(report.request), *_chain(report.chain)]
    return "\n".join(lines) + "\n"


def render_chain(chain: Chain) -> str:
    """The exceptions alone."""
    return "\n".join(_chain(chain)) + "\n"


def _request(request: RequestReport) -> Iterator[str]:
    yield f"{request.method} {request.target} {request.version} from {request.remote}"
    if request.handler:
        yield f"handler: {request.handler}"
    for section in request.sections:
        yield f"{section.title}:"
        for name, value in section.items:
            yield f"    {name}: {value}"
    yield ""


def _chain(chain: Chain, indent: str = "") -> Iterator[str]:
    for report in reversed(chain):
        yield from (f"{indent}{line}" if line else "" for line in _exception(report))
        if report.link is not Link.RAISED:
            yield from ("", f"{indent}{_LINKS[report.link]}", "")


def _exception(report: ExceptionReport) -> Iterator[str]:
    if report.frames:
        yield "Traceback (most recent call last):"
    for in_focus, frames in groupby(report.frames, lambda frame: isinstance(frame, Frame) and frame.in_focus):
        for frame in frames:
            if isinstance(frame, Folded):
                yield f"  ... {frame.number} more frames ..."
            else:
                yield from _frame(frame) if in_focus else _place(frame)
    first, *rest = f"{report.kind}: {report.message}".splitlines() if report.message else [report.kind]
    yield first
    yield from rest
    for note in report.notes:
        yield from note.splitlines()
    for number, chain in enumerate(report.members, 1):
        yield f"  --- {number} of {len(report.members) + report.omitted} ---"
        yield from _chain(chain, "  ")
    if report.omitted:
        yield f"  ... {report.omitted} more exceptions ..."


def _place(frame: Frame) -> Iterator[str]:
    where = f" in {frame.function}" if frame.function else ""
    yield f"  {frame.place}:{frame.line}{where}"


def _frame(frame: Frame) -> Iterator[str]:
    yield from _place(frame)
    width = max((len(str(line.number)) for line in frame.source), default=0)
    for line in frame.source:
        yield from _source(line, width)
    for variable in frame.variables:
        yield f"      {variable.name} = {variable.value}"
    if frame.variables_omitted:
        yield f"      ... {frame.variables_omitted} more variables ..."


def _source(line: SourceLine, width: int) -> Iterator[str]:
    sign = ">" if line.is_current else " "
    yield f"    {sign} {line.number:>{width}} | {line.text}".rstrip()
    if line.mark is not None:
        start, end = line.mark
        yield f"      {'':>{width}} | {'':{start}}{'^' * (end - start)}"
