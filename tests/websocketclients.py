"""WebSocket clients that nobody of this project wrote, behind one interface."""

import asyncio
import ssl
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Final, Self
from urllib.parse import urlsplit

import aiohttp
import picows
import websockets.asyncio.client
import websockets.exceptions
import websockets.sync.client
import wsproto
import wsproto.extensions
import wsproto.frame_protocol
from websockets.client import ClientProtocol
from websockets.extensions import ClientExtensionFactory
from wsproto import events

Message = str | bytes
Tls = ssl.SSLContext | None
End = tuple[int, str]
"""The code and the reason of a close frame."""

LARGEST: Final = 2**25
"""Bytes of a message that they accept."""


class WebSocketClient(ABC):
    """One connection.

    ``can_compress`` ``can_fragment``
        whether it has permessage-deflate; whether it can be told to send a message in fragments.
    ``protocol``
        the subprotocol that was agreed on.
    """

    can_compress: ClassVar = True
    can_fragment: ClassVar = True

    protocol: str | None

    @classmethod
    async def connect(
        cls, url: str, *, tls: Tls = None, deflate: bool = True, protocols: Sequence[str] = ()
    ) -> Self:
        """Open a connection."""
        return await cls._open(url, tls, deflate, protocols)

    @classmethod
    @abstractmethod
    async def _open(cls, url: str, tls: Tls, deflate: bool, protocols: Sequence[str]) -> Self: ...

    @abstractmethod
    async def send(self, message: Message) -> None:
        """Send a text or a binary message."""

    @abstractmethod
    async def send_fragments(self, pieces: Sequence[Message]) -> None:
        """Send a message in so many fragments, all of one type."""

    @abstractmethod
    async def receive(self) -> Message:
        """The next message. Pings that come before it are answered."""

    @abstractmethod
    async def ping(self, payload: bytes) -> None:
        """Send a ping, and wait for a pong with the same payload."""

    @abstractmethod
    async def close(self, code: int, reason: str) -> End:
        """Close the connection. Returns what the server's close frame said."""

    @abstractmethod
    async def wait_closed(self) -> End:
        """Wait for the server to close the connection. Returns what its close frame said."""


class AiohttpClient(WebSocketClient):
    """aiohttp."""

    can_fragment = False

    def __init__(self, session: aiohttp.ClientSession, websocket: Any) -> None:
        self._session = session
        self._websocket = websocket
        self.protocol = websocket.protocol

    @classmethod
    async def _open(cls, url: str, tls: Tls, deflate: bool, protocols: Sequence[str]) -> Self:
        session = aiohttp.ClientSession()
        websocket = await session.ws_connect(
            url,
            ssl=tls or True,
            compress=15 if deflate else 0,
            protocols=protocols,
            autoping=False,
            max_msg_size=LARGEST,
        )
        return cls(session, websocket)

    async def send(self, message: Message) -> None:
        await (self._websocket.send_str if isinstance(message, str) else self._websocket.send_bytes)(message)

    async def send_fragments(self, pieces: Sequence[Message]) -> None:
        raise AssertionError("it has no way to do that")

    async def _receive(self) -> Any:
        while (message := await self._websocket.receive()).type is aiohttp.WSMsgType.PING:
            await self._websocket.pong(message.data)
        return message

    async def receive(self) -> Message:
        message = await self._receive()
        assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
        data: Message = message.data
        return data

    async def ping(self, payload: bytes) -> None:
        await self._websocket.ping(payload)
        message = await self._receive()
        assert (message.type, message.data) == (aiohttp.WSMsgType.PONG, payload)

    async def close(self, code: int, reason: str) -> End:
        await self._websocket.close(code=code, message=reason.encode())
        await self._session.close()
        # It keeps no reason of the server's answer.
        return self._websocket.close_code, reason

    async def wait_closed(self) -> End:
        message = await self._receive()
        assert message.type is aiohttp.WSMsgType.CLOSE, message
        await self._session.close()
        return message.data, message.extra


def _choose_options(tls: Tls, deflate: bool, protocols: Sequence[str]) -> dict[str, Any]:
    """For either client of ``websockets``."""
    return {
        "ssl": tls,
        "compression": "deflate" if deflate else None,
        "subprotocols": [websockets.Subprotocol(each) for each in protocols] or None,
        "max_size": LARGEST,
        "proxy": None,
    }


def _read_end(protocol: ClientProtocol) -> End:
    received = protocol.close_rcvd
    assert received is not None
    return received.code, received.reason


