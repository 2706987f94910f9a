"""aiohttp-jinja2: templates as responses of functions and views, context processors, ``url``."""

from pathlib import Path
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web
from talking import Client, show, talk


@aiohttp_jinja2.template("hello.html")
async def hello(request: web.Request) -> dict[str, Any]:
    return {"users": ["Ada", "<Grace>"]}


class Hello(web.View):
    @aiohttp_jinja2.template("hello.html", status=201)
    async def get(self) -> dict[str, Any]:
        return {"users": []}


async def rendered(request: web.Request) -> web.Response:
    response = aiohttp_jinja2.render_template("hello.html", request, {"users": ["Bob"]})
    response.headers["Content-Language"] = "de"
    return response


@aiohttp_jinja2.template("missing.html")
async def missing(request: web.Request) -> dict[str, Any]:
    return {}


async def title(request: web.Request) -> dict[str, Any]:
    return {"title": f"of {request.method}"}


async def user(request: web.Request) -> web.Response:
    return web.Response(text=request.match_info["name"])


async def speak(client: Client) -> None:
    names = ("Content-Type", "Content-Length", "Content-Language")
    text = await show(await client.get("/"), *names)
    assert "&lt;Grace&gt;" in text and 'href="/user/Ada"' in text and "onwards" in text
    await show(await client.get("/view"), *names)
    await show(await client.get("/rendered"), *names)
    await show(await client.head("/rendered"), *names)
    response = await client.get("/missing")
    assert response.status == 500, response.status


def make() -> web.Application:
    app = web.Application()
    app["motto"] = "onwards"
    aiohttp_jinja2.setup(
        app,
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        context_processors=[title, aiohttp_jinja2.request_processor],
    )
    app.add_routes(
        [
            web.get("/", hello),
            web.view("/view", Hello),
            web.get("/rendered", rendered),
            web.get("/missing", missing),
            web.get("/user/{name}", user, name="user"),
        ]
    )
    return app


if __name__ == "__main__":
    talk(make(), speak)
