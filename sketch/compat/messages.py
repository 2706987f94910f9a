"""What WebSockets of both sides are made of: the types of messages, and what goes wrong with them.

Programs compare types with ``is``, and an exception is caught by its class: so there may be one of each only,
and aiohttp's client, part of which is compiled, cannot be given another.
"""

import sys
from typing import Any

import aiohttp

from ..http.deferred import deferred

_values: Any = deferred("..http.websocket", __package__)

_SHARED = ("WSMsgType", "WSCloseCode", "WebSocketError", "WSMessageTypeError")


def share_messages() -> None:
    """Have sketch's WebSockets made of what aiohttp's are. It is not taken back: what was made of it would
    no longer fit what is made later. Where sketch's were loaded before, both go on having their own."""
    name = "sketch.http.websocket"
    if name in sys.modules:
        return
    kinds = _values.WSMsgType
    module = sys.modules[name]
    for each in _SHARED:
        setattr(module, each, getattr(aiohttp, each))
    for message in ("CLOSED_MESSAGE", "CLOSING_MESSAGE"):
        old = getattr(module, message)
        setattr(module, message, old._replace(type=getattr(aiohttp.WSMsgType, kinds(old.type).name)))
