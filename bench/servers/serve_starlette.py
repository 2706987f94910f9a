"""starlette on uvicorn with uvloop and httptools, one process, without access log.

The middlewares are plain ASGI ones, which starlette recommends for speed.
"""

import uvicorn
from options import GREETING, HOST, PIECE, ROUTES, log_to_file, parse
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route

options = parse()


class PassOn:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)


async def plaintext(request):
    return PlainTextResponse(GREETING)


async def json(request):
    return JSONResponse({"message": GREETING})


async def user(request):
    return PlainTextResponse(request.path_params["name"])


async def echo(request):
    return JSONResponse(await request.json())


async def upload(request):
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
    return PlainTextResponse(str(received))


async def pieces():
    for _ in range(options.download_bytes // len(PIECE)):
        yield PIECE


async def download(request):
    return StreamingResponse(pieces(), media_type="application/octet-stream")


async def resource(request):
    return PlainTextResponse(request.path_params["id"])


routes = [
    Route("/", plaintext),
    Route("/json", json),
    Route("/user/{name}", user),
    Route("/echo", echo, methods=["POST"]),
    Route("/upload", upload, methods=["POST"]),
    Route("/download", download),
]
if options.work == "routes":
    routes += [Route(f"/api/resource{number}/{{id}}", resource) for number in range(ROUTES)]
middleware = [Middleware(PassOn) for _ in range(3)] if options.work == "middlewares" else []

uvicorn.run(
    Starlette(routes=routes, middleware=middleware),
    host=HOST,
    port=options.port,
    loop="uvloop",
    http="httptools",
    ws="none",
    lifespan="off",
    access_log=options.access_log is not None,
    log_level="info" if options.access_log else "warning",
    log_config=log_to_file("uvicorn.access", path=options.access_log) if options.access_log else None,
    timeout_keep_alive=75,
)
