"""A server that says what it read, and a client that sends it bytes as they are.

What was read comes back in a field of the answer, so that it can be seen where the answer to a request has no
body; what was refused comes back without it.
"""

import asyncio
import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass

import h11

from sketch import web
from tests.conformance.driver import settle
from tests.net.transport import FakeTransport

READ = "X-Read"
"""The field with what was read."""


@dataclass(frozen=True)
class Read:
    """A request, as a handler saw it."""

    method: str
    target: str
    body: bytes


@dataclass
class Outcome:
    """What came back on one connection.

    ``accepted``
        the requests that were read to their ends, in the order of their answers.
    ``refusal``
        the status of an answer to what was none.
    ``is_open``
        whether the server would read more.
    """

    accepted: tuple[Read, ...] = ()
    refusal: int | None = None
    is_open: bool = True


class Failures(logging.Handler):
    """Keeps what a server logs as an error: nothing that a client sends is one."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(self.format(record))


async def echo(request: web.BaseRequest) -> web.Response:
    """Reads a request to its end and says so. A tunnel is refused, but the request for one was read."""
    body = await request.read()
    read = [request.method, request.raw_path, body.decode("latin-1")]
    status = 405 if request.method == "CONNECT" else 200
    return web.Response(status=status, headers={READ: json.dumps(read)})


def make_server(failures: Failures) -> web.Server:
    """A server with this handler and nothing else, without an access log."""
    logger = logging.Logger("judging", logging.ERROR)
    logger.addHandler(failures)
    return web.Server(echo, logger=logger, access_log=None)


async def send_in_memory(server: web.Server, pieces: Iterable[bytes]) -> Outcome:
    """What comes back to these pieces, each a packet of its own. The client stays, then it leaves."""
    transport = FakeTransport(server())
    sent = list(pieces)
    for piece in sent:
        transport.feed(piece)
    await settle()
    while transport.unread and transport.is_reading():
        await settle()
    await settle()
    is_open = not transport.has_sent_end
    outcome = read_answers(transport.received, b"".join(sent), is_open)
    transport.feed_eof()
    await settle()
    later = read_answers(transport.received, b"".join(sent), False)
    assert later.accepted == outcome.accepted, "the end of the connection made a request of its beginning"
    transport.disconnect()
    await settle()
    return outcome


async def send_over_socket(address: tuple[str, int], data: bytes) -> Outcome:
    """What comes back to these bytes and the end of the stream. The server is never open in the end."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(data)
        writer.write_eof()
        received = await reader.read()
    finally:
        writer.close()
    return read_answers(received, data, False)


def read_answers(received: bytes, sent: bytes, is_open: bool) -> Outcome:
    """Read answers with a parser that nobody of this project wrote."""
    accepted: list[Read] = []
    refusal: int | None = None
    while received:
        method = _method_of_first(received, sent)
        response, received = _read_answer(received, method)
        fields = dict(response.headers.raw_items())
        assert refusal is None, "nothing follows a refusal"
        if (read := fields.get(READ.encode())) is None:
            refusal = response.status_code
            assert refusal >= 400
            assert fields[b"Connection"] == b"close"
        else:
            name, target, body = json.loads(read)
            accepted.append(Read(name, target, body.encode("latin-1")))
    return Outcome(tuple(accepted), refusal, is_open)


def _method_of_first(received: bytes, sent: bytes) -> str:
    """The method of the request that the first answer is to, by what it says itself; a refusal does not."""
    head, _, rest = received.partition(b"\r\n\r\n")
    line = head.partition(READ.encode() + b': ["')[2]
    if method := line.partition(b'"')[0].decode():
        return method
    return "HEAD" if b"HEAD " in sent and not rest else "GET"


def _read_answer(received: bytes, method: str) -> tuple[h11.Response, bytes]:
    client = h11.Connection(h11.CLIENT, max_incomplete_event_size=2**20)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "localhost")]))
    client.send(h11.EndOfMessage())
    client.receive_data(received)
    response: h11.Response | None = None
    while True:
        event = client.next_event()
        if isinstance(event, h11.Response):
            response = event
        elif isinstance(event, h11.EndOfMessage):
            assert response is not None
            return response, client.trailing_data[0]
        else:
            assert isinstance(event, (h11.InformationalResponse, h11.Data)), f"half an answer: {event}"