class WebsocketsClient(WebSocketClient):
    """The library ``websockets``, its asyncio client."""

    def __init__(self, connection: websockets.asyncio.client.ClientConnection) -> None:
        self._connection = connection
        self.protocol = connection.subprotocol

    @classmethod
    async def _open(cls, url: str, tls: Tls, deflate: bool, protocols: Sequence[str]) -> Self:
        options = _choose_options(tls, deflate, protocols)
        return cls(await websockets.asyncio.client.connect(url, **options))

    @classmethod
    async def connect_offering(cls, url: str, offer: ClientExtensionFactory) -> Self:
        """Open a connection with an offer for compression that is not the usual one."""
        options = _choose_options(None, False, ())
        return cls(await websockets.asyncio.client.connect(url, extensions=[offer], **options))

    @property
    def extensions(self) -> str:
        """What the server has agreed on."""
        assert self._connection.response is not None
        return self._connection.response.headers.get("Sec-WebSocket-Extensions", "")

    async def send(self, message: Message) -> None:
        await self._connection.send(message)

    async def send_fragments(self, pieces: Sequence[Message]) -> None:
        await self._connection.send(pieces)

    async def receive(self) -> Message:
        return await self._connection.recv()

    async def ping(self, payload: bytes) -> None:
        await (await self._connection.ping(payload))

    async def close(self, code: int, reason: str) -> End:
        await self._connection.close(code, reason)
        return _read_end(self._connection.protocol)

    async def wait_closed(self) -> End:
        await self._connection.wait_closed()
        return _read_end(self._connection.protocol)


class ThreadedClient(WebSocketClient):
    """The library ``websockets``, its client for threads."""

    def __init__(self, connection: websockets.sync.client.ClientConnection) -> None:
        self._connection = connection
        self.protocol = connection.subprotocol

    @classmethod
    async def _open(cls, url: str, tls: Tls, deflate: bool, protocols: Sequence[str]) -> Self:
        def connect() -> websockets.sync.client.ClientConnection:
            options = _choose_options(tls, deflate, protocols)
            connection: websockets.sync.client.ClientConnection
            connection = websockets.sync.client.connect(url, **options).__enter__()
            return connection

        return cls(await asyncio.to_thread(connect))

    async def send(self, message: Message) -> None:
        await asyncio.to_thread(self._connection.send, message)

    async def send_fragments(self, pieces: Sequence[Message]) -> None:
        await asyncio.to_thread(self._connection.send, pieces)

    async def receive(self) -> Message:
        return await asyncio.to_thread(self._connection.recv)

    async def ping(self, payload: bytes) -> None:
        assert await asyncio.to_thread(self._connection.ping(payload).wait, 30)

    async def close(self, code: int, reason: str) -> End:
        await asyncio.to_thread(self._connection.close, code, reason)
        return _read_end(self._connection.protocol)

    async def wait_closed(self) -> End:
        try:
            message = await self.receive()
        except websockets.exceptions.ConnectionClosed:
            return _read_end(self._connection.protocol)
        raise AssertionError(message)


