"""The loggers of sketch, by the part that speaks.

They are ordinary `logging` loggers: this module configures nothing. Names follow ``aiohttp.log``, with
``sketch`` for ``aiohttp``.
"""

import logging

access_logger = logging.getLogger("sketch.access")
"""One record for each answer, made by `sketch.accesslog.AccessLogger`."""

server_logger = logging.getLogger("sketch.server")
"""Connections, listening sockets, and errors that no application is there to handle."""

web_logger = logging.getLogger("sketch.web")
"""Applications: unhandled exceptions of handlers, start-up and shutdown."""

ws_logger = logging.getLogger("sketch.websocket")
"""WebSocket connections."""
