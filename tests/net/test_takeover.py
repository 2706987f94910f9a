"""A connection that a handler takes over: what reaches whom, and how it ends."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sketch.http.errors import LocalProtocolError
from sketch.http.exchange import Exchange
from sketch.http.heads import ResponseHead
from sketch.http.limits import DEFAULT_LIMITS, Limits
from tests.conformance.driver import settle, until
from tests.net.stage import GET, Line, Stage, echo_target, get, head, pass_time, post, read_all, run, serving

UPGRADE = get("/", "Connection: keep-alive, Upgrade", "Upgrade: other/2, Echo/1.0")
CONNECT = b"CONNECT example.org:80 HTTP/1.1\r\nHost: example.org:80\r\n\r\n"
SWITCH = ResponseHead(101, "Switching", (("Upgrade", "echo/1.0"), ("X-One", "1")))


class Witness(asyncio.Protocol):
    """Notes what it is told.

    ``stays``
        whether it goes on when the client sends nothing more.
    ``answers``
        whether it sends back what comes.
    """

    def __init__(self, *, stays: bool = True, answers: bool = True) -> None:
        self.transport: asyncio.Transport
        self.told: list[str] = []
        self.received = b""
        self.lost = asyncio.Event()
        self._stays = stays
        self._answers = answers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.told.append("made")

    def data_received(self, data: bytes) -> None:
        self.received += data
        if self._answers:
            self.transport.write(data)

    def eof_received(self) -> bool:
        self.told.append("end")
        return self._stays

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append("lost")
        self.lost.set()


class Taker:
    """A handler that takes its connection over for a witness, and returns when it is released.

    ``before``
        what it waits for before.
    """

    def __init__(
        self, witness: Witness, before: Callable[[Exchange], Awaitable[object]] | None = None
    ) -> None:
        self.witness = witness
        self.released = asyncio.Event()
        self.ended = ""
        self._before = before

    async def __call__(self, exchange: Exchange) -> None:
        if self._before is not None:
            await self._before(exchange)
        switch = ResponseHead(200, "OK") if exchange.head.method == "CONNECT" else SWITCH
        exchange.take_over(switch, self.witness)
        try:
            await self.released.wait()
            self.ended = "in order"
        except asyncio.CancelledError:
            self.ended = "cancelled"
            raise


def after_the_head(line: Line) -> bytes:
    """What the client got after the head."""
    return line.transport.received.partition(b"\r\n\r\n")[2]


def lines_of_head(line: Line) -> list[bytes]:
    """The head's lines, without those that differ from run to run."""
    lines = line.transport.received.partition(b"\r\n\r\n")[0].split(b"\r\n")
    return [text for text in lines if not text.startswith(b"Date: ")]


async def turn(exchange: Exchange) -> None:
    await asyncio.sleep(0)


# -- what reaches whom ---------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [None, turn], ids=["at once", "later"])
def test_an_upgrade(before: Callable[[Exchange], Awaitable[None]] | None) -> None:
    async def main() -> None:
        taker = Taker(Witness(), before)
        async with serving(taker) as stage:
            line = await stage.connect(UPGRADE)
            assert lines_of_head(line) == [
                b"HTTP/1.1 101 Switching", b"Upgrade: echo/1.0", b"X-One: 1", b"Connection: Upgrade",
                b"Server: sketch",
            ]  # fmt: skip
            await line.send(b"one ", b"two ", GET)
            assert after_the_head(line) == b"one two " + GET == taker.witness.received
            assert taker.witness.told == ["made"] and stage.server.requests_count == 1
            taker.released.set()
            await settle()
            assert taker.witness.told == ["made", "lost"] and not line.is_open
            await line.send(b"nobody reads this")
            assert taker.witness.received == b"one two " + GET
            await line.end()
            assert line.transport.is_lost and not line.transport.is_cut and stage.errors == []

    run(main)


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_a_tunnel(version: bytes) -> None:
    async def main() -> None:
        taker = Taker(Witness())
        async with serving(taker) as stage:
            line = await stage.connect(CONNECT.replace(b"1.1", version))
            assert lines_of_head(line) == [b"HTTP/1.1 200 OK", b"Server: sketch"]
            await line.send(b"one")
            assert after_the_head(line) == b"one"

    run(main)


