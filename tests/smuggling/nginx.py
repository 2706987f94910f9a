"""nginx as a reverse proxy before a server: its configuration, its life, and what it says that it passed on.

It gives each request that it takes a name, which goes into the request to the server, into the answer to the
client, and into its log: so that the three can be told to speak of the same.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import nginx

NAME = "X-Front"
"""The field with the name of a request."""

SECONDS = 1
"""How long nginx waits for the rest of what a client began."""

_PASS = f"""
        location / {{
            proxy_pass http://back;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header {NAME} "$connection-$connection_requests";
            add_header {NAME} "$connection-$connection_requests" always;
            # Once is what is tested.
            proxy_next_upstream off;
        }}
"""


@dataclass(frozen=True)
class Passed:
    """A line of nginx's log: a request, and what became of it.

    ``status``
        what the server behind answered; ``None`` where nginx asked it nothing or it did not answer.
    ``is_forwarded``
        whether it was sent to the server, or a part of it.
    """

    name: str
    method: str
    target: str
    body: bytes
    status: int | None
    is_forwarded: bool


@dataclass(frozen=True)
class Front:
    """A running nginx.

    ``address``
        where it listens: one address at which it reads a body whole before it passes it on, and one at which
        it passes on what comes.
    """

    buffering: tuple[str, int]
    streaming: tuple[str, int]
    log: Path

    def read_log(self) -> list[Passed]:
        """All requests that it took. Complete once nginx has ended."""
        return [_read_line(line) for line in self.log.read_text("latin-1").splitlines()]


def _read_line(line: str) -> Passed:
    entry = json.loads(line)
    return Passed(
        entry["name"],
        entry["method"],
        # An absolute target without a path asks for "/" (RFC 9110, section 4.2.3), and is passed on as that.
        "/" + entry["target"] if entry["target"].startswith("?") else entry["target"],
        entry["body"].encode("latin-1"),
        int(entry["status"]) if entry["status"].isdigit() else None,
        bool(entry["back"]),
    )


def _configuration(directory: Path, back: int, buffering: int, streaming: int) -> str:
    entry = {
        "name": "$connection-$connection_requests", "method": "$request_method", "target": "$request_uri",
        "body": "$request_body", "status": "$upstream_status", "back": "$upstream_addr",
    }  # fmt: skip
    return f"""
{nginx.begin_configuration(directory)}
events {{ worker_connections 2048; }}
http {{
{nginx.place_temporary_files(directory)}
    log_format entry escape=json '{json.dumps(entry)}';
    access_log {directory / "access.log"} entry;
    client_header_timeout {SECONDS}s;
    client_body_timeout {SECONDS}s;
    keepalive_timeout {SECONDS}s;
    lingering_timeout {SECONDS}s;
    # What it would mend or drop by default, it lets through.
    ignore_invalid_headers off;
    underscores_in_headers on;
    merge_slashes off;
    upstream back {{
        server 127.0.0.1:{back};
        keepalive 8;
    }}
    server {{
        listen 127.0.0.1:{buffering};
        client_body_buffer_size 64k;
{_PASS}
    }}
    server {{
        listen 127.0.0.1:{streaming};
        proxy_request_buffering off;
{_PASS}
    }}
}}
"""


@asynccontextmanager
async def running(directory: Path, back: int) -> AsyncIterator[Front]:
    """nginx before the server at the port ``back`` of the loopback address, its files in the directory."""
    listeners = [nginx.listen(), nginx.listen()]
    ports = [listener.getsockname()[1] for listener in listeners]
    async with nginx.running(directory, _configuration(directory, back, *ports), listeners):
        yield Front(("127.0.0.1", ports[0]), ("127.0.0.1", ports[1]), directory / "access.log")
