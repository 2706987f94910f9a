"""Answers, read out of bytes that are cut anywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.testing.answers import LARGEST_HEAD, AnswerEnd, AnswerHead, AnswerReader, Event
from sketch.testing.errors import ClientPayloadError, InvalidAnswer, ServerDisconnectedError

OK = b"HTTP/1.1 200 OK\r\n"
COUNTED = OK + b"Content-Length: 5\r\n\r\nhello"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"
UNTIL_END = OK + b"\r\nhello"


def read(data: bytes, *, method: str = "GET", size: int | None = None, ends: bool = False) -> list[Event]:
    """The events in these bytes, brought ``size`` at a time; pieces of a body are put together."""
    reader = AnswerReader()
    events = reader.expect(method)
    step = size or len(data) or 1
    for start in range(0, len(data), step):
        events += reader.receive(data[start : start + step])
    if ends:
        events += reader.receive_end()
    joined: list[Event] = []
    for event in events:
        if isinstance(event, bytes) and joined and isinstance(joined[-1], bytes):
            joined[-1] += event
        else:
            joined.append(event)
    return joined


def summary(events: list[Event]) -> list[object]:
    return [event.status if isinstance(event, AnswerHead) else event for event in events]


ANSWERS = [
    (COUNTED, "GET", False, [200, b"hello", AnswerEnd()]),
    (CHUNKED, "GET", False, [200, b"hello", AnswerEnd(((b"X-Sum", b"1"),))]),
    (UNTIL_END, "GET", True, [200, b"hello", AnswerEnd()]),
    (OK + b"Content-Length: 5\r\n\r\n", "HEAD", False, [200, AnswerEnd()]),
    (OK + b"Content-Length: 0\r\n\r\n", "GET", False, [200, AnswerEnd()]),
    (b"HTTP/1.1 204 No Content\r\n\r\n", "GET", False, [204, AnswerEnd()]),
    (b"HTTP/1.1 304 \r\nContent-Length: 9\r\n\r\n", "GET", False, [304, AnswerEnd()]),
    (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + COUNTED,
        "GET",
        False,
        [103, 200, b"hello", AnswerEnd()],
    ),
    (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "GET", False, [101, AnswerEnd()]),
    (OK + b"\r\n", "CONNECT", False, [200, AnswerEnd()]),
]


@pytest.mark.parametrize(("data", "method", "ends", "expected"), ANSWERS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_answers_cut_anywhere(
    data: bytes, method: str, ends: bool, expected: list[object], size: int
) -> None:
    assert summary(read(data, method=method, size=size, ends=ends)) == expected


@given(st.binary(max_size=300), st.integers(1, 50), st.booleans())
def test_any_body(body: bytes, size: int, is_chunked: bool) -> None:
    if is_chunked:
        pieces = [body[start : start + size] for start in range(0, len(body), size)]
        framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        data = OK + b"Transfer-Encoding: chunked\r\n\r\n" + framed
    else:
        data = OK + b"Content-Length: %d\r\n\r\n" % len(body) + body
    events = read(data, size=size)
    assert b"".join(event for event in events if isinstance(event, bytes)) == body
    assert events[-1] == AnswerEnd()


@given(st.binary(max_size=200), st.integers(1, 20))
def test_garbage_is_an_answer_or_an_error(data: bytes, size: int) -> None:
    try:
        read(b"HTTP/1.1 " + data, size=size)
    except InvalidAnswer:
        pass


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
        OK + b"No colon\r\n\r\n",
        OK + b"Space : x\r\n\r\n",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nhello\r\n",
        OK + b"X: " + b"x" * LARGEST_HEAD,
    ],
)
def test_what_is_no_answer(data: bytes) -> None:
    with pytest.raises(InvalidAnswer):
        read(data)


def test_the_end_of_the_connection() -> None:
    with pytest.raises(ServerDisconnectedError):
        read(b"", ends=True)
    with pytest.raises(ServerDisconnectedError, match="HTTP/1.1 20"):
        read(b"HTTP/1.1 20", ends=True)
    with pytest.raises(ClientPayloadError):
        read(COUNTED[:-1], ends=True)
    with pytest.raises(ClientPayloadError):
        read(CHUNKED[:-2], ends=True)
    reader = AnswerReader()
    assert reader.receive_end() == []


@pytest.mark.parametrize(
    ("data", "can_continue"),
    [
        (COUNTED, True),
        (OK + b"Connection: x, Close\r\nContent-Length: 0\r\n\r\n", False),
        (COUNTED.replace(b"1.1", b"1.0"), False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", True),
        (UNTIL_END, False),
    ],
)
def test_whether_another_answer_may_follow(data: bytes, can_continue: bool) -> None:
    reader = AnswerReader()
    reader.expect("GET")
    reader.receive(data)
    assert reader.can_continue is can_continue


def test_answers_wait_to_be_expected() -> None:
    reader = AnswerReader()
    assert reader.receive(COUNTED + CHUNKED) == []
    assert summary(reader.expect("GET")) == [200, b"hello", AnswerEnd()]
    assert reader.held == CHUNKED
    assert summary(reader.expect("GET"))[0] == 200
    assert reader.held == b""


def test_what_comes_after_http() -> None:
    reader = AnswerReader()
    reader.expect("GET")
    reader.receive(b"HTTP/1.1 101 Switching Protocols\r\n\r\nab")
    reader.receive(b"cd")
    assert reader.is_tunnel and reader.held == b"abcd"
