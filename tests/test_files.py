"""Files as they are opened: what they are, where they are, and what is in their place."""

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sketch.files import SMALL, OpenFile, open_directory, open_file
from tests.descriptors import NEEDS_PROC, nothing_stays_open, open_files

pytestmark = NEEDS_PROC


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A directory inside another one; nothing in either stays open."""
    inside = tmp_path.resolve() / "inside"
    inside.mkdir()
    with nothing_stays_open(tmp_path):
        yield inside


def root_of(place: Path) -> str:
    return f"{place}/"


def content_of(file: OpenFile) -> bytes | None:
    content = file.content
    file.close()
    return content


# -- what it is ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, SMALL])
def test_a_small_file_is_read_and_closed(place: Path, size: int) -> None:
    path = place / "a"
    path.write_bytes(b"x" * size)
    os.utime(path, ns=(1, 1_700_000_000_123_456_789))
    file = open_file(str(path))
    assert (file.content, file.size, file.modified) == (b"x" * size, size, 1_700_000_000_123_456_789)
    assert (file.path, file.coding, file.has_neighbours) == (str(path), None, False)
    assert open_files(place) == []


def test_a_large_file_stays_open_until_it_is_closed(place: Path) -> None:
    path = place / "a"
    path.write_bytes(b"x" * (SMALL + 1))
    file = open_file(str(path))
    assert file.content is None and os.pread(file.descriptor, 3, SMALL - 1) == b"xx"
    assert open_files(place) == [str(path)]
    file.close()
    file.close()
    assert open_files(place) == []


def test_a_file_that_is_let_go_is_closed(place: Path) -> None:
    path = place / "a"
    path.write_bytes(b"x" * (SMALL + 1))
    file = open_file(str(path))
    del file
    assert open_files(place) == []


def test_a_file_that_is_only_looked_at(place: Path) -> None:
    (place / "a").write_bytes(b"abc")
    file = open_file(str(place / "a"), reads=False)
    assert (file.content, file.size) == (None, 3)
    assert open_files(place) == []


def test_a_file_that_shrinks_before_it_is_read(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = place / "a"
    path.write_bytes(b"abcdef")
    read = os.read

    def shrink(descriptor: int, count: int) -> bytes:
        os.truncate(path, 2)
        os.utime(path, ns=(0, 5))
        return read(descriptor, count)

    monkeypatch.setattr(os, "read", shrink)
    file = open_file(str(path))
    assert (file.content, file.size, file.modified) == (b"ab", 2, 5)


@pytest.mark.parametrize("name", ["missing", "a/b", "x" * 300, "nul\0", "half\ud800", "loop", "dangling"])
def test_what_is_not_there(place: Path, name: str) -> None:
    (place / "a").write_bytes(b"")
    (place / "loop").symlink_to("loop")
    (place / "dangling").symlink_to("nowhere")
    for root in (None, "", root_of(place)):
        with pytest.raises(FileNotFoundError):
            open_file(f"{place}/{name}", root=root)


@pytest.mark.timeout(10)
def test_what_is_no_file_is_not_opened(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even a FIFO, whose writer would take the server for a reader."""
    monkeypatch.setattr(os, "open", lambda *args: pytest.fail(f"open{args}"))
    os.mkfifo(place / "fifo")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(place / "socket"))
        for path in (place / "fifo", place / "socket", "/dev/zero", "/dev/tty"):
            with pytest.raises(PermissionError):
                open_file(str(path))
    with pytest.raises(IsADirectoryError):
        open_file(str(place))


@pytest.mark.timeout(10)
def test_a_file_that_becomes_a_fifo_between_two_looks(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = place / "a"
    path.write_bytes(b"abc")
    replace_after(monkeypatch, "stat", path, lambda: os.mkfifo(path))
    with pytest.raises(PermissionError):
        open_file(str(path))


def replace_after(monkeypatch: pytest.MonkeyPatch, name: str, path: Path, make: Any) -> None:
    """Have something else in a file's place once a function of the system was asked about it."""
    asked = getattr(os, name)

    def ask(*args: Any, **options: Any) -> Any:
        result = asked(*args, **options)
        if args[0] == str(path) and not path.is_symlink() and path.is_file():
            path.unlink()
            make()
        return result

    monkeypatch.setattr(os, name, ask)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EACCES, PermissionError),
        (errno.ENXIO, PermissionError),
        (errno.EMFILE, OSError),
        (errno.EIO, OSError),
    ],
)
def test_why_it_cannot_be_opened(
    place: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[OSError]
) -> None:
    """The system's own trouble is not told as that of the file."""

    def fail(*args: Any) -> int:
        raise OSError(number, "no")

    (place / "a").write_bytes(b"abc")
    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(OSError) as caught:
        open_file(str(place / "a"), root=root_of(place))
    assert type(caught.value) is kind


