"""A distribution that cannot be had skips its tests; one that is not what was meant fails them."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.corpora import download
from tests.corpora.download import Distribution, read_files

MEANT = Distribution("meant", "1.0", "0" * 64)


def answer_with(monkeypatch: pytest.MonkeyPatch, cache: Path, run: Callable[[], str]) -> list[list[str]]:
    """Put something in the place of pip. Returns the commands that it is given."""
    commands: list[list[str]] = []

    def instead(command: list[str], **options: Any) -> "subprocess.CompletedProcess[str]":
        commands.append(command)
        return subprocess.CompletedProcess(command, 1, "", run())

    monkeypatch.setattr(download, "CACHE", cache)
    monkeypatch.setattr(download, "_missing", {})
    monkeypatch.setattr(subprocess, "run", instead)
    return commands


def test_without_a_network_the_reason_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commands = answer_with(monkeypatch, tmp_path, lambda: "WARNING: retrying\nERROR: no route\n")
    with pytest.raises(pytest.skip.Exception, match="meant-1.0.tar.gz cannot be downloaded.*no route"):
        read_files(MEANT, "tests")
    with pytest.raises(pytest.skip.Exception, match="no route"):
        read_files(MEANT, "tests")
    assert len(commands) == 1
    assert (tmp_path / "meant-1.0.txt").read_text() == f"meant==1.0 --hash=sha256:{'0' * 64}\n"


def test_an_index_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def hang() -> str:
        raise subprocess.TimeoutExpired("pip", 1)

    answer_with(monkeypatch, tmp_path, hang)
    with pytest.raises(pytest.skip.Exception, match="no answer"):
        read_files(MEANT, "tests")


def test_another_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    words = "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE"
    answer_with(monkeypatch, tmp_path, lambda: words)
    with pytest.raises(AssertionError, match="DO NOT MATCH"):
        read_files(MEANT, "tests")


def test_what_is_kept_is_checked_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commands = answer_with(monkeypatch, tmp_path, lambda: "")
    (tmp_path / "meant-1.0.tar.gz").write_bytes(b"another")
    with pytest.raises(AssertionError, match="not the file that was meant"):
        read_files(MEANT, "tests")
    assert commands == []
