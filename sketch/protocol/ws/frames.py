"""The heads of frames, both ways, and what is in a close frame (RFC 6455, sections 5.2, 5.5.1 and 7.4).

A head is known here by itself. Which messages the frames make up, `connection` and `assembly` know.
"""

from struct import Struct
from typing import Final

from ...http.websocket import (
    MOST_CONTROL,
    WebSocketError,
    WSCloseCode,
    WSMsgType,
    check_close,
    may_be_sent,
)

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

MOST_SHORT: Final = 125
"""Bytes of a payload whose length is in the second byte of its head."""

FIN: Final = 0x80
RSV1: Final = 0x40
MASK: Final = 0x80

TOO_BIG: Final = WSCloseCode.MESSAGE_TOO_BIG
INVALID_TEXT: Final = WSCloseCode.INVALID_TEXT
PROTOCOL_ERROR: Final = WSCloseCode.PROTOCOL_ERROR

# -- what a first byte means ------------------------------------------------------------------------------

FAULT: Final = 0
WHOLE: Final = 1
WHOLE_DEFLATED: Final = 2
FIRST: Final = 3
FIRST_DEFLATED: Final = 4
NEXT: Final = 5
LAST: Final = 6
CONTROL: Final = 7


def _mean(first: int, *, deflate: bool, is_within: bool) -> int:
    is_final, opcode = first & FIN, first & 0xF
    is_deflated, reserved = first & RSV1, first & 0x30
    if reserved or (is_deflated and (not deflate or opcode not in (TEXT, BINARY))):
        return FAULT
    if opcode in (CLOSE, PING, PONG):
        return CONTROL if is_final else FAULT
    if opcode == CONTINUATION and is_within:
        return LAST if is_final else NEXT
    if opcode in (TEXT, BINARY) and not is_within:
        if is_final:
            return WHOLE_DEFLATED if is_deflated else WHOLE
        return FIRST_DEFLATED if is_deflated else FIRST
    return FAULT


STEPS: Final = {
    (deflate, is_within): bytes(_mean(first, deflate=deflate, is_within=is_within) for first in range(256))
    for deflate in (False, True)
    for is_within in (False, True)
}
"""What each first byte of a frame means: by whether permessage-deflate was agreed on, and whether a
fragmented message has begun and not ended."""


def explain(first: int, *, deflate: bool) -> WebSocketError:
    """Why a frame may not begin like this."""
    opcode = first & 0xF
    if opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
        reason = f"opcode {opcode:#x} is reserved"
    elif first & 0x30 or (first & RSV1 and not deflate):
        reason = f"the reserved bits are {first >> 4 & 7:03b}, and no extension is agreed on that uses them"
    elif first & RSV1 and opcode >= CLOSE:
        reason = "a control frame is not compressed"
    elif first & RSV1 and opcode == CONTINUATION:
        reason = "only the first frame of a message says whether it is compressed"
    elif opcode >= CLOSE:
        reason = "a control frame is not fragmented"
    elif opcode == CONTINUATION:
        reason = "there is no message that a continuation could belong to"
    else:
        reason = "a message begins inside another one"
    return WebSocketError(PROTOCOL_ERROR, reason)


# -- reading ---------------------------------------------------------------------------------------------

_LENGTH_16: Final = Struct("!H").unpack_from
_LENGTH_64: Final = Struct("!Q").unpack_from


def read_head(data: bytes, position: int, *, is_masked: bool) -> tuple[int, int, bytes] | None:
    """Where the payload begins, its length and the mask (empty where there is none); ``None`` as long as the
    head is not all there.

    Raises `WebSocketError` for a length that is not in its shortest form, or of more than 63 bits."""
    length = data[position + 1] & 0x7F
    start = position + 2
    if length == 126:
        start += 2
        if start > len(data):
            return None
        (length,) = _LENGTH_16(data, position + 2)
        if length < 126:
            raise WebSocketError(PROTOCOL_ERROR, f"{length} bytes need no length of 16 bits")
    elif length == 127:
        start += 8
        if start > len(data):
            return None
        (length,) = _LENGTH_64(data, position + 2)
        if length < 2**16 or length >= 2**63:
            raise WebSocketError(PROTOCOL_ERROR, f"{length} is no length of 64 bits")
    if not is_masked:
        return start, length, b""
    if start + 4 > len(data):
        return None
    return start + 4, length, data[start : start + 4]


def read_close(payload: bytes) -> tuple[int, str]:
    """The code, 0 where there is none, and the reason that a close frame gives.

    Raises `WebSocketError`."""
    if not payload:
        return 0, ""
    code = int.from_bytes(payload[:2], "big")
    if len(payload) == 1 or not may_be_sent(code):
        what = "half a close code" if len(payload) == 1 else f"close code {code}, which is not to be sent"
        raise WebSocketError(PROTOCOL_ERROR, what)
    try:
        return code, payload[2:].decode()
    except UnicodeDecodeError as error:
        raise WebSocketError(INVALID_TEXT, "the reason of a close frame is not UTF-8") from error


# -- writing ---------------------------------------------------------------------------------------------

_PACK_8: Final = Struct("!BB").pack
_PACK_16: Final = Struct("!BBH").pack
_PACK_64: Final = Struct("!BBQ").pack

# Made once: one of these is the head of most frames that a server sends.
_SHORT_TEXT: Final = [_PACK_8(FIN | TEXT, size) for size in range(MOST_SHORT + 1)]
_SHORT_BINARY: Final = [_PACK_8(FIN | BINARY, size) for size in range(MOST_SHORT + 1)]
# It is asked with the very objects that are its keys, as a rule, and compares no numbers then.
SHORT_HEADS: Final[dict[int, list[bytes]]] = {WSMsgType.TEXT: _SHORT_TEXT, WSMsgType.BINARY: _SHORT_BINARY}
"""Heads of uncompressed and unmasked messages of up to `MOST_SHORT` bytes, by opcode and size."""


def encode_head(first: int, size: int, mask: int = 0) -> bytes:
    """The head of a frame, without the key.

    ``mask``
        `MASK` where a key follows."""
    if size <= MOST_SHORT:
        return _PACK_8(first, mask | size)
    if size < 2**16:
        return _PACK_16(first, mask | 126, size)
    return _PACK_64(first, mask | 127, size)


def check_opcode(opcode: int, size: int) -> None:
    """Raises `ValueError` where no frame with this opcode and payload may be sent as a message of its own."""
    if opcode not in (TEXT, BINARY, PING, PONG):
        raise ValueError(f"opcode {opcode!r}: a frame to be sent is TEXT, BINARY, PING or PONG")
    if opcode >= CLOSE and size > MOST_CONTROL:
        name = WSMsgType(opcode).name
        raise ValueError(f"a {name} of {size} bytes: it has at most {MOST_CONTROL}")


def encode_close_payload(code: int, reason: bytes) -> bytes:
    """What is in a close frame. Code 0: nothing.

    Raises as `check_close`, also for a reason without a code."""
    if not code and not reason:
        return b""
    check_close(code, reason)
    return code.to_bytes(2, "big") + reason
