"""The middleware that compresses for a whole application."""

from typing import Any

import pytest

from sketch import web
from sketch.compression import COMPRESSIBLE_TYPES, MINIMUM_SIZE
from sketch.http import codecs
from sketch.http.exchange import Exchange
from sketch.http.memory import MemoryExchange
from tests.asking import ask, fields_of, status_of
from tests.codings import decode

BROWSER = "gzip, deflate, br, zstd"
TEXT = "The quick brown fox jumps over the lazy dog. " * 40

routes = web.RouteTableDef()


@routes.get("/text")
async def text(request: web.Request) -> web.Response:
    return web.Response(text=TEXT, headers={"ETag": '"x"'})


@routes.get("/small")
async def small(request: web.Request) -> web.Response:
    return web.Response(text="x" * (MINIMUM_SIZE - 1))


@routes.get("/as-small")
async def as_small(request: web.Request) -> web.Response:
    return web.Response(text="x" * MINIMUM_SIZE)


@routes.get("/type")
async def typed(request: web.Request) -> web.Response:
    return web.Response(body=TEXT.encode(), headers={"Content-Type": request.query["type"]})


@routes.get("/untyped")
async def untyped(request: web.Request) -> web.Response:
    return web.Response(body=TEXT.encode())


@routes.get("/stream")
async def stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": request.query.get("type", "text/plain")})
    await response.prepare(request)
    await response.write(TEXT[:9].encode())
    await response.write(TEXT[9:].encode())
    return response


@routes.get("/unprepared")
async def unprepared(request: web.Request) -> web.StreamResponse:
    return web.StreamResponse(headers={"Content-Type": "text/plain"})


@routes.get("/raised")
async def raised(request: web.Request) -> web.Response:
    raise web.HTTPForbidden(text=TEXT)


@routes.get("/raised-small")
async def raised_small(request: web.Request) -> web.Response:
    raise web.HTTPForbidden


@routes.get("/fields")
async def with_fields(request: web.Request) -> web.Response:
    return web.Response(text=TEXT, headers=[(name, request.query[name]) for name in request.query])


@routes.get("/part")
async def part(request: web.Request) -> web.Response:
    return web.Response(text=TEXT, status=206, headers={"Content-Range": "bytes 0-9/10"})


@routes.get("/own")
async def own(request: web.Request) -> web.Response:
    response = web.Response(text="short")
    response.enable_compression(web.ContentCoding.deflate)
    return response


@routes.get("/none")
async def none(request: web.Request) -> web.Response:
    response = web.Response(text=TEXT)
    response.enable_compression(web.ContentCoding.identity)
    return response


def make_app(middleware: Any = None, **options: Any) -> web.Application:
    app = web.Application(middlewares=[middleware or web.compress(**options)])
    app.add_routes(routes)
    return app


def get(
    target: str, accept_encoding: str | None = BROWSER, method: str = "GET", **options: Any
) -> MemoryExchange:
    fields = {} if accept_encoding is None else {"Accept-Encoding": accept_encoding}
    return ask(make_app(**options), method, target, fields)


def field(exchange: MemoryExchange, name: str) -> str | None:
    values = [value for own, value in fields_of(exchange) if own.lower() == name.lower()]
    return ", ".join(values) if values else None


def coding_of(exchange: MemoryExchange) -> str | None:
    """What the client got its content in; it is checked that it can read it."""
    coding = field(exchange, "Content-Encoding")
    assert decode(coding, exchange.response_body) in (TEXT.encode(), exchange.response_body)
    return coding


@pytest.mark.parametrize("target", ["/text", "/stream", "/raised"])
@pytest.mark.parametrize(
    ("accept_encoding", "coding"),
    [
        (BROWSER, "zstd"),
        ("gzip, br", "br"),
        ("gzip;q=0.5, br;q=0.1", "gzip"),
        ("identity", None),
        (None, None),
    ],
)
def test_what_is_worth_it(target: str, accept_encoding: str | None, coding: str | None) -> None:
    exchange = get(target, accept_encoding)
    assert coding_of(exchange) == coding
    assert field(exchange, "Vary") == "Accept-Encoding"
    assert fields_of(get(target, accept_encoding, "HEAD")) == fields_of(exchange)


