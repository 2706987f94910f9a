"""The programs of docs/bodies.md do what the page says."""

import email
import re
from pathlib import Path
from typing import Any

import pytest

from .asking import ask_handler, fields_of

PAGE = Path(__file__).parent.parent / "docs" / "bodies.md"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the page's programs define, in a folder that has the file that they send."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "report.pdf").write_bytes(b"%PDF")
    names: dict[str, Any] = {}
    for program in re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE):
        exec(compile(program, str(PAGE), "exec"), names)
    return names


@pytest.mark.parametrize(
    ("name", "body", "fields"),
    [
        (
            "download",
            b"%PDF",
            {"Content-Type": "application/pdf", "Content-Disposition": 'attachment; filename="report.pdf"'},
        ),
        ("numbers", b"0\n1\n2\n", {"Content-Type": "text/plain", "Transfer-Encoding": "chunked"}),
        (
            "named",
            b"a,b\n1,2\n",
            {"Content-Type": "text/csv", "Content-Disposition": 'attachment; filename="table.csv"'},
        ),
        ("picture", b"...", {"Content-Type": "image/x-pixels", "Content-Length": "3"}),
    ],
)
def test_the_programs_run(programs: dict[str, Any], name: str, body: bytes, fields: dict[str, str]) -> None:
    exchange = ask_handler(programs[name])
    assert exchange.response_body == body
    assert fields.items() <= dict(fields_of(exchange)).items()


def test_the_multipart_body(programs: dict[str, Any]) -> None:
    exchange = ask_handler(programs["both"])
    fields = dict(fields_of(exchange))
    assert fields["Content-Length"] == str(len(exchange.response_body))
    head = f"Content-Type: {fields['Content-Type']}\r\n\r\n".encode()
    parts: Any = email.message_from_bytes(head + exchange.response_body).get_payload()
    assert [part.get_payload(decode=True) for part in parts] == [b"a text", b'{"a": 1}', b"%PDF"]
