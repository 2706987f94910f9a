"""The reader gives what aiohttp's own gives, fed with the same pieces at the same moments."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import LineTooLong
from aiohttp.streams import StreamReader as TheirReader
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sketch.streams import StreamReader
from sketch.testing import MemoryExchange
from tests.conformance.driver import settle


class _Protocol:
    """What aiohttp's reader asks of its connection."""

    connected = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self, resume_parser: bool = True) -> None:
        pass


class _Theirs:
    def __init__(self) -> None:
        protocol = cast(BaseProtocol, _Protocol())
        self.reader = TheirReader(protocol, 2**18, loop=asyncio.get_running_loop())
        self.feed = self.reader.feed_data
        self.feed_eof = self.reader.feed_eof


class _Ours:
    def __init__(self) -> None:
        exchange = MemoryExchange("POST", body=None)
        self.reader = StreamReader(exchange)
        self.feed = exchange.feed
        self.feed_eof = exchange.feed_eof


Call = tuple[str, tuple[Any, ...], dict[str, Any]]


async def _outcome(method: Callable[..., Any], call: Call) -> object:
    name, arguments, options = call
    try:
        result = method(*arguments, **options)
        if isinstance(result, Awaitable):
            result = await result
    except (LineTooLong, ValueError) as error:
        # aiohttp 3.14 has an exception of its own here, its documentation promises `ValueError`.
        return "empty separator" if arguments == (b"",) else type(error) in (LineTooLong, ValueError)
    except asyncio.IncompleteReadError as error:
        return error.partial, error.expected
    return result


async def _play(side: _Ours | _Theirs, pieces: list[bytes], ahead: int, calls: list[Call]) -> list[object]:
    """Make the calls one after the other. A piece is fed whenever the current call waits for one."""
    waiting = iter(pieces)
    for _ in range(ahead):
        if (piece := next(waiting, None)) is not None:
            side.feed(piece)
    outcomes: list[object] = []
    for call in calls:
        task = asyncio.create_task(_outcome(getattr(side.reader, call[0]), call))
        await settle()
        while not task.done():
            if (piece := next(waiting, None)) is not None:
                side.feed(piece)
            else:
                side.feed_eof()
            await settle()
        outcomes.append(await task)
        outcomes.append((side.reader.is_eof(), side.reader.at_eof()))
    return outcomes


BODIES = st.lists(st.text("ab\r\n", max_size=6).map(str.encode), max_size=12)
SIZES = st.integers(-1, 8)
CALLS: st.SearchStrategy[Call] = st.one_of(
    st.tuples(st.sampled_from(["read", "read_nowait"]), st.tuples(SIZES), st.just({})),
    st.tuples(st.just("readexactly"), st.tuples(st.integers(0, 20)), st.just({})),
    st.tuples(st.sampled_from(["readany", "readchunk", "read", "read_nowait"]), st.just(()), st.just({})),
    st.tuples(
        st.just("readuntil"),
        st.tuples(st.text("ab\r\n", max_size=4).map(str.encode)),
        st.fixed_dictionaries({"max_size": st.none() | st.integers(0, 12)}),
    ),
    st.tuples(
        st.just("readline"),
        st.just(()),
        st.fixed_dictionaries({"max_line_length": st.none() | st.integers(1, 12)}),
    ),
)


@settings(max_examples=300, deadline=None)
@given(BODIES, st.integers(0, 12), st.lists(CALLS, max_size=10))
@example([b"a\r", b"\nb"], 0, [("readuntil", (b"\r\n",), {"max_size": None}), ("read", (), {})])
@example([b"a", b"\r", b"a", b"\n"], 4, [("readuntil", (b"\ra\n",), {"max_size": 4})])
@example([b"ab"], 1, [("read_nowait", (0,), {}), ("read", (0,), {}), ("readexactly", (0,), {})])
@example([b"ab", b"c", b"d"], 2, [("read", (3,), {}), ("readany", (), {})])
@example([b"abab", b"ab"], 2, [("readexactly", (5,), {}), ("readexactly", (5,), {})])
def test_same_results_as_aiohttp(pieces: list[bytes], ahead: int, calls: list[Call]) -> None:
    async def both() -> tuple[list[object], list[object]]:
        return await _play(_Ours(), pieces, ahead, calls), await _play(_Theirs(), pieces, ahead, calls)

    ours, theirs = asyncio.run(both())
    assert ours == theirs


@settings(max_examples=100, deadline=None)
@given(BODIES, st.integers(1, 8), st.sampled_from(["lines", "chunked", "any", "chunks"]))
def test_same_iteration_as_aiohttp(pieces: list[bytes], size: int, kind: str) -> None:
    async def collect(side: _Ours | _Theirs) -> list[object]:
        for piece in pieces:
            side.feed(piece)
        side.feed_eof()
        reader = side.reader
        items: Any = {
            "lines": lambda: reader,
            "chunked": lambda: reader.iter_chunked(size),
            "any": reader.iter_any,
            "chunks": reader.iter_chunks,
        }[kind]()
        return [item async for item in items]

    async def both() -> tuple[list[object], list[object]]:
        return await collect(_Ours()), await collect(_Theirs())

    ours, theirs = asyncio.run(both())
    assert ours == theirs
