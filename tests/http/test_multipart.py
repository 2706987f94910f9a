"""Multipart bodies as transcripts: whole, byte by byte, and cut anywhere, against a reference that has the
whole body in its hands."""

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from sketch.http.errors import LocalProtocolError
from sketch.http.multipart import (
    FIELDS,
    HEAD,
    PADDING,
    PREAMBLE,
    Mark,
    MultipartError,
    MultipartParser,
    PartHead,
    TooManyParts,
    read_boundary,
)

Part = tuple[list[tuple[str, str]], bytes]
Parts = list[Part]


def parse(pieces: Iterable[bytes], boundary: bytes = b"b", **options: Any) -> Parts | str:
    """The parts of a body, or what is wrong with it."""
    parser = MultipartParser(boundary, **options)
    parts: Parts = []
    open_parts = 0
    try:
        for piece in [*pieces, None]:
            if piece is None:
                parser.finish()
            else:
                parser.feed(piece)
            while (event := parser.next_event()) not in (None, Mark.END):
                if isinstance(event, PartHead):
                    assert open_parts == 0
                    open_parts += 1
                    parts.append((list(event.fields.items()), b""))
                elif isinstance(event, bytes):
                    assert event and open_parts
                    fields, data = parts[-1]
                    parts[-1] = (fields, data + event)
                else:
                    assert event is Mark.PART_END and open_parts
                    open_parts -= 1
        assert parser.next_event() is Mark.END
    except MultipartError as error:
        return str(error)
    assert open_parts == 0
    return parts


def in_bytes(body: bytes) -> list[bytes]:
    return [bytes([octet]) for octet in body]


