"""TLS for a server: the profile, and a certificate with its key brought into it.

The profile is Mozilla's "intermediate" (https://wiki.mozilla.org/Security/Server_Side_TLS) as far as Python's
`ssl` can be told; docs/tls.md says what it cannot. Errors name the file and the remedy. Knows nothing of
connections, and nothing of which certificate a client is shown: that is in `certificates`.
"""

import logging
import os
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

from ..http.certificate import Certificate

logger = logging.getLogger("sketch.server")

FilePath = str | os.PathLike[str]
Password = str | bytes | Callable[[], str | bytes]
ClientCertificates = Literal["none", "optional", "required"]

CIPHERS: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
)  # fmt: skip
"""For TLS 1.2. Those of TLS 1.3 are OpenSSL's, which are Mozilla's. Key exchange over finite fields is left
out: no client of the profile is without elliptic curves, and Python would want a file of parameters."""

PROTOCOLS: Final = ("http/1.1",)
"""What is offered to clients that ask (ALPN, RFC 7301)."""

CLOSING_TIMEOUT: Final = 300.0
"""Seconds for a TLS connection that is closed to come to its end, where nobody else sees to it. HTTP
connections look at whether the client goes on taking its answer, and cut those that do not much earlier;
event loops would cut all of them after 30 seconds."""

_VERIFY_MODES: Final = {
    "none": ssl.CERT_NONE,
    "optional": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}

_IGNORE_TIME: Final = ssl.VerifyFlags(0x200000)
"""``X509_V_FLAG_NO_CHECK_TIME``, for which Python has no name."""

_OTHER_KEY: Final = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")
"""OpenSSL's reasons for a key that belongs to another certificate; the last one, to one of another kind."""

_CERTIFICATE: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_KEY: Final = re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----")


class CertificateFileError(ValueError):
    """A file that TLS needs is missing or cannot be used. The text names it and says what to do.

    ``path``
        which file it is.
    """

    def __init__(self, path: FilePath, reason: str) -> None:
        super().__init__(f"{os.fspath(path)}: {reason}")
        self.path = path


def check_path(name: str, value: object) -> None:
    """Raises `TypeError` for what is no path. A number would be taken for an open file, and waited for."""
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{name} must be the path of a PEM file, got {value!r}")


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its key, as files in PEM form.

    ``certificate``
        the server's own certificate, followed by the intermediate ones (``fullchain.pem``).
    ``key``
        ``None`` where the key is in the same file.
    ``password``
        of an encrypted key, or what returns it. Nobody is ever asked on a terminal.

    Raises `TypeError` for what is no path.
    """

    certificate: FilePath
    key: FilePath | None = None
    password: Password | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        check_path("certificate", self.certificate)
        if self.key is not None:
            check_path("key", self.key)

    @property
    def paths(self) -> list[FilePath]:
        """Its files."""
        return [self.certificate] if self.key is None else [self.certificate, self.key]


@dataclass(frozen=True, slots=True)
class ClientPolicy:
    """Whether clients have to show certificates, and who has to have signed them: see `make_context`."""

    certificates: ClientCertificates = "none"
    authorities: FilePath | None = None

    def __post_init__(self) -> None:
        if self.certificates not in _VERIFY_MODES:
            raise ValueError(
                f"client_certificates must be one of {', '.join(_VERIFY_MODES)}, got {self.certificates!r}"
            )
        if (self.authorities is None) != (self.certificates == "none"):
            raise ValueError("client_ca and client_certificates need each other: one of them was not given")
        if self.authorities is not None:
            check_path("client_ca", self.authorities)

    def read(self) -> str:
        """The certificates of the authorities, in PEM form; none where clients are not asked.

        Raises `CertificateFileError`."""
        if self.authorities is None:
            return ""
        blocks = _read_pem(self.authorities, _CERTIFICATE, "certificates of authorities")
        return b"\n".join(blocks).decode("ascii", "replace")

    def apply(self, context: ssl.SSLContext, authorities: str) -> None:
        """Ask clients for certificates of these authorities. Raises `CertificateFileError`."""
        path = self.authorities
        if path is None:
            return
        try:
            context.load_verify_locations(cadata=authorities)
        except (ssl.SSLError, ValueError) as error:
            raise CertificateFileError(path, f"cannot be used ({_reason(error)})") from error
        context.verify_mode = _VERIFY_MODES[self.certificates]


def make_context(
    certificate: FilePath,
    key: FilePath | None = None,
    *,
    password: Password | None = None,
    client_certificates: ClientCertificates = "none",
    client_ca: FilePath | None = None,
) -> ssl.SSLContext:
    """A context for a server, to be given as ``ssl_context``: TLS 1.2 and 1.3, ALPN, session tickets.

    ``certificate``, ``key``, ``password``
        see `KeyPair`.
    ``client_certificates``
        whether clients are asked for one of their own, and refused without. What they show has to be
        signed by ``client_ca``, and is then `Request.peer_certificate`.
    ``client_ca``
        the file of the authorities (PEM) whose clients are trusted.

    Raises `CertificateFileError` for a file that cannot be used, `ValueError` for ``client_certificates``
    and ``client_ca`` that do not go together."""
    clients = ClientPolicy(client_certificates, client_ca)
    context, _ = load(KeyPair(certificate, key, password))
    clients.apply(context, clients.read())
    return context


def make_profile() -> ssl.SSLContext:
    """A context that has no certificate yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(":".join(CIPHERS))
    context.set_alpn_protocols(list(PROTOCOLS))
    # All ciphers are good: the client knows which of them its hardware is fast at.
    context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    # Nobody needs it, and each one costs the server more than the client.
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context


