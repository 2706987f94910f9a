"""The opening handshake of a WebSocket, as values (RFC 6455, section 4; RFC 7692, section 7.1).

What a client offers is read out of its request's head; what the server takes of it becomes the fields of the
answer. Nothing is known here of who sends them, nor of what is sent after them.
"""

import re
from base64 import b64encode
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha1
from typing import Final, NamedTuple

from . import names
from .headers import decode_fields, split_list, unquote_string
from .heads import RequestHead

VERSION: Final = "13"
"""The only version that became a standard (RFC 6455, section 4.1)."""

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""What a server appends to a key, to show that it knows WebSockets (RFC 6455, section 1.3)."""

_is_key: Final = re.compile(r"[A-Za-z0-9+/]{22}==").fullmatch
"""16 bytes in base64."""

_WINDOW_BITS: Final = {str(bits): bits for bits in range(8, 16)}

_LEAST_BITS: Final = 9
"""zlib has no raw compressor with a window of 8 bits."""


class HandshakeError(Exception):
    """The request opens no WebSocket.

    ``status``
        the status to answer with.
    ``fields``
        header fields that belong to such an answer.
    """

    def __init__(self, status: int, reason: str, fields: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(reason)
        self.status = status
        self.fields = fields


class Deflate(NamedTuple):
    """What the two sides have agreed on for permessage-deflate, or what one of them wants at most (RFC 7692,
    section 7.1): whose messages are compressed without the memory of those before, and the windows in bits.

    A client that does not offer ``client_max_window_bits`` cannot be given a smaller window."""

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int = 15
    client_max_window_bits: int = 15

    def check(self) -> None:
        """Raises `ValueError` for a window of less than 9 or more than 15 bits, which zlib does not have."""
        for name in ("server_max_window_bits", "client_max_window_bits"):
            bits = getattr(self, name)
            if type(bits) is not int or not _LEAST_BITS <= bits <= 15:
                raise ValueError(f"Deflate({name}={bits!r}): a window has {_LEAST_BITS} to 15 bits")

    def encode(self, *, is_bounded: bool = False) -> str:
        """As the value of ``Sec-WebSocket-Extensions`` in an answer.

        ``is_bounded``
            whether the client has offered ``server_max_window_bits``: the answer then names it, even if it is
            15, which means the same as nothing (RFC 7692, section 7.1.2.1)."""
        parts = ["permessage-deflate"]
        parts += [name for name in self._fields[:2] if getattr(self, name)]
        if is_bounded or self.server_max_window_bits != 15:
            parts.append(f"server_max_window_bits={self.server_max_window_bits}")
        if self.client_max_window_bits != 15:
            parts.append(f"client_max_window_bits={self.client_max_window_bits}")
        return "; ".join(parts)


class WebSocketAgreement(NamedTuple):
    """What a WebSocket is opened with.

    ``status``
        of the answer that opens it.
    ``fields``
        of that answer.
    ``protocol``
        the subprotocol, ``None`` for none.
    ``deflate``
        how messages are compressed, ``None`` where they are not.
    """

    status: int
    fields: Sequence[tuple[str, str]]
    protocol: str | None
    deflate: Deflate | None


class WebSocketOffer(NamedTuple):
    """What a client offers who wants to open a WebSocket.

    ``protocols``
        the subprotocols, the one that it likes best first.
    ``extensions``
        as the field says it.
    ``key``
        what the server has to prove that it has read; ``None`` where nothing is to be proved, as on HTTP/2
        (RFC 8441, section 5).
    """

    protocols: Sequence[str] = ()
    extensions: str = ""
    key: str | None = None

    def agree(self, protocols: Collection[str] = (), deflate: Deflate | None = None) -> WebSocketAgreement:
        """What comes of it.

        ``protocols``
            that the server speaks. The first one of the client's that is among them is chosen.
        ``deflate``
            what the server wants at most; ``None`` for no compression.
        """
        protocol = next((each for each in self.protocols if each in protocols), None)
        agreed, answer = (None, "") if deflate is None else _agree_on_deflate(self.extensions, deflate)
        fields: list[tuple[str, str]] = []
        if self.key is not None:
            fields += ((names.UPGRADE, "websocket"), (names.CONNECTION, "upgrade"))
            fields.append((names.SEC_WEBSOCKET_ACCEPT, prove(self.key)))
        if agreed is not None:
            fields.append((names.SEC_WEBSOCKET_EXTENSIONS, answer))
        if protocol is not None:
            fields.append((names.SEC_WEBSOCKET_PROTOCOL, protocol))
        return WebSocketAgreement(200 if self.key is None else 101, fields, protocol, agreed)


def prove(key: str) -> str:
    """The value of ``Sec-WebSocket-Accept`` for a key (RFC 6455, section 4.2.2)."""
    return b64encode(sha1(key.encode("ascii") + _GUID, usedforsecurity=False).digest()).decode("ascii")


def read_offer(head: RequestHead) -> WebSocketOffer:
    """What a request of HTTP/1.1 offers.

    Raises `HandshakeError` for one that opens no WebSocket: 400, and for another version 426 with the one
    that is spoken here (RFC 6455, sections 4.2.1 and 4.4)."""
    if "websocket" not in [protocol.lower() for protocol in head.framing.upgrade]:
        raise HandshakeError(
            400,
            "this is for WebSocket clients: Upgrade: websocket and Connection: Upgrade are missing",
        )
    if head.method != names.METH_GET:
        raise HandshakeError(400, f"a WebSocket is opened with GET, not with {head.method}")
    # Not what the head remembers: it would do so as long as the WebSocket is open, in 1.2 KiB.
    fields = decode_fields(head.fields)
    version = ", ".join(fields.getall(names.SEC_WEBSOCKET_VERSION, ()))
    if version != VERSION:
        raise HandshakeError(
            426,
            f"Sec-WebSocket-Version is {version!r}, and only {VERSION} is spoken here",
            ((names.UPGRADE, "websocket"), (names.SEC_WEBSOCKET_VERSION, VERSION)),
        )
    key = ", ".join(fields.getall(names.SEC_WEBSOCKET_KEY, ()))
    if not _is_key(key):
        raise HandshakeError(400, f"Sec-WebSocket-Key is {key!r}, and not 16 bytes in base64")
    protocols = split_list(", ".join(fields.getall(names.SEC_WEBSOCKET_PROTOCOL, ())))
    return WebSocketOffer(protocols, ", ".join(fields.getall(names.SEC_WEBSOCKET_EXTENSIONS, ())), key)


def _agree_on_deflate(extensions: str, wanted: Deflate) -> tuple[Deflate | None, str]:
    """The first offer of permessage-deflate that can be taken, and the answer to it. One that cannot be is
    declined as a whole (RFC 7692, section 7.1), and the client's next one looked at."""
    for extension in split_list(extensions):
        name, *parameters = [part.strip() for part in extension.split(";")]
        offered = _read_parameters(parameters) if name == "permessage-deflate" else None
        agreed = None if offered is None else _take(offered, wanted)
        if offered is not None and agreed is not None:
            return agreed, agreed.encode(is_bounded="server_max_window_bits" in offered)
    return None, ""


