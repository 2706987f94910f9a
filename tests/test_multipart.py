"""Readers of multipart bodies: which parts they give, in which pieces, and what they do not."""

import asyncio
import base64
import gzip
import warnings
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from sketch.multipart import NESTING, BodyPartReader, MultipartError, MultipartReader
from sketch.streams import StreamReader
from sketch.testing import MemoryExchange
from tests.conformance.driver import settle

FORM = {"Content-Type": "multipart/form-data; boundary=b"}
MIXED = {"Content-Type": "multipart/mixed; boundary=b"}


def stream(*pieces: bytes) -> StreamReader:
    """The pieces as a body that has arrived."""
    exchange = MemoryExchange("POST", body=None)
    for piece in pieces:
        exchange.feed(piece)
    exchange.feed_eof()
    return StreamReader(exchange)


def part(data: bytes, *fields: str) -> bytes:
    head = "".join(f"{field}\r\n" for field in fields).encode()
    return b"--b\r\n" + head + b"\r\n" + data + b"\r\n"


END = b"--b--\r\n"


def read(
    steps: Callable[[MultipartReader], Awaitable[object]],
    *pieces: bytes,
    headers: dict[str, str] = MIXED,
    **options: Any,
) -> None:
    """Run a coroutine function with a reader of a body, in these pieces, and byte by byte."""

    async def run(pieces: tuple[bytes, ...]) -> None:
        await steps(MultipartReader(headers, stream(*pieces), **options))

    asyncio.run(run(pieces))
    asyncio.run(run(tuple(bytes([octet]) for octet in b"".join(pieces))))


async def next_part(reader: MultipartReader) -> BodyPartReader:
    item = await reader.next()
    assert isinstance(item, BodyPartReader)
    return item


# -- parts -----------------------------------------------------------------------------------------------


def test_parts_come_one_after_the_other() -> None:
    async def steps(reader: MultipartReader) -> None:
        assert not reader.at_eof() and reader.headers is MIXED
        first = await next_part(reader)
        assert first.headers["x-name"] == "1"
        assert not first.at_eof()
        assert await first.read() == b"one"
        assert first.at_eof() and await first.read() == b""
        second = await next_part(reader)
        assert await second.read() == b"two"
        assert not reader.at_eof()
        assert await reader.next() is None and await reader.next() is None
        assert reader.at_eof()

    read(steps, part(b"one", "X-Name: 1"), part(b"two", "X-Name: 2") + END)


def test_iterating() -> None:
    async def steps(reader: MultipartReader) -> None:
        names = []
        async for item in reader:
            assert isinstance(item, BodyPartReader)
            names.append([data async for data in item])
        assert names == [[b"one"], [], [b"two"]]

    read(steps, part(b"one") + part(b"") + part(b"two") + END)


def test_what_was_not_read_is_skipped() -> None:
    async def steps(reader: MultipartReader) -> None:
        first = await next_part(reader)
        assert (await first.read_chunk(2)).startswith(b"o")
        second = await next_part(reader)
        # There is nothing left of the first, and it takes nothing of the second.
        assert await first.read() == b""
        assert first.at_eof()
        assert await second.read() == b"two"

    read(steps, part(b"one") + part(b"two") + END)


def test_release() -> None:
    async def steps(reader: MultipartReader) -> None:
        first = await next_part(reader)
        await first.release()
        assert first.at_eof() and await first.read_chunk() == b""
        await reader.release()
        assert reader.at_eof() and await reader.next() is None

    read(steps, part(b"one") + part(b"two") + part(b"three") + END)


def test_fetch_next_part_gives_all_parts() -> None:
    async def steps(reader: MultipartReader) -> None:
        item = await reader.fetch_next_part()
        assert isinstance(item, BodyPartReader) and item.name == "_charset_"
        assert await reader.fetch_next_part() is None

    read(steps, part(b"ascii", 'Content-Disposition: form-data; name="_charset_"') + END, headers=FORM)


# -- the data of a part ----------------------------------------------------------------------------------


def test_chunks() -> None:
    async def steps(reader: MultipartReader) -> None:
        item = await next_part(reader)
        chunks = []
        while chunk := await item.read_chunk(3):
            chunks.append(chunk)
        assert max(map(len, chunks)) <= 3
        assert b"".join(chunks) == b"0123456789"
        assert item.at_eof()
        with pytest.raises(ValueError, match="at least"):
            await item.read_chunk(0)

    read(steps, part(b"0123456789") + END)


