"""`run_app`'s arguments: refused before anything starts, or passed on. The rest is in test_run_app.py."""

import asyncio
import inspect
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sketch.application import Application
from sketch.runner import run as run_module
from sketch.runner import run_app, run_app_locally
from sketch.runner.service import Service


def started_nothing() -> Application:
    async def start(app: Application) -> None:
        raise AssertionError("the application was started")

    app = Application()
    app.on_startup.append(start)
    return app


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"port": 70000}, ValueError, "port must be between 0 and 65535, got 70000"),
        ({"port": "8080"}, TypeError, "port must be an int, got '8080'"),
        ({"host": 5}, TypeError, "host must be str, got 5"),
        ({"host": [5]}, TypeError, "host must be a str or None, got 5"),
        ({"host": []}, ValueError, "host must not be empty"),
        ({"path": 5}, TypeError, "path must be str or bytes or PathLike, got 5"),
        ({"path": ["/" + "x" * 200]}, ValueError, "the path of a UNIX socket can have at most"),
        ({"path_mode": 0o10000}, ValueError, "mode must be between"),
        ({"sock": "127.0.0.1"}, TypeError, "sock must be a socket.socket, got '1'"),
        ({"sock": 5}, TypeError, "sock must be socket, got 5"),
        ({"backlog": 0}, ValueError, "backlog must be at least 1"),
        ({"key": "key.pem"}, ValueError, "key needs its certificate: give certificate, too"),
        ({"certificate": 5}, TypeError, "certificate must be the path of a PEM file, got 5"),
        ({"certificate": "c.pem", "key": 5}, TypeError, "key must be the path of a PEM file, got 5"),
        (
            {"reload_on_sighup": True},
            ValueError,
            "need certificate: of an ssl_context nobody knows the files",
        ),
        ({"reload_interval": 5}, ValueError, "need certificate: of an ssl_context nobody knows the files"),
        ({"ssl_context": True}, TypeError, "ssl_context must be an ssl.SSLContext, got True"),
        ({"shutdown_timeout": -1}, ValueError, "shutdown_timeout must not be negative"),
        ({"shutdown_timeout": None}, TypeError, "shutdown_timeout must be a number of seconds"),
        ({"keepalive_timeout": -1}, ValueError, "keepalive_timeout must not be negative"),
        ({"loop": "trio"}, ValueError, 'loop must be "asyncio" or "uvloop"'),
        ({"shutdown_timout": 1}, TypeError, "unknown keyword 'shutdown_timout'"),
    ],
)
def test_an_argument_that_cannot_be_meant_is_refused(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run_app(started_nothing(), **arguments)


def test_inside_a_running_loop_it_says_what_to_use() -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="use web.AppRunner"):
            run_app(started_nothing())

    asyncio.run(main())


def test_something_else_than_an_application_is_refused() -> None:
    with pytest.raises(TypeError, match="must be a web.Application, got 5"):
        run_app(5, host="127.0.0.1", port=0)  # type: ignore[arg-type]


def test_the_keywords_of_aiohttp_are_there_with_their_defaults() -> None:
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(run_app).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }
    assert (
        defaults.items()
        >= {
            **dict.fromkeys(
                ["host", "port", "path", "sock", "ssl_context", "reuse_address", "reuse_port", "loop"]
            ),
            **{"shutdown_timeout": 60.0, "keepalive_timeout": 75.0, "backlog": 128, "print": print},
            **{"handle_signals": True, "handler_cancellation": False},
        }.items()
    )


# -- where it listens --------------------------------------------------------------------------------------


@pytest.fixture
def listened(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[str, Any, Any]]]:
    """Run with some arguments, without running: the sites' classes, places and ports."""
    sites: list[tuple[str, Any, Any]] = []

    def note(service: Service, loop: object) -> None:
        for site in service._sites:
            assert isinstance(site, partial)
            keywords = site.keywords
            place = keywords.get("host", keywords.get("path", keywords.get("sock")))
            sites.append((site.func.__name__, place, keywords.get("port")))

    def run(function: Callable[..., None], *arguments: Any, **keywords: Any) -> list[tuple[str, Any, Any]]:
        sites.clear()
        function(Application(), *arguments, **keywords)
        return sites

    monkeypatch.setattr(run_module, "_run", note)
    return run


def test_where_aiohttps_run_app_listens(listened: Callable[..., Any], tmp_path: Path) -> None:
    assert listened(run_app) == [("TCPSite", None, None)]
    assert listened(run_app, "localhost", 81) == [("TCPSite", "localhost", 81)]
    assert listened(run_app, host=iter(["a", "b"]), port=1) == [("TCPSite", "a", 1), ("TCPSite", "b", 1)]
    assert listened(run_app, path="p") == [("UnixSite", "p", None)]
    assert listened(run_app, path=["p", tmp_path]) == [("UnixSite", "p", None), ("UnixSite", tmp_path, None)]
    assert listened(run_app, path="p", port=1) == [("UnixSite", "p", None), ("TCPSite", None, 1)]
    with socket.socket() as one, socket.socket() as two:
        assert listened(run_app, sock=one) == [("SockSite", one, None)]
        assert listened(run_app, sock=(one, two), host="a") == [
            ("SockSite", one, None),
            ("SockSite", two, None),
            ("TCPSite", "a", None),
        ]


def test_where_the_tutorials_run_app_listens(listened: Callable[..., Any]) -> None:
    assert listened(run_app_locally) == [("TCPSite", "127.0.0.1", None)]
    assert listened(run_app_locally, port=81) == [("TCPSite", "127.0.0.1", 81)]
    assert listened(run_app_locally, "0.0.0.0", 81) == [("TCPSite", "0.0.0.0", 81)]
    assert listened(run_app_locally, path="p") == [("UnixSite", "p", None)]
    assert listened(run_app_locally, path="p", port=1) == [
        ("UnixSite", "p", None),
        ("TCPSite", "127.0.0.1", 1),
    ]


def test_a_default_keepalive_timeout_leaves_the_limits_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []
    monkeypatch.setattr(run_module, "_run", lambda service, loop: seen.append(service._arguments))
    run_app(Application())
    run_app(Application(), keepalive_timeout=5)
    assert ["keepalive_timeout" in arguments for arguments in seen] == [False, True]
