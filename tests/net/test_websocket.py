"""The carrier of WebSockets on HTTP/1: who is woken, what a peer is waited for, how it ends. In memory."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from websockets.frames import Opcode

from sketch.http.errors import Disconnected
from sketch.http.handshake import Deflate
from sketch.http.limits import Limits
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
from sketch.net.h1 import H1Connection
from tests.conformance.driver import settle
from tests.net.stage import pass_time, run
from tests.net.websocketpeer import HANDSHAKE, UNMASKED, Peer, binary, close, ping, pong, talking, text

ENDS = (WSMsgType.CLOSE, WSMsgType.ERROR, WSMsgType.CLOSED)


async def echo(stream: WebSocketStream) -> None:
    """Sends every message back, until there are no more."""
    while (message := await stream.receive()).type not in ENDS:
        data = message.data.encode() if message.type is WSMsgType.TEXT else message.data
        await stream.send(data, message.type)


class Listener:
    """Notes what it gets.

    ``stream``
        its WebSocket, once that is open.
    """

    stream: WebSocketStream

    def __init__(self) -> None:
        self.messages: list[WSMessage] = []
        self.finish = asyncio.Event()

    async def __call__(self, stream: WebSocketStream) -> None:
        self.stream = stream
        while not self.messages or self.messages[-1].type not in ENDS:
            self.messages.append(await stream.receive())

    @property
    def data(self) -> list[Any]:
        """What is in the messages."""
        return [message.data for message in self.messages]


class Idler:
    """Takes nothing, until it may.

    ``stream``
        its WebSocket, once that is open.
    """

    stream: WebSocketStream

    def __init__(self) -> None:
        self.goes_on = asyncio.Event()
        self.messages: list[WSMessage] = []

    async def __call__(self, stream: WebSocketStream) -> None:
        self.stream = stream
        await self.goes_on.wait()
        while not self.messages or self.messages[-1].type not in ENDS:
            self.messages.append(await stream.receive())


async def until_told(stream: WebSocketStream) -> None:
    """Waits for the end."""
    await stream.wait_closed()


# -- messages -------------------------------------------------------------------------------------------


def test_the_opening_handshake_is_answered_with_the_proof() -> None:
    async def main() -> None:
        async with talking(echo) as (peer, _):
            assert peer.head.startswith(b"HTTP/1.1 101 ")
            assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in peer.head

    run(main)


def test_messages_go_both_ways_in_order() -> None:
    async def main() -> None:
        async with talking(echo) as (peer, _):
            await peer.send(text("eins") + binary(b"\x00\xff"), text("zwei"))
            assert peer.data == ["eins", b"\x00\xff", "zwei"]

    run(main)


def test_what_came_with_the_request_is_the_first_message() -> None:
    async def main() -> None:
        async with talking(echo, text("early") + text("bird")) as (peer, _):
            assert peer.data == ["early", "bird"]

    run(main)


def test_bytes_may_come_one_by_one() -> None:
    async def main() -> None:
        async with talking(echo) as (peer, _):
            for octet in text("langsam") + text("aber sicher"):
                await peer.send(bytes([octet]))
            assert peer.data == ["langsam", "aber sicher"]

    run(main)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 16383, 16384, 65535, 65536, 300_000])
def test_messages_of_every_length_of_length(size: int) -> None:
    async def main() -> None:
        async with talking(echo) as (peer, _):
            await peer.send(binary(b"\xa5" * size))
            assert peer.data == [b"\xa5" * size]

    run(main)


def test_one_message_for_many_is_encoded_once() -> None:
    async def main() -> None:
        shared = SharedMessage("für alle")

        async def serve(stream: WebSocketStream) -> None:
            assert stream.send_shared(shared)
            await stream.wait_closed()

        async with talking(serve) as (peer, _):
            assert peer.data == ["für alle"]
        encoded = list(shared.encoded.values())
        async with talking(serve) as (peer, _):
            assert peer.data == ["für alle"]
        assert all(one is other for one, other in zip(encoded, shared.encoded.values(), strict=True))

    run(main)


@pytest.mark.parametrize("size", [10, 1000, 300_000])
def test_compressed_messages(size: int) -> None:
    async def main() -> None:
        listener = Listener()
        fields = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
        async with talking(listener, fields=fields, deflate=Deflate()) as (peer, _):
            stream = listener.stream
            assert stream.compression == 15
            # Outside of the loop where it is large: two at a time keep their order.
            await asyncio.gather(*[stream.send(bytes([65 + i]) * size, 1) for i in range(3)])
            await settle()
            assert len(peer.line.transport.received) < size + 600
            assert peer.inflated == [letter * size for letter in (b"A", b"B", b"C")]

    run(main)


# -- pings ----------------------------------------------------------------------------------------------


def test_a_ping_is_answered_at_once_and_not_delivered() -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler) as (peer, _):
            await peer.send(ping(b"hallo"), pong(b"unasked"))
            assert peer.frames == [(Opcode.PONG, b"hallo")]
            assert idler.stream.receive_nowait() is None

    run(main)


def test_pings_are_delivered_where_they_are_asked_for() -> None:
    async def main() -> None:
        listener = Listener()
        async with talking(listener, options=WebSocketOptions(autoping=False)) as (peer, _):
            await peer.send(ping(b"1"), pong(b"2"))
            assert peer.frames == []
            assert listener.messages == [
                WSMessage(WSMsgType.PING, b"1", None),
                WSMessage(WSMsgType.PONG, b"2", None),
            ]

    run(main)


def test_a_peer_that_takes_nothing_is_owed_one_pong() -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler) as (peer, _):
            peer.line.transport.stop_taking()
            await peer.send(*[ping(b"first")] * 2)
            idler.stream.send_nowait(b"x" * 200_000, 2)
            before = idler.stream.buffered
            await peer.send(b"".join([ping(b"%d" % number) for number in range(1000)]))
            assert idler.stream.buffered == before
            peer.line.transport.take()
            await settle()
            pongs = [data for opcode, data in peer.frames if opcode is Opcode.PONG]
            assert pongs == [b"first", b"first", b"999"]

    run(main)


# -- the end --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "answer"), [(1000, 1000), (1001, 1001), (4321, 4321), (None, 1000)])
def test_a_close_frame_is_answered_with_its_code(code: int | None, answer: int) -> None:
    async def main() -> None:
        listener = Listener()
        async with talking(listener) as (peer, _):
            await peer.send(text("last"), close(code, "genug" if code else ""))
            assert listener.data == ["last", code or 0]
            assert listener.messages[-1].extra == ("genug" if code else "")
            assert peer.closing == [(answer, b"")]
            assert not peer.line.is_open
            assert listener.stream.close_code == (code or 1005)
            assert listener.stream.error is None
            assert await listener.stream.receive() is CLOSED_MESSAGE

    run(main)


def test_what_was_said_before_the_end_is_answered_before_it() -> None:
    async def main() -> None:
        async with talking(echo) as (peer, _):
            await peer.send(text("one") + text("two") + close(1000))
            assert [opcode for opcode, _ in peer.frames] == [Opcode.TEXT, Opcode.TEXT, Opcode.CLOSE]

    run(main)


def test_a_close_frame_that_nobody_takes_is_answered_in_the_end() -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler) as (peer, _):
            await peer.send(text("?") + close(1001))
            assert peer.closing == []
            await pass_time(10)
            assert peer.closing == [(1001, b"")]
            assert not peer.line.is_open
            # What had come is still there for whoever wants it.
            idler.goes_on.set()
            await settle()
            assert [message.type for message in idler.messages] == [WSMsgType.TEXT, WSMsgType.CLOSE]

    run(main)


def test_a_program_may_answer_a_close_frame_itself() -> None:
    async def main() -> None:
        listener = Listener()
        async with talking(listener, options=WebSocketOptions(autoclose=False)) as (peer, _):
            goes_on = asyncio.Event()
            listener.finish = goes_on
            await peer.send(close(1000))
            # The handler has returned by now, with the end taken and not answered: it is cut.
            assert listener.messages[-1].type is WSMsgType.CLOSE

    run(main)


def test_the_answer_with_a_code_of_our_own() -> None:
    async def main() -> None:
        async def serve(stream: WebSocketStream) -> None:
            assert (await stream.receive()).type is WSMsgType.CLOSE
            stream.close(4000, b"mine")

        async with talking(serve, options=WebSocketOptions(autoclose=False)) as (peer, _):
            await peer.send(close(1000))
            assert peer.closing == [(4000, b"mine")]

    run(main)


def test_a_half_close_behind_a_close_frame_is_answered() -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler) as (peer, _):
            await peer.send(close(1000))
            await peer.line.end()
            idler.goes_on.set()
            await settle()
            assert peer.closing == [(1000, b"")]
            assert not peer.line.is_open

    run(main)


def test_we_close_and_the_peer_answers() -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler) as (peer, _):
            idler.stream.close(1000, b"bye")
            waiting = asyncio.create_task(idler.stream.wait_closed())
            await settle()
            assert peer.closing == [(1000, b"bye")]
            assert peer.line.is_open and not waiting.done()
            await peer.send(text("too late"), close(1000))
            assert waiting.done()
            assert idler.stream.close_code == 1000
            assert idler.stream.error is None
            assert not peer.line.is_open
            idler.goes_on.set()

    run(main)


def test_messages_are_received_while_we_close() -> None:
    async def main() -> None:
        listener = Listener()
        async with talking(listener) as (peer, _):
            listener.stream.close(1001)
            await peer.send(text("still on its way"), close(1001))
            assert listener.data == ["still on its way", 1001]
            assert len(peer.closing) == 1

    run(main)


def test_a_peer_that_floods_does_not_keep_us_from_its_close_frame() -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler) as (peer, _):
            await peer.send(*[binary(b"x" * 60_000)] * 4)
            idler.stream.close()
            waiting = asyncio.create_task(idler.stream.wait_closed())
            await settle()
            await peer.send(*[binary(b"x" * 60_000)] * 4, close(1000))
            assert waiting.done()
            assert idler.stream.close_code == 1000
            idler.goes_on.set()

    run(main)


def test_a_peer_that_does_not_answer_a_close_frame_is_cut() -> None:
    async def main() -> None:
        listener = Listener()
        async with talking(listener, options=WebSocketOptions(close_timeout=7)) as (peer, _):
            listener.stream.close()
            await pass_time(4)
            assert peer.line.is_open
            await pass_time(2)
            assert not peer.line.is_open
            assert listener.messages == [CLOSED_MESSAGE]
            assert listener.stream.close_code == 1006
            assert isinstance(listener.stream.error, TimeoutError)

    run(main)


def test_what_breaks_the_protocol_is_said_after_what_came_before() -> None:
    async def main() -> None:
        async with talking(echo) as (peer, _):
            await peer.send(text("fine") + UNMASKED + text("never read"))
            assert peer.data == ["fine"]
            assert [code for code, _ in peer.closing] == [1002]
            assert not peer.line.is_open

    run(main)


def test_a_fault_is_delivered_as_an_error() -> None:
    async def main() -> None:
        listener = Listener()
        async with talking(listener) as (peer, _):
            await peer.send(UNMASKED)
            (message,) = listener.messages
            assert message.type is WSMsgType.ERROR
            assert isinstance(message.data, WebSocketError)
            assert message.data.code == listener.stream.close_code == 1002
            assert listener.stream.error is message.data
            assert await listener.stream.receive() is CLOSED_MESSAGE

    run(main)


def test_a_fault_that_nobody_takes_is_said_in_the_end() -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler) as (peer, _):
            await peer.send(UNMASKED)
            await pass_time(10)
            assert [code for code, _ in peer.closing] == [1002]
            assert not peer.line.is_open
            idler.goes_on.set()

    run(main)


def test_a_fault_in_answer_to_a_close_frame() -> None:
    async def main() -> None:
        listener = Listener()
        async with talking(listener) as (peer, _):
            listener.stream.close()
            await peer.send(UNMASKED)
            assert not peer.line.is_open
            assert len(peer.closing) == 1
            assert listener.stream.close_code == 1002

    run(main)


def test_too_large_a_message() -> None:
    async def main() -> None:
        async with talking(echo, options=WebSocketOptions(max_message_size=100)) as (peer, _):
            await peer.send(binary(b"x" * 100), binary(b"x" * 101))
            assert peer.data == [b"x" * 100]
            assert [code for code, _ in peer.closing] == [1009]

    run(main)


@pytest.mark.parametrize("leave", ["end", "leave"])
def test_a_peer_that_leaves_without_a_word(leave: str) -> None:
    async def main() -> None:
        listener = Listener()
        async with talking(listener) as (peer, _):
            await peer.send(text("hi"))
            await getattr(peer.line, leave)()
            assert listener.messages == [WSMessage(WSMsgType.TEXT, "hi", None), CLOSED_MESSAGE]
            assert listener.stream.close_code == 1006
            assert isinstance(listener.stream.error, Disconnected)

    run(main)


def test_the_close_frame_of_a_peer_that_is_gone_by_then() -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler) as (peer, _):
            await peer.send(text("hi") + close(1001))
            await peer.line.leave()
            idler.goes_on.set()
            await settle()
            assert [message.data for message in idler.messages] == ["hi", 1001]
            assert idler.stream.close_code == 1001

    run(main)


def test_a_handler_that_returns_early() -> None:
    async def main() -> None:
        streams: list[WebSocketStream] = []

        async def serve(stream: WebSocketStream) -> None:
            streams.append(stream)

        async with talking(serve) as (peer, stage):
            await settle()
            assert not peer.line.is_open
            assert streams[0].close_code == 1006
            assert await streams[0].receive() is CLOSED_MESSAGE

    run(main)


def test_a_handler_that_fails_says_so() -> None:
    async def main() -> None:
        async def serve(stream: WebSocketStream) -> None:
            await stream.receive()
            raise RuntimeError("a bug")

        async def guarded(stream: WebSocketStream) -> None:
            await serve(stream)

        async with talking(guarded) as (peer, stage):
            exchange = peer.line.connection._exchange
            assert exchange is not None
            exchange.abort()
            await settle()
            assert peer.closing == [(1011, b"")]
            assert not peer.line.is_open
            stage.errors.clear()

    run(main)


def test_abort_cuts() -> None:
    async def main() -> None:
        listener = Listener()
        async with talking(listener) as (peer, _):
            listener.stream.abort()
            await settle()
            assert peer.frames == [] and not peer.line.is_open
            assert listener.messages == [CLOSED_MESSAGE]

    run(main)


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 2999, 5000])
def test_codes_that_may_not_be_sent(code: int) -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler) as (peer, _):
            with pytest.raises(ValueError, match=str(code)):
                idler.stream.close(code)
            assert peer.frames == []
            idler.goes_on.set()
            await peer.send(close())

    run(main)


@pytest.mark.parametrize("end", [
    lambda stream: stream.close(),
    lambda stream: stream.abort(),
])  # fmt: skip
def test_nothing_is_sent_after_the_end(end: Callable[[WebSocketStream], None]) -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler) as (peer, _):
            end(idler.stream)
            with pytest.raises(Disconnected):
                idler.stream.send_nowait(b"x", 1)
            with pytest.raises(Disconnected):
                idler.stream.send_shared(SharedMessage("x"))
            with pytest.raises(Disconnected):
                await idler.stream.send(b"x", 1)
            idler.stream.close()
            assert len(peer.frames) <= 1
            idler.goes_on.set()
            await peer.line.leave()

    run(main)


# -- receiving ------------------------------------------------------------------------------------------


def test_one_task_at_a_time_receives() -> None:
    async def main() -> None:
        listener = Listener()
        async with talking(listener) as (peer, _):
            with pytest.raises(RuntimeError, match="another task"):
                await listener.stream.receive()
            await peer.send(text("unharmed"))
            assert listener.data == ["unharmed"]

    run(main)


def test_a_cancelled_receive_loses_nothing() -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler) as (peer, _):
            receiving = asyncio.create_task(idler.stream.receive())
            await settle()
            peer.line.transport.feed(text("kept"))
            receiving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await receiving
            assert (await idler.stream.receive()).data == "kept"

    run(main)


def test_a_receive_that_times_out_can_be_repeated() -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler) as (peer, _):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await idler.stream.receive()
            await peer.send(text("later"))
            assert (await idler.stream.receive()).data == "later"

    run(main)


def test_who_receives_can_be_interrupted() -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler) as (peer, _):
            idler.stream.interrupt()
            receiving = asyncio.create_task(idler.stream.receive())
            await settle()
            assert not receiving.done(), "nobody waited when it was interrupted"
            idler.stream.interrupt()
            assert await receiving is CLOSING_MESSAGE
            await peer.send(text("goes on"))
            assert (await idler.stream.receive()).data == "goes on"

    run(main)


def test_a_handler_that_does_not_take_stops_the_socket_being_read() -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler, limits=Limits(read_buffer=1000)) as (peer, _):
            transport = peer.line.transport
            await peer.send(binary(b"x" * 900))
            assert transport.is_reading()
            await peer.send(binary(b"y" * 900))
            assert not transport.is_reading()
            peer.line.transport.feed(text("waits in the socket"))
            first = [await idler.stream.receive(), await idler.stream.receive()]
            assert [message.data[:1] for message in first] == [b"x", b"y"]
            assert (await idler.stream.receive()).data == "waits in the socket"
            assert transport.is_reading()

    run(main)


# -- slow peers -----------------------------------------------------------------------------------------


def test_who_sends_waits_for_a_peer_that_takes_less() -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler, options=WebSocketOptions(write_limit=10_000)) as (peer, _):
            transport = peer.line.transport
            transport.stop_taking()
            assert idler.stream.send_nowait(b"x" * 9_000, 2)
            assert not idler.stream.send_nowait(b"x" * 9_000, 2)
            sending = asyncio.create_task(idler.stream.send(b"y", 1))
            draining = asyncio.create_task(idler.stream.drain())
            await settle()
            assert not sending.done() and not draining.done()
            assert idler.stream.buffered > 18_000
            transport.take()
            await asyncio.gather(sending, draining)
            assert len(peer.data) == 3

    run(main)


def test_a_peer_that_takes_nothing_is_cut() -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler, takes=False) as (peer, stage):
            assert not idler.stream.send_nowait(b"x" * 200_000, 2)
            sending = asyncio.create_task(idler.stream.send(b"y", 1))
            await pass_time(31)
            await pass_time(6)
            assert not peer.line.is_open
            with pytest.raises(Disconnected):
                await sending
            assert idler.stream.close_code == 1006
            assert stage.registry.slow_readers == 0
            idler.goes_on.set()

    run(main)


# -- time -----------------------------------------------------------------------------------------------


def test_a_silent_peer_is_asked_and_then_cut() -> None:
    async def main() -> None:
        listener = Listener()
        async with talking(listener, options=WebSocketOptions(heartbeat=40)) as (peer, _):
            for _ in range(3):
                await pass_time(10)
            assert peer.frames == []
            await pass_time(10)
            assert peer.frames == [(Opcode.PING, b"")]
            await pass_time(10)
            assert peer.line.is_open
            await pass_time(10)
            await pass_time(10)
            assert not peer.line.is_open
            assert listener.messages == [CLOSED_MESSAGE]
            assert listener.stream.close_code == 1006
            assert isinstance(listener.stream.error, TimeoutError)

    run(main)


@pytest.mark.parametrize(
    "sign",
    [pong(), ping(), text("alive"), text("half")[:3]],
    ids=["pong", "ping", "message", "half a frame"],
)
def test_any_sign_of_life_counts(sign: bytes) -> None:
    async def main() -> None:
        listener = Listener()
        async with talking(listener, options=WebSocketOptions(heartbeat=40)) as (peer, _):
            for _ in range(4):
                await pass_time(10)
            assert (Opcode.PING, b"") in peer.frames
            await peer.send(sign)
            for _ in range(4):
                await pass_time(10)
            assert peer.line.is_open
            assert [opcode for opcode, _ in peer.frames].count(Opcode.PING) == 1

    run(main)


def test_a_peer_that_is_not_read_is_not_silent() -> None:
    async def main() -> None:
        idler = Idler()
        options = WebSocketOptions(heartbeat=40)
        async with talking(idler, options=options, limits=Limits(read_buffer=10)) as (peer, _):
            await peer.send(text("more than is held"))
            assert not peer.line.transport.is_reading()
            for _ in range(12):
                await pass_time(10)
            assert peer.line.is_open
            idler.goes_on.set()

    run(main)


def test_a_short_heartbeat_has_a_timer_of_its_own() -> None:
    async def main() -> None:
        listener = Listener()
        async with talking(listener, options=WebSocketOptions(heartbeat=0.004)) as (peer, _):
            await asyncio.wait_for(until_told(listener.stream), 30)
            assert peer.frames == [(Opcode.PING, b"")]
            assert isinstance(listener.stream.error, TimeoutError)

    run(main)


def test_a_short_close_timeout_has_one_too() -> None:
    async def main() -> None:
        listener = Listener()
        async with talking(listener, options=WebSocketOptions(close_timeout=0.001)) as (peer, _):
            listener.stream.close()
            await listener.stream.wait_closed()
            assert isinstance(listener.stream.error, TimeoutError)

    run(main)


def test_without_a_heartbeat_nothing_is_due() -> None:
    async def main() -> None:
        listener = Listener()
        async with talking(listener) as (peer, _):
            await pass_time(100_000)
            assert peer.line.is_open and peer.frames == []
            connection = peer.line.connection
            assert isinstance(connection, H1Connection)
            assert connection.deadline == float("inf")

    run(main)


# -- the end of the server ------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1001, 1012])
def test_a_server_that_goes_away_says_so(code: int) -> None:
    async def main() -> None:
        listener = Listener()
        async with talking(listener, options=WebSocketOptions(drain_code=code)) as (peer, stage):
            stage.server.pre_shutdown()
            await settle()
            assert peer.frames == [], "programs come first"
            ending = asyncio.create_task(stage.server.shutdown(60))
            await settle()
            assert peer.closing == [(code, b"")]
            await peer.send(text("on its way"), close(code))
            await ending
            assert listener.data == ["on its way", code]

    run(main)


def test_a_program_that_has_said_it_already_is_not_repeated() -> None:
    async def main() -> None:
        listener = Listener()
        async with talking(listener) as (peer, stage):
            listener.stream.close(1012, b"back in a minute")
            ending = asyncio.create_task(stage.server.shutdown(60))
            await settle()
            await peer.send(close(1012))
            await ending
            assert peer.closing == [(1012, b"back in a minute")]

    run(main)


def test_a_peer_that_does_not_care_that_the_server_goes() -> None:
    async def main() -> None:
        listener = Listener()
        async with talking(listener) as (peer, stage):
            ending = asyncio.create_task(stage.server.shutdown(60))
            await settle()
            await pass_time(11)
            await ending
            assert not peer.line.is_open
            assert listener.messages == [CLOSED_MESSAGE]

    run(main)


# -- handlers that are to be cancelled when their client leaves ------------------------------------------


def test_an_end_that_was_told_cancels_no_handler() -> None:
    async def main() -> None:
        said: list[object] = []

        async def serve(stream: WebSocketStream) -> None:
            said.append((await stream.receive()).type)
            await settle()
            said.append("tidied up")

        async with talking(serve, handler_cancellation=True) as (peer, _):
            await peer.send(close())
            await settle()
            assert not peer.line.is_open
            assert said == [WSMsgType.CLOSE, "tidied up"]

    run(main)


def test_neither_does_the_answer_to_our_close() -> None:
    async def main() -> None:
        said: list[object] = []

        async def serve(stream: WebSocketStream) -> None:
            stream.close()
            await stream.wait_closed()
            await settle()
            said.append("tidied up")

        async with talking(serve, handler_cancellation=True) as (peer, _):
            await peer.send(close())
            await settle()
            assert said == ["tidied up"]

    run(main)


def test_a_peer_that_vanishes_does() -> None:
    async def main() -> None:
        said: list[object] = []

        async def serve(stream: WebSocketStream) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                said.append("cancelled")
                raise

        async with talking(serve, handler_cancellation=True) as (peer, _):
            await peer.line.leave()
            await settle()
            assert said == ["cancelled"]

    run(main)


# -- floods ---------------------------------------------------------------------------------------------


def test_what_comes_behind_a_flood_of_pings_is_not_forgotten() -> None:
    """The engine parses so many frames at a time, and none of these is anything that a handler takes."""

    async def main() -> None:
        listener = Listener()
        async with talking(listener) as (peer, _):
            await peer.send(ping() * 5000 + text("still here"))
            assert listener.data == ["still here"]
            assert len(peer.frames) == 5000
            assert peer.line.transport.is_reading()

    run(main)


def test_a_close_frame_behind_a_flood_is_seen_while_we_close() -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler) as (peer, _):
            idler.stream.close()
            waiting = asyncio.create_task(idler.stream.wait_closed())
            await settle()
            await peer.send(binary(b"") * 5000 + close(1000))
            assert waiting.done()
            assert idler.stream.close_code == 1000
            idler.goes_on.set()

    run(main)


def test_messages_behind_a_flood_of_messages() -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler) as (peer, _):
            await peer.send(binary(b"") * 5000 + text("last"))
            assert not peer.line.transport.is_reading()
            idler.goes_on.set()
            await settle()
            assert len(idler.messages) == 5001 and idler.messages[-1].data == "last"
            assert peer.line.transport.is_reading()

    run(main)


def test_a_listener_behind_a_flood() -> None:
    """It is called with as many messages as the engine parses at a time, and others have their turn."""

    async def main() -> None:
        idler, heard = Idler(), list[Any]()
        async with talking(idler) as (peer, _):
            listening = asyncio.create_task(idler.stream.listen(lambda message: heard.append(message.data)))
            await settle()
            peer.line.transport.protocol.data_received(binary(b"") * 5000 + ping() * 5000 + text("last"))
            assert len(heard) == 2048
            await settle()
            assert len(heard) == 5001 and heard[-1] == "last"
            assert peer.line.transport.is_reading()
            listening.cancel()
            idler.goes_on.set()

    run(main)


# -- listening ------------------------------------------------------------------------------------------


class Echo:
    """Sends every message back, as it is called.

    ``stream``
        its WebSocket, once that is open.
    ``end``
        what ended the listening: a message, or what was raised.
    """

    stream: WebSocketStream
    end: WSMessage | BaseException

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def hear(self, message: WSMessage) -> None:
        """What listens."""
        self.heard.append(message.data)
        self.stream.send_nowait(message.data, WSMsgType.BINARY)

    async def __call__(self, stream: WebSocketStream) -> None:
        self.stream = stream
        try:
            self.end = await stream.listen(self.hear)
        except BaseException as error:
            self.end = error
            raise


def test_a_listener_waits_for_a_peer_that_takes_less_and_so_does_the_peer() -> None:
    async def main() -> None:
        echo = Echo()
        options = WebSocketOptions(write_limit=10_000)
        async with talking(echo, options=options, limits=Limits(read_buffer=20_000)) as (peer, _):
            transport = peer.line.transport
            transport.stop_taking()
            await peer.send(binary(b"1" * 6000) + binary(b"2" * 6000) + binary(b"3" * 6000))
            assert [data[:1] for data in echo.heard] == [b"1", b"2"]
            await peer.send(binary(b"4" * 6000))
            assert transport.is_reading() is False
            transport.feed(binary(b"5" * 6000))
            transport.take(10_000)
            await settle()
            assert [data[:1] for data in echo.heard] == [b"1", b"2", b"3", b"4"]
            transport.take()
            await settle()
            assert transport.is_reading()
            assert [data[:1] for data in echo.heard] == [b"1", b"2", b"3", b"4", b"5"]
            assert peer.data == echo.heard
            await peer.send(binary(b"6"), close())
            assert peer.data[-1] == b"6"

    run(main)


def test_a_peer_that_leaves_while_a_listener_waits_for_it() -> None:
    async def main() -> None:
        echo = Echo()
        async with talking(echo, options=WebSocketOptions(write_limit=10)) as (peer, _):
            peer.line.transport.stop_taking()
            await peer.send(binary(b"1" * 60) + binary(b"2"))
            assert len(echo.heard) == 1
            peer.line.transport.abort()
            await settle()
        assert len(echo.heard) == 2
        assert isinstance(echo.end, Disconnected)

    run(main)


def test_an_abort_out_of_a_listener() -> None:
    class Cutting(Echo):
        def hear(self, message: WSMessage) -> None:
            self.heard.append(message.data)
            self.stream.abort()

    async def main() -> None:
        for messages in ([b"1"], [b"1", b"2"]):
            echo = Cutting()
            async with talking(echo) as (peer, _):
                await peer.send(b"".join(map(binary, messages)))
                assert echo.end is CLOSED_MESSAGE
                assert peer.line.transport.is_closing()
            assert echo.heard == messages

    run(main)


def test_a_listener_that_fails_when_nobody_awaits_it_any_more() -> None:
    """Its error is the loop's: it is told, and the connection is cut."""

    async def main() -> None:
        idler = Idler()
        async with talking(idler) as (peer, _):

            def hear(message: WSMessage) -> None:
                listening.cancel()
                raise LookupError("too late")

            listening = asyncio.create_task(idler.stream.listen(hear))
            await settle()
            with pytest.raises(LookupError, match="too late"):
                peer.line.transport.protocol.data_received(binary(b"1"))
            await asyncio.wait([listening])
            assert listening.cancelled()
            idler.goes_on.set()

    run(main)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_in_a_listener_is_not_held_back(error: type[BaseException]) -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler) as (peer, _):

            def hear(message: WSMessage) -> None:
                raise error

            listening = asyncio.create_task(idler.stream.listen(hear))
            await settle()
            with pytest.raises(error):
                peer.line.transport.protocol.data_received(binary(b"1"))
            assert not listening.done()
            listening.cancel()
            idler.goes_on.set()

    run(main)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (StopIteration, RuntimeError),
        (GeneratorExit, GeneratorExit),
        (asyncio.CancelledError, asyncio.CancelledError),
    ],
)
def test_whatever_a_listener_raises_ends_the_listening_and_nothing_else(
    error: type[BaseException], told: type[BaseException], count: int
) -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler) as (peer, _):

            def hear(message: WSMessage) -> None:
                raise error

            async def listen() -> None:
                with pytest.raises(told):
                    await idler.stream.listen(hear)

            listening = asyncio.create_task(listen())
            await settle()
            await peer.send(b"".join(binary(b"%d" % number) for number in range(count)))
            assert listening.done()
            idler.goes_on.set()
            await peer.send(binary(b"after"))
            assert [message.data for message in idler.messages] == [b"1", b"after"][2 - count :]

    run(main)


