"""The process of `tests.soak.served`, seen from the one that started it."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.soak.census import Census, differences

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
"""Seconds to wait for what takes a fraction of one on an idle machine."""

_LOOKS = 600


def listen(*, send_buffer: int | None = None) -> socket.socket:
    """A listening socket on a free port of the loopback interface.

    ``send_buffer``
        bytes that the system takes on for a client that does not read; connections inherit it."""
    sock = socket.socket()
    if send_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    sock.bind(("127.0.0.1", 0))
    sock.listen(4096)
    return sock


async def read_to_end(process: asyncio.subprocess.Process) -> bytes:
    """What any process writes until its end. Cancelled: it is killed first."""
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return output


class Child:
    """A running server.

    ``address``
        where it listens.
    """

    def __init__(self, process: asyncio.subprocess.Process, address: tuple[str, int]) -> None:
        self.address = address
        self._process = process

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    async def census(self) -> Census:
        """What it holds now."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"?\n")
        return Census.from_json(await self._hear())

    async def quiet(self) -> Census:
        """What it holds once no connection is left and nothing changes any more."""
        before = await self.census()
        for _ in range(_LOOKS):
            await asyncio.sleep(PATIENCE / _LOOKS)
            now = await self.census()
            if not now.connections and now.objects == before.objects:
                break
            before = now
        return before

    async def left_behind(self, before: Census, *, blocks: int | None = None) -> list[str]:
        """What it holds more than before, in sentences, however long one waits. ``blocks`` is explained in
        `differences`."""
        for _ in range(_LOOKS):
            found = differences(before, await self.census(), blocks=blocks)
            if not found:
                break
            await asyncio.sleep(PATIENCE / _LOOKS)
        return found

    async def wait_ready(self) -> None:
        """Wait until it serves."""
        assert await self._hear() == "ready"

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._process.send_signal(signal.SIGTERM)

    async def wait(self) -> list[str]:
        """Wait for its end. What is wrong with that, and what it complained of, in sentences."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            *_, farewell = [b"[]", *(await self._process.stdout.read()).splitlines()]
            code = await self._process.wait()
        complaints = [str(text) for text in json.loads(farewell)]
        return complaints if code == 0 else [f"the server ended with code {code}", *complaints]

    async def stop(self) -> list[str]:
        """End it by SIGTERM, and wait as `wait` does."""
        self.terminate()
        return await self.wait()

    async def close(self) -> None:
        """End it at once, if it still runs."""
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def _hear(self) -> Any:
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            line = await self._process.stdout.readline()
        if not line:
            raise ChildProcessError(f"the server ended: {await self.wait()}")
        return json.loads(line)


async def start(
    sock: socket.socket,
    *,
    loop: str = "uvloop",
    record: Path | None = None,
    limits: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Child:
    """Start a server on a listening socket, which stays open here, too; wait until it serves."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-m", "tests.soak.served",
        "--descriptor", str(sock.fileno()), "--loop", loop, "--record", str(record or ""),
        "--limits", json.dumps(dict(limits or {})), "--options", json.dumps(dict(options or {})),
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, pass_fds=[sock.fileno()],
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**20,
    )  # fmt: skip
    child = Child(process, sock.getsockname())
    try:
        await child.wait_ready()
    except BaseException:
        await child.close()
        raise
    return child


@asynccontextmanager
async def serving(sock: socket.socket, **arguments: Any) -> AsyncIterator[Child]:
    """A server on a listening socket, for as long as it is used. Both are closed at the end; `start` says
    what the arguments are."""
    with sock:
        child = await start(sock, **arguments)
        try:
            yield child
        finally:
            await child.close()
