r"""The language of route paths: ``/user/{name}/{number:\d+}``.

Knows how a path with parameters is written, checked, turned into a regular expression and into the
segments of the routing tree, and how it is filled in again for a URL. Refuses to know resources and
handlers.

Text is kept twice: quoted, as it stands in URLs, and decoded, as it is compared with
``request.match_path``. aiohttp compares the quoted form of dynamic paths, so that ``/café/{x}`` never
matches there; here it does.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from yarl import URL

DEFAULT_REGEX: Final = r"[^{}/]+"
"""What ``{name}`` stands for: one path segment, not empty (aiohttp documentation, "Variable Resources")."""

_UNRESERVED = re.compile(r"[A-Za-z0-9/_.~-]*")
_PARAMETER = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::(?P<regex>.+))?")

# Regular expressions that cannot match "/" whatever they are matched against, recognised conservatively:
# literal characters, escapes of them, \d and \w, classes of those without "/" (a range ends in letters or
# digits, all above "/"), negated classes that name "/", groups that do not capture by name, alternatives
# and repetition. Everything else is looked at with the whole path in hand.
_LOCAL = re.compile(
    r"""(?:
        [A-Za-z0-9_\-~%@!,;=&':\ ]
      | \\[dw.\-+*?()\[\]_~@%:,;=&'!$|^]
      | \[ \^ [^\]\[\\/&|~]* / [^\]\[\\&|~]* \]
      | \[ -? (?: [A-Za-z]-[A-Za-z] | [0-9]-[0-9] | [A-Za-z0-9_.+*?()@%:,;=!$'] | \\[dw.\-+] )+ -? \]
      | \( (?: \?: )?  (?! \? )
      | [)|*+?]
      | \{ [0-9]+ (?: , [0-9]* )? \}
    )+""",
    re.VERBOSE,
)


def quote(text: str) -> str:
    """Percent-encode what a path cannot carry as it is, ``%`` included."""
    return text if _UNRESERVED.fullmatch(text) else URL.build(path=text, encoded=False).raw_path


def requote(text: str) -> str:
    """Percent-encode what a path cannot carry as it is, but leave escapes alone."""
    quoted = quote(text)
    return quoted.replace("%25", "%") if "%" in text else quoted


def decode(text: str) -> str:
    """Decode percent-escapes as ``request.match_path`` has them decoded: all but ``%2F`` and ``%25``."""
    return URL.build(path=text, encoded=True).path_safe if "%" in text else text


def decode_value(text: str) -> str:
    """Decode the two escapes that are left in a value cut out of ``request.match_path``."""
    return text.replace("%2F", "/").replace("%25", "%") if "%" in text else text


class Parameter(NamedTuple):
    """``{name}`` or ``{name:regex}``."""

    name: str
    regex: str

    @property
    def is_local(self) -> bool:
        """Whether no value of it can contain ``/``."""
        return self.regex == DEFAULT_REGEX or _LOCAL.fullmatch(self.regex) is not None


class Text(NamedTuple):
    """What stands between parameters."""

    quoted: str
    decoded: str


Part = Text | Parameter


class Shape(NamedTuple):
    """A segment that has parameters and is more than one ``{name}``; parameters go by number, so that
    equal shapes are one branch of the tree whatever their names.

    ``within_default``
        whether everything that it matches is matched by ``{name}`` as well.
    """

    regex: str
    prefix: str
    suffix: str
    within_default: bool


Segment = str | None | Shape
"""Literal text, or ``None`` for exactly one ``{name}``, or something in between."""


class OpenEnd(NamedTuple):
    """The part of a path from the first segment that may match ``/``. It starts and ends with this text."""

    regex: str
    prefix: str
    suffix: str


class Layout(NamedTuple):
    """A path as the tree sees it: its segments, the first one being before the first slash, and what of it
    cannot be cut into segments."""

    segments: tuple[Segment, ...]
    open_end: OpenEnd | None


class Pattern:
    """A parsed path with parameters. Immutable."""

    __slots__ = ("_compiled", "_layout", "_source", "parts")

    def __init__(self, parts: tuple[Part, ...], source: str) -> None:
        self.parts = parts
        self._source = source
        self._compiled: re.Pattern[str] | None = None
        self._layout: Layout | None = None

    @classmethod
    def parse(cls, path: str) -> "Pattern":
        """Read a path. Raises `ValueError` that says what is wrong, where, and what to write."""
        parts = tuple(_parse(path))
        pattern = cls(parts, path)
        names = pattern.names
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"Invalid path {path!r}: {{{name}}} occurs twice; give each its own name")
        for part in parts:
            if isinstance(part, Parameter) and (not part.is_local or _fault(part.regex)):
                pattern.compile()
                break
        return pattern

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters, in order."""
        return tuple([part.name for part in self.parts if isinstance(part, Parameter)])

    @property
    def canonical(self) -> str:
        """The quoted path with ``{name}`` for each parameter."""
        return "".join([p.quoted if isinstance(p, Text) else f"{{{p.name}}}" for p in self.parts])

    @property
    def index_key(self) -> str:
        """The decoded path up to the last slash before the first parameter; see `index_key`."""
        first = self.parts[0]
        return index_key(first.decoded.rpartition("/")[0]) if isinstance(first, Text) else "/"

    def prefixed(self, prefix: str) -> "Pattern":
        """The same pattern below a path."""
        text = Text(requote(prefix), decode(prefix))
        first, *rest = self.parts
        if isinstance(first, Text):
            text = Text(text.quoted + first.quoted, text.decoded + first.decoded)
            return Pattern((text, *rest), prefix + self._source)
        return Pattern((text, *self.parts), prefix + self._source)

    def fill(self, values: Mapping[str, str]) -> str:
        """The quoted path with values in place of the parameters; `KeyError` for a missing one."""
        return "".join([p.quoted if isinstance(p, Text) else quote(values[p.name]) for p in self.parts])

    def compile(self) -> re.Pattern[str]:
        """The regular expression for the whole decoded path. Made on first use: most paths are matched by
        the tree alone, and compiling ten thousand of them takes more than a second."""
        compiled = self._compiled
        if compiled is None:
            try:
                compiled = re.compile(_regex(self.parts, named=True))
            except re.error as error:
                raise ValueError(self._explain(error)) from None
            self._compiled = compiled
        return compiled

    def match(self, path: str) -> dict[str, str] | None:
        """The values for a decoded path, or ``None``."""
        found = self.compile().fullmatch(path)
        if found is None:
            return None
        return {name: decode_value(v) for name, v in found.groupdict().items() if v is not None}

    def layout(self) -> Layout:
        """The path cut into the segments of the tree."""
        if self._layout is None:
            self._layout = self._cut()
        return self._layout

    def _cut(self) -> Layout:
        if any(_fault(part.regex) for part in self.parts if isinstance(part, Parameter)):
            # Only the whole expression has a meaning: it is tried below the text that it is indexed by.
            return Layout(literal_segments(self.index_key), OpenEnd(self._source, "", ""))
        rows = _rows(self.parts)
        for position, row in enumerate(rows):
            if not all(part.is_local for part in row if isinstance(part, Parameter)):
                tail = [*row]
                for later in rows[position + 1 :]:
                    tail += ["/", *later]
                return Layout(tuple(map(_segment, rows[:position])), _open_end(tail))
        return Layout(tuple(map(_segment, rows)), None)

    def _explain(self, error: re.error) -> str:
        for part in self.parts:
            own = _fault(part.regex) if isinstance(part, Parameter) else None
            if own is not None and isinstance(part, Parameter):
                return (
                    f"Bad pattern {part.regex!r} of {{{part.name}}} in path {self._source!r}: {own}; write a "
                    f"regular expression as Python's re takes it, for example {{{part.name}:[^/]+}}"
                )
        return (
            f"Bad pattern in path {self._source!r}: {error}; each {{name:regex}} becomes a named group of "
            "one regular expression, so flags, group names and references have to make sense there"
        )


def index_key(path: str) -> str:
    """The text that a resource with this static path is indexed by: without slashes at its end."""
    return path.rstrip("/") or "/"


def literal_segments(path: str) -> tuple[str, ...]:
    """A path without parameters as the segments of a layout; ``/`` is the place before its slash."""
    return tuple(path.rstrip("/").split("/"))


def _parse(path: str) -> Iterator[Part]:
    if not path.startswith("/"):
        raise ValueError(f"Invalid path {path!r}: a path starts with '/', as in '/{path}'")
    text_start = position = 0
    while (start := _next_brace(path, position)) >= 0:
        if start > text_start:
            yield _text(path[text_start:start])
        end = _closing_brace(path, start)
        found = _PARAMETER.fullmatch(path, start + 1, end - 1)
        if found is None:
            raise ValueError(
                f"Invalid path {path!r}: {path[start:end]!r} at position {start} is no parameter; write "
                "{name} or {name:regex}, with a name of letters, digits and underscores"
            )
        yield Parameter(found["name"], found["regex"] or DEFAULT_REGEX)
        text_start = position = end
    if text_start < len(path):
        yield _text(path[text_start:])


def _next_brace(path: str, position: int) -> int:
    start, stray = path.find("{", position), path.find("}", position)
    if stray >= 0 and not 0 <= start < stray:
        raise ValueError(f"Invalid path {path!r}: '}}' at position {stray} closes nothing; remove it")
    return start


def _closing_brace(path: str, start: int) -> int:
    depth = 0
    for position in range(start, len(path)):
        depth += (path[position] == "{") - (path[position] == "}")
        if depth == 0:
            return position + 1
    raise ValueError(f"Invalid path {path!r}: '{{' at position {start} is not closed; write {{name}}")


def _text(text: str) -> Text:
    quoted = requote(text)
    return Text(quoted, decode(quoted))


def _regex(parts: tuple[Part, ...] | list[str | Parameter], *, named: bool) -> str:
    """One expression for several parts; with group names, or with groups that are only counted."""
    pieces: list[str] = []
    for number, part in enumerate(parts):
        if isinstance(part, Parameter):
            pieces.append(f"(?P<{part.name if named else f'_{number}'}>{part.regex})")
        else:
            pieces.append(re.escape(part.decoded if isinstance(part, Text) else part))
    return "".join(pieces)


def _fault(regex: str) -> re.error | None:
    """Why a parameter's expression has no meaning of its own. It may still have one within the path's: a
    reference to an earlier parameter, say."""
    if regex != DEFAULT_REGEX:
        try:
            re.compile(regex)
        except re.error as error:
            return error
    return None


def _rows(parts: tuple[Part, ...]) -> list[list[str | Parameter]]:
    """The parts between slashes: for each segment, its texts (as str) and parameters."""
    rows: list[list[str | Parameter]] = [[]]
    for part in parts:
        if isinstance(part, Parameter):
            rows[-1].append(part)
            continue
        first, *others = part.decoded.split("/")
        if first:
            rows[-1].append(first)
        rows += [[text] if text else [] for text in others]
    return rows


def _segment(row: list[str | Parameter]) -> Segment:
    parameters = [part for part in row if isinstance(part, Parameter)]
    if not parameters:
        return "".join([part for part in row if isinstance(part, str)])
    within_default = all(part.regex == DEFAULT_REGEX for part in parameters)
    if within_default and len(row) == 1:
        return None
    return Shape(_regex(row, named=False), *_affixes(row), within_default)


def _open_end(row: list[str | Parameter]) -> OpenEnd:
    return OpenEnd(_regex(row, named=False), *_affixes(row))


def _affixes(row: list[str | Parameter]) -> tuple[str, str]:
    first, last = row[0], row[-1]
    return (first if isinstance(first, str) else ""), (last if isinstance(last, str) else "")
