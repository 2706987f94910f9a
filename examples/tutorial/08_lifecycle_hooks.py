"""Chapter 8: lifecycle hooks.

What an application needs while it runs is opened before the first request and closed after the last.
`on_startup`, `on_shutdown` and `on_cleanup` are lists of coroutine functions that take the application.
`cleanup_ctx` keeps the two ends of one thing together. `on_response_prepare` is called for every
response just before its head is sent.

    curl -i http://127.0.0.1:8080/
"""

from collections.abc import AsyncIterator

from sketch.appkeys import AppKey
from sketch.application import Application, run_app
from sketch.request import Request
from sketch.response import Response, StreamResponse

USERS = AppKey("USERS", set[str])


async def database(app: Application) -> AsyncIterator[None]:
    print("the database opens")
    app[USERS] = {"ada", "grace"}
    yield
    print("the database closes")


async def on_startup(app: Application) -> None:
    print(f"starting with {len(app[USERS])} users")


async def on_shutdown(app: Application) -> None:
    print("shutting down")


async def on_cleanup(app: Application) -> None:
    print("cleaning up")


async def on_response_prepare(request: Request, response: StreamResponse) -> None:
    response.headers["X-Users"] = str(len(request.app[USERS]))


async def index(request: Request) -> Response:
    users = request.app[USERS]
    return Response("".join(f"{name}\n" for name in sorted(users)))


app = Application()
app.cleanup_ctx.append(database)
app.on_startup.append(on_startup)
app.on_shutdown.append(on_shutdown)
app.on_cleanup.append(on_cleanup)
app.on_response_prepare.append(on_response_prepare)
app.router.add_get("/", index)

if __name__ == "__main__":
    run_app(app)
