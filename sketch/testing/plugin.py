"""The plugin for pytest: ``pytest_plugins = ["sketch.testing.plugin"]`` in the topmost ``conftest.py``.

It is not an entry point: its fixtures have the names of pytest-aiohttp's, and to install sketch must not
change what the tests of another program in the same environment mean.

Coroutine tests are run by pytest-asyncio where that is there, in its way; else here, each in an event loop of
its own. Which of the two is decided once, in `pytest_configure`.
"""

import asyncio
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from . import asyncio_fixtures, fixtures, loop_fixtures
from .clock import VirtualLoop
from .loops import LoopFactory

try:
    import uvloop
except ImportError:  # There is none for Windows.
    uvloop = None  # type: ignore[assignment]

VIRTUAL_CLOCK = "virtual_clock"
"""The marker of tests in which time is virtual."""

_OWN = "sketch-testing-runs-coroutines"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of aiohttp's plugin, unless that is there, too, and has added them."""
    group = parser.getgroup("aiohttp")
    options: tuple[tuple[str, dict[str, Any]], ...] = (
        ("--aiohttp-fast", {"action": "store_true", "help": "do not collect garbage after each event loop"}),
        ("--aiohttp-loop", {"default": "pyloop", "help": "event loops: pyloop, uvloop, several, or all"}),
        ("--aiohttp-enable-loop-debug", {"action": "store_true", "help": "debug mode of event loops"}),
    )
    for name, keywords in options:
        try:
            group.addoption(name, **keywords)
        except ValueError:
            return


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and the fixtures that go with whoever runs coroutines."""
    config.addinivalue_line("markers", f"{VIRTUAL_CLOCK}: time passes when nothing else is left to do")
    plugins = config.pluginmanager
    plugins.register(fixtures, "sketch-testing-fixtures")
    if plugins.hasplugin("asyncio"):
        plugins.register(asyncio_fixtures, "sketch-testing-asyncio-fixtures")
    else:
        plugins.register(loop_fixtures, "sketch-testing-loop-fixtures")
        plugins.register(_Runner(), _OWN)


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, LoopFactory]:
    """Which loops pytest-asyncio uses (from its version 1.4 on)."""
    if item.get_closest_marker(VIRTUAL_CLOCK) is not None:
        return {"virtual": VirtualLoop}
    return {"asyncio": asyncio.new_event_loop}


class _Runner:
    """Runs coroutine tests and asynchronous fixtures where nobody else does."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> object:
        """Run a coroutine test in the loop of its fixtures. Called by pytest."""
        if not inspect.iscoroutinefunction(pyfuncitem.obj) or _is_anyio(pyfuncitem.fixturenames):
            return None
        loop: Any = pyfuncitem.funcargs.get("proactor_loop") or _find_loop(pyfuncitem._request)
        names = pyfuncitem._fixtureinfo.argnames
        arguments = {name: pyfuncitem.funcargs[name] for name in names}
        loop.run_until_complete(pyfuncitem.obj(**arguments))
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> Any:
        """Have an asynchronous fixture made in the loop. Called by pytest."""
        function = fixturedef.func
        if _is_anyio(request.fixturenames):
            return (yield)
        make: Callable[..., Any]
        if inspect.isasyncgenfunction(function):
            make = _make_from_generator
        elif inspect.iscoroutinefunction(function):
            make = _make_from_coroutine
        else:
            return (yield)
        loop = _find_loop(request)

        def synchronous(*args: Any, **kwargs: Any) -> Any:
            return make(loop, request, _bind(function, request), args, kwargs)

        fixturedef.func = synchronous  # type: ignore[misc]
        try:
            return (yield)
        finally:
            fixturedef.func = function  # type: ignore[misc]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run tests that ask for a loop once for each kind of loop. Called by pytest."""
        is_virtual = metafunc.definition.get_closest_marker(VIRTUAL_CLOCK) is not None
        if "loop_factory" not in metafunc.fixturenames or is_virtual:
            return
        names = metafunc.config.getoption("aiohttp_loop", "pyloop")
        factories = choose_loops(names)
        if names != "pyloop":
            metafunc.parametrize("loop_factory", list(factories.values()), ids=list(factories))


def _is_anyio(fixturenames: Any) -> bool:
    """Whether anyio's own plugin runs a test."""
    return "anyio_backend" in fixturenames


def _find_loop(request: Any) -> asyncio.AbstractEventLoop:
    loop: asyncio.AbstractEventLoop = request.getfixturevalue("loop")
    return loop


def _bind(function: Callable[..., Any], request: pytest.FixtureRequest) -> Callable[..., Any]:
    """A fixture that is a method belongs to the test's own instance, as pytest has it for plain ones."""
    owner, instance = getattr(function, "__self__", None), request.instance
    if owner is None or instance is None or not isinstance(instance, type(owner)):
        return function
    bound: Callable[..., Any] = function.__func__.__get__(instance)  # type: ignore[attr-defined]
    return bound


def _make_from_coroutine(
    loop: asyncio.AbstractEventLoop, request: Any, function: Any, args: Any, kwargs: Any
) -> Any:
    return loop.run_until_complete(function(*args, **kwargs))


def _make_from_generator(
    loop: asyncio.AbstractEventLoop, request: Any, function: Any, args: Any, kwargs: Any
) -> Any:
    generator = function(*args, **kwargs)

    async def finish() -> None:
        async for _ in generator:
            raise ValueError(f"the asynchronous fixture {function.__qualname__} yields more than once")

    value = loop.run_until_complete(anext(generator))
    request.addfinalizer(lambda: loop.run_until_complete(finish()))
    return value


def choose_loops(names: str) -> dict[str, LoopFactory]:
    """The event loops behind the names in ``--aiohttp-loop``: ``pyloop``, ``uvloop``, ``virtual``; ``all``
    for the first two. One with a question mark is left out where it is not installed. Raises
    `pytest.UsageError` for others."""
    known: dict[str, LoopFactory] = {"pyloop": asyncio.new_event_loop, "virtual": VirtualLoop}
    if uvloop is not None:
        known["uvloop"] = uvloop.new_event_loop
    chosen: dict[str, LoopFactory] = {}
    for name in ("pyloop,uvloop?" if names == "all" else names).split(","):
        bare = name.strip().rstrip("?")
        if bare in known:
            chosen[bare] = known[bare]
        elif not name.strip().endswith("?"):
            raise pytest.UsageError(f"--aiohttp-loop={names}: {bare!r} is none of {', '.join(sorted(known))}")
    return chosen
