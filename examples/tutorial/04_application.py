"""Chapter 4: the application and its `UrlDispatcher`.

One handler becomes many: the application asks its router which one a request is for, and answers 404
where there is none. `sketch.server.Server` takes the place of the protocol written by hand; it knows
nothing of applications, only a handler of exchanges.

    curl http://127.0.0.1:8080/
    curl http://127.0.0.1:8080/about
    curl -i http://127.0.0.1:8080/nowhere
"""

import asyncio
import signal

from sketch.application import Application
from sketch.request import Request
from sketch.response import Response
from sketch.server import Server


async def index(request: Request) -> Response:
    return Response("Hello, world!\n")


async def about(request: Request) -> Response:
    return Response(f"You asked for {request.path}\n")


app = Application()
app.router.add_route("GET", "/", index)
app.router.add_route("GET", "/about", about)


async def serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    await app.startup()
    server = Server(app.make_exchange_handler())
    listening = await loop.create_server(server, "127.0.0.1", port)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    print(f"Running on http://127.0.0.1:{port}")

    await stopped.wait()
    listening.close()
    server.pre_shutdown()
    await app.shutdown()
    await server.shutdown(timeout=10)
    await app.cleanup()


def main(port: int = 8080) -> None:
    asyncio.run(serve(port))


if __name__ == "__main__":
    main()
