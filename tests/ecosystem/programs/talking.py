"""What the programs have in common: each serves an application to a real client, and prints what that saw.

The programs are written for aiohttp, and know nothing of sketch.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

Client = TestClient[web.Request, web.Application]


def talk(app: web.Application, speak: Callable[[Client], Awaitable[None]], **arguments: Any) -> None:
    """Serve ``app``, and let ``speak`` talk to it with a client made of ``arguments``."""

    async def run() -> None:
        async with TestClient(TestServer(app), **arguments) as client:
            await speak(client)

    asyncio.run(run())


async def show(response: aiohttp.ClientResponse, *names: str) -> str:
    """Print status, body and the fields of these names; gives the body."""
    text = await response.text()
    say(response.status, {name: response.headers.getall(name, []) for name in names}, text)
    return text


def say(*values: object) -> None:
    """Print values as JSON, one line."""
    print(json.dumps(values, default=str))
