"""Multipart bodies that are made here. What aiohttp makes of the same parts, and what its client reads, is
compared in tests/differential; here a parser of the standard library is asked."""

import asyncio
import email
import email.message
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from sketch import web
from sketch.multipartwriter import MultipartWriter
from sketch.payload import BytesPayload, Payload, StringPayload

from .asking import ask_handler, fields_of
from .clientreader import client_reader
from .test_payload import Collector, Plain, written


def parse(writer: MultipartWriter) -> email.message.Message:
    """What the standard library makes of it."""
    head = f"Content-Type: {writer.content_type}\r\n\r\n".encode()
    message = email.message_from_bytes(head + written(writer))
    assert message.is_multipart()
    assert message.defects == []
    return message


def contents(writer: MultipartWriter) -> list[Any]:
    parts: Any = parse(writer).get_payload()
    return [part.get_payload(decode=True) for part in parts]


# -- boundaries ------------------------------------------------------------------------------------------


def test_a_boundary_is_made_up() -> None:
    boundaries = {MultipartWriter().boundary for _ in range(100)}
    assert len(boundaries) == 100
    assert all(re.fullmatch("[0-9a-f]{32}", boundary) for boundary in boundaries)


@pytest.mark.parametrize(
    ("boundary", "value"),
    [
        ("simple", "simple"),
        ("x" * 70, "x" * 70),
        ("'()+_,-./:=?", '"\'()+_,-./:=?"'),
        ("in between", '"in between"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
    ],
)
def test_a_boundary_is_quoted_where_it_has_to_be(boundary: str, value: str) -> None:
    writer = MultipartWriter("related", boundary)
    assert writer.content_type == f"multipart/related; boundary={value}"
    assert writer.boundary == boundary
    writer.append("text")
    assert contents(writer) == [b"text"]


@pytest.mark.parametrize("boundary", ["", " ", "end ", "x" * 71, "é", "a\nb", "a\x00b", "a\tb", "\x7f"])
def test_no_boundaries(boundary: str) -> None:
    with pytest.raises(ValueError, match="boundary should contain ASCII"):
        MultipartWriter(boundary=boundary)


def test_a_subtype_that_no_field_carries() -> None:
    with pytest.raises(ValueError, match="Content-Type"):
        MultipartWriter("mixed\r\nX-One: 1")


# -- parts -----------------------------------------------------------------------------------------------


def test_a_sequence_of_parts() -> None:
    with MultipartWriter() as writer:
        assert (len(writer), bool(writer), list(writer)) == (0, True, [])
        first = writer.append("text", {"X-One": "1"})
        second = writer.append_payload(BytesPayload(b"bytes", content_type="a/b"))
    assert (len(writer), writer.autoclose) == (2, True)
    assert [(payload, coding, encoding) for payload, coding, encoding in writer] == [
        (first, None, None),
        (second, None, None),
    ]
    assert (
        written(writer)
        == (
            f"--{writer.boundary}\r\nX-One: 1\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: 4\r\n\r\ntext\r\n--{writer.boundary}\r\nContent-Type: a/b\r\n"
            f"Content-Length: 5\r\n\r\nbytes\r\n--{writer.boundary}--\r\n"
        )
        .replace(
            "X-One: 1\r\nContent-Type: text/plain; charset=utf-8",
            "Content-Type: text/plain; charset=utf-8\r\nX-One: 1",
        )
        .encode()
    )


def test_what_can_be_a_part(tmp_path: Path) -> None:
    async def generate() -> AsyncIterator[bytes]:
        yield b"gener"
        yield b"ated"

    path = tmp_path / "a.txt"
    path.write_bytes(b"file")
    writer = MultipartWriter()
    values = [
        "text",
        b"bytes",
        io.StringIO("io"),
        io.BytesIO(b"more"),
        path.open("rb"),
        generate(),
        Plain("own"),
    ]
    for value in values:
        assert isinstance(writer.append(value), Payload)
    assert writer.size is None
    assert contents(writer) == [b"text", b"bytes", b"io", b"more", b"file", b"generated", b"own"]
    asyncio.run(writer.close())


@pytest.mark.parametrize("value", [5, None, ["a"], {"a": 1}])
def test_what_cannot(value: Any) -> None:
    with pytest.raises(TypeError, match=f"Cannot create payload from {re.escape(repr(value))}"):
        MultipartWriter().append(value)


def test_fields_of_parts_that_cannot_be_sent() -> None:
    writer = MultipartWriter()
    for headers in ({"X-One": "a\r\nX-Two: b"}, {"X One": "1"}, {"": "1"}):
        with pytest.raises(ValueError, match="field"):
            writer.append("x", headers)
    assert len(writer) == 0
    part = writer.append("x")
    part.headers["X-One"] = "a\r\nb"
    with pytest.raises(ValueError, match="X-One"):
        written(writer)


def test_fields_are_those_of_the_payload_and_those_that_are_given() -> None:
    payload = BytesPayload(b"x", {"X-One": "1", "X-Two": "2"})
    MultipartWriter().append(payload, {"x-one": "3"})
    assert (payload.headers.getall("X-One"), payload.headers["X-Two"]) == (["3"], "2")


def test_json_and_forms() -> None:
    writer = MultipartWriter()
    writer.append_json({"a": [1]}, {"X-One": "1"})
    writer.append_form([("a", "1"), ("a", "ü &")])
    several: Any = {"b": ["1", "2"]}
    writer.append_form(several, {"X-Two": "2"})
    assert contents(writer) == [b'{"a": [1]}', b"a=1&a=%C3%BC+%26", b"b=1&b=2"]
    types = [payload.content_type for payload, _, _ in writer]
    assert types == ["application/json", *["application/x-www-form-urlencoded"] * 2]
    assert [next(iter(writer)).payload.headers["X-One"]] == ["1"]
    values: list[Any] = ["a=1", b"a=1", 5]
    for value in values:
        with pytest.raises(TypeError, match="fields of a form"):
            writer.append_form(value)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "identity", "GZIP", ""])
