"""Conditional requests (RFC 9110, section 13): entity tags, and what the preconditions of a request come to.

It compares what a client knows with what there is. It does not know where that comes from, and does not
answer.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from multidict import CIMultiDictProxy

from . import names
from .dates import parse_date

ETAG_ANY: Final = "*"
"""The value of the `ETag` that stands for any representation at all."""

# By what is left out: a class with all characters from 0x80 on takes milliseconds to compile.
_OPAQUE: Final = r'[^\x00-\x20"\x7f]*'
_match_tag = re.compile(rf'(W/)?"({_OPAQUE})"').fullmatch
_match_opaque = re.compile(_OPAQUE).fullmatch
# One element of a list with the comma before it. An element that is no tag ends the reading: what comes after
# it cannot be told apart.
_match_element = re.compile(rf'[ \t,]*(?:(W/)?"({_OPAQUE})"[ \t]*(?=,|$))', re.DOTALL).match


@dataclass(frozen=True)
class ETag:
    """An entity tag (RFC 9110, section 8.8.3; aiohttp documentation, ``ETag``).

    ``value``
        what is between the quotes.
    ``is_weak``
        whether equal tags promise no more than content that means the same.
    """

    value: str
    is_weak: bool = False

    def matches_strongly(self, other: "ETag") -> bool:
        """Whether both stand for the same bytes (section 8.8.3.2)."""
        return not self.is_weak and not other.is_weak and self.value == other.value

    def matches_weakly(self, other: "ETag") -> bool:
        """Whether both stand for content that means the same (section 8.8.3.2)."""
        return self.value == other.value


_ANY: Final = (ETag(ETAG_ANY),)


def format_etag(etag: ETag) -> str:
    """The tag as a field has it. Raises `ValueError` for a value that cannot stand between quotes."""
    if _match_opaque(etag.value) is None:
        raise ValueError(
            f"{etag.value!r} is no value of an entity tag: it may have neither quotes, white space nor "
            "control characters"
        )
    return f'W/"{etag.value}"' if etag.is_weak else f'"{etag.value}"'


def parse_etag(text: str) -> ETag | None:
    """One tag, as in ``ETag``; ``None`` for what is none."""
    found = _match_tag(text)
    return None if found is None else ETag(found[2], found[1] is not None)


def parse_etags(text: str) -> tuple[ETag, ...]:
    """The tags of ``If-Match`` and ``If-None-Match``: as many as can be read; ``*`` is one with the value
    `ETAG_ANY`, as in aiohttp, and always this one tuple: ``"*"`` in quotes is a tag like any other."""
    if text.strip(" \t") == ETAG_ANY:
        return _ANY
    tags = []
    position = 0
    while (found := _match_element(text, position)) is not None:
        tags.append(ETag(found[2], found[1] is not None))
        position = found.end()
    return tuple(tags)


class Verdict(Enum):
    """What the preconditions of a request come to (RFC 9110, section 13.2.2)."""

    PROCEED = "answer as if there were none"
    PROCEED_WHOLE = "the same, but without regard to Range"
    NOT_MODIFIED = "304: the client has it already"
    FAILED = "412: it is not what the client takes it for"


def evaluate(
    method: str,
    fields: CIMultiDictProxy[str],
    *,
    etag: ETag | None,
    last_modified: int | None,
    now: float,
) -> Verdict:
    """Evaluate the preconditions of a request in their order of precedence (RFC 9110, section 13.2.2).

    ``etag`` ``last_modified``
        the validators of the representation that would be sent: its tag, and its time of modification as
        ``Last-Modified`` has it, in POSIX seconds; ``None`` where there is none.
    ``now``
        POSIX seconds.

    Only for what would be answered with 2xx otherwise (section 13.2.1), and has a representation."""
    reads = method in ("GET", "HEAD")
    tags = _read_tags(fields, names.IF_MATCH)
    if tags is not None:
        if tags is not _ANY and not _match_strongly(etag, tags):
            return Verdict.FAILED
    elif last_modified is not None:
        since = _read_date(fields, names.IF_UNMODIFIED_SINCE)
        if since is not None and last_modified > since:
            return Verdict.FAILED
    tags = _read_tags(fields, names.IF_NONE_MATCH)
    if tags is not None:
        if tags is _ANY or _match_weakly(etag, tags):
            return Verdict.NOT_MODIFIED if reads else Verdict.FAILED
    elif reads and last_modified is not None:
        since = _read_date(fields, names.IF_MODIFIED_SINCE)
        if since is not None and last_modified <= since:
            return Verdict.NOT_MODIFIED
    if method == "GET" and names.RANGE in fields and names.IF_RANGE in fields:
        if not _is_unchanged(fields.getall(names.IF_RANGE), etag, last_modified, now):
            return Verdict.PROCEED_WHOLE
    return Verdict.PROCEED


def _read_tags(fields: CIMultiDictProxy[str], name: str) -> tuple[ETag, ...] | None:
    """The tags of a field; ``None`` where there is none, or an empty one."""
    text = ",".join(fields.getall(name, ()))
    return parse_etags(text) if text else None


def _match_strongly(etag: ETag | None, tags: Sequence[ETag]) -> bool:
    return etag is not None and any(etag.matches_strongly(tag) for tag in tags)


def _match_weakly(etag: ETag | None, tags: Sequence[ETag]) -> bool:
    return etag is not None and any(etag.matches_weakly(tag) for tag in tags)


def _read_date(fields: CIMultiDictProxy[str], name: str) -> float | None:
    """The date of a field, in POSIX seconds; ``None`` where it is not one date (section 13.1.3)."""
    values = fields.getall(name, ())
    moment = parse_date(values[0]) if len(values) == 1 else None
    return None if moment is None else moment.timestamp()


def _is_unchanged(values: Sequence[str], etag: ETag | None, last_modified: int | None, now: float) -> bool:
    """Whether ``If-Range`` is true (section 13.1.5): the same tag, strongly, or exactly the same date."""
    value = values[0] if len(values) == 1 else ""
    tag = parse_etag(value)
    if tag is not None:
        return etag is not None and etag.matches_strongly(tag)
    moment = parse_date(value)
    # A date is a strong validator once its second is over: the content cannot change within it any more
    # (section 8.8.2.2).
    is_strong = last_modified is not None and last_modified + 1 <= now
    return is_strong and moment is not None and moment.timestamp() == last_modified
