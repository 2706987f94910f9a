"""Proxies that nobody here wrote: nginx, and curl, which can introduce itself as HAProxy does."""

import asyncio
import json
import os
import shutil
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import trustme

from tests.clients import HAS_CURL, run_curl
from tests.loops import LOOPS, NewLoop
from tests.proxies.stage import PROXY, Site, run

NEEDS_CURL = pytest.mark.skipif(not HAS_CURL, reason="curl is not installed")
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
"""Debian has it where only root looks."""


@NEEDS_CURL
@LOOPS
@pytest.mark.parametrize("over_tls", [False, True])
def test_curl_introduces_itself(
    new_loop: NewLoop,
    over_tls: bool,
    authority: trustme.CA,
    server_context: ssl.SSLContext,
    tmp_path: Path,
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")

    async def use(site: Site) -> None:
        scheme = "https" if over_tls else "http"
        url = f"{scheme}://own.example:{site.port}/a"
        answer = json.loads(
            await run_curl(
                "--haproxy-protocol", "--resolve", f"own.example:{site.port}:{PROXY}",
                "--cacert", str(tmp_path / "authority.pem"), url,
            )
        )  # fmt: skip
        assert answer == {"remote": PROXY, "scheme": scheme, "host": f"own.example:{site.port}", "url": url}
        assert site.runner.server.requests_count == 1

    context = server_context if over_tls else None
    run(new_loop, use, ssl_context=context, trusted_proxies=[PROXY], proxy_protocol=True)


NGINX_CONFIGURATION = """
daemon off;
worker_processes 1;
{user}
pid {directory}/pid;
error_log {directory}/error.log warn;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {directory}/client_body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen {listening};
        location / {{
            proxy_pass {back};
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header X-Forwarded-Port "";
            set $own "for=$remote_addr;proto=$scheme;host=\\"$http_host\\"";
            proxy_set_header Forwarded "$http_forwarded, $own";
        }}
    }}
}}
"""


@asynccontextmanager
async def nginx_before(site: Site, directory: Path) -> AsyncIterator[tuple[str, int]]:
    """nginx before the site; where it listens."""
    assert NGINX is not None
    listener = socket.create_server((PROXY, 0))
    host, port = listener.getsockname()
    # It takes the socket over as it would from an older process of itself: there is nothing to wait for.
    listening = f"{host}:{port}"
    at_unix = isinstance(site.address, str)
    configuration = directory / "nginx.conf"
    configuration.write_text(
        NGINX_CONFIGURATION.format(
            # Its worker would be somebody else, and could not reach its files.
            user="user root;" if os.geteuid() == 0 else "",
            directory=directory,
            listening=listening,
            back=f"http://unix:{site.address}" if at_unix else f"http://{PROXY}:{site.port}",
        )
    )
    process = await asyncio.create_subprocess_exec(
        NGINX, "-p", str(directory), "-e", str(directory / "error.log"), "-c", str(configuration),
        env={"NGINX": f"{listener.fileno()};"}, pass_fds=[listener.fileno()], stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    listener.close()
    try:
        yield host, port
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        _, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
@LOOPS
@pytest.mark.parametrize("header", ["forwarded", "x-forwarded"])
@pytest.mark.parametrize("at_unix", [False, True])
def test_nginx(new_loop: NewLoop, header: str, at_unix: bool, tmp_path: Path) -> None:
    spoofed = (
        'Forwarded: for=203.0.113.66;proto=https;host=spoofed.example, for="',
        "X-Forwarded-For: 203.0.113.66, 127.0.0.1",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: spoofed.example",
        "X-Forwarded-Port: 666",
    )

    async def use(site: Site) -> None:
        async with nginx_before(site, tmp_path) as address:
            front = Site(site.runner, [])
            front.address = address
            for fields in ((), spoofed):
                assert await front.ask(*fields, host="127.0.0.3") == {
                    "remote": "127.0.0.3", "scheme": "http", "host": "own.example",
                    "url": "http://own.example/a?b=c",
                }  # fmt: skip
        assert site.log == ["127.0.0.3 200"] * 2

    path = tmp_path / "s" if at_unix else None
    run(new_loop, use, path=path, trusted_proxies=[PROXY, "unix"], forwarded=header)
