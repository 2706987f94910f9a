"""Heads, one at a time: what a parser says of them, and that it remembers nothing from one to the next.

What whole requests mean is in ``tests/protocol/h1``; here are the parser's own promises, and httptools'
word on the same bytes.
"""

from typing import Any

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.http.errors import RemoteProtocolError
from sketch.http.heads import NO_BODY, Framing, HttpVersion10, HttpVersion11
from sketch.http.limits import Limits
from sketch.http_parser import HttpParser
from tests.protocol.h1.corpus import BROWSER, GOOD, Message, get, head, post
from tests.protocol.h1.faults import BAD

HONEST = head(b"GET /honest HTTP/1.1", b"X-Own: 1")


def head_of(wire: bytes) -> bytes:
    """The first head of these bytes, if there is one."""
    end = wire.find(b"\r\n\r\n", 2) + 4
    return wire[:end].removeprefix(b"\r\n") if end > 4 else wire + b"\r\n\r\n"


HEADS = {name: head_of(case[0].wire) for name, case in GOOD.items()}
HEADS |= {name: head_of(fault.wire) for name, fault in BAD.items()}


def parse(wire: bytes) -> tuple[object, ...]:
    request = HttpParser().parse(wire)
    return request.method, request.target, request.version, request.framing


# -- what a head says ----------------------------------------------------------------------------------------


def test_a_head() -> None:
    request = HttpParser().parse(head(b"GET /a?b=c HTTP/1.1", b"X-Name:  value "))
    assert request.method == "GET"
    assert request.target == "/a?b=c"
    assert request.version is HttpVersion11
    assert request.fields == [(b"Host", b"example.org"), (b"X-Name", b"value ")]
    assert request.framing is NO_BODY


@pytest.mark.parametrize(
    ("fields", "framing"),
    [
        ((), NO_BODY),
        (BROWSER, NO_BODY),
        ((b"Connection: Keep-Alive",), NO_BODY),
        ((b"Connection: TE", b"TE: trailers"), NO_BODY),
        ((b"Content-Length: 0",), NO_BODY),
        ((b"Content-Length: 12",), Framing(12)),
        ((b"Transfer-Encoding: chunked",), Framing(None)),
        ((b"Connection: close",), Framing(keep_alive=False)),
        ((b"Connection: close", b"Content-Length: 1"), Framing(1, keep_alive=False)),
        ((b"Expect: 100-continue", b"Content-Length: 1"), Framing(1, expect_continue=True)),
        ((b"Expect: something",), Framing(has_expectation=True)),
        ((b"Connection: upgrade", b"Upgrade: a/1, b"), Framing(upgrade=("a/1", "b"))),
        ((b"Upgrade: a", b"Connection: keep-alive, Upgrade", b"Upgrade: b"), Framing(upgrade=("a", "b"))),
        ((b"Upgrade: a",), NO_BODY),
        ((b"Connection: upgrade",), NO_BODY),
        ((b"Content-Length: 1", b"Content-Encoding: GZIP"), Framing(1, codings=("gzip",))),
        (
            (b"Content-Encoding: gzip, identity", b"Transfer-Encoding: chunked", b"content-encoding: br"),
            Framing(None, codings=("gzip", "br")),
        ),
        ((b"Content-Encoding: gz\xefp", b"Content-Length: 1"), Framing(1, codings=("gz\udcefp",))),
        ((b"Content-Encoding: gzip",), NO_BODY),
        ((b"Content-Encoding: gzip", b"Content-Length: 0"), NO_BODY),
        ((b"Content-Encoding: gzip", b"Expect: something"), Framing(has_expectation=True)),
    ],
)
def test_what_follows_a_head(fields: tuple[bytes, ...], framing: Framing) -> None:
    assert HttpParser().parse(head(b"GET / HTTP/1.1", *fields)).framing == framing


