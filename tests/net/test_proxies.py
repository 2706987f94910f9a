"""Who is believed, and who is found at the end of a chain of proxies."""

import socket
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.http.exchange import Peer
from sketch.http.headers import FieldLines
from sketch.net.proxies import Header, TrustedProxies

PROXY = Peer(("10.0.0.1", 50000))
CLIENT = ("192.0.2.1", 0)


def fields(*lines: str) -> FieldLines:
    """Field lines, each written as in a message."""
    pairs = [line.partition(": ") for line in lines]
    return FieldLines([(name.encode(), value.encode("utf-8", "surrogateescape")) for name, _, value in pairs])


def resolve(header: Header, *lines: str, peer: Peer = PROXY, networks: str = "10.0.0.0/8") -> Peer:
    return TrustedProxies(networks, header=header).resolve(peer, fields(*lines))


def by_forwarded(*lines: str, peer: Peer = PROXY) -> Peer:
    return resolve("forwarded", *[f"Forwarded: {line}" for line in lines], peer=peer)


def by_x_forwarded_for(*lines: str, peer: Peer = PROXY) -> Peer:
    return resolve("x-forwarded", *[f"X-Forwarded-For: {line}" for line in lines], peer=peer)


# -- whom to trust -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("networks", "trusted", "others"),
    [
        (
            ["10.0.0.0/8"],
            ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"],
            ["11.0.0.0", "::10.0.0.1", "::1"],
        ),
        (["192.0.2.1"], ["192.0.2.1"], ["192.0.2.2"]),
        (["2001:db8::/32"], ["2001:db8::1", "2001:db8:ffff::"], ["2001:db9::", "192.0.2.1"]),
        (["fe80::/10"], ["fe80::1", "fe80::1%eth0", "fe80::1%2"], ["fec0::1%eth0", "eth0", "%fe80::1"]),
        (["::ffff:10.0.0.0/104"], ["10.1.1.1", "::ffff:10.1.1.1"], ["11.1.1.1", "::ffff:11.1.1.1"]),
        (["127.0.0.1", "::1"], ["127.0.0.1", "::1", "::ffff:127.0.0.1"], ["127.0.0.2", "::2"]),
        ([ip_network("10.0.0.0/8")], ["10.0.0.1"], ["9.0.0.1"]),
        ("10.0.0.0/8", ["10.0.0.1"], ["1.0.0.0", "8", "0.0.0.0"]),
        (["unix"], [], ["10.0.0.1", "unix", "", "0.0.0.0"]),
    ],
)
def test_networks(networks: Any, trusted: list[str], others: list[str]) -> None:
    proxies = TrustedProxies(networks, header="forwarded")
    for _ in range(2):
        assert [host for host in trusted if not proxies.trusts(Peer((host, 1)))] == []
        assert [host for host in others if proxies.trusts(Peer((host, 1, 0, 2)))] == []


@pytest.fixture
def unix_peer() -> Iterator[Peer]:
    with socket.socket(socket.AF_UNIX) as sock:
        yield Peer("", get_extra_info={"socket": sock}.get)


def test_peers_without_an_address(unix_peer: Peer) -> None:
    everybody = ["0.0.0.0/0", "::/0"]
    with_unix = TrustedProxies([*everybody, "unix"], header="forwarded")
    assert with_unix.trusts(unix_peer)
    assert not TrustedProxies(everybody, header="forwarded").trusts(unix_peer)
    # A path that a proxy tells, no address at all, and another family.
    told = Peer("/run/a", proxy=unix_peer, get_extra_info=unix_peer.get_extra_info)
    assert not with_unix.trusts(told)
    assert not with_unix.trusts(Peer())
    assert not with_unix.trusts(Peer(()))
    assert not with_unix.trusts(Peer((2, 1024)))
    with socket.socket() as sock:
        assert not with_unix.trusts(Peer(None, get_extra_info={"socket": sock}.get))


