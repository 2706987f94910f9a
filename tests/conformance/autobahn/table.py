"""The results of runs as a table in Markdown, and its place in a document."""

from collections.abc import Sequence
from pathlib import Path

from tests.conformance.autobahn.programs import describe
from tests.conformance.autobahn.runs import Result

_BEGIN = "<!-- made by `python -m tests.conformance.autobahn --write`: begin -->\n"
_END = "<!-- end -->\n"

_HEADINGS = (
    "server",
    "suite",
    "compression",
    "cases",
    "OK",
    "informational",
    "non-strict",
    "failed",
    "not closed as it should be",
)


def format_table(results: Sequence[Result]) -> str:
    """One row for each result."""
    rows = [_HEADINGS, tuple("---" if number < 3 else "---:" for number in range(len(_HEADINGS)))]
    for result in results:
        server = f"{describe(result.run.name)}, {result.run.loop}"
        compression = "permessage-deflate" if result.run.deflate else "none"
        rows.append((server, result.suite, compression, *map(str, result.count_cases().values())))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def write_table(path: Path, results: Sequence[Result]) -> None:
    """Put the table between the two marks of a document, in the place of the one that is there. Raises
    `ValueError` for a document without the marks."""
    text = path.read_text()
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(
            f"{path}: a line {_BEGIN.strip()} and one {_END.strip()} have to say where the table goes"
        )
    path.write_text(f"{before}{begin}\n{format_table(results)}\n{end}{after}")
