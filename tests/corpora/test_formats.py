"""How cases are written in the two corpora, on examples of our own."""

import pytest

from tests.corpora import gunicorn, llhttp
from tests.corpora.case import Case, Told, with_hosts
from tests.corpora.prepare import judge

DOCUMENT = """\
## One

<!-- meta={"type": "request", "noScan": true} -->
```http
PUT /a HTTP/1.1
Content-Length: 3

a\\
bc
```

```log
off=0 message begin
off=0 len=3 span[method]="PUT"
off=4 len=2 span[url]="/a"
off=38 len=1 span[body]="a"
off=39 len=2 span[body]="bc"
off=41 message complete
```

### Another

<!-- meta={"type": "request-lenient-all"} -->
```http
GET /\\t
```

```log
off=0 message begin
off=5 error code=7 reason="Invalid"
```
"""


def test_a_document_of_llhttp() -> None:
    first, second = llhttp._read_document(DOCUMENT)
    data = b"PUT /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
    assert first == ("One", (data, True, (Told("PUT", "/a", b"abc"),), False))
    assert second == ("Another", (b"GET /\t", False, None, False))


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("a\nb\n", b"a\r\nb"),
        ("a\n\n", b"a\r\n"),
        ("a\\nb\\rc\\td\\fe", b"a\nb\rc\td\x0ce"),
        ("a\\\nb", b"ab"),
        ("\\x41\\101\\33é", "AA\x1bé".encode()),
    ],
)
def test_escapes_of_llhttp(text: str, data: bytes) -> None:
    assert llhttp.unescape(text) == data


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (b"a\\r\\n\nb\n", b"a\r\nb"),
        (b"a\\0\\n\\t\\x7fb", b"a\0\n\t\x7fb"),
    ],
)
def test_escapes_of_gunicorn(text: bytes, data: bytes) -> None:
    assert gunicorn.unescape(text) == data


def test_an_expectation_of_gunicorn() -> None:
    program = """
from gunicorn.config import Config
cfg = Config()
cfg.set("limit_request_line", 8200)
first = {"method": "GET", "uri": uri("/a"), "version": (1, 0), "headers": [("A", "b")], "body": ''}
second = {"method": "PUT", "uri": uri("/b" + "c"), "body": b"x\\n".decode('utf-8').encode('utf-8')}
request = [first, second]
"""
    assert gunicorn._read_expectation(program) == (Told("GET", "/a", b""), Told("PUT", "/bc", b"x\n"))
    assert gunicorn._read_expectation("request = InvalidHeader") is None


def test_a_host_is_added_where_one_is_missing() -> None:
    data = (
        b"GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /c HTTP/1.1\nX: y\n\n"
    )
    judged = judge(Case("x", data, False))
    assert judged.is_hostless
    host = b"\r\nHost: added.example"
    assert judged.data == data.replace(b"/a HTTP/1.1", b"/a HTTP/1.1" + host).replace(
        b"/c HTTP/1.1", b"/c HTTP/1.1" + host
    )
    assert with_hosts(b"ab", [0, 1]) == host + b"a" + host + b"b"


def test_a_fault_in_a_head_that_breaks_off_is_given_its_end() -> None:
    data = b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n"
    judged = judge(Case("x", data, False))
    assert judged.data == data + b"\r\n\r\n"
    assert judged.difference is None
    assert judge(Case("x", data, True)).difference is None


@pytest.mark.parametrize(
    ("data", "is_valid", "told", "difference"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", True, (Told("GET", "/", b""),), None),
        (b"GET / HTTP/1.1\r\n\r\n", False, None, "taken"),
        (b"GET / HTTP/2.0\r\n\r\n", True, (Told("GET", "/", b""),), "refused"),
        (b"GET / HTTP/2.0\r\n\r\n", False, None, None),
        (b"GET / HTTP/1.1\r\n\r\n", True, (Told("PUT", "/", b""),), "read otherwise"),
        (b"CONNECT a:1 HTTP/1.1\r\n\r\n", True, (Told("CONNECT", "a:1", b"x"),), None),
    ],
)
def test_judgements_are_compared(
    data: bytes, is_valid: bool, told: tuple[Told, ...] | None, difference: str | None
) -> None:
    assert judge(Case("x", data, is_valid, told)).difference == difference
