"""The report as text."""

from collections.abc import Callable
from typing import Any

import pytest

from sketch.debugpage.masking import MASK
from sketch.debugpage.plain import render_chain, render_plain
from sketch.debugpage.report import collect_report

Catch = Callable[..., BaseException]


def text_of(exception: BaseException) -> str:
    return render_chain(collect_report(exception, None).chain)


def test_a_traceback(catch: Catch) -> None:
    exception = catch("def f(x):\n    return 1 + x / 0\n\nf(5)\n")
    assert text_of(exception) == (
        "Traceback (most recent call last):\n"
        "  program.py:4 in <module>\n"
        "      1 | def f(x):\n"
        "      2 |     return 1 + x / 0\n"
        "      3 |\n"
        "    > 4 | f(5)\n"
        f"      f = {exception.__traceback__.tb_frame.f_globals['f']!r}\n"  # type: ignore[union-attr]
        "  program.py:2 in f\n"
        "      1 | def f(x):\n"
        "    > 2 |     return 1 + x / 0\n"
        "        |                ^^^^^\n"
        "      x = 5\n"
        "ZeroDivisionError: division by zero\n"
    )


def test_library_frames_take_one_line(catch: Catch) -> None:
    lines = text_of(catch("import json\njson.loads('{')\n")).splitlines()
    assert lines[-4].startswith("  json/__init__.py:")
    assert lines[-2].endswith(" in JSONDecoder.raw_decode")


def test_the_error_comes_last_and_the_chain_before_it() -> None:
    exception = ValueError("last")
    exception.__cause__ = OSError("first")
    exception.__cause__.__context__ = KeyError("zeroth")
    assert text_of(exception) == (
        "KeyError: 'zeroth'\n"
        "\n"
        "While the above exception was being handled, another one occurred:\n"
        "\n"
        "OSError: first\n"
        "\n"
        "The above exception was the direct cause of the following one:\n"
        "\n"
        "ValueError: last\n"
    )


def test_a_group() -> None:
    first, second = ValueError("a\nb"), KeyError()
    first.add_note("noted\ntwice")
    assert text_of(ExceptionGroup("both", [first, second])) == (
        "ExceptionGroup: both (2 sub-exceptions)\n"
        "  --- 1 of 2 ---\n"
        "  ValueError: a\n"
        "  b\n"
        "  noted\n"
        "  twice\n"
        "  --- 2 of 2 ---\n"
        "  KeyError\n"
    )


def test_what_is_left_out_is_told(catch: Catch) -> None:
    assert "more frames ..." in text_of(catch("def f():\n    f()\nf()\n"))
    assert "985 more exceptions" in text_of(ExceptionGroup("x", [ValueError() for _ in range(1000)]))
    many = "\n".join(f"v{number} = 0" for number in range(40))
    assert "... 10 more variables ..." in text_of(catch(f"{many}\n1 / 0\n"))


def test_the_whole(request_to_show: Any) -> None:
    request_to_show.match_info.handler = test_the_whole
    text = render_plain(collect_report(ValueError("bad"), request_to_show))
    head, _, rest = text.partition("handler: ")
    assert head == f"500 Internal Server Error\n\nGET /users/17?page=2&token={MASK} HTTP/1.1 from 192.0.2.7\n"
    assert f"Query:\n    page: 2\n    token: {MASK}\nHeaders:\n" in rest
    assert text.endswith("\n\nValueError: bad\n")


@pytest.mark.parametrize("message", ["", "   ", "\n", "a\r\nb"])
def test_odd_messages(message: str) -> None:
    assert text_of(ValueError(message)).startswith("ValueError")
