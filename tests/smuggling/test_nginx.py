"""The attacks through a proxy: it and we never disagree about where a request ends.

The proxy reads what a client sends by its own rules, which are laxer than ours here and there, and writes
what it read anew, on connections that many clients share. If one of us saw an end where the other does not, a
request would be seen that the proxy did not pass on, or two in the place of one, or an answer would go to
somebody else.
"""

import asyncio
import json
import logging
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import h11
import pytest

from sketch import web
from tests.judging.echo import READ, Failures
from tests.nginx import NGINX
from tests.smuggling.attack import REFUSALS, Attack, Verdict
from tests.smuggling.corpus import make_corpus
from tests.smuggling.nginx import NAME, Front, Passed, running

AT_ONCE = 32


SEEN = "X-Seen"
"""The name of the request that an answer is to, as the server behind saw it."""

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


@dataclass
class Back:
    """The server behind the proxy: what it saw of each request, by the name that the proxy gave it."""

    begun: Counter[str] = field(default_factory=Counter)
    read: dict[str, tuple[str, str, bytes]] = field(default_factory=dict)
    nameless: list[str] = field(default_factory=list)

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Reads a request to its end and says so."""
        names = request.headers.getall(NAME, [])
        if len(names) != 1:
            self.nameless.append(f"{request.method} {request.raw_path} with {names}")
            return web.Response(status=500)
        self.begun[names[0]] += 1
        body = await request.read()
        self.read[names[0]] = (request.method, request.raw_path, body)
        told = [request.method, request.raw_path, body.decode("latin-1")]
        return web.Response(headers={READ: json.dumps(told), SEEN: names[0]})


@dataclass(frozen=True)
class Answer:
    """One answer as a client of the proxy got it: the name that each of the two gives to its request."""

    status: int
    front: str | None
    seen: str | None
    told: tuple[str, str, str] | None


async def ask(address: tuple[str, int], data: bytes) -> list[Answer]:
    """All answers to these bytes, until the proxy closes."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(data)
        received = await reader.read()
    except ConnectionResetError:
        received = b""
    finally:
        writer.close()
    return read_answers(received)


def read_answers(received: bytes) -> list[Answer]:
    """Read answers. One without a head is nginx's to what may be HTTP/0.9."""
    answers = []
    while received.startswith(b"HTTP/1.1 "):
        head, _, _ = received.partition(b"\r\n\r\n")
        is_to_head = (READ.encode() + b': ["HEAD"') in head
        client = h11.Connection(h11.CLIENT)
        client.send(h11.Request(method="HEAD" if is_to_head else "GET", target="/", headers=[("Host", "a")]))
        client.send(h11.EndOfMessage())
        client.receive_data(received)
        event = client.next_event()
        while isinstance(event, h11.InformationalResponse):
            event = client.next_event()
        assert isinstance(event, h11.Response)
        answers.append(_answer(event))
        while isinstance(event, (h11.Response, h11.Data)):
            event = client.next_event()
        received = client.trailing_data[0] if isinstance(event, h11.EndOfMessage) else b""
    return answers


def _answer(response: h11.Response) -> Answer:
    fields = {name.decode().lower(): value.decode("latin-1") for name, value in response.headers}
    told = json.loads(fields[READ.lower()]) if READ.lower() in fields else None
    return Answer(
        response.status_code, fields.get(NAME.lower()), fields.get(SEEN.lower()), told and tuple(told)
    )


@dataclass
class Run:
    """All that was seen, at the three places."""

    back: Back = field(default_factory=Back)
    answers: dict[int, list[Answer]] = field(default_factory=dict)
    honest: dict[int, list[Answer]] = field(default_factory=dict)
    log: dict[str, Passed] = field(default_factory=dict)
    failures: Failures = field(default_factory=Failures)


def marker(number: int) -> bytes:
    """What follows an attack: a request of its own, and the last."""
    return b"GET /marker/%d HTTP/1.1\r\nHost: front.example\r\nConnection: close\r\n\r\n" % number


def honest(number: int) -> bytes:
    """Another client's request, which an attack must not touch."""
    body = b"honest %d" % number
    fields = b"Host: front.example\r\nConnection: close\r\nContent-Length: %d" % len(body)
    return b"PUT /honest/%d HTTP/1.1\r\n%b\r\n\r\n%b" % (number, fields, body)


