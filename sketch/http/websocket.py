"""One WebSocket, whatever carries it: the seam between framework and carriers, and the values that cross it.

The framework is written against `WebSocketStream` and never sees a frame; a carrier (frames on an HTTP/1
connection, or on a stream of HTTP/2, the messages of ASGI, the one in memory of the tests) implements it and
never sees a `WebSocketResponse`. Every carrier passes the same suite, ``tests/conformance/websocket.py``.
"""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import IntEnum
from types import CoroutineType
from typing import Any, Final, NamedTuple

from .errors import Disconnected
from .exchange import Bytes


class WSMsgType(IntEnum):
    """What a message is. The first six are opcodes (RFC 6455, section 5.2), the others aiohttp's: those are
    made on this side and never sent."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    PING = 0x9
    PONG = 0xA
    CLOSE = 0x8

    CLOSING = 0x100
    CLOSED = 0x101
    ERROR = 0x102

    text = TEXT
    binary = BINARY
    ping = PING
    pong = PONG
    close = CLOSE
    closing = CLOSING
    closed = CLOSED
    error = ERROR


class WSCloseCode(IntEnum):
    """Why a WebSocket ends (RFC 6455, section 7.4.1, and the registry that it opens). 1006 is never sent: it
    says that there was no close frame."""

    OK = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    ABNORMAL_CLOSURE = 1006
    INVALID_TEXT = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    MANDATORY_EXTENSION = 1010
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_GATEWAY = 1014


MOST_CONTROL: Final = 125
"""Bytes of the payload of a ping, pong or close frame (RFC 6455, section 5.5)."""

MOST_REASON: Final = MOST_CONTROL - 2
"""Bytes of the reason in a close frame, which begins with its code."""

COMPRESSED_ASIDE: Final = 2**16
"""Bytes of a message beyond which it is compressed outside the event loop. Up to here it takes a
millisecond or two."""

NO_CODE: Final = 1005
"""The close code that stands for a close frame without one (RFC 6455, section 7.1.5). It is never sent."""


def may_be_sent(code: int) -> bool:
    """Whether a close frame may have this code (RFC 6455, section 7.4, and the registry that it opens)."""
    return 3000 <= code <= 4999 or 1000 <= code <= 1003 or 1007 <= code <= 1014


def check_close(code: int, reason: bytes) -> None:
    """Raise `ValueError` unless a close frame may have this code, and for a reason of more than 123 bytes or
    that is not UTF-8; `TypeError` for a code that is no int, and a reason that is not bytes."""
    if not isinstance(code, int) or not isinstance(reason, bytes):
        raise TypeError(f"a close has a code, such as 1000, and a reason in bytes, got {code!r}, {reason!r}")
    if not may_be_sent(code):
        raise ValueError(f"close code {code!r} may not be sent: 1000 to 1003, 1007 to 1014, 3000 to 4999 may")
    if len(reason) > MOST_REASON:
        raise ValueError(f"a reason of {len(reason)} bytes: a close frame has room for {MOST_REASON}")
    reason.decode()


class WSMessage(NamedTuple):
    """One message, or the news that there are no more.

    ======= ======================================= ===========================
    type    data                                    extra
    ======= ======================================= ===========================
    TEXT    `str`                                   ``None``
    BINARY  `bytes`                                 ``None``
    PING    `bytes`                                 ``None``
    PONG    `bytes`                                 ``None``
    CLOSE   the close code, 0 for one without       the reason, ``""`` for none
    CLOSING ``None``: this side is closing          ``None``
    CLOSED  ``None``: it is closed                  ``None``
    ERROR   the exception                           ``None``
    ======= ======================================= ===========================
    """

    type: WSMsgType
    data: Any
    extra: str | None

    def json(self, *, loads: Callable[[Any], Any] = json.loads) -> Any:
        """The data, parsed as JSON. Raises what ``loads`` raises."""
        return loads(self.data)


class WSMessageTextBytes(NamedTuple):
    """A TEXT message whose data is left as `bytes`, which were checked to be UTF-8."""

    type: WSMsgType
    data: Any
    extra: str | None

    def json(self, *, loads: Callable[[Any], Any] = json.loads) -> Any:
        """The data, parsed as JSON. Raises what ``loads`` raises."""
        return loads(self.data)


CLOSED_MESSAGE: Final = WSMessage(WSMsgType.CLOSED, None, None)
CLOSING_MESSAGE: Final = WSMessage(WSMsgType.CLOSING, None, None)

ENDS: Final = frozenset((WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR))
"""What is no message of the peer's, but the news that there are no more."""


