"""The part of the conformance suite in which something ends too early, or goes too slowly."""

import asyncio

import pytest

from sketch.http.errors import Disconnected, LocalProtocolError

from .driver import Opening, settle, until
from .scene import Stage, failure, head, on_loop
from .states import STATES, TO_THE_END, perform

POST = Opening(method="POST", length=None)
UPGRADE = Opening(fields=(("Connection", "Upgrade"), ("Upgrade", "echo")))
CONNECT = Opening(method="CONNECT", target="example.org:80")


class Ends(asyncio.Protocol):
    """Notes the beginning and the end of its connection."""

    def __init__(self) -> None:
        self.transport: asyncio.BaseTransport | None = None
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


class ExitConformance(Stage):
    """What is promised when one side cannot go on."""

    # -- the handler -----------------------------------------------------------------------------------

    @pytest.mark.parametrize("calls", [(), ("inform",)], ids=["fresh", "informed"])
    @on_loop
    async def test_a_handler_that_returns_without_an_answer(self, calls: tuple[str, ...]) -> None:
        async with self.exchange() as scene:
            await perform(scene.exchange, calls)
            received = await scene.end()
            assert received.status is None
            assert not received.is_complete and not received.is_reusable

    @pytest.mark.parametrize("length", [None, 8])
    @on_loop
    async def test_a_handler_that_returns_in_the_middle_of_its_answer(self, length: int | None) -> None:
        async with self.exchange() as scene:
            scene.exchange.start(head(), length)
            await scene.exchange.send(b"some")
            await scene.client.wait_for_body(4)
            received = await scene.end()
            assert (received.status, received.body) == (200, b"some")
            assert not received.is_complete and not received.is_reusable

    @pytest.mark.parametrize("state", STATES)
    @on_loop
    async def test_abort_is_safe_at_any_time(self, state: str) -> None:
        async with self.exchange() as scene:
            await perform(scene.exchange, STATES[state])
            for _ in range(2):
                scene.exchange.abort()
            received = await scene.end()
            assert not received.is_reusable
            if TO_THE_END[state]:
                assert not received.is_complete

    @pytest.mark.parametrize("opening", [Opening(), POST], ids=["no body", "body"])
    @on_loop
    async def test_the_end_is_told(self, opening: Opening) -> None:
        async with self.exchange(opening) as scene:
            exchange = scene.exchange
            told: list[str] = []
            exchange.on_end(lambda: told.append("first"))
            exchange.on_end(lambda: told.append("second"))
            if opening is POST:
                await scene.finish_request(b"some")
            await perform(exchange, ("respond",))
            await settle()
            assert told == []
            assert (await scene.end()).is_complete
            exchange.end()
            assert told == ["first", "second"]
            exchange.on_end(lambda: told.append("late"))
            assert told == ["first", "second", "late"]

    @pytest.mark.parametrize("opening", [Opening(), POST], ids=["no body", "body"])
    @on_loop
    async def test_the_end_is_told_when_the_client_has_left(self, opening: Opening) -> None:
        told: list[str] = []
        async with self.exchange(opening) as scene:
            scene.exchange.on_end(lambda: told.append("end"))
            await scene.client.disconnect()
            await until(lambda: scene.exchange.is_disconnected)
            assert told == []
        assert told == ["end"]

    @on_loop
    async def test_abort_wakes_a_task_that_reads(self) -> None:
        async with self.exchange(POST) as scene:
            reading = asyncio.create_task(scene.exchange.read())
            await settle()
            scene.exchange.abort()
            assert isinstance(await failure(reading), Disconnected)

    @on_loop
    async def test_abort_wakes_a_task_that_sends(self) -> None:
        async with self.exchange() as scene:
            await scene.client.pause()
            scene.exchange.start(head())
            _, sending = await self.flood(scene.exchange)
            scene.exchange.abort()
            assert isinstance(await failure(sending), Disconnected)
            assert isinstance(await failure(scene.exchange.send(b"more")), Disconnected)

    @pytest.mark.parametrize("opening", [Opening(), UPGRADE, CONNECT], ids=["neither", "upgrade", "connect"])
    @on_loop
    async def test_taking_over_is_announced(self, opening: Opening) -> None:
        switch = head(101, [("Upgrade", "echo")]) if opening is UPGRADE else head(200)
        async with self.exchange(opening) as scene:
            if not scene.exchange.can_take_over:
                with pytest.raises(LocalProtocolError):
                    scene.exchange.take_over(switch, asyncio.Protocol())
                scene.exchange.respond(head(404), b"as before")
                assert (await scene.end()).body == b"as before"
                return
            assert opening is not Opening()
            protocol = Ends()
            transport = scene.exchange.take_over(switch, protocol)
            assert protocol.transport is transport and not transport.is_closing()
            assert scene.exchange.response_complete and not scene.exchange.can_take_over
            with pytest.raises(LocalProtocolError):
                scene.exchange.respond(head(404))
            transport.abort()
            await protocol.lost.wait()

    @pytest.mark.parametrize("opening", [UPGRADE, CONNECT], ids=["upgrade", "connect"])
    @pytest.mark.parametrize("status", [101, 200, 404])
    @on_loop
    async def test_only_what_was_asked_for_is_taken_over(self, opening: Opening, status: int) -> None:
        """A head that does not fit is refused, and changes nothing."""
        fits = status == (101 if opening is UPGRADE else 200)
        refused = head(status, [("Upgrade", "other")] if opening is UPGRADE else [])
        async with self.exchange(opening) as scene:
            if opening is UPGRADE or not fits:
                with pytest.raises(LocalProtocolError):
                    scene.exchange.take_over(refused, asyncio.Protocol())
            scene.exchange.respond(head(404), b"as before")
            received = await scene.end()
            assert (received.status, received.body, received.is_complete) == (404, b"as before", True)
            assert received.is_reusable is (opening is UPGRADE)

    @on_loop
    async def test_nothing_is_taken_over_before_the_body_is_read(self) -> None:
        async with self.exchange(Opening(method="POST", length=3, fields=UPGRADE.fields)) as scene:
            assert not scene.exchange.can_take_over
            with pytest.raises(LocalProtocolError):
                scene.exchange.take_over(head(101, [("Upgrade", "echo")]), asyncio.Protocol())
            await scene.client.feed(b"abc")
            scene.exchange.respond(head(), b"as before")
            assert (await scene.end()).body == b"as before"

    @pytest.mark.parametrize("call", ["respond", "start"])
    @on_loop
    async def test_a_tunnel_that_nobody_opens(self, call: str) -> None:
        """After 2xx to ``CONNECT`` the client speaks something else: no body is sent, no request read."""
        async with self.exchange(CONNECT) as scene:
            if call == "respond":
                scene.exchange.respond(head(200), b"left out")
            else:
                scene.exchange.start(head(200), 8)
                await scene.exchange.send(b"left out")
                await scene.exchange.finish()
            received = await scene.end()
            assert (received.status, received.body, received.is_reusable) == (200, b"", False)
            assert received.get_all("Content-Length") == received.get_all("Transfer-Encoding") == []

    # -- the client ------------------------------------------------------------------------------------

    @on_loop
    async def test_it_is_no_error_to_answer_a_client_that_has_left(self) -> None:
        async with self.exchange() as scene:
            await scene.client.disconnect()
            await until(lambda: scene.exchange.is_disconnected)
            scene.exchange.inform(head(103))
            scene.exchange.respond(head(), b"too late")

    @on_loop
    async def test_it_is_an_error_to_wait_for_a_client_that_has_left(self) -> None:
        async with self.exchange() as scene:
            await scene.client.disconnect()
            await until(lambda: scene.exchange.is_disconnected)
            scene.exchange.start(head())
            for _ in range(2):
                assert isinstance(await failure(scene.exchange.send(b"too late")), Disconnected)
            assert isinstance(await failure(scene.exchange.finish()), Disconnected)
            assert not scene.exchange.response_complete

    @pytest.mark.parametrize("length", [None, 8])
    @on_loop
    async def test_the_client_leaves_in_the_middle_of_the_answer(self, length: int | None) -> None:
        async with self.exchange() as scene:
            exchange = scene.exchange
            exchange.start(head(), length)
            await exchange.send(b"some")
            await scene.client.wait_for_body(4)
            await scene.client.disconnect()
            await until(lambda: exchange.is_disconnected)
            for _ in range(2):
                assert isinstance(await failure(exchange.send(b"more")), Disconnected)
            assert isinstance(await failure(exchange.finish()), Disconnected)
            assert not exchange.response_complete

    @on_loop
    async def test_the_client_leaves_after_the_answer(self) -> None:
        async with self.exchange() as scene:
            scene.exchange.respond(head(), b"all")
            await scene.client.wait_for_body(3)
            await scene.client.disconnect()
            await until(lambda: scene.exchange.is_disconnected)
            assert scene.exchange.response_complete
            assert await scene.exchange.read() == b""

    @on_loop
    async def test_the_handler_is_cancelled_when_the_client_leaves(self) -> None:
        async with self.exchange() as scene:
            assert scene.exchange.cancel_on_disconnect is False
            scene.exchange.cancel_on_disconnect = True
            assert scene.exchange.cancel_on_disconnect is True
            await scene.client.disconnect()
            await scene.cancelled.wait()

    @on_loop
    async def test_the_handler_goes_on_when_the_client_leaves(self) -> None:
        async with self.exchange() as scene:
            scene.exchange.cancel_on_disconnect = True
            scene.exchange.cancel_on_disconnect = False
            await scene.client.disconnect()
            await until(lambda: scene.exchange.is_disconnected)
            await settle()
            assert not scene.cancelled.is_set()

    # -- a slow client ---------------------------------------------------------------------------------

    @on_loop
    async def test_send_waits_for_a_slow_client(self) -> None:
        async with self.exchange() as scene:
            await scene.client.pause()
            scene.exchange.start(head())
            sent, sending = await self.flood(scene.exchange)
            await scene.client.resume()
            await sending
            await scene.exchange.send(b"end")
            await scene.exchange.finish()
            received = await scene.end()
            assert received.body == sent + b"end"
            assert received.is_complete and received.is_reusable

    @on_loop
    async def test_what_a_cancelled_send_waited_with_counts_as_sent(self) -> None:
        async with self.exchange() as scene:
            await scene.client.pause()
            scene.exchange.start(head())
            sent, sending = await self.flood(scene.exchange)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            await scene.client.resume()
            await scene.exchange.send(b"end")
            await scene.exchange.finish()
            received = await scene.end()
            assert received.body == sent + b"end" and received.is_complete

    @on_loop
    async def test_a_slow_client_leaves(self) -> None:
        async with self.exchange() as scene:
            await scene.client.pause()
            scene.exchange.start(head())
            _, sending = await self.flood(scene.exchange)
            assert not scene.exchange.is_disconnected
            await scene.client.disconnect()
            assert isinstance(await failure(sending), Disconnected)
            assert scene.exchange.is_disconnected
            assert isinstance(await failure(scene.exchange.send(b"more")), Disconnected)

    # -- the server ------------------------------------------------------------------------------------

    @on_loop
    async def test_the_server_shuts_down(self) -> None:
        async with self.exchange() as scene:
            told = [asyncio.create_task(scene.exchange.wait_draining()) for _ in range(2)]
            told.pop().cancel()
            await settle()
            assert not told[0].done()
            await scene.client.begin_draining()
            await told[0]
            assert scene.exchange.is_draining
            await scene.exchange.wait_draining()
            assert not scene.exchange.is_disconnected
            scene.exchange.respond(head(), b"in time")
            received = await scene.end()
            assert (received.body, received.is_complete) == (b"in time", True)