class _Listener(picows.WSListener):
    """Puts frames into a queue, as values: picows's own are gone when it is told the next."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[tuple[picows.WSMsgType, bool, bytes]] = asyncio.Queue()

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type is picows.WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
            return
        self.frames.put_nowait((frame.msg_type, frame.fin, frame.get_payload_as_bytes()))
        if frame.msg_type is picows.WSMsgType.CLOSE and not transport.is_close_frame_sent:
            transport.send(picows.WSMsgType.CLOSE, frame.get_payload_as_bytes())
            transport.disconnect()


class PicowsClient(WebSocketClient):
    """picows."""

    can_compress = False

    def __init__(self, transport: picows.WSTransport, listener: _Listener) -> None:
        self._transport = transport
        self._frames = listener.frames
        self.protocol = transport.response.headers.get("Sec-WebSocket-Protocol")

    @classmethod
    async def _open(cls, url: str, tls: Tls, deflate: bool, protocols: Sequence[str]) -> Self:
        fields = {"Sec-WebSocket-Protocol": ", ".join(protocols)} if protocols else None
        listener = _Listener()
        transport, _ = await picows.ws_connect(
            lambda: listener,
            url,
            ssl_context=tls,
            extra_headers=fields,
            enable_auto_pong=False,
            max_frame_size=LARGEST,
        )
        return cls(transport, listener)

    async def send(self, message: Message) -> None:
        await self.send_fragments([message])

    async def send_fragments(self, pieces: Sequence[Message]) -> None:
        kind = picows.WSMsgType.TEXT if isinstance(pieces[0], str) else picows.WSMsgType.BINARY
        for number, piece in enumerate(pieces, 1):
            payload = piece.encode() if isinstance(piece, str) else piece
            self._transport.send(kind, payload, fin=number == len(pieces))
            kind = picows.WSMsgType.CONTINUATION

    async def receive(self) -> Message:
        kind, is_whole, payload = await self._frames.get()
        assert is_whole and kind in (picows.WSMsgType.TEXT, picows.WSMsgType.BINARY), kind
        return payload.decode() if kind is picows.WSMsgType.TEXT else payload

    async def ping(self, payload: bytes) -> None:
        self._transport.send_ping(payload)
        assert await self._frames.get() == (picows.WSMsgType.PONG, True, payload)

    async def close(self, code: int, reason: str) -> End:
        # Its own way knows the registered codes only.
        self._transport.send(picows.WSMsgType.CLOSE, code.to_bytes(2) + reason.encode())
        return await self.wait_closed()

    async def wait_closed(self) -> End:
        kind, _, payload = await self._frames.get()
        assert kind is picows.WSMsgType.CLOSE
        self._transport.disconnect()
        await self._transport.wait_disconnected()
        return int.from_bytes(payload[:2]), payload[2:].decode()


class WsprotoClient(WebSocketClient):
    """wsproto, on streams of asyncio."""

    def __init__(
        self,
        engine: wsproto.WSConnection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._engine = engine
        self._reader = reader
        self._writer = writer
        self._events = engine.events()
        self.protocol = None

    @classmethod
    async def _open(cls, url: str, tls: Tls, deflate: bool, protocols: Sequence[str]) -> Self:
        parts = urlsplit(url)
        assert parts.hostname is not None and parts.port is not None
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=tls)
        client = cls(wsproto.WSConnection(wsproto.ConnectionType.CLIENT), reader, writer)
        await client._write(
            events.Request(
                host=parts.netloc,
                target=f"{parts.path}?{parts.query}",
                extensions=[wsproto.extensions.PerMessageDeflate()] if deflate else [],
                subprotocols=list(protocols),
            )
        )
        accepted = await client._next()
        assert isinstance(accepted, events.AcceptConnection), accepted
        client.protocol = accepted.subprotocol
        return client

    async def _write(self, *sent: events.Event) -> None:
        for event in sent:
            self._writer.write(self._engine.send(event))
        await self._writer.drain()

    async def _next(self) -> events.Event:
        while (event := next(self._events, None)) is None:
            self._engine.receive_data(await self._reader.read(2**18) or None)
            self._events = self._engine.events()
        return event

    async def send(self, message: Message) -> None:
        await self.send_fragments([message])

    async def send_fragments(self, pieces: Sequence[Message]) -> None:
        for number, piece in enumerate(pieces, 1):
            is_last = number == len(pieces)
            if isinstance(piece, str):
                await self._write(events.TextMessage(piece, message_finished=is_last))
            else:
                await self._write(events.BytesMessage(piece, message_finished=is_last))

    async def receive(self) -> Message:
        text, data = "", b""
        while True:
            event = await self._next()
            if isinstance(event, events.Ping):
                await self._write(event.response())
                continue
            if isinstance(event, events.TextMessage):
                text += event.data
            else:
                assert isinstance(event, events.BytesMessage), event
                data += event.data
            if event.message_finished:
                return text if isinstance(event, events.TextMessage) else data

    async def ping(self, payload: bytes) -> None:
        await self._write(events.Ping(payload))
        event = await self._next()
        assert isinstance(event, events.Pong) and event.payload == payload, event

    async def close(self, code: int, reason: str) -> End:
        await self._write(events.CloseConnection(code, reason))
        event = await self._next()
        assert isinstance(event, events.CloseConnection), event
        return await self._end(event)

    async def wait_closed(self) -> End:
        event = await self._next()
        assert isinstance(event, events.CloseConnection), event
        await self._write(event.response())
        return await self._end(event)

    async def _end(self, event: events.CloseConnection) -> End:
        # Whoever serves closes the connection (RFC 6455, section 7.1.1).
        assert await self._reader.read() == b""
        self._writer.close()
        return event.code, event.reason or ""


CLIENTS: Final[Sequence[type[WebSocketClient]]] = (
    AiohttpClient,
    WebsocketsClient,
    ThreadedClient,
    PicowsClient,
    WsprotoClient,
)
