"""A client's bytes through an engine, as a carrier would feed them, and what came of it."""

import zlib
from collections.abc import Iterable, Iterator
from random import Random

from sketch.http.handshake import Deflate
from sketch.protocol.ws.connection import WebSocketEngine
from tests.protocol.ws.reference import Inflate, Reference, Told


def play(pieces: Iterable[bytes], engine: WebSocketEngine) -> Told:
    """Feed an engine, and take all messages that it holds."""
    told = Told()
    for piece in pieces:
        take(engine, piece, told)
        while engine.has_held:
            take(engine, b"", told)
    told.code = engine.failure.code if engine.failure else None
    told.is_closed = engine.close_received
    told.is_inflating = engine.failure is not None and isinstance(engine.failure.__cause__, zlib.error)
    return told


def take(engine: WebSocketEngine, piece: bytes, told: Told) -> None:
    for message in engine.receive(piece):
        data = int(message.data) if message.type.name == "CLOSE" else message.data
        told.messages.append((message.type.name, data, message.extra))


def receive(
    pieces: Iterable[bytes], *, limit: int = 0, deflate: Deflate | None = None, decode_text: bool = True
) -> Told:
    """What a server's engine says of these bytes."""
    return play(pieces, WebSocketEngine(max_message_size=limit, deflate=deflate, decode_text=decode_text))


def refer(data: bytes, *, limit: int = 0, deflate: Deflate | None = None) -> Told:
    """What the reference says of these bytes."""
    inflate = None
    if deflate is not None:
        inflate = Inflate(deflate.client_max_window_bits, not deflate.client_no_context_takeover)
    return Reference(data, limit, inflate).read()


def one_by_one(data: bytes) -> Iterator[bytes]:
    return (data[place : place + 1] for place in range(len(data)))


def cut(data: bytes, places: Iterable[int]) -> Iterator[bytes]:
    """The same bytes in pieces that begin at these places."""
    bounds = [0, *sorted(places), len(data)]
    return (data[start:end] for start, end in zip(bounds, bounds[1:], strict=False))


def cut_somewhere(data: bytes, random: Random) -> list[bytes]:
    count = random.choice((1, 1, 2, 3, 10))
    return list(cut(data, [random.randrange(len(data) + 1) for _ in range(count)]))
