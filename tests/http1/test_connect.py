"""CONNECT: who may take it, what it is told, and that nothing after it is taken for a request."""

from typing import Any

import pytest

from sketch import web
from sketch.http.exchange import Exchange
from tests.asking import ask, status_of
from tests.http1.application import echo
from tests.net.stage import get, head, run, serving

CONNECT = b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"


@pytest.mark.parametrize("route", [("*", "/{tail:.*}"), ("*", "/"), ("CONNECT", "/"), ("GET", "/")])
def test_no_route_takes_it(route: tuple[str, str]) -> None:
    app = web.Application()
    app.router.add_route(*route, echo)
    assert status_of(ask(app, "CONNECT", "a.example:443")) == 501


def test_no_route_takes_it_where_routes_look_at_requests() -> None:
    inner, app = web.Application(), web.Application()
    inner.router.add_route("*", "/{tail:.*}", echo)
    app.add_domain("a.example", inner)
    assert status_of(ask(app, "CONNECT", "b.example:443")) == 501


def test_a_middleware_takes_it() -> None:
    @web.middleware
    async def take(request: web.Request, handler: Any) -> web.StreamResponse:
        assert (request.method, request.host, request.path) == ("CONNECT", "a.example:443", "")
        return web.Response()

    app = web.Application(middlewares=[take])
    app.router.add_get("/", echo)
    assert status_of(ask(app, "CONNECT", "a.example:443")) == 200


@pytest.mark.parametrize("status", [200, 501])
def test_nothing_after_it_is_a_request(status: int) -> None:
    """Not even when it is refused: a client may have begun to use the tunnel."""
    asked = []

    async def handler(exchange: Exchange) -> None:
        asked.append(exchange.head.target)
        exchange.respond(head(status))

    async def main() -> None:
        async with serving(handler) as stage:
            line = await stage.connect(CONNECT + get("/smuggled"))
            assert asked == ["a.example:443"]
            assert not line.is_open
            sent = line.transport.received
            assert sent.count(b"HTTP/1.1 ") == 1 and b"\r\nConnection: close\r\n" in sent
            assert (b"\r\nContent-Length: " in sent) is (status == 501)

    run(main)
