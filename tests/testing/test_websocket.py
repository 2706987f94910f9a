"""WebSockets of the client in memory: what comes, what goes, how it ends, and what goes wrong on purpose."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from sketch import web
from sketch.http.handshake import Deflate, prove
from sketch.http.websocket import WebSocketError
from sketch.testing import (
    Client,
    ClientConnectionResetError,
    ClientWebSocketResponse,
    ConnectionCut,
    Faults,
    TestClient,
    TestServer,
    WSMessageTypeError,
    WSServerHandshakeError,
)
from tests.testing.stage import EVENTS, LOOPS, NewLoop, run

TEXT, BINARY, PING, PONG = (
    web.WSMsgType.TEXT,
    web.WSMsgType.BINARY,
    web.WSMsgType.PING,
    web.WSMsgType.PONG,
)
CLOSE, CLOSING, CLOSED, ERROR = (
    web.WSMsgType.CLOSE,
    web.WSMsgType.CLOSING,
    web.WSMsgType.CLOSED,
    web.WSMsgType.ERROR,
)

Talk = Callable[[web.WebSocketResponse], Coroutine[Any, Any, None]]


async def echo(ws: web.WebSocketResponse) -> None:
    """Sends everything back."""
    async for message in ws:
        if message.type is TEXT:
            await ws.send_str(message.data)
        else:
            await ws.send_bytes(message.data)


async def swallow(ws: web.WebSocketResponse) -> None:
    """Takes everything."""
    async for _ in ws:
        pass


async def sleep(ws: web.WebSocketResponse) -> None:
    """Looks at nothing for an hour."""
    await asyncio.sleep(3600)


def make_app(talk: Talk = echo, **options: Any) -> web.Application:
    """An application with one WebSocket, at ``/``, which notes how that ends."""

    async def handle(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(**options)
        await ws.prepare(request)
        try:
            await talk(ws)
        finally:
            request.app[EVENTS].append(f"closed with {ws.close_code}")
        return ws

    app = web.Application()
    app[EVENTS] = []
    app.router.add_get("/", handle)
    return app


# -- messages ------------------------------------------------------------------------------------------------


@LOOPS
@pytest.mark.parametrize("pieces", [None, 1, 7])
@pytest.mark.parametrize("compress", [0, 15, 9, Deflate(True, True, 12, 10)])
def test_messages_both_ways(new_loop: NewLoop, pieces: int | None, compress: int | Deflate) -> None:
    async def main() -> None:
        app = make_app(protocols=("b", "a"))
        faults = Faults(pieces=pieces)
        async with Client(app) as client:
            ws = await client.ws_connect("/", protocols=["a", "b"], compress=compress, faults=faults)
            assert ws.protocol == "a" and bool(ws.compress) == bool(compress)
            for text in ("", "ä€😀", "x" * 125, "x" * 126, "x" * 70_000):
                await ws.send_str(text)
                assert await ws.receive_str() == text
            await ws.send_bytes(bytearray(b"\x00\xff"))
            assert await ws.receive_bytes() == b"\x00\xff"
            await ws.send_json({"a": 1})
            assert await ws.receive_json() == {"a": 1}
            assert await ws.close() is True and await ws.close() is False
            assert ws.closed and ws.close_code == 1000 and ws.exception() is None
            assert app[EVENTS] == ["closed with 1000"] and client.server.connections == []

    run(main, new_loop)


def test_a_block_and_a_loop() -> None:
    async def talk(ws: web.WebSocketResponse) -> None:
        for text in ("one", "two"):
            await ws.send_str(text)
        await ws.close(code=4000, message=b"enough")

    async def main() -> None:
        async with Client(make_app(talk)) as client, client.ws_connect("/") as ws:
            assert [message.data async for message in ws] == ["one", "two"]
            assert ws.closed and ws.close_code == 4000
            assert (await ws.receive()).type is CLOSED

    run(main)


def test_what_the_server_is_told() -> None:
    seen: dict[str, str] = {}

    async def handle(request: web.Request) -> web.WebSocketResponse:
        seen.update(request.headers)
        seen["url"] = str(request.url)
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        return ws

    async def main() -> None:
        app = web.Application()
        app.router.add_get("/ws", handle)
        async with Client(app, headers={"X-All": "1"}, cookies={"a": "b"}) as client:
            options: dict[str, Any] = {"headers": {"X-One": "2"}, "params": {"q": "3"}}
            async with client.ws_connect("ws://localhost/ws", origin="https://here.example", **options) as ws:
                assert ws.response.status == 101 and ws.get_extra_info("peername") == ("127.0.0.1", 50000)
        assert seen["url"] == "http://localhost/ws?q=3"
        expected = {"Origin": "https://here.example", "X-All": "1", "X-One": "2", "Cookie": "a=b"}
        assert {name: seen.get(name) for name in expected} == expected
        assert "Sec-WebSocket-Extensions" not in seen and "Sec-WebSocket-Protocol" not in seen

    run(main)


def test_two_keys_are_not_alike() -> None:
    keys = []

    async def handle(request: web.Request) -> web.WebSocketResponse:
        keys.append(request.headers["Sec-WebSocket-Key"])
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        return ws

    async def main() -> None:
        app = web.Application()
        app.router.add_get("/", handle)
        async with Client(app) as client:
            for _ in range(2):
                await (await client.ws_connect("/")).close()
        assert len(set(keys)) == 2

    run(main)


def test_other_types_than_expected() -> None:
    async def main() -> None:
        async with Client(make_app()) as client:
            ws = await client.ws_connect("/")
            await ws.send_str("text")
            with pytest.raises(WSMessageTypeError, match="TEXT came, and not BINARY"):
                await ws.receive_bytes()
            await ws.send_bytes(b"bytes")
            with pytest.raises(WSMessageTypeError, match="BINARY came, and not TEXT"):
                await ws.receive_json()
            unfit: Any = 1
            with pytest.raises(TypeError, match="send_str sends str, got 1"):
                await ws.send_str(unfit)
            with pytest.raises(TypeError, match="send_bytes sends bytes, got 1"):
                await ws.send_bytes(unfit)
            await ws.close()

    run(main)


def test_text_as_bytes() -> None:
    async def main() -> None:
        async with Client(make_app()) as client, client.ws_connect("/", decode_text=False) as ws:
            await ws.send_str("ä")
            message = await ws.receive()
            assert (message.type, message.data) == (TEXT, "ä".encode())

    run(main)


def test_messages_that_are_too_large() -> None:
    async def main() -> None:
        app = make_app(swallow)
        async with Client(make_app()) as client, client.ws_connect("/", max_msg_size=10) as ws:
            await ws.send_str("x" * 10)
            assert await ws.receive_str() == "x" * 10
            await ws.send_str("x" * 11)
            message = await ws.receive()
            assert message.type is ERROR and isinstance(message.data, WebSocketError)
            assert ws.close_code == 1009 and ws.exception() is message.data
            assert (await ws.receive()).type is CLOSED
        async with Client(app) as client, client.ws_connect("/") as ws:
            await ws.send_bytes(bytes(4 * 2**20 + 1))
            assert (await ws.receive())[:2] == (CLOSE, 1009)

    run(main)


# -- pings ---------------------------------------------------------------------------------------------------


def test_pings_are_answered_although_nobody_receives() -> None:
    async def main() -> None:
        async with Client(make_app(swallow, heartbeat=30)) as client:
            ws = await client.ws_connect("/")
            await client.advance(600)
            assert ws.connection.is_open
            assert await ws.close() is True

    run(main)


def test_a_client_that_does_not_answer_is_cut() -> None:
    async def main() -> None:
        app = make_app(swallow, heartbeat=30)
        async with Client(app) as client:
            ws = await client.ws_connect("/", autoping=False)
            await client.advance(32)
            assert (await ws.receive()).type is PING
            await client.advance(16)
            assert (await ws.receive()).type is CLOSED
            assert ws.close_code == 1006 and app[EVENTS] == ["closed with 1006"]

    run(main)


def test_pings_of_the_client() -> None:
    async def main() -> None:
        async with Client(make_app()) as client:
            ws = await client.ws_connect("/", autoping=False)
            await ws.ping(b"are you there")
            assert (await ws.receive())[:2] == (PONG, b"are you there")
            await ws.pong(b"I am")
            await ws.send_str("still here")
            assert await ws.receive_str() == "still here"
            with pytest.raises(ValueError):
                await ws.ping(b"x" * 126)
            await ws.close()

    run(main)


# -- the end -------------------------------------------------------------------------------------------------


def test_messages_before_the_end_are_received() -> None:
    async def talk(ws: web.WebSocketResponse) -> None:
        for number in range(3):
            await ws.send_str(str(number))

    async def main() -> None:
        async with Client(make_app(talk)) as client:
            ws = await client.ws_connect("/")
            await client.settle()
            with pytest.raises(ClientConnectionResetError):
                await ws.send_str("too late")
            assert not ws.closed
            assert [await ws.receive_str() for _ in range(3)] == ["0", "1", "2"]
            assert (await ws.receive())[:2] == (CLOSE, 1000)
            assert ws.closed and (await ws.receive()).type is CLOSED

    run(main)


def test_a_close_frame_that_nobody_answers() -> None:
    async def talk(ws: web.WebSocketResponse) -> None:
        await ws.close(code=4000)

    async def main() -> None:
        app = make_app(talk, timeout=20.0)
        async with Client(app) as client:
            ws = await client.ws_connect("/", autoclose=False)
            assert (await ws.receive())[:2] == (CLOSE, 4000)
            await client.advance(15)
            assert not ws.closed and app[EVENTS] == []
            await client.advance(10)
            assert app[EVENTS] == ["closed with 1006"]
            assert (await ws.receive()).type is CLOSED
            late = await client.ws_connect("/", autoclose=False)
            await late.receive()
            await client.advance(15)
            assert await late.close() is True
            assert late.close_code == 4000 and app[EVENTS] == ["closed with 1006", "closed with 1000"]

    run(main)


def test_a_server_that_does_not_answer() -> None:
    async def main() -> None:
        async with Client(make_app(sleep)) as client:
            loop = asyncio.get_running_loop()
            start = loop.time()
            ws = await client.ws_connect("/", close_timeout=5)
            assert await ws.close(code=3000, message=b"bye") is True
            assert loop.time() - start == 5 and ws.close_code == 1006
            assert isinstance(ws.exception(), TimeoutError)

    run(main)


@LOOPS
def test_close_interrupts_who_receives(new_loop: NewLoop) -> None:
    async def main() -> None:
        async with Client(make_app()) as client:
            ws = await client.ws_connect("/")
            receiving = asyncio.create_task(ws.receive())
            await client.settle()
            with pytest.raises(RuntimeError, match="Concurrent call"):
                await ws.receive()
            await ws.close()
            assert (await receiving).type is CLOSING
            assert (await ws.receive()).type is CLOSED

    run(main, new_loop)


def test_the_client_is_closed_with_websockets_in_it() -> None:
    async def main() -> None:
        app = make_app()
        client = Client(app)
        await client.start()
        ws = await client.ws_connect("/")
        receiving = asyncio.create_task(ws.receive())
        await client.settle()
        await client.close()
        assert (await receiving).type is CLOSED and ws.close_code == 1006
        assert app[EVENTS] == ["closed with 1006"]

    run(main)


def test_shutdown_says_good_bye() -> None:
    async def main() -> None:
        client = Client(make_app(), shutdown_timeout=5)
        await client.start()
        ws = await client.ws_connect("/")
        ending = asyncio.create_task(client.runner.cleanup())
        assert (await ws.receive())[:2] == (CLOSE, 1001)
        await ending

    run(main)


def test_waiting_has_an_end() -> None:
    async def main() -> None:
        async with Client(make_app()) as client, client.ws_connect("/") as ws:
            with pytest.raises(TimeoutError):
                await ws.receive(timeout=60)
            await ws.send_str("and goes on")
            assert await ws.receive_str() == "and goes on"

    run(main)


@pytest.mark.parametrize(("code", "reason"), [(1006, b""), (1005, b""), (999, b""), (1000, b"x" * 124)])
def test_codes_that_may_not_be_sent(code: int, reason: bytes) -> None:
    async def main() -> None:
        async with Client(make_app()) as client, client.ws_connect("/") as ws:
            with pytest.raises(ValueError):
                await ws.close(code=code, message=reason)
            await ws.send_str("still open")
            assert await ws.receive_str() == "still open"

    run(main)


# -- faults --------------------------------------------------------------------------------------------------


@LOOPS
@pytest.mark.parametrize("by", ["reset", "close"])
@pytest.mark.parametrize("more", [0, 1, 5, 9])
def test_a_client_that_is_cut_while_it_sends(new_loop: NewLoop, by: Any, more: int) -> None:
    async def main() -> None:
        app = make_app()
        async with Client(app) as client:
            whole = await client.ws_connect("/")
            size = whole.connection.sent
            await whole.close()
            faults = Faults(cut_request_at=size + more, by=by)
            with pytest.raises(ConnectionCut):
                ws = await client.ws_connect("/", faults=faults)
                await ws.send_str("hello")
            await client.settle()
            assert app[EVENTS][1:] == ["closed with 1006"] and client.server.connections == []

    run(main, new_loop)


def test_a_client_that_is_cut_while_it_receives() -> None:
    async def talk(ws: web.WebSocketResponse) -> None:
        await ws.send_str("first")
        await ws.send_str("second")
        await swallow(ws)

    async def main() -> None:
        app = make_app(talk)
        async with Client(app) as client:
            whole = await client.ws_connect("/")
            await client.settle()
            taken = whole.connection.taken
            await whole.close()
            ws = await client.ws_connect("/", faults=Faults(cut_answer_at=taken - 1))
            assert await ws.receive_str() == "first"
            for _ in range(2):
                with pytest.raises(ConnectionCut):
                    await ws.receive()
            with pytest.raises(ConnectionCut):
                await ws.send_str("hello")
            await client.settle()
            assert app[EVENTS] == ["closed with 1000", "closed with 1006"]

    run(main)


def test_a_slow_reader_holds_up_the_server() -> None:
    async def talk(ws: web.WebSocketResponse) -> None:
        for number in range(100):
            await ws.send_bytes(bytes([number]) * 10_000)
            sent.append(number)

    sent: list[int] = []

    async def main() -> None:
        async with Client(make_app(talk, compress=False)) as client:
            ws = await client.ws_connect("/")
            await client.settle()
            # What the client takes ahead, and what the server holds.
            ahead = len(sent)
            assert 0 < ahead < 90
            await client.advance(5)
            assert len(sent) == ahead
            for number in range(100):
                assert await ws.receive_bytes() == bytes([number]) * 10_000
            assert (await ws.receive()).type is CLOSE

    run(main)


def test_a_reader_that_takes_nothing() -> None:
    async def main() -> None:
        async with Client(make_app()) as client:
            ws = await client.ws_connect("/")
            ws.connection.stop_taking()
            await ws.send_str("hello")
            with pytest.raises(TimeoutError):
                await ws.receive(timeout=10)
            ws.connection.take()
            assert await ws.receive_str() == "hello"
            await ws.close()

    run(main)


def test_a_connection_that_breaks() -> None:
    async def main() -> None:
        app = make_app()
        async with Client(app) as client:
            ws = await client.ws_connect("/")
            await ws.send_str("last words")
            await client.settle()
            ws.connection.reset()
            assert await ws.receive_str() == "last words"
            assert (await ws.receive()).type is CLOSED and ws.close_code == 1006
            await client.settle()
            assert app[EVENTS] == ["closed with 1006"]

    run(main)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x81\x02hi", 1002),  # Not masked.
        (b"\x83\x80\x00\x00\x00\x00", 1002),  # A reserved opcode.
        (b"\x81\x81\x00\x00\x00\x00\xff", 1007),  # Not UTF-8.
        (b"\x88\x82\x00\x00\x00\x00\x03\xed", 1002),  # The close code 1005.
    ],
)
def test_frames_that_nobody_should_send(data: bytes, code: int) -> None:
    async def main() -> None:
        async with Client(make_app()) as client:
            ws = await client.ws_connect("/")
            await ws.connection.send(data)
            message = await ws.receive()
            assert (message.type, message.data) == (CLOSE, code)

    run(main)


class Raw(asyncio.Protocol):
    """Sends these bytes in the place of frames."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._data)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x81\x82\x00\x00\x00\x00hi", 1002),  # Masked.
        (b"\x83\x00", 1002),
        (b"\x81\x01\xff", 1007),
    ],
)
def test_frames_that_the_server_should_not_send(data: bytes, code: int) -> None:
    async def main() -> None:
        async with Client(make_raw(data=b"\x81\x02hi" + data)) as client:
            ws = await client.ws_connect("/")
            assert await ws.receive_str() == "hi"
            message = await ws.receive()
            assert message.type is ERROR and message.data.code == code == ws.close_code
            assert ws.closed and (await ws.receive()).type is CLOSED

    run(main)


