"""Forms and multipart bodies: what handlers find in them, and what clients are told of bad ones."""

import base64
import gzip
import zlib
from typing import Any

import pytest

from .harness import Fields, ask, assert_same, differ


def _show(value: Any) -> str:
    """A field's value as text, in which types can be told apart."""
    if isinstance(value, str | bytes | bytearray):
        return repr(value)
    content = value.file.read()
    return (
        f"{value.name!r} {value.filename!r} {value.content_type!r} {len(content)} {content[:40]!r} "
        f"{sorted(value.headers.items())}"
    )


def forms(web: Any, seen: list[Any]) -> Any:
    async def post(request: Any) -> Any:
        form = await request.post()
        seen.extend(f"{name!r}: {_show(value)}" for name, value in form.items())
        assert await request.post() is form
        return web.Response(text=type(form).__name__)

    app = web.Application(client_max_size=100_000, client_max_fields=10)
    app.router.add_route("*", "/", post)
    return app


BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
TYPE: Fields = [("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")]
URLENCODED: Fields = [("Content-Type", "application/x-www-form-urlencoded")]


def part(data: bytes | str, disposition: str | None = 'form-data; name="a"', *fields: str) -> bytes:
    lines = [
        f"--{BOUNDARY}",
        *([f"Content-Disposition: {disposition}"] if disposition else []),
        *fields,
        "",
        "",
    ]
    body = data.encode() if isinstance(data, str) else data
    return "\r\n".join(lines).encode() + body + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()
FILE = 'form-data; name="file"; filename="{}"'

URLENCODED_BODIES = [
    b"a=1",
    b"a=1&b=2&a=3",
    b"a",
    b"a=",
    b"=a",
    b"&",
    b"a=1&&b=2",
    b"a+b=c+d",
    b"a=%C3%BC",
    b"a=%ff",
    b"a=%",
    b"a=%zz",
    b"a=1;b=2",
    "ü=ü".encode(),
    b"a=1\r\n",
    b" a=1 ",
    b"a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8&i=9&j=10",
    b"a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8&i=9&j=10&k=11",
    b"&" * 20,
    b"a=" + b"x" * 99_998,
    b"a=" + b"x" * 99_999,
]


@pytest.mark.parametrize("body", URLENCODED_BODIES, ids=lambda body: repr(body[:30]))
def test_urlencoded(body: bytes) -> None:
    assert_same(forms, ask("POST", "/", URLENCODED, body))


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/json",
        "multipart/mixed; boundary=x",
        "APPLICATION/X-WWW-FORM-URLENCODED",
        "application/x-www-form-urlencoded; charset=latin-1",
        "application/x-www-form-urlencoded;charset=utf-8",
        "application/x-www-form-urlencoded; charset=cp1251",
        "nonsense",
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET"])
def test_types_and_methods(method: str, content_type: str) -> None:
    fields = [("Content-Type", content_type)]
    assert_same(
        forms,
        ask(
            method, "/", fields, b"a=\xfc%fc&b" if "=" in content_type and "8" not in content_type else b"a=1"
        ),
    )


def test_no_type_and_no_body() -> None:
    assert_same(forms, ask("POST", "/", [], b"a=1"), ask("POST", "/", URLENCODED), ask("POST"))


