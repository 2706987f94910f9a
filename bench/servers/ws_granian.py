"""A bare RSGI application on granian: one worker, one runtime thread, uvloop, without access log. granian has
no permessage-deflate."""

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops
from granian.rsgi import WebsocketMessageType
from options import HOST, parse

receivers = set()


async def app(scope, protocol):
    if scope.proto != "ws":
        protocol.response_empty(426, [])
        return
    await HANDLERS[scope.path](await protocol.accept())
    protocol.close()


async def echo(transport):
    while (message := await transport.receive()).kind != WebsocketMessageType.close:
        if message.kind == WebsocketMessageType.string:
            await transport.send_str(message.data)
        else:
            await transport.send_bytes(message.data)


async def subscribe(transport):
    receivers.add(transport)
    try:
        while (await transport.receive()).kind != WebsocketMessageType.close:
            pass
    finally:
        receivers.discard(transport)


async def publish(transport):
    while (message := await transport.receive()).kind != WebsocketMessageType.close:
        for receiver in receivers:
            await receiver.send_str(message.data)


HANDLERS = {"/echo": echo, "/subscribe": subscribe, "/publish": publish}

if __name__ == "__main__":
    Granian(
        "ws_granian:app",
        address=HOST,
        port=parse().port,
        interface=Interfaces.RSGI,
        workers=1,
        runtime_threads=1,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=True,
        # By default it stops accepting at 1024 open connections.
        backpressure=8192,
        log_enabled=False,
    ).serve()
