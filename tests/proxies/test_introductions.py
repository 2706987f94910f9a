"""The PROXY protocol over sockets: who may introduce clients, and what becomes of everybody else."""

import asyncio
import socket
from pathlib import Path
from typing import Any

from sketch.http.limits import Limits
from sketch.net.proxied import ProxiedConnection
from tests.conformance.driver import until
from tests.loops import LOOPS, NewLoop
from tests.proxies.stage import CLIENT, PADDING, PROXY, STRANGER, V1, V2, Site, body_of, request, run


@LOOPS
def test_proxy_headers(new_loop: NewLoop) -> None:
    async def use(site: Site) -> None:
        assert await site.ask(before=V1) == {
            "remote": CLIENT, "scheme": "http", "host": "own.example", "url": "http://own.example/a?b=c",
        }  # fmt: skip
        assert (await site.ask(before=V2))["remote"] == "2001:db8::7"
        assert (await site.ask(before=b"PROXY UNKNOWN\r\n"))["remote"] == PROXY
        # The fields of a client that is no proxy itself.
        assert (await site.ask("X-Forwarded-For: 203.0.113.9", before=V1))["remote"] == CLIENT
        assert site.log == [f"{host} 200" for host in (CLIENT, "2001:db8::7", PROXY, CLIENT)]

    run(new_loop, use, trusted_proxies=[PROXY], forwarded="x-forwarded", proxy_protocol=True)


@LOOPS
def test_a_header_and_much_behind_it(new_loop: NewLoop) -> None:
    """In one go, byte by byte, and with an end after it."""
    post = b"POST /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(PADDING)

    async def use(site: Site) -> None:
        assert body_of(await site.send(V1 + post + PADDING))["remote"] == CLIENT
        assert body_of(await site.send(V2 + request(), then_end=True))["remote"] == "2001:db8::7"
        reader, writer = await asyncio.open_connection(*site.address)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in V2 + request():
            writer.write(bytes([octet]))
            await asyncio.sleep(0)
        assert body_of(await reader.read())["remote"] == "2001:db8::7"
        writer.close()
        await writer.wait_closed()

    run(new_loop, use, trusted_proxies=[PROXY], proxy_protocol=True)


@LOOPS
def test_who_may_not_introduce_clients_is_cut_off(new_loop: NewLoop) -> None:
    async def use(site: Site) -> None:
        for data in (V1 + request(), V2 + request(), request(), b""):
            assert await site.send(data, host=STRANGER) == b""
        for data in (request(), V1[1:], V1.replace(b"4711", b"04711"), V2.replace(b"\x21\x21", b"\x31\x21")):
            assert await site.send(data + request()) == b""
        for data in (b"", V1[:-1], V2[:20]):
            assert await site.send(data, then_end=True) == b""
        assert not site.runner.server.connections and not site.runner.server.requests_count

    run(new_loop, use, trusted_proxies=[PROXY], forwarded="forwarded", proxy_protocol=True)


@LOOPS
def test_a_proxy_on_a_unix_socket(new_loop: NewLoop, tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        assert (await site.ask(before=V1))["remote"] == CLIENT
        assert await site.send(request()) == b""

    run(new_loop, use, path=tmp_path / "s", trusted_proxies=["unix"], proxy_protocol=True)


@LOOPS
def test_connections_are_counted_by_client_and_not_by_proxy(new_loop: NewLoop) -> None:
    limits = Limits(connections_per_peer=1)

    async def use(site: Site) -> None:
        first = await asyncio.open_connection(*site.address)
        second = await asyncio.open_connection(*site.address)
        first[1].write(V1)
        second[1].write(V2)
        server = site.runner.server
        await until(lambda: len(server.connections) == 2 and not any(map(is_waiting, server.connections)))
        # One more of each client.
        assert await site.send(V1 + request()) == b""
        assert await site.send(V2 + request()) == b""
        assert server.requests_count == 0
        assert (await site.ask(before=b"PROXY UNKNOWN\r\n"))["remote"] == PROXY
        for reader, writer in (first, second):
            writer.write(request())
            assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
            writer.close()
            await writer.wait_closed()
        assert (await site.ask(before=V1))["remote"] == CLIENT

    run(new_loop, use, trusted_proxies=[PROXY], proxy_protocol=True, limits=limits)


def is_waiting(connection: Any) -> bool:
    return isinstance(connection, ProxiedConnection)
