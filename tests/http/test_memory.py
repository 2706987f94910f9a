"""What the in-memory exchange offers a test beyond the contract of `Exchange`."""

import asyncio

import pytest

from sketch.http.errors import Disconnected, LocalProtocolError, RemoteProtocolError
from sketch.http.exchange import Exchange, Peer
from sketch.http.heads import Framing, HttpVersion, ResponseHead
from sketch.http.memoryhead import Fields
from sketch.testing import MemoryExchange, answer

OK = ResponseHead(200, "OK", [("X-One", "1")])


def test_the_simplest_request() -> None:
    exchange = MemoryExchange()
    head = exchange.head
    assert (head.method, head.target, head.version, list(head.fields)) == ("GET", "/", (1, 1), [])
    assert head.framing == Framing()
    assert exchange.body_complete and exchange.keep_alive
    assert exchange.peer.host is None and exchange.transport is None
    assert repr(exchange) == "<MemoryExchange GET /: no final head yet>"


@pytest.mark.parametrize("fields", [{"X-One": "ü", "X-Two": "2"}, [("X-One", "ü"), (b"X-Two", b"2")]])
def test_fields_are_written_as_a_mapping_or_as_pairs(fields: Fields) -> None:
    pairs = MemoryExchange(fields=fields).head.fields
    assert pairs == [(b"X-One", "ü".encode()), (b"X-Two", b"2")]


def test_a_body_brings_its_length() -> None:
    exchange = MemoryExchange("POST", "/", {"X-One": "1"}, b"hello")
    assert exchange.head.fields == [(b"X-One", b"1"), (b"Content-Length", b"5")]
    assert exchange.head.framing == Framing(5)
    assert exchange.body_complete and exchange.read_nowait() == b"hello"


def test_a_body_can_have_content_codings() -> None:
    fields = {"Content-Encoding": "X-GZip, br"}
    assert MemoryExchange("POST", "/", fields, b"hello").head.framing == Framing(5, codings=("gzip", "br"))
    assert MemoryExchange("POST", "/", fields, None).head.framing == Framing(None, codings=("gzip", "br"))
    assert MemoryExchange("POST", "/", fields, b"").head.framing == Framing()


@pytest.mark.parametrize("body", [b"hello", b"", None])
def test_a_body_can_be_chunked(body: bytes | None) -> None:
    exchange = MemoryExchange("POST", "/", {"transfer-encoding": "chunked"}, body)
    assert exchange.head.framing == Framing(None)
    assert exchange.head.fields == [(b"transfer-encoding", b"chunked")]
    assert exchange.body_complete is (body is not None)
    assert exchange.read_nowait() == (body or b"")


def test_a_body_without_a_length_that_is_fed_later_is_chunked() -> None:
    exchange = MemoryExchange("POST", body=None)
    assert exchange.head.fields == [(b"Transfer-Encoding", b"chunked")]
    exchange.feed(b"abc")
    exchange.feed(b"")
    assert not exchange.body_complete
    exchange.feed_eof()
    exchange.feed_eof()
    assert exchange.body_complete and exchange.read_nowait() == b"abc" and exchange.read_nowait() == b""


def test_a_body_that_contradicts_its_length_is_a_mistake_in_the_test() -> None:
    with pytest.raises(ValueError, match="the body has 5 bytes"):
        MemoryExchange("POST", fields={"Content-Length": "4"}, body=b"hello")
    exchange = MemoryExchange("POST", fields={"Content-Length": "4"}, body=None)
    with pytest.raises(ValueError, match="lacks 4"):
        exchange.feed(b"hello")
    exchange.feed(b"hel")
    with pytest.raises(ValueError, match="lacks 1"):
        exchange.feed_eof()
    exchange.feed(b"l")
    with pytest.raises(ValueError, match="has ended"):
        exchange.feed(b"o")
    assert exchange.body_complete


@pytest.mark.parametrize(
    ("version", "connection", "expected"),
    [
        ((1, 1), None, True),
        ((1, 1), "Upgrade, Close", False),
        ((1, 0), None, False),
        ((1, 0), "Keep-Alive", True),
    ],
)
def test_the_client_says_whether_it_sends_another_request(
    version: tuple[int, int], connection: str | None, expected: bool
) -> None:
    fields = {"Connection": connection} if connection else {}
    exchange = MemoryExchange(fields=fields, version=HttpVersion(*version))
    assert exchange.keep_alive is exchange.head.framing.keep_alive is expected


