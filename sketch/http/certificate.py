"""An X.509 certificate as a value: whom it names, who says so, and for how long (RFC 5280).

Knows what `ssl.SSLObject.getpeercert` returns. Does not parse certificates and does not trust them: whoever
hands one over has checked it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

Names = tuple[tuple[str, str], ...]
"""Pairs of a kind and a text."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that was verified, a client's as a rule.

    ``subject``, ``issuer``
        the parts of the distinguished name, in order, as in ``("commonName", "alice")``. The kinds are
        OpenSSL's long names.
    ``alternative_names``
        as in ``("DNS", "example.org")``, ``("email", ...)``, ``("URI", ...)``, ``("IP Address", ...)``
        (RFC 5280, section 4.2.1.6). Those that are no text, directory names for one, are only in ``der``.
    ``serial_number``
        unique among the certificates of one issuer.
    ``not_before``, ``not_after``
        when it is valid, in UTC.
    ``der``
        the whole certificate.
    """

    subject: Names
    issuer: Names
    alternative_names: Names
    serial_number: int
    not_before: datetime
    not_after: datetime
    der: bytes = field(repr=False)

    @classmethod
    def read(cls, fields: Mapping[str, Any], der: bytes) -> Self:
        """The certificate that `ssl.SSLObject.getpeercert` describes in ``fields`` and in ``der``."""
        return cls(
            _flatten(fields["subject"]),
            _flatten(fields["issuer"]),
            tuple(pair for pair in fields.get("subjectAltName", ()) if isinstance(pair[1], str)),
            int(fields["serialNumber"], 16),
            _read_time(fields["notBefore"]),
            _read_time(fields["notAfter"]),
            der,
        )

    @property
    def common_name(self) -> str | None:
        """The last common name of the subject. Free text: only its issuer says what it means."""
        names = [value for kind, value in self.subject if kind == "commonName"]
        return names[-1] if names else None

    def names(self, kind: str) -> list[str]:
        """The alternative names of one kind: ``"DNS"``, ``"email"``, ``"URI"`` or ``"IP Address"``."""
        return [value for own, value in self.alternative_names if own == kind]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the whole certificate, in lower-case hexadecimal: what tells it from all others."""
        return hashlib.sha256(self.der).hexdigest()


def _flatten(name: tuple[Names, ...]) -> Names:
    """A distinguished name without its inner level: relative names with several parts are history."""
    return tuple(part for relative in name for part in relative)


def _read_time(text: str) -> datetime:
    # Like "Jan  5 09:34:43 2026 GMT". Not `strptime`, which looks for the months of the process's locale.
    month, day, clock, year, _ = text.split()
    hour, minute, second = map(int, clock.split(":"))
    return datetime(int(year), _MONTHS.index(month) + 1, int(day), hour, minute, second, tzinfo=UTC)
