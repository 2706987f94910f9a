"""The header of the PROXY protocol: every case whole and byte by byte; garbage is an error, nothing else."""

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.http.errors import RemoteProtocolError
from sketch.protocol.proxy import (
    CRC32C_TYPE,
    LONGEST_BLOCK,
    LONGEST_LINE,
    SSL_TYPE,
    ProxyHeader,
    ProxyHeaderParser,
    crc32c,
)

SIGNATURE = b"\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a"
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
INET = bytes([192, 0, 2, 1, 198, 51, 100, 2]) + struct.pack("!HH", 4711, 443)
INET6 = (
    bytes.fromhex("20010db8000000000000000000000001 20010db8000000000000000000000002") + b"\x12\x67\x01\xbb"
)
FROM_INET = ProxyHeader(("192.0.2.1", 4711), ("198.51.100.2", 443))
FROM_INET6 = ProxyHeader(("2001:db8::1", 4711), ("2001:db8::2", 443))


def block(family: int, content: bytes, *, command: int = 0x21, length: int | None = None) -> bytes:
    """A header of version 2."""
    size = len(content) if length is None else length
    return SIGNATURE + struct.pack("!BBH", command, family, size) + content


def tlv(kind: int, value: bytes) -> bytes:
    return struct.pack("!BH", kind, len(value)) + value


def with_checksum(content: bytes) -> bytes:
    """The same TCP4 header with a right checksum as its last TLV."""
    blank = block(0x11, content + tlv(CRC32C_TYPE, bytes(4)))
    return blank[:-4] + struct.pack("!I", crc32c(blank))


def unix(source: bytes, destination: bytes) -> bytes:
    return source.ljust(108, b"\0") + destination.ljust(108, b"\0")


def read(*pieces: bytes) -> tuple[ProxyHeader | None, bytes]:
    """The header in these pieces, and what follows it."""
    parser = ProxyHeaderParser()
    header = None
    rest = b""
    for piece in pieces:
        if header is None:
            header = parser.receive(piece)
            rest = parser.unread
        else:
            rest += piece
    return header, rest


def octets(data: bytes) -> list[bytes]:
    return [data[index : index + 1] for index in range(len(data))]


# -- good ones -----------------------------------------------------------------------------------------

