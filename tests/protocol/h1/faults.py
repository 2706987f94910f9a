"""Requests as bytes that a server must refuse, each with the status that it deserves.

What is a fault is said by RFC 9112; how much is too much, by `Limits`.
"""

from dataclasses import dataclass

from tests.protocol.h1.corpus import as_long_as, head, post


@dataclass(frozen=True)
class Fault:
    """Bytes that deserve a refusal."""

    wire: bytes
    status: int = 400
    requests_before: int = 0


def posted_chunks(payload: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked", body=payload)


def line(request_line: bytes, status: int = 400) -> Fault:
    return Fault(head(request_line), status)


def having(field: bytes, status: int = 400) -> Fault:
    return Fault(head(b"GET / HTTP/1.1", field, b"X-After: x"), status)


def lengths(*fields: bytes, status: int = 400) -> Fault:
    return Fault(post(*fields, body=b"0\r\n\r\n"), status)


def chunk(payload: bytes) -> Fault:
    return Fault(posted_chunks(payload))


def hosted(value: bytes) -> Fault:
    return Fault(head(b"GET / HTTP/1.1", b"Host: " + value, host=False))


# RFC 9110, section 7.2: uri-host [ ":" port ], RFC 3986, section 3.2.
BAD_HOSTS = (
    b"a b", b"a\tb", b"a/b", b"a?b", b"a#b", b"user@a", b"http://a", b"a\\b", b"a<b", b'"a"', b"a|b", b"a^b",
    b"a`b", b"{a}", b"%", b"%4", b"%zz", b":80", b":", b"a:b", b"a:-1", b"a:+80", b"a:80:80", b"a: 80",
    b"a:65536", b"a:99999999999999999999", b"[", b"]", b"[]", b"[::1", b"::1", b"[:::1]", b"[::1]a",
    b"[::1]80",
    b"[1.2.3.4]", b"[::1%25eth0]", b"[::ffff:1.2.3.256]", b"[1:2:3:4:5:6:7:8:9]", b"[12345::]", b"[v1.a]",
    b"a[::1]",
    b"\xc3\xa9", b"a\xff", b"a, b", b"a;b c",
)  # fmt: skip

_GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"

BAD: dict[str, Fault] = {
    # -- the request line (RFC 9112, section 3)
    "0.9": Fault(b"GET /\r\n\r\n"),
    "0.9, named": line(b"GET / HTTP/0.9", 505),
    "2.0": line(b"GET / HTTP/2.0", 505),
    "2": line(b"GET / HTTP/2", 505),
    "the preface of HTTP/2": Fault(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "a version of two digits": line(b"GET / HTTP/1.10"),
    "a version without a minor": line(b"GET / HTTP/1"),
    "a version in small letters": line(b"GET / http/1.1"),
    "a comma in the version": line(b"GET / HTTP/1,1"),
    "another protocol": line(b"GET / RTSP/1.0"),
    "two spaces before the target": line(b"GET  / HTTP/1.1"),
    "two spaces before the version": line(b"GET /  HTTP/1.1"),
    "a tab before the target": line(b"GET\t/ HTTP/1.1"),
    "a space at the end": line(b"GET / HTTP/1.1 "),
    "a space at the start": line(b" GET / HTTP/1.1"),
    "no target": line(b"GET HTTP/1.1"),
    "an empty target": line(b"GET  HTTP/1.1"),
    "a space in the target": line(b"GET /a b HTTP/1.1"),
    "a target that is no target": line(b"GET path HTTP/1.1"),
    "a target that is no target, for an unknown method": line(b"BREW path HTTP/1.1"),
    "a target that is no target, in HTTP/1.0": line(b"GET path HTTP/1.0"),
    "a target that is no target, in a long head": Fault(
        head(b"GET path HTTP/1.1", b"X: " + b"x" * 5000, b"X: " + b"x" * 5000)
    ),
    "an authority without CONNECT": line(b"GET example.org:80 HTTP/1.1"),
    "an asterisk without OPTIONS": line(b"GET * HTTP/1.1"),
    "a path with CONNECT": line(b"CONNECT / HTTP/1.1"),
    "a URL with CONNECT": line(b"CONNECT http://example.org:80 HTTP/1.1"),
    "CONNECT without a port": line(b"CONNECT example.org HTTP/1.1"),
    "CONNECT to an empty port": line(b"CONNECT example.org: HTTP/1.1"),
    "CONNECT to port 0": line(b"CONNECT example.org:0 HTTP/1.1"),
    "CONNECT to a port that is too high": line(b"CONNECT example.org:65536 HTTP/1.1"),
    "CONNECT with a body": Fault(head(b"CONNECT a:80 HTTP/1.1", b"Content-Length: 1") + b"x"),
    "CONNECT with chunks": Fault(
        head(b"CONNECT a:80 HTTP/1.1", b"Transfer-Encoding: chunked") + b"0\r\n\r\n"
    ),
    "a fragment": line(b"GET /a#b HTTP/1.1"),
    "a fragment in an absolute target": line(b"GET http://a/b#c HTTP/1.1"),
    "a user in an absolute target": line(b"GET http://user@a/ HTTP/1.1"),
    "an absolute target without a host": line(b"GET http:///a HTTP/1.1"),
    "an absolute target with a port and no host": line(b"GET http://:80/a HTTP/1.1"),
    "an absolute target with a wrong address": line(b"GET http://[::1/ HTTP/1.1"),
    "an absolute target with an illegal host": line(b"GET http://a<b/ HTTP/1.1"),
    "another scheme": line(b"GET ftp://example.org/ HTTP/1.1", 421),
    "a scheme without a host": line(b"GET http:a HTTP/1.1"),
    "a fault in the line, and the end is missing": Fault(b"GET path HTTP/1.1\r\nHost: a\r\n"),
    "0.9, and the end is missing": Fault(b"GET /\r\n"),
    "an old version, and the end is missing": Fault(b"GET / HTTP/2.0\r\n", 505),
    "a control character in the target": line(b"GET /\x01 HTTP/1.1"),
    "NUL in the target": line(b"GET /\x00 HTTP/1.1"),
    "DEL in the target": line(b"GET /\x7f HTTP/1.1"),
    "a byte beyond ASCII in the target": line(b"GET /\xc3\xa9 HTTP/1.1"),
    "an illegal character in the method": line(b"G@T / HTTP/1.1"),
    "a colon in the method": line(b"GET: / HTTP/1.1"),
    "no method": line(b"/ HTTP/1.1"),
    "two empty lines first": Fault(b"\r\n\r\n" + _GET),
    "three empty lines first": Fault(b"\r\n\r\n\r\n" + _GET),
    "two empty lines between": Fault(_GET + b"\r\n\r\n" + _GET, requests_before=1),
    "an empty line that is a line feed": Fault(b"\n" + _GET),
    "an empty line that is a carriage return": Fault(b"\r" + _GET),
    "only line feeds": Fault(b"GET / HTTP/1.1\nHost: a\n\n"),
    "only carriage returns": Fault(b"GET / HTTP/1.1\rHost: a\r\r" + b"\r\n\r\n"),
    "TLS": Fault(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
    # -- field lines (RFC 9112, section 5)
    "a line feed after the request line": Fault(b"GET / HTTP/1.1\nHost: a\r\n\r\n"),
    "a line feed after a field": Fault(b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"),
    "a line feed at the end": Fault(b"GET / HTTP/1.1\r\nHost: a\r\n\n"),
    "a line feed in the field of a head that is too new": Fault(b"GET / HTTP/3.0\r\nHost: a\n\r\n\r\n", 505),
    "a carriage return after the request line": Fault(b"GET / HTTP/1.1\rHost: a\r\n\r\n"),
    "a carriage return in a value": having(b"X: a\rb"),
    "two carriage returns": having(b"X: a\r"),
    "a folded line": having(b"X: a\r\n b"),
    "a folded line with a tab": having(b"X: a\r\n\tb"),
    "a folded Content-Length": having(b"Content-Length:\r\n 5"),
    "white space before the first field": Fault(b"GET / HTTP/1.1\r\n X: a\r\nHost: a\r\n\r\n"),
    "a space before the colon": having(b"X : a"),
    "a tab before the colon": having(b"X\t: a"),
    "a space before the colon of Transfer-Encoding": having(b"Transfer-Encoding : chunked"),
    "a space in a name": having(b"X y: a"),
    "no colon": having(b"X"),
    "no name": having(b": a"),
    "NUL in a value": having(b"X: a\x00b"),
    "NUL in a name": having(b"X\x00: a"),
    "a control character in a value": having(b"X: a\x0bb"),
    "DEL in a value": having(b"X: a\x7f"),
    "a byte beyond ASCII in a name": having(b"X\xe9: a"),
    "a bracket in a name": having(b"X(y): a"),
    "no Host": Fault(b"GET / HTTP/1.1\r\nX: y\r\n\r\n"),
    "no Host, nothing": Fault(b"GET / HTTP/1.1\r\n\r\n"),
    "no Host, unknown method": Fault(b"BREW / HTTP/1.1\r\n\r\n"),
    "no Host, with a body": Fault(b"POST / HTTP/1.1\r\nContent-Length: 500\r\n\r\nabc"),
    "no Host, with chunks": Fault(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "no Host, kept alive": Fault(b"GET / HTTP/1.1\r\nConnection: keep-alive\r\n\r\n"),
    "no Host, and close": Fault(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"),
    "two Hosts": having(b"Host: example.org"),
    "two Hosts in different letters": having(b"hOST: other"),
    "two Hosts that are the same": having(b"Host: example.org"),
    "two Hosts in HTTP/1.0": Fault(head(b"GET / HTTP/1.0", b"Host: b")),
    **{f"Host {value!r}": hosted(value) for value in BAD_HOSTS},
    "a Host that is none, unknown method": Fault(head(b"BREW / HTTP/1.1", b"Host: a b", host=False)),
    "a Host that is none, in HTTP/1.0": Fault(head(b"GET / HTTP/1.0", b"Host: a b", host=False)),
    "a Host that is none, with a body": Fault(
        head(b"POST / HTTP/1.1", b"Host: a b", b"Content-Length: 3", host=False) + b"abc"
    ),
    "a Host that is none, beside an absolute target": Fault(
        head(b"GET http://a/ HTTP/1.1", b"Host: a b", host=False)
    ),
    "no Host, beside an absolute target": Fault(head(b"GET http://a/ HTTP/1.1", host=False)),
    # -- framing (RFC 9112, section 6)
    "two lengths": lengths(b"Content-Length: 5", b"Content-Length: 6"),
    "two equal lengths": lengths(b"Content-Length: 5", b"Content-Length: 5"),
    "a list of lengths": lengths(b"Content-Length: 5, 5"),
    "an empty length": lengths(b"Content-Length:"),
    "a signed length": lengths(b"Content-Length: +5"),
    "a negative length": lengths(b"Content-Length: -5"),
    "a length with a point": lengths(b"Content-Length: 5.0"),
    "a hexadecimal length": lengths(b"Content-Length: 0x5"),
    "a length with a space": lengths(b"Content-Length: 5 5"),
    "a length with an underscore": lengths(b"Content-Length: 1_0"),
    "a length in other digits": lengths(b"Content-Length: \xd9\xa5"),
    "a length of twenty digits": lengths(b"Content-Length: 18446744073709551616"),
    "a length with endless zeros": lengths(b"Content-Length: " + b"0" * 30 + b"5"),
    "a length and chunks": lengths(b"Content-Length: 5", b"Transfer-Encoding: chunked"),
    "chunks and a length": lengths(b"Transfer-Encoding: chunked", b"Content-Length: 5"),
    "chunks and no length": lengths(b"Transfer-Encoding: chunked", b"Content-Length: 0"),
    "chunks in HTTP/1.0": Fault(head(b"POST / HTTP/1.0", b"Transfer-Encoding: chunked") + b"0\r\n\r\n"),
    "a coding in HTTP/1.0": Fault(head(b"POST / HTTP/1.0", b"Transfer-Encoding: gzip, chunked")),
    "no coding": lengths(b"Transfer-Encoding:"),
    "an unknown coding": lengths(b"Transfer-Encoding: xchunked"),
    "identity": lengths(b"Transfer-Encoding: identity"),
    "another coding alone": lengths(b"Transfer-Encoding: gzip"),
    "another coding before chunks": lengths(b"Transfer-Encoding: gzip, chunked", status=501),
    "another coding in a line before": lengths(
        b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked", status=501
    ),
    "another coding after chunks": lengths(b"Transfer-Encoding: chunked, gzip"),
    "another coding in a line after": lengths(b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip"),
    "chunks twice": lengths(b"Transfer-Encoding: chunked, chunked"),
    "chunks in two lines": lengths(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
    "chunks with a parameter": lengths(b"Transfer-Encoding: chunked;a=b"),
    "chunks in quotes": lengths(b'Transfer-Encoding: "chunked"'),
    "chunks after a vertical tab": lengths(b"Transfer-Encoding: \x0bchunked"),
    "an unknown method, with lengths": Fault(
        head(b"BREW / HTTP/1.1", b"Content-Length: 1", b"Content-Length: 2") + b"abc"
    ),
    # -- chunks (RFC 9112, section 7.1)
    "no size": chunk(b"\r\nabc\r\n0\r\n\r\n"),
    "a size that is no number": chunk(b"xyz\r\n"),
    "a signed size": chunk(b"+3\r\nabc\r\n0\r\n\r\n"),
    "a negative size": chunk(b"-3\r\nabc\r\n0\r\n\r\n"),
    "a space before the size": chunk(b" 3\r\nabc\r\n0\r\n\r\n"),
    "a space after the size": chunk(b"3 \r\nabc\r\n0\r\n\r\n"),
    "0x before the size": chunk(b"0x3\r\nabc\r\n0\r\n\r\n"),
    "an underscore in the size": chunk(b"1_0\r\n0123456789abcdef\r\n0\r\n\r\n"),
    "a size that overflows": chunk(b"10000000000000003\r\nabc\r\n0\r\n\r\n"),
    "a size with endless zeros": chunk(b"0" * 17 + b"3\r\nabc\r\n0\r\n\r\n"),
    "a line feed after the size": chunk(b"3\nabc\r\n0\r\n\r\n"),
    "a carriage return after the size": chunk(b"3\rabc\r\n0\r\n\r\n"),
    "a line feed after the chunk": chunk(b"3\r\nabc\n0\r\n\r\n"),
    "a chunk that is too long": chunk(b"3\r\nabcd\r\n0\r\n\r\n"),
    "a chunk that is too short": chunk(b"3\r\nab\r\n0\r\n\r\n"),
    "nothing after the chunk": chunk(b"3\r\nabc0\r\n\r\n"),
    "an extension without a name": chunk(b"3;\r\nabc\r\n0\r\n\r\n"),
    "an extension without a value": chunk(b"3;a=\r\nabc\r\n0\r\n\r\n"),
    "an extension with an open quote": chunk(b'3;a="b\r\nabc\r\n0\r\n\r\n'),
    "an extension with a control character": chunk(b"3;a\x00\r\nabc\r\n0\r\n\r\n"),
    "an extension with a carriage return": chunk(b"3;a\rb\r\nabc\r\n0\r\n\r\n"),
    "an extension that is too long": chunk(b"1;" + b"e" * 255 + b"\r\nx\r\n0\r\n\r\n"),
    "an extension without an end": chunk(b"1;" + b"e" * 5000),
    "too many extensions": chunk((b"1;" + b"e" * 249 + b"\r\nx\r\n") * 66 + b"0\r\n\r\n"),
    "a line feed at the end of the chunks": chunk(b"0\r\n\n"),
    "a trailer without a colon": chunk(b"0\r\nX\r\n\r\n"),
    "a trailer with a space before the colon": chunk(b"0\r\nX : y\r\n\r\n"),
    "a trailer that is folded": chunk(b"0\r\nX: y\r\n z\r\n\r\n"),
    "a trailer with NUL": chunk(b"0\r\nX: \x00\r\n\r\n"),
    "a trailer that ends in a line feed": chunk(b"0\r\nX: y\n\r\n"),
    "a trailer that is too long": chunk(b"0\r\nX: " + b"y" * 8192 + b"\r\n\r\n"),
    "trailers that are too long together": chunk(b"0\r\n" + (b"X: " + b"y" * 1000 + b"\r\n") * 9 + b"\r\n"),
    "too many trailers": chunk(b"0\r\n" + b"X: y\r\n" * 17 + b"\r\n"),
    "too many trailers that are not kept": chunk(b"0\r\n" + b"TE: y\r\n" * 17 + b"\r\n"),
    # -- limits
    "a request line that is too long": line(b"GET /" + b"a" * 8177 + b" HTTP/1.1", 414),
    "a request line without an end": Fault(b"GET /" + b"a" * 9000, 414),
    "a request line that is too long, and no HTTP": line(b"GET /" + b"a" * 9000, 414),
    "a request line that is too long, and a line feed": Fault(
        b"GET /" + b"a" * 9000 + b"\nX: y\r\n\r\n", 414
    ),
    "a line feed in a request line that is too long": Fault(b"GET /\n" + b"a" * 9000 + b"\r\n\r\n"),
    "a request line that is too long, unknown method": line(b"BREW /" + b"a" * 9000 + b" HTTP/1.1", 414),
    "a field that is too long": having(b"X: " + b"y" * 8188, 431),
    "a name that is too long": having(b"x" * 8190 + b": y", 431),
    "a field that is too long, and a line feed": Fault(
        head(b"GET / HTTP/1.1", b"X: " + b"y" * 9000, b"Y: a\nb")
    ),
    "too many fields": Fault(head(b"GET / HTTP/1.1", *[b"X: y"] * 128), 431),
    "too many fields, with a body": Fault(
        head(b"POST / HTTP/1.1", b"Content-Length: 900", *[b"X: y"] * 128) + b"abc", 431
    ),
    "too many fields, unknown method": Fault(head(b"BREW / HTTP/1.1", *[b"X: y"] * 128), 431),
    "a head that is too large": Fault(head(b"GET / HTTP/1.1", *[b"X: " + b"y" * 8000] * 9), 431),
    "a head that is one byte too large": Fault(as_long_as(65537), 431),
    "a head without an end": Fault(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 12000, 431),
    "a head that is too large, and a line feed after": Fault(
        head(b"GET / HTTP/1.1", *[b"X: " + b"y" * 8000] * 9, b"Y: a\nb"), 431
    ),
    # -- the end comes too early (RFC 9112, section 8)
    "a counted body that breaks off": Fault(post(b"Content-Length: 10", body=b"abc")),
    "a counted body that does not come": Fault(post(b"Content-Length: 10")),
    "chunks that break off": Fault(posted_chunks(b"5\r\nabc")),
    "chunks that break off in a size": Fault(posted_chunks(b"5\r\nabcde\r\n4")),
    "chunks that break off before the last": Fault(posted_chunks(b"5\r\nabcde\r\n")),
    "trailers that break off": Fault(posted_chunks(b"0\r\nX: y\r\n")),
    # -- what comes after a good one
    "the second of two": Fault(_GET + b"GET / HTTP/1.1\r\n\r\n", requests_before=1),
    "the fourth of four": Fault(
        _GET + post(b"Content-Length: 3", body=b"abc") + b"x" + _GET + b"!\r\n\r\n", requests_before=3
    ),
    "rubbish after a body": Fault(post(b"Content-Length: 3", body=b"abcd e\r\n\r\n"), requests_before=1),
    "rubbish after the last chunk": Fault(posted_chunks(b"0\r\n\r\n0\r\n\r\n"), requests_before=1),
}  # fmt: skip