@pytest.mark.parametrize("count", [1, 2])
def test_an_interrupt_of_the_listening_by_who_listens(count: int) -> None:
    async def main() -> None:
        idler, heard = Idler(), list[Any]()
        async with talking(idler) as (peer, _):

            def hear(message: WSMessage) -> None:
                heard.append(message.data)
                idler.stream.interrupt()

            listening = asyncio.create_task(idler.stream.listen(hear))
            await settle()
            await peer.send(b"".join(binary(b"%d" % number) for number in range(count)))
            assert await listening is CLOSING_MESSAGE
            assert heard == [b"0"]
            idler.goes_on.set()

    run(main)


@pytest.mark.parametrize("count", [1, 2])
def test_who_listens_cannot_wait_for_messages_too(count: int) -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler) as (peer, _):

            def hear(message: WSMessage) -> None:
                if message.data == b"0":
                    idler.stream.wait()

            async def listen() -> None:
                with pytest.raises(RuntimeError, match="another task waits"):
                    await idler.stream.listen(hear)

            listening = asyncio.create_task(listen())
            await settle()
            await peer.send(b"".join(binary(b"%d" % number) for number in range(count)))
            assert listening.done()
            idler.goes_on.set()

    run(main)


def test_who_listens_may_have_another_one_listen_in_its_place() -> None:
    """A task that starts at once does so within the call."""

    async def main() -> None:
        idler, heard = Idler(), list[Any]()
        async with talking(idler) as (peer, _):

            def hear(message: WSMessage) -> None:
                heard.append(("first", message.data))
                idler.stream.interrupt()
                # As far as it gets: to where it waits.
                next_listening.send(None)

            next_listening = idler.stream.listen(lambda message: heard.append(("next", message.data)))
            listening = asyncio.create_task(idler.stream.listen(hear))
            await settle()
            await peer.send(binary(b"1") + binary(b"2"), binary(b"3"))
            assert await listening is CLOSING_MESSAGE
            assert heard == [("first", b"1"), ("next", b"2"), ("next", b"3")]
            next_listening.close()
            idler.goes_on.set()

    run(main)


