"""A bare RSGI application on granian: one worker, one runtime thread, uvloop, HTTP/1, without access log.

RSGI has no framework of its own, so middlewares and routes are what a program by hand would have: three
functions around the application, and a dictionary from a path's head to its handler.
"""

import json

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops
from options import GREETING, HOST, PIECE, ROUTES, log_to_file, parse

OPTIONS = parse()
TEXT = [("content-type", "text/plain; charset=utf-8")]
JSON = [("content-type", "application/json")]
BINARY = [("content-type", "application/octet-stream")]


async def plaintext(scope, protocol):
    protocol.response_str(200, TEXT, GREETING)


async def send_json(scope, protocol):
    protocol.response_str(200, JSON, json.dumps({"message": GREETING}))


async def last_segment(scope, protocol):
    protocol.response_str(200, TEXT, scope.path.rpartition("/")[2])


async def echo(scope, protocol):
    protocol.response_str(200, JSON, json.dumps(json.loads(await protocol())))


async def upload(scope, protocol):
    received = 0
    async for chunk in protocol:
        received += len(chunk)
    protocol.response_str(200, TEXT, str(received))


async def download(scope, protocol):
    transport = protocol.response_stream(200, BINARY)
    for _ in range(OPTIONS.download_bytes // len(PIECE)):
        await transport.send_bytes(PIECE)


PLAIN = {
    ("GET", "/"): plaintext,
    ("GET", "/json"): send_json,
    ("POST", "/echo"): echo,
    ("POST", "/upload"): upload,
    ("GET", "/download"): download,
}
WITH_PARAMETER = {("GET", "/user"): last_segment}
if OPTIONS.work == "routes":
    WITH_PARAMETER |= {("GET", f"/api/resource{number}"): last_segment for number in range(ROUTES)}


async def route(scope, protocol):
    handler = PLAIN.get((scope.method, scope.path))
    if handler is None:
        handler = WITH_PARAMETER.get((scope.method, scope.path.rpartition("/")[0]))
    if handler is None:
        protocol.response_str(404, TEXT, "Not Found")
    else:
        await handler(scope, protocol)


def pass_on(application):
    async def middleware(scope, protocol):
        await application(scope, protocol)

    return middleware


app = pass_on(pass_on(pass_on(route))) if OPTIONS.work == "middlewares" else route

if __name__ == "__main__":
    logging = {}
    if OPTIONS.access_log:
        logging = {
            "log_access": True,
            "log_dictconfig": log_to_file("granian.access", "_granian", path=OPTIONS.access_log),
        }
    Granian(
        "serve_granian_rsgi:app",
        address=HOST,
        port=OPTIONS.port,
        interface=Interfaces.RSGI,
        workers=1,
        runtime_threads=1,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
        # By default it stops accepting at 1024 open connections.
        backpressure=8192,
        log_enabled=bool(logging),
        **logging,
    ).serve()
