"""Which proxies are believed, and who is behind them.

Knows the networks that an operator trusts and walks back from proxy to proxy, by the fields that they
add. Does not know connections. A request that comes from elsewhere is what its socket says, whatever its
fields do.
"""

import socket
from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final, Literal, TypeVar

from multidict import MultiMapping

from ..http import names
from ..http.exchange import Peer
from ..http.forwarded import (
    DEFAULT_PORTS,
    last_element,
    parse_authority,
    parse_ip,
    parse_port,
    parse_scheme,
    read_forwarded,
    read_forwarded_for,
)
from ..http.headers import FieldLines

T = TypeVar("T")

Header = Literal["forwarded", "x-forwarded"]
Network = IPv4Network | IPv6Network

HEADERS: Final = ("forwarded", "x-forwarded")
UNIX: Final = "unix"
"""In a list of networks: whoever connects to a UNIX socket of ours."""

_OF_TLS: Final = frozenset({"cipher", "compression", "peercert", "ssl_object", "sslcontext"})
"""What a transport knows of TLS. It is the proxy's: its certificate must not be taken for the client's."""

_MAPPED: Final = IPv6Network("::ffff:0:0/96")


class TrustedProxies:
    """The proxies that tell the truth about who is behind them.

    ``networks``
        where they connect from: networks and addresses of IPv4 and IPv6, and ``"unix"`` for everybody who
        may connect to a UNIX socket.
    ``header``
        the fields in which they tell it: ``"forwarded"`` (RFC 7239) or ``"x-forwarded"``
        (``X-Forwarded-For``, ``-Proto``, ``-Host``, ``-Port``). The other family is not looked at. ``None``:
        neither is.
    ``proxy_protocol``
        whether each of their connections begins with a header of the PROXY protocol. Connections without
        one, and from elsewhere, are closed.

    Raises `TypeError` or `ValueError` for what cannot be meant: no network, one that is none or has bits
    beyond its mask, another header, and neither header nor PROXY protocol.
    """

    __slots__ = ("_is_listed", "_networks", "_trusts_unix", "header", "proxy_protocol")

    def __init__(
        self,
        networks: str | Iterable[str | Network],
        *,
        header: Header | None = None,
        proxy_protocol: bool = False,
    ) -> None:
        if header is not None and header not in HEADERS:
            raise ValueError(f"forwarded must be one of {HEADERS} or None, got {header!r}")
        if header is None and not proxy_protocol:
            raise ValueError(
                "trusted_proxies need forwarded or proxy_protocol: what to believe of them, as in "
                "forwarded='x-forwarded'"
            )
        texts = _list_networks(networks)
        self._trusts_unix = UNIX in texts
        self._networks = tuple([_parse_network(text) for text in texts if text != UNIX])
        # Peers come again, and their hosts are texts of the system's or of `parse_ip`, never long ones.
        self._is_listed = lru_cache(maxsize=1024)(self._is_in_networks)
        self.header = header
        self.proxy_protocol = proxy_protocol

    def trusts(self, peer: Peer) -> bool:
        """Whether a peer is one of the proxies."""
        if isinstance(peer.address, tuple):
            return self._is_listed(peer.host or "")
        # A proxy may say that its client came by a UNIX socket, but not by one of ours.
        return self._trusts_unix and peer.proxy is None and _is_on_unix_socket(peer)

    def resolve(self, peer: Peer, fields: FieldLines) -> Peer:
        """Who sent a request with these fields over a connection from ``peer``.

        From proxy to proxy, back to the first that is not trusted: it is the client. A value that is
        malformed ends the walk where it is."""
        if self.header is None or not self.trusts(peer):
            return peer
        if self.header == "forwarded":
            return self._walk_forwarded(peer, fields.decoded)
        return self._walk_x_forwarded(peer, fields.decoded)

    def _walk_forwarded(self, peer: Peer, fields: MultiMapping[str]) -> Peer:
        address, secure, authority = peer.address, peer.secure, None
        for hop in read_forwarded(fields.getall(names.FORWARDED, [])):
            if hop.scheme is not None:
                secure = hop.scheme == "https"
            authority = hop.authority or authority
            if hop.node is None:
                break
            address = hop.node.address
            if hop.node.ip is None or not self._is_listed(hop.node.ip):
                break
        return _peer_behind(peer, address, secure, authority)

    def _walk_x_forwarded(self, peer: Peer, fields: MultiMapping[str]) -> Peer:
        address, secure = peer.address, peer.secure
        for node in read_forwarded_for(fields.getall(names.X_FORWARDED_FOR, [])):
            address = node.address
            if node.ip is None or not self._is_listed(node.ip):
                break
        scheme = _read(parse_scheme, fields, names.X_FORWARDED_PROTO)
        if scheme is not None:
            secure = scheme == "https"
        return _peer_behind(peer, address, secure, _read_x_forwarded_host(fields, secure))

    def _is_in_networks(self, host: str) -> bool:
        try:
            address = parse_ip(host)
        except ValueError:
            return False
        # The system adds a zone to link-local addresses, which says nothing about the network.
        return any(address in network for network in self._networks)

    def __repr__(self) -> str:
        networks = [*map(str, self._networks), *[UNIX] * self._trusts_unix]
        return f"<TrustedProxies {', '.join(networks)}>"


