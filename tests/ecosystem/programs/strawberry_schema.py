"""strawberry-graphql: queries, an upload, and subscriptions over both of its protocols on WebSockets."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import strawberry
from aiohttp import web
from strawberry.aiohttp.views import GraphQLView
from strawberry.file_uploads import Upload
from talking import Client, say, show, talk


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str) -> str:
        return f"Hello, {name}"

    @strawberry.field
    def agent(self, info: strawberry.Info) -> str:
        return str(info.context["request"].headers["X-Agent"])

    @strawberry.field
    def broken(self) -> str:
        raise ValueError("on purpose")


@strawberry.type
class Mutation:
    @strawberry.mutation
    def read(self, file: Upload) -> str:
        return file.read().decode()


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int) -> AsyncIterator[int]:
        for number in range(to):
            yield number


async def ask(client: Client) -> None:
    ask = {"query": "query($name: String!) { hello(name: $name) agent }", "variables": {"name": "Ada"}}
    await show(await client.post("/graphql", json=ask, headers={"X-Agent": "tests"}), "Content-Type")
    await show(await client.get("/graphql", params={"query": '{ hello(name: "Bob") }'}), "Content-Type")
    await show(await client.post("/graphql", json={"query": "{ broken }"}))
    await show(await client.post("/graphql", data=b"no JSON"))
    await show(await client.put("/graphql"), "Allow")
    page = await client.get("/graphql", headers={"Accept": "text/html"})
    say(page.status, page.content_type, "graphiql" in (await page.text()).lower())


async def upload(client: Client) -> None:
    form = aiohttp.FormData()
    form.add_field(
        "operations", '{"query": "mutation($f: Upload!) { read(file: $f) }", "variables": {"f": null}}'
    )
    form.add_field("map", '{"file": ["variables.f"]}')
    form.add_field("file", "what is in it, ünï".encode(), filename="a.txt", content_type="text/plain")
    await show(await client.post("/graphql", data=form))


async def subscribe(client: Client, protocol: str, start: str) -> None:
    async with client.ws_connect("/graphql", protocols=[protocol], compress=15) as ws:
        say(protocol, ws.protocol)
        await ws.send_json({"type": "connection_init"})
        say(await ws.receive_json())
        query = {"query": "subscription { count(to: 3) }"}
        await ws.send_json({"id": "one", "type": start, "payload": query})
        message: Any = {}
        while message.get("type") != "complete":
            say(message := await ws.receive_json())
        await ws.send_str("no JSON")
        message = await ws.receive()
        say(message.type, message.data, message.extra, ws.close_code)


async def speak(client: Client) -> None:
    await ask(client)
    await upload(client)
    await subscribe(client, "graphql-transport-ws", "subscribe")
    await subscribe(client, "graphql-ws", "start")
    async with client.ws_connect("/graphql", protocols=["unknown"]) as ws:
        message = await ws.receive()
        say(message.type, message.data, message.extra)


app = web.Application()
schema = strawberry.Schema(Query, Mutation, Subscription)
app.router.add_route("*", "/graphql", GraphQLView(schema=schema, multipart_uploads_enabled=True))
talk(app, speak)
