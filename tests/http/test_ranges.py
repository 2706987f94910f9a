"""Byte ranges: read, resolved against a size, and sent as one body, against a naive reference."""

from email.parser import BytesParser
from email.policy import HTTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.http.ranges import (
    GAP,
    MOST_PARTS,
    MOST_RANGES,
    ByteRange,
    Multipart,
    RangeNotSatisfiable,
    Spec,
    format_content_range,
    format_unsatisfied,
    parse_range,
    select,
)

# -- reading ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "specs"),
    [
        ("bytes=0-499", [(0, 499)]),
        ("bytes=500-", [(500, None)]),
        ("bytes=-500", [(None, 500)]),
        ("bytes=-0", [(None, 0)]),
        ("BYTES=0-0", [(0, 0)]),
        ("bytes=0-0,-1", [(0, 0), (None, 1)]),
        ("bytes= 0-999, 4500-5499, -1000 ", [(0, 999), (4500, 5499), (None, 1000)]),
        ("bytes=,0-1,,", [(0, 1)]),
        ("bytes=007-9", [(7, 9)]),
    ],
)
def test_ranges_are_read(value: str, specs: list[Spec]) -> None:
    assert parse_range(value) == specs


@pytest.mark.parametrize("value", ["items=0-1", "seconds=1.0-2.0", "none=", "byte=0-1"])
def test_other_units_are_ignored(value: str) -> None:
    assert parse_range(value) is None


@pytest.mark.parametrize(
    "value",
    [
        "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=a-b", "bytes=1", "bytes=5-4", "bytes=0-1,5-4",
        "bytes=0-1;2-3", "bytes=--1", "bytes=1-2-3", "bytes=+1-2", "bytes=0x1-2", "bytes=\u0661-\u0662",
        "bytes=1.0-2", "bytes=0-1 2-3", "",
    ],
)  # fmt: skip
def test_what_is_no_set_of_ranges(value: str) -> None:
    with pytest.raises(RangeNotSatisfiable):
        parse_range(value)


def test_a_position_of_thousands_of_digits_is_beyond_everything() -> None:
    digits = "9" * 8000
    specs = parse_range(f"bytes=5-{digits}")
    assert specs is not None and select(specs, 10) == [ByteRange(5, 10)]
    beyond = parse_range(f"bytes={digits}-{digits}")
    assert beyond is not None
    with pytest.raises(RangeNotSatisfiable):
        select(beyond, 10)


def test_a_flood_of_ranges_is_refused() -> None:
    most = "bytes=" + ",".join(["0-"] * MOST_RANGES)
    specs = parse_range(most)
    assert specs is not None and select(specs, 1000) == [ByteRange(0, 1000)]
    with pytest.raises(RangeNotSatisfiable):
        parse_range(most + ",0-")


def test_a_flood_of_parts_is_refused() -> None:
    distance = GAP + 2
    specs: list[Spec] = [(start, start) for start in range(0, distance * MOST_PARTS, distance)]
    assert len(select(specs, 10**6)) == MOST_PARTS
    with pytest.raises(RangeNotSatisfiable):
        select([*specs, (distance * MOST_PARTS, None)], 10**6)


# -- resolving -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "size", "expected"),
    [
        ((0, 499), 10_000, (0, 500)),
        ((9500, None), 10_000, (9500, 10_000)),
        ((None, 500), 10_000, (9500, 10_000)),
        ((None, 20_000), 10_000, (0, 10_000)),
        ((9999, 20_000), 10_000, (9999, 10_000)),
        ((0, 0), 1, (0, 1)),
    ],
)
def test_one_range(spec: Spec, size: int, expected: tuple[int, int]) -> None:
    assert select([spec], size) == [expected]


@pytest.mark.parametrize(
    ("specs", "size"),
    [([(10, None)], 10), ([(10, 20), (30, 40)], 10), ([(None, 0)], 10), ([(0, 0)], 0), ([(None, 0)], 0)],
)
def test_nothing_is_within(specs: list[Spec], size: int) -> None:
    with pytest.raises(RangeNotSatisfiable):
        select(specs, size)


def test_the_end_of_nothing_is_all_of_it() -> None:
    """RFC 9110, section 14.1.2: the one form that an empty content satisfies."""
    assert select([(None, 5)], 0) == []
    assert select([(0, 1), (None, 5)], 0) == []


def test_ranges_stay_in_the_order_in_which_they_were_asked_for() -> None:
    specs: list[Spec] = [(5000, 5999), (0, 999), (None, 1000)]
    assert select(specs, 10_000) == [(5000, 6000), (0, 1000), (9000, 10_000)]


