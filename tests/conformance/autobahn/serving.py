"""A server of `programs` as a process of its own, from its start to its end."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryFile

ROOT = Path(__file__).parents[3]

PATIENCE = 30.0
"""Seconds for a server to begin, and to end after it was told to."""


class Served:
    """A server that runs.

    ``url``
        where it listens.
    ``log``
        what it wrote, once it has ended: nothing, if no exception got lost in it.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.log = ""


@contextlib.contextmanager
def serving(name: str, options: Sequence[str]) -> Iterator[Served]:
    """Run a program with these options, once it answers."""
    with TemporaryFile() as log:
        process, port = _start(name, options, log.fileno())
        served = Served(f"ws://127.0.0.1:{port}")
        try:
            _wait_for_answer(port)
            yield served
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
        log.seek(0)
        served.log = log.read().decode(errors="replace")


def _wait_for_answer(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
                connection.request("GET", "/")
                connection.getresponse().read()
                return
        except (OSError, HTTPException):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _start(name: str, options: Sequence[str], log: int) -> tuple["subprocess.Popen[bytes]", int]:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        descriptor = listener.fileno()
        command = [
            sys.executable,
            "-m",
            "tests.conformance.autobahn.programs",
            name,
            str(descriptor),
            *options,
        ]
        process = subprocess.Popen(
            command, cwd=ROOT, pass_fds=[descriptor], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        return process, listener.getsockname()[1]
