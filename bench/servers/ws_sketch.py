"""sketch's WebSockets, as `run_app` starts it, without access log. It finds uvloop by itself."""

from options import HOST, parse

from sketch import web

TEXT, BINARY = web.WSMsgType.TEXT, web.WSMsgType.BINARY

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
        web.broadcast(receivers, message.data)
    return ws


app = web.Application()
app.router.add_get("/echo", echo)
app.router.add_get("/subscribe", subscribe)
app.router.add_get("/publish", publish)
web.run_app(app, host=HOST, port=parse().port, access_log=None, print=None)
