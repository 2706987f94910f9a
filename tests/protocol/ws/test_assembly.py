"""Text in pieces: refused where nothing that follows could make it UTF-8, and not before."""

from itertools import product

import pytest

from sketch.http.websocket import WebSocketError
from sketch.protocol.ws.assembly import Assembly
from tests.protocol.ws.reference import Fault, Utf8


def make_assembly(*, is_text: bool = True, decode_text: bool = True, limit: int = 1000) -> Assembly:
    return Assembly(is_text=is_text, decode_text=decode_text, limit=limit, inflater=None)


def is_refused(text: bytes) -> bool:
    assembly = make_assembly()
    try:
        assembly.add(text)
    except WebSocketError as error:
        assert error.code == 1007
        return True
    return False


def is_refused_by_the_table(text: bytes) -> bool:
    utf8 = Utf8()
    try:
        for byte in text:
            utf8.feed(byte)
    except Fault:
        return True
    return False


# At both ends of every range in the table of RFC 3629, section 4, and beyond them.
BYTES = [
    0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED,
    0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
]  # fmt: skip


def test_every_beginning_of_a_text() -> None:
    texts = [bytes(text) for text in product(range(256), repeat=2)]
    texts += [bytes(text) for text in product(BYTES, repeat=3)]
    texts += [bytes(text) for text in product((0xE1, 0xED, 0xF0, 0xF1, 0xF4), BYTES, BYTES, BYTES)]
    wrong = [text for text in texts if is_refused(text) != is_refused_by_the_table(text)]
    assert wrong == []


@pytest.mark.parametrize("text", ["aäb", "€€", "\U0001f600\U0010ffff", "\ufeff\ud7ff\ue000", "x" * 600])
@pytest.mark.parametrize("decode_text", [True, False])
def test_text_cut_anywhere(text: str, decode_text: bool) -> None:
    data = text.encode()
    for place in range(len(data)):
        assembly = make_assembly(decode_text=decode_text)
        for piece in (data[:place], b"", data[place : place + 1], data[place + 1 :]):
            assembly.add(piece)
        assert assembly.finish().data == (text if decode_text else data)
        assert assembly.size == assembly.raw == len(data)


@pytest.mark.parametrize("is_text", [True, False])
@pytest.mark.parametrize("count", [1, 255, 256, 257, 600, 100_000])
def test_many_pieces_are_held_as_few(is_text: bool, count: int) -> None:
    assembly = make_assembly(is_text=is_text)
    for number in range(count):
        assembly.add(b"%d" % (number % 10))
    assert len(assembly._pieces) <= 256 + count // 256
    data = (b"0123456789" * (count // 10 + 1))[:count]
    assert assembly.finish().data == (data.decode() if is_text else data)


def test_a_character_that_does_not_end() -> None:
    assembly = make_assembly()
    assembly.add(b"a\xe2\x82")
    with pytest.raises(WebSocketError, match="not UTF-8") as caught:
        assembly.finish()
    assert caught.value.code == 1007
