"""What ``client.get(...)`` returns: to be awaited, or to be entered with ``async with``, as in aiohttp."""

from collections.abc import Coroutine, Generator
from types import TracebackType
from typing import Any, Protocol, TypeVar


class Released(Protocol):
    """What is opened: it is released at the end of ``async with``."""

    async def __aenter__(self) -> Any: ...
    async def __aexit__(self, *exc: Any) -> Any: ...


R = TypeVar("R", bound=Released)


class Opening(Coroutine[Any, Any, R]):
    """A request on its way. A coroutine, too, so that tasks can be made of it."""

    __slots__ = ("_coroutine", "_opened")

    def __init__(self, coroutine: Coroutine[Any, Any, R]) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, R]:
        return self._coroutine.__await__()

    def send(self, value: Any) -> Any:
        """As of any coroutine."""
        return self._coroutine.send(value)

    def throw(self, *args: Any) -> Any:
        """As of any coroutine."""
        return self._coroutine.throw(*args)

    def close(self) -> None:
        """As of any coroutine."""
        self._coroutine.close()

    async def __aenter__(self) -> R:
        self._opened = await self._coroutine
        await self._opened.__aenter__()
        return self._opened

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._opened.__aexit__(exc_type, exc, traceback)