def _list_networks(networks: object) -> list[Any]:
    if isinstance(networks, str | IPv4Network | IPv6Network):
        return [networks]
    if not isinstance(networks, Iterable):
        raise _wrong_network(networks)
    texts = list(networks)
    if not texts:
        raise ValueError("trusted_proxies must not be empty: name your proxies, or leave it out")
    return texts


def _wrong_network(got: object) -> TypeError:
    return TypeError(f"trusted_proxies must be networks like '10.0.0.0/8', or 'unix', got {got!r}")


def _parse_network(text: object) -> Network:
    if not isinstance(text, str | IPv4Network | IPv6Network):
        raise _wrong_network(text)
    try:
        network = ip_network(text)
    except ValueError as error:
        raise ValueError(f"trusted_proxies: {error}; {_remedy(str(text))}") from error
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        # As the addresses that are looked up in it.
        return IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
    return network


def _remedy(text: str) -> str:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return "write networks like '10.0.0.0/8', addresses, or 'unix'; names are not looked up"
    return f"write '{network}' for all of it, or '{text.partition('/')[0]}' for one address"


def _is_on_unix_socket(peer: Peer) -> bool:
    sock: Any = peer.get_extra_info("socket")
    return sock is not None and sock.family == getattr(socket, "AF_UNIX", None)


def _peer_behind(
    peer: Peer, address: tuple[Any, ...] | str | None, secure: bool, authority: str | None
) -> Peer:
    def get_extra_info(name: str, default: Any = None) -> Any:
        return default if name in _OF_TLS else peer.get_extra_info(name, default)

    return Peer(address, secure=secure, authority=authority, proxy=peer, get_extra_info=get_extra_info)


def _read(parse: Callable[[str], T], fields: MultiMapping[str], name: str) -> T | None:
    """The last element of a field, parsed; ``None`` where it is missing or malformed. The last one is the
    word of the proxy that is nearest: proxies replace these fields or append to them."""
    text = last_element(fields.getall(name, []))
    try:
        return None if text is None else parse(text)
    except ValueError:
        return None


def _read_x_forwarded_host(fields: MultiMapping[str], secure: bool) -> str | None:
    """The authority that the client asked for; ``None`` where it is in ``Host``."""
    named = _read(parse_authority, fields, names.X_FORWARDED_HOST)
    port = _read(parse_port, fields, names.X_FORWARDED_PORT)
    scheme = "https" if secure else "http"
    if named is None:
        if port is None:
            return None
        named = _read(parse_authority, fields, names.HOST)
        if named is None:
            return None
    host, own_port = named
    if own_port is None and port == DEFAULT_PORTS[scheme]:
        return host
    shown = own_port or port
    return host if shown is None else f"{host}:{shown}"
