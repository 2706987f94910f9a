"""A client's bytes through an engine, as a server would feed them, and what came of it.

`play` is the shell without its socket: it feeds pieces, answers each request when it is complete, and goes
on to the next one. What it returns does not depend on the pieces, or the engine is wrong: `same`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sketch.http.errors import LocalProtocolError, RemoteProtocolError
from sketch.http.heads import RequestHead, ResponseHead
from sketch.http.limits import DEFAULT_LIMITS, Limits
from sketch.http_parser import HttpParser
from sketch.http_writer import make_automatic
from sketch.protocol.h1.connection import HEAD, IDLE, READ, READING_BODY, READING_CLOSED, H1Engine

AUTOMATIC = make_automatic("Sun, 06 Nov 1994 08:49:37 GMT")
OK = ResponseHead(200, "OK")
NOT_FOUND = ResponseHead(404, "Not Found")
"""What may be said to every method, so that the next request is read."""


@dataclass
class Seen:
    """One request, as far as it came."""

    head: RequestHead
    pieces: list[bytes] = field(default_factory=list)
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)
    is_complete: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


@dataclass
class Outcome:
    """All that came of some bytes."""

    requests: list[Seen] = field(default_factory=list)
    error: RemoteProtocolError | None = None
    closes: bool = False
    """Whether the connection is to be closed after the last complete request."""

    @property
    def status(self) -> int | None:
        return None if self.error is None else self.error.status

    def facts(self) -> tuple[object, ...]:
        """What must not depend on how the bytes were cut."""
        requests = [
            (
                seen.head.method,
                seen.head.target,
                seen.head.version,
                list(seen.head.fields),
                repr(seen.head.framing),
                seen.is_complete,
                seen.body,
                seen.trailers,
            )
            for seen in self.requests
        ]
        return requests, self.status, self.closes


def same(one: Outcome, other: Outcome) -> bool:
    """Whether two outcomes tell the same story."""
    return one.facts() == other.facts()


class Player:
    """Feeds an engine. ``lag``: how many pieces come while a handler is at work on each request."""

    def __init__(self, limits: Limits, parser: HttpParser, lag: int = 0) -> None:
        self.engine = H1Engine(parser, limits)
        self.outcome = Outcome()
        self._limits = limits
        self._lag = lag
        self._pieces_to_wait: int | None = None

    def feed(self, data: bytes) -> None:
        """What `data_received` does."""
        if self.outcome.error is not None or self.outcome.closes:
            self._check_refusal(data)
        elif self._pieces_to_wait is not None:
            self.engine.hold(data)
            self._pieces_to_wait -= 1
            if self._pieces_to_wait < 0:
                self._answer()
        else:
            self._guard(data)

    def end(self) -> None:
        """What `eof_received` does."""
        while self._pieces_to_wait is not None:
            self._answer()
        if self.outcome.error is None:
            try:
                self.engine.receive_end()
            except RemoteProtocolError as error:
                self.outcome.error = error

    def _guard(self, data: bytes) -> None:
        try:
            self._receive(data)
            while self._pieces_to_wait is None and self.engine.held and self.engine.reading is HEAD:
                if not self._receive(b""):
                    return
        except RemoteProtocolError as error:
            self.outcome.error = error
            if error.pieces:
                self.outcome.requests[-1].pieces += error.pieces
            assert self.engine.reading is READING_CLOSED
            assert not self.engine.keep_alive

    def _receive(self, data: bytes) -> bool:
        """Whether a request began."""
        engine = self.engine
        if engine.reading is HEAD:
            head = engine.receive_head(data)
            if head is None:
                assert engine.held <= self._limits.head
                return False
            self.outcome.requests.append(Seen(head))
            data = b""
        if engine.reading is READING_BODY:
            self.outcome.requests[-1].pieces += engine.receive_body(data)
            line = getattr(engine._body, "_line", b"")
            assert len(line) <= max(self._limits.chunk_line, self._limits.field_line) + 1
        if engine.reading is READ:
            self.outcome.requests[-1].trailers = engine.trailers
            self.outcome.requests[-1].is_complete = True
            self._pieces_to_wait = self._lag - 1
            if not self._lag:
                self._pieces_to_wait = None
                self._give_answer()
        else:
            assert not engine.held, "all that came belonged to the body"
        return True

    def _answer(self) -> None:
        """The handler is done, after a while: what was held in the meantime comes next."""
        self._pieces_to_wait = None
        self._give_answer()
        if self.engine.held:
            self._guard(b"")

    def _give_answer(self) -> None:
        engine = self.engine
        engine.respond(NOT_FOUND, b"", AUTOMATIC)
        if not engine.can_continue:
            engine.close()
            self.outcome.closes = True
            return
        engine.next_cycle()

    def _check_refusal(self, data: bytes) -> None:
        """After an error, and after the last request, the engine takes nothing more."""
        engine = self.engine
        engine.hold(data)
        assert not engine.held
        for receive in (engine.receive_head, engine.receive_body):
            try:
                receive(data)
            except LocalProtocolError:
                continue
            raise AssertionError(f"{receive.__name__} went on after {self.outcome}")


def play(
    pieces: Iterable[bytes],
    *,
    limits: Limits = DEFAULT_LIMITS,
    parser: HttpParser | None = None,
    lag: int = 0,
) -> Outcome:
    """What comes of these pieces, fed one after the other to an engine of their own."""
    player = Player(limits, parser or HttpParser(limits), lag)
    for piece in pieces:
        player.feed(piece)
    player.end()
    return player.outcome


def cut(data: bytes, places: Sequence[int]) -> Iterator[bytes]:
    """The data in pieces. Places may come in any order and more than once; there are no empty pieces."""
    start = 0
    for place in sorted({*(place for place in places if 0 < place < len(data)), len(data)}):
        if place > start:
            yield data[start:place]
        start = place


def one_by_one(data: bytes) -> Iterator[bytes]:
    """Each byte on its own."""
    return (data[index : index + 1] for index in range(len(data)))


def engine_with(data: bytes = b"", *, limits: Limits = DEFAULT_LIMITS) -> H1Engine:
    """An engine that was fed one request: its head, and what came of its body."""
    engine = H1Engine(HttpParser(limits), limits)
    if data:
        assert engine.receive_head(data) is not None
        assert engine.writing is IDLE
        if engine.reading is READING_BODY:
            engine.receive_body(b"")
    return engine
