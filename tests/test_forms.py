"""Forms as handlers see them: what is in them, what is refused, and what is left when the request is over."""

import asyncio
import gc
import threading
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sketch import uploads, web
from sketch.application import Application
from sketch.forms import MultipartForm, read_multipart
from sketch.http.errors import Disconnected
from sketch.http.memory import MemoryExchange, answer
from sketch.multipart import BodyPartReader
from sketch.request import BaseRequest
from sketch.uploads import SPOOL
from tests.asking import ask, ask_handler, play, status_of, text_of
from tests.conformance.driver import settle

FORM = {"Content-Type": "multipart/form-data; boundary=b"}
URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}


def part(data: bytes, disposition: str = 'form-data; name="a"', *fields: str) -> bytes:
    head = "".join(f"{field}\r\n" for field in (f"Content-Disposition: {disposition}", *fields)).encode()
    return b"--b\r\n" + head + b"\r\n" + data + b"\r\n"


END = b"--b--\r\n"


def posted(
    body: bytes, fields: dict[str, str] = FORM, method: str = "POST", **limits: int
) -> list[tuple[str, Any]]:
    """What `post` gives for a body, whole and byte by byte; files as what is in them."""
    results: list[list[tuple[str, Any]]] = []

    def make(pieces: list[bytes]) -> Callable[[BaseRequest], Awaitable[None]]:
        async def steps(request: BaseRequest) -> None:
            for name, value in limits.items():
                setattr(request, name, value)
            for piece in pieces:
                exchange.feed(piece)
            if pieces:
                exchange.feed_eof()
            post = await request.post()
            assert await request.post() is post
            results.append([(name, _show(value)) for name, value in post.items()])
            exchange.end()

        return steps

    for pieces in ([body] if body else [], [bytes([octet]) for octet in body]):
        exchange = MemoryExchange(method, "/", fields, None if pieces else b"")
        play(make(pieces), exchange)
    assert results[0] == results[1]
    return results[0]


def _show(value: Any) -> Any:
    if not isinstance(value, web.FileField):
        return value
    return value.name, value.filename, value.content_type, value.file.read(), len(value.headers)


def refused(body: bytes, fields: dict[str, str] = FORM, **options: Any) -> tuple[int | None, str]:
    """The status and the text with which a form is refused that the handler asks for."""

    async def handler(request: web.Request) -> web.Response:
        await request.post()
        return web.Response(text="taken")

    app = Application(**options)
    app.router.add_post("/", handler)
    exchange = ask(app, "POST", "/", fields, body)
    return status_of(exchange), text_of(exchange)


# -- urlencoded ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (b"", []),
        (b"a=1&b=2&a=3", [("a", "1"), ("b", "2"), ("a", "3")]),
        (b"a=&b&=c&=&&", [("a", ""), ("b", ""), ("", "c"), ("", "")]),
        (b"a=%C3%BC+%2B&%61=%", [("a", "ü +"), ("a", "%")]),
        ("a=ü".encode(), [("a", "ü")]),
        (b"a=1\r\n", [("a", "1")]),
        (b"a=%ff", [("a", "\ufffd")]),
        (b"a=1;b=2", [("a", "1;b=2")]),
    ],
)
def test_urlencoded(body: bytes, form: list[tuple[str, str]]) -> None:
    assert posted(body, URLENCODED) == form


def test_urlencoded_in_another_charset() -> None:
    fields = {"Content-Type": "application/x-www-form-urlencoded; charset=latin-1"}
    assert posted(b"a=\xfc%fc", fields) == [("a", "üü")]


def test_urlencoded_that_is_no_text() -> None:
    status, text = refused(b"a=\xff", URLENCODED)
    assert status == 400 and "not in utf-8" in text
    fields = {"Content-Type": "application/x-www-form-urlencoded; charset=nonsense"}
    status, text = refused(b"a=b", fields)
    assert status == 415 and "nonsense" in text


@pytest.mark.parametrize("charset", ["u\xe9tf8", "latin\xdf1", '"utf-8\xe9"', "\u212aoi8-r"])
def test_a_charset_that_is_nearly_one(charset: str) -> None:
    """What is not ASCII in its name means nothing to one part of Python, and something to another."""
    fields = {"Content-Type": f"application/x-www-form-urlencoded; charset={charset}"}
    status, text = refused(b"a=%41", fields)
    assert status == 415 and "unknown charset" in text


