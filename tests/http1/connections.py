"""The rows about connections: one request after the other, control fields, limits, answers."""

from tests.http1.row import (
    CLOSED,
    GET,
    KEPT,
    LAST,
    Row,
    answered,
    chunked,
    having,
    line,
    post,
    refused,
    taken,
)
from tests.protocol.h1.corpus import as_long_as, head


def both(arrives: str, wire: bytes, section: str, why: str = "") -> Row:
    return Row(
        arrives=arrives, wire=wire, section=section, answers=(200, 400), ends=CLOSED, why=why, is_refused=True
    )


ONE_AFTER_OTHER = (
    taken("an empty line first", b"\r\n" + GET, "9112, 2.2", "old clients send one after a body"),
    refused("two empty lines first", b"\r\n\r\n" + GET, "9112, 2.2", 400,
            "one is to be ignored; more are a flood"),
    refused("an LF first", b"\n" + GET, "9112, 2.2"),
    Row(arrives="three requests in one packet", wire=GET + post(b"Content-Length: 3") + chunked(LAST),
        section="9112, 9.3.2", answers=(200, 200, 200), ends=KEPT, why="answered in their order"),
    Row(arrives="the same, with an empty line after the body",
        wire=post(b"Content-Length: 3") + b"\r\n" + GET,
        section="9112, 2.2", answers=(200, 200), ends=KEPT),
    both("a good request, then one without `Host`", GET + b"GET / HTTP/1.1\r\n\r\n", "9112, 9.3.2",
         "the first is answered first, and in full"),
    both("a good request, then rubbish", GET + b"\x00\x01\r\n\r\n", "9112, 9.3.2"),
    both("a body that is longer than its length says", post(b"Content-Length: 3", body=b"abcdef\r\n\r\n"),
         "9112, 6.3",
         "the rest is the beginning of a next request, and is none"),
    both("more after the last chunk", chunked(b"3\r\nabc\r\n0\r\n\r\n0\r\n\r\n"), "9112, 6.3"),
    taken("requests after `Connection: close`", having(b"Connection: close") + GET, "9112, 9.6",
          "they are not read",
          ends=CLOSED),
    taken("requests after one of HTTP/1.0", head(b"GET / HTTP/1.0") + GET, "9112, 9.3", ends=CLOSED),
)  # fmt: skip


def expecting(value: bytes, *more: bytes, path: bytes = b"/") -> bytes:
    return head(b"POST %b HTTP/1.1" % path, b"Expect: " + value, b"Content-Length: 3", *more)


CONTROLS = (
    Row(arrives="`Expect: 100-continue`, and the handler reads", wire=expecting(b"100-continue"), then=b"abc",
        section="9110, 10.1.1", answers=(100, 200), ends=KEPT, body=b"POST / abc"),
    Row(arrives="the same, and the body comes with it", wire=expecting(b"100-Continue") + b"abc",
        section="9110, 10.1.1", answers=(200,), ends=KEPT, body=b"POST / abc"),
    Row(arrives="the same, and the handler does not read", wire=expecting(b"100-continue", path=b"/deaf"),
        section="9110, 10.1.1", answers=(200,), ends=CLOSED, has=("Connection: close",),
        why="no 100 after a final status; the next bytes could be the body or a request"),
    answered("`Expect: 200-ok`", having(b"Expect: 200-ok"), "9110, 10.1.1", 417, KEPT),
    answered("`Expect: 100-continue, x`", having(b"Expect: 100-continue, x"), "9110, 10.1.1", 417, KEPT),
    taken("`Expect: 100-continue` in HTTP/1.0",
          head(b"POST / HTTP/1.0", b"Expect: 100-continue", b"Content-Length: 3") + b"abc", "9110, 10.1.1",
          "to be ignored", body=b"POST / abc", ends=CLOSED),
    taken("`Connection: close`", having(b"Connection: close"), "9112, 9.6", ends=CLOSED),
    taken("`Connection: keep-alive, Close`", having(b"Connection: keep-alive, Close"), "9112, 9.3",
          "close goes first", ends=CLOSED),
    taken("`Connection: closed`", having(b"Connection: closed"), "9112, 9.6"),
    taken("`Proxy-Connection: close`", having(b"Proxy-Connection: close"), "9112, C.2.2",
          "it means nothing to a server"),
    taken("`Upgrade` that nobody takes up", having(b"Connection: upgrade", b"Upgrade: h2c"), "9110, 7.8",
          "answered as if it were not there"),
    taken("`Upgrade` with a body",
          post(b"Connection: upgrade", b"Upgrade: h2c", b"Content-Length: 3"), "9110, 7.8",
          body=b"POST / abc"),
)  # fmt: skip

