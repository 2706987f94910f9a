"""WebSockets over real sockets, with clients that nobody of this project wrote."""

import asyncio
import contextlib
import itertools
import os
import shutil
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from urllib.parse import quote

import pytest
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from sketch import web
from sketch.http.handshake import Deflate
from sketch.tls import make_context
from tests import nginx
from tests.certificates import Authority
from tests.loops import LOOPS, NewLoop, run
from tests.websocketclients import CLIENTS, LARGEST, WebSocketClient, WebsocketsClient, WsprotoClient

CURL = shutil.which("curl")

EVERY_CLIENT = pytest.mark.parametrize("client_class", CLIENTS, ids=lambda each: each.__name__)

MIB = 2**20

ENDS = pytest.mark.parametrize(
    ("code", "reason"),
    [(1000, ""), (1001, "going"), (1011, "ü" * 61), (4999, "own")],
    ids=["no reason", "reason", "long reason", "own code"],
)


SIZES = (0, 1, 31, 32, 125, 126, 65535, 65536, MIB)
"""Around the lengths at which frames look different, and are compressed or not."""


class Site:
    """The application, served.

    ``host``
        its name and port.
    ``ends``
        the codes and reasons of close frames that clients sent.
    """

    def __init__(self, deflate: bool | Deflate) -> None:
        self._deflate = deflate
        self.host = ""
        self.ends: asyncio.Queue[tuple[int, str | None]] = asyncio.Queue()

    async def echo(self, request: web.Request) -> web.StreamResponse:
        """Sends back what comes."""
        websocket = web.WebSocketResponse(
            compress=self._deflate, max_msg_size=LARGEST, protocols=("second", "third")
        )
        await websocket.prepare(request)
        while (message := await websocket.receive()).type is not web.WSMsgType.CLOSE:
            if message.type is web.WSMsgType.TEXT:
                await websocket.send_str(message.data)
            else:
                assert message.type is web.WSMsgType.BINARY, message
                await websocket.send_bytes(message.data)
        self.ends.put_nowait((message.data, message.extra))
        return websocket

    async def ping(self, request: web.Request) -> web.StreamResponse:
        """Pings the client, and sends what is in its pong."""
        websocket = web.WebSocketResponse(autoping=False)
        await websocket.prepare(request)
        await websocket.ping(b"who is there?")
        message = await websocket.receive()
        await websocket.send_str(f"{message.type.name} {message.data.decode()}")
        await websocket.receive()
        return websocket

    async def close(self, request: web.Request) -> web.StreamResponse:
        """Sends a message, and closes as it is told to."""
        websocket = web.WebSocketResponse(timeout=float(request.query.get("timeout", 30)))
        await websocket.prepare(request)
        await websocket.send_str("farewell")
        code, reason = int(request.query["code"]), request.query["reason"]
        await websocket.close(code=code, message=reason.encode())
        return websocket


