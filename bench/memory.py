"""Memory of servers: of an idle connection or WebSocket, and while a long body goes through.

``python -m bench.memory --help`` measures only this.
"""

import argparse
import http.client
import resource
import socket
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.client import WrongAnswer
from bench.environment import Environment, prepare
from bench.figures import StreamFigures
from bench.fleet import Fleet, RunningServer, open_fleet
from bench.peers import HOST, PEERS, WEBSOCKET_PEERS, Peer, sketch_from
from bench.processes import Cores
from bench.works import GREETING, MEBIBYTE
from bench.wsclient import ECHO, WebSocketClient
from bench.wsframes import ProtocolError

IDLE_PEERS = ("sketch", "granian-rsgi", "uvicorn", "aiohttp")
IDLE_WEBSOCKET_PEERS = (
    *("sketch", "picows", "picows-websockets", "socketify", "aiohttp", "websockets"),
    *("uvicorn-websockets", "uvicorn-wsproto"),
)
STREAM_PEERS = ("sketch", "granian-rsgi", "starlette", "aiohttp")

_REQUEST = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
_FIRST_CONNECTIONS = 1000
"""Open before the memory is read for the first time, so that the memory that a server's start left over is
used up. With 200 of them, a connection of sketch would seem to cost a quarter less."""

_SLOW_RATE = 200 * MEBIBYTE
"""Bytes per second of the slow reader. A server without backpressure makes several times as many."""

_STALL = 1.0
"""Seconds for which the slow reader reads nothing at first."""

Say = Callable[[str], None]
Connect = Callable[[RunningServer], socket.socket]


def measure_idle(
    peers: Sequence[Peer],
    environment: Environment,
    cores: Cores,
    *,
    connections: int = 2000,
    rounds: int = 5,
    say: Say = print,
) -> dict[str, list[float]]:
    """Bytes for each idle keep-alive connection that was used once, in several rounds of fresh servers.

    Raises `bench.client.WrongAnswer` when a server closes a connection meanwhile."""
    chosen = _choose(peers, IDLE_PEERS)
    figures = _measure_idle(chosen, environment, cores, _open_connection, connections, rounds)
    _tell("connection", figures, say)
    return figures


def measure_idle_websockets(
    peers: Sequence[Peer],
    environment: Environment,
    cores: Cores,
    *,
    connections: int = 5000,
    rounds: int = 5,
    say: Say = print,
) -> dict[str, list[float]]:
    """The same for each WebSocket without permessage-deflate that echoed one message."""
    chosen = _choose(peers, IDLE_WEBSOCKET_PEERS)
    figures = _measure_idle(chosen, environment, cores, _open_websocket, connections, rounds)
    _tell("WebSocket", figures, say)
    return figures


def _choose(peers: Sequence[Peer], names: Sequence[str]) -> list[Peer]:
    """Those of these names, at whatever revision."""
    return [peer for peer in peers if peer.name.partition("@")[0] in names]


def _tell(what: str, figures: dict[str, list[float]], say: Say) -> None:
    for name, values in figures.items():
        say(f"  idle {what}: {name} {statistics.median(values) / 1024:.2f} KiB")


def _measure_idle(
    peers: Sequence[Peer],
    environment: Environment,
    cores: Cores,
    connect: Connect,
    connections: int,
    rounds: int,
) -> dict[str, list[float]]:
    figures: dict[str, list[float]] = {peer.name: [] for peer in peers}
    _allow_descriptors(connections + _FIRST_CONNECTIONS + 200)
    for _ in range(rounds):
        for peer in peers:
            with open_fleet(environment, cores) as fleet:
                figures[peer.name].append(_measure_idle_once(fleet.start(peer), connect, connections))
    return figures


def _measure_idle_once(server: RunningServer, connect: Connect, connections: int) -> float:
    sockets = [connect(server) for _ in range(_FIRST_CONNECTIONS)]
    try:
        before = server.process.memory_bytes()
        sockets += [connect(server) for _ in range(connections)]
        after = server.process.memory_bytes()
        if not all(_is_open(sock) for sock in sockets):
            raise WrongAnswer(f"{server.peer.name} closes idle connections; they cannot be counted")
        return (after - before) / connections
    finally:
        for sock in sockets:
            sock.close()


