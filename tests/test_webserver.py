"""`web.Server`: a request handler without an application."""

import asyncio
import logging
from typing import Any

import pytest

from sketch import web
from sketch.accesslog import AbstractAccessLogger
from sketch.http.exchange import Exchange


async def show(request: web.BaseRequest) -> web.Response:
    return web.Response(text=f"{type(request).__name__} {request.method} {request.path}")


async def talk(server: web.Server, request: bytes) -> bytes:
    """What a server sends back on one connection."""
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(server, "127.0.0.1", 0)
    try:
        reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname()[:2])
        writer.write(request)
        answer = await reader.read()
        writer.close()
    finally:
        listener.close()
        await server.shutdown(1.0)
    return answer


REQUEST = b"GET /any/path HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def serve(handler: Any = show, request: bytes = REQUEST, **options: Any) -> bytes:
    async def run() -> bytes:
        return await talk(web.Server(handler, **options), request)

    return asyncio.run(run())


def test_one_handler_answers_every_path() -> None:
    assert serve().endswith(b"\r\n\r\nBaseRequest GET /any/path")


def test_requests_of_the_programs_own() -> None:
    class Special(web.BaseRequest):
        pass

    def make(exchange: Exchange) -> Special:
        return Special(exchange)

    assert serve(request_factory=make).endswith(b"Special GET /any/path")


@pytest.mark.parametrize("access_log", [None, logging.getLogger("sketch.access")])
def test_requests_that_cannot_be_made(
    access_log: logging.Logger | None, caplog: pytest.LogCaptureFixture
) -> None:
    def make(exchange: Exchange) -> web.BaseRequest:
        raise LookupError("no idea")

    with caplog.at_level(logging.INFO):
        answer = serve(request_factory=make, access_log=access_log)
    assert answer.startswith(b"HTTP/1.1 500 ") and b"no idea" not in answer
    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.getMessage() == "Error making a request of GET /any/path"
    assert record.exc_info is not None


def test_a_handler_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(request: web.BaseRequest) -> web.Response:
        raise LookupError("inside")

    logger = logging.getLogger("test.webserver")
    with caplog.at_level(logging.ERROR):
        answer = serve(fail, logger=logger)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"inside" not in answer
    assert [record.name for record in caplog.records] == ["test.webserver"]
    assert b"inside" in serve(fail, logger=logger, debug=True)


class Recorder(AbstractAccessLogger):
    lines: list[tuple[str, int]] = []

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        self.lines.append((request.method, response.status))


def test_answers_and_refusals_are_logged() -> None:
    Recorder.lines.clear()
    serve(access_log_class=Recorder)
    assert serve(request=b"nonsense\r\n\r\n", access_log_class=Recorder).startswith(b"HTTP/1.1 400 ")
    assert [status for _, status in Recorder.lines] == [200, 400]
    serve(access_log_class=Recorder, access_log=None)
    assert len(Recorder.lines) == 2


def test_what_is_no_handler() -> None:
    with pytest.raises(TypeError, match="handler must be"):
        serve(None)


def test_an_option_that_does_not_exist() -> None:
    with pytest.raises(TypeError, match="keepalive_timeot"):
        serve(keepalive_timeot=3)


def test_serving_through_a_runner() -> None:
    async def run() -> bytes:
        runner = web.ServerRunner(web.Server(show))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
        writer.write(REQUEST)
        answer = await reader.read()
        writer.close()
        await runner.cleanup()
        return answer

    assert asyncio.run(run()).endswith(b"BaseRequest GET /any/path")
