"""What can be imported from where: the tutorial's names, aiohttp's, and nothing that is not there."""

import importlib
import subprocess
import sys
from pathlib import Path

import aiohttp.web
import pytest

import sketch
from sketch import web
from sketch.cli import main
from sketch.http.deferred import deferred

TUTORIAL = {
    "sketch.application": ("Application", "run_app"),
    "sketch.request": ("Request",),
    "sketch.response": ("Response",),
    "sketch.router": ("UrlDispatcher",),
    "sketch.server": ("Server",),
    "sketch.http_parser": (),
    "sketch.exceptions": ("HTTPException", "HTTPNotFound", "HTTPBadRequest", "HTTPFound"),
    "sketch": ("Application", "run_app", "Request", "Response", "json_response", "HTTPException"),
}  # fmt: skip


@pytest.mark.parametrize("module", TUTORIAL)
def test_the_names_of_the_tutorial(module: str) -> None:
    imported = importlib.import_module(module)
    assert [name for name in TUTORIAL[module] if not hasattr(imported, name)] == []


@pytest.mark.parametrize("module", [sketch, web])
def test_all_that_is_promised_is_there(module: object) -> None:
    names: tuple[str, ...] = module.__all__  # type: ignore[attr-defined]
    assert len(set(names)) == len(names)
    assert [name for name in names if not hasattr(module, name)] == []


NOT_PROMISED = (main, deferred)


def test_public_names_are_promised() -> None:
    """A class or a function that can be seen in ``sketch.web`` is in ``__all__``."""
    seen = {
        name
        for name in dir(web)
        if not name.startswith("_") and callable(value := getattr(web, name)) and value not in NOT_PROMISED
    }
    assert seen == set(web.__all__)


OWN_NAMES = {
    "Deflate", "RouteOptions", "SharedMessage", "TooManyTasks", "UpgradeResponse", "broadcast", "compress",
    "readiness", "route_options", "sse_response",
}  # fmt: skip
"""What ``sketch.web`` has for what ``aiohttp.web`` has no name for."""


def test_what_is_loaded_late_is_there_and_nothing_else() -> None:
    namespace: dict[str, object] = {}
    exec("from sketch.web import *", namespace)
    assert set(web.__all__) <= set(namespace)
    with pytest.raises(AttributeError, match="module 'sketch.web' has no attribute 'Nothing'"):
        web.Nothing  # type: ignore[attr-defined]  # noqa: B018


def test_no_name_is_made_up() -> None:
    """``sketch.web`` has names of ``aiohttp.web``, and few others."""
    assert set(web.__all__) - set(aiohttp.web.__all__) == OWN_NAMES


def test_the_page_on_stability_has_our_own_names() -> None:
    page = (Path(__file__).parent.parent / "docs" / "stability.md").read_text("utf-8")
    assert [name for name in OWN_NAMES if f"`web.{name}`" not in page] == []


def test_the_package_s_own_names_are_those_of_web() -> None:
    different = {name for name in sketch.__all__ if getattr(sketch, name) is not getattr(web, name)}
    # One listens on this machine only, the other, as aiohttp's, everywhere.
    assert different == {"run_app"}


def test_importing_needs_nothing_of_aiohttp_of_the_tests_or_of_websockets() -> None:
    program = (
        "import sys, sketch.web; "
        "unwanted = ('aiohttp', 'pytest', 'sketch.testing', 'sketch.websocket'); "
        "print([name for name in unwanted if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
