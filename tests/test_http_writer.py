"""Answers as bytes, to each kind of client; and a client's word on where they end.

The engine is the writer's only caller, so the transcripts go through it: a request, an answer, and what the
client is sent.
"""

from typing import Any, NamedTuple

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.http.errors import LocalProtocolError, RemoteProtocolError
from sketch.http.exchange import Bytes
from sketch.http.heads import ResponseHead
from sketch.http.status import allows_body
from sketch.http_writer import content_length, make_automatic
from sketch.protocol.h1.connection import H1Engine
from tests.protocol.h1.corpus import head, old, post
from tests.protocol.h1.transcript import engine_with

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
AUTOMATIC = make_automatic(DATE)

REQUESTS = {
    "GET": head(b"GET / HTTP/1.1"),
    "HEAD": head(b"HEAD / HTTP/1.1"),
    "last": head(b"GET / HTTP/1.1", b"Connection: close"),
    "old": old(keep_alive=False).wire,
    "old, kept": old(b"Connection: keep-alive", keep_alive=True).wire,
    "old HEAD": head(b"HEAD / HTTP/1.0"),
    "CONNECT": head(b"CONNECT a:443 HTTP/1.1"),
    "expecting": post(b"Content-Length: 3", b"Expect: 100-continue"),
}

Fields = tuple[tuple[str, str], ...]


def text(status: int, *fields: tuple[str, str]) -> ResponseHead:
    return ResponseHead(status, {200: "OK", 204: "No Content", 304: "Not Modified"}.get(status, ""), fields)


def respond(request: str, answer: ResponseHead, body: Bytes = b"") -> str:
    """A whole answer, with the lines that are always the same made short."""
    return shorten(engine_with(REQUESTS[request]).respond(answer, body, AUTOMATIC))


def shorten(wire: bytes) -> str:
    head, end, body = wire.decode("latin-1").partition("\r\n\r\n")
    assert end
    lines = head.replace(DATE, "now").split("\r\n")
    return " | ".join([*lines, repr(body)])


def stream(
    request: str,
    answer: ResponseHead,
    *pieces: Bytes,
    length: int | None = None,
    trailers: Fields = (),
) -> str:
    engine = engine_with(REQUESTS[request])
    return shorten(stream_bytes(engine, answer, *pieces, length=length, trailers=trailers))


def stream_bytes(
    engine: H1Engine,
    answer: ResponseHead,
    *pieces: Bytes,
    length: int | None = None,
    trailers: Fields = (),
) -> bytes:
    parts: list[Bytes] = [engine.start(answer, length, AUTOMATIC)]
    for piece in pieces:
        parts += engine.send(piece)
    return b"".join([*parts, engine.finish(trailers)])


# -- whole answers ------------------------------------------------------------------------------------------

TYPED = ("Content-Type", "text/plain")


