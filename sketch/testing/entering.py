"""What tests enter with ``async with``: it is started when the block begins, and closed when it ends.

What starting and closing come to, is for those to know who are entered.
"""

from abc import ABC, abstractmethod
from typing import NoReturn, Self


class Entered(ABC):
    """Started and closed by ``async with``, and not by ``with``, which cannot wait for either."""

    @abstractmethod
    async def _enter(self) -> object:
        """Start it."""

    @abstractmethod
    async def close(self) -> None:
        """Close it. A second call does nothing."""

    async def __aenter__(self) -> Self:
        await self._enter()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    # Without these two, Python's own message does not say what to write instead.

    def __enter__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} takes time to start and to close: write 'async with'")

    def __exit__(self, *exc: object) -> NoReturn:
        raise AssertionError("nobody gets past __enter__")
