"""What programs see of a connection."""

import asyncio
from typing import Any

import pytest

from sketch import web
from sketch.http.limits import Limits

REQUEST = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n"


async def talk(handler: Any, *paths: bytes) -> bytes:
    """All that a client gets on one connection."""
    server = web.Server(handler, access_log=None, limits=Limits(keepalive_timeout=7))
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname()[:2])
    writer.write(b"".join([REQUEST % path for path in paths]))
    answer = await reader.read()
    writer.close()
    listener.close()
    await server.shutdown(1)
    return answer


def test_who_is_connected() -> None:
    seen: list[Any] = []

    async def look(request: web.BaseRequest) -> web.Response:
        handler: web.RequestHandler = request.protocol
        assert isinstance(handler, web.RequestHandler)
        assert request.task is asyncio.current_task()
        seen.append(request)
        assert handler.connected
        assert handler.peername == request.get_extra_info("peername")
        assert handler.sockname == request.get_extra_info("sockname")
        assert handler.ssl_context is None
        assert handler.keepalive_timeout == 7
        handler.keep_alive(True)
        handler.close()
        return web.Response(text="text")

    answer = asyncio.run(talk(look, b"", b"never"))
    assert answer.count(b"HTTP/1.1 200 OK") == 1
    assert b"Connection: close" in answer
    (request,) = seen
    # Programs ask it whether the client is still there.
    gone = request.protocol
    assert isinstance(gone, web.RequestHandler) and gone.transport is None
    assert (gone.connected, gone.peername, gone.ssl_context) == (False, None, None)


@pytest.mark.parametrize("cut", ["force_close", "abort"])
def test_a_connection_that_is_cut(cut: str) -> None:
    async def leave(request: web.BaseRequest) -> web.Response:
        getattr(request.protocol, cut)()
        return web.Response(text="never")

    assert asyncio.run(talk(leave, b"")) == b""


def test_the_last_answer() -> None:
    async def last(request: web.BaseRequest) -> web.Response:
        if request.path == "/last":
            request.protocol.keep_alive(False)
        return web.Response(text=request.path)

    answer = asyncio.run(talk(last, b"first", b"last", b"never"))
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert answer.endswith(b"/last")


def test_the_task_is_the_handlers_and_can_be_cancelled_from_elsewhere() -> None:
    async def wait(request: web.BaseRequest) -> web.Response:
        def cancel() -> None:
            assert request.task is not None
            request.task.cancel()

        asyncio.get_running_loop().call_soon(cancel)
        await asyncio.Event().wait()
        raise AssertionError("cancelled before")

    assert asyncio.run(talk(wait, b"")) == b""
