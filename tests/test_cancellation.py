"""What becomes of a handler when its client leaves: the table of docs/cancellation.md, cell by cell.

Each cell in memory, on a server whose clients a test plays, and over sockets, on both event loops.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from sketch import web
from sketch.server import Server
from tests.conformance.driver import settle, until
from tests.loops import LOOPS
from tests.net import stage

LARGE = b"x" * 2**24
"""More than any socket takes by itself."""


class Scene:
    """Handlers that stop in the middle of something, and go on when they are told.

    ``end``
        how the handler ended: what it raised, or ``finished``.
    """

    def __init__(self) -> None:
        self.arrived = asyncio.Event()
        self.go_on = asyncio.Event()
        self.end = ""

    def watch(self, handler: Callable[[web.Request], Awaitable[Any]]) -> Any:
        """The handler, with its end noted."""

        async def watched(request: web.Request) -> Any:
            try:
                response = await handler(request)
            except BaseException as error:
                kind = "gone" if isinstance(error, ConnectionError) else type(error).__name__
                self.end = kind
                raise
            self.end = "finished"
            return response

        return watched

    async def _stop(self) -> None:
        self.arrived.set()
        await self.go_on.wait()

    async def before_the_head(self, request: web.Request) -> web.Response:
        await self._stop()
        return web.Response(text="nobody will see it")

    async def waiting_for_the_body(self, request: web.Request) -> web.Response:
        self.arrived.set()
        return web.Response(body=await request.read())

    async def _begin(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"some")
        return response

    async def between_two_writes(self, request: web.Request) -> web.StreamResponse:
        response = await self._begin(request)
        await self._stop()
        await response.write(b"more")
        return response

    async def in_a_write(self, request: web.Request) -> web.StreamResponse:
        response = await self._begin(request)
        self.arrived.set()
        await response.write(LARGE)
        return response

    async def after_the_answer(self, request: web.Request) -> web.StreamResponse:
        response = await self._begin(request)
        await response.write_eof()
        await self._stop()
        return response


POLICY = {
    # phase: what a handler ends with that is cancelled, and that is not
    "before_the_head": ("CancelledError", "finished"),
    "waiting_for_the_body": ("CancelledError", "gone"),
    "between_two_writes": ("CancelledError", "gone"),
    "in_a_write": ("CancelledError", "gone"),
    "after_the_answer": ("CancelledError", "finished"),
}
CELLS = [
    # what the server was told, what the route says, whether the handler is cancelled
    (False, None, False),
    (False, "finish", False),
    (False, "cancel", True),
    (True, None, True),
    (True, "finish", False),
    (True, "cancel", True),
]
EACH_PHASE = pytest.mark.parametrize("phase", POLICY)
EACH_CELL = pytest.mark.parametrize(("default", "policy", "is_cancelled"), CELLS)

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
HALF_A_BODY = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf"


def request_for(phase: str) -> bytes:
    return HALF_A_BODY if phase == "waiting_for_the_body" else REQUEST


def make_app(scene: Scene, phase: str, policy: Any) -> web.Application:
    app = web.Application()
    options = web.RouteOptions(on_disconnect=policy)
    app.router.add_route("*", "/", scene.watch(getattr(scene, phase)), options=options)
    return app


@pytest.fixture(autouse=True)
def _nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A client that leaves is nobody's fault."""
    yield
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


@EACH_PHASE
@EACH_CELL
def test_in_memory(phase: str, default: bool, policy: Any, is_cancelled: bool) -> None:
    async def main() -> None:
        scene = Scene()
        handler = make_app(scene, phase, policy).make_exchange_handler()
        async with stage.serving(handler, handler_cancellation=default) as server:
            line = await server.connect()
            if phase == "in_a_write":
                line.transport.stop_taking()
            await line.send(request_for(phase))
            assert scene.arrived.is_set() and not scene.end
            await line.leave()
            scene.go_on.set()
            await settle()
            cancelled, uncancelled = POLICY[phase]
            assert scene.end == (cancelled if is_cancelled else uncancelled)
            assert server.errors == []

    stage.run(main)


