"""Files as payloads: where they begin and end, who reads them, and when they are closed."""

import asyncio
import gzip
import io
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.http.exchange import FILE_PIECE
from sketch.payload import BufferedReaderPayload, BytesIOPayload, IOBasePayload, TextIOPayload, get_payload

from .conformance.driver import until
from .test_payload import Collector, written

CONTENT = bytes(range(256)) * 8


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "content.bin"
    path.write_bytes(CONTENT)
    return path


def at(file: IO[Any], position: int) -> IO[Any]:
    file.seek(position)
    return file


# -- how long they are -----------------------------------------------------------------------------------


@pytest.mark.parametrize("position", [0, 1, len(CONTENT), len(CONTENT) + 5])
def test_the_rest_of_a_file(path: Path, position: int) -> None:
    for options in ({}, {"buffering": 0}):
        with path.open("rb", **options) as file:  # type: ignore[call-overload]
            payload = get_payload(at(file, position))
            assert payload.size == len(CONTENT[position:])
            assert written(payload) == CONTENT[position:]
            # And once more, from the same place.
            assert payload.size == len(CONTENT[position:])
            assert written(payload) == CONTENT[position:]
            assert written(payload, 3) == CONTENT[position:][:3]
            assert asyncio.run(payload.as_bytes()) == CONTENT[position:]
            assert payload.decode("latin-1") == CONTENT[position:].decode("latin-1")
            assert not payload.consumed


def test_a_large_file_is_read_in_pieces(path: Path) -> None:
    large = CONTENT * 300
    path.write_bytes(large)
    with path.open("rb") as file:
        writer = Collector()
        asyncio.run(get_payload(file).write(writer))
    assert writer.data == large
    assert len(writer.pieces) == len(large) // FILE_PIECE + 1


def test_files_are_read_in_another_thread(path: Path) -> None:
    threads: set[threading.Thread] = set()

    class Watched(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            threads.add(threading.current_thread())
            return super().read(size)

        def close(self) -> None:
            threads.add(threading.current_thread())
            super().close()

    async def main() -> None:
        payload = get_payload(Watched(path, "rb"))
        await payload.write(Collector())
        await payload.as_bytes()
        await payload.close()

    asyncio.run(main())
    assert threads
    assert threading.main_thread() not in threads


def test_a_file_is_no_longer_than_it_was_said_to_be(path: Path) -> None:
    with path.open("rb") as file:
        payload = get_payload(file)
        assert payload.size == len(CONTENT)
        with path.open("ab") as more:
            more.write(b"more")
        assert written(payload) == CONTENT
        assert payload.size == len(CONTENT) + 4
        assert written(payload) == CONTENT + b"more"


def _gzip(path: Path) -> IO[Any]:
    path.write_bytes(gzip.compress(CONTENT))
    return gzip.open(path)  # type: ignore[return-value]


def _pipe(path: Path) -> IO[Any]:
    reading, writing = os.pipe()
    os.write(writing, CONTENT)
    os.close(writing)
    return os.fdopen(reading, "rb")


def _spooled(path: Path) -> IO[Any]:
    file = SpooledTemporaryFile()
    file.write(CONTENT)
    return at(file, 0)


@pytest.mark.parametrize("open_file", [_gzip, _pipe, _spooled])
def test_what_has_no_length_of_its_own(path: Path, open_file: Callable[[Path], IO[Any]]) -> None:
    file = open_file(path)
    payload = get_payload(file)
    assert payload.size is None
    assert written(payload) == CONTENT
    asyncio.run(payload.close())
    assert file.closed
    assert payload.consumed


def test_a_spooled_file_stays_in_memory(path: Path) -> None:
    with SpooledTemporaryFile() as file:
        file.write(CONTENT)
        assert get_payload(file).size is None
        assert not vars(file)["_rolled"]


def test_a_device_has_no_length() -> None:
    with open("/dev/zero", "rb") as file:
        payload = get_payload(file)
        assert payload.size is None
        assert written(payload, FILE_PIECE + 1) == bytes(FILE_PIECE + 1)


# -- what they are called --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "disposition", "content_type"),
    [
        ({}, 'attachment; filename="content.bin"', "application/octet-stream"),
        ({"disposition": "inline"}, 'inline; filename="content.bin"', "application/octet-stream"),
        ({"disposition": None}, None, "application/octet-stream"),
        ({"filename": "a b.html"}, 'attachment; filename="a%20b.html"', "text/html"),
        ({"filename": None}, None, "application/octet-stream"),
        ({"headers": {"Content-Disposition": "inline"}}, "inline", "application/octet-stream"),
        ({"content_type": "a/b"}, 'attachment; filename="content.bin"', "a/b"),
    ],
)
def test_the_name_of_a_file(
    path: Path, options: dict[str, Any], disposition: str | None, content_type: str
) -> None:
    with path.open("rb") as file:
        payload = BufferedReaderPayload(file, **options)
        assert payload.headers.get("Content-Disposition") == disposition
        assert payload.content_type == content_type


@pytest.mark.parametrize("name", ["<stdin>", "", 5, b"bytes", None, "/"])
def test_files_without_a_name(name: Any) -> None:
    file = io.BytesIO(b"x")
    file.name = name
    assert IOBasePayload(file).filename is None


