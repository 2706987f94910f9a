"""`TestClient.ws_connect`, which is aiohttp's, and a handler of ours."""

import asyncio
from typing import Any

import aiohttp

from sketch import web
from sketch.testing import TestClient, TestServer


async def chat(request: web.Request) -> web.WebSocketResponse:
    ws = await request.websocket(["chat"], heartbeat=30)
    async for message in ws:
        await ws.send_json({"said": message.data, "as": ws.ws_protocol})
    return ws


def test_a_websocket_of_a_test_client() -> None:
    async def main() -> None:
        app = web.Application()
        app.router.add_get("/chat", chat)
        async with TestClient(TestServer(app)) as client:
            async with client.ws_connect("/chat", protocols=["chat"], compress=15) as ws:
                await ws.send_str("hello")
                answer: Any = await ws.receive_json()
                assert answer == {"said": "hello", "as": "chat"}
                assert ws.protocol == "chat" and ws.compress == 15
                await ws.close(code=3000)
                assert ws.close_code == 3000
            response = await client.get("/chat")
            assert response.status == 400
            try:
                await client.ws_connect("/nowhere")
            except aiohttp.WSServerHandshakeError as error:
                assert error.status == 404
            else:
                raise AssertionError("there is nothing")

    asyncio.run(main())
