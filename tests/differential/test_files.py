"""Files: how they are sent, found and refused; and what requests say of ranges and conditions.

What is meant to be different is in ``test_file_differences``."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .harness import Fields, Program, ask, assert_same

MODIFIED = 1_700_000_000
SAME, BEFORE, AFTER = (f"Tue, 14 Nov 2023 22:13:{second} GMT" for second in (20, 19, 21))
ETAG = f'"{MODIFIED * 10**9:x}-64"'

CONTENTS = {
    "a.txt": b"0123456789" * 10,
    "b c.html": b"<p>space</p>",
    "large.bin": bytes(range(256)) * 2000,
    "empty.css": b"",
    "noending": b"?",
    "archive.tar.gz": b"packed",
    "sub/d.json": b"{}",
    "sub/ü.svg": b"<svg/>",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory, and things around it that must not be reached."""
    outer = tmp_path_factory.mktemp("files").resolve()
    place = outer / "root"
    for name, content in CONTENTS.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (MODIFIED, MODIFIED))
    (outer / "secret").write_bytes(b"secret")
    os.utime(outer / "secret", (MODIFIED, MODIFIED))
    (place / "inner").symlink_to("a.txt")
    (place / "outer").symlink_to("../secret")
    (place / "outer-directory").symlink_to("..")
    (place / "inner-directory").symlink_to("sub")
    yield place


def sending(place: Path) -> Program:
    def files(web: Any, seen: list[Any]) -> Any:
        async def send(request: Any) -> Any:
            response = web.FileResponse(
                place / request.match_info["name"],
                status=int(request.query.get("status", 200)),
                reason=request.query.get("reason"),
                headers={"X-Own": "1", **({"Content-Type": "text/x"} if "type" in request.query else {})},
            )
            seen.append(response.status)
            if "prepared" in request.query:
                await response.prepare(request)
            return response

        async def look(request: Any, response: Any) -> None:
            fields = (
                "Content-Type",
                "ETag",
                "Last-Modified",
                "Content-Range",
                "Accept-Ranges",
                "Content-Length",
            )
            seen.append([response.status, [response.headers.get(name) for name in fields]])

        app = web.Application()
        app.router.add_route("*", "/{name:.*}", send)
        app.on_response_prepare.append(look)
        return app

    return files


def serving(place: Path, **options: Any) -> Program:
    def static(web: Any, seen: list[Any]) -> Any:
        async def note(request: Any, handler: Any) -> Any:
            seen.append(dict(request.match_info))
            return await handler(request)

        async def look(request: Any) -> Any:
            for name in ("a.txt", "/b c.html", "sub/ü.svg", "100%", "a?b#c", "../x", "."):
                seen.append(str(resource.url_for(filename=name)))
            seen.append([resource.canonical, resource.name, len(resource), sorted(resource.get_info())])
            seen.append(resource.get_info()["directory"])
            seen.append([route.method for route in app.router.routes()])
            return web.Response()

        app = web.Application(middlewares=[web.middleware(note)])
        app.router.add_get("/look", look)
        resource = app.router.add_static("/s", place, name="files", **options)
        app.router.add_static("/t/", place / "sub", **options)
        return app

    return static


# -- one file --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONTENTS)
@pytest.mark.parametrize("query", ["", "?prepared", "?type", "?status=404", "?status=203&reason=So"])
def test_whole_files(place: Path, name: str, query: str) -> None:
    target = "/" + name.replace(" ", "%20").replace("ü", "%C3%BC") + query
    assert_same(sending(place), ask("GET", target), ask("HEAD", target), ask("POST", target))


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("name", ["a.txt", "large.bin"])
def test_versions(place: Path, version: str, name: str) -> None:
    fields = [[], [("Connection", "keep-alive")], [("Connection", "close")]]
    assert_same(sending(place), *[ask("GET", f"/{name}", each, version=version) for each in fields])


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
def test_conditions_by_tags(place: Path, method: str, name: str) -> None:
    values = (ETAG, f"W/{ETAG}", "*", '"x"', f'"x", {ETAG}', f'W/"x",{ETAG}', "", "x", f"x, {ETAG}")
    assert_same(sending(place), *[ask(method, "/a.txt", [(name, value)]) for value in values])


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("name", ["If-Modified-Since", "If-Unmodified-Since"])
def test_conditions_by_dates(place: Path, method: str, name: str) -> None:
    values = (BEFORE, SAME, AFTER, "", "x", "Tuesday, 14-Nov-23 22:13:20 GMT", "Tue Nov 14 22:13:20 2023")
    assert_same(sending(place), *[ask(method, "/a.txt", [(name, value)]) for value in values])