@pytest.mark.parametrize(
    ("request_name", "answer", "body", "expected"),
    [
        ("GET", text(200), b"hello",
         "HTTP/1.1 200 OK | Content-Length: 5 | Date: now | Server: sketch | 'hello'"),
        ("GET", text(200, TYPED), b"",
         "HTTP/1.1 200 OK | Content-Type: text/plain | Content-Length: 0 | Date: now | Server: sketch | ''"),
        ("HEAD", text(200), b"hello",
         "HTTP/1.1 200 OK | Content-Length: 5 | Date: now | Server: sketch | ''"),
        ("HEAD", text(200), b"",
         "HTTP/1.1 200 OK | Date: now | Server: sketch | ''"),
        ("last", text(200), b"hello",
         "HTTP/1.1 200 OK | Content-Length: 5 | Date: now | Server: sketch | Connection: close | 'hello'"),
        ("expecting", text(200), b"hello",
         "HTTP/1.1 200 OK | Content-Length: 5 | Date: now | Server: sketch | Connection: close | 'hello'"),
        ("old", text(200), b"hello",
         "HTTP/1.1 200 OK | Content-Length: 5 | Date: now | Server: sketch | 'hello'"),
        ("old, kept", text(200), b"hello",
         "HTTP/1.1 200 OK | Content-Length: 5 | Date: now | Server: sketch | Connection: keep-alive |"
         " 'hello'"),
        ("old HEAD", text(200), b"hello",
         "HTTP/1.1 200 OK | Content-Length: 5 | Date: now | Server: sketch | ''"),
        ("GET", text(204), b"",
         "HTTP/1.1 204 No Content | Date: now | Server: sketch | ''"),
        ("GET", text(204), b"left out",
         "HTTP/1.1 204 No Content | Date: now | Server: sketch | ''"),
        ("GET", text(205), b"left out",
         "HTTP/1.1 205  | Content-Length: 0 | Date: now | Server: sketch | ''"),
        ("HEAD", text(205), b"",
         "HTTP/1.1 205  | Date: now | Server: sketch | ''"),
        ("GET", text(304), b"",
         "HTTP/1.1 304 Not Modified | Date: now | Server: sketch | ''"),
        ("GET", text(304), b"left out",
         "HTTP/1.1 304 Not Modified | Date: now | Server: sketch | ''"),
    ],
)  # fmt: skip
def test_whole_answers(request_name: str, answer: ResponseHead, body: bytes, expected: str) -> None:
    assert respond(request_name, answer, body) == expected
    answer.encode()
    assert respond(request_name, answer, body) == expected, "the second time, its bytes are there already"


@pytest.mark.parametrize(
    ("request_name", "fields", "body", "expected"),
    [
        ("GET", [("Date", "then")], b"a",
         "Date: then | Content-Length: 1 | Server: sketch | 'a'"),
        ("GET", [("server", "mine")], b"a",
         "server: mine | Content-Length: 1 | Date: now | 'a'"),
        ("GET", [("Connection", "close")], b"a",
         "Connection: close | Content-Length: 1 | Date: now | Server: sketch | 'a'"),
        ("GET", [("content-length", "1")], b"a",
         "content-length: 1 | Date: now | Server: sketch | 'a'"),
        ("HEAD", [("Content-Length", "7")], b"",
         "Content-Length: 7 | Date: now | Server: sketch | ''"),
        ("GET", [("Transfer-Encoding", "Chunked")], b"hello",
         "Transfer-Encoding: Chunked | Date: now | Server: sketch | '5\\r\\nhello\\r\\n0\\r\\n\\r\\n'"),
        ("GET", [("Transfer-Encoding", "chunked")], b"",
         "Transfer-Encoding: chunked | Date: now | Server: sketch | '0\\r\\n\\r\\n'"),
        ("HEAD", [("Transfer-Encoding", "chunked")], b"hello",
         "Transfer-Encoding: chunked | Date: now | Server: sketch | ''"),
        ("old", [("Transfer-Encoding", "chunked"), ("X", "y")], b"hello",
         "X: y | Content-Length: 5 | Date: now | Server: sketch | 'hello'"),
        ("old HEAD", [("Transfer-Encoding", "chunked")], b"hello",
         "Content-Length: 5 | Date: now | Server: sketch | ''"),
    ],
)  # fmt: skip
def test_fields_that_the_application_sets_itself(
    request_name: str, fields: list[tuple[str, str]], body: bytes, expected: str
) -> None:
    assert respond(request_name, text(200, *fields), body) == "HTTP/1.1 200 OK | " + expected


@pytest.mark.parametrize("request_name", ["GET", "HEAD", "old"])
@pytest.mark.parametrize("field", [("Content-Length", "0"), ("Transfer-Encoding", "chunked")])
def test_answers_without_content_have_no_framing_fields(request_name: str, field: tuple[str, str]) -> None:
    for sent in (respond(request_name, text(204, field)), stream(request_name, text(204, field))):
        assert sent == "HTTP/1.1 204 No Content | Date: now | Server: sketch | ''"
    for sent in (respond(request_name, text(205, field)), stream(request_name, text(205, field))):
        length = "" if request_name == "HEAD" else "Content-Length: 0 | "
        assert sent == f"HTTP/1.1 205  | {length}Date: now | Server: sketch | ''"