def test_ranges_that_touch_are_one_in_the_place_of_the_first() -> None:
    specs: list[Spec] = [(5000, 5999), (0, 999), (5500, 6500), (20_000, None), (1000, 1100), (6510, 6520)]
    assert select(specs, 10_000) == [(5000, 6521), (0, 1101)]


positions = st.integers(0, 600)
specs = st.lists(
    st.one_of(
        st.tuples(positions, st.none()),
        st.tuples(st.none(), positions),
        st.tuples(positions, positions).map(lambda pair: (min(pair), max(pair))),
    ),
    min_size=1,
    max_size=12,
)


def bytes_of(spec: Spec, size: int) -> set[int]:
    """RFC 9110, section 14.1.2, byte by byte."""
    first, last = spec
    if first is None:
        return set(range(size)[-last:]) if last else set()
    return {position for position in range(size) if position >= first and (last is None or position <= last)}


@given(specs, st.integers(0, 500))
def test_what_is_selected_is_what_was_asked_for(asked: list[Spec], size: int) -> None:
    wanted = [found for spec in asked if (found := bytes_of(spec, size))]
    try:
        selected = select(asked, size)
    except RangeNotSatisfiable:
        assert not wanted
        return
    if not selected:
        assert size == 0
        return
    sent = [set(range(start, stop)) for start, stop in selected]
    everything = set.union(*wanted)
    # All that was asked for, each byte once; what else is sent lies in gaps that are not worth a part.
    assert everything <= set.union(*sent)
    assert sum(map(len, sent)) == len(set.union(*sent))
    gaps = sorted(set.union(*sent) - everything)
    assert all(len(gap) <= GAP for gap in runs(gaps))
    bounds = sorted(selected)
    if len(asked) > 1:
        assert all(after.start > before.stop + GAP for before, after in zip(bounds, bounds[1:], strict=False))
    places = [min(place for place, found in enumerate(wanted) if found <= part) for part in sent]
    assert places == sorted(places)


def runs(positions: list[int]) -> list[list[int]]:
    found: list[list[int]] = []
    for position in positions:
        if found and found[-1][-1] == position - 1:
            found[-1].append(position)
        else:
            found.append([position])
    return found


@given(st.text())
def test_no_field_is_too_strange(text: str) -> None:
    for value in (text, f"bytes={text}"):
        try:
            found = parse_range(value)
        except RangeNotSatisfiable:
            continue
        assert found is None or found


# -- sending ---------------------------------------------------------------------------------------------


def test_content_range() -> None:
    assert format_content_range(ByteRange(0, 500), 1234) == "bytes 0-499/1234"
    assert format_unsatisfied(1234) == "bytes */1234"


BOUNDARY = "b0unda7y" * 4


@given(st.binary(min_size=500, max_size=2000), specs)
def test_several_ranges_as_one_body(content: bytes, asked: list[Spec]) -> None:
    try:
        ranges = select(asked, len(content))
    except RangeNotSatisfiable:
        return
    parts = Multipart(ranges, len(content), boundary=BOUNDARY, content_type="text/plain")
    body = b"".join([head + content[item.start : item.stop] for head, item in parts.parts()]) + parts.end
    assert len(body) == parts.length
    # RFC 2046, section 5.1.1: a delimiter is a line of its own, and has the line end before it.
    before, *between, after = (b"\r\n" + body).split(f"\r\n--{BOUNDARY}".encode())
    assert (before, after) == (b"", b"--\r\n")
    for part, item in zip(between, ranges, strict=True):
        head, _, piece = part.partition(b"\r\n\r\n")
        assert head.decode().split("\r\n") == [
            "",
            "Content-Type: text/plain",
            f"Content-Range: bytes {item.start}-{item.stop - 1}/{len(content)}",
        ]
        assert piece == content[item.start : item.stop]


def test_others_can_read_it() -> None:
    parts = Multipart(
        [ByteRange(0, 5), ByteRange(100, 103)],
        200,
        boundary=BOUNDARY,
        content_type="text/html; charset=utf-8",
    )
    body = b"".join([head + b"x" * item.size for head, item in parts.parts()]) + parts.end
    message = BytesParser(policy=HTTP).parsebytes(
        f"Content-Type: {parts.content_type}\r\n\r\n".encode() + body
    )
    assert message.get_content_type() == "multipart/byteranges" and not message.defects
    first, second = message.iter_parts()
    assert (first["Content-Range"], second["Content-Range"]) == ("bytes 0-4/200", "bytes 100-102/200")
    assert (first.get_content(), second.get_content()) == ("xxxxx", "xxx")
    assert first.get_content_type() == "text/html"
