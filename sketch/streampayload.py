"""What comes piece by piece, as payloads: asynchronous generators, readers, parts of a multipart body."""

import types
import warnings
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from typing import Any

from .http.exchange import FILE_PIECE, Bytes
from .http.mediatype import DEFAULT_CONTENT_TYPE
from .payloadbase import Payload, Writer


class AsyncIterablePayload(Payload):
    """Bytes that an asynchronous generator yields, or any other asynchronous iterable.

    It can be written once. `close` closes the generator, so that its ``finally`` runs, wherever it stands.
    Raises `TypeError` for what is no asynchronous iterable.
    """

    _autoclose = True

    def __init__(self, value: AsyncIterable[Bytes], *args: Any, **kwargs: Any) -> None:
        if not isinstance(value, AsyncIterable):
            raise TypeError(
                "value argument must support collections.abc.AsyncIterable interface, "
                f"got {type(value)!r}: give it an async generator, called"
            )
        if len(args) < 2:
            kwargs.setdefault("content_type", DEFAULT_CONTENT_TYPE)
        super().__init__(value, *args, **kwargs)
        self._iterator: AsyncIterator[Bytes] | None = aiter(value)
        self._gathered: bytes | None = None

    async def write(self, writer: Writer) -> None:
        """Write all that it yields. Raises what it raises, too."""
        await self.write_with_length(writer, None)

    async def write_with_length(self, writer: Writer, content_length: int | None) -> None:
        """Write the first ``content_length`` bytes that it yields."""
        if self._gathered is not None:
            await writer.write(self._gathered[:content_length])
            return
        iterator, missing = self._iterator, content_length
        if iterator is None:
            return
        self._consumed = True
        async for piece in iterator:
            if missing is None:
                await writer.write(piece)
                continue
            await writer.write(memoryview(piece).cast("B")[:missing])
            missing -= memoryview(piece).nbytes
            if missing <= 0:
                break

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """What `as_bytes` has gathered, as text. Raises `TypeError` before that."""
        if self._gathered is None:
            raise TypeError("an iterable cannot be decoded before it is read: await as_bytes() first")
        return self._gathered.decode(encoding, errors)

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """All that it yields, in memory: it is kept, and can be written several times afterwards."""
        if self._gathered is None:
            iterator, self._iterator = self._iterator, None
            self._gathered = b"" if iterator is None else b"".join([piece async for piece in iterator])
        return self._gathered

    async def close(self) -> None:
        """Close the generator. Waits for what that waits for in its ``finally``."""
        iterator, self._iterator = self._iterator, None
        close = getattr(iterator, "aclose", None)
        if close is not None:
            await close()


class PieceReader(ABC):
    """Stands for ``StreamReader``, of a request or of a client's response, whoever made it."""

    @abstractmethod
    def iter_any(self) -> AsyncIterator[bytes]:
        """The body in pieces as they come."""

    @classmethod
    def __subclasshook__(cls, other: type, /) -> bool:
        return _has(other, "iter_any", "readany")


class PartReader(ABC):
    """Stands for ``BodyPartReader``, whoever made it."""

    @property
    @abstractmethod
    def name(self) -> str | None:
        """The name of the field that it is the value of."""

    @property
    @abstractmethod
    def filename(self) -> str | None:
        """The name of the file that it has the content of."""

    @abstractmethod
    async def read_chunk(self, size: int) -> bytes:
        """The next bytes, as they were sent; ``b""`` at the end."""

    @classmethod
    def __subclasshook__(cls, other: type, /) -> bool:
        return _has(other, "read_chunk", "decode", "name", "filename")


def _has(kind: type, *wanted: str) -> bool:
    return all(any(name in vars(base) for base in kind.__mro__) for name in wanted)


class StreamReaderPayload(AsyncIterablePayload):
    """What is left to be read of a ``StreamReader``, in pieces as they come."""

    def __init__(self, value: PieceReader, *args: Any, **kwargs: Any) -> None:
        super().__init__(value.iter_any(), *args, **kwargs)


class BodyPartReaderPayload(Payload):
    """What is left to be read of one part of a multipart body, decoded, with its name and filename."""

    def __init__(self, value: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(value, *args, **kwargs)
        known = {"name": value.name, "filename": value.filename}
        params = {name: text for name, text in known.items() if text is not None}
        if params:
            self.set_content_disposition("attachment", True, **params)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Raises `TypeError`: it can only be written."""
        raise TypeError("a part cannot be decoded before it is read: use part.text()")

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """Raises `TypeError`: it can only be written, because nobody knows how much there is."""
        raise TypeError("a part is not gathered in memory: use part.read()")

    async def write(self, writer: Writer) -> None:
        """Write what is left of it, decoded. Raises what reading it raises, too."""
        part = self._value
        self._consumed = True
        decode_iter = getattr(part, "decode_iter", None)
        while chunk := await part.read_chunk(size=FILE_PIECE):
            if decode_iter is None:
                await writer.write(part.decode(chunk))
                continue
            async for piece in decode_iter(chunk):
                await writer.write(piece)


class stream_wrapper:
    """What calling a `streamer` gives: the coroutine function with its arguments, still without a writer."""

    def __init__(
        self, coro: Callable[..., Awaitable[None]], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.coro = types.coroutine(coro)
        self.args = args
        self.kwargs = kwargs

    async def __call__(self, writer: Writer) -> None:
        await self.coro(writer, *self.args, **self.kwargs)


class streamer:
    """A decorator for a coroutine function that writes a body to its first argument. Deprecated, as in
    aiohttp: an asynchronous generator is a body by itself."""

    def __init__(self, coro: Callable[..., Awaitable[None]]) -> None:
        warnings.warn(
            "@streamer is deprecated: use an asynchronous generator", DeprecationWarning, stacklevel=2
        )
        self.coro = coro

    def __call__(self, *args: Any, **kwargs: Any) -> stream_wrapper:
        return stream_wrapper(self.coro, args, kwargs)


class StreamWrapperPayload(Payload):
    """What a `streamer` writes with the arguments that it was called with."""

    async def write(self, writer: Writer) -> None:
        """Have it written. Raises what the coroutine function raises."""
        await self._value(writer)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Raises `TypeError`: it can only be written."""
        raise TypeError("what a streamer writes cannot be decoded")


class StreamPayload(StreamWrapperPayload):
    """What a `streamer` writes that was not called."""

    def __init__(self, value: streamer, *args: Any, **kwargs: Any) -> None:
        super().__init__(value(), *args, **kwargs)