def test_the_validator_is_weak() -> None:
    assert field(get("/text"), "ETag") == 'W/"x"'
    assert field(get("/text", None), "ETag") == '"x"'


@pytest.mark.parametrize("target", ["/small", "/raised-small", "/untyped", "/type?type=image/png", "/part"])
def test_what_is_not_worth_it(target: str) -> None:
    exchange = get(target)
    assert (field(exchange, "Content-Encoding"), field(exchange, "Vary")) == (None, None)


def test_the_minimum_size() -> None:
    assert field(get("/as-small"), "Content-Encoding") == "zstd"
    assert field(get("/as-small", minimum_size=MINIMUM_SIZE + 1), "Content-Encoding") is None
    assert field(get("/small", minimum_size=0), "Content-Encoding") == "zstd"


@pytest.mark.parametrize(
    ("content_type", "is_compressed"),
    [
        ("text/html; charset=utf-8", True),
        ("TEXT/CSS", True),
        ("text/event-stream", True),
        ("application/json", True),
        ("application/problem+json", True),
        ("application/vnd.api+JSON;v=1", True),
        ("application/javascript", True),
        ("application/xml", True),
        ("application/atom+xml", True),
        ("image/svg+xml", True),
        ("application/wasm", True),
        ("font/ttf", True),
        ("font/woff2", False),
        ("image/jpeg", False),
        ("video/mp4", False),
        ("application/zip", False),
        ("application/gzip", False),
        ("application/octet-stream", False),
        ("application/json+zip", False),
        ("json", False),
        ("nonsense", False),
    ],
)
@pytest.mark.parametrize("target", ["/type", "/stream"])
def test_the_types(target: str, content_type: str, is_compressed: bool) -> None:
    quoted = content_type.replace("+", "%2B").replace(";", "%3B")
    assert (coding_of(get(f"{target}?type={quoted}")) == "zstd") is is_compressed


def test_types_of_one_s_own() -> None:
    types = ["application/x-log", "model/*", "+cbor"]
    for content_type in ("application/x-log", "model/gltf", "a/b%2Bcbor"):
        assert coding_of(get(f"/type?type={content_type}", types=types)) == "zstd"
    assert coding_of(get("/text", types=types)) is None
    assert coding_of(get("/type?type=image/png", types=[*COMPRESSIBLE_TYPES, "image/*"])) == "zstd"


@pytest.mark.parametrize(
    "fields",
    ["Content-Encoding=br", "Cache-Control=no-transform", "Content-Digest=x", "Content-Range=bytes%200-1/2"],
)
def test_what_must_stay_as_it_is(fields: str) -> None:
    exchange = get(f"/fields?{fields}")
    assert exchange.response_body == TEXT.encode() and field(exchange, "Vary") is None


def test_what_the_handler_said_holds() -> None:
    assert field(get("/own"), "Content-Encoding") == "deflate"
    exchange = get("/none")
    assert (field(exchange, "Content-Encoding"), field(exchange, "Vary")) == (None, None)


def test_which_codings() -> None:
    assert coding_of(get("/text", codings=["gzip", "br"])) == "gzip"
    assert coding_of(get("/text", "br", codings=["gzip"])) is None
    assert coding_of(get("/text", codings=())) is None


def test_those_that_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codecs, "AVAILABLE", ("gzip", "deflate"))
    assert coding_of(get("/text")) == "gzip"
    with pytest.raises(ValueError, match="install sketch-web"):
        web.compress(codings=["br", "gzip"])