def test_a_charset_that_takes_quadratic_time_is_none() -> None:
    fields = {"Content-Type": "application/x-www-form-urlencoded; charset=punycode"}
    assert refused(b"a" * 2**19 + b"-" + b"a" * (2**19 - 1), fields)[0] == 415

    async def handler(request: web.Request) -> web.Response:
        with pytest.raises(LookupError):
            await request.text()
        with pytest.raises(LookupError):
            await request.json()
        return web.Response()

    assert status_of(ask_handler(handler, "POST", "/", fields, b"a" * 100_000)) == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_methods_whose_bodies_are_no_forms(method: str) -> None:
    assert posted(b"a=1", URLENCODED, method) == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE"])
def test_methods_whose_bodies_are(method: str) -> None:
    assert posted(b"a=1", URLENCODED, method) == [("a", "1")]
    assert posted(part(b"1") + END, FORM, method) == [("a", "1")]


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/json", "multipart/mixed; boundary=b", "nonsense"]
)
def test_other_content_types(content_type: str) -> None:
    assert posted(b"a=1", {"Content-Type": content_type}) == []
    assert posted(b"a=1", {}) == []


# -- multipart -------------------------------------------------------------------------------------------


def test_texts() -> None:
    body = part(b"1") + part("ü".encode(), 'form-data; name="ü"') + part(b"") + END
    assert posted(body) == [("a", "1"), ("ü", "ü"), ("a", "")]


def test_a_form_without_fields() -> None:
    assert posted(END) == []


def test_texts_with_a_type() -> None:
    name = 'form-data; name="a"'
    body = (
        part(b"\xfc", name, "Content-Type: text/plain; charset=latin-1")
        + part(b"<p>", name, "Content-Type: Text/HTML")
        + part(b"{}", name, "Content-Type: application/json")
        + END
    )
    assert posted(body) == [("a", "ü"), ("a", "<p>"), ("a", bytearray(b"{}"))]


def test_a_form_that_says_its_charset() -> None:
    body = part(b"latin-1", 'form-data; name="_charset_"') + part(b"\xfc") + END
    assert posted(body) == [("a", "ü")]


def test_files() -> None:
    body = (
        part(b"one", 'form-data; name="a"; filename="a.txt"', "Content-Type: text/plain")
        + part(b"two", 'form-data; name="a"; filename="ü.bin"', "X-More: y")
        + part(b"", 'form-data; name="b"; filename="empty"')
        + part(b"none", 'form-data; name="c"; filename=""', "Content-Type: application/octet-stream")
        + END
    )
    assert posted(body) == [
        ("a", ("a", "a.txt", "text/plain", b"one", 2)),
        ("a", ("a", "ü.bin", "application/octet-stream", b"two", 2)),
        ("b", ("b", "empty", "application/octet-stream", b"", 1)),
        ("c", bytearray(b"none")),
    ]


def test_transfer_encodings() -> None:
    body = (
        part(b"w7w=", 'form-data; name="a"', "Content-Transfer-Encoding: base64")
        + part(b"=C3=BC=", 'form-data; name="a"', "Content-Transfer-Encoding: quoted-printable")
        + part(b"QUJD", 'form-data; name="a"; filename="f"', "Content-Transfer-Encoding: base64")
        + part(b"x", 'form-data; name="a"', "Content-Encoding: gzip", "Content-Length: 100")
        + END
    )
    assert posted(body) == [
        ("a", "ü"),
        ("a", "ü"),
        ("a", ("a", "f", "application/octet-stream", b"ABC", 2)),
        ("a", "x"),
    ]