TRANSCRIPTS: dict[str, tuple[bytes, Parts]] = {
    "one part": (b"--b\r\nA: b\r\n\r\ndata\r\n--b--\r\n", [([("A", "b")], b"data")]),
    "no line end after the last boundary": (b"--b\r\n\r\ndata\r\n--b--", [([], b"data")]),
    "no part": (b"--b--\r\n", []),
    "two parts": (b"--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--", [([], b"one"), ([], b"two")]),
    "an empty part": (b"--b\r\n\r\n\r\n--b--", [([], b"")]),
    "a head and nothing else": (b"--b\r\nA: b\r\n\r\n--b--", [([("A", "b")], b"")]),
    "nothing at all": (b"--b\r\n\r\n--b--", [([], b"")]),
    "a line end as data": (b"--b\r\n\r\n\r\n\r\n--b--", [([], b"\r\n")]),
    "a preamble": (b"This is\r\nmultipart\r\n--b\r\n\r\nx\r\n--b--", [([], b"x")]),
    "a preamble that is no boundary": (b"--a\r\n -\r\n--b\r\n\r\nx\r\n--b--", [([], b"x")]),
    "an empty line before": (b"\r\n--b\r\n\r\nx\r\n--b--", [([], b"x")]),
    "an epilogue": (b"--b\r\n\r\nx\r\n--b--\r\nepilogue\r\n--b\r\n\r\n--b--", [([], b"x")]),
    "padding": (b"--b \t\r\n\r\nx\r\n--b\t\r\n\r\ny\r\n--b-- \r\n", [([], b"x"), ([], b"y")]),
    "beginnings of boundaries": (
        b"--b\r\n\r\n\r\r\n-\r\n--\r--b\n--b\r\n--b--",
        [([], b"\r\r\n-\r\n--\r--b\n--b")],
    ),
    "several fields": (
        b"--b\r\nA: 1\r\na:2\r\nB:  3 \r\nC:\r\n\r\nx\r\n--b--",
        [([("A", "1"), ("a", "2"), ("B", "3"), ("C", "")], b"x")],
    ),
    "folded fields": (
        b"--b\r\nA: 1;\r\n b=2\r\n\tc\r\nB: 3\r\n\r\nx\r\n--b--",
        [([("A", "1; b=2\tc"), ("B", "3")], b"x")],
    ),
    "other than ASCII": (
        "--b\r\nA: ü\r\n\r\nü\r\n--b--".encode(), [([("A", "ü")], "ü".encode())]
    ),
    "no UTF-8": (b"--b\r\nA: \xff\r\n\r\nx\r\n--b--", [([("A", "\udcff")], b"x")]),
    "null bytes": (b"--b\r\n\r\n\0\0\r\n--b--", [([], b"\0\0")]),
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_transcripts(name: str) -> None:
    body, parts = TRANSCRIPTS[name]
    assert parse([body]) == parts
    assert parse(in_bytes(body)) == parts
    for cut in range(len(body)):
        assert parse([body[:cut], body[cut:]]) == parts


BAD: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "before its first boundary"),
    "another boundary": (b"--c\r\n\r\nx\r\n--c--\r\n", "before its first boundary"),
    "a boundary in the middle of a line": (b"x--b\r\n\r\nx", "before its first boundary"),
    "no last boundary": (b"--b\r\n\r\nx\r\n", "before its last boundary"),
    "cut in the data": (b"--b\r\n\r\nx", "before its last boundary"),
    "cut in the head": (b"--b\r\nA: b\r\n", "before its last boundary"),
    "cut after a boundary": (b"--b\r\n\r\nx\r\n--b", "before its last boundary"),
    "cut in the last boundary": (b"--b\r\n\r\nx\r\n--b-", "before its last boundary"),
    "no hyphens after the last one": (b"--b\r\n\r\nx\r\n--b\r\n", "before its last boundary"),
    "a longer boundary": (b"--b\r\n\r\nx\r\n--bc\r\n\r\n--b--", "something behind it"),
    "a longer last boundary": (b"--b\r\n\r\nx\r\n--b--c\r\n", "something behind it"),
    "three hyphens": (b"--b\r\n\r\nx\r\n--b---\r\n", "something behind it"),
    "one hyphen": (b"--b\r\n\r\nx\r\n--b-\r\n\r\n", "something behind it"),
    "a bare line feed": (b"--b\n\nx\r\n--b--\r\n", "something behind it"),
    "a bare line feed after the last one": (b"--b\r\n\r\nx\r\n--b--\n", "before its last boundary"),
    "hyphens after padding": (b"--b\r\n\r\nx\r\n--b --\r\n", "something behind it"),
    "no field": (b"--b\r\nnonsense\r\n\r\nx\r\n--b--", "not a header field"),
    "no name": (b"--b\r\n: x\r\n\r\nx\r\n--b--", "not a header field"),
    "white space before the colon": (b"--b\r\nA : x\r\n\r\nx\r\n--b--", "not a header field"),
    "a bare line feed in a field": (b"--b\r\nA: x\nB: y\r\n\r\nx\r\n--b--", "not a header field"),
    "a bare carriage return in a field": (b"--b\r\nA: x\rB: y\r\n\r\nx\r\n--b--", "not a header field"),
    "NUL in a field": (b"--b\r\nA: x\0\r\n\r\nx\r\n--b--", "not a header field"),
    "a folded first line": (b"--b\r\n A: x\r\n\r\nx\r\n--b--", "not a header field"),
    "a boundary that could be a field": (b"--b\r\n--bA: x\r\n\r\n--b--\r\n\r\n", "has a boundary in it"),
    "a boundary in a head": (b"--b\r\nA: x\r\n--b--\r\n\r\n", "has a boundary in it"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_bodies(name: str) -> None:
    body, message = BAD[name]
    answer = parse([body])
    assert isinstance(answer, str) and message in answer
    assert parse(in_bytes(body)) == answer
    for cut in range(len(body)):
        assert parse([body[:cut], body[cut:]]) == answer


def test_what_is_after_the_end_is_ignored() -> None:
    parser = MultipartParser(b"b")
    parser.feed(b"--b--\r\nepilogue")
    assert parser.next_event() is Mark.END
    parser.feed(b"more")
    parser.finish()
    assert parser.next_event() is Mark.END


def test_inside_of_a_part() -> None:
    for body, data in (
        (b"x\r\n--b--", b"x"),
        (b"--b--", b""),
        (b"\r\n--b--", b""),
        (b"\n--b\r\n--b--", b"\n--b"),
    ):
        for pieces in ([body], in_bytes(body)):
            parser = MultipartParser(b"b", is_inside=True)
            seen = b""
            events: list[object] = []
            for piece in pieces:
                parser.feed(piece)
                while (event := parser.next_event()) is not None and event is not Mark.END:
                    if isinstance(event, bytes):
                        seen += event
                    else:
                        events.append(event)
            parser.finish()
            assert (seen, events) == (data, [Mark.PART_END])
            assert parser.next_event() is Mark.END


def test_a_piece_is_used_up_before_the_next_one() -> None:
    parser = MultipartParser(b"b")
    parser.feed(b"--b\r\n\r\nx")
    with pytest.raises(LocalProtocolError, match="used up"):
        parser.feed(b"y")


# -- the reference ---------------------------------------------------------------------------------------


def refer(body: bytes, boundary: bytes = b"b") -> Parts | None:
    """The parts of a body by its grammar (RFC 2046, section 5.1.1); ``None`` for what is none."""
    delimiter = b"\r\n--" + boundary
    _, *rest = (b"\r\n" + body).split(delimiter)
    parts: Parts = []
    for text in rest:
        if re.fullmatch(rb"--[ \t]*(\r\n.*)?", text, re.DOTALL):
            return parts
        line, end, part = text.partition(b"\r\n")
        if not end or line.strip(b" \t"):
            return None
        head, end, data = (b"\r\n" + part).partition(b"\r\n\r\n")
        if not end:
            # The line end before the boundary is also that of the empty line.
            head, end, data = (b"\r\n" + part + b"\r\n").partition(b"\r\n\r\n")
            if not end:
                return None
        pairs = [line.partition(b":") for line in head[2:].split(b"\r\n") if head[2:]]
        if any(re.fullmatch(rb"[-A-Za-z]+:[^\r\n]*", b"".join(pair)) is None for pair in pairs):
            return None
        parts.append(([(name.decode(), value.strip().decode()) for name, _, value in pairs], data))
    return None


WORDS = st.sampled_from([
    b"--b", b"\r\n--b", b"\r\n--b\r\n", b"\r\n--b--", b"\r\n", b"\r", b"\n", b"-", b"--", b"b", b" ", b"A: b",
    b"\r\n\r\n", b"A:", b"text", b"\r\n--b\r\n\r\n",
])  # fmt: skip


@st.composite
def cut_bodies(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """A body that looks like one, and the same in pieces."""
    body = b"".join(draw(st.lists(WORDS, max_size=16)))
    if draw(st.booleans()):
        body = b"--b\r\n" + body + b"\r\n--b--"
    cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=8)))
    return body, [body[start:end] for start, end in pairwise([0, *cuts, len(body)])]


