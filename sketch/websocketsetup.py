"""What a WebSocket is opened with: the arguments of `WebSocketResponse`, checked, and the handshake that
comes of them.

Which request is answered, and what is sent on the WebSocket, is not known here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, TypedDict

from . import exceptions
from .http import names
from .http.handshake import Deflate, HandshakeError, WebSocketAgreement
from .http.headers import is_token
from .http.status import phrase
from .http.websocket import WebSocketOptions, check_close
from .logs import ws_logger
from .origins import OriginPolicy
from .streamresponse import AnsweredRequest

Origins = Literal["same"] | Iterable[str] | None
"""What ``origins`` of a `WebSocketResponse` may be."""

_REFUSALS: Final[dict[int, type[exceptions.HTTPException]]] = {
    400: exceptions.HTTPBadRequest,
    426: exceptions.HTTPUpgradeRequired,
}


class WebSocketArguments(TypedDict, total=False):
    """The keyword arguments of `WebSocketResponse`, without ``protocols``."""

    timeout: float
    receive_timeout: float | None
    autoclose: bool
    autoping: bool
    heartbeat: float | None
    compress: bool | Deflate
    max_msg_size: int
    writer_limit: int
    decode_text: bool
    origins: Origins
    drain_code: int


@dataclass(frozen=True, slots=True)
class WebSocketReady:
    """Whether a request opens a WebSocket; true if so (aiohttp documentation)."""

    ok: bool
    """Whether it does."""
    protocol: str | None
    """The subprotocol that it would have."""

    def __bool__(self) -> bool:
        return self.ok


class Opening(NamedTuple):
    """How WebSockets are opened.

    ``protocols``
        the subprotocols that the server speaks.
    ``deflate``
        what it wants of permessage-deflate at most; ``None`` for nothing.
    ``origins``
        whose pages may; ``None`` for everybody's.
    ``options``
        for the carrier.
    """

    protocols: tuple[str, ...]
    deflate: Deflate | None
    origins: OriginPolicy | None
    options: WebSocketOptions

    def agree(self, request: AnsweredRequest) -> WebSocketAgreement:
        """What comes of a request. Raises the `HTTPException` to answer with where that is nothing: 400, 403
        or 426."""
        try:
            offer = request.exchange.read_websocket_offer()
        except HandshakeError as error:
            raise _REFUSALS[error.status](
                headers=error.fields, text=f"{error.status}: {phrase(error.status)}\n{error}"
            ) from error
        if self.origins is not None:
            self._check_origin(self.origins, request)
        if offer.protocols and not set(self.protocols).intersection(offer.protocols):
            ws_logger.warning(
                "%s %s: of the subprotocols %r that the client offers none is among ours, %r",
                request.exchange.peer.host, request.exchange.head.target,
                list(offer.protocols), list(self.protocols),
            )  # fmt: skip
        return offer.agree(self.protocols, self.deflate)

    def _check_origin(self, policy: OriginPolicy, request: AnsweredRequest) -> None:
        lines = request.headers.getall(names.ORIGIN, ())
        if not policy.allows(", ".join(lines) if lines else None, request.host):
            ws_logger.warning(
                "%s %s: a page from %r may open no WebSocket here",
                request.exchange.peer.host, request.exchange.head.target, ", ".join(lines),
            )  # fmt: skip
            raise exceptions.HTTPForbidden(
                text="403: Forbidden\nPages from this origin may open no WebSocket here"
            )


def make_opening(
    protocols: Iterable[str], compress: Any, origins: Origins, options: WebSocketOptions
) -> Opening:
    """Check what a program says. Raises `TypeError` and `ValueError`, which name the argument and value."""
    _check_options(options)
    if isinstance(compress, Deflate):
        compress.check()
        deflate: Deflate | None = compress
    elif isinstance(compress, int):
        deflate = Deflate() if compress else None
    else:
        raise TypeError(f"compress={compress!r}: True, False, or a Deflate of sketch.http.handshake")
    return Opening(
        _check_protocols(protocols), deflate, None if origins is None else OriginPolicy(origins), options
    )


def check_seconds(name: str, value: Any) -> None:
    """Raise unless it is a number of seconds that can be waited for."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"{name}={value!r}: a number of seconds is expected")
    if not 0 < value < float("inf"):
        raise ValueError(f"{name}={value!r}: more than 0 seconds are expected")


def _check_options(options: WebSocketOptions) -> None:
    if options.heartbeat is not None:
        check_seconds("heartbeat", options.heartbeat)
    if options.close_timeout != 0:
        check_seconds("timeout", options.close_timeout)
    for name, size in (("max_msg_size", options.max_message_size), ("writer_limit", options.write_limit)):
        if not isinstance(size, int) or isinstance(size, bool):
            raise TypeError(f"{name}={size!r}: a number of bytes is expected")
        if size < 0:
            raise ValueError(f"{name}={size!r}: 0 or more bytes are expected")
    check_close(options.drain_code, b"")


def _check_protocols(protocols: Iterable[str]) -> tuple[str, ...]:
    if isinstance(protocols, str):
        raise TypeError(
            f"protocols={protocols!r}: a list of subprotocols is expected, such as [{protocols!r}]"
        )
    values = tuple(protocols)
    for value in values:
        if not isinstance(value, str):
            raise TypeError(f"protocols: {value!r} among them is no str")
        if not is_token(value):
            raise ValueError(f"protocols: {value!r} cannot be the name of a subprotocol, which is a token")
    return values