def test_a_head_has_no_fields_that_cannot_be_true() -> None:
    async def main() -> None:
        async def handler(exchange: Exchange) -> None:
            fields = (
                ("Connection", "close"), ("Content-Length", "5"), ("Transfer-Encoding", "chunked"),
                ("upgrade", "other/2,"), ("Upgrade", "ECHO/1.0"), ("Date", "now"), ("Server", "mine"),
            )  # fmt: skip
            exchange.take_over(ResponseHead(101, "", fields), Witness())

        async with serving(handler) as stage:
            line = await stage.connect(UPGRADE)
            assert line.transport.received == (
                b"HTTP/1.1 101 \r\nupgrade: other/2,\r\nUpgrade: ECHO/1.0\r\nDate: now\r\nServer: mine\r\n"
                b"Connection: Upgrade\r\n\r\n"
            )

    run(main)


@pytest.mark.parametrize("before", [None, turn], ids=["at once", "later"])
@pytest.mark.parametrize("size", [1, 1000])
def test_what_was_sent_with_the_request(
    size: int, before: Callable[[Exchange], Awaitable[None]] | None
) -> None:
    """However it was cut, it reaches the protocol once and in order."""

    async def main() -> None:
        taker = Taker(Witness(), before)
        async with serving(taker) as stage:
            sent = UPGRADE + GET + b"more"
            line = await stage.connect(*[sent[start : start + size] for start in range(0, len(sent), size)])
            await until(lambda: line.transport.unread == 0)
            await line.send(b", and more")
            assert taker.witness.received == GET + b"more, and more"

    run(main)


