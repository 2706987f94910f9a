"""The beginning of a connection behind the PROXY protocol: its header, its deadline, its end."""

import asyncio
import logging
import ssl
from typing import Any

import pytest

from sketch.http.exchange import Exchange, Peer
from sketch.http.limits import Limits
from sketch.net.h1 import H1Connection
from sketch.net.proxied import ProxiedConnection
from sketch.net.proxies import TrustedProxies
from sketch.protocol.proxy import ProxyHeader
from sketch.server import Server
from tests.conformance.driver import settle
from tests.net.stage import GET, echo_target, get, head, pass_time, read_answer, run, serving
from tests.net.transport import FakeTransport

HEADER = b"PROXY TCP4 198.51.100.7 192.0.2.2 4711 443\r\n"
FAKE_PEER = "192.0.2.1"
"""Where a fake transport comes from."""

TRUSTED = TrustedProxies([FAKE_PEER], proxy_protocol=True)


async def connect(server: Server, *data: bytes) -> FakeTransport:
    """A new connection, on which these bytes are sent."""
    transport = FakeTransport(server())
    await send(transport, *data)
    return transport


async def send(transport: FakeTransport, *data: bytes) -> None:
    await settle()
    for piece in data:
        transport.feed(piece)
    while transport.unread and not transport.is_lost:
        await settle()
    await settle()


class Guests:
    """Answers with the target, and remembers who asked."""

    def __init__(self) -> None:
        self.peers: list[Peer] = []

    async def handle(self, exchange: Exchange) -> None:
        self.peers.append(exchange.peer)
        await echo_target(exchange)


def answered(transport: FakeTransport) -> list[bytes]:
    bodies = []
    rest = transport.received
    while rest:
        answer, rest = read_answer(rest)
        bodies.append(answer.body)
    return bodies


def is_cut(transport: FakeTransport) -> bool:
    """Whether it was closed at once, without a word."""
    return transport.is_cut and transport.received == b""


@pytest.mark.parametrize("cut", ["whole", "header first", "bytes"])
def test_the_client_is_who_the_header_says(cut: str) -> None:
    sent = HEADER + get("/a") + get("/b")
    pieces = {
        "whole": [sent],
        "header first": [HEADER, sent[len(HEADER) :]],
        "bytes": [sent[index : index + 1] for index in range(len(sent))],
    }[cut]

    async def main() -> None:
        guests = Guests()
        async with serving(guests.handle, proxies=TRUSTED) as stage:
            transport = await connect(stage.server, *pieces)
            assert answered(transport) == [b"/a", b"/b"]
            assert isinstance(transport.protocol, H1Connection)
            assert stage.server.connections == [transport.protocol]
        assert [peer.address for peer in guests.peers] == [("198.51.100.7", 4711)] * 2
        peer = guests.peers[0]
        assert not peer.secure and peer.authority is None
        assert peer.proxy is not None and peer.proxy.address == (FAKE_PEER, 50000)
        header = ProxyHeader(("198.51.100.7", 4711), ("192.0.2.2", 443))
        assert peer.get_extra_info("proxy_header") == header
        assert peer.get_extra_info("peername") == (FAKE_PEER, 50000)
        assert peer.get_extra_info("nothing", 5) == 5

    run(main)


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00"])
def test_a_proxy_may_speak_for_itself(header: bytes) -> None:
    async def main() -> None:
        guests = Guests()
        async with serving(guests.handle, proxies=TRUSTED) as stage:
            assert answered(await connect(stage.server, header + GET)) == [b"/"]
        (peer,) = guests.peers
        assert peer.address == (FAKE_PEER, 50000) and peer.proxy is None

    run(main)


def test_a_proxy_may_say_that_its_client_speaks_tls() -> None:
    content = bytes([198, 51, 100, 7, 192, 0, 2, 2, 0, 80, 1, 187]) + b"\x20\x00\x05\x01\0\0\0\0"
    header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + len(content).to_bytes(2) + content

    async def main() -> None:
        guests = Guests()
        async with serving(guests.handle, proxies=TRUSTED) as stage:
            await connect(stage.server, header + GET)
        assert [(peer.host, peer.secure) for peer in guests.peers] == [("198.51.100.7", True)]

    run(main)


