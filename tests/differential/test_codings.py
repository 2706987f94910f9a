"""Content codings on both frameworks: bodies that come in one, and responses that go out in one. The
differences are at the end, each a line in docs/aiohttp.md."""

import asyncio
import dataclasses
import gzip
import zlib
from typing import Any

import aiohttp.web
import pytest

import sketch.web
from tests.codings import ENCODE, decode, decode_so_far, deflate_bare

from .harness import Both, Fields, Outcome, ask, assert_same, compare, differ

TEXT = b"The quick brown fox jumps over the lazy dog.\n" * 30
GZIP = gzip.compress(TEXT, mtime=0)


def bodies(web: Any, seen: list[Any]) -> Any:
    async def read(request: Any) -> Any:
        try:
            body = await request.read()
            seen.append((request.content_length, request.headers.get("Content-Encoding"), len(body)))
            seen.append((request.body_exists, request.can_read_body, body == await request.read()))
        except web.HTTPException as error:
            seen.append((error.status, error.text))
            raise
        return web.Response(body=body, content_type="text/plain")

    async def stream(request: Any) -> Any:
        pieces = [piece async for piece in request.content.iter_chunked(100)]
        seen.append((max(map(len, pieces), default=0) <= 100, request.content.at_eof()))
        return web.Response(body=b"".join(pieces), content_type="text/plain")

    async def lines(request: Any) -> Any:
        seen.extend([line async for line in request.content])
        return web.Response(text="")

    async def exactly(request: Any) -> Any:
        seen.append((await request.content.readexactly(5), await request.content.readuntil(b".")))
        await request.release()
        return web.Response(text="")

    async def nothing(request: Any) -> Any:
        return web.Response(text="")

    app = web.Application()
    for handler in (read, stream, lines, exactly, nothing):
        app.router.add_post(f"/{handler.__name__}", handler)
    return app


def bodies_as_sent(web: Any, seen: list[Any]) -> Any:
    app = bodies(web, seen)
    whole = web.Application(handler_args={"auto_decompress": False})
    whole.add_subapp("/as-sent", app)
    return whole


def post(target: str, codings: str, body: bytes) -> bytes:
    return ask("POST", target, [("Content-Encoding", codings)], body)


def post_in_chunks(target: str, codings: str, body: bytes, size: int) -> bytes:
    head = ask("POST", target, [("Content-Encoding", codings), ("Transfer-Encoding", "chunked")])
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return head + b"".join([b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]) + b"0\r\n\r\n"


BODIES: dict[str, tuple[str, bytes]] = {
    **{coding: (coding, encode(TEXT)) for coding, encode in ENCODE.items()},
    **{f"large {coding}": (coding, encode(TEXT * 700)) for coding, encode in ENCODE.items()},
    **{f"nothing in {coding}": (coding, encode(b"")) for coding, encode in ENCODE.items()},
    "capitals": ("GZip", GZIP),
    "bare deflate": ("deflate", deflate_bare(TEXT)),
    "gzip members": ("gzip", GZIP + gzip.compress(b"more", mtime=0)),
    "deflate members": ("deflate", zlib.compress(TEXT) + zlib.compress(b"more")),
    "zstd frames": ("zstd", ENCODE["zstd"](TEXT) + ENCODE["zstd"](b"more")),
    "identity": ("identity", TEXT),
    "no bytes": ("gzip", b""),
    "too much": ("gzip", gzip.compress(bytes(2**20 + 1), mtime=0)),
    "just not too much": ("gzip", gzip.compress(bytes(2**20), mtime=0)),
}


@pytest.mark.parametrize("name", BODIES)
def test_bodies(name: str) -> None:
    codings, body = BODIES[name]
    targets = ["/read", "/stream", "/nothing", *["/lines"] * (len(body) < 2000 and "too" not in name)]
    assert_same(
        bodies,
        *[post(target, codings, body) for target in targets],
        *[post_in_chunks(target, codings, body, 1000) for target in ("/read", "/stream")],
    )


@pytest.mark.parametrize("coding", sorted(ENCODE))
def test_parts_of_bodies(coding: str) -> None:
    assert_same(bodies, post("/exactly", coding, ENCODE[coding](TEXT)))


@pytest.mark.parametrize("name", [name for name in BODIES if name != "too much"])
def test_bodies_as_they_were_sent(name: str) -> None:
    codings, body = BODIES[name]
    # Text is what they are not.
    assert_same(
        bodies_as_sent, post("/as-sent/stream", codings, body), post("/as-sent/nothing", codings, body)
    )


# -- responses -------------------------------------------------------------------------------------------


