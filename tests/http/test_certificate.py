"""Certificates as values."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sketch.http.certificate import Certificate

FIELDS: dict[str, Any] = {
    "subject": ((("organizationName", "Example"),), (("commonName", "first"), ("commonName", "last"))),
    "issuer": ((("commonName", "authority"),),),
    "version": 3,
    "serialNumber": "0AFF",
    "notBefore": "Jan  5 09:34:43 2026 GMT",
    "notAfter": "Dec 31 23:59:59 2049 GMT",
    "subjectAltName": (
        ("DNS", "example.org"),
        ("email", "alice@example.org"),
        ("DNS", "*.example.org"),
        ("DirName", ((("commonName", "somebody"),),)),
        ("URI", "spiffe://example.org/alice"),
        ("IP Address", "192.0.2.1"),
    ),
}


def test_what_it_says() -> None:
    certificate = Certificate.read(FIELDS, b"abc")
    assert certificate.subject == (
        ("organizationName", "Example"), ("commonName", "first"), ("commonName", "last"),
    )  # fmt: skip
    assert certificate.common_name == "last"
    assert certificate.issuer == (("commonName", "authority"),)
    assert certificate.serial_number == 0xAFF
    assert certificate.not_before == datetime(2026, 1, 5, 9, 34, 43, tzinfo=UTC)
    assert certificate.not_after == datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert certificate.der == b"abc" and "abc" not in repr(certificate)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("DNS", ["example.org", "*.example.org"]),
        ("email", ["alice@example.org"]),
        ("URI", ["spiffe://example.org/alice"]),
        ("IP Address", ["192.0.2.1"]),
        ("DirName", []),
    ],
)
def test_alternative_names(kind: str, names: list[str]) -> None:
    assert Certificate.read(FIELDS, b"").names(kind) == names


def test_a_certificate_without_names() -> None:
    fields = {**FIELDS, "subject": ()}
    del fields["subjectAltName"]
    certificate = Certificate.read(fields, b"")
    assert (certificate.subject, certificate.common_name, certificate.names("DNS")) == ((), None, [])


def test_the_fingerprint_is_the_usual_one() -> None:
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert Certificate.read(FIELDS, b"abc").fingerprint == expected


def test_equal_certificates_are_equal() -> None:
    assert Certificate.read(FIELDS, b"a") == Certificate.read(FIELDS, b"a") != Certificate.read(FIELDS, b"b")
    assert len({Certificate.read(FIELDS, b"a"), Certificate.read(FIELDS, b"a")}) == 1
