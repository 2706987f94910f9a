"""Files that are compressed on their way."""

import gzip
import logging
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sketch import web
from sketch.files import SMALL
from sketch.http.memory import MemoryExchange
from tests.asking import ask, fields_of, run_with, status_of
from tests.conformance.driver import until
from tests.descriptors import NEEDS_PROC, nothing_stays_open

pytestmark = NEEDS_PROC

CONTENTS = {"small.txt": b"0123456789" * 100, "large.txt": b"0123456789" * SMALL, "empty.txt": b""}
GZIP = {"Accept-Encoding": "gzip"}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    for name, content in CONTENTS.items():
        (tmp_path / name).write_bytes(content)
        os.utime(tmp_path / name, (1_700_000_000, 1_700_000_000))
    with nothing_stays_open(tmp_path.resolve()):
        yield tmp_path.resolve()


def serving(place: Path, *middlewares: Any, compresses: bool = True) -> web.Application:
    async def handler(request: web.Request) -> web.FileResponse:
        response = web.FileResponse(place / request.match_info["name"], chunk_size=1000)
        if compresses:
            response.enable_compression()
        return response

    app = web.Application(middlewares=middlewares)
    app.router.add_get("/{name}", handler)
    return app


def head_of(exchange: MemoryExchange) -> dict[str, str]:
    return {name.lower(): value for name, value in fields_of(exchange)}


@pytest.mark.parametrize("name", ["small.txt", "large.txt"])
def test_a_file_is_compressed(place: Path, name: str) -> None:
    exchange = ask(serving(place), "GET", f"/{name}", GZIP)
    head = head_of(exchange)
    assert gzip.decompress(exchange.response_body) == CONTENTS[name]
    assert (head["content-encoding"], head["vary"], head["transfer-encoding"]) == (
        "gzip",
        "Accept-Encoding",
        "chunked",
    )
    assert head["etag"].startswith('W/"') and "content-length" not in head and "accept-ranges" not in head
    asked = ask(serving(place), "HEAD", f"/{name}", GZIP)
    assert asked.response_body == b"" and head_of(asked) == head


def test_the_tag_of_what_was_compressed_is_known_again(place: Path) -> None:
    etag = head_of(ask(serving(place), "GET", "/small.txt", GZIP))["etag"]
    exchange = ask(serving(place), "GET", "/small.txt", {**GZIP, "If-None-Match": etag})
    assert status_of(exchange) == 304 and head_of(exchange)["etag"] == etag
    exchange = ask(serving(place), "GET", "/small.txt", {**GZIP, "Range": "bytes=0-1", "If-Range": etag})
    assert status_of(exchange) == 200 and gzip.decompress(exchange.response_body) == CONTENTS["small.txt"]


def test_what_is_not_modified_has_the_tag_that_the_client_knows(place: Path) -> None:
    """RFC 9110, section 15.4.5: whatever the middleware made of the file; it has no type to go by."""
    app = web.Application(middlewares=[web.compress()])
    app.router.add_static("/", place)
    for fields in (GZIP, {}):
        etag = head_of(ask(app, "GET", "/large.txt", fields))["etag"]
        assert etag.startswith("W/") is bool(fields)
        for known in (etag, f'"other", {etag}'):
            exchange = ask(app, "GET", "/large.txt", {**fields, "If-None-Match": known})
            assert status_of(exchange) == 304 and head_of(exchange)["etag"] == etag
            assert head_of(exchange).get("vary") == ("Accept-Encoding" if fields else None)


def test_a_neighbour_that_is_not_modified_keeps_its_tag(place: Path) -> None:
    (place / "large.txt.gz").write_bytes(gzip.compress(b"another"))
    etag = head_of(ask(serving(place), "GET", "/large.txt", GZIP))["etag"]
    assert etag.startswith('"')
    exchange = ask(serving(place), "GET", "/large.txt", {**GZIP, "If-None-Match": etag})
    assert status_of(exchange) == 304 and head_of(exchange)["etag"] == etag


def test_a_part_is_not_compressed(place: Path) -> None:
    exchange = ask(serving(place), "GET", "/large.txt", {**GZIP, "Range": "bytes=5-9"})
    head = head_of(exchange)
    assert (status_of(exchange), exchange.response_body) == (206, b"56789")
    assert "content-encoding" not in head and not head["etag"].startswith("W/")


@pytest.mark.parametrize("name", ["small.txt", "empty.txt", "missing"])
def test_what_is_not_compressed(place: Path, name: str) -> None:
    content = CONTENTS.get(name, b"")
    for fields in ({}, GZIP) if not content else ({},):
        exchange = ask(serving(place), "GET", f"/{name}", fields)
        assert exchange.response_body == content
        assert head_of(exchange)["content-length"] == str(len(content))
        assert "content-encoding" not in head_of(exchange)


def test_a_neighbour_is_compressed_already(place: Path) -> None:
    (place / "small.txt.gz").write_bytes(gzip.compress(b"kept"))
    exchange = ask(serving(place), "GET", "/small.txt", GZIP)
    assert gzip.decompress(exchange.response_body) == b"kept"
    assert head_of(exchange)["etag"].startswith('"') and "content-length" in head_of(exchange)


def test_by_a_middleware(place: Path) -> None:
    app = serving(place, web.compress(minimum_size=100), compresses=False)
    app.router.add_static("/s", place)
    for target in ("/large.txt", "/s/large.txt"):
        exchange = ask(app, "GET", target, GZIP)
        assert gzip.decompress(exchange.response_body) == CONTENTS["large.txt"]


def test_a_file_that_shrinks_while_it_is_compressed(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    exchange = MemoryExchange("GET", "/large.txt", GZIP)

    async def shrink() -> None:
        exchange.pause_client()
        await until(lambda: exchange.response_started and bool(exchange.response_body))
        os.truncate(place / "large.txt", 100)
        exchange.resume_client()

    with caplog.at_level(logging.ERROR):
        run_with(serving(place).make_exchange_handler(), exchange, shrink)
    assert exchange.aborted and "large.txt cannot be sent to its end" in str(caplog.records[0].exc_info)
    with pytest.raises((EOFError, zlib.error)):
        gzip.decompress(exchange.response_body)
