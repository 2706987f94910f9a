"""The kinds of payloads, and which of them is made of what: `PAYLOAD_REGISTRY`.

What is in memory is here; files and what comes piece by piece have rooms of their own (`filepayload`,
`streampayload`).
"""

import io
import json
from collections.abc import AsyncIterable, Callable, Iterable
from enum import StrEnum
from itertools import chain
from typing import IO, Any, Final, TypeVar

from .filepayload import BufferedReaderPayload, BytesIOPayload, IOBasePayload, TextIOPayload
from .http.exchange import Bytes
from .http.mediatype import DEFAULT_CONTENT_TYPE
from .payloadbase import Payload, Writer, is_payload, text_type
from .streampayload import (
    AsyncIterablePayload,
    BodyPartReaderPayload,
    PartReader,
    PieceReader,
    StreamPayload,
    StreamReaderPayload,
    StreamWrapperPayload,
    stream_wrapper,
    streamer,
)

__all__ = [
    "PAYLOAD_REGISTRY",
    "AsyncIterablePayload",
    "BodyPartReaderPayload",
    "BufferedReaderPayload",
    "BytesIOPayload",
    "BytesPayload",
    "IOBasePayload",
    "JsonBytesPayload",
    "JsonPayload",
    "LookupError",
    "Order",
    "Payload",
    "PayloadRegistry",
    "StreamReaderPayload",
    "StringIOPayload",
    "StringPayload",
    "TextIOPayload",
    "get_payload",
    "payload_type",
    "register_payload",
    "streamer",
]

Factory = Callable[..., Payload]
"""Makes a payload of a value: as a rule its class."""

F = TypeVar("F", bound=Factory)


# -- the registry ----------------------------------------------------------------------------------------


class LookupError(Exception):
    """No payload can be made of a value of this type (aiohttp documentation)."""


class Order(StrEnum):
    """When a factory is asked, among all whose type a value is of."""

    normal = "normal"
    try_first = "try_first"
    try_last = "try_last"


class PayloadRegistry:
    """Which factory makes a payload of which type (aiohttp documentation, ``PAYLOAD_REGISTRY``).

    Those that are registered to be tried first come first; then the one for exactly the type of the value;
    then those for a type that it is an instance of, in the order in which they were registered.
    """

    __slots__ = ("_exact", "_first", "_last", "_normal")

    def __init__(self) -> None:
        self._first: list[tuple[Factory, Any]] = []
        self._normal: list[tuple[Factory, Any]] = []
        self._last: list[tuple[Factory, Any]] = []
        self._exact: dict[type, Factory] = {}

    def get(self, data: Any, *args: Any, **kwargs: Any) -> Payload:
        """A payload of a value, made with these arguments; the value itself, if it is a payload.

        Raises `LookupError` for a value of which none can be made, and what the factory raises."""
        for factory, kind in self._first:
            if isinstance(data, kind):
                return factory(data, *args, **kwargs)
        exact = self._exact.get(type(data))
        if exact is not None:
            return exact(data, *args, **kwargs)
        if is_payload(data):
            return data  # type: ignore[no-any-return]
        for factory, kind in chain(self._normal, self._last):
            if isinstance(data, kind):
                return factory(data, *args, **kwargs)
        raise LookupError(f"no payload can be made of a {type(data).__qualname__}: register a class for it")

    def register(self, factory: Factory, type: Any, *, order: Order = Order.normal) -> None:
        """Have ``factory(value, ...)`` make payloads of a type, or of each in a tuple of types.

        Raises `ValueError` for an order that is none."""
        match order:
            case Order.try_first:
                self._first.append((factory, type))
            case Order.normal:
                self._normal.append((factory, type))
                self._exact.update(dict.fromkeys(type if isinstance(type, Iterable) else (type,), factory))
            case Order.try_last:
                self._last.append((factory, type))
            case _:
                raise ValueError(f"order {order!r} is none of {', '.join(map(str, Order))}")


PAYLOAD_REGISTRY: Final = PayloadRegistry()
"""The one that response bodies and parts of multipart bodies go through."""


def get_payload(data: Any, *args: Any, **kwargs: Any) -> Payload:
    """`PayloadRegistry.get` of `PAYLOAD_REGISTRY`."""
    return PAYLOAD_REGISTRY.get(data, *args, **kwargs)