def test_an_upgrade_is_offered_where_connection_names_it() -> None:
    offer = {"Upgrade": "websocket, h2c"}
    assert MemoryExchange(fields=offer).head.framing.upgrade == ()
    framing = MemoryExchange(fields={**offer, "Connection": "keep-alive, Upgrade"}).head.framing
    assert framing.upgrade == ("websocket", "h2c")


def test_the_peer_is_who_the_test_says() -> None:
    peer = Peer(("192.0.2.1", 1234), secure=True)
    assert MemoryExchange(peer=peer).peer is peer


def test_the_answer_is_recorded_with_its_framing() -> None:
    exchange = MemoryExchange()
    exchange.inform(ResponseHead(103, "Early Hints"))
    exchange.respond(OK, b"hello")
    assert [head.status for head in exchange.informed] == [103]
    assert exchange.response_head is not None
    assert exchange.response_head.fields == [("X-One", "1"), ("Content-Length", "5")]
    assert exchange.response_body == b"hello" and not exchange.aborted
    assert OK.fields == [("X-One", "1")]


def test_a_streamed_answer_is_recorded_as_it_grows() -> None:
    async def scenario() -> None:
        exchange = MemoryExchange()
        exchange.start(OK)
        assert exchange.response_head is not None
        assert exchange.response_head.carried.get("transfer-encoding") == "chunked"
        await exchange.send(b"ab")
        assert exchange.response_body == b"ab"
        await exchange.send(b"c")
        await exchange.finish([("X-Sum", "3")])
        assert exchange.response_body == b"abc" and exchange.trailers == [("X-Sum", "3")]

    asyncio.run(scenario())


@pytest.mark.parametrize("length", ["five", "-1", "٥", "+5", ""])
def test_a_length_that_is_none_is_refused(length: str) -> None:
    exchange = MemoryExchange()
    with pytest.raises(LocalProtocolError):
        exchange.respond(ResponseHead(200, "OK", [("Content-Length", length)]), b"hello")
    assert exchange.response_head is None


def test_a_length_that_contradicts_the_applications_is_refused() -> None:
    exchange = MemoryExchange()
    with pytest.raises(LocalProtocolError):
        exchange.start(ResponseHead(200, "OK", [("Content-Length", "4")]), 5)
    exchange.start(ResponseHead(200, "OK", [("Content-Length", "4")]), 4)
    assert exchange.response_started


def test_keep_alive_cannot_be_set_back() -> None:
    exchange = MemoryExchange()
    exchange.keep_alive = True
    exchange.keep_alive = False
    with pytest.raises(LocalProtocolError):
        exchange.keep_alive = True


def test_the_application_may_invite_the_body_itself() -> None:
    async def scenario() -> None:
        fields = {"Expect": "100-continue", "Content-Length": "3"}
        exchange = MemoryExchange("POST", fields=fields, body=None)
        exchange.inform(ResponseHead(100, "Continue"))
        exchange.feed(b"abc")
        assert await exchange.read() == b"abc"
        assert len(exchange.informed) == 1

    asyncio.run(scenario())


def test_a_body_that_is_already_there_needs_no_invitation() -> None:
    async def scenario() -> None:
        exchange = MemoryExchange("POST", fields={"Expect": "100-continue"}, body=b"abc")
        assert await exchange.read() == b"abc"
        assert exchange.informed == []

    asyncio.run(scenario())


def test_a_broken_body_has_the_status_that_the_test_says() -> None:
    exchange = MemoryExchange("POST", body=None)
    exchange.break_body("too many trailers", status=431)
    with pytest.raises(RemoteProtocolError, match="too many trailers") as caught:
        exchange.read_nowait()
    assert caught.value.status == 431


def test_a_client_that_has_left_cannot_be_slow() -> None:
    async def scenario() -> None:
        exchange = MemoryExchange()
        exchange.start(OK)
        exchange.disconnect()
        exchange.pause_client()
        with pytest.raises(Disconnected):
            await exchange.send(b"abc")

    asyncio.run(scenario())


def test_answer_cuts_off_what_a_handler_leaves_open() -> None:
    async def complete(exchange: Exchange) -> None:
        exchange.respond(OK)

    async def incomplete(exchange: Exchange) -> None:
        exchange.start(OK)

    async def failing(exchange: Exchange) -> None:
        raise ZeroDivisionError

    exchange = MemoryExchange()
    asyncio.run(answer(complete, exchange))
    assert not exchange.aborted
    exchange = MemoryExchange()
    asyncio.run(answer(incomplete, exchange))
    assert exchange.aborted
    exchange = MemoryExchange()
    with pytest.raises(ZeroDivisionError):
        asyncio.run(answer(failing, exchange))
    assert exchange.aborted
