"""Event loops: what is asked for wins, a policy is respected, uvloop is the default."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest
import uvloop

from sketch.runner import loops
from sketch.runner.loops import LoopChoice, loop_factory


def made_by(choice: LoopChoice = None, **environment: str) -> type[asyncio.AbstractEventLoop]:
    loop = loop_factory(choice, environment)()
    loop.close()
    return type(loop)


@pytest.fixture
def without_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "find_spec", lambda name: None)


@pytest.fixture
def own_policy() -> Iterator[None]:
    class OwnLoop(asyncio.SelectorEventLoop):
        pass

    class OwnPolicy(asyncio.DefaultEventLoopPolicy):
        def new_event_loop(self) -> asyncio.AbstractEventLoop:
            return OwnLoop()

    asyncio.set_event_loop_policy(OwnPolicy())
    yield
    asyncio.set_event_loop_policy(None)


def test_uvloop_is_the_default() -> None:
    assert made_by() is uvloop.Loop


@pytest.mark.usefixtures("without_uvloop")
def test_asyncio_is_the_default_without_it() -> None:
    assert issubclass(made_by(), asyncio.SelectorEventLoop)


@pytest.mark.usefixtures("own_policy")
def test_a_policy_of_the_program_is_respected() -> None:
    assert made_by().__name__ == "OwnLoop"


@pytest.mark.usefixtures("own_policy")
def test_a_choice_goes_before_the_policy() -> None:
    assert made_by("asyncio") is asyncio.SelectorEventLoop
    assert made_by("uvloop") is uvloop.Loop
    assert made_by(SKETCH_LOOP="uvloop") is uvloop.Loop


def test_the_environment_can_choose() -> None:
    assert made_by(SKETCH_LOOP="asyncio") is asyncio.SelectorEventLoop
    assert made_by(SKETCH_LOOP="") is uvloop.Loop
    assert made_by("uvloop", SKETCH_LOOP="asyncio") is uvloop.Loop


def test_a_loop_is_used_as_it_is() -> None:
    loop = asyncio.SelectorEventLoop()
    assert loop_factory(loop, {"SKETCH_LOOP": "uvloop"})() is loop
    loop.close()
    with pytest.raises(RuntimeError, match="neither closed nor running"):
        loop_factory(loop)


def test_a_choice_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match='loop must be "asyncio" or "uvloop", got \'trio\''):
        loop_factory("trio")
    with pytest.raises(ValueError, match="the environment variable SKETCH_LOOP must be"):
        loop_factory(None, {"SKETCH_LOOP": "trio"})
    with pytest.raises(TypeError, match="loop must be"):
        loop_factory(5)  # type: ignore[arg-type]


@pytest.mark.usefixtures("without_uvloop")
def test_uvloop_that_is_missing_is_not_replaced_silently() -> None:
    with pytest.raises(RuntimeError, match="loop asks for uvloop, which is not installed"):
        loop_factory("uvloop")


def test_the_module_loads_without_uvloop() -> None:
    script = (
        "import sys; sys.modules['uvloop'] = None\n"
        "from sketch.runner.loops import loop_factory\n"
        "loop = loop_factory()(); print(type(loop).__module__); loop.close()"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("asyncio.")
