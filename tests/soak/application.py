"""The application that is attacked: every way in which a handler can treat a request, and nothing that fails.

It keeps a record of requests begun, so that an answer which never came can be told from a request that never
did. It does not know what its clients are up to.
"""

import asyncio
import itertools
import os
import zlib
from collections.abc import Awaitable, Callable

from sketch import web

RECORD = web.AppKey("RECORD", int)
"""The descriptor of a file to which the number of each request is written as it begins; negative for none."""

PIECE = bytes(range(256)) * 64
"""16 KiB, of which downloads are made."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

routes = web.RouteTableDef()


def checksum(body: bytes) -> str:
    """What `/take` and `/work/upload` answer for a body."""
    return f"{len(body)} {zlib.crc32(body)}"


@routes.get("/")
async def hello(request: web.Request) -> web.Response:
    return web.Response(text="hello")


@routes.post("/take")
async def take(request: web.Request) -> web.Response:
    return web.Response(text=checksum(await request.read()))


@routes.post("/echo")
async def echo(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    async for piece in request.content.iter_any():
        await response.write(piece)
    return response


@routes.post("/ignore")
async def ignore(request: web.Request) -> web.Response:
    await asyncio.sleep(0)
    return web.Response(text="ignored")


@routes.get("/download/{size}")
async def download(request: web.Request) -> web.StreamResponse:
    """So many bytes, in pieces of at most 16 KiB."""
    response = web.StreamResponse()
    await response.prepare(request)
    left = int(request.match_info["size"])
    while left > 0:
        await response.write(PIECE[:left])
        left -= len(PIECE)
    return response


@routes.get("/drops/{count}")
async def drops(request: web.Request) -> web.StreamResponse:
    """So many pieces of ten bytes, each in a turn of the loop of its own."""
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(int(request.match_info["count"])):
        await response.write(b"0123456789")
        await asyncio.sleep(0)
    return response


WHOLE = PIECE * 128
"""2 MiB."""


@routes.get("/whole")
async def whole(request: web.Request) -> web.Response:
    """2 MiB, handed over at once."""
    return web.Response(body=WHOLE)


# -- requests with a number, for which somebody keeps accounts ---------------------------------------------


def _begin(request: web.Request) -> str:
    number = request.match_info["number"]
    if (record := request.app[RECORD]) >= 0:
        # One write of one line: processes that share the file do not mix theirs (O_APPEND).
        os.write(record, f"{number}\n".encode())
    return number


@routes.get("/work/quick/{number}")
async def work_quickly(request: web.Request) -> web.Response:
    return web.Response(text=_begin(request))


@routes.get("/work/wait/{number}")
async def work_a_while(request: web.Request) -> web.Response:
    number = _begin(request)
    await asyncio.sleep(0.03)
    return web.Response(text=number)


@routes.post("/work/upload/{number}")
async def work_on_a_body(request: web.Request) -> web.Response:
    number = _begin(request)
    return web.Response(text=f"{number} {checksum(await request.read())}")


@routes.get("/work/stream/{number}")
async def work_in_pieces(request: web.Request) -> web.StreamResponse:
    number = _begin(request)
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(20):
        await response.write(f"{number}\n".encode())
        await asyncio.sleep(0.001)
    return response


# -- requests for anything: each of these in turn ----------------------------------------------------------


async def read_text(request: web.Request) -> web.Response:
    try:
        return web.Response(text=await request.text())
    except (ValueError, LookupError) as error:
        raise web.HTTPBadRequest(text=type(error).__name__) from error


async def read_json(request: web.Request) -> web.Response:
    try:
        return web.json_response(await request.json())
    except (ValueError, LookupError, RecursionError) as error:
        raise web.HTTPBadRequest(text=type(error).__name__) from error


async def read_lines(request: web.Request) -> web.Response:
    count = 0
    while await request.content.readline():
        count += 1
    return web.Response(text=str(count))


async def look_at_everything(request: web.Request) -> web.Response:
    """Every view that is made when it is first asked for."""
    views = (
        request.method, request.version, request.rel_url, request.url, request.scheme, request.host,
        request.remote, request.path, request.path_qs, request.query_string, dict(request.query),
        dict(request.headers), request.raw_headers, dict(request.cookies), request.content_type,
        request.charset, request.content_length, request.keep_alive, request.can_read_body, repr(request),
    )  # fmt: skip
    return web.Response(text=str(len(str(views))))


async def take_a_piece(request: web.Request) -> web.Response:
    """Reads the beginning of a body, and leaves the rest to the server."""
    return web.Response(body=await request.content.readany())


async def refuse(request: web.Request) -> web.Response:
    raise web.HTTPForbidden(text="no")


async def close(request: web.Request) -> web.Response:
    response = web.Response(text="the last one")
    response.force_close()
    return response


async def serve_drops(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"X-Kind": "drops"})
    await response.prepare(request)
    for _ in range(5):
        await response.write(b"drop")
        await asyncio.sleep(0)
    return response


WAYS: tuple[Handler, ...] = (
    hello, take, echo, ignore, read_text, read_json, read_lines, look_at_everything, take_a_piece, refuse,
    close, serve_drops,
)  # fmt: skip


def make_app(record: int = -1) -> web.Application:
    """The application. ``record`` is a descriptor opened for appending."""
    app = web.Application()
    app[RECORD] = record
    app.add_routes(routes)
    ways = itertools.cycle(WAYS)

    async def treat_somehow(request: web.Request) -> web.StreamResponse:
        return await next(ways)(request)

    app.router.add_route("*", "/{anything:.*}", treat_somehow)
    return app
