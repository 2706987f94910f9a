"""An HTTP/1 connection keeps the contract of every carrier: over a transport in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sketch.http.exchange import ExchangeHandler
from sketch.net.h1 import H1Connection
from sketch.server import Server
from tests.conformance.driver import settle
from tests.conformance.exchange import Client, ExchangeConformance, Opening
from tests.conformance.h1client import H1Client, Wire, answer_probes
from tests.net.transport import FakeTransport


class TransportWire(Wire):
    """Whatever is sent is there in the next turn of the loop."""

    def __init__(self, transport: FakeTransport, piece_size: int) -> None:
        self._transport = transport
        self._piece_size = piece_size

    async def send(self, data: bytes) -> None:
        for start in range(0, len(data), self._piece_size):
            self._transport.feed(data[start : start + self._piece_size])

    async def disconnect(self) -> None:
        self._transport.disconnect()

    async def pause(self) -> None:
        self._transport.stop_taking()

    async def resume(self) -> None:
        self._transport.take()


class TestH1Transport(ExchangeConformance):
    """Each piece arrives as it was sent."""

    piece_size = 2**20

    @asynccontextmanager
    async def open(self, opening: Opening, handler: ExchangeHandler) -> AsyncIterator[Client]:
        server = Server(answer_probes(handler))
        client = H1Client(opening, server.pre_shutdown)
        protocol = server()
        assert isinstance(protocol, H1Connection)
        transport = FakeTransport(protocol, client)
        client.wire = TransportWire(transport, self.piece_size)
        try:
            await client.send_head()
            yield client
        finally:
            await server.shutdown(None)
            await settle()
            assert transport.is_lost and server.connections == []


class TestH1TransportInSmallPieces(TestH1Transport):
    """A connection does not depend on how its bytes are cut."""

    piece_size = 3
