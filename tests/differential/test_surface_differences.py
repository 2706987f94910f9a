"""The differences of names, arguments and routes that are meant: what aiohttp does, and what sketch does.

The tables in docs/aiohttp.md say why. A test here and a line there belong together.
"""

import asyncio
import copy
import pickle
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from sketch import web as sketch_web
from sketch.routing.doubts import RouteWarning

from .harness import ask, differ
from .playing import Notes, Program, play_both


async def handler(request: Any) -> Any:
    raise AssertionError("nobody asks")


def seen_by_both(program: Program) -> tuple[list[str], list[str]]:
    theirs, ours = play_both(program)
    assert ours.seen != theirs.seen
    return theirs.seen, ours.seen


# -- registration ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "theirs", "ours"),
    [
        ("/ü", "/ü", "/%C3%BC"),
        ("/a b", "/a b", "/a%20b"),
        ("/a?b", "/a?b", "/a%3Fb"),
        ("/a#b", "/a#b", "/a%23b"),
    ],
)
def test_the_url_of_a_path_that_needs_escapes(path: str, theirs: str, ours: str) -> None:
    def program(web: Any, note: Notes) -> None:
        note(str(web.PlainResource(path).url_for()))

    assert seen_by_both(program) == ([theirs], [ours])


def test_a_method_with_a_line_end() -> None:
    def program(web: Any, note: Notes) -> None:
        note.try_(lambda: repr(web.UrlDispatcher().add_route("GET\n", "/", handler).method))

    assert seen_by_both(program) == ([r"'GET\n'"], ["refused"])


def escaped(web: Any, seen: list[Any]) -> Any:
    async def show(request: Any) -> Any:
        return web.Response()

    app, sub = web.Application(), web.Application()
    app.router.add_get("/a%20b", show)
    app.router.add_get("/%61", show)
    app.router.add_get("/c%2fd", show)
    sub.router.add_get("/x", show)
    app.add_subapp("/e%20f", sub)
    return app


@pytest.mark.parametrize("target", ["/a%20b", "/a", "/%61", "/c%2Fd", "/e%20f/x"])
def test_a_path_that_is_registered_with_escapes(target: str) -> None:
    theirs, ours = differ(escaped, ask("GET", target))
    assert (theirs.status, ours.status) == (404, 200)


def test_a_domain_below_a_prefix() -> None:
    def program(web: Any, note: Notes) -> None:
        app, sub = web.Application(), web.Application()
        sub.add_domain("a.example", web.Application())
        note.try_(lambda: app.add_subapp("/sub", sub).canonical)

    assert seen_by_both(program) == (["KeyError"], ["/sub"])


def doubtful(web: Any, note: Notes) -> None:
    def plain(request: Any) -> Any:
        return None

    app = web.Application()
    app.router.add_get("/plain", plain)
    app.router.add_get("/{name}", handler)
    app.router.add_get("/{other}", handler)
    app.add_subapp("/{name}/x", web.Application())


def test_what_is_accepted_and_cannot_work() -> None:
    theirs, ours = play_both(doubtful)
    assert {kind for kind, _ in theirs.warned} == {"DeprecationWarning"}
    assert {kind for kind, _ in ours.warned} == {RouteWarning.__name__}
    # At the line of the program that has to be changed.
    assert all(line == 0 for _, line in theirs.warned)
    assert len(ours.warned) > len(theirs.warned)
    assert all(line > 0 for _, line in ours.warned)


# -- paths in order ----------------------------------------------------------------------------------------


def redirected(web: Any, seen: list[Any]) -> Any:
    async def show(request: Any) -> Any:
        return web.Response()

    order = web.normalize_path_middleware(append_slash=False, remove_slash=True)
    app = web.Application(middlewares=[order])
    app.router.add_get("/article", show)
    return app


def test_a_last_character_that_is_no_slash() -> None:
    theirs, ours = differ(redirected, ask("GET", "/articles"))
    assert (theirs.status, theirs.field("Location")) == (308, "/article")
    assert ours.status == 404


def appended(web: Any, seen: list[Any]) -> Any:
    async def show(request: Any) -> Any:
        return web.Response()

    app = web.Application(middlewares=[web.normalize_path_middleware(merge_slashes=False)])
    app.router.add_get("/{tail:.+}/", show)
    return app


