"""Programs in processes of their own: `sketch.compat.install` changes a whole process."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def run(*arguments: str, directory: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Run Python with these arguments. Warnings are errors, but those that aiohttp and plugins deserve."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    # Sets of text have the same order in each process.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONHASHSEED": "0"}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True, text=True, timeout=50, cwd=directory, env=environment, check=False,
    )  # fmt: skip


def output(result: "subprocess.CompletedProcess[str]") -> str:
    """What a program that succeeded has printed; fails, with what it said, if it did not."""
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout.strip()


def run_text(program: str, *options: str) -> str:
    """Run a program with `install` before its first line, and give what it printed."""
    text = "import sketch.compat\nsketch.compat.install()\n" + textwrap.dedent(program)
    return output(run("-W", "error", *options, "-c", text))
