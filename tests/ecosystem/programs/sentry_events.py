"""The Sentry SDK's integration: errors and transactions of requests, in a transport that keeps them."""

from typing import Any

import sentry_sdk
from aiohttp import web
from sentry_sdk.integrations.aiohttp import AioHttpIntegration
from sentry_sdk.transport import Transport
from talking import Client, say, show, talk

KEPT: list[dict[str, Any]] = []


class KeepingTransport(Transport):
    def capture_envelope(self, envelope: Any) -> None:
        KEPT.extend(item.payload.json for item in envelope.items if item.type in ("event", "transaction"))


async def hello(request: web.Request) -> web.Response:
    return web.Response(text=f"hello {request.match_info['name']}")


async def fails(request: web.Request) -> web.Response:
    await request.read()
    raise LookupError("nothing there")


async def refuses(request: web.Request) -> web.Response:
    raise web.HTTPServiceUnavailable(text="later")


async def reports(request: web.Request) -> web.Response:
    sentry_sdk.set_tag("color", "blue")
    sentry_sdk.capture_message("seen")
    return web.Response(text="reported")


async def speak(client: Client) -> None:
    await show(await client.get("/hello/Ada?token=1", headers={"User-Agent": "tests"}))
    response = await client.post("/fails?a=1", data=b"the body", headers={"X-Mark": "1"})
    say(response.status)
    await show(await client.get("/refuses"))
    await show(await client.get("/reports"))
    await show(await client.get("/nowhere"))
    await show(await client.post("/reports"))
    await show(await client.get("/below/hello/Bob"))
    sentry_sdk.flush()
    say([_summary(event) for event in KEPT])
    errors = [event for event in KEPT if "exception" in event]
    assert [error["exception"]["values"][-1]["type"] for error in errors] == [
        "LookupError",
        "HTTPServiceUnavailable",
    ]
    assert errors[0]["request"]["data"] == "the body", errors[0]["request"]
    frames = errors[0]["exception"]["values"][-1]["stacktrace"]["frames"]
    assert frames[-1]["function"] == "fails", frames[-1]
    say(errors[0]["request"]["headers"]["X-Mark"], errors[0]["request"]["query_string"])


def _summary(event: dict[str, Any]) -> dict[str, Any]:
    request = event["request"]
    trace = event["contexts"].get("trace", {})
    exceptions = event.get("exception", {}).get("values", ())
    return {
        "transaction": event["transaction"],
        "source": event["transaction_info"]["source"],
        "method": request["method"],
        "path": request["url"].rpartition(":")[2].partition("/")[2],
        "query": request["query_string"],
        "status": (trace.get("op"), trace.get("status"), event.get("tags")),
        "message": event.get("message"),
        "exceptions": [(each["type"], each["value"], each["mechanism"]["type"]) for each in exceptions],
    }


def make() -> web.Application:
    routes = [
        web.get("/hello/{name}", hello),
        web.post("/fails", fails),
        web.get("/refuses", refuses),
        web.get("/reports", reports),
    ]
    app, below = web.Application(), web.Application()
    app.add_routes(routes)
    below.add_routes(routes)
    app.add_subapp("/below", below)
    return app


if __name__ == "__main__":
    sentry_sdk.init(
        dsn="http://key@localhost/1",
        transport=KeepingTransport,
        traces_sample_rate=1.0,
        default_integrations=True,
        integrations=[AioHttpIntegration(transaction_style="method_and_path_pattern")],
    )
    talk(make(), speak)
