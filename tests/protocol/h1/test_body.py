"""Bodies, cut out of a stream at any places: what they contain, where they end, what they may not have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.http.errors import RemoteProtocolError
from sketch.http.limits import DEFAULT_LIMITS, Limits
from sketch.protocol.h1.body import BodyDecoder, ChunkedBody, CountedBody
from tests.protocol.h1.transcript import cut

PLACES = st.lists(st.integers(1, 300), max_size=20)


def drain(decoder: BodyDecoder, wire: bytes, places: list[int]) -> tuple[bytes, bytes]:
    """The content, and what came after it."""
    content, rest = b"", b""
    for piece in cut(wire, places):
        if decoder.is_complete:
            rest += piece
        else:
            content += b"".join(decoder.feed(piece))
            rest += decoder.unread
    return content, rest


def chunks_of(pieces: list[bytes], extension: bytes = b"") -> bytes:
    """Content in chunks; empty pieces are left out, because the first empty chunk is the last one."""
    chunks = [b"%x%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in pieces if piece]
    return b"".join(chunks) + b"0\r\n"


def feed(wire: bytes, limits: Limits = DEFAULT_LIMITS) -> ChunkedBody:
    body = ChunkedBody(limits)
    body.feed(wire)
    return body


# -- counted ----------------------------------------------------------------------------------------------


@given(content=st.binary(min_size=1), rest=st.binary(), places=PLACES)
def test_a_counted_body_ends_where_it_was_said(content: bytes, rest: bytes, places: list[int]) -> None:
    body = CountedBody(len(content))
    assert not body.is_complete
    assert drain(body, content + rest, places) == (content, rest)
    assert body.is_complete
    assert body.trailers == []


def test_a_counted_body_is_not_copied_where_it_need_not_be() -> None:
    data = b"abc"
    assert CountedBody(3).feed(data)[0] is data
    assert CountedBody(5).feed(b"") == []


# -- chunked ----------------------------------------------------------------------------------------------


@given(
    pieces=st.lists(st.binary(max_size=40), max_size=10),
    extension=st.sampled_from([b"", b";a", b';a="b;\\"c"', b" ; a = b"]),
    trailers=st.lists(st.sampled_from([(b"A", b"b"), (b"C", b""), (b"D", b"e f")]), max_size=4),
    rest=st.binary(max_size=20),
    places=PLACES,
)
def test_chunks_contain_what_was_put_in(
    pieces: list[bytes],
    extension: bytes,
    trailers: list[tuple[bytes, bytes]],
    rest: bytes,
    places: list[int],
) -> None:
    lines = b"".join(b"%b: %b\r\n" % trailer for trailer in trailers)
    body = ChunkedBody(DEFAULT_LIMITS)
    wire = chunks_of(pieces, extension) + lines + b"\r\n" + rest
    assert drain(body, wire, places) == (b"".join(pieces), rest)
    assert body.is_complete
    assert body.trailers == trailers


def test_each_chunk_is_a_piece() -> None:
    assert ChunkedBody(DEFAULT_LIMITS).feed(chunks_of([b"abc", b"de"])) == [b"abc", b"de"]


@pytest.mark.parametrize("wire", [b"", b"0", b"0\r", b"0\r\n", b"0\r\n\r", b"1\r\nx\r\n", b"0\r\nA: b\r\n"])
def test_chunks_without_their_end_are_not_complete(wire: bytes) -> None:
    assert not feed(wire).is_complete


def test_values_of_trailers_have_no_white_space_around() -> None:
    assert feed(b"0\r\nA:\t b c \t\r\nB: \r\n\r\n").trailers == [(b"A", b"b c"), (b"B", b"")]


@pytest.mark.parametrize("name", [b"content-length", b"host", b"authorization", b"if-match"])
def test_trailers_that_would_change_the_message_are_dropped(name: bytes) -> None:
    body = feed(b"0\r\n%b: x\r\nKept: y\r\n%b: x\r\n\r\n" % (name, name.title()))
    assert body.trailers == [(b"Kept", b"y")]


@pytest.mark.parametrize("places", [[], list(range(40)), [3, 9]])
def test_what_came_before_a_fault_is_not_lost(places: list[int]) -> None:
    body = ChunkedBody(DEFAULT_LIMITS)
    pieces: list[bytes] = []
    with pytest.raises(RemoteProtocolError) as caught:
        for piece in cut(b"3\r\nabc\r\n4\r\ndefg\r\nx\r\n", places):
            pieces += body.feed(piece)
    assert b"".join([*pieces, *caught.value.pieces]) == b"abcdefg"


def test_a_size_may_have_sixteen_digits() -> None:
    body = ChunkedBody(DEFAULT_LIMITS)
    assert body.feed(b"f" * 16 + b"\r\nabc") == [b"abc"]
    assert not body.is_complete


@pytest.mark.parametrize("character", range(256))
def test_a_size_line_has_only_what_the_grammar_allows(character: int) -> None:
    octet = bytes([character])
    letters = bytes(range(65, 91)) + bytes(range(97, 123))
    text = b"\t" + bytes(range(32, 127)) + bytes(range(128, 256))
    for wire, allowed in [
        (b"%b\r\n" % octet, b"0123456789abcdefABCDEF"),
        (b"1%b\r\n" % octet, b"0123456789abcdefABCDEF"),
        (b"1;a%bb\r\n" % octet, b"!#$%&'*+-.^_`|~0123456789=;" + letters),
        (b'1;a="%b"\r\n' % octet, text.replace(b'"', b"").replace(b"\\", b"")),
        (b'1;a="\\%b"\r\n' % octet, text),
    ]:
        if octet in allowed:
            feed(wire)
        else:
            with pytest.raises(RemoteProtocolError) as caught:
                feed(wire)
            assert caught.value.status == 400


# -- limits -----------------------------------------------------------------------------------------------

SMALL = Limits(chunk_line=10, chunk_extensions=20, trailer_fields=2, trailers=20, field_line=15)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b"1;" + b"e" * 8 + b"\r\n", b"1;" + b"e" * 9 + b"\r\n"),
        (b"1;eeeeeeeee"[:10], b"1;eeeeeeeeeee"),
        ((b"1;eeee\r\nx\r\n") * 4, (b"1;eeee\r\nx\r\n") * 5),
        (b"0\r\nA:b\r\nA:b\r\n\r\n", b"0\r\nA:b\r\nA:b\r\nA:b\r\n\r\n"),
        (b"0\r\nTE:b\r\nTE:b\r\n\r\n", b"0\r\nTE:b\r\nTE:b\r\nTE:b\r\n\r\n"),
        (b"0\r\nA:" + b"b" * 13 + b"\r\n\r\n", b"0\r\nA:" + b"b" * 14 + b"\r\n\r\n"),
        (b"0\r\nA:" + b"b" * 10, b"0\r\nA:" + b"b" * 16),
        (b"0\r\nA:bbbbb\r\nA:bbbbbb\r\n", b"0\r\nA:bbbbb\r\nA:bbbbbbbbb\r\n"),
    ],
    ids=[
        "line",
        "unfinished line",
        "extensions",
        "trailers",
        "dropped trailers",
        "trailer",
        "unfinished trailer",
        "trailer bytes",
    ],
)
def test_limits(good: bytes, bad: bytes) -> None:
    feed(good, SMALL)
    with pytest.raises(RemoteProtocolError) as caught:
        feed(bad, SMALL)
    assert caught.value.status == 400
    body = ChunkedBody(SMALL)
    with pytest.raises(RemoteProtocolError):
        for index in range(len(bad)):
            body.feed(bad[index : index + 1])


def test_no_more_is_kept_than_a_line() -> None:
    body = ChunkedBody(DEFAULT_LIMITS)
    with pytest.raises(RemoteProtocolError):
        for _ in range(10000):
            body.feed(b"0")
    assert len(body._line) < DEFAULT_LIMITS.chunk_line + 2
