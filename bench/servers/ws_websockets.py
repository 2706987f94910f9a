"""The asyncio server of the websockets library on uvloop, and its `broadcast`.

picows has the same interface; ``ws_picows_websockets.py`` runs this text with it."""

import uvloop
from options import HOST, parse


def run(serve, broadcast):
    receivers = set()

    async def echo(connection):
        async for message in connection:
            await connection.send(message)

    async def subscribe(connection):
        receivers.add(connection)
        try:
            await connection.wait_closed()
        finally:
            receivers.discard(connection)

    async def publish(connection):
        async for message in connection:
            broadcast(receivers, message)

    handlers = {"/echo": echo, "/subscribe": subscribe, "/publish": publish}

    async def main():
        async with serve(lambda ws: handlers[ws.request.path](ws), HOST, parse().port) as server:
            await server.serve_forever()

    uvloop.run(main())


if __name__ == "__main__":
    from websockets.asyncio.server import broadcast, serve

    run(serve, broadcast)
