"""Two corpora of other projects: nothing invalid is accepted, nothing valid refused.

What is valid is said by the RFCs (`tests.judging.reference`), and where that is not what the corpus says,
`tests.corpora.judgements` says why.
"""

from collections import Counter
from collections.abc import Callable, Iterable

import pytest

from tests.corpora.case import Case
from tests.corpora.gunicorn import read_gunicorn
from tests.corpora.judgements import DIFFERENCES
from tests.corpora.llhttp import read_llhttp
from tests.corpora.prepare import Judged, judge
from tests.judging.compare import compare
from tests.judging.echo import Failures, make_server, send_in_memory
from tests.judging.reference import Ending, read
from tests.net.stage import run
from tests.protocol.h1.transcript import one_by_one

ReadCorpus = Callable[[], list[Case]]

CORPORA = pytest.mark.parametrize("read_corpus", [read_llhttp, read_gunicorn], ids=["llhttp", "gunicorn"])

NUMBERS = {
    "llhttp": {"cases": 166, "valid": 78, "invalid": 88, "hostless": 108, "different": 39},
    "gunicorn": {"cases": 143, "valid": 63, "invalid": 80, "hostless": 57, "different": 35},
}
"""How many cases there are, how we judge them, how many have no ``Host``, how often we differ."""


def judge_all(read_corpus: ReadCorpus) -> list[Judged]:
    judged = [judge(case) for case in read_corpus()]
    names = Counter(each.case.name for each in judged)
    assert max(names.values()) == 1
    return judged


def wrongs(tried: Iterable[tuple[str, bytes]]) -> list[str]:
    """What the server does otherwise than it has to, whole or byte by byte."""
    found = []
    failures = Failures()

    async def main() -> None:
        server = make_server(failures)
        for name, data in tried:
            for pieces in ([data], list(one_by_one(data))):
                outcome = await send_in_memory(server, pieces)
                if wrong := compare(read(data), outcome):
                    found.append(f"{name}, in {len(pieces)} pieces: {wrong}\n{data[:300]!r}")
        await server.shutdown(0)

    run(main)
    return found + failures.records


@CORPORA
def test_no_invalid_request_is_accepted_and_no_valid_one_refused(read_corpus: ReadCorpus) -> None:
    assert wrongs((each.case.name, each.data) for each in judge_all(read_corpus)) == []


@CORPORA
def test_as_they_are_those_without_a_host_are_refused(read_corpus: ReadCorpus) -> None:
    hostless = [each.case for each in judge_all(read_corpus) if each.is_hostless]
    readings = {case.name: read(case.data) for case in hostless}
    assert {
        name
        for name, reading in readings.items()
        if reading.ending not in (Ending.INVALID, Ending.UNFINISHED, Ending.CLOSED)
    } == set()
    assert wrongs((case.name, case.data) for case in hostless) == []


@CORPORA
def test_each_judgement_that_differs_is_listed_with_its_reason(read_corpus: ReadCorpus) -> None:
    judged = judge_all(read_corpus)
    corpus = judged[0].case.name.partition("/")[0]
    found = {each.case.name: each.difference for each in judged if each.difference}
    listed = [
        (name, difference.ours)
        for difference in DIFFERENCES
        for name in difference.cases
        if name.startswith(corpus)
    ]
    assert found == dict(listed)
    assert len(listed) == len(found), "a case is listed once"


@CORPORA
def test_the_numbers_that_are_told_are_these(read_corpus: ReadCorpus) -> None:
    judged = judge_all(read_corpus)
    valid = sum(each.reading.ending is not Ending.INVALID for each in judged)
    assert NUMBERS[judged[0].case.name.partition("/")[0]] == {
        "cases": len(judged),
        "valid": valid,
        "invalid": len(judged) - valid,
        "hostless": sum(each.is_hostless for each in judged),
        "different": sum(each.difference is not None for each in judged),
    }
