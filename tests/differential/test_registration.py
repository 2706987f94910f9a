"""What a program sees of a router: what can be registered, under which names, and what URLs lead there."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from .playing import Notes, Program, assert_alike


async def handler(request: Any) -> Any:
    raise AssertionError("nobody asks")


async def other(request: Any) -> Any:
    raise AssertionError("nobody asks")


async def accept(request: Any) -> Any:
    return None


# -- paths, methods, names ---------------------------------------------------------------------------------

PATHS = (
    "", "/", "/a", "/a/", "//", "a", "/{x}", "/{x}/{y}", "/{x}/{x}", "/{", "/}", "/{}", "/{1}", "/{x:}",
    "/{x:[}", "/{x:\\d+}", "/{x:\\d{2}}", "/{x}{y}", "/a{x}b", "/{x:a|b}", "/ü/{x}", "/a b/{x}",
    "/a%20b", "/a%2Fb", "/{x-y}", "/{_x}", "/{x:(}", "/a/{tail:.*}", "/{x:.+}/b", "/a?b/{x}", "/a#b/{x}",
    "/%zz", "/a+b", "/{ x}",
    "/{x }",
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_paths(path: str) -> None:
    def program(web: Any, note: Notes) -> None:
        router = web.UrlDispatcher()
        resource = note.try_(lambda: router.add_resource(path).canonical)
        if resource is not None:
            (made,) = router.resources()
            note(type(made), made.name, made.raw_match(path), made.raw_match(path + "x"), len(made))
            note(sorted(made.get_info()))
            note.try_(lambda: made.url_for(x="a b/ü%", y="1"))
            note.try_(made.url_for)

    assert_alike(program)


METHODS = ("GET", "get", "*", "PROPFIND", "", "A B", "É", "M-SEARCH", "!", "(")


@pytest.mark.parametrize("method", METHODS)
def test_methods(method: str) -> None:
    def program(web: Any, note: Notes) -> None:
        router = web.UrlDispatcher()
        route = note.try_(lambda: router.add_route(method, "/x", handler).method)
        if route is not None:
            (made,) = router.routes()
            note(type(made), made.name, made.resource.canonical, made.handler is handler, made.url_for())

    assert_alike(program)


NAMES = (
    "a",
    "a.b",
    "a:b",
    "a-b",
    "a_b",
    "a b",
    "1a",
    "",
    "a..b",
    "class",
    "a.class",
    "a/b",
    "ü",
    "None",
    "match",
)


@pytest.mark.parametrize("name", NAMES)
def test_names(name: str) -> None:
    def program(web: Any, note: Notes) -> None:
        router = web.UrlDispatcher()
        note.try_(lambda: router.add_get("/x", handler, name=name).name)
        note(len(router), list(router), name in router, sorted(router.named_resources()))
        note.try_(lambda: router[name].canonical)

    assert_alike(program)


def names_and_resources(web: Any, note: Notes) -> None:
    router = web.UrlDispatcher()
    router.add_get("/a", handler, name="a")
    note.try_(lambda: router.add_get("/b", handler, name="a").name)
    note.try_(lambda: router.add_post("/a", handler, name="a").name)
    note.try_(lambda: router["none"])
    note(router.get("none"), router.get("a") is router["a"], isinstance(router, Mapping), bool(router))
    note(list(router.keys()), [each.canonical for each in router.values()], list(router))
    named = router.named_resources()
    note(type(named), named["a"] is router["a"])
    note.try_(lambda: named.__setitem__("x", 1))
    note(router["a"] in router.resources(), 5 in router.resources(), len(router.resources()))
    routes = router.routes()
    note(len(routes), [route.method for route in routes], next(iter(routes)) in routes, None in routes)


def last_resource_is_used_again(web: Any, note: Notes) -> None:
    router = web.UrlDispatcher()
    one = router.add_resource("/a")
    note(router.add_resource("/a") is one, router.add_resource("/a", name="n") is one)
    router.add_resource("/b")
    note(router.add_resource("/a") is one, len(router.resources()))
    two = router.add_resource("/{x}")
    note(router.add_resource("/{x}") is two, router.add_resource("/{y}") is two)


def second_handlers(web: Any, note: Notes) -> None:
    router = web.UrlDispatcher()
    resource = router.add_resource("/a")
    resource.add_route("GET", handler)
    note.try_(lambda: resource.add_route("GET", other).method)
    note.try_(lambda: resource.add_route("*", other).method)
    note.try_(lambda: resource.add_route("POST", other).method)
    note([route.method for route in resource], len(resource))
    note.try_(lambda: resource.register_route("no route"))
    route = web.ResourceRoute("PUT", handler, resource)
    resource.register_route(route)
    note([each.method for each in resource], route.resource is resource)


def everything_after_freezing(web: Any, note: Notes) -> None:
    router = web.UrlDispatcher()
    router.add_get("", handler)
    note([each.canonical for each in router.resources()])
    router.freeze()
    note([each.canonical for each in router.resources()], router.frozen)
    note.try_(lambda: router.add_get("/late", handler).method)
    note.try_(lambda: router.register_resource(web.PlainResource("/late")))
    note.try_(lambda: router.add_resource("/late").canonical)


def resources_of_ones_own(web: Any, note: Notes) -> None:
    router = web.UrlDispatcher()
    plain, dynamic = web.PlainResource("/p", name="p"), web.DynamicResource("/d/{x}")
    for resource in (plain, dynamic):
        router.register_resource(resource)
        note(isinstance(resource, web.Resource), isinstance(resource, web.AbstractResource))
    note.try_(lambda: router.register_resource("no resource"))
    note.try_(lambda: web.PlainResource("p").canonical)
    note.try_(lambda: web.DynamicResource("d/{x}").canonical)
    note.try_(lambda: web.DynamicResource("{x}").canonical)
    note.try_(lambda: web.AbstractResource())
    note(list(router), [each.canonical for each in router.resources()])
    plain.add_prefix("/pre")
    dynamic.add_prefix("/pre")
    note(plain.canonical, dynamic.canonical, plain.url_for(), dynamic.url_for(x="1"))
    for prefix in ("no", "/", "/a/", ""):
        note.try_(lambda prefix=prefix: plain.add_prefix(prefix))
        note.try_(lambda prefix=prefix: dynamic.add_prefix(prefix))


def indexing(web: Any, note: Notes) -> None:
    router = web.UrlDispatcher()
    resource = router.add_resource("/a/{x}")
    note(sorted(router._resource_index), router._resource_index["/a"] == [resource])
    router.unindex_resource(resource)
    resource.add_prefix("/b")
    router.index_resource(resource)
    note([key for key, found in router._resource_index.items() if found])
    note(len(router.resources()))


# -- methods of the router -----------------------------------------------------------------------------------


def shortcuts(web: Any, note: Notes) -> None:
    router = web.UrlDispatcher()
    for name in ("head", "options", "get", "post", "put", "patch", "delete"):
        route = getattr(router, f"add_{name}")(f"/{name}", handler, name=name, expect_handler=accept)
        note(route.method, route.name, type(route), route.resource.canonical, len(route.resource))
    route = router.add_get("/only", handler, allow_head=False)
    note([each.method for each in route.resource], route.name)
    note([each.method for each in router.routes()])
    note.try_(router.add_get, "/x", handler, "positional name")
    note.try_(router.add_post, "/x", handler, unknown=1)


def views(web: Any, note: Notes) -> None:
    class Thing(web.View):  # type: ignore[misc]
        async def get(self) -> Any:
            raise AssertionError("nobody asks")

    router = web.UrlDispatcher()
    route = router.add_view("/view", Thing, name="view")
    note(route.method, route.name, route.handler is Thing, issubclass(Thing, web.View))
    note(router.add_get("/get", Thing).handler is Thing)
    view = Thing("request")
    note(view.request)


def bad_handlers(web: Any, note: Notes) -> None:
    router = web.UrlDispatcher()
    for bad in (None, 5, "handler", [handler]):
        note.try_(router.add_get, "/x", bad)
    note.try_(lambda: router.add_get("/expect", handler, expect_handler="no").method)
    note.try_(lambda: router.add_get("/expect", handler, expect_handler=lambda request: None).method)


def bad_paths_for_routes(web: Any, note: Notes) -> None:
    router = web.UrlDispatcher()
    for bad in ("no", "{x}", "x/{y}"):
        note.try_(router.add_get, bad, handler)
    note(len(router.resources()))


# -- definitions ---------------------------------------------------------------------------------------------


def definitions(web: Any, note: Notes) -> None:
    made = [
        web.head("/a", handler), web.get("/b", handler), web.get("/c", handler, name="c", allow_head=False),
        web.post("/d", handler), web.put("/e", handler), web.patch("/f", handler), web.delete("/g", handler),
        web.options("/h", handler), web.route("PROPFIND", "/i", handler, name="i"), web.view("/j", web.View),
        web.route("*", "/k", handler, expect_handler=accept), web.route("get", "/l", handler),
    ]  # fmt: skip
    for each in made:
        note(each.method, each.path, each.handler is handler, sorted(each.kwargs), type(each))
        note(isinstance(each, web.AbstractRouteDef))
    note(repr(made[0]), repr(made[2]), made[0] == web.head("/a", handler), made[0] == made[1])
    note.try_(lambda: setattr(made[0], "path", "/x"))
    app = web.Application()
    registered = app.add_routes(made)
    note([(route.method, route.resource.canonical, route.name) for route in registered])
    note([(route.method, route.resource.canonical) for route in app.router.routes()])
    again = web.UrlDispatcher()
    note([route.method for each in made[:3] for route in each.register(again)], list(again))


def tables(web: Any, note: Notes) -> None:
    table = web.RouteTableDef()
    note(repr(table), len(table), list(table), bool(table), isinstance(table, Sequence))
    for name in ("head", "get", "post", "put", "patch", "delete", "options", "view"):
        decorated = getattr(table, name)(f"/{name}", name=name)(handler)
        note(decorated is handler)
    table.route("*", "/any")(handler)
    table.get("/no-head", allow_head=False)(other)
    note(len(table), [each.method for each in table], table[0].path, [each.path for each in table[-2:]])
    note(table[0] in table, "x" in table, table.index(table[3]), table.count(table[0]), repr(table))
    note([each.path for each in reversed(table)])
    note.try_(lambda: table[50])
    app = web.Application()
    note(len(app.add_routes(table)), len(app.router.routes()), list(app.router))
    note(len(app.add_routes([])))
    note.try_(lambda: app.add_routes([handler]))
    note.try_(lambda: app.add_routes(web.RouteTableDef()))


class OwnDefinition:
    """What a program may register in one go."""

    def register(self, router: Any) -> list[Any]:
        return [router.add_get("/own/1", handler), router.add_post("/own/2", handler)]


def own_definitions(web: Any, note: Notes) -> None:
    class Definition(OwnDefinition, web.AbstractRouteDef):  # type: ignore[misc]
        pass

    app = web.Application()
    note([route.resource.canonical for route in app.add_routes([Definition(), web.get("/last", handler)])])
    note.try_(lambda: web.AbstractRouteDef())


# -- URLs ----------------------------------------------------------------------------------------------------

VALUES = (
    "a",
    "a b",
    "a/b",
    "ü",
    "%",
    "%20",
    "a?b",
    "a#b",
    "a+b",
    "",
    ".",
    "..",
    "{x}",
    "a&b=c;d",
    "\n",
    "\\",
    "😀",
)


def urls(web: Any, note: Notes) -> None:
    router = web.UrlDispatcher()
    route = router.add_get("/{x}", handler, name="one")
    router.add_get(r"/{x:\d+}-{y:.*}/end", handler, name="two")
    router.add_get("/plain ü/a%20b", handler, name="three")
    router.add_get("/ü %25/{x}/ %41", handler, name="four")
    for value in VALUES:
        note.try_(lambda value=value: router["one"].url_for(x=value))
        note.try_(lambda value=value: router["one"].url_for(x=value).path)
        note.try_(lambda value=value: router["two"].url_for(x=value, y=value).with_query({"q": value}))
        note.try_(lambda value=value: route.url_for(x=value))
        note.try_(lambda value=value: router["four"].url_for(x=value))
    note.try_(lambda: router["two"].url_for(x="1"))
    note.try_(lambda: router["one"].url_for(x="1", z="2"))
    note.try_(lambda: router["three"].url_for(x="1"))
    note(router["three"].get_info(), router["four"].canonical, router["four"].get_info()["formatter"])


PROGRAMS: tuple[Program, ...] = (
    names_and_resources, last_resource_is_used_again, second_handlers, everything_after_freezing,
    resources_of_ones_own, indexing, shortcuts, views, bad_handlers, bad_paths_for_routes, definitions,
    tables, own_definitions, urls,
)  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_registration(program: Program) -> None:
    assert_alike(program)