@contextlib.asynccontextmanager
async def serving(
    *, deflate: bool | Deflate = True, context: ssl.SSLContext | None = None
) -> AsyncIterator[Site]:
    site = Site(deflate)
    app = web.Application()
    app.add_routes([web.get("/echo", site.echo), web.get("/ping", site.ping), web.get("/close", site.close)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, socket.create_server(("127.0.0.1", 0)), ssl_context=context).start()
    site.host = f"localhost:{runner.addresses[0][1]}"
    try:
        yield site
    finally:
        await runner.cleanup()


def make_text(size: int) -> str:
    """Of so many bytes, with characters of one to four, and such that compressing it pays."""
    text = ("aß€𝄞" * (size // 10 + 1)).encode()[:size].decode(errors="ignore")
    return text + "." * (size - len(text.encode()))


async def check_echo(client: WebSocketClient, sizes: Sequence[int]) -> None:
    for size in sizes:
        for message in (make_text(size), os.urandom(size)):
            await client.send(message)
            assert await client.receive() == message


# -- messages ------------------------------------------------------------------------------------------


@LOOPS
@EVERY_CLIENT
@pytest.mark.parametrize("deflate", [True, False], ids=["deflate", "plain"])
def test_texts_and_bytes(client_class: type[WebSocketClient], deflate: bool, new_loop: NewLoop) -> None:
    async def main() -> None:
        async with serving() as site:
            client = await client_class.connect(f"ws://{site.host}/echo", deflate=deflate)
            await check_echo(client, SIZES)
            assert await client.close(1000, "") == (1000, "")
            assert await site.ends.get() == (1000, "")

    run(new_loop, main)


@LOOPS
@EVERY_CLIENT
@pytest.mark.parametrize("deflate", [True, False], ids=["deflate", "plain"])
def test_ten_mebibytes(client_class: type[WebSocketClient], deflate: bool, new_loop: NewLoop) -> None:
    async def main() -> None:
        async with serving() as site:
            client = await client_class.connect(f"ws://{site.host}/echo", deflate=deflate)
            await check_echo(client, [10 * MIB])
            assert await client.close(1000, "") == (1000, "")

    run(new_loop, main)


@LOOPS
@pytest.mark.parametrize(
    "client_class", [each for each in CLIENTS if each.can_fragment], ids=lambda each: each.__name__
)
@pytest.mark.parametrize("deflate", [True, False], ids=["deflate", "plain"])
def test_fragments(client_class: type[WebSocketClient], deflate: bool, new_loop: NewLoop) -> None:
    async def main() -> None:
        async with serving() as site:
            client = await client_class.connect(f"ws://{site.host}/echo", deflate=deflate)
            texts = ["", make_text(7), "", make_text(70_000), "end"]
            pieces = [b"", os.urandom(200), os.urandom(70_000), b"end"]
            await client.send_fragments(texts)
            assert await client.receive() == "".join(texts)
            await client.send_fragments(pieces)
            assert await client.receive() == b"".join(pieces)
            await client.close(1000, "")

    run(new_loop, main)


@LOOPS
@EVERY_CLIENT
def test_pings_from_either_side(client_class: type[WebSocketClient], new_loop: NewLoop) -> None:
    async def main() -> None:
        async with serving() as site:
            client = await client_class.connect(f"ws://{site.host}/echo")
            await client.ping(b"me")
            await client.ping(bytes(range(125)))
            await client.close(1000, "")
            client = await client_class.connect(f"ws://{site.host}/ping")
            assert await client.receive() == "PONG who is there?"
            await client.close(1000, "")

    run(new_loop, main)


# -- ends ----------------------------------------------------------------------------------------------


@LOOPS
@EVERY_CLIENT
@ENDS
def test_the_client_closes(
    client_class: type[WebSocketClient], code: int, reason: str, new_loop: NewLoop
) -> None:
    async def main() -> None:
        async with serving() as site:
            client = await client_class.connect(f"ws://{site.host}/echo")
            answered, _ = await client.close(code, reason)
            assert answered == code
            assert await site.ends.get() == (code, reason)

    run(new_loop, main)


@LOOPS
@EVERY_CLIENT
@ENDS
def test_the_server_closes(
    client_class: type[WebSocketClient], code: int, reason: str, new_loop: NewLoop
) -> None:
    async def main() -> None:
        async with serving() as site:
            client = await client_class.connect(f"ws://{site.host}/close?code={code}&reason={quote(reason)}")
            assert await client.receive() == "farewell"
            assert await client.wait_closed() == (code, reason)

    run(new_loop, main)


@LOOPS
@EVERY_CLIENT
def test_a_subprotocol_is_agreed_on(client_class: type[WebSocketClient], new_loop: NewLoop) -> None:
    async def main() -> None:
        async with serving() as site:
            for offered, taken in ((["first", "third", "second"], "third"), ([], None)):
                client = await client_class.connect(f"ws://{site.host}/echo", protocols=offered)
                assert client.protocol == taken
                await client.close(1000, "")

    run(new_loop, main)


# -- permessage-deflate --------------------------------------------------------------------------------

AROUND_A_WINDOW = (3000, 0, 70_000, 3000)

NO_TAKEOVER = list(itertools.product([False, True], repeat=2))


@LOOPS
@pytest.mark.parametrize("client_without,server_without", NO_TAKEOVER)
def test_what_clients_offer_for_compression(
    client_without: bool, server_without: bool, new_loop: NewLoop
) -> None:
    """websockets checks in the answer that it got what it asked for."""

    async def main() -> None:
        async with serving() as site:
            for server_bits, client_bits in itertools.product([None, 9, 12, 15], [None, True, 9, 12, 15]):
                offer = ClientPerMessageDeflateFactory(
                    server_no_context_takeover=server_without,
                    client_no_context_takeover=client_without,
                    server_max_window_bits=server_bits,
                    client_max_window_bits=client_bits,
                )
                client = await WebsocketsClient.connect_offering(f"ws://{site.host}/echo", offer)
                assert client.extensions.startswith("permessage-deflate")
                await check_echo(client, AROUND_A_WINDOW)
                await client.close(1000, "")

    run(new_loop, main)


@LOOPS
@pytest.mark.parametrize("client_without,server_without", NO_TAKEOVER)
def test_what_the_server_wants_of_compression(
    client_without: bool, server_without: bool, new_loop: NewLoop
) -> None:
    async def main() -> None:
        for server_bits, client_bits in itertools.product([9, 12, 15], repeat=2):
            wanted = Deflate(server_without, client_without, server_bits, client_bits)
            async with serving(deflate=wanted) as site:
                for client in (
                    await WebsocketsClient.connect(f"ws://{site.host}/echo"),
                    await WsprotoClient.connect(f"ws://{site.host}/echo"),
                ):
                    await check_echo(client, AROUND_A_WINDOW)
                    await client.close(1000, "")

    run(new_loop, main)


# -- other ways ----------------------------------------------------------------------------------------


@LOOPS
@EVERY_CLIENT
def test_over_tls(client_class: type[WebSocketClient], new_loop: NewLoop, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("localhost")

    async def main() -> None:
        async with serving(context=make_context(pair.certificate, pair.key)) as site:
            client = await client_class.connect(
                f"wss://{site.host}/echo", tls=authority.make_client_context()
            )
            await check_echo(client, SIZES)
            await client.ping(b"me")
            assert await client.close(1001, "") == (1001, "")
            assert await site.ends.get() == (1001, "")

    run(new_loop, main)


@contextlib.asynccontextmanager
async def behind_nginx(directory: Path, host: str) -> AsyncIterator[str]:
    """The host that nginx listens at, as its documentation says it has to be configured for WebSockets."""
    listener = nginx.listen()
    port = listener.getsockname()[1]
    configuration = f"""
{nginx.begin_configuration(directory)}
events {{ worker_connections 64; }}
http {{
{nginx.place_temporary_files(directory)}
    access_log off;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{host.rpartition(":")[2]};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_set_header Host $http_host;
        }}
    }}
}}
"""
    async with nginx.running(directory, configuration, [listener]):
        yield f"localhost:{port}"


@pytest.mark.skipif(nginx.NGINX is None, reason="nginx is not installed")
@LOOPS
@EVERY_CLIENT
def test_through_nginx(client_class: type[WebSocketClient], new_loop: NewLoop, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving() as site, behind_nginx(tmp_path, site.host) as host:
            client = await client_class.connect(f"ws://{host}/echo")
            await check_echo(client, [0, 126, 65536, 10 * MIB])
            await client.ping(b"me")
            await client.close(1001, "going")
            assert await site.ends.get() == (1001, "going")
            client = await client_class.connect(f"ws://{host}/close?code=1012&reason=soon")
            assert await client.receive() == "farewell"
            assert await client.wait_closed() == (1012, "soon")

    run(new_loop, main)


@pytest.mark.skipif(CURL is None, reason="curl is not installed")
@LOOPS
def test_curl_shows_the_frames(new_loop: NewLoop) -> None:
    """It knows nothing of WebSockets: it asks as it is told to, and never answers the close frame. The key
    and the proof are the example of RFC 6455, section 1.3."""
    assert CURL is not None
    fields = (
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    arguments = ["--silent", "--include", "--no-buffer", "--http1.1"]
    arguments += [argument for each in fields for argument in ("--header", each)]

    async def main() -> None:
        async with serving() as site:
            url = f"http://{site.host}/close?code=1000&reason=bye&timeout=0.1"
            process = await asyncio.create_subprocess_exec(
                CURL, *arguments, url, stdout=asyncio.subprocess.PIPE
            )
            shown, _ = await process.communicate()
            head, _, frames = shown.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 101 ")
            assert b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head
            assert frames == b"\x81\x08farewell\x88\x05\x03\xe8bye"

    run(new_loop, main)