def test_who_was_cancelled_is_called_no_more() -> None:
    async def main() -> None:
        idler, heard = Idler(), list[Any]()
        async with talking(idler) as (peer, _):
            listening = asyncio.create_task(idler.stream.listen(heard.append))
            await settle()
            listening.cancel()
            peer.line.transport.protocol.data_received(binary(b"1"))
            idler.goes_on.set()
            await settle()
            assert heard == []
            assert [message.data for message in idler.messages] == [b"1"]

    run(main)


def test_one_listens_as_soon_as_another_one_is_cancelled() -> None:
    async def main() -> None:
        idler, heard = Idler(), list[Any]()
        async with talking(idler) as (peer, _):
            first = asyncio.create_task(idler.stream.listen(lambda message: heard.append("first")))
            await settle()

            async def listen() -> WSMessage:
                first.cancel()
                return await idler.stream.listen(lambda message: heard.append(message.data))

            second = asyncio.create_task(listen())
            await settle()
            assert first.cancelled()
            await peer.send(binary(b"1"), binary(b"2") + binary(b"3"), close())
            assert heard == [b"1", b"2", b"3"]
            assert (await second).type is WSMsgType.CLOSE
            idler.goes_on.set()

    run(main)


def test_a_message_that_is_given_back_is_for_who_waits_by_then() -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler) as (peer, _):
            stream = idler.stream
            first = asyncio.create_task(stream.receive())
            await settle()
            peer.line.transport.protocol.data_received(binary(b"1"))
            first.cancel()
            # By now the one that is cancelled has not run.
            second = stream.wait()
            await peer.send(binary(b"2"))
            assert second.result().data == b"1"
            assert (await stream.receive()).data == b"2"
            idler.goes_on.set()

    run(main)


