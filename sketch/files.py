"""Files, opened so that they can be sent: regular ones, inside a directory where that is asked for, with a
compressed neighbour in their place where the client takes it.

Everything here may wait for a disk, and is called in a thread. What is answered is not known here.
"""

import errno
import os
from collections.abc import Iterator
from stat import S_ISDIR, S_ISREG
from typing import Final

from .http.coding import IDENTITY, negotiate

SMALL: Final = 65536
"""Bytes up to which a file is read when it is opened: a second trip to a thread, or a copy of the socket's
descriptor for the system to send to, costs more than to hold so much."""

NEIGHBOURS: Final = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}
"""The content codings that a file may be kept in beside itself, by name, and what their names end in; the
smallest, as a rule, first."""

# A FIFO that is opened does not wait for a writer, and a terminal does not become the process's own.
_FLAGS: Final = (
    os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
)
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)

_MISSING: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL})
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM, errno.ENXIO})


class OpenFile:
    """A regular file as it was when it was opened.

    ``path``
        the file that was asked for; without symbolic links where it had to be below a root.
    ``content``
        all of it, of a small file that was read; else ``None``, and ``descriptor`` is open.
    ``size`` ``modified``
        in bytes, and in nanoseconds of POSIX time.
    ``coding``
        the content coding that it is in; ``None`` for the file itself.
    ``has_neighbours``
        whether another client might get another file.

    It is closed when it is let go, at the latest: a response that nobody sends owns one, too."""

    __slots__ = ("coding", "content", "descriptor", "has_neighbours", "modified", "path", "size")

    def __init__(self, descriptor: int, status: os.stat_result, path: str) -> None:
        self.descriptor = descriptor
        self.path = path
        self.content: bytes | None = None
        self.size = status.st_size
        self.modified = status.st_mtime_ns
        self.coding: str | None = None
        self.has_neighbours = False

    def close(self) -> None:
        """Close the descriptor. A second call does nothing."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def read(self) -> None:
        """Read all of it, and close it."""
        pieces = []
        missing = self.size
        while missing and (piece := os.read(self.descriptor, missing)):
            pieces.append(piece)
            missing -= len(piece)
        if missing:
            # It has shrunk. What is there now is what it is.
            self.size -= missing
            self.modified = os.fstat(self.descriptor).st_mtime_ns
        self.content = b"".join(pieces)
        self.close()

    def __del__(self) -> None:
        self.close()


def open_file(
    path: str, accept_encoding: str | None = None, *, root: str | None = None, reads: bool = True
) -> OpenFile:
    """Open a file, or the neighbour that the client likes best.

    ``accept_encoding``
        the value of the field; ``None`` where there is none.
    ``root``
        a real path, with a slash at its end, below which the file has to be, whatever links lead to it;
        ``""`` for anywhere. Neighbours are then those of the file at the end of the links. ``None`` for
        anywhere, and the neighbours of this very name.
    ``reads``
        whether a small file shall be read.

    Raises `FileNotFoundError` for what is not there, or not below ``root``; `IsADirectoryError`;
    `PermissionError` for what may not be read, and for what is neither file nor directory: it is not even
    opened; `OSError` for what is the system's fault."""
    try:
        file = _open_itself(path, root)
    except FileNotFoundError:
        # Some keep the compressed one only.
        only = _open_neighbour(path, accept_encoding, root)
        if only is None:
            raise
        file = only
    else:
        neighbour = _open_neighbour(file.path, accept_encoding, root, file)
        if neighbour is not None:
            file.close()
            file = neighbour
    if not reads:
        file.close()
    elif file.size <= SMALL:
        file.read()
    return file


def _open_itself(path: str, root: str | None) -> OpenFile:
    try:
        _check_kind(path, os.stat(path).st_mode)
        descriptor = os.open(path, _FLAGS)
    except (OSError, ValueError) as error:
        raise translate(error, path, root) from error
    return _take(descriptor, path, root)


def open_directory(path: str, root: str) -> int:
    """The descriptor of a directory. ``root`` and errors as for `open_file`; `FileNotFoundError` for what is
    none."""
    try:
        descriptor = os.open(path, _FLAGS | getattr(os, "O_DIRECTORY", 0))
    except (OSError, ValueError) as error:
        raise translate(error, path, root) from error
    try:
        _find_real_path(descriptor, path, os.fstat(descriptor), root)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _open_neighbour(
    path: str, accept_encoding: str | None, root: str | None, file: OpenFile | None = None
) -> OpenFile | None:
    """The neighbour of a file that the client likes best; ``None`` where it is the file itself.

    Links are not followed, as in aiohttp: what is at their other ends is no copy of this file."""
    there = list(_find_neighbours(path))
    if file is not None:
        file.has_neighbours = bool(there)
    while there:
        coding = negotiate(accept_encoding, there)
        if coding is None or coding == IDENTITY:
            break
        beside = path + NEIGHBOURS[coding]
        try:
            neighbour = _take(os.open(beside, _FLAGS | _NO_LINK), beside, root)
        except OSError:
            there.remove(coding)
            continue
        neighbour.path = path
        neighbour.coding = coding
        neighbour.has_neighbours = True
        return neighbour
    return None


def _find_neighbours(path: str) -> Iterator[str]:
    for coding, ending in NEIGHBOURS.items():
        beside = path + ending
        try:
            # Asked first, because nearly none is there: an exception takes three times as long.
            if os.access(beside, os.F_OK) and S_ISREG(os.lstat(beside).st_mode):
                yield coding
        except (OSError, ValueError):
            pass


def _take(descriptor: int, path: str, root: str | None) -> OpenFile:
    """The file that was opened. What it is, and where, is asked of the descriptor: the name may mean another
    one by now."""
    try:
        status = os.fstat(descriptor)
        _check_kind(path, status.st_mode)
        if root is not None:
            path = _find_real_path(descriptor, path, status, root)
    except BaseException:
        os.close(descriptor)
        raise
    return OpenFile(descriptor, status, path)


def _find_real_path(descriptor: int, path: str, status: os.stat_result, root: str) -> str:
    """The path of what was opened, without links.

    Raises `FileNotFoundError` where it is not below ``root``, or the system does not say it and something
    else is there by now."""
    try:
        real = os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        real = os.path.realpath(path)
        if not os.path.samestat(status, os.stat(real)):
            raise FileNotFoundError(errno.ENOENT, "it was replaced meanwhile", path) from None
    if not is_below(real, root):
        raise FileNotFoundError(errno.ENOENT, "it is outside of the directory", path)
    return real


def _check_kind(path: str, mode: int) -> None:
    if S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a directory", path)
    if not S_ISREG(mode):
        raise PermissionError(errno.EACCES, "it is no regular file", path)


def translate(error: OSError | ValueError, path: str, root: str | None = None) -> OSError:
    """The error as one of those that `open_file` raises. A name with NUL, or that no encoding has bytes for,
    is the name of nothing; and so is, whatever it may be, what is not below the root."""
    if isinstance(error, ValueError) or error.errno in _MISSING:
        return FileNotFoundError(errno.ENOENT, "there is no such file", path)
    if root and not is_below(os.path.realpath(path), root):
        return FileNotFoundError(errno.ENOENT, "it is outside of the directory", path)
    if error.errno in _FORBIDDEN and not isinstance(error, PermissionError):
        return PermissionError(errno.EACCES, "it cannot be opened", path)
    return error


def is_below(path: str, root: str) -> bool:
    """Whether a real path is the root, which has a slash at its end, or below it."""
    return f"{path}{os.sep}".startswith(root)
