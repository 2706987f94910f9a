"""Tests with `unittest` (aiohttp documentation, "Testing")."""

import asyncio
import warnings
from collections.abc import Callable
from typing import Any, TypeVar
from unittest import IsolatedAsyncioTestCase

from ..application import Application
from ..request import Request
from .served import TestServer
from .session import TestClient

F = TypeVar("F", bound=Callable[..., Any])


class AioHTTPTestCase(IsolatedAsyncioTestCase):
    """A test case with an application and its client: override `get_application`, use ``self.client``.

    ``app``, ``server``, ``client``, ``loop``
        there from the set-up on.
    """

    app: Application
    server: TestServer
    client: TestClient[Request, Application]
    loop: asyncio.AbstractEventLoop

    async def get_application(self) -> Application:
        """The application that is tested. Override it."""
        return self.get_app()

    def get_app(self) -> Application:
        """The older name of `get_application`, which is no coroutine."""
        raise RuntimeError(
            f"{type(self).__name__} has no application: define `async def get_application(self)`"
        )

    async def get_server(self, app: Application) -> TestServer:
        """The server of the application; to be overridden for one with other options."""
        return TestServer(app, loop=self.loop)

    async def get_client(self, server: TestServer) -> TestClient[Request, Application]:
        """The client of the server, likewise."""
        return TestClient(server, loop=self.loop)

    async def asyncSetUp(self) -> None:
        """Called by unittest."""
        self.loop = asyncio.get_running_loop()
        await self.setUpAsync()

    async def setUpAsync(self) -> None:
        """Start everything. Whoever overrides it calls this one first."""
        self.app = await self.get_application()
        self.server = await self.get_server(self.app)
        self.client = await self.get_client(self.server)
        await self.client.start_server()

    async def asyncTearDown(self) -> None:
        """Called by unittest."""
        await self.tearDownAsync()

    async def tearDownAsync(self) -> None:
        """Close everything. Whoever overrides it calls this one last."""
        await self.client.close()


def unittest_run_loop(function: F, *args: Any, **kwargs: Any) -> F:
    """Deprecated, and does nothing: coroutine methods of `AioHTTPTestCase` are run as they are."""
    warnings.warn(
        "unittest_run_loop is not needed any more: remove the decorator", DeprecationWarning, stacklevel=2
    )
    return function
