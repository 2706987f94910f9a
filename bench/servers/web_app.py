"""The benchmark's application in the terms of ``aiohttp.web``, for aiohttp and for sketch alike.

One text for both: the module ``web`` is handed in, and nothing else differs.
"""

import os

from options import GREETING, PIECE, ROUTES


async def outer(request, handler):
    return await handler(request)


async def middle(request, handler):
    return await handler(request)


async def inner(request, handler):
    return await handler(request)


def make_app(web, options):
    async def plaintext(request):
        return web.Response(text=GREETING)

    async def json(request):
        return web.json_response({"message": GREETING})

    async def user(request):
        return web.Response(text=request.match_info["name"])

    async def echo(request):
        return web.json_response(await request.json())

    async def upload(request):
        received = 0
        async for chunk in request.content.iter_any():
            received += len(chunk)
        return web.Response(text=str(received))

    async def download(request):
        response = web.StreamResponse()
        response.content_type = "application/octet-stream"
        await response.prepare(request)
        for _ in range(options.download_bytes // len(PIECE)):
            await response.write(PIECE)
        await response.write_eof()
        return response

    async def form(request):
        size = 0
        async for part in await request.multipart():
            while piece := await part.read_chunk():
                size += len(piece)
        return web.Response(text=str(size))

    async def resource(request):
        return web.Response(text=request.match_info["id"])

    chain = [web.middleware(step) for step in (outer, middle, inner)]
    app = web.Application(middlewares=chain if options.work == "middlewares" else [])
    app.router.add_get("/", plaintext)
    app.router.add_get("/json", json)
    app.router.add_get("/user/{name}", user)
    app.router.add_post("/echo", echo)
    app.router.add_post("/upload", upload)
    app.router.add_get("/download", download)
    app.router.add_post("/form", form)
    if options.work.endswith("file"):
        app.router.add_static("/files", f"{os.environ['BENCH_WORK_DIRECTORY']}/files")
    if options.work == "routes":
        for number in range(ROUTES):
            app.router.add_get(f"/api/resource{number}/{{id}}", resource)
    return app