def test_fields_count_if_the_client_is_a_proxy_again() -> None:
    networks = TrustedProxies([FAKE_PEER, "198.51.100.0/24"], header="x-forwarded", proxy_protocol=True)
    request = get("/", "X-Forwarded-For: 203.0.113.5", "X-Forwarded-Proto: https")

    async def main() -> None:
        guests = Guests()
        async with serving(guests.handle, proxies=networks) as stage:
            await connect(stage.server, HEADER + request)
            await connect(stage.server, HEADER.replace(b"198.51.100.7", b"203.0.113.9") + request)
            # Of a UNIX socket that is not ours, nobody knows who may connect to it.
            unix = b"\r\n\r\n\0\r\nQUIT\n\x21\x31\0\xd8" + b"/run/a".ljust(216, b"\0")
            await connect(stage.server, unix + request)
        hosts = [(peer.host, peer.secure) for peer in guests.peers]
        assert hosts == [("203.0.113.5", True), ("203.0.113.9", False), ("/run/a", False)]

    run(main)


def test_each_request_is_resolved_by_its_own_fields() -> None:
    """A proxy sends requests of several clients over one connection."""
    trusted = TrustedProxies([FAKE_PEER], header="forwarded")

    async def main() -> None:
        guests = Guests()
        async with serving(guests.handle, proxies=trusted) as stage:
            line = await stage.connect(get("/", "Forwarded: for=203.0.113.1"))
            await line.send(get("/", "Forwarded: for=203.0.113.1"))
            await line.send(get("/", "Forwarded: for=203.0.113.2"), GET)
        assert [peer.host for peer in guests.peers] == [
            "203.0.113.1", "203.0.113.1", "203.0.113.2", FAKE_PEER,
        ]  # fmt: skip

    run(main)


def test_who_asked_is_known_after_the_client_has_left() -> None:
    trusted = TrustedProxies([FAKE_PEER], header="forwarded")

    async def main() -> None:
        hosts: list[str | None] = []
        left = asyncio.Event()

        async def handle(exchange: Exchange) -> None:
            await left.wait()
            assert exchange.is_disconnected
            hosts.append(exchange.peer.host)
            exchange.respond(head())

        async with serving(handle, proxies=trusted) as stage:
            line = await stage.connect(get("/", "Forwarded: for=203.0.113.1"))
            await line.leave()
            left.set()
            await settle()
        assert hosts == ["203.0.113.1"]

    run(main)


def test_a_refused_request_is_the_clients_too() -> None:
    async def main() -> None:
        refused: list[tuple[str | None, int]] = []

        def note(peer: Peer, head: Any, size: int) -> None:
            refused.append((peer.host, head.status))

        async with serving(echo_target, proxies=TRUSTED, refused=note) as stage:
            transport = await connect(stage.server, HEADER + b"nonsense\r\n\r\n")
            transport.feed_eof()
            await settle()
        assert refused == [("198.51.100.7", 400)]

    run(main)


# -- whoever else --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [GET, HEADER[1:] + GET, b"PROXY TCP4 a b c d\r\n" + GET, b"PROXY " + b"a" * 200, b"\x16\x03\x01"],
)
def test_without_a_good_header_there_is_no_answer(data: bytes) -> None:
    async def main() -> None:
        async with serving(echo_target, proxies=TRUSTED) as stage:
            assert is_cut(await connect(stage.server, data))
            assert stage.server.connections == [] and stage.server.requests_count == 0

    run(main)


def test_a_header_is_taken_from_proxies_only() -> None:
    trusted = TrustedProxies(["192.0.2.2", "unix"], proxy_protocol=True)

    async def main() -> None:
        async with serving(echo_target, proxies=trusted) as stage:
            for data in (HEADER + GET, GET):
                assert is_cut(await connect(stage.server, data))
            assert stage.server.connections == [] and stage.server.requests_count == 0

    run(main)