def test_at_eof_is_known_with_the_last_chunk() -> None:
    async def steps(reader: MultipartReader) -> None:
        item = await next_part(reader)
        seen = b""
        while not item.at_eof():
            seen += await item.read_chunk(4)
        assert seen == b"0123456789"

    read(steps, part(b"0123456789") + END)


def test_chunks_are_not_copied() -> None:
    async def main() -> None:
        piece = b"x" * 100_000
        reader = MultipartReader(MIXED, stream(b"--b\r\n\r\nx", piece, b"\r\n" + END))
        item = await next_part(reader)
        assert await item.read_chunk(2**20) == b"x"
        assert await item.read_chunk(2**20) is piece

    asyncio.run(main())


@pytest.mark.parametrize("size", [1, 3, 4, 5, 100])
@pytest.mark.parametrize(
    "encode",
    [base64.b64encode, base64.encodebytes, lambda d: base64.encodebytes(d).replace(b"\n", b"\r\n" * 20)],
)
def test_chunks_of_base64_can_be_decoded_one_by_one(size: int, encode: Callable[[bytes], bytes]) -> None:
    data = bytes(range(256))

    async def steps(reader: MultipartReader) -> None:
        item = await next_part(reader)
        decoded = b""
        while chunk := await item.read_chunk(size):
            decoded += base64.b64decode(chunk)
        assert decoded == data

    read(steps, part(encode(data), "Content-Transfer-Encoding: Base64") + END)


def test_base64_that_ends_too_early_still_ends() -> None:
    async def steps(reader: MultipartReader) -> None:
        item = await next_part(reader)
        assert (
            b"".join([await item.read_chunk(4), await item.read_chunk(4), await item.read_chunk(4)])
            == b"QUJDQ"
        )

    read(steps, part(b"QUJDQ", "Content-Transfer-Encoding: base64") + END)


def test_lines() -> None:
    async def steps(reader: MultipartReader) -> None:
        item = await next_part(reader)
        lines = []
        while line := await item.readline():
            lines.append(line)
        assert lines == [b"one\n", b"two\r\n", b"\r\n", b"--c\n", b"end"]
        assert item.at_eof()

    read(steps, part(b"one\ntwo\r\n\r\n--c\nend") + END)


def test_a_line_is_bounded() -> None:
    async def main() -> None:
        reader = MultipartReader(MIXED, stream(*[b"--b\r\n\r\n", *[b"x" * 2**16] * 9, b"\r\n" + END]))
        item = await next_part(reader)
        with pytest.raises(ValueError, match="a line of more than 524288 bytes"):
            await item.readline()

    asyncio.run(main())


def test_text_json_and_form() -> None:
    async def steps(reader: MultipartReader) -> None:
        assert await (await next_part(reader)).text() == "ü"
        assert await (await next_part(reader)).text() == "ü"
        assert await (await next_part(reader)).text(encoding="utf-16") == "ü"
        assert await (await next_part(reader)).json() == {"a": 1}
        assert await (await next_part(reader)).json() is None
        assert await (await next_part(reader)).form() == [("a", "1"), ("b", ""), ("a", "ü x")]
        assert await (await next_part(reader)).form() == []
        assert await (await next_part(reader)).form(encoding="latin-1") == [("ü", "ü")]

    read(
        steps,
        part("ü".encode()),
        part(b"\xfc", "Content-Type: text/plain; charset=latin-1"),
        part("ü".encode("utf-16")),
        part(b'{"a": 1}', "Content-Type: application/json"),
        part(b""),
        part(b"a=1&b=&a=%c3%bc+x\r\n"),
        part(b""),
        part(b"\xfc=%fc") + END,
    )


def test_text_that_is_none() -> None:
    async def steps(reader: MultipartReader) -> None:
        with pytest.raises(UnicodeDecodeError):
            await (await next_part(reader)).text()
        with pytest.raises(LookupError, match="punycode"):
            await (await next_part(reader)).text()

    read(steps, part(b"\xff"), part(b"a-b", "Content-Type: text/plain; charset=punycode") + END)