def load(pair: KeyPair) -> tuple[ssl.SSLContext, Certificate]:
    """A context with a certificate and its key, and what that certificate is.

    That they work is known and not hoped: a client in memory has been served with them. A certificate that
    is expired or not valid yet is warned of, and loaded: its clients complain more usefully than a server
    that is down. Raises `CertificateFileError`."""
    certificates = _read_pem(pair.certificate, _CERTIFICATE, "a certificate")
    context = make_profile()
    _load_key(context, pair)
    certificate = _serve_in_memory(context, certificates[0].decode("ascii", "replace"), pair)
    _warn_of_dates(certificate, pair)
    return context, certificate


def _load_key(context: ssl.SSLContext, pair: KeyPair) -> None:
    key = pair.certificate if pair.key is None else pair.key
    _read_pem(key, _KEY, "a private key")
    was_asked = False

    def password() -> str | bytes:
        # OpenSSL asks only where it needs one; unless somebody answers, it would ask on the terminal.
        nonlocal was_asked
        was_asked = True
        given = pair.password
        return (given() if callable(given) else given) or b""

    try:
        context.load_cert_chain(pair.certificate, pair.key, password)
    except ssl.SSLError as error:
        raise _explain(pair, key, error, was_asked=was_asked) from error


def _read_pem(path: FilePath, wanted: re.Pattern[bytes], what: str) -> list[bytes]:
    """The blocks of one kind that a file holds: one of them at least."""
    try:
        with open(path, "rb") as file:
            text = file.read()
    except FileNotFoundError as error:
        raise CertificateFileError(
            path, f"there is no such file; it should hold {what}. Is the path right, seen from {os.getcwd()}?"
        ) from error
    except OSError as error:
        remedy = "; give the user that the server runs as the right to read it"
        reason = (error.strerror or str(error)).lower()
        raise CertificateFileError(
            path, f"cannot be read ({reason})" + remedy * isinstance(error, PermissionError)
        ) from error
    blocks = wanted.findall(text)
    if not blocks:
        form = "openssl x509 -inform der" if wanted is _CERTIFICATE else "openssl pkey -inform der"
        remedy = f"; it looks like DER, which `{form}` turns into PEM" if text[:1] == b"\x30" else ""
        raise CertificateFileError(path, f"does not hold {what} in PEM form{remedy}")
    return blocks


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None) or str(error)
    return str(reason).lower().replace("_", " ")


def _explain(pair: KeyPair, key: FilePath, error: Exception, *, was_asked: bool) -> CertificateFileError:
    reason = getattr(error, "reason", None)
    if reason in _OTHER_KEY:
        return CertificateFileError(
            key,
            f"this key does not belong to the first certificate in {os.fspath(pair.certificate)}. Was one of "
            "them renewed without the other? The server's own certificate has to come before those of "
            "its issuers",
        )
    if was_asked and pair.password is None:
        return CertificateFileError(
            key, "the key is encrypted; give its password, or decrypt it with `openssl pkey`"
        )
    if was_asked:
        return CertificateFileError(
            key, f"the key cannot be decrypted: is the password right? ({_reason(error)})"
        )
    if reason in ("EE_KEY_TOO_SMALL", "CA_KEY_TOO_SMALL", "CA_MD_TOO_WEAK"):
        return CertificateFileError(
            pair.certificate, f"too weak for OpenSSL's security level ({_reason(error)}); get a new one"
        )
    return CertificateFileError(pair.certificate, f"cannot be used with its key ({_reason(error)})")


def _serve_in_memory(context: ssl.SSLContext, own: str, pair: KeyPair) -> Certificate:
    """Shake hands with a client that trusts just this certificate, whatever its date is."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _IGNORE_TIME
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        client.load_verify_locations(cadata=own)
        server_end = context.wrap_bio(up, down, server_side=True)
        client_end = client.wrap_bio(down, up)
        for end in (client_end, server_end, client_end, server_end):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
        fields, der = client_end.getpeercert(), client_end.getpeercert(binary_form=True)
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "verify_message", None) or _reason(error)
        raise CertificateFileError(
            pair.certificate, f"no client could be served with it ({reason}); is it one for servers?"
        ) from error
    assert fields is not None and der is not None, "the client has verified a certificate"
    return Certificate.read(fields, der)


def _warn_of_dates(certificate: Certificate, pair: KeyPair) -> None:
    now = datetime.now(UTC)
    path = os.fspath(pair.certificate)
    if certificate.not_after < now:
        logger.warning(
            "%s: the certificate has expired on %s: clients will refuse it; renew it and reload",
            path,
            f"{certificate.not_after:%Y-%m-%d}",
        )
    elif certificate.not_before > now:
        logger.warning(
            "%s: the certificate is valid only from %s on: is the clock of this machine right?",
            path,
            f"{certificate.not_before:%Y-%m-%d %H:%M:%S} UTC",
        )
