"""Media types by names: the same as in aiohttp, whatever the machine says."""

from pathlib import Path

import pytest
from aiohttp.web_fileresponse import CONTENT_TYPES as THEIRS

from sketch.filetypes import CONTENT_TYPES, find_content_type

# Its own ".Z" aiohttp never finds: some versions of Python look for ".z" only.
ENDINGS = sorted(set(THEIRS.types_map[True]) - {".Z"})
SHORT = (".tgz", ".svgz", ".taz", ".tz", ".tbz2", ".txz")


@pytest.mark.parametrize("name", ["a" + ending for ending in (*ENDINGS, *SHORT)])
def test_the_types_that_aiohttp_knows(name: str) -> None:
    assert find_content_type(f"/some.where/{name}") == THEIRS.guess_type(name)[0]


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.HTML", "text/html"),
        ("a.tar.gz", "application/gzip"),
        ("a.tar.Z", "application/x-compress"),
        ("a.js.zst", "application/zstd"),
        ("noending", "application/octet-stream"),
        (".html", "application/octet-stream"),
        ("a.unheard-of", "application/octet-stream"),
        ("dir.html/noending", "application/octet-stream"),
        ("http:a.txt", "text/plain"),
        ("data:,a.css", "text/css"),
        ("a.\udcff", "application/octet-stream"),
        ("", "application/octet-stream"),
    ],
)
def test_what_a_name_ends_in(name: str, content_type: str) -> None:
    assert find_content_type(name) == content_type


def test_types_can_be_added(monkeypatch: pytest.MonkeyPatch) -> None:
    known = CONTENT_TYPES.types_map[True]
    monkeypatch.setattr(CONTENT_TYPES, "types_map", (CONTENT_TYPES.types_map[False], dict(known)))
    CONTENT_TYPES.add_type("text/x-poem", ".poem")
    assert find_content_type(str(Path("a.poem"))) == "text/x-poem"