BAD: dict[str, tuple[bytes, dict[str, str], str]] = {
    "no boundary": (END, {"Content-Type": "multipart/form-data"}, "boundary missed"),
    "a long boundary": (
        END,
        {"Content-Type": f"multipart/form-data; boundary={'x' * 71}"},
        "is not a boundary",
    ),
    "nothing": (b"", FORM, "before its first boundary"),
    "garbage": (b"garbage", FORM, "before its first boundary"),
    "cut": (part(b"x"), FORM, "before its last boundary"),
    "no field": (b"--b\r\nnonsense\r\n\r\n\r\n--b--", FORM, "not a header field"),
    "no disposition": (b"--b\r\n\r\nx\r\n--b--", FORM, "has no name"),
    "no name": (part(b"x", "form-data") + END, FORM, "has no name"),
    "a broken disposition": (part(b"x", "form-data; name=") + END, FORM, "has no name"),
    "nested": (
        part(b"x", 'form-data; name="a"', "Content-Type: multipart/mixed; boundary=i") + END,
        FORM,
        "is itself multipart",
    ),
    "no UTF-8": (part(b"\xff") + END, FORM, "is no text"),
    "an unknown charset": (
        part(b"x", 'form-data; name="a"', "Content-Type: text/plain; charset=nonsense") + END,
        FORM,
        "nonsense",
    ),
    "an unknown charset of all": (
        part(b"nonsense", 'form-data; name="_charset_"') + part(b"x") + END,
        FORM,
        "nonsense",
    ),
    "an unknown encoding": (
        part(b"x", 'form-data; name="a"', "Content-Transfer-Encoding: x") + END,
        FORM,
        "unknown content transfer",
    ),
    "no base64": (
        part(b"QUJ", 'form-data; name="a"', "Content-Transfer-Encoding: base64") + END,
        FORM,
        "not base64",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_forms_that_are_malformed(name: str) -> None:
    body, fields, message = BAD[name]
    status, text = refused(body, fields)
    assert status == 400 and message in text
    with pytest.raises(ValueError, match="."):
        posted(body, fields)


def test_a_form_that_failed_fails_again() -> None:
    async def steps(request: BaseRequest) -> None:
        for _ in range(2):
            with pytest.raises(web.HTTPBadRequest) as caught:
                await request.post()
            assert isinstance(caught.value, ValueError)
            assert "before its last boundary" in str(caught.value)

    play(steps, MemoryExchange("POST", "/", FORM, part(b"x")))


def test_a_form_after_the_whole_body_was_read() -> None:
    async def steps(request: BaseRequest) -> None:
        assert (await request.read()).startswith(b"--b")
        assert dict(await request.post()) == {"a": "1"}

    play(steps, MemoryExchange("POST", "/", FORM, part(b"1") + END))

    async def parts(request: BaseRequest) -> None:
        await request.read()
        assert [await item.read() async for item in await request.multipart()] == [b"1"]  # type: ignore[union-attr]

    play(parts, MemoryExchange("POST", "/", FORM, part(b"1") + END))


# -- limits ----------------------------------------------------------------------------------------------


def test_a_form_that_is_too_large() -> None:
    for file in ("", '; filename="f"'):
        body = part(b"x" * 1000, f'form-data; name="a"{file}') + END
        assert refused(body, client_max_size=len(body))[0] == 200
        assert refused(body, client_max_size=len(body) - 1) == (
            413, f"Maximum request body size {len(body) - 1} exceeded."
        )  # fmt: skip
        assert refused(body, client_max_size=0)[0] == 200
    assert refused(b"a=" + b"x" * 99, URLENCODED, client_max_size=100)[0] == 413


def test_a_form_that_does_not_say_how_large_it_is() -> None:
    async def steps(request: BaseRequest) -> None:
        request.client_max_size = 1000
        with pytest.raises(web.HTTPRequestEntityTooLarge):
            await request.post()

    body = part(b"x" * 1000) + END
    play(steps, MemoryExchange("POST", "/", {**FORM, "Transfer-Encoding": "chunked"}, body))


def test_a_form_that_says_that_it_is_too_large_is_not_read() -> None:
    async def steps(request: BaseRequest) -> None:
        with pytest.raises(web.HTTPRequestEntityTooLarge):
            await request.post()

    exchange = MemoryExchange("POST", "/", {**FORM, "Content-Length": str(2**21)}, None)
    play(steps, exchange)


def test_what_follows_the_last_boundary_counts() -> None:
    body = part(b"x") + END
    assert refused(body + b"x" * 1000, client_max_size=len(body) + 1000)[0] == 200
    assert refused(body + b"x" * 1000, client_max_size=len(body) + 999)[0] == 413


def test_a_form_of_too_many_fields() -> None:
    for body, fields in ((part(b"x") * 3 + END, FORM), (b"a=x&b=y&c", URLENCODED)):
        assert refused(body, fields, client_max_fields=3)[0] == 200
        assert refused(body, fields, client_max_fields=2) == (
            413,
            "Maximum number of form fields 2 exceeded.",
        )
        assert refused(body, fields, client_max_fields=0)[0] == 200


def test_the_limits_of_a_route_hold() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(text=str(len(await request.post())))

    app = Application(client_max_size=10)
    app.router.add_post("/", handler, options=web.RouteOptions(client_max_size=1000))
    assert text_of(ask(app, "POST", "/", FORM, part(b"x" * 100) + END)) == "1"


# -- files on disk ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [10, SPOOL + 10, 3 * SPOOL])
def test_files_are_closed_when_the_request_is_over(size: int) -> None:
    files: list[Any] = []
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)

    async def handler(request: web.Request) -> web.Response:
        # A task of its own must not be taken for the request.
        post = await asyncio.ensure_future(request.post())
        await settle()
        files.extend(field.file for field in post.values() if isinstance(field, web.FileField))
        assert files[0].read() == data == files[1].read()
        return web.Response(text="read")

    file = part(data, 'form-data; name="a"; filename="f"')
    app = Application(client_max_size=2**24)
    app.router.add_post("/", handler)
    assert text_of(ask(app, "POST", "/", FORM, file + file + END)) == "read"
    assert [file.closed for file in files] == [True, True]


@pytest.mark.parametrize("failure", [ValueError, web.HTTPConflict, asyncio.CancelledError])
def test_files_are_closed_when_the_handler_fails(failure: type[BaseException]) -> None:
    files: list[Any] = []

    async def handler(request: web.Request) -> web.Response:
        post = await request.post()
        files.extend(field.file for field in post.values() if isinstance(field, web.FileField))
        raise failure

    app = Application(client_max_size=2**24)
    app.router.add_post("/", handler)
    body = part(bytes(SPOOL + 10), 'form-data; name="a"; filename="f"') + END
    assert status_of(ask(app, "POST", "/", FORM, body)) in (500, 409)
    assert files[0].closed


class Files(list[Any]):
    """The temporary files that are made, from whichever thread."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self._changed = threading.Condition()
        self._make = uploads.tempfile.SpooledTemporaryFile
        monkeypatch.setattr(uploads, "tempfile", self)

    def SpooledTemporaryFile(self, *args: Any) -> Any:
        with self._changed:
            self.append(self._make(*args))
            self._changed.notify_all()
            return self[-1]

    async def wait_for(self, count: int) -> None:
        def wait() -> bool:
            with self._changed:
                return self._changed.wait_for(lambda: len(self) >= count, 20)

        assert await asyncio.to_thread(wait)

    @property
    def are_closed(self) -> bool:
        return all(file.closed for file in self)


LARGE = part(bytes(2 * SPOOL), 'form-data; name="a"; filename="f"')


def test_files_are_closed_when_the_form_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Files(monkeypatch)
    small = part(b"x", 'form-data; name="a"; filename="f"')
    assert refused(small + LARGE + LARGE[:-100], client_max_size=2**24)[0] == 400
    assert refused(small + LARGE + part(b"x", "form-data") + END, client_max_size=2**24)[0] == 400
    assert len(made) == 5 and made.are_closed


def test_files_are_closed_when_the_form_turns_out_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Files(monkeypatch)

    async def steps(request: BaseRequest) -> None:
        request.client_max_size = 3 * SPOOL
        exchange.feed(LARGE)
        exchange.feed(LARGE)
        with pytest.raises(web.HTTPRequestEntityTooLarge):
            await request.post()
        await asyncio.get_running_loop().shutdown_default_executor()
        assert len(made) == 1 and made.are_closed

    exchange = MemoryExchange("POST", "/", FORM, None)
    play(steps, exchange)


def test_a_client_that_leaves_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Files(monkeypatch)

    async def steps(request: BaseRequest) -> None:
        request.client_max_size = 2**24
        exchange.feed(LARGE)
        exchange.feed(LARGE[:-100])
        task = asyncio.create_task(request.post())
        await made.wait_for(2)
        exchange.disconnect()
        with pytest.raises(Disconnected):
            await task
        await asyncio.get_running_loop().shutdown_default_executor()
        assert len(made) == 2 and made.are_closed
        with pytest.raises(Disconnected):
            await request.post()

    exchange = MemoryExchange("POST", "/", FORM, None)
    play(steps, exchange)


def test_cancelling_closes_what_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Files(monkeypatch)

    async def steps(request: BaseRequest) -> None:
        request.client_max_size = 2**24
        exchange.feed(part(b"x", 'form-data; name="a"; filename="f"') + LARGE[:-1])
        task = asyncio.create_task(request.post())
        await made.wait_for(2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.get_running_loop().shutdown_default_executor()
        assert len(made) == 2 and made.are_closed
        with pytest.raises(RuntimeError, match="was cancelled"):
            await request.post()

    exchange = MemoryExchange("POST", "/", FORM, None)
    play(steps, exchange)


def test_two_tasks_may_not_read_one_form() -> None:
    async def steps(request: BaseRequest) -> None:
        task = asyncio.create_task(request.post())
        await settle()
        with pytest.raises(RuntimeError, match="still running in another task"):
            await request.post()
        exchange.feed(part(b"1") + END)
        exchange.feed_eof()
        assert dict(await task) == {"a": "1"}
        assert dict(await request.post()) == {"a": "1"}

    exchange = MemoryExchange("POST", "/", FORM, None)
    play(steps, exchange)


def test_memory_does_not_grow_with_the_file() -> None:
    size, piece = 64 * 2**20, bytes(2**18)
    body = iter([LARGE[:100], *[piece] * (size // len(piece)), b"\r\n" + END])

    async def read() -> tuple[bytes, bool]:
        return next(body, b""), False

    async def main() -> None:
        form = MultipartForm(FORM["Content-Type"], read, max_size=2**30, max_fields=10)
        tracemalloc.start()
        try:
            fields = await read_multipart(form)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 4 * 2**20
        field = fields["a"]
        assert isinstance(field, web.FileField) and field.file.seek(0, 2) > size
        field.file.close()

    asyncio.run(main())


def test_nothing_is_left_behind() -> None:
    """No file is left for the garbage collector, which would warn of it."""

    async def main() -> None:
        app = Application(client_max_size=2**24)

        async def handler(request: web.Request) -> web.Response:
            await request.post()
            return web.Response()

        app.router.add_post("/", handler)
        for _ in range(3):
            exchange = MemoryExchange("POST", "/", FORM, LARGE + END)
            await answer(app.make_exchange_handler(), exchange)
            assert status_of(exchange) == 200

    asyncio.run(main())
    gc.collect()


# -- a body that is no good ------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "error"), [(400, web.HTTPBadRequest), (408, web.HTTPRequestTimeout)])
def test_a_body_that_breaks_its_framing(status: int, error: type[Exception]) -> None:
    async def steps(request: BaseRequest) -> None:
        exchange.feed(part(b"x"))
        exchange.break_body(status=status)
        with pytest.raises(error):
            await request.post()

    exchange = MemoryExchange("POST", "/", FORM, None)
    play(steps, exchange)


# -- request.multipart -----------------------------------------------------------------------------------


def ask_parts(body: bytes, fields: dict[str, str] = FORM, **options: Any) -> tuple[int | None, str]:
    """What is answered by a handler that reads part by part."""

    async def handler(request: web.Request) -> web.Response:
        seen = []
        async for item in await request.multipart():
            assert isinstance(item, BodyPartReader)
            seen.append(f"{item.name}={(await item.read(decode=True)).decode()}")
        return web.Response(text="&".join(seen))

    app = Application(**options)
    app.router.add_post("/", handler)
    exchange = ask(app, "POST", "/", fields, body)
    return status_of(exchange), text_of(exchange)


def test_parts_of_a_request() -> None:
    assert ask_parts(part(b"1") + part(b"2", 'form-data; name="b"') + END) == (200, "a=1&b=2")
    fields = {"Content-Type": "multipart/mixed; boundary=b"}
    assert ask_parts(b"--b\r\n\r\nx\r\n--b--", fields) == (200, "None=x")


@pytest.mark.parametrize(
    ("body", "fields", "status", "message"),
    [
        (END, {}, 415, "multipart content type expected"),
        (END, {"Content-Type": "text/plain"}, 415, "'text/plain'"),
        (END, {"Content-Type": "multipart/form-data"}, 400, "boundary missed"),
        (part(b"x"), FORM, 400, "before its last boundary"),
        (
            part(b"x", "form-data", "Content-Transfer-Encoding: x") + END,
            FORM,
            400,
            "unknown content transfer",
        ),
        (b"--b\r\nnonsense\r\n\r\n\r\n--b--", FORM, 400, "not a header field"),
    ],
)
def test_requests_whose_parts_cannot_be_read(
    body: bytes, fields: dict[str, str], status: int, message: str
) -> None:
    assert ask_parts(body, fields)[0] == status
    assert message in ask_parts(body, fields)[1]


def test_a_part_of_a_request_that_is_too_large() -> None:
    assert ask_parts(part(b"x" * 100) + part(b"x" * 100) + END, client_max_size=100)[0] == 200
    assert ask_parts(part(b"x" * 101) + END, client_max_size=100) == (
        413, "Maximum request body size 100 exceeded."
    )  # fmt: skip
    assert ask_parts(part(b"x" * 101) + END, client_max_size=0)[0] == 200


def test_what_is_wrong_with_the_parts_is_a_value_error() -> None:
    async def steps(request: BaseRequest) -> None:
        reader = await request.multipart()
        with pytest.raises(ValueError, match="before its first boundary") as caught:
            await reader.next()
        assert isinstance(caught.value, web.HTTPBadRequest)

    play(steps, MemoryExchange("POST", "/", FORM, b"x"))

    async def no_multipart(request: BaseRequest) -> None:
        with pytest.raises(ValueError, match="expected") as caught:
            await request.multipart()
        assert isinstance(caught.value, web.HTTPUnsupportedMediaType)

    play(no_multipart, MemoryExchange("POST", "/", {}, b"x"))


def _body_gone(first: Callable[[BaseRequest], Awaitable[Any]]) -> None:
    """What has read the body before is the program's own doing, and no mistake of the client's."""

    async def handler(request: web.Request) -> web.Response:
        await first(request)
        with pytest.raises(RuntimeError, match="read already"):
            await request.post()
        with pytest.raises(RuntimeError, match="read already"):
            await request.multipart()
        return web.Response(text="told")

    assert text_of(ask_handler(handler, "POST", "/", FORM, part(b"x") + part(b"y") + END)) == "told"


def test_a_form_whose_body_was_read_as_a_stream() -> None:
    _body_gone(lambda request: request.content.readany())


def test_a_form_whose_body_was_released() -> None:
    _body_gone(lambda request: request.release())


def test_a_form_whose_body_was_read_in_parts() -> None:
    async def first(request: BaseRequest) -> None:
        async for item in await request.multipart():
            assert isinstance(item, BodyPartReader)
            await item.read()

    _body_gone(first)


def test_a_form_that_a_copy_has_read() -> None:
    _body_gone(lambda request: request.clone().post())


def test_a_form_that_was_read_as_bytes_is_there_as_often_as_it_is_asked_for() -> None:
    async def handler(request: web.Request) -> web.Response:
        await request.read()
        for _ in range(2):
            item = await (await request.multipart()).next()
            assert isinstance(item, BodyPartReader) and await item.read() == b"x"
        return web.Response(text=str(list((await request.post()).items())))

    assert text_of(ask_handler(handler, "POST", "/", FORM, part(b"x") + END)) == "[('a', 'x')]"


def test_a_line_that_is_too_long_is_the_client_s_fault() -> None:
    async def handler(request: web.Request) -> web.Response:
        item = await (await request.multipart()).next()
        assert isinstance(item, BodyPartReader)
        await item.readline()
        raise AssertionError("it had no end")

    exchange = ask_handler(handler, "POST", "/", FORM, part(bytes(2**19 + 1)) + END)
    assert status_of(exchange) == 400
    assert "a line of more than 524288 bytes" in text_of(exchange)
