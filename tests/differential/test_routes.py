"""Which handler answers, with which values, and what is answered where none does."""

from typing import Any

import pytest

from .harness import ask, assert_same


def routes(web: Any, seen: list[Any]) -> Any:
    def answer(name: str) -> Any:
        async def handler(request: Any) -> Any:
            seen.append(dict(request.match_info))
            seen.append(request.match_info.route.method)
            seen.append(request.match_info.route.resource.canonical)
            return web.Response(text=name)

        return handler

    app = web.Application()
    add = app.router.add_route
    app.router.add_get("/", answer("index"))
    app.router.add_get("/get-only", answer("get-only"), allow_head=False)
    app.router.add_post("/get-only", answer("post"))
    app.router.add_head("/head", answer("head"))
    add("*", "/any", answer("any"))
    add("PATCH", "/any-but-patch", answer("patch"))
    add("*", "/any-but-patch", answer("the rest"))
    add("PROPFIND", "/unusual", answer("unusual"))
    app.router.add_get("/users/{name}", answer("user"))
    app.router.add_put("/users/{name}", answer("user put"))
    app.router.add_get("/users/me", answer("me"))
    app.router.add_get(r"/items/{item:\d+}", answer("number"))
    app.router.add_get(r"/items/{item:[a-z]+}", answer("word"))
    app.router.add_get("/files/{path:.*}", answer("file"))
    app.router.add_get("/a/{one}/b/{two}", answer("two"))
    app.router.add_get("/mixed/x{one}-{two}.html", answer("mixed"))
    app.router.add_get("/slash/", answer("slash"))
    app.router.add_get("/ünï", answer("unicode"))
    app.router.add_get("/with space", answer("space"))
    app.router.add_get("/plus+sign", answer("plus"))
    app.router.add_get("/semi;colon", answer("semicolon"))
    return app


TARGETS = (
    "/", "/?a=b", "//", "/get-only", "/get-only/", "/any", "/users/ann", "/users/me", "/users/",
    "/users/a%20b", "/users/a%2Fb", "/users/a%2fb", "/users/a%25b", "/users/%2525", "/users/%E2%82%AC",
    "/users/%FF", "/users/a+b", "/users/a/b", "/users/a;b=c", "/users/%7Eann", "/users/~ann",
    "/users/a%3Fb", "/users/a%23b", "/items/42", "/items/abc", "/items/a1", "/items/%34%32", "/files/",
    "/files/a/b/c.txt", "/files/a%2Fb", "/files/../etc/passwd", "/files/./x", "/files//x", "/files",
    "/a/1/b/2", "/a/1/b/", "/mixed/x1-2.html", "/mixed/x1-2-3.html", "/mixed/x-.html", "/slash", "/slash/",
    "/%C3%BCn%C3%AF", "/with%20space", "/with+space", "/plus+sign", "/plus%2Bsign", "/semi;colon",
    "/semi%3Bcolon", "/GET-ONLY", "/get%2Donly", "/nowhere", "/.", "/..", "/?", "/users/ann?",
    "/users/ann?name=bob", "/head", "http://example.com/users/ann?x=1",
    "http://other.example:81/users/ann",
)  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
def test_targets(target: str) -> None:
    assert_same(routes, ask("GET", target), ask("PUT", target))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_methods(method: str) -> None:
    paths = ("/", "/get-only", "/head", "/any", "/any-but-patch", "/unusual", "/users/ann", "/nowhere")
    assert_same(routes, *[ask(method, path) for path in paths])


def subapps(web: Any, seen: list[Any]) -> Any:
    key, top = web.AppKey("key", str), web.AppKey("top", str)

    async def show(request: Any) -> Any:
        seen.append(request.app[key])
        seen.append([app[key] for app in request.match_info.apps])
        seen.append([request.config_dict[key], request.config_dict[top]])
        seen.append(dict(request.match_info))
        return web.Response(text=request.app[key])

    def make(name: str) -> Any:
        app = web.Application()
        app[key] = name
        app.router.add_get("/", show)
        app.router.add_get("/x/{y}", show)
        app.router.add_post("/post", show)
        return app

    app, admin, inner, other = map(make, ("app", "admin", "inner", "other"))
    app[top] = "top"
    admin.add_subapp("/inner", inner)
    app.add_subapp("/admin/", admin)
    app.router.add_get("/admin/late", show)
    app.router.add_get("/administer", show)
    app.add_domain("other.example", other)
    app.add_domain("*.other.example:8080", make("mask"))
    return app


SUB_TARGETS = (
    "/", "/admin", "/admin/", "/admin/x/1", "/admin/late", "/administer", "/admin/inner", "/admin/inner/",
    "/admin/inner/x/a%2Fb", "/admin/inner/no", "/admin/post", "/post", "/Admin/",
)  # fmt: skip


@pytest.mark.parametrize("target", SUB_TARGETS)
def test_subapps(target: str) -> None:
    assert_same(subapps, ask("GET", target), ask("POST", target))


HOSTS = (
    "other.example", "OTHER.example", "other.example:80", "other.example:8080", "a.other.example:8080",
    "a.other.example", "a.b.other.example:8080", "another.example", "", "[::1]:80",
)  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
def test_domains(host: str) -> None:
    assert_same(subapps, *[ask("GET", target, host=host) for target in ("/", "/x/1", "/admin/", "/no")])


def views(web: Any, seen: list[Any]) -> Any:
    class Thing(web.View):  # type: ignore[misc]
        async def get(self) -> Any:
            seen.append(self.request.path)
            return web.Response(text="got")

        async def delete(self) -> Any:
            return web.Response(status=204)

    table = web.RouteTableDef()

    @table.get("/table/{x}", name="table")  # type: ignore[untyped-decorator]
    async def shown(request: Any) -> Any:
        url = request.app.router["table"].url_for(x="ü /?")
        seen.append(url.with_query({"a": "1 2"}))
        return web.Response(text=str(url))

    @table.view("/table")
    class Other(web.View):  # type: ignore[misc]
        async def post(self) -> Any:
            return web.json_response({"posted": await self.request.json()})

    app = web.Application()
    app.router.add_view("/thing", Thing)
    app.add_routes(table)
    app.add_routes([web.get("/listed", shown), web.route("*", "/star", shown), web.view("/again", Thing)])
    return app


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "OPTIONS"])
def test_views_and_tables(method: str) -> None:
    paths = ("/thing", "/table/1", "/table", "/listed", "/star", "/again")
    body = b"[1]" if method == "POST" else b""
    assert_same(views, *[ask(method, path, body=body) for path in paths])


def tidy(web: Any, seen: list[Any]) -> Any:
    async def show(request: Any) -> Any:
        seen.append(request.path_qs)
        return web.Response(text=request.path)

    app = web.Application(middlewares=[web.normalize_path_middleware()])
    app.router.add_get("/slash/", show)
    app.router.add_get("/none", show)
    app.router.add_get("/deep/{x}/", show)
    return app


TIDY_TARGETS = (
    "/slash", "/slash?a=b&c=%20d", "//slash", "/slash//", "/none", "/none/", "//none", "/deep/1",
    "/deep/a%20b", "/deep//1", "/nowhere", "//example.com/slash", "///slash///",
)  # fmt: skip


@pytest.mark.parametrize("target", TIDY_TARGETS)
def test_normalized_paths(target: str) -> None:
    assert_same(tidy, ask("GET", target))
