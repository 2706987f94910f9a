"""Events, written here and read as the HTML standard says (section 9.2.6)."""

from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.http.eventstream import KEEP_ALIVE, encode_comment, encode_event, encode_retry
from tests.eventreader import Event, read_events

HARMLESS_LINE = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]))


class Case(NamedTuple):
    """An event and its bytes."""

    arguments: dict[str, Any]
    encoded: bytes


@pytest.mark.parametrize(
    "case",
    [
        Case({"data": "hello"}, b"data: hello\n\n"),
        Case({"data": ""}, b"data: \n\n"),
        Case({"data": " "}, b"data:  \n\n"),
        Case({"data": "ü\0"}, "data: ü\0\n\n".encode()),
        Case({"data": "a\nb\r\nc\rd"}, b"data: a\ndata: b\ndata: c\ndata: d\n\n"),
        Case({"data": "a\n"}, b"data: a\ndata: \n\n"),
        Case({"data": "a\x0bb\x85c\u2028d"}, "data: a\x0bb\x85c\u2028d\n\n".encode()),
        Case({"data": "a", "event": "news"}, b"event: news\ndata: a\n\n"),
        Case({"data": "a", "id": "7"}, b"id: 7\ndata: a\n\n"),
        Case({"data": "a", "id": ""}, b"id: \ndata: a\n\n"),
        Case({"data": "a", "retry": 0}, b"retry: 0\ndata: a\n\n"),
    ],
)
def test_an_event(case: Case) -> None:
    assert encode_event(**case.arguments) == case.encoded


@given(st.text(st.characters(exclude_categories=["Cs"])), HARMLESS_LINE, HARMLESS_LINE)
def test_what_is_written_is_read(data: str, event: str, id: str) -> None:
    encoded = encode_event(data, event=event, id=id)
    expected = data.replace("\r\n", "\n").replace("\r", "\n")
    assert read_events(encoded) == [Event(expected, event or "message", id)]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_nothing_in_data_or_in_a_comment_begins_an_event(text: str) -> None:
    assert len(read_events(encode_event(text))) == 1
    assert read_events(encode_comment(text)) == []


@pytest.mark.parametrize("name", ["event", "id"])
@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\r\ndata: injected", "\0", "\n"])
def test_what_would_break_a_line_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"the {name} of an event is one line"):
        encode_event("data", **{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"data": b"bytes"}, "the data of an event is str, got b'bytes': encode it, or use send_json"),
        ({"data": {"a": 1}}, "the data of an event is str"),
        ({"data": "", "event": 1}, "the event of an event is str, got 1"),
        ({"data": "", "id": 7}, "the id of an event is str, got 7"),
        ({"data": "", "retry": 1.5}, "retry=1.5: write a whole number of milliseconds"),
        ({"data": "", "retry": True}, "retry=True"),
    ],
)
def test_other_types_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        encode_event(**arguments)


def test_retry() -> None:
    assert encode_retry(3000) == b"retry: 3000\n\n"
    assert read_events(encode_retry(3000)) == []
    with pytest.raises(ValueError, match=r"retry=-1: write a number of milliseconds, 0 or more"):
        encode_retry(-1)


def test_comments() -> None:
    assert encode_comment("") == b": \n\n"
    assert encode_comment("a\ndata: b") == b": a\n: data: b\n\n"
    assert read_events(KEEP_ALIVE) == []