@pytest.mark.parametrize("if_match", [None, ETAG, '"x"'])
@pytest.mark.parametrize("if_none_match", [None, ETAG, '"x"'])
@pytest.mark.parametrize("modified", [None, BEFORE, AFTER])
@pytest.mark.parametrize("unmodified", [None, BEFORE, AFTER])
def test_conditions_together(
    place: Path, if_match: str | None, if_none_match: str | None, modified: str | None, unmodified: str | None
) -> None:
    pairs = {
        "If-Match": if_match, "If-None-Match": if_none_match, "If-Modified-Since": modified,
        "If-Unmodified-Since": unmodified,
    }  # fmt: skip
    fields: Fields = [(name, value) for name, value in pairs.items() if value is not None]
    assert_same(
        sending(place), ask("GET", "/a.txt", fields), ask("GET", "/a.txt", [*fields, ("Range", "bytes=1-2")])
    )


@pytest.mark.parametrize("name", ["a.txt", "large.bin"])
def test_one_range(place: Path, name: str) -> None:
    values = (
        "bytes=0-9",
        "bytes=5-",
        "bytes=-5",
        "bytes=0-0",
        "bytes=99-",
        "bytes=-99999999",
        "BYTES=0-99999999",
    )
    assert_same(sending(place), *[ask("GET", f"/{name}", [("Range", value)]) for value in values])
    typed = ask("GET", f"/{name}?type", [("Range", "bytes=1-")])
    assert_same(sending(place), typed, ask("GET", f"/{name}?prepared", [("Range", "bytes=1-")]))


@pytest.mark.parametrize("value", [SAME, BEFORE])
def test_a_range_of_what_has_or_has_not_changed(place: Path, value: str) -> None:
    assert_same(sending(place), ask("GET", "/a.txt", [("Range", "bytes=0-9"), ("If-Range", value)]))


def requests(web: Any, seen: list[Any]) -> Any:
    async def look(request: Any) -> Any:
        for name in (
            "if_match",
            "if_none_match",
            "if_modified_since",
            "if_unmodified_since",
            "if_range",
            "http_range",
        ):
            try:
                value = getattr(request, name)
            except ValueError:
                value = "ValueError"
            seen.append([(tag.value, tag.is_weak) for tag in value] if isinstance(value, tuple) else value)
        response = web.Response(text="x")
        response.etag = request.query.get("etag", "none")
        response.last_modified = MODIFIED
        seen.append([response.etag.value, response.etag.is_weak, response.last_modified])
        return response

    app = web.Application()
    app.router.add_get("/", look)
    return app


def test_what_requests_say(place: Path) -> None:
    fields: Fields = [
        ("If-Match", '"a", W/"b"'), ("If-None-Match", "*"), ("If-Modified-Since", SAME),
        ("If-Unmodified-Since", "x"), ("If-Range", AFTER), ("Range", "bytes=5-6"),
    ]  # fmt: skip
    assert_same(requests, ask(), ask("GET", "/", fields), ask("GET", "/?etag=*"), ask("GET", "/?etag=x%25y"))
    assert_same(requests, *[ask("GET", "/", [("Range", value)]) for value in ("bytes=1-0", "bytes=-3", "x")])


# -- directories -----------------------------------------------------------------------------------------

