"""Handlers with WebSockets on aiohttp and here, asked by two clients that have no code of ours in them: that
of aiohttp, and `websockets`.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
import aiohttp.web
import pytest
import websockets.asyncio.client
import websockets.exceptions

import sketch.web
from tests.loops import LOOPS, NewLoop

from .talking import PATIENCE, Handler, Talk, serve

LARGE = "large \u00e9 " * 2**16


class Client(ABC):
    """The far end of a WebSocket."""

    @abstractmethod
    async def send(self, data: str | bytes) -> None:
        """Send a message."""

    @abstractmethod
    async def receive(self) -> str:
        """The next message, ``str`` or ``bytes`` as it is written, or the close code and the reason."""

    @abstractmethod
    async def ping(self) -> None:
        """Send a ping."""

    @abstractmethod
    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close."""

    @abstractmethod
    def vanish(self) -> None:
        """Be gone."""

    @property
    @abstractmethod
    def protocol(self) -> str | None:
        """The subprotocol."""

    async def rest(self) -> list[str]:
        """Everything up to the end, and that."""
        received = [await self.receive()]
        while not received[-1].startswith("end "):
            received.append(await self.receive())
        return received


class AiohttpClient(Client):
    """aiohttp's."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse[Any]) -> None:
        self._ws = ws

    async def send(self, data: str | bytes) -> None:
        await (self._ws.send_str(data) if isinstance(data, str) else self._ws.send_bytes(data))

    async def receive(self) -> str:
        message = await self._ws.receive()
        if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            return repr(message.data)
        return f"end {self._ws.close_code} {message.extra or ''}"

    async def ping(self) -> None:
        await self._ws.ping(b"ping")

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self._ws.close(code=code, message=reason.encode())

    def vanish(self) -> None:
        response: Any = self._ws._response
        response.connection.transport.abort()

    @property
    def protocol(self) -> str | None:
        return self._ws.protocol


class WebsocketsClient(Client):
    """That of `websockets`."""

    def __init__(self, ws: websockets.asyncio.client.ClientConnection) -> None:
        self._ws = ws

    async def send(self, data: str | bytes) -> None:
        await self._ws.send(data)

    async def receive(self) -> str:
        try:
            return repr(await self._ws.recv())
        except websockets.exceptions.ConnectionClosed:
            return f"end {self._ws.close_code} {self._ws.close_reason or ''}"

    async def ping(self) -> None:
        await self._ws.ping(b"ping")

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self._ws.close(code, reason)

    def vanish(self) -> None:
        self._ws.transport.abort()

    @property
    def protocol(self) -> str | None:
        return self._ws.subprotocol


@asynccontextmanager
async def connect_aiohttp(port: int, **options: Any) -> AsyncIterator[Client]:
    compress = 0 if options.pop("plain", False) else 15
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(
            f"http://127.0.0.1:{port}/", compress=compress, max_msg_size=0, **options
        ) as ws:
            yield AiohttpClient(ws)


@asynccontextmanager
async def connect_websockets(port: int, **options: Any) -> AsyncIterator[Client]:
    compression = None if options.pop("plain", False) else "deflate"
    async with websockets.asyncio.client.connect(
        f"ws://127.0.0.1:{port}/",
        compression=compression,
        max_size=None,
        proxy=None,
        subprotocols=options.pop("protocols", None),
        **options,
    ) as ws:
        yield WebsocketsClient(ws)


Act = Callable[[Client, Talk], Awaitable[None]]


class Program(NamedTuple):
    """A handler, what the client does, and the options with which it connects."""

    handler: Handler
    act: Act
    options: dict[str, Any]


PROGRAMS: dict[str, Program] = {}


def program(act: Act, **options: Any) -> Callable[[Handler], Handler]:
    """Make a program of a handler, under its name."""

    def add(handler: Handler) -> Handler:
        PROGRAMS[handler.__name__.replace("_", " ")] = Program(handler, act, options)
        return handler

    return add


# -- what clients do -------------------------------------------------------------------------------------


async def listen(client: Client, talk: Talk) -> None:
    talk("got", await client.rest())


async def say_three(client: Client, talk: Talk) -> None:
    for data in ("one", b"two", ""):
        await client.send(data)
        talk("got", await client.receive())
    await client.close(3000, "bye")


async def say_much(client: Client, talk: Talk) -> None:
    for data in (LARGE, LARGE.encode(), "x" * 125, "x" * 126, "x" * 65535, "x" * 65536, "\u00e9" * 7):
        await client.send(data)
        talk(await client.receive() == repr(data))
    await client.close()


async def say_many(client: Client, talk: Talk) -> None:
    for number in range(500):
        await client.send(f"message {number}")
    talk([await client.receive() for _ in range(500)] == [repr(f"message {each}") for each in range(500)])
    await client.close()


async def say_one(client: Client, talk: Talk) -> None:
    await client.send("[1]")
    talk("got", await client.rest())


async def ping_and_say(client: Client, talk: Talk) -> None:
    await client.ping()
    await client.send("after")
    talk("got", await client.rest())


async def say_all_kinds(client: Client, talk: Talk) -> None:
    for data in ("a", b"b", '{"c": 1}', "d", b"e", "f", "no json"):
        await client.send(data)
    talk("got", await client.rest())


async def close_at_once(client: Client, talk: Talk) -> None:
    await client.close(4000, "because")


async def vanish(client: Client, talk: Talk) -> None:
    await client.send("last")
    talk("got", await client.receive())
    client.vanish()


async def show_protocol(client: Client, talk: Talk) -> None:
    talk("got", client.protocol)
    await client.close()


async def stay_and_say(client: Client, talk: Talk) -> None:
    talk("got", await client.receive())
    await client.send("still there")
    talk("got", await client.rest())


# -- echoes ----------------------------------------------------------------------------------------------


async def echo_all(ws: Any, talk: Talk) -> Any:
    """Echo up to the end; returned is what a handler returns."""
    async for message in ws:
        if message.type.name == "TEXT":
            await ws.send_str(message.data)
        elif message.type.name == "BINARY":
            await ws.send_bytes(message.data)
        else:
            talk(message)
    talk(f"{ws.closed} {ws.close_code} {ws.exception()}")
    return ws


async def opened(web: Any, request: Any, **options: Any) -> Any:
    ws = web.WebSocketResponse(**options)
    await ws.prepare(request)
    return ws


@program(say_three)
async def an_echo(web: Any, request: Any, talk: Talk) -> Any:
    return await echo_all(await opened(web, request), talk)


@program(say_three, plain=True)
async def an_echo_without_compression(web: Any, request: Any, talk: Talk) -> Any:
    ws = await opened(web, request)
    talk(ws.compress)
    return await echo_all(ws, talk)


@program(say_three)
async def an_echo_that_compresses_nothing(web: Any, request: Any, talk: Talk) -> Any:
    ws = await opened(web, request, compress=False)
    talk(ws.compress)
    return await echo_all(ws, talk)


@program(say_much)
async def large_messages(web: Any, request: Any, talk: Talk) -> Any:
    return await echo_all(await opened(web, request), talk)


@program(say_much, plain=True)
async def large_messages_without_compression(web: Any, request: Any, talk: Talk) -> Any:
    return await echo_all(await opened(web, request, writer_limit=2**10), talk)


@program(say_many)
async def many_messages(web: Any, request: Any, talk: Talk) -> Any:
    return await echo_all(await opened(web, request), talk)


@program(say_many)
async def many_messages_by_receive(web: Any, request: Any, talk: Talk) -> Any:
    ws = await opened(web, request, receive_timeout=5)
    while (message := await ws.receive()).type.name == "TEXT":
        await ws.send_str(message.data)
    talk(message)
    return ws


# -- opening ---------------------------------------------------------------------------------------------


@program(show_protocol, protocols=["none", "b", "a"])
async def a_subprotocol(web: Any, request: Any, talk: Talk) -> Any:
    ws = web.WebSocketResponse(protocols=("a", "b"))
    ready = ws.can_prepare(request)
    talk(bool(ready), ready.ok, ready.protocol)
    await ws.prepare(request)
    talk(ws.ws_protocol, ws.status, ws.reason, ws.prepared)
    return await echo_all(ws, talk)


@program(show_protocol, protocols=["none"])
async def no_common_subprotocol(web: Any, request: Any, talk: Talk) -> Any:
    ws = await opened(web, request, protocols=["a"])
    talk(ws.ws_protocol)
    return await echo_all(ws, talk)


@program(close_at_once)
async def a_response_that_is_a_mapping(web: Any, request: Any, talk: Talk) -> Any:
    ws = web.WebSocketResponse()
    key = web.ResponseKey("a", int)
    ws[key] = 1
    ws.headers["X-Extra"] = "1"
    ws.set_cookie("b", "2")
    await ws.prepare(request)
    talk(ws[key], len(ws), bool(ws), ws == ws, ws.headers["X-Extra"])
    talk(ws.headers["Upgrade"], ws.headers["Connection"], ws.keep_alive, ws.chunked, ws.content_length)
    return await echo_all(ws, talk)


# -- receiving -------------------------------------------------------------------------------------------


@program(say_all_kinds)
async def all_ways_to_receive(web: Any, request: Any, talk: Talk) -> Any:
    ws = await opened(web, request)
    talk(await ws.receive_str())
    talk(await ws.receive_bytes())
    talk(await ws.receive_json())
    await talk.try_(ws.receive_bytes())
    await talk.try_(ws.receive_str())
    talk(await ws.receive_json(loads=lambda text: f"<{text}>"))
    await talk.try_(ws.receive_json())
    return ws


@program(say_all_kinds)
async def text_as_bytes(web: Any, request: Any, talk: Talk) -> Any:
    ws = await opened(web, request, decode_text=False)
    talk(await ws.receive_str())
    talk(await ws.receive_bytes())
    talk((await ws.receive()).json())
    message = await ws.receive()
    talk(message.type.name, message.data)
    return ws


@program(ping_and_say)
async def pings_are_answered(web: Any, request: Any, talk: Talk) -> Any:
    ws = await opened(web, request)
    talk(await ws.receive())
    return ws


@program(ping_and_say)
async def pings_are_received(web: Any, request: Any, talk: Talk) -> Any:
    ws = await opened(web, request, autoping=False)
    message = await ws.receive()
    talk(message)
    await ws.pong(message.data)
    talk(await ws.receive())
    return ws


@program(stay_and_say)
async def a_timeout(web: Any, request: Any, talk: Talk) -> Any:
    ws = await opened(web, request, receive_timeout=0.01)
    await talk.try_(ws.receive())
    await ws.send_str("go on")
    talk(await ws.receive(5))
    return ws


@program(stay_and_say)
async def a_heartbeat_with_a_client_that_answers(web: Any, request: Any, talk: Talk) -> Any:
    ws = await opened(web, request, heartbeat=0.1)
    await asyncio.sleep(0.35)
    await ws.send_str("still here?")
    talk(await ws.receive())
    return ws


# -- sending ---------------------------------------------------------------------------------------------


@program(listen)
async def all_ways_to_send(web: Any, request: Any, talk: Talk) -> Any:
    ws = await opened(web, request)
    await ws.send_str("text")
    await ws.send_bytes(b"bytes")
    await ws.send_bytes(bytearray(b"array"))
    await ws.send_bytes(memoryview(b"view"))
    await ws.send_json({"a": [1]})
    await ws.send_json([2], dumps=lambda value: f"<{value}>")
    await ws.send_json_bytes([3], dumps=lambda value: f"<{value}>".encode())
    await ws.send_frame(b"frame", web.WSMsgType.TEXT)
    await ws.send_frame(b"frame", web.WSMsgType.BINARY)
    await ws.ping(b"ping")
    await ws.pong(b"pong")
    return ws


@program(listen)
async def messages_with_a_window_of_their_own(web: Any, request: Any, talk: Talk) -> Any:
    ws = await opened(web, request)
    for bits in (None, 9, 15, 12):
        await ws.send_str("compressed " * 50, compress=bits)
        await ws.send_bytes(b"compressed " * 50, bits)
    return ws


@program(listen)
async def several_tasks_that_send(web: Any, request: Any, talk: Talk) -> Any:
    ws = await opened(web, request)

    async def send(name: str) -> None:
        for number in range(20):
            await ws.send_str(f"{name}{number} " * 3000)

    await asyncio.gather(*map(send, "abc"))
    return ws


# -- the end ---------------------------------------------------------------------------------------------


@program(close_at_once)
async def the_client_closes(web: Any, request: Any, talk: Talk) -> Any:
    ws = await opened(web, request)
    talk(await ws.receive())
    talk(f"{ws.closed} {ws.close_code} {ws.exception()}")
    talk(await ws.close())
    return ws


@program(listen)
async def the_server_closes(web: Any, request: Any, talk: Talk) -> Any:
    ws = await opened(web, request)
    talk(
        await ws.close(
            code=web.WSCloseCode.GOING_AWAY if hasattr(web, "WSCloseCode") else 1001, message=b"bye"
        )
    )
    talk(f"{ws.closed} {ws.close_code} {ws.exception()}")
    talk(await ws.receive())
    await talk.try_(ws.send_str("x"))
    return ws


@program(listen)
async def the_server_closes_with_its_own_code(web: Any, request: Any, talk: Talk) -> Any:
    ws = await opened(web, request)
    talk(await ws.close(code=4999, message="gr\u00fc\u00dfe".encode()))
    return ws


@program(listen)
async def the_handler_returns(web: Any, request: Any, talk: Talk) -> Any:
    ws = await opened(web, request)
    await ws.send_str("that is all")
    return ws


@program(say_all_kinds)
async def the_handler_returns_with_messages_unread(web: Any, request: Any, talk: Talk) -> Any:
    ws = await opened(web, request)
    talk(await ws.receive())
    await ws.send_str("enough")
    return ws


@program(listen)
async def another_task_closes(web: Any, request: Any, talk: Talk) -> Any:
    ws = await opened(web, request)

    async def close_soon() -> None:
        await asyncio.sleep(0.01)
        talk("closed", await ws.close(code=3001))

    closing = asyncio.create_task(close_soon())
    message = await ws.receive()
    talk(message)
    await closing
    return ws


@program(vanish)
async def the_client_is_gone(web: Any, request: Any, talk: Talk) -> Any:
    ws = await opened(web, request)
    await ws.send_str((await ws.receive()).data)
    talk(await ws.receive())
    talk(f"{ws.closed} {ws.close_code} {type(ws.exception()).__mro__[1:3] != ()}")
    await talk.try_(ws.send_str("x"))
    return ws


@program(vanish)
async def the_client_is_gone_while_it_is_sent_to(web: Any, request: Any, talk: Talk) -> Any:
    ws = await opened(web, request)
    await ws.send_str((await ws.receive()).data)

    async def send_on() -> None:
        while True:
            await ws.send_str("x" * 2**16)

    await talk.try_(send_on())
    return ws


# -- running them ----------------------------------------------------------------------------------------

CONNECT = {"aiohttp": connect_aiohttp, "websockets": connect_websockets}


async def run(web: Any, each: Program, client: str) -> list[str]:
    """What both sides have noted, each in its order."""
    theirs, ours = Talk(), Talk()
    runner = await serve(web, each.handler, {"": theirs})
    try:
        async with asyncio.timeout(PATIENCE):
            async with CONNECT[client](runner.addresses[0][1], **each.options) as connection:
                await each.act(connection, ours)
            await theirs.wait_for("returned")
    finally:
        await runner.cleanup()
    return [*theirs.seen, "--", *ours.seen]


@LOOPS
@pytest.mark.parametrize("client", CONNECT)
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name: str, client: str, new_loop: NewLoop) -> None:
    async def main() -> None:
        theirs = await run(aiohttp.web, PROGRAMS[name], client)
        assert await run(sketch.web, PROGRAMS[name], client) == theirs

    with asyncio.Runner(loop_factory=new_loop, debug=False) as runner:
        runner.run(main())
