"""What every carrier of a WebSocket owes `WebSocketResponse`, as tests.

This is the contract in the docstrings of ``sketch/http/websocket.py``, told a second time. A carrier is held
to it by a `Peer` that plays the far end and a class ``Test...(WebSocketConformance)`` whose `talk` serves one
WebSocket; ``test_memory_websocket.py`` is the shortest example.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from typing import Any, NamedTuple

import pytest

from sketch.http.errors import Disconnected
from sketch.http.exchange import Exchange
from sketch.http.handshake import Deflate, WebSocketAgreement, prove
from sketch.http.heads import ResponseHead
from sketch.http.websocket import (
    CLOSED_MESSAGE,
    CLOSING_MESSAGE,
    SharedMessage,
    WebSocketError,
    WebSocketOptions,
    WebSocketStream,
    WSMessage,
    WSMsgType,
)

from .driver import settle, until
from .scene import Stage, on_loop

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
FIELDS = (
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", KEY),
)
TEXT, BINARY = WSMsgType.TEXT, WSMsgType.BINARY
SHORTLY = 0.05
"""Seconds for deadlines that a test waits for."""

WHOLE = WebSocketOptions(max_message_size=2**20)


class Got(NamedTuple):
    """What the peer got: a frame, with code and reason as the data of a CLOSE; CLOSED for the end of the
    connection."""

    type: WSMsgType
    data: Any


END = Got(WSMsgType.CLOSED, None)


class Peer(ABC):
    """The far end of one WebSocket. It takes what it is sent all the time, unless it is paused.

    ``got``
        what has come so far.

    What a method does is on its way when it returns, and not necessarily there.
    """

    got: list[Got]

    @abstractmethod
    async def say(self, data: str | bytes) -> None:
        """Send a message."""

    @abstractmethod
    async def ping(self, payload: bytes) -> None:
        """Send a ping."""

    @abstractmethod
    async def pong(self, payload: bytes) -> None:
        """Send a pong that nobody has asked for."""

    @abstractmethod
    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Send a close frame; code 0 for one without."""

    @abstractmethod
    async def break_protocol(self) -> None:
        """Send what earns 1002."""

    @abstractmethod
    async def vanish(self) -> None:
        """Be gone, without a close frame."""

    @abstractmethod
    async def pause(self) -> None:
        """Take nothing more."""

    @abstractmethod
    async def resume(self) -> None:
        """Take again."""

    @abstractmethod
    async def shut_down(self) -> None:
        """Let the server go away, and wait for the handler."""

    async def take(self, count: int) -> list[Got]:
        """The first so many of what came, waiting for them."""
        await until(lambda: len(self.got) >= count)
        return self.got[:count]


def agree(deflate: Deflate | None = None) -> WebSocketAgreement:
    """What is agreed on in every test."""
    fields = [("Upgrade", "websocket"), ("Connection", "upgrade"), ("Sec-WebSocket-Accept", prove(KEY))]
    if deflate is not None:
        fields.append(("Sec-WebSocket-Extensions", deflate.encode()))
    return WebSocketAgreement(101, fields, None, deflate)


def accept(
    exchange: Exchange, options: WebSocketOptions = WHOLE, deflate: Deflate | None = None
) -> WebSocketStream:
    """Open the WebSocket that an exchange asks for."""
    agreement = agree(deflate)
    return exchange.accept_websocket(ResponseHead(101, "As It Were", agreement.fields), agreement, options)


async def receive(stream: WebSocketStream) -> tuple[WSMsgType, Any]:
    """The type and the data of the next message."""
    message = await stream.receive()
    return message.type, message.data


async def flood(stream: WebSocketStream) -> int:
    """Send until there is no more room. How many messages that took."""
    for count in range(1, 2**12):
        if not stream.send_nowait(bytes(2**14), BINARY):
            return count
    raise AssertionError("there is room for a peer that takes nothing")