def test_an_escaped_slash_at_the_end() -> None:
    theirs, ours = differ(appended, ask("GET", "/a%2F"))
    assert theirs.status == 404
    assert (ours.status, ours.field("Location")) == (308, "/a%2F/")


# -- applications and servers ------------------------------------------------------------------------------


def test_whether_an_application_that_has_no_loop_is_in_debug_mode() -> None:
    def program(web: Any, note: Notes) -> None:
        note(web.Application().debug)

    assert seen_by_both(program) == (["Ellipsis"], ["False"])


def test_a_keyword_that_does_not_exist() -> None:
    async def program(web: Any, note: Notes) -> None:
        runner = note.try_(lambda: web.AppRunner(web.Application(handler_args={"keepalive": 1})) and "made")
        note(runner)

    assert seen_by_both(program) == (["made", "made"], ["refused", "None"])


def test_named_pipes_where_there_are_none() -> None:
    async def program(web: Any, note: Notes) -> None:
        runner = web.AppRunner(web.Application())
        await runner.setup()
        note.try_(lambda: web.NamedPipeSite(runner, "x"))
        await runner.cleanup()

    assert seen_by_both(program) == (["AttributeError"], ["refused"])


def last(web: Any, seen: list[Any]) -> Any:
    async def show(request: Any) -> Any:
        request.protocol.keep_alive(False)
        return web.Response()

    app = web.Application()
    app.router.add_get("/", show)
    return app


def test_an_answer_that_is_made_the_last_one() -> None:
    theirs, ours = differ(last, ask())
    assert (theirs.field("Connection"), ours.field("Connection")) == (None, "close")


# -- requests ----------------------------------------------------------------------------------------------


def test_a_port_of_five_digits_behind_a_token() -> None:
    def program(web: Any, seen: list[Any]) -> Any:
        async def show(request: Any) -> Any:
            seen.append(request.forwarded[0]["for"])
            return web.Response()

        app = web.Application()
        app.router.add_get("/", show)
        return app

    theirs, ours = differ(program, ask(fields=[("Forwarded", "for=1.2.3.4:47011")]))
    assert (theirs.seen, ours.seen) == (["1.2.3.4:4701"], ["1.2.3.4:47011"])


def cloned(web: Any, seen: list[Any]) -> Any:
    async def show(request: Any) -> Any:
        copy = request.clone(host="cloned.example", scheme="https", remote="1.2.3.4").clone(method="PUT")
        seen.append((copy.host, copy.scheme, copy.remote))
        copy = request.clone(rel_url="other?x")
        seen.append((copy.path, copy.query_string))
        seen.append(request.task is asyncio.current_task())
        return web.Response()

    app = web.Application()
    app.router.add_get("/", show)
    return app


def test_copies_of_copies_and_relative_paths_and_the_task() -> None:
    theirs, ours = differ(cloned, ask())
    assert theirs.seen == ["('example.com', 'http', '127.0.0.1')", "('other', 'x')", "False"]
    assert ours.seen == ["('cloned.example', 'https', '1.2.3.4')", "('/other', 'x')", "True"]


def test_a_request_is_hashable() -> None:
    with pytest.raises(TypeError):
        hash(make_mocked_request("GET", "/"))
    request = sketch_web.Request()
    assert {request: 1}[request] == 1


# -- exceptions --------------------------------------------------------------------------------------------


def test_exceptions_that_cannot_be_answered_with() -> None:
    def program(web: Any, note: Notes) -> None:
        note.try_(lambda: web.HTTPException().status)
        note.try_(lambda: repr(web.HTTPFound("\n").headers["Location"]))

    assert seen_by_both(program) == (["-1", "''"], ["refused", "refused"])


@pytest.mark.filterwarnings("ignore:body:DeprecationWarning")
def test_a_body_for_what_is_too_large() -> None:
    def program(web: Any, note: Notes) -> None:
        note.try_(lambda: web.HTTPRequestEntityTooLarge(1, body=b"too much").body)

    assert seen_by_both(program) == (["refused"], ["b'too much'"])


def test_exceptions_survive_a_copy() -> None:
    def program(web: Any, note: Notes) -> None:
        error = web.HTTPNotFound(text="nothing")
        note.try_(lambda: copy.copy(error).text)
        note.try_(lambda: pickle.loads(pickle.dumps(error)).text)

    assert seen_by_both(program) == (["refused", "refused"], ["nothing", "nothing"])
