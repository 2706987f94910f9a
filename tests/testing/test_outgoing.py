"""Requests as tests write them, and what becomes of them."""

import email.parser
import email.policy
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from yarl import URL

from sketch.testing.outgoing import Content, make_content, make_request


def content(**keywords: Any) -> Content:
    return make_content(keywords.get("data"), keywords.get("json"), keywords.get("files"))


def parts(made: Content) -> list[tuple[Any, str | None, str, Any]]:
    """Name, file name, type and content of each part, as the standard library reads them."""
    assert made.media_type is not None and isinstance(made.body, bytes)
    head = f"Content-Type: {made.media_type}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + made.body)
    return [
        (
            part.get_param("name", header="content-disposition"),
            part.get_filename(),
            part.get_content_type(),
            part.get_payload(decode=True),
        )
        for part in message.iter_parts()
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (None, Content(b"", None)),
        (b"abc", Content(b"abc", "application/octet-stream")),
        (bytearray(b"abc"), Content(b"abc", "application/octet-stream")),
        (memoryview(b"abc"), Content(b"abc", "application/octet-stream")),
        ("äbc", Content("äbc".encode(), "text/plain; charset=utf-8")),
        ({"a": 1, "b": "x y"}, Content(b"a=1&b=x+y", "application/x-www-form-urlencoded")),
        ([("a", "1"), ("a", "2")], Content(b"a=1&a=2", "application/x-www-form-urlencoded")),
        ({}, Content(b"", "application/x-www-form-urlencoded")),
    ],
)
def test_bodies(data: Any, expected: Content) -> None:
    assert content(data=data) == expected


def test_json() -> None:
    assert content(json={"a": [1, None]}) == Content(b'{"a": [1, null]}', "application/json")
    assert content(json=0).body == b"0"
    with pytest.raises(ValueError, match="one body"):
        content(json={}, data=b"")


def test_what_is_no_body() -> None:
    for data in (3, object(), [1, 2], {"a"}):
        with pytest.raises(TypeError, match="a body is"):
            content(data=data)
    with pytest.raises(TypeError, match="a file is"):
        content(files={"a": ("one",)})


def test_files(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("noted")
    with (tmp_path / "notes.txt").open("rb") as notes:
        made = content(
            data={"field": "välue"},
            files={"photo": ("cat.png", b"\x89\r\n--sketch-0"), "notes": notes, "x": ("x", "text", "a/b")},
        )
    assert parts(made) == [
        ("field", None, "text/plain", "välue".encode()),
        ("photo", "cat.png", "image/png", b"\x89\r\n--sketch-0"),
        ("notes", "notes.txt", "text/plain", b"noted"),
        ("x", "x", "a/b", b"text"),
    ]
    assert made.media_type == "multipart/form-data; boundary=sketch-1"


def test_a_file_in_a_form_and_a_file_as_a_body() -> None:
    assert parts(content(data={"f": io.BytesIO(b"abc")})) == [
        ("f", "file", "application/octet-stream", b"abc")
    ]
    assert content(data=io.BytesIO(b"abc")) == Content(b"abc", "application/octet-stream")


def test_a_name_cannot_end_its_line() -> None:
    made = content(files={'a"\r\nb': ('c"\n', b"")})
    assert isinstance(made.body, bytes)
    assert b'name="a%22%0D%0Ab"; filename="c%22%0A"' in made.body


@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=4))
def test_forms_come_back(form: dict[str, str]) -> None:
    made = content(data=form)
    assert isinstance(made.body, bytes)
    assert dict(parse_qsl(made.body.decode(), keep_blank_values=True)) == form


def lines(
    method: str = "GET",
    url: str = "http://localhost/",
    fields: dict[str, str] | None = None,
    body: Content = Content(),  # noqa: B008 - it cannot change
    **options: Any,
) -> list[str]:
    head = make_request(method, URL(url), CIMultiDict(fields or {}), body, **options).head
    assert head.endswith(b"\r\n\r\n")
    return head.decode().split("\r\n")[:-2]


def test_heads() -> None:
    assert lines() == ["GET / HTTP/1.1", "Host: localhost", "Accept: */*", "User-Agent: sketch.testing"]
    assert lines(url="https://h:8443/a%20b?q=1", version="1.0")[:2] == [
        "GET /a%20b?q=1 HTTP/1.0",
        "Host: h:8443",
    ]
    assert lines("CONNECT", "http://h/")[0] == "CONNECT h:80 HTTP/1.1"
    assert lines(url="http://[::1]:80/")[1] == "Host: [::1]"
    own = {"host": "other", "accept": "a/b", "user-agent": "me", "content-length": "7"}
    assert lines(fields=own, body=Content(b"abc"))[1:] == [f"{name}: {value}" for name, value in own.items()]


def test_framing() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b""

    assert "Content-Length: 3" in lines(body=Content(b"abc"))
    assert "Content-Length: 0" in lines("POST")
    assert not any(line.startswith("Content-Length") for line in lines("DELETE"))
    assert "Transfer-Encoding: chunked" in lines("POST", body=Content(pieces()))
    assert "Expect: 100-continue" in lines("POST", expect100=True)


def test_fields_that_no_message_can_carry() -> None:
    with pytest.raises(ValueError):
        lines(fields={"X": "a\r\nb"})
    with pytest.raises(ValueError):
        lines(fields={"X Y": "a"})
