"""What a program sees of an application, its signals and its life, without a request."""

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import Any

import pytest

from .playing import Notes, Program, assert_alike


async def handler(request: Any) -> Any:
    raise AssertionError("nobody asks")


# -- the mapping -------------------------------------------------------------------------------------------


def keys(web: Any, note: Notes) -> None:
    app, key, other = web.Application(), web.AppKey("key", str), web.AppKey("key", str)
    app[key] = "value"
    note(app[key], len(app), list(app) == [key], key in app, other in app)
    note.try_(lambda: app[other])
    note(app.get(other), app.get(other, "default"), app.get("no"), app.get("no", 1))
    app["text"] = 1
    app["text"] = 2
    note(app["text"], "text" in app, sorted(map(str, app.keys())))
    del app["text"]
    note.try_(app.__delitem__, "text")
    note(app.setdefault(other, "new"), app.pop(other), app.pop(other, None))
    app.update({key: "more"})
    note(dict(app) == {key: "more"}, app.popitem() == (key, "more"), len(app), bool(app))


def frozen_state(web: Any, note: Notes) -> None:
    app, key = web.Application(), web.AppKey("key", int)
    app[key] = 1
    app.freeze()
    app[key] = 2
    del app[key]
    note(app.frozen, app.pre_frozen, len(app))


def half_frozen_state(web: Any, note: Notes) -> None:
    app, key = web.Application(), web.AppKey("key", int)
    app.pre_freeze()
    app.pre_freeze()
    app[key] = 2
    note(app.frozen, app.pre_frozen, app[key])
    for signal in (app.on_startup, app.on_shutdown, app.on_cleanup, app.on_response_prepare):
        note(signal.frozen, len(signal))
        note.try_(signal.append, handler)
    note(app.middlewares.frozen, app.cleanup_ctx.frozen, app.router.frozen)
    note.try_(app.middlewares.append, handler)
    note.try_(app.cleanup_ctx.append, handler)
    note.try_(app.router.add_get, "/", handler)
    app.freeze()
    note(app.frozen)


def identity(web: Any, note: Notes) -> None:
    app, other = web.Application(), web.Application()
    note(app == app, app == other, app != other, hash(app) == id(app), bool(app), app() is app, repr(app))
    note({app: 1}[app], other in {app: 1})


def key_reprs(web: Any, note: Notes) -> None:
    for kind in (web.AppKey, web.RequestKey, web.ResponseKey):
        note(kind("name", int), kind("name"), kind[list[int]]("name"), kind("name", list))
        note(kind("a") == kind("a"), kind("a") < kind("b"), sorted([kind("b"), kind("a")]))


# -- making one ----------------------------------------------------------------------------------------------


def deprecated_arguments(web: Any, note: Notes) -> None:
    loop = asyncio.new_event_loop()
    web.Application(loop=loop)
    loop.close()
    web.Application(debug=True)
    web.Application(debug=False)
    web.Application(router=web.UrlDispatcher())
    note.try_(web.Application, router="router")


def arguments(web: Any, note: Notes) -> None:
    logger = logging.getLogger("another")
    app = web.Application(logger=logger, client_max_size=5, client_max_fields=6, handler_args={"debug": True})
    note(app.logger is logger)
    note.try_(web.Application, logger)
    note.try_(web.Application, unknown=1)
    app = web.Application(middlewares=[web.normalize_path_middleware()])
    note(len(app.middlewares), app.middlewares.frozen)
    note(type(app.router), app.router.frozen, len(app.router))


def subclass(web: Any, note: Notes) -> None:
    class Own(web.Application):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            middlewares = list(kwargs.pop("middlewares", []))
            middlewares.insert(0, web.normalize_path_middleware())
            super().__init__(*args, middlewares=middlewares, **kwargs)

        async def _handle(self, request: Any) -> Any:
            raise AssertionError("nobody asks")

    app = Own(middlewares=(web.normalize_path_middleware(),))
    note(
        len(app.middlewares),
        isinstance(app, web.Application),
        app._state,
        app._subapps,
        len(app._middlewares),
    )


def deprecated_properties(web: Any, note: Notes) -> None:
    app = web.Application()
    note(app.loop)
    _ = app.debug


async def deprecated_properties_in_a_loop(web: Any, note: Notes) -> None:
    app = web.Application()
    runner = web.AppRunner(app)
    await runner.setup()
    note(app.loop is asyncio.get_running_loop())
    note(app.debug)
    await runner.cleanup()


async def deprecated_server(web: Any, note: Notes) -> None:
    app = web.Application()
    server = app.make_handler()
    note(app.frozen, isinstance(server, web.Server), server.connections, server.requests_count)
    note(isinstance(server(), web.RequestHandler), server.handler_cancellation)
    server = app.make_handler(loop=asyncio.get_running_loop(), access_log=None, keepalive_timeout=3)
    note(server().keepalive_timeout, server.request_handler == app._handle)
    await server.shutdown(1)


