"""Names that aiohttp has deprecated: each works, and warns at the line of the program that uses it."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from sketch.application import Application
from sketch.deprecated import RawRequestMessage
from sketch.http.memory import MemoryExchange
from sketch.request import BaseRequest
from sketch.response import StreamResponse
from tests.asking import ask_handler, play


def warned_here(use: Callable[[], Any], match: str) -> Any:
    """What ``use``, which stands in one line, returns; fails unless it warns at that line."""
    with pytest.warns(DeprecationWarning, match=match) as caught:
        result = use()
    assert [warning.filename for warning in caught] == [__file__]
    first = inspect.getsourcelines(use)[1]
    assert first <= caught[0].lineno <= first + 2
    return result


def test_requests() -> None:
    async def steps(request: BaseRequest) -> None:
        assert warned_here(lambda: request.loop, "get_running_loop") is asyncio.get_running_loop()
        assert warned_here(lambda: request.has_body, "can_read_body") is True
        message = warned_here(lambda: request.message, "message")
        assert message == RawRequestMessage(
            "POST",
            "/a?b=c",
            request.version,
            request.headers,
            request.raw_headers,
            False,
            "gzip",
            False,
            False,
            request.rel_url,
        )

    play(steps, MemoryExchange("POST", "/a?b=c", [("Content-Encoding", "GZIP")], b"abc"))


def test_a_coding_that_nobody_decodes_is_none() -> None:
    async def steps(request: BaseRequest) -> None:
        message = warned_here(lambda: request.message, "message")
        assert (message.compression, message.should_close) == (None, True)
        assert warned_here(lambda: request.has_body, "can_read_body") is False

    play(steps, MemoryExchange("GET", "/", [("Content-Encoding", "x-own"), ("Connection", "close")]))


def test_responses() -> None:
    async def handler(request: BaseRequest) -> StreamResponse:
        response = StreamResponse()
        with pytest.warns(DeprecationWarning), pytest.raises(RuntimeError, match="prepare"):
            _ = response.output_length
        with pytest.warns(DeprecationWarning), pytest.raises(RuntimeError, match="not been started"):
            await response.drain()
        warned_here(lambda: response.enable_chunked_encoding(chunk_size=8), "each write is a chunk")
        assert response.chunked
        await response.prepare(request)
        await response.write(b"abc")
        assert warned_here(lambda: response.output_length, "body_length") == response.body_length > 3
        with pytest.warns(DeprecationWarning, match="waits by itself") as caught:
            await response.drain()
        assert caught[0].filename == __file__
        return response

    assert ask_handler(handler).response_body == b"abc"


def test_an_application_as_a_server() -> None:
    async def run() -> None:
        app = Application()
        server = warned_here(lambda: app.make_handler(access_log=None), "AppRunner")
        assert app.frozen
        assert server.connections == []
        with pytest.warns(DeprecationWarning), pytest.raises(TypeError, match="unknown keyword 'keepalive'"):
            app.make_handler(keepalive=1)

    asyncio.run(run())
