"""A slice of the soak, in every run of the tests; and that the soak would notice."""

from collections import Counter

import pytest

from sketch.http_parser import HttpParser
from sketch.protocol.h1.body import ChunkedBody, CountedBody
from sketch.protocol.h1.connection import H1Engine
from tests.fuzz import soak
from tests.fuzz.check import Checker
from tests.fuzz.mutator import MUTATIONS, Mutation, make_input, random_for


def test_a_series_follows_from_its_seed() -> None:
    series = [make_input(1, number) for number in range(100)]
    assert [make_input(1, number) for number in range(100)] == series
    assert [make_input(2, number) for number in range(100)] != series


@pytest.mark.parametrize("mutate", {mutate.__name__: mutate for mutate in MUTATIONS}.values())
@pytest.mark.parametrize("data", [b"", b"x", b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n"])
def test_each_mutation_takes_anything_and_changes_something(mutate: Mutation, data: bytes) -> None:
    results = {mutate(random_for(1, number), data) for number in range(200)}
    assert len(results) > 4 or len(data) < 2


def test_any_bytes_end_in_values_or_a_remote_error() -> None:
    checker = Checker()
    outcomes = [checker.check(20260728, number) for number in range(10000)]
    statuses = Counter(outcome.status for outcome in outcomes)
    # The mutations are neither too coarse to get into a parser nor too fine to break anything.
    assert statuses[None] > 1000
    assert statuses[400] > 4000
    assert {414, 431, 501, 505} <= statuses.keys() <= {None, 400, 414, 421, 431, 501, 505}
    complete = [seen for outcome in outcomes for seen in outcome.requests if seen.is_complete]
    assert sum(seen.head.framing.is_chunked for seen in complete) > 500
    assert sum(bool(seen.trailers) for seen in complete) > 50


def test_the_soak_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert soak.main(["--count", "300", "--seed", "7"]) == 0
    assert "300 inputs" in capsys.readouterr().out


def test_the_soak_notices_other_exceptions(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parse = HttpParser.parse

    def parse_badly(self: HttpParser, data: bytes) -> object:
        if b"\xff" in data:
            raise UnicodeDecodeError("ascii", data, 0, 1, "planted")
        return parse(self, data)

    monkeypatch.setattr(HttpParser, "parse", parse_badly)
    assert soak.main(["--count", "3000", "--seed", "7"]) == 1
    printed = capsys.readouterr().out
    assert "--seed 7" in printed
    assert "UnicodeDecodeError" in printed
    assert "\\xff" in printed


def test_the_soak_notices_a_difference_between_whole_and_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    take_size = ChunkedBody._take_size

    def take_leniently(self: ChunkedBody, line: bytes) -> None:
        take_size(self, line)
        if len(self._line) == 2:
            self._remaining += 1

    feed = CountedBody.feed

    def feed_badly(self: CountedBody, data: bytes) -> list[bytes]:
        return feed(self, data[:-1] if len(data) == 2 else data)

    monkeypatch.setattr(CountedBody, "feed", feed_badly)
    monkeypatch.setattr(ChunkedBody, "_take_size", take_leniently)
    assert soak.main(["--count", "3000", "--seed", "7"]) == 1


def test_the_soak_notices_what_is_held_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(H1Engine, "held", property(lambda self: len(self.unread) + 65000))
    assert soak.main(["--count", "3000", "--seed", "7"]) == 1
