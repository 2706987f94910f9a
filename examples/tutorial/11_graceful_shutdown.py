"""Chapter 11: graceful shutdown.

SIGTERM, as a supervisor sends it, and SIGINT, which is Ctrl-C, end the server in order: it stops
accepting connections, lets requests in flight finish within `shutdown_timeout` seconds, runs the hooks
and exits with 0. Ask for /slow, and stop the server while it works:

    curl http://127.0.0.1:8080/slow
"""

import asyncio

from sketch.application import Application, run_app
from sketch.request import Request
from sketch.response import Response


async def slow(request: Request) -> Response:
    print("working")
    await asyncio.sleep(1)
    return Response("It took a while, but here it is.\n")


async def on_cleanup(app: Application) -> None:
    print("everything is put away")


app = Application()
app.on_cleanup.append(on_cleanup)
app.router.add_get("/slow", slow)

if __name__ == "__main__":
    run_app(app, shutdown_timeout=10)
