"""Tools for testing applications: a client in memory, and the names of ``aiohttp.test_utils``.

It may use every room of ``sketch``, and none of them uses it: nothing here is loaded by ``import sketch``.
`TestClient` and `AioHTTPTestCase` need aiohttp's client, an extra: ``sketch-web[testing]``. The fixtures for
pytest are in `sketch.testing.plugin`.
"""

from ..http.memory import MemoryExchange, answer
from .case import AioHTTPTestCase, unittest_run_loop
from .client import Client
from .clock import Stalled, VirtualLoop, run
from .connection import Connection
from .errors import (
    ClientConnectionResetError,
    ClientError,
    ClientPayloadError,
    ClientResponseError,
    ConnectionCut,
    ContentTypeError,
    InvalidAnswer,
    ServerDisconnectedError,
    TooManyRedirects,
    WSMessageTypeError,
    WSServerHandshakeError,
)
from .faults import Faults
from .loops import loop_context, setup_test_loop, teardown_test_loop
from .mocked import make_mocked_coro, make_mocked_request
from .ports import get_port_socket, get_unused_port_socket, unused_port
from .response import ClientResponse
from .served import BaseTestServer, RawTestServer, TestServer
from .session import TestClient
from .transport import MemoryTransport, TlsMemoryTransport
from .websocket import ClientWebSocketResponse

__all__ = [
    "AioHTTPTestCase",
    "BaseTestServer",
    "Client",
    "ClientConnectionResetError",
    "ClientError",
    "ClientPayloadError",
    "ClientResponse",
    "ClientResponseError",
    "ClientWebSocketResponse",
    "Connection",
    "ConnectionCut",
    "ContentTypeError",
    "Faults",
    "InvalidAnswer",
    "MemoryExchange",
    "MemoryTransport",
    "RawTestServer",
    "ServerDisconnectedError",
    "Stalled",
    "TestClient",
    "TestServer",
    "TlsMemoryTransport",
    "TooManyRedirects",
    "VirtualLoop",
    "WSMessageTypeError",
    "WSServerHandshakeError",
    "answer",
    "get_port_socket",
    "get_unused_port_socket",
    "loop_context",
    "make_mocked_coro",
    "make_mocked_request",
    "run",
    "setup_test_loop",
    "teardown_test_loop",
    "unittest_run_loop",
    "unused_port",
]