# -- where it is -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_proc", [True, False])
def test_links_may_not_lead_out_of_the_root(
    place: Path, monkeypatch: pytest.MonkeyPatch, has_proc: bool
) -> None:
    if not has_proc:
        monkeypatch.setattr(os, "readlink", without_proc(os.readlink))
    outside = place.parent / "inside-too"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (place / "a").write_bytes(b"abc")
    (place / "within").symlink_to("a")
    (place / "file").symlink_to(outside / "secret")
    (place / "directory").symlink_to(outside)
    (place / "back").symlink_to("directory/../inside/a")
    root = root_of(place)
    for name in ("a", "within", "back"):
        file = open_file(f"{place}/{name}", root=root)
        assert (file.content, file.path) == (b"abc", f"{place}/a")
    for name in ("file", "directory/secret", "directory", "directory/missing"):
        with pytest.raises(FileNotFoundError):
            open_file(f"{place}/{name}", root=root)
    file = open_file(f"{place}/file", root="")
    assert (file.content, file.path) == (b"secret", f"{outside}/secret")
    assert open_file(f"{place}/file").path == f"{place}/file"


def without_proc(readlink: Any) -> Any:
    def read(path: Any, **options: Any) -> Any:
        if str(path).startswith("/proc"):
            raise FileNotFoundError(errno.ENOENT, "no /proc", path)
        return readlink(path, **options)

    return read


def test_what_is_outside_is_not_even_there(place: Path) -> None:
    """Whatever it is: nothing outside can be told from nothing at all."""
    os.mkfifo(place.parent / "fifo")
    (place / "fifo").symlink_to("../fifo")
    (place / "up").symlink_to("..")
    (place / "locked").symlink_to("/root" if os.geteuid() else "/proc/1/mem")
    for name in ("fifo", "up", "up/fifo", "locked"):
        with pytest.raises(FileNotFoundError):
            open_file(f"{place}/{name}", root=root_of(place))
    with pytest.raises(FileNotFoundError):
        open_directory(f"{place}/up", root_of(place))


def test_a_file_that_becomes_a_link_between_two_looks(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.parent / "secret").write_bytes(b"secret")
    path = place / "a"
    path.write_bytes(b"abc")
    replace_after(monkeypatch, "stat", path, lambda: path.symlink_to("../secret"))
    with pytest.raises(FileNotFoundError):
        open_file(str(path), root=root_of(place))
    assert path.read_bytes() == b"secret"


