"""`install`: from then on ``import aiohttp.web`` gives sketch, and plugins written for it run unchanged.

Knows the order of what has to be put in the place of what, and how all of it is taken back. aiohttp's client
stays aiohttp's.
"""

import sys

import aiohttp

from .. import web
from ..aliases import MODULES, WORKER, AliasModule
from .changes import Changes
from .importers import find_importers
from .loggers import share_loggers
from .messages import share_messages
from .privates import show_privates
from .serving import TestUtilities, serve
from .types import share_types

__all__ = ["install", "is_installed", "uninstall"]

_SERVED_ANEW = ("aiohttp.pytest_plugin", "aiohttp.test_utils")
"""Modules of aiohttp's that import ``aiohttp.web``, and are taken as they are."""

_changes: Changes | None = None


def install() -> None:
    """Put ``sketch.web`` in the place of ``aiohttp.web``, and the modules of `sketch.aliases` in that of
    ``aiohttp.web_app``, ``aiohttp.web_request`` and so on. A second call does nothing.

    To be called before anything imports ``aiohttp.web``, in the module that a program begins with.

    - ``aiohttp.abc`` has sketch's interfaces for servers; those that somebody took before know sketch's
      classes.
    - The loggers ``sketch.access`` and so on become ``aiohttp.access`` and so on, with what is set on those.
    - sketch takes what is aiohttp's where it takes its own, and ``isinstance`` knows sketch's stream and
      multipart readers by aiohttp's names.
    - Messages of WebSockets are aiohttp's, and stay so, unless some were made before.
    - ``aiohttp.test_utils`` and ``aiohttp.pytest_plugin`` work on sketch; ``aiohttp.GunicornWebWorker`` is
      sketch's.

    Raises `RuntimeError` when ``aiohttp.web`` is imported already, and says by whom. Whatever is raised,
    everything is as it was."""
    global _changes
    if _changes is not None:
        return
    _refuse_if_late()
    changes = Changes()
    try:
        _make(changes)
    except BaseException:
        changes.undo()
        raise
    _changes = changes


def uninstall() -> None:
    """Take `install` back, for tests: what was imported meanwhile keeps what it got, and messages of
    WebSockets stay aiohttp's. Does nothing without it."""
    global _changes
    changes, _changes = _changes, None
    if changes is not None:
        for name in _SERVED_ANEW:
            changes.forget_module(name)
        changes.undo()


def is_installed() -> bool:
    """Whether `install` was called, and not taken back."""
    return _changes is not None


def _refuse_if_late() -> None:
    late = sorted(name for name in sys.modules if name == "aiohttp.web" or name.startswith("aiohttp.web_"))
    if not late:
        return
    importers = find_importers(late)
    by = f", by {', '.join(importers)}" if importers else ""
    raise RuntimeError(
        f"{late[0]} is imported already{by}: call sketch.compat.install() before that, at the top of the "
        "module that the program begins with. With pytest, whose plugins come first, run it with "
        "-p sketch.compat.pytest_plugin; without a change, run a program with python -m sketch.compat"
    )


def _make(changes: Changes) -> None:
    changes.set_module("aiohttp.web", web)
    for name, homes in MODULES.items():
        if name.startswith("web_"):
            changes.set_module(f"aiohttp.{name}", AliasModule(f"aiohttp.{name}", homes))
    changes.set_module("aiohttp.worker", AliasModule("aiohttp.worker", WORKER))
    # Both are remembered there when they are asked for the first time.
    for name in WORKER:
        changes.forget_attribute(aiohttp, name)
    share_types(changes)
    share_loggers(changes)
    share_messages()
    show_privates(changes)
    serve(changes, "aiohttp.test_utils", TestUtilities)