# -- the opening handshake -----------------------------------------------------------------------------------


def make_raw(fields: dict[str, str] | None = None, data: bytes = b"") -> web.Application:
    """An application that answers with other fields than it should, and sends other frames."""

    async def handle(request: web.Request) -> web.StreamResponse:
        key = request.headers["Sec-WebSocket-Key"]
        own = {"Sec-WebSocket-Accept": prove(key), **(fields or {})}
        response = web.UpgradeResponse("websocket", headers=own, protocol=Raw(data))
        await response.prepare(request)
        await asyncio.sleep(1)
        return response

    app = web.Application()
    app.router.add_get("/", handle)
    return app


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"Sec-WebSocket-Accept": "wrong"}, "Sec-WebSocket-Accept is 'wrong'"),
        ({"Sec-WebSocket-Protocol": "c"}, "the subprotocol 'c' was not offered"),
        ({"Sec-WebSocket-Protocol": "a, b"}, "the subprotocol 'a, b' was not offered"),
        ({"Sec-WebSocket-Extensions": "x-own"}, "the extension 'x-own' is no answer"),
        ({"Sec-WebSocket-Extensions": "permessage-deflate"}, "no answer"),
        ({"Sec-WebSocket-Extensions": "permessage-deflate; server_max_window_bits=13"}, "no answer"),
        ({"Sec-WebSocket-Extensions": "permessage-deflate; server_max_window_bits"}, "no answer"),
        ({"Sec-WebSocket-Extensions": "permessage-deflate; x=1"}, "no answer"),
        (
            {
                "Sec-WebSocket-Extensions": "permessage-deflate; server_max_window_bits=9; "
                "server_max_window_bits=9"
            },
            "no answer",
        ),
        ({"Sec-WebSocket-Extensions": "permessage-deflate; server_no_context_takeover=1"}, "no answer"),
        (
            {"Sec-WebSocket-Extensions": "permessage-deflate; server_max_window_bits=9, permessage-deflate"},
            "no answer",
        ),
    ],
)
def test_answers_that_do_not_fit_the_offer(fields: dict[str, str], message: str) -> None:
    async def main() -> None:
        async with Client(make_raw(fields)) as client:
            with pytest.raises(WSServerHandshakeError, match=message) as failure:
                await client.ws_connect("/", protocols=["a", "b"], compress=12)
            assert failure.value.status == 101

    run(main)