def register_payload(factory: Factory, type: Any, *, order: Order = Order.normal) -> None:
    """`PayloadRegistry.register` of `PAYLOAD_REGISTRY`."""
    PAYLOAD_REGISTRY.register(factory, type, order=order)


class payload_type:
    """A decorator that registers a payload class for a type: ``@payload_type(Picture)``."""

    def __init__(self, type: Any, *, order: Order = Order.normal) -> None:
        self.type = type
        self.order = order

    def __call__(self, factory: F) -> F:
        register_payload(factory, self.type, order=self.order)
        return factory


# -- what is in memory -----------------------------------------------------------------------------------


class BytesPayload(Payload):
    """Bytes. Raises `TypeError` for anything else."""

    _value: Bytes
    _size: int
    _autoclose = True

    def __init__(self, value: Bytes, *args: Any, **kwargs: Any) -> None:
        if not isinstance(value, bytes | bytearray | memoryview):
            raise TypeError(f"value argument must be byte-ish, not {type(value)!r}")
        if len(args) < 2:
            kwargs.setdefault("content_type", DEFAULT_CONTENT_TYPE)
        super().__init__(value, *args, **kwargs)
        self._size = value.nbytes if isinstance(value, memoryview) else len(value)

    @property
    def size(self) -> int:
        """Their number."""
        return self._size

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The bytes as text."""
        return str(self._value, encoding, errors)

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """The bytes as they are."""
        return bytes(self._value)

    async def write(self, writer: Writer) -> None:
        """Write all of them."""
        await writer.write(self._value)

    async def write_with_length(self, writer: Writer, content_length: int | None) -> None:
        """Write the first ``content_length`` of them."""
        whole = content_length is None or content_length >= self._size
        await writer.write(self._value if whole else memoryview(self._value).cast("B")[:content_length])


class StringPayload(BytesPayload):
    """A text. Its charset is the ``encoding``, or that of the ``content_type``, or UTF-8."""

    def __init__(
        self,
        value: str,
        *args: Any,
        encoding: str | None = None,
        content_type: str | None = None,
        **kwargs: Any,
    ) -> None:
        content_type, encoding = text_type(content_type, encoding)
        super().__init__(
            value.encode(encoding), *args, encoding=encoding, content_type=content_type, **kwargs
        )


class StringIOPayload(StringPayload):
    """What is left to be read of a text file in memory. It is read at once."""

    def __init__(self, value: IO[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(value.read(), *args, **kwargs)


class JsonPayload(BytesPayload):
    """A value as JSON. Raises what ``dumps`` raises."""

    def __init__(
        self,
        value: Any,
        encoding: str = "utf-8",
        content_type: str = "application/json",
        dumps: Callable[[Any], str] = json.dumps,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        data = dumps(value).encode(encoding)
        super().__init__(data, *args, content_type=content_type, encoding=encoding, **kwargs)


class JsonBytesPayload(BytesPayload):
    """`JsonPayload` for encoders that return bytes."""

    def __init__(
        self,
        value: Any,
        dumps: Callable[[Any], bytes],
        content_type: str = "application/json",
        *args: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(dumps(value), *args, content_type=content_type, **kwargs)


PAYLOAD_REGISTRY.register(BytesPayload, (bytes, bytearray, memoryview))
PAYLOAD_REGISTRY.register(StringPayload, str)
PAYLOAD_REGISTRY.register(StringIOPayload, io.StringIO)
PAYLOAD_REGISTRY.register(TextIOPayload, io.TextIOBase)
PAYLOAD_REGISTRY.register(BytesIOPayload, io.BytesIO)
PAYLOAD_REGISTRY.register(BufferedReaderPayload, (io.BufferedReader, io.BufferedRandom))
PAYLOAD_REGISTRY.register(IOBasePayload, io.IOBase)
PAYLOAD_REGISTRY.register(StreamWrapperPayload, stream_wrapper)
PAYLOAD_REGISTRY.register(StreamPayload, streamer)
# Readers are asynchronous iterables, too, and better read otherwise than by iterating: by line, most of them.
PAYLOAD_REGISTRY.register(BodyPartReaderPayload, PartReader, order=Order.try_first)
PAYLOAD_REGISTRY.register(StreamReaderPayload, PieceReader)
PAYLOAD_REGISTRY.register(AsyncIterablePayload, AsyncIterable, order=Order.try_last)
