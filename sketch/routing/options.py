"""What one route asks of the server that others do not: bounds on bodies and on time, and what becomes of
its handler when the client leaves.

Knows the values, which of them can be meant, and which goes first where several speak of one request.
Refuses to know how they are kept: `sketch.folding` puts them around handlers.
"""

import functools
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, TypeVar

from ..callables import describe

OnDisconnect = Literal["cancel", "finish"]
"""What becomes of a handler whose client has left."""

H = TypeVar("H", bound=Callable[..., Any])

_ATTRIBUTE: Final = "__route_options__"


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteOptions:
    """What holds for the requests of one route. A field that is ``None`` says nothing: the next one who
    speaks is asked, in this order: ``add_route(..., options=...)``, `route_options` on the handler, the
    application that the route belongs to, those around it, the server.

    They hold from the moment when the route is found, for the middlewares on the way as well.
    """

    client_max_size: int | None = None
    """Bytes of a body that ``request.read()`` and what stands on it take; 413 beyond. 0: no bound."""

    on_disconnect: OnDisconnect | None = None
    """Whether the handler is cancelled when its client leaves, whatever it is doing, or runs to its end.
    ``None``: as the server's ``handler_cancellation`` says."""

    timeout: float | None = None
    """Seconds from the finding of the route to the end of its handler. Beyond, the handler is cancelled and
    the client gets 503 (RFC 9110, section 15.6.4); an answer that has begun is cut, one that is complete
    stands. `Request.deadline` moves it. 0: no bound, until the handler sets one."""

    body_rate: int | None = None
    """The lowest rate of the request's body, in bytes per second, in place of ``Limits.body_rate``; 408
    below. 0: none."""

    body_timeout: float | None = None
    """Seconds without a byte of the request's body, in place of ``Limits.body_timeout``; 408 beyond.
    0: no bound."""

    def over(self, other: "RouteOptions | None") -> "RouteOptions":
        """These options, completed by what ``other`` says of the rest."""
        if other is None:
            return self
        values = {name: getattr(self, name) for name in _NAMES}
        return RouteOptions(
            **{name: getattr(other, name) if value is None else value for name, value in values.items()}
        )


_NAMES: Final = tuple([field.name for field in fields(RouteOptions)])
SILENT: Final = RouteOptions()
"""Options that say nothing."""


def check_options(options: object, whose: str) -> RouteOptions:
    """The options. Raises `TypeError` or `ValueError`, with ``whose`` they are, for what cannot be meant."""
    if not isinstance(options, RouteOptions):
        raise TypeError(
            f"options={options!r} of {whose}: write options=web.RouteOptions(timeout=30), with the fields "
            f"{', '.join(_NAMES)}"
        )
    _check_number(options, "client_max_size", whose, int, "a number of bytes")
    _check_number(options, "timeout", whose, float, "a number of seconds")
    _check_number(options, "body_rate", whose, int, "a number of bytes per second")
    _check_number(options, "body_timeout", whose, float, "a number of seconds")
    if options.on_disconnect not in (None, "cancel", "finish"):
        raise ValueError(
            f"on_disconnect={options.on_disconnect!r} of {whose}: write 'cancel', to have the handler "
            "cancelled when its client leaves, or 'finish', to let it run to its end"
        )
    return options


def _check_number(options: RouteOptions, name: str, whose: str, kind: type, meaning: str) -> None:
    value: Any = getattr(options, name)
    if value is None:
        return
    message = f"{name}={value!r} of {whose}: write {meaning}, or 0 for no bound"
    if type(value) is not int and (type(value) is not float or kind is int):
        raise TypeError(message)
    if not 0 <= value < math.inf:
        raise ValueError(message)


def route_options(
    *,
    client_max_size: int | None = None,
    on_disconnect: OnDisconnect | None = None,
    timeout: float | None = None,
    body_rate: int | None = None,
    body_timeout: float | None = None,
) -> Callable[[H], H]:
    """Decorate a handler, or a view as a class, with the `RouteOptions` of all its routes.

    The handler is returned as it is; it may stand above or below the decorator that registers it. Applied
    twice, the outer one goes first. Raises `TypeError` and `ValueError` for what cannot be meant, with the
    name of the handler."""
    options = RouteOptions(
        client_max_size=client_max_size,
        on_disconnect=on_disconnect,
        timeout=timeout,
        body_rate=body_rate,
        body_timeout=body_timeout,
    )

    def decorate(handler: H) -> H:
        check_options(options, describe(handler))
        try:
            setattr(handler, _ATTRIBUTE, options.over(options_of(handler)))
        except AttributeError as error:
            raise TypeError(
                f"{describe(handler)} cannot be given options: decorate the function itself, or register it "
                "with add_route(..., options=web.RouteOptions(...))"
            ) from error
        return handler

    return decorate


def options_of(handler: Any) -> RouteOptions | None:
    """What `route_options` left on a handler, seen through partials and ``functools.wraps``."""
    # The bound guards against a chain of ``__wrapped__`` that leads back to itself.
    for _ in range(50):
        options: RouteOptions | None = getattr(handler, _ATTRIBUTE, None)
        if options is not None:
            return options
        if isinstance(handler, functools.partial):
            handler = handler.func
        elif hasattr(handler, "__wrapped__"):
            handler = handler.__wrapped__
        else:
            break
    return None


def check_view(view: type) -> None:
    """Raises `TypeError` for a view with options on one of its methods, where nobody would look."""
    for name, member in inspect.getmembers_static(view):
        if inspect.isfunction(member) and hasattr(member, _ATTRIBUTE):
            raise TypeError(
                f"route_options on the method {name} of {describe(view)} would have no effect, because all "
                "methods of a view are one route: decorate the class, or register functions"
            )
