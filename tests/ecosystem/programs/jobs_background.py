"""aiojobs: jobs that outlive requests, handlers that are shielded from clients that leave."""

import asyncio

from aiohttp import web
from aiojobs.aiohttp import atomic, get_scheduler_from_app, setup, shield, spawn
from talking import Client, say, show, talk

DONE = web.AppKey("done", list[str])


async def work(app: web.Application, name: str) -> str:
    await asyncio.sleep(0)
    app[DONE].append(name)
    return name


async def begin(request: web.Request) -> web.Response:
    job = await spawn(request, work(request.app, "spawned"))
    return web.Response(text=str(await job.wait()))


async def shielded(request: web.Request) -> web.Response:
    return web.Response(text=await shield(request, work(request.app, "shielded")))


@atomic
async def whole(request: web.Request) -> web.Response:
    return web.Response(text=await work(request.app, "atomic"))


class Whole(web.View):
    @atomic
    async def get(self) -> web.Response:
        return web.Response(text=await work(self.request.app, "atomic view"))


async def leave_behind(request: web.Request) -> web.Response:
    await spawn(request, asyncio.Event().wait())
    scheduler = get_scheduler_from_app(request.app)
    assert scheduler is not None
    return web.Response(text=str(scheduler.active_count))


async def speak(client: Client) -> None:
    for path in ("/begin", "/shielded", "/whole", "/view", "/left"):
        await show(await client.get(path))
    say(client.app[DONE])


async def closed(app: web.Application) -> None:
    scheduler = get_scheduler_from_app(app)
    say("closed", scheduler is not None and scheduler.closed)


def make() -> web.Application:
    app = web.Application()
    app[DONE] = []
    setup(app, limit=10, wait_timeout=0.01, close_timeout=1)
    app.on_cleanup.append(closed)
    app.add_routes(
        [
            web.get("/begin", begin),
            web.get("/shielded", shielded),
            web.get("/whole", whole),
            web.view("/view", Whole),
            web.get("/left", leave_behind),
        ]
    )
    return app


if __name__ == "__main__":
    talk(make(), speak)
