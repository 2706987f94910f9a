"""What the tutorial promises, row by row: names, constructors, methods, and what a client then sees.

That its programs run as they stand is next door, in ``test_chapters.py``.
"""

import asyncio
import importlib
from collections.abc import Callable
from typing import Any

import httptools
import pytest
from yarl import URL

import sketch
from sketch import exceptions, http_parser
from sketch.application import Application, run_app
from sketch.exceptions import HTTPBadRequest, HTTPException, HTTPFound, HTTPNotFound
from sketch.middleware import Handler
from sketch.request import Request
from sketch.response import Response, StreamResponse
from sketch.router import UrlDispatcher
from sketch.server import Server
from tests.examples.process import Answer, ask


def answer_of(app: Application, path: str = "/", **keywords: Any) -> Answer:
    """What a client gets from ``app``, over a socket."""

    async def serve() -> Answer:
        loop = asyncio.get_running_loop()
        await app.startup()
        server = Server(app.make_exchange_handler())
        listening = await loop.create_server(server, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        try:
            return await asyncio.to_thread(ask, port, path, **keywords)
        finally:
            listening.close()
            server.pre_shutdown()
            await app.shutdown()
            await server.shutdown(5)
            await app.cleanup()

    return asyncio.run(serve())


async def hello(request: Request) -> Response:
    return Response("Hello")


# -- names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("sketch", "Application run_app Request Response json_response"),
        ("sketch", "HTTPException HTTPNotFound HTTPBadRequest HTTPFound"),
        ("sketch.application", "Application run_app"),
        ("sketch.request", "Request"),
        ("sketch.response", "Response"),
        ("sketch.router", "UrlDispatcher"),
        ("sketch.server", "Server"),
        ("sketch.http_parser", ""),
        ("sketch.exceptions", "HTTPException HTTPNotFound HTTPBadRequest HTTPFound"),
    ],
)
def test_names_import(module: str, names: str) -> None:
    imported = importlib.import_module(module)
    missing = [name for name in names.split() if not hasattr(imported, name)]
    assert missing == []


def test_the_package_has_the_whole_family_of_exceptions() -> None:
    family = {
        name
        for name, value in vars(exceptions).items()
        if isinstance(value, type) and issubclass(value, HTTPException)
    }
    assert {name for name in family if getattr(sketch, name, None) is not vars(exceptions)[name]} == set()


def test_names_mean_the_same_everywhere() -> None:
    assert sketch.Application is Application
    assert sketch.Request is Request
    assert sketch.Response is Response
    assert sketch.HTTPNotFound is HTTPNotFound
    assert sketch.run_app is run_app


# -- the protocol ----------------------------------------------------------------------------------------


def test_the_server_makes_asyncio_protocols() -> None:
    async def make() -> object:
        return Server(Application().make_exchange_handler())()

    connection = asyncio.run(make())
    assert isinstance(connection, asyncio.Protocol)
    assert not isinstance(connection, asyncio.StreamReaderProtocol)


def test_the_parser_stands_on_httptools() -> None:
    assert httptools in vars(http_parser).values() or any(
        getattr(value, "__module__", "").startswith("httptools") for value in vars(http_parser).values()
    )


# -- request and response --------------------------------------------------------------------------------


def test_request_from_keywords() -> None:
    app = Application()
    request = Request(
        method="POST",
        url="/user/ada?tab=posts",
        headers={"Host": "example.org", "Content-Type": "application/json"},
        version="1.1",
        body=b'{"name": "Ada"}',
        app=app,
    )
    assert request.method == "POST"
    assert isinstance(request.url, URL)
    assert (request.url.host, request.url.path) == ("example.org", "/user/ada")
    assert request.url.query["tab"] == "posts"
    assert request.headers["content-type"] == "application/json"
    assert request.version == (1, 1)
    assert request.app is app
    assert asyncio.run(request.text()) == '{"name": "Ada"}'
    assert asyncio.run(request.json()) == {"name": "Ada"}
    assert asyncio.run(request.read()) == b'{"name": "Ada"}'


def test_request_url_may_be_a_url() -> None:
    request = Request(method="GET", url=URL("/a b"), headers={}, version="1.0", body=None, app=None)
    assert (request.path, request.version) == ("/a b", (1, 0))
    assert asyncio.run(request.read()) == b""


