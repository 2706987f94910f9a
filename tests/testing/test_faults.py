"""What goes wrong on purpose, and what the server makes of it."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sketch import web
from sketch.http.limits import Limits
from sketch.testing import Client, ConnectionCut, Faults, ServerDisconnectedError
from tests.testing.stage import EVENTS, LOOPS, NewLoop, make_app, run

HOWS = pytest.mark.parametrize("by", ["reset", "close"])


@pytest.mark.parametrize("pieces", [1, 2, 7, 1000])
def test_requests_in_pieces(pieces: int) -> None:
    async def main() -> None:
        async with Client(make_app(), faults=Faults(pieces=pieces)) as client:
            response = await client.post("/echo", data=b"x" * 50)
            assert (await response.json())["body"] == "x" * 50

    run(main)


@given(st.lists(st.integers(0, 400), max_size=10), st.binary(max_size=100))
def test_pieces_are_all_there_is(cuts: list[int], data: bytes) -> None:
    pieces = Faults(cuts=tuple(cuts)).cut(data)
    assert b"".join(pieces) == data and b"" not in pieces
    places = {cut for cut in cuts if 0 < cut < len(data)}
    assert len(pieces) == (len(places) + 1 if data else 0)


@given(st.lists(st.integers(0, 300), max_size=6))
@settings(max_examples=30)
def test_requests_cut_anywhere(cuts: list[int]) -> None:
    async def main() -> None:
        async with Client(make_app(), faults=Faults(cuts=tuple(cuts))) as client:
            response = await client.post("/echo", json={"a": 1})
            assert (await response.json())["body"] == '{"a": 1}'

    run(main)


@LOOPS
@HOWS
@pytest.mark.parametrize("place", [0, 1, 40, 79])
def test_a_head_that_is_cut(new_loop: NewLoop, by: Any, place: int) -> None:
    async def main() -> None:
        async with Client(make_app()) as client:
            with pytest.raises(ConnectionCut, match=f"after {place} bytes of the request"):
                await client.get("/echo", faults=Faults(cut_request_at=place, by=by))
            assert client.server.requests_count == 0 and client.server.connections == []
            assert (await client.get("/echo")).status == 200

    run(main, new_loop)


@LOOPS
@HOWS
def test_a_body_that_is_cut(new_loop: NewLoop, by: Any) -> None:
    async def main() -> None:
        app = make_app()
        async with Client(app) as client:
            whole = await client.post("/upload", data=b"x" * 1000)
            assert await whole.text() == "1000"
            size = len(b"POST /upload HTTP/1.1\r\n") + 600
            with pytest.raises(ConnectionCut):
                await client.post("/upload", data=b"x" * 1000, faults=Faults(cut_request_at=size, by=by))
            await client.settle()
            assert app[EVENTS][0] == "got 1000" and app[EVENTS][1].startswith("left after ")
            assert client.server.connections == [whole.connection.transport.protocol]

    run(main, new_loop)


@pytest.mark.parametrize("place", [0, 10**9])
def test_a_client_that_leaves_when_it_has_asked(place: int) -> None:
    """Cut after nothing of the answer, or after all of the request."""

    async def main() -> None:
        app = make_app()
        faults = Faults(cut_request_at=place) if place else Faults(cut_answer_at=0)
        async with Client(app, handler_cancellation=True) as client:
            with pytest.raises(ConnectionCut):
                await client.get("/sleep?seconds=9", faults=faults)
            await client.settle()
            assert app[EVENTS] == ["cancelled"]
        async with Client(make_app()) as client:
            with pytest.raises(ConnectionCut):
                await client.get("/sleep?seconds=9", faults=faults)
            await client.advance(10)
            assert client.app[EVENTS] == ["slept"]

    run(main)


@HOWS
def test_an_answer_that_is_cut(by: Any) -> None:
    async def main() -> None:
        app = make_app()
        async with Client(app) as client:
            with pytest.raises(ConnectionCut, match="10 of the answer"):
                await client.get("/stream?count=10", faults=Faults(cut_answer_at=10, by=by))
            response = await client.get("/stream?count=100000", faults=Faults(cut_answer_at=5000, by=by))
            pieces = b""
            with pytest.raises(ConnectionCut, match="5000 of the answer"):
                async for piece in response.content.iter_any():
                    pieces += piece
            assert 4000 < len(pieces) < 5000
            await client.settle()
            assert client.server.connections == [] and len(app[EVENTS]) < 100

    run(main)


def test_an_answer_that_is_shorter_is_whole() -> None:
    async def main() -> None:
        async with Client(make_app()) as client:
            response = await client.get("/stream?count=1", faults=Faults(cut_answer_at=10_000))
            assert len(await response.read()) == 1000

    run(main)


def test_half_closes() -> None:
    async def main() -> None:
        async with Client(make_app()) as client:
            response = await client.post("/echo", data=b"abc", faults=Faults(half_close=True))
            assert (await response.json())["body"] == "abc"
            await client.settle()
            assert client.server.connections == []
            with pytest.raises(ServerDisconnectedError):
                await client.get("/echo", faults=Faults(cut_request_at=10, by="half_close"))
        async with Client(make_app(), base_url="https://localhost") as client:
            with pytest.raises(ServerDisconnectedError):
                await client.get("/sleep?seconds=1", faults=Faults(half_close=True))

    run(main)


@LOOPS
def test_a_slow_reader(new_loop: NewLoop) -> None:
    async def main() -> None:
        app = make_app()
        async with Client(app) as client:
            response = await client.get("/stream?count=500", faults=Faults(takes=3000))
            await client.settle()
            stuck = len(app[EVENTS])
            assert len(await response.content.readany()) < 3000
            assert 64 <= stuck < 100
            response.connection.take(200_000)
            await client.settle()
            assert stuck + 150 < len(app[EVENTS]) < 500
            response.connection.take()
            await response.read()
            assert len(app[EVENTS]) == 500

    run(main, new_loop)


def test_the_server_gives_a_slow_reader_up() -> None:
    async def main() -> None:
        app = make_app()
        async with Client(app, limits=Limits(send_timeout=30)) as client:
            response = await client.get("/stream?count=500", faults=Faults(takes=3000))
            await client.advance(28)
            assert response.connection.is_open
            await client.advance(10)
            assert not response.connection.is_open

    run(main)


def test_deadlines_of_the_server() -> None:
    """The clock is virtual, the limits are the server's own."""

    async def main() -> None:
        async with Client(make_app()) as client:
            async with await client.connect() as connection:
                await connection.send(b"GET /echo HTT")
                await client.advance(17)
                assert (await connection.receive()).status == 408
            async with await client.connect() as connection:
                await client.advance(28)
                assert connection.is_open
                await client.advance(4)
                assert await connection.wait_closed() == b""

    run(main)