@given(cut_bodies())
@example((b"--b\r\n\r\n\r\n--b--", [b"--b\r\n\r\n", b"\r\n--b--"]))
@example((b"--b\r\n\r\n--b--", [b"--b\r\n\r\n", b"--b--"]))
@example((b"--b\r\n\r\n\r", [b"--b\r\n\r\n\r", b""]))
def test_as_the_reference_says(case: tuple[bytes, list[bytes]]) -> None:
    body, pieces = case
    whole = parse([body])
    expected = refer(body)
    assert (None if isinstance(whole, str) else whole) == expected
    assert parse(pieces) == whole
    assert parse(in_bytes(body)) == whole


@given(st.binary(max_size=60), st.binary(min_size=1, max_size=4), st.integers(1, 70))
def test_garbage_is_an_error_and_nothing_else(body: bytes, more: bytes, size: int) -> None:
    for each in (body, b"--b\r\n" + body, b"--b\r\n\r\n" + body + b"\r\n--b--", more * 20_000):
        answer = parse([each[at : at + size * 300] for at in range(0, len(each), size * 300)])
        assert isinstance(answer, str | list)


BOUNDARIES = st.text("ab'()+_,-./:=?", min_size=1, max_size=70)


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(1, 50), BOUNDARIES)
def test_what_is_put_together_comes_apart(datas: list[bytes], size: int, boundary: str) -> None:
    edge = boundary.encode()
    assume(not any(b"\r\n--" + edge in b"\r\n" + data for data in datas))
    body = b"".join(
        b"--%b\r\nX: %d\r\n\r\n%b\r\n" % (edge, number, data) for number, data in enumerate(datas)
    )
    body += b"--" + edge + b"--\r\n"
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    assert parse(pieces, edge) == [([("X", str(number))], data) for number, data in enumerate(datas)]


# -- limits ----------------------------------------------------------------------------------------------