def responses(web: Any, seen: list[Any]) -> Any:
    def make(request: Any, **options: Any) -> Any:
        headers = [(name, value) for name, value in request.query.items() if name[0].isupper()]
        return web.Response(headers=headers, status=int(request.query.get("status", 200)), **options)

    def enable(request: Any, response: Any) -> Any:
        force = request.query.get("force")
        strategy = request.query.get("strategy")
        response.enable_compression(
            None if force is None else web.ContentCoding[force],
            **({} if strategy is None else {"strategy": int(strategy)}),
        )
        seen.append((response.compression, response.chunked, response.content_length))
        return response

    async def text(request: Any) -> Any:
        return enable(request, make(request, text=TEXT.decode()))

    async def chunks(request: Any) -> Any:
        response = make(request, body=TEXT, content_type="text/plain")
        response.enable_chunked_encoding()
        return enable(request, response)

    async def pool(request: Any) -> Any:
        return enable(request, make(request, body=TEXT, content_type="text/css", zlib_executor_size=1))

    async def raised(request: Any) -> Any:
        raise enable(request, web.HTTPConflict(text=TEXT.decode()))

    async def deprecated(request: Any) -> Any:
        response = make(request, text=TEXT.decode())
        with pytest.warns(DeprecationWarning):
            response.enable_compression(request.query["bool"] == "yes")
        return response

    async def stream(request: Any) -> Any:
        fields = [("Content-Type", "text/plain"), ("Content-Length", request.query.get("length", ""))]
        response = web.StreamResponse(headers=fields if "length" in request.query else fields[:1])
        enable(request, response)
        await response.prepare(request)
        seen.append((response.headers.get("Content-Encoding"), response.content_length))
        await response.write(TEXT)
        await response.write(b"")
        await response.write(memoryview(TEXT))
        await response.write_eof(b"end")
        return response

    async def empty(request: Any) -> Any:
        return enable(request, make(request, **({"body": b""} if "body" in request.query else {})))

    async def misused(request: Any) -> Any:
        try:
            web.Response().enable_compression("gzip")
        except Exception as error:
            seen.append(type(error).__name__)
        return web.Response()

    app = web.Application()
    for handler in (text, chunks, pool, raised, deprecated, stream, empty, misused):
        app.router.add_get(f"/{handler.__name__}", handler)
    return app


def accepting(value: str | None, target: str = "/text", method: str = "GET", **options: Any) -> bytes:
    fields: Fields = [] if value is None else [("Accept-Encoding", value)]
    return ask(method, target, fields, **options)


def readable(outcome: Outcome) -> Outcome:
    """What a client makes of it: decoded, without ``Vary``."""
    fields = [pair for pair in outcome.fields if pair[0] != "Vary"]
    body = decode(outcome.field("Content-Encoding"), outcome.body) if outcome.body else b""
    return dataclasses.replace(outcome, fields=fields, body=body)


@pytest.mark.parametrize("force", ["gzip", "deflate", "identity"])
@pytest.mark.parametrize("target", ["/text", "/chunks", "/pool", "/raised"])
def test_what_is_forced(target: str, force: str) -> None:
    """To the byte."""
    assert_same(
        responses,
        accepting(None, f"{target}?force={force}"),
        accepting("identity", f"{target}?force={force}&X-One=1&Cache-Control=no-transform"),
        accepting(None, f"{target}?force={force}", "HEAD"),
        *[accepting(None, f"{target}?force={force}", version="1.0")] * (target != "/chunks"),
    )


@pytest.mark.parametrize("length", [None, 5, len(TEXT) * 2 + 3])
@pytest.mark.parametrize("force", ["gzip", "deflate"])
def test_streams_that_are_forced(force: str, length: int | None) -> None:
    target = f"/stream?force={force}" + ("" if length is None else f"&length={length}")
    for both in compare(
        responses,
        accepting(None, target),
        accepting(None, target, "HEAD"),
        accepting(None, target, version="1.0"),
    ):
        assert readable(both.ours) == readable(both.theirs)


@pytest.mark.parametrize(
    "accepted", ["gzip", "deflate", "gzip, identity", "GZIP", "gzip;q=0.5", None, "", "identity"]
)
@pytest.mark.parametrize("target", ["/text", "/chunks", "/stream", "/raised", "/pool"])
def test_what_is_negotiated(target: str, accepted: str | None) -> None:
    for both in compare(responses, accepting(accepted, target), accepting(accepted, target, "HEAD")):
        assert readable(both.ours) == readable(both.theirs)
        assert (both.theirs.field("Vary"), both.ours.field("Vary")) == (None, "Accept-Encoding")


@pytest.mark.parametrize("value", ["yes", "no"])
def test_what_is_deprecated(value: str) -> None:
    assert_same(responses, accepting(None, f"/deprecated?bool={value}"))


# -- differences that are meant --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepted", "theirs", "ours"),
    [
        ("gzip, deflate", "deflate", "gzip"),
        ("gzip;q=0.9, deflate;q=0.1", "deflate", "gzip"),
        ("gzip;q=0", "gzip", None),
        ("gzip;q=0.1, identity;q=0.5", "gzip", None),
        ("*", None, "zstd"),
        ("br", None, "br"),
        ("gzip, deflate, br, zstd", "deflate", "zstd"),
    ],
)
def test_the_choice(accepted: str, theirs: str | None, ours: str | None) -> None:
    both = differ(responses, accepting(accepted))
    assert (both.theirs.field("Content-Encoding"), both.ours.field("Content-Encoding")) == (theirs, ours)
    assert readable(both.theirs).body == readable(both.ours).body == TEXT


