"""Certificates for tests, made on the spot by an authority that nobody else trusts."""

import contextlib
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from sketch.tls import KeyPair


class Authority:
    """Issues certificates, as files.

    ``path``
        its own certificate.
    """

    def __init__(self, directory: Path, name: str = "authority") -> None:
        self._authority = trustme.CA(organization_name=name)
        self._directory = directory
        self.path = directory / f"{name}.pem"
        self._authority.cert_pem.write_to_path(self.path)

    def issue(self, *names: str, file: str = "server", **options: Any) -> KeyPair:
        """A certificate for these names, and its key, in two files; those of an earlier one are replaced."""
        issued = self._authority.issue_cert(*names, **options)
        pair = KeyPair(self._directory / f"{file}.pem", self._directory / f"{file}-key.pem")
        Path(pair.certificate).write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        assert pair.key is not None
        issued.private_key_pem.write_to_path(pair.key)
        return pair

    def make_client_context(self, certificate: KeyPair | None = None) -> ssl.SSLContext:
        """For a client that trusts it, and that may have a certificate itself."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.path)
        if certificate is not None:
            context.load_cert_chain(certificate.certificate, certificate.key)
        return context


def shake_hands(
    server: ssl.SSLContext, client: ssl.SSLContext, name: str | None, session: ssl.SSLSession | None = None
) -> ssl.SSLObject:
    """The client's end of a connection in memory, after its handshake. Raises `ssl.SSLError`.

    ``session``
        one of an earlier connection, to be resumed."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server_end = server.wrap_bio(to_server, to_client, server_side=True)
    client_end = client.wrap_bio(to_client, to_server, server_hostname=name, session=session)
    failures: dict[ssl.SSLObject, ssl.SSLError] = {}
    for end in (client_end, server_end, client_end, server_end, client_end):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLError as error:
            failures.setdefault(end, error)
    with contextlib.suppress(ssl.SSLWantReadError):
        client_end.read(1)  # Session tickets and late alerts come after the handshake.
    if failures:
        # That of the client, if it knows: it was told what is wrong.
        raise failures.get(client_end) or failures[server_end]
    return client_end


def sign_itself(
    pair: KeyPair, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, purpose: x509.ObjectIdentifier
) -> None:
    """Put a certificate for ``localhost`` that no authority has signed in the place of another."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .sign(key, hashes.SHA256())
    )
    Path(pair.certificate).write_bytes(certificate.public_bytes(Encoding.PEM))
    assert pair.key is not None
    Path(pair.key).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
