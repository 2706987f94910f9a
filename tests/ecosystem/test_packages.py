"""Packages written for ``aiohttp.web``, unchanged: the same program on aiohttp and on sketch.

Each program under ``programs/`` uses one package for real, with a real client, and prints what that saw.
What it prints must be the same on both. The packages are the extra ``ecosystem``.
"""

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.compat.running import output, run

PROGRAMS = Path(__file__).parent / "programs"

NEEDS = {
    "aiohttp_types.py": ("aiohttp",),
    "cors_origins.py": ("aiohttp_cors",),
    "jinja2_pages.py": ("aiohttp_jinja2",),
    "jobs_background.py": ("aiojobs",),
    "security_permissions.py": ("aiohttp_security", "aiohttp_session"),
    "sentry_events.py": ("sentry_sdk",),
    "session_visits.py": ("aiohttp_session", "cryptography"),
    "socketio_rooms.py": ("socketio",),
    "sse_events.py": ("aiohttp_sse",),
    "strawberry_schema.py": ("strawberry",),
    "swagger_petstore.py": ("aiohttp_swagger3",),
    "swagger_petstore.py pages": ("aiohttp_swagger3",),
    "telemetry_spans.py": ("opentelemetry.instrumentation", "opentelemetry.sdk"),
    "xandikos_calendar.py": ("xandikos",),
}


def is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("program", NEEDS)
def test_a_program_does_the_same_on_both(program: str) -> None:
    missing = [name for name in NEEDS[program] if not is_installed(name)]
    if missing:
        pytest.skip(f"the extra 'ecosystem' is not installed: no {', '.join(missing)}")
    theirs = output(run("-W", "ignore", *program.split(), directory=PROGRAMS))
    ours = output(run("-W", "ignore", "-m", "sketch.compat", *program.split(), directory=PROGRAMS))
    assert len(theirs.splitlines()) >= 4
    assert ours == theirs


def test_every_program_is_run() -> None:
    programs = {path.name for path in PROGRAMS.glob("*.py")} - {"talking.py"}
    assert programs == {program.partition(" ")[0] for program in NEEDS}
