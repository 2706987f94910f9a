"""The ways to read a body, over the in-memory exchange."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sketch.http.errors import Disconnected, RemoteProtocolError
from sketch.streams import EMPTY_PAYLOAD, BodyTooLarge, EofStream, StreamReader, read_rest, read_whole
from sketch.testing import MemoryExchange
from tests.conformance.driver import settle

Result = TypeVar("Result")


def run(coroutine: Coroutine[Any, Any, Result]) -> Result:
    async def guarded() -> Result:
        async with asyncio.timeout(10):
            return await coroutine

    return asyncio.run(guarded())


def upload(*pieces: bytes, eof: bool = True) -> MemoryExchange:
    exchange = MemoryExchange("POST", body=None)
    for piece in pieces:
        exchange.feed(piece)
    if eof:
        exchange.feed_eof()
    return exchange


# -- pieces, lines and sizes ---------------------------------------------------------------------------


def test_whole_pieces_are_passed_on_without_a_copy() -> None:
    piece = bytes(100_000)

    async def scenario() -> None:
        assert await StreamReader(upload(piece)).readany() is piece
        assert await StreamReader(upload(piece)).read() is piece
        assert await StreamReader(upload(piece)).read(200_000) is piece
        assert await StreamReader(upload(piece)).readexactly(100_000) is piece
        assert (await StreamReader(upload(piece)).readchunk())[0] is piece
        assert await read_whole(upload(piece)) is piece

    run(scenario())


def test_what_is_there_is_read_without_waiting() -> None:
    """A coroutine that never suspends ends in its first step."""
    reader = StreamReader(upload(b"one\ntwo\n", b"three", eof=False))
    for coroutine in (reader.readline(), reader.read(2), reader.readexactly(3), reader.readany()):
        with pytest.raises(StopIteration):
            coroutine.send(None)


@pytest.mark.parametrize("bound", [None, 4])
def test_a_line_beyond_the_bound(bound: int | None) -> None:
    async def scenario() -> None:
        reader = StreamReader(upload(b"abc", b"de\n", b"f\n"), limit=5 if bound is None else 100)
        with pytest.raises(ValueError, match="Chunk too big"):
            await reader.readline(max_line_length=bound)
        assert await reader.readline() == b"f\n"

    run(scenario())


def test_a_line_of_exactly_the_bound() -> None:
    assert run(StreamReader(upload(b"ab", b"c\n"), limit=4).readline()) == b"abc\n"


def test_readany_stops_at_its_limit_while_the_body_fills_up_behind_it() -> None:
    class Endless:
        body_complete = False

        def read_nowait(self) -> bytes:
            return b"0123456789"

        async def read(self) -> bytes:
            raise AssertionError("there is always a piece")

    reader = StreamReader(Endless(), limit=25)
    assert len(run(reader.readany())) == 30
    assert len(reader.read_nowait()) == 30


async def _read_lines(size: int) -> None:
    lines = 0
    async for _ in StreamReader(upload(b"0123456\n" * (size // 8))):
        lines += 1
    assert lines == size // 8


async def _read_small_pieces(size: int) -> None:
    reader = StreamReader(upload(*[b"01234567"] * (size // 8)))
    assert len(await reader.readexactly(size)) == size


async def _read_one_long_line(size: int) -> None:
    reader = StreamReader(upload(*[b"01234567"] * (size // 8)), limit=2 * size)
    assert len(await reader.readuntil(b"\r\n")) == size


async def _unread_small_pieces(size: int) -> None:
    reader = StreamReader(upload(bytes(size)))
    await reader.read(1)
    with pytest.warns(DeprecationWarning):
        for _ in range(size // 64):
            reader.unread_data(b"x")
    assert len(await reader.read()) == size - 1 + size // 64


@pytest.mark.parametrize("work", [_read_lines, _read_small_pieces, _read_one_long_line, _unread_small_pieces])
@pytest.mark.timeout(60)
def test_the_time_grows_with_the_size_and_not_faster(
    work: Callable[[int], Coroutine[Any, Any, object]],
) -> None:
    # If something were copied each time, this would take minutes; as it is, a second.
    run(work(2**23))


# -- the end -------------------------------------------------------------------------------------------


def test_eof_has_arrived_before_it_is_reached() -> None:
    async def scenario() -> None:
        exchange = upload(b"abc", eof=False)
        reader = StreamReader(exchange)
        assert not reader.is_eof()
        exchange.feed_eof()
        assert reader.is_eof() and not reader.at_eof()
        assert await reader.read(2) == b"ab"
        assert not reader.at_eof()
        assert await reader.read(2) == b"c"
        assert reader.at_eof()
        assert await reader.read(2) == b"" == await reader.readany() == await reader.readline()
        assert await reader.readchunk() == (b"", False)

    run(scenario())


def test_at_eof_keeps_the_piece_that_it_looked_at() -> None:
    reader = StreamReader(upload(b"abc"))
    assert not reader.at_eof()
    assert reader.read_nowait() == b"abc"
    assert reader.at_eof()


def test_at_eof_leaves_the_piece_to_a_task_that_waits_for_it() -> None:
    async def scenario() -> None:
        exchange = upload(eof=False)
        reader = StreamReader(exchange)
        task = asyncio.create_task(reader.read())
        await settle()
        exchange.feed(b"abc")
        exchange.feed_eof()
        assert not reader.at_eof()
        assert await task == b"abc"
        assert reader.at_eof()

    run(scenario())


def test_on_eof_is_called_by_the_read_that_learns_of_it(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[str] = []

    def fail() -> None:
        raise ZeroDivisionError

    async def scenario() -> None:
        exchange = upload(b"abc", eof=False)
        reader = StreamReader(exchange)
        reader.on_eof(fail)
        reader.on_eof(lambda: calls.append("later"))
        assert await reader.readany() == b"abc"
        assert calls == []
        exchange.feed_eof()
        assert await reader.readany() == b""
        assert calls == ["later"]
        reader.on_eof(lambda: calls.append("at once"))
        assert calls == ["later", "at once"]
        assert await reader.readany() == b""

    run(scenario())
    assert calls == ["later", "at once"]
    assert [record.exc_info and record.exc_info[0] for record in caplog.records] == [ZeroDivisionError]


def test_on_eof_is_called_by_a_read_that_waits_for_the_end() -> None:
    calls: list[str] = []

    async def scenario() -> None:
        exchange = upload(eof=False)
        reader = StreamReader(exchange)
        reader.on_eof(lambda: calls.append("eof"))
        task = asyncio.create_task(reader.read())
        await settle()
        exchange.feed_eof()
        assert await task == b""

    run(scenario())
    assert calls == ["eof"]


def test_wait_eof_takes_nothing() -> None:
    async def scenario() -> None:
        exchange = upload(b"abc", eof=False)
        reader = StreamReader(exchange)
        assert await reader.read(1) == b"a"
        task = asyncio.create_task(reader.wait_eof())
        await settle()
        exchange.feed(b"de")
        await settle()
        assert not task.done()
        exchange.feed(b"f")
        exchange.feed_eof()
        await task
        await reader.wait_eof()
        assert await reader.readchunk() == (b"bc", False)
        assert await reader.readany() == b"def"

    run(scenario())


def test_wait_eof_holds_no_more_than_the_limit() -> None:
    async def scenario() -> None:
        reader = StreamReader(upload(b"abc", b"def", eof=False), limit=5)
        with pytest.raises(ValueError, match="at most 5 bytes"):
            await reader.wait_eof()
        assert await reader.readany() == b"abcdef"
        exchange = upload(b"abc", b"de", eof=False)
        reader = StreamReader(exchange, limit=5)
        task = asyncio.create_task(reader.wait_eof())
        await settle()
        exchange.feed_eof()
        await task

    run(scenario())


def test_wait_eof_meets_the_error_of_the_body() -> None:
    async def scenario() -> None:
        exchange = upload(b"abc", eof=False)
        reader = StreamReader(exchange)
        exchange.disconnect()
        with pytest.raises(Disconnected):
            await reader.wait_eof()
        reader = StreamReader(upload(eof=False))
        reader.set_exception(KeyError("set"))
        with pytest.raises(KeyError):
            await reader.wait_eof()

    run(scenario())


# -- what goes wrong -----------------------------------------------------------------------------------

READS: list[Callable[[StreamReader], Coroutine[Any, Any, object]]] = [
    lambda reader: reader.read(),
    lambda reader: reader.read(100),
    lambda reader: reader.readany(),
    lambda reader: reader.readexactly(100),
    lambda reader: reader.readline(),
    lambda reader: reader.readuntil(b"\r\n"),
    lambda reader: reader.readchunk(),
    lambda reader: read_rest(reader),
]
READ_NAMES = ["read", "read_n", "readany", "readexactly", "readline", "readuntil", "readchunk", "read_rest"]
GATHERING = [name not in ("read_n", "readany", "readchunk") for name in READ_NAMES]


@pytest.mark.parametrize("read", READS, ids=READ_NAMES)
def test_one_task_at_a_time(read: Callable[[StreamReader], Coroutine[Any, Any, object]]) -> None:
    async def scenario() -> None:
        exchange = upload(eof=False)
        reader = StreamReader(exchange)
        task = asyncio.create_task(reader.readany())
        await settle()
        exchange.feed(b"first")
        for _ in range(2):
            with pytest.raises(RuntimeError, match=r"in readany\(\)"):
                await read(reader)
        with pytest.raises(RuntimeError):
            reader.read_nowait()
        with pytest.raises(RuntimeError), pytest.warns(DeprecationWarning):
            reader.unread_data(b"zero")
        assert await task == b"first"

    run(scenario())


@pytest.mark.parametrize(("read", "gathers"), list(zip(READS, GATHERING, strict=True)), ids=READ_NAMES)
def test_cancellation_loses_no_bytes(
    read: Callable[[StreamReader], Coroutine[Any, Any, object]], gathers: bool
) -> None:
    async def scenario() -> None:
        exchange = upload(*[b"12", b"345"] if gathers else [], eof=False)
        reader = StreamReader(exchange)
        task = asyncio.create_task(read(reader))
        await settle()
        exchange.feed(b"67")
        if gathers:
            await settle()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        exchange.feed(b"8\r\n")
        exchange.feed_eof()
        assert await reader.read() == b"1234567"[0 if gathers else 5 :] + b"8\r\n"
        assert reader.total_bytes == (10 if gathers else 5)

    run(scenario())


@pytest.mark.parametrize("read", READS, ids=READ_NAMES)
@pytest.mark.parametrize("error", [Disconnected, RemoteProtocolError])
def test_the_errors_of_the_body(
    read: Callable[[StreamReader], Coroutine[Any, Any, object]], error: type[Exception]
) -> None:
    async def scenario() -> None:
        exchange = upload(eof=False)
        reader = StreamReader(exchange)
        reader.on_eof(lambda: pytest.fail("the body has no end"))
        task = asyncio.create_task(read(reader))
        await settle()
        assert reader.exception() is None
        exchange.disconnect() if error is Disconnected else exchange.break_body()
        with pytest.raises(error):
            await task
        assert isinstance(reader.exception(), error)
        with pytest.raises(error):
            await read(reader)
        with pytest.raises(error):
            reader.read_nowait()
        assert not reader.is_eof() and not reader.at_eof()

    run(scenario())


def test_what_arrived_before_an_error_is_read_first() -> None:
    async def scenario() -> None:
        for read, expected in ((READS[1], b"abcd"), (READS[2], b"abcd"), (READS[6], (b"ab", False))):
            exchange = upload(b"ab", b"cd", eof=False)
            reader = StreamReader(exchange)
            exchange.disconnect()
            assert await read(reader) == expected
            assert isinstance(reader.exception(), Disconnected) is (expected == b"abcd")
        assert await read(reader) == (b"cd", False)
        with pytest.raises(Disconnected):
            reader.read_nowait()
        assert isinstance(reader.exception(), Disconnected)

    run(scenario())


def test_set_exception_ends_reading_at_once() -> None:
    async def scenario() -> None:
        reader = StreamReader(upload(b"abc"))
        cause = OSError("why")
        reader.set_exception(KeyError("set"), cause)
        failure = reader.exception()
        assert isinstance(failure, KeyError) and failure.__cause__ is cause
        for read in READS:
            with pytest.raises(KeyError):
                await read(reader)
        with pytest.raises(KeyError):
            reader.read_nowait()

    run(scenario())


def test_after_set_exception_nobody_is_told_of_the_end() -> None:
    exchange = upload(eof=False)
    reader = StreamReader(exchange)
    reader.on_eof(lambda: pytest.fail("the reader has failed before"))
    reader.set_exception(KeyError("set"))
    exchange.feed_eof()
    assert reader.at_eof()


def test_no_piece_is_taken_before_it_is_wanted() -> None:
    """Flow control counts what a carrier holds, so a piece that nobody asked for stays there."""

    async def scenario() -> None:
        exchange = upload(b"ab", b"cd", b"ef")
        reader = StreamReader(exchange)
        assert await reader.read(2) == await reader.readexactly(0) + b"ab"
        assert reader.total_bytes == 2
        assert await reader.readexactly(2) == b"cd"
        assert (reader.total_bytes, exchange.read_nowait()) == (4, b"ef")

    run(scenario())


def test_unread_data_is_read_next() -> None:
    async def scenario() -> None:
        reader = StreamReader(upload(b"abc", b"def"))
        assert await reader.read(2) == b"ab"
        with pytest.warns(DeprecationWarning, match="unread_data"):
            reader.unread_data(b"AB")
            reader.unread_data(b"_")
            reader.unread_data(b"")
        assert await reader.readchunk() == (b"_", False)
        assert await reader.readexactly(5) == b"ABcde"
        assert not reader.at_eof()
        assert await reader.read() == b"f"
        with pytest.warns(DeprecationWarning):
            reader.unread_data(b"again")
        assert not reader.at_eof()
        assert [chunk async for chunk in reader.iter_chunks()] == [(b"again", False)]

    run(scenario())


# -- names beside the reader ---------------------------------------------------------------------------


def test_the_empty_payload() -> None:
    async def scenario() -> None:
        empty = EMPTY_PAYLOAD
        assert isinstance(empty, StreamReader)
        assert empty.is_eof() and empty.at_eof() and empty.total_bytes == 0
        assert await empty.read() == await empty.readany() == await empty.readline() == b""
        assert await empty.readchunk() == (b"", False) == await empty.readchunk()
        assert [chunk async for chunk in empty.iter_any()] == []
        with pytest.raises(asyncio.IncompleteReadError):
            await empty.readexactly(1)
        await empty.wait_eof()

    run(scenario())


def test_the_empty_payload_keeps_no_trace_of_a_request() -> None:
    calls: list[int] = []
    EMPTY_PAYLOAD.set_exception(KeyError("a stranger's"))
    assert EMPTY_PAYLOAD.exception() is None
    with pytest.warns(DeprecationWarning), pytest.raises(RuntimeError):
        EMPTY_PAYLOAD.unread_data(b"a stranger's")
    EMPTY_PAYLOAD.on_eof(lambda: calls.append(1))
    assert calls == [1]
    assert EMPTY_PAYLOAD.read_nowait() == b""


def test_names() -> None:
    assert issubclass(EofStream, Exception)
    assert "3 bytes" in repr(_read_some(StreamReader(upload(b"abc"))))


def _read_some(reader: StreamReader) -> StreamReader:
    reader.read_nowait(1)
    return reader


# -- the whole body ------------------------------------------------------------------------------------


def counted(size: int, *pieces: bytes) -> MemoryExchange:
    exchange = MemoryExchange("POST", fields={"Content-Length": str(size)}, body=None)
    for piece in pieces:
        exchange.feed(piece)
    return exchange


def test_read_of_the_declared_length_is_the_whole_body() -> None:
    async def scenario() -> None:
        exchange = counted(6, b"ab", b"c")
        reader = StreamReader(exchange)
        task = asyncio.create_task(reader.read(6))
        await settle()
        exchange.feed(b"d")
        await settle()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        task = asyncio.create_task(reader.read(6))
        await settle()
        assert not task.done()
        exchange.feed(b"ef")
        assert await task == b"abcdef"
        assert await reader.read(6) == b""

    run(scenario())


@pytest.mark.parametrize(("size", "limit"), [(5, 100), (7, 100), (6, 5)])
def test_read_of_any_other_length_is_what_is_there(size: int, limit: int) -> None:
    reader = StreamReader(counted(6, b"ab"), limit)
    assert run(reader.read(size)) == b"ab"


def test_read_of_the_declared_length_meets_the_error_of_the_body() -> None:
    async def scenario() -> None:
        exchange = counted(6, b"abc")
        task = asyncio.create_task(StreamReader(exchange).read(6))
        await settle()
        exchange.disconnect()
        with pytest.raises(Disconnected):
            await task

    run(scenario())


@settings(deadline=None)
@given(st.lists(st.binary(max_size=6), max_size=12), st.booleans())
def test_read_whole_is_all_pieces(pieces: list[bytes], is_counted: bool) -> None:
    body = b"".join(pieces)
    exchange = counted(len(body), *pieces) if is_counted else upload(*pieces)
    assert run(read_whole(exchange, len(body))) == body


def test_read_whole_of_no_body() -> None:
    assert run(read_whole(MemoryExchange(), 1)) == b""


def test_read_whole_waits_for_what_is_missing() -> None:
    async def scenario() -> None:
        exchange = counted(6, b"abc")
        task = asyncio.create_task(read_whole(exchange, 6))
        await settle()
        exchange.feed(b"d")
        await settle()
        assert not task.done()
        exchange.feed(b"ef")
        assert await task == b"abcdef"

    run(scenario())


def test_read_whole_does_not_wait_for_what_is_there() -> None:
    for exchange in (counted(3, b"abc"), upload(b"ab", b"c"), MemoryExchange()):
        with pytest.raises(StopIteration):
            read_whole(exchange).send(None)


def test_read_whole_refuses_a_declared_length_before_it_reads() -> None:
    exchange = counted(7, b"abc")
    with pytest.raises(BodyTooLarge) as caught:
        run(read_whole(exchange, 6))
    assert (caught.value.limit, caught.value.actual) == (6, 7)
    assert exchange.read_nowait() == b"abc"


def test_read_whole_stops_beyond_the_limit() -> None:
    exchange = upload(b"abcd", b"efgh", b"ijkl", eof=False)
    with pytest.raises(BodyTooLarge) as caught:
        run(read_whole(exchange, 6))
    assert (caught.value.limit, caught.value.actual) == (6, 8)
    assert exchange.read_nowait() == b"ijkl"


def test_read_rest_of_a_body_that_was_read_in_part() -> None:
    async def scenario() -> None:
        reader = StreamReader(upload(b"abcd", b"ef"))
        assert await reader.read(3) == b"abc"
        assert await read_rest(reader, 3) == b"def"
        reader = StreamReader(upload(b"abcd", b"ef"))
        with pytest.raises(BodyTooLarge):
            await read_rest(reader, 5)

    run(scenario())
