"""JSON values as what a program expects them to be.

It knows which Python types stand for what of JSON (RFC 8259), and how a dataclass is made of an object. Where
a value comes from is not known here.
"""

import dataclasses
from functools import cache
from reprlib import repr as shorten
from types import NoneType, UnionType
from typing import Any, Final, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

_ARGUMENT: Final = "dict, list, str, int, float, bool, None, Any, Literal, unions of them, and dataclasses"

_LONG_NAME: Final = 60
"""Characters of a name that an error tells: the peer has made it."""


class _Place(NamedTuple):
    """Where a value is. Put in words only when something is wrong: many values may be below a long name."""

    around: "_Place | None"
    step: str | int

    def __str__(self) -> str:
        steps: list[str] = []
        place: _Place | None = self
        while place is not None:
            steps.append(_describe_step(place.step))
            place = place.around
        return "".join(reversed(steps)).removeprefix(".")


_ROOT: Final = _Place(None, "$")
_ABSENT: Final = object()


class _UnexpectedError(ValueError):
    """Something else is there, or nothing."""

    def __init__(self, place: _Place, value: Any, expected: Any) -> None:
        super().__init__()
        self.place = place
        self._value = value
        self._expected = expected

    def __str__(self) -> str:
        if self._value is _ABSENT:
            return f"{self.place} is missing, which {describe(self._expected)} needs"
        return f"{self.place} is {shorten(self._value)}, and {describe(self._expected)} was expected"


_Tried = dict[tuple[int, int], Any]
"""What has come of values inside of a union, as one member of it after the other is tried: without that, what
is inside of unions inside of unions would be built anew for each member, twice as often with each level."""


def build(value: Any, expected: Any) -> Any:
    """A parsed JSON value, checked, with dataclasses made of objects by the names of their fields. What an
    object has beyond them is passed over; what it lacks has the default.

    ``expected``
        `dict`, `list`, `str`, `int`, `float` (which an integer is, too), `bool`, ``None``, ``Any``, with
        parameters or without; a ``Literal``, a union, a dataclass.

    Raises `ValueError`, which names the place and the value (``$.user.names[0] is 5``), for another one, and
    for what is nested too deep; what a dataclass raises; and `TypeError` for a type that JSON has not."""
    try:
        return _build(value, expected, _ROOT, None)
    except _UnexpectedError as error:
        raise ValueError(str(error)) from None
    except RecursionError as error:
        # A peer may nest as it likes, also less deep than a parser can read.
        raise ValueError("$ is nested too deep") from error


def _build(value: Any, expected: Any, place: _Place, tried: _Tried | None) -> Any:
    # Most values: a long list is checked three times as fast.
    if type(value) is expected or expected is Any or expected is object:
        return value
    if dataclasses.is_dataclass(expected) and isinstance(expected, type):
        return _build_dataclass(value, expected, place, tried)
    origin, arguments = get_origin(expected) or expected, get_args(expected)
    if origin is Union or origin is UnionType:
        return _build_one_of(value, expected, place, tried)
    if origin is Literal:
        # 1 == True, and is not the same in JSON.
        if not any(value == each and type(value) is type(each) for each in arguments):
            raise _UnexpectedError(place, value, expected)
        return value
    if not _is(value, origin):
        raise _UnexpectedError(place, value, expected)
    if origin is list and arguments:
        each_is = arguments[0]
        return [_build(each, each_is, _Place(place, index), tried) for index, each in enumerate(value)]
    if origin is dict and arguments:
        each_is = _check_named(expected, *arguments)
        return {name: _build(each, each_is, _Place(place, name), tried) for name, each in value.items()}
    return value


def _is(value: Any, expected: Any) -> bool:
    if expected is None or expected is NoneType:
        return value is None
    if expected is float:
        return type(value) in (int, float)
    if expected in (dict, list, str, int, bool):
        return type(value) is expected
    raise TypeError(f"no value of JSON is {describe(expected)}: what can be expected is {_ARGUMENT}")


def _check_named(expected: Any, name: Any, value: Any) -> Any:
    if name not in (str, Any, object):
        raise TypeError(f"no value of JSON is {describe(expected)}: the names in an object are str")
    return value


def _build_one_of(value: Any, expected: Any, place: _Place, tried: _Tried | None) -> Any:
    if type(value) not in (dict, list):
        return value if type(value) in get_args(expected) else _try_each(value, expected, place, None)
    if tried is None:
        tried = {}
    key = id(value), id(expected)
    if key not in tried:
        try:
            tried[key] = _try_each(value, expected, place, tried)
        except ValueError as error:
            tried[key] = error
    outcome = tried[key]
    if isinstance(outcome, ValueError):
        raise outcome
    return outcome


def _try_each(value: Any, expected: Any, place: _Place, tried: _Tried | None) -> Any:
    errors: list[ValueError] = []
    for each in get_args(expected):
        try:
            return _build(value, each, place, tried)
        except ValueError as error:
            errors.append(error)
    # What is wrong inside an object is told, rather than that nothing fits.
    deepest = [each for each in errors if not isinstance(each, _UnexpectedError) or each.place is not place]
    raise deepest[0] if deepest else _UnexpectedError(place, value, expected)


def _build_dataclass(value: Any, expected: Any, place: _Place, tried: _Tried | None) -> Any:
    if type(value) is not dict:
        raise _UnexpectedError(place, value, expected)
    arguments = {}
    for name, hint, has_default in _list_fields(expected):
        if name in value:
            arguments[name] = _build(value[name], hint, _Place(place, name), tried)
        elif not has_default:
            raise _UnexpectedError(_Place(place, name), _ABSENT, expected)
    return expected(**arguments)


@cache
def _list_fields(expected: Any) -> tuple[tuple[str, Any, bool], ...]:
    """The fields that the constructor takes: name, type, whether it can be left out."""
    hints = get_type_hints(expected)
    missing = dataclasses.MISSING
    return tuple(
        (field.name, hints[field.name], (field.default, field.default_factory) != (missing, missing))
        for field in dataclasses.fields(expected)
        if field.init
    )


def describe(expected: Any) -> str:
    """A type as it is written."""
    return expected.__qualname__ if type(expected) is type else str(expected).replace("typing.", "")


def _describe_step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if len(step) <= _LONG_NAME else f".{step[:_LONG_NAME]}..."