async def attack_through_nginx(attacks: list[Attack], directory: Path, *, streams: bool) -> Run:
    """Send them all, and an honest request after each, which likely gets the same connection behind."""
    run = Run()
    logger = logging.Logger("nginx", logging.ERROR)
    logger.addHandler(run.failures)
    server = web.Server(run.back.handle, logger=logger, access_log=None)
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    turns = asyncio.Semaphore(AT_ONCE)

    async def attempt(number: int, attack: Attack, front: Front) -> None:
        address = front.streaming if streams else front.buffering
        async with turns:
            run.answers[number] = await ask(address, attack.data + marker(number))
            run.honest[number] = await ask(address, honest(number))

    try:
        async with running(directory, listener.sockets[0].getsockname()[1]) as front:
            await asyncio.gather(*[attempt(number, each, front) for number, each in enumerate(attacks)])
    finally:
        listener.close()
        await server.shutdown(10)
    entries = front.read_log()
    run.log = {entry.name: entry for entry in entries}
    assert len(run.log) == len(entries)
    return run


def disagreements(run: Run, *, streams: bool) -> list[str]:
    """What was seen in one place and not in another."""
    back = run.back
    found = [f"seen, and not passed on: {request}" for request in back.nameless]
    for name, times in back.begun.items():
        entry = run.log.get(name)
        if times != 1 or entry is None or not entry.is_forwarded:
            found.append(f"seen {times} times: {name}, {entry}")
    for name, entry in run.log.items():
        read = back.read.get(name)
        if (entry.status == 200) != (read is not None):
            found.append(f"passed on as {entry}, read as {read}")
        elif entry.status is not None and entry.status not in (200, *REFUSALS):
            found.append(f"answered {entry}")
        # What it does not keep whole it does not log.
        elif read and read != (entry.method, entry.target, read[2] if streams else entry.body):
            found.append(f"passed on as {entry}, read as {read}")
    return found


def strayed(run: Run) -> list[str]:
    """Answers that went to somebody else, or to nobody."""
    found = []
    came: Counter[str] = Counter()
    for kind, of_all in (("marker", run.answers), ("honest", run.honest)):
        for number, answers in of_all.items():
            came.update(answer.seen for answer in answers if answer.seen)
            if not (_are_own(answers, run) and _reach(answers, f"/{kind}/", f"/{kind}/{number}")):
                found.append(f"{kind} {number}: {answers}")
    return found + [f"{came[name]} answers to {name}" for name in run.back.read if came[name] != 1]


def _are_own(answers: list[Answer], run: Run) -> bool:
    """Whether these are answers to different requests on one connection, both servers mean one request by
    each, and it says what was read."""
    names = [answer.front for answer in answers if answer.front]
    if len({name.partition("-")[0] for name in names}) > 1 or len(set(names)) < len(names):
        return False
    for answer in answers:
        if answer.seen is None or answer.told is None:
            if answer.front in run.back.read:
                return False
            continue
        method, target, body = answer.told
        said = (method, target, body.encode("latin-1"))
        if answer.seen != answer.front or run.back.read[answer.seen] != said:
            return False
    return True


def _reach(answers: list[Answer], prefix: str, own: str) -> bool:
    """Whether no target with this prefix is answered but the client's own, once, and last."""
    targets = [answer.told[1] for answer in answers if answer.told]
    return own not in targets[:-1] and all(each == own for each in targets if each.startswith(prefix))


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streaming"])
def test_the_proxy_and_we_agree(streams: bool, tmp_path: Path) -> None:
    attacks = make_corpus()
    run = asyncio.run(attack_through_nginx(attacks, tmp_path, streams=streams))
    assert disagreements(run, streams=streams) == []
    assert strayed(run) == []
    assert run.failures.records == []
    for number, answers in run.honest.items():
        [answer] = answers
        assert answer.told == ("PUT", f"/honest/{number}", f"honest {number}")
    # The proxy stops many of them, but by far not all; and some of those that it passes on we refuse.
    outer = [entry for entry in run.log.values() if entry.is_forwarded and "/outer" in entry.target]
    assert len(outer) > len(attacks) // 10
    assert sum(entry.status in REFUSALS for entry in run.log.values()) > 0
    marked = sum(entry.target.startswith("/marker/") and entry.status == 200 for entry in run.log.values())
    must = sum(attack.verdict is Verdict.READ and not attack.closes for attack in attacks)
    assert marked > must // 2