def _read_parameters(parameters: Sequence[str]) -> dict[str, str | None] | None:
    """By their names, ``None`` where one has no value. ``None`` if one is unknown, or there twice."""
    offered: dict[str, str | None] = {}
    for parameter in parameters:
        name, equals, value = parameter.partition("=")
        name = name.strip()
        if name in offered or name not in Deflate._fields:
            return None
        offered[name] = unquote_string(value.strip()) if equals else None
    return offered


def _take(offered: Mapping[str, str | None], wanted: Deflate) -> Deflate | None:
    if any(offered.get(name) is not None for name in Deflate._fields[:2]):
        return None
    server_bits = _WINDOW_BITS.get(offered.get("server_max_window_bits", "15") or "")
    # Without a value the client only says that it could use a smaller window (RFC 7692, section 7.1.2.2).
    client_bits = _WINDOW_BITS.get(offered.get("client_max_window_bits", "15") or "15")
    if server_bits is None or client_bits is None or server_bits < _LEAST_BITS:
        return None
    if "client_max_window_bits" in offered and offered["client_max_window_bits"] == "":
        return None
    return Deflate(
        wanted.server_no_context_takeover or "server_no_context_takeover" in offered,
        wanted.client_no_context_takeover or "client_no_context_takeover" in offered,
        min(wanted.server_max_window_bits, server_bits),
        min(wanted.client_max_window_bits, client_bits) if "client_max_window_bits" in offered else 15,
    )
