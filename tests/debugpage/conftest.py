"""Exceptions to look at: raised by small programs in files of their own, so that places are known."""

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy, MultiDict

from sketch.http.heads import HttpVersion11

Catch = Callable[..., BaseException]


@pytest.fixture
def catch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catch:
    """Run a program as ``program.py`` of the working directory, and return what it raises."""
    monkeypatch.chdir(tmp_path)

    def run(source: str, name: str = "program.py", **names: Any) -> BaseException:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source), "utf-8")
        namespace = {"__name__": "program", **names}
        try:
            exec(compile(path.read_text("utf-8"), str(path), "exec"), namespace)
        except BaseException as exception:
            # The frame of this function is not the program's.
            return exception.with_traceback(exception.__traceback__ and exception.__traceback__.tb_next)
        raise AssertionError("the program raised nothing")

    return run


class FakeRequest:
    """What a report looks at of a request."""

    class MatchInfo(dict[str, str]):
        handler: Any = None

    def __init__(self) -> None:
        self.method = "GET"
        self.raw_path = "/users/17?page=2&token=gold"
        self.version = HttpVersion11
        self.remote: str | None = "192.0.2.7"
        self.match_info = self.MatchInfo(user="17")
        self.query = MultiDict({"page": "2", "token": "gold"})
        self.headers = CIMultiDictProxy(
            CIMultiDict({"Host": "shop.example", "Authorization": "Bearer gold", "Cookie": "session=gold"})
        )
        self.cookies = {"session": "gold"}


@pytest.fixture
def request_to_show() -> FakeRequest:
    """A request with secrets in all its parts; each of them is ``gold``."""
    return FakeRequest()
