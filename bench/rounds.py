"""Measures one work: all servers in turns, round by round."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.anywork import AnyWork, answer_size, open_load, verify
from bench.environment import Environment
from bench.figures import Round, WorkFigures
from bench.fleet import Fleet, RunningServer, open_fleet
from bench.load import LoadFailed
from bench.peers import Peer
from bench.processes import Cores

START_SECONDS = 1.2
"""What the start of one server and its checks take, roughly, with two of them for the access log."""

TURN_SECONDS = 0.15
"""What one turn takes besides the load, roughly."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long a work is measured.

    ``seconds``
        of one turn; ``warm_up`` of the one turn before the first round.
    """

    rounds: int
    seconds: int
    warm_up: int
    connections: int

    def estimate(self, servers: int) -> float:
        """Seconds that a work with this many servers takes."""
        turns = self.rounds * (self.seconds + TURN_SECONDS) + self.warm_up + START_SECONDS
        return servers * turns

    def describe(self) -> dict[str, int]:
        """What of it belongs to the results."""
        return {"rounds": self.rounds, "seconds": self.seconds, "connections": self.connections}


class UnreliableRun(Exception):
    """A server failed or refused requests under load, so its figure would mean nothing."""


def rotated(servers: Sequence[RunningServer], number: int) -> list[RunningServer]:
    """The order of a round: each server comes first, second, third ... equally often."""
    start = number % len(servers)
    return [*servers[start:], *servers[:start]]


def measure_work(
    work: AnyWork,
    peers: Sequence[Peer],
    environment: Environment,
    cores: Cores,
    plan: Plan,
    *,
    deadline: float | None = None,
    say: Callable[[str], None] = print,
) -> dict[str, WorkFigures]:
    """Measure the servers that do this work.

    ``deadline``
        (`time.monotonic`) no round begins that would not end before it, once there are three.

    Raises `bench.client.WrongAnswer`, `bench.client.NotStarted`, `UnreliableRun`.
    """
    with open_fleet(environment, cores) as fleet:
        servers = _start_all(fleet, work, [peer for peer in peers if work.name in peer.works])
        figures = {
            server.peer.name: WorkFigures(answer_bytes=_answer_size(server, work), rounds=[])
            for server in servers
        }
        for server in servers:
            _pause_all(servers)
            _take_turn(server, work, plan.connections, plan.warm_up)
        for number in range(plan.rounds):
            if deadline is not None and number >= 3 and not _has_time(plan, len(servers), deadline):
                say(f"  {work.name}: out of time after {number} rounds")
                break
            for server in rotated(servers, number):
                turn = _take_turn(server, work, plan.connections, plan.seconds)
                figures[server.peer.name]["rounds"].append(turn)
            say(_round_line(work, number, plan, figures))
        for server in servers:
            server.process.resume()
            verify(server.peer, work, server.port)
        return figures


def _start_all(fleet: Fleet, work: AnyWork, peers: Sequence[Peer]) -> list[RunningServer]:
    servers = []
    for peer in peers:
        server = fleet.start_for(peer, work)
        server.process.pause()
        servers.append(server)
    return servers


def _answer_size(server: RunningServer, work: AnyWork) -> int:
    server.process.resume()
    return answer_size(work, server.port)


def _pause_all(servers: Sequence[RunningServer]) -> None:
    for server in servers:
        server.process.pause()


def _take_turn(server: RunningServer, work: AnyWork, connections: int, seconds: int) -> Round:
    process = server.process
    process.resume()
    try:
        with open_load(work, server.port, connections) as run:
            before = process.cpu_seconds()
            load = run(seconds)
            used = process.cpu_seconds() - before
    except LoadFailed as error:
        raise UnreliableRun(f"{server.peer.name}, {work.name}: {error}\n{process.read_log()}") from error
    finally:
        process.pause()
    if load.status_errors or load.connect_errors or not load.requests:
        raise UnreliableRun(f"{server.peer.name}, {work.name}: {load}\n{process.read_log()}")
    return Round(
        requests=load.requests,
        seconds=load.seconds,
        cpu_seconds=used,
        errors=load.errors,
        latency_p50_us=load.latency_p50_us,
        latency_p99_us=load.latency_p99_us,
    )


def _has_time(plan: Plan, servers: int, deadline: float) -> bool:
    return time.monotonic() + servers * (plan.seconds + TURN_SECONDS) < deadline


def _round_line(work: AnyWork, number: int, plan: Plan, figures: dict[str, WorkFigures]) -> str:
    cells = []
    for name, own in figures.items():
        turn = own["rounds"][-1]
        cells.append(f"{name} {turn['requests'] / turn['cpu_seconds']:,.0f}")
    return f"  {work.name} {number + 1}/{plan.rounds}: " + "  ".join(cells)