@pytest.mark.parametrize(
    ("networks", "options", "error", "message"),
    [
        ([], {"header": "forwarded"}, ValueError, "trusted_proxies must not be empty"),
        (5, {"header": "forwarded"}, TypeError, "must be networks like '10.0.0.0/8', or 'unix', got 5"),
        (["10.0.0.1/8"], {"header": "forwarded"}, ValueError,
         "10.0.0.1/8 has host bits set; write '10.0.0.0/8' for all of it, or '10.0.0.1' for one address"),
        (["2001:db8::1/32"], {"header": "forwarded"}, ValueError, "write '2001:db8::/32' for all of it"),
        (["localhost"], {"header": "forwarded"}, ValueError,
         "'localhost' does not appear to be .* names are not looked up"),
        (["*"], {"header": "forwarded"}, ValueError, "does not appear to be"),
        ([""], {"header": "forwarded"}, ValueError, "does not appear to be"),
        ([5], {"header": "forwarded"}, TypeError, "must be networks like '10.0.0.0/8', or 'unix', got 5"),
        ([b"abcd"], {"header": "forwarded"}, TypeError, "must be networks"),
        (["10.0.0.1"], {"header": "x-real-ip"}, ValueError, "forwarded must be one of"),
        (["10.0.0.1"], {}, ValueError, "what to believe of them"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant(networks: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        TrustedProxies(networks, **options)


def test_its_name() -> None:
    assert repr(TrustedProxies(["unix", "::1"], header="forwarded")) == "<TrustedProxies ::1/128, unix>"


# -- nobody else is believed ---------------------------------------------------------------------------

CLAIMS = (
    "Forwarded: for=198.51.100.7;proto=https;host=spoofed.example",
    "X-Forwarded-For: 198.51.100.8",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: spoofed.example",
    "X-Forwarded-Port: 81",
    "X-Real-IP: 198.51.100.9",
)


@pytest.mark.parametrize("header", ["forwarded", "x-forwarded"])
@pytest.mark.parametrize("address", [("192.0.2.9", 1), ("::1", 1, 0, 0), "/run/a", "", None])
def test_an_untrusted_peer_is_what_its_socket_says(header: Header, address: Any) -> None:
    peer = Peer(address)
    assert resolve(header, *CLAIMS, peer=peer) is peer


def test_the_two_families_are_never_mixed() -> None:
    peer = resolve("forwarded", *CLAIMS[1:])
    assert (peer.address, peer.secure, peer.authority) == (PROXY.address, False, None)
    peer = resolve("x-forwarded", CLAIMS[0], CLAIMS[5])
    assert (peer.address, peer.secure, peer.authority) == (PROXY.address, False, None)
    peer = resolve("forwarded", *CLAIMS)
    assert (peer.host, peer.authority) == ("198.51.100.7", "spoofed.example")
    peer = resolve("x-forwarded", *CLAIMS)
    assert (peer.host, peer.authority) == ("198.51.100.8", "spoofed.example:81")


def test_with_the_proxy_protocol_only_no_field_counts() -> None:
    proxies = TrustedProxies(["10.0.0.1"], proxy_protocol=True)
    assert proxies.resolve(PROXY, fields(*CLAIMS)) is PROXY


# -- the walk ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "address"),
    [
        ([], PROXY.address),
        (["192.0.2.1"], CLIENT),
        (["192.0.2.1:4711"], ("192.0.2.1", 4711)),
        (["198.51.100.1, 192.0.2.1"], CLIENT),
        (["198.51.100.1", "192.0.2.1"], CLIENT),
        (["10.9.9.9, 192.0.2.1"], CLIENT),
        (["192.0.2.1, 10.0.0.2, 10.0.0.3"], CLIENT),
        (["198.51.100.1, 192.0.2.1, 10.0.0.2", "10.0.0.3"], CLIENT),
        (["junk, 192.0.2.1, ::ffff:10.0.0.2"], CLIENT),
        # All of them are ours: the first one is the client.
        (["10.0.0.4, 10.0.0.3, 10.0.0.2"], ("10.0.0.4", 0)),
        # Whom the proxy does not tell.
        (["192.0.2.1, unknown"], None),
        (["192.0.2.1, unknown, 10.0.0.2"], None),
        (["192.0.2.1, [2001:db8::1]:80, 10.0.0.2"], ("2001:db8::1", 80)),
        # Malformed: what is known up to there.
        (["192.0.2.1, junk"], PROXY.address),
        (["192.0.2.1, junk, 10.0.0.2"], ("10.0.0.2", 0)),
        (["192.0.2.1, fe80::1%eth0"], PROXY.address),
        (["192.0.2.1, _hidden"], PROXY.address),
        (["192.0.2.1 10.0.0.2"], PROXY.address),
        ([""], PROXY.address),
    ],
)
def test_the_walk_through_x_forwarded_for(lines: list[str], address: Any) -> None:
    peer = by_x_forwarded_for(*lines)
    assert peer.address == address
    assert peer.proxy is PROXY


@pytest.mark.parametrize(
    ("lines", "address", "secure", "authority"),
    [
        ([], PROXY.address, False, None),
        (["for=192.0.2.1"], CLIENT, False, None),
        (['for="192.0.2.1:4711";proto=https;host="a.example:81"'], ("192.0.2.1", 4711), True, "a.example:81"),
        (["for=198.51.100.1;proto=https;host=spoofed, for=192.0.2.1"], CLIENT, False, None),
        (["for=10.9.9.9;proto=https;host=spoofed, for=192.0.2.1;proto=http;host=a"], CLIENT, False, "a"),
        # What the outermost proxy of ours says goes before what the inner ones saw.
        (["for=192.0.2.1;proto=https;host=a, for=10.0.0.2;proto=http;host=inner"], CLIENT, True, "a"),
        (["for=192.0.2.1, for=10.0.0.2;proto=https;host=inner"], CLIENT, True, "inner"),
        (["for=x, for=192.0.2.1;proto=https", "for=10.0.0.2"], CLIENT, True, None),
        (["for=10.0.0.3;proto=https, for=10.0.0.2;proto=http"], ("10.0.0.3", 0), True, None),
        # Whom the proxy does not tell.
        (["for=192.0.2.1, for=unknown;proto=https"], None, True, None),
        (["for=192.0.2.1, for=_hidden;host=a"], "_hidden", False, "a"),
        (["for=192.0.2.1, proto=https;host=a"], PROXY.address, True, "a"),
        # Malformed: what is known up to there.
        (["for=192.0.2.1;proto=https, for=junk;proto=https"], PROXY.address, False, None),
        (["for=192.0.2.1;proto=https, for=10.0.0.2;host=a b"], PROXY.address, False, None),
        (["for=192.0.2.1, junk, for=10.0.0.2;proto=https"], ("10.0.0.2", 0), True, None),
        (["for=10.0.0.1:80"], PROXY.address, False, None),
    ],
)
def test_the_walk_through_forwarded(
    lines: list[str], address: Any, secure: bool, authority: str | None
) -> None:
    peer = by_forwarded(*lines)
    assert (peer.address, peer.secure, peer.authority) == (address, secure, authority)
    assert peer.proxy is PROXY


def test_a_proxy_that_speaks_tls_may_have_clients_that_do_not() -> None:
    peer = Peer(("10.0.0.1", 1), secure=True)
    assert by_forwarded("for=192.0.2.1", peer=peer).secure
    assert not by_forwarded("for=192.0.2.1;proto=http", peer=peer).secure
    assert by_x_forwarded_for("192.0.2.1", peer=peer).secure
    assert not resolve("x-forwarded", "X-Forwarded-Proto: http", peer=peer).secure


def test_what_tls_knows_is_the_proxys() -> None:
    known = {"peercert": {"subject": "proxy"}, "ssl_object": object(), "sslcontext": object(), "cipher": "x"}
    peer = Peer(("10.0.0.1", 1), secure=True, get_extra_info=known.get)
    behind = by_forwarded("for=192.0.2.1", peer=peer)
    assert [behind.get_extra_info(name, "nothing") for name in known] == ["nothing"] * 4
    assert behind.proxy is not None and behind.proxy.get_extra_info("peercert") == {"subject": "proxy"}


def test_what_the_transport_knows_stays_known(unix_peer: Peer) -> None:
    proxies = TrustedProxies("unix", header="x-forwarded")
    peer = proxies.resolve(unix_peer, fields("X-Forwarded-For: 192.0.2.1"))
    assert peer.address == CLIENT
    assert peer.get_extra_info("socket").family is socket.AF_UNIX


# -- scheme, host and port -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "secure", "authority"),
    [
        (["Proto: https"], True, None),
        (["Proto: HTTPS"], True, None),
        (["Proto: wss"], True, None),
        (["Proto: http"], False, None),
        (["Proto: http, https"], True, None),
        (["Proto: https, http"], False, None),
        (["Proto: https", "Proto: http"], False, None),
        (["Proto: gopher"], False, None),
        (["Proto: https, "], False, None),
        (["Proto: https; a"], False, None),
        (["Host: a.example"], False, "a.example"),
        (["Host: a.example:81"], False, "a.example:81"),
        (["Host: spoofed, a.example"], False, "a.example"),
        (["Host: spoofed", "Host: a.example"], False, "a.example"),
        (["Host: a.example, b c"], False, None),
        (["Host: a.example/"], False, None),
        (["Host: a.example", "Port: 80"], False, "a.example"),
        (["Host: a.example", "Port: 443"], False, "a.example:443"),
        (["Host: a.example", "Port: 443", "Proto: https"], True, "a.example"),
        (["Host: a.example", "Port: 80", "Proto: https"], True, "a.example:80"),
        (["Host: a.example:81", "Port: 82"], False, "a.example:81"),
        (["Host: a.example:80", "Port: 82"], False, "a.example:80"),
        (["Host: [2001:db8::1]", "Port: 81"], False, "[2001:db8::1]:81"),
        (["Host: a.example", "Port: 0"], False, "a.example"),
        (["Host: a.example", "Port: 81, x"], False, "a.example"),
        (["Port: 80"], False, "own.example"),
        (["Port: 81"], False, "own.example:81"),
        (["Port: x"], False, None),
    ],
)
def test_scheme_host_and_port(lines: list[str], secure: bool, authority: str | None) -> None:
    peer = resolve("x-forwarded", "Host: own.example", *[f"X-Forwarded-{line}" for line in lines])
    assert (peer.secure, peer.authority) == (secure, authority)
    assert peer.address == PROXY.address


def test_a_port_without_a_host_that_it_belongs_to() -> None:
    assert resolve("x-forwarded", "X-Forwarded-Port: 81").authority is None
    assert resolve("x-forwarded", "Host: a/b", "X-Forwarded-Port: 81").authority is None


# -- anything ------------------------------------------------------------------------------------------

NAMES = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "Host")
VALUES = st.text(st.sampled_from(list('for=proto;hs",\\ \t192.0:[]_%aé\udcff')), max_size=40)


@given(st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=6), st.sampled_from(["", "x-"]))
def test_whatever_is_sent_there_is_a_peer(lines: list[tuple[str, str]], prefix: str) -> None:
    header: Header = "x-forwarded" if prefix else "forwarded"
    peer = resolve(header, *[f"{name}: {value}" for name, value in lines])
    assert peer.host is None or peer.host.isascii()


@given(VALUES | st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=60))
def test_no_client_chooses_who_it_is(value: str) -> None:
    """A client sends what it likes; a proxy that appends, and replaces what it does not append to, has the
    last word."""
    peer = by_x_forwarded_for(f"{value}, 192.0.2.1")
    assert peer.address == CLIENT
    peer = by_forwarded(f"{value}, for=192.0.2.1;proto=http;host=a")
    assert (peer.address, peer.secure, peer.authority) == (CLIENT, False, "a")