def test_response_from_text_and_bytes() -> None:
    response = Response("Grüße")
    assert (response.status, response.content_type) == (200, "text/plain")
    assert (response.text, response.body) == ("Grüße", "Grüße".encode())
    response = Response(b"raw", status=201)
    assert (response.status, response.content_type, response.body) == (201, "text/plain", b"raw")
    response = Response("<p>", 418, "text/html", {"X-Tea": "pot"}, "1.1")
    assert (response.status, response.content_type) == (418, "text/html")
    assert response.headers["X-Tea"] == "pot"


def test_response_add_body_and_add_header() -> None:
    response = Response("one")
    response.add_body(", two")
    response.add_body(b", three")
    response.add_header("X-Count", "3")
    assert response.text == "one, two, three"
    assert response.headers["x-count"] == "3"
    empty = Response()
    empty.add_body("all of it")
    assert empty.body == b"all of it"


def test_response_as_the_message_on_the_wire() -> None:
    response = Response("Hello", headers={"X-Number": "7"})
    head, empty_line, body = str(response).partition("\r\n\r\n")
    lines = head.split("\r\n")
    assert lines[0] == "HTTP/1.1 200 OK"
    assert {"X-Number: 7", "Content-Length: 5", "Content-Type: text/plain; charset=utf-8"} <= set(lines)
    assert (empty_line, body) == ("\r\n\r\n", "Hello")


def test_the_body_whole() -> None:
    async def echo(request: Request) -> Response:
        return Response(f"{await request.text()} {len(await request.read())}")

    app = Application()
    app.router.add_post("/", echo)
    assert answer_of(app, method="POST", body="some text").text == "some text 9"


def test_the_body_as_a_stream() -> None:
    async def count(request: Request) -> Response:
        pieces = [len(piece) async for piece in request.content.iter_chunked(1000)]
        return Response(f"{max(pieces)} {sum(pieces)}")

    app = Application()
    app.router.add_post("/", count)
    assert answer_of(app, method="POST", body="x" * 100_000).text == "1000 100000"


# -- application and router ------------------------------------------------------------------------------


def test_application_and_router() -> None:
    app = Application(middlewares=None)
    assert isinstance(app.router, UrlDispatcher)
    app.router.add_route("GET", "/", hello)
    assert answer_of(app).text == "Hello"


def test_application_takes_a_loop() -> None:
    loop = asyncio.new_event_loop()
    try:
        with pytest.warns(DeprecationWarning, match="loop"):
            app = Application(loop=loop)
    finally:
        loop.close()
    app.router.add_route("GET", "/", hello)


def test_what_has_no_route_is_not_found() -> None:
    app = Application()
    app.router.add_route("GET", "/", hello)
    assert answer_of(app, "/other").status == 404


def test_a_handler_that_returns_no_response(caplog: pytest.LogCaptureFixture) -> None:
    async def forgetful(request: Request) -> Response:
        return "just text"  # type: ignore[return-value]

    app = Application()
    app.router.add_route("GET", "/", forgetful)
    answer = answer_of(app)
    assert answer.status == 500
    assert "forgetful" not in answer.text
    logged = caplog.text
    assert "forgetful" in logged
    assert "just text" in logged


def test_route_decorator() -> None:
    app = Application()

    @app.route("/")
    async def read(request: Request) -> Response:
        return Response("read")

    @app.route("/", method="DELETE")
    async def remove(request: Request) -> Response:
        return Response("removed")

    assert answer_of(app).text == "read"
    assert answer_of(app, method="DELETE").text == "removed"


@pytest.mark.parametrize(
    ("decorator", "method"), [("get", "GET"), ("post", "POST"), ("put", "PUT"), ("head", "HEAD")]
)
def test_each_decorator_adds_a_route_of_its_method(decorator: str, method: str) -> None:
    app = Application()
    register: Callable[[Handler], Handler] = getattr(app, decorator)("/here")
    assert register(hello) is hello
    assert answer_of(app, "/here", method=method).status == 200
    assert answer_of(app, "/here", method="OPTIONS").status == 405


# -- route parameters ------------------------------------------------------------------------------------


def routed() -> Application:
    async def show(request: Request) -> Response:
        return Response(f"{request.method} {request.match_info['username']}")

    async def page(request: Request) -> Response:
        return Response(f"page {request.match_info['number']}")

    app = Application()
    router = app.router
    router.add_get("/user/{username}", show)
    router.add_post("/user/{username}", show)
    router.add_put("/user/{username}", show)
    router.add_options("/user/{username}", show)
    router.add_head("/probe/{username}", show)
    router.add_get(r"/page/{number:\d+}", page)
    return app


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS"])
def test_route_parameters(method: str) -> None:
    assert answer_of(routed(), "/user/ada", method=method).text == f"{method} ada"