def test_validators() -> None:
    both = differ(responses, accepting("gzip", "/text?ETag=%22x%22"))
    assert (both.theirs.field("ETag"), both.ours.field("ETag")) == ('"x"', 'W/"x"')


def test_a_body_in_a_coding_already() -> None:
    both = differ(responses, accepting(None, "/text?force=gzip&Content-Encoding=br"))
    assert (both.theirs.field("Content-Encoding"), both.theirs.body != TEXT) == ("gzip", True)
    assert (both.ours.field("Content-Encoding"), both.ours.body) == ("br", TEXT)


def test_what_must_not_be_transformed() -> None:
    both = differ(responses, accepting("gzip", "/text?Cache-Control=no-transform"))
    assert (both.theirs.field("Content-Encoding"), both.ours.field("Content-Encoding")) == ("gzip", None)


def test_a_part() -> None:
    both = differ(responses, accepting("gzip", "/text?status=206&Content-Range=bytes%200-9/10"))
    assert (both.theirs.field("Content-Encoding"), both.ours.field("Content-Encoding")) == ("gzip", None)


@pytest.mark.parametrize("status", [200, 204, 304])
def test_no_body(status: int) -> None:
    both = differ(responses, accepting("gzip", f"/empty?status={status}"))
    assert (both.theirs.status, both.ours.status) == (None, status)


def test_an_empty_body() -> None:
    both = differ(responses, accepting("gzip", "/empty?body=1"))
    assert (len(both.theirs.body), both.ours.body) == (20, b"")


def test_the_strategy_of_a_whole_body() -> None:
    both = differ(responses, accepting(None, f"/text?force=gzip&strategy={zlib.Z_HUFFMAN_ONLY}"))
    assert readable(both.theirs).body == readable(both.ours).body
    assert len(both.ours.body) > 2 * len(both.theirs.body)


def test_what_is_no_coding() -> None:
    both = differ(responses, accepting(None, "/misused"))
    assert (both.theirs.seen, both.ours.seen) == (["AssertionError"], ["TypeError"])


async def _readable_after_each_chunk(web: Any) -> list[bytes]:
    """What of two events a client can read once it has the first chunk, the second one, and so on."""

    async def handler(request: Any) -> Any:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        response.enable_compression(web.ContentCoding.gzip)
        await response.prepare(request)
        await response.write(b"one;")
        await response.write(b"two;")
        return response

    app = web.Application()
    app.router.add_get("/", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
    writer.write(ask())
    await reader.readuntil(b"\r\n\r\n")
    encoded, readable_so_far = b"", []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        encoded += (await reader.readexactly(size + 2))[:-2]
        readable_so_far.append(decode_so_far("gzip", encoded))
    writer.close()
    await runner.cleanup()
    return readable_so_far


def test_an_event_that_is_followed_by_none() -> None:
    """In aiohttp it waits for the end, or for many more."""
    theirs = asyncio.run(_readable_after_each_chunk(aiohttp.web))
    assert theirs[-1] == b"one;two;" and set(theirs[:-1]) <= {b""}
    ours = asyncio.run(_readable_after_each_chunk(sketch.web))
    assert ours[:2] == [b"one;", b"one;two;"]


# -- bodies that differ ----------------------------------------------------------------------------------


def both_ways(codings: str, body: bytes) -> list[Both]:
    return [differ(bodies, post(target, codings, body)) for target in ("/read", "/stream")]


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_a_body_that_is_cut_off(coding: str) -> None:
    for both in both_ways(coding, ENCODE[coding](TEXT)[:-3]):
        assert (both.theirs.status, both.ours.status) == (200, 400)


@pytest.mark.parametrize("body", [b"nonsense", GZIP + b"garbage"])
def test_a_body_that_is_not_in_its_coding(body: bytes) -> None:
    for both in both_ways("gzip", body):
        assert (both.theirs.status, both.ours.status) == (500, 400)


@pytest.mark.parametrize("codings", ["snappy", "gzip, snappy"])
def test_a_coding_that_is_not_known(codings: str) -> None:
    for both in both_ways(codings, b"abc"):
        assert (both.theirs.status, both.theirs.body) == (200, b"abc")
        assert (both.ours.status, both.ours.field("Accept-Encoding")) == (415, "zstd, br, gzip, deflate")


@pytest.mark.parametrize("codings", ["gzip, br", "br, gzip", "x-gzip"])
def test_codings_that_only_we_know(codings: str) -> None:
    body = TEXT
    for coding in codings.removeprefix("x-").split(", "):
        body = ENCODE[coding](body)
    for both in both_ways(codings, body):
        assert (both.theirs.body, both.ours.body) == (body, TEXT)
