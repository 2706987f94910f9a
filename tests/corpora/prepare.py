"""A case of a corpus made one that shows what it is about, and our judgement of it.

Most cases of both corpora have no ``Host``. As they are, all of them have to be refused for that alone
(RFC 9112, section 3.2), whatever else they show; so each is judged with a ``Host`` field, and tried without
it, too.
"""

from dataclasses import dataclass

from tests.corpora.case import Case, with_hosts
from tests.judging.reference import Ending, Reading, read


@dataclass(frozen=True)
class Judged:
    """A case as it is tried.

    ``data``
        with a ``Host`` where there was none; a head with a fault is given its end.
    ``reading``
        our judgement of that.
    """

    case: Case
    data: bytes
    reading: Reading

    @property
    def is_hostless(self) -> bool:
        """Whether the case, as it is, has a request without ``Host`` in it."""
        return bool(read(self.case.data, needs_host=False).hostless)

    @property
    def difference(self) -> str | None:
        """``taken`` or ``refused`` where the corpus says the opposite of us; ``read otherwise`` where both
        take it and mean different requests."""
        case, reading = self.case, self.reading
        is_valid = reading.ending is not Ending.INVALID
        if case.has_end and reading.ending is Ending.UNFINISHED:
            is_valid = False
        told = [each for each in case.told or () if each.is_complete]
        if case.is_open_ended and len(reading.messages) >= len(case.told or ()):
            is_valid = True
        if is_valid != case.is_valid:
            return "taken" if is_valid else "refused"
        meant = [(each.method, each.target, _body(each.method, each.body)) for each in reading.messages]
        if case.is_open_ended:
            meant = meant[: len(told)]
        if case.told is None or meant == [
            (each.method, each.target, _body(each.method, each.body)) for each in told
        ]:
            return None
        return "read otherwise"


def _body(method: str, body: bytes) -> bytes:
    # What follows the head of a CONNECT is nobody's content (RFC 9110, section 9.3.6).
    return b"" if method == "CONNECT" else body


def judge(case: Case) -> Judged:
    """The case made ready, with our judgement."""
    data = with_hosts(case.data, read(case.data, needs_host=False).hostless)
    reading = read(data)
    if not case.is_valid and not case.has_end and reading.is_in_head:
        # It breaks off where its parser has seen enough; a server reads on to the end of the head.
        data += b"\r\n\r\n"
        reading = read(data)
    return Judged(case, data, reading)
