"""Directories below a path: what is reached, what is not, and how it is told."""

import asyncio
import base64
import hashlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from sketch import directorypage, web
from sketch.files import SMALL
from sketch.http.memory import MemoryExchange
from sketch.routing.resources import AbstractResource
from sketch.routing.subapps import PrefixResource
from tests.asking import ask, fields_of, status_of, text_of
from tests.descriptors import NEEDS_PROC, nothing_stays_open, open_files

pytestmark = NEEDS_PROC

SECRET = b"secret"


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A directory with files, and secrets around it; nothing of it stays open."""
    root = tmp_path.resolve() / "root"
    (root / "sub").mkdir(parents=True)
    (root / "a.txt").write_bytes(b"content")
    (root / "sub" / "b.txt").write_bytes(b"below")
    (root.parent / "secret").write_bytes(SECRET)
    (root.parent / "root-too").mkdir()
    (root.parent / "root-too" / "secret").write_bytes(SECRET)
    with nothing_stays_open(tmp_path.resolve()):
        yield root


def serving(root: Path, prefix: str = "/s", **options: Any) -> web.Application:
    app = web.Application()
    app.router.add_static(prefix, root, **options)
    return app


def get(root: Path, target: str, method: str = "GET", **options: Any) -> MemoryExchange:
    return ask(serving(root, **options), method, target)


# -- what is reached -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "content"),
    [
        ("/s/a.txt", b"content"), ("/s/sub/b.txt", b"below"), ("/s/sub%2Fb.txt", b"below"),
        ("/s/%61.txt", b"content"), ("/s/./a.txt", b"content"), ("/s/sub/../a.txt", b"content"),
        ("/s/sub//b.txt", b"below"), ("/s/a.txt?v=1", b"content"), ("/s/a.txt/", b"content"),
    ],
)  # fmt: skip
def test_files(root: Path, target: str, content: bytes) -> None:
    exchange = get(root, target)
    assert (status_of(exchange), exchange.response_body) == (200, content)
    assert ("Content-Type", "text/plain") in fields_of(exchange)
    exchange = get(root, target, "HEAD")
    assert (status_of(exchange), exchange.response_body) == (200, b"")
    assert ("Content-Length", str(len(content))) in fields_of(exchange)


@pytest.mark.parametrize(
    "name", ["a b", "ü", "100%", "a+b", "a?b", "a#b", "a%2Fb", "a&b", ".hidden", "a\\b", "~a"]
)
def test_names_that_urls_have_to_quote(root: Path, name: str) -> None:
    (root / name).write_text(name)
    app = serving(root, name="files")
    url = app.router["files"].url_for(filename=name)
    assert text_of(ask(app, "GET", str(url))) == name


def test_a_name_that_is_not_utf_8(root: Path) -> None:
    (root / os.fsdecode(b"\xff.txt")).write_bytes(b"odd")
    assert status_of(get(root, "/s/%FF.txt")) == 404
    exchange = get(root, "/s/", show_index=True)
    assert status_of(exchange) == 200 and "%FF" not in text_of(exchange)


@pytest.mark.parametrize("prefix", ["/", "/s", "/s/", "/a/b", "/a%20b", "/ü"])
def test_prefixes(root: Path, prefix: str) -> None:
    app = serving(root, prefix, name="files")
    url = str(app.router["files"].url_for(filename="sub/b.txt"))
    assert text_of(ask(app, "GET", url)) == "below"
    assert text_of(ask(app, "GET", str(URL(prefix)).rstrip("/") + "/a.txt")) == "content"
    assert status_of(ask(app, "GET", f"/x{URL(prefix)}/a.txt")) == 404


def test_below_a_sub_application(root: Path) -> None:
    inner = web.Application()
    resource = inner.router.add_static("/s", root, name="files")
    app = web.Application()
    app.add_subapp("/inner", inner)
    assert text_of(ask(app, "GET", "/inner/s/a.txt")) == "content"
    assert str(resource.url_for(filename="a.txt")) == "/inner/s/a.txt"


def test_other_routes_go_by_their_length(root: Path) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(text=request.match_info.get("x", "fixed"))

    app = web.Application()
    app.router.add_static("/", root)
    app.router.add_get("/sub/b.txt", handler)
    app.router.add_get("/api/{x}", handler)
    app.router.add_post("/a.txt", handler)
    for method, target, text in (
        ("GET", "/a.txt", "content"), ("GET", "/sub/b.txt", "fixed"), ("GET", "/api/1", "1"),
        ("POST", "/a.txt", "fixed"),
    ):  # fmt: skip
        assert text_of(ask(app, method, target)) == text
    exchange = ask(app, "DELETE", "/a.txt")
    assert (status_of(exchange), dict(fields_of(exchange))["Allow"]) == (405, "GET,HEAD,POST")


def test_the_longest_prefix_first(root: Path) -> None:
    (root / "sub" / "a.txt").write_bytes(b"deeper")
    app = serving(root, "/s")
    app.router.add_static("/s/deep", root / "sub")
    assert text_of(ask(app, "GET", "/s/deep/a.txt")) == "deeper"
    assert text_of(ask(app, "GET", "/s/a.txt")) == "content"
    # Both begin there, and the first one that matches answers, if only with 404.
    assert status_of(ask(app, "GET", "/s/deep/b.txt")) == 200
    assert status_of(ask(app, "GET", "/s/deep/sub/b.txt")) == 404


def test_asked_one_by_one(root: Path) -> None:
    """As the router does where some resource has to see the whole request."""
    app = web.Application()
    app.router.add_static("/s", root)
    inner = web.Application()
    app.add_domain("other.example", inner)
    for method, target, status in (
        ("GET", "/s/a.txt", 200), ("POST", "/s/a.txt", 405), ("GET", "/s/../a.txt", 404), ("GET", "/t", 404),
    ):  # fmt: skip
        assert status_of(ask(app, method, target, {"Host": "example.com"})) == status

    async def resolve() -> None:
        request = web.Request(method="GET", url="/s/sub%2Fb.txt")
        match_info, methods = await next(iter(app.router.resources())).resolve(request)
        assert dict(match_info or {}) == {"filename": "sub/b.txt"} and methods == {"GET", "HEAD"}
        request = web.Request(method="PUT", url="/s/a.txt")
        assert await next(iter(app.router.resources())).resolve(request) == (None, {"GET", "HEAD"})
        request = web.Request(method="GET", url="/x")
        assert await next(iter(app.router.resources())).resolve(request) == (None, set())

    asyncio.run(resolve())


# -- what is not -----------------------------------------------------------------------------------------

UP = (
    "..",
    "%2e%2e",
    "%2E.",
    ".%2e",
    "..%2f..",
    "..%5c..",
    "..\\..",
    "%252e%252e",
    "..;",
    "....",
    "..%00",
    "%c0%ae%c0%ae",
)
TRAVERSALS = [
    *[f"/s/{up}/secret" for up in UP],
    *[f"/s/{up}/root-too/secret" for up in UP],
    *[f"/s/sub/{up}/{up}/secret" for up in UP],
    *[f"/s{slash}..{slash}secret" for slash in ("//", "/./", "%2f", "%2F", "%5c", "\\", "/%2f", "%2f/")],
    *[f"/s/..%2f{name}" for name in ("secret", "root-too/secret", "root-too%2fsecret", "secret%00.txt")],
    *[f"/s/{'../' * depth}{{root}}/../secret" for depth in (1, 5, 40)],
    *[f"/s/{'..%2f' * depth}{{root}}/../secret" for depth in (1, 5, 40)],
    "/s/{parent}/secret", "/s/%2f{parent}/secret", "/s//{parent}/secret", "/s/%2F%2F{parent}%2Fsecret",
    "/s/../s/../secret", "/s/../root-too/secret", "/s../secret", "/s%2e%2e/secret", "/s/.%2e%2f.%2e/secret",
    "/s/~/secret", "/s/~root/secret", "/s/file:{parent}/secret", "/s/C:/secret", "/s/C:%5csecret",
    "/s/%5c%5chost%5cshare%5csecret", "/s/link", "/s/up/secret", "/s/up/root-too/secret", "/s/sub/up2/secret",
    "/s/twice", "/s/absolute", "/s/absolute-directory/secret", "/s/hard/../up/secret",
    "/s/secret%00", "/s/a.txt%00/../../secret", "/s/" + "a" * 300, "/s/" + "a/" * 3000,
    "/s/" + "%2e%2e%2f" * 900, "/s/-/../../secret", "/s/proc", "/s/self/cwd/secret",
]  # fmt: skip


@pytest.fixture
def traps(root: Path) -> Path:
    """Links of all kinds that lead out."""
    (root / "link").symlink_to("../secret")
    (root / "up").symlink_to("..")
    (root / "sub" / "up2").symlink_to("../..")
    (root / "first").symlink_to("../secret")
    (root / "twice").symlink_to("first")
    (root / "absolute").symlink_to(root.parent / "secret")
    (root / "absolute-directory").symlink_to(root.parent)
    (root / "proc").symlink_to("/proc/self/environ")
    (root / "self").symlink_to("/proc/self")
    return root


@pytest.mark.parametrize("show_index", [False, True])
@pytest.mark.parametrize("target", TRAVERSALS)
def test_nothing_outside_is_reached(traps: Path, target: str, show_index: bool) -> None:
    target = target.replace("{root}", str(traps).lstrip("/")).replace(
        "{parent}", str(traps.parent).lstrip("/")
    )
    exchange = get(traps, target, show_index=show_index)
    assert status_of(exchange) == 404 and SECRET not in exchange.response_body
    assert b"PATH=" not in exchange.response_body


@pytest.mark.parametrize("target", TRAVERSALS)
def test_only_links_lead_out_where_they_may(traps: Path, target: str) -> None:
    """``follow_symlinks`` is about links, and not about names."""
    text = target.replace("{root}", str(traps).lstrip("/")).replace("{parent}", str(traps.parent).lstrip("/"))
    exchange = get(traps, text, follow_symlinks=True)
    followed = {
        "/s/link", "/s/up/secret", "/s/up/root-too/secret", "/s/sub/up2/secret", "/s/twice", "/s/absolute",
        "/s/absolute-directory/secret", "/s/hard/../up/secret", "/s/proc", "/s/self/cwd/secret",
    }  # fmt: skip
    if target not in followed:
        assert status_of(exchange) == 404 and SECRET not in exchange.response_body
    elif target.startswith(("/s/proc", "/s/self")):
        assert status_of(exchange) in (200, 404)
    else:
        assert (status_of(exchange), exchange.response_body) == (200, SECRET)


segments = st.sampled_from(
    [
        "..",
        ".",
        "",
        "sub",
        "a.txt",
        "up",
        "secret",
        "%2e%2e",
        "%2f",
        "%5c",
        "root-too",
        "root",
        "%00",
        "link",
        "\\",
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(segments, max_size=8), st.sampled_from(["/", "%2f", "//"]), st.booleans())
def test_no_combination_leads_out(traps: Path, parts: list[str], slash: str, show_index: bool) -> None:
    exchange = get(traps, "/s/" + slash.join(parts), show_index=show_index)
    assert status_of(exchange) in (200, 403, 404)
    assert SECRET not in exchange.response_body
    if status_of(exchange) == 200 and b"<title>" in exchange.response_body:
        assert b"root-too" not in exchange.response_body


@pytest.mark.timeout(20)
@pytest.mark.parametrize("follow_symlinks", [False, True])
def test_what_is_neither_file_nor_directory(root: Path, follow_symlinks: bool) -> None:
    os.mkfifo(root / "fifo")
    (root / "zero").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(root / "socket"))
        for name, status in (("fifo", 403), ("socket", 403), ("zero", 403 if follow_symlinks else 404)):
            for show_index in (False, True):
                exchange = get(root, f"/s/{name}", follow_symlinks=follow_symlinks, show_index=show_index)
                assert status_of(exchange) == status


def test_what_is_missing_is_seen_by_middlewares(root: Path) -> None:
    seen = []

    async def look(request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            response: web.StreamResponse = await handler(request)
        except web.HTTPException as error:
            seen.append(error.status)
            raise
        seen.append(response.status)
        return response

    app = web.Application(middlewares=[look])
    app.router.add_static("/s", root)
    for target, status in (("/s/missing", 404), ("/s/../x", 404), ("/s/sub", 403), ("/s/a.txt", 200)):
        assert status_of(ask(app, "GET", target)) == status
    assert seen == [404, 404, 403, 200]


def test_a_middleware_that_replaces_a_large_file(root: Path) -> None:
    """It was opened, and nobody sends it."""
    (root / "large").write_bytes(b"x" * (SMALL + 1))

    async def replace(request: web.Request, handler: Any) -> web.Response:
        assert isinstance(await handler(request), web.FileResponse)
        return web.Response(text="instead")

    app = web.Application(middlewares=[replace])
    app.router.add_static("/s", root)
    assert text_of(ask(app, "GET", "/s/large")) == "instead"
    assert open_files(root) == []


def test_conditions_and_ranges(root: Path) -> None:
    app = serving(root)
    etag = dict(fields_of(ask(app, "GET", "/s/a.txt")))["Etag"]
    assert status_of(ask(app, "GET", "/s/a.txt", {"If-None-Match": etag})) == 304
    exchange = ask(app, "GET", "/s/a.txt", {"Range": "bytes=1-2", "If-Range": etag})
    assert (status_of(exchange), exchange.response_body) == (206, b"on")
    (root / "a.txt.gz").write_bytes(b"zipped")
    assert ask(app, "GET", "/s/a.txt", {"Accept-Encoding": "gzip"}).response_body == b"zipped"


# -- directories -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["/s", "/s/", "/s/sub", "/s/sub/"])
def test_a_directory_is_forbidden_or_shown(root: Path, target: str) -> None:
    assert status_of(get(root, target)) == 403
    exchange = get(root, target, show_index=True)
    fields = dict(fields_of(exchange))
    assert status_of(exchange) == 200
    assert fields["Content-Type"] == "text/html; charset=utf-8"
    assert fields["X-Content-Type-Options"] == "nosniff"
    assert fields["Content-Security-Policy"] == directorypage.CONTENT_SECURITY_POLICY
    link = '"/s/sub/b.txt"' if "sub" in target else '"/s/sub/"'
    assert link in text_of(exchange)
    assert get(root, target, "HEAD", show_index=True).response_body == b""


def test_every_link_of_an_index_leads_somewhere(root: Path) -> None:
    for name in ("a b", "ü&<>\"'", "100%", "a?b#c", "..a"):
        (root / name).write_bytes(b"")
    (root / "d e").mkdir()
    app = serving(root, "/x y", show_index=True)
    links = [part.partition('"')[0] for part in text_of(ask(app, "GET", "/x%20y/")).split('href="')[1:]]
    assert len(links) == 8
    for link in links:
        assert status_of(ask(app, "GET", link.replace("&amp;", "&"))) == 200


def test_an_index_has_what_can_be_reached(traps: Path) -> None:
    os.mkfifo(traps / "fifo")
    (traps / "inner").symlink_to("a.txt")
    (traps / "inner-directory").symlink_to("sub")
    (traps / "broken").symlink_to("nowhere")
    shown = {True: "link", False: "inner"}
    for follow_symlinks in (False, True):
        text = text_of(get(traps, "/s/", show_index=True, follow_symlinks=follow_symlinks))
        names = {part.partition("<")[0] for part in text.split('">') if part.endswith("\n") or "</a>" in part}
        assert {"a.txt", "sub/", "inner", "inner-directory/"} <= names
        assert ("link" in names) is follow_symlinks and ("up/" in names) is follow_symlinks
        assert not {"fifo", "broken"} & names
        assert shown[follow_symlinks] in names


def test_an_index_is_bounded(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directorypage, "MOST_ENTRIES", 3)
    for number in range(5):
        (root / f"n{number}").write_bytes(b"")
    text = text_of(get(root, "/s/", show_index=True))
    assert text.count("<tr><td>") == 3 and "4 more" in text


def test_a_directory_that_cannot_be_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", fail)
    assert status_of(get(root, "/s/", show_index=True)) == 403


# -- the resource ----------------------------------------------------------------------------------------


def test_the_resource(root: Path) -> None:
    app = web.Application()
    resource = app.router.add_static("/s/", root, name="files")
    assert isinstance(resource, web.StaticResource | PrefixResource | AbstractResource)
    assert (resource.name, resource.canonical, resource.needs_request) == ("files", "/s", False)
    info = resource.get_info()
    assert (info["directory"], info["prefix"], set(info["routes"])) == (root, "/s", {"GET", "HEAD"})
    assert len(resource) == 2 and [route.method for route in resource] == ["GET", "HEAD"]
    assert all(route in resource and route.resource is resource for route in app.router.routes())
    assert not resource.raw_match("/s")
    assert repr(resource) == f"<StaticResource 'files' /s -> {str(root)!r}>"


def test_options(root: Path) -> None:
    async def options(request: web.Request) -> web.Response:
        return web.Response(text="options")

    app = serving(root, name="files")
    resource = app.router["files"]
    assert isinstance(resource, web.StaticResource)
    assert status_of(ask(app, "OPTIONS", "/s/a.txt")) == 405
    app = serving(root, name="files")
    resource = app.router["files"]
    assert isinstance(resource, web.StaticResource)
    resource.set_options_route(options)
    assert text_of(ask(app, "OPTIONS", "/s/a.txt")) == "options"
    with pytest.raises(RuntimeError, match="already"):
        resource.set_options_route(options)


def test_expect(root: Path) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=417, text="no")

    exchange = ask(serving(root, expect_handler=refuse), "GET", "/s/a.txt", {"Expect": "100-continue"})
    assert status_of(exchange) == 417


@pytest.mark.parametrize(("prefix", "path"), [("s", "."), ("", "."), ("/s", "missing"), ("/s", "a.txt")])
def test_what_cannot_be_served(root: Path, prefix: str, path: str) -> None:
    with pytest.raises(ValueError):
        web.Application().router.add_static(prefix, root / path)


def test_a_definition(root: Path) -> None:
    routes = web.RouteTableDef()
    routes.static("/s", root, show_index=True)
    definition = web.static("/s", root, name="files")
    assert repr(definition) == f"<StaticDef /s -> {root}, name='files'>"
    assert isinstance(routes[0], web.StaticDef) and routes[0].kwargs == {"show_index": True}
    app = web.Application()
    registered = app.add_routes([definition])
    assert [route.method for route in registered] == ["GET", "HEAD"]
    assert text_of(ask(app, "GET", "/s/a.txt")) == "content"
    app = web.Application()
    app.add_routes(routes)
    assert status_of(ask(app, "GET", "/s/")) == 200


# -- URLs with versions ----------------------------------------------------------------------------------


def version_of(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode()


def test_a_version_is_a_hash_of_the_content(root: Path) -> None:
    large = os.urandom(SMALL + 1)
    (root / "large").write_bytes(large)
    resource = web.StaticResource("/s", root)
    url = resource.url_for(filename="a.txt", append_version=True)
    assert (url.path, url.query["v"]) == ("/s/a.txt", version_of(b"content"))
    assert resource.url_for(filename=Path("large"), append_version=True).query["v"] == version_of(large)
    assert str(resource.url_for(filename="a.txt")) == "/s/a.txt"
    always = web.StaticResource("/s", root, append_version=True)
    assert always.url_for(filename="/a.txt").query["v"] == version_of(b"content")
    assert not always.url_for(filename="a.txt", append_version=False).query


def test_a_version_follows_the_content(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resource = web.StaticResource("/s", root, append_version=True)
    assert resource.url_for(filename="a.txt").query["v"] == version_of(b"content")
    (root / "a.txt").write_bytes(b"changed")
    os.utime(root / "a.txt", ns=(0, 1))
    assert resource.url_for(filename="a.txt").query["v"] == version_of(b"changed")
    version = version_of(b"changed")
    monkeypatch.setattr(hashlib, "sha256", lambda *args: pytest.fail("it was made anew"))
    assert resource.url_for(filename="a.txt").query["v"] == version


@pytest.mark.parametrize("name", ["missing", "sub", "link", "up/secret", "../secret"])
def test_what_has_no_version(traps: Path, name: str) -> None:
    resource = web.StaticResource("/s", traps, append_version=True)
    assert "v" not in resource.url_for(filename=name).query
    if name == "link":
        follows = web.StaticResource("/s", traps, append_version=True, follow_symlinks=True)
        assert follows.url_for(filename=name).query["v"] == version_of(SECRET)
