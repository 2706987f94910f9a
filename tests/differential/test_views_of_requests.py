"""What handlers see of a request beside its line and its body: clones, proxies, the connection, old names."""

import asyncio
from typing import Any

import pytest

from .harness import Fields, ask, assert_same

CLONES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "method": {"method": "POST"},
    "path": {"rel_url": "/other?q=1"},
    "quoted path": {"rel_url": "/a%20b/ü?x=%41"},
    "headers": {"headers": {"X-One": "1", "Host": "cloned.example"}},
    "many headers": {"headers": [("X-One", "1"), ("x-one", "2"), ("X-Two", "ü")]},
    "no headers": {"headers": {}},
    "scheme": {"scheme": "https"},
    "host": {"host": "cloned.example:81"},
    "remote": {"remote": "1.2.3.4"},
    "sizes": {"client_max_size": 5, "client_max_fields": 6},
    "all": {
        "method": "PUT",
        "rel_url": "/x",
        "headers": {"A": "b"},
        "scheme": "https",
        "host": "h",
        "remote": "r",
    },
}
SEEN = (
    "method", "path", "path_qs", "query_string", "rel_url", "url", "host", "scheme", "secure", "remote",
    "version", "raw_path", "keep_alive", "client_max_size", "client_max_fields", "body_exists",
    "can_read_body", "content_type", "charset",
)  # fmt: skip


def clones(web: Any, seen: list[Any]) -> Any:
    key = web.RequestKey("key", str)

    def look(request: Any) -> None:
        seen.extend((name, str(getattr(request, name))) for name in SEEN)
        seen.append([(name, value) for name, value in request.headers.items()])
        seen.append(request.raw_headers)
        seen.append((dict(request.match_info), request.get(key), len(request), type(request).__name__))
        seen.append((request.app is request.match_info.current_app, sorted(request.query.items())))

    async def clone(request: Any) -> Any:
        request[key] = "kept"
        copy = request.clone(**CLONES[request.match_info["name"]])
        look(copy)
        again = request.clone().clone()
        look(again)
        copy[key] = "changed"
        seen.append((request[key], again[key], copy == request, copy.transport is request.transport))
        body = await copy.read()
        seen.append((body, request.can_read_body, copy.can_read_body))
        for each in (copy, request):
            try:
                each.clone()
            except RuntimeError:
                seen.append("too late")
        return web.Response(text=body.decode())

    app = web.Application()
    app.router.add_route("*", "/{name}", clone)
    return app


@pytest.mark.parametrize("name", CLONES)
def test_clones(name: str) -> None:
    target = "/" + name.replace(" ", "%20")
    assert_same(clones, ask("GET", target), ask("POST", target, [("X-Old", "1")], b"abc"))


FORWARDED: tuple[tuple[str, ...], ...] = (
    (), ("",), ("for=1.2.3.4",), ("for=1.2.3.4;by=5.6.7.8;proto=https;host=a.example",), ("For=a, FOR=b",),
    ("for=a", "for=b;by=c"), ('for="[2001:db8::1]:47011"',), ("for=1.2.3.4:8080",), ('for="a\\"b\\\\c"',),
    ("for=a by=b",), ("for=a ; by=b",), ("for = a",), ("for=a;;by=b",), ("for=a,,for=b",), ("=a", "for="),
    ('for="a', "for=b"), ('for="a,b";by=c, for=d',), ("for=a;for=b",), ("for=ü",), (";for=a", ",for=b,"),
    ("for=unknown, for=_hidden, for=_SEVKISEK",), ('proto="https";host="a:80"',), ("x", "for=a, x, for=b"),
)  # fmt: skip


def proxied(web: Any, seen: list[Any]) -> Any:
    async def show(request: Any) -> Any:
        forwarded = request.forwarded
        seen.append((type(forwarded).__name__, [dict(each) for each in forwarded]))
        for each in forwarded:
            try:
                each["for"] = "x"
            except TypeError:
                seen.append("cannot be changed")
        return web.Response(text=request.remote)

    app = web.Application()
    app.router.add_get("/", show)
    return app


@pytest.mark.parametrize("values", FORWARDED, ids=str)
def test_forwarded(values: tuple[str, ...]) -> None:
    assert_same(proxied, ask(fields=[("Forwarded", value) for value in values]))


