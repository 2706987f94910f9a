"""Which connections a server holds, seen from outside: the system's table of sockets.

A connection is held while the server has its socket open, or the system bytes to send on it: a server that
closes it in the ordinary way leaves those behind, for as long as the other side likes. Linux only.
"""

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path

from tests.soak.census import resident

INTERVAL = 0.5
"""Seconds between two looks."""

_TABLE = Path("/proc/net/tcp")
_STATISTICS = Path("/proc/net/sockstat")
_NOBODYS = "0"


@dataclass
class Seen:
    """One connection: when it was seen first and last, in seconds of a monotonic clock."""

    first: float
    last: float

    @property
    def age(self) -> float:
        """Seconds between the two."""
        return self.last - self.first


class Watch:
    """Looks at one server again and again.

    ``connections``
        those from one address that were ever seen, by their ports.
    ``memory``
        (time, bytes in use) of the server's process, in the order of time.
    ``socket_memory``
        bytes that the system has in use for all sockets of TCP, each time.
    """

    def __init__(self, address: tuple[str, int], process: int, peer: str) -> None:
        self.connections: dict[int, Seen] = {}
        self.memory: list[tuple[float, int]] = []
        self.socket_memory: list[int] = []
        self._port = address[1]
        self._process = process
        self._peer = peer

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(INTERVAL)

    def look(self) -> int:
        """Look once. How many connections are there."""
        now = time.monotonic()
        ports = held(_TABLE.read_text(), self._port, self._peer)
        for port in ports:
            self.connections.setdefault(port, Seen(now, now)).last = now
        self.memory.append((now, resident(self._process)))
        self.socket_memory.append(socket_memory(_STATISTICS.read_text()))
        return len(ports)


def socket_memory(statistics: str) -> int:
    """Bytes that the system has in use for sockets of TCP."""
    (line,) = [line for line in statistics.splitlines() if line.startswith("TCP:")]
    return int(line.split()[-1]) * os.sysconf("SC_PAGESIZE")


def held(table: str, port: int, peer: str) -> set[int]:
    """The ports of ``peer`` that are connected to the local ``port``, by a socket that costs something."""
    found = set()
    local_end, peer_start = f":{port:04X}", f"{_encode(peer)}:"
    for line in table.splitlines()[1:]:
        columns = line.split()
        local, remote, unsent, inode = columns[1], columns[2], columns[4].partition(":")[0], columns[9]
        if local.endswith(local_end) and remote.startswith(peer_start):
            if inode != _NOBODYS or int(unsent, 16):
                found.add(int(remote.partition(":")[2], 16))
    return found


def _encode(address: str) -> str:
    """As the table has it: the bytes of the address as a number of this machine, little-endian."""
    return bytes(map(int, reversed(address.split(".")))).hex().upper()
