"""The page of a directory: what is on it, in which order, and nothing that a name could smuggle in."""

import base64
import hashlib
from html.parser import HTMLParser
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.directorypage import (
    CONTENT_SECURITY_POLICY,
    STYLE,
    STYLE_HASH,
    Entry,
    format_size,
    render_directory,
)


class Page(HTMLParser):
    """What a browser makes of it: links with their text, elements, text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.elements: set[str] = set()
        self.text = ""
        self._target: str | None = None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag == "a":
            self._target = dict(attrs)["href"]

    def handle_data(self, data: str) -> None:
        if self._target is not None:
            self.links.append((self._target, data))
            self._target = None
        self.text += data


EXPECTED = {
    "html", "head", "meta", "title", "style", "body", "main", "h1", "table", "thead", "tbody", "tr", "th",
    "td", "a",
}  # fmt: skip


def test_folders_come_first_and_names_in_order() -> None:
    names = ("b.txt", "A.txt", "a.txt", "Zoo", "ant")
    entries = [Entry(name, "." not in name, 1, 0) for name in names]
    page = Page(render_directory("/sub/", "/files/sub/", entries))
    assert page.links == [
        ("/files/", "../"),
        ("/files/sub/ant/", "ant/"),
        ("/files/sub/Zoo/", "Zoo/"),
        ("/files/sub/A.txt", "A.txt"),
        ("/files/sub/a.txt", "a.txt"),
        ("/files/sub/b.txt", "b.txt"),
    ]
    assert page.elements == EXPECTED and "Index of /sub/" in page.text


def test_the_root_has_nothing_above_it() -> None:
    assert Page(render_directory("/", "/files/", [Entry("a", False, 0, 0)])).links == [("/files/a", "a")]
    assert Page(render_directory("/", "/", [])).links == []
    assert "empty" in Page(render_directory("/", "/", [])).text


def test_sizes_and_times() -> None:
    page = render_directory("/", "/", [Entry("a", False, 1536, 1_700_000_000), Entry("b", True, 4096, 0)])
    assert "1.5 KiB" in page and "2023-11-14 22:13" in page
    assert "4.0 KiB" not in page and "1970-01-01 00:00" in page


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (2**20 - 1, "1.0 MiB"),
        (2**20, "1.0 MiB"), (5 * 2**30, "5.0 GiB"), (3 * 2**40, "3.0 TiB"), (2**60, "1048576.0 TiB"),
    ],
)  # fmt: skip
def test_a_size_is_readable(size: int, text: str) -> None:
    assert format_size(size) == text


names = st.binary(min_size=1, max_size=40).map(
    lambda octets: octets.replace(b"/", b"").replace(b"\0", b"").decode("utf-8", "surrogateescape")
)


@given(names.filter(bool), st.booleans())
def test_whatever_a_name_is(name: str, is_directory: bool) -> None:
    """It is a link that leads to it, and text."""
    html = render_directory(f"/{name}/", "/x/", [Entry(name, is_directory, 0, 0)])
    html.encode()
    page = Page(html)
    assert page.elements == EXPECTED
    target = dict((text, target) for target, text in page.links)
    (link,) = [target for text, target in target.items() if text != "../"]
    octets = name.encode("utf-8", "surrogateescape")
    assert unquote_to_bytes(link) == b"/x/" + octets + (b"/" if is_directory else b"")
    assert link.isascii() and link.isprintable() and " " not in link


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a&amp;b", "javascript:alert(1)", "'x'"],
)
def test_names_that_would_be_markup(name: str) -> None:
    page = Page(render_directory(f"/{name}/", "/x/", [Entry(name, False, 0, 0)]))
    assert page.elements == EXPECTED
    assert page.links[1][1] == name and page.links[1][0].startswith("/x/")


def test_what_is_left_out_is_said() -> None:
    assert "1,234 more" in Page(render_directory("/", "/", [], left_out=1234)).text


def test_the_policy_allows_this_style_sheet_and_nothing_else() -> None:
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    assert digest == STYLE_HASH
    assert f"<style>{STYLE}</style>" in render_directory("/", "/", [])
    directives = dict(directive.split(" ", 1) for directive in CONTENT_SECURITY_POLICY.split("; "))
    assert directives.pop("style-src") == f"'sha256-{digest}'"
    assert set(directives.values()) == {"'none'"}
    assert STYLE.isascii() and "url(" not in STYLE and "@import" not in STYLE
