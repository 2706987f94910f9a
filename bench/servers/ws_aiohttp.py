"""aiohttp.web's WebSockets on uvloop, one process, no access log. A broadcast is a loop of `send_str`."""

import uvloop
from aiohttp import WSMsgType, web
from options import HOST, parse

TEXT, BINARY = WSMsgType.TEXT, WSMsgType.BINARY

receivers = set()


async def echo(request):
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    async for message in ws:
        if message.type is TEXT:
            await ws.send_str(message.data)
        elif message.type is BINARY:
            await ws.send_bytes(message.data)
    return ws


async def subscribe(request):
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    receivers.add(ws)
    try:
        async for _ in ws:
            pass
    finally:
        receivers.discard(ws)
    return ws


async def publish(request):
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    async for message in ws:
        for receiver in receivers:
            await receiver.send_str(message.data)
    return ws


app = web.Application()
app.router.add_get("/echo", echo)
app.router.add_get("/subscribe", subscribe)
app.router.add_get("/publish", publish)
web.run_app(app, host=HOST, port=parse().port, access_log=None, print=None, loop=uvloop.new_event_loop())
