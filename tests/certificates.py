"""Certificates for tests, made by an authority that nobody else trusts, and handshakes in memory."""

import contextlib
import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sketch.tls import KeyPair

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

EVERY_PURPOSE = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)

DAY = timedelta(days=1)


def make_rsa_key() -> PrivateKey:
    return rsa.generate_private_key(65537, 2048)


def make_elliptic_key() -> PrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


class Authority:
    """Issues certificates, as files.

    ``path``
        its own certificate.
    """

    def __init__(self, directory: Path, name: str = "authority") -> None:
        self._directory = directory
        self._key = make_elliptic_key()
        self._name = _make_name(name, None)
        usage = x509.KeyUsage(
            key_cert_sign=True, crl_sign=True, digital_signature=False, content_commitment=False,
            key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
            decipher_only=False,
        )  # fmt: skip
        now = datetime.now(UTC)
        builder = _begin(self._name, self._key, now - 30 * DAY, now + 1000 * DAY)
        own = self._sign(
            builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).add_extension(
                usage, critical=True
            )
        )
        self.path = directory / f"{name}.pem"
        self.path.write_bytes(own.public_bytes(Encoding.PEM))

    def issue(
        self,
        *names: str,
        file: str = "server",
        common_name: str | None = None,
        key: PrivateKey | None = None,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        purposes: tuple[x509.ObjectIdentifier, ...] = EVERY_PURPOSE,
    ) -> KeyPair:
        """A certificate for these names, and its key, in two files; those of an earlier one are replaced."""
        key = key or make_elliptic_key()
        not_before = not_before or datetime.now(UTC) - DAY
        not_after = not_after or datetime.now(UTC) + 90 * DAY
        certificate = self._sign(
            _begin(_make_name("tests", common_name), key, min(not_before, not_after - DAY), not_after)
            .add_extension(x509.SubjectAlternativeName(list(map(_read_name, names))), critical=False)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        )
        paths = self._directory / f"{file}.pem", self._directory / f"{file}-key.pem"
        paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
        paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return KeyPair(*paths)

    def _sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.issuer_name(self._name).add_extension(issuer, critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def make_client_context(self, certificate: KeyPair | None = None) -> ssl.SSLContext:
        """For a client that trusts it, and that may have a certificate itself."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.path)
        if certificate is not None:
            context.load_cert_chain(certificate.certificate, certificate.key)
        return context


def _make_name(organization: str, common_name: str | None) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)]
    if common_name is not None:
        parts.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
    return x509.Name(parts)


def _begin(
    subject: x509.Name, key: PrivateKey, not_before: datetime, not_after: datetime
) -> x509.CertificateBuilder:
    public = key.public_key()
    builder = x509.CertificateBuilder().subject_name(subject).public_key(public)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(not_before).not_valid_after(not_after)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)


def _read_name(name: str) -> x509.GeneralName:
    if "@" in name:
        return x509.RFC822Name(name)
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


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
