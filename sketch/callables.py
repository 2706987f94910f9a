"""What is known of a callable when a program registers it: its name, its place, whether it is async.

Messages about handlers, middlewares and signal receivers are made of these. Nothing is called here, and
nothing is said here about what a callable is registered for.
"""

import functools
import inspect
import sys
import types
import warnings

_PACKAGE = __name__.partition(".")[0]


def describe(value: object) -> str:
    """Name ``value`` as its author knows it: ``shop.views.index (shop/views.py:12)``.

    What is not a function or a class is shown by its type and a short ``repr``. Never raises.
    """
    target = _innermost(value)
    if isinstance(target, types.FunctionType):
        code = target.__code__
        return f"{target.__module__}.{target.__qualname__} ({code.co_filename}:{code.co_firstlineno})"
    if isinstance(target, type):
        return f"class {target.__module__}.{target.__qualname__}"
    return f"{_short_repr(value)} of type {type(value).__qualname__}"


def is_coroutine_function(value: object) -> bool:
    """Whether calling ``value`` certainly gives a coroutine.

    Sees through `functools.partial`, bound methods, ``__wrapped__`` and objects with an async
    ``__call__``.
    """
    return inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(_innermost(value))


def is_plain_function(value: object) -> bool:
    """Whether ``value`` is an ordinary ``def``, whose result is awaitable only by its author's care.

    A lambda is not counted: it is usually a short way to call a coroutine function.
    """
    target = _innermost(value)
    if not isinstance(target, types.FunctionType) or target.__name__ == "<lambda>":
        return False
    return not is_coroutine_function(value) and not inspect.isasyncgenfunction(target)


def warn_registration(message: str, category: type[UserWarning] = UserWarning) -> None:
    """Emit a warning that points at the line outside this package which registered something."""
    level = 1
    frame: types.FrameType | None = sys._getframe()
    while frame is not None and _is_plumbing(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
        level += 1
    warnings.warn(message, category, stacklevel=level)


def _is_plumbing(module: str) -> bool:
    # ``append`` and ``extend`` of our lists are Python frames of the standard library's abstract classes.
    return module == "collections.abc" or module.partition(".")[0] == _PACKAGE


def _innermost(value: object) -> object:
    """The function that the author wrote, below partials, methods, decorators and callable objects."""
    # The bound guards against a chain of ``__wrapped__`` that leads back to itself.
    for _ in range(50):
        if isinstance(value, functools.partial):
            value = value.func
        elif isinstance(value, types.MethodType):
            value = value.__func__
        elif isinstance(value, types.FunctionType):
            wrapped = value.__dict__.get("__wrapped__")
            if wrapped is None:
                return value
            value = wrapped
        else:
            return _call_method(value)
    return value


def _call_method(value: object) -> object:
    call = None if isinstance(value, type) else inspect.getattr_static(type(value), "__call__", None)
    return call if isinstance(call, types.FunctionType) else value


def _short_repr(value: object) -> str:
    try:
        text = repr(value)
    except Exception:
        return f"<{type(value).__qualname__} whose repr fails>"
    return text if len(text) <= 100 else f"{text[:97]}..."
