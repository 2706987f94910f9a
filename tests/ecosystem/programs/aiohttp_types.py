"""aiohttp's own: its payloads and multipart writers as bodies, its entity tags, mocked requests."""

import io
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from talking import Client, say, show, talk


async def text(request: web.Request) -> web.Response:
    return web.Response(body=aiohttp.StringPayload("héllo"))


async def parts(request: web.Request) -> web.Response:
    writer = aiohttp.MultipartWriter("form-data", boundary="between")
    writer.append("x")
    writer.append_json({"a": 1})
    return web.Response(body=writer)


async def file(request: web.Request) -> web.Response:
    return web.Response(body=aiohttp.BytesIOPayload(io.BytesIO(b"abc"), filename="a.txt"))


async def json(request: web.Request) -> web.Response:
    return web.Response(body=aiohttp.JsonPayload({"a": 1}), status=201)


async def pieces(request: web.Request) -> web.Response:
    async def generate() -> AsyncIterator[bytes]:
        yield b"1"
        yield b"2"

    return web.Response(body=aiohttp.AsyncIterablePayload(generate()))


async def tagged(request: web.Request) -> web.Response:
    response = web.Response(text="tagged")
    response.etag = aiohttp.ETag("tag", is_weak=True)
    assert response.etag == aiohttp.ETag("tag", is_weak=True)
    return response


class Picture:
    def __init__(self, data: bytes) -> None:
        self.data = data


@aiohttp.payload_type(Picture)
class PicturePayload(aiohttp.BytesPayload):
    def __init__(self, value: Picture, *args: object, **kwargs: object) -> None:
        super().__init__(value.data, *args, content_type="image/x", **kwargs)


async def registered(request: web.Request) -> web.Response:
    return web.Response(body=Picture(b"picture"))


async def unknown(request: web.Request) -> web.Response:
    try:
        return web.Response(body=object())
    except ValueError:
        return web.Response(status=415)


@aiohttp.streamer
async def write_some(writer: aiohttp.abc.AbstractStreamWriter, count: int) -> None:
    for number in range(count):
        await writer.write(b"%d" % number)


async def streamed(request: web.Request) -> web.Response:
    return web.Response(body=write_some(5), headers={"Content-Length": "5"})


HANDLERS = (text, parts, file, json, pieces, tagged, registered, unknown, streamed)


async def speak(client: Client) -> None:
    names = ("Content-Type", "Content-Length", "Content-Disposition", "Transfer-Encoding", "Etag")
    for handler in HANDLERS:
        await show(await client.get(f"/{handler.__name__}"), *names)


def mock() -> None:
    request = make_mocked_request("GET", "/a?b=1", headers={"X-Mark": "2"}, match_info={"name": "Ada"})
    assert isinstance(request, web.Request)
    say(request.method, request.path, dict(request.query), dict(request.headers), dict(request.match_info))


if __name__ == "__main__":
    app = web.Application()
    app.add_routes([web.get(f"/{handler.__name__}", handler) for handler in HANDLERS])
    talk(app, speak)
    mock()