def _allow_descriptors(count: int) -> None:
    """Let this process, and the servers that it starts, open enough sockets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _open_connection(server: RunningServer) -> socket.socket:
    """A connection on which one request was answered."""
    sock = socket.create_connection((HOST, server.port), timeout=10)
    sock.sendall(_REQUEST)
    answer = b""
    while not answer.endswith(GREETING.encode()):
        try:
            data = sock.recv(4096)
        except TimeoutError as error:
            raise WrongAnswer(f"{server.peer.name} does not answer on one more connection") from error
        if not data:
            raise WrongAnswer(f"{server.peer.name} closed a connection after {answer!r}")
        answer += data
    return sock


def _open_websocket(server: RunningServer) -> socket.socket:
    """A WebSocket on which one message was echoed."""
    try:
        client = WebSocketClient(server.port, ECHO)
        client.send(GREETING.encode())
        client.receive()
    except (OSError, ProtocolError) as error:
        raise WrongAnswer(f"{server.peer.name}: one more WebSocket: {error!r}") from error
    return client.sock


def _is_open(sock: socket.socket) -> bool:
    try:
        sock.setblocking(False)
        return sock.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def measure_streams(
    peers: Sequence[Peer],
    environment: Environment,
    cores: Cores,
    *,
    body_bytes: int = 1024 * MEBIBYTE,
    say: Say = print,
) -> dict[str, StreamFigures]:
    """The largest resident set while a body is uploaded, and while one is downloaded slowly.

    Raises `bench.client.WrongAnswer` when bytes get lost."""
    figures = {}
    for peer in _choose(peers, STREAM_PEERS):
        with open_fleet(environment, cores) as fleet:
            sizes = figures[peer.name] = _measure_streams_of(fleet, peer, body_bytes)
        peaks = (sizes["before"], sizes["upload_peak"], sizes["download_peak"])
        cells = " / ".join(f"{size / MEBIBYTE:.1f}" for size in peaks)
        say(f"  long bodies: {peer.name} start / upload / download {cells} MiB")
    return figures


def _measure_streams_of(fleet: Fleet, peer: Peer, body_bytes: int) -> StreamFigures:
    server = fleet.start(peer, "upload")
    before = server.process.peak_memory_bytes()
    _upload(server, body_bytes)
    upload_peak = server.process.peak_memory_bytes()
    fleet.end(server)
    server = fleet.start(peer, "download", download_bytes=body_bytes)
    _download_slowly(server, body_bytes)
    return StreamFigures(
        body_bytes=body_bytes,
        before=before,
        upload_peak=upload_peak,
        download_peak=server.process.peak_memory_bytes(),
    )


def _upload(server: RunningServer, body_bytes: int) -> None:
    piece = b"x" * MEBIBYTE
    connection = http.client.HTTPConnection(HOST, server.port, timeout=60)
    try:
        connection.putrequest("POST", "/upload")
        connection.putheader("Content-Length", str(body_bytes))
        connection.endheaders()
        for _ in range(body_bytes // len(piece)):
            connection.send(piece)
        answer = connection.getresponse().read()
    finally:
        connection.close()
    if answer != str(body_bytes).encode():
        raise WrongAnswer(f"{server.peer.name} counted {answer!r} of {body_bytes} bytes")


def _download_slowly(server: RunningServer, body_bytes: int) -> None:
    connection = http.client.HTTPConnection(HOST, server.port, timeout=60)
    try:
        connection.sock = socket.create_connection((HOST, server.port), timeout=60)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.request("GET", "/download")
        time.sleep(_STALL)
        received = _read_slowly(connection.getresponse())
    finally:
        connection.close()
    if received != body_bytes:
        raise WrongAnswer(f"{server.peer.name} sent {received} of {body_bytes} bytes")


def _read_slowly(response: http.client.HTTPResponse) -> int:
    buffer = bytearray(MEBIBYTE)
    received = 0
    begun = time.monotonic()
    while count := response.readinto(buffer):
        received += count
        ahead = received / _SLOW_RATE - (time.monotonic() - begun)
        if ahead > 0:
            time.sleep(ahead)
    return received


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--servers", nargs="+")
    parser.add_argument("--websockets", action="store_true", help="only idle WebSockets")
    parser.add_argument("--connections", type=int, help="(2000; WebSockets: 5000)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mebibytes", type=int, default=1024, help="length of the streamed body")
    parser.add_argument("--sketch-from", type=Path, action="append", default=[], metavar="DIRECTORY")
    options = parser.parse_args()
    all_peers = WEBSOCKET_PEERS if options.websockets else PEERS
    peers = [peer for peer in all_peers if not options.servers or peer.name in options.servers]
    peers += [sketch_from(path, all_peers[0]) for path in options.sketch_from]
    environment, cores = prepare(set(), set()), Cores.choose()
    cores.leave_server_core()
    if options.websockets:
        count = options.connections or 5000
        measure_idle_websockets(peers, environment, cores, connections=count, rounds=options.rounds)
        return
    count = options.connections or 2000
    measure_idle(peers, environment, cores, connections=count, rounds=options.rounds)
    measure_streams(peers, environment, cores, body_bytes=options.mebibytes * MEBIBYTE)


if __name__ == "__main__":
    _main()
