"""aiohttp-sse: a stream of events, pings, a method that is not allowed, a client that leaves."""

import asyncio

from aiohttp import web
from aiohttp_sse import EventSourceResponse, sse_response
from talking import Client, say, show, talk

GONE = web.AppKey("gone", asyncio.Event)


async def events(request: web.Request) -> web.StreamResponse:
    async with sse_response(request) as response:
        say("connected", response.is_connected(), response.last_event_id)
        for number in range(3):
            await response.send(f"line {number}\nmore", id=str(number), event="tick", retry=5)
    return response


async def pings(request: web.Request) -> web.StreamResponse:
    async with sse_response(request, ping_interval=0.01) as response:
        await response.wait()
    return response


async def forever(request: web.Request) -> web.StreamResponse:
    response = EventSourceResponse(headers={"X-SSE": "own"})
    await response.prepare(request)
    try:
        while response.is_connected():
            await response.send("again")
            await asyncio.sleep(0.01)
    except (ConnectionError, asyncio.CancelledError):
        pass
    request.app[GONE].set()
    return response


async def speak(client: Client) -> None:
    names = ("Content-Type", "Cache-Control", "X-Accel-Buffering", "Transfer-Encoding")
    text = await show(await client.get("/events", headers={"Last-Event-Id": "7"}), *names)
    assert text.count("event: tick") == 3
    await show(await client.post("/events"), "Allow")
    async with client.get("/pings") as response:
        assert await response.content.readexactly(8) == b": ping\r\n"
    async with client.get("/forever") as response:
        say(await response.content.readline(), response.headers["X-SSE"])
    async with asyncio.timeout(10):
        await client.app[GONE].wait()


def make() -> web.Application:
    app = web.Application()
    app[GONE] = asyncio.Event()
    app.router.add_route("*", "/events", events)
    app.add_routes([web.get("/pings", pings), web.get("/forever", forever)])
    return app


if __name__ == "__main__":
    talk(make(), speak)
