"""Requests as bytes that a server must understand: each case is a list of messages with their meanings."""

from dataclasses import dataclass, replace

from sketch.http.heads import HttpVersion, HttpVersion10, HttpVersion11


@dataclass(frozen=True)
class Message:
    """One request on the wire, and its meaning."""

    head: bytes
    payload: bytes = b""
    body: bytes = b""
    trailers: tuple[tuple[bytes, bytes], ...] = ()
    keep_alive: bool = True
    is_common: bool = True
    """Whether other parsers read it the same way: no method, target or field that needs a judgement."""

    @property
    def wire(self) -> bytes:
        return self.head + self.payload

    @property
    def method(self) -> str:
        return self.head.lstrip(b"\r\n").split(b" ")[0].decode()

    @property
    def target(self) -> str:
        return self.head.split(b" ")[1].decode()

    @property
    def version(self) -> HttpVersion:
        return HttpVersion10 if b" HTTP/1.0\r\n" in self.head else HttpVersion11

    @property
    def fields(self) -> list[tuple[bytes, bytes]]:
        """Read in the plainest way that there is."""
        lines = self.head.strip(b"\r\n").split(b"\r\n")[1:]
        pairs = [line.split(b":", 1) for line in lines]
        return [(name, value.strip(b" \t")) for name, value in pairs]


def head(line: bytes, *fields: bytes, host: bool = True) -> bytes:
    """A request line and field lines, made a head. ``Host`` comes first."""
    lines = [line, b"Host: example.org", *fields] if host else [line, *fields]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def post(*fields: bytes, body: bytes = b"") -> bytes:
    return head(b"POST / HTTP/1.1", *fields) + body


def get(*fields: bytes, keep_alive: bool = True, is_common: bool = True) -> Message:
    return Message(head(b"GET /path HTTP/1.1", *fields), keep_alive=keep_alive, is_common=is_common)


def counted(body: bytes, *fields: bytes, line: bytes = b"POST /form HTTP/1.1") -> Message:
    return Message(head(line, b"Content-Length: %d" % len(body), *fields), body, body)


def chunked(
    payload: bytes, body: bytes, *fields: bytes, trailers: tuple[tuple[bytes, bytes], ...] = ()
) -> Message:
    fields = (b"Transfer-Encoding: chunked", *fields)
    return Message(head(b"POST /form HTTP/1.1", *fields), payload, body, trailers)


def at(target: bytes, method: bytes = b"GET", *, is_common: bool = True) -> Message:
    return Message(head(b"%b %b HTTP/1.1" % (method, target)), is_common=is_common)


def old(*fields: bytes, keep_alive: bool, host: bool = True) -> Message:
    return Message(head(b"GET /old HTTP/1.0", *fields, host=host), keep_alive=keep_alive)


def as_long_as(size: int) -> bytes:
    """A head of so many bytes, in lines that are not too long."""
    shortest = head(b"GET /path HTTP/1.1", *[b"X: " + b"y" * 8000] * 8, b"Y: ")
    return shortest[:-4] + b"y" * (size - len(shortest)) + b"\r\n\r\n"


def hosted(value: bytes) -> Message:
    return Message(head(b"GET / HTTP/1.1", b"Host:" + value, host=False))


GOOD_HOSTS = (
    b"", b" ", b"a", b" a", b"\ta ", b"A.Example.ORG.", b"a:80", b"a:", b"a:0", b"a:65535",
    b"a:0000000000000080", b"a_b", b"-a-", b"127.0.0.1", b"127.0.0.1:8080", b"999.1",
    b"[::]", b"[::1]", b"[::1]:8080",
    b"[::1]:",
    b"[2001:DB8::ffff:1.2.3.4]", b"[1:2:3:4:5:6:7:8]", b"a%20b", b"a,b;c=d", b"~!$&'()*+,;=",
    b"xn--bcher-kva", b"a" * 300,
)  # fmt: skip

BROWSER = (
    b"Connection: keep-alive",
    b'sec-ch-ua: "Chromium";v="128", "Not;A=Brand";v="24"',
    b"sec-ch-ua-mobile: ?0",
    b'sec-ch-ua-platform: "Linux"',
    b"Upgrade-Insecure-Requests: 1",
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
    b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    b"Sec-Fetch-Site: none",
    b"Accept-Encoding: gzip, deflate, br, zstd",
    b"Accept-Language: en-GB,en;q=0.9",
    b"Cookie: session=8d3b9c; theme=dark",
)

