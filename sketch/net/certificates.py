"""The certificates of a server: which one a client is shown, and new ones without a restart.

Knows names, files and when they were loaded. What a context is set to is in `tls`.
"""

import asyncio
import logging
import os
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NoReturn

from ..http.certificate import Certificate
from .tls import CertificateFileError, ClientCertificates, ClientPolicy, FilePath, KeyPair, load, make_profile

logger = logging.getLogger("sketch.server")

UnknownName = Literal["default", "refuse"]

_MOMENT: Final = 1
"""Seconds: how exactly OpenSSL remembers when a session was made."""

_Stamps = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What one look at all files has found; replaced as a whole."""

    certificates: tuple[Certificate, ...]
    default: ssl.SSLContext | None
    by_name: dict[str, ssl.SSLContext]
    stamps: _Stamps
    authorities: str
    trusted_since: float
    """The time of day when it was decided which clients are trusted."""

    def find(self, name: str | None) -> ssl.SSLContext | None:
        """The context for the host that a client asks for (RFC 6066, section 3; RFC 9525, section 6.3)."""
        if name is None:
            return self.default
        name = name.lower()
        found = self.by_name.get(name)
        if found is None:
            # A wildcard stands for the first label, and for just one.
            found = self.by_name.get("*." + name.partition(".")[2])
        return found or self.default


class Certificates:
    """The certificates that a server shows to its clients, one or several, from files that may change.

    ``*pairs``
        certificates with their keys. Each is shown to clients that ask for a host that it names (SNI),
        exactly or with a wildcard; the first of two that name the same host is the one.
    ``unknown_name``
        what becomes of clients that ask for no host, or for one that nobody has: ``"default"`` shows them
        the first certificate, ``"refuse"`` ends the handshake.
    ``client_certificates``, ``client_ca``
        see `make_context`. They hold for all names.

    ``context`` is what to give as ``ssl_context``; it stays the same. Raises `CertificateFileError` for a
    file that cannot be used, `ValueError` for arguments that cannot be meant.
    """

    def __init__(
        self,
        *pairs: KeyPair,
        unknown_name: UnknownName = "default",
        client_certificates: ClientCertificates = "none",
        client_ca: FilePath | None = None,
    ) -> None:
        if not pairs:
            raise ValueError("at least one certificate is needed: tls.Certificates(tls.KeyPair(...))")
        for pair in pairs:
            if not isinstance(pair, KeyPair):
                raise TypeError(f"Certificates are made of tls.KeyPair(certificate, key), got {pair!r}")
        if unknown_name not in ("default", "refuse"):
            raise ValueError(f'unknown_name must be "default" or "refuse", got {unknown_name!r}')
        self._pairs = pairs
        self._refuses_unknown = unknown_name == "refuse"
        self._clients = ClientPolicy(client_certificates, client_ca)
        self._lock = threading.Lock()
        self._loaded = self._load(None)
        self.context = make_profile()
        # Whether a client is asked for a certificate is settled before it is known which host it wants.
        self._clients.apply(self.context, self._loaded.authorities)
        self.context.sni_callback = self._choose

    @property
    def certificates(self) -> Sequence[Certificate]:
        """The certificates that are in use, in the order of their files."""
        return self._loaded.certificates

    def reload(self) -> None:
        """Load all files again; handshakes from now on use them, connections that are open go on.

        All of them or none: raises `CertificateFileError` for one that cannot be used, and what was loaded
        before stays in use. Reads files and takes some milliseconds; may be called in any thread."""
        with self._lock:
            self._loaded = self._load(self._loaded)

    def reload_if_changed(self) -> bool:
        """`reload` if a file has changed since, by its times and size; say whether it was so.

        Raises as `reload`; then the next call tries again."""
        if self._read_stamps() == self._loaded.stamps:
            return False
        self.reload()
        return True

    async def watch(self, interval: float = 60.0) -> NoReturn:
        """Call `reload_if_changed` every ``interval`` seconds, until it is cancelled.

        What was reloaded, and what could not be, is logged."""
        while True:
            await asyncio.sleep(interval)
            await asyncio.to_thread(self.try_reload, only_if_changed=True)

    def try_reload(self, *, only_if_changed: bool = False) -> bool:
        """`reload`, or `reload_if_changed`; say whether there are new certificates.

        Raises nothing: what went well and what did not is logged."""
        try:
            if not only_if_changed:
                self.reload()
            elif not self.reload_if_changed():
                return False
        except Exception as error:
            is_expected = isinstance(error, CertificateFileError)
            logger.error(
                "The certificates were not reloaded, those from before stay in use: %s",
                error,
                exc_info=None if is_expected else error,
            )
            return False
        expiry = min(certificate.not_after for certificate in self.certificates)
        logger.info("The certificates were reloaded; the first of them expires on %s", f"{expiry:%Y-%m-%d}")
        return True

    # -- files -----------------------------------------------------------------------------------------

    def _load(self, before: _Loaded | None) -> _Loaded:
        # Before the files are read: what changes in between is then a change.
        stamps = self._read_stamps()
        authorities = self._clients.read()
        loaded = [self._load_pair(pair, authorities) for pair in self._pairs]
        by_name: dict[str, ssl.SSLContext] = {}
        for context, certificate in loaded:
            for name in certificate.names("DNS"):
                by_name.setdefault(name.lower(), context)
        return _Loaded(
            certificates=tuple(certificate for _, certificate in loaded),
            default=None if self._refuses_unknown else loaded[0][0],
            by_name=by_name,
            stamps=stamps,
            authorities=authorities,
            trusted_since=_trusted_since(before, authorities),
        )

    def _load_pair(self, pair: KeyPair, authorities: str) -> tuple[ssl.SSLContext, Certificate]:
        context, certificate = load(pair)
        self._clients.apply(context, authorities)
        if pair is not self._pairs[0] and not certificate.names("DNS"):
            raise CertificateFileError(pair.certificate, "names no host, so no client would be shown it")
        return context, certificate

    def _read_stamps(self) -> _Stamps:
        paths = [path for pair in self._pairs for path in pair.paths]
        if self._clients.authorities is not None:
            paths.append(self._clients.authorities)
        return tuple(map(_stamp, paths))

    # -- handshakes ------------------------------------------------------------------------------------

    def _choose(self, end: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        """Called by OpenSSL for each client, with the host that it asks for. Returns an alert, or nothing."""
        loaded = self._loaded
        context = loaded.find(name)
        if context is None:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        if loaded.authorities and end.session_reused and _is_older(end.session, loaded.trusted_since):
            # The client of a session is not verified again, and may be trusted no longer.
            return ssl.ALERT_DESCRIPTION_CERTIFICATE_UNKNOWN
        end.context = context
        return None


def _trusted_since(before: _Loaded | None, authorities: str) -> float:
    if before is None:
        return 0.0  # There are no sessions from before that.
    return before.trusted_since if before.authorities == authorities else time.time()


def _is_older(session: ssl.SSLSession | None, moment: float) -> bool:
    return session is not None and session.time < moment + _MOMENT


def _stamp(path: FilePath) -> tuple[int, int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return (0, 0, 0)
    return (status.st_ino, status.st_mtime_ns, status.st_size)
