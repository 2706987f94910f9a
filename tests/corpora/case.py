"""One case of a corpus, as its authors judge it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Told:
    """A request, as far as the corpus says what it is."""

    method: str
    target: str
    body: bytes
    is_complete: bool = True


@dataclass(frozen=True)
class Case:
    """Bytes of a client, and the judgement of the corpus.

    ``name``
        its corpus, its file, and what it is called there.
    ``is_valid``
        whether the corpus takes all of it, in whatever mode it sets for this case.
    ``told``
        the requests that it reads there; ``None`` where it does not say. What follows the last of them is
        not judged when ``is_open_ended``.
    ``has_end``
        whether the end of the connection is a part of the case.
    """

    name: str
    data: bytes
    is_valid: bool
    told: tuple[Told, ...] | None = None
    is_open_ended: bool = False
    has_end: bool = False


def with_hosts(data: bytes, places: list[int]) -> bytes:
    """The same with a ``Host`` field at each of these places, the ends of request lines."""
    for place in reversed(places):
        data = data[:place] + b"\r\nHost: added.example" + data[place:]
    return data
