"""Payloads that are in memory, what every payload has, and the registry. How they look as bodies is compared
with aiohttp's in tests/differential."""

import asyncio
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sketch import payload as payloads
from sketch.payload import (
    PAYLOAD_REGISTRY,
    BytesPayload,
    JsonBytesPayload,
    JsonPayload,
    Order,
    Payload,
    PayloadRegistry,
    StringIOPayload,
    StringPayload,
    get_payload,
    payload_type,
)
from sketch.payloadbase import Writer, is_payload, let_go


class Collector:
    """A writer that keeps what it is given."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    async def write(self, chunk: Any, /) -> None:
        self.pieces.append(bytes(chunk))

    @property
    def data(self) -> bytes:
        return b"".join(self.pieces)


def written(payload: Payload, length: int | None = None) -> bytes:
    """What a payload writes; its first ``length`` bytes."""
    writer = Collector()

    async def run() -> None:
        if length is None:
            await payload.write(writer)
        else:
            await payload.write_with_length(writer, length)

    asyncio.run(run())
    return writer.data


class Plain(Payload):
    """The least that a class of a program's own has to say."""

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return str(self._value)

    async def write(self, writer: Writer) -> None:
        await writer.write(str(self._value).encode())


# -- what every payload has ------------------------------------------------------------------------------


def test_the_defaults() -> None:
    payload = Plain("x")
    assert (payload.size, payload.filename, payload.encoding) == (None, None, None)
    assert (payload.consumed, payload.autoclose) == (False, False)
    assert payload.content_type == "application/octet-stream"
    assert list(payload.headers.items()) == [("Content-Type", "application/octet-stream")]
    asyncio.run(payload.close())
    assert written(payload, 5) == b"x"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"content_type": "a/b"}, "a/b"),
        ({"content_type": None}, "application/octet-stream"),
        ({"filename": "a.html"}, "text/html"),
        ({"filename": "a.html", "content_type": "a/b"}, "a/b"),
        ({"filename": "a.html", "content_type": None}, "text/html"),
        ({"filename": "nobody-knows.xyzzy"}, "application/octet-stream"),
        ({"headers": {"content-type": "a/b"}}, "a/b"),
        ({"headers": [("Content-Type", "a/b")], "content_type": "c/d"}, "a/b"),
        ({"unknown": 1}, "application/octet-stream"),
    ],
)
def test_the_type(options: dict[str, Any], expected: str) -> None:
    payload = Plain("x", **options)
    assert (payload.content_type, payload.headers.getall("Content-Type")) == (expected, [expected])


def test_the_disposition() -> None:
    payload = Plain("x")
    payload.set_content_disposition("attachment", filename="naïve.txt", name="a")
    assert payload.headers["Content-Disposition"] == 'attachment; filename="na%C3%AFve.txt"; name="a"'
    payload.set_content_disposition("form-data", quote_fields=False, name="ï")
    assert payload.headers["Content-Disposition"] == 'form-data; name="ï"'
    payload.set_content_disposition("form-data", True, "latin-1", filename="ï")
    assert payload.headers["Content-Disposition"] == 'form-data; filename="%EF"'
    with pytest.raises(ValueError, match="a b"):
        payload.set_content_disposition("a b")


def test_bytes_of_what_says_only_how_to_decode_it() -> None:
    assert asyncio.run(Plain("é").as_bytes()) == "é".encode()
    assert asyncio.run(Plain("é", encoding="latin-1").as_bytes("utf-16")) == b"\xe9"


def test_a_class_may_close_without_waiting() -> None:
    class Closing(Plain):
        def _close(self) -> None:
            closed.append(self)

    closed: list[Any] = []
    payload = Closing("x")
    asyncio.run(payload.close())
    assert closed == [payload]


def test_letting_go_of_what_others_made() -> None:
    class Sync:
        def close(self) -> None:
            closed.append(self)

    closed: list[Any] = []
    asyncio.run(let_go(Sync()))
    asyncio.run(let_go(object()))
    assert len(closed) == 1


# -- what is in memory -----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [b"abc", bytearray(b"abc"), memoryview(b"abc")])
def test_bytes(value: Any) -> None:
    payload = BytesPayload(value)
    assert (payload.size, payload.autoclose, payload.decode()) == (3, True, "abc")
    assert asyncio.run(payload.as_bytes()) == b"abc"
    assert written(payload) == written(payload) == b"abc"
    assert [written(payload, length) for length in (0, 2, 3, 4)] == [b"", b"ab", b"abc", b"abc"]


def test_a_view_of_larger_items() -> None:
    view = memoryview(b"abcdefgh").cast("I")
    payload = BytesPayload(view)
    assert (payload.size, written(payload), written(payload, 5)) == (8, b"abcdefgh", b"abcde")


def test_what_are_no_bytes() -> None:
    with pytest.raises(TypeError, match="byte-ish"):
        BytesPayload("text")  # type: ignore[arg-type]


def test_the_type_of_bytes_may_be_positional() -> None:
    assert BytesPayload(b"x", {}, "a/b").content_type == "a/b"
    assert BytesPayload(b"x", {"X-One": "1"}).headers["X-One"] == "1"


