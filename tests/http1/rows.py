"""All rows, as the tables of ``docs/http1.md``."""

from tests.http1.bodies import CHUNKS, CODINGS, LENGTHS, TRAILERS
from tests.http1.connections import ANSWERS, CONTROLS, LIMITS, ONE_AFTER_OTHER
from tests.http1.heads import FIELDS, HOSTS, METHODS, REQUEST_LINE, TARGETS
from tests.http1.row import Row

TABLES: dict[str, tuple[Row, ...]] = {
    "The request line": REQUEST_LINE,
    "Methods": METHODS,
    "Targets": TARGETS,
    "`Host`": HOSTS,
    "Field lines": FIELDS,
    "`Content-Length`": LENGTHS,
    "`Transfer-Encoding`": CODINGS,
    "Chunks": CHUNKS,
    "Trailers": TRAILERS,
    "One after the other": ONE_AFTER_OTHER,
    "`Expect`, `Connection`, `Upgrade`": CONTROLS,
    "Limits": LIMITS,
    "Answers": ANSWERS,
}

ROWS = {f"{title}: {row.arrives}".replace("`", ""): row for title, rows in TABLES.items() for row in rows}
"""All of them, by a name for people."""