@pytest.mark.parametrize(
    ("request_name", "named", "expected"),
    [
        ("last", "upgrade", "Connection: upgrade, close"),
        ("last", "keep-alive", "Connection: close"),
        ("last", "x, Keep-Alive, y", "Connection: x, y, close"),
        ("last", "keep-alive, close", "Connection: close"),
        ("last", "x, Close", "Connection: x, Close"),
        ("last", "", "Connection: close"),
        ("expecting", "x", "Connection: x, close"),
        ("GET", "upgrade", "Connection: upgrade"),
        ("GET", "keep-alive", "Connection: keep-alive"),
        ("old", "x", "Connection: x"),
        ("old", "keep-alive", "Connection: close"),
        ("old, kept", "x", "Connection: x, keep-alive"),
        ("old, kept", "keep-alive", "Connection: keep-alive"),
    ],
)
def test_a_client_is_told_whether_the_connection_stays(request_name: str, named: str, expected: str) -> None:
    answer = text(200, ("Connection", named))
    for sent in (respond(request_name, answer, b"a"), stream(request_name, answer, b"a", length=1)):
        lines = [line for line in sent.split(" | ") if line.startswith("Connection")]
        assert lines == [expected]


def test_a_stream_that_ends_with_the_connection_says_so() -> None:
    answer = text(200, ("Connection", "keep-alive"))
    assert "| Connection: close |" in stream("old, kept", answer, b"a")


def test_options_of_a_connection_cannot_break_out() -> None:
    engine = engine_with(REQUESTS["last"])
    with pytest.raises(ValueError, match="Connection"):
        engine.respond(text(200, ("Connection", "x\r\nSet-Cookie: a=b")), b"", AUTOMATIC)
    assert "'no'" in shorten(engine.respond(text(200), b"no", AUTOMATIC)), "another answer may follow"


@pytest.mark.parametrize("fields", [(), (("Content-Length", "5"),), (("Transfer-Encoding", "chunked"),)])
def test_where_a_tunnel_follows_there_is_no_body(fields: Fields) -> None:
    expected = "HTTP/1.1 200 OK | Date: now | Server: sketch | Connection: close | ''"
    assert respond("CONNECT", text(200, *fields), b"hello") == expected
    assert stream("CONNECT", text(200, *fields), b"hello") == expected
    assert stream("CONNECT", text(200, *fields), b"hello", length=5) == expected


def test_where_none_follows_there_is_one() -> None:
    assert respond("CONNECT", text(501), b"no").endswith(
        "501  | Content-Length: 2 | Date: now | Server: sketch | Connection: close | 'no'"
    )


def test_an_unmodified_answer_may_say_how_the_full_one_is_framed() -> None:
    assert "| Content-Length: 9 |" in respond("GET", text(304, ("Content-Length", "9")))
    assert "| Transfer-Encoding: chunked |" in respond("GET", text(304, ("Transfer-Encoding", "chunked")))


def test_automatic_fields_can_be_left_out() -> None:
    bare = ResponseHead(200, "OK", (), automatic=False)
    assert respond("GET", bare, b"a") == "HTTP/1.1 200 OK | Content-Length: 1 | 'a'"
    assert stream("GET", bare, b"a") == (
        "HTTP/1.1 200 OK | Transfer-Encoding: chunked | '1\\r\\na\\r\\n0\\r\\n\\r\\n'"
    )
    without_length = ResponseHead(204, "No Content", (("Content-Length", "0"),), automatic=False)
    assert respond("GET", without_length) == "HTTP/1.1 204 No Content | ''"


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview])
@pytest.mark.parametrize(
    "fields", [(), (("X", "y"),), (("Transfer-Encoding", "chunked"),), (("Date", "then"),)]
)
@pytest.mark.parametrize("request_name", sorted(REQUESTS))
def test_all_kinds_of_bytes_are_bodies(request_name: str, fields: Fields, make: Any) -> None:
    for body in (b"", b"hello"):
        assert respond(request_name, text(200, *fields), make(body)) == respond(
            request_name, text(200, *fields), body
        )