class WebSocketConformance(Stage):
    """The whole suite. To be derived from, with `talk` filled in."""

    @abstractmethod
    def talk(
        self, options: WebSocketOptions = WHOLE, deflate: Deflate | None = None
    ) -> AbstractAsyncContextManager[tuple[WebSocketStream, Peer]]:
        """Open a WebSocket, as in production, and be its peer. On exit its handler returns."""

    def open(self, opening: Any, handler: Any) -> Any:
        """Not used: see `talk`."""
        raise NotImplementedError

    # -- receiving -------------------------------------------------------------------------------------

    @on_loop
    async def test_messages_come_in_their_order(self) -> None:
        async with self.talk() as (stream, peer):
            assert stream.receive_nowait() is None
            assert (stream.close_code, stream.error) == (None, None)
            for data in ("one", b"two", "", b"", "dre\u00ef", b"\xff" * 70000):
                await peer.say(data)
            received = [await receive(stream) for _ in range(6)]
            assert received == [
                (TEXT, "one"), (BINARY, b"two"), (TEXT, ""), (BINARY, b""), (TEXT, "dre\u00ef"),
                (BINARY, b"\xff" * 70000),
            ]  # fmt: skip
            assert stream.receive_nowait() is None

    @on_loop
    async def test_a_receive_that_waits(self) -> None:
        async with self.talk() as (stream, peer):
            waiting = asyncio.create_task(stream.receive())
            await settle()
            with pytest.raises(RuntimeError, match="Concurrent"):
                await stream.receive()
            await peer.say("a")
            assert (await waiting).data == "a"

    @on_loop
    async def test_cancellation_loses_no_message(self) -> None:
        async with self.talk() as (stream, peer):
            for cancels_late in (False, True):
                waiting = asyncio.create_task(stream.receive())
                await settle()
                if cancels_late:
                    await peer.say("a")
                waiting.cancel()
                await asyncio.wait([waiting])
                if not waiting.cancelled():
                    assert waiting.result().data == "a"
                    continue
                if not cancels_late:
                    await peer.say("a")
                assert await receive(stream) == (TEXT, "a")

    @on_loop
    async def test_a_message_that_is_given_back_is_for_whoever_waits_by_then(self) -> None:
        async with self.talk() as (stream, peer):
            first = stream.wait()
            await peer.say("a")
            await until(first.done)
            second = asyncio.create_task(stream.receive())
            await settle()
            stream.give_back(first)
            await settle()
            assert second.done() and second.result().data == "a"
            await peer.say("b")
            assert await receive(stream) == (TEXT, "b")

    @on_loop
    async def test_an_interruption(self) -> None:
        async with self.talk() as (stream, peer):
            stream.interrupt()
            waiting = asyncio.create_task(stream.receive())
            await settle()
            assert not waiting.done(), "nobody waited when it was called"
            stream.interrupt()
            assert await waiting is CLOSING_MESSAGE
            await peer.say("a")
            assert await receive(stream) == (TEXT, "a")

    @on_loop
    async def test_text_as_bytes(self) -> None:
        async with self.talk(WHOLE._replace(decode_text=False)) as (stream, peer):
            await peer.say("\u00e9")
            assert await receive(stream) == (TEXT, "\u00e9".encode())

    @on_loop
    async def test_pings_are_answered(self) -> None:
        async with self.talk() as (stream, peer):
            await peer.ping(b"1")
            await peer.pong(b"2")
            await peer.say("a")
            assert await receive(stream) == (TEXT, "a")
            assert await peer.take(1) == [Got(WSMsgType.PONG, b"1")]

    @on_loop
    async def test_pings_are_received_where_that_is_asked_for(self) -> None:
        async with self.talk(WHOLE._replace(autoping=False)) as (stream, peer):
            await peer.ping(b"1")
            await peer.pong(b"2")
            assert await receive(stream) == (WSMsgType.PING, b"1")
            assert await receive(stream) == (WSMsgType.PONG, b"2")
            stream.send_nowait(b"a", TEXT)
            assert await peer.take(1) == [Got(TEXT, "a")]

    # -- listening -------------------------------------------------------------------------------------

    @on_loop
    async def test_a_listener_is_called_with_each_message(self) -> None:
        async with self.talk() as (stream, peer):
            heard: list[Any] = []
            await peer.say("before")
            listening = asyncio.create_task(stream.listen(lambda message: heard.append(message[:2])))
            for data in ("one", b"two", "", b"\xff" * 70000):
                await peer.say(data)
            await until(lambda: len(heard) == 5)
            with pytest.raises(RuntimeError, match="Concurrent"):
                await stream.receive()
            await peer.close(3000, "why")
            assert (await listening)[:3] == (WSMsgType.CLOSE, 3000, "why")
            assert heard == [
                (TEXT, "before"), (TEXT, "one"), (BINARY, b"two"), (TEXT, ""), (BINARY, b"\xff" * 70000),
            ]  # fmt: skip
            assert await stream.receive() is CLOSED_MESSAGE

    @on_loop
    async def test_what_a_listener_raises_ends_the_listening_and_nothing_else(self) -> None:
        async with self.talk() as (stream, peer):
            for data in ("a", "stop", "b"):
                await peer.say(data)

            def listen(message: WSMessage) -> None:
                if message.data == "stop":
                    raise LookupError("enough")

            with pytest.raises(LookupError, match="enough"):
                await stream.listen(listen)
            assert await receive(stream) == (TEXT, "b")
            stream.send_nowait(b"goes on", TEXT)
            assert await peer.take(1) == [Got(TEXT, "goes on")]

    @on_loop
    async def test_stop_iteration_out_of_a_listener(self) -> None:
        """No future can have it: it is told as that of a coroutine is."""
        async with self.talk() as (stream, peer):
            await peer.say("a")
            with pytest.raises(RuntimeError, match="raised StopIteration"):
                await stream.listen(lambda message: next(iter(())))
            await peer.say("b")
            assert await receive(stream) == (TEXT, "b")

    @on_loop
    async def test_a_listener_that_returns_a_coroutine(self) -> None:
        async with self.talk() as (stream, peer):
            await peer.say("a")
            with pytest.raises(TypeError, match="WebSocketStream.drain.*nobody awaits.*async for"):
                await stream.listen(lambda message: WebSocketStream.drain(stream))

    @on_loop
    async def test_a_listener_that_is_cancelled_loses_nothing(self) -> None:
        async with self.talk() as (stream, peer):
            heard: list[Any] = []
            listening = asyncio.create_task(stream.listen(lambda message: heard.append(message.data)))
            await settle()
            await peer.say("a")
            await until(lambda: heard == ["a"])
            listening.cancel()
            await asyncio.wait([listening])
            assert listening.cancelled()
            await peer.say("b")
            assert await receive(stream) == (TEXT, "b")
            assert heard == ["a"]

    @on_loop
    async def test_a_listener_is_not_called_while_the_peer_takes_nothing(self) -> None:
        async with self.talk(WHOLE._replace(write_limit=2**16)) as (stream, peer):
            sent = 0

            def answer(message: WSMessage) -> None:
                nonlocal sent
                sent += 1
                stream.send_nowait(bytes(2**20), BINARY)

            await peer.pause()
            listening = asyncio.create_task(stream.listen(answer))
            await settle()
            for _ in range(64):
                await peer.say("more")
            await until(lambda: sent > 0)
            await settle()
            # What the system holds differs: some mebibytes at most.
            assert sent < 64
            await peer.resume()
            await peer.take(64)
            assert sent == 64
            await peer.close()
            assert (await listening).type is WSMsgType.CLOSE

    @on_loop
    async def test_a_listener_hears_of_an_interruption(self) -> None:
        async with self.talk() as (stream, peer):
            listening = asyncio.create_task(stream.listen(print))
            await settle()
            stream.interrupt()
            assert await listening is CLOSING_MESSAGE

    @on_loop
    async def test_a_listener_runs_in_a_context_of_its_own(self) -> None:
        name: ContextVar[str] = ContextVar("name")
        async with self.talk() as (stream, peer):
            seen: list[str] = []

            def note(message: WSMessage) -> None:
                seen.append(name.get())
                name.set(message.data)

            name.set("handler")
            listening = asyncio.create_task(stream.listen(note))
            await settle()
            await peer.say("one")
            await peer.say("two")
            await until(lambda: len(seen) == 2)
            assert (seen, name.get()) == (["handler", "one"], "handler")
            await peer.close()
            await listening

    # -- the peer closes -------------------------------------------------------------------------------

    @on_loop
    async def test_the_peer_closes(self) -> None:
        async with self.talk() as (stream, peer):
            await peer.say("last")
            await peer.close(3000, "why")
            assert await receive(stream) == (TEXT, "last")
            message = await stream.receive()
            assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, 3000, "why")
            for _ in range(3):
                assert await stream.receive() is CLOSED_MESSAGE is stream.receive_nowait()
            assert (stream.close_code, stream.error) == (3000, None)
            assert await peer.take(2) == [Got(WSMsgType.CLOSE, (3000, "")), END]
            await stream.wait_closed()

    @on_loop
    async def test_the_peer_closes_without_a_code(self) -> None:
        async with self.talk() as (stream, peer):
            await peer.close(0)
            message = await stream.receive()
            assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, 0, "")
            assert stream.close_code == 1005
            (got, _) = await peer.take(2)
            assert got.type is WSMsgType.CLOSE

    @on_loop
    async def test_a_close_is_answered_when_it_is_taken(self) -> None:
        async with self.talk() as (stream, peer):
            await peer.say("a")
            await peer.close()
            await until(lambda: stream.close_code is not None)
            assert await receive(stream) == (TEXT, "a")
            stream.send_nowait(b"b", TEXT)
            await stream.receive()
            with pytest.raises(Disconnected):
                stream.send_nowait(b"c", TEXT)
            assert await peer.take(3) == [Got(TEXT, "b"), Got(WSMsgType.CLOSE, (1000, "")), END]

    @on_loop
    async def test_a_close_that_nobody_takes_is_answered_in_time(self) -> None:
        async with self.talk(WHOLE._replace(close_timeout=SHORTLY)) as (stream, peer):
            await peer.say("a")
            await peer.close(3000)
            assert await peer.take(2) == [Got(WSMsgType.CLOSE, (3000, "")), END]
            assert await receive(stream) == (TEXT, "a")
            assert await receive(stream) == (WSMsgType.CLOSE, 3000)
            assert await stream.receive() is CLOSED_MESSAGE

    @on_loop
    async def test_a_close_is_left_to_the_program_where_that_is_asked_for(self) -> None:
        async with self.talk(WHOLE._replace(autoclose=False)) as (stream, peer):
            await peer.close(3000)
            assert await receive(stream) == (WSMsgType.CLOSE, 3000)
            stream.send_nowait(b"wait", TEXT)
            stream.close(3001, b"done")
            await stream.wait_closed()
            assert await peer.take(3) == [Got(TEXT, "wait"), Got(WSMsgType.CLOSE, (3001, "done")), END]
            assert stream.close_code == 3000

    @on_loop
    async def test_a_peer_that_breaks_the_protocol(self) -> None:
        async with self.talk() as (stream, peer):
            await peer.say("a")
            await peer.break_protocol()
            await until(lambda: stream.close_code is not None)
            assert await receive(stream) == (TEXT, "a")
            kind, error = await receive(stream)
            assert kind is WSMsgType.ERROR and isinstance(error, WebSocketError) and error.code == 1002
            assert await stream.receive() is CLOSED_MESSAGE
            assert (stream.close_code, stream.error) == (1002, error)
            (got, end) = await peer.take(2)
            assert (got.type, got.data[0], end) == (WSMsgType.CLOSE, 1002, END)

    @on_loop
    async def test_a_message_that_is_too_big(self) -> None:
        async with self.talk(WHOLE._replace(max_message_size=4)) as (stream, peer):
            await peer.say("four")
            await peer.say("five5")
            assert await receive(stream) == (TEXT, "four")
            _, error = await receive(stream)
            assert error.code == stream.close_code == 1009

    @on_loop
    async def test_a_peer_that_is_gone(self) -> None:
        async with self.talk() as (stream, peer):
            await peer.say("a")
            assert await receive(stream) == (TEXT, "a")
            waiting = asyncio.create_task(stream.receive())
            await settle()
            await peer.vanish()
            assert await waiting is CLOSED_MESSAGE is await stream.receive()
            assert stream.close_code == 1006 and isinstance(stream.error, Disconnected)
            with pytest.raises(Disconnected):
                stream.send_nowait(b"", TEXT)
            with pytest.raises(Disconnected):
                stream.send_shared(SharedMessage(""))
            with pytest.raises(Disconnected):
                await stream.send(b"", BINARY)
            stream.close()
            await stream.wait_closed()
            stream.abort()

    # -- sending ---------------------------------------------------------------------------------------

    @pytest.mark.parametrize("deflate", [None, Deflate(), Deflate(True, True, 10, 15)])
    def test_everything_arrives_in_its_order(self, deflate: Deflate | None) -> None:
        async def main() -> None:
            async with self.talk(deflate=deflate) as (stream, peer):
                assert stream.compression == (0 if deflate is None else deflate.server_max_window_bits)
                shared = SharedMessage("shared " * 20)
                sent: list[Got] = []
                for _ in range(2):
                    assert stream.send_nowait(b"text " * 20, TEXT)
                    assert stream.send_nowait(bytearray(b"array"), BINARY)
                    await stream.send(bytes(range(256)) * 512, BINARY)
                    assert stream.send_shared(shared)
                    assert stream.send_nowait(b"plain " * 20, TEXT, 0)
                    assert stream.send_nowait(memoryview(b"p"), WSMsgType.PING)
                    sent += [
                        Got(TEXT, "text " * 20), Got(BINARY, b"array"), Got(BINARY, bytes(range(256)) * 512),
                        Got(TEXT, "shared " * 20), Got(TEXT, "plain " * 20), Got(WSMsgType.PING, b"p"),
                    ]  # fmt: skip
                    await stream.drain()
                assert await peer.take(12) == sent

        self.run(main)

    @on_loop
    async def test_a_shared_message_is_encoded_once(self) -> None:
        shared = SharedMessage(b"shared")
        async with self.talk() as (stream, peer):
            stream.send_shared(shared)
            encoded = dict(shared.encoded)
            stream.send_shared(shared)
            assert len(encoded) == len(shared.encoded) == 1
            assert all(shared.encoded[key] is value for key, value in encoded.items())
            assert await peer.take(2) == [Got(BINARY, b"shared")] * 2

    @on_loop
    async def test_a_ping_that_is_too_large(self) -> None:
        async with self.talk() as (stream, peer):
            for opcode in (WSMsgType.PING, WSMsgType.PONG):
                with pytest.raises(ValueError, match="125"):
                    stream.send_nowait(bytes(126), opcode)
                stream.send_nowait(bytes(125), opcode)
            assert [got.type for got in await peer.take(2)] == [WSMsgType.PING, WSMsgType.PONG]

    @on_loop
    async def test_a_peer_that_takes_nothing(self) -> None:
        async with self.talk(WHOLE._replace(write_limit=2**16)) as (stream, peer):
            assert stream.buffered == 0
            await peer.pause()
            count = await flood(stream)
            assert stream.buffered > 0
            draining = asyncio.create_task(stream.drain())
            sending = asyncio.create_task(stream.send(b"last", BINARY))
            await settle()
            assert not draining.done() and not sending.done()
            await peer.resume()
            await draining
            await sending
            got = await peer.take(count + 1)
            assert {each.data for each in got[:-1]} == {bytes(2**14)} and got[-1].data == b"last"
            await until(lambda: stream.buffered == 0)
            assert stream.send_nowait(b"", BINARY)

    @on_loop
    async def test_a_peer_that_takes_nothing_and_is_gone(self) -> None:
        async with self.talk(WHOLE._replace(write_limit=2**16)) as (stream, peer):
            await peer.pause()
            await flood(stream)
            draining = asyncio.create_task(stream.drain())
            await settle()
            await peer.vanish()
            with pytest.raises(Disconnected):
                await draining

    # -- this side closes ------------------------------------------------------------------------------

    @on_loop
    async def test_closing(self) -> None:
        async with self.talk() as (stream, peer):
            stream.send_nowait(b"before", TEXT)
            stream.close(4000, "bis b\u00e4ldig".encode())
            stream.close(1011)
            with pytest.raises(Disconnected):
                stream.send_nowait(b"after", TEXT)
            assert await peer.take(2) == [
                Got(TEXT, "before"), Got(WSMsgType.CLOSE, (4000, "bis b\u00e4ldig"))
            ]  # fmt: skip
            code_so_far = stream.close_code
            await peer.say("still")
            assert await receive(stream) == (TEXT, "still")
            await peer.close(4000)
            assert await receive(stream) == (WSMsgType.CLOSE, 4000)
            assert await stream.receive() is CLOSED_MESSAGE
            await stream.wait_closed()
            assert (code_so_far, stream.close_code, stream.error) == (None, 4000, None)
            assert (await peer.take(3))[2] == END

    @on_loop
    async def test_what_nobody_takes_is_thrown_away(self) -> None:
        async with self.talk() as (stream, peer):
            await peer.say("a")
            await until(lambda: stream.receive_nowait() is not None)
            stream.close()
            waiting = asyncio.create_task(stream.wait_closed())
            await peer.say("b")
            await peer.close()
            await waiting
            assert stream.receive_nowait() is CLOSED_MESSAGE
            assert stream.close_code == 1000

    @on_loop
    async def test_a_peer_that_does_not_answer(self) -> None:
        async with self.talk(WHOLE._replace(close_timeout=SHORTLY)) as (stream, peer):
            stream.close()
            await stream.wait_closed()
            assert stream.close_code == 1006 and isinstance(stream.error, TimeoutError)
            assert await stream.receive() is CLOSED_MESSAGE
            assert (await peer.take(2))[1] == END

    @pytest.mark.parametrize(
        ("code", "reason"),
        [(0, b""), (999, b""), (1004, b""), (1005, b""), (1006, b""), (1015, b""), (2999, b""), (5000, b""),
         (1000, bytes(124))],
    )  # fmt: skip
    def test_what_cannot_be_said(self, code: int, reason: bytes) -> None:
        async def main() -> None:
            async with self.talk() as (stream, peer):
                with pytest.raises(ValueError):
                    stream.close(code, reason)
                assert stream.send_nowait(b"still open", TEXT)
                assert await peer.take(1) == [Got(TEXT, "still open")]

        self.run(main)

    @on_loop
    async def test_a_cut(self) -> None:
        async with self.talk() as (stream, peer):
            waiting = asyncio.create_task(stream.receive())
            await settle()
            stream.abort()
            stream.abort()
            assert await waiting is CLOSED_MESSAGE
            assert stream.close_code == 1006
            assert await peer.take(1) == [END]
            await stream.wait_closed()

    @on_loop
    async def test_the_server_shuts_down(self) -> None:
        async with self.talk(WHOLE._replace(drain_code=1012)) as (stream, peer):
            await peer.shut_down()
            assert await peer.take(1) == [Got(WSMsgType.CLOSE, (1012, ""))]
            await peer.close(1012)
            assert await receive(stream) == (WSMsgType.CLOSE, 1012)

    @on_loop
    async def test_a_handler_that_returns_without_a_close(self) -> None:
        async with self.talk() as (stream, peer):
            stream.send_nowait(b"a", TEXT)
        got = await peer.take(2)
        assert (got[0], got[-1]) == (Got(TEXT, "a"), END)
        assert stream.close_code is not None
        with pytest.raises(Disconnected):
            stream.send_nowait(b"b", TEXT)

    @on_loop
    async def test_what_the_transport_knows(self) -> None:
        async with self.talk() as (stream, peer):
            assert stream.get_extra_info("nothing", 5) == 5

    def run(self, main: Callable[[], Awaitable[None]]) -> None:
        """Run a test with parameters, as `on_loop` does."""

        async def bounded() -> None:
            async with asyncio.timeout(self.seconds):
                await main()

        with asyncio.Runner(loop_factory=self.new_event_loop) as runner:
            runner.run(bounded())
