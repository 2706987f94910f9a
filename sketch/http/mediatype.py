"""Media types: what a ``Content-Type`` says, and what an ``Accept`` thinks of it (RFC 9110, sections 8.3
and 12.5.1).

It reads what strangers sent, so it never raises: what cannot be read is passed over.
"""

import re
from typing import Final

from .headers import split_list

DEFAULT_CONTENT_TYPE: Final = "application/octet-stream"
"""What content is taken for when nothing readable says what it is (RFC 9110, section 8.3)."""

# One parameter from its semicolon to the next one: name, quoted value, plain value. All of it is optional
# but the semicolon, so nothing can fail once it has begun, and every character is looked at once.
_find_parameters = re.compile(
    r""";[ \t]*+
        (?:([!#$%&'*+\-.^_`|~0-9A-Za-z]++)[ \t]*+=[ \t]*+
           (?:"((?:[^"\\]++|\\.)*)"?|([^;"\s]++)))?
        [^;]*+""",
    re.VERBOSE | re.DOTALL,
).findall
_match_type = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+/[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_unescape = re.compile(r"\\(.)", re.DOTALL).sub
_match_weight = re.compile(r"(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})", re.ASCII).fullmatch


def parse_content_type(value: str) -> tuple[str, dict[str, str]]:
    """Type and parameters, as in ``("text/html", {"charset": "utf-8"})``.

    The type and the names of the parameters are in lower case; quoted values are unquoted; of two
    parameters with one name the first counts. A type that is not one becomes
    ``application/octet-stream``."""
    end = value.find(";")
    media_type = (value if end < 0 else value[:end]).strip(" \t").lower()
    if _match_type(media_type) is None:
        media_type = DEFAULT_CONTENT_TYPE
    return media_type, {} if end < 0 else _parameters(value[end:])


def _parameters(text: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for name, quoted, plain in _find_parameters(text):
        if name:
            parameters.setdefault(name.lower(), plain or _unescape(r"\1", quoted))
    return parameters


def accepts(accept: str | None, media_type: str) -> float:
    """How welcome a media type is to a client: its weight from 0 (not acceptable) to 1.

    ``accept``
        the value of the ``Accept`` field. ``None`` and an empty one accept everything.
    ``media_type``
        a type without wildcards, possibly with parameters.

    The most specific range that covers the type decides, with parameters before ``type/subtype`` before
    ``type/*`` before ``*/*`` (RFC 9110, section 12.5.1); of equally specific ones the heaviest. A weight
    above 1 counts as 1, and a range whose weight cannot be read is passed over."""
    ranges = split_list(accept) if accept is not None else ()
    if not ranges:
        return 1.0
    wanted, parameters = parse_content_type(media_type)
    return max([_judge(media_range, wanted, parameters) for media_range in ranges])[-1]


def read_weight(parameter: str) -> float | None:
    """What the parameter ``q=...`` of an element says, from 0 to 1 (RFC 9110, section 12.4.2); ``None`` for
    one that cannot be read. An element without a parameter, ``""``, has the weight 1."""
    if not parameter:
        return 1.0
    name, _, value = parameter.partition("=")
    value = value.strip(" \t")
    if name.strip(" \t").lower() != "q" or _match_weight(value) is None:
        return None
    return min(float(value), 1.0)


_NO_MATCH: Final = (-1, 0, 0.0)


def _judge(media_range: str, wanted: str, parameters: dict[str, str]) -> tuple[int, int, float]:
    # How specific the range is, by its type and then by its parameters, and its weight: comparable.
    name, semicolon, rest = media_range.partition(";")
    name = name.rstrip(" \t").lower()
    if name == wanted:
        specificity = 2
    elif name == wanted.partition("/")[0] + "/*":
        specificity = 1
    elif name in ("*/*", "*"):  # "*" alone is what old Java clients send.
        specificity = 0
    else:
        return _NO_MATCH
    required = _parameters(semicolon + rest)
    weight = required.pop("q", "1")
    if _match_weight(weight) is None:
        return _NO_MATCH
    for parameter, value in required.items():
        if parameter not in parameters or parameters[parameter].lower() != value.lower():
            return _NO_MATCH
    return specificity, len(required), min(float(weight), 1.0)