def test_a_redirect_has_the_same_faults() -> None:
    async def main() -> None:
        async with Client(make_app(), faults=Faults(pieces=3)) as client:
            response = await client.get("/redirect?status=302&to=/echo")
            assert len(response.history) == 1 and response.status == 200

    run(main)


@pytest.mark.parametrize(
    "faults",
    [
        {"cut_request_at": -1},
        {"cut_answer_at": -1},
        {"takes": -1},
        {"pieces": 0},
        {"by": "magic"},
        {"by": "half_close", "cut_answer_at": 3},
    ],
)
def test_faults_that_cannot_be_meant(faults: Any) -> None:
    with pytest.raises(ValueError, match="Faults"):
        Faults(**faults)


# -- connections -------------------------------------------------------------------------------------------


@LOOPS
def test_raw_bytes(new_loop: NewLoop) -> None:
    async def main() -> None:
        async with Client(make_app()) as client:
            for data in (
                b"\x16\x03\x01\x00\r\n\r\n",
                b"GET /\r\n\r\n",
                b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            ):
                for pieces in (None, 1):
                    response = await client.send_raw(data, pieces=pieces)
                    assert response.status == 400
                    assert response.connection.received.startswith(b"HTTP/1.1 400 Bad Request\r\n")
            response = await client.send_raw(b"HEAD /echo HTTP/1.1\r\nHost: a\r\n\r\n", method="HEAD")
            assert await response.read() == b""

    run(main, new_loop)


@LOOPS
def test_requests_that_are_sent_ahead(new_loop: NewLoop) -> None:
    async def main() -> None:
        async with Client(make_app()) as client:
            async with await client.connect(peer=("192.0.2.9", 1)) as connection:
                await connection.send(
                    b"GET /echo?1 HTTP/1.1\r\nHost: a\r\n\r\nGET /echo?2 HTTP/1.1\r\nHost: a\r\n\r\n"
                )
                first = await connection.receive()
                assert (await first.json())["path"] == "/echo?1"
                second = await connection.receive()
                assert (await second.json())["remote"] == "192.0.2.9"
                assert connection.rest == b""
            await client.settle()
            assert client.server.connections == []
            with pytest.raises(ServerDisconnectedError):
                await connection.receive()

    run(main, new_loop)


