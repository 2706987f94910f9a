"""The engine as transcripts of bytes.

Every request of the corpus is fed whole, byte by byte, and at random places, with handlers that answer at
once and with handlers that take their time: what comes of it must always be the same.
"""

import gc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from sketch.http.heads import RequestHead, ResponseHead
from sketch.http.limits import Limits
from sketch.http_parser import HttpParser, check_beginning
from sketch.protocol.h1 import connection
from sketch.protocol.h1.body import ChunkedBody
from sketch.protocol.h1.connection import READING_BODY, H1Engine
from tests.protocol.h1.corpus import GOOD, Message, chunked, counted, get, head
from tests.protocol.h1.faults import BAD, Fault
from tests.protocol.h1.transcript import AUTOMATIC, Outcome, cut, engine_with, one_by_one, play, same

ALL = {name: b"".join(message.wire for message in case) for name, case in GOOD.items()}
ALL |= {name: fault.wire for name, fault in BAD.items()}
SHORT = sorted(name for name, wire in ALL.items() if len(wire) < 1000)


# -- what requests mean ---------------------------------------------------------------------------------


@pytest.mark.parametrize("case", GOOD.values(), ids=GOOD)
def test_good_requests_are_understood(case: tuple[Message, ...]) -> None:
    outcome = play([b"".join(message.wire for message in case)])
    assert outcome.error is None
    assert outcome.closes is not case[-1].keep_alive
    assert len(outcome.requests) == len(case)
    for seen, message in zip(outcome.requests, case, strict=True):
        assert seen.is_complete
        assert (seen.head.method, seen.head.target) == (message.method, message.target)
        assert seen.head.version == message.version
        assert [(name, value.strip(b" \t")) for name, value in seen.head.fields] == message.fields
        assert seen.body == message.body
        assert tuple(seen.trailers) == message.trailers
        assert seen.head.framing.keep_alive is message.keep_alive


@pytest.mark.parametrize("fault", BAD.values(), ids=BAD)
def test_bad_requests_are_refused(fault: Fault) -> None:
    outcome = play([fault.wire])
    assert outcome.status == fault.status
    assert sum(seen.is_complete for seen in outcome.requests) == fault.requests_before


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("lag", [0, 1, 50])
def test_bytes_one_by_one_mean_the_same(name: str, lag: int) -> None:
    wire = ALL[name]
    assert same(play([wire]), play(one_by_one(wire), lag=lag))


@pytest.mark.parametrize("name", SHORT)
def test_two_pieces_mean_the_same_wherever_they_are_cut(name: str) -> None:
    wire = ALL[name]
    whole = play([wire])
    for place in range(1, len(wire)):
        assert same(whole, play([wire[:place], wire[place:]])), place


@given(
    name=st.sampled_from(sorted(ALL)),
    places=st.lists(st.integers(1, 400) | st.integers(1, 70000), max_size=30),
    lag=st.integers(0, 4),
)
def test_pieces_mean_the_same_wherever_they_are_cut(name: str, places: list[int], lag: int) -> None:
    wire = ALL[name]
    assert same(play([wire]), play(cut(wire, places), lag=lag))


@given(
    names=st.lists(st.sampled_from(sorted(name for name in GOOD if GOOD[name][-1].keep_alive)), max_size=6),
    last=st.sampled_from(sorted(ALL)),
    places=st.lists(st.integers(1, 2000), max_size=30),
    lag=st.integers(0, 4),
)
def test_requests_do_not_change_those_after_them(
    names: list[str], last: str, places: list[int], lag: int
) -> None:
    """A client's requests one after the other mean what each of them means alone."""
    parser = HttpParser()
    wire = b"".join(ALL[name] for name in names) + ALL[last]
    together = play(cut(wire, places), parser=parser, lag=lag)
    apart = Outcome()
    for name in [*names, last]:
        alone = play([ALL[name]])
        apart = Outcome([*apart.requests, *alone.requests], alone.error, alone.closes)
    assert same(together, apart)


@pytest.mark.parametrize("name", SHORT)
def test_what_comes_after_the_last_request_is_not_read(name: str) -> None:
    last = get(b"Connection: close", keep_alive=False)
    outcome = play([last.wire + ALL[name]])
    assert len(outcome.requests) == 1
    assert outcome.error is None
    assert outcome.closes


def test_the_end_in_the_middle_of_a_head_is_no_error() -> None:
    outcome = play([b"GET / HTTP/1.1\r\nHost: a\r\n"])
    assert outcome.error is None
    assert outcome.requests == []


