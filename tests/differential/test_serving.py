"""Runners, sites and servers: their arguments, their errors, and the order of the end, on both."""

import asyncio
import logging
import signal
import socket
import ssl
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .harness import ask
from .playing import Notes, Program, assert_alike


async def handler(request: Any) -> Any:
    raise AssertionError("nobody asks")


async def talk(address: Any, *requests: bytes) -> list[bytes]:
    """The answers' status lines to requests on one connection each."""
    lines = []
    for request in requests:
        if isinstance(address, str):
            reader, writer = await asyncio.open_unix_connection(address)
        else:
            reader, writer = await asyncio.open_connection(*address[:2])
        writer.write(request)
        lines.append((await reader.read()).partition(b"\r\n")[0])
        writer.close()
    return lines


LAST = ask("GET", "/", [("Connection", "close")])


# -- runners -------------------------------------------------------------------------------------------------


async def runners(web: Any, note: Notes) -> None:
    app = web.Application()
    note.try_(web.AppRunner, "no application")
    note.try_(web.AppRunner, app, "positional")
    note.try_(lambda: web.BaseRunner())
    runner = web.AppRunner(app, shutdown_timeout=1)
    note(runner.app is app, runner.server, runner.addresses, runner.sites, isinstance(runner, web.BaseRunner))
    note.try_(web.TCPSite, runner)
    await runner.cleanup()
    await runner.setup()
    note(isinstance(runner.server, web.Server), runner.server.connections, runner.server.requests_count)
    note(app.frozen, runner.sites)
    await runner.cleanup()
    note(runner.server, runner.addresses)
    await runner.cleanup()


async def sites(web: Any, note: Notes) -> None:
    runner = web.AppRunner(web.Application())
    await runner.setup()
    makers: tuple[Callable[[], Any], ...] = (
        lambda: web.TCPSite(runner),
        lambda: web.TCPSite(runner, "127.0.0.1"),
        lambda: web.TCPSite(runner, "127.0.0.1", 0),
        lambda: web.TCPSite(runner, port=81),
        lambda: web.TCPSite(runner, "::1", 81, backlog=5, reuse_address=True, reuse_port=False),
        lambda: web.TCPSite(runner, "localhost", ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)),
        lambda: web.TCPSite(runner, "", 1),
        lambda: web.UnixSite(runner, "/x.sock"),
        lambda: web.UnixSite(runner, Path("/x.sock")),
        lambda: web.UnixSite(runner, "/x", ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)),
        lambda: web.TCPSite(runner, "127.0.0.1", 0, None),
        lambda: web.TCPSite(runner, shutdown_timeout=5),
        lambda: web.UnixSite(runner, "/x", shutdown_timeout=60.0),
    )
    for make in makers:
        site = note.try_(lambda make=make: make().name) and make()
        if site is not None:
            note(type(site), isinstance(site, web.BaseSite), getattr(site, "port", None))
    note.try_(lambda: web.BaseSite(runner))
    await runner.cleanup()


