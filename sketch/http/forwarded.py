"""What proxies say about a request that they pass on: the syntax of ``Forwarded`` (RFC 7239) and of the
``X-Forwarded-*`` fields.

Only syntax: whether a proxy is believed is not known here. Lists are read from the right, because a proxy
appends: what is left of its own words was said by somebody before it, perhaps the client, and must not
change how they are read. Reading ends at the first element that is malformed. `list_forwarded` is for
programs that want to see all that was said, by whomever.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from types import MappingProxyType
from typing import Final, NamedTuple

IPAddress = IPv4Address | IPv6Address

_IPV4: Final = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
# Without a zone: it means something to the machine only that wrote it (RFC 4007, section 6).
_IPV6: Final = r"(?=[0-9A-Fa-f]*:)[0-9A-Fa-f:.]{2,45}"
_OBFUSCATED: Final = r"_[0-9A-Za-z._-]{1,254}"
_TOKEN: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
# No backslash: nothing that is asked for needs one, and an escape cannot be told from the right.
_VALUE: Final = rf'(?:{_TOKEN}|"[^"\\]*+")'

_match_node = re.compile(
    rf"(?:(?P<ip>{_IPV4}|\[{_IPV6}\])|(?P<unknown>unknown)|(?P<name>{_OBFUSCATED}))"
    rf"(?::(?:(?P<port>[0-9]{{1,5}})|{_OBFUSCATED}))?",
    re.IGNORECASE,
).fullmatch
_match_bare_ipv6 = re.compile(_IPV6).fullmatch
_match_authority = re.compile(
    rf"(?:[0-9A-Za-z_](?:[0-9A-Za-z._-]{{0,253}})|(?P<ipv6>\[{_IPV6}\]))(?::(?P<port>[0-9]{{1,5}}))?"
).fullmatch
_match_scheme = re.compile(r"[A-Za-z][0-9A-Za-z+.-]*").fullmatch

# One element of `Forwarded` (RFC 7239, section 4) and the comma before it, backwards.
_BACKWARD_PAIR: Final = rf"{_VALUE}={_TOKEN}"
_match_backwards = re.compile(
    rf"[ \t]*+((?:{_BACKWARD_PAIR})?(?:;(?:{_BACKWARD_PAIR})?)*+)[ \t]*+(?:,|\Z)"
).match
_find_pairs = re.compile(rf"({_TOKEN})=({_VALUE})").findall

# A pair of `Forwarded`, with the port that may not stand behind a token and often does.
_match_pair = re.compile(
    rf'(?P<name>{_TOKEN})=(?:(?P<token>{_TOKEN})|"(?P<quoted>(?:[\t !#-\[\]-~]|\\[\t !-~])*+)")'
    r"(?P<port>:[0-9]{1,5}(?![0-9]))?"
).match
_unescape = re.compile(r"\\(.)").sub

_SCHEMES: Final = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Node(NamedTuple):
    """Who sent a request to a proxy (RFC 7239, section 6), in one of three ways.

    ``ip``
        its address; an IPv4 one that is written as IPv6 is IPv4.
    ``port``
        its port; 0 where it is not told.
    ``name``
        the identifier that stands for it, ``_hidden`` for example; ``None``, as ``ip``, when it is
        unknown even to the proxy.
    """

    ip: str | None
    port: int = 0
    name: str | None = None

    @property
    def address(self) -> tuple[str, int] | str | None:
        """As a `Peer` has it."""
        return self.name if self.ip is None else (self.ip, self.port)


class Hop(NamedTuple):
    """One element of ``Forwarded``: what one proxy says. What it leaves out is ``None``.

    ``scheme``
        ``"http"`` or ``"https"``.
    ``authority``
        the host that was asked for, and the port where one was.
    """

    node: Node | None
    scheme: str | None
    authority: str | None


@lru_cache(maxsize=1024)  # Clients come again. What is kept is short: it has matched the expressions above.
def parse_ip(text: str) -> IPAddress:
    """An IP address, as `unmap` has it. Raises `ValueError`."""
    return unmap(ip_address(text))


def unmap(address: IPAddress) -> IPAddress:
    """An IP address; one of IPv4 that is written as IPv6 (RFC 4291, section 2.5.5.2) is IPv4."""
    return address if isinstance(address, IPv4Address) else address.ipv4_mapped or address


def parse_node(text: str) -> Node:
    """A node as ``Forwarded`` writes it (RFC 7239, section 6), without quotes. Raises `ValueError`."""
    match = _match_node(text)
    if match is None:
        raise ValueError(f"{text!r} is no node identifier")
    port = int(match["port"] or 0)
    if port > 65535:
        raise ValueError(f"{port} is no port")
    if match["ip"]:
        return Node(str(parse_ip(match["ip"].strip("[]"))), port)
    return Node(None, port, match["name"])


def parse_forwarded_for(text: str) -> Node:
    """An element of ``X-Forwarded-For``: an address, with or without a port, or ``unknown``.

    IPv6 may stand without brackets, then without a port. Raises `ValueError`."""
    if _match_bare_ipv6(text) and text.count(":") > 1:
        return Node(str(parse_ip(text)))
    if text.startswith("_"):
        raise ValueError("X-Forwarded-For has no obfuscated identifiers")
    return parse_node(text)


def parse_scheme(text: str) -> str | None:
    """``"http"`` or ``"https"``, also for ``ws`` and ``wss``; ``None`` for another scheme.

    Raises `ValueError` for what is none (RFC 3986, section 3.1)."""
    if _match_scheme(text) is None:
        raise ValueError(f"{text!r} is no scheme")
    return _SCHEMES.get(text.lower())


def parse_port(text: str) -> int:
    """A port from 1 to 65535. Raises `ValueError`."""
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536):
        raise ValueError(f"{text!r} is no port")
    return int(text)


def parse_authority(text: str) -> tuple[str, int | None]:
    """A host, and a port where there is one. Names consist of letters, digits, ``-``, ``_`` and dots, which
    is less than RFC 3986 allows and all that is in use. Raises `ValueError`."""
    match = _match_authority(text)
    if match is None:
        raise ValueError(f"{text!r} is no host")
    if match["ipv6"]:
        IPv6Address(match["ipv6"][1:-1])
    host, port = text, match["port"]
    if port is None:
        return host, None
    return host[: -len(port) - 1], parse_port(port)


def last_element(lines: Sequence[str]) -> str | None:
    """The last element of a comma-separated list that may have several lines; ``None`` without any."""
    return lines[-1].rpartition(",")[2].strip(" \t") if lines else None


def read_forwarded_for(lines: Sequence[str]) -> Iterator[Node]:
    """The nodes in ``X-Forwarded-For``, from the last one on, up to the first that is malformed."""
    for line in reversed(lines):
        for element in reversed(line.split(",")):
            text = element.strip(" \t")
            if not text:
                continue
            try:
                yield parse_forwarded_for(text)
            except ValueError:
                return


def read_forwarded(lines: Sequence[str]) -> Iterator[Hop]:
    """The elements of ``Forwarded``, from the last one on, up to the first that is malformed."""
    for line in reversed(lines):
        backwards = line[::-1]
        position = 0
        while position < len(backwards):
            match = _match_backwards(backwards, position)
            if match is None:
                return
            position = match.end()
            if match[1]:
                try:
                    yield _parse_element(match[1][::-1])
                except ValueError:
                    return


def _parse_element(element: str) -> Hop:
    pairs = _find_pairs(element)
    parameters = {name.lower(): value.strip('"') for name, value in pairs}
    if len(parameters) < len(pairs):
        raise ValueError("a parameter occurs twice")
    node, scheme, authority = (parameters.get(name) for name in ("for", "proto", "host"))
    if authority is not None:
        parse_authority(authority)
    return Hop(
        None if node is None else parse_node(node),
        None if scheme is None else parse_scheme(scheme),
        authority,
    )


def list_forwarded(lines: Iterable[str]) -> list[Mapping[str, str]]:
    """The elements of ``Forwarded`` in the order in which proxies added them, each with its parameters by
    name in lower case. Of an element that is malformed, what is before the fault is kept."""
    elements: list[Mapping[str, str]] = []
    for line in lines:
        position = 0
        while position <= len(line):
            element, position = _read_element(line, position)
            elements.append(MappingProxyType(element))
    return elements


def _read_element(line: str, position: int) -> tuple[dict[str, str], int]:
    """The element that begins there, and where the next one does."""
    element: dict[str, str] = {}
    may_begin = True
    while position < len(line) and (character := line[position]) != ",":
        pair = _match_pair(line, position) if may_begin else None
        if pair is not None:
            value = pair["token"] or _unescape(r"\1", pair["quoted"] or "")
            element[pair["name"].lower()] = value + (pair["port"] or "")
            position = pair.end()
            may_begin = False
        elif character in "; \t":
            may_begin = may_begin or character == ";"
            position += 1
        else:
            end = line.find(",", position)
            position = len(line) if end < 0 else end
    return element, position + 1
