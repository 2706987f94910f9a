"""Field lines and the value of ``Host``, by the grammar (RFC 9110, section 5; RFC 3986, section 3.2)."""

import ipaddress
import re

FieldLine = tuple[bytes, bytes]
"""Name and value."""

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(rb"[\t -~\x80-\xff]*")
_REGISTERED = re.compile(rb"(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")
_FUTURE = re.compile(rb"v[0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+", re.IGNORECASE)
_PORT = re.compile(rb"(?::[0-9]*)?")


def read_field_line(line: bytes) -> FieldLine | str:
    """Name and value; else, in words, what is wrong."""
    name, colon, value = line.partition(b":")
    if line[:1] in (b" ", b"\t"):
        return "a folded line, or space before the first one"
    if not colon:
        return "a field line without a colon"
    if _NAME.fullmatch(name) is None:
        return "a field name is a token, and nothing stands between it and the colon"
    if _VALUE.fullmatch(value) is None:
        return "a control character in a field value"
    return name, value.strip(b" \t")


def is_host(value: bytes) -> bool:
    """Whether this is a host, and maybe a port."""
    if value.startswith(b"["):
        address, bracket, rest = value[1:].partition(b"]")
        return bool(bracket) and _is_literal(address) and _PORT.fullmatch(rest) is not None
    match = _REGISTERED.match(value)
    return match is not None and _PORT.fullmatch(value[match.end() :]) is not None


def _is_literal(address: bytes) -> bool:
    if _FUTURE.fullmatch(address):
        return True
    try:
        # RFC 3986 knows no zones.
        return b"%" not in address and bool(ipaddress.IPv6Address(address.decode("ascii")))
    except ValueError:
        return False