def test_a_client_keeps_to_what_it_offered_of_itself() -> None:
    """Whether the answer asks for it or not."""

    async def main() -> None:
        offer = Deflate(client_no_context_takeover=True, client_max_window_bits=12)
        for bits in ("", "; client_max_window_bits=13"):
            async with Client(make_raw({"Sec-WebSocket-Extensions": f"permessage-deflate{bits}"})) as client:
                ws = await client.ws_connect("/", compress=offer)
                assert (ws.compress, ws.client_notakeover) == (12, True)

    run(main)


@pytest.mark.parametrize(("path", "status"), [("/elsewhere", 404), ("/", 403), ("/plain", 200)])
def test_answers_that_open_nothing(path: str, status: int) -> None:
    async def plain(request: web.Request) -> web.Response:
        return web.Response(text="plain")

    async def main() -> None:
        app = make_app(origins="same")
        app.router.add_get("/plain", plain)
        async with Client(app) as client:
            with pytest.raises(WSServerHandshakeError, match=f"{status} ") as failure:
                await client.ws_connect(path, origin="https://elsewhere.example")
            assert failure.value.status == status
            async with client.ws_connect("/", origin="http://localhost") as ws:
                await ws.send_str("hello")
                assert await ws.receive_str() == "hello"

    run(main)


