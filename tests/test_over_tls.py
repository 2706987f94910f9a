"""What is different over TLS: handshakes, clients with certificates, ends without a half close."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sketch import web
from sketch.http.limits import Limits
from sketch.tls import Certificates, make_context
from sketch.upgrade import UpgradeResponse
from tests.certificates import Authority
from tests.conformance.driver import settle, until
from tests.loops import LOOPS, NewLoop, run

LARGE = bytes(range(256)) * 2**13
"""2 MiB: more than the buffers of a connection take."""

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"

routes = web.RouteTableDef()


@routes.get("/")
async def whoami(request: web.Request) -> web.Response:
    certificate = request.peer_certificate
    return web.Response(text=f"{request.scheme} {certificate and certificate.common_name}")


@routes.get("/large")
async def large(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(len(LARGE))})
    await response.prepare(request)
    await response.write(LARGE)
    return response


@routes.get("/whole/{size}")
async def whole(request: web.Request) -> web.Response:
    """In one piece, so that the handler does not wait."""
    return web.Response(body=LARGE[: int(request.match_info["size"])])


@routes.get("/echo")
async def echo(request: web.Request) -> web.StreamResponse:
    """Sends back what comes, as far as the first line that says so."""
    response = UpgradeResponse("echo")
    await response.prepare(request)
    while (line := await response.reader.readline()) != b"end\n":
        response.writer.write(line)
        await response.writer.drain()
    response.writer.write(b"bye")
    return response


class Place:
    """The application, served over TLS."""

    def __init__(self, runner: web.AppRunner, address: tuple[str, int], authority: Authority) -> None:
        self.runner = runner
        self.address = address
        self.authority = authority

    async def connect(self, context: ssl.SSLContext | None = None) -> tuple[Any, Any]:
        """A reader and a writer."""
        context = context or self.authority.make_client_context()
        return await asyncio.open_connection(*self.address, ssl=context, server_hostname="localhost")

    def connect_socket(
        self, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3, *, receive_buffer: int | None = None
    ) -> ssl.SSLSocket:
        """A connection that blocks, for another thread."""
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(30)
        sock.connect(self.address)
        context = self.authority.make_client_context()
        context.maximum_version = version
        return context.wrap_socket(sock, server_hostname="localhost")


@contextlib.asynccontextmanager
async def served(
    authority: Authority, context: ssl.SSLContext | None = None, limits: Limits | None = None
) -> AsyncIterator[Place]:
    if context is None:
        pair = authority.issue("localhost")
        context = make_context(pair.certificate, pair.key)
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, limits=limits or Limits(), shutdown_timeout=30)
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**13)
    await web.SockSite(runner, listening, ssl_context=context).start()
    try:
        yield Place(runner, runner.addresses[0], authority)
    finally:
        await runner.cleanup()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes = GET) -> bytes:
    """One request, and the body of its answer."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return await reader.readexactly(length)


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


# -- handshakes ----------------------------------------------------------------------------------------


@LOOPS
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_connection_is_kept_alive(new_loop: NewLoop, version: ssl.TLSVersion, authority: Authority) -> None:
    async def main() -> None:
        async with served(authority) as place:
            context = authority.make_client_context()
            context.maximum_version = context.minimum_version = version
            context.set_alpn_protocols(["h2", "http/1.1"])
            reader, writer = await place.connect(context)
            tls = writer.get_extra_info("ssl_object")
            assert tls.selected_alpn_protocol() == "http/1.1"
            assert tls.version() == version.name.replace("_", ".")
            for _ in range(3):
                assert await ask(reader, writer) == b"https None"
            await close(writer)

    run(new_loop, main)


@LOOPS
def test_a_handshake_that_does_not_end_is_given_up(new_loop: NewLoop, authority: Authority) -> None:
    async def main() -> None:
        async with served(authority, limits=Limits(tls_handshake_timeout=0.2)) as place:
            reader, writer = await asyncio.open_connection(*place.address)
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
            await close(writer)
            reader, writer = await place.connect()
            assert await ask(reader, writer) == b"https None"
            await close(writer)

    run(new_loop, main)