@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "binary", "Base64", ""])
def test_encoded_parts(coding: str, encoding: str) -> None:
    """Read by aiohttp, because the standard library knows no content codings."""
    text = b"a line = a line\r\n" * 100
    headers = {"Content-Encoding": coding, "Content-Transfer-Encoding": encoding}
    writer = MultipartWriter(boundary="b")
    writer.append(text, {name: value for name, value in headers.items() if value})
    is_plain = coding in ("identity", "") and encoding in ("binary", "")
    assert (writer.size is not None) is is_plain
    assert ("Content-Length" in next(iter(writer)).payload.headers) is is_plain

    async def main() -> None:
        stream = client_reader(await writer.as_bytes())
        part = await aiohttp.MultipartReader(writer.headers, stream).next()
        assert isinstance(part, aiohttp.BodyPartReader)
        assert await part.read(decode=True) == text

    asyncio.run(main())


def test_encodings_that_nobody_knows() -> None:
    for name, value in (("Content-Encoding", "br"), ("Content-Transfer-Encoding", "7bit-ish")):
        with pytest.raises(RuntimeError, match=f"unknown content.*{value}"):
            MultipartWriter().append("x", {name: value})


def test_what_only_does_what_a_payload_does_can_be_a_part() -> None:
    class Duck:
        def __init__(self) -> None:
            self.headers = CIMultiDict({"X-One": "1"})
            self.size = 5

        async def write(self, writer: Any) -> None:
            await writer.write(b"qu")
            await writer.write(b"ack")

        def decode(self, encoding: str, errors: str) -> str:
            return "quack"

    for subtype in ("mixed", "form-data"):
        writer = MultipartWriter(subtype)
        writer.append(Duck(), {"X-Two": "2"})
        assert (contents(writer), writer.consumed) == ([b"quack"], False)
        assert (writer.size, writer.decode()) == (len(written(writer)), written(writer).decode())
        asyncio.run(writer.close())


# -- sizes -----------------------------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(
            st.binary(max_size=100),
            st.dictionaries(
                st.sampled_from(["X-One", "X-Two"]), st.text(st.characters(categories=["L", "N"]), max_size=5)
            ),
        ),
        max_size=5,
    ),
    st.sampled_from(["mixed", "form-data"]),
)
def test_the_size_is_that_of_what_is_written(parts: list[tuple[bytes, dict[str, str]]], subtype: str) -> None:
    writer = MultipartWriter(subtype)
    for data, headers in parts:
        writer.append(data, headers)
    data = written(writer)
    assert writer.size == len(data)
    assert asyncio.run(writer.as_bytes()) == data
    assert writer.decode(errors="replace") == data.decode(errors="replace")