@given(
    method=st.sampled_from([b"GET", b"HEAD", b"BREW", b"get", b"CONNECT", b"P@ST"]),
    target=st.sampled_from([b"/", b"*", b"http://a/b", b"path", b"?a", b"//", b"a:80", b"/\xff", b"/ b"])
    | st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1).map(str.encode),
    version=st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"http/1.1"]),
    fields=st.sampled_from(
        [(), (b"Connection: keep-alive",), (b"Content-Length: 3",), (b"X" * 9000 + b": y",)]
    ),
    case=st.sampled_from(["repeated", "repeated as it was held", "repeated with more after it"]),
)
def test_a_head_that_repeats_the_fields_before_it_is_read_alike(
    method: bytes, target: bytes, version: bytes, fields: tuple[bytes, ...], case: str
) -> None:
    limits = Limits(field_line=10000)
    body = b"abc" if b"Content-Length: 3" in fields else b""
    first = head(b"GET / HTTP/1.1", *fields) + body
    again = head(b"%b %b %b" % (method, target, version), *fields) + body
    after = get().wire if case == "repeated with more after it" else b""
    alone = play([again + after], limits=limits)
    pieces = [first + again] if case == "repeated as it was held" else [first, again + after]
    together = play(pieces, limits=limits)
    del together.requests[0]
    assert same(alone, together)


@pytest.mark.parametrize("size", [999, 1000, 1001])
def test_a_head_that_repeats_the_fields_before_it_may_not_be_larger_than_others(size: int) -> None:
    limits = Limits(head=1000)
    first = head(b"GET / HTTP/1.1", *[b"X: " + b"y" * 90] * 9)
    again = first.replace(b"/", b"/" + b"a" * (size - len(first)), 1)
    outcome = play([first, again], limits=limits)
    assert (outcome.status, len(outcome.requests)) == ((None, 2) if size <= 1000 else (431, 1))


def kept(engine: H1Engine) -> int:
    """Bytes of messages that an engine holds, in whatever it holds them."""
    total, looked_at, waiting = 0, set(), [getattr(engine, name) for name in H1Engine.__slots__]
    while waiting:
        item = waiting.pop()
        if id(item) in looked_at or isinstance(item, type | HttpParser):
            continue
        looked_at.add(id(item))
        if isinstance(item, bytes | bytearray | str):
            total += len(item)
        elif isinstance(item, list | tuple | RequestHead | CIMultiDictProxy | CIMultiDict):
            waiting += gc.get_referents(item)
    return total


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (head(b"GET / HTTP/1.1", *[b"X: " + b"y" * 900] * 60), get().wire),
        (head(b"GET / HTTP/1.1", *[b"X: " + b"y" * 900] * 60),) * 2,
        (counted(b"z" * 200_000).wire,) * 2,
        (chunked(b"30d40\r\n" + b"z" * 200_000 + b"\r\n0\r\n\r\n", b"z" * 200_000).wire,) * 2,
        (get().wire, head(b"GET /" + b"a" * 8000 + b" HTTP/1.1")),
    ],
    ids=["a large head", "a large head again", "a large body", "a large body in chunks", "a long line"],
)
def test_an_idle_connection_keeps_little(first: bytes, second: bytes) -> None:
    """What it remembers for the next request is not what a peer likes."""
    engine = engine_with()
    for data in (first, second, first, second):
        request = engine.receive_head(data)
        assert request is not None
        _ = request.fields.decoded
        if engine.reading is READING_BODY:
            engine.receive_body(b"")
        engine.respond(ResponseHead(200, "OK"), b"", AUTOMATIC)
        assert engine.next_cycle()
        del request
        assert kept(engine) < 20_000


def test_a_packet_with_more_in_it_is_not_taken_for_a_head() -> None:
    """The same packet again, of two requests, after a head with the same fields."""
    wire = get().wire
    outcome = play([wire, wire + wire, wire + wire, wire, wire + wire[:9], wire[9:], wire])
    assert len(outcome.requests) == 9
    assert outcome.status is None


def test_the_trailers_are_those_of_the_current_request() -> None:
    first = chunked(b"0\r\nX-A: b\r\n\r\n", b"", trailers=((b"X-A", b"b"),))
    outcome = play([first.wire + get().wire])
    assert [seen.trailers for seen in outcome.requests] == [[(b"X-A", b"b")], []]


def test_a_small_head_may_have_small_limits() -> None:
    limits = Limits(request_line=40, field_line=30, fields=3, head=100)
    assert play([head(b"GET / HTTP/1.1")], limits=limits).error is None
    for wire, status in [
        (head(b"GET /" + b"a" * 40 + b" HTTP/1.1"), 414),
        (head(b"GET / HTTP/1.1", b"X: " + b"y" * 40), 431),
        (head(b"GET / HTTP/1.1", b"X: y", b"X: y", b"X: y"), 431),
        (head(b"GET / HTTP/1.1", *[b"X: " + b"y" * 20] * 3), 431),
    ]:
        outcome = play([wire], limits=limits)
        assert outcome.status == status
        assert same(outcome, play(one_by_one(wire), limits=limits))


