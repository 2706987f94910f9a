"""Reports: chains and groups in order, the request without its secrets, and no exception from anything."""

import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from sketch.debugpage.frames import Frame
from sketch.debugpage.masking import MASK
from sketch.debugpage.report import (
    ALL_VARIABLES,
    EXCEPTIONS,
    FIELD_LENGTH,
    FIELDS,
    MESSAGE_LENGTH,
    NOTES,
    Chain,
    ExceptionReport,
    Link,
    collect_report,
)

Catch = Callable[..., BaseException]


def chain_of(exception: BaseException) -> Chain:
    return collect_report(exception, None).chain


def first(exception: BaseException) -> ExceptionReport:
    return chain_of(exception)[0]


def told(chain: Chain) -> list[tuple[Link, str]]:
    return [(report.link, report.message) for report in chain]


# -- kinds and messages ---------------------------------------------------------------------------------


def test_kind_and_message() -> None:
    report = first(ValueError("bad value"))
    assert (report.kind, report.message, report.frames) == ("ValueError", "bad value", ())


def test_kinds_name_their_module() -> None:
    class Own(Exception):
        pass

    assert first(Own()).kind == f"{__name__}.test_kinds_name_their_module.<locals>.Own"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the suggestions of 3.11 are not within reach")
def test_suggestions(catch: Catch) -> None:
    assert first(catch("total = 1\nprint(totel)")).message.endswith("Did you mean: 'total'?")
    assert first(catch("''.splitt")).message.endswith("Did you mean: 'split'?")


def test_messages_that_may_have_a_suggestion(catch: Catch) -> None:
    assert first(catch("import nowhere_to_be_found")).message == "No module named 'nowhere_to_be_found'"
    assert first(catch("xyzzyx")).message == "name 'xyzzyx' is not defined"


def test_an_attribute_error_without_an_object() -> None:
    assert first(AttributeError("said so")).message == "said so"
    assert first(NameError()).message == ""


def test_credentials_in_a_message() -> None:
    assert first(OSError("no postgres://shop:gold@db")).message == f"no postgres://shop:{MASK}@db"


def test_a_long_message_is_cut() -> None:
    assert len(first(ValueError("x" * 10**6)).message) == MESSAGE_LENGTH


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


class Overspeaking(Exception):
    def __str__(self) -> str:
        raise SystemExit(3)


class Wordless(Exception):
    def __str__(self) -> str:
        return None  # type: ignore[return-value]


@pytest.mark.parametrize("kind", [Unspeakable, Overspeaking, Wordless])
def test_an_exception_without_words(kind: type[Exception]) -> None:
    assert first(kind()).message == f"<{kind.__name__} whose str fails>"


def test_an_attribute_error_without_words() -> None:
    class Broken(AttributeError):
        __str__ = Unspeakable.__str__

    assert "fail" in first(Broken("x", name="a", obj=Unspeakable())).message


def test_notes() -> None:
    exception = ValueError("x")
    exception.add_note("first")
    exception.add_note("no http://a:gold@b")
    assert first(exception).notes == ("first", f"no http://a:{MASK}@b")


@pytest.mark.parametrize("notes", [17, None, "abc", (1, 2)])
def test_odd_notes(notes: object) -> None:
    exception = ValueError("x")
    exception.__notes__ = notes  # type: ignore[assignment]
    assert first(exception).notes == ()


def test_notes_that_are_no_strings() -> None:
    exception = ValueError("x")
    exception.__notes__ = [1, Unspeakable(), *["n"] * 100]  # type: ignore[list-item]
    assert first(exception).notes[:3] == ("1", "<Unspeakable whose str fails>", "n")
    assert len(first(exception).notes) == NOTES


# -- chains ---------------------------------------------------------------------------------------------


def test_causes_and_contexts(catch: Catch) -> None:
    exception = catch(
        """\
        try:
            try:
                raise ValueError("first")
            except ValueError:
                raise KeyError("second")
        except KeyError as error:
            raise OSError("third") from error
        """
    )
    expected = [(Link.RAISED, "third"), (Link.CAUSE, "'second'"), (Link.CONTEXT, "first")]
    assert told(chain_of(exception)) == expected


def test_a_suppressed_context(catch: Catch) -> None:
    exception = catch("try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise OSError('only') from None\n")
    assert told(chain_of(exception)) == [(Link.RAISED, "only")]


def test_a_circle_ends() -> None:
    first_one, second = ValueError("a"), ValueError("b")
    first_one.__cause__, second.__cause__ = second, first_one
    assert told(chain_of(first_one)) == [(Link.RAISED, "a"), (Link.CAUSE, "b")]


def test_a_long_chain_is_cut() -> None:
    exception = ValueError("0")
    for number in range(1, 1000):
        later = ValueError(str(number))
        later.__cause__, exception = exception, later
    chain = chain_of(exception)
    assert len(chain) == EXCEPTIONS
    assert chain[-1].omitted == 1


# -- groups ---------------------------------------------------------------------------------------------


