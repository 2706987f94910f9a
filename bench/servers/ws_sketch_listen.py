"""sketch's WebSockets, with a function that is called with each message and no task that is woken for it."""

from options import HOST, parse

from sketch import web


async def echo(request):
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    await ws.listen(lambda message: ws.send_nowait(message.data))
    return ws


app = web.Application()
app.router.add_get("/echo", echo)
web.run_app(app, host=HOST, port=parse().port, access_log=None, print=None)