GOOD = {
    "tcp4": (b"PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\r\n", FROM_INET),
    "tcp6": (b"PROXY TCP6 2001:db8::1 2001:DB8:0:0:0:0:0:2 4711 443\r\n", FROM_INET6),
    "tcp6 of ipv4": (
        b"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c633:6402 0 65535\r\n",
        ProxyHeader(("192.0.2.1", 0), ("198.51.100.2", 65535)),
    ),
    "unknown": (b"PROXY UNKNOWN\r\n", ProxyHeader()),
    "unknown, the longest": (
        b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535".ljust(LONGEST_LINE - 2, b"f") + b"\r\n",
        ProxyHeader(),
    ),
    "inet": (block(0x11, INET), FROM_INET),
    "inet datagram": (block(0x12, INET), FROM_INET),
    "inet6": (block(0x21, INET6), FROM_INET6),
    "inet6 datagram": (block(0x22, INET6), FROM_INET6),
    "unix": (block(0x31, unix(b"/run/a", b"/run/b")), ProxyHeader("/run/a", "/run/b")),
    "unix datagram": (block(0x32, unix(b"/run/a", b"/run/b")), ProxyHeader("/run/a", "/run/b")),
    "unix, the longest": (block(0x31, b"/" * 108 + b"x" * 108), ProxyHeader("/" * 108, "x" * 108)),
    "unix, abstract": (block(0x31, unix(b"\0name", b"\xff")), ProxyHeader("\0name", "\udcff")),
    "unix, nameless": (block(0x31, unix(b"", b"/run/b")), ProxyHeader(None, "/run/b")),
    "local": (block(0x00, b"", command=0x20), ProxyHeader()),
    "local with addresses": (block(0x11, INET, command=0x20), ProxyHeader()),
    "local with anything": (block(0xFF, b"\x03\xff", command=0x20), ProxyHeader()),
    "unspecified": (block(0x00, b""), ProxyHeader()),
    "unspecified with anything": (block(0x00, b"\x03\xff"), ProxyHeader()),
    "tlvs": (
        block(0x11, INET + tlv(0x02, b"example.com") + tlv(0x04, b"") + tlv(0xEE, b"\0" * 300)),
        replace(FROM_INET, tlvs=((0x02, b"example.com"), (0x04, b""), (0xEE, b"\0" * 300))),
    ),
    "the most tlvs": (
        block(0x11, INET + tlv(0x04, b"\0" * (LONGEST_BLOCK - len(INET) - 3))),
        replace(FROM_INET, tlvs=((0x04, b"\0" * (LONGEST_BLOCK - len(INET) - 3)),)),
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_header_however_it_is_cut(name: str) -> None:
    data, header = GOOD[name]
    assert read(data) == (header, b"")
    assert read(data + REQUEST) == (header, REQUEST)
    assert read(*octets(data + REQUEST)) == (header, REQUEST)
    assert read(data[:-1]) == (None, b"")
    # What follows may look like another header, and is none.
    assert read(data + data) == (header, data)


def test_every_cut_in_two() -> None:
    for data, header in (GOOD["tcp6"], GOOD["inet"], GOOD["unix"]):
        for index in range(len(data) + 1):
            assert read(data[:index], data[index:] + REQUEST) == (header, REQUEST)


def test_the_checksum() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(b"") == 0
    header, _ = read(with_checksum(INET + tlv(0x01, b"h2")))
    assert header is not None and header.source == FROM_INET.source
    assert [kind for kind, _ in header.tlvs] == [0x01, CRC32C_TYPE]


def test_whether_the_client_speaks_tls() -> None:
    def is_secure(*tlvs: bytes) -> bool:
        header, _ = read(block(0x11, INET + b"".join(tlvs)))
        assert header is not None
        return header.secure

    assert is_secure(tlv(SSL_TYPE, b"\x01" + bytes(4)))
    assert is_secure(tlv(0x04, b""), tlv(SSL_TYPE, b"\x05" + bytes(4) + tlv(0x21, b"TLSv1.3")))
    assert not is_secure()
    assert not is_secure(tlv(SSL_TYPE, b"\x06" + bytes(4)))
    assert not is_secure(tlv(SSL_TYPE, b""))
    assert not is_secure(tlv(SSL_TYPE, b"\x01" + bytes(3)))


# -- bad ones ------------------------------------------------------------------------------------------

BAD = [
    REQUEST,
    b"\r\n" + REQUEST,
    b"\r\n\r\n\0\r\nQUIT\r",
    b"\x16\x03\x01\x02\x00\x01",
    b"proxy TCP4 192.0.2.1 198.51.100.2 1 2\r\n",
    b" PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\n",
    b"PROXY  TCP4 192.0.2.1 198.51.100.2 1 2\r\n",
    b"PROXY\tTCP4 192.0.2.1 198.51.100.2 1 2\r\n",
    b"PROXY\r\n",
    b"PROXY \r\n",
    b"PROXY TCP4\r\n",
    b"PROXY UNKNOWNX\r\n",
    b"PROXY UNKNOWN a\rb\r\n",
    b"PROXY unknown\r\n",
    b"PROXY TCP5 192.0.2.1 198.51.100.2 1 2\r\n",
    b"PROXY tcp4 192.0.2.1 198.51.100.2 1 2\r\n",
    b"PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.2 1 2 \r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n",
    b"PROXY TCP4 192.0.2.1  198.51.100.2 1 2\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.2 1 65536\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.2 65536 1\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.2 -1 2\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.2 +1 2\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.2 1e1 2\r\n",
    b"PROXY TCP4 192.0.2.256 198.51.100.2 1 2\r\n",
    b"PROXY TCP4 192.0.2.01 198.51.100.2 1 2\r\n",
    b"PROXY TCP4 192.0.2 198.51.100.2 1 2\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.2.3 1 2\r\n",
    b"PROXY TCP4 ::1 ::2 1 2\r\n",
    b"PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n",
    b"PROXY TCP6 [::1] [::2] 1 2\r\n",
    b"PROXY TCP6 fe80::1%lo ::2 1 2\r\n",
    b"PROXY TCP6 1::2::3 ::2 1 2\r\n",
    b"PROXY TCP4 192.0.2.1\0 198.51.100.2 1 2\r\n",
    b"PROXY UNKNOWN".ljust(LONGEST_LINE - 1, b"f") + b"\r\n",
    b"PROXY UNKNOWN".ljust(LONGEST_LINE, b"f"),
    block(0x11, INET, command=0x22),
    block(0x11, INET, command=0x2F),
    block(0x11, INET, command=0x11),
    block(0x11, INET, command=0x31),
    block(0x11, INET, command=0x01),
    *[block(family, INET6 + bytes(300)) for family in (0x01, 0x10, 0x13, 0x20, 0x30, 0x33, 0x41, 0xFF)],
    block(0x11, INET[:-1]),
    block(0x11, b""),
    block(0x21, INET),
    block(0x31, INET6),
    block(0x11, b"", length=LONGEST_BLOCK + 1),
    block(0x00, b"", length=0xFFFF),
    block(0x00, b"", length=0xFFFF, command=0x20),
    block(0x11, INET + b"\x04"),
    block(0x11, INET + b"\x04\x00"),
    block(0x11, INET + b"\x04\x00\x01"),
    block(0x11, INET + tlv(0x04, b"abc")[:-1]),
    block(0x11, INET + tlv(CRC32C_TYPE, bytes(4))),
    block(0x11, INET + tlv(CRC32C_TYPE, b"")),
    block(0x11, INET + tlv(CRC32C_TYPE, bytes(3))),
    with_checksum(INET).replace(INET, INET[::-1]),
]


@pytest.mark.parametrize("data", BAD, ids=repr)
def test_what_is_refused_however_it_is_cut(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        read(data)
    with pytest.raises(RemoteProtocolError):
        read(*octets(data))
    with pytest.raises(RemoteProtocolError):
        read(data[: len(data) // 2], data[len(data) // 2 :] + REQUEST)


@pytest.mark.parametrize(
    "beginning",
    [
        b"G",
        b"\n",
        b"PR0",
        b"PROXY_",
        b"\r\nG",
        SIGNATURE[:-1] + b"\r",
        SIGNATURE + b"\x30",
        SIGNATURE + b"\0",
    ],
)
def test_what_is_no_header_is_refused_with_its_first_wrong_byte(beginning: bytes) -> None:
    assert read(*octets(beginning[:-1])) == (None, b"")
    with pytest.raises(RemoteProtocolError):
        read(beginning)


def test_what_is_held_is_bounded() -> None:
    """No header that is cut short is waited for beyond its bound."""
    parser = ProxyHeaderParser()
    for octet in octets(b"PROXY UNKNOWN ".ljust(LONGEST_LINE - 1, b"a")):
        assert parser.receive(octet) is None
    with pytest.raises(RemoteProtocolError):
        parser.receive(b"a")
    parser = ProxyHeaderParser()
    assert parser.receive(block(0x11, INET, length=LONGEST_BLOCK)) is None


# -- anything ------------------------------------------------------------------------------------------

MUTATIONS = st.tuples(st.integers(0, 300), st.integers(0, 255))


@given(
    st.sampled_from([data for data, _ in GOOD.values()]),
    st.lists(MUTATIONS, max_size=4),
    st.integers(0, 300),
)
def test_a_damaged_header_is_a_header_or_an_error(
    data: bytes, mutations: list[tuple[int, int]], cut: int
) -> None:
    damaged = bytearray(data)
    for index, octet in mutations:
        damaged[index % len(damaged)] = octet
    outcomes = []
    for pieces in ([bytes(damaged)], [bytes(damaged[:cut]), bytes(damaged[cut:])], octets(bytes(damaged))):
        try:
            outcomes.append(read(*pieces))
        except RemoteProtocolError:
            outcomes.append((None, b"refused"))
    # However it comes, it is the same.
    assert outcomes[0] == outcomes[1] == outcomes[2]


@given(st.binary(max_size=200), st.sampled_from([b"", b"PROXY ", SIGNATURE, SIGNATURE + b"\x21\x11\x00\x20"]))
def test_garbage_is_a_header_or_an_error(garbage: bytes, beginning: bytes) -> None:
    try:
        read(beginning + garbage)
    except RemoteProtocolError:
        pass
