"""What is sent on a WebSocket: the part of `WebSocketResponse` that handlers talk with, and messages to many.

It hands payloads to a `WebSocketStream`, and waits where that holds enough. Whether the WebSocket is open is
the stream's to say.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any, Final

from .http.errors import Disconnected
from .http.exchange import Bytes
from .http.websocket import COMPRESSED_ASIDE, SharedMessage, WebSocketStream, WSMsgType

# Looked up for each message.
_TEXT: Final = WSMsgType.TEXT
_BINARY: Final = WSMsgType.BINARY

_SENT: Final = frozenset((WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.PING, WSMsgType.PONG))


class Sending:
    """The part of a `WebSocketResponse` that is about what is sent on it."""

    _stream: WebSocketStream | None = None
    _compresses = False

    async def send_str(self, data: str, compress: int | None = None) -> None:
        """Send a TEXT message, and wait while the peer takes less than it is sent.

        ``compress``
            bits of the window that it is compressed with, 9 to 15 and no more than was agreed; 0 for none.

        Raises `TypeError` for what is no str, `RuntimeError` before `prepare`, `ValueError` for another
        number of bits, `ConnectionResetError` once it is closing or the connection is lost. Several tasks
        may send at a time. Cancelled while it waits, the message counts as sent, unless it is one of more
        than 64 KiB that is still being compressed."""
        stream = self._stream
        if stream is None:
            raise not_prepared()
        if data.__class__ is not str and not isinstance(data, str):
            raise TypeError(f"data argument must be str ({type(data)!r}): bytes are sent with send_bytes()")
        payload = data.encode()
        if compress is None and (not self._compresses or len(payload) <= COMPRESSED_ASIDE):
            if not stream.send_nowait(payload, _TEXT):
                await stream.drain()
        else:
            await self._send_coded(stream, payload, _TEXT, compress)

    async def send_bytes(self, data: Bytes, compress: int | None = None) -> None:
        """Send a BINARY message; otherwise as `send_str`."""
        stream = self._stream
        if stream is None:
            raise not_prepared()
        if data.__class__ is not bytes:
            data = _as_bytes(data)
        if compress is None and (not self._compresses or len(data) <= COMPRESSED_ASIDE):
            if not stream.send_nowait(data, _BINARY):
                await stream.drain()
        else:
            await self._send_coded(stream, data, _BINARY, compress)

    async def _send_coded(
        self, stream: WebSocketStream, payload: Bytes, opcode: int, compress: int | None
    ) -> None:
        if compress is not None:
            compress = min(_check_bits(compress), stream.compression)
        await stream.send(payload, opcode, compress)

    def send_nowait(self, data: str | Bytes) -> bool:
        """Send `str` as a TEXT message or bytes as a BINARY one, and never wait: for who cannot, such as a
        function that `listen` calls. It is also compressed at once, whatever that takes.

        Returns whether the peer keeps up: if not, what it is sent is held in memory. Raises `TypeError` for
        other data, otherwise as `send_str`."""
        stream = self._stream
        if stream is None:
            raise not_prepared()
        if isinstance(data, str):
            return stream.send_nowait(data.encode(), _TEXT)
        return stream.send_nowait(data if data.__class__ is bytes else _as_bytes(data), _BINARY)

    async def send_json(
        self, data: Any, compress: int | None = None, *, dumps: Callable[[Any], str] = json.dumps
    ) -> None:
        """Send what ``dumps`` makes of it as TEXT. Raises as `send_str`, and what ``dumps`` raises."""
        await self.send_str(dumps(data), compress)

    async def send_json_bytes(
        self, data: Any, compress: int | None = None, *, dumps: Callable[[Any], bytes]
    ) -> None:
        """Send what ``dumps`` makes of it as BINARY. Raises as `send_bytes`, and what ``dumps`` raises."""
        await self.send_bytes(dumps(data), compress)

    async def send_frame(self, message: Bytes, opcode: WSMsgType, compress: int | None = None) -> None:
        """Send a message of any type: TEXT, which has to be UTF-8, BINARY, PING or PONG.

        Raises as `send_str`, and `ValueError` for other types."""
        stream = self._prepared_stream()
        payload = _as_bytes(message)
        if opcode not in _SENT:
            raise ValueError(f"opcode {opcode!r} is sent by this side itself: call close() to close")
        if opcode == _TEXT:
            payload.decode()
        await self._send_coded(stream, payload, opcode, compress)

    async def ping(self, message: Bytes = b"") -> None:
        """Send a ping, of at most 125 bytes. Raises `ValueError` for more, otherwise as `send_bytes`."""
        await self.send_frame(message, WSMsgType.PING)

    async def pong(self, message: Bytes = b"") -> None:
        """Send a pong that nobody has asked for, or the answer to a ping without ``autoping``. Raises as
        `ping` does."""
        await self.send_frame(message, WSMsgType.PONG)

    def send_shared(self, message: SharedMessage) -> bool:
        """Send a message that others get, too, and that is encoded once for all of them. Never waits.

        Returns whether the peer keeps up: if not, what it is sent is held in memory. Raises `RuntimeError`
        before `prepare`, `ConnectionResetError` once it is closing or the connection is lost."""
        return self._prepared_stream().send_shared(message)

    @property
    def stream(self) -> WebSocketStream:
        """What carries the messages, for those who send and never wait. Raises `RuntimeError` before
        `prepare`."""
        return self._prepared_stream()

    def _prepared_stream(self) -> WebSocketStream:
        stream = self._stream
        if stream is None:
            raise not_prepared()
        return stream


def broadcast(websockets: Iterable[Sending], data: str | Bytes | SharedMessage) -> int:
    """Send one message to many WebSockets; it is encoded and compressed once for all. Never waits: what a
    slow peer does not take is held in memory, without a bound (topics have one).

    ``data``
        `str` for a TEXT message, bytes for a BINARY one.

    Those that are closed are passed over. Returns how many it was sent to. Raises `TypeError` for other data,
    `RuntimeError` for a WebSocket that is not prepared."""
    message = data if isinstance(data, SharedMessage) else SharedMessage(data)
    count = 0
    # What it is sent to may change who is in a set.
    for websocket in tuple(websockets):
        stream = websocket._stream
        if stream is None:
            raise not_prepared()
        try:
            stream.send_shared(message)
        except Disconnected:
            continue
        count += 1
    return count


def not_prepared() -> RuntimeError:
    """What is raised before `prepare`."""
    return RuntimeError("Call .prepare() first: a WebSocketResponse is opened with await ws.prepare(request)")


def _as_bytes(data: object) -> bytes:
    """What may change afterwards is copied."""
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    raise TypeError(f"data argument must be byte-ish ({type(data)!r}): text is sent with send_str()")


def _check_bits(compress: int) -> int:
    if not isinstance(compress, int) or (compress and not 9 <= compress <= 15):
        raise ValueError(f"compress={compress!r}: 9 to 15 bits of a window, or 0 for no compression")
    return compress