LIMITS = (
    taken("a request line of 8190 bytes", line(b"GET /" + b"a" * 8176 + b" HTTP/1.1"), "9112, 3"),
    refused("a request line of 8191", line(b"GET /" + b"a" * 8177 + b" HTTP/1.1"), "9110, 15.5.15", 414,
            "`request_line`"),
    refused("a request line without an end", b"GET /" + b"a" * 9000, "9110, 15.5.15", 414,
            "refused as soon as it is known"),
    taken("a field line of 8190 bytes", having(b"X: " + b"y" * 8187), "9110, 5.4"),
    refused("a field line of 8191", having(b"X: " + b"y" * 8188), "6585, 5", 431, "`field_line`"),
    taken("128 fields", having(*[b"X: y"] * 127), "9110, 5.4"),
    refused("129 fields", having(*[b"X: y"] * 128), "6585, 5", 431, "`fields`"),
    taken("a head of 64 KiB", as_long_as(65536), "9110, 5.4"),
    refused("a head of a byte more", as_long_as(65537), "6585, 5", 431, "`head`"),
    refused("a head without an end", b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 12000, "6585, 5", 431),
)  # fmt: skip


def answer(
    arrives: str,
    wire: bytes,
    section: str,
    *statuses: int,
    has: tuple[str, ...] = (),
    lacks: tuple[str, ...] = (),
    body: bytes = b"",
    ends: str = KEPT,
    why: str = "",
) -> Row:
    return Row(
        arrives=arrives, wire=wire, section=section, answers=statuses, has=has, lacks=lacks, body=body,
        ends=ends, why=why,
    )  # fmt: skip


_LENGTH, _CODING = "Content-Length", "Transfer-Encoding"

ANSWERS = (
    answer("GET", line(b"GET /answer HTTP/1.1"), "9110, 8.6", 200, has=(f"{_LENGTH}: 5", "Date"),
           lacks=(_CODING,),
           body=b"hello"),
    answer("HEAD", line(b"HEAD /answer HTTP/1.1"), "9110, 9.3.2", 200, has=(f"{_LENGTH}: 5", "Date")),
    answer("204 with a body", line(b"GET /204 HTTP/1.1"), "9110, 15.3.5", 204, has=("Date",),
           lacks=(_LENGTH, _CODING),
           why="it is left out"),
    answer("205 with a body", line(b"GET /205 HTTP/1.1"), "9110, 15.3.6", 205, has=(f"{_LENGTH}: 0", "Date"),
           lacks=(_CODING,), why="it is left out; unlike 204 it ends where it says"),
    answer("304 with a body", line(b"GET /304 HTTP/1.1"), "9110, 15.4.5", 304, has=("Date",),
           lacks=(_LENGTH, _CODING),
           why="it is left out"),
    answer("103, then 200", line(b"GET /hints HTTP/1.1"), "9110, 15.2", 103, 200, has=(f"{_LENGTH}: 5",),
           body=b"hello"),
    answer("103, then 200, to HTTP/1.0", line(b"GET /hints HTTP/1.0"), "9110, 15.2", 200, body=b"hello",
           ends=CLOSED,
           why="it knows no interim answers"),
    answer("a stream", line(b"GET /stream HTTP/1.1"), "9112, 7.1", 200, has=(f"{_CODING}: chunked", "Date"),
           lacks=(_LENGTH,), body=b"hello"),
    answer("a stream to HEAD", line(b"HEAD /stream HTTP/1.1"), "9110, 9.3.2", 200, lacks=(_LENGTH,)),
    answer("a stream to HTTP/1.0", head(b"GET /stream HTTP/1.0", b"Connection: keep-alive"), "9112, 6.3", 200,
           has=("Date",), lacks=(_LENGTH, _CODING), body=b"hello", ends=CLOSED,
           why="only the end of the connection can end it"),
    answer("a stream with a length to HTTP/1.0", head(b"GET /counted HTTP/1.0", b"Connection: keep-alive"),
           "9112, 9.3",
           200, has=(f"{_LENGTH}: 5", "Connection: keep-alive"), body=b"hello"),
    answer("`Connection: upgrade` of the handler's own, on the last answer",
           head(b"GET /426 HTTP/1.1", b"Connection: close"), "9112, 9.6", 426,
           has=("Connection: upgrade, close",),
           body=b"hello", ends=CLOSED),
    answer("`Connection: close` of the handler's own", line(b"GET /close HTTP/1.1"), "9112, 9.6", 200,
           has=("Connection: close",), body=b"hello", ends=CLOSED),
    Row(arrives="HEAD that is refused", wire=head(b"HEAD / HTTP/1.1", host=False), section="9110, 9.3.2",
        answers=(400,), ends=CLOSED, body=b"", is_refused=True, has=("Connection: close", "Date"),
        why="a body would be read as the next answer"),
)  # fmt: skip
