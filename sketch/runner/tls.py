"""The TLS of `run_app`: from its keywords to a context, and new certificates while it runs.

Knows SIGHUP. Does not know sites, and leaves what a certificate is to `sketch.net`.
"""

import asyncio
import signal
import ssl
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from ..http.deferred import deferred
from .options import check_seconds

if TYPE_CHECKING:
    from ..net import certificates as _certificates
    from ..net import tls as _tls
    from ..net.certificates import Certificates
    from ..net.tls import FilePath
else:
    _certificates = deferred("..net.certificates", __package__)
    _tls = deferred("..net.tls", __package__)


def find_certificates(
    certificate: "FilePath | Certificates | None", key: "FilePath | None"
) -> "Certificates | None":
    """The certificates that `run_app` is given, loaded.

    Raises `TypeError` for what is no path, `ValueError` for a key without its certificate, and as
    `Certificates`."""
    if certificate is None:
        if key is not None:
            raise ValueError("key needs its certificate: give certificate, too")
        return None
    if isinstance(certificate, _certificates.Certificates):
        if key is not None:
            raise ValueError("key goes with the path of a certificate; Certificates have theirs")
        return certificate
    return _certificates.Certificates(_tls.KeyPair(certificate, key))


def find_context(context: object, certificates: "Certificates | None") -> ssl.SSLContext | None:
    """The context to serve with. Raises `TypeError` for what is none, `ValueError` for two of them."""
    if context is not None and not isinstance(context, ssl.SSLContext):
        raise TypeError(f"ssl_context must be an ssl.SSLContext, got {context!r}")
    if certificates is None:
        return context
    if context is not None:
        raise ValueError("ssl_context and certificate are two ways to say the same: give one of them")
    return certificates.context


def find_reloading(
    certificates: "Certificates | None", *, on_sighup: bool, interval: float | None
) -> Callable[[], Awaitable[None]] | None:
    """What has to run beside the service so that new certificates are loaded; ``None`` if nothing has.

    Raises `TypeError` or `ValueError` for what cannot be meant, here and now."""
    if not on_sighup and interval is None:
        return None
    if certificates is None:
        raise ValueError(
            "reload_on_sighup and reload_interval need certificate: of an ssl_context nobody knows the files"
        )
    if interval is not None and not check_seconds("reload_interval", interval):
        raise ValueError("reload_interval must be more than 0 seconds")
    if on_sighup and not hasattr(signal, "SIGHUP"):
        raise ValueError("reload_on_sighup: this system has no SIGHUP")
    if on_sighup and threading.current_thread() is not threading.main_thread():
        raise ValueError("reload_on_sighup: only the main thread can handle signals")
    known = certificates
    return lambda: _keep_current(known, on_sighup=on_sighup, interval=interval)


async def _keep_current(certificates: "Certificates", *, on_sighup: bool, interval: float | None) -> None:
    """Reload at each SIGHUP, and when files have changed, looked at every ``interval`` seconds.

    Runs until it is cancelled, and puts back then what SIGHUP meant before."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGHUP) if on_sighup else None
    if on_sighup:
        loop.add_signal_handler(signal.SIGHUP, asked.set)
    try:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(interval):
                    await asked.wait()
            is_asked = asked.is_set()
            asked.clear()
            # In a thread: to decrypt a key may take a while.
            await asyncio.to_thread(certificates.try_reload, only_if_changed=not is_asked)
    finally:
        if on_sighup:
            loop.remove_signal_handler(signal.SIGHUP)
            # `None`: installed by something else than Python, which cannot be put back.
            signal.signal(signal.SIGHUP, signal.SIG_DFL if before is None else before)
