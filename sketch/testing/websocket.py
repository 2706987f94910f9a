"""The client's end of a WebSocket in memory: the names of aiohttp client's ``ClientWebSocketResponse``.

Frames are made and read by the engine that the server has, in its other role, and go as bytes through the
same connection as everything else.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypedDict

from ..http.exchange import Bytes
from ..http.handshake import Deflate
from ..http.websocket import (
    CLOSED_MESSAGE,
    CLOSING_MESSAGE,
    WebSocketError,
    WSCloseCode,
    WSMessage,
    WSMsgType,
)
from ..protocol.ws.connection import WebSocketEngine
from ..responsehead import LooseHeaders
from .connection import WINDOW, Connection
from .errors import ClientConnectionResetError, ConnectionCut, WSMessageTypeError
from .faults import Faults
from .outgoing import Pairs
from .response import ClientResponse

_FRAME_HEAD = 2

_LAST = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)


class WebSocketRequestOptions(TypedDict, total=False):
    """The keywords of ``Client.ws_connect``.

    ``protocols``
        the subprotocols that are offered, the one that is liked best first.
    ``origin``
        the page that a browser would say that this comes from, such as ``"https://example.org"``.
    ``compress``
        bits of the windows for permessage-deflate, 9 to 15; 0 for no compression; or a `Deflate`.
    ``autoclose``
        whether a close frame of the server is answered when it comes; or else with ``close``.
    ``autoping``
        whether a ping is answered when it comes, and pings and pongs are no messages.
    ``max_msg_size``
        bytes of a message; 0 for any.
    ``decode_text``
        whether the data of a TEXT message is `str`, or `bytes`.
    ``close_timeout``
        seconds that the server has for its side of the closing handshake.
    ``params``, ``headers``, ``cookies``, ``timeout``, ``faults``
        as for requests. Faults count the frames, too.
    """

    protocols: Sequence[str]
    origin: str | None
    compress: int | Deflate
    autoclose: bool
    autoping: bool
    max_msg_size: int
    decode_text: bool
    close_timeout: float
    params: Pairs | str
    headers: LooseHeaders
    cookies: dict[str, str]
    timeout: float | None
    faults: Faults


class ClientWebSocketResponse:
    """An open WebSocket. `Client.ws_connect` makes one.

    ``response``
        the answer that has opened it.
    ``connection``
        what it is on: its methods break, hold up, and send bytes as they are.
    ``protocol``
        the subprotocol that was agreed on; ``None`` for none.

    What comes is taken as it comes, up to 64 KiB ahead of `receive`: as in a browser, pings and the close
    frame are answered although nobody receives. An async context manager, too, which closes it.
    """

    def __init__(
        self,
        response: ClientResponse,
        engine: WebSocketEngine,
        *,
        protocol: str | None,
        deflate: Deflate | None,
        autoclose: bool,
        autoping: bool,
        close_timeout: float,
    ) -> None:
        self.response = response
        self.connection: Connection = response.connection
        self.protocol = protocol
        self._engine = engine
        self._deflate = deflate
        self._autoclose = autoclose
        self._autoping = autoping
        self._close_timeout = close_timeout
        self._messages: deque[WSMessage] = deque()
        # Bytes of messages that nobody has received.
        self._unreceived = 0
        self._news = asyncio.Event()
        self._close_code: int | None = None
        self._exception: BaseException | None = None
        self._is_receiving = self._is_looking = self._is_closed = self._has_sent_close = False
        self.connection.watch(self._look)

    # -- what it is --------------------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Whether it was closed: from here, or the end was received."""
        return self._is_closed

    @property
    def close_code(self) -> int | None:
        """The code of the server's close frame, 0 for one without; 1006 where there is none and the
        connection is gone; ``None`` before."""
        return self._close_code

    @property
    def compress(self) -> int:
        """The bits of the window that messages are compressed with, 0 where they are not."""
        return 0 if self._deflate is None else self._deflate.client_max_window_bits

    @property
    def client_notakeover(self) -> bool:
        """Whether each message is compressed without the memory of those before."""
        return self._deflate is not None and self._deflate.client_no_context_takeover

    def exception(self) -> BaseException | None:
        """What ended it, where it was no close frame."""
        return self._exception

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the transport knows under this name (asyncio documentation)."""
        return self.connection.transport.get_extra_info(name, default)

    # -- what comes --------------------------------------------------------------------------------------

    @property
    def _has_heard_last(self) -> bool:
        return self._engine.close_received or self._engine.failure is not None

    def _look(self) -> None:
        """Called by the connection: something has come, or nothing will."""
        if self._is_looking:  # Room for more lets more come.
            return
        self._is_looking = True
        while self._unreceived < WINDOW and not self._has_heard_last:
            data = self.connection.take_rest()
            if not data and not self._engine.has_held:
                break
            for message in self._engine.receive(data):
                self._take(message)
            if self._engine.failure is not None:
                self._fail(self._engine.failure)
        self._is_looking = False
        self._news.set()

    def _take(self, message: WSMessage) -> None:
        if self._autoping and message.type is WSMsgType.PING:
            self._put(message.data, WSMsgType.PONG)
        if self._autoping and message.type in (WSMsgType.PING, WSMsgType.PONG):
            return
        if message.type is WSMsgType.CLOSE:
            self._close_code = message.data
            if self._autoclose:
                self._say_close(message.data or WSCloseCode.OK, b"")
        else:
            self._unreceived += _measure(message)
        self._messages.append(message)

    def _fail(self, error: WebSocketError) -> None:
        """The server has broken the protocol."""
        self._close_code = error.code
        self._exception = error
        self._say_close(error.code, b"")
        self._messages.append(WSMessage(WSMsgType.ERROR, error, None))

    async def _wait(self) -> None:
        self._news.clear()
        await self._news.wait()

    # -- receiving ---------------------------------------------------------------------------------------

    async def receive(self, timeout: float | None = None) -> WSMessage:  # noqa: ASYNC109 - aiohttp's name
        """The next message, waiting for it, ``timeout`` seconds at most. After the last one come ``CLOSE``,
        or ``ERROR`` where the server broke the protocol, or neither; and ``CLOSED`` from then on.

        Raises `TimeoutError`, `ConnectionCut` where the client has left as it was told, and `RuntimeError`
        when another task receives already. Cancellation loses no message."""
        if self._is_receiving:
            raise RuntimeError("Concurrent call to receive() is not allowed")
        self._is_receiving = True
        try:
            async with asyncio.timeout(timeout):
                return await self._receive()
        finally:
            self._is_receiving = False

    async def _receive(self) -> WSMessage:
        if self._is_closed:
            await self._raise_if_cut()
            return CLOSED_MESSAGE
        while not self._messages:
            if self.connection.is_over:
                self._end()
                await self._raise_if_cut()
                return CLOSED_MESSAGE
            await self._wait()
            if self._is_closed:
                return CLOSING_MESSAGE
        return self._pop()

    def _pop(self) -> WSMessage:
        message = self._messages.popleft()
        if message.type is WSMsgType.ERROR or (message.type is WSMsgType.CLOSE and self._autoclose):
            self._is_closed = True
        elif message.type is not WSMsgType.CLOSE:
            self._unreceived -= _measure(message)
            self._look()
        return message

    def _end(self) -> None:
        """The connection is gone."""
        self._is_closed = True
        if self._close_code is None:
            self._close_code = WSCloseCode.ABNORMAL_CLOSURE

    async def receive_str(self, *, timeout: float | None = None) -> str:  # noqa: ASYNC109
        """The next message, which is text. Raises as `receive` does, and `WSMessageTypeError` for another
        one."""
        data: str = await self._receive_data(WSMsgType.TEXT, timeout)
        return data

    async def receive_bytes(self, *, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """The next message, which is binary. Raises as `receive_str` does."""
        data: bytes = await self._receive_data(WSMsgType.BINARY, timeout)
        return data

    async def receive_json(
        self,
        *,
        loads: Callable[[str], Any] = json.loads,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> Any:
        """The next message, which is text, as JSON. Raises as `receive_str` does, and what ``loads``
        raises."""
        return loads(await self.receive_str(timeout=timeout))

    async def _receive_data(self, kind: WSMsgType, timeout: float | None) -> Any:  # noqa: ASYNC109
        message = await self.receive(timeout)
        if message.type is not kind:
            raise WSMessageTypeError(f"a message of the type {message.type.name} came, and not {kind.name}")
        return message.data

    def __aiter__(self) -> "ClientWebSocketResponse":
        return self

    async def __anext__(self) -> WSMessage:
        message = await self.receive()
        if message.type in _LAST:
            raise StopAsyncIteration
        return message

    # -- sending -----------------------------------------------------------------------------------------

    async def send_str(self, data: str, compress: int | None = None) -> None:
        """Send text, and wait while the server takes less than it is sent.

        ``compress``
            bits of the window for this message, 0 for none.

        Raises `ClientConnectionResetError` when it is closed, or closing; `ConnectionCut` where the client
        has left as it was told; `TypeError` for what is no text."""
        if not isinstance(data, str):
            raise TypeError(f"send_str sends str, got {data!r}")
        await self.send_frame(data.encode(), WSMsgType.TEXT, compress)

    async def send_bytes(self, data: Bytes, compress: int | None = None) -> None:
        """Send bytes. Raises as `send_str` does."""
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"send_bytes sends bytes, got {data!r}")
        await self.send_frame(data, WSMsgType.BINARY, compress)

    async def send_json(
        self, data: Any, compress: int | None = None, *, dumps: Callable[[Any], str] = json.dumps
    ) -> None:
        """Send JSON as text. Raises as `send_str` does, and what ``dumps`` raises."""
        await self.send_str(dumps(data), compress)

    async def ping(self, message: bytes = b"") -> None:
        """Send a ping, with at most 125 bytes. Raises as `send_str` does."""
        await self.send_frame(message, WSMsgType.PING)

    async def pong(self, message: bytes = b"") -> None:
        """Send a pong, with at most 125 bytes. Raises as `send_str` does."""
        await self.send_frame(message, WSMsgType.PONG)

    async def send_frame(self, message: Bytes, opcode: WSMsgType, compress: int | None = None) -> None:
        """Send a message with this opcode. Raises as `send_str` does. For frames that nobody should send:
        ``await ws.connection.send(...)``."""
        if self._has_sent_close or self.connection.is_over:
            await self._raise_if_cut()
            raise ClientConnectionResetError("the WebSocket is closed, or closing")
        self._put(message, opcode, compress)
        await self.connection.transport.taken(WINDOW)
        await self._raise_if_cut()

    async def _raise_if_cut(self) -> None:
        """Not before the server had time to notice."""
        if self.connection.was_cut:
            while not self.connection.is_over:
                await self._wait()
            raise ConnectionCut("the client has left as it was told")

    def _put(self, payload: Bytes, opcode: int, compress: int | None = None) -> None:
        self.connection.put(self._engine.encode(payload, opcode, compress))

    # -- the end -----------------------------------------------------------------------------------------

    def _say_close(self, code: int, reason: bytes) -> None:
        if not self._has_sent_close:
            self.connection.put(self._engine.encode_close(code, reason))
            self._has_sent_close = True

    async def close(self, *, code: int = WSCloseCode.OK, message: bytes = b"") -> bool:
        """Close it: a close frame is sent, the server's is waited for, and the end of the connection, for
        ``close_timeout`` seconds at most. A task that receives gets ``CLOSING``; messages that nobody has
        received are thrown away. Returns whether it was open.

        Raises `ValueError` for a code that may not be sent, and a reason of more than 123 bytes. Cancelled:
        the connection is closed."""
        self._say_close(code, message)
        was_open, self._is_closed = not self._is_closed, True
        self._news.set()
        try:
            async with asyncio.timeout(self._close_timeout):
                await self._wait_for_end()
        except TimeoutError as error:
            self._exception = error
        finally:
            self.connection.close()
            self._end()
        return was_open

    async def _wait_for_end(self) -> None:
        while not self.connection.is_over:
            self._messages.clear()
            self._unreceived = 0
            self._look()
            if not self._messages:
                await self._wait()

    async def __aenter__(self) -> "ClientWebSocketResponse":
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<ClientWebSocketResponse {self.response.url} {'closed' if self.closed else 'open'}>"


def _measure(message: WSMessage) -> int:
    """Bytes that a message takes, so that many empty ones are not nothing."""
    return len(message.data) + _FRAME_HEAD
