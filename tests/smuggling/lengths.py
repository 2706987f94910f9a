"""Attacks by the fields that say how long a body is: each alone, both together, in every version."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.smuggling.attack import INNER, Attack, Verdict, chunked, head, inner, outer, visible

READ, REFUSED, EITHER = Verdict.READ, Verdict.REFUSED, Verdict.EITHER

SIZE = b"%d" % len(INNER)
"""The length of the body, in digits."""

_WRAPPED = (b"%d" % (2**64 + len(INNER)), b"%d" % (2**128 + len(INNER)))


@dataclass(frozen=True)
class Variant:
    """Field lines, and what they say of the body: ``verdict``, and whether they frame it at all."""

    lines: bytes
    verdict: Verdict
    frames: bool = True


def _lengths() -> Iterator[Variant]:
    size = SIZE
    # RFC 9110, section 8.6: digits, and white space around them.
    for value in (
        size,
        b" " + size,
        b"\t" + size,
        size + b" ",
        size + b"\t ",
        b"0" + size,
        b"000000000" + size,
    ):
        yield Variant(b"Content-Length:" + value, READ)
    yield Variant(b"CONTENT-LENGTH: " + size, READ)
    yield Variant(b"content-length: " + size, READ)
    # As many digits as nobody needs, and an identical repetition, may be refused (RFC 9112, section 6.3).
    yield Variant(b"Content-Length: " + b"0" * 30 + size, EITHER)
    yield Variant(b"Content-Length: %b\r\nContent-Length: %b" % (size, size), EITHER)
    yield Variant(b"Content-Length: %b, %b" % (size, size), EITHER)
    # Another field: there is no body, and what comes next is a request.
    for name in (
        b"Content_Length",
        b"X-Content-Length",
        b"Content-Lengt",
        b"ContentLength",
        b"Content-Length-",
    ):
        yield Variant(name + b": " + size, READ, frames=False)
    for value in _bad_values():
        yield Variant(b"Content-Length: " + value, REFUSED)
    for lines in (
        b"Content-Length : %b",
        b"Content-Length\t: %b",
        b" Content-Length: %b",
        b"Content-Length:\r\n %b",
        b"Content-Length:\n%b",
        b"Content-Length: \r%b",
        b"Content-Length\x00: %b",
        b"Content-Length\x0b: %b",
        b"\x0bContent-Length: %b",
        b"Content-Length\xa0: %b",
        b"Content Length: %b",
        b"Content-Length; %b",
        b"Content-Length %b",
        b"X: y\nContent-Length: %b",
        b"X: y\rContent-Length: %b",
        b"X: y\x00\r\nContent-Length: %b",
        b"X: y\r\n\tContent-Length: %b",
        b"Content-Length: 0\r\nContent-Length: %b",
        b"Content-Length: %b\r\nContent-Length: 0",
        b"Content-Length: %b\r\ncontent-length: 7",
        b"Content-Length: \r\nContent-Length: %b",
    ):
        yield Variant(lines % size, REFUSED)


def _bad_values() -> Iterator[bytes]:
    size = SIZE
    for prefix in (
        b"+",
        b"-",
        b"0x",
        b"0b",
        b"0o",
        b"_",
        b",",
        b";",
        b'"',
        b"\x00",
        b"\x0b",
        b"\x0c",
        b"\xa0",
    ):
        yield prefix + size
    for suffix in (b".0", b"e0", b"_", b";", b"u", b'"', b"\x00", b"\x0b", b"\x0c", b"\x85", b",", b" ,7"):
        yield size + suffix
    digits = size.decode()
    wide = "".join(chr(0xFF10 + int(digit)) for digit in digits).encode()
    arabic = "".join(chr(0x0660 + int(digit)) for digit in digits).encode()
    yield from (b"", b"0, " + size, size + b", 0", size + b" 0", b"4 2", b"4_2", hex(len(INNER)).encode())
    yield from (wide, arabic, b"\xb2", b"chunked", b"none", b"Infinity", *_WRAPPED)


def _codings() -> Iterator[Variant]:
    # RFC 9112, section 7: names of codings are case-insensitive; white space around them; RFC 9110, section
    # 5.6.1: empty items of a list are none.
    for value in (b"chunked", b" chunked", b"\tchunked", b"chunked ", b"Chunked", b"CHUNKED", b"cHuNkEd"):
        yield Variant(b"Transfer-Encoding:" + value, READ)
    for name in (b"transfer-encoding", b"TRANSFER-ENCODING"):
        yield Variant(name + b": chunked", READ)
    # A tab behind it is white space, too, but no client's: llhttp takes it for a part of the name.
    for value in (b"chunked\t", b", chunked", b"chunked,", b", ,chunked , "):
        yield Variant(b"Transfer-Encoding: " + value, EITHER)
    for name in (
        b"Transfer_Encoding",
        b"X-Transfer-Encoding",
        b"TransferEncoding",
        b"TE",
        b"Content-Encoding",
    ):
        yield Variant(name + b": chunked", READ, frames=False)
    for value in (
        b"", b",", b"xchunked", b"chunkedx", b"chunke", b"chunk", b"chun ked", b"chunked chunked",
        b"x chunked", b"chunked x", b"chunked;", b"chunked;q=1", b'"chunked"', b"'chunked'",
        b"chunked\x00", b"\x00chunked", b"\x0bchunked", b"chunked\x0b", b"chunked\x0c", b"\x0cchunked",
        b"\xa0chunked", b"chunked\xa0", b"\x85chunked", b"chunked\x85", b"\xef\xbb\xbfchunked",
        b"chun\xe2\x84\xaaed", b"chunked\\", b"[chunked]", b"chunked, chunked", b"chunked, identity",
        b"identity", b"identity, chunked", b"chunked, gzip", b"gzip", b"gzip, chunked", b"gzip;chunked",
        b"x, chunked", b"chunked:", b"chunked=1", b"none", b"0", b"5",
    ):  # fmt: skip
        yield Variant(b"Transfer-Encoding: " + value, REFUSED)
    for lines in (
        b"Transfer-Encoding : chunked",
        b"Transfer-Encoding\t: chunked",
        b" Transfer-Encoding: chunked",
        b"\tTransfer-Encoding: chunked",
        b"Transfer-Encoding:\r\n chunked",
        b"Transfer-Encoding: \r\n\tchunked",
        b"Transfer-Encoding:\nchunked",
        b"Transfer-Encoding\n: chunked",
        b"Transfer-Encoding\r\n: chunked",
        b"Transfer-Encoding: chunked\rX: y",
        b"Transfer-Encoding: chunked\nX: y",
        b"Transfer-Encoding\x00: chunked",
        b"Transfer-Encoding\x0b: chunked",
        b"\x00Transfer-Encoding: chunked",
        b"\xffTransfer-Encoding: chunked",
        b"Transfer-Encoding\xa0: chunked",
        b"Transfer Encoding: chunked",
        b"Transfer-Encoding chunked",
        b"Transfer-Encoding; chunked",
        b"X: y\nTransfer-Encoding: chunked",
        b"X: y\rTransfer-Encoding: chunked",
        b"X: y\n\rTransfer-Encoding: chunked",
        b"X: y\x00\r\nTransfer-Encoding: chunked",
        b": y\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\ntransfer-encoding: cow",
        b"Transfer-Encoding:\r\nTransfer-Encoding: cow",
    ):
        yield Variant(lines, REFUSED)


LENGTHS = tuple(_lengths())
CODINGS = tuple(_codings())


def content_length_alone() -> Iterator[Attack]:
    """Every form of Content-Length before a body that is a request, in three versions."""
    for variant in LENGTHS:
        for version in (b"1.1", b"1.0", b"1.2"):
            data = head(variant.lines, line=b"POST /outer HTTP/" + version) + INNER
            yield _framed(f"length/{version.decode()}", variant, data, closes=version == b"1.0")


def transfer_encoding_alone() -> Iterator[Attack]:
    """Every form of Transfer-Encoding before a chunk that is a request; never in HTTP/1.0 (RFC 9112, section
    6.1)."""
    for variant in CODINGS:
        for version in (b"1.1", b"1.2", b"1.0"):
            line = b"POST /outer HTTP/" + version
            if not variant.frames:
                data = head(variant.lines, line=line) + INNER
                yield _framed(f"coding/{version.decode()}", variant, data, closes=version == b"1.0")
                continue
            judged = Variant(variant.lines, REFUSED) if version == b"1.0" else variant
            yield _framed(
                f"coding/{version.decode()}", judged, head(variant.lines, line=line) + chunked(INNER)
            )


def both_framings() -> Iterator[Attack]:
    """Both fields in both orders, the body such that each reading of them ends somewhere else."""
    for coding in CODINGS:
        if not coding.frames:
            continue
        for length in (b"0", b"5", SIZE, b"1000000") if coding.verdict is READ else (SIZE,):
            # May be refused, or read as chunked and be the last (RFC 9112, section 6.1); only to obey the
            # length is smuggling.
            verdict = EITHER if coding.verdict is READ else coding.verdict
            reads = (outer(),) if coding.verdict is not REFUSED else ()
            for lines in (
                (b"Content-Length: " + length, coding.lines),
                (coding.lines, b"Content-Length: " + length),
            ):
                data = head(*lines) + b"0\r\n\r\n" + INNER
                yield Attack(f"both/{visible(b' + '.join(lines))}", data, verdict, reads, closes=True)


def _framed(family: str, variant: Variant, data: bytes, *, closes: bool = False) -> Attack:
    name = f"{family}: {visible(variant.lines)}"
    if variant.verdict is REFUSED:
        return Attack(name, data, REFUSED)
    reads = (outer(INNER),) if variant.frames else (outer(), inner())
    return Attack(name, data, variant.verdict, reads[:1] if closes else reads, closes=closes)