@pytest.mark.parametrize(
    "fields",
    [
        (("Content-Length", "4"),),
        (("Content-Length", "6"),),
        (("Content-Length", "five"),),
        (("Content-Length", "-5"),),
        (("Content-Length", "+5"),),
        (("Content-Length", "\u0665"),),
        (("Content-Length", ""),),
        (("Content-Length", "5" * 5000),),
        (("Content-Length", "5"), ("Content-Length", "5")),
        (("Content-Length", "5"), ("Transfer-Encoding", "chunked")),
        (("Transfer-Encoding", "gzip"),),
        (("Transfer-Encoding", "gzip, chunked"),),
        (("Transfer-Encoding", "chunked"), ("transfer-encoding", "chunked")),
        (("Transfer-Encoding", ""),),
    ],
)
def test_framing_that_would_mislead_the_client_is_refused(fields: Fields) -> None:
    for request in ("GET", "old"):
        engine = engine_with(REQUESTS[request])
        with pytest.raises(LocalProtocolError):
            engine.respond(text(200, *fields), b"hello", AUTOMATIC)
        assert "hello" in shorten(engine.respond(text(200), b"hello", AUTOMATIC)), "another answer may follow"


@pytest.mark.parametrize("status", [100, 101, 103])
def test_interim_answers_are_no_answers(status: int) -> None:
    with pytest.raises(LocalProtocolError, match="final"):
        respond("GET", text(status))
    with pytest.raises(LocalProtocolError, match="final"):
        stream("GET", text(status))


# -- streams ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_name", "fields", "length", "expected"),
    [
        ("GET", [], None,
         "Transfer-Encoding: chunked | Date: now | Server: sketch |"
         " '5\\r\\nhello\\r\\n2\\r\\n, \\r\\n0\\r\\n\\r\\n'"),
        ("GET", [("Transfer-Encoding", "chunked")], 7,
         "Transfer-Encoding: chunked | Date: now | Server: sketch |"
         " '5\\r\\nhello\\r\\n2\\r\\n, \\r\\n0\\r\\n\\r\\n'"),
        ("GET", [], 7,
         "Content-Length: 7 | Date: now | Server: sketch | 'hello, '"),
        ("GET", [("Content-Length", "7")], None,
         "Content-Length: 7 | Date: now | Server: sketch | 'hello, '"),
        ("GET", [("Content-Length", "7")], 9,
         "Content-Length: 7 | Date: now | Server: sketch | 'hello, '"),
        ("last", [], None,
         "Transfer-Encoding: chunked | Date: now | Server: sketch | Connection: close |"
         " '5\\r\\nhello\\r\\n2\\r\\n, \\r\\n0\\r\\n\\r\\n'"),
        ("HEAD", [], None,
         "Date: now | Server: sketch | ''"),
        ("HEAD", [], 7,
         "Content-Length: 7 | Date: now | Server: sketch | ''"),
        ("old", [], None,
         "Date: now | Server: sketch | 'hello, '"),
        ("old", [("Transfer-Encoding", "chunked")], None,
         "Date: now | Server: sketch | 'hello, '"),
        ("old, kept", [], None,
         "Date: now | Server: sketch | 'hello, '"),
        ("old, kept", [], 7,
         "Content-Length: 7 | Date: now | Server: sketch | Connection: keep-alive | 'hello, '"),
    ],
)  # fmt: skip
def test_streams(request_name: str, fields: list[tuple[str, str]], length: int | None, expected: str) -> None:
    sent = stream(request_name, text(200, *fields), b"hello", b"", b", ", length=length)
    assert sent == "HTTP/1.1 200 OK | " + expected


def test_a_stream_of_unknown_length_ends_the_connection_of_an_old_client() -> None:
    for request in ("old", "old, kept"):
        engine = engine_with(REQUESTS[request])
        stream_bytes(engine, text(200), b"hello")
        assert not engine.can_continue


@pytest.mark.parametrize("status", [204, 205, 304])
def test_streams_without_content(status: int) -> None:
    for length in (None, 5):
        sent = stream("GET", text(status), b"hello", length=length)
        assert sent.endswith("| ''")
        assert ("Content-Length: 0" in sent) is (status == 205)
        assert "Transfer-Encoding" not in sent


def test_chunks_have_their_sizes_in_hexadecimal() -> None:
    engine = engine_with(REQUESTS["GET"])
    engine.start(text(200), None, AUTOMATIC)
    assert engine.send(b"x" * 255) == (b"ff\r\n", b"x" * 255, b"\r\n")
    assert engine.send(memoryview(b"xy")) == (b"2\r\n", b"xy", b"\r\n")
    assert engine.send(b"") == (), "an empty chunk would be the last"


def test_trailers_go_where_there_is_room_for_them() -> None:
    fields = (("X-Sum", "5"), ("X-Name", "\u00e9"))
    assert stream("GET", text(200), b"a", trailers=fields).endswith(
        "'1\\r\\na\\r\\n0\\r\\nX-Sum: 5\\r\\nX-Name: \u00c3\u00a9\\r\\n\\r\\n'"
    )
    assert stream("GET", text(200), b"a", length=1, trailers=fields).endswith("'a'")
    assert stream("old", text(200), b"a", trailers=fields).endswith("'a'")
    assert stream("HEAD", text(200), b"a", trailers=fields).endswith("''")


@pytest.mark.parametrize("field", [("a b", "c"), ("a", "b\r\nc: d"), ("a", "\0"), ("", "b"), ("a:", "b")])
def test_trailers_cannot_break_out(field: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="field|value"):
        stream("GET", text(200), b"a", trailers=(field,))


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "Host", "Set-Cookie", "If-Match"])
def test_trailers_cannot_say_what_belongs_in_the_head(name: str) -> None:
    engine = engine_with(REQUESTS["GET"])
    engine.start(text(200), None, AUTOMATIC)
    with pytest.raises(LocalProtocolError, match=name):
        engine.finish([("X-Sum", "5"), (name, "1")])
    assert engine.finish([("X-Sum", "5")]) == b"0\r\nX-Sum: 5\r\n\r\n"


def test_interim_answers() -> None:
    engine = engine_with(REQUESTS["GET"])
    hints = ResponseHead(103, "Early Hints", (("Link", "</a.css>"), ("Content-Length", "5")))
    assert engine.inform(hints) == b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
    assert engine.inform(hints) == b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n", (
        "as many as one likes"
    )


def test_the_answer_to_what_was_no_request() -> None:
    engine = engine_with()
    sent = engine.answer_refusal(ResponseHead(400, "Bad Request"), b"no", AUTOMATIC)
    assert shorten(sent) == (
        "HTTP/1.1 400 Bad Request | Content-Length: 2 | Date: now | Server: sketch | Connection: close | 'no'"
    )


@pytest.mark.parametrize(
    "wire",
    [
        b"HEAD / HTTP/1.1\r\n\r\n",
        b"\r\nHEAD / HTTP/1.1\r\n\r\n",
        b"HEAD / HTTP/2.0\r\n",
        b"HEAD / HTTP/1.1\r\nX: " + b"y" * 70000,
        head(b"HEAD / HTTP/1.1", b"Host: b") + head(b"GET / HTTP/1.1"),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 100_000])
def test_the_answer_to_what_was_no_request_for_a_head_has_no_body(wire: bytes, size: int) -> None:
    engine = engine_with()
    with pytest.raises(RemoteProtocolError):
        for start in range(0, len(wire), size):
            engine.receive_head(wire[start : start + size])
    sent = shorten(engine.answer_refusal(ResponseHead(400, "Bad Request"), b"no", AUTOMATIC))
    assert "Content-Length: 2" in sent and sent.endswith("| ''")


@pytest.mark.parametrize(
    ("begun", "body"), [(b"HEAD /", ""), (b"\r\nHEAD /", ""), (b"HEA", "no"), (b"GET ", "no")]
)
def test_the_answer_to_a_head_that_does_not_come(begun: bytes, body: str) -> None:
    engine = engine_with(REQUESTS["HEAD"])
    engine.respond(text(200), b"", AUTOMATIC)
    assert engine.next_cycle()
    assert engine.receive_head(begun) is None
    sent = shorten(engine.answer_refusal(ResponseHead(408, "Request Timeout"), b"no", AUTOMATIC))
    assert sent.endswith(f"| {body!r}")


def test_the_lines_of_lengths() -> None:
    assert [content_length(length) for length in (0, 65536)] == [
        b"Content-Length: 0\r\n",
        b"Content-Length: 65536\r\n",
    ]


# -- a client's word --------------------------------------------------------------------------------------


class Answer(NamedTuple):
    status: int
    body: bytes
    is_complete: bool


class Client:
    """httptools as the client: what it understands of an answer, and whether it saw its end."""

    def __init__(self) -> None:
        self.body = b""
        self.messages = 0

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.messages += 1

    def read(self, wire: bytes) -> Answer:
        parser: Any = httptools.HttpResponseParser(self)
        parser.feed_data(wire)
        status = parser.get_status_code()
        if not self.messages:
            return Answer(status, self.body, False)
        body = self.body
        # One byte more would be the beginning of the next answer, and none of this one.
        with pytest.raises(httptools.HttpParserError):
            parser.feed_data(b"!")
        assert (self.body, self.messages) == (body, 1)
        return Answer(status, body, True)


FRAMING_FIELDS = st.sampled_from([
    ("Content-Length", "5"), ("content-length", "0"), ("Content-Length", "x"), ("X", "y"),
    ("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "gzip"),
    ("Connection", "close"), ("Connection", "keep-alive"),
])  # fmt: skip


@given(
    request_name=st.sampled_from(sorted(REQUESTS)),
    status=st.sampled_from([200, 201, 204, 205, 206, 304, 404, 500, 999]),
    fields=st.lists(FRAMING_FIELDS, max_size=3),
    pieces=st.lists(st.sampled_from([b"", b"hello", b"a", b"\r\n\r\n"]), max_size=3),
    length=st.sampled_from([None, 0, 5, 6]),
    is_whole=st.booleans(),
)
def test_a_client_sees_the_body_and_its_end(
    request_name: str,
    status: int,
    fields: list[tuple[str, str]],
    pieces: list[bytes],
    length: int | None,
    is_whole: bool,
) -> None:
    """Whatever the application asks for: it is refused, or the client reads exactly what was meant."""
    engine = engine_with(REQUESTS[request_name])
    try:
        if is_whole:
            wire = engine.respond(text(status, *fields), b"".join(pieces), AUTOMATIC)
        else:
            wire = stream_bytes(engine, text(status, *fields), *pieces, length=length)
    except LocalProtocolError:
        return
    if "HEAD" in request_name:
        assert wire.endswith(b"\r\n\r\n")
        assert wire.count(b"\r\n\r\n") == 1
        return
    if request_name == "CONNECT" and status < 300:
        assert wire.endswith(b"\r\n\r\n") and b"Content-Length" not in wire and b"chunked" not in wire
        return
    answer = Client().read(wire)
    assert answer.status == status
    assert answer.body == (b"".join(pieces) if allows_body(status) else b"")
    # Only the end of the connection can be the end of a body that has no other.
    assert answer.is_complete or not engine.keep_alive
