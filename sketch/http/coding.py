"""Content codings: their names, what a body says it is in, and which one a client would like (RFC 9110,
sections 8.4 and 12.5.3).

It reads what strangers sent, so it never raises: what cannot be read is passed over. How anything is encoded
or decoded is not known here (`encoders`, `decoders`)."""

from collections.abc import Iterable, Sequence
from enum import Enum
from functools import lru_cache
from typing import Final

from .headers import split_list
from .mediatype import read_weight

IDENTITY: Final = "identity"
"""The name for no coding at all; not used in ``Content-Encoding``."""

MOST_CODINGS: Final = 3
"""How many codings a body may have, one over the other. One is what is sent; each further one multiplies the
work that a few bytes can ask for (CVE-2022-32206)."""

# Section 8.4.1.3, and what the registry calls the same.
_ALIASES: Final = {"x-gzip": "gzip"}


class ContentCoding(Enum):
    """The content codings that a response can be compressed with (aiohttp documentation, ``ContentCoding``),
    and
    ``br`` (RFC 7932) and ``zstd`` (RFC 8878), which need the extra ``compression``."""

    deflate = "deflate"
    gzip = "gzip"
    identity = "identity"
    br = "br"
    zstd = "zstd"


def read_codings(values: Iterable[str]) -> tuple[str, ...]:
    """The codings that ``Content-Encoding`` names, in the order in which they were applied, in lower case,
    aliases resolved; without ``identity``, which changes nothing.

    ``values``
        the values of all fields with this name, in their order."""
    names = [name.lower() for value in values for name in split_list(value)]
    return tuple([_ALIASES.get(name, name) for name in names if name != IDENTITY])


def negotiate(accept_encoding: str | None, available: Sequence[str]) -> str | None:
    """The coding that a client would like best: one of ``available``, or ``identity``; ``None`` when the
    client accepts none of them, and not even content without a coding.

    ``accept_encoding``
        the value of ``Accept-Encoding``, that of several fields joined by commas. ``None``, where there is
        none, accepts anything, and asks for nothing: ``identity``.
    ``available``
        the codings that can be given, the preferred ones first. Among equal weights the first one counts, and
        ``identity`` after all of them, unless it is among them.

    Content without a coding is accepted unless it is excluded, by ``identity;q=0``, or by ``*;q=0`` where
    nothing else is said of it. An element whose weight cannot be read is passed over; of two for one coding
    the heavier counts; a weight above 1 counts as 1."""
    if accept_encoding is None:
        return IDENTITY
    return _negotiate(accept_encoding, tuple(available))


# A few values are what nearly all clients send. None is longer than a field line may be.
@lru_cache(maxsize=128)
def _negotiate(accept_encoding: str, available: tuple[str, ...]) -> str | None:
    weights = _read_weights(accept_encoding)
    others = weights.get("*", 0.0)
    # What nobody mentions is the last resort, behind whatever was asked for.
    last_resort = 1e-10 if "*" not in weights else others
    best, heaviest = None, 0.0
    for coding in (*available, IDENTITY):
        weight = weights.get(coding, last_resort if coding == IDENTITY else others)
        if weight > heaviest:
            best, heaviest = coding, weight
    return best


def _read_weights(accept_encoding: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for element in split_list(accept_encoding):
        name, _, parameter = element.partition(";")
        name = name.rstrip(" \t").lower()
        weight = read_weight(parameter)
        if weight is not None:
            name = _ALIASES.get(name, name)
            weights[name] = max(weight, weights.get(name, 0.0))
    return weights
