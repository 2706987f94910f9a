"""Certificates for tests, made on the spot by an authority that nobody else trusts."""

import ssl
from pathlib import Path
from typing import Any

import trustme

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