async def listening(web: Any, note: Notes) -> None:
    runner = web.AppRunner(web.Application(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await note.await_(site.stop)
    note(site.port)
    await site.start()
    note(
        site.port == runner.addresses[0][1],
        site.name == f"http://127.0.0.1:{site.port}",
        runner.sites == {site},
    )
    await note.await_(site.start)
    note(await talk(runner.addresses[0], LAST), runner.server.requests_count)
    other = web.TCPSite(runner, "127.0.0.1", 0)
    await other.start()
    note(len(runner.addresses), len(runner.sites))
    await site.stop()
    note(len(runner.addresses), runner.sites == {other})
    taken = web.TCPSite(runner, "127.0.0.1", other.port)
    try:
        await taken.start()
    except OSError:
        note("in use")
    await runner.cleanup()
    note(runner.sites, runner.addresses)


async def sockets(web: Any, note: Notes) -> None:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    name = sock.getsockname()
    runner = web.AppRunner(web.Application(), access_log=None)
    await runner.setup()
    site = web.SockSite(runner, sock)
    note(site.name == f"http://127.0.0.1:{name[1]}")
    await site.start()
    note(runner.addresses == [name], await talk(name, LAST))
    await runner.cleanup()
    note(sock.fileno())


async def unix_sockets(web: Any, note: Notes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        await listen_there(web, note, f"{directory}/x.sock")


async def listen_there(web: Any, note: Notes, path: str) -> None:
    runner = web.AppRunner(web.Application(), access_log=None)
    await runner.setup()
    site = web.UnixSite(runner, path)
    note(site.name == f"http://unix:{path}:")
    await site.start()
    note(runner.addresses == [path], await talk(path, LAST))
    await runner.cleanup()


async def handled_signals(web: Any, note: Notes) -> None:
    note(web.GracefulExit.code, issubclass(web.GracefulExit, SystemExit), web.GracefulExit().code)
    loop = asyncio.get_running_loop()
    runner = web.AppRunner(web.Application(), handle_signals=True)
    await runner.setup()
    note(loop.remove_signal_handler(signal.SIGTERM), loop.remove_signal_handler(signal.SIGINT))
    await runner.cleanup()
    runner = web.AppRunner(web.Application(), handle_signals=True)
    await runner.setup()
    await runner.cleanup()
    note(loop.remove_signal_handler(signal.SIGTERM), loop.remove_signal_handler(signal.SIGINT))


KEYWORDS: tuple[dict[str, Any], ...] = (
    {"keepalive_timeout": 5}, {"tcp_keepalive": False}, {"logger": logging.getLogger("x")},
    {"access_log": None}, {"access_log_format": "%a"}, {"debug": True}, {"max_line_size": 100},
    {"max_headers": 5}, {"max_field_size": 100}, {"lingering_time": 0}, {"lingering_time": 2.5},
    {"read_bufsize": 65536}, {"auto_decompress": False}, {"timeout_ceil_threshold": 7},
    {"handler_cancellation": True}, {"shutdown_timeout": 3.5},
    {"keepalive_timeout": 0.5, "tcp_keepalive": True, "max_line_size": 8190},
)  # fmt: skip


@pytest.mark.parametrize("keywords", KEYWORDS, ids=str)
def test_keywords(keywords: dict[str, Any]) -> None:
    async def program(web: Any, note: Notes) -> None:
        inside = {name: value for name, value in keywords.items() if name != "shutdown_timeout"}
        for app, outside in (
            (web.Application(), keywords),
            (
                web.Application(
                    handler_args={k: v for k, v in inside.items() if k != "handler_cancellation"}
                ),
                {},
            ),
        ):
            runner = web.AppRunner(app, **{"access_log": None, **outside})
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            note(await talk(runner.addresses[0], LAST))
            await runner.cleanup()

    assert_alike(program)


# -- servers -------------------------------------------------------------------------------------------------


async def low_level_servers(web: Any, note: Notes) -> None:
    async def answer(request: Any) -> Any:
        note(type(request), request.method, request.path, request.query_string, request.remote)
        note(
            server.requests_count,
            len(server.connections),
            isinstance(server.connections[0], web.RequestHandler),
        )
        note(request.protocol is server.connections[0])
        if request.path == "/refuse":
            raise web.HTTPForbidden
        return web.Response(text="text")

    server = web.Server(answer, handler_cancellation=True, access_log=None, keepalive_timeout=3)
    note(server.handler_cancellation, server.request_handler is answer, callable(server.request_factory))
    note(server.connections, server.requests_count, isinstance(server(), web.RequestHandler))
    runner = web.ServerRunner(server)
    await runner.setup()
    note(runner.server is server, isinstance(runner, web.BaseRunner), hasattr(runner, "app"))
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    note(await talk(runner.addresses[0], ask("GET", "/x?y=1", [("Connection", "close")]), LAST))
    note(await talk(runner.addresses[0], ask("POST", "/refuse", [("Connection", "close")])))
    await runner.cleanup()
    note(server.connections, server.requests_count)


async def an_end_without_connections(web: Any, note: Notes) -> None:
    server = web.Server(handler)
    server.pre_shutdown()
    await server.shutdown()
    await server.shutdown(None)
    await server.shutdown(timeout=0)
    note(server.connections)


async def the_order_of_the_end(web: Any, note: Notes) -> None:
    """Everything that happens while a handler and an idle connection are still there."""
    begun, released = asyncio.Event(), asyncio.Event()

    async def work(request: Any) -> Any:
        note("handler begins")
        begun.set()
        await released.wait()
        note("handler ends")
        return web.Response(text="late")

    async def show(request: Any) -> Any:
        return web.Response()

    def hook(name: str, act: Any = None) -> Any:
        async def receive(app: Any) -> None:
            note(name, len(runner.sites))
            if act is not None:
                act()
                # What it has set going has time to happen.
                for _ in range(5):
                    await asyncio.sleep(0)

        return receive

    async def context(app: Any) -> Any:
        note("context begins")
        yield
        note("context ends", len(runner.sites))

    app, sub = web.Application(), web.Application()
    app.router.add_get("/work", work)
    app.router.add_get("/show", show)
    app.cleanup_ctx.append(context)
    app.on_startup.append(hook("startup"))
    app.on_shutdown.append(hook("shutdown", released.set))
    app.on_cleanup.append(hook("cleanup"))
    sub.on_shutdown.append(hook("shutdown of the part"))
    sub.on_cleanup.append(hook("cleanup of the part"))
    app.add_subapp("/sub", sub)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = runner.addresses[0][:2]
    idle_reader, idle_writer = await asyncio.open_connection(*address)
    idle_writer.write(ask("GET", "/show"))
    note((await idle_reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")[0])
    reader, writer = await asyncio.open_connection(*address)
    writer.write(ask("GET", "/work"))
    await begun.wait()
    await runner.cleanup()
    note(await idle_reader.read(), (await reader.read()).partition(b"\r\n")[0])
    idle_writer.close()
    writer.close()
    try:
        await asyncio.open_connection(*address)
    except OSError:
        note("nobody listens")


async def a_handler_that_goes_on(web: Any, note: Notes) -> None:
    """It is waited for as long as the runner was told, then cancelled, before the clean-up."""
    begun = asyncio.Event()

    async def work(request: Any) -> Any:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            note("cancelled")
            raise

    async def clean(app: Any) -> None:
        note("cleanup")

    app = web.Application()
    app.router.add_get("/", work)
    app.on_cleanup.append(clean)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
    writer.write(ask())
    await begun.wait()
    await runner.cleanup()
    note(await reader.read())
    writer.close()


def programs_as_a_whole(web: Any, note: Notes) -> None:
    """`run_app`, with everything that it prints and calls."""

    def make(error: type[BaseException]) -> Any:
        async def context(app: Any) -> Any:
            note("begin")
            stop_after(20, asyncio.get_running_loop())
            yield
            note("end")

        def stop_after(turns: int, loop: asyncio.AbstractEventLoop) -> None:
            if not turns:
                raise error
            loop.call_soon(stop_after, turns - 1, loop)

        async def shut(app: Any) -> None:
            note("shutdown")

        app = web.Application()
        app.cleanup_ctx.append(context)
        app.on_shutdown.append(shut)
        return app

    async def make_late() -> Any:
        note("made in the loop")
        return make(web.GracefulExit)

    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    options: dict[str, Any] = {"print": None, "access_log": None, "handle_signals": False}
    note.try_(web.run_app, make(web.GracefulExit), host="127.0.0.1", port=0, **options)
    note.try_(web.run_app, make(KeyboardInterrupt), host="127.0.0.1", port=0, **options)
    note.try_(web.run_app, make_late(), host=["127.0.0.1", "127.0.0.1"], port=0, **options)
    note.try_(web.run_app, make(web.GracefulExit), sock=sock, loop=asyncio.new_event_loop(), **options)
    told: list[str] = []
    options["print"] = told.append
    with tempfile.TemporaryDirectory() as directory:
        note.try_(web.run_app, make(web.GracefulExit), path=f"{directory}/x.sock", **options)
        note([each.replace(directory, "") for each in told])


PROGRAMS: tuple[Program, ...] = (
    runners, sites, listening, sockets, unix_sockets, handled_signals, low_level_servers,
    an_end_without_connections, the_order_of_the_end, a_handler_that_goes_on, programs_as_a_whole,
)  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_serving(program: Program) -> None:
    assert_alike(program)