def test_parts_that_are_added_to_a_part() -> None:
    outer = MultipartWriter()
    inner = outer.append(MultipartWriter("alternative"))
    assert isinstance(inner, MultipartWriter)
    before = outer.size
    assert before is not None
    inner.append("text")
    assert (outer.size or 0) > before
    assert outer.size == len(written(outer))
    assert inner.headers["Content-Length"] == str(len(written(inner)))
    parts: Any = parse(outer).get_payload()
    assert [part.get_payload(decode=True) for part in parts[0].get_payload()] == [b"text"]
    # Also where nobody asked how long it is.
    inner.append("more")
    data = written(outer)
    assert f"Content-Length: {inner.size}\r\n".encode() in data


def test_a_file_that_grows_in_the_meantime(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"abc")
    with path.open("rb") as file:
        writer = MultipartWriter()
        writer.append(file)
        size = writer.size
        with path.open("ab") as more:
            more.write(b"more")
        assert len(written(writer)) == size


def test_the_last_boundary_may_be_left_out() -> None:
    writer = MultipartWriter(boundary="b")
    collector = Collector()
    asyncio.run(writer.write(collector, close_boundary=False))
    assert collector.data == b""
    writer.append(b"x")
    asyncio.run(writer.write(collector, close_boundary=False))
    assert collector.data.endswith(b"\r\n\r\nx\r\n")


# -- forms -----------------------------------------------------------------------------------------------


def test_parts_of_a_form() -> None:
    writer = MultipartWriter("form-data")
    writer.append("one")
    writer.append(StringPayload("two"), {"Content-Disposition": 'form-data; name="second"'})
    dispositions = [part.payload.headers["Content-Disposition"] for part in writer]
    assert dispositions == ['form-data; name="section-0"', 'form-data; name="second"']
    assert all("Content-Length" not in part.payload.headers for part in writer)
    assert writer.size == len(written(writer))


@pytest.mark.parametrize("name", ["Content-Encoding", "Content-Transfer-Encoding", "content-length"])
def test_what_a_part_of_a_form_must_not_say(name: str) -> None:
    with pytest.raises(ValueError, match=f"(?i)form-data has no {name}"):
        MultipartWriter("form-data").append("x", {name: "1"})


def test_a_part_of_a_form_without_a_name() -> None:
    writer = MultipartWriter("form-data")
    writer.append("first")
    part = writer.append("second")
    for disposition in ("form-data", "form-data; name*=utf-8''%C3%BC"):
        part.headers["Content-Disposition"] = disposition
        with pytest.raises(ValueError, match=r"part 1 .*quote_fields=False"):
            written(writer)
    del part.headers["Content-Disposition"]
    collector = Collector()
    with pytest.raises(ValueError, match="part 1 of form-data has no name"):
        asyncio.run(writer.write(collector))
    # It is said before anything is written, so that it can be answered.
    assert collector.pieces == []


# -- the end ---------------------------------------------------------------------------------------------


def test_all_parts_are_closed(caplog: pytest.LogCaptureFixture) -> None:
    class Closing(Plain):
        async def close(self) -> None:
            closed.append(self._value)
            if self._value == "bad":
                raise OSError("cannot be closed")

    closed: list[str] = []
    writer = MultipartWriter()
    for name in ("one", "bad", "two"):
        writer.append(Closing(name))
    assert not writer.consumed

    async def main() -> None:
        await writer.close()
        await writer.close()

    asyncio.run(main())
    assert (closed, writer.consumed) == (["one", "bad", "two"], True)
    assert "part 1 of a multipart body" in caplog.text
    assert "cannot be closed" in caplog.text


def test_a_part_that_was_written_cannot_be_written_again() -> None:
    async def generate() -> AsyncIterator[bytes]:
        yield b"x"

    writer = MultipartWriter()
    writer.append(generate())
    assert not writer.consumed
    written(writer)
    assert writer.consumed


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_as_a_response(method: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"file")
    file = path.open("rb")
    is_closed: list[bool] = []

    async def generate() -> AsyncIterator[bytes]:
        try:
            yield b"x"
        finally:
            is_closed.append(True)

    async def handler(request: web.Request) -> web.Response:
        writer = MultipartWriter("mixed", boundary="b")
        writer.append(file)
        if "endless" in request.query:
            writer.append(generate())
        return web.Response(body=writer)

    exchange = ask_handler(handler, method, "/?endless")
    fields = dict(fields_of(exchange))
    assert fields["Content-Type"] == "multipart/mixed; boundary=b"
    assert fields.get("Content-Length") is None
    assert (b"file" in exchange.response_body) is (method == "GET")
    assert exchange.response_complete
    assert file.closed
    assert is_closed == ([True] if method == "GET" else [])
