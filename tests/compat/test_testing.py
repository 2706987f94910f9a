"""aiohttp's own tools for tests, on sketch: ``aiohttp.test_utils`` and its pytest plugin."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.compat.running import output, run, run_text

TESTS = """
import sketch.web
from aiohttp import web


async def hello(request):
    return web.Response(text=request.match_info["name"])


async def test_an_application(aiohttp_client):
    app = web.Application()
    app.router.add_get("/{name}", hello)
    client = await aiohttp_client(app)
    assert web is sketch.web
    response = await client.get("/Ada")
    assert (response.status, await response.text()) == (200, "Ada")
    assert response.headers["Server"] == "sketch"


async def test_a_server(aiohttp_server, aiohttp_client):
    app = web.Application()
    app.router.add_get("/{name}", hello)
    server = await aiohttp_server(app)
    client = await aiohttp_client(server)
    assert (await client.get("/Bob")).status == 200
    assert server.handler.requests_count == 1


async def test_a_raw_server(aiohttp_raw_server, aiohttp_client):
    async def handler(request):
        return web.Response(text=type(request).__name__)

    client = await aiohttp_client(await aiohttp_raw_server(handler))
    assert await (await client.post("/anything")).text() == "BaseRequest"
"""


def test_clients_and_servers_of_test_utils() -> None:
    assert run_text(
        """
        import asyncio
        from aiohttp import web
        from aiohttp.test_utils import AioHTTPTestCase, RawTestServer, TestClient, TestServer
        import unittest

        async def hello(request):
            return web.json_response(await request.json())

        class Case(AioHTTPTestCase):
            async def get_application(self):
                app = web.Application()
                app.router.add_post("/", hello)
                return app

            async def test_echo(self):
                response = await self.client.post("/", json=[1])
                assert await response.json() == [1]
                assert response.headers["Server"] == "sketch"

        async def raw():
            async with TestClient(RawTestServer(hello)) as client:
                print(await (await client.put("/x", json={"a": 1})).json())

        result = unittest.main(exit=False, argv=["x"]).result
        print(result.wasSuccessful(), result.testsRun)
        asyncio.run(raw())
    """,
        "-W",
        "ignore",
    ).splitlines() == ["True 1", "{'a': 1}"]


def test_aiohttps_own_plugin(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    said = output(
        run(
            "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "sketch.compat.pytest_plugin",
            "-p", "aiohttp.pytest_plugin", "-p", "no:aiohttp", "-p", "no:asyncio", "test_it.py",
            directory=tmp_path,
        )
    )  # fmt: skip
    assert "3 passed" in said


@pytest.mark.skipif(find_spec("pytest_aiohttp") is None, reason="the extra 'ecosystem' is not installed")
def test_pytest_aiohttp(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\naddopts = -p sketch.compat.pytest_plugin -p no:cacheprovider\n"
    )
    assert "3 passed" in output(run("-m", "pytest", "-q", "test_it.py", directory=tmp_path))


@pytest.mark.skipif(find_spec("pytest_aiohttp") is None, reason="the extra 'ecosystem' is not installed")
def test_a_plugin_that_came_first_is_named(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("import sketch.compat\nsketch.compat.install()\n")
    (tmp_path / "test_it.py").write_text(TESTS)
    # aresponses, where it is installed, comes even before.
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:aresponses")
    result = run("-m", "pytest", *options, "test_it.py", directory=tmp_path)
    assert result.returncode != 0
    said = result.stdout + result.stderr
    assert "by pytest_aiohttp" in said and "-p sketch.compat.pytest_plugin" in said