async def another_loop(web: Any, note: Notes) -> None:
    app = web.Application()
    loop = asyncio.new_event_loop()
    app._set_loop(loop)
    await note.await_(web.AppRunner(app).setup)
    loop.close()


# -- its parts -----------------------------------------------------------------------------------------------


def bad_subapps(web: Any, note: Notes) -> None:
    app = web.Application()
    for prefix in ("", "/", "//", "no", 5, None, b"/x", "/a/", "/ü"):
        note(prefix)
        made = note.try_(lambda prefix=prefix: app.add_subapp(prefix, web.Application()).canonical)
        note(made)
    frozen = web.Application()
    frozen.freeze()
    note.try_(app.add_subapp, "/frozen", frozen)
    note.try_(app.add_domain, "frozen.example", frozen)
    app.freeze()
    note.try_(app.add_subapp, "/late", web.Application())
    note.try_(app.add_domain, "late.example", web.Application())


def bad_domains(web: Any, note: Notes) -> None:
    app = web.Application()
    for domain in (
        "", None, 5, b"a.example", "a.example", "A.Example", "a.example.", "a.example:80", "a.example:8080",
        "http://a.example", "-a.example", "a_b.example", "*.example", "a*.example", "a b.example", "*",
        "*.a.example:8080", "bücher.example", "a..example", "a.example:x", "[::1]", "127.0.0.1",
    ):  # fmt: skip
        note(domain)
        note.try_(lambda domain=domain: app.add_domain(domain, web.Application()).canonical)


def parts(web: Any, note: Notes) -> None:
    app, admin = web.Application(), web.Application()
    admin.router.add_get("/users/{name}", handler, name="user")
    admin.router.add_post("", handler, name="root")
    resource = app.add_subapp("/admin", admin)
    note(admin.pre_frozen, admin.frozen, app._subapps == [admin])
    note(type(resource), isinstance(resource, web.PrefixedSubAppResource), resource.canonical, resource.name)
    note(resource.get_info()["app"] is admin, resource.get_info()["prefix"], len(resource))
    note([route.method for route in resource], resource.raw_match("/admin"))
    note.try_(resource.url_for)
    note(admin.router["user"].url_for(name="a b"), admin.router["root"].url_for())
    note(admin.router["user"].canonical, admin.router["root"].canonical)
    rule = app.add_domain("a.example", web.Application())
    note(
        rule.canonical,
        sorted(rule.get_info()),
        type(rule.get_info()["rule"]),
        isinstance(rule, type(resource)),
    )
    mask = app.add_domain("*.a.example", web.Application())
    note(mask.canonical, type(mask.get_info()["rule"]), type(mask))
    note(mask.get_info()["rule"].get_info(), mask.get_info()["rule"].canonical)
    note([each.canonical for each in app.router.resources()], len(app.router.routes()))


def nested_prefixes(web: Any, note: Notes) -> None:
    app, one, two = web.Application(), web.Application(), web.Application()
    two.router.add_get("/x/{y}", handler, name="x")
    one.add_subapp("/two/", two)
    app.add_subapp("/one", one)
    note(two.router["x"].url_for(y="z"), two.router["x"].canonical, two.router["x"].get_info()["formatter"])
    note([each.canonical for each in one.router.resources()], "x" in one.router, "x" in app.router)


# -- its life ------------------------------------------------------------------------------------------------


def receiver(note: Notes, name: str, error: BaseException | None = None) -> Any:
    async def receive(app: Any) -> None:
        note(name)
        if error is not None:
            raise error

    return receive


def generator(note: Notes, name: str, at_start: Any = None, at_end: Any = None) -> Any:
    async def context(app: Any) -> Any:
        note(f"enter {name}")
        if at_start is not None:
            raise at_start
        yield
        note(f"leave {name}")
        if at_end is not None:
            raise at_end

    return context


def manager(note: Notes, name: str, at_start: Any = None, at_end: Any = None) -> Any:
    return asynccontextmanager(generator(note, name, at_start, at_end))


class Manager:
    """An async context manager written as a class."""

    def __init__(self, note: Notes) -> None:
        self.note = note

    async def __aenter__(self) -> None:
        self.note("enter class")

    async def __aexit__(self, *info: object) -> None:
        self.note("leave class", info)


async def live(web: Any, app: Any, note: Notes) -> None:
    """From the start to the end, whatever happens."""
    runner = web.AppRunner(app, access_log=None)
    await note.await_(runner.setup)
    note(app.frozen, app.pre_frozen)
    try:
        await runner.cleanup()
    except BaseException as error:
        note(type(error))
        if isinstance(error, web.CleanupError):
            note([type(each) for each in error.exceptions], isinstance(error, RuntimeError))


