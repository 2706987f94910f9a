"""What must hold for any bytes: they end in values or in a `RemoteProtocolError`, the same in any pieces.

`Checker` is shared by the tests and the soak: one parser serves all its inputs, as it serves all connections
of a server, so that an input which spoils it for the others is found out.
"""

import re
from collections.abc import Iterable
from random import Random

from sketch.http.errors import RemoteProtocolError
from sketch.http.heads import HttpVersion11
from sketch.http.limits import DEFAULT_LIMITS
from sketch.http_parser import HttpParser
from tests.fuzz.mutator import make_input, random_for
from tests.protocol.h1.corpus import head
from tests.protocol.h1.transcript import Outcome, Seen, cut, one_by_one, play, same

HONEST = head(b"GET /honest HTTP/1.1", b"X-Own: 1")

_HEAD_END = re.compile(rb"\r\n\r\n")
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(rb"[^\x00-\x08\x0a-\x1f\x7f]*")


class Checker:
    """Tries inputs. What an input breaks, it raises as it comes: mostly `AssertionError`."""

    def __init__(self) -> None:
        self._parser = HttpParser()

    def check(self, seed: int, number: int) -> Outcome:
        """Try one input of a series. Returns what came of it, the same however it was cut."""
        random = random_for(seed, number)
        return self.check_input(make_input(seed, number), random)

    def check_input(self, data: bytes, random: Random) -> Outcome:
        """Try these bytes, whole and in pieces."""
        whole = play([data], parser=self._parser)
        for seen in whole.requests:
            check_values(seen, whole.error)
        pieces = list(_cut_somehow(random, data))
        apart = play(pieces, parser=self._parser, lag=random.choice((0, 0, 1, 3)))
        assert same(whole, apart), f"in pieces {[len(piece) for piece in pieces]}: {whole} is not {apart}"
        fields = self._parser.parse(HONEST).fields
        assert fields == [(b"Host", b"example.org"), (b"X-Own", b"1")], f"another request became {fields}"
        return whole


def _cut_somehow(random: Random, data: bytes) -> Iterable[bytes]:
    if len(data) < 400 and random.random() < 0.3:
        return one_by_one(data)
    if random.random() < 0.3:
        # Each head on its own, so that one may repeat the fields of the one before it.
        return cut(data, [match.end() for match in _HEAD_END.finditer(data)])
    return cut(data, [random.randrange(len(data) + 1) for _ in range(random.choice((1, 2, 3, 10)))])


def check_values(seen: Seen, error: RemoteProtocolError | None) -> None:
    """A request that was accepted is one."""
    request = seen.head
    assert _TOKEN.fullmatch(request.method.encode())
    assert request.target.isascii()
    assert request.target.isprintable()
    assert " " not in request.target
    assert len(request.fields) <= DEFAULT_LIMITS.fields
    names = [name.lower() for name, _ in request.fields]
    for name, value in [*request.fields, *seen.trailers]:
        assert _TOKEN.fullmatch(name)
        assert _VALUE.fullmatch(value)
    if request.version is HttpVersion11:
        assert names.count(b"host") == 1
    length = request.framing.content_length
    if seen.is_complete and length is not None:
        assert len(seen.body) == length
    if b"transfer-encoding" in names:
        assert length is None
        assert b"content-length" not in names
    assert seen.is_complete or error is not None, "a body that breaks off is an error"
