"""Every class and function of ``aiohttp.web`` that ``sketch.web`` has: attributes, signatures, bases.

What aiohttp takes is taken here, in the same order and with the same defaults; more may be taken. The
differences that are meant are named here, and in docs/aiohttp.md with their reasons.
"""

import enum
import inspect
from collections.abc import (
    AsyncIterable,
    Awaitable,
    Callable,
    Container,
    Hashable,
    Iterable,
    Mapping,
    MutableMapping,
    Sequence,
    Sized,
)
from typing import Any

import aiohttp.web
import pytest

from sketch import web

NAMES = sorted(set(aiohttp.web.__all__) & set(web.__all__))
CLASSES = [name for name in NAMES if isinstance(getattr(aiohttp.web, name), type)]
EXCEPTIONS = {name for name in CLASSES if issubclass(getattr(aiohttp.web, name), Exception)}
FUNCTIONS = [name for name in NAMES if name not in CLASSES]

ABSTRACTIONS: tuple[Any, ...] = (
    Awaitable, AsyncIterable, BaseException, Callable, Container, Exception, Hashable, Iterable, Mapping,
    MutableMapping, Sequence, Sized, SystemExit, UserWarning, Warning, dict, enum.Enum,
)  # fmt: skip

# Names in capital letters that are parts of aiohttp's own machinery: lists of the attributes that may be set
# in development mode, and the expressions with which it reads paths.
MACHINERY = {"ATTRS", "DYN", "DYN_WITH_RE", "GOOD"}

DIFFERENT_ATTRIBUTES = {
    # Connections report to the registry of the server, not to the server.
    "Server.connection_lost",
    "Server.connection_made",
    # Of the parts of a connection, those that mean something without the parser and the timers of aiohttp.
    *(
        f"RequestHandler.{name}"
        for name in (
            "access_log", "access_logger", "debug", "finish_response", "handle_error", "log_access",
            "log_debug", "log_exception", "logger", "max_field_size", "max_headers", "max_line_size",
            "set_parser", "shutdown", "start",
        )
    ),
}  # fmt: skip

DIFFERENT_SIGNATURES = {
    # Requests are made from exchanges, or as in the tutorial.
    "BaseRequest.__init__",
    "Request.__init__",
    # Connections are made by servers.
    "RequestHandler.__init__",
    # Reading goes on where it stopped, without a word to a parser.
    "RequestHandler.resume_reading",
    # Called with a path alone, it is the tutorial's decorator, which has keywords.
    "Application.get",
    # The class is the error of the engine, which says with which status it is answered.
    "RequestPayloadError.__init__",
    # A parameter for the package itself.
    "StreamResponse.__init__",
}


def attributes(name: str) -> list[str]:
    return [each for each in dir(getattr(aiohttp.web, name)) if not each.startswith("_")]


def members(owner: type) -> set[str]:
    """What instances have: attributes that are only annotated in an abstract class, too."""
    return set(dir(owner)).union(*(vars(base).get("__annotations__", ()) for base in owner.__mro__))


def is_meant(name: str, attribute: str, meant: set[str]) -> bool:
    """Whether a difference is written down for the class or for one above it."""
    theirs = getattr(aiohttp.web, name)
    return any(f"{base.__name__}.{attribute}" in meant for base in theirs.__mro__)


@pytest.mark.parametrize("name", CLASSES)
def test_attributes(name: str) -> None:
    ours = getattr(web, name)
    missing = [
        each
        for each in attributes(name)
        if each not in members(ours)
        and each not in MACHINERY
        and not is_meant(name, each, DIFFERENT_ATTRIBUTES)
    ]
    assert missing == []


def test_attributes_that_are_said_to_be_different_are() -> None:
    for each in DIFFERENT_ATTRIBUTES:
        name, _, attribute = each.partition(".")
        assert hasattr(getattr(aiohttp.web, name), attribute), each
        assert attribute not in dir(getattr(web, name)), each


def kind_of(owner: type, name: str) -> str:
    """How an attribute is used: called, awaited, or read."""
    value = inspect.getattr_static(owner, name)
    if isinstance(value, classmethod | staticmethod):
        value = value.__func__
    if inspect.iscoroutinefunction(value):
        return "awaited"
    return "called" if inspect.isfunction(value) else "read"


@pytest.mark.parametrize("name", CLASSES)
def test_how_attributes_are_used(name: str) -> None:
    theirs, ours = getattr(aiohttp.web, name), getattr(web, name)
    shared = [each for each in attributes(name) if each in dir(ours)]
    kinds = {each: (kind_of(theirs, each), kind_of(ours, each)) for each in shared}
    assert {each: both for each, both in kinds.items() if both[0] != both[1]} == {}


def settable(owner: type, name: str) -> bool:
    value = inspect.getattr_static(owner, name)
    return not isinstance(value, property) or value.fset is not None


@pytest.mark.parametrize("name", CLASSES)
def test_properties_that_can_be_set(name: str) -> None:
    theirs, ours = getattr(aiohttp.web, name), getattr(web, name)
    properties = [
        each
        for each in attributes(name)
        if each in dir(ours) and isinstance(inspect.getattr_static(theirs, each), property)
    ]
    assert [each for each in properties if settable(theirs, each) and not settable(ours, each)] == []


