"""Attacks by the head: line ends, the request line, targets, ``Host``, and what a connection is told."""

from collections.abc import Iterator

from tests.judging.echo import Read
from tests.smuggling.attack import HOST, INNER, Attack, Verdict, chunked, head, inner, outer, visible

READ, REFUSED, EITHER = Verdict.READ, Verdict.REFUSED, Verdict.EITHER

ENDS = (
    b"\n",
    b"\r",
    b"\r\r\n",
    b"\n\r",
    b"\n\r\n",
    b"\x0b",
    b"\x0c",
    b"\x00\r\n",
    b"\r\n ",
    b"\r\n\t",
    b"\r\x00\n",
)
"""What is no line end. The two that begin a folded line matter where a field comes before."""

FRAMINGS = (
    ("none", (), b""),
    ("length", (b"Content-Length: %d" % len(INNER),), INNER),
    ("chunked", (b"Transfer-Encoding: chunked",), chunked(INNER)),
)


def line_ends() -> Iterator[Attack]:
    """Something else than CR LF after each line of a head, with each kind of body."""
    for kind, fields, body in FRAMINGS:
        lines = [b"POST /outer HTTP/1.1", b"X: y", HOST, *fields, b""]
        for number in range(len(lines)):
            for end in ENDS:
                if number == len(lines) - 1 and end.startswith(b"\r\n"):
                    # The head is over before what is wrong, which then belongs to the body.
                    continue
                ends = [b"\r\n"] * len(lines)
                ends[number] = end
                data = b"".join(line + own for line, own in zip(lines, ends, strict=True)) + body
                # A head that does not end there ends, at the latest, here.
                yield Attack(f"line end/{kind} {number}: {visible(end)}", data + b"\r\n\r\n", REFUSED)
        data = b"\n".join([*lines, b""]) + body
        yield Attack(f"line end/{kind}: all bare LF", data, REFUSED)


def empty_lines() -> Iterator[Attack]:
    """Lines before a request: one that is empty is ignored (RFC 9112, section 2.2)."""
    request = head(line=b"GET /outer HTTP/1.1")
    for before, verdict in (
        (b"\r\n", READ),
        (b"\r\n\r\n", EITHER),
        (b"\r\n" * 100, EITHER),
        (b"\n", REFUSED),
        (b"\r", REFUSED),
        (b"\r\r\n", REFUSED),
        (b" ", REFUSED),
        (b" \r\n", REFUSED),
        (b"\x00", REFUSED),
        (b"\xef\xbb\xbf", REFUSED),
        (b"x\r\n", REFUSED),
        (b"0\r\n\r\n", REFUSED),
    ):
        reads = () if verdict is REFUSED else (outer(method="GET"),)
        yield Attack(f"before: {visible(before)}", before + request, verdict, reads)


