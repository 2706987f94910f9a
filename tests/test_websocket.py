"""`WebSocketResponse`: what a handler may do when, on a WebSocket in memory."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from sketch import web
from sketch.http.errors import Disconnected
from sketch.http.handshake import Deflate
from sketch.http.memory import MemoryExchange
from sketch.http.memorywebsocket import MemoryWebSocket
from sketch.http.websocket import SharedMessage, WebSocketError, WSCloseCode, WSMessage, WSMsgType
from sketch.websocket import WebSocketResponse, WSMessageTypeError, broadcast
from tests.asking import ask_handler, fields_of, status_of, text_of
from tests.conformance.driver import settle, until
from tests.websockets import DEFLATE, FIELDS, handshake, sent, talk


async def nothing(peer: MemoryWebSocket) -> None:
    """A peer that waits."""


async def close(peer: MemoryWebSocket) -> None:
    """A peer that closes."""
    peer.feed_close()


# -- opening ---------------------------------------------------------------------------------------------


def test_an_echo_in_a_few_lines() -> None:
    async def echo(request: web.Request) -> None:
        async for message in (ws := await request.websocket()):
            await ws.send_str(message.data)

    async def play(peer: MemoryWebSocket) -> None:
        peer.feed("one")
        peer.feed("two")
        await settle()
        peer.feed_close(3000, "enough")

    exchange = talk(echo, play)
    assert sent(exchange) == ["one", "two", (3000, "")]
    assert not exchange.aborted
    assert exchange.response_head is not None
    assert exchange.response_head.status == 101


def test_the_answer_to_the_handshake() -> None:
    seen: list[object] = []

    async def chat(request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse(protocols=["chat", "other"])
        assert not ws.prepared and ws.compress is True and ws.get_extra_info("peername", 5) == 5
        assert ws.can_prepare(request) == web.WebSocketReady(ok=True, protocol="chat")
        await ws.prepare(request)
        await ws.prepare(request)
        with pytest.raises(RuntimeError, match="Already started"):
            ws.can_prepare(request)
        seen.extend((ws.prepared, ws.status, ws.ws_protocol, ws.compress, ws.keep_alive, ws.closed))
        ws["key"] = "a mapping, as all responses"
        assert ws == ws and bool(ws) and len(ws) == 1
        return ws

    async def prepare(request: web.Request, response: web.StreamResponse) -> None:
        seen.append(sorted(response.headers)[:3])
        response.headers["X-Hook"] = "1"

    app = web.Application()
    app.router.add_get("/chat", chat)
    app.on_response_prepare.append(prepare)

    async def main() -> None:
        task = asyncio.create_task(handle(app, exchange))
        await settle()
        assert exchange.websocket is not None
        exchange.websocket.feed_close()
        await task

    exchange = handshake(Sec_WebSocket_Protocol="none, chat", **{**DEFLATE})
    asyncio.run(main())
    fields = dict(fields_of(exchange))
    assert fields.pop("Date") and fields.pop("Server")
    assert fields == {
        "Upgrade": "websocket",
        "Connection": "upgrade",
        "Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "Sec-WebSocket-Extensions": "permessage-deflate",
        "Sec-WebSocket-Protocol": "chat",
        "X-Hook": "1",
    }
    assert seen == [["Connection", "Date", "Sec-WebSocket-Accept"], True, 101, "chat", 15, False, False]


async def handle(app: web.Application, exchange: MemoryExchange) -> None:
    await app.make_exchange_handler()(exchange)


@pytest.mark.parametrize(
    ("method", "changes", "status", "message"),
    [
        ("GET", {"Upgrade": "h2c"}, 400, "400: Bad Request\nthis is for WebSocket clients"),
        ("POST", {}, 400, "opened with GET, not with POST"),
        ("GET", {"Sec-WebSocket-Key": "x"}, 400, "Sec-WebSocket-Key is 'x'"),
        ("GET", {"Sec-WebSocket-Version": "8"}, 426, "426: Upgrade Required\nSec-WebSocket-Version is '8'"),
    ],
)
def test_a_request_that_opens_none(method: str, changes: dict[str, str], status: int, message: str) -> None:
    ready: list[object] = []

    async def open_one(request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse()
        ready.append(ws.can_prepare(request))
        await ws.prepare(request)
        raise AssertionError("there was nothing to open")

    exchange = ask_handler(open_one, method, "/", FIELDS | changes)
    assert (status_of(exchange), ready) == (status, [web.WebSocketReady(False, None)])
    assert message in text_of(exchange)
    if status == 426:
        assert ("Sec-WebSocket-Version", "13") in fields_of(exchange)


def test_ready_is_true_if_it_is() -> None:
    assert web.WebSocketReady(True, None) and not web.WebSocketReady(False, "chat")
    assert repr(web.WebSocketReady(True, "a")) == "WebSocketReady(ok=True, protocol='a')"
    with pytest.raises(AttributeError):
        web.WebSocketReady(True, None).ok = False  # type: ignore[misc]


def test_no_common_subprotocol_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(request: web.Request) -> None:
        assert (await request.websocket(["b"])).ws_protocol is None

    talk(handler, close, handshake(Sec_WebSocket_Protocol="a"))
    (record,) = caplog.records
    assert record.name == "sketch.websocket" and record.levelno == logging.WARNING
    assert "of the subprotocols ['a'] that the client offers none is among ours, ['b']" in caplog.text


@pytest.mark.parametrize(
    ("origins", "origin", "is_allowed"),
    [
        (None, "https://anywhere.example", True),
        ("same", None, True),
        ("same", "https://example.org", True),
        ("same", "https://evil.example", False),
        (["https://example.org"], "https://example.org:443", True),
        (["https://example.org"], "null", False),
    ],
)
def test_pages_from_elsewhere(origins: Any, origin: str | None, is_allowed: bool) -> None:
    async def handler(request: web.Request) -> None:
        await request.websocket(origins=origins)

    fields = {} if origin is None else {"Origin": origin}
    if is_allowed:
        assert status_of(talk(handler, close, handshake(**fields))) == 101
    else:
        exchange = ask_handler(handler, "GET", "/", FIELDS | fields)
        assert (status_of(exchange), text_of(exchange)) == (
            403,
            "403: Forbidden\nPages from this origin may open no WebSocket here",
        )


def test_two_origins_are_none() -> None:
    async def handler(request: web.Request) -> None:
        await request.websocket(origins="same")

    pairs = [*FIELDS.items(), ("Origin", "https://example.org"), ("Origin", "https://example.org")]
    assert status_of(ask_handler(handler, "GET", "/", pairs)) == 403


def test_a_body_is_read_before() -> None:
    async def handler(request: web.Request) -> None:
        ws = await request.websocket()
        await ws.send_bytes(await request.read())

    exchange = MemoryExchange("GET", "/", FIELDS, b"body")
    assert sent(talk(handler, close, exchange))[0] == b"body"


def test_a_carrier_without_websockets() -> None:
    class Plain(MemoryExchange):
        __slots__ = ()

        def accept_websocket(self, *args: Any) -> Any:
            return super(MemoryExchange, self).accept_websocket(*args)

    async def main() -> None:
        await web.Request(Plain("GET", "/", FIELDS)).websocket()

    with pytest.raises(RuntimeError, match="Plain carries no WebSockets"):
        asyncio.run(main())


def test_a_client_that_is_gone() -> None:
    async def main() -> None:
        exchange = handshake()
        exchange.disconnect()
        ws = web.WebSocketResponse()
        with pytest.raises(Disconnected):
            await ws.prepare(web.Request(exchange))
        assert not ws.prepared

    asyncio.run(main())


def test_one_response_for_one_request() -> None:
    async def main() -> None:
        ws = await web.Request(handshake()).websocket()
        with pytest.raises(RuntimeError, match="already answered another request"):
            await ws.prepare(web.Request(handshake()))

    asyncio.run(main())


# -- arguments -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"timeout": -1}, "timeout=-1: more than 0 seconds"),
        ({"timeout": "5"}, "timeout='5': a number of seconds"),
        ({"timeout": True}, "timeout=True: a number of seconds"),
        ({"timeout": float("inf")}, "timeout=inf"),
        ({"receive_timeout": -0.5}, "receive_timeout=-0.5: more than 0"),
        ({"heartbeat": 0}, "heartbeat=0: more than 0 seconds"),
        ({"heartbeat": float("nan")}, "heartbeat=nan: more than 0 seconds"),
        ({"max_msg_size": -1}, "max_msg_size=-1: 0 or more bytes"),
        ({"max_msg_size": 1.5}, "max_msg_size=1.5: a number of bytes"),
        ({"writer_limit": None}, "writer_limit=None: a number of bytes"),
        ({"protocols": "chat"}, r"protocols='chat': a list of subprotocols is expected, such as \['chat'\]"),
        ({"protocols": ["a b"]}, "protocols: 'a b' cannot be the name of a subprotocol"),
        ({"protocols": [5]}, "protocols: 5 among them is no str"),
        ({"compress": "yes"}, "compress='yes': True, False, or a Deflate"),
        (
            {"compress": Deflate(server_max_window_bits=8)},
            r"server_max_window_bits=8\): a window has 9 to 15",
        ),
        ({"origins": "https://example.org"}, "and not the string 'https://example.org'"),
        ({"origins": ["example.org"]}, "'example.org' is no origin, as 'https://example.org'"),
        ({"origins": 5}, "and not 5"),
        ({"origins": [5]}, "and 5 is among them"),
        ({"drain_code": 1006}, "close code 1006 may not be sent"),
    ],
)
def test_what_cannot_be_meant(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        web.WebSocketResponse(**arguments)


def test_what_can() -> None:
    several: tuple[dict[str, Any], ...] = (
        {"timeout": 0}, {"receive_timeout": 0}, {"max_msg_size": 0}, {"writer_limit": 0}, {"compress": 1},
        {"protocols": iter(["a"])}, {"origins": []}, {"drain_code": WSCloseCode.SERVICE_RESTART},
        {"heartbeat": 0.5},
    )  # fmt: skip
    for arguments in several:
        web.WebSocketResponse(**arguments)
    assert web.WebSocketResponse[Literal[True]] is not None  # type: ignore[misc]


@pytest.mark.parametrize(
    ("compress", "offered", "bits", "answer"),
    [
        (True, True, 15, "permessage-deflate"),
        (False, True, 0, None),
        (True, False, 0, None),
        (Deflate(server_max_window_bits=10), True, 10, "permessage-deflate; server_max_window_bits=10"),
    ],
)
def test_compression_is_agreed_on(compress: Any, offered: bool, bits: int, answer: str | None) -> None:
    found: list[object] = []

    async def handler(request: web.Request) -> None:
        ws = await request.websocket(compress=compress)
        found.append(ws.compress)

    exchange = talk(handler, close, handshake(**(DEFLATE if offered else {})))
    assert found == [bits]
    assert dict(fields_of(exchange)).get("Sec-WebSocket-Extensions") == answer


# -- sending ---------------------------------------------------------------------------------------------


def test_everything_that_can_be_sent() -> None:
    async def handler(request: web.Request) -> None:
        ws = await request.websocket()
        await ws.send_str("text")
        await ws.send_bytes(b"bytes")
        await ws.send_bytes(bytearray(b"array"))
        await ws.send_bytes(memoryview(b"..view..")[2:6])
        await ws.send_json({"a": 1})
        await ws.send_json([1], dumps=lambda value: f"<{value}>")
        await ws.send_json_bytes([2], dumps=lambda value: json.dumps(value).encode())
        await ws.send_frame(b"frame", WSMsgType.TEXT)
        await ws.send_frame(b"frame", WSMsgType.BINARY)
        await ws.ping()
        await ws.ping(b"ping")
        await ws.pong(b"pong")
        assert ws.send_shared(SharedMessage("shared"))

    exchange = talk(handler, close)
    assert sent(exchange)[:-1] == [
        "text", b"bytes", b"array", b"view", '{"a": 1}', "<[1]>", b"[2]", "frame", b"frame", b"", b"ping",
        b"pong", "shared",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("action", "error", "message"),
    [
        (lambda ws: ws.send_str(b"x"), TypeError, "bytes are sent with send_bytes"),
        (lambda ws: ws.send_bytes("x"), TypeError, "text is sent with send_str"),
        (lambda ws: ws.send_json({1}), TypeError, "not JSON serializable"),
        (lambda ws: ws.ping("x"), TypeError, "byte-ish"),
        (lambda ws: ws.ping(bytes(126)), ValueError, "125"),
        (lambda ws: ws.send_frame(b"", WSMsgType.CLOSE), ValueError, r"call close\(\)"),
        (lambda ws: ws.send_frame(b"", WSMsgType.CONTINUATION), ValueError, "opcode"),
        (lambda ws: ws.send_frame(b"\xff", WSMsgType.TEXT), ValueError, "utf-8"),
        (lambda ws: ws.send_str("\ud800"), ValueError, "surrogates"),
        (lambda ws: ws.send_str("x", compress=8), ValueError, "compress=8: 9 to 15 bits"),
        (lambda ws: ws.send_str("x", compress="15"), ValueError, "compress='15'"),
        (lambda ws: ws.write(b"x"), RuntimeError, "Cannot call .write"),
        (lambda ws: ws.write_eof(b"x"), RuntimeError, "Cannot call .write"),
        (lambda ws: ws.close(code=1006), ValueError, "1006 may not be sent"),
        (lambda ws: ws.close(message="x" * 124), ValueError, "has room for 123"),
        (lambda ws: ws.close(code="1000"), TypeError, "'1000'"),
    ],
)
def test_what_cannot_be_sent(
    action: Callable[[Any], Awaitable[Any]], error: type[Exception], message: str
) -> None:
    async def handler(request: web.Request) -> None:
        ws = await request.websocket()
        with pytest.raises(error, match=message):
            await action(ws)
        assert not ws.closed
        await ws.send_str("still open")

    assert sent(talk(handler, close)) == ["still open", (1000, "")]


def test_how_a_message_is_compressed() -> None:
    async def handler(request: web.Request) -> None:
        ws = await request.websocket(compress=Deflate(server_max_window_bits=12))
        for bits in (None, 0, 9, 12, 15):
            await ws.send_str("x", compress=bits)
        await ws.send_bytes(bytes(100_000))
        await ws.send_str("y" * 100_000, 0)
        await ws.ping()

    exchange = talk(handler, close, handshake(**DEFLATE))
    assert exchange.websocket is not None
    assert exchange.websocket.sent_bits == [12, 0, 9, 12, 12, 12, 0, 0, 0]


def test_without_an_agreement_nothing_is_compressed() -> None:
    async def handler(request: web.Request) -> None:
        ws = await request.websocket()
        await ws.send_str("x", compress=15)
        await ws.send_bytes(bytes(100_000))

    exchange = talk(handler, close)
    assert exchange.websocket is not None
    assert exchange.websocket.sent_bits == [0, 0, 0]


def test_a_peer_that_takes_too_little_makes_senders_wait() -> None:
    reached: list[str] = []

    async def handler(request: web.Request) -> None:
        ws = await request.websocket(writer_limit=10)
        await ws.send_str("1234567890")
        reached.append("a")
        await ws.send_bytes(b"1")
        reached.append("b")

    async def play(peer: MemoryWebSocket) -> None:
        await settle()
        assert reached == ["a"]
        assert peer.buffered == 11
        peer.resume_peer()
        await settle()
        assert reached == ["a", "b"]
        peer.feed_close()

    async def paused(request: web.Request) -> None:
        request.exchange.on_end(lambda: None)
        await handler(request)

    exchange = PausedExchange("GET", "/", FIELDS)
    talk(paused, play, exchange)


class PausedExchange(MemoryExchange):
    """Its peer takes nothing at first."""

    __slots__ = ()

    def accept_websocket(self, *args: Any) -> Any:
        stream = super().accept_websocket(*args)
        assert self.websocket is not None
        self.websocket.pause_peer()
        return stream


# -- to many ---------------------------------------------------------------------------------------------


def test_broadcast() -> None:
    async def main() -> None:
        exchanges = [handshake() for _ in range(4)]
        websockets = [await web.Request(each).websocket() for each in exchanges]
        assert exchanges[1].websocket is not None and exchanges[2].websocket is not None
        exchanges[1].websocket.vanish()
        exchanges[2].websocket.feed_close()
        await websockets[2].receive()
        assert broadcast(set(websockets), "text") == 2
        message = SharedMessage(b"bytes")
        assert broadcast(iter(websockets), message) == 2
        assert web.broadcast([], "nobody") == 0
        assert [sent(each) for each in exchanges] == [
            ["text", b"bytes"], [], [(1000, "")], ["text", b"bytes"]
        ]  # fmt: skip
        first, last = exchanges[0].websocket, exchanges[3].websocket
        assert first is not None and last is not None
        assert first.sent[0] is last.sent[0], "encoded once"
        with pytest.raises(TypeError, match="str or bytes"):
            broadcast(websockets, 5)  # type: ignore[arg-type]
        with pytest.raises(RuntimeError, match="prepare"):
            broadcast([web.WebSocketResponse()], "x")

    asyncio.run(main())


# -- receiving -------------------------------------------------------------------------------------------


def test_what_is_received() -> None:
    received: list[object] = []

    async def handler(request: web.Request) -> None:
        ws = await request.websocket()
        received.append(await ws.receive())
        received.append(await ws.receive_str())
        received.append(await ws.receive_bytes())
        received.append(await ws.receive_json())
        received.append(await ws.receive_json(loads=lambda text: f"<{text}>"))
        for receive in (ws.receive_str, ws.receive_bytes, ws.receive_json):
            with pytest.raises(WSMessageTypeError, match="Received message"):
                await receive()
        with pytest.raises(TypeError, match=r"CLOSE: 8>: 1000 is not WSMsgType.TEXT"):
            await ws.receive_str()

    async def play(peer: MemoryWebSocket) -> None:
        for data in ("a", "b", b"c", '{"d": 1}', "e", b"f", "g", b"h"):
            peer.feed(data)
        peer.feed_close()

    talk(handler, play)
    assert received == [WSMessage(WSMsgType.TEXT, "a", None), "b", b"c", {"d": 1}, "<e>"]


def test_text_as_bytes() -> None:
    received: list[object] = []

    async def handler(request: web.Request) -> None:
        ws = await request.websocket(decode_text=False)
        received.extend([await ws.receive_str(), await ws.receive_json()])

    async def play(peer: MemoryWebSocket) -> None:
        peer.feed("a")
        peer.feed("[1]")

    talk(handler, play)
    assert received == [b"a", [1]]


def test_pings_where_they_are_asked_for() -> None:
    received: list[Any] = []

    async def handler(request: web.Request) -> None:
        async for message in (ws := await request.websocket(autoping=False)):
            received.append((message.type, message.data))
            if message.type is WSMsgType.PING:
                await ws.pong(message.data)

    async def play(peer: MemoryWebSocket) -> None:
        peer.feed_ping(b"1")
        peer.feed_pong(b"2")
        peer.feed_close()

    assert sent(talk(handler, play)) == [b"1", (1000, "")]
    assert received == [(WSMsgType.PING, b"1"), (WSMsgType.PONG, b"2")]


@dataclass
class Move:
    """What a test expects."""

    x: int
    y: int = 0


@dataclass
class Chain:
    """What a peer may make as deep as it likes."""

    rest: "Chain | None" = None


def test_typed_json() -> None:
    received: list[object] = []

    async def handler(request: web.Request) -> None:
        ws = await request.websocket()
        move: Move = await ws.receive_json(expect=Move)
        names: dict[Any, Any] = await ws.receive_json(expect=dict)
        received.extend([move, names])
        with pytest.raises(ValueError, match=r"\$\.x is 'one', and int was expected"):
            await ws.receive_json(expect=Move)
        with pytest.raises(ValueError, match=r"\$ is \[\], and dict was expected"):
            await ws.receive_json(expect=dict, timeout=5)
        with pytest.raises(ValueError, match="Expecting value"):
            await ws.receive_json(expect=dict)
        with pytest.raises(ValueError, match="nested too deep"):
            await ws.receive_json()
        with pytest.raises(ValueError, match="nested too deep"):
            await ws.receive_json(expect=Chain)

    async def play(peer: MemoryWebSocket) -> None:
        deep = '{"rest":' * 500 + "null" + "}" * 500
        for data in ('{"x": 1}', '{"a": []}', '{"x": "one"}', "[]", "nothing", "[" * 100_000, deep):
            peer.feed(data)

    talk(handler, play)
    assert received == [Move(1), {"a": []}]


@pytest.mark.parametrize("by_argument", [True, False])
def test_a_timeout_changes_nothing(by_argument: bool) -> None:
    received: list[object] = []

    async def handler(request: web.Request) -> None:
        ws = await request.websocket(receive_timeout=None if by_argument else 0.001)
        with pytest.raises(TimeoutError):
            await ws.receive(0.001 if by_argument else None)
        with pytest.raises(TimeoutError):
            await ws.receive_str(timeout=0.001)
        assert not ws.closed
        await ws.send_str("now")
        received.append(await ws.receive_str(timeout=20))

    async def play(peer: MemoryWebSocket) -> None:
        await asyncio.sleep(1)  # of virtual time
        peer.feed("a")

    talk(handler, play)
    assert received == ["a"]


def test_iteration_has_the_timeout_of_the_constructor() -> None:
    async def handler(request: web.Request) -> None:
        ws = await request.websocket(receive_timeout=0.001)
        with pytest.raises(TimeoutError):
            await anext(ws)

    talk(handler, nothing)


def test_a_receive_that_is_cancelled_changes_nothing() -> None:
    received: list[object] = []

    async def handler(request: web.Request) -> None:
        ws = await request.websocket()
        for start in (ws.receive, ws.__anext__):
            waiting = asyncio.create_task(start())
            await settle()
            waiting.cancel()
            await asyncio.wait([waiting])
            assert waiting.cancelled()
        assert not ws.closed
        await ws.send_str("now")
        received.append(await ws.receive_str())

    async def play(peer: MemoryWebSocket) -> None:
        await settle()
        await until(lambda: peer.sent != [])
        peer.feed("a")

    talk(handler, play)
    assert received == ["a"]


def test_one_task_receives_at_a_time() -> None:
    async def handler(request: web.Request) -> None:
        ws = await request.websocket()
        waiting = asyncio.create_task(ws.receive())
        await settle()
        for receive in (ws.receive, ws.receive_str, ws.__anext__):
            with pytest.raises(RuntimeError, match="Concurrent call to receive"):
                await receive()
        await ws.send_str("now")
        assert (await waiting).data == "a"

    async def play(peer: MemoryWebSocket) -> None:
        await until(lambda: peer.sent != [])
        peer.feed("a")

    talk(handler, play)


def test_listening() -> None:
    heard: list[object] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        ws = await request.websocket()

        def hear(message: WSMessage) -> None:
            heard.append((message.type, message.data))
            ws.send_nowait(message.data)

        assert await ws.listen(hear) is None  # type: ignore[func-returns-value]
        assert (ws.closed, ws.close_code, ws.exception()) == (True, 3000, None)
        await ws.listen(hear)
        return ws

    async def play(peer: MemoryWebSocket) -> None:
        peer.feed("a")
        peer.feed(b"b")
        await settle()
        peer.feed_close(3000)

    assert sent(talk(handler, play)) == ["a", b"b", (3000, "")]
    assert heard == [(WSMsgType.TEXT, "a"), (WSMsgType.BINARY, b"b")]


def test_what_cannot_listen() -> None:
    async def handler(request: web.Request) -> None:
        ws = await request.websocket()

        async def hear(message: WSMessage) -> None: ...

        with pytest.raises(
            TypeError, match="listen.. takes a plain function, and .*hear.* is a coroutine fun"
        ):
            await ws.listen(hear)
        await ws.send_str("now")
        with pytest.raises(TypeError, match="WebSocketResponse.send_str.*nobody awaits.*send_nowait"):
            await ws.listen(lambda message: ws.send_str(message.data))
        assert await ws.receive_str() == "b"

    async def play(peer: MemoryWebSocket) -> None:
        await until(lambda: peer.sent != [])
        peer.feed("a")
        peer.feed("b")

    talk(handler, play)


def test_listening_with_a_timeout() -> None:
    heard: list[str] = []

    async def handler(request: web.Request) -> None:
        ws = await request.websocket(receive_timeout=5)
        with pytest.raises(TimeoutError):
            await ws.listen(lambda message: heard.append(message.data))
        assert not ws.closed

    async def play(peer: MemoryWebSocket) -> None:
        for word in ("a", "b", "c"):
            peer.feed(word)
            await asyncio.sleep(4)

    talk(handler, play)
    assert heard == ["a", "b", "c"]


def test_listening_to_a_peer_that_breaks_the_protocol() -> None:
    async def handler(request: web.Request) -> None:
        ws = await request.websocket()
        await ws.listen(lambda message: None)
        assert ws.closed and ws.close_code == 1002
        assert isinstance(ws.exception(), WebSocketError)

    async def play(peer: MemoryWebSocket) -> None:
        peer.break_protocol(WebSocketError(1002, "no"))

    talk(handler, play)


def test_listening_ends_when_another_task_closes() -> None:
    async def handler(request: web.Request) -> None:
        ws = await request.websocket()
        listening = asyncio.create_task(ws.listen(lambda message: None))
        await settle()
        await asyncio.gather(ws.close(), listening)

    talk(handler, close)


def test_sending_without_waiting() -> None:
    class Text(str): ...

    async def handler(request: web.Request) -> None:
        ws = await request.websocket()
        for data in ("a", b"b", bytearray(b"c"), memoryview(b"d"), Text("e")):
            assert ws.send_nowait(data)
        with pytest.raises(TypeError, match="byte-ish"):
            ws.send_nowait(5)  # type: ignore[arg-type]

    assert sent(talk(handler, close)) == ["a", b"b", b"c", b"d", "e", (1000, "")]


def test_a_subclass_with_a_receive_of_its_own() -> None:
    class Loud(WebSocketResponse):
        async def receive(self, timeout: float | None = None) -> WSMessage:  # noqa: ASYNC109
            message = await super().receive(timeout)
            return message._replace(data=message.data.upper()) if message.type is WSMsgType.TEXT else message

    received: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        ws = Loud()
        await ws.prepare(request)
        async for message in ws:
            received.append(message.data)
            if message.data == "B":
                await ws.listen(lambda message: received.append(message.data))
        return ws

    async def play(peer: MemoryWebSocket) -> None:
        peer.feed("a")
        await settle()
        peer.feed("b")
        await settle()
        peer.feed("c")
        peer.feed_close()

    talk(handler, play)
    assert received == ["A", "B", "C"]


# -- closing ---------------------------------------------------------------------------------------------


def test_closing_waits_for_the_peer() -> None:
    async def handler(request: web.Request) -> None:
        ws = await request.websocket()
        assert await ws.close(code=WSCloseCode.GOING_AWAY, message="bye") is True
        assert (ws.closed, ws.close_code, ws.exception()) == (True, 1001, None)
        assert await ws.close() is False

    async def play(peer: MemoryWebSocket) -> None:
        peer.feed("nobody receives this any more")
        await settle()
        peer.feed_close(1001)

    exchange = talk(handler, play)
    assert sent(exchange) == [(1001, "bye")] and not exchange.aborted


def test_a_receive_is_told_that_another_task_closes() -> None:
    async def handler(request: web.Request) -> None:
        ws = await request.websocket()
        for_message = asyncio.create_task(ws.receive())
        await settle()
        closing = asyncio.create_task(ws.close(code=3000))
        assert (await for_message).type is WSMsgType.CLOSING
        assert ws.closed and not closing.done() and await ws.close() is False
        assert (await ws.receive()).type is WSMsgType.CLOSED
        with pytest.raises(ConnectionResetError):
            await ws.send_str("too late")
        assert await closing is True
        assert ws.close_code == 3000

    async def play(peer: MemoryWebSocket) -> None:
        await until(lambda: peer.sent != [])
        peer.feed_close(3000)

    talk(handler, play)


def test_a_close_that_is_cancelled_cuts_the_connection() -> None:
    async def handler(request: web.Request) -> None:
        ws = await request.websocket()
        closing = asyncio.create_task(ws.close())
        await settle()
        closing.cancel()
        await asyncio.wait([closing])
        assert closing.cancelled()
        assert (ws.closed, ws.close_code) == (True, 1006)

    exchange = talk(handler, nothing)
    assert exchange.websocket is not None and exchange.websocket.aborted


def test_what_is_not_closed_is_closed_in_the_end() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await request.websocket()

    async def play(peer: MemoryWebSocket) -> None:
        await settle()
        assert not peer.is_over
        peer.feed_close(1000)

    exchange = talk(handler, play)
    assert sent(exchange) == [(1000, "")] and not exchange.aborted


def test_a_handler_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(request: web.Request) -> None:
        await request.websocket()
        raise LookupError("a secret")

    exchange = talk(handler, nothing)
    assert sent(exchange) == [(1011, "")] and exchange.aborted
    assert "after its answer had begun: the connection was cut" in caplog.text


def test_a_handler_that_returns_another_response(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        await request.websocket()
        return web.Response(text="another")

    exchange = talk(handler, nothing)
    assert sent(exchange) == [(1011, "")] and exchange.aborted
    assert "after its answer had begun" in caplog.text


def test_a_handler_that_returns_nothing_of_another_kind(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(request: web.Request) -> None:
        await web.StreamResponse().prepare(request)

    assert ask_handler(handler).aborted
    assert "returned None" in caplog.text


def test_the_server_goes_away() -> None:
    async def handler(request: web.Request) -> None:
        async for _ in (ws := await request.websocket(drain_code=WSCloseCode.SERVICE_RESTART)):
            pass
        assert ws.close_code == 1012

    async def play(peer: MemoryWebSocket) -> None:
        peer.say_goodbye()
        await settle()
        peer.feed_close(1012)

    assert sent(talk(handler, play)) == [(1012, "")]


def test_one_that_opens_when_the_server_is_going_away() -> None:
    exchange, kinds = handshake(), []
    exchange.begin_draining()

    async def handler(request: web.Request) -> None:
        ws = await request.websocket(drain_code=WSCloseCode.SERVICE_RESTART)
        kinds.extend([(await ws.receive()).type, (await ws.receive()).type])

    async def play(peer: MemoryWebSocket) -> None:
        assert sent(exchange) == [(1012, "")]
        peer.feed("too late")
        peer.feed_close(1012)

    assert sent(talk(handler, play, exchange)) == [(1012, "")]
    assert kinds == [WSMsgType.TEXT, WSMsgType.CLOSE] and not exchange.aborted


def test_a_handler_that_sends_when_the_server_goes_away_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    exchange = handshake()

    async def tick(request: web.Request) -> None:
        ws = await request.websocket()
        while True:
            await ws.send_str("tick")
            await asyncio.sleep(1)

    async def play(peer: MemoryWebSocket) -> None:
        exchange.begin_draining()
        peer.say_goodbye()

    assert sent(talk(tick, play, exchange)) == ["tick", (1001, "")]
    assert exchange.aborted
    assert caplog.text == ""


def test_the_access_log_has_it() -> None:
    async def handler(request: web.Request) -> None:
        ws = await request.websocket()
        assert request.begun_response is ws

    talk(handler, close)


# -- every state -----------------------------------------------------------------------------------------

# What brings a WebSocket into a state: what the peer does, and what the handler does after it.
Step = Callable[[WebSocketResponse], Awaitable[object]]


async def receive(ws: WebSocketResponse) -> object:
    return (await ws.receive()).type.name


async def send(ws: WebSocketResponse) -> None:
    await ws.send_str("x")


async def end(ws: WebSocketResponse) -> object:
    return await ws.close()


async def close_and_answer(ws: WebSocketResponse) -> object:
    closing = asyncio.create_task(ws.close())
    await settle()
    stream: Any = ws._stream
    stream.feed_close(1000)
    return await closing


BROKEN = WebSocketError(1002, "a reserved opcode")
SILENT = TimeoutError

# state: what the peer does, options, what the handler does | closed, close_code, exception | six times
# receive | send | close | whether iteration ends
STATES: dict[str, tuple[Any, dict[str, Any], Step | None, tuple[Any, ...], str, str, str, bool]] = {
    "open": (
        None, {}, None, (False, None, None),
        "Timeout Timeout Timeout Timeout Timeout Timeout", "None", "True", False,
    ),
    "a message is there": (
        lambda peer: peer.feed("a"), {}, None, (False, None, None),
        "TEXT Timeout Timeout Timeout Timeout Timeout", "None", "True", False,
    ),
    "the peer has closed": (
        lambda peer: peer.feed_close(3000), {}, None, (False, 3000, None),
        "CLOSE CLOSED CLOSED CLOSED CLOSED Runtime", "None", "True", True,
    ),
    "its close was received": (
        lambda peer: peer.feed_close(3000), {}, receive, (True, 3000, None),
        "CLOSED CLOSED CLOSED CLOSED Runtime Runtime", "Disconnected", "False", True,
    ),
    "its close was received, without a code": (
        lambda peer: peer.feed_close(0), {}, receive, (True, 1005, None),
        "CLOSED CLOSED CLOSED CLOSED Runtime Runtime", "Disconnected", "False", True,
    ),
    "its close was received, without autoclose": (
        lambda peer: peer.feed_close(3000), {"autoclose": False}, receive, (False, 3000, None),
        "CLOSING CLOSING CLOSING CLOSING CLOSING CLOSING", "None", "True", True,
    ),
    "closed by us": (
        None, {}, close_and_answer, (True, 1000, None),
        "CLOSED CLOSED CLOSED CLOSED Runtime Runtime", "Disconnected", "False", True,
    ),
    "closed by us, without an answer": (
        None, {}, end, (True, 1006, TimeoutError),
        "CLOSED CLOSED CLOSED CLOSED Runtime Runtime", "Disconnected", "False", True,
    ),
    "lost": (
        lambda peer: peer.vanish(), {}, None, (False, 1006, Disconnected),
        "CLOSED CLOSED CLOSED CLOSED CLOSED Runtime", "Disconnected", "True", True,
    ),
    "lost, and a message is there": (
        lambda peer: (peer.feed("a"), peer.vanish()), {}, None, (False, 1006, Disconnected),
        "TEXT CLOSED CLOSED CLOSED CLOSED CLOSED", "Disconnected", "True", False,
    ),
    "lost, and that was received": (
        lambda peer: peer.vanish(), {}, receive, (True, 1006, Disconnected),
        "CLOSED CLOSED CLOSED CLOSED Runtime Runtime", "Disconnected", "False", True,
    ),
    "the protocol is broken": (
        lambda peer: peer.break_protocol(BROKEN), {}, None, (False, 1002, WebSocketError),
        "ERROR CLOSED CLOSED CLOSED CLOSED Runtime", "None", "True", False,
    ),
    "the protocol is broken, and that was received": (
        lambda peer: peer.break_protocol(BROKEN), {}, receive, (True, 1002, WebSocketError),
        "CLOSED CLOSED CLOSED CLOSED Runtime Runtime", "Disconnected", "False", True,
    ),
    "the heartbeat has failed": (
        lambda peer: peer.fall_silent(), {}, None, (True, 1006, TimeoutError),
        "ERROR CLOSED CLOSED CLOSED CLOSED Runtime", "Disconnected", "False", False,
    ),
    "the heartbeat has failed, and that was received": (
        lambda peer: peer.fall_silent(), {}, receive, (True, 1006, TimeoutError),
        "CLOSED CLOSED CLOSED CLOSED Runtime Runtime", "Disconnected", "False", True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("state", STATES)
def test_every_state(state: str) -> None:
    act, options, then, looks, receiving, sending, closing, ends = STATES[state]

    async def open_one() -> WebSocketResponse:
        exchange = handshake()
        ws = await web.Request(exchange).websocket(timeout=0.001, **options)
        assert exchange.websocket is not None
        if act is not None:
            act(exchange.websocket)
        if then is not None:
            await then(ws)
        return ws

    async def outcome(action: Awaitable[Any]) -> str:
        try:
            return str(await action)
        except Exception as error:
            return type(error).__name__.removesuffix("Error")

    async def receive_soon(ws: WebSocketResponse) -> str:
        return (await ws.receive(0.001)).type.name

    async def main() -> None:
        ws = await open_one()
        error = ws.exception()
        assert (ws.closed, ws.close_code, error if error is None else type(error)) == looks
        assert [await outcome(receive_soon(ws)) for _ in range(6)] == receiving.split()
        assert await outcome(send(await open_one())) == sending
        ws = await open_one()
        assert await outcome(ws.close()) == closing
        assert ws.closed
        ended = await outcome(asyncio.wait_for(anext(await open_one()), 0.001))
        assert (ended == "StopAsyncIteration") is ends

    asyncio.run(main())


NOT_PREPARED: list[Callable[[Any], Any]] = [
    lambda ws: ws.send_str("x"), lambda ws: ws.send_str(5), lambda ws: ws.send_bytes(b"x"),
    lambda ws: ws.send_json(1), lambda ws: ws.send_frame(b"x", WSMsgType.TEXT), lambda ws: ws.ping(),
    lambda ws: ws.pong(), lambda ws: ws.receive(), lambda ws: ws.receive_str(),
    lambda ws: ws.receive_bytes(), lambda ws: ws.receive_json(), lambda ws: ws.listen(print),
    lambda ws: anext(ws), lambda ws: ws.close(), lambda ws: ws.write_eof(), lambda ws: ws.write(b""),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(NOT_PREPARED)))
def test_what_can_be_done_only_when_it_is_open(number: int) -> None:
    async def main() -> None:
        ws = web.WebSocketResponse()
        with pytest.raises(RuntimeError):
            await NOT_PREPARED[number](ws)
        with pytest.raises(RuntimeError, match="prepare"):
            ws.send_shared(SharedMessage("x"))
        with pytest.raises(RuntimeError, match="prepare"):
            ws.send_nowait("x")
        assert (ws.prepared, ws.closed, ws.close_code, ws.exception()) == (False, False, None, None)

    asyncio.run(main())
