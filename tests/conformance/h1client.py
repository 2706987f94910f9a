"""An HTTP/1 client for the conformance suite: raw bytes one way, h11 the other.

What it sends is written here byte by byte; what it gets is read by a parser that nobody of this project
wrote. Whether a connection can serve another request it finds out by sending one. How bytes travel is a
`Wire`'s to know.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Sequence

import h11

from sketch.http.exchange import Exchange, ExchangeHandler
from sketch.http.heads import ResponseHead

from .driver import Client, Opening, Received

PROBE_METHOD = "PROBE"
PROBE = f"{PROBE_METHOD} / HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def answer_probes(handler: ExchangeHandler) -> ExchangeHandler:
    """The handler, and beside it an answer to the request with which a client probes the connection."""

    def handle(exchange: Exchange) -> Awaitable[object]:
        return answer_probe(exchange) if exchange.head.method == PROBE_METHOD else handler(exchange)

    async def answer_probe(exchange: Exchange) -> None:
        exchange.respond(ResponseHead(200, "OK"), b"again")

    return handle


class Wire(ABC):
    """The client's end of a connection."""

    @abstractmethod
    async def send(self, data: bytes) -> None:
        """Send bytes; may wait until the server takes them. Does nothing once the server is gone."""

    @abstractmethod
    async def disconnect(self) -> None:
        """Leave without a word, in both directions."""

    @abstractmethod
    async def pause(self) -> None:
        """Stop reading."""

    @abstractmethod
    async def resume(self) -> None:
        """Read again."""


class Answer:
    """One answer, read as its bytes come."""

    def __init__(self, method: str, fields: Iterable[tuple[str, str]] = (("Host", "localhost"),)) -> None:
        self.received = Received()
        self.is_over = asyncio.Event()
        self.has_news = asyncio.Event()
        self._parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=2**20)
        # For the parser's own knowledge only: these bytes are not sent.
        proposed = [(name, value) for name, value in fields if name in ("Host", "Connection", "Upgrade")]
        self._parser.send(h11.Request(method=method, target="/", headers=proposed))
        self._parser.send(h11.EndOfMessage())

    def take(self, data: bytes) -> None:
        """The next bytes; ``b""`` when no more will come."""
        if self.is_over.is_set():
            assert not data, f"after the end of the answer came {data!r}"
            return
        self._parser.receive_data(data)
        try:
            while not self.is_over.is_set() and self._take_event(self._parser.next_event()):
                pass
        except h11.RemoteProtocolError:
            assert not data, f"no parser should stumble over what was sent: {data!r}"
            self.is_over.set()
        self.has_news.set()

    def _take_event(self, event: object) -> bool:
        received = self.received
        if isinstance(event, h11.InformationalResponse):
            received.interim.append((event.status_code, _fields(event)))
        elif isinstance(event, h11.Response):
            received.status = event.status_code
            received.fields = _fields(event)
        elif isinstance(event, h11.Data):
            received.body += event.data
        elif isinstance(event, h11.EndOfMessage):
            received.trailers = _fields(event)
            received.is_complete = True
            trailing, _ = self._parser.trailing_data
            assert not trailing, f"after the end of the answer came {trailing!r}"
            self.is_over.set()
        elif isinstance(event, h11.ConnectionClosed):
            self.is_over.set()
        elif event is h11.PAUSED:
            # What follows is no longer HTTP.
            received.is_complete = True
            self.is_over.set()
        return event is not h11.NEED_DATA


def _fields(event: h11.InformationalResponse | h11.Response | h11.EndOfMessage) -> list[tuple[str, str]]:
    return [(name.decode(), value.decode()) for name, value in event.headers.raw_items()]


class H1Client(Client):
    """The far end of one HTTP/1 request.

    ``begin_draining``
        lets the server begin to shut down.
    """

    def __init__(self, opening: Opening, begin_draining: Callable[[], None]) -> None:
        self._opening = opening
        self._begin_draining = begin_draining
        self._answer = Answer(opening.method, opening.all_fields)
        self._unsent = opening.length
        """Bytes of the body that the server still expects; ``None`` for a chunked one's."""
        self._has_ended = False
        self.wire: Wire

    def bytes_came(self, data: bytes) -> None:
        """Called by the wire."""
        self._answer.take(data)

    def end_came(self) -> None:
        """Called by the wire when nothing more will come."""
        self._has_ended = True
        self._answer.take(b"")

    async def send_head(self) -> None:
        """Send the head."""
        opening = self._opening
        lines = [f"{opening.method} {opening.target} HTTP/{opening.version.major}.{opening.version.minor}"]
        lines += [f"{name}: {value}" for name, value in opening.all_fields]
        await self.wire.send(("\r\n".join(lines) + "\r\n\r\n").encode())

    async def feed(self, data: bytes) -> None:
        if self._unsent is None:
            await self.wire.send(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            self._unsent -= len(data)
            await self.wire.send(data)

    async def end_body(self, trailers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        self._unsent = 0
        lines = [name + b": " + value + b"\r\n" for name, value in trailers]
        await self.wire.send(b"0\r\n" + b"".join(lines) + b"\r\n")

    async def break_body(self) -> None:
        await self.wire.send(b"no chunk\r\n")

    async def disconnect(self) -> None:
        await self.wire.disconnect()

    async def pause(self) -> None:
        await self.wire.pause()

    async def resume(self) -> None:
        await self.wire.resume()

    async def begin_draining(self) -> None:
        self._begin_draining()

    async def wait_for_body(self, size: int) -> None:
        answer = self._answer
        while len(answer.received.body) < size:
            answer.has_news.clear()
            await answer.has_news.wait()

    async def received(self) -> Received:
        await self._answer.is_over.wait()
        received = self._answer.received
        if received.is_complete and self._unsent == 0 and not self._has_ended:
            received.is_reusable = await self._probe()
        return received

    async def _probe(self) -> bool:
        self._answer = answer = Answer("GET")
        await self.wire.send(PROBE)
        await answer.is_over.wait()
        if answer.received.is_complete:
            assert answer.received.body == b"again"
        return answer.received.is_complete
