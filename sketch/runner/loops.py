"""Which event loop a program runs on.

Knows uvloop, asyncio and the ways in which a program can ask for one of them. Does not run anything.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec

from ..http.deferred import deferred

uvloop = deferred("uvloop")

LoopChoice = asyncio.AbstractEventLoop | str | None
LoopFactory = Callable[[], asyncio.AbstractEventLoop]

ENVIRONMENT_VARIABLE = "SKETCH_LOOP"


def loop_factory(choice: LoopChoice = None, environment: Mapping[str, str] = os.environ) -> LoopFactory:
    """What makes the event loop to run on.

    ``choice``
        an event loop, which is then used and closed at the end; ``"asyncio"`` or ``"uvloop"``; or
        ``None``: what the environment variable ``SKETCH_LOOP`` names, else the loop of an event loop
        policy that the program has set, else uvloop where it is installed, else asyncio's.

    Raises `TypeError` or `ValueError` for another choice, `RuntimeError` for a loop that is closed or
    running, and for uvloop where it is not installed."""
    if choice is None:
        named = environment.get(ENVIRONMENT_VARIABLE)
        return (
            _factory_called(named, f"the environment variable {ENVIRONMENT_VARIABLE}")
            if named
            else _default()
        )
    if isinstance(choice, str):
        return _factory_called(choice, "loop")
    if not isinstance(choice, asyncio.AbstractEventLoop):
        raise TypeError(f'loop must be "asyncio", "uvloop", an event loop or None, got {choice!r}')
    if choice.is_closed() or choice.is_running():
        raise RuntimeError(f"loop must be neither closed nor running: {choice!r}")
    return lambda: choice


def _factory_called(name: str, source: str) -> LoopFactory:
    if name == "asyncio":
        return _new_asyncio_loop
    if name == "uvloop":
        if not _has_uvloop():
            raise RuntimeError(f"{source} asks for uvloop, which is not installed")
        return _new_uvloop
    raise ValueError(f'{source} must be "asyncio" or "uvloop", got {name!r}')


def _default() -> LoopFactory:
    has_policy = type(asyncio.get_event_loop_policy()) is not asyncio.DefaultEventLoopPolicy
    return asyncio.new_event_loop if has_policy or not _has_uvloop() else _new_uvloop


def _has_uvloop() -> bool:
    """It is no dependency on Windows, and can be left out elsewhere."""
    return find_spec("uvloop") is not None


def _new_uvloop() -> asyncio.AbstractEventLoop:
    return uvloop.new_event_loop()  # type: ignore[no-any-return]


def _new_asyncio_loop() -> asyncio.AbstractEventLoop:
    # Not `asyncio.new_event_loop`: a policy may make loops of another kind.
    if sys.platform == "win32":
        return asyncio.ProactorEventLoop()
    return asyncio.SelectorEventLoop()
