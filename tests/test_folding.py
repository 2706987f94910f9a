"""What the options of a route do to its requests, whoever set them, on every way through an application."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sketch import web
from sketch.application import Application
from sketch.http.memory import MemoryExchange, answer
from sketch.routing.options import RouteOptions
from tests.asking import ask, run_with, status_of, text_of
from tests.conformance.driver import settle
from tests.net.stage import pass_time, run

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture(params=["compiled", "patched"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The short way, and the one that monitoring tools make requests take."""
    if request.param == "patched":
        handle = Application._handle

        async def watched(self: Application, request: web.Request) -> web.StreamResponse:
            return await handle(self, request)

        monkeypatch.setattr(Application, "_handle", watched)
    return str(request.param)


async def measure(request: web.Request) -> web.Response:
    return web.Response(text=str(len(await request.read())))


async def wait(request: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError("nobody sets it")


def one_route(handler: Handler, options: RouteOptions | None = None, **settings: Any) -> Application:
    app = Application(**settings)
    app.router.add_route("*", "/", handler, options=options)
    return app


# -- nothing where nothing is asked for ------------------------------------------------------------------


def test_a_route_without_options_is_answered_by_its_handler_itself() -> None:
    app = one_route(measure, RouteOptions())
    ask(app)
    endpoint, _ = app.router.find("GET", "/")
    assert endpoint.handler in (measure, None)  # None where a tool watches: then nothing is folded.


# -- bodies ----------------------------------------------------------------------------------------------


def test_a_body_is_bounded_by_its_route() -> None:
    app = one_route(measure, RouteOptions(client_max_size=10), client_max_size=20)
    app.router.add_post("/other", measure)
    app.router.add_post("/any", measure, options=RouteOptions(client_max_size=0))
    assert text_of(ask(app, "POST", "/", body=b"x" * 10)) == "10"
    assert status_of(ask(app, "POST", "/", body=b"x" * 11)) == 413
    assert text_of(ask(app, "POST", "/other", body=b"x" * 20)) == "20"
    assert status_of(ask(app, "POST", "/other", body=b"x" * 21)) == 413
    assert text_of(ask(app, "POST", "/any", body=b"x" * 100)) == "100"


def test_a_body_is_bounded_for_middlewares_too() -> None:
    async def read_ahead(request: web.Request, handler: Handler) -> web.StreamResponse:
        await request.read()
        raise AssertionError("it is too large")

    app = one_route(measure, RouteOptions(client_max_size=10), middlewares=[read_ahead])
    assert status_of(ask(app, "POST", "/", body=b"x" * 11)) == 413


@pytest.mark.parametrize(
    ("options", "limits"),
    [
        (RouteOptions(client_max_size=1), (None, None)),
        (RouteOptions(body_rate=100), (100, None)),
        (RouteOptions(body_timeout=2.5), (None, 2.5)),
        (RouteOptions(body_rate=0, body_timeout=0), (0, 0)),
    ],
)
def test_the_pace_of_a_body_is_passed_on(options: RouteOptions, limits: tuple[Any, Any]) -> None:
    assert ask(one_route(measure, options), "POST").body_limits == limits


# -- whose options -----------------------------------------------------------------------------------------


def test_an_application_speaks_for_its_routes_and_its_parts_where_they_do_not() -> None:
    app = Application(route_options=RouteOptions(client_max_size=1, body_rate=1, body_timeout=1))
    sub = Application(route_options=RouteOptions(client_max_size=2, body_rate=2))
    deep = Application()
    for each in (app, sub, deep):
        each.router.add_post("/own", measure, options=RouteOptions(client_max_size=3))
        each.router.add_post("/none", measure)
    sub.add_subapp("/deep", deep)
    app.add_subapp("/sub", sub)
    for path, size, limits in [
        ("/own", 3, (1, 1)),
        ("/none", 1, (1, 1)),
        ("/sub/own", 3, (2, 1)),
        ("/sub/none", 2, (2, 1)),
        ("/sub/deep/own", 3, (2, 1)),
        ("/sub/deep/none", 2, (2, 1)),
    ]:
        exchange = ask(app, "POST", path, body=b"x" * size)
        assert (text_of(exchange), exchange.body_limits) == (str(size), limits)
        assert status_of(ask(app, "POST", path, body=b"x" * (size + 1))) == 413


def test_an_application_speaks_for_what_has_no_route() -> None:
    async def read_ahead(request: web.Request, handler: Handler) -> web.StreamResponse:
        await request.read()
        return await handler(request)

    app = Application(middlewares=[read_ahead], route_options=RouteOptions(client_max_size=1))
    assert [status_of(ask(app, "POST", "/no", body=b"x" * size)) for size in (1, 2)] == [404, 413]


# -- expectations ------------------------------------------------------------------------------------------


def test_options_hold_for_the_handler_of_an_expectation() -> None:
    seen: list[object] = []

    async def expect(request: web.Request) -> web.Response | None:
        seen.append((request.client_max_size, request.deadline is None))
        return web.Response(status=417) if request.query else None

    app = Application()
    app.router.add_post(
        "/", measure, expect_handler=expect, options=RouteOptions(client_max_size=5, timeout=9)
    )
    fields = {"Expect": "100-continue"}
    assert [status_of(ask(app, "POST", target, fields, b"12345")) for target in ("/", "/?x=1")] == [200, 417]
    assert text_of(ask(app, "POST", "/", body=b"1234")) == "4"
    assert seen == [(5, False)] * 2


# -- deadlines ---------------------------------------------------------------------------------------------


def play(handler: Handler, options: RouteOptions, *seconds: float, **settings: Any) -> list[int | None]:
    """The status after each of these times, the first of them at once."""
    statuses: list[int | None] = []

    async def main() -> None:
        app = one_route(handler, options, **settings)
        exchange = MemoryExchange()
        task = asyncio.create_task(answer(app.make_exchange_handler(), exchange))
        await settle()
        for each in seconds:
            await pass_time(each)
            statuses.append(status_of(exchange))
        await task

    run(main)
    return statuses


def test_a_handler_that_takes_too_long_is_cancelled_and_answered_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ends: list[str] = []

    async def note_end(request: web.Request) -> web.Response:
        try:
            return await wait(request)
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise

    assert play(note_end, RouteOptions(timeout=10), 5, 5) == [None, 503]
    assert ends == ["cancelled"]
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("sketch.server", logging.WARNING)
    assert record.getMessage().startswith(f"handler {__name__}.")
    assert record.getMessage().endswith(" of GET / did not end before its deadline and was cancelled")
    assert record.exc_info is not None  # Where it was.


def test_the_time_of_middlewares_counts() -> None:
    async def linger(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await wait(request)

    assert play(measure, RouteOptions(timeout=10), 5, 5, middlewares=[linger]) == [None, 503]


def test_a_handler_that_is_in_time_leaves_nothing_behind(caplog: pytest.LogCaptureFixture) -> None:
    assert play(measure, RouteOptions(timeout=10), 0) == [200]
    assert caplog.records == []


def test_a_handler_may_answer_for_itself() -> None:
    async def apologise(request: web.Request) -> web.Response:
        try:
            return await wait(request)
        except asyncio.CancelledError:
            return web.Response(status=504)

    assert play(apologise, RouteOptions(timeout=10), 10) == [504]


def test_a_timeout_of_the_handler_s_own_is_an_error_like_any_other(caplog: pytest.LogCaptureFixture) -> None:
    async def impatient(request: web.Request) -> web.Response:
        async with asyncio.timeout(3):
            return await wait(request)

    assert play(impatient, RouteOptions(timeout=10), 3) == [500]
    (record,) = caplog.records
    assert record.getMessage() == "Error handling request GET /"


def test_a_deadline_can_be_seen_and_moved() -> None:
    steps: list[float | None] = []

    async def take_time(request: web.Request) -> web.Response:
        now = asyncio.get_running_loop().time()

        def left() -> float | None:
            return None if request.deadline is None else round(request.deadline - now)

        steps.append(left())
        request.set_timeout(20)
        steps.append(left())
        request.deadline = None
        steps.append(left())
        request.deadline = now + 30
        steps.append(request.clone(method="PUT").deadline and left())
        return await wait(request)

    assert play(take_time, RouteOptions(timeout=10), 15, 15) == [None, 503]
    assert steps == [10, 20, None, 30]


def test_a_handler_may_be_without_a_bound_until_it_sets_one() -> None:
    async def decide(request: web.Request) -> web.Response:
        assert request.deadline is None
        await asyncio.sleep(100)
        request.set_timeout(5)
        return await wait(request)

    options = RouteOptions(timeout=0)
    assert play(decide, options, 50, 50, 5, route_options=RouteOptions(timeout=1)) == [None, None, 503]


def test_a_deadline_in_the_past_is_now() -> None:
    async def give_up(request: web.Request) -> web.Response:
        request.set_timeout(-1)
        return await wait(request)

    assert play(give_up, RouteOptions(timeout=10), 0) == [503]


def test_a_deadline_cannot_be_moved_where_there_is_none() -> None:
    async def move(request: web.Request) -> web.Response:
        assert request.deadline is None
        with pytest.raises(RuntimeError, match=r"without a timeout .* web\.RouteOptions\(timeout=\.\.\.\)"):
            request.set_timeout(5)
        return web.Response()

    assert status_of(ask(one_route(move))) == 200


def test_a_deadline_cannot_be_moved_when_it_is_over() -> None:
    refused: list[str] = []

    async def cling(request: web.Request) -> web.Response:
        try:
            return await wait(request)
        except asyncio.CancelledError:
            with pytest.raises(RuntimeError, match="it is too late") as caught:
                request.deadline = None
            refused.append(str(caught.value))
            raise

    assert play(cling, RouteOptions(timeout=10), 10) == [503]
    assert len(refused) == 1


# -- deadlines by phase ------------------------------------------------------------------------------------


def late(handler: Handler) -> MemoryExchange:
    """What the client has when the handler's deadline has passed."""
    exchange = MemoryExchange()

    async def main() -> None:
        app = one_route(handler, RouteOptions(timeout=10))
        task = asyncio.create_task(answer(app.make_exchange_handler(), exchange))
        await settle()
        await pass_time(10)
        await task

    run(main)
    return exchange


def test_an_answer_that_has_begun_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    async def begin(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"some")
        return await wait(request)

    exchange = late(begin)
    assert (status_of(exchange), text_of(exchange)) == (200, "some")
    assert exchange.aborted and not exchange.response_complete
    (record,) = caplog.records
    assert record.getMessage().endswith("after its answer had begun: the connection was cut")
    assert record.exc_info is not None
    assert re.match("handler .*begin.* did not end before its deadline", str(record.exc_info[1]))


def test_an_answer_that_is_complete_stands(caplog: pytest.LogCaptureFixture) -> None:
    async def go_on(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write_eof(b"all")
        return await wait(request)

    exchange = late(go_on)
    assert (status_of(exchange), text_of(exchange)) == (200, "all")
    assert exchange.response_complete and not exchange.aborted
    (record,) = caplog.records
    assert "did not end before its deadline" in record.getMessage()


def test_the_cancellation_of_the_task_is_not_taken_for_a_deadline() -> None:
    exchange = MemoryExchange()

    async def main() -> None:
        app = one_route(wait, RouteOptions(timeout=10))
        task = asyncio.create_task(answer(app.make_exchange_handler(), exchange))
        await settle()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)
    assert exchange.aborted and status_of(exchange) is None


# -- clients that leave ------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["cancel", "finish", None])
@pytest.mark.parametrize("default", [False, True])
def test_the_policy_is_passed_on(policy: Any, default: bool) -> None:
    seen: list[bool] = []

    async def look(request: web.Request) -> web.Response:
        seen.append(request.exchange.cancel_on_disconnect)
        return web.Response()

    exchange = MemoryExchange()
    exchange.cancel_on_disconnect = default
    asyncio.run(answer(one_route(look, RouteOptions(on_disconnect=policy)).make_exchange_handler(), exchange))
    assert seen == [default if policy is None else policy == "cancel"]


def test_a_handler_that_is_to_be_cancelled_is_not_called_for_a_client_that_has_left(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def never(request: web.Request) -> web.Response:
        raise AssertionError("nobody wants to know")

    async def nothing() -> None:
        pass

    exchange = MemoryExchange()
    exchange.disconnect()
    app = one_route(never, RouteOptions(on_disconnect="cancel"))
    run_with(app.make_exchange_handler(), exchange, nothing)
    assert status_of(exchange) is None
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []
