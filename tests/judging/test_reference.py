"""The strict reader, on what the corpora show least; and that a server which reads otherwise is noticed."""

import pytest

from tests.judging.compare import compare
from tests.judging.echo import Outcome, Read
from tests.judging.fields import is_host, read_field_line
from tests.judging.reference import Ending, read

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "messages", "ending"),
    [
        (b"", 0, Ending.IDLE),
        (b"\r\n", 0, Ending.IDLE),
        (GET, 1, Ending.IDLE),
        (GET + b"\r\n", 1, Ending.IDLE),
        (GET + b"\r\n" + GET, 2, Ending.IDLE),
        (GET + b"\r\n\r\n" + GET, 1, Ending.INVALID),
        (GET + GET[:-1], 1, Ending.UNFINISHED),
        (POST + b"Content-Length: 3\r\n\r\nab", 0, Ending.UNFINISHED),
        (POST + b"Content-Length: 3\r\n\r\nabc" + GET, 2, Ending.IDLE),
        (CHUNKED + b"3\r\nabc\r\n0\r\n\r\n" + GET, 2, Ending.IDLE),
        (CHUNKED + b"3\r\nabc\r\n0\r\n", 0, Ending.UNFINISHED),
        (CHUNKED + b"3\r\nabc\r", 0, Ending.UNFINISHED),
        (CHUNKED + b"3\r\nabcd", 0, Ending.INVALID),
        (CHUNKED + b"3;\r\n", 0, Ending.INVALID),
        (GET.replace(b"1.1", b"1.0") + GET, 1, Ending.CLOSED),
        (POST + b"Connection: x, Close\r\n\r\n" + GET, 1, Ending.CLOSED),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\nanything", 1, Ending.TUNNEL),
        (b"GET / HTTP/1.1\r\n\r\n", 0, Ending.INVALID),
        (b"GET /" + b"a" * 8190, 0, Ending.INVALID),
        (POST + b"X: " + b"a" * 8190, 0, Ending.INVALID),
        (POST + b"X: y\r\n" * 128 + b"\r\n", 0, Ending.INVALID),
        (POST + b"X: y\r\n" * 127 + b"\r\n", 1, Ending.IDLE),
        (CHUNKED + b"0\r\n" + b"X: y\r\n" * 17, 0, Ending.INVALID),
        (CHUNKED + b"0\r\nX: y\r\n\r\n", 1, Ending.IDLE),
    ],
)
def test_messages_and_what_stands_after_them(data: bytes, messages: int, ending: Ending) -> None:
    reading = read(data)
    assert len(reading.messages) == messages
    assert reading.ending is ending


def test_a_message() -> None:
    [message] = read(CHUNKED + b"3;a=b\r\nabc\r\n1\r\nd\r\n0\r\nX:  y \r\n\r\n").messages
    assert (message.method, message.target, message.version) == ("POST", "/", (1, 1))
    assert message.fields == ((b"Host", b"a"), (b"Transfer-Encoding", b"chunked"))
    assert (message.body, message.trailers) == (b"abcd", ((b"X", b"y"),))


def test_where_a_host_is_missing() -> None:
    assert read(b"GET / HTTP/1.1\r\n\r\n" + GET, needs_host=False).hostless == [14]
    assert read(b"GET / HTTP/1.0\r\n\r\n", needs_host=False).hostless == []
    assert read(b"GET / HTTP/1.1\nX: y\n\n", needs_host=False).hostless == [14]


@pytest.mark.parametrize("value", [b"", b"a", b"a:", b"a:1", b"[::1]:1", b"[v1.a:b]", b"%41", b"a_b~!"])
def test_a_host(value: bytes) -> None:
    assert is_host(value)


@pytest.mark.parametrize(
    "value",
    [b"a b", b"a:b", b"a:1:2", b"[::1", b"[::1]a", b"[a]", b"[::1%251]", b"%4", b"a@b", b"a/", b"\xe9"],
)
def test_no_host(value: bytes) -> None:
    assert not is_host(value)


def test_a_field_line() -> None:
    assert read_field_line(b"A:\t b c \t") == (b"A", b"b c")
    assert read_field_line(b"A:") == (b"A", b"")
    for line in (b" A: b", b"A", b"A : b", b": b", b"A: \x00", b"A: b\rc"):
        assert isinstance(read_field_line(line), str)


READ_GET = Read("GET", "/", b"")


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (GET, Outcome((READ_GET,))),
        (GET[:-1], Outcome()),
        (GET.replace(b"1.1", b"1.0"), Outcome((READ_GET,), is_open=False)),
        (GET + b"x\r\n\r\n", Outcome((READ_GET,), 400, False)),
        (b"x\r\n", Outcome()),
        (b"x\r\n", Outcome((), 400, False)),
    ],
)
def test_a_server_that_reads_the_same(data: bytes, outcome: Outcome) -> None:
    assert compare(read(data), outcome) is None


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (GET, Outcome()),
        (GET, Outcome((READ_GET, READ_GET))),
        (GET, Outcome((Read("GET", "/", b"x"),))),
        (GET, Outcome((READ_GET,), 400, False)),
        (GET, Outcome((READ_GET,), is_open=False)),
        (GET[:-1], Outcome((READ_GET,))),
        (GET[:-1], Outcome((), 400, False)),
        (GET.replace(b"1.1", b"1.0"), Outcome((READ_GET,))),
        (GET + b"x\r\n\r\n", Outcome((READ_GET,))),
        (GET + b"x\r\n\r\n", Outcome((READ_GET,), is_open=False)),
        (b"x\r\n\r\n", Outcome((READ_GET,), 400, False)),
    ],
)
def test_a_server_that_reads_otherwise(data: bytes, outcome: Outcome) -> None:
    assert compare(read(data), outcome) is not None
