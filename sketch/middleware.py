"""Middlewares: how they are marked and checked, and the one that puts paths in order.

A middleware is ``async def (request, handler)`` that returns a response, usually what ``handler(request)``
gave it. How a chain of them is folded into one handler is the application's business.
"""

import inspect
import re
from collections.abc import Awaitable, Callable
from typing import TypeVar

from .callables import describe, is_plain_function, warn_registration
from .exceptions import HTTPMove, HTTPPermanentRedirect
from .request import Request
from .signals import FrozenList
from .streamresponse import StreamResponse

Handler = Callable[[Request], Awaitable[StreamResponse]]
"""What answers a request."""

Middleware = Callable[[Request, Handler], Awaitable[StreamResponse]]
"""What stands between a request and its handler."""

F = TypeVar("F")

_REMEDY = "Write: async def middleware(request, handler): return await handler(request)"
_SLASHES = re.compile("//+")
_LEADING_SLASHES = re.compile("^//+")


def middleware(f: F) -> F:
    """Mark ``f`` as a middleware (aiohttp documentation, ``web.middleware``).

    The mark, ``__middleware_version__ = 1``, is for code shared with aiohttp; here a middleware works the
    same without it.
    """
    f.__middleware_version__ = 1  # type: ignore[attr-defined]
    return f


class Middlewares(FrozenList[Middleware]):
    """An application's middlewares, outermost first, each checked by `check_middleware` as it enters."""

    __slots__ = ()

    def check(self, item: Middleware) -> None:
        """See `check_middleware`."""
        check_middleware(item)


def check_middleware(value: object) -> None:
    """Look at a middleware when it is registered.

    Raises `TypeError` for what can never work: it is not callable, or not with two positional arguments.
    Warns (`UserWarning`) about a plain ``def``, which works only if it returns an awaitable.
    """
    if not callable(value):
        raise TypeError(f"{describe(value)} is not callable, so it cannot be a middleware. {_REMEDY}")
    if isinstance(value, type) and not hasattr(value, "__await__"):
        raise TypeError(f"{describe(value)} is a class; give an instance of it as the middleware")
    if not _takes_two_arguments(value):
        raise TypeError(
            f"{describe(value)} cannot be called with (request, handler), so it cannot be a middleware. "
            f"{_REMEDY}"
        )
    if is_plain_function(value):
        warn_registration(
            f"middleware {describe(value)} is a plain function; what it returns is going to be awaited. "
            'Write "async def" in place of "def"'
        )


def _takes_two_arguments(value: Callable[..., object]) -> bool:
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        # Callables written in C may not tell their parameters.
        return True
    try:
        signature.bind(None, None)
    except TypeError:
        return False
    return True


def normalize_path_middleware(
    *,
    append_slash: bool = True,
    remove_slash: bool = False,
    merge_slashes: bool = True,
    redirect_class: type[HTTPMove] = HTTPPermanentRedirect,
) -> Middleware:
    """Make a middleware that redirects a path without a route to the nearest one that has a route.

    Tried in this order, and only when the path as it came leads nowhere: slashes merged; a slash appended
    (or removed) at the end; both. (aiohttp documentation, ``web.normalize_path_middleware``.)

    Raises `AssertionError`, as aiohttp does, when a slash is to be both appended and removed.
    """
    if append_slash and remove_slash:
        raise AssertionError("append_slash and remove_slash exclude each other; set one of them to False")

    @middleware
    async def normalize_path(request: Request, handler: Handler) -> StreamResponse:
        if request.match_info.http_exception is None:
            return await handler(request)
        query = request.rel_url.raw_query_string
        for path in _candidates(request.rel_url.raw_path, append_slash, remove_slash, merge_slashes):
            location = await _resolvable(request, path)
            if location is not None:
                raise redirect_class(f"{location}?{query}" if query else location)
        return await handler(request)

    return normalize_path


def _candidates(path: str, append_slash: bool, remove_slash: bool, merge_slashes: bool) -> list[str]:
    """The paths that ``path`` may have been meant for, likeliest first, none of them ``path`` itself."""
    merged = _SLASHES.sub("/", path) if merge_slashes else path
    tried = [merged]
    if append_slash and not path.endswith("/"):
        tried += [f"{path}/", f"{merged}/"]
    elif remove_slash and path.endswith("/"):
        tried += [path[:-1], merged[:-1]]
    # A location that begins with two slashes names a host: without this guard, ``//evil.example/x``
    # would redirect there (GHSA-v6wp-4m6f-gcjg).
    guarded = [_LEADING_SLASHES.sub("/", candidate) for candidate in tried if candidate != path]
    return [candidate for candidate in dict.fromkeys(guarded) if candidate]


async def _resolvable(request: Request, path: str) -> str | None:
    """``path`` as its URL spells it if the application has a route for it, else ``None``."""
    alternative = request.clone(rel_url=path)
    match_info = await request.app.router.resolve(alternative)
    return str(alternative.rel_url) if match_info.http_exception is None else None
