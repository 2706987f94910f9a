"""Request targets and authorities: the four forms of RFC 9112, section 3.2, who may use which, and the
grammar of a host with its port (RFC 9110, section 7.2; RFC 3986, section 3.2).

Bytes are judged here, and texts are taken apart; what a path leads to is not known.
"""

import re
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple

from yarl import URL

from .errors import RemoteProtocolError

# RFC 3986, section 3.2.2. A registered name covers IPv4 addresses. In brackets there is only version 6:
# "v1.x" is no address mechanism that anybody supports, and a zone means nothing outside of the client's
# machine.
_AUTHORITY = re.compile(
    rb"(?:(?:[0-9A-Za-z\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+|\[([0-9A-Fa-f:.]+)\])(?::0*([0-9]{0,5}))?"
)
_ABSOLUTE = re.compile(rb"(?i:(https?)|[a-z][a-z0-9+.\-]*)://([^/?#]*)[^#]*")
_ACE_PREFIX = re.compile("xn--", re.IGNORECASE)


def is_authority(value: bytes) -> bool:
    """Whether this is a host, perhaps with a port: a name, an IPv4 address, an IPv6 address in brackets; then
    a colon and at most 65535, or nothing, after it."""
    return _read_port(value) is not None


def _read_port(authority: bytes) -> int | None:
    """The port of an authority, 0 where it names none; ``None`` for what is no authority."""
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        return None
    address, digits = match.groups()
    if address is not None and not _is_ipv6(address):
        return None
    port = int(digits or b"0")
    return port if port <= 65535 else None


def _is_ipv6(address: bytes) -> bool:
    try:
        IPv6Address(address.decode())
    except AddressValueError:
        return False
    return True


def is_host(value: bytes) -> bool:
    """Whether this may be the value of ``Host``, white space around it stripped. It is empty where the target
    URI has no authority (RFC 9112, section 3.2)."""
    return not value or is_authority(value)


def check_target(method: bytes, target: bytes) -> None:
    """Refuse a request target, made of visible ASCII characters, that is in no form which this method may
    use (RFC 9112, section 3.2).

    Raises `RemoteProtocolError`: 421 for a URI of another scheme than HTTP's (RFC 9110, section 7.4), else
    400."""
    if method == b"CONNECT":
        # Without a port there is nothing to connect to (RFC 9110, section 9.3.6).
        if not _read_port(target):
            raise RemoteProtocolError("the target of CONNECT is a host and a port")
    elif target[:1] == b"/":
        if b"#" in target:
            raise RemoteProtocolError("a request target has no fragment")
    elif target == b"*":
        if method != b"OPTIONS":
            raise RemoteProtocolError("only OPTIONS has the target *")
    else:
        match = _ABSOLUTE.fullmatch(target)
        if match is None or not is_authority(match[2]):
            raise RemoteProtocolError("the request target is in none of the four forms")
        if match[1] is None:
            raise RemoteProtocolError("the request target is of another scheme than http", status=421)


class Target(NamedTuple):
    """A request target taken apart.

    ``relative``
        path and query, still encoded; the path of an authority-form target is empty.
    ``authority``
        host and port, without a user, where the target itself names them, as absolute-form and
        authority-form do; it then goes before the ``Host`` field (RFC 9112, section 3.2.2).
    """

    relative: URL
    authority: str | None


def parse_target(method: str, target: str) -> Target:
    """Take a request target apart. Raises `ValueError` for one that is in none of the four forms."""
    if target.startswith("/"):
        # Not URL(target): "//name/path" is a path here, never a host.
        path, _, fragment = target.partition("#")
        path, _, query = path.partition("?")
        return Target(URL.build(path=path, query_string=query, fragment=fragment, encoded=True), None)
    if target == "*":
        return Target(URL.build(path="*", encoded=True), None)
    if method == "CONNECT":
        return Target(URL(), target)
    url = URL(target, encoded=True)
    if not url.scheme or not url.raw_authority:
        raise ValueError(f"request target {target!r} is neither a path nor an absolute URL")
    relative = url.relative()
    if not relative.raw_path:
        # No path is the path "/", but for OPTIONS, where it is the server (RFC 9110, section 4.2.3; RFC 9112,
        # section 3.2.4).
        path = "*" if method == "OPTIONS" and not url.raw_query_string else "/"
        relative = URL.build(path=path, query_string=url.raw_query_string, encoded=True)
    return Target(relative, url.raw_authority.rpartition("@")[2])


def authority_for_url(host: str) -> str:
    """A host, perhaps with a port, as the authority of a `yarl.URL` of which everything can be asked.

    ``xn--`` is a name by the grammar, and IDNA has no text for it: ``URL.host`` would raise `UnicodeError`,
    and whoever sends it decide that a handler fails. Such a name is written ``%78n--``, which is the same
    one (RFC 3986, section 6.2.2.2). The path of a UNIX socket is no authority: ``""``."""
    if host[:1] == "/":
        return ""
    if "xn--" in host.lower():
        try:
            URL.build(scheme="http", authority=host).host  # noqa: B018  Asked for what it raises.
        except UnicodeError:
            return _ACE_PREFIX.sub("%78n--", host)
    return host


def is_own_path(target: str) -> bool:
    """Whether a target is its own path, decoded: origin-form, without escapes, query or fragment."""
    return target[:1] == "/" and "%" not in target and "?" not in target and "#" not in target


def path_to_match(method: str, target: str) -> str:
    """What routes are matched against: the path with its escapes decoded, but ``%2F`` and ``%25``.

    Nearly all paths have no escapes, and cost no URL."""
    if "%" not in target and target[:1] == "/":
        if "?" in target:
            target = target[: target.index("?")]
        if "#" not in target:
            return target
    return parse_target(method, target).relative.path_safe
