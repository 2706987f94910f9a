"""The pieces of a body: in order, with their end or their error after them."""

import asyncio
import tracemalloc
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.http.errors import Disconnected, LocalProtocolError
from sketch.net.body import BodyBuffer
from tests.conformance.driver import settle


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(10):
            await main()

    asyncio.run(bounded())


@given(st.lists(st.lists(st.binary(min_size=1, max_size=2000))), st.data())
def test_bytes_come_out_as_they_went_in(batches: list[list[bytes]], data: st.DataObject) -> None:
    body = BodyBuffer()
    put = taken = b""
    for batch in batches:
        body.put(batch)
        put += b"".join(batch)
        for _ in range(data.draw(st.integers(0, 3))):
            taken += body.take()
        assert body.size == len(put) - len(taken)
    body.complete()
    while piece := body.take():
        taken += piece
    assert taken == put and body.size == 0
    assert body.take() == b""


def test_an_error_comes_after_the_pieces() -> None:
    body = BodyBuffer()
    body.put([b"ab", b"c"])
    body.fail(Disconnected("gone"))
    body.fail(LocalProtocolError("a later reason"))
    assert body.take() == b"abc"
    for _ in range(2):
        with pytest.raises(Disconnected):
            body.take()
    assert not body.is_complete


def test_a_complete_body_cannot_fail() -> None:
    body = BodyBuffer()
    body.put([b"ab"])
    body.complete()
    body.fail(Disconnected("gone"))
    assert (body.take(), body.take()) == (b"ab", b"")
    assert body.is_complete and body.error is None


@pytest.mark.parametrize(
    "event",
    [
        lambda body: body.put([b"abc"]),
        lambda body: body.complete(),
        lambda body: body.fail(Disconnected("gone")),
    ],
    ids=["a piece", "the end", "an error"],
)
def test_whatever_happens_ends_the_wait(event: Callable[[BodyBuffer], None]) -> None:
    async def main() -> None:
        body = BodyBuffer()
        waiting = asyncio.create_task(body.wait())
        await settle()
        assert not waiting.done()
        event(body)
        event(body)
        await waiting
        # There is nothing to wait for any more.
        await body.wait()

    run(main)


def test_one_task_waits() -> None:
    async def main() -> None:
        body = BodyBuffer()
        waiting = asyncio.create_task(body.wait())
        await settle()
        with pytest.raises(LocalProtocolError):
            await body.wait()
        body.complete()
        await waiting

    run(main)


def test_a_cancelled_wait_can_be_repeated() -> None:
    async def main() -> None:
        body = BodyBuffer()
        for _ in range(2):
            waiting = asyncio.create_task(body.wait())
            await settle()
            waiting.cancel()
            body.put([b"x"])
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert body.take() == b"x"

    run(main)


@pytest.mark.parametrize("at_once", [1, 7, 50_000])
def test_small_pieces_take_no_more_than_their_size(at_once: int) -> None:
    """Of a body in chunks of one byte, or packets of one."""
    body = BodyBuffer()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(0, 50_000, at_once):
            body.put([b"x"] * at_once)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert body.size == pytest.approx(50_000, abs=at_once)
    assert after - before < 1.5 * body.size
    taken = 0
    while piece := body.take():
        assert set(piece) == {ord("x")}
        taken += len(piece)
    assert taken == pytest.approx(50_000, abs=at_once)
    assert body.size == 0


def test_large_pieces_are_not_copied() -> None:
    body = BodyBuffer()
    pieces = [b"x" * 1000, b"y" * 5000, b"z" * 1024]
    body.put([b"small"])
    body.put(pieces)
    assert body.take() == b"small"
    assert [body.take() is piece for piece in pieces] == [True, True, True]