MULTIPART_BODIES: dict[str, bytes] = {
    "nothing in it": END,
    "a text": part("1") + END,
    "texts": part("1") + part("ü", 'form-data; name="ü"') + part("") + END,
    "line ends": part("one\r\ntwo\r\n\r\n") + END,
    "a text area": part("a" * 50_000) + END,
    "a file": part("content", FILE.format("a.txt"), "Content-Type: text/plain") + END,
    "a file without a type": part("content", FILE.format("a.txt")) + END,
    "an empty file": part("", FILE.format("a.txt"), "Content-Type: image/png") + END,
    "no file chosen": part("", FILE.format(""), "Content-Type: application/octet-stream") + END,
    "several files": part("1", FILE.format("a")) + part("2", FILE.format("b")) + part("3") + END,
    "a large file": part(
        bytes(range(256)) * 300, FILE.format("a.bin"), "Content-Type: application/octet-stream"
    )
    + END,
    "binary": part(b"\0\r\n--\r\n\xff\r\n-", FILE.format("a")) + END,
    "a path": part("x", FILE.format("C:\\\\dir\\\\a.txt")) + part("x", FILE.format("/etc/passwd")) + END,
    "a name with quotes": part("x", 'form-data; name="a%22b"; filename="a%22b"') + END,
    "an escaped quote": part("x", 'form-data; name="a"; filename="a\\"b.txt"') + END,
    "a semicolon": part("x", 'form-data; name="a;b"; filename="c.txt"') + END,
    "a name in a charset": part("x", "form-data; name=\"a\"; filename*=UTF-8''%e2%82%ac.txt") + END,
    "both names": part("x", 'form-data; name="a"; filename="e.txt"; filename*=UTF-8\'\'%e2%82%ac.txt') + END,
    "a name as bytes": part("x", 'form-data; name="a"; filename="ü.txt"') + END,
    "a type and no file": part("{}", 'form-data; name="a"', "Content-Type: application/json") + END,
    "a text type": part("<p>", 'form-data; name="a"', "Content-Type: text/html") + END,
    "a charset": part(b"\xfc", 'form-data; name="a"', "Content-Type: text/plain; charset=iso-8859-1") + END,
    "more fields": part("x", 'form-data; name="a"', "X-One: 1", "X-Two: 2", "x-one: 3") + END,
    "a content coding": part("x", 'form-data; name="a"', "Content-Encoding: gzip") + END,
    "a wrong length": part("x", 'form-data; name="a"', "Content-Length: 100") + END,
    "base64": part(base64.b64encode(b"abc"), 'form-data; name="a"', "Content-Transfer-Encoding: base64")
    + END,
    "a file in base64": part(
        base64.encodebytes(bytes(range(256)) * 200), FILE.format("a"), "Content-Transfer-Encoding: base64"
    )
    + END,
    "quoted-printable": part("=C3=BC", 'form-data; name="a"', "Content-Transfer-Encoding: quoted-printable")
    + END,
    "binary encoding": part("x", 'form-data; name="a"', "Content-Transfer-Encoding: binary") + END,
    "lower case": part("x").replace(b"Content-Disposition: form", b"content-disposition:form") + END,
    "another disposition": part("x", 'attachment; name="a"') + END,
    "a preamble": b"preamble\r\n" + part("x") + END,
    "an empty line before": b"\r\n" + part("x") + END,
    "no line end after": part("x") + END.rstrip(),
    "an epilogue": part("x") + END + b"epilogue",
    "padding": part("x").replace(b"gW\r\n", b"gW  \r\n", 1) + END,
    "as many fields as may be": part("x") * 10 + END,
    "too many fields": part("x") * 11 + END,
    "too large": part("x" * 100_000) + END,
    "a file that is too large": part("x" * 100_000, FILE.format("a")) + END,
    "nearly boundaries": part(f"\r\n--{BOUNDARY[:-1]}\r\n--{BOUNDARY[:-2]}\r\n\r\n-") + END,
}


@pytest.mark.parametrize("name", MULTIPART_BODIES)
def test_multipart(name: str) -> None:
    assert_same(forms, ask("POST", "/", TYPE, MULTIPART_BODIES[name]))


def test_quoted_boundaries() -> None:
    body = b"--a b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--a b--\r\n"
    assert_same(forms, ask("POST", "/", [("Content-Type", 'multipart/form-data; boundary="a b"')], body))
    body = body.replace(b"a b", b"b")
    assert_same(forms, ask("POST", "/", [("Content-Type", "multipart/form-data;charset=x;boundary=b")], body))