def test_what_cannot_be_offered() -> None:
    async def main() -> None:
        async with Client(make_app()) as client:
            one: Any = "one"
            with pytest.raises(TypeError, match=r"write \['one'\]"):
                await client.ws_connect("/", protocols=one)
            with pytest.raises(ValueError, match="9 to 15 bits"):
                await client.ws_connect("/", compress=8)

    run(main)


# -- as aiohttp's client -------------------------------------------------------------------------------------


async def note(ws: Any, what: Coroutine[Any, Any, Any]) -> tuple[Any, ...]:
    """What became of it, and of the WebSocket."""
    try:
        result: Any = await what
    except Exception as error:
        result = type(error).__name__
    if isinstance(result, tuple):
        result = (int(result[0]), result[1], result[2] or None)
    return result, ws.closed, ws.close_code


async def talk_and_close(ws: Any) -> list[Any]:
    seen = [await note(ws, ws.send_str("a")), await note(ws, ws.receive())]
    seen += [await note(ws, ws.send_bytes(b"b")), await note(ws, ws.receive_bytes())]
    seen += [await note(ws, ws.send_json([1])), await note(ws, ws.receive_json())]
    seen += [await note(ws, ws.close(code=4001, message=b"bye")), await note(ws, ws.receive())]
    seen += [await note(ws, ws.close()), await note(ws, ws.send_str("c"))]
    return [*seen, ws.protocol, ws.compress, ws.client_notakeover, ws.exception()]


