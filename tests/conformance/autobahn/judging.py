"""What a suite found in one case, and what of that is good enough.

Both suites judge a case twice: what was answered (``behavior``) and how the connection was closed
(``behaviorClose``). They differ in nothing that is read here.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

CASES: Final[Mapping[int, int]] = {
    1: 16, 2: 11, 3: 7, 4: 10, 5: 20, 6: 145, 7: 37, 9: 54, 10: 1, 12: 90, 13: 126,
}  # fmt: skip
"""How many cases each chapter of the suite has: 1 framing, 2 pings, 3 reserved bits, 4 opcodes, 5 fragments,
6 UTF-8, 7 closing, 9 limits, 10 other, 12 and 13 permessage-deflate."""

FUNCTIONAL: Final = (1, 2, 3, 4, 5, 6, 7, 10)
LIMITS: Final = (9,)
DEFLATE: Final = (12, 13)

GOOD: Final = frozenset({"OK", "INFORMATIONAL"})
"""INFORMATIONAL: whatever a server does here, the RFC leaves it open."""


class Verdict(NamedTuple):
    """What a suite says of one case.

    ``behavior`` and ``closing``
        ``OK``, ``INFORMATIONAL``, ``NON-STRICT`` (allowed, but later than it should be), ``UNIMPLEMENTED``,
        ``FAILED``; of the closing also ``UNCLEAN`` and ``WRONG CODE``.
    ``details``
        the whole report of the case.
    """

    case: str
    behavior: str
    closing: str
    details: Mapping[str, Any]

    @property
    def is_good(self) -> bool:
        return self.behavior in GOOD and self.closing in GOOD

    def explain(self) -> str:
        """The case in a few lines: what was to be done, and what was."""
        say = self.details.get
        lines = [
            f"{self.case}: {self.behavior}, closing {self.closing}",
            f"  case:     {_join(say('description'))}",
            f"  expected: {_join(say('expectation'))}",
            f"            {_shorten(say('expected'))}",
            f"            {_shorten(say('expectedClose'))}",
            f"  got:      {_join(say('result'))} {_join(say('resultClose'))}",
            f"            {_shorten(say('received'))}",
            f"            close code {say('remoteCloseCode')}, {say('wasNotCleanReason') or 'clean'}",
        ]
        return "\n".join(lines)


def _join(text: object) -> str:
    return " ".join(str(text or "").split())


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:300]}... ({len(text)} characters)"


def read_report(directory: Path) -> list[Verdict]:
    """The verdicts that a suite has left in a directory, in the order of the cases."""
    index = json.loads((directory / "index.json").read_text())
    verdicts = [
        Verdict(
            case,
            entry["behavior"],
            entry["behaviorClose"],
            json.loads((directory / entry["reportfile"]).read_text()),
        )
        for cases in index.values()
        for case, entry in cases.items()
    ]
    return sorted(verdicts, key=lambda verdict: [int(part) for part in verdict.case.split(".")])


def find_faults(verdicts: Sequence[Verdict], chapters: Sequence[int]) -> list[str]:
    """What is wrong with a run over these chapters: every case that is not good, and chapters of which a case
    was not run. Empty where nothing is."""
    ran = Counter(int(verdict.case.partition(".")[0]) for verdict in verdicts)
    faults = [verdict.explain() for verdict in verdicts if not verdict.is_good]
    faults += [
        f"chapter {chapter}: {ran[chapter]} of {CASES[chapter]} cases were run"
        for chapter in chapters
        if ran[chapter] != CASES[chapter]
    ]
    return faults
