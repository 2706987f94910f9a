"""The command line: what it refuses, and what it gives to `run_app`."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sketch import cli
from sketch.application import Application

ROOT = Path(__file__).parent.parent

MODULE = """
from sketch.application import Application

app = Application()
seen = []

def make(argv):
    seen.append(argv)
    return app

class Factories:
    @staticmethod
    def make(argv):
        return app

number = 5
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "served_application.py").write_text(MODULE)
    (tmp_path / "broken_application.py").write_text("import a_module_that_is_missing")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(cli.logging, "basicConfig", lambda **keywords: None)  # type: ignore[attr-defined]
    yield
    sys.modules.pop("served_application", None)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, dict[str, Any]]]:
    calls: list[tuple[Any, dict[str, Any]]] = []
    monkeypatch.setattr(cli, "run_app", lambda app, **keywords: calls.append((app, keywords)))
    return calls


def run(*argv: str) -> int | str | None:
    with pytest.raises(SystemExit) as info:
        cli.main(list(argv))
    return info.value.code


@pytest.mark.parametrize(
    ("argv", "keywords"),
    [
        ([], {"host": "localhost", "port": 8080, "path": None}),
        (["-H", "0.0.0.0", "-P", "81"], {"host": "0.0.0.0", "port": 81, "path": None}),
        (["--hostname=::1", "--port=0"], {"host": "::1", "port": 0, "path": None}),
        (["-U", "app.sock"], {"host": None, "port": None, "path": "app.sock"}),
        (["--path=app.sock", "-H", "a"], {"host": "a", "port": 8080, "path": "app.sock"}),
        (
            ["-U", "s", "--trusted-proxy", "10.0.0.0/8", "--trusted-proxy=unix", "--forwarded=x-forwarded"],
            {
                "host": None,
                "port": None,
                "path": "s",
                "trusted_proxies": ["10.0.0.0/8", "unix"],
                "forwarded": "x-forwarded",
            },
        ),
        (
            ["--trusted-proxy", "::1", "--proxy-protocol"],
            {
                "host": "localhost",
                "port": 8080,
                "path": None,
                "trusted_proxies": ["::1"],
                "proxy_protocol": True,
            },
        ),
        (
            ["--tls-certificate", "a.pem"],
            {"host": "localhost", "port": 8443, "path": None, "certificate": "a.pem"},
        ),
        (
            [
                "-P",
                "81",
                "--tls-certificate=a",
                "--tls-key=b",
                "--tls-reload-on-sighup",
                "--tls-reload-interval=5",
            ],
            {
                **{"host": "localhost", "port": 81, "path": None, "certificate": "a", "key": "b"},
                **{"reload_on_sighup": True, "reload_interval": 5.0},
            },
        ),
    ],
)
def test_where_it_listens(
    argv: list[str], keywords: dict[str, Any], runs: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("served_application:make", *argv) == 0
    ((app, given),) = runs
    assert isinstance(app, Application)
    assert given == keywords
    assert capsys.readouterr().err == "Stopped\n"


@pytest.mark.parametrize("entry", ["make", "Factories.make", "app"])
def test_what_it_serves(entry: str, runs: list[Any]) -> None:
    run(f"served_application:{entry}")
    assert runs[0][0] is sys.modules["served_application"].app


def test_the_other_arguments_are_the_functions(runs: list[Any]) -> None:
    run("served_application:make", "-P", "81", "--config", "a.toml", "--key", "b", "--reload")
    assert sys.modules["served_application"].seen == [["--config", "a.toml", "--key", "b", "--reload"]]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "the following arguments are required: entry-func"),
        (["served_application"], "'entry-func' not in 'module:function' syntax"),
        ([":make"], "'entry-func' not in 'module:function' syntax"),
        (["served_application:"], "'entry-func' not in 'module:function' syntax"),
        ([".served_application:make"], "relative module names not supported"),
        (["a b:make"], "'a b:make' is no name of a function in a module"),
        (["no_such_module:make"], "unable to import no_such_module: No module named 'no_such_module'"),
        (["no_such.module:make"], "unable to import no_such.module: No module named 'no_such'"),
        (["served_application:missing"], "module 'served_application' has no attribute 'missing'"),
        (["served_application:number"], "served_application:number is not callable"),
        (["served_application:make", "-P", "x"], "argument -P/--port: invalid int value: 'x'"),
        (["served_application:make", "-P", "70000"], "port must be between 0 and 65535, got 70000"),
        (["served_application:make", "--proxy-protocol"], "need trusted_proxies: whom to believe"),
        (["served_application:make", "--trusted-proxy=*"], "need forwarded or proxy_protocol"),
        (["served_application:make", "--forwarded=both"], "argument --forwarded: invalid choice: 'both'"),
        (["served_application:make", "--tls-key", "a.pem"], "need --tls-certificate"),
        (
            ["served_application:make", "--tls-certificate", "a.pem", "--tls-reload-interval", "0"],
            "--tls-reload-interval must be more than 0 seconds",
        ),
        (["served_application:make", "-U", "/" + "x" * 200], "the path of a UNIX socket can have at most"),
    ],
)
def test_arguments_that_make_no_sense(
    argv: list[str], message: str, runs: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*argv) == 2
    assert message in capsys.readouterr().err
    assert runs == []


def test_a_module_that_cannot_be_loaded_shows_where() -> None:
    with pytest.raises(ModuleNotFoundError, match="a_module_that_is_missing"):
        cli.main(["broken_application:make"])


@pytest.mark.parametrize("program", ["sketch", "sketch.web"])
def test_as_a_process(program: str, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", program, "served_application:make", "-H", "127.0.0.1", "-P", "0"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    with process:
        assert process.stdout is not None
        assert "Running on http://127.0.0.1:" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate()
    watchdog.cancel()
    assert process.returncode == 0
    assert errors.endswith("Stopped\n")


def test_help_names_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as info:
        cli.main(["--help"], prog="sketch.web")
    assert info.value.code == 0
    assert capsys.readouterr().out.startswith("usage: sketch.web [-h]")
