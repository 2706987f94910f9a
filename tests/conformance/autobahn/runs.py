"""One run: a suite, a server with its options, the chapters; and what came of it."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.conformance.autobahn.judging import GOOD, Verdict, find_faults
from tests.conformance.autobahn.serving import serving
from tests.conformance.autobahn.suites import Suite


class Run(NamedTuple):
    """What is run.

    ``name``
        of the program that serves.
    ``loop``
        ``asyncio`` or ``uvloop``.
    ``deflate``
        whether the server takes permessage-deflate.
    ``chapters``
        of the suite.
    """

    name: str
    loop: str
    deflate: bool
    chapters: Sequence[int]

    @property
    def options(self) -> list[str]:
        """For the program that serves."""
        return ["--loop", self.loop] + ([] if self.deflate else ["--no-deflate"])

    def judge(self, suite: Suite) -> "Result":
        """Start the server, run the suite, end the server. Raises `SuiteError`."""
        with TemporaryDirectory() as directory, serving(self.name, self.options) as served:
            verdicts = suite.run(served.url, [f"{chapter}.*" for chapter in self.chapters], Path(directory))
        return Result(self, suite.name, verdicts, served.log)


class Result(NamedTuple):
    """What came of a run.

    ``suite``
        its name.
    ``log``
        what the server wrote, where nothing is to be written.
    """

    run: Run
    suite: str
    verdicts: Sequence[Verdict]
    log: str

    @property
    def faults(self) -> list[str]:
        """What is wrong, each in a few lines."""
        faults = find_faults(self.verdicts, self.run.chapters)
        return [*faults, f"the server wrote: {self.log[:10_000]}"] if self.log else faults

    def count_cases(self) -> dict[str, int]:
        """How many cases were run, what they came to, and how many of the connections were not closed as they
        should have been."""
        behaviors = Counter(verdict.behavior for verdict in self.verdicts)
        named = {name: behaviors.pop(name, 0) for name in ("OK", "INFORMATIONAL", "NON-STRICT")}
        unclosed = sum(verdict.closing not in GOOD for verdict in self.verdicts)
        return {"cases": len(self.verdicts), **named, "failed": behaviors.total(), "closing": unclosed}
