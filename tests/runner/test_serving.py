"""An application made into a server."""

import asyncio
from typing import Any

import pytest

from sketch import web
from sketch.routing.abstract import AbstractRouter
from sketch.routing.matchinfo import MatchInfoError
from sketch.runner.serving import ApplicationServer, make_server
from tests.asking import ask as ask_app
from tests.asking import status_of, text_of


def test_a_runners_server_is_one() -> None:
    async def run() -> None:
        app = web.Application()
        runner = web.AppRunner(app, handler_cancellation=True, access_log=None)
        await runner.setup()
        server = runner.server
        assert isinstance(server, ApplicationServer)
        assert isinstance(server, web.Server)
        assert server.request_handler == app._handle
        assert server.handler_cancellation
        assert not isinstance(app, web.Server)
        await runner.cleanup()

    asyncio.run(run())


def test_an_application_belongs_to_one_loop() -> None:
    app = web.Application()

    async def run() -> None:
        make_server(app)

    asyncio.run(run())
    with pytest.raises(RuntimeError, match="another event loop"):
        asyncio.run(run())


class OwnRouter(AbstractRouter):
    """A router that looks at the whole request, and knows no resources."""

    async def resolve(self, request: Any) -> Any:
        if request.headers.get("X-Known"):
            return web.UrlMappingMatchInfo({"who": "known"}, ROUTE)
        return MatchInfoError(web.HTTPNotFound())


async def show(request: web.Request) -> web.Response:
    return web.Response(text=request.match_info["who"])


ROUTE = web.ResourceRoute("GET", show, web.PlainResource("/own"))


def test_a_router_of_the_programs_own() -> None:
    with pytest.warns(DeprecationWarning, match="router"):
        app = web.Application(router=OwnRouter())  # type: ignore[arg-type]
    assert text_of(ask_app(app, fields=[("X-Known", "1")])) == "known"
    assert status_of(ask_app(app)) == 404


def test_what_is_no_router() -> None:
    with pytest.warns(DeprecationWarning), pytest.raises(TypeError, match="router must be"):
        web.Application(router="router")  # type: ignore[arg-type]
