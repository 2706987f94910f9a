"""What a part of the soak found: figures, and what is wrong."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(kw_only=True)
class Report:
    """One part's result.

    ``part``
        its name.
    ``figures``
        what was measured, by name.
    ``failures``
        one sentence for each criterion that was missed; none: it passed.
    """

    part: str
    figures: dict[str, int | float | str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @property
    def has_passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.failures

    def check(self, is_right: bool, otherwise: str) -> None:
        """Note a criterion: what is to be said when it is missed."""
        if not is_right:
            self.failures.append(otherwise)

    def __str__(self) -> str:
        width = max(map(len, self.figures), default=0)
        lines = [f"== {self.part}: {'passed' if self.has_passed else 'FAILED'}"]
        lines += [f"   {name:<{width}}  {_format(value)}" for name, value in self.figures.items()]
        lines += [f"   ! {failure}" for failure in self.failures]
        return "\n".join(lines)


def _format(value: int | float | str) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    return f"{value:_}".replace("_", " ") if isinstance(value, int) else value


def write(reports: Iterable[Report], path: Path) -> None:
    """Keep reports as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{**asdict(report), "passed": report.has_passed} for report in reports]
    path.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
