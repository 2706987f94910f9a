"""Asks servers questions before their speed counts: is there an answer, and is it right?"""

import http.client
import time

from bench.peers import HOST, Peer
from bench.processes import ServerProcess
from bench.works import Check, Work

_TIMEOUT = 10.0


class WrongAnswer(Exception):
    """A server answered something else than the work demands; its speed would mean nothing."""


class NotStarted(Exception):
    """A server program ended, or answered nothing in time."""


def wait_until_ready(server: ServerProcess, name: str, port: int, seconds: float = 20.0) -> float:
    """Wait for the first answer to ``GET /``. Returns the time of it (`time.perf_counter`).

    Raises `NotStarted` when the program ends, or after ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection(HOST, port, timeout=_TIMEOUT)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
            return time.perf_counter()
        except (OSError, http.client.HTTPException):
            if server.has_ended():
                break
            time.sleep(0.002)
        finally:
            connection.close()
    raise NotStarted(f"{name} did not start; it said:\n{server.read_log()}")


def verify(peer: Peer, work: Work, port: int) -> None:
    """Send a work's checks twice over one connection. Raises `WrongAnswer`."""
    connection = http.client.HTTPConnection(HOST, port, timeout=_TIMEOUT)
    try:
        for check in work.checks * 2:
            if not (check.varied and peer.canned):
                _verify_one(peer, connection, check)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise WrongAnswer(f"{peer.name}, {work.name}: {error!r}") from error
    finally:
        connection.close()


def _verify_one(peer: Peer, connection: http.client.HTTPConnection, check: Check) -> None:
    _ask(connection, check)
    response = connection.getresponse()
    body = response.read()
    content_type = response.getheader("Content-Type", "")
    if response.status == 200 and content_type.startswith(check.content_type) and check.is_right(body):
        return
    raise WrongAnswer(
        f"{peer.name} answered {check.method} {check.path} with {response.status}, "
        f"Content-Type {content_type!r}, {len(body)} bytes of body: {body[:200]!r}"
    )


def _ask(connection: http.client.HTTPConnection, check: Check) -> None:
    fields = {"Content-Type": check.request_type} if check.body else {}
    connection.request(check.method, check.path, body=check.body or None, headers=fields)


def answer_size(port: int, check: Check) -> int:
    """Bytes of the whole answer to a check, head and body; the larger, the more a server has to send."""
    connection = http.client.HTTPConnection(HOST, port, timeout=_TIMEOUT)
    try:
        _ask(connection, check)
        response = connection.getresponse()
        lines = [f"{name}: {value}\r\n" for name, value in response.getheaders()]
        status = f"HTTP/1.1 {response.status} {response.reason}\r\n"
        return len(status) + len("".join(lines)) + 2 + len(response.read())
    finally:
        connection.close()
