"""Files as answers: conditions, ranges, heads, and every way out."""

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from sketch import fileresponse, files, web
from sketch.files import SMALL
from sketch.http.conditional import ETag
from sketch.http.memory import MemoryExchange, answer
from tests.asking import ask, ask_handler, fields_of, run_with, status_of
from tests.conformance.driver import until
from tests.descriptors import NEEDS_PROC, nothing_stays_open, open_files

pytestmark = NEEDS_PROC

MODIFIED = 1_700_000_000
DATE = formatdate(MODIFIED, usegmt=True)
CONTENT = bytes(range(256)) * 2000
"""More than is read at once, and more than one piece for a carrier without sockets."""

assert SMALL < len(CONTENT)

ETAG = f'"{MODIFIED * 10**9:x}-{len(CONTENT):x}"'


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A directory with a large and a small file; nothing in it stays open."""
    for name, content in (("large.bin", CONTENT), ("small.txt", b"0123456789"), ("empty.txt", b"")):
        (tmp_path / name).write_bytes(content)
        os.utime(tmp_path / name, (MODIFIED, MODIFIED))
    with nothing_stays_open(tmp_path.resolve()):
        yield tmp_path.resolve()


def get(
    path: Path, fields: dict[str, str] | None = None, method: str = "GET", **options: Any
) -> MemoryExchange:
    """The answer with a file."""

    async def handler(request: web.Request) -> web.FileResponse:
        return web.FileResponse(path, **options)

    return ask_handler(handler, method, "/", fields or {})


def head_of(exchange: MemoryExchange) -> dict[str, str]:
    fields = fields_of(exchange)
    assert len(dict(fields)) == len(fields)
    return {name.lower(): value for name, value in fields}


# -- what is described -----------------------------------------------------------------------------------


def test_a_whole_file(place: Path) -> None:
    exchange = get(place / "large.bin")
    assert (status_of(exchange), exchange.response_body) == (200, CONTENT)
    assert head_of(exchange) == {
        "content-type": "application/octet-stream",
        "etag": ETAG,
        "last-modified": DATE,
        "accept-ranges": "bytes",
        "content-length": str(len(CONTENT)),
    }
    assert exchange.response_complete and not exchange.aborted


@pytest.mark.parametrize(("name", "size"), [("small.txt", 10), ("empty.txt", 0), ("large.bin", len(CONTENT))])
def test_head_is_get_without_a_body(place: Path, name: str, size: int) -> None:
    for fields in ({}, {"If-None-Match": "*"}, {"If-Match": '"x"'}):
        asked, seen = get(place / name, fields), get(place / name, fields, "HEAD")
        assert (status_of(asked), head_of(asked)) == (status_of(seen), head_of(seen))
        assert seen.response_body == b"" and seen.response_complete
    assert head_of(get(place / name, method="HEAD"))["content-length"] == str(size)


def test_the_fields_of_the_program_stay(place: Path) -> None:
    fields = {"Content-Type": "text/x-own", "Cache-Control": "no-cache", "Content-Length": "1", "X-Own": "1"}
    exchange = get(place / "small.txt", headers=fields)
    head = head_of(exchange)
    assert (head["content-type"], head["cache-control"], head["x-own"]) == ("text/x-own", "no-cache", "1")
    assert (head["content-length"], exchange.response_body) == ("10", b"0123456789")
    assert (
        head_of(get(place / "small.txt", {"If-None-Match": "*"}, headers=fields))["cache-control"]
        == "no-cache"
    )


def test_a_status_of_the_program_is_no_subject_of_conditions(place: Path) -> None:
    """RFC 9110, sections 13.2.1 and 14.2."""
    for fields in ({"If-None-Match": "*"}, {"If-Match": '"x"'}, {"Range": "bytes=0-1"}):
        exchange = get(place / "small.txt", fields, status=404, reason="Gone Fishing")
        assert exchange.response_head is not None and exchange.response_head.reason == "Gone Fishing"
        assert (status_of(exchange), exchange.response_body) == (404, b"0123456789")
    assert status_of(get(place / "small.txt", {"If-None-Match": "*"}, status=201)) == 304
    assert status_of(get(place / "small.txt", {"Range": "bytes=0-1"}, status=201)) == 201


def test_the_future_is_not_told(place: Path) -> None:
    """RFC 9110, section 8.8.2.1: not later than the answer."""
    path = place / "small.txt"
    os.utime(path, (2**32, 2**32))
    told = head_of(get(path))["last-modified"]
    assert told != formatdate(2**32, usegmt=True)
    assert status_of(get(path, {"If-Modified-Since": told})) == 200
    assert status_of(get(path, {"Range": "bytes=0-1", "If-Range": told})) == 200


def test_a_fraction_of_a_second_counts_as_the_next_one(place: Path) -> None:
    path = place / "small.txt"
    os.utime(path, ns=(0, MODIFIED * 10**9 + 1))
    told = formatdate(MODIFIED + 1, usegmt=True)
    assert head_of(get(path))["last-modified"] == told
    assert status_of(get(path, {"If-Modified-Since": DATE})) == 200
    assert status_of(get(path, {"If-Modified-Since": told})) == 304


def test_hooks_see_the_head(place: Path) -> None:
    seen = []

    async def look(request: web.Request, response: web.StreamResponse) -> None:
        assert response.content_length is not None
        seen.append((response.status, response.headers.get("Content-Length"), response.content_length))
        response.headers["X-Hook"] = "was here"
        response.headers.popall("Etag", None)

    async def handler(request: web.Request) -> web.FileResponse:
        return web.FileResponse(place / request.match_info["name"])

    app = web.Application()
    app.on_response_prepare.append(look)
    app.router.add_get("/{name}", handler)
    for name, fields in (
        ("large.bin", {}), ("small.txt", {"Range": "bytes=2-3"}), ("small.txt", {"If-None-Match": "*"}),
        ("missing", {}), ("small.txt", {"If-Match": '"x"'}),
    ):  # fmt: skip
        head = head_of(ask(app, "GET", f"/{name}", fields))
        assert head["x-hook"] == "was here" and "etag" not in head
    size = len(CONTENT)
    assert seen == [(200, str(size), size), (206, "2", 2), (304, None, 0), (404, "0", 0), (412, "0", 0)]


# -- what is not there -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "status"),
    [("missing", 404), ("small.txt/", 404), ("nul\0", 404), ("x" * 300, 404), ("sub", 403), ("fifo", 403)],
)
def test_what_cannot_be_sent(place: Path, name: str, status: int) -> None:
    (place / "sub").mkdir()
    os.mkfifo(place / "fifo")
    exchange = get(f"{place}/{name}")  # type: ignore[arg-type]
    assert (status_of(exchange), exchange.response_body) == (status, b"")
    assert head_of(exchange) == {"content-length": "0"}


def test_the_system_s_trouble_is_no_404(
    place: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: Any) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "open", fail)
    assert status_of(get(place / "small.txt")) == 500
    (record,) = caplog.records
    assert record.exc_info is not None and "Too many" in str(record.exc_info[1])


@pytest.mark.parametrize("path", [b"/bytes", 3, None])
def test_what_is_no_path(path: Any) -> None:
    with pytest.raises(TypeError):
        web.FileResponse(path)


# -- conditions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"If-None-Match": ETAG}, 304),
        ({"If-None-Match": f"W/{ETAG}"}, 304),
        ({"If-None-Match": '"x"'}, 200),
        ({"If-None-Match": '"x"', "If-Modified-Since": DATE}, 200),
        ({"If-Modified-Since": DATE}, 304),
        ({"If-Match": ETAG}, 200),
        ({"If-Match": f"W/{ETAG}"}, 412),
        ({"If-Match": ETAG, "If-Unmodified-Since": formatdate(0, usegmt=True)}, 200),
        ({"If-Unmodified-Since": formatdate(0, usegmt=True)}, 412),
        ({"If-Match": '"x"', "If-None-Match": ETAG}, 412),
        ({"If-None-Match": ETAG, "Range": "bytes=0-1"}, 304),
        ({"If-Match": '"x"', "Range": "bytes=0-1"}, 412),
        ({"If-Match": ETAG, "Range": "bytes=0-1"}, 206),
    ],
)
def test_conditions(place: Path, fields: dict[str, str], status: int) -> None:
    exchange = get(place / "large.bin", fields)
    assert status_of(exchange) == status and not exchange.aborted
    head = head_of(exchange)
    if status == 304:
        assert head == {"etag": ETAG, "last-modified": DATE}
    if status == 412:
        assert head == {"content-length": "0"}
    if status in (304, 412):
        assert exchange.response_body == b""


def test_other_methods_than_get_and_head(place: Path) -> None:
    """RFC 9110, sections 13.1.2, 13.1.3 and 14.2."""
    for fields, status in (
        ({"If-None-Match": ETAG}, 412), ({"If-Modified-Since": DATE}, 200), ({"Range": "bytes=0-1"}, 200),
    ):  # fmt: skip
        assert status_of(get(place / "large.bin", fields, "POST")) == status


# -- ranges ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["large.bin", "small.txt"])
@pytest.mark.parametrize(
    ("value", "start", "stop"),
    [("bytes=0-0", 0, 1), ("bytes=3-", 3, None), ("bytes=-4", -4, None), ("bytes=2-5,4-7", 2, 8),
     ("bytes=0-99999999", 0, None), ("bytes=1-2,99999999-", 1, 3)],
)  # fmt: skip
def test_one_range(place: Path, name: str, value: str, start: int, stop: int | None) -> None:
    content = (place / name).read_bytes()
    exchange = get(place / name, {"Range": value})
    assert (status_of(exchange), exchange.response_body) == (206, content[start:stop])
    first, after, _ = slice(start, stop).indices(len(content))
    head = head_of(exchange)
    assert head["content-range"] == f"bytes {first}-{after - 1}/{len(content)}"
    assert head["content-length"] == str(after - first)
    assert head["etag"] and head["last-modified"] == DATE and head["accept-ranges"] == "bytes"


def test_several_ranges(place: Path) -> None:
    exchange = get(
        place / "large.bin", {"Range": "bytes=1000-1009,0-4,-3"}, headers={"Content-Type": "text/x"}
    )
    head = head_of(exchange)
    assert status_of(exchange) == 206 and "content-range" not in head
    kind, _, boundary = head["content-type"].partition("; boundary=")
    assert kind == "multipart/byteranges" and len(boundary) == 32
    size = len(CONTENT)
    parts = [(1000, 1010), (0, 5), (size - 3, size)]
    expected = b"\r\n".join(
        [
            f"--{boundary}\r\nContent-Type: text/x\r\n"
            f"Content-Range: bytes {start}-{stop - 1}/{size}\r\n\r\n".encode()
            + CONTENT[start:stop]
            for start, stop in parts
        ]
    )
    assert exchange.response_body == expected + f"\r\n--{boundary}--\r\n".encode()
    assert head["content-length"] == str(len(exchange.response_body))
    assert head["etag"] == ETAG and head["accept-ranges"] == "bytes"


def test_several_ranges_of_a_small_file(place: Path) -> None:
    (place / "small.txt").write_bytes(b"a" * 100 + b"b" * 100)
    exchange = get(place / "small.txt", {"Range": "bytes=0-2, 198-"})
    head = head_of(exchange)
    assert exchange.response_body.count(b"Content-Type: text/plain") == 2
    assert b"\r\n\r\naaa\r\n--" in exchange.response_body and b"\r\n\r\nbb\r\n--" in exchange.response_body
    assert head["content-length"] == str(len(exchange.response_body))


@pytest.mark.parametrize(
    "value",
    ["bytes=10-", "bytes=10-20,30-", "bytes=-0", "bytes=5-4", "bytes=x", "bytes=", "bytes=" + "0-,9-," * 60],
)
def test_ranges_that_are_refused(place: Path, value: str) -> None:
    exchange = get(place / "small.txt", {"Range": value})
    assert (status_of(exchange), exchange.response_body) == (416, b"")
    assert head_of(exchange) == {"content-range": "bytes */10", "content-length": "0"}


def test_ranges_that_do_not_matter(place: Path) -> None:
    for fields in (
        {"Range": "items=0-1"},
        {"Range": "bytes=0-1", "If-Range": '"x"'},
        {"Range": "bytes=0-1", "If-Range": f"W/{ETAG}"},
        {"Range": "bytes=x", "If-Range": '"x"'},
    ):
        exchange = get(place / "small.txt", fields)
        assert (status_of(exchange), exchange.response_body) == (200, b"0123456789")
        assert "content-range" not in head_of(exchange)
    exchange = get(place / "empty.txt", {"Range": "bytes=-5"})
    assert (status_of(exchange), exchange.response_body) == (200, b"")


@pytest.mark.parametrize("value", [ETAG, DATE])
def test_ranges_of_what_has_not_changed(place: Path, value: str) -> None:
    exchange = get(place / "large.bin", {"Range": "bytes=0-1", "If-Range": value})
    assert (status_of(exchange), exchange.response_body) == (206, CONTENT[:2])


# -- neighbours ------------------------------------------------------------------------------------------


@pytest.fixture
def kept(place: Path) -> Path:
    """A file, and compressed neighbours with the same time and the same size."""
    for name, content in (("a.js", b"itself"), ("a.js.gz", b"gzip!!"), ("a.js.br", b"brotli")):
        (place / name).write_bytes(content)
        os.utime(place / name, (MODIFIED, MODIFIED))
    return place / "a.js"


def test_a_neighbour_is_sent_as_the_file(kept: Path) -> None:
    exchange = get(kept, {"Accept-Encoding": "gzip;q=0.5, br"})
    head = head_of(exchange)
    assert exchange.response_body == b"brotli"
    assert (head["content-encoding"], head["vary"]) == ("br", "Accept-Encoding")
    assert head["content-type"] == head_of(get(kept))["content-type"]
    exchange = get(kept)
    head = head_of(exchange)
    assert exchange.response_body == b"itself" and head["vary"] == "Accept-Encoding"
    assert "content-encoding" not in head


def test_each_representation_has_a_tag_of_its_own(kept: Path) -> None:
    tags = {coding: head_of(get(kept, {"Accept-Encoding": coding}))["etag"] for coding in ("br", "gzip", "x")}
    assert len(set(tags.values())) == 3
    for coding, tag in tags.items():
        for other in tags:
            exchange = get(kept, {"Accept-Encoding": other, "If-None-Match": tag})
            assert status_of(exchange) == (304 if coding == other else 200)
            assert head_of(exchange)["vary"] == "Accept-Encoding"


def test_ranges_of_a_neighbour(kept: Path) -> None:
    exchange = get(kept, {"Accept-Encoding": "br", "Range": "bytes=1-2"})
    assert (status_of(exchange), exchange.response_body) == (206, b"ro")
    assert head_of(exchange)["content-encoding"] == "br"


@pytest.mark.parametrize(
    ("own", "vary"),
    [
        ("Origin", "Origin, Accept-Encoding"),
        ("*", "*"),
        ("origin, accept-encoding", "origin, accept-encoding"),
    ],
)
def test_vary_is_added_to(kept: Path, own: str, vary: str) -> None:
    assert head_of(get(kept, headers={"Vary": own}))["vary"] == vary


def test_a_file_without_neighbours_does_not_vary(place: Path) -> None:
    assert "vary" not in head_of(get(place / "small.txt", {"Accept-Encoding": "gzip, br"}))


def test_what_the_program_says_is_encoded_has_no_neighbours(kept: Path) -> None:
    exchange = get(kept, {"Accept-Encoding": "br"}, headers={"Content-Encoding": "x-own"})
    assert exchange.response_body == b"itself"
    assert head_of(exchange)["content-encoding"] == "x-own"


# -- framing, and a life of one answer -------------------------------------------------------------------


@pytest.mark.parametrize("name", ["large.bin", "small.txt"])
def test_chunked_framing(place: Path, name: str) -> None:
    async def handler(request: web.Request) -> web.FileResponse:
        response = web.FileResponse(place / name)
        response.enable_chunked_encoding()
        return response

    exchange = ask_handler(handler, "GET", "/")
    assert exchange.response_body == (place / name).read_bytes()
    head = head_of(exchange)
    assert head["transfer-encoding"] == "chunked" and "content-length" not in head


def test_prepared_by_the_handler_and_returned(place: Path) -> None:
    async def handler(request: web.Request) -> web.FileResponse:
        response = web.FileResponse(place / "large.bin")
        assert response.etag is None and not response.prepared
        await response.prepare(request)
        await response.prepare(request)
        assert response.prepared and response.etag == ETag(ETAG.strip('"'))
        with pytest.raises(RuntimeError):
            await response.write(b"more")
        return response

    exchange = ask_handler(handler, "GET", "/")
    assert exchange.response_body == CONTENT and exchange.response_complete


@pytest.mark.parametrize(("asked", "made"), [("GET", "HEAD"), ("HEAD", "GET")])
def test_a_request_that_was_given_another_method(place: Path, asked: str, made: str) -> None:
    """What is sent is what the client asked for."""

    async def rewrite(request: web.Request, handler: Any) -> web.StreamResponse:
        response: web.StreamResponse = await handler(request.clone(method=made))
        return response

    app = web.Application(middlewares=[rewrite])
    app.router.add_static("/", place)
    for name in ("large.bin", "small.txt"):
        exchange = ask(app, asked, f"/{name}")
        assert exchange.response_body == ((place / name).read_bytes() if asked == "GET" else b"")
        assert exchange.response_complete


def test_a_response_answers_once(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept = web.FileResponse(place / "small.txt")

    async def handler(request: web.Request) -> web.FileResponse:
        return kept

    assert status_of(ask_handler(handler, "GET", "/")) == 200
    assert status_of(ask_handler(handler, "GET", "/")) == 500
    assert "already answered" in str(caplog.records[-1].exc_info)


def test_what_a_middleware_replaces_is_never_opened(place: Path) -> None:
    async def replace(request: web.Request, handler: Any) -> web.Response:
        assert isinstance(await handler(request), web.FileResponse)
        return web.Response(text="instead")

    app = web.Application(middlewares=[replace])

    async def handler(request: web.Request) -> web.FileResponse:
        return web.FileResponse(place / "large.bin")

    app.router.add_get("/", handler)
    assert ask(app).response_body == b"instead"


# -- ways out --------------------------------------------------------------------------------------------


def play(
    path: Path, steps: Callable[[MemoryExchange], Any], fields: dict[str, str] | None = None
) -> MemoryExchange:
    """Have a file sent while ``steps``, a coroutine function, acts for the client and the disk."""
    app = web.Application()

    async def handler(request: web.Request) -> web.FileResponse:
        return web.FileResponse(path)

    app.router.add_get("/", handler)
    exchange = MemoryExchange("GET", "/", fields or {})
    run_with(app.make_exchange_handler(), exchange, lambda: steps(exchange))
    return exchange


def sending(exchange: MemoryExchange) -> bool:
    return bool(exchange.response_body)


@pytest.mark.parametrize("fields", [{}, {"Range": "bytes=0-,5-"}, {"Range": "bytes=1-400000,400500-"}])
def test_a_file_that_shrinks_cuts_the_answer(
    place: Path, caplog: pytest.LogCaptureFixture, fields: dict[str, str]
) -> None:
    async def shrink(exchange: MemoryExchange) -> None:
        exchange.pause_client()
        await until(lambda: sending(exchange))
        os.truncate(place / "large.bin", 1000)
        exchange.resume_client()

    with caplog.at_level(logging.ERROR):
        exchange = play(place / "large.bin", shrink, fields)
    assert exchange.aborted and not exchange.response_complete
    (record,) = caplog.records
    assert record.exc_info is not None and "large.bin cannot be sent to its end" in str(record.exc_info[1])


def test_a_file_that_grows_is_sent_as_it_was(place: Path) -> None:
    async def grow(exchange: MemoryExchange) -> None:
        exchange.pause_client()
        await until(lambda: sending(exchange))
        os.truncate(place / "large.bin", len(CONTENT) + 1000)
        exchange.resume_client()

    exchange = play(place / "large.bin", grow)
    assert exchange.response_body == CONTENT and exchange.response_complete


def test_a_file_that_is_replaced_is_sent_as_it_was(place: Path) -> None:
    async def replace(exchange: MemoryExchange) -> None:
        exchange.pause_client()
        await until(lambda: sending(exchange))
        (place / "other").write_bytes(b"other")
        os.replace(place / "other", place / "large.bin")
        exchange.resume_client()

    assert play(place / "large.bin", replace).response_body == CONTENT


def test_a_client_that_leaves(place: Path) -> None:
    async def leave(exchange: MemoryExchange) -> None:
        exchange.pause_client()
        await until(lambda: sending(exchange))
        assert open_files(place) == [str(place / "large.bin")]
        exchange.disconnect()

    assert not play(place / "large.bin", leave).response_complete


def test_a_handler_that_is_cancelled_while_it_sends(place: Path) -> None:
    async def cancel(exchange: MemoryExchange) -> None:
        exchange.cancel_on_disconnect = True
        exchange.pause_client()
        await until(lambda: sending(exchange))
        exchange.disconnect()

    with pytest.raises(asyncio.CancelledError):
        play(place / "large.bin", cancel)


def test_a_handler_that_is_cancelled_while_the_file_is_opened(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is there to take the file that comes out of the thread."""
    asked, let_go = threading.Event(), threading.Event()
    opened: list[object] = []

    def slow(*args: Any, **options: Any) -> Any:
        asked.set()
        assert let_go.wait(20)
        file = files.open_file(*args, **options)
        opened.append(file.descriptor)
        return file

    monkeypatch.setattr(fileresponse, "open_file", slow)

    async def main() -> None:
        exchange = MemoryExchange()
        app = web.Application()

        async def handler(request: web.Request) -> web.FileResponse:
            return web.FileResponse(place / "large.bin")

        app.router.add_get("/", handler)
        task = asyncio.create_task(answer(app.make_exchange_handler(), exchange))
        await until(asked.is_set)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        let_go.set()
        assert not exchange.response_started

    asyncio.run(main())
    assert len(opened) == 1


def test_a_hook_that_fails(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def fail(request: web.Request, response: web.StreamResponse) -> None:
        if isinstance(response, web.FileResponse):
            raise LookupError("a hook")

    async def handler(request: web.Request) -> web.FileResponse:
        return web.FileResponse(place / "large.bin")

    app = web.Application()
    app.on_response_prepare.append(fail)
    app.router.add_get("/", handler)
    assert status_of(ask(app)) == 500
    assert open_files(place) == []


def test_the_etag_of_any_response() -> None:
    response = web.StreamResponse()
    assert response.etag is None
    response.etag = "abc"
    assert (response.headers["ETag"], response.etag) == ('"abc"', ETag("abc"))
    response.etag = ETag("abc", is_weak=True)
    assert (response.headers["ETag"], response.etag) == ('W/"abc"', ETag("abc", is_weak=True))
    response.etag = "*"
    assert (response.headers["ETag"], response.etag) == ("*", ETag("*"))
    response.etag = None
    assert "ETag" not in response.headers
    response.headers["ETag"] = "no tag"
    assert response.etag is None
    for bad in ('a"b', "a b", "a\r\nb", "a\ud800", 3, ETag('"')):
        with pytest.raises(ValueError):
            response.etag = bad  # type: ignore[assignment]