# -- bursts ---------------------------------------------------------------------------------------------


def writes_of(peer: Peer) -> list[int]:
    """How many frames each write had, the answer to the handshake left out."""
    written = [bytes(each) for each in peer.line.transport.written[1:]]
    counts = []
    for each in written:
        rest, count = each, 0
        while rest:
            assert rest[1] < 126, "short frames are easier to count"
            rest, count = rest[2 + rest[1] :], count + 1
        counts.append(count)
    return counts


def send_three(stream: WebSocketStream) -> None:
    """Send what many get: one message that is written, and two that are gathered."""
    for _ in range(3):
        stream.send_shared(SharedMessage("to all"))


def test_messages_to_many_in_one_turn_go_out_together_but_for_the_first() -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler) as (peer, _):
            for turn in range(2):
                for number in range(4):
                    idler.stream.send_shared(SharedMessage(f"{turn}{number}"))
                assert len(peer.data) == 4 * turn + 1, "the first one is sent at once"
                assert idler.stream.buffered == 3 * 4
                await settle()
                assert idler.stream.buffered == 0
            assert peer.data == ["00", "01", "02", "03", "10", "11", "12", "13"]
            assert writes_of(peer) == [1, 3, 1, 3]
            idler.goes_on.set()

    run(main)


def test_what_is_sent_after_them_goes_behind_them() -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler, deflate=Deflate()) as (peer, _):
            stream = idler.stream
            for _ in range(2):
                stream.send_shared(SharedMessage("to all"))
            stream.send_nowait(b"to one", WSMsgType.TEXT)
            stream.send_nowait(b"x" * 2**19, WSMsgType.BINARY, 0)
            stream.send_shared(SharedMessage("to all"))
            peer.line.transport.protocol.data_received(ping(b"?"))
            stream.send_nowait(b"again", WSMsgType.TEXT)
            stream.close(1000)
            await settle()
            opcodes = [opcode for opcode, _ in peer.frames]
            assert peer.data == ["to all", "to all", "to one", b"x" * 2**19, "to all", "again"]
            assert opcodes[-3:] == [Opcode.PONG, Opcode.TEXT, Opcode.CLOSE]
            idler.goes_on.set()

    run(main)