def check_limit(taken: bytes, refused: bytes, message: str, **options: Any) -> None:
    """A body that is just taken, and one that is just not, in any pieces."""
    for size in (len(refused), 1000, 1):
        assert isinstance(
            parse([taken[at : at + size] for at in range(0, len(taken), size)], **options), list
        )
        answer = parse([refused[at : at + size] for at in range(0, len(refused), size)], **options)
        assert isinstance(answer, str) and message in answer


def test_the_preamble_is_bounded() -> None:
    rest = b"\r\n--b--"
    check_limit(b"x" * PREAMBLE + rest, b"x" * (PREAMBLE + 1) + rest, "could not find the starting boundary")
    assert isinstance(parse([b"x" * (PREAMBLE + 100)]), str)


def test_padding_is_bounded() -> None:
    for before, after in ((b"--b", b"\r\n\r\nx\r\n--b--"), (b"--b--", b"\r\n")):
        check_limit(
            before + b" " * PADDING + after, before + b" " * (PADDING + 1) + after, "something behind it"
        )


def test_a_line_without_an_end_is_refused_early() -> None:
    parser = MultipartParser(b"b")
    parser.feed(b"--b" + b" " * 1000)
    with pytest.raises(MultipartError, match="something behind it"):
        parser.next_event()


def test_the_head_of_a_part_is_bounded() -> None:
    def body(size: int) -> bytes:
        line = b"X: " + b"x" * 3995 + b"\r\n"
        fields = line * (size // len(line))
        last = b"Y: " + b"y" * (size - len(fields) - 3)
        assert len(fields + last) == size
        return b"--b\r\n" + fields + last + b"\r\n\r\n\r\n--b--"

    check_limit(body(HEAD), body(HEAD + 1), "the head of a part has more than")


def test_a_head_without_an_end_is_refused_early() -> None:
    parser = MultipartParser(b"b")
    parser.feed(b"--b\r\n")
    parser.next_event()
    with pytest.raises(MultipartError, match="the head of a part"):
        for _ in range(HEAD):
            parser.feed(b"X: " + b"x" * 1000 + b"\r\n")
            parser.next_event()


def test_the_fields_of_a_part_are_counted() -> None:
    def body(count: int) -> bytes:
        return b"--b\r\n" + b"X: y\r\n" * count + b"\r\n\r\n--b--"

    check_limit(body(FIELDS), body(FIELDS + 1), "more than 128 header fields")
    check_limit(body(2), body(3), "more than 2 header fields", max_fields=2)


def test_a_field_is_bounded() -> None:
    def body(size: int) -> bytes:
        return b"--b\r\nX: " + b"y" * (size - 3) + b"\r\n\r\n\r\n--b--"

    check_limit(body(8190), body(8191), "has more than 8190 bytes")
    check_limit(body(10), body(11), "has more than 10 bytes", max_field_size=10)
    folded = b"--b\r\nX: y\r\n " + b"z" * 10 + b"\r\n\r\n\r\n--b--"
    assert isinstance(parse([folded], max_field_size=10), str)


def test_parts_are_counted() -> None:
    def body(count: int) -> bytes:
        return b"--b\r\n\r\n\r\n" * count + b"--b--"

    check_limit(body(3), body(4), "more than 3 parts", max_parts=3)
    parser = MultipartParser(b"b", max_parts=1)
    parser.feed(body(2))
    with pytest.raises(TooManyParts):
        while parser.next_event() is not Mark.END:
            pass
    assert isinstance(parse([body(5000)]), list)


# -- the boundary ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('multipart/form-data; boundary="a b c"', b"a b c"),
        ("Multipart/Mixed; charset=x; BOUNDARY=abc", b"abc"),
        (
            "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
            b"----WebKitFormBoundary7MA4YWxkTrZu0gW",
        ),
        ('multipart/mixed; boundary="=_?:(),./\'+"', b"=_?:(),./'+"),
        ("multipart/form-data; boundary=" + "x" * 70, b"x" * 70),
    ],
)
def test_boundaries(content_type: str, boundary: bytes) -> None:
    assert read_boundary(content_type) == boundary


