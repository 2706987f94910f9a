"""The header of the PROXY protocol, versions 1 and 2: what a proxy says before the first byte of a
connection (HAProxy's "The PROXY protocol", sections 2.1 to 2.3).

It is fed what arrives and gives back the header, once all of it is there. Who may send one is not known here.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import Final

from ..http.errors import RemoteProtocolError
from ..http.forwarded import unmap

SocketAddress = tuple[str, int] | str
"""An IP address and a port, or the path of a UNIX socket. IPv4 that was written as IPv6 is IPv4."""

LONGEST_LINE: Final = 107
"""Bytes of a header of version 1, with its line end (section 2.1: two IPv6 addresses written out)."""

LONGEST_BLOCK: Final = 4096
"""Bytes after the fixed part of a header of version 2: addresses and TLVs. The length field could say 65535;
nginx takes 4096 in all."""

SSL_TYPE: Final = 0x20
CRC32C_TYPE: Final = 0x03

_BEGINNING: Final = b"PROXY "
_SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
_FIXED: Final = Struct("!12sBBH")
_TLV: Final = Struct("!BH")
_SSL: Final = Struct("!BI")
_CRC: Final = Struct("!I")

# Section 2.1: one space between, numbers without leading zeros.
_PORT: Final = rb"(0|[1-9][0-9]{0,4})"
_match_line = re.compile(
    rb"PROXY (?:UNKNOWN(?: [^\r\n]*)?|(TCP[46]) ([0-9A-Fa-f:.]+) ([0-9A-Fa-f:.]+) %b %b)\r\n" % (_PORT, _PORT)
).fullmatch

_LOCAL: Final = 0x20
_PROXY: Final = 0x21

# Section 2.2: address family and transport, and how their addresses are laid out.
_UNSPECIFIED: Final = 0x00
_INET: Final = Struct("!4s4sHH")
_INET6: Final = Struct("!16s16sHH")
_UNIX: Final = Struct("!108s108s")
_LAYOUTS: Final = {0x11: _INET, 0x12: _INET, 0x21: _INET6, 0x22: _INET6, 0x31: _UNIX, 0x32: _UNIX}


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """What a proxy says about a connection.

    ``source``
        who connected to the proxy; ``None`` where the proxy speaks for itself (``LOCAL``, a health check for
        example) or does not know (``UNKNOWN``): then the socket's own addresses count.
    ``destination``
        where it connected to.
    ``tlvs``
        further facts, as pairs of type and value (section 2.2.1).
    """

    source: SocketAddress | None = None
    destination: SocketAddress | None = None
    tlvs: tuple[tuple[int, bytes], ...] = ()

    @property
    def secure(self) -> bool:
        """Whether the client's connection to the proxy is TLS, as far as the proxy says (section 2.2.6)."""
        return any(
            kind == SSL_TYPE and len(value) >= _SSL.size and bool(value[0] & 1) for kind, value in self.tlvs
        )


class ProxyHeaderParser:
    """Reads the header that a connection has to begin with, however it is cut.

    ``unread``
        what came after it, once it is there.
    """

    __slots__ = ("_received", "unread")

    def __init__(self) -> None:
        self._received = b""
        self.unread = b""

    def receive(self, data: bytes) -> ProxyHeader | None:
        """The header, once all of it is there; not to be called after that.

        Raises `RemoteProtocolError` for anything else, as soon as it can be told: there is no answer to that
        but to close the connection (section 2)."""
        received = self._received = self._received + data
        is_block = received[:12] == _SIGNATURE[: len(received)]
        if not is_block and received[:6] != _BEGINNING[: len(received)]:
            raise RemoteProtocolError("the connection does not begin with a PROXY header")
        end = _find_block_end(received) if is_block else _find_line_end(received)
        if end is None:
            return None
        header = _parse_block(received[:end]) if is_block else _parse_line(received[:end])
        self._received, self.unread = b"", received[end:]
        return header


# -- version 1 ---------------------------------------------------------------------------------------------


def _find_line_end(received: bytes) -> int | None:
    end = received.find(b"\n", 0, LONGEST_LINE) + 1
    if not end and len(received) >= LONGEST_LINE:
        raise RemoteProtocolError(f"the PROXY header is longer than {LONGEST_LINE} bytes")
    return end or None