def test_no_more_is_gathered_than_may_wait() -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler, options=WebSocketOptions(write_limit=1000)) as (peer, _):
            peer.line.transport.stop_taking()
            takes = [idler.stream.send_shared(SharedMessage("x" * 100)) for _ in range(20)]
            assert takes.index(False) == 10
            assert idler.stream.buffered == 20 * 102
            peer.line.transport.take()
            await settle()
            assert len(peer.data) == 20
            idler.goes_on.set()

    run(main)


@pytest.mark.parametrize("leave", ["abort", "disconnect"])
def test_what_is_gathered_for_a_peer_that_is_gone_is_dropped(leave: str) -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler) as (peer, _):
            send_three(idler.stream)
            if leave == "abort":
                idler.stream.abort()
            else:
                peer.line.transport.disconnect()
            await settle()
            assert idler.stream.buffered == 0
            assert peer.data == ["to all"]
            idler.goes_on.set()

    run(main)


def test_a_handler_that_fails_has_sent_what_was_gathered() -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler) as (peer, _):
            send_three(idler.stream)
            exchange = peer.line.connection._exchange
            assert exchange is not None
            exchange.abort()
            assert peer.data == ["to all"] * 3
            assert peer.closing == [(1011, b"")]
            idler.goes_on.set()

    run(main)