def request_lines() -> Iterator[Attack]:
    """Request lines that are none, before a body that would be a request."""
    for line in (
        b"POST  /outer HTTP/1.1", b"POST /outer  HTTP/1.1", b"POST\t/outer HTTP/1.1",
        b"POST /outer\tHTTP/1.1", b" POST /outer HTTP/1.1", b"POST /outer HTTP/1.1 ",
        b"POST /outer HTTP/1.1\t", b"POST /outer", b"POST", b"POST /outer HTTP/1.1 HTTP/1.1",
        b"POST /out er HTTP/1.1", b"POST /outer\x0bHTTP/1.1", b"/outer HTTP/1.1",
        b"POST /outer http/1.1", b"POST /outer Http/1.1", b"POST /outer HTTP/1", b"POST /outer HTTP/1.",
        b"POST /outer HTTP/.1", b"POST /outer HTTP/1.10", b"POST /outer HTTP/01.1",
        b"POST /outer HTTP/1,1", b"POST /outer HTTP 1.1", b"POST /outer HTTP/ 1.1",
        b"POST /outer HTTP/1.1x", b"POST /outer HTTP/1.x", b"POST /outer HTTP/-1.1",
        b"POST /outer HTTP/+1.1", b"POST /outer HTTP/1.\xb9", b"POST /outer HTTPS/1.1",
        b"POST /outer HTTP/0.9", b"POST /outer HTTP/2.0", b"POST /outer HTTP/2", b"POST /outer HTTP/3.0",
        b"POST /outer HTTP/9.9", b"POST /outer RTSP/1.0", b"POST /outer ICE/1.0",
        b"POST: /outer HTTP/1.1", b"PO/ST /outer HTTP/1.1", b"PO(ST /outer HTTP/1.1",
        b"P\x00ST /outer HTTP/1.1", b"P\xd6ST /outer HTTP/1.1", b'"POST" /outer HTTP/1.1',
        b"POST\x00 /outer HTTP/1.1", b"POST@ /outer HTTP/1.1", b"POST /out\x00er HTTP/1.1",
        b"POST /out\x7fer HTTP/1.1", b"POST /out\xe9er HTTP/1.1", b"POST /\x01 HTTP/1.1",
        b"POST /outer\x0c HTTP/1.1", b"POST /out\rer HTTP/1.1", b"PRI * HTTP/2.0",
    ):  # fmt: skip
        data = head(b"Content-Length: %d" % len(INNER), line=line) + INNER
        yield Attack(f"line: {visible(line)}", data, REFUSED)
    for method in (b"post", b"Post", b"POSTX", b"GET", b"PROPFIND", b"!#$%&'*+-.^_`|~", b"HEAD", b"DELETE"):
        data = head(b"Content-Length: %d" % len(INNER), line=method + b" /outer HTTP/1.1") + INNER
        yield Attack(f"method: {visible(method)}", data, READ, (outer(INNER, method=method.decode()),))


def targets() -> Iterator[Attack]:
    """Targets in forms that their method may not use (RFC 9112, section 3.2), and in those that it may."""
    for method, target, verdict in (
        ("GET", "/a?b=c|d^e", READ),
        ("GET", "//two", READ),
        ("GET", "/../a", READ),
        ("GET", "/%00", READ),
        ("GET", "http://front.example/a", READ),
        ("GET", "HTTP://front.example", READ),
        ("GET", "https://other.example:8443?query", READ),
        ("GET", "http://[2001:db8::1]:80/", READ),
        ("OPTIONS", "*", READ),
        ("OPTIONS", "http://front.example", READ),
        ("GET", "*", REFUSED),
        ("POST", "*", REFUSED),
        ("GET", "outer", REFUSED),
        ("GET", "?a=b", REFUSED),
        ("GET", "#", REFUSED),
        ("GET", "/a#b", REFUSED),
        ("GET", "front.example:80", REFUSED),
        ("GET", "front.example", REFUSED),
        ("GET", "http:/a", REFUSED),
        ("GET", "http:///a", REFUSED),
        ("GET", "http://", REFUSED),
        ("GET", "http://:80/", REFUSED),
        ("GET", "http://user@front.example/", REFUSED),
        ("GET", "http://a b/", REFUSED),
        ("GET", "http://front.example:x/", REFUSED),
        ("GET", "http://front.example:80:80/", REFUSED),
        ("GET", "http://[::1/", REFUSED),
        ("GET", "http://%zz/", REFUSED),
        ("GET", "http:front.example", REFUSED),
        ("GET", "://front.example/", REFUSED),
        ("GET", "\\outer", REFUSED),
        ("OPTIONS", "**", REFUSED),
        ("CONNECT", "/outer", REFUSED),
        ("CONNECT", "front.example", REFUSED),
        ("CONNECT", "front.example:", REFUSED),
        ("CONNECT", ":443", REFUSED),
        ("CONNECT", "http://front.example:443/", REFUSED),
        ("CONNECT", "*", REFUSED),
        ("CONNECT", "front.example:443/", REFUSED),
    ):
        data = head(line=f"{method} {target} HTTP/1.1".encode())
        reads = () if verdict is REFUSED else (Read(method, target, b""),)
        yield Attack(f"target: {method} {target}", data, verdict, reads)


