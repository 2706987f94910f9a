"""Which certificate a client is shown, and new ones in the place of old ones. Handshakes are in memory."""

import asyncio
import logging
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sketch.net import certificates as module
from sketch.tls import CertificateFileError, Certificates, KeyPair
from tests.certificates import Authority, shake_hands


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def shown(certificates: Certificates, name: str | None) -> str:
    """The common name of what a client is shown that asks for this host."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    der = shake_hands(certificates.context, client, name).getpeercert(binary_form=True)
    (found,) = {str(each.common_name) for each in certificates.certificates if each.der == der}
    return found


# -- names ---------------------------------------------------------------------------------------------


def several(authority: Authority, **options: Any) -> Certificates:
    return Certificates(
        authority.issue("a.test", "www.a.test", file="a", common_name="a"),
        authority.issue("*.b.test", file="b", common_name="b"),
        authority.issue("exact.b.test", "a.test", file="c", common_name="c"),
        **options,
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.test", "a"),
        ("A.TEST", "a"),
        ("www.a.test", "a"),
        ("x.b.test", "b"),
        ("X.B.test", "b"),
        ("exact.b.test", "c"),
        ("b.test", "a"),
        ("x.y.b.test", "a"),
        ("unknown", "a"),
        ("test", "a"),
        (None, "a"),
    ],
)
def test_the_certificate_for_a_name(authority: Authority, name: str | None, expected: str) -> None:
    assert shown(several(authority), name) == expected


@pytest.mark.parametrize("name", ["b.test", "x.y.b.test", "unknown", None])
def test_unknown_names_can_be_refused(authority: Authority, name: str | None) -> None:
    certificates = several(authority, unknown_name="refuse")
    assert shown(certificates, "x.b.test") == "b"
    with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
        shown(certificates, name)


def test_a_certificate_that_nobody_would_be_shown_is_refused(authority: Authority) -> None:
    named, unnamed = authority.issue("a.test"), authority.issue("127.0.0.1", file="address")
    assert shown(Certificates(unnamed, named), None) == "None"
    with pytest.raises(CertificateFileError, match="address.pem: names no host"):
        Certificates(named, unnamed)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unknown_name": "ignore"}, "unknown_name must be"),
        ({"client_certificates": "maybe"}, "client_certificates must be one of none, optional, required"),
        ({"client_certificates": "required"}, "need each other"),
        ({"client_ca": "clients.pem"}, "need each other"),
    ],
)
def test_arguments_that_cannot_be_meant(authority: Authority, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Certificates(authority.issue("a.test"), **options)


def test_no_certificate_at_all() -> None:
    with pytest.raises(ValueError, match="at least one certificate"):
        Certificates()


@pytest.mark.parametrize("pair", ["fullchain.pem", ("fullchain.pem", "key.pem"), None])
def test_what_is_no_pair(pair: Any) -> None:
    with pytest.raises(TypeError, match=r"are made of tls.KeyPair\(certificate, key\), got "):
        Certificates(pair)


def test_what_is_no_path(authority: Authority) -> None:
    wrong: Any = None
    with pytest.raises(TypeError, match="certificate must be the path of a PEM file, got None"):
        KeyPair(wrong)
    wrong = 5
    with pytest.raises(TypeError, match="key must be the path of a PEM file, got 5"):
        KeyPair("fullchain.pem", wrong)
    with pytest.raises(TypeError, match="client_ca must be the path of a PEM file, got 5"):
        Certificates(authority.issue("a.test"), client_certificates="required", client_ca=wrong)


# -- new files -----------------------------------------------------------------------------------------


def touch(pair: KeyPair, seconds: float) -> None:
    """A file system may not tell two moments apart that are near each other."""
    for path in pair.paths:
        status = os.stat(path)
        os.utime(path, (status.st_atime, status.st_mtime + seconds))


def test_a_reload(authority: Authority) -> None:
    certificates = Certificates(authority.issue("a.test", common_name="first"))
    context = certificates.context
    authority.issue("a.test", "b.test", common_name="second")
    assert shown(certificates, "a.test") == "first"
    certificates.reload()
    assert shown(certificates, "a.test") == shown(certificates, "b.test") == "second"
    assert certificates.context is context
    assert [each.common_name for each in certificates.certificates] == ["second"]


@pytest.mark.parametrize("damage", ["missing", "empty", "mismatch"])
def test_a_reload_of_files_that_cannot_be_used_changes_nothing(authority: Authority, damage: str) -> None:
    first, second = (
        authority.issue("a.test", common_name="a"),
        authority.issue("b.test", file="b", common_name="b"),
    )
    certificates = Certificates(first, second)
    authority.issue("a.test", common_name="new a")
    assert second.key is not None
    key = Path(second.key)
    if damage == "missing":
        key.unlink()
    elif damage == "empty":
        key.write_text("")
    else:
        authority.issue("b.test", file="other")
        key.write_bytes((key.parent / "other-key.pem").read_bytes())
    with pytest.raises(CertificateFileError, match="b-key.pem"):
        certificates.reload()
    # Not even of the pair that could be used.
    assert (shown(certificates, "a.test"), shown(certificates, "b.test")) == ("a", "b")
    authority.issue("b.test", file="b", common_name="new b")
    certificates.reload()
    assert (shown(certificates, "a.test"), shown(certificates, "b.test")) == ("new a", "new b")


def test_files_are_loaded_again_when_they_have_changed(authority: Authority) -> None:
    pair = authority.issue("a.test", common_name="first")
    certificates = Certificates(pair)
    assert not certificates.reload_if_changed()
    authority.issue("a.test", common_name="second")
    touch(pair, 1)
    assert certificates.reload_if_changed()
    assert not certificates.reload_if_changed()
    assert shown(certificates, "a.test") == "second"


def test_files_that_could_not_be_loaded_are_tried_again(authority: Authority) -> None:
    pair = authority.issue("a.test", common_name="first")
    certificates = Certificates(pair)
    text = Path(pair.certificate).read_bytes()
    Path(pair.certificate).unlink()
    for _ in range(2):
        with pytest.raises(CertificateFileError):
            certificates.reload_if_changed()
    Path(pair.certificate).write_bytes(text)
    assert certificates.reload_if_changed()


def test_sessions_outlive_a_reload(authority: Authority) -> None:
    certificates = Certificates(authority.issue("a.test"))
    client = authority.make_client_context()
    session = shake_hands(certificates.context, client, "a.test").session
    authority.issue("a.test")
    certificates.reload()
    assert shake_hands(certificates.context, client, "a.test", session).session_reused


# -- clients -------------------------------------------------------------------------------------------

VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


@VERSIONS
def test_who_is_trusted_can_change(authority: Authority, version: ssl.TLSVersion, tmp_path: Path) -> None:
    clients, others = Authority(tmp_path, "clients"), Authority(tmp_path, "others")
    certificates = Certificates(
        authority.issue("a.test"), client_certificates="required", client_ca=clients.path
    )
    alice = authority.make_client_context(clients.issue("alice", file="alice"))
    bob = authority.make_client_context(others.issue("bob", file="bob"))
    for context in (alice, bob):
        context.maximum_version = version
    session = shake_hands(certificates.context, alice, "a.test").session
    with pytest.raises(ssl.SSLError):
        shake_hands(certificates.context, bob, "a.test")
    others.path.replace(clients.path)
    assert certificates.reload_if_changed()
    shake_hands(certificates.context, bob, "a.test")
    for stale in (None, session):
        # A session of hers does not help her either.
        with pytest.raises(ssl.SSLError):
            shake_hands(certificates.context, alice, "a.test", stale)


@VERSIONS
def test_sessions_of_clients_that_are_still_trusted_are_resumed(
    authority: Authority, version: ssl.TLSVersion, tmp_path: Path
) -> None:
    clients = Authority(tmp_path, "clients")
    certificates = Certificates(
        authority.issue("a.test"), client_certificates="optional", client_ca=clients.path
    )
    alice = authority.make_client_context(clients.issue("alice", file="alice"))
    alice.maximum_version = version
    session = shake_hands(certificates.context, alice, "a.test").session
    certificates.reload()
    assert shake_hands(certificates.context, alice, "a.test", session).session_reused


# -- what the operator is told -------------------------------------------------------------------------


def messages(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [
        (record.levelno, record.getMessage()) for record in caplog.records if record.name == "sketch.server"
    ]


def test_dates_are_warned_of(authority: Authority, caplog: pytest.LogCaptureFixture) -> None:
    now = datetime.now(UTC)
    day = timedelta(days=1)
    fresh = authority.issue("a.test", file="fresh")
    expired = authority.issue("b.test", file="expired", not_after=now - day)
    early = authority.issue("c.test", file="early", not_before=now + day)
    certificates = Certificates(fresh, expired, early)
    (first, second) = messages(caplog)
    assert first[0] == second[0] == logging.WARNING
    assert first[1].startswith(f"{expired.certificate}: the certificate has expired on {now - day:%Y-%m-%d}")
    assert second[1].startswith(
        f"{early.certificate}: the certificate is valid only from {now + day:%Y-%m-%d}"
    )
    # They are served nevertheless.
    assert shake_hands(certificates.context, _careless(), "b.test").version() == "TLSv1.3"


def _careless() -> ssl.SSLContext:
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    return client


def test_a_reload_by_the_operator_is_logged(authority: Authority, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    pair = authority.issue("a.test", not_after=datetime(2099, 5, 6, tzinfo=UTC))
    certificates = Certificates(pair)
    assert not certificates.try_reload(only_if_changed=True)
    assert messages(caplog) == []
    assert certificates.try_reload()
    assert messages(caplog) == [
        (logging.INFO, "The certificates were reloaded; the first of them expires on 2099-05-06")
    ]
    caplog.clear()
    Path(pair.certificate).unlink()
    assert not certificates.try_reload()
    ((level, text),) = messages(caplog)
    assert level == logging.ERROR
    assert text.startswith(
        f"The certificates were not reloaded, those from before stay in use: {pair.certificate}: there is no"
    )
    assert caplog.records[-1].exc_info is None


def test_an_error_that_nobody_thought_of_is_shown(
    authority: Authority, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(pair: KeyPair) -> Any:
        raise LookupError("what is that?")

    certificates = Certificates(authority.issue("a.test"))
    monkeypatch.setattr(module, "load", fail)
    assert not certificates.try_reload()
    assert caplog.records[-1].exc_info is not None


def test_files_can_be_watched(authority: Authority) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        reloaded = asyncio.Event()

        class Watched(Certificates):
            def try_reload(self, *, only_if_changed: bool = False) -> bool:
                is_new = super().try_reload(only_if_changed=only_if_changed)
                if is_new:
                    loop.call_soon_threadsafe(reloaded.set)
                return is_new

        pair = authority.issue("a.test", common_name="first")
        certificates = Watched(pair)
        watching = asyncio.create_task(certificates.watch(0.01))
        authority.issue("a.test", common_name="second")
        touch(pair, 1)
        await asyncio.wait_for(reloaded.wait(), 30)
        assert shown(certificates, "a.test") == "second"
        watching.cancel()
        await asyncio.wait([watching])
        assert watching.cancelled()

    asyncio.run(main())
