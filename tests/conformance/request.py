"""The half of the conformance suite in which a handler reads: the head and the body of a request."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from sketch.http.errors import Disconnected, LocalProtocolError, RemoteProtocolError
from sketch.http.exchange import Exchange, Peer
from sketch.http.heads import Framing, HttpVersion10, HttpVersion11

from .driver import Opening, settle, until
from .scene import Scene, Stage, head, on_loop, read_until

POST = Opening(method="POST", length=None)
COUNTED = Opening(method="POST", length=6)
EXPECT = (("Expect", "100-continue"),)
BOTH_FRAMINGS = pytest.mark.parametrize("opening", [POST, COUNTED], ids=["chunked", "counted"])


def take_all(exchange: Exchange) -> bytes:
    """Every piece that is there."""
    return b"".join(iter(exchange.read_nowait, b""))


class RequestConformance(Stage):
    """What is promised to whoever reads."""

    # -- the head --------------------------------------------------------------------------------------

    @on_loop
    async def test_the_head_is_the_requests(self) -> None:
        fields = (("X-First", "1"), ("x-second", "2"), ("X-First", "3"))
        opening = Opening(method="PUT", target="/a%20b?c=d", length=3, fields=fields)
        async with self.exchange(opening) as scene:
            received = scene.exchange.head
            assert (received.method, received.target) == ("PUT", "/a%20b?c=d")
            assert received.version == HttpVersion11
            assert received.framing == Framing(3)
            pairs = [(name.decode().lower(), value.decode().strip()) for name, value in received.fields]
            assert [pair for pair in pairs if pair[0].startswith("x-")] == [
                ("x-first", "1"),
                ("x-second", "2"),
                ("x-first", "3"),
            ]

    @on_loop
    async def test_the_framing_tells_the_kind_of_body(self) -> None:
        async with self.exchange() as scene:
            assert scene.exchange.head.framing == Framing(0)
        async with self.exchange(POST) as scene:
            assert scene.exchange.head.framing == Framing(None)

    @on_loop
    async def test_a_fresh_exchange(self) -> None:
        async with self.exchange() as scene:
            exchange = scene.exchange
            assert not exchange.response_started and not exchange.response_complete
            assert not exchange.is_disconnected and not exchange.is_draining
            assert exchange.keep_alive is True
            assert isinstance(exchange.peer, Peer)
            assert exchange.peer.get_extra_info("no such thing", "default") == "default"
            # uvloop's transports are no subclasses of asyncio's.
            assert exchange.transport is None or exchange.transport.is_closing() is False

    @on_loop
    async def test_the_handler_has_a_task_of_its_own(self) -> None:
        async with self.exchange() as scene:
            assert scene.task not in (None, asyncio.current_task())

    # -- a body that comes -----------------------------------------------------------------------------

    @on_loop
    async def test_no_body(self) -> None:
        async with self.exchange() as scene:
            assert scene.exchange.body_complete
            assert scene.exchange.read_nowait() == b""
            for _ in range(2):
                assert await scene.exchange.read() == b""

    @on_loop
    async def test_an_empty_chunked_body(self) -> None:
        async with self.exchange(POST) as scene:
            reading = asyncio.create_task(scene.exchange.read())
            await settle()
            assert not reading.done() and not scene.exchange.body_complete
            await scene.client.end_body()
            assert await reading == b""
            assert scene.exchange.body_complete

    @on_loop
    async def test_trailers(self) -> None:
        async with self.exchange(POST) as scene:
            exchange = scene.exchange
            assert list(exchange.request_trailers) == []
            await scene.client.feed(b"abc")
            assert await read_until(exchange, 3) == b"abc"
            assert list(exchange.request_trailers) == []
            await scene.client.end_body([(b"X-Sum", b"one"), (b"x-sum", b"two")])
            assert await exchange.read() == b""
            assert list(exchange.request_trailers) == [(b"X-Sum", b"one"), (b"x-sum", b"two")]

    @on_loop
    async def test_a_body_that_may_take_its_time(self) -> None:
        """What a carrier does with the bounds is its own; a body within them is not disturbed."""
        async with self.exchange(POST) as scene:
            scene.exchange.limit_body(rate=0)
            scene.exchange.limit_body(timeout=1000.0)
            scene.exchange.limit_body()
            await scene.finish_request(b"abc")
            assert await read_until(scene.exchange, 3) == b"abc"
            scene.exchange.limit_body(rate=1, timeout=1.0)

    @BOTH_FRAMINGS
    @on_loop
    async def test_a_body_in_pieces(self, opening: Opening) -> None:
        async with self.exchange(opening) as scene:
            exchange = scene.exchange
            for piece in (b"ab", b"c", b"def"):
                reading = asyncio.create_task(read_until(exchange, len(piece)))
                await settle()
                assert not reading.done() and not exchange.body_complete
                await scene.client.feed(piece)
                assert await reading == piece
            await scene.finish_request(is_chunked=opening is POST)
            for _ in range(2):
                assert await exchange.read() == b""
            assert exchange.body_complete
            assert exchange.read_nowait() == b""

    @BOTH_FRAMINGS
    @on_loop
    async def test_what_is_left_of_a_complete_body_is_all_there_is(self, opening: Opening) -> None:
        async with self.exchange(opening) as scene:
            await scene.client.feed(b"abc")
            body = await read_until(scene.exchange, 1)
            assert not scene.exchange.body_complete
            await scene.finish_request(b"de", b"f", is_chunked=opening is POST)
            await until(lambda: scene.exchange.body_complete)
            assert body + take_all(scene.exchange) == b"abcdef"
            assert await scene.exchange.read() == b""

    @on_loop
    async def test_read_nowait_does_not_wait(self) -> None:
        async with self.exchange(POST) as scene:
            assert scene.exchange.read_nowait() == b""
            await scene.client.feed(b"abc")
            body = b""

            def has_come() -> bool:
                nonlocal body
                body += scene.exchange.read_nowait()
                return body == b"abc"

            await until(has_come)
            assert scene.exchange.read_nowait() == b""
            assert not scene.exchange.body_complete

    @on_loop
    async def test_a_large_body(self) -> None:
        """More than a carrier holds for a handler that is not reading (`Limits.read_buffer`)."""
        body = b"".join(b"%07d\n" % number for number in range(2**17))
        async with self.exchange(Opening(method="POST", length=len(body))) as scene:
            feeding = asyncio.create_task(scene.client.feed(body))
            await settle()
            pieces = [piece async for piece in _pieces(scene.exchange)]
            assert b"".join(pieces) == body
            await feeding

    @on_loop
    async def test_the_body_can_be_read_after_the_answer(self) -> None:
        async with self.exchange(POST) as scene:
            await scene.client.feed(b"abc")
            assert await read_until(scene.exchange, 3) == b"abc"
            scene.exchange.respond(head(), b"enough")
            await scene.finish_request(b"def")
            assert await read_until(scene.exchange, 3) == b"def"
            assert await scene.exchange.read() == b""
            received = await scene.end()
            assert (received.body, received.is_complete) == (b"enough", True)

    @on_loop
    async def test_an_answer_without_reading_the_body(self) -> None:
        async with self.exchange(COUNTED) as scene:
            await scene.client.feed(b"abcdef")
            scene.exchange.respond(head(), b"no")
            received = await scene.end()
            assert (received.status, received.body, received.is_complete) == (200, b"no", True)

    # -- one reader, who may give up -------------------------------------------------------------------

    @on_loop
    async def test_a_second_task_may_not_wait(self) -> None:
        async with self.exchange(POST) as scene:
            reading = asyncio.create_task(read_until(scene.exchange, 3))
            await settle()
            with pytest.raises(LocalProtocolError):
                await scene.exchange.read()
            await scene.client.feed(b"abc")
            assert await reading == b"abc"

    @on_loop
    async def test_a_cancelled_read_can_be_repeated(self) -> None:
        async with self.exchange(POST) as scene:
            for _ in range(2):
                reading = asyncio.create_task(scene.exchange.read())
                await settle()
                reading.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await reading
            await scene.finish_request(b"abc")
            assert await read_until(scene.exchange, 3) == b"abc"
            assert await scene.exchange.read() == b""

    @pytest.mark.parametrize("turns", range(4))
    @on_loop
    async def test_a_read_cancelled_as_the_piece_arrives_loses_nothing(self, turns: int) -> None:
        async with self.exchange(POST) as scene:
            reading = asyncio.create_task(scene.exchange.read())
            await settle()
            await scene.client.feed(b"abc")
            for _ in range(turns):
                await asyncio.sleep(0)
            reading.cancel()
            (first,) = await asyncio.gather(reading, return_exceptions=True)
            body = first if isinstance(first, bytes) else b""
            await scene.finish_request(b"def")
            assert body + await read_until(scene.exchange, 6 - len(body)) == b"abcdef"

    # -- a body that goes wrong ------------------------------------------------------------------------

    async def _assert_ends_with(self, scene: Scene, error: type[Exception]) -> None:
        exchange = scene.exchange
        for _ in range(2):
            with pytest.raises(error):
                await exchange.read()
            with pytest.raises(error):
                exchange.read_nowait()
        assert not exchange.body_complete

    @BOTH_FRAMINGS
    @on_loop
    async def test_what_arrived_before_the_peer_left_comes_first(self, opening: Opening) -> None:
        async with self.exchange(opening) as scene:
            await scene.client.feed(b"a")
            body = await read_until(scene.exchange, 1)
            await scene.client.feed(b"bcd")
            await settle()
            await scene.client.disconnect()
            await until(lambda: scene.exchange.is_disconnected)
            assert body + await read_until(scene.exchange, 3) == b"abcd"
            await self._assert_ends_with(scene, Disconnected)

    @BOTH_FRAMINGS
    @on_loop
    async def test_the_peer_leaves_while_a_read_waits(self, opening: Opening) -> None:
        async with self.exchange(opening) as scene:
            reading = asyncio.create_task(scene.exchange.read())
            await settle()
            await scene.client.disconnect()
            with pytest.raises(Disconnected):
                await reading
            await self._assert_ends_with(scene, Disconnected)

    @on_loop
    async def test_a_complete_body_outlives_its_sender(self) -> None:
        async with self.exchange(POST) as scene:
            await scene.finish_request(b"abc", b"def")
            await until(lambda: scene.exchange.body_complete)
            await scene.client.disconnect()
            await until(lambda: scene.exchange.is_disconnected)
            assert scene.exchange.body_complete
            assert await read_until(scene.exchange, 6) == b"abcdef"
            assert await scene.exchange.read() == b""

    @on_loop
    async def test_a_body_that_breaks_its_framing(self) -> None:
        async with self.exchange(POST) as scene:
            await scene.client.feed(b"abc")
            await settle()
            await scene.client.break_body()
            assert await read_until(scene.exchange, 3) == b"abc"
            await self._assert_ends_with(scene, RemoteProtocolError)

    @on_loop
    async def test_a_body_that_breaks_while_a_read_waits_can_be_answered(self) -> None:
        async with self.exchange(POST) as scene:
            reading = asyncio.create_task(scene.exchange.read())
            await settle()
            await scene.client.break_body()
            with pytest.raises(RemoteProtocolError) as caught:
                await reading
            assert 400 <= caught.value.status < 500
            scene.exchange.respond(head(422), b"what?")
            received = await scene.end()
            assert (received.status, received.body, received.is_complete) == (422, b"what?", True)
            assert not received.is_reusable

    # -- Expect: 100-continue --------------------------------------------------------------------------

    @on_loop
    async def test_reading_invites_the_body_once(self) -> None:
        async with self.exchange(Opening(method="POST", length=6, fields=EXPECT)) as scene:
            assert scene.exchange.head.framing.expect_continue
            for piece in (b"abc", b"def"):
                reading = asyncio.create_task(read_until(scene.exchange, 3))
                await settle()
                await scene.client.feed(piece)
                assert await reading == piece
            scene.exchange.respond(head(), b"thanks")
            received = await scene.end()
            assert [status for status, _ in received.interim] == [100]
            assert (received.status, received.body) == (200, b"thanks")

    @on_loop
    async def test_an_answer_without_reading_does_not_invite_the_body(self) -> None:
        async with self.exchange(Opening(method="POST", length=6, fields=EXPECT)) as scene:
            await settle()
            scene.exchange.respond(head(417), b"")
            received = await scene.end()
            assert (received.interim, received.status) == ([], 417)

    @on_loop
    async def test_http_1_0_cannot_be_invited(self) -> None:
        opening = Opening(method="POST", version=HttpVersion10, length=3, fields=EXPECT)
        async with self.exchange(opening) as scene:
            reading = asyncio.create_task(read_until(scene.exchange, 3))
            await settle()
            await scene.client.feed(b"abc")
            assert await reading == b"abc"
            scene.exchange.respond(head())
            assert (await scene.end()).interim == []


async def _pieces(exchange: Exchange) -> AsyncIterator[bytes]:
    while piece := await exchange.read():
        yield piece
