"""A server as a tree of processes: started on one core, stopped between its turns, measured, ended.

It signals only processes that it started, each found by the session that it was started in.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_PROC = Path("/proc")
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


@dataclass(frozen=True)
class Cores:
    """Which core the servers run on, and which one the load; the same one where there is only one."""

    server: int
    client: int

    @classmethod
    def choose(cls) -> "Cores":
        """The first two that this process may use."""
        usable = sorted(os.sched_getaffinity(0))
        return cls(usable[0], usable[1] if len(usable) > 1 else usable[0])

    def leave_server_core(self) -> None:
        """Keep this process, and what it starts from now on, off the servers' core."""
        os.sched_setaffinity(0, {self.client})


class ServerProcess:
    """One server program and whatever processes it starts, in a session of their own."""

    def __init__(self, popen: "subprocess.Popen[bytes]", log: Path) -> None:
        self._popen = popen
        self._paused = False
        self.log = log

    @classmethod
    def start(
        cls,
        command: Sequence[str],
        *,
        core: int,
        log: Path,
        environment: Mapping[str, str],
        directory: Path,
    ) -> "ServerProcess":
        """Start a command pinned to one core; what it prints goes to the file ``log``."""

        def prepare() -> None:
            os.sched_setaffinity(0, {core})
            # Should this process be killed, nothing stays behind that nobody could end.
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

        with log.open("wb") as output:
            popen = _spawn(command, output, environment, directory, prepare)
        return cls(popen, log)

    def process_ids(self) -> list[int]:
        """The processes of the tree that live."""
        return [process_id for process_id, session in _sessions() if session == self._popen.pid]

    def has_ended(self) -> bool:
        """Whether the program that was started is gone."""
        return self._popen.poll() is not None

    def read_log(self) -> str:
        """The end of what the program printed."""
        return self.log.read_text(errors="replace")[-2000:]

    def cpu_seconds(self) -> float:
        """CPU time that the tree has used, in user and system mode."""
        total = 0.0
        for process_id in self.process_ids():
            with contextlib.suppress(OSError):
                total += cpu_seconds(process_id)
        return total

    def memory_bytes(self) -> int:
        """Memory of the tree, pages that several processes share counted once (PSS)."""
        return (
            sum(_status_kib(process_id, "smaps_rollup", "Pss:") for process_id in self.process_ids()) * 1024
        )

    def peak_memory_bytes(self) -> int:
        """The largest resident set of any process of the tree since it was started."""
        peaks = [_status_kib(process_id, "status", "VmHWM:") for process_id in self.process_ids()]
        return max(peaks, default=0) * 1024

    def pause(self) -> None:
        """Stop the tree, so that it takes no time from the one that is measured."""
        if not self._paused:
            self._paused = True
            self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let the tree go on."""
        if self._paused:
            self._paused = False
            self._signal(signal.SIGCONT)

    def end(self) -> None:
        """End the tree, by force if it does not end itself within two seconds. Never raises."""
        self.resume()
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + 2
        while self.process_ids() and time.monotonic() < deadline:
            self._popen.poll()
            time.sleep(0.01)
        self._signal(signal.SIGKILL)
        self._popen.wait()

    def _signal(self, number: int) -> None:
        for process_id in self.process_ids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process_id, number)


def cpu_seconds(process_id: int) -> float:
    """CPU time of all threads of a process, ended ones too.

    From the process's CPU clock, whose number Linux makes from the process id (clock_getcpuclockid(3)).
    ``utime`` and ``stime`` of ``/proc/PID/stat`` add up to the same, but in hundredths of a second.
    """
    return time.clock_gettime((~process_id << 3) | 2)


def _spawn(
    command: Sequence[str],
    output: IO[bytes],
    environment: Mapping[str, str],
    directory: Path,
    prepare: object,
) -> "subprocess.Popen[bytes]":
    assert callable(prepare)
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env={**os.environ, **environment},
        cwd=directory,
        start_new_session=True,
        preexec_fn=prepare,
    )


def _sessions() -> Iterator[tuple[int, int]]:
    """All processes that have not ended, each with its session."""
    for entry in os.listdir(_PROC):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                # After the command's name, which may contain anything: state, parent, group, session.
                fields = (_PROC / entry / "stat").read_text().rpartition(")")[2].split()
                if fields[0] not in "ZX":
                    yield int(entry), int(fields[3])


def _status_kib(process_id: int, file: str, field: str) -> int:
    with contextlib.suppress(OSError):
        for line in (_PROC / str(process_id) / file).read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1])
    return 0
