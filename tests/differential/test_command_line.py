"""The command lines of aiohttp and of sketch: what they take, what they refuse, and how they end."""

import sys
import types
from typing import Any

import aiohttp.web
import pytest

import sketch.web

MODULE = "differential_program"


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A module to be served, and what its functions were given."""
    given: list[Any] = []
    module = types.ModuleType(MODULE)

    def make_for(web: Any) -> Any:
        def make(arguments: list[str]) -> Any:
            given.append(arguments)
            app = web.Application()

            async def stop(app: Any) -> None:
                raise web.GracefulExit

            app.on_startup.append(stop)
            return app

        return make

    async def late(arguments: list[str]) -> Any:
        return module.theirs(arguments)

    async def our_late(arguments: list[str]) -> Any:
        return module.ours(arguments)

    module.theirs, module.ours = make_for(aiohttp.web), make_for(sketch.web)  # type: ignore[attr-defined]
    module.late_theirs, module.late_ours = late, our_late  # type: ignore[attr-defined]
    module.none = None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, MODULE, module)
    return given


def code_of(web: Any, arguments: list[str]) -> Any:
    with pytest.raises(SystemExit) as exit:
        web.main(arguments)
    return exit.value.code


@pytest.mark.parametrize(
    "arguments",
    [[], ["module"], ["module:"], [":function"], [".module:function"], ["no_such_module:function"],
     [f"{MODULE}:nothing"], [f"{MODULE}:ours", "-P", "x"], ["-h"], ["--help"], [f"{MODULE}:ours", "-P"]],
    ids=" ".join,
)  # fmt: skip
def test_what_is_refused(
    arguments: list[str], program: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    codes = [code_of(web, arguments) for web in (aiohttp.web, sketch.web)]
    assert codes[0] == codes[1]
    assert "usage: sketch" in "".join(capsys.readouterr())
    assert program == []


OPTIONS: tuple[list[str], ...] = (
    ["-H", "127.0.0.1", "-P", "0"],
    ["--hostname", "127.0.0.1", "--port", "0"],
    ["--hostname=127.0.0.1", "--port=0", "--own", "x"],
    ["-H", "127.0.0.1", "-P", "0", "more", "--and", "more"],
    ["-U", "socket"],
    ["--path", "socket", "-H", "127.0.0.1", "-P", "0"],
)


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
@pytest.mark.parametrize("kind", ["", "late_"])
def test_what_is_served(
    kind: str,
    options: list[str],
    program: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    codes = [
        code_of(aiohttp.web, [f"{MODULE}:{kind}theirs", *options]),
        code_of(sketch.web, [f"{MODULE}:{kind}ours", *options]),
    ]
    assert codes == [0, 0]
    assert program[0] == program[1]
    assert capsys.readouterr().err.count("Stopped") == 2
