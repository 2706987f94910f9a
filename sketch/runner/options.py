"""The keywords that set a server up, checked where they are given.

Knows aiohttp's keywords for its `RequestHandler` and where each of them lives in sketch. Does not start
anything.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..accesslog import AbstractAccessLogger, AccessLogger
from ..http.deferred import deferred
from ..http.limits import DEFAULT_LIMITS, Limits
from ..logs import access_logger, server_logger

if TYPE_CHECKING:
    import difflib as _difflib

    from ..net import proxies as _proxies_room
    from ..net.proxies import TrustedProxies
else:
    _difflib = deferred("difflib")
    _proxies_room = deferred("..net.proxies", __package__)

_SIZES = {
    "max_line_size": "request_line",
    "max_field_size": "field_line",
    "max_headers": "fields",
    "read_bufsize": "read_buffer",
}
_TIMES = {"keepalive_timeout": "keepalive_timeout", "lingering_time": "lingering_timeout"}
_PLAIN = frozenset(
    {
        "access_log",
        "access_log_class",
        "access_log_format",
        "auto_decompress",
        "debug",
        "handler_cancellation",
        "limits",
        "logger",
        "tcp_keepalive",
        "timeout_ceil_threshold",
    }
)
_PROXIES = frozenset({"forwarded", "proxy_protocol", "trusted_proxies"})
SERVER_OPTIONS = _PLAIN | _PROXIES | _SIZES.keys() | _TIMES.keys()
"""Every keyword that `server_options` takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """How an application is served: what a runner gives to the server and to the application.

    ``debug``
        whether errors show their tracebacks even if neither the application nor the event loop is in
        debug mode.
    ``access_log``
        the logger for one record per answer; ``None`` for no access log.
    ``auto_decompress``
        whether bodies with a content coding are decoded (aiohttp documentation, ``RequestHandler``).
    ``proxies``
        the proxies that are believed when they say who is behind them.
    """

    limits: Limits = DEFAULT_LIMITS
    tcp_keepalive: bool = True
    handler_cancellation: bool = False
    auto_decompress: bool = True
    debug: bool = False
    logger: logging.Logger = field(default=server_logger)
    access_log: logging.Logger | None = field(default=access_logger)
    access_log_class: type[AbstractAccessLogger] = AccessLogger
    access_log_format: str = AccessLogger.LOG_FORMAT
    proxies: "TrustedProxies | None" = None

    def make_access_logger(self) -> AbstractAccessLogger | None:
        """The access logger, or ``None`` when nothing is to be logged."""
        if self.access_log is None:
            return None
        return self.access_log_class(self.access_log, self.access_log_format)


def server_options(**keywords: Any) -> ServerOptions:
    """Options from keywords: those of aiohttp's ``RequestHandler``, ``limits``, a `Limits`, and what
    `TrustedProxies` is made of: ``trusted_proxies`` (its networks), ``forwarded`` (its header) and
    ``proxy_protocol``.

    Where a keyword and ``limits`` speak of the same bound, the keyword wins. ``timeout_ceil_threshold`` is
    accepted and has no effect: deadlines here are those of one coarse clock. Raises `TypeError` for a
    keyword that does not exist, with the nearest that does, and `TypeError` or `ValueError` for a value
    that cannot be meant."""
    check_names(keywords)
    plain = {name: value for name, value in keywords.items() if name in _PLAIN}
    plain.pop("timeout_ceil_threshold", None)
    plain["limits"] = _limits(plain.get("limits"), keywords)
    if "access_log_class" in plain:
        _check_access_log_class(plain["access_log_class"])
    plain["proxies"] = _proxies(**{name: keywords[name] for name in _PROXIES & keywords.keys()})
    return ServerOptions(**plain)


def check_names(keywords: Mapping[str, Any]) -> None:
    """Raises `TypeError` for the first keyword that is none of `SERVER_OPTIONS`."""
    for name in keywords:
        if name not in SERVER_OPTIONS:
            nearest = _difflib.get_close_matches(name, sorted(SERVER_OPTIONS), n=1, cutoff=0)
            raise TypeError(f"unknown keyword {name!r}; the nearest known one is {nearest[0]!r}")


def check_seconds(name: str, value: object) -> float:
    """A duration in seconds, as it is. Raises `TypeError` or, for a negative one, `ValueError`."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number of seconds, got {value!r}")
    if not value >= 0:
        raise ValueError(f"{name} must not be negative, got {value!r}")
    return value


def _limits(limits: object, keywords: Mapping[str, Any]) -> Limits:
    if limits is not None and not isinstance(limits, Limits):
        raise TypeError(f"limits must be a sketch.http.limits.Limits, got {limits!r}")
    changes: dict[str, Any] = {}
    for name in keywords.keys() & _TIMES.keys():
        changes[_TIMES[name]] = check_seconds(name, keywords[name])
    for name in keywords.keys() & _SIZES.keys():
        changes[_SIZES[name]] = _check_size(name, keywords[name])
    changed = replace(limits or DEFAULT_LIMITS, **changes)
    # aiohttp has no bound on the whole head: a long line that was asked for must fit into ours.
    return changed if limits else replace(changed, head=max(changed.head, _longest_lines(changed)))


def _proxies(
    trusted_proxies: Any = None, forwarded: Any = None, proxy_protocol: Any = False
) -> "TrustedProxies | None":
    if not isinstance(proxy_protocol, bool):
        raise TypeError(f"proxy_protocol must be a bool, got {proxy_protocol!r}")
    if trusted_proxies is not None:
        return _proxies_room.TrustedProxies(trusted_proxies, header=forwarded, proxy_protocol=proxy_protocol)
    if forwarded is not None or proxy_protocol:
        raise ValueError("forwarded and proxy_protocol need trusted_proxies: whom to believe")
    return None


def _longest_lines(limits: Limits) -> int:
    return limits.request_line + limits.field_line


def _check_size(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an int, got {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")
    return value


def _check_access_log_class(value: object) -> None:
    # A class written for aiohttp does not derive from ours, and works: what matters is its method.
    if not isinstance(value, type) or not callable(getattr(value, "log", None)):
        raise TypeError(f"access_log_class must be a class with a log method, got {value!r}")