def test_the_level() -> None:
    for coding in codecs.AVAILABLE:
        least, most = (len(get("/stream", coding, level=level).response_body) for level in (1, 9))
        named = len(get("/stream", coding, level={coding: 1}).response_body)
        assert coding_of(get("/text", coding, level=9)) == coding
        assert most <= least == named
    assert coding_of(get("/text", codings=["zstd"], level=19)) == "zstd"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"minimum_size": -1}, ValueError, "minimum_size must not be negative, got -1"),
        ({"minimum_size": 1.5}, TypeError, "minimum_size must be an int, got 1.5"),
        ({"types": "text/*"}, TypeError, "types must be several, as in"),
        ({"types": ["text"]}, ValueError, "'text' is no media type"),
        ({"types": ["text/"]}, ValueError, "'text/' is no media type"),
        ({"types": ["+"]}, ValueError, "is no media type"),
        ({"types": ["/html"]}, ValueError, "'/html' is no media type"),
        ({"types": ["text/html; charset=utf-8"]}, ValueError, "is no media type"),
        ({"codings": "gzip"}, TypeError, "codings must be several, as in"),
        ({"codings": ["snappy"]}, ValueError, "'snappy' is not available here: use one of zstd, br, gzip"),
        ({"codings": ["identity"]}, ValueError, "'identity' is not available"),
        ({"level": 10}, ValueError, "gzip has the levels 0 to 9, and 10 is none"),
        ({"level": {"br": 12}}, ValueError, "br has the levels 0 to 11, and 12 is none"),
        ({"level": {"zstd": 20}}, ValueError, "zstd has the levels 1 to 19, and 20 is none"),
        ({"level": {"snappy": 1}}, ValueError, "there are no levels for 'snappy'"),
        ({"level": "best"}, TypeError, "a level must be an int, got 'best'"),
    ],
)
def test_what_cannot_be_meant(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        web.compress(**options)


# -- between others --------------------------------------------------------------------------------------


def test_an_outer_middleware_that_changes_the_response() -> None:
    """What counts is what is sent."""

    @web.middleware
    async def change(request: web.Request, handler: Any) -> Any:
        response = await handler(request)
        response.headers["Content-Encoding"] = "br"
        return response

    app = web.Application(middlewares=[change, web.compress()])
    app.add_routes(routes)
    exchange = ask(app, "GET", "/text", {"Accept-Encoding": "gzip"})
    assert (field(exchange, "Content-Encoding"), exchange.response_body) == ("br", TEXT.encode())


def test_a_middleware_that_passes_another_request_on() -> None:
    @web.middleware
    async def clone(request: web.Request, handler: Any) -> Any:
        return await handler(request.clone(scheme="https"))

    for middlewares in ([clone, web.compress()], [web.compress(), clone]):
        app = web.Application(middlewares=middlewares)
        app.add_routes(routes)
        for target in ("/text", "/stream"):
            assert coding_of(ask(app, "GET", target, {"Accept-Encoding": "br"})) == "br"


def test_a_part_of_an_application() -> None:
    inner = web.Application(middlewares=[web.compress(codings=["deflate"])])
    inner.add_routes(routes)
    app = make_app()
    app.add_subapp("/inner", inner)
    assert coding_of(ask(app, "GET", "/inner/stream", {"Accept-Encoding": BROWSER})) == "deflate"
    assert coding_of(ask(app, "GET", "/inner/text", {"Accept-Encoding": BROWSER})) == "deflate"
    assert coding_of(ask(app, "GET", "/stream", {"Accept-Encoding": BROWSER})) == "zstd"


def test_a_stream_that_is_returned_as_it_is() -> None:
    exchange = get("/unprepared")
    assert field(exchange, "Content-Encoding") == "zstd"
    assert decode("zstd", exchange.response_body) == b""


def test_another_protocol_is_none_of_its_business() -> None:
    async def handler(request: web.Request) -> Any:
        return web.UpgradeResponse("echo")

    app = web.Application(middlewares=[web.compress(minimum_size=0)])
    app.router.add_get("/", handler)
    # There is no connection to hand over here; it gets so far.
    exchange = ask(app, "GET", "/", {"Accept-Encoding": BROWSER})
    assert (status_of(exchange), field(exchange, "Content-Encoding")) == (426, "zstd")


def test_what_is_not_worth_it_takes_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    plain: list[bool] = []
    respond_plainly = web.Response.respond_plainly

    def watch(response: web.Response, exchange: Exchange) -> bool:
        plain.append(respond_plainly(response, exchange))
        return plain[-1]

    monkeypatch.setattr(web.Response, "respond_plainly", watch)
    for target in ("/small", "/type?type=image/png", "/untyped", "/text"):
        get(target)
    assert plain == [True, True, True, False]


def test_a_length_that_is_none() -> None:
    """It is the response's fault, and said as for any other."""
    assert status_of(get("/fields?Content-Length=many")) == 500
