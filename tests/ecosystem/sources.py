"""Source distributions of what is installed: downloaded by pip, once, next to it in the environment."""

import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path

CACHE = Path(sys.prefix) / "sources"


def fetch(distribution: str) -> Path:
    """The folder with the source of the version that is installed.

    Raises `importlib.metadata.PackageNotFoundError` where none is, and `subprocess.CalledProcessError` where
    pip has no source of it."""
    target = CACHE / f"{distribution}-{version(distribution)}"
    if target.exists():
        return target
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as directory:
        subprocess.run(
            [
                sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
                "--no-deps", "--no-binary", distribution, "--dest", directory,
                f"{distribution}=={version(distribution)}",
            ],
            check=True,
        )  # fmt: skip
        (archive,) = Path(directory).glob("*.tar.gz")
        with tarfile.open(archive) as content:
            content.extractall(directory, filter="data")
        (unpacked,) = (path for path in Path(directory).iterdir() if path.is_dir())
        return unpacked.rename(target)
