"""Fixtures that make clients and servers, and close them (aiohttp documentation, "Testing"). Whoever runs
coroutines runs these: see `sketch.testing.plugin`.
"""

import asyncio
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib import import_module
from typing import Any, TypeVar

import pytest

from ..application import Application
from ..server import Server
from .client import Client
from .ports import unused_port as find_unused_port
from .served import BaseTestServer, RawTestServer, TestServer
from .session import TestClient

try:
    # In its strict mode pytest-asyncio runs fixtures that say that they are its own, and no others.
    _fixture: Any = import_module("pytest_asyncio").fixture
except ImportError:
    _fixture = pytest.fixture

F = TypeVar("F", bound=Callable[..., Any])

Loop = asyncio.AbstractEventLoop
MakeServer = Callable[..., Awaitable[TestServer]]
MakeRawServer = Callable[..., Awaitable[RawTestServer]]
MakeTestClient = Callable[..., Awaitable[TestClient[Any, Any]]]
MakeClient = Callable[..., Awaitable[Client]]


def async_fixture(function: F) -> F:
    """Make a fixture of a coroutine function or an asynchronous generator function."""
    made: F = _fixture(function)
    return made


@async_fixture
async def sketch_client(loop: Loop) -> AsyncIterator[MakeClient]:
    """Makes clients in memory: ``client = await sketch_client(app, **options)``; see `Client`."""
    opened: list[Client] = []

    async def make(app: Application | Server, **options: Any) -> Client:
        client = Client(app, **options)
        await client.start()
        opened.append(client)
        return client

    yield make
    await _close(opened)


@async_fixture
async def aiohttp_server(loop: Loop) -> AsyncIterator[MakeServer]:
    """Makes servers on loopback sockets: ``server = await aiohttp_server(app, port=..., **options)``, with
    the options of an `AppRunner`."""
    opened: list[TestServer] = []

    async def make(
        app: Application, *, host: str = "127.0.0.1", port: int | None = None, **options: Any
    ) -> TestServer:
        server = TestServer(app, host=host, port=port)
        await server.start_server(**options)
        opened.append(server)
        return server

    yield make
    await _close(opened)


@async_fixture
async def aiohttp_raw_server(loop: Loop) -> AsyncIterator[MakeRawServer]:
    """Makes servers of one request handler: ``server = await aiohttp_raw_server(handler, port=...)``."""
    opened: list[RawTestServer] = []

    async def make(handler: Any, *, port: int | None = None, **options: Any) -> RawTestServer:
        server = RawTestServer(handler, port=port)
        await server.start_server(**options)
        opened.append(server)
        return server

    yield make
    await _close(opened)


@pytest.fixture
def aiohttp_client_cls() -> type[TestClient[Any, Any]]:
    """The class of the clients that `aiohttp_client` makes; to be overridden for one with methods of your
    own."""
    return TestClient


@async_fixture
async def aiohttp_client(
    loop: Loop, aiohttp_client_cls: type[TestClient[Any, Any]]
) -> AsyncIterator[MakeTestClient]:
    """Makes clients of an application or of a server: ``client = await aiohttp_client(app,
    server_kwargs={...}, **options)``, with the options of an ``aiohttp.ClientSession``."""
    opened: list[TestClient[Any, Any]] = []

    async def make(
        target: Application | BaseTestServer, *, server_kwargs: dict[str, Any] | None = None, **options: Any
    ) -> TestClient[Any, Any]:
        if isinstance(target, Application):
            target = TestServer(target, **(server_kwargs or {}))
        elif not isinstance(target, BaseTestServer):
            raise ValueError(f"aiohttp_client takes an application or a server for tests, got {target!r}")
        client = aiohttp_client_cls(target, **options)
        opened.append(client)
        await client.start_server()
        return client

    yield make
    await _close(opened)


@pytest.fixture
def aiohttp_unused_port() -> Callable[[], int]:
    """Finds ports that nobody uses: ``port = aiohttp_unused_port()``."""
    return find_unused_port


async def _close(opened: list[Any]) -> None:
    """Close all, the last first; what failed is raised when all are closed."""
    failures: list[Exception] = []
    while opened:
        try:
            await opened.pop().close()
        except Exception as failure:
            failures.append(failure)
    if len(failures) > 1:
        raise ExceptionGroup("several were not closed as they should be", failures)
    if failures:
        raise failures[0]


# -- the older names, deprecated ---------------------------------------------------------------------------


def _warn(name: str) -> None:
    warnings.warn(f"use the fixture aiohttp_{name}", DeprecationWarning, stacklevel=3)


@pytest.fixture
def test_client(aiohttp_client: MakeTestClient) -> MakeTestClient:
    """Deprecated: `aiohttp_client`."""
    _warn("client")
    return aiohttp_client


@pytest.fixture
def test_server(aiohttp_server: MakeServer) -> MakeServer:
    """Deprecated: `aiohttp_server`."""
    _warn("server")
    return aiohttp_server


@pytest.fixture
def raw_test_server(aiohttp_raw_server: MakeRawServer) -> MakeRawServer:
    """Deprecated: `aiohttp_raw_server`."""
    _warn("raw_server")
    return aiohttp_raw_server


@pytest.fixture
def unused_port(aiohttp_unused_port: Callable[[], int]) -> Callable[[], int]:
    """Deprecated: `aiohttp_unused_port`."""
    _warn("unused_port")
    return aiohttp_unused_port
