"""A client's end of one connection in memory: raw bytes, or one request after the other, and all that can go
wrong with them.
"""

import asyncio
from collections.abc import AsyncIterable, Callable
from typing import Any

from yarl import URL

from .answers import AnswerEnd, AnswerHead, AnswerReader, Event
from .errors import ClientError, ClientPayloadError, ConnectionCut, InvalidAnswer
from .faults import NO_FAULTS, Faults
from .incoming import Incoming
from .outgoing import LAST_CHUNK, Outgoing, encode_chunk
from .response import ClientResponse
from .transport import connect_transport

WINDOW = 65536
"""Bytes of an answer that the client takes ahead of its reader, and of a request ahead of the server."""

_TURNS = 20
"""Turns of the loop in which a server may notice that its client is gone."""


class Connection:
    """One connection from a client to the server. `Client.connect` makes one; a response's ``connection`` is
    one.

    An async context manager, too, which closes it.
    """

    def __init__(
        self,
        protocol: asyncio.Protocol,
        *,
        address: Any,
        is_secure: bool = False,
        decodes: bool = True,
        is_raw: bool = True,
        went_idle: "Callable[[Connection], None] | None" = None,
        ended: "Callable[[Connection], None] | None" = None,
        url: URL | None = None,
    ) -> None:
        self.is_secure = is_secure
        self._is_raw = is_raw
        self._decodes = decodes
        self._went_idle = went_idle
        self._ended = ended
        self._url = url or URL("http://localhost/")
        self._received = bytearray()
        self._reader = AnswerReader()
        self._incoming: Incoming | None = None
        self._end = asyncio.Event()
        self._faults = NO_FAULTS
        self.sent = 0
        """Bytes that were sent since the last request began."""
        self.taken = 0
        """Bytes that have come since then, as far as the client has taken them."""
        self._request_is_sent = True
        self._was_cut = self._is_paused = self._is_slow = self._is_mute = self._has_left = False
        self._drains = self._is_over = False
        self._watcher: Callable[[], None] | None = None
        self._sending: asyncio.Task[None] | None = None
        self.transport = connect_transport(protocol, self, address, is_secure)
        """The transport that the server has; `MemoryTransport` has a client's side, too."""

    @property
    def is_open(self) -> bool:
        """Whether the server may still send something."""
        return not self._end.is_set()

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come: the server sends nothing more, or the client has left."""
        return self._is_over

    @property
    def was_cut(self) -> bool:
        """Whether the client has left where it was told to (`Faults`)."""
        return self._was_cut

    @property
    def _is_heard(self) -> bool:
        """Whether the server is about to take what was sent."""
        return bool(self.transport.unread) and self.transport.is_reading()

    # -- raw bytes ---------------------------------------------------------------------------------------

    @property
    def received(self) -> bytes:
        """All bytes that came, on a connection that `Client.connect` made."""
        return bytes(self._received)

    @property
    def rest(self) -> bytes:
        """What came and belongs to no answer that was received; after 101, or 2xx to ``CONNECT``, what is no
        longer HTTP."""
        return self._reader.held

    def take_rest(self) -> bytes:
        """`rest`, and make room for more of it: the client takes no more than 64 KiB ahead of you."""
        rest = self._reader.take_held()
        self._go_on()
        return rest

    async def send(self, data: bytes, *, pieces: int | None = None) -> None:
        """Send bytes, as they are, and wait until the server has taken them, as far as it takes any.

        ``pieces``
            how many of them arrive at a time."""
        for piece in Faults(pieces=pieces).cut(data):
            self.transport.feed(piece)
        turns = _TURNS
        while turns:
            turns -= not self._is_heard
            await asyncio.sleep(0)

    async def receive(self, method: str = "GET") -> ClientResponse:
        """Wait for the next answer, to a request with this method. Its body has to be read before the next
        one. Raises `ServerDisconnectedError` where the connection ends without one, `InvalidAnswer` for
        what is none."""
        if self._incoming is not None and not self._incoming.body_complete:
            raise RuntimeError("the body of the answer before this one is not complete: read it first")
        incoming = self._expect(method)
        head = await incoming.final()
        return ClientResponse(method, self._url, head, incoming, self)

    async def wait_closed(self) -> bytes:
        """Take all that comes, until the server sends nothing more. Returns `received`."""
        self._drains = True
        self.take()
        await self._end.wait()
        return self.received

    def half_close(self) -> None:
        """Send nothing more, and say so."""
        if not self._is_mute and not self._has_left:
            self._is_mute = True
            self.transport.feed_eof()

    def reset(self) -> None:
        """Break the connection, after the server has what was sent."""
        self._leave("reset")

    def close(self) -> None:
        """Close the connection. What is sent to it from then on meets a reset."""
        self._leave("close")
        if self._incoming is not None:
            self._incoming.fail(ClientPayloadError("the connection was closed by the client"))

    def stop_taking(self) -> None:
        """Take nothing of what the server sends, until `take`."""
        self._is_slow = True
        self.transport.stop_taking()

    def take(self, size: int | None = None) -> None:
        """Take so many bytes more, now or when they come; without a size, all that comes."""
        self._is_slow = size is not None
        self.transport.take(size)

    async def __aenter__(self) -> "Connection":
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.close()

    # -- requests ----------------------------------------------------------------------------------------

    def request(self, outgoing: Outgoing, faults: Faults) -> Incoming:
        """Send a request; what is to be waited for is returned. Called by the client."""
        self._faults = faults
        self.sent = self.taken = 0
        self._request_is_sent = False
        if faults.takes is not None:
            self.stop_taking()
            self.take(faults.takes)
        incoming = self._expect(outgoing.method)
        if isinstance(outgoing.body, bytes) and not outgoing.expects:
            self.put(outgoing.head + outgoing.body)
            self._end_request(goes_on=outgoing.goes_on)
        else:
            self.put(outgoing.head)
            self._sending = asyncio.create_task(self._send_body(outgoing, incoming))
        return incoming

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call ``watcher`` when something has come and when nothing more will; now, too."""
        self._watcher = watcher
        watcher()

    def _tell(self) -> None:
        if self._watcher is not None:
            self._watcher()

    def _expect(self, method: str) -> Incoming:
        incoming = self._incoming = Incoming(self._go_on, decodes=self._decodes)
        try:
            self._take_events(self._reader.expect(method))
            if not self.is_open:
                self._take_events(self._reader.receive_end())
        except ClientError as error:
            incoming.fail(error)
        self._go_on()
        return incoming

    async def _send_body(self, outgoing: Outgoing, incoming: Incoming) -> None:
        try:
            if outgoing.expects and not await incoming.invited():
                return
            if isinstance(outgoing.body, bytes):
                self.put(outgoing.body)
            else:
                await self._send_pieces(outgoing.body)
            self._end_request()
        except Exception as error:
            # The test's own iterator has failed, or the connection: whoever waits for the answer is told.
            self._leave("reset")
            incoming.fail(error)

    async def _send_pieces(self, pieces: AsyncIterable[bytes]) -> None:
        async for piece in pieces:
            await self.transport.taken(WINDOW)
            if piece:
                self.put(encode_chunk(piece))
        self.put(LAST_CHUNK)

    def put(self, data: bytes) -> None:
        """Send a part of a request, or what comes after it, up to where it is to be cut."""
        limit = self._faults.cut_request_at
        if limit is not None:
            data = data[: max(limit - self.sent, 0)]
        if self._has_left or self._is_mute:
            return
        for piece in self._faults.cut(data, self.sent):
            self.transport.feed(piece)
        self.sent += len(data)
        if limit is not None and self.sent >= limit:
            self._cut()

    def _end_request(self, *, goes_on: bool = False) -> None:
        self._request_is_sent = True
        faults = self._faults
        if (faults.cut_request_at is not None and not goes_on) or faults.cut_answer_at == 0:
            self._cut()
        elif faults.half_close:
            self.half_close()

    # -- the end -----------------------------------------------------------------------------------------

    def _cut(self) -> None:
        """Leave, as was asked for."""
        if self._has_left:
            return
        if self._faults.by == "half_close":
            self.half_close()
            return
        self._was_cut = True
        self._leave(self._faults.by)
        self._notice(_TURNS)

    def _leave(self, how: str) -> None:
        if self._sending is not None and self._sending is not asyncio.current_task():
            self._sending.cancel()
        if self._has_left:
            return
        self._has_left = True
        if not self._was_cut:
            self._is_over = True
            self._tell()
        # From now on the system holds what still comes, which is not much.
        self.transport.stop_taking()
        if how == "reset":
            self.transport.feed_reset()
        else:
            self.transport.feed_close()

    def _notice(self, turns: int) -> None:
        """Tell the test that the client was cut, once the server had time to notice, if it looks at all."""
        if turns and self.is_open:
            asyncio.get_running_loop().call_soon(self._notice, turns - (not self._is_heard))
            return
        self._is_over = True
        if self._incoming is not None:
            where = f"{self.sent} bytes of the request, {self.taken} of the answer"
            self._incoming.fail(ConnectionCut(f"the client has left as it was told, after {where}"))
        self._tell()

    # -- what the transport brings -------------------------------------------------------------------------

    def bytes_came(self, data: bytes) -> None:
        """Called by the transport."""
        limit = self._faults.cut_answer_at
        if limit is not None:
            data = data[: limit - self.taken]
        if self._was_cut or not data:
            return
        self.taken += len(data)
        if self._is_raw:
            self._received += data
        try:
            self._take_events(self._reader.receive(data))
        except ClientError as error:
            self._fail(error)
        if not self._is_slow and not self._drains and self._held >= WINDOW:
            self._is_paused = True
            self.transport.stop_taking()
        self._tell()
        if limit is not None and self.taken >= limit:
            self._cut()

    def end_came(self) -> None:
        """Called by the transport when nothing more will come."""
        self._end.set()
        self._is_over = True
        if not self._was_cut:
            try:
                self._take_events(self._reader.receive_end())
            except ClientError as error:
                self._fail(error)
        if not self._is_raw:
            self._leave("close")
        self._tell()
        if self._ended is not None:
            self._ended(self)

    def _take_events(self, events: list[Event]) -> None:
        for event in events:
            incoming = self._incoming
            assert incoming is not None, "nothing is read that is not expected"
            if isinstance(event, AnswerHead):
                incoming.take_head(event)
            elif isinstance(event, AnswerEnd):
                self._complete(incoming, event)
            else:
                incoming.take_piece(event)

    def _complete(self, incoming: Incoming, end: AnswerEnd) -> None:
        reader = self._reader
        if not self._is_raw and not reader.is_tunnel and reader.held:
            raise InvalidAnswer(f"after the end of the answer came {reader.held[:80]!r}")
        incoming.take_end(end)
        self._go_on()
        if self._went_idle is not None and not reader.is_tunnel:
            self._went_idle(self)

    def _fail(self, error: Exception) -> None:
        if self._incoming is not None:
            self._incoming.fail(error)
        if not self._is_raw:
            self._leave("close")

    @property
    def can_continue(self) -> bool:
        """Whether another request may be sent."""
        may_send = self.is_open and not self._has_left and not self._is_mute and self._request_is_sent
        return may_send and self._reader.can_continue and not self._is_slow

    # -- flow control --------------------------------------------------------------------------------------

    @property
    def _held(self) -> int:
        """Bytes that came and were not read."""
        body = 0 if self._incoming is None else self._incoming.buffer.size
        return body + len(self._reader.held)

    def _go_on(self) -> None:
        """Take more if there is room for it."""
        if self._is_paused and self._held <= WINDOW // 2 and not self._has_left:
            self._is_paused = False
            if not self._is_slow:
                self.transport.take()

    def __repr__(self) -> str:
        return f"<Connection {'open' if self.is_open else 'closed'}>"
