"""Server-sent events as bytes (HTML standard, section 9.2).

An event stream is lines of text, and a line break inside of a value would begin a field, or an event, that
nobody meant. So data is split into lines as its reader splits it, and what has to be one line is refused
when it is not. Who sends events, and when, is not known here.
"""

import re
from typing import Final

CONTENT_TYPE: Final = "text/event-stream"

KEEP_ALIVE: Final = b":\n\n"
"""A comment that says nothing (HTML standard, section 9.2.7)."""

_split_lines: Final = re.compile("\r\n|\r|\n").split
"""The three ends of a line, and none of those that `str.splitlines` knows beside them."""

_find_break: Final = re.compile("[\r\n\0]").search


def encode_event(
    data: str, *, event: str | None = None, id: str | None = None, retry: int | None = None
) -> bytes:
    """One event, as it is sent.

    ``data``
        text; of several lines, each is a field of its own, and the reader joins them with line feeds.
    ``event``
        the name under which it is dispatched; ``message`` without one.
    ``id``
        what a client says in ``Last-Event-ID`` when it comes back. ``""`` makes it forget the last one.
    ``retry``
        milliseconds after which a client that lost the connection comes back, from now on.

    Raises `TypeError` for values of other types, `ValueError` for an ``event`` or ``id`` with a CR, LF or
    NUL, which would end the field or make its reader ignore it, and for a ``retry`` below 0.
    """
    if not isinstance(data, str):
        raise TypeError(f"the data of an event is str, got {data!r:.100}: encode it, or use send_json()")
    fields = []
    if event is not None:
        fields.append(f"event: {_check_line('event', event)}\n")
    if id is not None:
        fields.append(f"id: {_check_line('id', id)}\n")
    if retry is not None:
        fields.append(f"retry: {check_retry(retry)}\n")
    fields += [f"data: {line}\n" for line in _split_lines(data)]
    fields.append("\n")
    return "".join(fields).encode()


def encode_retry(retry: int) -> bytes:
    """Only the time after which a client comes back, in milliseconds, without an event."""
    return b"retry: %d\n\n" % check_retry(retry)


def encode_comment(text: str) -> bytes:
    """Lines that a client ignores, and that show those between it and the server that somebody is there."""
    return "".join([f": {line}\n" for line in _split_lines(text)]).encode() + b"\n"


def check_retry(retry: int) -> int:
    """The same. Raises `TypeError` for what is no whole number, `ValueError` for less than 0."""
    if not isinstance(retry, int) or isinstance(retry, bool):
        raise TypeError(f"retry={retry!r}: write a whole number of milliseconds, such as 3000")
    if retry < 0:
        raise ValueError(f"retry={retry!r}: write a number of milliseconds, 0 or more")
    return retry


def _check_line(name: str, value: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"the {name} of an event is str, got {value!r:.100}")
    if _find_break(value):
        raise ValueError(f"the {name} of an event is one line without CR, LF and NUL, got {value!r:.100}")
    return value
