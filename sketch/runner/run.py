"""`run_app`: an application as a whole program.

Knows the arguments, the event loop's life and the process's end. How an application is served in between
is said in `sketch.runner.service`.
"""

import asyncio
import logging
import os
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from ..accesslog import AbstractAccessLogger, AccessLogger
from ..application import Application
from ..http.deferred import deferred
from ..http.limits import DEFAULT_LIMITS
from ..logs import access_logger
from ..net.addresses import (
    check_backlog,
    check_host,
    check_mode,
    check_port,
    check_socket,
    check_unix_path,
)
from .logs import default_logging
from .loops import LoopChoice, loop_factory
from .options import check_seconds, server_options
from .runners import GracefulExit
from .service import CannotListen, Service, SiteFactory
from .site import PathLike, SockSite, TCPSite, UnixSite
from .tls import find_certificates, find_context, find_reloading

if TYPE_CHECKING:
    from ..net import tls as _tls
    from ..net.certificates import Certificates
    from ..net.tls import FilePath
else:
    _tls = deferred("..net.tls", __package__)

T = TypeVar("T")

Hosts = str | Iterable[str] | None
Paths = PathLike | Iterable[PathLike] | None
Sockets = socket.socket | Iterable[socket.socket] | None

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_app(
    app: Application | Awaitable[Application],
    host: Hosts = None,
    port: int | None = None,
    loop: LoopChoice = None,
    *,
    path: Paths = None,
    sock: Sockets = None,
    shutdown_timeout: float = 60.0,
    keepalive_timeout: float = DEFAULT_LIMITS.keepalive_timeout,
    ssl_context: ssl.SSLContext | None = None,
    print: Callable[..., None] | None = print,
    backlog: int = 128,
    access_log_class: type[AbstractAccessLogger] = AccessLogger,
    access_log_format: str = AccessLogger.LOG_FORMAT,
    access_log: logging.Logger | None = access_logger,
    handle_signals: bool = True,
    reuse_address: bool | None = None,
    reuse_port: bool | None = None,
    handler_cancellation: bool = False,
    path_mode: int | None = None,
    drain_delay: float = 0.0,
    certificate: "FilePath | Certificates | None" = None,
    key: "FilePath | None" = None,
    reload_on_sighup: bool = False,
    reload_interval: float | None = None,
    **kwargs: Any,
) -> None:
    """Serve an application until SIGINT or SIGTERM, then take it down in order and return (aiohttp
    documentation, ``run_app``).

    ``app``
        an application, or an awaitable that gives one inside the event loop.
    ``host``
        one or several; by default all interfaces, unless ``path`` or ``sock`` say where to listen.
    ``port``
        8080 by default, 8443 with TLS; 0 lets the system pick one.
    ``path``, ``path_mode``
        one or several UNIX sockets, and the permission bits of their files.
    ``sock``
        one or several sockets that are bound already.
    ``loop``
        see `sketch.runner.loops.loop_factory`: uvloop where it is installed and the program asks for
        nothing else.
    ``shutdown_timeout``
        seconds that requests in flight have to finish.
    ``keepalive_timeout``
        seconds between two requests on one connection.
    ``print``
        told where the application runs; ``None`` for silence.
    ``access_log``
        ``None`` for no access log. See `sketch.runner.logs.default_logging` for where lines go in a
        program that did not configure logging.
    ``handle_signals``
        whether SIGINT and SIGTERM stop the application; only possible in the main thread. After the first
        of them a second one ends the process at once (in a shell, exit code 128 plus its number).
    ``drain_delay``
        seconds between the signal and the end of accepting, in which a `sketch.health.readiness` route says
        503: the time that a load balancer needs to notice.
    ``certificate``, ``key``
        for TLS, in the place of ``ssl_context``: two files (see `sketch.tls.KeyPair`), or
        `sketch.tls.Certificates` for all that is beyond that.
    ``reload_on_sighup``
        whether SIGHUP has the files of ``certificate`` loaded again. What cannot be loaded is logged, and
        what was there before stays in use.
    ``reload_interval``
        seconds between two looks at whether these files have changed; by default nobody looks.
    ``**kwargs``
        ``debug``, ``limits``, ``trusted_proxies`` and the others of
        `sketch.runner.options.server_options`.

    Raises `TypeError` and `ValueError` for arguments that cannot be meant, before anything is started;
    `SystemExit` with code 1, after one line on standard error, when a certificate cannot be used or an
    address not be listened on; and
    what the application raises at its start or in its hooks, after everything that had started was cleaned
    up. `GracefulExit` raised anywhere in the application ends it like a signal."""
    _require_no_running_loop()
    if keepalive_timeout != DEFAULT_LIMITS.keepalive_timeout:
        kwargs["keepalive_timeout"] = keepalive_timeout
    kwargs.update(
        access_log_class=access_log_class,
        access_log_format=access_log_format,
        access_log=access_log,
        handler_cancellation=handler_cancellation,
    )
    server_options(**kwargs)
    kwargs["drain_delay"] = check_seconds("drain_delay", drain_delay)
    kwargs["shutdown_timeout"] = check_seconds("shutdown_timeout", shutdown_timeout)
    certificates = _load_certificates(certificate, key)
    reloading = find_reloading(certificates, on_sighup=reload_on_sighup, interval=reload_interval)
    common = {"ssl_context": find_context(ssl_context, certificates), "backlog": check_backlog(backlog)}
    reuse = {"reuse_address": reuse_address, "reuse_port": reuse_port}
    sites = _make_sites(host, port, path, path_mode, sock, common, reuse)
    service = Service(app, sites, kwargs, companion=reloading, print=print)
    with default_logging(), _signals_handled(service) if handle_signals else nullcontext():
        _run(service, loop)