class WebSocketError(Exception):
    """The peer does not keep to the protocol.

    ``code``
        the close code that says so (RFC 6455, section 7.4.1).
    """

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        super().__init__(code, message)

    def __str__(self) -> str:
        return str(self.args[1])


class WSMessageTypeError(TypeError):
    """Another type of message came than the one that was asked for."""


class WebSocketOptions(NamedTuple):
    """How one WebSocket is to be carried. Sizes in bytes, times in seconds.

    ``max_message_size``
        of a message, also after it is inflated; close code 1009 beyond. 0: no bound.
    ``write_limit``
        bytes held for a peer that takes less than it is given; senders wait beyond.
    ``decode_text``
        whether TEXT becomes `str`; or else `WSMessageTextBytes`.
    ``autoping``
        whether the carrier answers pings, and keeps pings and pongs to itself.
    ``autoclose``
        whether a close frame of the peer is answered when its message is taken; or else with
        `WebSocketStream.close`, and after ``close_timeout`` in any case.
    ``heartbeat``
        silence of the peer after which it is asked with a ping; when half as long again passes in silence,
        the connection is cut. ``None``: nobody asks.
    ``close_timeout``
        how long the peer may take for its side of the closing handshake.
    ``drain_code``
        the close code that tells the peer that the server is shutting down.
    """

    max_message_size: int = 4 * 2**20
    write_limit: int = 2**16
    decode_text: bool = True
    autoping: bool = True
    autoclose: bool = True
    heartbeat: float | None = None
    close_timeout: float = 10.0
    drain_code: int = WSCloseCode.GOING_AWAY


class SharedMessage:
    """A message for many receivers, encoded and compressed once for all of them.

    ``data``
        `str` for a TEXT message, bytes for a BINARY one.
    ``encoded``
        what carriers keep here, each under keys of its own: the message as it is sent.

    Raises `TypeError` for any other ``data``.
    """

    __slots__ = ("data", "encoded", "opcode", "payload")

    def __init__(self, data: str | Bytes) -> None:
        if isinstance(data, str):
            self.opcode, self.payload = WSMsgType.TEXT, data.encode()
        elif isinstance(data, bytes | bytearray | memoryview):
            # What may change afterwards is copied.
            data = bytes(data)
            self.opcode, self.payload = WSMsgType.BINARY, data
        else:
            raise TypeError(f"a message is str or bytes, got {data!r}: encode it first, with json.dumps, say")
        self.data = data
        self.encoded: dict[Any, Any] = {}


MessageCallback = Callable[[WSMessage], object]
"""A plain function that is called with messages. What it returns is of no meaning."""


def refuse_coroutine(returned: Any) -> TypeError:
    """What is wrong with a callback that returned this coroutine, which is closed."""
    returned.close()
    return TypeError(
        f"the function that listens returned {returned!r}, which nobody awaits: let it send with "
        "send_nowait(), or await in the body of 'async for message in ws'"
    )


async def call_with_each(
    receive: Callable[[], Awaitable[WSMessage]],
    drain: Callable[[], Awaitable[None]],
    callback: MessageCallback,
) -> WSMessage:
    """Call a function with each message that is received, and wait after it while the peer takes less than it
    is sent. Returns the message that says that there are no more. Raises what ``receive`` and the function
    raise, and `TypeError` where that returns a coroutine."""
    while (message := await receive()).type not in ENDS:
        returned = callback(message)
        if isinstance(returned, CoroutineType):
            raise refuse_coroutine(returned)
        with suppress(Disconnected):
            await drain()
    return message