@EACH_PHASE
@pytest.mark.parametrize(
    ("policy", "with_reset"),
    # An orderly end alone is no reason for a handler that is to finish.
    [("cancel", True), ("cancel", False), ("finish", True)],
)
@LOOPS
def test_over_sockets(
    phase: str, policy: Any, with_reset: bool, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def main() -> None:
        scene = Scene()
        runner = web.AppRunner(make_app(scene, phase, policy), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server = runner.server
        assert isinstance(server, Server)
        try:
            async with asyncio.timeout(60):
                with socket.create_connection(runner.addresses[0]) as client:
                    client.sendall(request_for(phase))
                    await scene.arrived.wait()
                    if with_reset:
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                await until(lambda: server.connections == [])
                scene.go_on.set()
                await until(lambda: bool(scene.end))
        finally:
            await runner.cleanup()
        cancelled, uncancelled = POLICY[phase]
        assert scene.end == (cancelled if policy == "cancel" else uncancelled)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())


@pytest.mark.parametrize(
    ("default", "policy", "is_cancelled"),
    [(False, "cancel", True), (True, None, True), (True, "finish", False), (False, None, False)],
)
def test_a_client_that_sends_nothing_more_is_gone_where_that_cancels(
    default: bool, policy: Any, is_cancelled: bool
) -> None:
    async def main() -> None:
        scene = Scene()
        handler = make_app(scene, "before_the_head", policy).make_exchange_handler()
        async with stage.serving(handler, handler_cancellation=default) as server:
            line = await server.connect(REQUEST, REQUEST)
            await line.end()
            scene.go_on.set()
            await settle()
            if is_cancelled:
                assert (scene.end, line.transport.received) == ("CancelledError", b"")
            else:
                assert (scene.end, line.bodies) == ("finished", [b"nobody will see it"] * 2)

    stage.run(main)


def test_a_client_that_is_gone_takes_what_it_was_already_given() -> None:
    """The next request comes to a handler that is to be cancelled, when the end has come already."""

    async def main() -> None:
        scene = Scene()
        app = make_app(scene, "before_the_head", "finish")

        async def never(request: web.Request) -> web.Response:
            raise AssertionError("nobody wants to know")

        app.router.add_get("/cancel", never, options=web.RouteOptions(on_disconnect="cancel"))
        async with stage.serving(app.make_exchange_handler()) as server:
            line = await server.connect(REQUEST, stage.get("/cancel"))
            line.transport.stop_taking()
            await line.end()
            scene.go_on.set()
            await settle()
            line.transport.take()
            assert line.bodies == [b"nobody will see it"]
            assert server.errors == []

    stage.run(main)


def test_the_policy_of_a_route_ends_with_its_request() -> None:
    """The next request on the connection is the server's to decide about."""

    async def main() -> None:
        scene = Scene()
        app = make_app(scene, "before_the_head", None)

        async def hello(request: web.Request) -> web.Response:
            return web.Response(text="hello")

        app.router.add_get("/cancel", hello, options=web.RouteOptions(on_disconnect="cancel"))
        async with stage.serving(app.make_exchange_handler()) as server:
            line = await server.connect(stage.get("/cancel"), REQUEST)
            await line.leave()
            scene.go_on.set()
            await settle()
            assert scene.end == "finished"

    stage.run(main)


def test_a_deadline_ends_a_handler_whose_client_has_left() -> None:
    async def main() -> None:
        scene = Scene()
        app = web.Application(route_options=web.RouteOptions(timeout=10, on_disconnect="finish"))
        app.router.add_get("/", scene.watch(scene.before_the_head))
        async with stage.serving(app.make_exchange_handler()) as server:
            line = await server.connect(REQUEST)
            await line.leave()
            await stage.pass_time(5)
            assert scene.end == ""
            await stage.pass_time(5)
            assert scene.end == "CancelledError"
            assert server.errors == []

    stage.run(main)


@pytest.mark.parametrize(
    ("phase", "is_answered"),
    [
        ("before_the_head", True),
        ("waiting_for_the_body", True),
        ("between_two_writes", False),
        ("in_a_write", False),
    ],
)
def test_the_deadline_of_a_route_on_a_connection(
    phase: str, is_answered: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        scene = Scene()
        app = web.Application()
        app.router.add_route(
            "*", "/", scene.watch(getattr(scene, phase)), options=web.RouteOptions(timeout=5)
        )
        async with stage.serving(app.make_exchange_handler()) as server:
            line = await server.connect()
            if phase == "in_a_write":
                line.transport.stop_taking()
            await line.send(request_for(phase))
            await stage.pass_time(5)
            await settle()
            assert scene.end == "CancelledError"
            if is_answered:
                assert line.statuses == [503] and not line.transport.is_cut
            else:
                assert line.transport.is_cut

    stage.run(main)
    assert len(caplog.records) == 1
    caplog.clear()


def test_a_connection_goes_on_after_a_deadline(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        scene = Scene()
        app = web.Application()
        app.router.add_get("/", scene.before_the_head, options=web.RouteOptions(timeout=5))
        async with stage.serving(app.make_exchange_handler()) as server:
            line = await server.connect(REQUEST)
            await stage.pass_time(5)
            scene.go_on.set()
            await line.send(REQUEST)
            assert line.statuses == [503, 200]

    stage.run(main)
    caplog.clear()


def test_a_body_that_comes_too_slowly_for_its_route() -> None:
    async def main() -> None:
        scene = Scene()
        app = web.Application()
        read = scene.watch(scene.waiting_for_the_body)
        app.router.add_post("/", read)
        app.router.add_post("/impatient", read, options=web.RouteOptions(body_timeout=3))
        app.router.add_post("/patient", read, options=web.RouteOptions(body_timeout=0, body_rate=0))
        async with stage.serving(app.make_exchange_handler()) as server:
            lines = {
                target: await server.connect(stage.post(10, target=target) + b"half")
                for target in ("/", "/impatient", "/patient")
            }
            await stage.pass_time(4)
            assert {name: line.statuses for name, line in lines.items()} == {
                "/": [], "/impatient": [408], "/patient": [],
            }  # fmt: skip
            for _ in range(4):
                await stage.pass_time(30)
            assert {name: line.statuses for name, line in lines.items()} == {
                "/": [408], "/impatient": [408], "/patient": [],
            }  # fmt: skip
            await lines["/patient"].send(b"a whole")
            assert lines["/patient"].bodies == [b"halfa whol"]

    stage.run(main)