def test_one_answer_at_a_time() -> None:
    async def main() -> None:
        async with Client(make_app()) as client:
            response = await client.send_raw(b"GET /stream?count=200 HTTP/1.1\r\nHost: a\r\n\r\n")
            with pytest.raises(RuntimeError, match="read it first"):
                await response.connection.receive()

    run(main)


@LOOPS
def test_nobody_takes_a_stream_without_an_end(new_loop: NewLoop) -> None:
    async def main() -> None:
        app = make_app()
        async with Client(app, shutdown_timeout=0.01) as client:
            connection = await client.connect()
            await connection.send(b"GET /stream?count=%d HTTP/1.1\r\nHost: a\r\n\r\n" % 10**9)
            before = len(app[EVENTS])
            assert 64 <= before < 300 and len(connection.rest) > 64_000
            response = await connection.receive()
            assert len(await response.content.readexactly(1_000_000)) == 1_000_000
            assert 1000 < len(app[EVENTS]) < 1300

    run(main, new_loop)


def test_a_client_that_resets_stops_and_half_closes() -> None:
    async def main() -> None:
        app = make_app()
        async with Client(app, handler_cancellation=True) as client:
            connection = await client.connect()
            await connection.send(b"GET /sleep?seconds=5 HTTP/1.1\r\nHost: a\r\n\r\n")
            connection.reset()
            await client.settle()
            assert app[EVENTS] == ["cancelled"] and not connection.is_open

            connection = await client.connect()
            connection.stop_taking()
            await connection.send(b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n")
            await client.settle()
            assert connection.received == b""
            connection.take(20)
            assert connection.received == b"HTTP/1.1 200 OK\r\nCon"
            connection.take()
            connection.half_close()
            connection.half_close()
            assert (await connection.wait_closed()).startswith(b"HTTP/1.1 200 OK\r\nContent-Type")
            assert repr(connection) == "<Connection closed>"

    run(main)


def test_what_is_no_longer_http() -> None:
    async def main() -> None:
        async def echo(request: web.Request) -> web.StreamResponse:
            response = web.UpgradeResponse("echo/1.0")
            await response.prepare(request)
            while data := await response.reader.read(1000):
                response.writer.write(data.upper())
                await response.writer.drain()
            return response

        app = web.Application()
        app.router.add_get("/", echo)
        async with Client(app) as client:
            headers = {"Connection": "Upgrade", "Upgrade": "echo/1.0"}
            response = await client.get("/", headers=headers)
            assert response.status == 101
            await response.connection.send(b"hello ")
            await response.connection.send(b"you")
            assert response.connection.rest == b"HELLO YOU"
            assert response.connection.take_rest() == b"HELLO YOU" and response.connection.rest == b""
            response.connection.half_close()
            await response.connection.wait_closed()

    run(main)


def test_pretended_tls() -> None:
    async def main() -> None:
        async def peer(request: web.Request) -> web.Response:
            tls = request.get_extra_info("ssl_object")
            assert request.peer_certificate is None
            return web.json_response(
                [request.scheme, tls.version(), tls.cipher()[1], tls.selected_alpn_protocol()]
            )

        app = web.Application()
        app.router.add_get("/", peer)
        async with Client(app, base_url="https://localhost") as client:
            assert await (await client.get("/")).json() == ["https", "TLSv1.3", "TLSv1.3", None]

    run(main)


@LOOPS
def test_nothing_is_left_of_many_faults(new_loop: NewLoop) -> None:
    async def main() -> None:
        faults = [
            *[Faults(cut_request_at=place, by=by) for place in (0, 5, 90, 200) for by in ("reset", "close")],
            *[Faults(cut_answer_at=place, by=by) for place in (0, 5, 300) for by in ("reset", "close")],
        ]  # fmt: skip

        async def cut(client: Client, fault: Faults) -> None:
            with pytest.raises(ConnectionCut):
                await (await client.post("/echo", data=b"x" * 300, faults=fault)).read()

        async with Client(make_app()) as client:
            await asyncio.gather(*[cut(client, fault) for fault in faults])
            await client.settle()
            assert client.server.connections == []
            assert not client._connections

    run(main, new_loop)