# -- signatures --------------------------------------------------------------------------------------------

PLAIN = (bool, int, float, str, bytes, tuple, type(None), type(...))
MORE_OPEN: dict[Any, set[Any]] = {
    inspect.Parameter.KEYWORD_ONLY: {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
}


def default_of(parameter: inspect.Parameter) -> object:
    """A default as it can be compared: values as they are, others by the name of what they are."""
    value = parameter.default
    if isinstance(value, PLAIN) or value is inspect.Parameter.empty:
        return value
    name = getattr(value, "__name__", None) or getattr(value, "name", None) or type(value).__name__
    return str(name).replace("aiohttp", "sketch")


def is_unset(parameter: inspect.Parameter) -> bool:
    """Whether the default is an object that stands for "not given"."""
    return type(parameter.default) is object or "sentinel" in repr(parameter.default).lower()


def faults(theirs: Any, ours: Any) -> list[str]:
    """What cannot be written for ours that can be written for theirs."""
    expected, found = inspect.signature(theirs).parameters, inspect.signature(ours).parameters
    problems = [f"{each} is missing" for each in expected if each not in found]
    shared = [each for each in expected if each in found]
    for name in shared:
        one, other = expected[name], found[name]
        if other.kind not in MORE_OPEN.get(one.kind, {one.kind}):
            problems.append(f"{name} is {other.kind.description}")
        if default_of(one) != default_of(other) and not (is_unset(one) and is_unset(other)):
            problems.append(f"{name} is {other.default!r} by default, not {one.default!r}")
    positional = [each for each in shared if expected[each].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    if positional != [each for each in found if each in positional][: len(positional)]:
        problems.append("another order")
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    problems += [
        f"{each.name} is needed"
        for each in found.values()
        if each.name not in expected and each.default is each.empty and each.kind not in optional
    ]
    return problems


def methods(name: str) -> list[str]:
    theirs = getattr(aiohttp.web, name)
    return ["__init__", *(each for each in attributes(name) if kind_of(theirs, each) != "read")]


@pytest.mark.parametrize("name", CLASSES)
def test_signatures_of_methods(name: str) -> None:
    theirs, ours = getattr(aiohttp.web, name), getattr(web, name)
    found = {
        each: problems
        for each in methods(name)
        if each in dir(ours)
        and not is_meant(name, each, DIFFERENT_SIGNATURES)
        and (problems := faults(getattr(theirs, each), getattr(ours, each)))
    }
    assert found == {}


def test_signatures_that_are_said_to_be_different_are() -> None:
    for each in DIFFERENT_SIGNATURES:
        name, _, method = each.partition(".")
        assert faults(getattr(getattr(aiohttp.web, name), method), getattr(getattr(web, name), method)), each


@pytest.mark.parametrize("name", FUNCTIONS)
def test_signatures_of_functions(name: str) -> None:
    assert faults(getattr(aiohttp.web, name), getattr(web, name)) == []


def test_faults_are_found() -> None:
    def theirs(a: int, b: int = 1, *, c: int = 2, **kwargs: int) -> None: ...

    def missing(a: int, b: int = 1, **kwargs: int) -> None: ...

    def order(b: int = 1, a: int = 0, *, c: int = 2, **kwargs: int) -> None: ...

    def default(a: int, b: int = 2, *, c: int = 2, **kwargs: int) -> None: ...

    def closed(a: int, *, b: int = 1, c: int = 2, **kwargs: int) -> None: ...

    def needed(a: int, b: int = 1, *, c: int = 2, d: int, **kwargs: int) -> None: ...

    def more(a: int, b: int = 1, c: int = 2, d: int = 3, **kwargs: int) -> None: ...

    assert all(faults(theirs, ours) for ours in (missing, order, default, closed, needed))
    assert faults(theirs, more) == []


# -- classes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLASSES)
def test_what_an_instance_is(name: str) -> None:
    theirs, ours = getattr(aiohttp.web, name), getattr(web, name)
    assert [each for each in ABSTRACTIONS if issubclass(theirs, each) and not issubclass(ours, each)] == []


@pytest.mark.parametrize("name", CLASSES)
def test_who_derives_from_whom(name: str) -> None:
    def family(module: Any) -> set[str]:
        return {each for each in CLASSES if issubclass(getattr(module, name), getattr(module, each))}

    assert family(web) == family(aiohttp.web)


@pytest.mark.parametrize("name", CLASSES)
def test_what_cannot_be_made(name: str) -> None:
    """Abstract methods of a class are those that a subclass written for aiohttp defines."""
    theirs, ours = getattr(aiohttp.web, name), getattr(web, name)
    needed = set(getattr(ours, "__abstractmethods__", ()))
    assert needed - set(getattr(theirs, "__abstractmethods__", ())) == set()


@pytest.mark.parametrize("name", [each for each in CLASSES if each not in EXCEPTIONS])
def test_names_are_written_alike(name: str) -> None:
    assert getattr(web, name).__name__ == getattr(aiohttp.web, name).__name__
