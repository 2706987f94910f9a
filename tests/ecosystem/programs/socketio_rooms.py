"""python-socketio: clients over WebSockets and over long polling, in rooms, with answers and binary data."""

import asyncio
from typing import Any

import aiohttp
import socketio
from aiohttp import web
from aiohttp.test_utils import TestServer
from talking import say

# A client that polls is gone when its last request is answered, at the latest when it missed a ping.
server = socketio.AsyncServer(async_mode="aiohttp", ping_interval=1, ping_timeout=3)


@server.event
async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
    if auth == {"token": "wrong"}:
        raise socketio.exceptions.ConnectionRefusedError("not you")
    say("connect", environ["PATH_INFO"], environ["HTTP_X_NAME"], environ["aiohttp.request"].method)


@server.event
async def join(sid: str, room: str) -> str:
    await server.enter_room(sid, room)
    return f"in {room}"


@server.event
async def shout(sid: str, room: str, text: str) -> None:
    await server.emit("shouted", text.upper(), room=room, skip_sid=sid)


@server.event
async def double(sid: str, data: bytes) -> bytes:
    return data + data


async def open_client(url: str, name: str, transport: str) -> tuple[socketio.AsyncClient, asyncio.Queue[Any]]:
    client, heard = socketio.AsyncClient(), asyncio.Queue[Any]()
    client.on("shouted", heard.put)
    await client.connect(url, headers={"X-Name": name}, transports=[transport])
    return client, heard


async def talk(transport: str, url: str, size: int) -> None:
    """``size``: bytes of the largest message. Posted to aiohttp, one of several packets may be cut off: the
    server takes what it reads first for the whole body."""
    ada, heard_by_ada = await open_client(url, "Ada", transport)
    bob, heard_by_bob = await open_client(url, "Bob", transport)
    say(transport, ada.transport(), await ada.call("join", "kitchen"), await bob.call("join", "kitchen"))
    for text in ("hello", "world ünï", "x" * size):
        await ada.emit("shout", ("kitchen", text))
        said = await heard_by_bob.get()
        say(len(said), said[:20], heard_by_ada.empty())
    data = await bob.call("double", bytes(range(256)) * (size // 512))
    say(len(data), data[:4].hex(), data[-4:].hex())
    await asyncio.gather(ada.disconnect(), bob.disconnect())


async def refuse(url: str) -> None:
    client = socketio.AsyncClient()
    try:
        await client.connect(url, auth={"token": "wrong"}, transports=["websocket"])
    except socketio.exceptions.ConnectionError as error:
        say("refused", error)


async def misuse(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        for query in (
            "",
            "?transport=nothing&EIO=4",
            "?transport=websocket&EIO=4",
            "?transport=polling&EIO=3",
        ):
            async with session.get(f"{url}/socket.io/{query}") as response:
                say(response.status, response.content_type, await response.text())


async def main() -> None:
    app = web.Application()
    server.attach(app)
    async with TestServer(app) as listening:
        url = str(listening.make_url("")).rstrip("/")
        await talk("websocket", url, 100_000)
        await talk("polling", url, 2000)
        await refuse(url)
        await misuse(url)
        await server.shutdown()


asyncio.run(main())