def test_names() -> None:
    async def steps(reader: MultipartReader) -> None:
        item = await next_part(reader)
        assert (item.name, item.filename) == ("a", "ü.txt")
        item = await next_part(reader)
        assert (item.name, item.filename) == (None, None)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            item = await next_part(reader)
            assert (item.name, item.filename) == (None, None)

    read(
        steps,
        part(b"", "Content-Disposition: form-data; name=\"a\"; filename*=utf-8''%c3%bc.txt"),
        part(b""),
        part(b"", "Content-Disposition: form-data; name=") + END,
        headers=FORM,
    )


def test_the_charset_of_a_form() -> None:
    field = 'Content-Disposition: form-data; name="{}"'

    async def steps(reader: MultipartReader) -> None:
        item = await next_part(reader)
        assert item.name == "a" and item.get_charset("utf-8") == "latin-1"
        assert await item.text() == "ü"
        item = await next_part(reader)
        assert item.get_charset("x") == "utf-8"
        assert await reader.next() is None

    read(
        steps,
        part(b" latin-1\r\n", field.format("_charset_")),
        part(b"\xfc", field.format("a")),
        part(b"\xc3\xbc", field.format("b"), "Content-Type: text/plain; charset=utf-8") + END,
        headers=FORM,
    )


def test_in_other_bodies_that_name_means_nothing() -> None:
    async def steps(reader: MultipartReader) -> None:
        assert (await next_part(reader)).name == "_charset_"

    read(steps, part(b"ascii", 'Content-Disposition: form-data; name="_charset_"') + END)


@pytest.mark.parametrize("charset", [b"x" * 32, b"\xc3\xbc"])
def test_a_form_whose_charset_is_none(charset: bytes) -> None:
    async def steps(reader: MultipartReader) -> None:
        with pytest.raises(MultipartError, match="_charset_ is no charset"):
            await reader.next()

    read(steps, part(charset, 'Content-Disposition: form-data; name="_charset_"') + END, headers=FORM)


# -- encodings -------------------------------------------------------------------------------------------

DATA = bytes(range(256)) * 40
ENCODED: dict[str, tuple[bytes, list[str]]] = {
    "nothing": (DATA, []),
    "binary": (DATA, ["Content-Transfer-Encoding: binary"]),
    "base64": (base64.encodebytes(DATA), ["Content-Transfer-Encoding: base64"]),
    "gzip": (gzip.compress(DATA, mtime=0), ["Content-Encoding: gzip"]),
    "deflate": (zlib.compress(DATA), ["Content-Encoding: deflate"]),
    "both": (
        base64.encodebytes(gzip.compress(DATA, mtime=0)),
        ["Content-Encoding: gzip", "Content-Transfer-Encoding: base64"],
    ),
}


@pytest.mark.parametrize("name", ENCODED)
def test_decoding(name: str) -> None:
    encoded, fields = ENCODED[name]

    async def whole(reader: MultipartReader) -> None:
        assert await (await next_part(reader)).read() == encoded
        item = await next_part(reader)
        assert await item.read(decode=True) == DATA

    async def afterwards(reader: MultipartReader) -> None:
        item = await next_part(reader)
        raw = await item.read()
        assert item.decode(raw) == DATA
        assert item.decode(raw) == DATA
        assert b"".join([piece async for piece in item.decode_iter(bytearray(raw))]) == DATA

    async def chunk_by_chunk(reader: MultipartReader) -> None:
        item = await next_part(reader)
        decoded = b""
        while chunk := await item.read_chunk(100):
            decoded += b"".join([piece async for piece in item.decode_iter(chunk)])
        assert decoded == DATA

    for steps in (whole, afterwards, chunk_by_chunk):
        read(steps, part(encoded, *fields), part(encoded, *fields) + END)


def test_forms_have_no_content_codings() -> None:
    async def steps(reader: MultipartReader) -> None:
        assert await (await next_part(reader)).read(decode=True) == b"not gzip"

    read(steps, part(b"not gzip", "Content-Encoding: gzip", "Content-Length: 3") + END, headers=FORM)


