"""Frames: whose code it is, which lines are shown, which part of them ran, which variables."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.debugpage import frames
from sketch.debugpage.frames import (
    FIRST_FRAMES,
    LAST_FRAMES,
    LINE_LENGTH,
    VARIABLES,
    Allowance,
    Folded,
    Frame,
    Span,
    collect_frames,
    excerpt,
    shorten_path,
)
from sketch.debugpage.masking import MASK
from sketch.signals import FrozenList

Catch = Callable[..., BaseException]


def collect(exception: BaseException, variables: int = 1000) -> list[Frame]:
    collected = collect_frames(exception.__traceback__, Allowance(exceptions=1, variables=variables))
    return [frame for frame in collected if isinstance(frame, Frame)]


def marked(frame: Frame) -> list[tuple[int, str]]:
    """The current lines, with the marked part between brackets."""
    lines = []
    for line in frame.source:
        if line.is_current:
            start, end = line.mark or (0, 0)
            text = f"{line.text[:start]}[{line.text[start:end]}]{line.text[end:]}" if line.mark else line.text
            lines.append((line.number, text))
    return lines


# -- places ---------------------------------------------------------------------------------------------


def test_a_frame(catch: Catch) -> None:
    exception = catch(
        """\
        class Shop:
            def price(self, amount):
                # a comment
                total = amount + 1
                return total / 0


        Shop().price(3)
        """
    )
    module, price = collect(exception)
    assert (module.function, module.line, module.place) == ("<module>", 8, "program.py")
    assert os.path.isabs(module.path)
    assert (price.function, price.line, price.package, price.in_focus) == ("Shop.price", 5, "program", True)
    assert [(line.number, line.text) for line in price.source] == [
        (2, "def price(self, amount):"),
        (3, "    # a comment"),
        (4, "    total = amount + 1"),
        (5, "    return total / 0"),
    ]
    assert marked(price) == [(5, "    return [total / 0]")]
    assert [(variable.name, variable.value) for variable in price.variables][1:] == [
        ("amount", "3"),
        ("total", "4"),
    ]


def test_inner_functions_are_named_without_noise(catch: Catch) -> None:
    exception = catch("def outer():\n    def inner():\n        1 / 0\n    inner()\nouter()\n")
    assert collect(exception)[-1].function == "outer.inner"


def test_library_code_is_not_in_focus(catch: Catch) -> None:
    exception = catch("import json\njson.loads('{')\n")
    own, *library = collect(exception)
    assert own.in_focus
    assert [frame.place for frame in library] == ["json/__init__.py", "json/decoder.py", "json/decoder.py"]
    assert {frame.package for frame in library} == {"json"}
    assert not any(frame.in_focus or frame.variables for frame in library)


def test_this_package_is_not_in_focus(catch: Catch) -> None:
    frozen: FrozenList[int] = FrozenList()
    frozen.freeze()
    own, *library = collect(catch("frozen.append(1)", frozen=frozen))
    assert own.in_focus
    assert library[-1].place == os.path.join("sketch", "signals.py")
    assert not any(frame.in_focus for frame in library)


def test_installed_packages_are_not_in_focus(catch: Catch) -> None:
    exception = catch("1 / 0", name="venv/lib/site-packages/shop/views.py")
    [frame] = collect(exception)
    assert frame.place == "shop/views.py"
    # There is no other, so it is shown like one's own.
    assert frame.in_focus


def test_the_innermost_frame_is_in_focus_when_none_is_ones_own() -> None:
    try:
        json.loads("{")
    except ValueError as exception:
        traceback = exception.__traceback__
        assert traceback is not None
        collected = collect_frames(traceback.tb_next, Allowance(exceptions=1, variables=9))
    assert [isinstance(frame, Frame) and frame.in_focus for frame in collected] == [False, False, True]


def test_no_traceback() -> None:
    assert collect_frames(None, Allowance(exceptions=1, variables=9)) == ()


def test_code_without_a_file() -> None:
    try:
        exec(compile("x = 1\n1 / 0", "<string>", "exec"), {})
    except ZeroDivisionError as exception:
        frame = collect(exception)[-1]
    assert (frame.place, frame.line, frame.source, frame.in_focus) == ("<string>", 2, (), True)
    assert frame.package == "<string>"


def test_paths_outside_of_everything() -> None:
    assert shorten_path("/somewhere/else.py") == "/somewhere/else.py"
    assert shorten_path("<frozen importlib._bootstrap>") == "<frozen importlib._bootstrap>"


def test_the_working_directory_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise FileNotFoundError

    monkeypatch.setattr(os, "getcwd", fail)
    assert shorten_path("/somewhere/else.py") == "/somewhere/else.py"


# -- long tracebacks ------------------------------------------------------------------------------------


def test_recursion_is_folded(catch: Catch) -> None:
    exception = catch("def down(n):\n    down(n + 1)\ndown(0)\n")
    collected = collect_frames(exception.__traceback__, Allowance(exceptions=1, variables=100))
    folded = [frame for frame in collected if isinstance(frame, Folded)]
    assert len(collected) < 8
    assert len(folded) == 1
    assert folded[0].number > sys.getrecursionlimit() // 2


def test_mutual_recursion_is_folded_in_the_middle(catch: Catch) -> None:
    exception = catch("def a(n):\n    b(n + 1)\ndef b(n):\n    a(n + 1)\na(0)\n")
    collected = collect_frames(exception.__traceback__, Allowance(exceptions=1, variables=100))
    assert len(collected) == FIRST_FRAMES + 1 + LAST_FRAMES
    assert isinstance(collected[FIRST_FRAMES], Folded)
    total = sum(frame.number if isinstance(frame, Folded) else 1 for frame in collected)
    steps = 0
    traceback = exception.__traceback__
    while traceback is not None:
        traceback, steps = traceback.tb_next, steps + 1
    assert total == steps


# -- source ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = [1]\ny = x[0] + x[5]\n", [(2, "y = x[0] + [x[5]]")]),
        ("1 / 0\n", [(1, "1 / 0")]),
        ("größe = 'ä'\nprint('größe', größe + 1)\n", [(2, "print('größe', [größe + 1])")]),
        ("if True:\n\tx = 1; 1 / 0\n", [(2, "    x = 1; [1 / 0]")]),
        (
            "def f(a):\n    raise OSError\nprint(f(\n    1,\n))\n",
            [(3, "print([f(]"), (4, "    1,"), (5, "[)])")],
        ),
    ],
)  # fmt: skip
def test_the_part_that_ran_is_marked(catch: Catch, source: str, expected: list[tuple[int, str]]) -> None:
    assert marked(collect(catch(source))[0]) == expected


def test_the_context_stays_in_the_function_and_starts_with_no_blank_line(catch: Catch) -> None:
    exception = catch("def f():\n\n\n    1 / 0\n\ndef g():\n    pass\n\nf()\n")
    assert [line.number for line in collect(exception)[-1].source] == [1, 2, 3, 4]
    exception = catch("def f():\n    x = 1\n\n\n\n    1 / 0\n\ndef g():\n    pass\n\nf()\n")
    assert [line.number for line in collect(exception)[-1].source] == [6]


def test_a_long_expression_is_cut(catch: Catch) -> None:
    exception = catch(
        f"print(\n{'    1,' + chr(10) + '    2,' + chr(10)}{'    3,' + chr(10) * 40}    1 / 0)\n"
    )
    assert len(collect(exception)[0].source) < 20


def test_a_long_line_is_cut(catch: Catch) -> None:
    exception = catch(f"x = {'1 + ' * 200} 1 / 0\n")
    [line] = collect(exception)[0].source
    assert len(line.text) == LINE_LENGTH
    assert line.text.endswith("…")


def test_secrets_written_into_the_source_are_hidden(catch: Catch) -> None:
    exception = catch('password = "gold"\nconnect(token="gold", a=1 / 0)\n')
    lines = [line.text for line in collect(exception)[0].source]
    assert lines == [f"password = {MASK}", f"connect(token={MASK}, a=1 / 0)"]


def test_a_file_that_has_changed_or_gone(catch: Catch) -> None:
    exception = catch("x = 1\ny = 2\n1 / 0\n")
    path = exception.__traceback__.tb_frame.f_code.co_filename  # type: ignore[union-attr]
    with open(path, "w") as file:
        file.write("short")
    os.utime(path, (1, 1))
    assert collect(exception)[0].source == ()
    os.remove(path)
    assert collect(exception)[0].source == ()


@given(
    st.lists(st.text(max_size=30), max_size=12),
    st.integers(-2, 15),
    st.integers(-2, 15),
    st.none() | st.integers(-3, 40),
    st.none() | st.integers(-3, 40),
    st.booleans(),
    st.integers(0, 4),
)
def test_any_span_of_any_lines(
    lines: list[str], line: int, end: int, column: Any, end_column: Any, in_bytes: bool, context: int
) -> None:
    shown = excerpt(lines, Span(line, end, column, end_column, in_bytes), context)
    assert bool(shown) == (1 <= line <= len(lines))
    assert (
        [each.number for each in shown] == list(range(shown[0].number, shown[-1].number + 1))
        if shown
        else True
    )
    for each in shown:
        if each.mark is not None:
            start, stop = each.mark
            assert 0 <= start < stop <= len(each.text)


# -- variables ------------------------------------------------------------------------------------------


def test_variables_without_noise(catch: Catch) -> None:
    exception = catch("import json\n__private__ = 1\nx = 2\npassword = 'gold'\n1 / 0\n")
    shown = {variable.name: variable.value for variable in collect(exception)[0].variables}
    assert shown == {"x": "2", "password": MASK}


def test_many_variables(catch: Catch) -> None:
    exception = catch("\n".join(f"v{number} = {number}" for number in range(VARIABLES + 5)) + "\n1 / 0\n")
    [frame] = collect(exception)
    assert len(frame.variables) == VARIABLES
    assert frame.variables_omitted == 5


def test_the_innermost_frames_get_the_variables_that_are_left(catch: Catch) -> None:
    exception = catch("def f(a, b):\n    1 / 0\ndef g(a, b):\n    f(1, 2)\ng(1, 2)\n")
    module, outer, inner = collect(exception, variables=3)
    assert [len(frame.variables) for frame in (module, outer, inner)] == [0, 1, 2]
    assert outer.variables_omitted == 1


def test_a_namespace_that_cannot_be_read(catch: Catch) -> None:
    exception = catch(
        """\
        class Namespace(dict):
            def keys(self):
                raise OSError
            def __iter__(self):
                raise OSError

        class Meta(type):
            def __prepare__(name, bases):
                return Namespace()

        class Broken(metaclass=Meta):
            1 / 0
        """
    )
    assert collect(exception)[-1].variables == ()


def test_columns_of_an_unknown_instruction() -> None:
    code = test_columns_of_an_unknown_instruction.__code__
    assert Span.of_instruction(code, -1, 7) == Span(7, 7)
    assert Span.of_instruction(code, 10**6, 7) == Span(7, 7)
    assert frames.Span.of_instruction(code, 0, 10**6) == Span(10**6, 10**6)