def test_more_than_is_held_ahead() -> None:
    """The socket was not read any more; now it is."""

    async def main() -> None:
        ready = asyncio.Event()
        taker = Taker(Witness(answers=False), lambda exchange: ready.wait())
        async with serving(taker) as stage:
            sent = b"x" * (DEFAULT_LIMITS.read_buffer * 3)
            line = await stage.connect(UPGRADE, *[sent[: 2**14]] * (len(sent) // 2**14))
            assert not line.transport.is_reading()
            ready.set()
            await until(lambda: line.transport.unread == 0)
            assert taker.witness.received == sent and line.transport.is_reading()

    run(main)


def test_a_body_comes_before_it() -> None:
    async def main() -> None:
        bodies: list[bytes] = []

        async def read(exchange: Exchange) -> None:
            bodies.append(await read_all(exchange))

        taker = Taker(Witness(), read)
        async with serving(taker) as stage:
            line = await stage.connect(post(3, "Connection: upgrade", "Upgrade: echo/1.0") + b"ab")
            assert line.transport.received == b""
            await line.send(b"cd")
            assert bodies == [b"abc"] and taker.witness.received == b"d"

    run(main)


def test_the_client_is_invited_before() -> None:
    """RFC 9110, section 7.8: 100 comes before 101."""

    async def main() -> None:
        taker = Taker(Witness(), read_all)
        fields = ("Connection: upgrade", "Upgrade: echo/1.0", "Expect: 100-continue")
        async with serving(taker) as stage:
            line = await stage.connect(post(3, *fields))
            assert line.transport.received == b"HTTP/1.1 100 Continue\r\n\r\n"
            await line.send(b"abc")
            assert b"\r\n\r\nHTTP/1.1 101 Switching\r\n" in line.transport.received

    run(main)


def test_an_upgrade_that_nobody_accepts() -> None:
    """It is a request like others, and so is what follows it."""

    async def main() -> None:
        async with serving(echo_target) as stage:
            line = await stage.connect(UPGRADE + get("/next"), get("/last"))
            assert line.bodies == [b"/", b"/next", b"/last"] and line.is_open

    run(main)


@pytest.mark.parametrize("status", [200, 404])
def test_a_tunnel_that_nobody_opens(status: int) -> None:
    """Whatever the answer was: what comes after it is not read as a request."""

    async def main() -> None:
        async def handler(exchange: Exchange) -> None:
            exchange.respond(head(status))

        async with serving(handler) as stage:
            line = await stage.connect(CONNECT + GET, GET)
            assert stage.server.requests_count == 1 and not line.is_open
            assert [answer.status for answer in line.answers("CONNECT")] == [status]

    run(main)


def test_a_refused_head_changes_nothing() -> None:
    async def main() -> None:
        async def handler(exchange: Exchange) -> None:
            fields = (("Upgrade", "echo/1.0"), ("X-One", "a\r\nb"))
            with pytest.raises(ValueError if exchange.head.framing.upgrade else LocalProtocolError):
                exchange.take_over(ResponseHead(101, "Switching", fields), Witness())
            await echo_target(exchange)

        async with serving(handler) as stage:
            line = await stage.connect(UPGRADE + GET)
            assert line.bodies == [b"/", b"/"]

    run(main)


# -- flow control --------------------------------------------------------------------------------------


def test_a_slow_client() -> None:
    async def main() -> None:
        taker = Taker(Witness(answers=False))
        async with serving(taker) as stage:
            line = await stage.connect(UPGRADE)
            line.transport.stop_taking()
            taker.witness.transport.write(b"x" * 100_000)
            assert taker.witness.told == ["made", "pause"]
            await pass_time(1000)
            assert not line.transport.is_lost, "no deadline of HTTP's is left"
            line.transport.take()
            await settle()
            assert taker.witness.told == ["made", "pause", "resume"]

    run(main)


def test_a_client_that_was_slow_before() -> None:
    """It has not taken its last answer, and the protocol learns that it has to wait."""

    async def main() -> None:
        witness = Witness(answers=False)
        ready = asyncio.Event()

        async def handler(exchange: Exchange) -> None:
            if not exchange.head.framing.upgrade:
                exchange.respond(head(), b"x" * 50_000)
                return
            await ready.wait()
            exchange.inform(ResponseHead(103, "Hints", (("Link", "x" * 30_000),)))
            await taker(exchange)

        taker = Taker(witness)
        async with serving(handler) as stage:
            line = await stage.connect()
            line.transport.stop_taking()
            await line.send(GET, UPGRADE)
            ready.set()
            await settle()
            assert witness.told == ["made", "pause"]
            line.transport.take()
            await settle()
            assert witness.told == ["made", "pause", "resume"]

    run(main)


def test_a_protocol_that_reads_nothing_for_a_while() -> None:
    async def main() -> None:
        taker = Taker(Witness())
        async with serving(taker) as stage:
            line = await stage.connect(UPGRADE)
            taker.witness.transport.pause_reading()
            await line.send(b"abc")
            assert taker.witness.received == b""
            # What nobody has read does not hold the end up.
            taker.released.set()
            await line.end()
            assert line.transport.is_lost and not line.transport.is_cut

    run(main)


# -- ends ----------------------------------------------------------------------------------------------


def test_what_was_written_is_sent_before_the_end() -> None:
    async def main() -> None:
        taker = Taker(Witness())
        async with serving(taker) as stage:
            line = await stage.connect(UPGRADE)
            line.transport.stop_taking()
            taker.witness.transport.write(b"x" * 100_000)
            taker.released.set()
            await settle()
            assert line.is_open
            line.transport.take()
            assert after_the_head(line) == b"x" * 100_000 and not line.is_open

    run(main)


@pytest.mark.parametrize("closes", [False, True])
def test_a_client_that_does_not_take_the_end(closes: bool) -> None:
    """Whoever closes, and whenever: from then on it has so long to take a part of what is left."""

    async def main() -> None:
        taker = Taker(Witness())
        async with serving(taker) as stage:
            line = await stage.connect(UPGRADE)
            line.transport.stop_taking()
            taker.witness.transport.write(b"x" * 100_000)
            if closes:
                taker.witness.transport.close()
            taker.released.set()
            await settle()
            line.transport.take(50_000)
            await pass_time(DEFAULT_LIMITS.lingering_timeout)
            assert not line.transport.is_lost
            await pass_time(DEFAULT_LIMITS.lingering_timeout)
            assert line.transport.is_lost and stage.server.connections == []
            assert taker.witness.told.count("lost") == 1

    run(main)


def test_a_client_that_does_not_end() -> None:
    async def main() -> None:
        taker = Taker(Witness())
        async with serving(taker) as stage:
            line = await stage.connect(UPGRADE)
            taker.released.set()
            await settle()
            assert not line.is_open and not line.transport.is_lost
            await pass_time(DEFAULT_LIMITS.lingering_timeout)
            assert line.transport.is_lost

    run(main)


@pytest.mark.parametrize("stays", [False, True])
@pytest.mark.parametrize("is_early", [False, True], ids=["after it was taken over", "before"])
def test_a_client_that_sends_nothing_more(stays: bool, is_early: bool) -> None:
    async def main() -> None:
        ready = asyncio.Event()
        taker = Taker(Witness(stays=stays), lambda exchange: ready.wait())
        async with serving(taker) as stage:
            line = await stage.connect()
            if not is_early:
                ready.set()
            await line.send(UPGRADE, b"last")
            await line.end()
            ready.set()
            await settle()
            assert taker.witness.told == (["made", "end"] if stays else ["made", "end", "lost"])
            assert taker.witness.received == after_the_head(line) == b"last"
            if stays:
                taker.witness.transport.write(b", answered")
                assert after_the_head(line) == b"last, answered"
            taker.released.set()
            await settle()
            assert line.transport.is_lost and not line.transport.is_cut
            assert taker.witness.told == ["made", "end", "lost"]

    run(main)


@pytest.mark.parametrize("cancels", [False, True])
def test_a_client_that_leaves(cancels: bool) -> None:
    async def main() -> None:
        taker = Taker(Witness())
        async with serving(taker, handler_cancellation=cancels) as stage:
            line = await stage.connect(UPGRADE)
            await line.leave()
            assert taker.witness.told == ["made", "lost"] and stage.server.connections == []
            assert taker.ended == ("cancelled" if cancels else "")
            taker.released.set()
            await settle()
            assert taker.ended == ("cancelled" if cancels else "in order")
            assert taker.witness.told == ["made", "lost"]

    run(main)


def test_a_client_that_has_left_before() -> None:
    async def main() -> None:
        failures: list[str] = []
        ready = asyncio.Event()

        async def handler(exchange: Exchange) -> None:
            await ready.wait()
            assert not exchange.can_take_over
            try:
                exchange.take_over(SWITCH, Witness())
            except ConnectionError as error:
                failures.append(str(error))

        async with serving(handler) as stage:
            line = await stage.connect(UPGRADE)
            await line.leave()
            ready.set()
            await settle()
            assert failures == ["the client closed the connection"]

    run(main)


def test_a_handler_that_fails() -> None:
    async def main() -> None:
        witness = Witness()

        async def handler(exchange: Exchange) -> None:
            exchange.take_over(SWITCH, witness)
            await turn(exchange)
            exchange.abort()

        async with serving(handler) as stage:
            line = await stage.connect(UPGRADE)
            assert line.transport.is_cut and witness.told == ["made", "lost"]
            assert stage.server.connections == []

    run(main)


def test_a_protocol_that_fails() -> None:
    """It does not take the server's books with it."""

    class Failing(Witness):
        def connection_lost(self, exc: Exception | None) -> None:
            raise LookupError("in the protocol")

    async def main() -> None:
        contexts: list[str] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: contexts.append(str(context["exception"])))
        for leaves in (True, False):
            taker = Taker(Failing())
            async with serving(taker) as stage:
                line = await stage.connect(UPGRADE)
                if leaves:
                    await line.leave()
                taker.released.set()
                await settle()
                await line.end()
                assert stage.server.connections == []
        assert contexts == ["in the protocol"] * 2

    run(main)


# -- the server ----------------------------------------------------------------------------------------


async def begin_shutdown(stage: Stage, seconds: float) -> "asyncio.Task[None]":
    shutdown = asyncio.ensure_future(stage.server.shutdown(seconds))
    await settle()
    return shutdown


def test_it_is_a_connection_with_a_handler() -> None:
    """Shutdown waits for it, tells it, and cuts it off in the end."""

    async def main() -> None:
        told: list[bool] = []

        async def note(exchange: Exchange) -> None:
            told.append(exchange.is_draining)
            watches.append(asyncio.ensure_future(exchange.wait_draining()))

        watches: list[asyncio.Future[None]] = []
        taker = Taker(Witness(), note)
        async with serving(taker) as stage:
            line = await stage.connect(UPGRADE)
            assert len(stage.server.connections) == 1 and told == [False]
            shutdown = await begin_shutdown(stage, 60)
            assert watches[0].done() and not shutdown.done()
            await line.send(b"still here")
            assert after_the_head(line) == b"still here"
            await pass_time(60)
            await shutdown
            assert line.transport.is_cut and taker.ended == "cancelled"
            assert taker.witness.told == ["made", "lost"]
            (warning,) = stage.errors
            assert "1 request(s) were cut off: GET /" in warning.getMessage()

    run(main)


def test_it_may_end_in_time() -> None:
    async def main() -> None:
        taker = Taker(Witness())
        async with serving(taker) as stage:
            line = await stage.connect(UPGRADE)
            shutdown = await begin_shutdown(stage, 60)
            taker.released.set()
            await shutdown
            assert taker.ended == "in order" and stage.errors == []
            assert line.transport.is_lost

    run(main)


def test_it_does_not_count_as_a_request() -> None:
    """Others get their turn while it goes on."""

    async def main() -> None:
        witness = Witness()
        taker = Taker(witness)

        async def handler(exchange: Exchange) -> None:
            await (taker(exchange) if exchange.head.framing.upgrade else echo_target(exchange))

        async with serving(handler, limits=Limits(requests=1, queued_requests=0)) as stage:
            await stage.connect(UPGRADE)
            line = await stage.connect(GET)
            assert line.statuses == [200] and witness.told == ["made"]

    run(main)
