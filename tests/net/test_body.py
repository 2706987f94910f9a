"""The pieces of a body: in order, with their end or their error after them."""

import asyncio
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


@given(st.lists(st.lists(st.binary(min_size=1, max_size=10))), st.data())
def test_pieces_come_out_as_they_went_in(batches: list[list[bytes]], data: st.DataObject) -> None:
    body = BodyBuffer()
    expected = [piece for batch in batches for piece in batch]
    taken: list[bytes] = []
    for batch in batches:
        body.put(batch)
        for _ in range(data.draw(st.integers(0, 3))):
            if piece := body.take():
                taken.append(piece)
        assert body.size == sum(map(len, expected[len(taken) :])) - _not_put(batches, batch)
    body.complete()
    while piece := body.take():
        taken.append(piece)
    assert taken == expected and body.size == 0
    assert body.take() == b""


def _not_put(batches: list[list[bytes]], last: list[bytes]) -> int:
    position = next(index for index, batch in enumerate(batches) if batch is last)
    return sum(len(piece) for batch in batches[position + 1 :] for piece in batch)


def test_an_error_comes_after_the_pieces() -> None:
    body = BodyBuffer()
    body.put([b"ab", b"c"])
    body.fail(Disconnected("gone"))
    body.fail(LocalProtocolError("a later reason"))
    assert (body.take(), body.take()) == (b"ab", b"c")
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