@LOOPS
@pytest.mark.parametrize("data", [GET, b"\x16\x03\x01" + bytes(200), b""])
def test_what_is_no_handshake_is_cut_off_quietly(
    new_loop: NewLoop, data: bytes, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with served(authority) as place:
            reader, writer = await asyncio.open_connection(*place.address)
            writer.write(data)
            writer.write_eof()
            with contextlib.suppress(ConnectionResetError):
                assert b"HTTP" not in await reader.read()
            await close(writer)
            assert place.runner.server.connections == []

    run(new_loop, main)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@LOOPS
def test_a_handshake_that_ends_after_the_shutdown_leads_nowhere(
    new_loop: NewLoop, authority: Authority
) -> None:
    async def main() -> None:
        async with served(authority) as place:
            reader, writer = await asyncio.open_connection(*place.address)
            # Accepted by now, or at the stop: in either case before the client begins.
            probe_reader, probe_writer = await place.connect()
            await ask(probe_reader, probe_writer)
            await close(probe_writer)
        with contextlib.suppress(OSError):
            await writer.start_tls(authority.make_client_context(), server_hostname="localhost")
            writer.write(GET)
            assert await reader.read() == b""
        await close(writer)

    run(new_loop, main)


# -- certificates --------------------------------------------------------------------------------------


@LOOPS
@pytest.mark.parametrize("wanted", ["required", "optional"])
def test_a_client_is_known_by_its_certificate(
    new_loop: NewLoop, wanted: Any, authority: Authority, tmp_path: Path
) -> None:
    clients = Authority(tmp_path, "clients")
    pair = authority.issue("localhost")
    context = make_context(pair.certificate, pair.key, client_certificates=wanted, client_ca=clients.path)
    alice = clients.issue("alice@example.org", file="alice", common_name="alice")
    stranger = authority.issue("alice@example.org", file="stranger", common_name="alice")

    async def main() -> None:
        async with served(authority, context) as place:
            reader, writer = await place.connect(authority.make_client_context(alice))
            assert await ask(reader, writer) == b"https alice"
            await close(writer)
            assert await is_refused(place, authority.make_client_context(stranger))
            assert await is_refused(place, authority.make_client_context()) is (wanted == "required")

    run(new_loop, main)


async def is_refused(place: Place, context: ssl.SSLContext) -> bool:
    """Whether a client gets no answer."""
    try:
        reader, writer = await place.connect(context)
    except OSError:
        return True
    try:
        # In TLS 1.3 the client's side of the handshake is over before the server has seen its certificate.
        return await ask(reader, writer) != b"https None"
    except (OSError, asyncio.IncompleteReadError):
        return True
    finally:
        await close(writer)


@LOOPS
def test_new_certificates_are_for_new_connections(new_loop: NewLoop, authority: Authority) -> None:
    certificates = Certificates(authority.issue("localhost", common_name="first"))

    async def main() -> None:
        async with served(authority, certificates.context) as place:
            reader, writer = await place.connect()
            assert _common_name(writer) == "first"
            authority.issue("localhost", common_name="second")
            assert certificates.reload_if_changed()
            assert await ask(reader, writer) == b"https None"
            _, second = await place.connect()
            assert _common_name(second) == "second"
            await close(second)
            await close(writer)

    run(new_loop, main)


def _common_name(writer: asyncio.StreamWriter) -> str:
    subject = writer.get_extra_info("peercert")["subject"]
    return str(dict(part for relative in subject for part in relative)["commonName"])


# -- ends ----------------------------------------------------------------------------------------------


@LOOPS
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_refusal_reaches_a_client_that_is_still_sending(
    new_loop: NewLoop, version: ssl.TLSVersion, authority: Authority
) -> None:
    """To close at once would answer what is still on its way with a reset, which takes the refusal along."""

    def use(place: Place) -> bytes:
        with place.connect_socket(version) as client:
            client.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1x\r\n\r\n")
            client.sendall(LARGE)
            answer = client.recv(65536)
            # It is refused for good, whatever follows.
            client.sendall(GET)
            return answer

    async def main() -> None:
        async with served(authority) as place:
            answer = await asyncio.to_thread(use, place)
            assert answer.startswith(b"HTTP/1.1 400 ") and b"Connection: close" in answer

    run(new_loop, main)


@LOOPS
def test_a_connection_can_be_taken_over(new_loop: NewLoop, authority: Authority) -> None:
    async def main() -> None:
        async with served(authority) as place:
            reader, writer = await place.connect()
            writer.write(
                b"GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
            )
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
            line = b"x" * 60_000 + b"\n"
            for _ in range(20):
                writer.write(line)
                assert await reader.readexactly(len(line)) == line
            writer.write(b"end\n")
            assert await reader.read() == b"bye"
            await close(writer)

    run(new_loop, main)


@LOOPS
def test_a_connection_that_was_refused_ends(new_loop: NewLoop, authority: Authority) -> None:
    """The client does nothing about it."""

    async def main() -> None:
        async with served(authority) as place:
            reader, writer = await place.connect()
            writer.write(b"nonsense\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
            await close(writer)

    run(new_loop, main)


@LOOPS
@pytest.mark.parametrize(
    ("target", "size"),
    [("/large", len(LARGE)), *((f"/whole/{size}", size) for size in (2**15, 2**16, 2**17, 2**18))],
)
def test_a_shutdown_waits_for_a_client_that_is_slow(
    new_loop: NewLoop, target: str, size: int, authority: Authority
) -> None:
    """What the transport below TLS still holds is a part of the answer, too."""

    async def main() -> None:
        async with served(authority) as place:
            with await asyncio.to_thread(place.connect_socket, receive_buffer=4096) as client:
                client.sendall(GET.replace(b"/", target.encode(), 1))
                await until(lambda: place.runner.server.requests_count == 1)
                server = place.runner.server
                ending = asyncio.create_task(place.runner.cleanup())
                await until(lambda: server._registry.is_draining)
                await settle()
                _, _, body = (await asyncio.to_thread(read_all, client)).partition(b"\r\n\r\n")
                await ending
            assert len(body) == size and LARGE.startswith(body)

    run(new_loop, main)


def read_all(client: ssl.SSLSocket) -> bytes:
    """Slowly, to the end."""
    data = b""
    with contextlib.suppress(ConnectionResetError, ssl.SSLEOFError):
        while piece := client.recv(4096):
            data += piece
    return data


@LOOPS
def test_a_shutdown_does_not_wait_for_who_owes_nothing(new_loop: NewLoop, authority: Authority) -> None:
    """A client that has all of its answers, and does not notice that the connection ends."""

    async def main() -> None:
        async with served(authority) as place:
            client = await asyncio.to_thread(place.connect_socket)
            client.sendall(GET)
            await asyncio.to_thread(client.recv, 65536)
            async with asyncio.timeout(5):
                await place.runner.cleanup()
            client.close()

    run(new_loop, main)
