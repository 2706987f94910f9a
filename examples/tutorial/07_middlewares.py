"""Chapter 7: middlewares.

A middleware is called in the place of the handler and given the handler to call. The first in the list
is the outermost: it sees the request first and the response last.

    curl -i http://127.0.0.1:8080/
    curl -i -H "Authorization: Bearer letmein" http://127.0.0.1:8080/
"""

import time

from sketch.application import Application, run_app
from sketch.middleware import Handler
from sketch.request import Request
from sketch.response import Response, StreamResponse


async def measure(request: Request, handler: Handler) -> StreamResponse:
    started = time.perf_counter()
    response = await handler(request)
    milliseconds = (time.perf_counter() - started) * 1000
    response.headers["Server-Timing"] = f"total;dur={milliseconds:.1f}"
    return response


async def authorize(request: Request, handler: Handler) -> StreamResponse:
    if request.headers.get("Authorization") != "Bearer letmein":
        return Response("Who are you?\n", status=401, headers={"WWW-Authenticate": "Bearer"})
    return await handler(request)


async def index(request: Request) -> Response:
    return Response("Come in.\n")


app = Application(middlewares=[measure, authorize])
app.router.add_get("/", index)

if __name__ == "__main__":
    run_app(app)
