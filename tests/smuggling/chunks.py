"""Attacks by the lines of a chunked body: sizes, extensions, line ends, the last chunk, trailers."""

from collections.abc import Iterator

from tests.smuggling.attack import INNER, Attack, Verdict, head, outer, visible

READ, REFUSED, EITHER = Verdict.READ, Verdict.REFUSED, Verdict.EITHER

Variants = Iterator[tuple[bytes, Verdict]]

CHUNKED = b"Transfer-Encoding: chunked"


def chunk_sizes() -> Iterator[Attack]:
    """Every form of a chunk-size line, for the first chunk and for a later one."""
    for size, verdict in (*_sizes(len(INNER)), *_sizes_of_overflow()):
        for before, place in ((b"", "first"), (b"3\r\nabc\r\n", "later")):
            body = before + size + b"\r\n" + INNER + b"\r\n0\r\n\r\n"
            content = (b"abc" if before else b"") + INNER
            yield _attack(f"size/{place}: {visible(size)}", body, verdict, content)


def _sizes(length: int) -> Variants:
    size = b"%x" % length
    # RFC 9112, section 7.1: hexadecimal digits; leading zeros, endless ones may be refused.
    for line in (size, size.upper(), b"0" + size, b"00000000" + size):
        yield line, READ
    yield b"0" * 40 + size, EITHER
    for prefix in (
        b"+",
        b"-",
        b"0x",
        b"0X",
        b"#",
        b"$",
        b" ",
        b"\t",
        b"_",
        b"\x00",
        b"\x0b",
        b"\xa0",
        b",",
        b'"',
    ):
        yield prefix + size, REFUSED
    for suffix in (
        b" ",
        b"\t",
        b"h",
        b"g",
        b"_0",
        b".0",
        b",",
        b":",
        b"\x00",
        b"\x0b",
        b"\x0c",
        b"\xa0",
        b" 5",
        b"x",
    ):
        yield size + suffix, REFUSED
    yield from ((line, REFUSED) for line in (b"", b" ", b"x", b"zz", b"e+1", "٢c".encode(), b"\xef\xbc\x92c"))
    yield from _extensions(size)


def _extensions(size: bytes) -> Variants:
    # RFC 9112, section 7.1.1, with the white space that is bad and still to be read.
    for extension in (
        b";a", b";a=b", b';a="b"', b';a="b;c=\\"d\\""', b";a;b;c", b" ;a", b"\t; a = b", b";a=1;b=2",
        b';a="\xe9"', b';a="0"',
    ):  # fmt: skip
        yield size + extension, READ
    for extension in (
        b";", b"; ", b";;", b";;a", b";=b", b";a=", b";a==b", b';a="b', b';a=b"', b";a b", b";a=b c",
        b";a\x00", b";a=\x00", b";a=\xe9", b";a\x0b", b";a=\x7f", b';a="\x00"', b";a/b", b";a ",
        b";a=b ", b';a="b"c', b",a", b";a\n", b";a=b\n0", b";a=b\n\n0", b';a="b\n"', b";a\r", b";a\rb",
        b";a=b\r0", b';a="b\r"', b";a\x85",
    ):  # fmt: skip
        yield size + extension, REFUSED
    # More than anybody needs may be refused (RFC 9112, section 7.1.1).
    yield size + b";a=" + b"b" * 300, EITHER
    yield size + b";a" * 200, EITHER


def _sizes_of_overflow() -> Variants:
    # To 64 bits or more, all of these are the size of what is there.
    for bits in (64, 128):
        yield b"%x" % (2**bits + len(INNER)), REFUSED
    yield b"f" * 17, REFUSED
    yield b"f" * 300, REFUSED


