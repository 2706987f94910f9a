"""Field syntax: what passes, what is refused, and that nothing is lost on the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.http.headers import (
    check_field,
    check_text,
    decode_fields,
    is_token,
    quote_string,
    split_list,
    unquote_string,
)

CONTROLS = [chr(code) for code in (*range(9), *range(10, 32), 127)]
SENDABLE_TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.just("\t"))


def test_fields_keep_their_order_and_repetitions_and_lose_the_white_space_around_values() -> None:
    fields = decode_fields([(b"Host", b"a \t"), (b"X-B", b"\t b c"), (b"x-b", b""), (b"X-B", b"3")])
    assert list(fields.items()) == [("Host", "a"), ("X-B", "b c"), ("x-b", ""), ("X-B", "3")]
    assert fields.getall("x-B") == ["b c", "", "3"]


def test_only_space_and_tab_are_white_space() -> None:
    assert decode_fields([(b"A", b" \x0b\xc2\xa0x\x0c ")])["a"] == "\x0b\xa0x\x0c"


@given(st.lists(st.tuples(st.binary(), st.binary()), max_size=5))
def test_decoded_fields_can_be_turned_back_into_their_bytes(pairs: list[tuple[bytes, bytes]]) -> None:
    decoded = decode_fields(pairs)
    assert [
        (name.encode("utf-8", "surrogateescape"), value.encode("utf-8", "surrogateescape"))
        for name, value in decoded.items()
    ] == [(name, value.strip(b" \t")) for name, value in pairs]


def test_tokens() -> None:
    assert is_token("!#$%&'*+-.^_`|~0123456789abcXYZ")
    for text in ("", "a b", "a:", "a\n", "ü", "a,b", '"a"', "a/b", "a\x00", "(a)", "a=b", "a;b", "a@b"):
        assert not is_token(text), text


@pytest.mark.parametrize("value", ["", "x", "a\tb", "ü €", "\udc80\udcff", "\x85", "\xa0", " a "])
def test_values_that_may_be_sent(value: str) -> None:
    check_field("X-Name", value)
    check_text(value)
    value.encode("utf-8", "surrogateescape")


@pytest.mark.parametrize("character", [*CONTROLS, "\ud800", "\udc7f", "\udd00", "\udfff"])
def test_a_value_with_a_character_that_no_field_can_carry_is_refused_and_shown(character: str) -> None:
    value = f"fine {character} until here"
    with pytest.raises(ValueError) as caught:
        check_field("X-Name", value)
    assert repr(value) in str(caught.value)
    assert "X-Name" in str(caught.value)
    with pytest.raises(ValueError) as caught:
        check_text(value)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "a\r\nb", "a:", " a", "ü"])
def test_a_name_that_is_not_a_token_is_refused_and_shown(name: str) -> None:
    with pytest.raises(ValueError) as caught:
        check_field(name, "value")
    assert repr(name) in str(caught.value)


@given(st.text())
def test_what_the_check_lets_through_is_one_line_of_bytes(value: str) -> None:
    try:
        check_field("X-Name", value)
    except ValueError:
        return
    line = value.encode("utf-8", "surrogateescape")
    assert not set(line) & {0, 10, 13}


@pytest.mark.parametrize(
    ("value", "elements"),
    [
        ("", []),
        (" , ,\t,", []),
        ("a", ["a"]),
        ("a, b ,c", ["a", "b", "c"]),
        ('"a,b", c', ['"a,b"', "c"]),
        (r'"a\",b",c', [r'"a\",b"', "c"]),
        ('x="1,2";y=3,z', ['x="1,2";y=3', "z"]),
        ('a,"open, never closed', ["a", '"open, never closed']),
        ('"ends in a backslash\\', ['"ends in a backslash\\']),
        ('"a""b,c",d', ['"a""b,c"', "d"]),
        ('"\n,",b', ['"\n,"', "b"]),
    ],
)
def test_lists(value: str, elements: list[str]) -> None:
    assert split_list(value) == elements


@given(st.lists(SENDABLE_TEXT, max_size=6))
def test_a_list_of_quoted_strings_comes_back(texts: list[str]) -> None:
    assert [unquote_string(part) for part in split_list(", ".join(map(quote_string, texts)))] == texts


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("token", "token"),
        ("", ""),
        ('""', ""),
        ('"', ""),
        ('"a b"', "a b"),
        (r'"a\"b\\"', 'a"b\\'),
        (r'"never closed\"', 'never closed"'),
        ('"open', "open"),
    ],
)
def test_unquoting(text: str, said: str) -> None:
    assert unquote_string(text) == said


@pytest.mark.parametrize("character", CONTROLS)
def test_what_no_escape_makes_legal_is_not_quoted(character: str) -> None:
    with pytest.raises(ValueError):
        quote_string(f"a{character}b")


@pytest.mark.parametrize("piece", ['"', '\\"', '"\\', ',"', '",', "a", ' ,"\\"'])
@pytest.mark.timeout(60)
def test_splitting_takes_linear_time(piece: str) -> None:
    # Quadratic time would take minutes here; linear time takes well under a tenth of a second.
    elements = split_list('"' + piece * 300_000)
    assert all(elements)
