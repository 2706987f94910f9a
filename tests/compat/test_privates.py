"""What tests of plugins do to responses: they hand them mocks."""

import pytest

from tests.compat.running import output, run, run_text

PROGRAM = """
import asyncio
from unittest.mock import AsyncMock
from aiohttp import web

async def answer(request, response):
    await response.prepare(request)
    await response.write(b"one")
    await response.write(b"two")
    await response.write_eof()
    writer = request._payload_writer
    line, fields = writer.write_headers.call_args.args
    written = b"".join(each.args[0] for each in writer.write.call_args_list)
    ending = b"".join(each.args[0] if each.args else b"" for each in writer.write_eof.call_args_list)
    print(response.prepared, response.status, line, fields["Content-Type"], written + ending)

async def main():
    request = MAKE
    request.method = "PROPFIND"
    request.headers = {}
    fields = {"Content-Type": "text/xml", "Content-Length": "6"}
    await answer(request, web.StreamResponse(status=207, headers=fields))

asyncio.run(main())
"""


@pytest.mark.parametrize("mock", ["AsyncMock()", "AsyncMock(spec=web.Request, _payload_writer=AsyncMock())"])
def test_a_mock_is_answered(mock: str) -> None:
    program = PROGRAM.replace("MAKE", mock)
    ours = run_text(program, "-W", "ignore")
    assert ours == "True 207 HTTP/1.1 207 Multi-Status text/xml b'onetwo'"
    assert "207 Multi-Status text/xml b'onetwo'" in output(run("-W", "ignore", "-c", program))
