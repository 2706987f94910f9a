"""What the client in memory offers to open a WebSocket with, and what it takes for an answer (RFC 6455,
section 4.1; RFC 7692, section 7.1). Knows fields; does not know what is sent then.

It is strict: an answer that does not fit its offer is an error, and not made the best of.
"""

import secrets
from base64 import b64encode
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..http import names
from ..http.handshake import VERSION, Deflate, prove
from ..http.headers import split_list
from .errors import WSServerHandshakeError
from .response import ClientResponse

_FLAGS = Deflate._fields[:2]
_WINDOWS = Deflate._fields[2:]


class Offer(NamedTuple):
    """An offer, and with it what an answer has to say.

    ``key``
        what the server has to prove that it has read.
    ``protocols``
        the subprotocols, the one that the client likes best first.
    ``deflate``
        how messages may be compressed; ``None`` for not at all.
    """

    key: str
    protocols: Sequence[str]
    deflate: Deflate | None

    def fields(self) -> dict[str, str]:
        """The fields that make a request of it."""
        fields: dict[str, str] = {
            names.UPGRADE: "websocket",
            names.CONNECTION: "Upgrade",
            names.SEC_WEBSOCKET_VERSION: VERSION,
            names.SEC_WEBSOCKET_KEY: self.key,
        }
        if self.protocols:
            fields[names.SEC_WEBSOCKET_PROTOCOL] = ", ".join(self.protocols)
        if self.deflate is not None:
            fields[names.SEC_WEBSOCKET_EXTENSIONS] = _encode(self.deflate)
        return fields

    def check(self, response: ClientResponse) -> tuple[str | None, Deflate | None]:
        """The subprotocol and the compression that the server has chosen. Raises `WSServerHandshakeError` for
        an answer that opens no WebSocket, or takes what was not offered."""
        if response.status != 101:
            raise _refuse(response, f"{response.status} {response.reason}, where 101 opens a WebSocket")
        expected = {
            names.UPGRADE: "websocket",
            names.CONNECTION: "upgrade",
            names.SEC_WEBSOCKET_ACCEPT: prove(self.key),
        }
        for name, value in expected.items():
            came = ", ".join(response.headers.getall(name, []))
            if came != value and (name == names.SEC_WEBSOCKET_ACCEPT or came.lower() != value):
                raise _refuse(response, f"{name} is {came!r}, and has to be {value!r}")
        return self._read_protocol(response), self._read_deflate(response)

    def _read_protocol(self, response: ClientResponse) -> str | None:
        chosen = response.headers.getall(names.SEC_WEBSOCKET_PROTOCOL, [])
        if not chosen:
            return None
        if len(chosen) > 1 or chosen[0] not in self.protocols:
            raise _refuse(response, f"the subprotocol {', '.join(chosen)!r} was not offered")
        return chosen[0]

    def _read_deflate(self, response: ClientResponse) -> Deflate | None:
        """What the server has agreed to (RFC 7692, section 7.1)."""
        values = response.headers.getall(names.SEC_WEBSOCKET_EXTENSIONS, [])
        if not values:
            return None
        extension = ", ".join(values)
        agreed = None if self.deflate is None else _read(extension)
        if agreed is None or self.deflate is None or not _fits(agreed, self.deflate):
            raise _refuse(response, f"the extension {extension!r} is no answer to what was offered")
        # What it has offered of itself a client keeps to, asked for or not (sections 7.1.1.2 and 7.1.2.2).
        return agreed._replace(
            client_no_context_takeover=agreed.client_no_context_takeover
            or self.deflate.client_no_context_takeover,
            client_max_window_bits=min(agreed.client_max_window_bits, self.deflate.client_max_window_bits),
        )


def make_offer(protocols: Sequence[str], compress: int | Deflate) -> Offer:
    """An offer with a new key.

    ``compress``
        bits of the windows, 0 for no compression; or what exactly is offered.

    Raises `TypeError` for subprotocols in one text, `ValueError` for windows that there are not."""
    if isinstance(protocols, str):
        raise TypeError(f"protocols are a list, write [{protocols!r}]")
    deflate: Deflate | None = None
    if isinstance(compress, Deflate):
        deflate = compress
    elif compress:
        deflate = Deflate(server_max_window_bits=compress, client_max_window_bits=compress)
    if deflate is not None:
        deflate.check()
    return Offer(b64encode(secrets.token_bytes(16)).decode(), list(protocols), deflate)


def _encode(deflate: Deflate) -> str:
    """As an offer: that the server may give the client a smaller window has to be said."""
    encoded = deflate.encode()
    return encoded if "client_max_window_bits" in encoded else f"{encoded}; client_max_window_bits"


def _read(extension: str) -> Deflate | None:
    """The one extension of an answer; ``None`` for what is not permessage-deflate as it has to be written."""
    if len(split_list(extension)) != 1:
        return None
    name, *parameters = [part.strip() for part in extension.split(";")]
    values: dict[str, Any] = {}
    for parameter in parameters:
        key, equals, value = parameter.partition("=")
        if key in values or key not in Deflate._fields or (key in _FLAGS) == bool(equals):
            return None
        if key in _WINDOWS and value not in ("8", "9", "10", "11", "12", "13", "14", "15"):
            return None
        values[key] = int(value) if equals else True
    return Deflate(**values) if name == "permessage-deflate" else None


def _fits(agreed: Deflate, offered: Deflate) -> bool:
    """Whether the server does what it was asked for: no less, and for the windows, no more."""
    keeps = offered.server_no_context_takeover and not agreed.server_no_context_takeover
    return not keeps and agreed.server_max_window_bits <= offered.server_max_window_bits


def _refuse(response: ClientResponse, message: str) -> WSServerHandshakeError:
    response.release()
    return WSServerHandshakeError(response.status, message, headers=response.headers, url=response.url)