class WebSocketStream(ABC):
    """A WebSocket from the end of its opening handshake on.

    Messages come in the order in which they were sent. After the last one comes its end, again and again:

    * ``CLOSE`` with the peer's close code and reason, once: when it is taken, a close frame is sent in answer
      if none was sent before. Then `CLOSED_MESSAGE`.
    * ``ERROR`` with a `WebSocketError`, once: when it is taken, a close frame with its code is sent. Then
      `CLOSED_MESSAGE`. So what came before the fault is answered before the peer hears of it.
    * ``CLOSED_MESSAGE`` where the connection is gone without a close frame.

    Nobody has to take them: a carrier that has waited ``close_timeout`` for that closes by itself.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def compression(self) -> int:
        """The bits of the window that messages of this side are compressed with; 0 where they are not."""

    @property
    @abstractmethod
    def close_code(self) -> int | None:
        """The code of the close frame that the peer sent (1005 for one without); that of our own failure of
        the connection; 1006 when it is gone without either, and ``None`` as long as it is open."""

    @property
    @abstractmethod
    def error(self) -> BaseException | None:
        """What ended the connection, where it was no close frame: a `WebSocketError`, a `TimeoutError` of the
        heartbeat or of the closing handshake, a `Disconnected`."""

    # -- receiving -------------------------------------------------------------------------------------

    @abstractmethod
    def receive_nowait(self) -> WSMessage | None:
        """The next message; ``None`` when none is there at the moment."""

    @abstractmethod
    def wait(self) -> "asyncio.Future[WSMessage]":
        """The next message, once it comes, where `receive_nowait` has none. Who awaits it and is cancelled
        gives it back with `give_back`. Raises `RuntimeError` while somebody else waits."""

    @abstractmethod
    def give_back(self, waiter: "asyncio.Future[WSMessage]") -> None:
        """Nobody awaits this any more: a message that it has got is the next one again."""

    async def receive(self) -> WSMessage:
        """The next message, waiting for it. Raises what `wait` does. Cancellation loses no message."""
        message = self.receive_nowait()
        if message is not None:
            return message
        waiter = self.wait()
        try:
            return await waiter
        except BaseException:
            self.give_back(waiter)
            raise

    async def listen(self, callback: MessageCallback) -> WSMessage:
        """Have a function called with each message, in order, as soon as it comes and while the peer takes
        what it is sent. Returns the message that says that there are no more.

        Raises what the function raises (for `StopIteration` a `RuntimeError`, as any coroutine), `TypeError`
        where it returns a coroutine, and what `wait` does: the messages after that one are received as
        before. So they are when it is cancelled."""
        return await call_with_each(self.receive, self.drain, callback)

    @abstractmethod
    def interrupt(self) -> None:
        """Have whoever waits for a message, or listens, get `CLOSING_MESSAGE`. Does nothing when nobody
        does."""

    # -- sending ---------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def buffered(self) -> int:
        """Bytes that the peer has not taken, as far as the carrier knows."""

    @abstractmethod
    def send_nowait(self, payload: Bytes, opcode: int, compress: int | None = None) -> bool:
        """Send a message, or a ping or pong. Never waits.

        ``opcode``
            TEXT (then ``payload`` is UTF-8), BINARY, PING or PONG.
        ``compress``
            bits of the window for this message, 0 for none; ``None`` for what was agreed. No more than what
            was agreed.

        Returns whether more may be sent at once: if not, `drain` should be awaited before that. Raises
        `Disconnected` once a close frame was sent or the connection is gone, `ValueError` for a ping or pong
        of more than 125 bytes."""

    @abstractmethod
    async def send(self, payload: Bytes, opcode: int, compress: int | None = None) -> None:
        """Send as `send_nowait` does, compressing what is large outside the event loop, and wait while the
        peer takes less than it is given. Several tasks may do so at a time. Cancelled before the message
        is sent: it is not. Raises what `send_nowait` raises."""

    @abstractmethod
    def send_shared(self, message: SharedMessage) -> bool:
        """Send a message that others get, too: what is encoded for one is not encoded again for the next.
        Returns and raises what `send_nowait` does."""

    @abstractmethod
    async def drain(self) -> None:
        """Wait until the peer has taken most of what it was given. Raises `Disconnected`."""

    # -- the end ---------------------------------------------------------------------------------------

    @abstractmethod
    def close(self, code: int = WSCloseCode.OK, reason: bytes = b"") -> None:
        """Send a close frame, the first time. The peer has ``close_timeout`` to answer it; then, or
        after that, the connection is closed. What the peer still sends is received as before.

        Raises `ValueError` for a code that may not be sent (RFC 6455, section 7.4) and a reason of more than
        123 bytes."""

    @abstractmethod
    async def wait_closed(self) -> None:
        """Wait for the end of the closing handshake or of the connection, whichever is first; messages that
        nobody has taken are thrown away. Raises nothing of its own, and ends, because `close` has a
        deadline."""

    @abstractmethod
    def abort(self) -> None:
        """Cut the connection. Never raises; safe at any time."""

    @abstractmethod
    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the transport below knows under this name (asyncio documentation)."""
