"""llhttp's corpus: documents in Markdown, with requests and with what the parser reports for them.

The rules by which a request is written there are those of ``md-test.ts`` beside them.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator

from tests.corpora.case import Case, Told
from tests.corpora.download import AIOHTTP, read_files

FOLDER = "vendor/llhttp/test/request"

_PART = re.compile(
    r"^#+ (?P<heading>[^\n]*)$|^<!-- meta=(?P<meta>\{[^\n]*\}) -->$"
    r"|^```http\n(?P<http>.*?)^```|^```log\n(?P<log>.*?)^```",
    re.MULTILINE | re.DOTALL,
)
_SPAN = re.compile(r"off=(\d+) len=(\d+) span\[(method|url|body)\]=")
_ERROR = re.compile(r"error code=(\d+)")

_PAUSED = frozenset({"21", "22", "23"})
"""No errors: the parser stops at what changes the protocol, and where a test told it to."""

_SIMPLE = {"\\r": "\r", "\\n": "\n", "\\t": "\t", "\\f": "\f"}


def read_llhttp() -> list[Case]:
    """All cases about requests."""
    cases: list[Case] = []
    names: Counter[str] = Counter()
    for path, data in read_files(AIOHTTP, FOLDER).items():
        for heading, case in _read_document(data.decode()):
            name = f"llhttp/{path.removesuffix('.md')}: {heading}"
            names[name] += 1
            number = f" ({names[name]})" if names[name] > 1 else ""
            cases.append(Case(name + number, *case))
    return cases


def _read_document(text: str) -> Iterator[tuple[str, tuple[bytes, bool, tuple[Told, ...] | None, bool]]]:
    heading, data, reads_bodies = "", b"", True
    for match in _PART.finditer(text):
        if match["heading"] is not None:
            heading = match["heading"]
        elif match["meta"] is not None:
            reads_bodies = "skipBody" not in json.loads(match["meta"])
        elif match["http"] is not None:
            data = unescape(match["http"])
        else:
            is_valid, told, is_open_ended = _read_log(match["log"], data)
            yield heading, (data, is_valid, told if reads_bodies and is_valid else None, is_open_ended)


def unescape(text: str) -> bytes:
    """The bytes that a block stands for."""
    assert "${" not in text, "a computed part is written in a language that is not spoken here"
    text = text.removesuffix("\n")
    text = re.sub(r"\\(\r\n|\r|\n)", "", text)
    text = re.sub(r"\r\n|\r|\n", "\r\n", text)
    text = re.sub(r"\\[rntf]", lambda match: _SIMPLE[match[0]], text)
    text = re.sub(r"\\x([0-9a-fA-F]+)", lambda match: chr(int(match[1], 16)), text)
    text = re.sub(r"\\([0-7]{1,3})", lambda match: chr(int(match[1], 8)), text)
    return text.encode()


def _read_log(log: str, data: bytes) -> tuple[bool, tuple[Told, ...], bool]:
    error = _ERROR.search(log)
    is_paused = error is not None and error[1] in _PAUSED
    told = []
    for message in log.split(" message begin\n")[1:]:
        parts = {"method": b"", "url": b"", "body": b""}
        for start, length, name in _SPAN.findall(message):
            parts[name] += data[int(start) : int(start) + int(length)]
        is_complete = " message complete" in message
        told.append(Told(parts["method"].decode(), parts["url"].decode(), parts["body"], is_complete))
    return error is None or is_paused, tuple(told), is_paused