@pytest.mark.parametrize(
    ("data", "field", "message"),
    [
        (b"x", "Content-Encoding: compress", "unknown content encoding"),
        (b"x", "Content-Transfer-Encoding: x", "unknown content transfer encoding"),
        (b"QUJ", "Content-Transfer-Encoding: base64", "not base64"),
        (gzip.compress(b"x", mtime=0)[:-1], "Content-Encoding: gzip", "ends in the middle"),
        (b"nonsense", "Content-Encoding: gzip", "not gzip"),
    ],
)
def test_what_cannot_be_decoded(data: bytes, field: str, message: str) -> None:
    async def steps(reader: MultipartReader) -> None:
        item = await next_part(reader)
        with pytest.raises(ValueError, match=message):
            await item.read(decode=True)
        # The body itself is in order.
        assert await (await next_part(reader)).read() == b"two"

    read(steps, part(data, field) + part(b"two") + END)


class TooLarge(Exception):
    pass


def test_a_part_that_is_too_large() -> None:
    async def steps(reader: MultipartReader) -> None:
        assert await (await next_part(reader)).read() == b"x" * 10
        with pytest.raises(TooLarge) as caught:
            await (await next_part(reader)).read()
        assert caught.value.args == (10,)
        # In chunks there is no bound.
        item = await next_part(reader)
        seen = 0
        while chunk := await item.read_chunk():
            seen += len(chunk)
        assert seen == 11

    read(
        steps,
        part(b"x" * 10) + part(b"x" * 11) + part(b"x" * 11) + END,
        client_max_size=10,
        max_size_error_cls=TooLarge,
    )


def test_a_part_that_unfolds_to_too_much() -> None:
    async def steps(reader: MultipartReader) -> None:
        item = await next_part(reader)
        with pytest.raises(TooLarge):
            await item.read(decode=True)
        item = await next_part(reader)
        data = await item.read()
        with pytest.raises(TooLarge):
            item.decode(data)

    bomb = part(gzip.compress(bytes(2**22)), "Content-Encoding: gzip")
    read(steps, bomb + bomb + END, client_max_size=2**20, max_size_error_cls=TooLarge)


def test_others_run_while_a_part_unfolds() -> None:
    async def main() -> None:
        bomb = part(gzip.compress(bytes(2**24)), "Content-Encoding: gzip") + END
        item = await next_part(MultipartReader(MIXED, stream(bomb)))
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        assert len(await item.read(decode=True)) == 2**24
        counting.cancel()
        assert turns >= 2**24 / 2**18

    asyncio.run(main())


# -- lengths ---------------------------------------------------------------------------------------------


def test_a_length_that_is_right() -> None:
    async def steps(reader: MultipartReader) -> None:
        assert await (await next_part(reader)).read() == b"one"

    read(steps, part(b"one", "Content-Length: 3") + END)


@pytest.mark.parametrize("length", ["2", "4", "0"])
def test_a_length_that_is_wrong(length: str) -> None:
    async def steps(reader: MultipartReader) -> None:
        item = await next_part(reader)
        with pytest.raises(ValueError, match=f"Content-Length of a part is {length}, and it has 3 bytes"):
            await item.read()
        with pytest.raises(ValueError, match="Content-Length"):
            await item.read()

    read(steps, part(b"one", f"Content-Length: {length}") + END)


@pytest.mark.parametrize("length", ["-1", "+3", "3_0", "x", "", "٣", "1" * 5000])
def test_a_length_that_is_none(length: str) -> None:
    async def steps(reader: MultipartReader) -> None:
        with pytest.raises(ValueError, match="invalid Content-Length"):
            await reader.next()

    read(steps, part(b"one", f"Content-Length: {length}") + END)


def test_a_part_that_was_left_early_has_no_wrong_length() -> None:
    async def steps(reader: MultipartReader) -> None:
        first = await next_part(reader)
        await next_part(reader)
        assert await first.read() == b""

    read(steps, part(b"one", "Content-Length: 3") + part(b"two") + END)


# -- nesting ---------------------------------------------------------------------------------------------

INNER = b"--i\r\n\r\none\r\n--i\r\n\r\ntwo\r\n--i--\r\nepilogue"


def test_nested_bodies() -> None:
    async def steps(reader: MultipartReader) -> None:
        inner = await reader.next()
        assert isinstance(inner, MultipartReader)
        seen = []
        async for item in inner:
            assert isinstance(item, BodyPartReader)
            seen.append(await item.read())
        assert seen == [b"one", b"two"] and inner.at_eof()
        assert await (await next_part(reader)).read() == b"last"

    read(steps, part(INNER, "Content-Type: multipart/mixed; boundary=i") + part(b"last") + END)