def _parse_line(line: bytes) -> ProxyHeader:
    match = _match_line(line)
    if match is None:
        raise RemoteProtocolError("the PROXY header is malformed")
    family, source, destination, source_port, destination_port = match.groups()
    if family is None:
        return ProxyHeader()
    make = IPv4Address if family == b"TCP4" else IPv6Address
    if int(source_port) > 65535 or int(destination_port) > 65535:
        raise RemoteProtocolError("a port in the PROXY header is none")
    try:
        return ProxyHeader(
            (str(unmap(make(source.decode()))), int(source_port)),
            (str(unmap(make(destination.decode()))), int(destination_port)),
        )
    except ValueError as error:
        raise RemoteProtocolError("an address in the PROXY header is none") from error


# -- version 2 ---------------------------------------------------------------------------------------------


def _find_block_end(received: bytes) -> int | None:
    if received[12:13] not in (b"", b"\x20", b"\x21"):
        raise RemoteProtocolError("the PROXY header is of an unknown version or command")
    if len(received) < _FIXED.size:
        return None
    length = int.from_bytes(received[14:16])
    if length > LONGEST_BLOCK:
        raise RemoteProtocolError(f"the PROXY header has more than {LONGEST_BLOCK} bytes of addresses")
    end = _FIXED.size + length
    return end if len(received) >= end else None


def _parse_block(header: bytes) -> ProxyHeader:
    _, command, family, _ = _FIXED.unpack_from(header)
    if command == _LOCAL or family == _UNSPECIFIED:
        # Whatever follows is to be passed over (section 2.2).
        return ProxyHeader()
    assert command == _PROXY, "the other commands were refused when their byte came"
    layout = _LAYOUTS.get(family)
    if layout is None:
        raise RemoteProtocolError("the PROXY header has addresses of an unknown family")
    if len(header) < _FIXED.size + layout.size:
        raise RemoteProtocolError("the PROXY header is too short for its addresses")
    source, destination = _parse_addresses(layout, header)
    tlvs = _parse_tlvs(header, _FIXED.size + layout.size)
    return ProxyHeader(source, destination, tlvs)


def _parse_addresses(layout: Struct, header: bytes) -> tuple[SocketAddress | None, SocketAddress | None]:
    if layout is _UNIX:
        source, destination = layout.unpack_from(header, _FIXED.size)
        return _parse_path(source), _parse_path(destination)
    source, destination, source_port, destination_port = layout.unpack_from(header, _FIXED.size)
    make = IPv4Address if layout is _INET else IPv6Address
    return (str(unmap(make(source))), source_port), (str(unmap(make(destination))), destination_port)


def _parse_path(octets: bytes) -> str | None:
    """As `socket` has it; one of Linux's abstract names begins with NUL. A client's socket rarely has one."""
    path = octets[:1] + octets[1:].partition(b"\0")[0]
    return path.decode("utf-8", "surrogateescape") if path != b"\0" else None


def _parse_tlvs(header: bytes, position: int) -> tuple[tuple[int, bytes], ...]:
    tlvs: list[tuple[int, bytes]] = []
    while position < len(header):
        start = position + _TLV.size
        if start > len(header):
            raise RemoteProtocolError("the PROXY header ends inside a TLV")
        kind, length = _TLV.unpack_from(header, position)
        position = start + length
        if position > len(header):
            raise RemoteProtocolError("the PROXY header ends inside a TLV")
        value = header[start:position]
        if kind == CRC32C_TYPE:
            _check_crc(header, start, value)
        tlvs.append((kind, value))
    return tuple(tlvs)


def _check_crc(header: bytes, start: int, value: bytes) -> None:
    """Section 2.2.4: over the whole header, with the checksum itself as zeros."""
    blanked = header[:start] + bytes(len(value)) + header[start + len(value) :]
    if value != _CRC.pack(crc32c(blanked)):
        raise RemoteProtocolError("the checksum of the PROXY header is wrong")


def _make_crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_CRC_TABLE: Final = _make_crc_table()


def crc32c(data: bytes) -> int:
    """The CRC-32C of the data (RFC 9260, appendix A)."""
    table = _CRC_TABLE
    value = 0xFFFFFFFF
    for octet in data:
        value = value >> 8 ^ table[(value ^ octet) & 0xFF]
    return value ^ 0xFFFFFFFF
