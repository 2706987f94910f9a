"""What the corpus says of its attacks is what the grammar says, and no other parser contradicts it."""

from collections import Counter

import h11
import pytest

from tests.judging.echo import Read
from tests.judging.reference import Ending, read
from tests.smuggling.attack import Attack, Verdict
from tests.smuggling.corpus import FAMILIES, FOLLOWER, FOLLOWER_READ, make_corpus

CORPUS = make_corpus()


def test_there_are_many_and_no_two_are_the_same() -> None:
    assert len(CORPUS) > 600
    assert len({attack.data for attack in CORPUS}) > 0.99 * len(CORPUS)
    assert max(Counter(attack.name for attack in CORPUS).values()) == 1
    verdicts = Counter(attack.verdict for attack in CORPUS)
    assert min(verdicts.values()) > 50


@pytest.mark.parametrize("family", FAMILIES)
def test_the_grammar_says_the_same(family: object) -> None:
    wrong = [attack.name for attack in family() if not _is_what_the_grammar_says(attack)]  # type: ignore[operator]
    assert wrong == []


def _is_what_the_grammar_says(attack: Attack) -> bool:
    reading = read(attack.data + FOLLOWER)
    read_there = tuple(Read(message.method, message.target, message.body) for message in reading.messages)
    if reading.ending is Ending.INVALID:
        assert reading.fault is not None
        is_refused_for_good = not reading.fault.can_wait and read_there == attack.before
        return attack.verdict is not Verdict.READ and is_refused_for_good
    meant = (*attack.before, *attack.reads, *(() if attack.closes else (FOLLOWER_READ,)))
    ending = Ending.CLOSED if attack.closes else Ending.IDLE
    return attack.verdict is not Verdict.REFUSED and reading.ending is ending and read_there == meant


def test_h11_reads_nothing_else() -> None:
    """h11 takes more than we do, and refuses some that is right; but what it takes of the attacks that have
    to be taken means the same to it."""
    different = []
    taken = 0
    for attack in CORPUS:
        if attack.verdict is Verdict.READ:
            meant = [*attack.before, *attack.reads, *(() if attack.closes else (FOLLOWER_READ,))]
            requests = read_with_h11(attack.data + FOLLOWER)
            taken += requests == meant
            if requests != meant[: len(requests)]:
                different.append((attack.name, requests))
    assert different == []
    assert taken > 100


def read_with_h11(data: bytes) -> list[Read]:
    """The requests that h11 reads to their ends."""
    server = h11.Connection(h11.SERVER)
    server.receive_data(data)
    requests: list[Read] = []
    method, target, body = "", "", b""
    while True:
        try:
            event = server.next_event()
        except h11.RemoteProtocolError:
            return requests
        if isinstance(event, h11.Request):
            method, target, body = event.method.decode(), event.target.decode(), b""
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            requests.append(Read(method, target, body))
            server.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
            server.send(h11.EndOfMessage())
            if server.our_state is h11.MUST_CLOSE:
                return requests
            server.start_next_cycle()
        else:
            return requests