def test_head_has_no_body() -> None:
    answer = answer_of(routed(), "/user/ada", method="HEAD")
    assert (answer.status, answer.text) == (200, "")
    assert answer.headers["Content-Length"] == str(len("HEAD ada"))
    assert answer_of(routed(), "/probe/ada", method="HEAD").status == 200


def test_route_parameters_with_a_pattern() -> None:
    assert answer_of(routed(), "/page/12").text == "page 12"
    assert answer_of(routed(), "/page/last").status == 404


def test_a_method_that_is_not_there() -> None:
    answer = answer_of(routed(), "/user/ada", method="DELETE")
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET,HEAD,OPTIONS,POST,PUT"
    assert answer_of(routed(), "/user/ada/more").status == 404


# -- middlewares and hooks -------------------------------------------------------------------------------


def test_the_first_middleware_is_the_outermost() -> None:
    seen: list[str] = []

    async def outer(request: Request, handler: Handler) -> StreamResponse:
        seen.append("outer in")
        response = await handler(request)
        seen.append("outer out")
        return response

    async def inner(request: Request, handler: Handler) -> StreamResponse:
        seen.append("inner in")
        response = await handler(request)
        seen.append("inner out")
        return response

    app = Application(middlewares=[outer, inner])
    app.router.add_get("/", hello)
    assert answer_of(app).text == "Hello"
    assert seen == ["outer in", "inner in", "inner out", "outer out"]


def test_hooks_take_the_application_and_run_in_order() -> None:
    seen: list[str] = []

    def noting(what: str) -> Callable[[Application], Any]:
        async def note(given: Application) -> None:
            assert given is app
            seen.append(what)

        return note

    async def context(given: Application) -> Any:
        seen.append("context opens")
        yield
        seen.append("context closes")

    async def prepare(request: Request, response: StreamResponse) -> None:
        seen.append("prepare")
        response.headers["X-Prepared"] = "yes"

    app = Application()
    app.on_startup.append(noting("startup"))
    app.on_shutdown.append(noting("shutdown"))
    app.on_cleanup.append(noting("cleanup"))
    app.cleanup_ctx.append(context)
    app.on_response_prepare.append(prepare)
    app.router.add_get("/", hello)
    assert answer_of(app).headers["X-Prepared"] == "yes"
    assert seen == ["context opens", "startup", "prepare", "shutdown", "context closes", "cleanup"]


# -- exceptions ------------------------------------------------------------------------------------------


def raising(error: HTTPException) -> Application:
    async def handler(request: Request) -> Response:
        raise error

    app = Application()
    app.router.add_get("/", handler)
    return app


def returning(error: HTTPException) -> Application:
    async def handler(request: Request) -> Response:
        return error

    app = Application()
    app.router.add_get("/", handler)
    return app


def test_an_http_exception_is_both() -> None:
    error = HTTPNotFound(reason="No such user")
    assert isinstance(error, Response)
    assert isinstance(error, Exception)
    assert (error.status_code, error.status, error.reason) == (404, 404, "No such user")


@pytest.mark.parametrize("way", [raising, returning])
@pytest.mark.filterwarnings("ignore:returning HTTPException:DeprecationWarning")
def test_the_reason_shows_in_the_body(way: Callable[[HTTPException], Application]) -> None:
    answer = answer_of(way(HTTPNotFound(reason="No such user")))
    assert (answer.status, answer.reason, answer.text) == (404, "No such user", "404: No such user")


def test_a_reason_from_a_stranger_stays_out_of_the_status_line() -> None:
    answer = answer_of(raising(HTTPNotFound(reason="No\r\nSet-Cookie: a=b")))
    assert (answer.status, answer.reason) == (404, "Not Found")
    assert "Set-Cookie" not in answer.headers
    assert "Set-Cookie: a=b" in answer.text
    assert "\r\n" not in answer.text


def test_bad_request_and_found() -> None:
    assert answer_of(raising(HTTPBadRequest())).text == "400: Bad Request"
    answer = answer_of(raising(HTTPFound("/login")))
    assert (answer.status, answer.headers["Location"]) == (302, "/login")


# -- the 500 page ----------------------------------------------------------------------------------------


def test_an_error_shows_nothing_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(request: Request) -> Response:
        raise ValueError("the secret")

    app = Application()
    app.router.add_get("/broken", broken)
    answer = answer_of(app, "/broken")
    assert answer.status == 500
    for inside in ("secret", "ValueError", "Traceback", __file__):
        assert inside not in answer.text
    assert "ValueError: the secret" in caplog.text
    assert "GET /broken" in caplog.text
