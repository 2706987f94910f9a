"""What handlers see of a request, and of its body."""

from typing import Any

import pytest

from .harness import Fields, ask, assert_same

PROPERTIES = (
    "method", "path", "path_qs", "raw_path", "query_string", "rel_url", "url", "host", "scheme", "secure",
    "remote", "content_type", "charset", "content_length", "keep_alive", "body_exists", "can_read_body",
    "version", "raw_headers",
)  # fmt: skip


def properties(web: Any, seen: list[Any]) -> Any:
    async def handler(request: Any) -> Any:
        for name in PROPERTIES:
            try:
                seen.append((name, str(getattr(request, name))))
            except Exception as error:
                seen.append((name, type(error)))
        seen.append(sorted(request.query.items()))
        seen.append([(key, value) for key, value in request.headers.items()])
        seen.append(request.headers.getall("x-one", []))
        seen.append(repr(request))
        return web.Response(text="x")

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    return app


TARGETS = (
    "/", "/path", "/a%20b/c%2Fd?x=1&y=%20z&x=2", "/?a", "/?a=", "/?=b", "/?a+b=c%2Bd", "/?&&a=1&",
    "/%C3%BC?%C3%BC=%E2%82%AC", "/%FF?a=%FF", "//double//slash", "/a/../b/./c", "/a;b=c?d;e",
    "/?q=a/b?c", "/%2e%2e/x", "/x?http://example.com/", "/a:b@c", "/%zz?%zz", "http://example.com/abs?x=1",
    "/[x]?[y]", "/x|y", "/\"quoted\"", "/a%0Ab", "/a%00b", "/?a=1;b=2",
)  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
def test_targets(target: str) -> None:
    assert_same(properties, ask("GET", target))


FIELDS: dict[str, Fields] = {
    "none": [],
    "duplicates": [("X-One", "1"), ("x-one", "2"), ("X-ONE", " 3 ")],
    "white space": [("X-One", " \t a  b \t")],
    "empty": [("X-One", "")],
    "utf-8": [("X-One", "ü€")],
    "type": [("Content-Type", "Text/HTML; charset=UTF-8")],
    "quoted charset": [("Content-Type", 'text/html; charset="utf-8"')],
    "more parameters": [("Content-Type", "multipart/form-data; boundary=xyz; Charset=latin-1")],
    "broken type": [("Content-Type", "nonsense")],
    "empty type": [("Content-Type", "")],
    "length zero": [("Content-Length", "0")],
    "forwarded": [("Forwarded", "for=1.2.3.4;proto=https;host=x"), ("X-Forwarded-For", "1.2.3.4")],
    "close": [("Connection", "close")],
    "upgrade": [("Connection", "Upgrade"), ("Upgrade", "websocket")],
}


@pytest.mark.parametrize("name", FIELDS)
def test_fields(name: str) -> None:
    assert_same(properties, ask("GET", "/x", FIELDS[name]), ask("POST", "/x", FIELDS[name]))


@pytest.mark.parametrize(
    "host",
    ["example.com", "example.com:8080", "EXAMPLE.com", "[::1]:80", "127.0.0.1", "xn--bcher-kva.example"],
)
def test_hosts(host: str) -> None:
    assert_same(properties, ask("GET", "/x?y", host=host))


def test_old_versions() -> None:
    assert_same(
        properties, ask(version="1.0", host="x"), ask(version="1.0", fields=[("Connection", "keep-alive")])
    )


async def read_all(request: Any) -> Any:
    return [await request.read(), await request.read(), request.can_read_body, request.body_exists]


async def read_text(request: Any) -> Any:
    return [await request.text(), await request.text()]


async def read_json(request: Any) -> Any:
    return [await request.json(), await request.json()]


async def read_lines(request: Any) -> Any:
    return [line async for line in request.content]


async def read_pieces(request: Any) -> Any:
    return b"".join([piece async for piece in request.content.iter_chunked(2)])


async def read_one_then_all(request: Any) -> Any:
    first = await request.content.read(1)
    return [first, await request.read(), request.content.at_eof()]


async def read_exactly(request: Any) -> Any:
    return [await request.content.readexactly(2), await request.content.readany()]


async def release(request: Any) -> Any:
    return [await request.release(), request.content.at_eof(), request.can_read_body]


async def leave_it(request: Any) -> Any:
    return [request.can_read_body, request.body_exists]


async def clone_it(request: Any) -> Any:
    copy = request.clone(
        method="PUT",
        rel_url="/other?x=1",
        headers={"X-One": "1"},
        scheme="https",
        host="h.example",
        remote="r",
    )
    return [
        copy.method,
        copy.path_qs,
        copy.url,
        dict(copy.headers),
        copy.remote,
        copy.secure,
        await copy.read(),
    ]


WAYS = {
    function.__name__: function
    for function in (
        read_all, read_text, read_json, read_lines, read_pieces, read_one_then_all, read_exactly, release,
        leave_it, clone_it,
    )
}  # fmt: skip


def bodies(web: Any, seen: list[Any]) -> Any:
    async def handler(request: Any) -> Any:
        try:
            seen.append(await WAYS[request.match_info["way"]](request))
        except web.HTTPException:
            raise
        except Exception as error:
            seen.append(type(error).__name__)
        return web.Response(text="x")

    app = web.Application(client_max_size=100)
    app.router.add_route("*", "/{way}", handler)
    return app


CHUNKED = [("Transfer-Encoding", "chunked")]
BODIES: dict[str, tuple[Fields, bytes]] = {
    "nothing": ([], b""),
    "zero": ([("Content-Length", "0")], b""),
    "json": ([("Content-Type", "application/json")], b'{"a": "\xc3\xbc"}'),
    "lines": ([], b"one\ntwo\r\nthree"),
    "latin": ([("Content-Type", "text/plain; charset=latin-1")], b"\xfc"),
    "utf-16": ([("Content-Type", "text/plain; charset=utf-16")], "ü".encode("utf-16")),
    "broken utf-8": ([], b"\xff\xfe"),
    "unknown charset": ([("Content-Type", "text/plain; charset=no-such")], b"x"),
    "exactly the most": ([], b"x" * 100),
    "too much": ([], b"x" * 101),
}
PARTS = {
    "chunks": b"4\r\nabcd\r\n2\r\nef\r\n0\r\n\r\n",
    "no chunks": b"0\r\n\r\n",
    "too many": b"60\r\n" + b"x" * 0x60 + b"\r\n60\r\n" + b"y" * 0x60 + b"\r\n0\r\n\r\n",
    "an extension and a trailer": b"4;a=b\r\nabcd\r\n0\r\nX-T: 1\r\n\r\n",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", BODIES)
def test_bodies(way: str, name: str) -> None:
    fields, body = BODIES[name]
    assert_same(bodies, ask("POST", f"/{way}", fields, body))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", PARTS)
def test_chunked_bodies(way: str, name: str) -> None:
    assert_same(bodies, ask("POST", f"/{way}", CHUNKED) + PARTS[name])


def test_expectations() -> None:
    head = [("Expect", "100-continue")]
    assert_same(
        bodies, ask("POST", "/read_all", head, b"abc"), ask("POST", "/read_all", [("Expect", "more")], b"abc")
    )