@pytest.mark.parametrize(
    ("fields", "framing"),
    [
        ((), Framing(keep_alive=False)),
        ((b"Connection: keep-alive",), NO_BODY),
        ((b"Connection: x, KEEP-ALIVE",), NO_BODY),
        ((b"Connection: keep-alive, close",), Framing(keep_alive=False)),
        ((b"Content-Length: 1", b"Expect: 100-continue"), Framing(1, keep_alive=False, has_expectation=True)),
        ((b"Connection: keep-alive, upgrade", b"Upgrade: a"), NO_BODY),
    ],
)
def test_what_follows_a_head_of_http_1_0(fields: tuple[bytes, ...], framing: Framing) -> None:
    request = HttpParser().parse(head(b"GET / HTTP/1.0", *fields, host=False))
    assert request.version is HttpVersion10
    assert request.framing == framing


@pytest.mark.parametrize("character", range(256))
def test_which_characters_a_request_line_may_have(character: int) -> None:
    octet = bytes([character])
    letters = bytes(range(65, 91)) + bytes(range(97, 123)) + b"0123456789"
    visible = bytes(range(33, 127)).replace(b"#", b"")
    for wire, allowed in [
        (head(b"G%bT / HTTP/1.1" % octet), letters + b"!#$%&'*+-.^_`|~"),
        (head(b"GET /%b HTTP/1.1" % octet), visible),
        (head(b"BREW /%b HTTP/1.1" % octet), visible),
        (head(b"GET http://a/%b HTTP/1.1" % octet), visible),
        (head(b"GET /a?%b HTTP/1.0" % octet), visible),
        (head(b"GET / HTTP/1.%b" % octet), b"0123456789"),
    ]:
        if octet in allowed:
            HttpParser().parse(wire)
        else:
            with pytest.raises(RemoteProtocolError):
                HttpParser().parse(wire)


@pytest.mark.parametrize("character", range(256))
def test_which_characters_a_field_may_have(character: int) -> None:
    octet = bytes([character])
    letters = bytes(range(65, 91)) + bytes(range(97, 123)) + b"0123456789"
    text = b"\t" + bytes(range(32, 127)) + bytes(range(128, 256))
    for line, allowed in [(b"X%bY: z" % octet, letters + b"!#$%&'*+-.^_`|~:"), (b"X: y%bz" % octet, text)]:
        for method in (b"GET", b"BREW"):
            wire = head(b"%b / HTTP/1.1" % method, line)
            if octet in allowed:
                HttpParser().parse(wire)
            else:
                with pytest.raises(RemoteProtocolError):
                    HttpParser().parse(wire)


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"POST", b"BREW"])
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@pytest.mark.parametrize(
    ("target", "is_target"),
    [(target, True) for target in (b"/", b"//", b"/a?b?c", b"http://a", b"http://a/b", b"http://a?b")]
    + [(target, False) for target in (b"a", b"?a", b"a:80", b"1http://a/", b":", b"%2F", b"*", b"/#", b"**")],
)
def test_a_target_is_judged_alike_in_every_head(
    method: bytes, version: bytes, target: bytes, is_target: bool
) -> None:
    line = b"%b %b HTTP/%b" % (method, target, version)
    for wire in (head(line), head(line, b"X: " + b"y" * 5000, b"X: " + b"y" * 5000)):
        if is_target:
            assert HttpParser().parse(wire).target == target.decode()
        else:
            with pytest.raises(RemoteProtocolError) as caught:
                HttpParser().parse(wire)
            assert caught.value.status == 400


# -- nothing is remembered --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HEADS)
def test_a_parser_remembers_nothing(name: str) -> None:
    """One parser serves all connections: no head may change how another client's is read."""
    parser = HttpParser()
    for _ in range(2):
        try:
            parser.parse(HEADS[name])
        except RemoteProtocolError:
            assert name in BAD
        request = parser.parse(HONEST)
        assert request.fields == [(b"Host", b"example.org"), (b"X-Own", b"1")]
        assert request.framing is NO_BODY


