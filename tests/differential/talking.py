"""One handler with a WebSocket on two frameworks: what it saw, and what its peer got.

A handler is a coroutine function ``async def handler(web, request, note)``, which uses the names of ``web``
and notes what it finds. It is served on a loopback socket by each of the two. The peer is the test's: bytes
are put into frames and read out of them here, so that nothing of what is tested has a part in it.
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple

import aiohttp.web

import sketch.web
from tests.loops import NewLoop

Handler = Callable[[Any, Any, "Talk"], Awaitable[Any]]

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
OPCODES = {0: "CONTINUATION", 1: "TEXT", 2: "BINARY", 8: "CLOSE", 9: "PING", 10: "PONG"}
PATIENCE = 10.0
RESET = struct.pack("ii", 1, 0)
"""For ``SO_LINGER``: a close that is a reset."""


class Talk:
    """What came of one conversation so far.

    ``seen``
        what the handler noted.
    ``got``
        the frames that the peer got, and ``END`` or ``RESET``.
    ``acted``
        set when the peer has done what it does first.
    """

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.got: list[str] = []
        self.acted = asyncio.Event()
        self.tasks: list[asyncio.Task[Any]] = []
        self._noted = asyncio.Event()

    def __call__(self, *values: object) -> None:
        self.seen.append(" ".join(map(show, values)))
        self._noted.set()

    async def wait_for(self, text: str) -> None:
        """Wait until the handler has noted this."""
        while text not in self.seen:
            self._noted.clear()
            await self._noted.wait()

    async def try_(self, action: Awaitable[Any]) -> Any:
        """Note what an awaitable gives, or the kind of what it raises; the value is returned."""
        try:
            value = await action
        except Exception as error:
            self(error)
            return error
        self(value)
        return value


def show(value: object) -> str:
    """A value by what both have in common."""
    if isinstance(value, BaseException):
        kinds = (ConnectionError, TimeoutError, TypeError, ValueError, RuntimeError)
        kind = next((each for each in kinds if isinstance(value, each)), type(value))
        return kind.__name__
    if type(value).__name__.startswith("WSMessage"):
        message: Any = value
        # What is no close has "" for it in aiohttp, where anything has it.
        return f"{message.type.name}({show(message.data)}, {message.extra or ''})"
    if isinstance(value, str):
        return value
    if isinstance(value, bytearray):
        # As which aiohttp gives what is in pings.
        return repr(bytes(value))
    return repr(int(value)) if isinstance(value, int) and not isinstance(value, bool) else repr(value)


class Peer:
    """The far end of a WebSocket, by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, talk: Talk) -> None:
        self._reader = reader
        self._writer = writer
        self._talk = talk

    async def open(self, target: str, fields: str) -> bool:
        """Ask for it. Whether it is open; a status that is not 101 is noted."""
        self._writer.write(
            f"GET {target} HTTP/1.1\r\nHost: example.org\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{fields}\r\n".encode()
        )
        head = await self._reader.readuntil(b"\r\n\r\n")
        status = head.split(b" ", 2)[1].decode()
        if status != "101":
            self._talk.got.append(status)
        return status == "101"

    def send(self, opcode: int, payload: bytes = b"", *, first: int = 0x80) -> None:
        """Send a frame, masked."""
        size, key = len(payload), b"\x01\x02\x03\x04"
        length = (
            bytes([0x80 | size])
            if size < 126
            else b"\xfe" + struct.pack(">H", size)
            if size < 2**16
            else b"\xff" + struct.pack(">Q", size)
        )
        masked = bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))
        self._writer.write(bytes([first | opcode]) + length + key + masked)

    def send_bare(self, frame: bytes) -> None:
        """Send a frame as it is."""
        self._writer.write(frame)

    def say(self, text: str) -> None:
        """Send a TEXT message."""
        self.send(1, text.encode())

    def close(self, code: int | None = 1000, reason: str = "") -> None:
        """Send a close frame."""
        self.send(8, b"" if code is None else struct.pack(">H", code) + reason.encode())

    async def frame(self) -> str:
        """The next frame, or how the connection has ended; it is noted, too."""
        try:
            first, second = await self._reader.readexactly(2)
            size = second & 0x7F
            if size > 125:
                size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8), "big")
            payload = await self._reader.readexactly(size)
        except asyncio.IncompleteReadError:
            text = "END"
        except ConnectionError:
            text = "RESET"
        else:
            text = f"{OPCODES.get(first & 0xF, 'NONE')} {_read(first, payload)}"
        self._talk.got.append(text)
        return text

    async def rest(self) -> None:
        """Everything up to the end."""
        while await self.frame() not in ("END", "RESET"):
            pass

    async def noted(self, text: str) -> None:
        """Wait until the handler has noted this."""
        await self._talk.wait_for(text)

    def has_acted(self) -> None:
        """Tell the handler that it may go on."""
        self._talk.acted.set()

    def end(self) -> None:
        """Send nothing more."""
        self._writer.write_eof()

    def vanish(self) -> None:
        """Reset the connection."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._writer.transport.abort()

    async def leave(self) -> None:
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


def _read(first: int, payload: bytes) -> str:
    if first & 0xF == 8:
        return f"{int.from_bytes(payload[:2], 'big')} {payload[2:].decode()!r}"
    return f"{'deflated ' if first & 0x40 else ''}{payload!r}"


Script = Callable[[Peer], Awaitable[None]]


class Both(NamedTuple):
    """What came of a conversation on aiohttp and on sketch."""

    theirs: Talk
    ours: Talk


Talks = dict[str, Talk]
"""By the path of the request, without its slash."""


async def serve(web: Any, handler: Handler, talks: Talks) -> Any:
    """A runner that serves a handler on a loopback socket, on every path."""

    async def handle(request: Any) -> Any:
        talk = talks[request.path[1:]]
        try:
            return await handler(web, request, talk)
        finally:
            talk("returned")

    app = web.Application()
    app.router.add_get("/{tail:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner


async def talk_on(runner: Any, script: Script, talk: Talk, name: str = "", fields: str = "") -> None:
    """Have the script talk with what is served."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
        peer = Peer(reader, writer, talk)
        try:
            if await peer.open(f"/{name}", fields):
                await script(peer)
            await talk.wait_for("returned")
        finally:
            await peer.leave()


async def talk_with(web: Any, handler: Handler, script: Script, fields: str = "") -> Talk:
    """One conversation on one framework."""
    talk = Talk()
    runner = await serve(web, handler, {"": talk})
    try:
        await talk_on(runner, script, talk, fields=fields)
    finally:
        await runner.cleanup()
    return talk


def compare(handler: Handler, script: Script, new_loop: NewLoop, fields: str = "") -> Both:
    """The same conversation on both."""

    async def run_both() -> Both:
        theirs = await talk_with(aiohttp.web, handler, script, fields)
        return Both(theirs, await talk_with(sketch.web, handler, script, fields))

    with asyncio.Runner(loop_factory=new_loop, debug=False) as runner:
        return runner.run(run_both())
