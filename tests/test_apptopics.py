"""Whose topics an application has."""

import subprocess
import sys

import pytest

from sketch.application import Application
from sketch.topics import Topics


def test_topics_are_made_when_they_are_asked_for() -> None:
    app = Application()
    assert app.topics is app.topics
    assert app.topics is not Application().topics


def test_sub_applications_share_those_of_their_root() -> None:
    root, middle, leaf = Application(), Application(), Application()
    middle.add_subapp("/leaf", leaf)
    root.add_subapp("/middle", middle)
    assert leaf.topics is middle.topics is root.topics


def test_sub_applications_added_after_the_root_was_asked() -> None:
    root, part = Application(), Application()
    topics = root.topics
    root.add_domain("example.org", part)
    assert part.topics is topics


def test_a_sub_application_can_have_its_own() -> None:
    root, middle, leaf = Application(), Application(), Application()
    middle.topics = own = Topics()
    middle.add_subapp("/leaf", leaf)
    root.add_subapp("/middle", middle)
    assert leaf.topics is middle.topics is own
    assert root.topics is not own


def test_one_that_has_used_others_is_refused_before_anything_is_changed() -> None:
    root, part = Application(), Application()
    part.topics["room"].keep(10)
    with pytest.raises(RuntimeError, match="ask in on_startup or later, or give it its own"):
        root.add_subapp("/part", part)
    assert len(root.router.resources()) == 0 and not part.pre_frozen


def test_topics_are_set_before_they_are_used() -> None:
    app = Application()
    with pytest.raises(TypeError, match=r"app\.topics is a sketch\.topics\.Topics, got 5"):
        app.topics = 5  # type: ignore[assignment]
    app.topics["room"].keep(1)
    with pytest.raises(RuntimeError, match="in use"):
        app.topics = Topics()


def test_programs_without_topics_do_not_load_them() -> None:
    program = (
        "import sys; from sketch import web; app = web.Application(); "
        "app.add_subapp('/a', web.Application()); "
        "print([name for name in ('topics', 'bus', 'subscriptions', 'sse') "
        "if f'sketch.{name}' in sys.modules]); app.topics; print('sketch.topics' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.split("\n")[:2] == ["[]", "True"]
