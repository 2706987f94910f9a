"""Runs wrk for a moment and reads what it counted."""

import json
import os
import re
import subprocess
from dataclasses import dataclass, replace

from bench.peers import HERE, HOST
from bench.works import ECHO_BODY, Work

_RESULT = re.compile(r"^RESULT (\{.*\})$", re.MULTILINE)


class LoadFailed(Exception):
    """wrk did not run to its end."""


@dataclass(frozen=True)
class Load:
    """What was counted while a server was under load, by wrk or by `bench.wsload`. Times in the unit that
    the name says."""

    requests: float
    bytes: int
    seconds: float
    latency_p50_us: float
    latency_p99_us: float
    connect_errors: int = 0
    read_errors: int = 0
    write_errors: int = 0
    timeouts: int = 0
    status_errors: int = 0

    @property
    def errors(self) -> int:
        """Answers that did not come, and answers with a status of 400 or more."""
        broken = self.connect_errors + self.read_errors + self.write_errors
        return broken + self.timeouts + self.status_errors


def run_load(work: Work, port: int, connections: int, seconds: int) -> Load:
    """Load one server, on whatever core this process runs. Raises `LoadFailed`."""
    command = ["wrk", "-t", "1", "-c", str(work.connections or connections), "-d", f"{seconds}s"]
    command += ["--timeout", "10s", "-s", work.script, f"http://{HOST}:{port}{work.path}"]
    result = subprocess.run(
        command,
        cwd=HERE / "wrk",
        env={**os.environ, "BENCH_ECHO_BODY": ECHO_BODY},
        capture_output=True,
        text=True,
        timeout=seconds + 30,
    )
    found = _RESULT.search(result.stdout)
    if result.returncode or found is None:
        raise LoadFailed(f"{' '.join(command)}: {result.stdout}{result.stderr}")
    load = Load(**json.loads(found[1]))
    return replace(load, requests=load.bytes / work.answer_bytes) if work.answer_bytes else load
