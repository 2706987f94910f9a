"""``Forwarded`` and ``X-Forwarded-*`` over sockets: who is believed, and what is made of it."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from sketch import web
from tests.conformance.driver import until
from tests.loops import LOOPS, NewLoop
from tests.proxies.stage import CLIENT, PROXY, STRANGER, V1, Site, request, run

FORWARDED = f'Forwarded: for=203.0.113.9, for="{CLIENT}:4711";proto=https;host=real.example'
X_FORWARDED = (
    f"X-Forwarded-For: 203.0.113.9, {CLIENT}",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: real.example",
    "X-Forwarded-Port: 8443",
)


@LOOPS
def test_forwarded(new_loop: NewLoop) -> None:
    async def use(site: Site) -> None:
        assert await site.ask(FORWARDED) == {
            "remote": CLIENT, "scheme": "https", "host": "real.example", "url": "https://real.example/a?b=c",
        }  # fmt: skip
        assert (await site.ask(*X_FORWARDED))["remote"] == PROXY
        assert (await site.ask("Forwarded: for=_hidden"))["remote"] == "_hidden"
        assert (await site.ask("Forwarded: for=unknown"))["remote"] is None
        assert site.log == [f"{CLIENT} 200", f"{PROXY} 200", "_hidden 200", "- 200"]

    run(new_loop, use, trusted_proxies=[PROXY], forwarded="forwarded")


@LOOPS
def test_x_forwarded(new_loop: NewLoop) -> None:
    async def use(site: Site) -> None:
        assert await site.ask(*X_FORWARDED) == {
            "remote": CLIENT, "scheme": "https", "host": "real.example:8443",
            "url": "https://real.example:8443/a?b=c",
        }  # fmt: skip
        assert (await site.ask(FORWARDED))["remote"] == PROXY
        assert site.log == [f"{CLIENT} 200", f"{PROXY} 200"]

    run(new_loop, use, trusted_proxies=[PROXY], forwarded="x-forwarded")


@LOOPS
@pytest.mark.parametrize("header", ["forwarded", "x-forwarded"])
def test_nobody_else_is_believed(new_loop: NewLoop, header: str) -> None:
    async def use(site: Site) -> None:
        assert await site.ask(FORWARDED, *X_FORWARDED, host=STRANGER) == {
            "remote": STRANGER, "scheme": "http", "host": "own.example", "url": "http://own.example/a?b=c",
        }  # fmt: skip
        assert site.log == [f"{STRANGER} 200"]

    run(new_loop, use, trusted_proxies=[PROXY, "unix", "::1"], forwarded=header)


def test_without_options_nobody_is_believed() -> None:
    async def use(site: Site) -> None:
        assert (await site.ask(FORWARDED, *X_FORWARDED))["remote"] == PROXY
        assert (await site.send(V1 + request())).startswith(b"HTTP/1.1 400 ")

    run(asyncio.SelectorEventLoop, use)


@LOOPS
def test_a_unix_socket(new_loop: NewLoop, tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        assert (await site.ask(*X_FORWARDED))["remote"] == CLIENT
        assert site.log == [f"{CLIENT} 200"]

    run(new_loop, use, path=tmp_path / "s", trusted_proxies=["unix"], forwarded="x-forwarded")


@LOOPS
def test_a_unix_socket_that_is_not_listed(new_loop: NewLoop, tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        assert (await site.ask(*X_FORWARDED))["remote"] is None

    networks = ["0.0.0.0/0", "::/0"]
    run(new_loop, use, path=tmp_path / "s", trusted_proxies=networks, forwarded="x-forwarded")


@LOOPS
def test_a_client_that_has_left_is_still_known(new_loop: NewLoop, tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        _, writer = await asyncio.open_unix_connection(site.address)
        writer.write(b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n")
        writer.write(f"{X_FORWARDED[0]}\r\n\r\nab".encode())
        await until(lambda: site.runner.server.requests_count == 1)
        writer.transport.abort()
        await until(lambda: not site.runner.server.connections)

    async def note(request: web.BaseRequest) -> web.Response:
        with suppress(ConnectionError):
            await request.read()
        remotes.append(request.remote)
        return web.Response()

    remotes: list[str | None] = []

    async def main() -> None:
        server = web.Server(note, trusted_proxies="unix", forwarded="x-forwarded", access_log=None)
        runner = web.ServerRunner(server)
        await runner.setup()
        await web.UnixSite(runner, tmp_path / "s").start()
        async with asyncio.timeout(20):
            await use(Site(runner, []))  # type: ignore[arg-type]
            await until(lambda: remotes == [CLIENT])
        await runner.cleanup()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
