"""Files that are received: where they are held, and that they are closed whatever happens."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sketch import uploads
from sketch.uploads import SPOOL, WRITE, Upload, close_uploads
from tests.conformance.driver import settle


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await main()

    asyncio.run(bounded())


async def receive(upload: Upload, *pieces: bytes) -> None:
    for piece in pieces:
        upload.add(piece)
        if upload.is_full:
            await upload.spill()


def pieces_of(size: int, piece: int) -> list[bytes]:
    data = bytes(range(251)) * (size // 251 + 1)
    return [data[start : min(start + piece, size)] for start in range(0, size, piece)]


@pytest.mark.parametrize("size", [0, 1, SPOOL, SPOOL + 1, SPOOL + WRITE, SPOOL + WRITE + 1, 5 * SPOOL + 17])
@pytest.mark.parametrize("piece", [1000, 65536, 2**18, 3 * SPOOL])
def test_what_is_received_can_be_read(size: int, piece: int) -> None:
    async def main() -> None:
        upload = Upload()
        pieces = pieces_of(size, piece)
        await receive(upload, *pieces)
        file = await upload.finish()
        assert upload.is_on_disk == (size > SPOOL)
        assert file.tell() == 0
        assert file.read() == b"".join(pieces)
        assert file.read() == b""
        file.close()

    run(main)


def test_files_are_those_of_the_standard_library() -> None:
    async def main() -> None:
        for size in (10, SPOOL + 10):
            upload = Upload()
            await receive(upload, bytes(size))
            file: Any = await upload.finish()
            assert isinstance(file, uploads.tempfile.SpooledTemporaryFile)
            assert file._rolled == (size > SPOOL)
            # A descriptor is what other programs can be given.
            assert file.fileno() > 0
            file.seek(0, 2)
            assert file.tell() == size
            file.write(b"more")
            upload.close()
            assert file.closed
            upload.close()

    run(main)


def test_disks_are_written_to_in_a_thread() -> None:
    threads: set[threading.Thread] = set()

    class File(uploads.tempfile.SpooledTemporaryFile):  # type: ignore[misc]
        def writelines(self, lines: Any) -> None:
            threads.add(threading.current_thread())
            super().writelines(lines)

        def seek(self, *args: Any) -> int:
            threads.add(threading.current_thread())
            return super().seek(*args)  # type: ignore[no-any-return]

        def close(self) -> None:
            threads.add(threading.current_thread())
            super().close()

    async def main() -> None:
        upload = Upload()
        await receive(upload, *pieces_of(3 * SPOOL, 65536))
        await upload.finish()
        close_uploads([upload])
        await asyncio.get_running_loop().shutdown_default_executor()
        assert threads and threading.current_thread() not in threads

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uploads, "tempfile", type("tempfile", (), {"SpooledTemporaryFile": File}))
        run(main)


def test_memory_is_bounded() -> None:
    """What is held of a large file is what is written at a time."""

    async def main() -> None:
        upload = Upload()
        piece = bytes(2**16)
        for _ in range(200):
            await receive(upload, piece)
            held = sum(map(len, upload._pieces))
            assert held <= SPOOL and (not upload.is_on_disk or held == 0)
        upload.close()

    run(main)


class Slow:
    """A file to which writing takes until it is told otherwise."""

    def __init__(self) -> None:
        self.writing = threading.Event()
        self.go_on = threading.Event()
        self.closed_in_write = False
        self.closed = False

    def rollover(self) -> None:
        pass

    def writelines(self, lines: Any) -> None:
        self.writing.set()
        self.go_on.wait(20)
        self.closed_in_write = self.closed

    def close(self) -> None:
        self.closed = True


def test_a_write_that_was_cancelled_comes_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    file = Slow()
    monkeypatch.setattr(uploads, "tempfile", type("tempfile", (), {"SpooledTemporaryFile": lambda: file}))

    async def main() -> None:
        upload = Upload()
        upload.add(bytes(SPOOL + 1))

        async def spill() -> None:
            try:
                await upload.spill()
            finally:
                upload.close()

        task = asyncio.create_task(spill())
        assert await asyncio.to_thread(file.writing.wait, 20)
        for _ in range(3):
            task.cancel()
            await settle()
        assert not task.done() and not file.closed
        file.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert file.closed and not file.closed_in_write

    run(main)


def test_a_disk_that_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(Slow):
        def writelines(self, lines: Any) -> None:
            raise OSError(28, "No space left on device")

    file = Full()
    monkeypatch.setattr(uploads, "tempfile", type("tempfile", (), {"SpooledTemporaryFile": lambda: file}))

    async def main() -> None:
        upload = Upload()
        with pytest.raises(OSError, match="No space"):
            await receive(upload, bytes(SPOOL + 1))
        upload.close()
        assert file.closed

    run(main)


def test_a_disk_that_is_full_when_files_are_closed(caplog: pytest.LogCaptureFixture) -> None:
    """What was not written yet is written when a file is closed, or is not: the others are closed, too."""

    class Full(Slow):
        def writelines(self, lines: Any) -> None:
            pass

        def close(self) -> None:
            super().close()
            raise OSError(28, "No space left on device")

    files = [Full(), Full(), Full()]
    left = iter(files)

    async def main() -> None:
        received = [Upload() for _ in files]
        for upload in received:
            await receive(upload, bytes(SPOOL + 1))
        close_uploads(received)
        await asyncio.get_running_loop().shutdown_default_executor()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uploads, "tempfile", type("tempfile", (), {"SpooledTemporaryFile": lambda: next(left)}))
        run(main)
    assert all(file.closed for file in files)
    assert not caplog.records


def test_files_are_closed_also_when_there_is_no_loop() -> None:
    kept: list[Upload] = []

    async def main() -> None:
        for size in (10, SPOOL + 10):
            upload = Upload()
            await receive(upload, bytes(size))
            await upload.finish()
            kept.append(upload)

    run(main)
    close_uploads(kept)
    assert all(upload._file is not None and upload._file.closed for upload in kept)


def test_the_loop_does_not_wait_for_a_file_to_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    closing, go_on = threading.Event(), threading.Event()

    class Lasting(Slow):
        def writelines(self, lines: Any) -> None:
            pass

        def close(self) -> None:
            closing.set()
            go_on.wait(20)
            super().close()

    file = Lasting()
    monkeypatch.setattr(uploads, "tempfile", type("tempfile", (), {"SpooledTemporaryFile": lambda: file}))

    async def main() -> None:
        upload = Upload()
        await receive(upload, bytes(SPOOL + 1))
        close_uploads([upload])
        assert await asyncio.to_thread(closing.wait, 20)
        assert not file.closed
        go_on.set()

    run(main)
    assert file.closed