def test_a_file_that_is_replaced_where_the_system_tells_no_paths(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was opened has to be what is found below the root."""
    monkeypatch.setattr(os, "readlink", without_proc(os.readlink))
    path = place / "a"
    path.write_bytes(b"abc")
    opened = os.open

    def open_then_replace(name: Any, *args: Any) -> int:
        descriptor = opened(name, *args)
        (place / "other").write_bytes(b"another")
        os.replace(place / "other", path)
        return descriptor

    monkeypatch.setattr(os, "open", open_then_replace)
    with pytest.raises(FileNotFoundError, match="replaced"):
        open_file(str(path), root=root_of(place))


def test_directories(place: Path) -> None:
    (place / "sub").mkdir()
    (place / "link").symlink_to("sub")
    (place / "a").write_bytes(b"")
    for name in (".", "sub", "link"):
        descriptor = open_directory(os.path.normpath(place / name), root_of(place))
        assert open_files(place) == [str((place / name).resolve())]
        os.close(descriptor)
    with pytest.raises(FileNotFoundError):
        open_directory(f"{place}/a", root_of(place))


# -- what is in its place --------------------------------------------------------------------------------


@pytest.fixture
def kept(place: Path) -> Path:
    """A file with all neighbours that it can have."""
    for ending in ("", ".gz", ".br", ".zst"):
        (place / f"a.js{ending}").write_bytes(ending.encode() or b"itself")
    return place / "a.js"


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (None, None), ("", None), ("gzip", "gzip"), ("x-gzip", "gzip"), ("GZIP", "gzip"), ("br", "br"),
        ("zstd", "zstd"), ("gzip, deflate, br, zstd", "br"), ("gzip, br;q=0.5", "gzip"), ("*", "br"),
        ("br;q=0, zstd;q=0, *;q=0.1", "gzip"), ("deflate", None), ("identity", None), ("gzip;q=0", None),
        ("identity, gzip;q=0.9", None), ("gzip;q=0.1", "gzip"), ("identity;q=0", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("has_root", [True, False])
def test_the_neighbour_that_the_client_likes_best(
    kept: Path, accepted: str | None, coding: str | None, has_root: bool
) -> None:
    file = open_file(str(kept), accepted, root=root_of(kept.parent) if has_root else None)
    assert (file.coding, file.has_neighbours, file.path) == (coding, True, str(kept))
    ending = {None: "itself", "gzip": ".gz", "br": ".br", "zstd": ".zst"}[coding]
    assert file.content == ending.encode()


def test_only_what_is_there_is_chosen_among(kept: Path) -> None:
    (kept.parent / "a.js.br").unlink()
    (kept.parent / "a.js.zst").unlink()
    assert content_of(open_file(str(kept), "br, zstd, gzip;q=0.2")) == b".gz"
    (kept.parent / "a.js.gz").unlink()
    file = open_file(str(kept), "br, zstd, gzip")
    assert (file.content, file.has_neighbours) == (b"itself", False)


def test_neighbours_that_are_no_files_are_none(kept: Path) -> None:
    (kept.parent / "secret").write_bytes(b"secret")
    for ending, make in (
        (".br", Path.mkdir),
        (".zst", os.mkfifo),
        (".gz", lambda path: path.symlink_to("secret")),
    ):
        path = kept.parent / f"a.js{ending}"
        path.unlink()
        make(path)
    file = open_file(str(kept), "br, zstd, gzip")
    assert (file.content, file.has_neighbours) == (b"itself", False)


def test_a_neighbour_that_becomes_a_link_is_passed_over(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (kept.parent.parent / "secret").write_bytes(b"secret")
    best = kept.parent / "a.js.br"
    replace_after(monkeypatch, "lstat", best, lambda: best.symlink_to("../secret"))
    file = open_file(str(kept), "br, gzip;q=0.5", root=root_of(kept.parent))
    assert (file.content, best.read_bytes()) == (b".gz", b"secret")


def test_a_neighbour_without_its_file(kept: Path) -> None:
    """Some keep the compressed one only."""
    kept.unlink()
    file = open_file(str(kept), "gzip", root=root_of(kept.parent))
    assert (file.content, file.coding, file.has_neighbours) == (b".gz", "gzip", True)
    with pytest.raises(FileNotFoundError):
        open_file(str(kept), None)
    with pytest.raises(FileNotFoundError):
        open_file(str(kept), "deflate")


def test_neighbours_of_what_a_link_leads_to(kept: Path) -> None:
    link = kept.parent / "link.js"
    link.symlink_to("a.js")
    assert content_of(open_file(str(link), "gzip", root=root_of(kept.parent))) == b".gz"
    assert content_of(open_file(str(link), "gzip", root="")) == b".gz"
    assert content_of(open_file(str(link), "gzip")) == b"itself"
    (kept.parent / "link.js.gz").write_bytes(b"beside the link")
    assert content_of(open_file(str(link), "gzip")) == b"beside the link"


def test_large_neighbours_stay_open(place: Path) -> None:
    (place / "a").write_bytes(b"a" * (SMALL + 1))
    (place / "a.gz").write_bytes(b"g" * (SMALL + 2))
    file = open_file(str(place / "a"), "gzip")
    assert file.size == SMALL + 2 and open_files(place) == [str(place / "a.gz")]
    file.close()