def test_a_second_header_is_no_request() -> None:
    async def main() -> None:
        async with serving(echo_target, proxies=TRUSTED) as stage:
            transport = await connect(stage.server, HEADER + HEADER + GET)
            transport.feed_eof()
            await settle()
            assert transport.received.startswith(b"HTTP/1.1 400 ")
            assert stage.server.requests_count == 0

    run(main)


def test_what_is_refused_is_logged_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("tests.proxied")

    async def main() -> None:
        server = Server(echo_target, proxies=TRUSTED, logger=logger)
        with caplog.at_level(logging.INFO, logger.name):
            await connect(server, GET)
        await server.shutdown(0)

    run(main)
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    reason = "the connection does not begin with a PROXY header"
    assert record.getMessage() == f"A connection from {FAKE_PEER} was cut off: {reason}"


# -- time, and the end ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "more"),
    [(b"", b""), (b"P", HEADER[1:-1]), (b"\r\n\r\n\0\r\nQUIT\n", b"\x21\x11\x00\x0c")],
)
def test_the_header_has_to_come_in_time(data: bytes, more: bytes) -> None:
    limits = Limits(head_timeout=5)

    async def main() -> None:
        async with serving(echo_target, proxies=TRUSTED, limits=limits) as stage:
            transport = await connect(stage.server, data)
            await pass_time(3)
            assert not transport.is_cut
            # More of it is no reprieve.
            await send(transport, more)
            await pass_time(2)
            assert is_cut(transport)

    run(main)


def test_after_the_header_the_connection_has_the_time_of_a_new_one() -> None:
    limits = Limits(head_timeout=5, first_byte_timeout=20)

    async def main() -> None:
        async with serving(echo_target, proxies=TRUSTED, limits=limits) as stage:
            transport = await connect(stage.server, HEADER)
            await pass_time(18)
            await send(transport, GET)
            assert answered(transport) == [b"/"]
            transport = await connect(stage.server, HEADER)
            await pass_time(20)
            assert transport.is_closing()

    run(main)


def test_a_proxy_that_leaves() -> None:
    async def main() -> None:
        async with serving(echo_target, proxies=TRUSTED) as stage:
            transport = await connect(stage.server, HEADER[:5])
            (connection,) = stage.server.connections
            assert isinstance(connection, ProxiedConnection)
            transport.feed_eof()
            await settle()
            assert transport.is_lost and stage.server.connections == []
            transport = await connect(stage.server, HEADER[:5])
            transport.disconnect()
            await settle()
            assert stage.server.connections == []

    run(main)


def test_tls_does_not_begin_on_a_connection_that_was_cut_off() -> None:
    async def main() -> None:
        async with serving(echo_target, proxies=TRUSTED) as stage:
            make = stage.server.secured_by(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
            assert make is not None
            connection = make()
            assert isinstance(connection, ProxiedConnection)
            FakeTransport(connection)
            await settle()
            connection.data_received(HEADER)
            connection.abort()
            await settle()
            assert connection._securing is not None and connection._securing.cancelled()
            assert stage.server.connections == []

    run(main)


def test_only_with_the_proxy_protocol_tls_is_not_first() -> None:
    async def main() -> None:
        trusted = TrustedProxies([FAKE_PEER], header="forwarded")
        for proxies in (None, trusted):
            async with serving(echo_target, proxies=proxies) as stage:
                assert stage.server.secured_by(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)) is None

    run(main)


def test_a_shutdown_closes_what_has_no_header_yet() -> None:
    async def main() -> None:
        async with serving(echo_target, proxies=TRUSTED) as stage:
            waiting = await connect(stage.server, HEADER[:5])
            stage.server.pre_shutdown()
            await settle()
            assert waiting.is_lost and waiting.received == b""
            late = await connect(stage.server, HEADER + GET)
            assert answered(late) == [b"/"] and b"Connection: close" in late.received

    run(main)