def test_the_folder_of_a_file_is_not_told() -> None:
    file = io.BytesIO(b"x")
    file.name = "/secret/place/a.txt"
    payload = get_payload(file)
    assert payload.filename == "a.txt"
    assert "secret" not in str(payload.headers)


# -- files in memory -------------------------------------------------------------------------------------


def test_a_file_in_memory() -> None:
    file = at(io.BytesIO(CONTENT), 10)
    payload = BytesIOPayload(file)  # type: ignore[arg-type]
    assert (payload.size, payload.autoclose) == (len(CONTENT) - 10, True)
    assert written(payload) == written(payload) == CONTENT[10:]
    assert [written(payload, length) for length in (0, 5)] == [b"", CONTENT[10:15]]
    assert asyncio.run(payload.as_bytes()) == CONTENT[10:]
    assert payload.decode("latin-1") == CONTENT[10:].decode("latin-1")
    asyncio.run(payload.close())
    assert not file.closed


def test_others_run_while_a_large_one_is_written() -> None:
    turns = 0

    async def main() -> None:
        nonlocal turns
        writing = asyncio.ensure_future(get_payload(io.BytesIO(bytes(5 * FILE_PIECE))).write(Collector()))
        while not writing.done():
            turns += 1
            await asyncio.sleep(0)

    asyncio.run(main())
    assert turns >= 5


# -- text files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16", "utf-8-sig", "utf-7"])
@pytest.mark.parametrize("text", ["", "é", "zwei\nZeilen\n", "ÿ+" * 300_000])
def test_a_text_file(path: Path, text: str, encoding: str) -> None:
    """Whatever the file is encoded in, it is sent in the payload's charset, as one text."""
    path.write_text(text, "utf-8", newline="\r\n")
    with path.open(encoding="utf-8") as file:
        payload = get_payload(file, encoding=encoding)
        assert isinstance(payload, TextIOPayload)
        assert payload.content_type == f"text/plain; charset={encoding}"
        assert payload.size is None
        # An empty text has nothing to say, not even in which order its bytes are.
        assert written(payload).decode(encoding) == text
        assert written(payload).decode(encoding) == text
        assert asyncio.run(payload.as_bytes()) == text.encode(encoding)
        assert payload.decode() == text


def test_the_beginning_of_a_text_file(path: Path) -> None:
    path.write_text("éé" * 100, "utf-8")
    with path.open(encoding="utf-8") as file:
        assert written(get_payload(file), 7) == ("éé" * 100).encode()[:7]


def test_a_charset_that_nobody_knows(path: Path) -> None:
    with path.open(encoding="latin-1") as file, pytest.raises(LookupError, match="no-such"):
        TextIOPayload(file, encoding="no-such")


@given(st.text(), st.sampled_from(["utf-8", "utf-16", "utf-32", "utf-7"]))
def test_any_text(text: str, encoding: str) -> None:
    raw = io.BytesIO(text.encode("utf-8", "surrogatepass"))
    file = io.TextIOWrapper(raw, "utf-8", newline="")
    assert written(TextIOPayload(file, encoding=encoding)).decode(encoding) == text


# -- closing ---------------------------------------------------------------------------------------------


def test_closing_twice(path: Path) -> None:
    file = path.open("rb")

    async def main() -> None:
        payload = get_payload(file)
        await payload.close()
        await payload.close()
        assert payload.consumed

    asyncio.run(main())
    assert file.closed


def test_closing_when_no_thread_is_to_be_had(path: Path) -> None:
    file = path.open("rb")
    payload = get_payload(file)

    async def main() -> None:
        await asyncio.get_running_loop().shutdown_default_executor()
        await payload.close()
        assert file.closed

    asyncio.run(main())


def test_a_file_is_not_closed_while_a_thread_reads_it(path: Path) -> None:
    """The task is cancelled, the thread is not: its descriptor may be somebody else's once it is closed."""
    begun, go_on = threading.Event(), threading.Event()
    was_closed: list[bool] = []

    class Slow(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            begun.set()
            go_on.wait()
            was_closed.append(self.closed)
            return super().read(size)

    file = Slow(path, "rb")

    async def main() -> None:
        payload = get_payload(file)
        task = asyncio.ensure_future(payload.write(Collector()))
        await until(begun.is_set)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await payload.close()
        assert not file.closed
        go_on.set()

    asyncio.run(main())
    assert was_closed == [False]
    assert file.closed


def test_what_goes_wrong_with_closing_is_logged(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Stuck(io.BytesIO):
        is_tried = False

        def close(self) -> None:
            if not self.is_tried:
                self.is_tried = True
                raise OSError("the disk is full")
            super().close()

    async def main() -> None:
        await IOBasePayload(Stuck(b"x")).close()

    with caplog.at_level(logging.ERROR):
        asyncio.run(main())
    assert "the disk is full" in caplog.text


def test_what_goes_wrong_with_reading_is_raised(path: Path) -> None:
    with path.open("rb") as file:
        payload = get_payload(file)
    with pytest.raises(ValueError, match="closed file"):
        written(payload)