def chunked(body: bytes, size: int) -> bytes:
    """A request whose body comes in chunks."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    return ask("POST", "/", [*TYPE, ("Transfer-Encoding", "chunked")]) + chunks


@pytest.mark.parametrize("size", [1, 2, 3, 10, 50, 1000])
def test_chunked(size: int) -> None:
    body = MULTIPART_BODIES["texts"][: -len(END)] + MULTIPART_BODIES["several files"]
    assert_same(forms, chunked(body, size), chunked(MULTIPART_BODIES["binary"], size))


# -- part by part ----------------------------------------------------------------------------------------


def parts(web: Any, seen: list[Any]) -> Any:
    async def walk(reader: Any, way: Any) -> None:
        async for item in reader:
            if hasattr(item, "part_reader_cls"):
                seen.append(f"nested {item.headers['Content-Type']}")
                await walk(item, way)
                seen.append(f"nested end {item.at_eof()} {await item.next()}")
            else:
                seen.append(
                    f"{item.name} {item.filename} {sorted(item.headers.items())} {item.get_charset('x')}"
                )
                await way(item)
                seen.append(f"end {item.at_eof()} {await item.read()!r}")
        seen.append(f"{reader.at_eof()} {await reader.next()}")

    async def read(item: Any) -> None:
        seen.append(bytes(await item.read()))

    async def decode(item: Any) -> None:
        seen.append(bytes(await item.read(decode=True)))

    async def chunks(item: Any) -> None:
        data = b""
        while chunk := await item.read_chunk(100):
            data += bytes(item.decode(chunk))
        seen.append(data)

    async def lines(item: Any) -> None:
        found = []
        while line := await item.readline():
            found.append(bytes(line))
        seen.append(found)

    async def text(item: Any) -> None:
        seen.append(await item.text())

    async def json(item: Any) -> None:
        seen.append(await item.json())

    async def form(item: Any) -> None:
        seen.append(await item.form())

    async def release(item: Any) -> None:
        seen.append(await item.release())

    async def skip(item: Any) -> None:
        pass

    async def iterate(item: Any) -> None:
        async for data in item:
            seen.append(bytes(data))

    async def handle(request: Any) -> Any:
        way = ways[request.match_info["way"]]
        reader = await request.multipart()
        try:
            if way is skip:
                seen.append([getattr(item, "name", None) async for item in reader])
            elif way is release:
                seen.append(await reader.release())
            else:
                await walk(reader, way)
        except web.HTTPException as error:
            # What a program that catches nothing tells its client.
            seen.append(f"{error.status}")
            raise
        return web.Response(text=str(reader.at_eof()))

    functions = (read, decode, chunks, lines, text, json, form, release, skip, iterate)
    ways = {function.__name__: function for function in functions}
    app = web.Application(client_max_size=10_000)
    app.router.add_post("/{way}", handle)
    return app


WAYS = ["read", "decode", "chunks", "lines", "text", "form", "release", "skip", "iterate"]

PART_BODIES = [name for name, body in MULTIPART_BODIES.items() if len(body) < 20_000]


@pytest.mark.parametrize("way", ["read", "decode", "lines", "release", "skip", "iterate"])
def test_forms_part_by_part(way: str) -> None:
    # aiohttp cannot read empty parts by line, nor such as end in a line feed.
    skipped = {"texts", "line ends", "an empty file", "no file chosen"} if way == "lines" else ()
    bodies = [MULTIPART_BODIES[name] for name in PART_BODIES if name not in skipped]
    assert_same(parts, *[ask("POST", f"/{way}", TYPE, body) for body in bodies])


MIXED: Fields = [("Content-Type", f"multipart/mixed; boundary={BOUNDARY}")]
INNER = b"--i\r\n\r\none\r\n--i\r\nX: y\r\n\r\ntwo\r\n--i--\r\n"
MIXED_BODIES: dict[str, bytes] = {
    "texts": part("one", None) + part("two", None, "X: y") + END,
    "lines": part("one\ntwo\r\n\r\nthree", None) + part("\n", None) + END,
    "urlencoded": part("a=1&b=&c=%C3%BC", None, "Content-Type: application/x-www-form-urlencoded") + END,
    "nested": part(INNER, None, "Content-Type: multipart/mixed; boundary=i") + part("last", None) + END,
    "nested at the end": part("first", None)
    + part(INNER, None, "Content-Type: multipart/related; boundary=i")
    + END,
    "a length": part("12345", None, "Content-Length: 5") + END,
    "no length": part("", None, "Content-Length: 0") + part("x", None) + END,
    "gzip": part(gzip.compress(b"abc", mtime=0), None, "Content-Encoding: gzip") + END,
    "deflate": part(zlib.compress(b"abc")[2:-4], None, "Content-Encoding: deflate") + END,
    "identity": part("abc", None, "Content-Encoding: identity") + END,
    "base64": part(base64.encodebytes(b"abc" * 100), None, "Content-Transfer-Encoding: base64") + END,
    "quoted-printable": part("a=3Db=\r\nc", None, "Content-Transfer-Encoding: quoted-printable") + END,
    "8bit": part("ü", None, "Content-Transfer-Encoding: 8bit") + END,
    "a charset": part(b"\xfc", None, "Content-Type: text/plain; charset=latin-1") + END,
    "a quoted charset": part(b"\xfc", None, 'Content-Type: text/plain; charset="latin-1"') + END,
    "too large": part("x" * 10_000, None) + part("x" * 10_001, None) + END,
}


@pytest.mark.parametrize("way", WAYS)
def test_mixed_bodies_part_by_part(way: str) -> None:
    skipped = {
        "form": ["a charset", "a quoted charset"],
        "lines": ["too large", "lines", "no length", "base64"],
    }.get(way, [])
    bodies = [body for name, body in MIXED_BODIES.items() if name not in skipped]
    assert_same(parts, *[ask("POST", f"/{way}", MIXED, body) for body in bodies])


def test_json_parts() -> None:
    body = part('{"a": [1]}', None, "Content-Type: application/json") + part("", None) + END
    assert_same(parts, ask("POST", "/json", MIXED, body))


# -- the differences that are meant ------------------------------------------------------------------------


REFUSED: dict[str, tuple[Fields, bytes, str]] = {
    "no boundary": ([("Content-Type", "multipart/form-data")], END, "boundary missed"),
    "a long boundary": (
        [("Content-Type", f"multipart/form-data; boundary={'x' * 71}")],
        END,
        "is not a boundary",
    ),
    "nothing": (TYPE, b"", "before its first boundary"),
    "another boundary": (TYPE, b"--b\r\n\r\n--b--\r\n", "before its first boundary"),
    "cut": (TYPE, part("x"), "before its last boundary"),
    "no header field": (TYPE, part("x", None, "nonsense") + END, "not a header field"),
    "a folded first line": (TYPE, part("x", None, " x: y") + END, "not a header field"),
    "no name": (TYPE, part("x", None) + END, "has no name"),
    "nested": (
        TYPE,
        part(INNER, 'form-data; name="a"', "Content-Type: multipart/mixed; boundary=i") + END,
        "multipart",
    ),
    "no UTF-8": (TYPE, part(b"\xff") + END, "is no text"),
    "an unknown encoding": (
        TYPE,
        part("x", 'form-data; name="a"', "Content-Transfer-Encoding: x") + END,
        "unknown",
    ),
    "no base64": (
        TYPE,
        part("QUJ", 'form-data; name="a"', "Content-Transfer-Encoding: base64") + END,
        "not base64",
    ),
    "something behind a boundary": (TYPE, part("x") + END.replace(b"--\r", b"x\r"), "something behind it"),
    "urlencoded, no text": (URLENCODED, b"a=\xff", "is not in utf-8"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_form_that_is_malformed_is_the_client_s_fault(name: str) -> None:
    fields, body, message = REFUSED[name]
    theirs, ours = differ(forms, ask("POST", "/", fields, body))
    assert theirs.status == 500
    assert ours.status == 400 and message in ours.body.decode()


def test_a_form_in_a_charset_that_nobody_knows() -> None:
    fields = [("Content-Type", "application/x-www-form-urlencoded; charset=nonsense")]
    theirs, ours = differ(forms, ask("POST", "/", fields, b"a=1"))
    assert (theirs.status, ours.status) == (500, 415)


def test_line_feeds_alone_end_no_line() -> None:
    theirs, ours = differ(forms, ask("POST", "/", TYPE, part("x").replace(b"gW\r\n", b"gW\n", 1) + END))
    assert (theirs.status, ours.status) == (200, 400)


def test_a_folded_field() -> None:
    body = part("x", None, "Content-Disposition: form-data;", ' name="a"') + END
    theirs, ours = differ(forms, ask("POST", "/", TYPE, body))
    assert theirs.status != 200
    assert ours.seen == ["'a': 'x'"]


def test_semicolons_in_names() -> None:
    theirs, ours = differ(forms, ask("POST", "/", TYPE, part("x", 'form-data; name="a;b;c"') + END))
    assert theirs.status == 500
    assert ours.seen == ["'a;b;c': 'x'"]


def test_white_space_after_a_value() -> None:
    theirs, ours = differ(forms, ask("POST", "/", TYPE, part("x", "form-data; name=a ; x=y") + END))
    assert theirs.status == 500
    assert ours.seen == ["'a': 'x'"]


def test_a_length_that_does_not_agree_with_the_boundary() -> None:
    data = f"ab\r\n--{BOUNDARY}\r\n\r\ncd"
    theirs, ours = differ(
        parts, ask("POST", "/read", MIXED, part(data, None, f"Content-Length: {len(data)}") + END)
    )
    assert theirs.seen[1] == repr(data.encode())
    assert ours.status == 400
    theirs, ours = differ(parts, ask("POST", "/read", MIXED, part("abc", None, "Content-Length: 2") + END))
    assert (theirs.status, ours.status) == (500, 400)


def test_the_charset_of_a_form() -> None:
    body = part("latin-1", 'form-data; name="_charset_"') + part(b"\xfc") + END
    theirs, ours = differ(forms, ask("POST", "/", TYPE, body))
    assert theirs.status != 200
    assert ours.seen == ["'a': 'ü'"]


def test_parts_of_a_body_that_is_none() -> None:
    theirs, ours = differ(parts, ask("POST", "/read", [("Content-Type", "text/plain")], b"x"))
    assert (theirs.status, ours.status) == (500, 415)
    theirs, ours = differ(parts, ask("POST", "/read", [("Content-Type", "multipart/mixed")], b"x"))
    assert (theirs.status, ours.status) == (500, 400)
    theirs, ours = differ(parts, ask("POST", "/read", MIXED, part("x", None)))
    assert (theirs.status, ours.status) == (500, 400)


def test_the_outer_boundary_ends_a_nested_body() -> None:
    body = (
        part(b"--i\r\n\r\none", None, "Content-Type: multipart/mixed; boundary=i") + part("last", None) + END
    )
    theirs, ours = differ(parts, ask("POST", "/read", MIXED, body))
    assert (theirs.status, ours.status) == (500, 400)
    # Its other parts can be had.
    theirs, ours = differ(parts, ask("POST", "/skip", MIXED, body))
    assert (theirs.status, ours.status) == (500, 200)


def reread(web: Any, seen: list[Any]) -> Any:
    async def handle(request: Any) -> Any:
        await request.read()
        seen.append(list((await request.post()).items()))
        return web.Response()

    app = web.Application()
    app.router.add_post("/", handle)
    return app


def test_a_form_of_which_the_body_was_read() -> None:
    assert_same(reread, ask("POST", "/", URLENCODED, b"a=1"))
    theirs, ours = differ(reread, ask("POST", "/", TYPE, part("x") + END))
    assert theirs.status == 500
    assert ours.seen == ["[('a', 'x')]"]


def streamed(web: Any, seen: list[Any]) -> Any:
    async def handle(request: Any) -> Any:
        await request.content.read()
        try:
            await request.post()
        except Exception as error:
            seen.append(type(error).__name__)
            raise
        return web.Response()

    app = web.Application()
    app.router.add_post("/", handle)
    return app


def test_a_form_of_which_the_body_was_read_as_a_stream() -> None:
    theirs, ours = differ(streamed, ask("POST", "/", TYPE, part("x") + END))
    assert (theirs.seen, ours.seen) == (["ValueError"], ["RuntimeError"])
    assert theirs.status == ours.status == 500


def test_an_empty_part_has_no_lines() -> None:
    for data in ("", "one\n"):
        theirs, ours = differ(parts, ask("POST", "/lines", MIXED, part(data, None) + END))
        assert theirs.status == 500
        assert ours.seen[1] == (f"[{data.encode()!r}]" if data else "[]")


def unbounded(web: Any, seen: list[Any]) -> Any:
    async def handle(request: Any) -> Any:
        async for item in await request.multipart():
            seen.append(bytes(await item.read()))
        return web.Response()

    app = web.Application(client_max_size=0)
    app.router.add_post("/", handle)
    return app


def test_no_bound_for_a_part() -> None:
    theirs, ours = differ(unbounded, ask("POST", "/", TYPE, part("x") + END))
    assert theirs.status == 413
    assert ours.seen == ["b'x'"]


def test_codecs_that_are_no_charsets() -> None:
    fields = [("Content-Type", "application/x-www-form-urlencoded; charset=unicode-escape")]
    theirs, ours = differ(forms, ask("POST", "/", fields, b"a=\\x41"))
    assert (theirs.status, ours.status) == (200, 415)


def classes(web: Any, seen: list[Any]) -> Any:
    async def handle(request: Any) -> Any:
        reader = await request.multipart()
        item = await reader.next()
        seen.append(type(await item.read()).__name__)
        return web.Response()

    app = web.Application()
    app.router.add_post("/", handle)
    return app


def test_the_data_of_a_part_is_bytes() -> None:
    theirs, ours = differ(classes, ask("POST", "/", TYPE, part("x") + END))
    assert (theirs.seen, ours.seen) == (["bytearray"], ["bytes"])