@pytest.mark.parametrize(
    "first",
    [
        get(b"Proxy-Connection: close").head,
        head(b"POST / HTTP/1.1", b"Content-Length: 40", host=False),
        head(b"POST / HTTP/1.1", b"Transfer-Encoding: chunked", host=False),
        post(b"Transfer-Encoding: gzip, chunked"),
        post(b"Content-Length: 40", *[b"X: y"] * 200),
        post(b"Content-Length: 0"),
    ],
    ids=[
        "Proxy-Connection",
        "no Host, counted",
        "no Host, chunked",
        "another coding",
        "too many fields",
        "nothing",
    ],
)
def test_a_head_that_leaves_llhttp_waiting_does_not_touch_the_next(first: bytes) -> None:
    parser = HttpParser()
    try:
        parser.parse(first)
    except RemoteProtocolError as error:
        assert error.status in (400, 431, 501)
    assert parser.parse(HONEST).fields == [(b"Host", b"example.org"), (b"X-Own", b"1")]


@given(names=st.lists(st.sampled_from(sorted(HEADS)), max_size=8))
def test_heads_mean_the_same_in_any_order(names: list[str]) -> None:
    parser = HttpParser()
    for name in names:
        assert outcome(parser, HEADS[name]) == outcome(HttpParser(), HEADS[name])


def outcome(parser: HttpParser, wire: bytes) -> object:
    try:
        return parser.parse(wire)
    except RemoteProtocolError as error:
        return error.status


# -- limits -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [b"GET", b"BREW"])
@pytest.mark.parametrize(
    ("limits", "status"),
    [
        (Limits(request_line=40), 414),
        (Limits(field_line=20), 431),
        (Limits(fields=3), 431),
        (Limits(head=106), 431),
    ],
)
def test_limits_are_exact(method: bytes, limits: Limits, status: int) -> None:
    line = method + b" /" + b"a" * (40 - len(method) - 11) + b" HTTP/1.1"
    fields = [b"Host: a", b"X: 45678901234567890", b"Y: " + b"z" * 15]
    wire = head(line, *fields, host=False)
    assert (len(line), len(wire)) == (40, 95)
    HttpParser(limits).parse(wire)
    worse = {
        "request_line": head(line.replace(b"/", b"/b"), *fields, host=False),
        "field_line": head(line, *fields, b"Z: " + b"z" * 18, host=False),
        "fields": head(line, *fields, b"Z: z", host=False),
        "head": head(line, *fields, b"Z: " + b"z" * 7, host=False),
    }
    name = next(name for name in worse if getattr(limits, name) != getattr(Limits(), name))
    with pytest.raises(RemoteProtocolError) as caught:
        HttpParser(limits).parse(worse[name])
    assert caught.value.status == status


# -- httptools' word --------------------------------------------------------------------------------------


class Witness:
    """A request as httptools alone understands it."""

    def __init__(self, message: Message) -> None:
        self.target = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.is_complete = False
        parser: Any = httptools.HttpRequestParser(self)
        parser.feed_data(message.wire)
        self.method = parser.get_method()
        self.version = parser.get_http_version()

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value.strip(b" \t")))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.is_complete = True


COMMON = [(name, message) for name, case in GOOD.items() for message in case if message.is_common]


@pytest.mark.parametrize("message", [message for _, message in COMMON], ids=[name for name, _ in COMMON])
def test_httptools_reads_the_same(message: Message) -> None:
    witness = Witness(message)
    request = HttpParser().parse(message.head.removeprefix(b"\r\n"))
    assert witness.is_complete
    assert witness.method.decode() == request.method
    assert witness.target.decode() == request.target
    assert witness.version == f"{request.version.major}.{request.version.minor}"
    own = [(name, value.strip(b" \t")) for name, value in request.fields]
    # httptools gives the trailers to the same callback as the fields.
    assert witness.fields[: len(own)] == own
    assert witness.body == message.body