def test_a_handler_that_returns_has_sent_what_was_gathered() -> None:
    async def serve(stream: WebSocketStream) -> None:
        send_three(stream)

    async def main() -> None:
        async with talking(serve) as (peer, _):
            await settle()
            assert peer.data == ["to all"] * 3

    run(main)


def test_what_was_sent_before_the_end_of_the_peer_is_seen_is_written() -> None:
    async def main() -> None:
        idler = Idler()
        async with talking(idler) as (peer, _):
            send_three(idler.stream)
            assert not peer.line.transport.protocol.eof_received()
            assert peer.data == ["to all"] * 3
            idler.goes_on.set()

    run(main)


def test_one_that_cannot_be_written_to_holds_up_no_other() -> None:
    def fail(data: bytes) -> None:
        raise OSError("no way")

    async def main() -> None:
        told, streams = list[Any](), list[WebSocketStream]()

        async def serve(stream: WebSocketStream) -> None:
            streams.append(stream)
            await stream.wait_closed()

        loop = asyncio.get_running_loop()
        handler = loop.get_exception_handler()
        async with talking(serve) as (peer, stage):
            other = Peer(await stage.connect(HANDSHAKE + b"\r\n"))
            for stream in streams * 3:
                stream.send_shared(SharedMessage("to all"))
            peer.line.transport.write = fail  # type: ignore[assignment, method-assign]
            loop.set_exception_handler(lambda loop, context: told.append(str(context["exception"])))
            await settle()
            loop.set_exception_handler(handler)
            assert told == ["no way"]
            assert other.data == ["to all"] * 3
            assert peer.line.transport.is_closing()

    run(main)