def line_ends_of_chunks() -> Iterator[Attack]:
    """Something else than CR LF at each place of a chunked body where it belongs."""
    size = b"%x" % len(INNER)
    places = (size, INNER, b"0", b"")
    names = ("size", "data", "last", "end")
    for number, name in enumerate(names):
        for end in (
            b"\n",
            b"\r",
            b"\r\r\n",
            b"\n\r",
            b"\n\n",
            b"\x0b",
            b"\x85",
            b" \r\n",
            b"\x00\r\n",
            b"x\r\n",
            b"",
        ):
            ends = [b"\r\n"] * 4
            ends[number] = end
            body = b"".join(part + own for part, own in zip(places, ends, strict=True))
            if name == "end" and not end:
                # What follows is then the last line end.
                continue
            yield _attack(f"chunk end/{name}: {visible(end)}", body, REFUSED)


def sizes_and_data() -> Iterator[Attack]:
    """Chunks that are longer or shorter than they say."""
    for difference in (-16, -2, -1, 1, 2, 3, 16):
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(INNER) + difference, INNER)
        yield _attack(f"chunk data/{difference:+}", body, REFUSED)


def last_chunks() -> Iterator[Attack]:
    """Every form of the last chunk; what is none makes the rest a chunk of the body, or nothing."""
    for last in (b"0", b"00", b"0000000000000000", b"0;a=b", b"0 ;a", b'0;a="0"'):
        yield _attack(f"last/{visible(last)}", _body(last), READ, INNER)
    yield _attack("last/forty zeros", _body(b"0" * 40), EITHER, INNER)
    for last in (
        b"-0",
        b"+0",
        b"0x0",
        b" 0",
        b"0 ",
        b"0\x00",
        b"0;",
        b"0_0",
        b"",
        b"O",
        b"0\xa0",
        b"0.0",
        b"0,",
    ):
        yield _attack(f"last/{visible(last)}", _body(last), REFUSED)


def _body(last: bytes) -> bytes:
    return b"%x\r\n%b\r\n%b\r\n\r\n" % (len(INNER), INNER, last)


def trailers() -> Iterator[Attack]:
    """Fields after the body: what is malformed is refused, what may not be there changes nothing."""
    for trailer in (
        b"X-Digest: 1", b"X-Digest:", b"X-Digest: \t1 ", b"X: 1\r\nY: 2", b"X_Y: 1", b"X: \xe9",
        b"Content_Length: 5",
    ):  # fmt: skip
        yield _attack(f"trailer: {visible(trailer)}", _with_trailer(trailer), READ, INNER)
    # RFC 9110, section 6.5.1: ignored, or the message refused; never obeyed.
    for trailer in (
        b"Content-Length: 44", b"Content-Length: 0", b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip", b"Host: other.example", b"Connection: close",
        b"Connection: upgrade\r\nUpgrade: h2c", b"Trailer: X", b"Authorization: Basic YTph",
        b"Cookie: a=b", b"Expect: 100-continue", b"Content-Encoding: gzip",
    ):  # fmt: skip
        yield _attack(f"trailer: {visible(trailer)}", _with_trailer(trailer), EITHER, INNER)
    for trailer in (
        b"X : 1", b" X: 1", b"\tX: 1", b"X: 1\r\n y", b"X", b": 1", b"X 1", b"X: \x00", b"X: \x0b",
        b"X: a\nY: b", b"X: a\rY: b", b"X\x00: 1", b"\xe9: 1", b"X: 1\n", b"GET /inner HTTP/1.1",
        b"X\r\n: 1", b"X;Y: 1", b"X: \x7f",
    ):  # fmt: skip
        yield _attack(f"trailer: {visible(trailer)}", _with_trailer(trailer), REFUSED)
    yield _attack("trailer: 40 fields", _with_trailer(b"\r\n".join([b"X: 1"] * 40)), EITHER, INNER)
    yield _attack("trailer: 10000 bytes", _with_trailer(b"X: " + b"1" * 10000), EITHER, INNER)


def _with_trailer(trailer: bytes) -> bytes:
    return b"%x\r\n%b\r\n0\r\n%b\r\n\r\n" % (len(INNER), INNER, trailer)


def _attack(name: str, body: bytes, verdict: Verdict, content: bytes = b"") -> Attack:
    reads = () if verdict is REFUSED else (outer(content),)
    return Attack(name, head(CHUNKED) + body, verdict, reads)
