"""The two programs that run the cases: kosoku, and the original, for which Python 2.7 is needed.

Each is a command. It leaves a report in a directory, of which `judging` makes verdicts.
"""

import json
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from tests.conformance.autobahn.judging import Verdict, read_report
from tests.conformance.autobahn.serving import ROOT

AT_A_TIME: Final = 8
"""Cases that kosoku runs at once. Many of them wait for a second or two."""

TIMEOUT: Final = 3600.0
"""Seconds for a whole suite, which takes minutes."""


class SuiteError(Exception):
    """A suite came to no report. Its output is the message."""


class Suite(ABC):
    """Runs cases against a server.

    ``name``
        with the version.
    """

    name: str

    def run(self, url: str, cases: Sequence[str], directory: Path) -> list[Verdict]:
        """Run cases, given as ``9.1.1`` or ``9.*``, against the server at ``url``. The report goes into
        ``directory``. Raises `SuiteError`."""
        command = self._make_command(url, cases, directory)
        ran = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT, cwd=ROOT
        )
        if not (directory / "index.json").exists():
            raise SuiteError(f"{self.name}, status {ran.returncode}: {ran.stdout.decode(errors='replace')}")
        return read_report(directory)

    @abstractmethod
    def _make_command(self, url: str, cases: Sequence[str], directory: Path) -> Sequence[str]: ...


class Kosoku(Suite):
    """The cases of Autobahn|Testsuite, driven by a client in Rust. Its status says whether a case failed, and
    a case that is not strict has not: only the report is looked at."""

    def __init__(self) -> None:
        self.name = f"kosoku {version('kosoku')}"

    def _make_command(self, url: str, cases: Sequence[str], directory: Path) -> Sequence[str]:
        chosen = [argument for case in cases for argument in ("--include", case)]
        options = ["--parallelism", str(AT_A_TIME), "--outdir", str(directory)]
        return [sys.executable, "-m", "tests.conformance.autobahn.client", *options, *chosen, url]


class Original(Suite):
    """Autobahn|Testsuite, one case after the other.

    ``program``
        its command, ``wstest``.
    """

    def __init__(self, program: Path) -> None:
        self._program = program.absolute()
        said = subprocess.run(
            [self._program, "--autobahnversion"], capture_output=True, text=True, check=True
        )
        self.name = said.stdout.split("\n")[1].lower()

    def _make_command(self, url: str, cases: Sequence[str], directory: Path) -> Sequence[str]:
        specification = {
            "outdir": str(directory),
            "servers": [{"agent": "server", "url": url}],
            "cases": list(cases),
            "exclude-cases": [],
            "exclude-agent-cases": {},
        }
        path = directory / "specification.json"
        path.write_text(json.dumps(specification))
        return [str(self._program), "--mode", "fuzzingclient", "--spec", str(path)]
