"""What the servers are asked to do, as data: the load, and the answers that are right.

It knows nothing of servers and tools. The names of the works are also what a server program gets as
``--work``.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

ECHO_BODY: Final = '{"id": 12345, "item": "notebook", "price": 14.25, "tags": ["a", "bc"]}'
"""The 70 bytes of JSON that are posted and echoed, spaced as `json.dumps` does."""

GREETING: Final = "Hello, World!"
MEBIBYTE: Final = 1024 * 1024
DOWNLOAD_BYTES: Final = 10 * MEBIBYTE
UPLOAD_BYTES: Final = MEBIBYTE
FORM_BYTES: Final = 100 * MEBIBYTE
FILES: Final = {"small.bin": 4096, "large.bin": 10 * MEBIBYTE}
"""The files that are served, and the bytes that each of them has, all ``x``."""

BOUNDARY: Final = "----WebKitFormBoundary7MA4YWxkTrZu0gW"

AnswerCheck = Callable[[bytes], bool]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One request and what its answer has to be.

    ``varied``
        whether this request differs from the one of the load, to find answers that do not depend on
        the question; a canned server is not asked it.
    """

    path: str
    is_right: AnswerCheck
    content_type: str
    body: bytes = b""
    request_type: str = "application/json"
    method: str = "GET"
    varied: bool = False


@dataclass(frozen=True, kw_only=True)
class Work:
    """One kind of load.

    ``script``
        the file in ``bench/wrk`` that makes the requests.
    ``connections``
        open at once; ``None`` for the run's choice.
    ``answer_bytes``
        bytes of one answer where answers are so long that the ones cut off at the end of a round count:
        requests are then bytes received, divided by this.
    """

    name: str
    title: str
    path: str
    script: str
    checks: tuple[Check, ...]
    connections: int | None = None
    answer_bytes: int | None = None


def is_text(expected: str) -> AnswerCheck:
    """Whether a body is exactly this text."""
    return lambda body: body == expected.encode()


def is_json(expected: object) -> AnswerCheck:
    """Whether a body is JSON for this value, however it is spaced."""
    return lambda body: bool(json.loads(body) == expected)


def is_long(expected: int) -> AnswerCheck:
    """Whether a body consists of this many ``x``."""
    return lambda body: len(body) == expected and body.count(b"x") == expected


def _get_text(path: str, text: str, *, varied: bool = False) -> Check:
    return Check(path=path, is_right=is_text(text), content_type="text/plain", varied=varied)


def _echo(body: str, *, varied: bool = False) -> Check:
    return Check(
        path="/echo",
        method="POST",
        body=body.encode(),
        is_right=is_json(json.loads(body)),
        content_type="application/json",
        varied=varied,
    )


def _upload(length: int, *, varied: bool = False) -> Check:
    return Check(
        path="/upload",
        method="POST",
        body=b"x" * length,
        is_right=is_text(str(length)),
        content_type="text/plain",
        varied=varied,
    )


def _get_file(name: str) -> Check:
    return Check(
        path=f"/files/{name}", is_right=is_long(FILES[name]), content_type="application/octet-stream"
    )


def _form(length: int, *, varied: bool = False) -> Check:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    return Check(
        path="/form",
        method="POST",
        body=head.encode() + random.Random(1).randbytes(length) + f"\r\n--{BOUNDARY}--\r\n".encode(),
        request_type=f"multipart/form-data; boundary={BOUNDARY}",
        is_right=is_text(str(length)),
        content_type="text/plain",
        varied=varied,
    )


_GREETS: Final = (_get_text("/", GREETING),)

WORKS: Final[tuple[Work, ...]] = (
    Work(name="plaintext", title="plaintext", path="/", script="get.lua", checks=_GREETS),
    Work(
        name="browser",
        title="plaintext, a browser's 13 fields",
        path="/",
        script="browser.lua",
        checks=_GREETS,
    ),
    Work(
        name="varied",
        title="a browser's 13 fields, and a cookie that changes",
        path="/",
        script="varied.lua",
        checks=_GREETS,
    ),
    Work(
        name="json",
        title="JSON",
        path="/json",
        script="get.lua",
        checks=(
            Check(path="/json", is_right=is_json({"message": GREETING}), content_type="application/json"),
        ),
    ),
    Work(
        name="parameter",
        title="a path parameter",
        path="/user/sketch",
        script="get.lua",
        checks=(_get_text("/user/sketch", "sketch"), _get_text("/user/other", "other", varied=True)),
    ),
    Work(
        name="post",
        title="POST of 70 bytes of JSON, echoed",
        path="/echo",
        script="post.lua",
        checks=(_echo(ECHO_BODY), _echo('{"other": [1, 2, null]}', varied=True)),
    ),
    Work(name="middlewares", title="three middlewares", path="/", script="get.lua", checks=_GREETS),
    Work(
        name="upload",
        title="upload of 1 MiB, read in chunks",
        path="/upload",
        script="upload.lua",
        checks=(_upload(UPLOAD_BYTES), _upload(99_999, varied=True)),
        connections=8,
    ),
    Work(
        name="download",
        title="streamed download of 10 MiB",
        path="/download",
        script="get.lua",
        checks=(
            Check(
                path="/download",
                is_right=is_long(DOWNLOAD_BYTES),
                content_type="application/octet-stream",
            ),
        ),
        connections=8,
        answer_bytes=DOWNLOAD_BYTES,
    ),
    Work(
        name="routes",
        title="1000 routes",
        # The middle one, so that a router that walks a list pays its average.
        path="/api/resource500/42",
        script="get.lua",
        checks=(
            _get_text("/api/resource500/42", "42"),
            _get_text("/api/resource0/first", "first", varied=True),
            _get_text("/api/resource999/last", "last", varied=True),
        ),
    ),
    Work(
        name="file",
        title="a file of 4 KiB",
        path="/files/small.bin",
        script="get.lua",
        checks=(_get_file("small.bin"),),
    ),
    Work(
        name="large-file",
        title="a file of 10 MiB",
        path="/files/large.bin",
        script="get.lua",
        checks=(_get_file("large.bin"),),
        connections=8,
        answer_bytes=FILES["large.bin"],
    ),
    Work(
        name="form",
        title="multipart form with a file of 100 MiB",
        path="/form",
        script="form.lua",
        checks=(_form(FORM_BYTES), _form(99_999, varied=True)),
        connections=1,
    ),
    Work(name="access-log", title="access log on", path="/", script="get.lua", checks=_GREETS),
)

COMMON_WORKS: Final = ("plaintext", "browser", "json", "parameter", "post")
"""The works that every peer does."""

FILE_WORKS: Final = ("file", "large-file")

FRAMEWORK_WORKS: Final = (*FILE_WORKS, "form")
"""Works for what answers files and reads forms by itself."""

QUICK_WORKS: Final = (*COMMON_WORKS, "middlewares")
