"""Which names are charsets, and that others are not even looked up."""

import codecs

import pytest

from sketch.http.charset import decode_text, find_codec


@pytest.mark.parametrize(
    "charset",
    [
        "utf-8",
        "UTF8",
        " utf-8 ",
        "ISO-8859-1",
        "latin1",
        "windows-1252",
        "utf-16",
        "UTF-8-SIG",
        "cp437",
        "cp850",
        "gb18030",
        "iso8859_15",
        "cp858",
    ],
)
def test_charsets(charset: str) -> None:
    assert decode_text("ü".encode(charset.strip()), charset) == "ü"
    assert decode_text(bytearray("ü".encode(charset.strip())), charset) == "ü"


@pytest.mark.parametrize(
    "charset", ["cp720", "cp737", "cp856", "cp874", "cp875", "cp1006", "koi8_t", "koi8-u"]
)
def test_charsets_without_another_name(charset: str) -> None:
    assert decode_text(b"\x41", charset) == b"\x41".decode(charset)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "nonsense",
        "x\0y",
        "ü",
        "uétf-8",
        "utf-8é",
        "../utf-8",
        "utf-8.x",
        "a" * 10_000,
        "punycode",
        "IDNA",
        "unicode-escape",
        "raw_unicode_escape",
        "undefined",
        "rot13",
        "zip",
        "bz2",
        "hex",
        "base64",
        "uu",
        "quopri",
        "mbcs",
        "charmap",
        "aliases",
    ],
)
def test_other_names(name: str) -> None:
    with pytest.raises(LookupError) as caught:
        decode_text(b"abc", name)
    assert len(str(caught.value)) < 300


def test_unknown_names_are_not_looked_up() -> None:
    """Python would keep each of them."""
    asked: list[str] = []

    def search(name: str) -> None:
        asked.append(name)

    codecs.register(search)
    try:
        with pytest.raises(LookupError):
            decode_text(b"abc", "one-of-many-names")
    finally:
        codecs.unregister(search)
    assert asked == []


@pytest.mark.parametrize("charset", [" utf-8 ", "UTF8", "iso8859--1", "cp720", "ISO_8859-1:1987"])
def test_codecs_have_names_that_python_knows(charset: str) -> None:
    assert b"\x41".decode(find_codec(charset)) == "A"


def test_bytes_of_another_charset() -> None:
    with pytest.raises(UnicodeDecodeError):
        decode_text(b"\xfc", "utf-8")
