"""What must hold for any bytes from the client of a WebSocket: they end in messages or in the right close
code, the same in any pieces. What is right, `tests.protocol.ws.reference` says, which shares no code with
the engine."""

from random import Random

from sketch.protocol.ws.connection import WebSocketEngine
from tests.fuzz.framemutator import Stream, make_stream
from tests.fuzz.mutator import random_for
from tests.protocol.ws.reference import Told, agree
from tests.protocol.ws.transcript import cut_somewhere, one_by_one, play, refer

CODES = {1002, 1007, 1009}
"""Whatever a peer sends, it is told one of these or none."""


class Checker:
    """Tries streams. What a stream breaks, it raises as it comes: mostly `AssertionError`."""

    def check(self, seed: int, number: int) -> int | None:
        """Try one stream of a series. Returns the close code that the peer is told, ``None`` for none."""
        return self.check_stream(make_stream(seed, number), random_for(seed, number)).code

    def check_stream(self, stream: Stream, random: Random) -> Told:
        """Try these bytes, whole and in pieces. Returns what came of them."""
        data = stream.data
        is_small = stream.deflate is not None and stream.deflate.client_max_window_bits < 15
        whole = _receive([data], stream)
        assert whole.code is None or whole.code in CODES
        pieces = list(one_by_one(data)) if random.random() < 0.2 else cut_somewhere(data, random)
        apart = _receive(pieces, stream)
        sizes = [len(piece) for piece in pieces]
        assert agree(whole, apart, is_small=is_small), f"in pieces {sizes}: {whole} is not {apart}"
        right = refer(data, limit=stream.limit, deflate=stream.deflate)
        assert agree(whole, right, is_small=is_small), f"{whole} is not {right}"
        return whole


def _receive(pieces: list[bytes], stream: Stream) -> Told:
    engine = WebSocketEngine(max_message_size=stream.limit, deflate=stream.deflate)
    told = play(pieces, engine)
    if told.code is not None or told.is_closed:
        assert engine.receive(stream.data) == [], "nothing is parsed any more"
        assert (engine.failure.code if engine.failure else None) == told.code
    return told