def test_a_request_line_may_be_as_long_as_a_head() -> None:
    limits = Limits(request_line=1000, head=100)
    for size in range(60, 130):
        wire = head(b"GET /" + b"a" * size + b" HTTP/1.1")
        assert same(play([wire], limits=limits), play(one_by_one(wire), limits=limits))


# -- an empty line before a head --------------------------------------------------------------------------


def test_an_empty_line_is_not_held() -> None:
    engine = engine_with()
    assert engine.receive_head(b"\r") is None
    assert engine.held == 1
    assert engine.receive_head(b"\n") is None
    assert engine.held == 0
    assert engine.is_between_requests
    assert engine.receive_head(b"G") is None
    assert engine.held == 1
    assert not engine.is_between_requests


# -- work is proportional to what comes ------------------------------------------------------------------


class Counting(bytearray):
    """A buffer that counts the bytes that are looked at or copied."""

    touched = 0

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        Counting.touched += len(self)

    def __getitem__(self, key: Any) -> Any:
        value = super().__getitem__(key)
        Counting.touched += len(value) if isinstance(key, slice) else 1
        return value

    def __bytes__(self) -> bytes:
        Counting.touched += len(self)
        return bytes(memoryview(self))

    def __iadd__(self, value: Any) -> "Counting":  # type: ignore[misc]
        Counting.touched += len(value)
        super().__iadd__(value)
        return self

    def find(self, sub: Any, start: Any = 0, end: Any = None) -> int:
        stop = len(self) if end is None else min(end, len(self))
        found = super().find(sub, start, stop)
        Counting.touched += (stop if found < 0 else found) - start
        return found


@pytest.fixture
def count_touched(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[bytes]], int]:
    """How many bytes the engine touches for the pieces that it is fed."""

    def check_counting(data: bytes | bytearray, limits: Limits, *, begin: int = 0, scanned: int = 0) -> None:
        Counting.touched += len(data) - scanned
        check_beginning(data, limits, begin=begin, scanned=scanned)

    monkeypatch.setattr(connection, "bytearray", Counting, raising=False)
    monkeypatch.setattr(connection, "check_beginning", check_counting)

    def count(pieces: list[bytes]) -> int:
        Counting.touched = 0
        assert play(pieces).error is None
        return Counting.touched

    return count


def test_a_head_that_comes_byte_by_byte_is_not_copied_again_and_again(
    count_touched: Callable[[list[bytes]], int],
) -> None:
    wire = head(b"GET / HTTP/1.1", *[b"X: " + b"y" * 8000] * 8)
    touched = count_touched(list(one_by_one(wire)))
    assert len(wire) < touched < 40 * len(wire)


def test_heads_that_come_together_are_not_copied_again_and_again(
    count_touched: Callable[[list[bytes]], int],
) -> None:
    wire = get().wire * 3000
    touched = count_touched([wire])
    assert len(wire) < touched < 10 * len(wire)


@pytest.mark.parametrize(
    "message",
    [counted(b"abc"), chunked(b"1\r\nx\r\n2\r\nyz\r\n0\r\n\r\n", b"xyz")],
    ids=["counted", "chunked"],
)
def test_bodies_that_come_together_are_not_copied_again_and_again(
    message: Message, count_touched: Callable[[list[bytes]], int]
) -> None:
    few, many = count_touched([message.wire * 1000]), count_touched([message.wire * 2000])
    assert 0 < many < 2.2 * few


def test_small_chunks_are_not_copied_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    fed = 0
    feed = ChunkedBody.feed

    def feed_counting(self: ChunkedBody, data: bytes) -> list[bytes]:
        nonlocal fed
        fed += len(self._line) + len(data)
        return feed(self, data)

    monkeypatch.setattr(ChunkedBody, "feed", feed_counting)
    wire = chunked(b"1\r\nx\r\n" * 20000 + b"0\r\n\r\n", b"x" * 20000).wire
    assert play(one_by_one(wire)).requests[0].body == b"x" * 20000
    assert len(wire) / 2 < fed < 3 * len(wire)


def test_a_body_that_came_with_its_head_is_handed_over_in_few_pieces() -> None:
    body = bytes(range(256)) * 400
    outcome = play([counted(body).wire])
    assert outcome.requests[0].body == body
    assert len(outcome.requests[0].pieces) < 8
