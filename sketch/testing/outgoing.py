"""A request as a test writes it, turned into bytes: the line, the fields, the body and its type. Knows the
keywords of aiohttp's client; does not know where the bytes go.
"""

import io
import json as standard_json
import mimetypes
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any, NamedTuple
from urllib.parse import urlencode

from multidict import CIMultiDict
from yarl import URL

from ..http import names
from ..http.headers import check_field

USER_AGENT = "sketch.testing"

Body = bytes | AsyncIterable[bytes]
"""The whole of it, or pieces, each of which is sent as a chunk."""

Pairs = Mapping[str, Any] | Sequence[tuple[str, Any]]
"""Names and values; of several values with one name all are sent."""


class Content(NamedTuple):
    """A body and its media type; ``None`` for none."""

    body: Body = b""
    media_type: str | None = None


def make_content(data: Any, json: Any, files: Pairs | None) -> Content:
    """The body that the keywords of a request ask for. Raises `ValueError` for two bodies at once and
    `TypeError` for what is none."""
    if json is not None:
        if data is not None or files is not None:
            raise ValueError("a request has one body: json, or data and files")
        return Content(standard_json.dumps(json).encode(), "application/json")
    if files is not None or _has_files(data):
        return _make_multipart([*_pairs(data), *_pairs(files)])
    if data is None:
        return Content()
    if isinstance(data, str):
        return Content(data.encode(), "text/plain; charset=utf-8")
    if isinstance(data, bytes | bytearray | memoryview):
        return Content(bytes(data), "application/octet-stream")
    if isinstance(data, io.IOBase):
        return Content(_read(data), _guess_type(_name_of(data)))
    if isinstance(data, AsyncIterable):
        return Content(data, "application/octet-stream")
    pairs = [(name, value) for name, value in _pairs(data)]
    return Content(urlencode(pairs).encode(), "application/x-www-form-urlencoded")


def _pairs(data: Any) -> list[tuple[str, Any]]:
    if data is None:
        return []
    if isinstance(data, Mapping):
        return [(str(name), value) for name, value in data.items()]
    if isinstance(data, Iterable) and not isinstance(data, str | bytes):
        items = list(data)
        if all(isinstance(item, tuple) and len(item) == 2 for item in items):
            return items
    raise TypeError(
        f"a body is bytes, str, a file, an async iterable, or pairs of names and values; got {data!r}"
    )


def _has_files(data: Any) -> bool:
    if not isinstance(data, Mapping | list | tuple):
        return False
    return any(isinstance(value, io.IOBase) for _, value in _pairs(data))


# -- multipart/form-data (RFC 7578) --------------------------------------------------------------------------


def _make_multipart(pairs: list[tuple[str, Any]]) -> Content:
    parts = [_encode_part(name, value) for name, value in pairs]
    boundary = _choose_boundary(parts)
    lines = [b"--%b\r\n%b\r\n" % (boundary, part) for part in parts]
    body = b"".join(lines) + b"--%b--\r\n" % boundary
    return Content(body, f"multipart/form-data; boundary={boundary.decode()}")


def _choose_boundary(parts: list[bytes]) -> bytes:
    """The first that none of the parts has in it: the same request is the same bytes each time."""
    number = 0
    while any(b"--sketch-%d" % number in part for part in parts):
        number += 1
    return b"sketch-%d" % number


def _encode_part(name: str, value: Any) -> bytes:
    disposition = f'form-data; name="{_escape(name)}"'
    filename, content, media_type = _as_file(value)
    lines = [f"Content-Disposition: {disposition}"]
    if filename is not None:
        lines[0] += f'; filename="{_escape(filename)}"'
        lines.append(f"Content-Type: {media_type or _guess_type(filename)}")
    return "\r\n".join([*lines, "", ""]).encode() + content


def _as_file(value: Any) -> tuple[str | None, bytes, str | None]:
    """A value as file name, content and media type; a plain field has no file name."""
    if isinstance(value, tuple):
        if len(value) not in (2, 3):
            raise TypeError(f"a file is (name, content) or (name, content, media type), got {value!r}")
        filename, content, media_type = (*value, None)[:3]
        return str(filename), _read(content), media_type
    if isinstance(value, io.IOBase):
        return _name_of(value), _read(value), None
    return None, _read(value), None


def _read(content: Any) -> bytes:
    if isinstance(content, io.IOBase):
        content = content.read()
    return bytes(content) if isinstance(content, bytes | bytearray | memoryview) else str(content).encode()


def _name_of(file: Any) -> str:
    name = getattr(file, "name", None)
    return PurePath(name).name if isinstance(name, str) else "file"


def _guess_type(filename: str) -> str:
    return mimetypes.guess_type(filename)[0] or "application/octet-stream"


def _escape(text: str) -> str:
    # As browsers do it (HTML standard, "multipart/form-data encoding algorithm").
    return text.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")


# -- the head ------------------------------------------------------------------------------------------------


class Outgoing(NamedTuple):
    """A request that is ready to be sent.

    ``expects``
        whether the body waits for ``100 Continue``, or a final answer.
    ``goes_on``
        whether the client asks for another protocol, in which it may go on.
    """

    method: str
    url: URL
    head: bytes
    body: Body
    expects: bool
    goes_on: bool = False

    @property
    def is_chunked(self) -> bool:
        """Whether the body comes in chunks."""
        return not isinstance(self.body, bytes)


def make_request(
    method: str,
    url: URL,
    fields: "CIMultiDict[str]",
    content: Content,
    *,
    version: str = "1.1",
    expect100: bool = False,
) -> Outgoing:
    """A request with the fields that were given, and those that it needs besides. Raises `ValueError` for
    fields that no message can carry: `Client.send_raw` sends those."""
    fields = CIMultiDict(fields)
    fields.setdefault(names.HOST, _host_field(url))
    fields.setdefault("Accept", "*/*")
    fields.setdefault("User-Agent", USER_AGENT)
    if content.media_type is not None:
        fields.setdefault(names.CONTENT_TYPE, content.media_type)
    if expect100:
        fields.setdefault("Expect", "100-continue")
    if names.CONTENT_LENGTH not in fields and names.TRANSFER_ENCODING not in fields:
        if not isinstance(content.body, bytes):
            fields[names.TRANSFER_ENCODING] = "chunked"
        elif content.body or method in ("POST", "PUT", "PATCH"):
            fields[names.CONTENT_LENGTH] = str(len(content.body))
    for name, value in fields.items():
        check_field(name, value)
    lines = [f"{method} {_target(method, url)} HTTP/{version}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    head = "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")
    return Outgoing(method, url, head, content.body, expect100, names.UPGRADE in fields)


def _host_field(url: URL) -> str:
    host = url.host_subcomponent or ""
    return host if url.is_default_port() or url.explicit_port is None else f"{host}:{url.explicit_port}"


def _target(method: str, url: URL) -> str:
    if method == "CONNECT":
        return f"{url.host_subcomponent}:{url.port}"
    return url.raw_path_qs or "/"


def encode_chunk(data: bytes) -> bytes:
    """A piece of a body as a chunk (RFC 9112, section 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"
