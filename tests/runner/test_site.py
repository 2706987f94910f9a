"""Sites: names, ports, and what a runner knows of them."""

import asyncio
import os
import socket
import ssl
import stat
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from sketch.runner import BaseSite, NamedPipeSite, ServerRunner, SockSite, TCPSite, UnixSite


class FakeServer:
    """A protocol factory that can be shut down: all that a runner wants."""

    def __call__(self) -> asyncio.Protocol:
        return asyncio.Protocol()

    def pre_shutdown(self) -> None:
        pass

    async def shutdown(self, timeout: float | None) -> None:  # noqa: ASYNC109
        pass


def with_runner(main: Callable[[ServerRunner], Awaitable[None]]) -> None:
    async def run() -> None:
        runner = ServerRunner(FakeServer())
        await runner.setup()
        try:
            await main(runner)
        finally:
            await runner.cleanup()

    asyncio.run(run())


def tls() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


def test_a_site_needs_a_runner_that_is_set_up() -> None:
    with pytest.raises(RuntimeError, match=r"runner\.setup\(\)"):
        TCPSite(ServerRunner(FakeServer()))


def test_names_before_the_start() -> None:
    async def main(runner: ServerRunner) -> None:
        assert TCPSite(runner).name == "http://0.0.0.0:8080"
        assert TCPSite(runner, "", ssl_context=tls()).name == "https://0.0.0.0:8443"
        assert TCPSite(runner, "::1", 81).name == "http://[::1]:81"
        assert UnixSite(runner, "/run/app.sock").name == "http://unix:/run/app.sock:"
        assert UnixSite(runner, Path("app.sock"), ssl_context=tls()).name == "https://unix:app.sock:"
        assert repr(TCPSite(runner, "localhost", 80)) == f"<TCPSite {TCPSite(runner, 'localhost', 80).name}>"

    with_runner(main)


def test_a_port_that_the_system_picked_is_known_after_the_start() -> None:
    async def main(runner: ServerRunner) -> None:
        site = TCPSite(runner, "127.0.0.1", 0)
        assert site.port == 0
        await site.start()
        assert site.port != 0
        assert runner.addresses == [("127.0.0.1", site.port)]
        assert site.name == f"http://127.0.0.1:{site.port}"
        # aiohttp's test tools, and programs, look at the port in this way.
        assert site._server.sockets[0].getsockname()[1] == site.port

    with_runner(main)


def test_a_runner_knows_the_sites_that_are_started() -> None:
    async def main(runner: ServerRunner) -> None:
        site = TCPSite(runner, "127.0.0.1", 0)
        assert runner.sites == set()
        await site.start()
        assert runner.sites == {site}
        await site.stop()
        assert (runner.sites, runner.addresses) == (set(), [])

    with_runner(main)


def test_a_site_is_started_once_and_stopped_any_number_of_times() -> None:
    async def main(runner: ServerRunner) -> None:
        site = TCPSite(runner, "127.0.0.1", 0)
        with pytest.raises(RuntimeError, match="is not one of the started sites"):
            await site.stop()
        await site.start()
        with pytest.raises(RuntimeError, match="is started already"):
            await site.start()
        await site.stop()
        await site.stop()
        await site.start()
        assert runner.sites == {site}

    with_runner(main)


def test_a_start_that_failed_can_be_tried_again() -> None:
    async def main(runner: ServerRunner) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            site = TCPSite(runner, "127.0.0.1", other.getsockname()[1])
            with pytest.raises(OSError, match="address already in use"):
                await site.start()
            assert runner.sites == set()
        await site.start()
        assert runner.sites == {site}

    with_runner(main)


@pytest.mark.parametrize(
    ("site", "arguments", "error"),
    [
        (TCPSite, dict(port=70000), ValueError),
        (TCPSite, dict(port="8080"), TypeError),
        (TCPSite, dict(host=5), TypeError),
        (TCPSite, dict(backlog=0), ValueError),
        (TCPSite, dict(ssl_context=True), TypeError),
        (UnixSite, dict(path="/" + "x" * 200), ValueError),
        (UnixSite, dict(path="app.sock", mode=0o7777), ValueError),
        (SockSite, dict(sock="127.0.0.1"), TypeError),
    ],
)
def test_what_cannot_be_listened_on_is_refused_at_once(
    site: Callable[..., BaseSite], arguments: dict[str, Any], error: type[Exception]
) -> None:
    async def main(runner: ServerRunner) -> None:
        with pytest.raises(error):
            site(runner, **arguments)

    with_runner(main)


def test_a_timeout_on_a_site_is_deprecated_and_works() -> None:
    async def main(runner: ServerRunner) -> None:
        with pytest.warns(DeprecationWarning, match="Give shutdown_timeout to the runner") as warnings:
            TCPSite(runner, shutdown_timeout=1.0)
        assert warnings[0].filename == __file__
        assert runner._shutdown_timeout == 1.0

    with_runner(main)


def test_a_unix_site_has_a_file_with_a_mode_while_it_listens(tmp_path: Path) -> None:
    path = tmp_path / "socket"

    async def main(runner: ServerRunner) -> None:
        site = UnixSite(runner, path, mode=0o600)
        await site.start()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert runner.addresses == [str(path)]
        await site.stop()
        assert not path.exists()

    with_runner(main)


@pytest.mark.skipif(sys.platform != "linux", reason="abstract UNIX sockets are Linux's")
def test_an_abstract_name_is_shown_with_an_at_sign() -> None:
    async def main(runner: ServerRunner) -> None:
        site = UnixSite(runner, f"\0sketch-site-{os.getpid()}")
        await site.start()
        assert site.name == f"http://unix:@sketch-site-{os.getpid()}:"
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(f"\0sketch-given-{os.getpid()}")
        given = SockSite(runner, sock)
        assert given.name == f"http://unix:@sketch-given-{os.getpid()}:"
        await given.start()

    with_runner(main)


def test_a_given_socket_is_named_and_closed(tmp_path: Path) -> None:
    async def main(runner: ServerRunner) -> None:
        tcp = socket.socket()
        tcp.bind(("127.0.0.1", 0))
        unix = socket.socket(socket.AF_UNIX)
        unix.bind(str(tmp_path / "socket"))
        sites = [SockSite(runner, tcp), SockSite(runner, unix)]
        for site in sites:
            await site.start()
        assert sites[0].name == f"http://127.0.0.1:{tcp.getsockname()[1]}"
        assert sites[1].name == f"http://unix:{tmp_path}/socket:"
        socket.create_connection(tcp.getsockname()).close()
        for site in sites:
            await site.stop()
        assert tcp.fileno() == unix.fileno() == -1

    with_runner(main)
    assert (tmp_path / "socket").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has named pipes")
def test_named_pipes_need_windows() -> None:
    async def main(runner: ServerRunner) -> None:
        with pytest.raises(RuntimeError, match="Named pipes need Windows"):
            NamedPipeSite(runner, r"\\.\pipe\sketch")

    with_runner(main)


def test_a_site_of_ones_own_needs_a_server_with_close() -> None:
    class OwnSite(BaseSite):
        @property
        def name(self) -> str:
            return "own"

        async def start(self) -> None:
            await super().start()
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._runner.server, "127.0.0.1", 0)

    async def main(runner: ServerRunner) -> None:
        site = OwnSite(runner)
        await site.start()
        (address,) = runner.addresses
        await site.stop()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)

    with_runner(main)