def test_groups() -> None:
    cause = OSError("why")
    member = ValueError("a")
    member.__cause__ = cause
    report = first(ExceptionGroup("several", [member, ExceptionGroup("inner", [KeyError("b")])]))
    assert report.message == "several (2 sub-exceptions)"
    assert told(report.members[0]) == [(Link.RAISED, "a"), (Link.CAUSE, "why")]
    assert told(report.members[1][0].members[0]) == [(Link.RAISED, "'b'")]


def test_a_large_group_is_cut() -> None:
    report = first(ExceptionGroup("several", [ValueError(str(number)) for number in range(1000)]))
    assert len(report.members) == EXCEPTIONS - 1
    assert report.omitted == 1000 - (EXCEPTIONS - 1)


def test_a_deep_group_is_cut() -> None:
    exception: Exception = ValueError("inner")
    for _ in range(500):
        exception = ExceptionGroup("group", [exception])
    report, depth = first(exception), 1
    while report.members:
        report, depth = report.members[0][0], depth + 1
    assert depth == EXCEPTIONS
    assert report.omitted == 1


# -- syntax errors --------------------------------------------------------------------------------------


def test_a_syntax_error_shows_its_place(catch: Catch) -> None:
    exception = catch("compile('x = 1\\ny = (3 4)\\n', 'settings.py', 'exec')")
    frame = first(exception).frames[-1]
    assert isinstance(frame, Frame)
    assert (frame.place, frame.line, frame.in_focus) == ("settings.py", 2, True)
    [line] = frame.source
    assert (line.number, line.is_current) == (2, True)
    assert line.mark is not None
    assert line.text[line.mark[0] : line.mark[1]] == "3 4"


ODD: list[Any] = [
    (None, None, None, None, None, None),
    ("f", 1, 1, None, None, None),
    ("f", 1, 10**9, "x", 1, 10**9),
    ("f", -5, -5, "x", -5, -5),
    ("f", "1", "1", 17, "1", "1"),
    (17, 1, 1, "x", 1, 1),
    ("f", 1, None, "", None, None),
    ("f", 3, 2, "text\nof\nlines", 1, 1),
]


@pytest.mark.parametrize("fields", ODD)
def test_odd_syntax_errors(fields: tuple[Any, ...]) -> None:
    exception = SyntaxError("odd")
    names = ("filename", "lineno", "offset", "text", "end_lineno", "end_offset")
    for name, value in zip(names, fields, strict=True):
        setattr(exception, name, value)
    assert first(exception).message.startswith("odd")


# -- the whole ------------------------------------------------------------------------------------------


def test_variables_are_bounded_over_all_exceptions(catch: Catch) -> None:
    source = "\n".join(f"v{number} = {number}" for number in range(30)) + "\n1 / 0\n"
    report = first(BaseExceptionGroup("several", [catch(source) for _ in range(EXCEPTIONS)]))
    frames = [frame for chain in report.members for frame in chain[0].frames if isinstance(frame, Frame)]
    assert sum(len(frame.variables) for frame in frames) == ALL_VARIABLES


def test_deep_recursion_is_quick(catch: Catch) -> None:
    limit = sys.getrecursionlimit()
    exception = catch(
        "def a(n, text):\n    b(n + 1, text)\ndef b(n, text):\n    a(n, text)\na(0, 'x' * 10000)\n"
    )
    before = time.process_time()
    collect_report(exception, None)
    assert time.process_time() - before < 1
    assert sys.getrecursionlimit() == limit


# -- the request ----------------------------------------------------------------------------------------


def test_the_request_without_its_secrets(request_to_show: Any) -> None:
    def show_user(request: object) -> None:
        pass

    request_to_show.match_info.handler = show_user
    report = collect_report(ValueError(), request_to_show).request
    assert (report.method, report.version, report.remote) == ("GET", "HTTP/1.1", "192.0.2.7")
    assert report.target == f"/users/17?page=2&token={MASK}"
    assert "show_user" in report.handler
    assert {section.title: dict(section.items) for section in report.sections} == {
        "Path parameters": {"user": "17"},
        "Query": {"page": "2", "token": MASK},
        "Headers": {"Host": "shop.example", "Authorization": MASK, "Cookie": MASK},
        "Cookies": {"session": MASK},
    }
    assert "gold" not in repr(report)


def test_a_request_that_can_tell_nothing() -> None:
    class Broken:
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError("this request was not routed")

    report = collect_report(ValueError(), Broken()).request
    assert (report.method, report.target, report.version, report.remote) == ("?", "?", "HTTP", "unknown")
    assert report.handler == ""
    assert report.sections == ()


def test_a_request_with_very_much_to_tell(request_to_show: Any) -> None:
    request_to_show.headers = {f"X-{number}": "x" * 10**5 for number in range(1000)}
    request_to_show.raw_path = "/" * 10**6
    report = collect_report(ValueError(), request_to_show).request
    headers = next(section for section in report.sections if section.title == "Headers")
    assert len(headers.items) == FIELDS
    assert len(headers.items[0][1]) == FIELD_LENGTH
    assert len(repr(report)) < 10**5


def test_a_client_without_an_address(request_to_show: Any) -> None:
    request_to_show.remote = None
    assert collect_report(ValueError(), request_to_show).request.remote == "unknown"
