"""What the documents at the root promise: the first application runs, and the links lead somewhere.

The pages in ``docs/`` are checked by ``make docs``.
"""

import re
from pathlib import Path

import pytest

from tests.examples.process import ask, running

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "changes/README.md")


def first_application(document: str) -> str:
    """The first Python program in a document."""
    text = (ROOT / document).read_text("utf-8")
    program = re.search(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert program is not None
    return program[1]


@pytest.mark.parametrize("document", ["README.md", "docs/index.md"])
def test_the_first_application_runs_as_it_stands(document: str, tmp_path: Path) -> None:
    program = tmp_path / "first.py"
    program.write_text(first_application(document), "utf-8")
    with running(program) as example:
        assert ask(example.port, "/world").text == "Hello, world!"
        assert example.stop() == 0


def test_the_first_application_has_at_most_eight_lines() -> None:
    assert len(first_application("README.md").splitlines()) <= 8


def links(text: str) -> list[str]:
    """The relative targets of a Markdown document, without the place in the page."""
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    return [target for target in targets if target and "://" not in target]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    path = ROOT / document
    broken = [link for link in links(path.read_text("utf-8")) if not (path.parent / link).exists()]
    assert broken == []


def test_links_are_found() -> None:
    assert links("[a](b.md#c) ![d](e.png) [f](https://g/h) [i](#j)") == ["b.md", "e.png"]