@pytest.mark.parametrize(
    ("content_type", "message"),
    [
        ("", "not a multipart type"),
        ("text/plain; boundary=a", "not a multipart type"),
        ("multipart/form-data", "boundary missed"),
        ("multipart/form-data; boundary=", "boundary missed"),
        ('multipart/form-data; boundary=""', "is not a boundary"),
        ('multipart/form-data; boundary="a "', "is not a boundary"),
        ('multipart/form-data; boundary="ü"', "is not a boundary"),
        ('multipart/form-data; boundary="a\tb"', "is not a boundary"),
        ("multipart/form-data; boundary=" + "x" * 71, "is not a boundary"),
        ("multipart/form-data; boundary=" + "x" * 100_000, "is not a boundary"),
    ],
)
def test_what_is_no_boundary(content_type: str, message: str) -> None:
    with pytest.raises(MultipartError, match=message) as caught:
        read_boundary(content_type)
    assert len(str(caught.value)) < 300


# -- cost ------------------------------------------------------------------------------------------------


class Counting(bytes):
    """Bytes that count how many of them were copied, or looked through, by the calls of the parser."""

    seen = 0

    def find(self, *args: Any) -> int:
        start = args[1] if len(args) > 1 else 0
        found = super().find(*args)
        end = min(args[2], len(self)) if len(args) > 2 else len(self)
        Counting.seen += max((end if found < 0 else found) - max(start, 0), 0)
        return found

    def __getitem__(self, key: Any) -> Any:
        taken = super().__getitem__(key)
        if isinstance(key, slice):
            Counting.seen += len(taken)
            return Counting(taken)
        return taken

    def __add__(self, other: Any) -> "Counting":
        Counting.seen += len(self) + len(other)
        return Counting(super().__add__(other))

    def __radd__(self, other: Any) -> "Counting":
        Counting.seen += len(self) + len(other)
        return Counting(other + bytes(self))


def cost(body: bytes, size: int) -> int:
    Counting.seen = 0
    parser = MultipartParser(b"b" * 70)
    try:
        for start in range(0, len(body), size):
            parser.feed(Counting(body[start : start + size]))
            while parser.next_event() not in (None, Mark.END):
                pass
    except MultipartError:
        pass
    return Counting.seen


EDGE = b"b" * 70
FLOODS: dict[str, tuple[bytes, bytes]] = {
    "parts": (b"", b"--" + EDGE + b"\r\n\r\n\r\n"),
    "parts with fields": (b"", b"--" + EDGE + b"\r\nA: b\r\n\r\nx\r\n"),
    "data": (b"--" + EDGE + b"\r\n\r\n", b"x"),
    "line ends": (b"--" + EDGE + b"\r\n\r\n", b"\r\n"),
    "carriage returns": (b"--" + EDGE + b"\r\n\r\n", b"\r"),
    "nearly boundaries": (b"--" + EDGE + b"\r\n\r\n", b"\r\n--" + EDGE[1:]),
}


@pytest.mark.parametrize("size", [1, 7, 4096, 10**6])
@pytest.mark.parametrize("name", FLOODS)
def test_twice_the_body_is_twice_the_work(name: str, size: int) -> None:
    start, unit = FLOODS[name]
    count = 20_000 // len(unit)
    once, twice = cost(start + unit * count, size), cost(start + unit * count * 2, size)
    assert 0 < twice < 2.3 * once
    # What is held is looked at again with every piece: a boundary's length for each at most.
    assert once < (len(start) + len(unit) * count) * (6 if size > 1000 else 6 * 80)


@pytest.mark.parametrize("size", [1, 100])
def test_a_head_that_comes_in_small_pieces_is_looked_through_once(size: int) -> None:
    start = b"--" + EDGE + b"\r\n"
    once, twice = (cost(start + b"X: y\r\n" * count, size) for count in (2000, 4000))
    assert twice < 2.3 * once + 1000


def test_data_is_handed_on_as_it_is() -> None:
    parser = MultipartParser(b"b")
    parser.feed(b"--b\r\n\r\n")
    assert isinstance(parser.next_event(), PartHead)
    assert parser.next_event() is None
    for piece in (b"x" * 100_000, b"y" * 5, b"\r\n-", b"\rz"):
        parser.feed(piece)
        assert parser.next_event() is not None or piece == b"\r\n-"
        assert parser.next_event() is None
    piece = bytes(100_000)
    parser.feed(piece)
    assert parser.next_event() is piece
