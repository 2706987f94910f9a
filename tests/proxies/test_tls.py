"""TLS behind the PROXY protocol: it begins after the header, wherever the bytes are cut."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import trustme

from sketch.http.limits import Limits
from sketch.net.proxied import ProxiedConnection
from tests.conformance.driver import until
from tests.loops import LOOPS, NewLoop
from tests.proxies.stage import CLIENT, PROXY, V1, Site, body_of, request, run


class TlsClient:
    """The client's end of TLS over a socket, of which every byte is in the test's hand."""

    def __init__(self, authority: trustme.CA, address: tuple[str, int]) -> None:
        context = ssl.create_default_context()
        authority.configure_trust(context)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="own.example")
        self._address = address

    async def connect(self) -> None:
        self.reader, self.writer = await asyncio.open_connection(*self._address)

    async def do(self, step: Callable[[], Any]) -> Any:
        """Go on with a step until it is done; what it returns."""
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self.flush()
                data = await self.reader.read(65536)
                self._incoming.write(data) if data else self._incoming.write_eof()

    def flush(self) -> None:
        """Send what TLS has to send."""
        self.writer.write(self._outgoing.read())

    def begin(self) -> bytes:
        """The first bytes of the handshake."""
        with suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
        return self._outgoing.read()

    async def finish(self, data: bytes) -> bytes:
        """End the handshake and send these bytes right with its end; the answer."""
        await self.do(self._tls.do_handshake)
        self._tls.write(data)
        self.flush()
        answer = b""
        with suppress(ssl.SSLEOFError, ssl.SSLZeroReturnError):
            while piece := await self.do(lambda: self._tls.read(65536)):
                answer += piece
        await self.close()
        return answer

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


@LOOPS
@pytest.mark.parametrize("cut", [None, 0, 1, 100])
def test_tls_begins_after_the_header(
    new_loop: NewLoop, cut: int | None, authority: trustme.CA, server_context: ssl.SSLContext
) -> None:
    """With the header, after it, and with a part of it in the header's packet."""

    async def use(site: Site) -> None:
        client = TlsClient(authority, site.address)
        await client.connect()
        hello = client.begin()
        client.writer.write(V1 + hello[:cut])
        if cut is not None:
            await until(lambda: any(is_past_its_header(each) for each in site.runner.server.connections))
            client.writer.write(hello[cut:])
        assert body_of(await client.finish(request())) == {
            "remote": CLIENT, "scheme": "https", "host": "own.example", "url": "https://own.example/a?b=c",
        }  # fmt: skip
        assert site.log == [f"{CLIENT} 200"]
        await until(lambda: not site.runner.server.connections)

    run(new_loop, use, ssl_context=server_context, trusted_proxies=[PROXY], proxy_protocol=True)


def is_past_its_header(connection: Any) -> bool:
    return isinstance(connection, ProxiedConnection) and connection._securing is not None


@LOOPS
def test_no_tls_after_the_header(new_loop: NewLoop, server_context: ssl.SSLContext) -> None:
    async def use(site: Site) -> None:
        for data in (V1 + request(), V1 + b"\x16\x03\x01\x00\x05hello", V1 + b"\x16", V1):
            assert b"HTTP" not in await site.send(data, then_end=True)
        # TLS first, as from a client that comes by itself.
        assert await site.send(b"\x16\x03\x01\x02\x00\x01" + bytes(600)) == b""
        await until(lambda: not site.runner.server.connections)
        assert not site.runner.server.requests_count

    run(new_loop, use, ssl_context=server_context, trusted_proxies=[PROXY], proxy_protocol=True)


@LOOPS
@pytest.mark.parametrize("end", ["reset", "shutdown", "timeout"])
def test_a_handshake_that_does_not_end(
    new_loop: NewLoop, end: str, authority: trustme.CA, server_context: ssl.SSLContext
) -> None:
    limits = Limits(tls_handshake_timeout=0.2 if end == "timeout" else 60)

    async def use(site: Site) -> None:
        server = site.runner.server
        client = TlsClient(authority, site.address)
        await client.connect()
        client.writer.write(V1 + client.begin())
        # The server has answered, and waits.
        assert await client.reader.read(1) == b"\x16"
        assert [is_past_its_header(connection) for connection in server.connections] == [True]
        if end == "reset":
            client.writer.transport.abort()
        elif end == "shutdown":
            await site.runner.cleanup()
        else:
            with suppress(ConnectionError):
                await client.reader.read()
        await until(lambda: not server.connections)
        await client.close()

    run(
        new_loop,
        use,
        ssl_context=server_context,
        trusted_proxies=[PROXY],
        proxy_protocol=True,
        limits=limits,
        shutdown_timeout=0,
    )


@LOOPS
def test_without_the_proxy_protocol_tls_comes_first(
    new_loop: NewLoop, authority: trustme.CA, server_context: ssl.SSLContext
) -> None:
    async def use(site: Site) -> None:
        client = TlsClient(authority, site.address)
        await client.connect()
        client.writer.write(client.begin())
        answer = body_of(await client.finish(request("Forwarded: for=203.0.113.1;proto=http")))
        assert (answer["remote"], answer["scheme"]) == ("203.0.113.1", "http")

    run(new_loop, use, ssl_context=server_context, trusted_proxies=[PROXY], forwarded="forwarded")
