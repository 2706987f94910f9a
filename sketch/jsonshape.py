"""JSON values as what a program expects them to be.

It knows which Python types stand for what of JSON (RFC 8259), and how a dataclass is made of an object. Where
a value comes from is not known here.
"""

import dataclasses
from functools import cache
from reprlib import repr as shorten
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

_ARGUMENT: Final = "dict, list, str, int, float, bool, None, Any, Literal, unions of them, and dataclasses"


def build(value: Any, expected: Any, path: str = "$") -> Any:
    """A parsed JSON value, checked, with dataclasses made of objects by the names of their fields. What an
    object has beyond them is passed over; what it lacks has the default.

    ``expected``
        `dict`, `list`, `str`, `int`, `float` (which an integer is, too), `bool`, ``None``, ``Any``, with
        parameters or without; a ``Literal``, a union, a dataclass.
    ``path``
        where the value is, for messages: ``$.user.names[0]``.

    Raises `ValueError`, which names the place and the value, for another one; what a dataclass raises; and
    `TypeError` for a type that JSON has not."""
    if expected is Any or expected is object:
        return value
    if dataclasses.is_dataclass(expected) and isinstance(expected, type):
        return _build_dataclass(value, expected, path)
    origin, arguments = get_origin(expected) or expected, get_args(expected)
    if origin is Union or origin is UnionType:
        return _build_one_of(value, expected, path)
    if origin is Literal:
        # 1 == True, and is not the same in JSON.
        if not any(value == each and type(value) is type(each) for each in arguments):
            raise _unexpected(value, expected, path)
        return value
    if not _is(value, origin):
        raise _unexpected(value, expected, path)
    if origin is list and arguments:
        return [build(each, arguments[0], f"{path}[{index}]") for index, each in enumerate(value)]
    if origin is dict and arguments:
        return {name: build(each, arguments[1], f"{path}.{name}") for name, each in value.items()}
    return value


def _is(value: Any, expected: Any) -> bool:
    if expected is None or expected is NoneType:
        return value is None
    if expected is float:
        return type(value) in (int, float)
    if expected in (dict, list, str, int, bool):
        return type(value) is expected
    raise TypeError(f"no value of JSON is {describe(expected)}: what can be expected is {_ARGUMENT}")


def _build_one_of(value: Any, expected: Any, path: str) -> Any:
    errors = []
    for each in get_args(expected):
        try:
            return build(value, each, path)
        except ValueError as error:
            errors.append(error)
    # What is wrong inside an object is told, rather than that nothing fits.
    deepest = [error for error in errors if not str(error).startswith(f"{path} is ")]
    raise deepest[0] if deepest else _unexpected(value, expected, path)


def _build_dataclass(value: Any, expected: Any, path: str) -> Any:
    if type(value) is not dict:
        raise _unexpected(value, expected, path)
    arguments = {}
    for name, hint, has_default in _list_fields(expected):
        if name in value:
            arguments[name] = build(value[name], hint, f"{path}.{name}")
        elif not has_default:
            raise ValueError(f"{path}.{name} is missing, which {describe(expected)} needs")
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


def _unexpected(value: Any, expected: Any, path: str) -> ValueError:
    return ValueError(f"{path} is {shorten(value)}, and {describe(expected)} was expected")
