"""The servers that take part in a measurement: started, asked whether they are right, and ended for sure."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import anywork, client
from bench.anywork import AnyWork
from bench.environment import WORK_DIRECTORY, Environment
from bench.peers import SERVERS, Peer, command, free_port, variables
from bench.processes import Cores, ServerProcess
from bench.works import FILES


@dataclass
class RunningServer:
    """One server that answers on a port."""

    peer: Peer
    port: int
    process: ServerProcess
    start_seconds: float


@dataclass
class Fleet:
    """Starts servers and remembers them, so that all of them end."""

    environment: Environment
    cores: Cores
    directory: Path
    servers: list[RunningServer] = field(default_factory=list)

    def start(
        self,
        peer: Peer,
        work: str = "plaintext",
        *,
        access_log: Path | None = None,
        download_bytes: int | None = None,
    ) -> RunningServer:
        """Start a server and wait for its first answer. Raises `bench.client.NotStarted`."""
        port = free_port()
        python = self.environment.pythons[peer.environment]
        words = command(peer, python, port, work, access_log=access_log, download_bytes=download_bytes)
        begun = time.perf_counter()
        process = ServerProcess.start(
            words,
            core=self.cores.server,
            log=self.directory / f"{peer.program}-{port}.log",
            environment=variables(peer, self.directory),
            directory=SERVERS,
        )
        server = RunningServer(peer, port, process, 0.0)
        self.servers.append(server)
        server.start_seconds = client.wait_until_ready(process, peer.name, port) - begun
        return server

    def start_for(self, peer: Peer, work: AnyWork) -> RunningServer:
        """Start a server for a work and check its answers. Raises `bench.client.WrongAnswer`, too."""
        access_log = None
        if work.name == "access-log" and not peer.canned:
            self._check_access_log(peer, work)
            access_log = Path("/dev/null")
        server = self.start(peer, work.name, access_log=access_log)
        anywork.verify(peer, work, server.port)
        return server

    def _check_access_log(self, peer: Peer, work: AnyWork) -> None:
        """See a server write its log into a file, before it may write it to nowhere."""
        log = self.directory / f"{peer.program}-access.log"
        log.unlink(missing_ok=True)
        server = self.start(peer, work.name, access_log=log)
        anywork.verify(peer, work, server.port)
        self.end(server)
        lines = log.read_text().splitlines() if log.exists() else []
        # One answer until it was ready, and two checks.
        if len([line for line in lines if "GET /" in line]) < 3:
            raise client.WrongAnswer(f"{peer.name} writes no access log: {lines}")

    def end(self, server: RunningServer) -> None:
        """End one server."""
        server.process.end()
        self.servers.remove(server)


@contextmanager
def open_fleet(environment: Environment, cores: Cores) -> Iterator[Fleet]:
    """A fleet whose servers end with the ``with`` block, whatever happens in it."""
    with tempfile.TemporaryDirectory(dir=WORK_DIRECTORY, ignore_cleanup_errors=True) as directory:
        # nginx leaves root's rights behind and still has to reach its files.
        Path(directory).chmod(0o755)
        files = Path(directory, "files")
        files.mkdir()
        for name, size in FILES.items():
            files.joinpath(name).write_bytes(b"x" * size)
        fleet = Fleet(environment, cores, Path(directory))
        try:
            yield fleet
        finally:
            for server in list(fleet.servers):
                fleet.end(server)
