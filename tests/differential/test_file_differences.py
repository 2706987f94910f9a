"""The differences in files that are meant, with both sides of each. The table is in docs/aiohttp.md."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .harness import Fields, Outcome, Program, ask, differ

MODIFIED = 1_700_000_000
SAME, AFTER = (f"Tue, 14 Nov 2023 22:13:{second} GMT" for second in (20, 21))
ETAG = f'"{MODIFIED * 10**9:x}-64"'
CONTENT = b"0123456789" * 10
RANGE = ("Range", "bytes=0-9")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    outer = tmp_path_factory.mktemp("files").resolve()
    place = outer / "root"
    place.mkdir()
    contents = {"a.txt": CONTENT, "b.js": b"itself", "b.js.gz": b"gzip", "b.js.br": b"br", "empty": b""}
    for name, content in contents.items():
        (place / name).write_bytes(content)
        os.utime(place / name, (MODIFIED, MODIFIED))
    (place / "directory").symlink_to("..")
    os.mkfifo(place / "fifo")
    yield place


def program_of(place: Path) -> Program:
    def files(web: Any, seen: list[Any]) -> Any:
        async def note(request: Any, handler: Any) -> Any:
            try:
                response = await handler(request)
            except web.HTTPException as error:
                seen.append(["raised", error.status])
                raise
            seen.append(["returned", response.status])
            return response

        async def send(request: Any) -> Any:
            status = int(request.query.get("status", 200))
            return web.FileResponse(place / request.match_info["name"], status=status)

        app = web.Application(middlewares=[web.middleware(note)])
        app.router.add_route("*", "/one/{name}", send)
        app.router.add_static("/s", place)
        app.router.add_static("/shown", place, show_index=True, follow_symlinks=True)
        app.router.add_static("/with space", place)
        return app

    return files


def get(place: Path, target: str, *fields: tuple[str, str], method: str = "GET") -> tuple[Outcome, Outcome]:
    theirs, ours = differ(program_of(place), ask(method, target, list(fields)))
    assert theirs.is_complete or theirs.status is None
    return theirs, ours


def is_empty(outcome: Outcome, status: int) -> bool:
    length = (outcome.field("Content-Length"), outcome.field("Transfer-Encoding"))
    return (outcome.status, outcome.body, *length) == (status, b"", "0", None)


# -- what is not sent ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "status"), [("missing", 404), ("fifo", 403), ("directory", 403)])
def test_what_cannot_be_sent_has_a_length(place: Path, name: str, status: int) -> None:
    theirs, ours = get(place, f"/one/{name}")
    assert (theirs.status, theirs.body, theirs.field("Transfer-Encoding")) == (status, b"", "chunked")
    assert is_empty(ours, status) and ours.field("Content-Type") is None


@pytest.mark.parametrize(("name", "status"), [("missing", 404), ("fifo", 403)])
def test_what_a_directory_does_not_have_is_an_exception(place: Path, name: str, status: int) -> None:
    theirs, ours = get(place, f"/s/{name}")
    assert (theirs.status, theirs.body, theirs.seen) == (status, b"", ["['returned', 200]"])
    assert (ours.status, ours.seen) == (status, [f"['raised', {status}]"])
    assert ours.body.startswith(f"{status}: ".encode())


def test_a_name_that_is_too_long(place: Path) -> None:
    theirs, ours = get(place, "/s/" + "x" * 300)
    assert (theirs.status, ours.status) == (500, 404)


def test_nul_in_a_name(place: Path) -> None:
    theirs, ours = get(place, "/one/a%00")
    assert theirs.status is None and is_empty(ours, 404)


# -- conditions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [("If-None-Match", ETAG), ("If-None-Match", "*")])
def test_a_method_that_does_not_read(place: Path, fields: tuple[str, str]) -> None:
    theirs, ours = get(place, "/one/a.txt", fields, method="POST")
    assert theirs.status == 304
    assert is_empty(ours, 412)


def test_a_date_and_a_method_that_does_not_read(place: Path) -> None:
    theirs, ours = get(place, "/one/a.txt", ("If-Modified-Since", SAME), method="POST")
    assert (theirs.status, ours.status, ours.body) == (304, 200, CONTENT)


@pytest.mark.parametrize(
    ("name", "theirs_is", "ours_is"), [("If-Match", 200, 412), ("If-None-Match", 304, 200)]
)
def test_an_asterisk_in_quotes_is_a_tag(place: Path, name: str, theirs_is: int, ours_is: int) -> None:
    theirs, ours = get(place, "/one/a.txt", (name, '"*"'))
    assert (theirs.status, ours.status) == (theirs_is, ours_is)


@pytest.mark.parametrize(("field", "status"), [(("If-None-Match", ETAG), 304), (RANGE, 206)])
def test_a_page_for_an_error_is_no_subject_of_conditions(
    place: Path, field: tuple[str, str], status: int
) -> None:
    theirs, ours = get(place, "/one/a.txt?status=404", field)
    assert (theirs.status, ours.status, ours.body) == (status, 404, CONTENT)


def test_a_time_zone_is_no_http_date(place: Path) -> None:
    theirs, ours = get(place, "/one/a.txt", ("If-Modified-Since", "Tue, 14 Nov 2023 22:13:20 +0100"))
    assert (theirs.status, ours.status) == (304, 200)


def test_tags_on_several_lines(place: Path) -> None:
    theirs, ours = get(place, "/one/a.txt", ("If-None-Match", '"x"'), ("If-None-Match", ETAG))
    assert (theirs.status, ours.status) == (200, 304)


# -- ranges ----------------------------------------------------------------------------------------------


def test_several_ranges(place: Path) -> None:
    theirs, ours = get(place, "/one/a.txt", ("Range", "bytes=0-1,99-"))
    assert theirs.status == 416
    assert ours.status == 206
    assert (ours.field("Content-Type") or "").startswith("multipart/byteranges; boundary=")
    assert b"\r\n\r\n01\r\n--" in ours.body and b"Content-Range: bytes 99-99/100" in ours.body


@pytest.mark.parametrize("method", ["HEAD", "POST"])
def test_ranges_are_for_get(place: Path, method: str) -> None:
    theirs, ours = get(place, "/one/a.txt", RANGE, method=method)
    assert (theirs.status, ours.status, ours.field("Content-Length")) == (206, 200, "100")


@pytest.mark.parametrize("value", ['"x"', f"W/{ETAG}", "x", AFTER])
def test_if_range_takes_tags_and_exact_dates(place: Path, value: str) -> None:
    theirs, ours = get(place, "/one/a.txt", RANGE, ("If-Range", value))
    assert (theirs.status, ours.status, ours.body) == (206, 200, CONTENT)


def test_other_units(place: Path) -> None:
    theirs, ours = get(place, "/one/a.txt", ("Range", "items=0-1"))
    assert (theirs.status, ours.status) == (416, 200)


def test_a_suffix_of_nothing(place: Path) -> None:
    theirs, ours = get(place, "/one/a.txt", ("Range", "bytes=-0"))
    assert (theirs.status, theirs.body) == (206, CONTENT)
    assert is_empty(ours, 416) and ours.field("Content-Range") == "bytes */100"


def test_the_end_of_an_empty_file(place: Path) -> None:
    theirs, ours = get(place, "/one/empty", ("Range", "bytes=-5"))
    assert (theirs.status, ours.status, ours.body) == (416, 200, b"")


@pytest.mark.parametrize("value", ["bytes=100-", "bytes=5-4", "bytes=x"])
def test_a_refused_range_has_a_length(place: Path, value: str) -> None:
    theirs, ours = get(place, "/one/a.txt", ("Range", value))
    assert (theirs.status, theirs.field("Transfer-Encoding")) == (416, "chunked")
    assert is_empty(ours, 416) and ours.field("Content-Range") == theirs.field("Content-Range")


# -- neighbours ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepted", "theirs_is", "ours_is"),
    [
        ("gzip;q=0", "gzip", None),
        ("br;q=0, gzip", "br", "gzip"),
        ("br;q=0.1, gzip", "br", "gzip"),
        ("*", None, "br"),
        ("identity, gzip;q=0.5", "gzip", None),
    ],
)
def test_weights_decide(place: Path, accepted: str, theirs_is: str | None, ours_is: str | None) -> None:
    theirs, ours = get(place, "/s/b.js", ("Accept-Encoding", accepted))
    assert (theirs.field("Content-Encoding"), ours.field("Content-Encoding")) == (theirs_is, ours_is)


def test_every_answer_says_that_it_varies(place: Path) -> None:
    theirs, ours = get(place, "/s/b.js")
    assert (theirs.field("Vary"), ours.field("Vary")) == (None, "Accept-Encoding")


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_a_representation_has_a_tag_of_its_own(place: Path, coding: str) -> None:
    theirs, ours = get(place, "/s/b.js", ("Accept-Encoding", coding))
    tag = (theirs.field("Etag") or "").strip('"')
    assert ours.field("Etag") == f'"{tag}-{coding}"'


# -- directories -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["/shown", "/shown/"])
def test_an_index(place: Path, target: str) -> None:
    theirs, ours = get(place, target)
    for outcome in (theirs, ours):
        assert outcome.field("Content-Type") == "text/html; charset=utf-8"
        assert b'href="/shown/a.txt"' in outcome.body
    assert theirs.field("Content-Security-Policy") is None and b"fifo" in theirs.body
    assert "default-src 'none'" in (ours.field("Content-Security-Policy") or "")
    assert ours.field("X-Content-Type-Options") == "nosniff" and b"fifo" not in ours.body


def test_an_index_behind_a_link(place: Path) -> None:
    theirs, ours = get(place, "/shown/directory")
    assert (theirs.status, ours.status) == (500, 200)
    assert b'href="/shown/directory/root/"' in ours.body


def test_a_prefix_that_is_quoted(place: Path) -> None:
    theirs, ours = get(place, "/with%20space/a.txt")
    assert (theirs.status, ours.status, ours.body) == (404, 200, CONTENT)


def test_a_modification_in_the_future(place: Path) -> None:
    path = place / "future"
    path.write_bytes(b"")
    os.utime(path, (2**32, 2**32))
    theirs, ours = get(place, "/one/future")
    assert theirs.field("Last-Modified") == "Sun, 07 Feb 2106 06:28:16 GMT"
    assert ours.field("Last-Modified") not in (None, theirs.field("Last-Modified"))


def test_the_system_s_trouble(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **options: Any) -> Any:
        raise OSError(5, "Input/output error")

    fields: Fields = []
    with monkeypatch.context() as patches:
        patches.setattr("aiohttp.web_fileresponse.FileResponse._get_file_path_stat_encoding", fail)
        patches.setattr("sketch.fileresponse.open_file", fail)
        theirs, ours = get(place, "/one/a.txt", *fields)
    assert (theirs.status, ours.status) == (404, 500)
