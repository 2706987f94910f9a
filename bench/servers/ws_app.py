"""A bare ASGI application for WebSockets, for uvicorn and granian alike."""

receivers = set()


async def app(scope, receive, send):
    if scope["type"] != "websocket":
        await refuse(send)
        return
    await receive()
    await send({"type": "websocket.accept"})
    await HANDLERS[scope["path"]](receive, send)


async def refuse(send):
    await send({"type": "http.response.start", "status": 426, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


async def echo(receive, send):
    while (event := await receive())["type"] == "websocket.receive":
        text = event.get("text")
        if text is not None:
            await send({"type": "websocket.send", "text": text})
        else:
            await send({"type": "websocket.send", "bytes": event["bytes"]})


async def subscribe(receive, send):
    receivers.add(send)
    try:
        while (await receive())["type"] == "websocket.receive":
            pass
    finally:
        receivers.discard(send)


async def publish(receive, send):
    while (event := await receive())["type"] == "websocket.receive":
        message = {"type": "websocket.send", "text": event["text"]}
        for send_one in receivers:
            await send_one(message)


HANDLERS = {"/echo": echo, "/subscribe": subscribe, "/publish": publish}