def run_app_locally(
    app: Application | Awaitable[Application],
    host: Hosts = None,
    port: int | None = None,
    loop: LoopChoice = None,
    **kwargs: Any,
) -> None:
    """`run_app` as the tutorial has it: the default host is 127.0.0.1.

    ``**kwargs``
        those of `run_app`. With ``path`` or ``sock``, and neither ``host`` nor ``port``, TCP is not
        listened on."""
    is_elsewhere = kwargs.get("path") is not None or kwargs.get("sock") is not None
    if host is None and (port is not None or not is_elsewhere):
        host = "127.0.0.1"
    run_app(app, host, port, loop, **kwargs)


async def run_app_inside(
    app: Application | Awaitable[Application],
    *,
    host: Hosts = None,
    port: int | None = None,
    path: Paths = None,
    sock: Sockets = None,
    ssl_context: ssl.SSLContext | None = None,
    print: Callable[..., None] | None = print,
    backlog: int = 128,
    reuse_address: bool | None = None,
    reuse_port: bool | None = None,
    **kwargs: Any,
) -> None:
    """Serve an application in an event loop that runs already, until cancelled; then take it down in order.

    aiohttp's name for it is ``web._run_app``, and programs that run more than a server use it. What the
    arguments mean is said at `run_app`; ``**kwargs`` are those of `sketch.web.AppRunner`. Logging is left as
    it is.

    Raises what `run_app` raises before the start and what the application raises; `OSError` when an address
    cannot be listened on. Cancelled: takes everything down, then passes the cancellation on."""
    common = {"ssl_context": ssl_context, "backlog": check_backlog(backlog)}
    reuse = {"reuse_address": reuse_address, "reuse_port": reuse_port}
    sites = _make_sites(host, port, path, None, sock, common, reuse)
    try:
        await Service(app, sites, kwargs, print=print).run()
    except CannotListen as error:
        raise (error.__cause__ or error) from None


def _require_no_running_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError("run_app cannot be called while an event loop is running; use web.AppRunner there")


# -- where to listen ---------------------------------------------------------------------------------------


def _load_certificates(
    certificate: "FilePath | Certificates | None", key: "FilePath | None"
) -> "Certificates | None":
    try:
        with default_logging():
            return find_certificates(certificate, key)
    except _tls.CertificateFileError as error:
        sys.stderr.write(f"sketch: {error}\n")
        raise SystemExit(1) from error


def _make_sites(
    host: Hosts,
    port: int | None,
    path: Paths,
    path_mode: int | None,
    sock: Sockets,
    common: dict[str, Any],
    reuse: dict[str, Any],
) -> list[SiteFactory]:
    sites = [*_unix_sites(path, check_mode(path_mode), common), *_sock_sites(sock, common)]
    if host is not None or port is not None or not sites:
        sites += _tcp_sites(host, port, {**common, **reuse})
    return sites


def _tcp_sites(host: Hosts, port: int | None, arguments: dict[str, Any]) -> list[SiteFactory]:
    if port is not None:
        check_port(port)
    hosts = _several("host", host, (str,))
    return [partial(TCPSite, host=check_host(each), port=port, **arguments) for each in hosts or [None]]


def _unix_sites(path: Paths, mode: int | None, arguments: dict[str, Any]) -> list[SiteFactory]:
    paths: list[PathLike] = _several("path", path, (str, bytes, os.PathLike))
    for each in paths:
        check_unix_path(each)
    return [partial(UnixSite, path=each, mode=mode, **arguments) for each in paths]


def _sock_sites(sock: Sockets, arguments: dict[str, Any]) -> list[SiteFactory]:
    sockets = _several("sock", sock, (socket.socket,))
    return [partial(SockSite, sock=check_socket(each), **arguments) for each in sockets]


def _several(name: str, value: Any, single: tuple[type, ...]) -> list[Any]:
    """An argument that is one thing, several of them or ``None``, as a list."""
    if value is None:
        return []
    if isinstance(value, single):
        return [value]
    if not isinstance(value, Iterable):
        raise TypeError(f"{name} must be {' or '.join(each.__name__ for each in single)}, got {value!r}")
    several = list(value)
    if not several:
        raise ValueError(f"{name} must not be empty")
    return several


# -- the event loop's life ---------------------------------------------------------------------------------


def _run(service: Service, loop: LoopChoice) -> None:
    with asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
        try:
            runner.run(service.run())
        except CannotListen as error:
            sys.stderr.write(f"sketch: {error}\n")
            raise SystemExit(1) from error.__cause__
        except KeyboardInterrupt:
            # Without our own signal handlers the first Ctrl-C cancels the service, which then ends in
            # order; the second one is raised wherever the program is.
            if not service.has_ended:
                if service.is_ending:
                    raise
                # The program itself has raised it, as if somebody had pressed the keys.
                service.request_stop()
                runner.run(service.ended())
        except SystemExit as error:
            # Raised in another task or in a callback, it leaves the loop and the service as they are.
            service.request_stop()
            runner.run(service.ended())
            if not isinstance(error, GracefulExit):
                raise


@contextmanager
def _signals_handled(service: Service) -> Iterator[None]:
    """Stop the service at the first SIGINT or SIGTERM, end the process at the second.

    The handlers are Python's own, not the event loop's: they run while a handler keeps the loop busy, too,
    and the second signal is left to the operating system, which nothing in the process can hold up."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Only the main thread can handle signals.
        return

    def handle(number: int, frame: object) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        service.request_stop_on_signal(number)

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            # `None`: installed by something else than Python, which cannot be put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
