"""An engine and `websockets`, which shares no code with it but one function: each understands the other, as a
server and as a client, and refuses what it does."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, SERVER, Event, Protocol, State

from sketch.http.handshake import Deflate
from sketch.http.websocket import SharedMessage, WSMsgType
from sketch.protocol.ws.connection import WebSocketEngine

DEFLATES = st.none() | st.builds(
    Deflate,
    server_no_context_takeover=st.booleans(),
    client_no_context_takeover=st.booleans(),
    server_max_window_bits=st.integers(9, 15),
    client_max_window_bits=st.integers(9, 15),
)
PAYLOADS = st.one_of(
    st.text(max_size=200),
    st.binary(max_size=200),
    st.builds(lambda seed, size: Random(seed % 3).randbytes(size % 9000), st.integers(0), st.integers(0)),
    st.builds(lambda text, count: text * count, st.text(min_size=1, max_size=9), st.integers(1, 9000)),
)


class Pair:
    """An engine, and the other side of its connection."""

    def __init__(self, deflate: Deflate | None, *, is_client: bool) -> None:
        self.engine = WebSocketEngine(max_message_size=0, deflate=deflate, is_client=is_client)
        self.peer = Protocol(SERVER if is_client else CLIENT, state=State.OPEN, max_size=None)
        if deflate is not None:
            client = deflate.client_no_context_takeover, deflate.client_max_window_bits
            server = deflate.server_no_context_takeover, deflate.server_max_window_bits
            (own, own_bits), (other, other_bits) = (server, client) if is_client else (client, server)
            self.peer.extensions = [PerMessageDeflate(other, own, other_bits, own_bits)]

    def send(self, payload: str | bytes, *, is_shared: bool = False) -> str | bytes:
        """From the engine to the other side."""
        message = SharedMessage(payload)
        if is_shared:
            return self.deliver(self.engine.encode_shared(message))
        return self.deliver(self.engine.encode(message.payload, message.opcode))

    def deliver(self, data: bytes) -> str | bytes:
        self.peer.receive_data(data)
        (frame,) = self.frames()
        data = bytes(frame.data)
        return data.decode() if frame.opcode is Opcode.TEXT else data

    def frames(self) -> list[Frame]:
        events: list[Event] = self.peer.events_received()
        assert self.peer.parser_exc is None
        return [event for event in events if isinstance(event, Frame)]

    def take(self, payload: str | bytes, pieces: int, random: Random) -> object:
        """From the other side to the engine, in fragments and in pieces."""
        data = payload.encode() if isinstance(payload, str) else payload
        bounds = [0, *sorted(random.randrange(len(data) + 1) for _ in range(pieces)), len(data)]
        for number, (start, end) in enumerate(zip(bounds, bounds[1:], strict=False)):
            fin = number == pieces
            if number:
                self.peer.send_continuation(data[start:end], fin)
            elif isinstance(payload, str):
                self.peer.send_text(data[start:end], fin)
            else:
                self.peer.send_binary(data[start:end], fin)
        sent = b"".join(self.peer.data_to_send())
        cut = random.randrange(len(sent) + 1)
        messages = self.engine.receive(sent[:cut]) + self.engine.receive(sent[cut:])
        assert self.engine.failure is None
        (message,) = messages
        return message.data


@given(
    deflate=DEFLATES,
    is_client=st.booleans(),
    payloads=st.lists(st.tuples(PAYLOADS, st.booleans(), st.integers(0, 3)), max_size=12),
    seed=st.integers(0, 2**32),
)
def test_each_understands_the_other(
    deflate: Deflate | None, is_client: bool, payloads: list[tuple[str | bytes, bool, int]], seed: int
) -> None:
    pair, random = Pair(deflate, is_client=is_client), Random(seed)
    for payload, is_shared, pieces in payloads:
        assert pair.send(payload, is_shared=is_shared) == payload
        assert pair.take(payload, pieces, random) == payload


@pytest.mark.parametrize("is_client", [False, True])
@pytest.mark.parametrize("code", [1000, 1001, 1011, 3000, 4999])
def test_the_closing_handshake(is_client: bool, code: int) -> None:
    pair = Pair(None, is_client=is_client)
    pair.peer.receive_data(pair.engine.encode_close(code, "tschüß".encode()))
    assert pair.peer.close_rcvd is not None
    assert (pair.peer.close_rcvd.code, pair.peer.close_rcvd.reason) == (code, "tschüß")
    assert pair.engine.receive(b"".join(pair.peer.data_to_send())) == [(WSMsgType.CLOSE, code, "tschüß")]


@pytest.mark.parametrize("is_client", [False, True])
def test_pings_and_pongs(is_client: bool) -> None:
    pair = Pair(Deflate(), is_client=is_client)
    pair.peer.receive_data(pair.engine.encode(b"are you there", WSMsgType.PING))
    (answer,) = pair.engine.receive(b"".join(pair.peer.data_to_send()))
    assert answer == (WSMsgType.PONG, b"are you there", None)


@pytest.mark.parametrize("is_client", [False, True])
def test_each_refuses_what_the_wrong_side_sends(is_client: bool) -> None:
    pair, twin = Pair(None, is_client=is_client), Pair(None, is_client=is_client)
    pair.peer.receive_data(Pair(None, is_client=not is_client).engine.encode(b"a", WSMsgType.TEXT))
    assert pair.peer.close_sent is not None
    assert pair.peer.close_sent.code == 1002
    assert twin.engine.receive(pair.engine.encode(b"a", WSMsgType.TEXT)) == []
    assert twin.engine.failure is not None
    assert twin.engine.failure.code == 1002
