"""nginx as a process of a test: its start on sockets that are there, its end."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
"""The program; ``None`` where it is not installed. Debian has it where only root looks."""


def begin_configuration(directory: Path) -> str:
    """What a configuration begins with; ``events`` and ``http`` follow."""
    # Its worker would be somebody else, and could not reach its files.
    user = "user root;" if os.geteuid() == 0 else ""
    return f"""
daemon off;
worker_processes 1;
{user}
pid {directory / "pid"};
error_log {directory / "error.log"} warn;
"""


def place_temporary_files(directory: Path) -> str:
    """What ``http`` begins with."""
    return "\n".join(
        f"    {name}_temp_path {directory / name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )


@asynccontextmanager
async def running(
    directory: Path, configuration: str, listeners: Sequence[socket.socket]
) -> AsyncIterator[None]:
    """nginx with this configuration, which says that it listens where the ``listeners`` do. They are closed
    here."""
    assert NGINX is not None
    path = directory / "nginx.conf"
    path.write_text(configuration)
    # It takes the sockets over as it would from an older process of itself: nobody else can take the ports,
    # and there is nothing to wait for.
    descriptors = [listener.fileno() for listener in listeners]
    environment = {"NGINX": "".join(f"{descriptor};" for descriptor in descriptors)}
    process = await asyncio.create_subprocess_exec(
        NGINX, "-p", str(directory), "-e", str(directory / "error.log"), "-c", str(path),
        env=environment, pass_fds=descriptors, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    for listener in listeners:
        listener.close()
    try:
        yield
        assert process.returncode is None, "nginx has ended by itself"
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        _, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()


def listen() -> socket.socket:
    """A socket for nginx to listen on."""
    listener = socket.socket()
    listener.setblocking(False)
    listener.bind(("127.0.0.1", 0))
    listener.listen(512)
    return listener