async def be_closed(ws: Any) -> list[Any]:
    seen = [await note(ws, ws.send_str("close 4002")), await note(ws, ws.receive())]
    return [*seen, await note(ws, ws.receive()), await note(ws, ws.close()), ws.exception()]


async def be_left_without_a_code(ws: Any) -> list[Any]:
    return [await note(ws, ws.send_str("leave")), await note(ws, ws.receive()), await note(ws, ws.receive())]


async def expect_text(ws: Any) -> list[Any]:
    seen = [await note(ws, ws.send_bytes(b"b")), await note(ws, ws.receive_str())]
    seen += [await note(ws, ws.send_str("t")), await note(ws, ws.receive_bytes())]
    return [*seen, await note(ws, ws.send_str(b"")), await note(ws, ws.send_bytes(""))]


async def iterate(ws: Any) -> list[Any]:
    for text in ("a", "b", "close 1000"):
        await ws.send_str(text)
    return [[message.data async for message in ws], ws.closed, ws.close_code]


@pytest.mark.parametrize("program", [talk_and_close, be_closed, be_left_without_a_code, expect_text, iterate])
@pytest.mark.parametrize("options", [{}, {"compress": 15}, {"protocols": ["a"]}])
def test_as_with_aiohttps_client(program: Any, options: dict[str, Any]) -> None:
    async def talk(ws: web.WebSocketResponse) -> None:
        async for message in ws:
            if message.type is BINARY:
                await ws.send_bytes(message.data)
            elif message.data.startswith("close"):
                await ws.close(code=int(message.data[6:]), message=b"as you wish")
            elif message.data == "leave":
                return
            else:
                await ws.send_str(message.data)

    async def main() -> None:
        async with Client(make_app(talk, protocols=["a"])) as client:
            ws: ClientWebSocketResponse = await client.ws_connect("/", **options)
            ours = await program(ws)
        async with TestClient(TestServer(make_app(talk, protocols=["a"]))) as other:
            theirs = await program(await other.ws_connect("/", **options))
        assert ours == theirs

    run(main, asyncio.SelectorEventLoop)
