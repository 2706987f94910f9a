"""The application that the rows are sent to: it says what it was asked, and gives answers of all kinds."""

from sketch import web
from sketch.http.heads import ResponseHead


async def echo(request: web.Request) -> web.Response:
    """What was asked: method and target, the host if it is not the usual one, body and trailers."""
    said = [request.method.encode(), request.rel_url.raw_path_qs.encode()]
    if request.host != "example.org":
        said.append(request.host.encode())
    # Whatever host was taken, its URL can be asked: where it cannot, the answer is 500.
    assert request.url.host is not None or not request.host
    if request.body_exists:
        said.append(await request.read())
    said += [b"%b: %b" % trailer for trailer in request.exchange.request_trailers]
    return web.Response(body=b" ".join(said))


async def hello(request: web.Request) -> web.Response:
    """An answer, without a look at the request's body."""
    return web.Response(body=b"hello")


async def by_status(request: web.Request) -> web.Response:
    """An answer with this status, and a body whether it may have one or not."""
    headers = {"Connection": "upgrade"} if request.path == "/426" else None
    return web.Response(body=b"hello", status=int(request.path[1:]), headers=headers)


async def hint(request: web.Request) -> web.Response:
    """An interim answer, and a final one."""
    request.exchange.inform(ResponseHead(103, "Early Hints"))
    return web.Response(body=b"hello")


async def stream(request: web.Request) -> web.StreamResponse:
    """A body in pieces, of a length that is said before only at ``/counted``."""
    response = web.StreamResponse()
    if request.path == "/counted":
        response.content_length = 5
    await response.prepare(request)
    await response.write(b"hel")
    await response.write(b"lo")
    return response


async def close(request: web.Request) -> web.Response:
    """The last answer on the connection, by the handler's will."""
    return web.Response(body=b"hello", headers={"Connection": "close"})


def make_app() -> web.Application:
    """All of it."""
    app = web.Application()
    for path in ("/204", "/205", "/304", "/426"):
        app.router.add_get(path, by_status)
    app.router.add_get("/only-get", echo)
    app.router.add_get("/answer", hello)
    app.router.add_post("/deaf", hello)
    app.router.add_get("/hints", hint)
    app.router.add_get("/close", close)
    app.router.add_get("/stream", stream)
    app.router.add_get("/counted", stream)
    app.router.add_route("*", "/{tail:(?!only-get).*}", echo)
    return app
