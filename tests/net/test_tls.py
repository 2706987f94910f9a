"""The profile, and files that can and cannot be used."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from sketch.net.tls import CIPHERS, load
from sketch.tls import CertificateFileError, KeyPair, make_context
from tests.certificates import Authority, PrivateKey, make_elliptic_key, make_rsa_key, shake_hands


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def key_of(pair: KeyPair) -> Path:
    assert pair.key is not None
    return Path(pair.key)


# -- the profile ---------------------------------------------------------------------------------------


def test_the_profile(authority: Authority) -> None:
    pair = authority.issue("localhost")
    context = make_context(pair.certificate, pair.key)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    offered = [cipher for cipher in context.get_ciphers() if cipher["protocol"] != "TLSv1.3"]
    assert [cipher["name"] for cipher in offered] == list(CIPHERS)
    assert {cipher["name"] for cipher in context.get_ciphers()} - set(CIPHERS) == {
        "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
    }  # fmt: skip
    assert not context.options & ssl.OP_CIPHER_SERVER_PREFERENCE
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.options & ssl.OP_NO_COMPRESSION
    assert context.num_tickets > 0 and not context.options & ssl.OP_NO_TICKET
    assert context.verify_mode == ssl.CERT_NONE


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("make_key", [make_rsa_key, make_elliptic_key])
def test_clients_are_served(
    authority: Authority, version: ssl.TLSVersion, make_key: Callable[[], PrivateKey]
) -> None:
    pair = authority.issue("localhost", key=make_key())
    client = authority.make_client_context()
    client.maximum_version = version
    client.set_alpn_protocols(["h2", "http/1.1"])
    server = make_context(pair.certificate, pair.key)
    end = shake_hands(server, client, "localhost")
    assert end.version() == version.name.replace("_", ".")
    assert end.selected_alpn_protocol() == "http/1.1"
    assert shake_hands(server, client, "localhost", end.session).session_reused


def test_the_client_chooses_the_cipher(authority: Authority) -> None:
    pair = authority.issue("localhost")
    client = authority.make_client_context()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    for cipher in ("ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-GCM-SHA256"):
        client.set_ciphers(":".join([cipher, *CIPHERS]))
        chosen = shake_hands(make_context(pair.certificate, pair.key), client, "localhost").cipher()
        assert chosen is not None and chosen[0] == cipher


def test_old_versions_are_refused(authority: Authority) -> None:
    pair = authority.issue("localhost")
    client = authority.make_client_context()
    client.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match="(?i)version|protocol"):
        shake_hands(make_context(pair.certificate, pair.key), client, "localhost")


# -- the certificate -----------------------------------------------------------------------------------


def test_what_was_loaded_is_known(authority: Authority) -> None:
    _, certificate = load(authority.issue("localhost", "*.example.org", common_name="server"))
    assert certificate.common_name == "server"
    assert certificate.names("DNS") == ["localhost", "*.example.org"]
    assert certificate.issuer[0] == ("organizationName", "authority")


def test_certificate_and_key_in_one_file(authority: Authority, tmp_path: Path) -> None:
    pair = authority.issue("localhost")
    both = tmp_path / "both.pem"
    both.write_bytes(key_of(pair).read_bytes() + Path(pair.certificate).read_bytes())
    end = shake_hands(make_context(both), authority.make_client_context(), "localhost")
    assert end.version() == "TLSv1.3"


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("password", ["secret", b"secret", lambda: "secret"])
def test_an_encrypted_key(authority: Authority, form: PrivateFormat, password: Any) -> None:
    pair = authority.issue("localhost")
    encrypt(key_of(pair), form)
    make_context(pair.certificate, pair.key, password=password)
    with pytest.raises(CertificateFileError, match="server-key.pem: .*is the password right"):
        make_context(pair.certificate, pair.key, password="wrong")
    with pytest.raises(CertificateFileError, match="server-key.pem: the key is encrypted; give its password"):
        make_context(pair.certificate, pair.key)


def encrypt(path: Path, form: PrivateFormat = PrivateFormat.PKCS8) -> None:
    key = load_pem_private_key(path.read_bytes(), None)
    path.write_bytes(key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"secret")))


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(KeyPair("a", "b", "secret"))


# -- files that cannot be used -------------------------------------------------------------------------


def refusal(pair: KeyPair, **options: Any) -> str:
    with pytest.raises(CertificateFileError) as info:
        make_context(pair.certificate, pair.key, **options)
    assert str(info.value).startswith(f"{info.value.path}: ")
    return str(info.value)


def test_a_missing_file_is_named(authority: Authority, tmp_path: Path) -> None:
    pair = authority.issue("localhost")
    missing = tmp_path / "missing.pem"
    for files in (KeyPair(missing, pair.key), KeyPair(pair.certificate, missing)):
        text = refusal(files)
        assert text.startswith(f"{missing}: there is no such file; it should hold a ")
    text = refusal(pair, client_certificates="required", client_ca=missing)
    assert text.startswith(f"{missing}: there is no such file; it should hold certificates of authorities")


def test_a_file_that_cannot_be_read_is_named(authority: Authority, tmp_path: Path) -> None:
    pair = authority.issue("localhost")
    assert refusal(KeyPair(tmp_path, pair.key)) == f"{tmp_path}: cannot be read (is a directory)"


def test_a_file_without_permission(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object, mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    pair = authority.issue("localhost")
    monkeypatch.setattr("builtins.open", refuse)
    text = refusal(pair)
    monkeypatch.undo()
    assert "cannot be read (permission denied); give the user that the server runs as the right" in text


def test_files_that_hold_something_else(authority: Authority, tmp_path: Path) -> None:
    pair = authority.issue("localhost")
    text = refusal(KeyPair(key_of(pair), pair.key))
    assert text == f"{pair.key}: does not hold a certificate in PEM form"
    text = refusal(KeyPair(pair.certificate))
    assert text == f"{pair.certificate}: does not hold a private key in PEM form"


def test_der_is_recognised(authority: Authority, tmp_path: Path) -> None:
    pair = authority.issue("localhost")
    certificate, key = tmp_path / "certificate.der", tmp_path / "key.der"
    pem = Path(pair.certificate).read_text()
    certificate.write_bytes(ssl.PEM_cert_to_DER_cert(pem[: pem.index("-----END") + 25]))
    assert "`openssl x509 -inform der` turns into PEM" in refusal(KeyPair(certificate, pair.key))
    secret = load_pem_private_key(key_of(pair).read_bytes(), None)
    key.write_bytes(secret.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    assert "`openssl pkey -inform der` turns into PEM" in refusal(KeyPair(pair.certificate, key))


@pytest.mark.parametrize("make_key", [make_rsa_key, make_elliptic_key])
def test_a_key_of_another_certificate(authority: Authority, make_key: Callable[[], PrivateKey]) -> None:
    pair = authority.issue("localhost")
    other = authority.issue("localhost", file="other", key=make_key())
    key_of(pair).write_bytes(key_of(other).read_bytes())
    text = refusal(pair)
    assert text.startswith(f"{pair.key}: this key does not belong to the first certificate in")
    assert str(pair.certificate) in text


def test_the_issuer_s_certificate_in_front(authority: Authority) -> None:
    pair = authority.issue("localhost")
    own = Path(pair.certificate)
    own.write_bytes(authority.path.read_bytes() + own.read_bytes())
    assert "has to come before those of its issuers" in refusal(pair)


@pytest.mark.parametrize("broken", ["certificate", "key", "authorities"])
def test_a_file_that_is_cut_off(authority: Authority, broken: str) -> None:
    pair = authority.issue("localhost")
    path = {"certificate": Path(pair.certificate), "key": key_of(pair), "authorities": authority.path}[broken]
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:3], *lines[4:]]))
    text = refusal(pair, client_certificates="required", client_ca=authority.path)
    # OpenSSL does not say whether it stumbled over the certificate or over its key.
    named = pair.certificate if broken == "key" else path
    assert text.startswith(f"{named}: cannot be used")


def test_a_key_that_is_too_short(authority: Authority) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if context.security_level < 2:
        pytest.skip("OpenSSL is built to be content with less")
    pair = authority.issue("localhost", key=rsa.generate_private_key(65537, 1024))
    assert "too weak for OpenSSL's security level" in refusal(pair)


def test_a_certificate_that_is_for_clients_only(authority: Authority) -> None:
    pair = authority.issue("localhost", purposes=(ExtendedKeyUsageOID.CLIENT_AUTH,))
    text = refusal(pair)
    assert text.startswith(f"{pair.certificate}: no client could be served with it")
    assert "is it one for servers?" in text