@pytest.mark.parametrize(
    ("options", "content_type", "encoding"),
    [
        ({}, "text/plain; charset=utf-8", "utf-8"),
        ({"encoding": "latin-1"}, "text/plain; charset=latin-1", "latin-1"),
        ({"content_type": "text/html"}, "text/html", "utf-8"),
        ({"content_type": "text/html; charset=latin-1"}, "text/html; charset=latin-1", "latin-1"),
        ({"content_type": "text/html", "encoding": "utf-16"}, "text/html", "utf-16"),
    ],
)
def test_texts(options: dict[str, Any], content_type: str, encoding: str) -> None:
    for payload in (StringPayload("é", **options), StringIOPayload(io.StringIO("é"), **options)):
        assert (payload.content_type, payload.encoding) == (content_type, encoding)
        assert written(payload) == "é".encode(encoding)
        assert payload.size == len("é".encode(encoding))
        assert payload.decode(encoding) == "é"


def test_json() -> None:
    payload = JsonPayload({"a": "é"})
    assert (payload.content_type, written(payload)) == ("application/json", b'{"a": "\\u00e9"}')
    assert payload.encoding == "utf-8"
    payload = JsonPayload(1, "utf-16", "a/b", str)
    assert (payload.content_type, written(payload)) == ("a/b", "1".encode("utf-16"))
    bytes_payload = JsonBytesPayload(1, lambda value: b"<1>", headers={"X-One": "1"})
    assert (bytes_payload.content_type, written(bytes_payload)) == ("application/json", b"<1>")
    assert bytes_payload.headers["X-One"] == "1"
    with pytest.raises(TypeError):
        JsonPayload(object())


# -- the registry ----------------------------------------------------------------------------------------


async def _nothing() -> Any:
    yield b""


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda path: b"x", "BytesPayload"),
        (lambda path: bytearray(b"x"), "BytesPayload"),
        (lambda path: memoryview(b"x"), "BytesPayload"),
        (lambda path: "x", "StringPayload"),
        (lambda path: io.StringIO("x"), "StringIOPayload"),
        (lambda path: io.BytesIO(b"x"), "BytesIOPayload"),
        (lambda path: path.open(), "TextIOPayload"),
        (lambda path: path.open("rb"), "BufferedReaderPayload"),
        (lambda path: path.open("r+b"), "BufferedReaderPayload"),
        (lambda path: path.open("rb", buffering=0), "IOBasePayload"),
        (lambda path: _nothing(), "AsyncIterablePayload"),
    ],
)
def test_what_is_made_of_what(make: Callable[[Path], Any], expected: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"x")
    payload = get_payload(make(path), headers={"X-One": "1"})
    assert type(payload).__name__ == expected
    assert getattr(payloads, expected) is type(payload)
    assert payload.headers["X-One"] == "1"
    assert PAYLOAD_REGISTRY.get(payload) is payload
    asyncio.run(payload.close())


@pytest.mark.parametrize("value", [5, object(), ["a"], {"a": 1}, None, _nothing])
def test_what_no_payload_is_made_of(value: Any) -> None:
    with pytest.raises(payloads.LookupError, match=type(value).__qualname__):
        get_payload(value)


class Animal:
    pass


class Cat(Animal):
    pass


def test_the_order_in_which_factories_are_asked() -> None:
    registry = PayloadRegistry()

    def register(name: str, kind: Any, **options: Any) -> None:
        registry.register(lambda value, *args, **kwargs: Plain(name, *args, **kwargs), kind, **options)

    def asked(value: Any) -> str:
        return registry.get(value).decode()

    register("anything", object, order=Order.try_last)
    assert asked(Cat()) == "anything"
    register("animal", Animal)
    assert (asked(Cat()), asked(5)) == ("animal", "anything")
    register("cat or number", (Cat, int))
    # The exact type goes before the order of registration.
    assert (asked(Cat()), asked(Animal()), asked(5)) == ("cat or number", "animal", "cat or number")
    register("first", Animal, order=Order.try_first)
    assert (asked(Cat()), asked(5)) == ("first", "cat or number")
    payload = Plain("itself")
    assert asked(payload) == "itself"
    assert asked(True) == "cat or number"


def test_an_order_that_is_none() -> None:
    with pytest.raises(ValueError, match="'sometimes'.*try_last"):
        PayloadRegistry().register(Plain, int, order="sometimes")  # type: ignore[arg-type]


def test_the_decorator() -> None:
    @payload_type(Cat)
    class CatPayload(Plain):
        pass

    assert type(get_payload(Cat())) is CatPayload


def test_what_passes_for_a_payload() -> None:
    class Duck:
        def __init__(self) -> None:
            self.headers: dict[str, str] = {}
            self.size = None

        async def write(self, writer: Any) -> None:
            raise AssertionError("not asked")

    assert is_payload(Plain("x"))
    duck: Any = Duck()
    assert is_payload(duck)
    assert get_payload(duck) is duck
    for value in (b"x", "x", io.BytesIO(), object(), {}):
        assert not is_payload(value)
