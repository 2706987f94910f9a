"""A server without sockets, on a loop whose time the test moves; and what is left of it when it is over."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import h11

from sketch.http.errors import Disconnected
from sketch.http.exchange import Exchange, ExchangeHandler
from sketch.http.heads import ResponseHead
from sketch.net.h1 import H1Connection
from sketch.net.registry import Registry
from sketch.server import Server
from tests.conformance.driver import Received, settle
from tests.net.transport import CLIENT, FakeTransport

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST_GET = b"GET /last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class ShiftedLoop(asyncio.SelectorEventLoop):
    """A loop on which time can be made to pass."""

    shift = 0.0

    def time(self) -> float:
        return super().time() + self.shift


async def pass_time(seconds: float) -> None:
    """Let that many seconds be gone, and everybody notice. The clock ticks once a second."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ShiftedLoop)
    loop.shift += seconds + 1.0
    await settle()


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Run a test on a loop of its own; nothing of it may be left."""

    async def bounded() -> None:
        failures: list[dict[str, Any]] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: failures.append(context))
        await main()
        await settle()
        assert failures == []
        assert asyncio.all_tasks() == {asyncio.current_task()}
        # The loop's own bookkeeping: nothing else knows of a timer that was left behind.
        assert [timer for timer in loop._scheduled if not timer.cancelled()] == []  # type: ignore[attr-defined]

    with asyncio.Runner(loop_factory=ShiftedLoop) as runner:
        runner.run(bounded())


class Line:
    """One connection to the server, and its client."""

    def __init__(
        self, server: Server, address: Any = CLIENT, make_transport: type[FakeTransport] = FakeTransport
    ) -> None:
        protocol = server()
        assert isinstance(protocol, H1Connection)
        self.connection = protocol
        self.transport = make_transport(protocol, address=address)

    async def send(self, *data: bytes) -> None:
        """Send these bytes, each in a packet of its own, and let the server take them."""
        for piece in data:
            self.transport.feed(piece)
        await settle()

    async def end(self) -> None:
        """Send nothing more, and let the server take that."""
        self.transport.feed_eof()
        await settle()

    async def leave(self) -> None:
        """Be gone, and let the server take that."""
        self.transport.disconnect()
        await settle()

    @property
    def is_open(self) -> bool:
        """Whether the server may still send something."""
        return not self.transport.has_sent_end

    def answers(self, *methods: str) -> list[Received]:
        """What came, read as answers to requests with these methods; ``GET`` unless said otherwise."""
        rest = self.transport.received
        answers: list[Received] = []
        while rest:
            answer, rest = read_answer(rest, methods[len(answers)] if methods else "GET", self.is_open)
            answers.append(answer)
        return answers

    @property
    def bodies(self) -> list[bytes]:
        """The bodies of the answers."""
        return [answer.body for answer in self.answers()]

    @property
    def statuses(self) -> list[int | None]:
        """The statuses of the answers."""
        return [answer.status for answer in self.answers()]


def read_answer(data: bytes, method: str = "GET", is_open: bool = True) -> tuple[Received, bytes]:
    """The first answer in these bytes, and the bytes after it."""
    parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=2**20)
    parser.send(h11.Request(method=method, target="/", headers=[("Host", "localhost")]))
    parser.send(h11.EndOfMessage())
    parser.receive_data(data)
    if not is_open:
        parser.receive_data(b"")
    answer = Received()
    while True:
        try:
            event = parser.next_event()
        except h11.RemoteProtocolError:
            assert not is_open, f"no parser should stumble over {data!r}"
            return answer, b""
        if isinstance(event, h11.InformationalResponse):
            answer.interim.append((event.status_code, _fields(event)))
        elif isinstance(event, h11.Response):
            answer.status, answer.fields = event.status_code, _fields(event)
        elif isinstance(event, h11.Data):
            answer.body += event.data
        elif isinstance(event, h11.EndOfMessage):
            answer.is_complete = True
            return answer, parser.trailing_data[0]
        else:
            return answer, b""


def _fields(event: h11.InformationalResponse | h11.Response) -> list[tuple[str, str]]:
    return [(name.decode(), value.decode()) for name, value in event.headers.raw_items()]


class Stage(logging.Handler):
    """A server and the connections that a test makes to it.

    ``errors``
        what the server logged, from level WARNING on.
    """

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.server = server
        self.errors: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.errors.append(record)

    @property
    def registry(self) -> Registry:
        """What the server's connections share."""
        return self.server._registry

    async def connect(self, *data: bytes, address: Any = CLIENT, takes: bool = True) -> Line:
        """A new connection from that address, on which these bytes are sent; its client may take nothing of
        what it is answered."""
        line = Line(self.server, address)
        await settle()
        if not takes:
            line.transport.stop_taking()
        await line.send(*data)
        return line


@asynccontextmanager
async def serving(handler: ExchangeHandler, **options: Any) -> AsyncIterator[Stage]:
    """A server in memory. In the end it is shut down: no connection is left, and the clock stands still."""
    logger = logging.Logger("stage", logging.WARNING)
    stage = Stage(Server(handler, logger=logger, **options))
    logger.addHandler(stage)
    try:
        yield stage
    finally:
        await stage.server.shutdown(0)
        await settle()
    assert stage.server.connections == []
    assert not stage.registry.clock.is_running


def head(status: int = 200, fields: tuple[tuple[str, str], ...] = ()) -> ResponseHead:
    """The head of an answer."""
    return ResponseHead(status, "Fine", fields)


async def echo_target(exchange: Exchange) -> None:
    """Answers with the request's target, at once."""
    exchange.respond(head(), exchange.head.target.encode())


LARGE = b"x" * 200_000
"""More than may wait to be sent."""


async def answer_large(exchange: Exchange) -> None:
    """Answers with `LARGE`, at once."""
    exchange.respond(head(), LARGE)


async def read_all(exchange: Exchange) -> bytes:
    """The whole body."""
    body = b""
    while piece := await exchange.read():
        body += piece
    return body


async def echo_body(exchange: Exchange) -> None:
    """Answers with the request's body; a client that leaves in the middle of it gets nothing."""
    try:
        body = await read_all(exchange)
    except Disconnected:
        return
    exchange.respond(head(), body)


def get(target: str, *fields: str) -> bytes:
    """A request without a body."""
    lines = [f"GET {target} HTTP/1.1", "Host: localhost", *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def post(length: int, *fields: str, target: str = "/") -> bytes:
    """The head of a request with a counted body."""
    lines = [f"POST {target} HTTP/1.1", "Host: localhost", f"Content-Length: {length}", *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