def hosts() -> Iterator[Attack]:
    """``Host`` missing, repeated or malformed (RFC 9112, section 3.2), and the forms that it may have."""
    for value in (
        b"a", b"a:80", b"a:", b"A.Example", b"a-b_c.example", b"127.0.0.1:8080", b"[::1]",
        b"[2001:db8::1]:443", b"a%20b", b"xn--bcher-kva.example", b"!$&'()*+,;=", b" a ", b"\ta\t",
    ):  # fmt: skip
        yield _hosted(b"Host:" + value, READ)
    for value in (
        b"a b", b"a/b", b"a/", b"/", b"a?b", b"a#b", b"u@a", b"u:p@a", b"http://a", b"a:80:80", b"a:x",
        b"a:-1", b"a:+80", b"a: 80", b"a:80x", b"[::1", b"::1", b"[::1]x", b"[a]", b"[]",
        b"[::1%25eth0]", b"[1.2.3.4]", b"a\\b", b"a^b", b'"a"', b"<a>", b"a|b", b"{a}", b"a%", b"a%2",
        b"a%zz", b"a\x00", b"a\x0b", b"a\x7f", b"\xe9", b"a\xa0", b"a`b", b"[::1]]", b"a]", b"a[",
        b"a,b/c", b"a\rb", b"a\nX: y",
    ):  # fmt: skip
        yield _hosted(b"Host: " + value, REFUSED)
    for lines in (
        b"X: y", b"Host: a\r\nHost: a", b"Host: a\r\nHost: b", b"Host: a\r\nhost: b",
        b"Host:\r\nHost: a", b"Host : a", b"Host\t: a", b" Host: a", b"Host:\r\n a", b"Hos\x00t: a",
        b"X: y\r\n Host: a", b"H\xf6st: a",
    ):  # fmt: skip
        yield _hosted(lines, REFUSED)
    for lines in (b"Host: a\r\nHost: a", b"Host: a\r\nHost: b", b"Host: a/b", b"Host: u@a"):
        yield _hosted(lines, REFUSED, version=b"1.0")
    yield _hosted(b"X: y", READ, version=b"1.0")
    for lines in (b"Host: a\r\nHost: front.example", b"Host: a b", b"X: y"):
        data = b"GET http://front.example/ HTTP/1.1\r\n" + lines + b"\r\n\r\n"
        yield Attack(f"host/absolute: {visible(lines)}", data, REFUSED)


def _hosted(lines: bytes, verdict: Verdict, *, version: bytes = b"1.1") -> Attack:
    data = b"GET /outer HTTP/%b\r\n%b\r\n\r\n" % (version, lines)
    reads = () if verdict is REFUSED else (outer(method="GET"),)
    return Attack(
        f"host/{version.decode()}: {visible(lines)}", data, verdict, reads, closes=version == b"1.0"
    )


def connections() -> Iterator[Attack]:
    """What a head says of its connection must not change where its body ends, nor let more be read than it
    says."""
    for kind, fields, body in FRAMINGS[1:]:
        for option in (
            b"Connection: Content-Length", b"Connection: Transfer-Encoding", b"Connection: Host",
            b"Connection: x", b"Connection: keep-alive", b"Connection: upgrade\r\nUpgrade: websocket",
            b"Upgrade: h2c",
            b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
            b"Proxy-Connection: close", b"Expect: 100-continue", b"Trailer: Content-Length",
            b"TE: trailers", b"Content-Type: message/http", b"X-HTTP-Method-Override: GET",
            b"Content-Encoding: identity", b"Range: bytes=0-1", b"Keep-Alive: timeout=0",
            b"Connection: closed", b"Connection: clo se",
        ):  # fmt: skip
            data = head(option, *fields) + body
            yield Attack(f"connection/{kind}: {visible(option)}", data, READ, (outer(INNER),))
        for option in (
            b"close",
            b"Close",
            b"x, close",
            b"close, keep-alive",
            b"keep-alive\r\nConnection: close",
        ):
            data = head(b"Connection: " + option, *fields) + body + INNER
            name = f"connection/{kind}: {visible(option)}"
            yield Attack(name, data, READ, (outer(INNER),), closes=True)
    data = head(b"Connection: keep-alive", b"Content-Length: 5", line=b"POST /outer HTTP/1.0") + b"hello"
    yield Attack("connection/1.0: keep-alive", data + INNER, READ, (outer(b"hello"), inner()))