GOOD: dict[str, tuple[Message, ...]] = {
    "the shortest": (Message(b"GET / HTTP/1.1\r\nHost:\r\n\r\n"),),
    "curl": (get(b"User-Agent: curl/8.5.0", b"Accept: */*"),),
    "browser": (get(*BROWSER),),
    # -- bodies
    "counted": (counted(b'{"a": 1}', b"Content-Type: application/json"),),
    "counted, none": (counted(b""),),
    "counted, none, then another": (counted(b""), get(), counted(b""), counted(b"x"), get()),
    "counted, leading zeros": (Message(head(b"PUT / HTTP/1.1", b"Content-Length: 0003"), b"abc", b"abc"),),
    "counted, white space around": (
        Message(head(b"PUT / HTTP/1.1", b"Content-Length: \t3 \t"), b"abc", b"abc"),
    ),
    "counted, that looks like a head": (counted(b"GET / HTTP/1.1\r\nHost: b\r\n\r\n"), get()),
    "a GET with a body": (counted(b"odd", line=b"GET / HTTP/1.1"), get()),
    "a HEAD with a body": (counted(b"odd", line=b"HEAD / HTTP/1.1"), get()),
    "a DELETE with a body": (counted(b"odd", line=b"DELETE / HTTP/1.1"), get()),
    "chunked": (chunked(b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", b"hello world"),),
    "chunked, nothing": (chunked(b"0\r\n\r\n", b""), get()),
    "chunked, the end with several digits": (chunked(b"1\r\nx\r\n0000\r\n\r\n", b"x"), get()),
    "chunked, both cases of a digit": (
        chunked(b"a\r\n0123456789\r\nA\r\nabcdefghij\r\n0\r\n\r\n", b"0123456789abcdefghij"),
    ),
    "chunked, leading zeros": (chunked(b"0000000000000003\r\nabc\r\n0\r\n\r\n", b"abc"), get()),
    "chunked, the coding's name in capitals": (
        Message(head(b"POST / HTTP/1.1", b"Transfer-Encoding: Chunked"), b"1\r\nx\r\n0\r\n\r\n", b"x"),
    ),
    "chunked, that looks like an end": (chunked(b"7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", b"\r\n0\r\n\r\n"), get()),
    "chunked, of one byte each": (chunked(b"1\r\nx\r\n" * 40 + b"0\r\n\r\n", b"x" * 40), get()),
    "chunked, a long chunk": (chunked(b"1000\r\n" + b"x" * 4096 + b"\r\n0\r\n\r\n", b"x" * 4096), get()),
    "chunked, extensions": (
        chunked(b'3;a\r\nabc\r\n3;a=1;b="q \\" ;,";c\r\ndef\r\n0;end=now\r\n\r\n', b"abcdef"),
        get(),
    ),
    "chunked, white space in extensions": (
        replace(chunked(b"3 ; a = 1\t;b\r\nabc\r\n0\r\n\r\n", b"abc"), is_common=False),
    ),
    "chunked, the longest extension": (chunked(b"1;" + b"e" * 254 + b"\r\nx\r\n0\r\n\r\n", b"x"), get()),
    "chunked, trailers": (
        chunked(
            b"1\r\nx\r\n0\r\nX-Sum: 5\r\nX-Empty:\r\n\r\n", b"x", b"Trailer: X-Sum",
            trailers=((b"X-Sum", b"5"), (b"X-Empty", b"")),
        ),
        get(),
    ),
    "chunked, trailers that are not kept": (
        replace(
            chunked(b"0\r\nContent-Length: 5\r\nX-Kept: y\r\nHOST: b\r\n\r\n", b""),
            trailers=((b"X-Kept", b"y"),), is_common=False,
        ),
        get(),
    ),
    # -- one after the other
    "pipelined": (get(), get(b"X: 1"), get(*BROWSER)),
    "pipelined, with bodies": (counted(b"abc"), chunked(b"1\r\nx\r\n0\r\n\r\n", b"x"), counted(b"d"), get()),
    "an empty line first": (Message(b"\r\n" + get().head),),
    "an empty line after a body": (counted(b"abc"), Message(b"\r\n" + get().head)),
    "an empty line before each": (Message(b"\r\n" + get().head), Message(b"\r\n" + get().head)),
    # -- HTTP/1.0
    "1.0": (old(keep_alive=False),),
    "1.0 without Host": (old(keep_alive=False, host=False),),
    "1.0, kept alive": (old(b"Connection: keep-alive", keep_alive=True), get()),
    "1.0, kept alive in capitals": (old(b"Connection: Keep-Alive", keep_alive=True), old(keep_alive=False)),
    "1.0 with a body": (
        Message(head(b"POST / HTTP/1.0", b"Content-Length: 3"), b"abc", b"abc", keep_alive=False),
    ),
    "1.0 with an expectation": (
        Message(
            head(b"POST / HTTP/1.0", b"Content-Length: 1", b"Expect: 100-continue"), b"a", b"a",
            keep_alive=False,
        ),
    ),
    "a later minor version": (Message(head(b"GET / HTTP/1.2"), is_common=False), get()),
    # -- Connection and what goes with it
    "close": (get(b"Connection: close", keep_alive=False),),
    "close among others": (get(b"Connection: TE, cLoSe", b"TE: trailers", keep_alive=False),),
    "close in a second line": (get(b"Connection: keep-alive", b"Connection: close", keep_alive=False),),
    "keep-alive and close": (get(b"Connection: keep-alive, close", keep_alive=False),),
    "an option that begins like close": (get(b"Connection: closed, x-close"), get()),
    "empty elements in Connection": (get(b"Connection: ,, keep-alive ,"), get()),
    "Proxy-Connection means nothing": (get(b"Proxy-Connection: close", is_common=False), get()),
    "Proxy-Connection and an upgrade": (
        get(b"Proxy-Connection: upgrade", b"Upgrade: x", is_common=False),
        get(),
    ),
    "expectation": (counted(b"abc", b"Expect: 100-continue"), get()),
    "expectation, chunked": (chunked(b"1\r\nx\r\n0\r\n\r\n", b"x", b"Expect: 100-Continue"), get()),
    "expectation without a body": (get(b"Expect: 100-continue"), get()),
    "upgrade that nobody accepts": (
        get(b"Connection: Upgrade", b"Upgrade: websocket", is_common=False),
        get(),
    ),
    "upgrade with a body": (
        Message(
            head(b"POST / HTTP/1.1", b"Connection: upgrade", b"Upgrade: h2c", b"Content-Length: 3"),
            b"abc", b"abc", is_common=False,
        ),
        get(),
    ),
    "upgrade with a chunked body": (
        Message(
            head(b"POST / HTTP/1.1", b"Connection: upgrade", b"Upgrade: h2c", b"Transfer-Encoding: chunked"),
            b"1\r\nx\r\n0\r\n\r\n", b"x", is_common=False,
        ),
        get(),
    ),
    "upgrade that Connection does not name": (get(b"Upgrade: h2c", is_common=False), get()),
    "Connection that names no upgrade": (get(b"Connection: upgrade", is_common=False), get()),
    # -- targets and methods
    "query": (at(b"/a/b?c=d&e=%20f"),),
    "odd characters in the target": (at(b"/a;b=c,d/~e'(f)*!$&:@+?/?"),),
    "absolute form": (at(b"http://example.org/a?b"),),
    "absolute form without a path": (at(b"http://example.org"), at(b"http://example.org?b=c")),
    "asterisk form": (at(b"*", b"OPTIONS"),),
    "absolute form in other letters": (at(b"HTTPS://EXAMPLE.org:8443/a"), at(b"http://[::1]:/?b")),
    "absolute form in HTTP/1.0": (
        Message(head(b"GET http://example.org/ HTTP/1.0", host=False), keep_alive=False),
    ),
    "absolute form, and an unknown method": (at(b"http://a/", b"BREW", is_common=False), get()),
    "absolute form for all of the server": (at(b"http://example.org", b"OPTIONS"),),
    "authority form": (
        replace(at(b"example.org:443", b"CONNECT", is_common=False), keep_alive=False),
    ),
    "authority form with an address": (
        replace(at(b"[2001:db8::1]:00443", b"CONNECT", is_common=False), keep_alive=False),
    ),
    "authority form, and a length of nothing": (
        Message(
            head(b"CONNECT a:1 HTTP/1.1", b"Content-Length: 0", b"Connection: upgrade", b"Upgrade: x"),
            is_common=False, keep_alive=False,
        ),
    ),
    "hosts": tuple(hosted(value) for value in GOOD_HOSTS),
    "all usual methods": tuple(at(b"/", name) for name in (b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"PATCH")),
    "WebDAV and friends": tuple(at(b"/", method) for method in (b"PROPFIND", b"MKCOL", b"PURGE", b"TRACE")),
    "a method that nobody knows": (at(b"/", b"BREW-42!", is_common=False), get()),
    "a method in small letters": (at(b"/", b"get", is_common=False), get()),
    "llhttp's own protocols": (
        at(b"/", b"PRI", is_common=False),
        at(b"/", b"DESCRIBE", is_common=False),
        get(),
    ),
    "an unknown method with a body": (
        Message(head(b"BREW / HTTP/1.1", b"Content-Length: 3"), b"abc", b"abc", is_common=False), get(),
    ),
    # -- fields
    "white space around values": (get(b"X-A:b", b"X-C: \t d \t ", b"X-E:  f g"),),
    "empty values": (get(b"X-A:", b"X-B: ", b"X-C: c"),),
    "names of all characters": (get(b"!#$%&'*+-.^_`|~09azAZ: x"),),
    "bytes beyond ASCII": (get(b"X-A: \xc3\xa9\xff\x80"),),
    "the same name again": (get(b"X-A: 1", b"x-a: 2", b"X-A: 1"),),
    "the most fields": (get(*(b"X-%d: %d" % (number, number) for number in range(127))), get()),
    # -- long, and legal
    "the longest request line": (at(b"/" + b"a" * (8190 - len("GET / HTTP/1.1"))), get()),
    "the longest field": (get(b"X-Long: " + b"v" * (8190 - len("X-Long: "))), get()),
    "the longest head": (Message(as_long_as(65536)), get()),
    "long, with a body": (counted(b"abc", b"X-Long: " + b"v" * 8000, b"X-Long: " + b"v" * 500), get()),
    "long, 1.0": (old(b"X-Long: " + b"v" * 8000, b"X: " + b"v" * 500, keep_alive=False),),
}  # fmt: skip
