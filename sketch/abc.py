"""The interfaces that programs implement or check for, as ``aiohttp.abc`` has them.

Those of a client (resolvers, cookie jars) are aiohttp's, and not here.
"""

from typing import Any, Protocol, runtime_checkable

from .accesslog import AbstractAccessLogger
from .http.exchange import Bytes
from .routing.abstract import AbstractMatchInfo, AbstractRouter, AbstractView

__all__ = [
    "AbstractAccessLogger",
    "AbstractMatchInfo",
    "AbstractRouter",
    "AbstractStreamWriter",
    "AbstractView",
]


@runtime_checkable
class AbstractStreamWriter(Protocol):
    """What a body is written to, piece by piece (aiohttp documentation, ``aiohttp.abc``).

    Whatever has these methods is one: nothing has to be derived from it.
    """

    async def write(self, chunk: Bytes) -> Any:
        """Write a piece, and wait while the other side is too slow to take more."""

    async def write_eof(self, chunk: Bytes = b"") -> Any:
        """Write a last piece, if any, and end the body."""

    async def drain(self) -> Any:
        """Wait until there is room for more."""
