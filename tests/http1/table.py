"""The rows as the tables of ``docs/http1.md``. ``python -m tests.http1.table`` prints them."""

from tests.http1.row import Row
from tests.http1.rows import TABLES

HEADINGS = ("what arrives", "section", "answer", "connection", "why")
ANSWER_HEADINGS = ("the answer", *HEADINGS[1:])


def render(title: str) -> str:
    """One table, in Markdown."""
    headings = ANSWER_HEADINGS if title == "Answers" else HEADINGS
    lines = [headings, ("---",) * len(headings), *map(cells, TABLES[title])]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cells(row: Row) -> tuple[str, ...]:
    """A row as texts."""
    return (escape(row.arrives), row.section, describe_answer(row), row.ends, escape(row.why))


def describe_answer(row: Row) -> str:
    """What is sent: statuses, and the fields that matter."""
    parts = [", ".join(map(str, row.answers)) or "none"]
    parts += [f"`{field}`" for field in row.has]
    if row.lacks:
        parts.append("no " + ", ".join(f"`{name}`" for name in row.lacks))
    return "; ".join(parts)


def escape(text: str) -> str:
    """A text inside of a table."""
    return text.replace("|", "\\|")


if __name__ == "__main__":
    for title in TABLES:
        print(f"## {title}\n\n{render(title)}")
