"""An example as a process of its own: started on a free port, asked over HTTP, ended by a signal."""

import contextlib
import http.client
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
LAUNCHER = Path(__file__).with_name("launch.py")
PATIENCE = 30.0
"""Seconds to wait for what takes a fraction of one on an idle machine."""


@dataclass(frozen=True)
class Answer:
    """One response, read to its end."""

    status: int
    reason: str
    headers: http.client.HTTPMessage
    text: str


def ask(
    port: int,
    path: str = "/",
    *,
    method: str = "GET",
    body: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request(method, path, None if body is None else body.encode(), dict(headers or {}))
        response = connection.getresponse()
        text = response.read().decode()
        return Answer(response.status, response.reason, response.headers, text)


class Example:
    """A running example: its port and what it prints."""

    def __init__(self, path: Path, port: int) -> None:
        self.port = port
        self.output = ""
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-W", "error", str(LAUNCHER), str(path), str(port)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        # The pipe is emptied all the time, or an example that prints much would stand still.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def wait_for(self, text: str) -> str:
        """The next line that contains ``text``."""
        while True:
            line = self._lines.get(timeout=PATIENCE)
            self.output += line
            if not line:
                raise AssertionError(f"the example ended without printing {text!r}:\n{self.output}")
            if text in line:
                return line

    def send_signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """The exit code. `output` is complete after it."""
        code = self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        while not self._lines.empty():
            self.output += self._lines.get()
        return code

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.send_signal(number)
        return self.wait()

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._reader.join(PATIENCE)
        assert self._process.stdout is not None
        self._process.stdout.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(path: str | Path, port: int | None = None) -> Iterator[Example]:
    """A program, by its path or its name in ``examples/``, ready for requests, on a free port if none is
    given. Killed at the end if it still runs."""
    example = Example(EXAMPLES / path, free_port() if port is None else port)
    try:
        example.wait_for("Running on")
        yield example
    finally:
        example.close()
