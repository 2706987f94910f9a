"""The report as HTML: well formed, closed against injection, without anything from elsewhere."""

import base64
import hashlib
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.debugpage.page import escape, render_page
from sketch.debugpage.report import collect_report
from sketch.debugpage.style import CONTENT_SECURITY_POLICY, STYLE, STYLE_HASH

Catch = Callable[..., BaseException]

VOID = {"meta"}
TAGS = (
    "html head meta title style body main header section article p h1 h2 pre span b mark details summary dl "
    "dt dd div footer"
).split()
ATTRIBUTES = {"class", "title", "open", "lang", "charset", "name", "content"}


class Document(HTMLParser):
    """Reads a page, and insists on closed elements and on the few that the page is made of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.details: list[tuple[str, bool]] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        assert {name for name, _ in attributes} <= ATTRIBUTES
        values = dict(attributes)
        if tag == "details":
            self.details.append((values.get("class") or "", "open" in values))
        if tag not in VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self.open[3:]) | {"title"} & set(self.open):  # not all of it for each of the outermost
            self.texts[tag][-1] += data


def page_of(exception: BaseException, request: Any = None) -> str:
    return render_page(collect_report(exception, request))


NESTED = """\
import json
def read(text):
    return json.loads(text)
def work(text):
    try:
        read(text)
    except ValueError as error:
        raise OSError("damaged") from error
work("{")
"""


def test_the_page(catch: Catch, request_to_show: Any) -> None:
    document = Document(page_of(catch(NESTED), request_to_show))
    assert document.texts["title"] == ["OSError: damaged"]
    assert document.texts["h1"] == ["damaged"]
    assert document.texts["summary"] == [
        "1 variable",  # of `work`
        "2 variables",  # of the module: two functions
        "3 frames in json",
        "1 variable",  # of `read`
        "1 variable",
        "Traceback to copy",
    ]
    assert "json.loads(text)" in document.texts["mark"]
    assert "caused by" in document.texts["p"]


def test_ones_own_frames_come_open_and_in_order(catch: Catch) -> None:
    document = Document(page_of(catch(NESTED)))
    places = [text for text in document.texts["p"] if "program.py" in text]
    assert places == [
        "workprogram.py:8", "<module>program.py:9", "readprogram.py:3", "workprogram.py:6",
    ]  # fmt: skip
    assert [is_open for kind, is_open in document.details if kind == "variables"][0]
    assert not any(is_open for kind, is_open in document.details if kind == "library")
    assert sum(is_open for _, is_open in document.details) == 1


def test_the_request_is_shown_without_its_secrets(catch: Catch, request_to_show: Any) -> None:
    page = page_of(catch("1 / 0"), request_to_show)
    document = Document(page)
    assert "gold" not in page
    assert "shop.example" in document.texts["dd"]
    titles = ["Request", "Path parameters", "Query", "Headers", "Cookies", "As text"]
    assert document.texts["h2"] == titles


def test_nothing_comes_from_elsewhere(catch: Catch, request_to_show: Any) -> None:
    page = page_of(catch(NESTED), request_to_show)
    assert not re.search(r"\b(src|href|action|on\w+)\s*=", page)
    assert not re.search(r"url\(|@import|https?:", STYLE)
    assert page.count("<style>") == 1


EVIL = "</pre></style><script>alert(1)</script><img src=x onerror=alert(1)>\"'&amp;\x00\x1b[31m"


def test_what_strangers_send_stays_text(catch: Catch, request_to_show: Any) -> None:
    request_to_show.raw_path = request_to_show.method = request_to_show.remote = EVIL
    for part in ("match_info", "query", "headers", "cookies"):
        setattr(request_to_show, part, {EVIL: EVIL})
    exception = catch("local = EVIL\nraise type(EVIL, (Exception,), {})(EVIL)\n", EVIL=EVIL)
    exception.add_note(EVIL)
    exception.__context__ = ExceptionGroup(EVIL, [ValueError(EVIL)])
    exception.__suppress_context__ = False
    page = page_of(exception, request_to_show)
    Document(page)
    assert "<script" not in page.lower()
    assert "<img" not in page.lower()
    assert "\x00" not in page
    assert "\x1b" not in page


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_stays_text(text: str) -> None:
    document = Document(f"<p>{escape(text)}</p>")
    assert not set("<>\"'") & set(escape(text))
    assert len(document.texts["p"]) == 1


def test_a_group(catch: Catch) -> None:
    others = [OSError() for _ in range(50)]
    group = BaseExceptionGroup("several", [catch("1 / 0"), ValueError("b"), *others])
    document = Document(page_of(group))
    assert "1 of 52" in document.texts["p"]
    assert "37 more exceptions left out" in document.texts["p"]
    assert document.texts["h2"][:2] == ["division by zero", "b"]


def test_recursion(catch: Catch) -> None:
    page = page_of(catch("def f(n):\n    f(n + 1)\nf(0)\n"))
    Document(page)
    assert re.search(r"\d+ frames left out", page)
    assert len(page) < 50_000


def test_the_largest_page_is_bounded(catch: Catch, request_to_show: Any) -> None:
    assignments = "\n".join(f"    v{number} = '<' * 10000" for number in range(100))
    source = f"def a(n):\n{assignments}\n    b(n + 1)\ndef b(n):\n{assignments}\n    a(n + 1)\na(0)\n"
    request_to_show.headers = {f"X-{number}": "<" * 10**5 for number in range(1000)}
    traceback = catch(source).__traceback__
    exceptions = [ValueError("<" * 10**5).with_traceback(traceback) for _ in range(100)]
    page = page_of(ExceptionGroup("<" * 10**5, exceptions), request_to_show)
    Document(page)
    assert len(page) < 4_000_000


@pytest.mark.parametrize(
    "exception", [ValueError(), ValueError("a\nb"), KeyError("x"), SystemExit(), SyntaxError()]
)
def test_exceptions_without_frames(exception: BaseException) -> None:
    Document(page_of(exception))


def test_the_policy_allows_the_style_and_nothing_else() -> None:
    policy = dict(part.split(" ", 1) for part in CONTENT_SECURITY_POLICY.split("; "))
    assert policy["default-src"] == "'none'"
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    assert digest == STYLE_HASH
    assert policy["style-src"] == f"'sha256-{digest}'"
    assert policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    assert "script-src" not in policy
