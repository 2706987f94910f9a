"""Open descriptors of this process, for tests that look for leaks."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

NEEDS_PROC = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="there is no /proc")


def open_files(below: object) -> list[str]:
    """The files below a directory that this process has open."""
    found = []
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        except FileNotFoundError:
            continue
    return [path for path in found if path.startswith(f"{below}{os.sep}") or path == str(below)]


@contextmanager
def nothing_stays_open(below: object) -> Iterator[None]:
    """Fail when a file below a directory is open at the end."""
    yield
    assert open_files(below) == []
