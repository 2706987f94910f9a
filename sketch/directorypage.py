"""The page that lists a directory: HTML without scripts, readable without style, in light and in dark.

It is given names, sizes and times, and does not look at disks. Loaded when the first directory is shown.
"""

from collections.abc import Sequence
from html import escape
from time import gmtime, strftime
from typing import Final, NamedTuple
from urllib.parse import quote

MOST_ENTRIES: Final = 10_000
"""Names on a page. More of them help nobody, and cost memory for as long as a slow client takes them."""

STYLE: Final = """
:root {
  color-scheme: light dark;
  --paper: #fdfcfa; --ink: #23221f; --soft: #6d6a63; --rule: #e7e3db; --well: #f6f4ef; --link: #38618c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #171715; --ink: #e8e5de; --soft: #a8a49a; --rule: #33312d; --well: #252421; --link: #8fb5de;
  }
}
* { box-sizing: border-box; margin: 0; }
body {
  background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  -webkit-text-size-adjust: 100%; text-size-adjust: 100%;
}
main { max-width: 54rem; margin: 0 auto; padding: 3rem 1.5rem 4rem; }
h1 { font-size: 1.35rem; font-weight: 600; letter-spacing: -0.01em; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; margin-top: 1.5rem; }
th { font-size: 0.8rem; font-weight: 600; color: var(--soft); text-align: left; padding: 0.35rem 0.6rem; }
td { border-top: 1px solid var(--rule); padding: 0; }
td.size, td.time, th.size, th.time {
  text-align: right; white-space: nowrap; color: var(--soft); padding: 0.35rem 0.6rem; width: 1%;
  font-variant-numeric: tabular-nums;
}
td a { display: block; padding: 0.35rem 0.6rem; overflow-wrap: anywhere; }
a { color: var(--link); text-decoration: none; border-radius: 3px; }
a:hover, a:focus-visible { text-decoration: underline; }
a.folder { font-weight: 600; }
tr:hover td { background: var(--well); }
p { color: var(--soft); margin-top: 1.5rem; }
@media (max-width: 40rem) {
  main { padding: 1.5rem 0.75rem 3rem; }
  td.time, th.time { display: none; }
}
"""

STYLE_HASH: Final = "LYalgDfGekmY6ast1y4WZDiqwm2/7+2xhpYgwqpzttk="
"""The SHA-256 of the style sheet; a test computes it."""

CONTENT_SECURITY_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""Allows this style sheet and nothing else: no script, no image, no frame, no form."""


class Entry(NamedTuple):
    """One name in a directory.

    ``size``
        in bytes.
    ``modified``
        in POSIX seconds.
    """

    name: str
    is_directory: bool
    size: int
    modified: float


def render_directory(path: str, base: str, entries: Sequence[Entry], *, left_out: int = 0) -> str:
    """The page of a directory, folders first.

    ``path``
        the directory as it is shown: from the root of what is served, with a slash at both ends.
    ``base``
        the path of the directory in URLs, quoted, with a slash at its end.
    ``left_out``
        how many more entries there are.
    """
    rows = [_render_entry(entry, base) for entry in sorted(entries, key=_order)]
    if path != "/":
        parent = base.rstrip("/").rpartition("/")[0]
        rows.insert(0, _render_row(f"{parent}/", "../", "folder", "", ""))
    if not rows:
        rows.append('<tr><td colspan="3" class="size">empty</td></tr>')
    title = f"Index of {escape(_readable(path))}"
    note = f"<p>{left_out:,} more are not shown.</p>\n" if left_out else ""
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n<table>\n<thead>\n"
        '<tr><th>Name</th><th class="size">Size</th><th class="time">Modified (UTC)</th></tr>\n</thead>\n'
        f"<tbody>\n{''.join(rows)}</tbody>\n</table>\n{note}</main>\n</body>\n</html>\n"
    )


def _order(entry: Entry) -> tuple[bool, str, str]:
    return not entry.is_directory, entry.name.casefold(), entry.name


def _render_entry(entry: Entry, base: str) -> str:
    url = base + quote(entry.name, errors="surrogateescape")
    modified = strftime("%Y-%m-%d %H:%M", gmtime(entry.modified))
    if entry.is_directory:
        return _render_row(f"{url}/", f"{entry.name}/", "folder", "", modified)
    return _render_row(url, entry.name, "file", format_size(entry.size), modified)


def _render_row(url: str, name: str, kind: str, size: str, modified: str) -> str:
    return (
        f'<tr><td><a class="{kind}" href="{escape(url)}">{escape(_readable(name))}</a></td>'
        f'<td class="size">{size}</td><td class="time">{modified}</td></tr>\n'
    )


def _readable(name: str) -> str:
    """The name as text: bytes that are not UTF-8 have no characters."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def format_size(size: int) -> str:
    """Bytes in the largest unit in which there is at least one: ``1.4 MiB``."""
    if size < 1024:
        return f"{size} B"
    amount, units = size / 1024, ["KiB", "MiB", "GiB", "TiB"]
    # What would be shown as 1024.0 is 1.0 of the next one.
    while amount >= 1023.95 and len(units) > 1:
        amount /= 1024
        del units[0]
    return f"{amount:.1f} {units[0]}"