FOUND = (
    "/s/a.txt", "/s/b%20c.html", "/s/large.bin", "/s/empty.css", "/s/noending", "/s/archive.tar.gz",
    "/s/sub/d.json", "/s/sub/%C3%BC.svg", "/s/sub%2Fd.json", "/s/sub%2fd.json", "/s/%61.txt", "/s/./a.txt",
    "/s/sub/../a.txt", "/s/sub//d.json", "/s/a.txt/", "/s/a.txt?v=1", "/s/inner", "/s/inner-directory/d.json",
    "/t/d.json", "/s/sub/./../sub/d.json",
)  # fmt: skip


def test_the_resource(place: Path) -> None:
    assert_same(serving(place), ask("GET", "/look"))


@pytest.mark.parametrize("follow_symlinks", [False, True])
@pytest.mark.parametrize("target", FOUND)
def test_what_is_found(place: Path, target: str, follow_symlinks: bool) -> None:
    program = serving(place, follow_symlinks=follow_symlinks)
    range_asked: Fields = [("Range", "bytes=0-1")] if "empty" not in target else []
    assert_same(program, ask("GET", target), ask("HEAD", target), ask("GET", target, range_asked))


REFUSED = (
    "/s", "/s/", "/s/sub", "/s/sub/", "/s/inner-directory", "/s/../secret", "/s/..%2Fsecret",
    "/s/%2e%2e/secret", "/s/sub/..%2f..%2fsecret", "/s/%2Fetc%2Fpasswd", "/s//etc/passwd", "/s/%00",
    "/s/a.txt%00", "/sa.txt",
    "/s../secret", "/s/sub/../../secret",
)  # fmt: skip


@pytest.mark.parametrize("follow_symlinks", [False, True])
@pytest.mark.parametrize("target", REFUSED)
def test_what_is_refused(place: Path, target: str, follow_symlinks: bool) -> None:
    assert_same(serving(place, follow_symlinks=follow_symlinks), ask("GET", target))


@pytest.mark.parametrize("target", ["/s/outer", "/s/outer-directory", "/s/outer-directory/secret"])
def test_links(place: Path, target: str) -> None:
    assert_same(serving(place), ask("GET", target))
    assert_same(serving(place, follow_symlinks=True), ask("GET", target))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods(place: Path, method: str) -> None:
    assert_same(serving(place), *[ask(method, target) for target in ("/s/a.txt", "/s/missing", "/s")])


def versions(place: Path) -> Callable[[Any, list[Any]], Any]:
    def program(web: Any, seen: list[Any]) -> Any:
        async def look(request: Any) -> Any:
            resource = request.app.router["files"]
            for name in ("a.txt", "/a.txt", "sub/d.json", "missing", "../secret", "outer", "sub", "inner"):
                for append in (None, True, False):
                    url = resource.url_for(filename=name, append_version=append)
                    seen.append([url.path, url.query_string])
            return web.Response()

        app = web.Application()
        app.router.add_static("/s", place, name="files", append_version=True)
        app.router.add_get("/", look)
        return app

    return program


def test_urls_with_versions(place: Path) -> None:
    assert_same(versions(place), ask())


def tables(place: Path) -> Program:
    def program(web: Any, seen: list[Any]) -> Any:
        async def options(request: Any) -> Any:
            return web.Response(text="options")

        async def fixed(request: Any) -> Any:
            return web.Response(text="fixed")

        routes = web.RouteTableDef()
        routes.static("/s", place)
        app = web.Application()
        app.add_routes(routes)
        app.add_routes(
            [web.static("/t", place / "sub", name="t"), web.get("/t/fixed", fixed), web.get("/", fixed)]
        )
        app.router["t"].set_options_route(options)
        inner = web.Application()
        inner.router.add_static("/u", place / "sub", name="u")
        app.add_subapp("/inner", inner)
        return app

    return program


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
def test_route_tables(place: Path, method: str) -> None:
    targets = ("/s/a.txt", "/t/d.json", "/t/fixed", "/", "/inner/u/d.json", "/inner/t/d.json")
    assert_same(tables(place), *[ask(method, target) for target in targets])