def connections(web: Any, seen: list[Any]) -> Any:
    async def show(request: Any) -> Any:
        protocol, transport = request.protocol, request.transport
        seen.append((isinstance(protocol, web.RequestHandler), protocol.transport is transport))
        seen.append((protocol.connected, protocol.peername == transport.get_extra_info("peername")))
        seen.append((protocol.sockname[0], protocol.ssl_context, protocol.keepalive_timeout > 0))
        seen.append(
            (isinstance(request.task, asyncio.Task), type(request.get_extra_info("peername")).__name__)
        )
        seen.append((request.get_extra_info("nothing"), request.get_extra_info("nothing", "default")))
        seen.append((request.get_extra_info("sslcontext"), request.get_extra_info("socket") is not None))
        response = web.StreamResponse()
        seen.append((response.task, response.prepared))
        await response.prepare(request)
        seen.append((response.task is request.task, request.writer.transport is transport))
        await request.writer.write(b"past the response")
        await request.writer.drain()
        await response.write(b", and through it")
        await response.write_eof()
        return response

    async def cut(request: Any) -> Any:
        request.protocol.force_close()
        await asyncio.sleep(0)
        return web.Response(text="never")

    app = web.Application()
    for handler in (show, cut):
        app.router.add_get(f"/{handler.__name__}", handler)
    return app


def test_connections() -> None:
    assert_same(connections, ask("GET", "/show"))


def test_a_connection_that_is_cut() -> None:
    assert_same(connections, ask("GET", "/cut"))


def old_names(web: Any, seen: list[Any]) -> Any:
    async def show(request: Any) -> Any:
        message = request.message
        seen.append([str(getattr(message, name)) for name in (
            "method", "path", "version", "should_close", "compression", "chunked", "url",
        )])  # fmt: skip
        seen.append((message.headers == request.headers, message.raw_headers == request.raw_headers))
        seen.append((request.loop is asyncio.get_running_loop(), request.has_body))
        response = web.StreamResponse()
        response.enable_chunked_encoding(chunk_size=5)
        await response.prepare(request)
        await response.write(b"abc")
        await response.drain()
        seen.append(type(response.output_length).__name__)
        return response

    app = web.Application()
    app.router.add_route("*", "/x", show)
    return app


CODINGS: tuple[Fields, ...] = ([], [("Connection", "close")], [("Content-Encoding", "x-unknown")])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("fields", CODINGS, ids=str)
def test_old_names(fields: Fields) -> None:
    # A body in a coding that nobody knows cannot be read, be it empty: `docs/aiohttp.md`.
    framing = [(name, value) for name, value in fields if name != "Content-Encoding"]
    assert_same(
        old_names,
        ask("GET", "/x?y=1", fields),
        ask("POST", "/x", fields, b"abc"),
        ask("POST", "/x", [*framing, ("Transfer-Encoding", "chunked")]) + b"0\r\n\r\n",
    )


def continued(web: Any, seen: list[Any]) -> Any:
    """A handler of expectations as aiohttp's documentation has it, and one that answers itself."""

    async def check(request: Any) -> Any:
        if request.headers.get("Expect", "").lower() != "100-continue":
            raise web.HTTPExpectationFailed(text=f"Unknown Expect: {request.headers['Expect']}")
        if request.headers.get("Authorization") is None:
            raise web.HTTPForbidden
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    async def answer(request: Any) -> Any:
        return web.Response(status=417, text="no")

    async def show(request: Any) -> Any:
        return web.Response(text=await request.text())

    app = web.Application()
    app.router.add_post("/check", show, expect_handler=check)
    app.router.add_post("/answer", show, expect_handler=answer)
    app.router.add_post("/default", show)
    return app


@pytest.mark.parametrize("value", ["100-continue", "100-CONTINUE", "another"])
@pytest.mark.parametrize("path", ["/check", "/answer", "/default"])
def test_expectations(path: str, value: str) -> None:
    fields = [("Expect", value)]
    authorized = [*fields, ("Authorization", "x")]
    assert_same(continued, ask("POST", path, fields, b"abc"), ask("POST", path, authorized, b"abc"))


def mappings(web: Any, seen: list[Any]) -> Any:
    key, other = web.RequestKey("key", int), web.RequestKey("key", int)

    async def show(request: Any) -> Any:
        request[key] = 1
        request[other] = 2
        seen.append(
            (len(request), list(request) == [key, other], request[key], request.get(other), key in request)
        )
        seen.append((request.pop(key), request.get(key, "none"), request.setdefault(key, 5), bool(request)))
        seen.append((request == request, request != request))
        try:
            _ = request["none"]
        except KeyError:
            seen.append("no such key")
        del request[key]
        request.update({key: 3})
        seen.append((dict(request.items()) == {key: 3, other: 2}, sorted(request.values())))
        return web.Response()

    app = web.Application()
    app.router.add_get("/", show)
    return app


def test_mappings() -> None:
    assert_same(mappings, ask())
