"""Servers that send back every message: ``python -m tests.conformance.autobahn.programs NAME DESCRIPTOR``.

The one that is judged, `sketch`, and others to compare it with, all with limits that the largest message of
the suites (16 MiB) is within. They inherit a listening socket.
"""

import argparse
import asyncio
import logging
import os
import socket
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any

LARGEST = 2**25
"""Bytes of a message."""


def _make_application(web: Any, *, compress: bool, decode_text: bool) -> Any:
    """The same program for both libraries that have these names."""

    async def echo(request: Any) -> Any:
        websocket = web.WebSocketResponse(compress=compress, max_msg_size=LARGEST, decode_text=decode_text)
        await websocket.prepare(request)
        async for message in websocket:
            if message.type is web.WSMsgType.TEXT and decode_text:
                await websocket.send_str(message.data)
            elif message.type is web.WSMsgType.TEXT:
                await websocket.send_frame(message.data, message.type)
            elif message.type is web.WSMsgType.BINARY:
                await websocket.send_bytes(message.data)
        return websocket

    application = web.Application()
    application.router.add_get("/", echo)
    return application


def _make_listening_application(web: Any, *, compress: bool) -> Any:
    """The same for a function that is called with the messages."""

    async def echo(request: Any) -> Any:
        websocket = web.WebSocketResponse(compress=compress, max_msg_size=LARGEST)
        await websocket.prepare(request)
        await websocket.listen(lambda message: websocket.send_nowait(message.data))
        return websocket

    application = web.Application()
    application.router.add_get("/", echo)
    return application


def _run_with_names(module: str, sock: socket.socket, options: argparse.Namespace) -> None:
    web = import_module(module)
    if options.listens:
        application = _make_listening_application(web, compress=options.compress)
    else:
        application = _make_application(web, compress=options.compress, decode_text=options.decode_text)
    loop = import_module("uvloop").new_event_loop() if options.loop == "uvloop" else asyncio.new_event_loop()
    web.run_app(application, sock=sock, access_log=None, print=None, loop=loop)


def run_sketch(sock: socket.socket, options: argparse.Namespace) -> None:
    """`sketch.web`."""
    _run_with_names("sketch.web", sock, options)


def run_aiohttp(sock: socket.socket, options: argparse.Namespace) -> None:
    """The same program, with `aiohttp.web`."""
    _run_with_names("aiohttp.web", sock, options)


def run_websockets(sock: socket.socket, options: argparse.Namespace) -> None:
    """The library ``websockets``, its asyncio server, which has a limit for fragments, too: of the suites'
    messages the largest have 65536."""
    os.environ["WEBSOCKETS_MAX_FRAGMENTS"] = "65536"
    server = import_module("websockets.asyncio.server")
    closed = import_module("websockets.exceptions").ConnectionClosed

    async def echo(connection: Any) -> None:
        try:
            async for message in connection:
                await connection.send(message)
        except closed:
            return

    async def main() -> None:
        compression = "deflate" if options.compress else None
        async with server.serve(echo, sock=sock, max_size=LARGEST, compression=compression):
            await asyncio.Event().wait()

    asyncio.run(main())


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """The program for servers that speak ASGI."""
    if scope["type"] == "lifespan":
        while True:
            event = await receive()
            await send({"type": f"{event['type']}.complete"})
            if event["type"] == "lifespan.shutdown":
                return
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 404})
        await send({"type": "http.response.body"})
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        if event.get("text") is not None:
            await send({"type": "websocket.send", "text": event["text"]})
        else:
            await send({"type": "websocket.send", "bytes": event["bytes"]})


def run_uvicorn(sock: socket.socket, options: argparse.Namespace) -> None:
    """uvicorn, with the library for WebSockets that it takes by itself."""
    uvicorn = import_module("uvicorn")
    config = uvicorn.Config(
        asgi,
        log_level="error",
        loop=options.loop,
        ws_max_size=LARGEST,
        ws_per_message_deflate=options.compress,
    )
    asyncio.run(uvicorn.Server(config).serve(sockets=[sock]))


def run_granian(sock: socket.socket, options: argparse.Namespace) -> None:
    """granian, which makes its socket itself, on the same port. It has no compression."""
    port = sock.getsockname()[1]
    sock.close()
    granian = import_module("granian")
    granian.Granian(f"{__spec__.name}:asgi", port=port, interface="asgi", log_enabled=False).serve()


PROGRAMS: dict[str, Callable[[socket.socket, argparse.Namespace], None]] = {
    "sketch": run_sketch,
    "aiohttp": run_aiohttp,
    "websockets": run_websockets,
    "uvicorn": run_uvicorn,
    "granian": run_granian,
}


def describe(name: str) -> str:
    """A program with its version."""
    return name if name == "sketch" else f"{name} {version(name)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until the process is told to end. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.autobahn.programs")
    parser.add_argument("name", choices=PROGRAMS)
    parser.add_argument("descriptor", type=int)
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    parser.add_argument("--no-deflate", dest="compress", action="store_false")
    parser.add_argument("--bytes", dest="decode_text", action="store_false", help="text is not decoded")
    parser.add_argument("--listen", dest="listens", action="store_true", help="a function is called")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING)
    PROGRAMS[options.name](socket.socket(fileno=options.descriptor), options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