def test_the_answers_to_messages_that_came_together_go_out_together() -> None:
    async def main() -> None:
        echo = Echo()
        async with talking(echo) as (peer, _):
            await peer.send(binary(b"1"), binary(b"2") + ping() + binary(b"3") + binary(b"4"), binary(b"5"))
            assert peer.data == [b"1", b"2", b"3", b"4", b"5"]
            assert writes_of(peer) == [1, 1, 3, 1], "a pong waits for nobody"
            await peer.send(binary(b"6") + binary(b"7") + close(3000))
            assert writes_of(peer)[4:] == [3]
            assert peer.closing == [(3000, b"")]

    run(main)


def test_so_do_those_of_a_loop_that_receives() -> None:
    async def main() -> None:
        async with talking(echo) as (peer, _):
            await peer.send(binary(b"1"), b"".join(binary(b"%d" % number) for number in range(2, 7)))
            assert peer.data == [b"1", b"2", b"3", b"4", b"5", b"6"]
            assert writes_of(peer) == [1, 1, 4]

    run(main)


def test_what_was_sent_does_not_wait_for_a_handler_that_waits() -> None:
    """Messages have come that it has not taken: what it has sent by then is on its way all the same."""

    async def main() -> None:
        goes_on = asyncio.Event()

        async def serve(stream: WebSocketStream) -> None:
            for _ in range(2):
                message = await stream.receive()
                stream.send_nowait(message.data, WSMsgType.BINARY)
            await goes_on.wait()
            await stream.receive()

        async with talking(serve) as (peer, _):
            await peer.send(binary(b"1") + binary(b"2") + binary(b"3"))
            assert peer.data == [b"1", b"2"]
            goes_on.set()

    run(main)