async def order_of_signals(web: Any, note: Notes) -> None:
    app, sub = web.Application(), web.Application()
    for name, each in (("app", app), ("sub", sub)):
        each.on_startup.append(receiver(note, f"startup {name}"))
        each.cleanup_ctx.append(generator(note, f"one of {name}"))
        each.cleanup_ctx.append(manager(note, f"two of {name}"))
        each.on_shutdown.append(receiver(note, f"shutdown {name}"))
        each.on_cleanup.append(receiver(note, f"cleanup {name}"))
    app.add_subapp("/sub", sub)
    app.on_startup.append(receiver(note, "late startup"))
    app.on_shutdown.append(receiver(note, "late shutdown"))
    app.on_cleanup.append(receiver(note, "late cleanup"))
    await live(web, app, note)


async def signals_before_and_after_joining(web: Any, note: Notes) -> None:
    app, one, two = web.Application(), web.Application(), web.Application()
    app.on_startup.append(receiver(note, "first"))
    for name, each in (("one", one), ("two", two)):
        each.on_startup.append(receiver(note, f"startup {name}"))
        each.on_cleanup.append(receiver(note, f"cleanup {name}"))
    app.add_subapp("/one", one)
    app.on_startup.append(receiver(note, "between"))
    app.add_domain("two.example", two)
    note.try_(one.on_startup.append, handler)
    await live(web, app, note)


async def decorated_signals(web: Any, note: Notes) -> None:
    app = web.Application()
    app.on_startup(receiver(note, "decorated"))
    note(len(app.on_startup))
    await live(web, app, note)


async def contexts_of_all_kinds(web: Any, note: Notes) -> None:
    app = web.Application()
    app.cleanup_ctx.append(generator(note, "generator"))
    app.cleanup_ctx.append(manager(note, "manager"))
    app.cleanup_ctx.append(lambda app: Manager(note))
    await live(web, app, note)


async def a_context_that_fails_at_start(web: Any, note: Notes) -> None:
    app = web.Application()
    app.cleanup_ctx.append(generator(note, "one"))
    app.cleanup_ctx.append(manager(note, "two", at_start=LookupError("start")))
    app.cleanup_ctx.append(generator(note, "three"))
    app.on_startup.append(receiver(note, "startup"))
    app.on_cleanup.append(receiver(note, "cleanup"))
    try:
        app.on_startup.freeze()
        await app.startup()
    except LookupError as error:
        note(error)
    await app.cleanup()


async def one_context_fails_at_the_end(web: Any, note: Notes) -> None:
    app = web.Application()
    app.cleanup_ctx.append(generator(note, "one"))
    app.cleanup_ctx.append(manager(note, "two", at_end=LookupError("end")))
    app.cleanup_ctx.append(generator(note, "three"))
    app.on_cleanup.append(receiver(note, "cleanup"))
    await live(web, app, note)


async def several_contexts_fail_at_the_end(web: Any, note: Notes) -> None:
    app = web.Application()
    app.cleanup_ctx.append(generator(note, "one", at_end=LookupError("end")))
    app.cleanup_ctx.append(generator(note, "two"))
    app.cleanup_ctx.append(manager(note, "three", at_end=OSError("end")))
    app.cleanup_ctx.append(generator(note, "four", at_end=asyncio.CancelledError()))
    await live(web, app, note)


async def two_yields(web: Any, note: Notes) -> None:
    async def twice(app: Any) -> Any:
        yield
        yield

    app = web.Application()
    app.cleanup_ctx.append(twice)
    await live(web, app, note)


async def a_receiver_fails_at_the_start(web: Any, note: Notes) -> None:
    app = web.Application()
    app.cleanup_ctx.append(generator(note, "context"))
    app.on_startup.append(receiver(note, "fails", LookupError("x")))
    app.on_startup.append(receiver(note, "never"))
    app.on_startup.freeze()
    try:
        await app.startup()
    except LookupError as error:
        note(error)
    app.freeze()
    await app.cleanup()


async def signals_that_are_not_frozen(web: Any, note: Notes) -> None:
    app = web.Application()
    await note.await_(app.on_startup.send, app)
    await note.await_(app.shutdown)
    app.freeze()
    await note.await_(app.shutdown)
    await note.await_(app.cleanup)


PROGRAMS: tuple[Program, ...] = (
    keys, frozen_state, half_frozen_state, identity, key_reprs, deprecated_arguments, arguments, subclass,
    deprecated_properties, deprecated_properties_in_a_loop, deprecated_server, another_loop, bad_subapps,
    bad_domains, parts, nested_prefixes, order_of_signals, signals_before_and_after_joining,
    decorated_signals, contexts_of_all_kinds, a_context_that_fails_at_start, one_context_fails_at_the_end,
    several_contexts_fail_at_the_end, two_yields, a_receiver_fails_at_the_start, signals_that_are_not_frozen,
)  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_applications(program: Program) -> None:
    assert_alike(program)
