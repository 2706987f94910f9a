"""Requests: views over a head, a body that is read in every way, and what others keep on them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from sketch import web
from sketch.application import Application
from sketch.http.errors import Disconnected
from sketch.http.exchange import Peer
from sketch.http.forwarded import parse_authority
from sketch.http.heads import HttpVersion
from sketch.http.memory import MemoryExchange
from sketch.http.target import is_host
from sketch.request import BaseRequest, Request
from sketch.requestbody import CLIENT_MAX_SIZE
from sketch.streams import StreamReader

from .asking import ask_handler, status_of, text_of


def make(
    target: str = "/", fields: Any = (), body: bytes | None = b"", method: str = "GET", **options: Any
) -> Request:
    return Request(MemoryExchange(method, target, fields, body, **options))


def read(request: BaseRequest, way: Callable[[BaseRequest], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        return await way(request)

    return asyncio.run(run())


# -- the line --------------------------------------------------------------------------------------------


def test_the_line() -> None:
    request = make("/a%20b/c%2Fd?x=1&y=%20", method="PUT", version=HttpVersion(1, 0))
    assert (request.method, request.version) == ("PUT", (1, 0))
    assert request.path == "/a b/c/d"
    assert request.path_qs == request.raw_path == "/a%20b/c%2Fd?x=1&y=%20"
    assert request.match_path == "/a b/c%2Fd"
    assert request.query_string == "x=1&y= "
    assert dict(request.query) == {"x": "1", "y": " "}
    assert request.rel_url == URL("/a%20b/c%2Fd?x=1&y=%20", encoded=True)
    assert request.rel_url is request.rel_url


def test_the_url_and_where_its_host_comes_from() -> None:
    assert str(make("/x?y", {"Host": "example.com:81"}).url) == "http://example.com:81/x?y"
    absolute = make("http://other.example/x", {"Host": "example.com"})
    assert (absolute.host, str(absolute.url)) == ("other.example", "http://other.example/x")

    def knows(address: Any) -> Peer:
        return Peer(get_extra_info=lambda name, default=None: address if name == "sockname" else default)

    assert make(peer=knows(("10.0.0.1", 80))).host == "10.0.0.1"
    assert make(peer=knows(("::1", 80, 0, 0))).host == "[::1]"
    assert make().host == ""

    on_unix = make("/x", peer=knows("/run/app.sock"))
    assert (on_unix.host, str(on_unix.url)) == ("/run/app.sock", "http:///x")
    on_abstract = make("/x", peer=knows(b"\0app"))
    assert (on_abstract.host, str(on_abstract.url)) == ("", "http:///x")


LABELS = st.sampled_from([
    "a", "Z", "0", "-", "_", ".", "~", "%41", "%2e", "%00", "%ff", "%5b", "%C3%bc", "%40", "%3A", "%2F",
    "xn--", "XN--", "xN--a", "xn--a-ecp.ru", "xn--bcher-kva", "!$&'()*+,;=",
    "[::1]", "[::ffff:1.2.3.4]", ":", ":0", ":00081", "255.",
])  # fmt: skip


@given(st.lists(LABELS, min_size=1, max_size=4).map("".join))
def test_of_any_host_that_the_engine_takes_the_url_can_be_asked(host: str) -> None:
    if not is_host(host.encode()):
        return
    for request in (make("/x?y", {"Host": host}), make(f"http://{host}/x?y")):
        assert request.host == host
        url = request.url
        assert (url.raw_path_qs, url.scheme) == ("/x?y", "http")
        assert isinstance(url.host, str)
        assert url.authority and url.human_repr()
        assert url.origin().host == url.join(URL("/z")).host == url.host


@pytest.mark.parametrize(
    ("host", "seen"),
    [
        ("xn--", "%78n--"),
        ("a.XN--a:81", "a.%78n--a"),
        ("xn--bcher-kva.example", "bücher.example"),
    ],
)
def test_a_name_that_idna_has_no_text_for_is_escaped(host: str, seen: str) -> None:
    assert make("/", {"Host": host}).url.host == seen


@given(st.text(st.sampled_from("aZ0-_.:[]x1n"), min_size=1, max_size=20))
def test_any_host_that_a_proxy_may_name_makes_a_url(authority: str) -> None:
    try:
        parse_authority(authority)
    except ValueError:
        return
    assert str(make(peer=Peer(authority=authority)).url).startswith("http://")


def test_what_a_proxy_says_goes_first() -> None:
    peer = Peer(("192.0.2.1", 0), secure=True, authority="real.example:81")
    for target in ("/x", "http://absolute.example/x"):
        request = make(target, {"Host": "own.example"}, peer=peer)
        assert (request.host, str(request.url)) == ("real.example:81", "https://real.example:81/x")
        assert (request.remote, request.secure) == ("192.0.2.1", True)
    copy = request.clone(host="mine.example", scheme="http", remote="me")
    assert (copy.host, copy.scheme, copy.remote) == ("mine.example", "http", "me")


def test_tls_and_the_client() -> None:
    request = make(fields={"Host": "x"}, peer=Peer(("192.0.2.1", 5000), secure=True))
    assert (request.scheme, request.secure, str(request.url), request.remote) == (
        "https",
        True,
        "https://x/",
        "192.0.2.1",
    )
    assert (make().scheme, make().secure, make().remote) == ("http", False, None)


def test_the_client_s_certificate() -> None:
    class Tls:
        """As `ssl.SSLObject`, after a handshake."""

        def __init__(self, fields: dict[str, Any] | None) -> None:
            self._fields = fields

        def getpeercert(self, binary_form: bool = False) -> Any:
            return (self._fields and b"der") if binary_form else self._fields

    def shows(fields: dict[str, Any] | None) -> Peer:
        known = {"ssl_object": Tls(fields)}
        return Peer(get_extra_info=lambda name, default=None: known.get(name, default))

    dates = {"notBefore": "Jan  5 09:34:43 2026 GMT", "notAfter": "Jan  5 09:34:43 2027 GMT"}
    name = ((("commonName", "alice"),),)
    certificate = make(
        peer=shows({"subject": name, "issuer": (), "serialNumber": "01", **dates})
    ).peer_certificate
    assert certificate is not None
    assert (certificate.common_name, certificate.der) == ("alice", b"der")
    # Not asked for one; asked, and shown none or one that was not verified; no TLS at all.
    for peer in (shows(None), shows({}), Peer()):
        assert make(peer=peer).peer_certificate is None


def test_fields() -> None:
    request = make(fields=[("X-One", "1"), ("x-one", "ü"), (b"X-Two", b" 2 \t")])
    assert request.headers.getall("X-ONE") == ["1", "ü"]
    assert request.headers["x-two"] == "2"
    assert request.raw_headers == ((b"X-One", b"1"), (b"x-one", "ü".encode()), (b"X-Two", b"2"))
    assert request.headers is request.headers
    with pytest.raises(TypeError):
        request.headers["X-One"] = "2"  # type: ignore[index]


def test_the_type_of_a_body() -> None:
    request = make(fields={"Content-Type": 'Text/HTML; Charset="UTF-8"'})
    assert (request.content_type, request.charset) == ("text/html", "UTF-8")
    assert (make().content_type, make().charset) == ("application/octet-stream", None)


def test_cookies() -> None:
    cookies = make(fields={"Cookie": 'a=1; b="x y"; a=2'}).cookies
    assert dict(cookies) == {"a": "2", "b": "x y"}
    assert dict(make().cookies) == {}
    with pytest.raises(TypeError):
        cookies["a"] = "3"  # type: ignore[index]


def test_keep_alive() -> None:
    assert make().keep_alive
    assert not make(fields={"Connection": "close"}).keep_alive


def test_how_it_looks() -> None:
    assert repr(make("/ü%20b", method="PUT")) == r"<Request PUT /\xfc b >"


# -- the body --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "body", "exists", "length"),
    [
        ((), b"", False, None),
        ({"Content-Length": "0"}, b"", False, 0),
        ((), b"abc", True, 3),
        ({"Transfer-Encoding": "chunked"}, b"abc", True, None),
        ({"Transfer-Encoding": "chunked"}, b"", True, None),
    ],
)
def test_whether_there_is_a_body(fields: Any, body: bytes, exists: bool, length: int | None) -> None:
    request = make("/", fields, body, "POST")
    assert (request.body_exists, request.content_length) == (exists, length)
    assert request.can_read_body is (body != b"")
    assert read(request, lambda it: it.read()) == body
    assert not request.can_read_body
    assert request.body_exists is exists


def test_the_body_whole_as_bytes_text_and_json() -> None:
    async def all_ways(request: BaseRequest) -> Any:
        return await request.read(), await request.text(), await request.json(), await request.read()

    body = '{"a": "ü"}'.encode()
    assert read(make(body=body), all_ways) == (body, body.decode(), {"a": "ü"}, body)


def test_text_by_its_charset() -> None:
    request = make(fields={"Content-Type": "text/plain; charset=latin-1"}, body=b"\xfc")
    assert read(request, lambda it: it.text()) == "ü"
    with pytest.raises(UnicodeDecodeError):
        read(make(body=b"\xfc"), lambda it: it.text())
    with pytest.raises(LookupError):
        read(make(fields={"Content-Type": "a/b; charset=no-such"}, body=b"x"), lambda it: it.text())


def test_json_by_another_reader() -> None:
    assert read(make(body=b"1"), lambda it: it.json(loads=lambda text: [text])) == ["1"]
    with pytest.raises(ValueError):
        read(make(), lambda it: it.json())


async def fed(exchange: MemoryExchange, *pieces: bytes) -> None:
    for piece in pieces:
        await asyncio.sleep(0)
        exchange.feed(piece)
    exchange.feed_eof()


def test_a_body_that_arrives_in_pieces() -> None:
    async def run() -> tuple[bytes, str]:
        request = make(body=None)
        assert isinstance(request.exchange, MemoryExchange)
        feeding = asyncio.ensure_future(fed(request.exchange, b"a", b"b", b"c"))
        body = await request.read()
        await feeding
        return body, await request.text()

    assert asyncio.run(run()) == (b"abc", "abc")


def test_reading_some_of_the_stream_and_then_the_rest() -> None:
    async def mixed(request: BaseRequest) -> Any:
        first = await request.content.read(2)
        rest = await request.read()
        return first, rest, await request.content.read(), request.can_read_body

    assert read(make(body=b"abcdef"), mixed) == (b"ab", b"cdef", b"", False)


def test_reading_that_was_cancelled_goes_on_where_it_was() -> None:
    async def run() -> bytes:
        exchange = MemoryExchange("POST", body=None)
        request = Request(exchange)
        exchange.feed(b"abc")
        reading = asyncio.ensure_future(request.read())
        await asyncio.sleep(0)
        exchange.feed(b"def")
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        exchange.feed(b"ghi")
        exchange.feed_eof()
        return await request.read()

    assert asyncio.run(run()) == b"abcdefghi"


def test_release_reads_what_is_left() -> None:
    async def let_go(request: BaseRequest) -> Any:
        assert await request.content.read(1) == b"a"
        await request.release()
        return await request.content.read(), request.can_read_body

    assert read(make(body=b"abc"), let_go) == (b"", False)


def test_the_stream_is_made_once() -> None:
    request = make(body=b"abc")
    assert isinstance(request.content, StreamReader)
    assert request.content is request.content


@pytest.mark.parametrize("fields", [{}, {"Transfer-Encoding": "chunked"}])
def test_a_body_of_more_than_the_most(fields: dict[str, str]) -> None:
    request = make("/", fields, b"x" * (CLIENT_MAX_SIZE + 1), "POST")
    with pytest.raises(web.HTTPRequestEntityTooLarge) as caught:
        read(request, lambda it: it.read())
    assert caught.value.text == f"Maximum request body size {CLIENT_MAX_SIZE} exceeded."
    assert len(read(make(body=b"x" * CLIENT_MAX_SIZE), lambda it: it.read())) == CLIENT_MAX_SIZE


def test_a_declared_body_of_more_than_the_most_is_not_waited_for() -> None:
    request = make("/", {"Content-Length": "5"}, None, "POST")
    request.client_max_size = 4
    with pytest.raises(web.HTTPRequestEntityTooLarge):
        read(request, lambda it: it.read())


def test_streams_have_no_most() -> None:
    async def count(request: BaseRequest) -> int:
        return sum([len(piece) async for piece in request.content.iter_chunked(2**16)])

    assert read(make(body=b"x" * (CLIENT_MAX_SIZE + 1)), count) == CLIENT_MAX_SIZE + 1


def test_bodies_that_go_wrong() -> None:
    broken = MemoryExchange("POST", body=None)
    broken.break_body("no chunk")
    with pytest.raises(web.RequestPayloadError):
        read(Request(broken), lambda it: it.content.readany())
    with pytest.raises(web.HTTPBadRequest) as caught:
        read(Request(broken), lambda it: it.read())
    assert caught.value.text == "400: Bad Request\nno chunk"
    left = MemoryExchange("POST", body=None)
    left.disconnect()
    with pytest.raises(Disconnected):
        read(Request(left), lambda it: it.read())


def test_a_reader_that_waits_invites_the_client() -> None:
    async def run() -> list[int]:
        exchange = MemoryExchange("POST", "/", {"Expect": "100-continue", "Content-Length": "3"}, None)
        reading = asyncio.ensure_future(Request(exchange).read())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        invited = [head.status for head in exchange.informed]
        exchange.feed(b"abc")
        assert await reading == b"abc"
        return invited

    assert asyncio.run(run()) == [100]


# -- a copy ----------------------------------------------------------------------------------------------


def test_a_clone_with_other_attributes() -> None:
    request = make("/a?b", {"X-One": "1", "Host": "x"})
    copy = request.clone(
        method="PUT", rel_url="/c%20d?e", headers={"X-Two": "2"}, scheme="https", host="y", remote="z",
        client_max_size=1, client_max_fields=2,
    )  # fmt: skip
    assert isinstance(copy, Request)
    assert (copy.method, copy.path_qs, dict(copy.headers)) == ("PUT", "/c%20d?e", {"X-Two": "2"})
    assert (str(copy.url), copy.remote, copy.client_max_size, copy.client_max_fields) == (
        "https://y/c%20d?e",
        "z",
        1,
        2,
    )
    assert (request.method, request.path_qs, request.headers["X-One"], request.host) == (
        "GET",
        "/a?b",
        "1",
        "x",
    )


def test_a_clone_without_changes() -> None:
    key = web.RequestKey("key", int)
    request = make("/a?b", {"X-One": "1"}, b"abc", "POST")
    request[key] = 1
    copy = request.clone()
    assert (copy.method, copy.path_qs, dict(copy.headers)) == ("POST", "/a?b", dict(request.headers))
    assert copy[key] == 1
    copy[key] = 2
    assert request[key] == 1
    assert read(copy, lambda it: it.read()) == b"abc"
    # Its body is the request's own.
    assert read(request, lambda it: it.read()) == b""


def test_a_clone_has_the_same_match_info() -> None:
    seen: list[bool] = []

    async def handler(request: web.Request) -> web.Response:
        before = request.clone(method="POST").match_info
        seen.append(before is request.match_info is request.clone().match_info)
        return web.Response()

    assert status_of(ask_handler(handler)) == 200
    assert seen == [True]


def test_no_clone_after_reading() -> None:
    request = make(body=b"abc")
    read(request, lambda it: it.read())
    with pytest.raises(RuntimeError, match="Cannot clone request after reading its content"):
        request.clone()


# -- what is kept on it, and around it -------------------------------------------------------------------


def test_a_request_is_a_mapping() -> None:
    key = web.RequestKey("key", str)
    request = make()
    assert (len(request), list(request), bool(request), key in request, request.get(key)) == (
        0,
        [],
        True,
        False,
        None,
    )
    request[key] = "a"
    assert (len(request), list(request), request[key], key in request) == (1, [key], "a", True)
    del request[key]
    with pytest.raises(KeyError):
        request[key]


def test_a_string_key_warns_where_it_is_used() -> None:
    request = make()
    with pytest.warns(web.NotAppKeyWarning, match="RequestKey") as caught:
        request["test_a_string_key"] = 1
    assert caught[0].filename == __file__
    assert request["test_a_string_key"] == 1


def test_requests_are_compared_by_identity() -> None:
    request, other = make(), make()
    assert request == request
    assert request != other
    assert len({request, other}) == 2


def test_attributes_of_the_programs_own() -> None:
    request: Any = make()
    request.user = "ann"
    assert request.user == "ann"


def test_the_task_and_the_transport() -> None:
    async def run() -> bool:
        return make().task is asyncio.current_task()

    assert asyncio.run(run())
    assert make().transport is None
    assert make().get_extra_info("peername", "none") == "none"


def test_a_request_that_was_not_routed() -> None:
    request = make()
    with pytest.raises(RuntimeError, match="was not routed"):
        _ = request.match_info
    with pytest.raises(RuntimeError, match="was not routed"):
        _ = request.app


# -- the tutorial's form ---------------------------------------------------------------------------------


def test_a_request_without_a_server() -> None:
    app = Application()
    request = Request(
        method="POST", url="/x?y=1", headers={"Content-Type": "application/json"}, version="1.0",
        body='{"a": "ü"}', app=app,
    )  # fmt: skip
    assert (request.method, request.version, request.path, request.app is app) == ("POST", (1, 0), "/x", True)
    assert request.headers["content-type"] == "application/json"
    assert request.url.query == {"y": "1"}
    assert read(request, lambda it: it.json()) == {"a": "ü"}


def test_the_defaults_of_a_request_without_a_server() -> None:
    request = Request()
    assert (request.method, request.path, request.version, dict(request.headers)) == ("GET", "/", (1, 1), {})
    assert read(request, lambda it: it.read()) == b""
    assert read(Request(url=URL("http://x/y"), body=b"abc"), lambda it: it.read()) == b"abc"


def test_the_whole_and_the_streamed_body_in_a_handler() -> None:
    async def whole(request: web.Request) -> web.Response:
        return web.Response(text=(await request.text()).upper())

    async def streamed(request: web.Request) -> web.Response:
        return web.Response(body=b"|".join([line async for line in request.content]))

    assert text_of(ask_handler(whole, "POST", "/", (), b"abc")) == "ABC"
    assert text_of(ask_handler(streamed, "POST", "/", (), b"a\nb\nc")) == "a\n|b\n|c"


def test_a_body_that_nobody_reads() -> None:
    async def ignore(request: web.Request) -> web.Response:
        return web.Response()

    assert status_of(ask_handler(ignore, "POST", "/", (), b"abc")) == 200