def test_a_nested_body_that_is_left_early() -> None:
    async def steps(reader: MultipartReader) -> None:
        inner = await reader.next()
        assert isinstance(inner, MultipartReader)
        first = await next_part(inner)
        assert await (await next_part(reader)).read() == b"last"
        assert await first.read_chunk() == b""
        assert await inner.next() is None and inner.at_eof()
        assert await reader.next() is None

    read(steps, part(INNER, "Content-Type: multipart/mixed; boundary=i") + part(b"last") + END)


def test_a_nested_body_that_is_released() -> None:
    async def steps(reader: MultipartReader) -> None:
        inner = await reader.next()
        assert isinstance(inner, MultipartReader)
        await inner.release()
        assert await (await next_part(reader)).read() == b"last"

    read(steps, part(INNER, "Content-Type: multipart/mixed; boundary=i") + part(b"last") + END)


def test_the_outer_boundary_ends_the_inner_body() -> None:
    async def steps(reader: MultipartReader) -> None:
        inner = await reader.next()
        assert isinstance(inner, MultipartReader)
        with pytest.raises(ValueError, match="before its last boundary"):
            await inner.release()
        # The outer body is in order.
        assert await (await next_part(reader)).read() == b"last"

    read(steps, part(b"--i\r\n\r\none", "Content-Type: multipart/mixed; boundary=i") + part(b"last") + END)


def test_a_nested_body_without_a_boundary() -> None:
    async def steps(reader: MultipartReader) -> None:
        with pytest.raises(ValueError, match="boundary missed"):
            await reader.next()

    read(steps, part(b"", "Content-Type: multipart/mixed") + END)


def test_nesting_is_bounded() -> None:
    def nest(depth: int) -> bytes:
        if depth == 0:
            return b"x"
        edge = b"--b%d" % depth
        inner = b"Content-Type: multipart/mixed; boundary=b%d\r\n" % (depth - 1) if depth > 1 else b""
        return edge + b"\r\n" + inner + b"\r\n" + nest(depth - 1) + b"\r\n" + edge + b"--"

    async def main(depth: int) -> None:
        headers = {"Content-Type": f"multipart/mixed; boundary=b{depth}"}
        reader: Any = MultipartReader(headers, stream(nest(depth)))
        for _ in range(depth):
            reader = await reader.next()
        assert await reader.read() == b"x"

    asyncio.run(main(NESTING))
    with pytest.raises(ValueError, match=f"nested more than {NESTING} deep"):
        asyncio.run(main(NESTING + 1))


def test_readers_of_one_s_own() -> None:
    class Part(BodyPartReader):
        pass

    class Reader(MultipartReader):
        part_reader_cls = Part

    class Other(MultipartReader):
        pass

    class Mixed(MultipartReader):
        multipart_reader_cls = Other

    async def main() -> None:
        body = part(INNER, "Content-Type: multipart/mixed; boundary=i") + part(b"x") + END
        reader: MultipartReader = Reader(MIXED, stream(body))
        assert type(await reader.next()) is Reader
        assert type(await reader.next()) is Part
        reader = Mixed(MIXED, stream(body))
        assert type(await reader.next()) is Other

    asyncio.run(main())


# -- what is wrong ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "not a multipart type"),
        ({"Content-Type": "text/plain"}, "not a multipart type"),
        ({"Content-Type": "multipart/mixed"}, "boundary missed"),
        ({"Content-Type": f"multipart/mixed; boundary={'x' * 71}"}, "not a boundary"),
    ],
)
def test_a_body_that_is_not_multipart(headers: dict[str, str], message: str) -> None:
    async def main() -> None:
        with pytest.raises(MultipartError, match=message):
            MultipartReader(headers, stream())

    asyncio.run(main())


def test_what_is_wrong_stays_wrong() -> None:
    async def steps(reader: MultipartReader) -> None:
        item = await next_part(reader)
        for _ in range(2):
            with pytest.raises(MultipartError, match="before its last boundary"):
                await item.read()
            with pytest.raises(MultipartError, match="before its last boundary"):
                await reader.next()

    read(steps, b"--b\r\n\r\none")


