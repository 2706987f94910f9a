"""Requests that are made of mocks."""

import asyncio
import ssl
from typing import Any
from unittest import mock

import aiohttp
import pytest

from sketch import web
from sketch.http.heads import HttpVersion10
from sketch.streams import EMPTY_PAYLOAD
from sketch.testing import make_mocked_coro, make_mocked_request


def test_what_is_asked() -> None:
    request = make_mocked_request("get", "/a%20b?x=1", {"Host": "h.example:81", "X-A": "ä"})
    assert isinstance(request, web.Request)
    assert (request.method, request.path, request.path_qs) == ("GET", "/a b", "/a%20b?x=1")
    assert dict(request.query) == {"x": "1"} and request.host == "h.example:81"
    assert dict(request.headers) == {"Host": "h.example:81", "X-A": "ä"}
    assert request.raw_headers[1] == (b"X-A", "ä".encode())
    assert str(request.url) == "http://h.example:81/a%20b?x=1"
    assert request.version == (1, 1) and request.keep_alive and not request.body_exists
    assert request.remote is None and not request.secure
    assert dict(make_mocked_request("GET", "/").headers) == {}


def test_connections_that_close() -> None:
    assert not make_mocked_request("GET", "/", closing=True).keep_alive
    assert not make_mocked_request("GET", "/", version=HttpVersion10).keep_alive


def test_match_info_and_application() -> None:
    request = make_mocked_request("GET", "/", match_info={"name": "value"})
    assert request.match_info["name"] == "value"
    assert isinstance(request.app, web.Application)
    request.app["key"] = 1
    assert request.app["key"] == 1 and "key" in request.app and request.app.get("other") is None
    with pytest.raises(KeyError):
        request.app["other"]
    app = web.Application()
    key = web.AppKey("key", int)
    app[key] = 2
    request = make_mocked_request("GET", "/", app=app)
    assert request.app is app and request.config_dict[key] == 2
    mine = web.RequestKey("mine", int)
    request[mine] = 3
    assert dict(request) == {mine: 3}


def test_what_is_around_it() -> None:
    context = mock.Mock(spec=ssl.SSLContext)
    request = make_mocked_request("GET", "/", sslcontext=context)
    assert request.secure and request.scheme == "https"
    assert request.transport.get_extra_info("sslcontext") is context
    assert request.get_extra_info("sockname") == ("127.0.0.1", 80)
    assert request.get_extra_info("nothing", 7) == 7
    transport = mock.Mock()
    transport.get_extra_info.return_value = ("192.0.2.1", 1)
    request = make_mocked_request("GET", "/", transport=transport)
    assert request.remote == "192.0.2.1" and request.transport is transport
    assert request.protocol.transport is transport and not request.secure
    protocol, writer = mock.Mock(ssl_context=None, peername=None), mock.Mock()
    request = make_mocked_request("GET", "/", protocol=protocol, writer=writer)
    assert request.protocol is protocol and request.writer is writer and request.task is not None


def test_the_loop() -> None:
    async def main() -> None:
        assert make_mocked_request("GET", "/").loop is asyncio.get_running_loop()

    asyncio.run(main())
    assert isinstance(make_mocked_request("GET", "/").loop, mock.Mock)
    assert make_mocked_request("GET", "/", loop=None).loop is None


def read(**options: Any) -> bytes:
    async def main() -> bytes:
        return await make_mocked_request("POST", "/", **options).read()

    return asyncio.run(main())


def test_bodies() -> None:
    assert read() == b"" == read(headers={"Content-Length": "5"}) == read(payload=b"")
    assert read(payload=b"abc") == b"abc"
    request = make_mocked_request("POST", "/", payload=b"abc")
    assert request.body_exists and request.can_read_body
    with pytest.raises(web.HTTPRequestEntityTooLarge):
        read(payload=b"x" * 11, client_max_size=10)
    request = make_mocked_request("POST", "/", payload=EMPTY_PAYLOAD)
    assert not request.body_exists and not request.can_read_body


def test_bodies_of_aiohttp() -> None:
    async def main() -> None:
        payload = aiohttp.StreamReader(mock.Mock(), 2**16, loop=asyncio.get_running_loop())
        payload.feed_data(b"abc")
        payload.feed_data(b"def")
        payload.feed_eof()
        request = make_mocked_request("POST", "/", payload=payload)
        assert request.can_read_body
        assert await request.text() == "abcdef" and await request.read() == b"abcdef"
        payload = aiohttp.StreamReader(mock.Mock(), 2**16, loop=asyncio.get_running_loop())
        payload.feed_data(b"abc")
        payload.feed_eof()
        with pytest.raises(web.HTTPRequestEntityTooLarge):
            await make_mocked_request("POST", "/", payload=payload, client_max_size=2).read()
        empty = make_mocked_request("POST", "/", payload=aiohttp.EMPTY_PAYLOAD)
        assert not empty.body_exists and await empty.read() == b""

    asyncio.run(main())


def test_answers() -> None:
    async def main() -> None:
        request = make_mocked_request("GET", "/")
        response = web.StreamResponse(status=201)
        await response.prepare(request)
        await response.write(b"abc")
        await response.write_eof()
        assert response.prepared
        line, fields = request.writer.write_headers.call_args.args
        assert line == "HTTP/1.1 201 Created" and fields["Transfer-Encoding"] == "chunked"
        request.writer.write.assert_called_once_with(b"abc")
        request.writer.write_eof.assert_called_once_with(b"")
        assert request.answered.response_body == b"abc"
        head = request.answered.response_head
        assert head is not None and head.status == 201

    asyncio.run(main())


def test_a_response_at_once() -> None:
    async def main() -> None:
        request = make_mocked_request("GET", "/")
        response = web.Response(text="hello")
        await response.prepare(request)
        await response.write_eof()
        assert request.answered.response_body == b"hello"
        assert request.writer.write_headers.call_count == 1

    asyncio.run(main())


def test_hooks_of_the_application() -> None:
    async def main() -> None:
        async def sign(request: web.Request, response: web.StreamResponse) -> None:
            response.headers["X-Signed"] = "1"

        app = web.Application()
        app.on_response_prepare.append(sign)
        app.freeze()
        response = web.StreamResponse()
        await response.prepare(make_mocked_request("GET", "/", app=app))
        assert response.headers["X-Signed"] == "1"

    asyncio.run(main())


def test_clones() -> None:
    request = make_mocked_request("GET", "/a", {"X": "1"}, match_info={"n": "v"})
    clone = request.clone(method="PUT", rel_url="/b")
    assert (clone.method, clone.path, clone.headers["X"]) == ("PUT", "/b", "1")
    assert clone.match_info == {"n": "v"} and clone.protocol is request.protocol


def test_fields_about_the_connection() -> None:
    fields = {"Connection": "Upgrade", "Upgrade": "websocket"}
    assert make_mocked_request("GET", "/", fields).upgrade_offers == ("websocket",)
    fields = {"Content-Length": "3", "Content-Type": "text/plain; charset=latin-1"}
    request = make_mocked_request("POST", "/", fields, payload=b"\xe4bc")
    assert request.content_length == 3
    assert asyncio.run(request.text()) == "äbc"


def test_coroutines_that_are_mocks() -> None:
    async def main() -> None:
        async def later() -> int:
            return 4

        coroutine = make_mocked_coro(3)
        assert await coroutine("a", b=1) == 3
        coroutine.assert_called_once_with("a", b=1)
        assert await make_mocked_coro(later())() == 4
        with pytest.raises(LookupError):
            await make_mocked_coro(raise_exception=LookupError())()

    asyncio.run(main())
