"""Messages of WebSockets, which a program compares with aiohttp's names."""

from tests.compat.running import output, run, run_text

PROGRAM = """
import asyncio, aiohttp
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer

async def handler(request):
    ws = web.WebSocketResponse(max_msg_size=100)
    await ws.prepare(request)
    try:
        await ws.receive_bytes()
    except aiohttp.WSMessageTypeError:
        print("no bytes")
    message = await ws.receive()
    print(message.type is WSMsgType.BINARY is web.WSMsgType.BINARY, type(message) is aiohttp.WSMessage)
    await ws.send_str("text")
    message = await ws.receive()
    print(message.type is WSMsgType.ERROR, isinstance(message.data, aiohttp.WebSocketError))
    print((await ws.receive()).type is WSMsgType.CLOSED)
    return ws

async def main():
    app = web.Application()
    app.router.add_get("/", handler)
    async with TestClient(TestServer(app)) as client:
        async with client.ws_connect("/") as ws:
            await ws.send_str("text")
            await ws.send_bytes(b"bytes")
            print((await ws.receive()).type is web.WSMsgType.TEXT)
            await ws.send_bytes(bytes(101))
            message = await ws.receive()
            print(message.type is WSMsgType.CLOSE, message.data == aiohttp.WSCloseCode.MESSAGE_TOO_BIG)

asyncio.run(main())
"""


def test_they_are_aiohttps_on_both_sides() -> None:
    ours = run_text(PROGRAM, "-W", "ignore")
    assert sorted(ours.splitlines()) == ["True", "True", "True True", "True True", "True True", "no bytes"]
    assert sorted(output(run("-W", "ignore", "-c", PROGRAM)).splitlines()) == sorted(ours.splitlines())


def test_they_stay_aiohttps() -> None:
    said = run_text(
        """
        import aiohttp
        import sketch
        sketch.compat.uninstall()
        sketch.compat.install()
        sketch.compat.uninstall()
        print(sketch.WSMsgType is aiohttp.WSMsgType)
        """
    )
    assert said == "True"


def test_those_that_somebody_has_already_are_left_alone() -> None:
    program = """
import sketch
kind = sketch.WSMsgType
import sketch.compat
sketch.compat.install()
from aiohttp import web
print(web.WSMsgType is kind, kind.TEXT == __import__("aiohttp").WSMsgType.TEXT)
"""
    assert output(run("-W", "error", "-c", program)) == "True True"