def test_errors_of_one_s_own() -> None:
    class Wrong(Exception):
        pass

    async def steps(reader: MultipartReader) -> None:
        inner = await reader.next()
        assert isinstance(inner, MultipartReader)
        with pytest.raises(Wrong, match="before its first boundary") as caught:
            await inner.next()
        assert isinstance(caught.value.__cause__, MultipartError)
        with pytest.raises(Wrong, match="unknown content"):
            await (await next_part(reader)).read(decode=True)
        with pytest.raises(Wrong, match="before its last boundary"):
            await reader.next()

    bodies = part(b"", "Content-Type: multipart/mixed; boundary=i") + part(b"x", "Content-Encoding: x")
    bodies += b"--b\r\n"
    read(steps, bodies, make_error=Wrong)
    with pytest.raises(Wrong):
        read(steps, bodies, headers={}, make_error=Wrong)


def test_limits_of_heads() -> None:
    async def steps(reader: MultipartReader) -> None:
        with pytest.raises(ValueError, match="has more than 10 bytes"):
            await reader.next()

    read(steps, part(b"", "X: " + "x" * 10) + END, max_field_size=10)

    async def count(reader: MultipartReader) -> None:
        with pytest.raises(ValueError, match="more than 1 header fields"):
            await reader.next()

    read(count, part(b"", "X: y", "X: z") + END, max_headers=1)


# -- cancellation ----------------------------------------------------------------------------------------


def test_cancelling_loses_nothing() -> None:
    async def main() -> None:
        exchange = MemoryExchange("POST", body=None)
        reader = MultipartReader(MIXED, StreamReader(exchange))

        async def cancel(waiting: Awaitable[object]) -> None:
            task = asyncio.ensure_future(waiting)
            await settle()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        await cancel(reader.next())
        exchange.feed(b"--b\r\nX: ")
        await cancel(reader.next())
        exchange.feed(b"y\r\n\r\none\ntw")
        item = await next_part(reader)
        await cancel(item.read())
        exchange.feed(b"o")
        await cancel(item.read(decode=True))
        assert await item.readline() == b"one\n"
        await cancel(item.readline())
        assert await item.read_chunk(1) == b"t"
        exchange.feed(b"\r\n--")
        await cancel(item.release())
        exchange.feed(b"b--\r\n")
        exchange.feed_eof()
        assert await item.read() == b""
        assert await reader.next() is None

    asyncio.run(main())


def test_one_at_a_time_may_wait() -> None:
    async def main() -> None:
        exchange = MemoryExchange("POST", body=None)
        reader = MultipartReader(MIXED, StreamReader(exchange))
        task = asyncio.create_task(reader.next())
        await settle()
        with pytest.raises(RuntimeError, match="another task"):
            await reader.next()
        exchange.feed(part(b"one") + END)
        exchange.feed_eof()
        assert await task is not None

    asyncio.run(main())


# -- other streams ---------------------------------------------------------------------------------------


class Plain:
    """A stream that has `read` and nothing else."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def read(self, n: int, /) -> bytes:
        data, self._body = self._body[: min(n, 5)], self._body[min(n, 5) :]
        return data


def test_a_stream_that_can_only_be_read() -> None:
    async def main() -> None:
        reader = MultipartReader(MIXED, Plain(part(b"one") + part(b"two") + END))
        assert [await item.read() async for item in reader if isinstance(item, BodyPartReader)] == [
            b"one",
            b"two",
        ]

    asyncio.run(main())


def test_a_part_that_somebody_made() -> None:
    async def main() -> None:
        headers = CIMultiDictProxy(CIMultiDict({"Content-Type": "text/plain; charset=latin-1"}))
        item = BodyPartReader(b"--b", headers, Plain(b"\xfc\r\n--b--"))
        assert await item.text() == "ü"
        item = BodyPartReader(b"--b", headers, Plain(b"--b--"))
        assert await item.read() == b""

    asyncio.run(main())


class Response:
    """What is needed of a client's response."""

    def __init__(self, body: bytes) -> None:
        self.headers = MIXED
        self.content = stream(body)
        self.released = 0

    def release(self) -> None:
        self.released += 1


def test_a_response_is_released_after_its_last_part() -> None:
    async def main() -> None:
        response = Response(part(b"one") + part(b"two") + END)
        wrapper = MultipartReader.from_response(response)
        seen = [await item.read() async for item in wrapper if isinstance(item, BodyPartReader)]
        assert seen == [b"one", b"two"] and response.released == 1
        assert wrapper.at_eof()

    asyncio.run(main())
