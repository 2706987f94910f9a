"""aiohttp-cors: preflight requests and the fields of answers, for routes, resources and views."""

import aiohttp_cors
from aiohttp import web
from talking import Client, show, talk

FIELDS = (
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Headers",
    "Access-Control-Expose-Headers",
    "Access-Control-Max-Age",
)


async def hello(request: web.Request) -> web.Response:
    return web.Response(text="hello", headers={"X-Custom": "1"})


async def fails(request: web.Request) -> web.Response:
    raise web.HTTPConflict(text="no")


class Items(web.View, aiohttp_cors.CorsViewMixin):
    async def get(self) -> web.Response:
        return web.Response(text="items")

    @aiohttp_cors.custom_cors({"http://two.example": aiohttp_cors.ResourceOptions(max_age=7)})
    async def post(self) -> web.Response:
        return web.Response(text="made")


async def speak(client: Client) -> None:
    for origin in ("http://one.example", "http://two.example", "http://three.example"):
        for path, method in (("/hello", "GET"), ("/hello", "PUT"), ("/fails", "GET"), ("/items", "POST")):
            await show(await client.request(method, path, headers={"Origin": origin}), *FIELDS)
            asked = {
                "Origin": origin,
                "Access-Control-Request-Method": method,
                "Access-Control-Request-Headers": "X-Token, Content-Type",
            }
            await show(await client.options(path, headers=asked), *FIELDS)
    response = await client.get("/hello", headers={"Origin": "http://one.example"})
    assert response.headers["Access-Control-Allow-Origin"] == "http://one.example"


def make() -> web.Application:
    app = web.Application()
    cors = aiohttp_cors.setup(
        app,
        defaults={
            "http://one.example": aiohttp_cors.ResourceOptions(
                allow_credentials=True,
                expose_headers="*",
                allow_headers=("X-Token", "Content-Type"),
                max_age=60,
            ),
            "http://two.example": aiohttp_cors.ResourceOptions(
                expose_headers=("X-Custom",), allow_methods="*"
            ),
        },
    )
    resource = cors.add(app.router.add_resource("/hello"))
    cors.add(resource.add_route("GET", hello))
    cors.add(resource.add_route("PUT", hello), {"http://one.example": aiohttp_cors.ResourceOptions()})
    cors.add(app.router.add_get("/fails", fails))
    cors.add(app.router.add_view("/items", Items), webview=True)
    return app


if __name__ == "__main__":
    talk(make(), speak)
