"""What WebSockets receive, as aiohttp's types: a program asks whether ``message.type is WSMsgType.TEXT``, and
catches `aiohttp.WebSocketError`, with messages of servers and of the client alike.
"""

import sys
from typing import Any, Final

import aiohttp
from aiohttp import http_websocket

from ..http.deferred import deferred

_messages: Any = deferred("..http.websocket", __package__)

_NAME: Final = "sketch.http.websocket"

_SHARED: Final = {
    "CLOSED_MESSAGE": http_websocket.WS_CLOSED_MESSAGE,
    "CLOSING_MESSAGE": http_websocket.WS_CLOSING_MESSAGE,
    "WSCloseCode": aiohttp.WSCloseCode,
    "WSMessage": aiohttp.WSMessage,
    "WSMessageTextBytes": http_websocket.WSMessageTextBytes,
    "WSMessageTypeError": aiohttp.WSMessageTypeError,
    "WSMsgType": aiohttp.WSMsgType,
    "WebSocketError": aiohttp.WebSocketError,
}
"""What is there from then on, by name: the same members, the same meaning."""


def share_messages() -> None:
    """Put aiohttp's types in the places of sketch's.

    Members of an enumeration are told apart by identity, and every module of sketch's that has to do with
    messages takes them when it is loaded. So it is done before the first of these is loaded, or not at all,
    and not taken back: half of it would be worse than either."""
    if _NAME not in sys.modules:
        _ = _messages.WSMsgType  # It is loaded now.
        vars(sys.modules[_NAME]).update(_SHARED)
