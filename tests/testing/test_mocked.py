"""Requests that are made of mocks."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any
from unittest import mock

import aiohttp
import pytest

from sketch import web
from sketch.http.heads import HttpVersion10
from sketch.multipart import BodyPartReader
from sketch.streams import EMPTY_PAYLOAD, reader_of
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


FORM = (
    b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    b'--b\r\nContent-Disposition: form-data; name="f"; filename="x.css"\r\nContent-Type: text/css\r\n\r\n'
    b"file\r\n"
    b"--b--\r\n"
)
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}


class Strange:
    """A reader with the methods of aiohttp's, and nothing else in common with ours."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def at_eof(self) -> bool:
        return not self._data

    async def readany(self) -> bytes:
        data, self._data = self._data, b""
        return data

    async def readchunk(self) -> tuple[bytes, bool]:
        return await self.readany(), False


def reader_of_aiohttp(data: bytes) -> aiohttp.StreamReader:
    reader = aiohttp.StreamReader(mock.Mock(), 2**16, loop=asyncio.get_running_loop())
    reader.feed_data(data)
    reader.feed_eof()
    return reader


PAYLOADS = pytest.mark.parametrize(
    "make_payload",
    [bytes, reader_of, reader_of_aiohttp, Strange],
    ids=["bytes", "ours", "aiohttp's", "another"],
)


async def post(request: web.Request) -> dict[str, Any]:
    fields = await request.post()
    assert await request.post() is fields
    return {name: _show(value) for name, value in fields.items()}


def _show(value: Any) -> Any:
    if not isinstance(value, web.FileField):
        return value
    assert not value.file.closed
    return value.filename, value.content_type, value.file.read()


async def parts(request: web.Request) -> list[tuple[str | None, bytes]]:
    found = []
    async for item in await request.multipart():
        assert isinstance(item, BodyPartReader)
        found.append((item.name, await item.read()))
    return found


@PAYLOADS
@pytest.mark.parametrize("is_read_before", [False, True])
def test_forms(make_payload: Callable[[bytes], Any], is_read_before: bool) -> None:
    async def main() -> None:
        def make(fields: dict[str, str], data: bytes) -> Any:
            return make_mocked_request("POST", "/", fields, payload=make_payload(data))

        async with asyncio.timeout(10):
            for asked, fields, data, expected in (
                (post, MULTIPART, FORM, {"a": "1", "f": ("x.css", "text/css", b"file")}),
                (parts, MULTIPART, FORM, [("a", b"1"), ("f", b"file")]),
                (post, URLENCODED, b"a=1&b=%C3%BC", {"a": "1", "b": "ü"}),
            ):
                request = make(fields, data)
                if is_read_before:
                    assert await request.read() == data
                assert await asked(request) == expected
                request.answered.end()

    asyncio.run(main())


@PAYLOADS
def test_forms_that_are_refused(make_payload: Callable[[bytes], Any]) -> None:
    async def main() -> None:
        def make(fields: dict[str, str], data: bytes, **options: Any) -> Any:
            return make_mocked_request("POST", "/", fields, payload=make_payload(data), **options)

        with pytest.raises(web.HTTPBadRequest, match="before its last boundary"):
            await make(MULTIPART, FORM[:-9]).post()
        with pytest.raises(web.HTTPBadRequest, match="before its last boundary"):
            await parts(make(MULTIPART, FORM[:-9]))
        with pytest.raises(web.HTTPBadRequest, match="boundary"):
            await make({"Content-Type": "multipart/form-data"}, FORM).post()
        with pytest.raises(web.HTTPUnsupportedMediaType):
            await make(URLENCODED, b"a=1").multipart()
        with pytest.raises(web.HTTPRequestEntityTooLarge):
            await make(MULTIPART, FORM, client_max_size=len(FORM) - 1).post()
        with pytest.raises(web.HTTPRequestEntityTooLarge):
            await make(MULTIPART, FORM, client_max_fields=1).post()
        with pytest.raises(web.HTTPRequestEntityTooLarge):
            await make(URLENCODED, b"a=1&b=2", client_max_fields=1).post()

    asyncio.run(main())


def test_files_are_closed_with_the_request() -> None:
    async def main() -> None:
        request = make_mocked_request("POST", "/", MULTIPART, payload=FORM)
        file = (await request.post())["f"]
        assert isinstance(file, web.FileField) and not file.file.closed
        request.answered.end()
        assert file.file.closed

    asyncio.run(main())


def test_forms_without_a_payload() -> None:
    async def main() -> None:
        assert await post(make_mocked_request("POST", "/", URLENCODED)) == {}
        assert await post(make_mocked_request("GET", "/", MULTIPART, payload=FORM)) == {}
        with pytest.raises(web.HTTPBadRequest, match="before its first boundary"):
            await make_mocked_request("POST", "/", MULTIPART).post()

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
