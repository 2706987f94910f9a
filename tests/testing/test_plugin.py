"""The plugin for pytest, alone and beside others, in processes of its own."""

from pathlib import Path

import pytest

from sketch.testing.plugin import choose_loops
from tests.testing.suites import NEEDS_PYTEST_AIOHTTP, NEEDS_PYTEST_ASYNCIO, Outcome, passed, run_suite

CONFTEST = 'pytest_plugins = ["sketch.testing.plugin"]\n'

SHOP = """
import asyncio
from sketch import web

async def hello(request):
    return web.Response(text="hello")

async def sleep(request):
    await asyncio.sleep(3600)
    return web.Response(text="slept")

def make_app():
    app = web.Application()
    app.router.add_get("/", hello)
    app.router.add_get("/sleep", sleep)
    return app
"""

SUITE = """
import asyncio
import pytest
IMPORT
from sketch import web
from sketch.testing import Client, TestClient, VirtualLoop
from shop import hello, make_app

async def text(opening):
    return await (await opening).text()

@FIXTURE
async def client(sketch_client):
    return await sketch_client(make_app())

@FIXTURE
async def left_open(aiohttp_client):
    client = await aiohttp_client(make_app())
    yield client
    # The client is open as long as the fixtures that were made with it.
    assert await text(client.get("/")) == "hello"

MARK
async def test_plain():
    await asyncio.sleep(0)

MARK
async def test_in_memory(client, loop):
    assert loop is asyncio.get_running_loop()
    assert isinstance(client, Client)
    assert await text(client.get("/")) == "hello"

MARK
async def test_over_sockets(left_open, aiohttp_client_cls):
    assert type(left_open) is aiohttp_client_cls is TestClient
    assert await text(left_open.get("/")) == "hello"

MARK
async def test_servers(aiohttp_server, aiohttp_raw_server, aiohttp_client, aiohttp_unused_port):
    port = aiohttp_unused_port()
    server = await aiohttp_server(make_app(), port=port)
    assert server.port == port
    assert await text((await aiohttp_client(server)).get("/")) == "hello"
    raw = await aiohttp_raw_server(hello)
    assert await text((await aiohttp_client(raw)).get("/any")) == "hello"
    client = await aiohttp_client(make_app(), server_kwargs={"skip_url_asserts": True})
    assert client.server.skip_url_asserts
    with pytest.raises(ValueError):
        await aiohttp_client(hello)

MARK
@pytest.mark.virtual_clock
async def test_virtual(client):
    assert isinstance(asyncio.get_running_loop(), VirtualLoop)
    assert await text(client.get("/sleep")) == "slept"
    await client.advance(80)
    assert client.server.connections == []

class TestInAClass:
    @FIXTURE
    async def own(self, sketch_client):
        self.client = await sketch_client(make_app())

    MARK
    async def test_method(self, own):
        assert await text(self.client.get("/")) == "hello"

class TestOwnClient:
    @pytest.fixture
    def aiohttp_client_cls(self):
        class Mine(TestClient):
            async def hello(self):
                return await text(self.get("/"))
        return Mine

    MARK
    async def test_method(self, aiohttp_client):
        assert await (await aiohttp_client(make_app())).hello() == "hello"

@pytest.mark.parametrize("number", [1, 2])
MARK
async def test_parameters(number, client):
    assert number in (1, 2)
"""

NAMES = {
    "test_suite.py::" + name
    for name in (
        "test_plain", "test_in_memory", "test_over_sockets", "test_servers", "test_virtual",
        "TestInAClass::test_method", "TestOwnClient::test_method", "test_parameters[1]", "test_parameters[2]",
    )
}  # fmt: skip


def write(directory: Path, suite: str, *, is_strict: bool = False) -> None:
    """A suite; for pytest-asyncio's strict mode every coroutine says whose it is."""
    fixture, mark = (
        ("pytest_asyncio.fixture", "@pytest.mark.asyncio") if is_strict else ("pytest.fixture", "")
    )
    suite = suite.replace("FIXTURE", fixture).replace("MARK", mark)
    suite = suite.replace("IMPORT", "import pytest_asyncio" if is_strict else "")
    (directory / "conftest.py").write_text(CONFTEST)
    (directory / "shop.py").write_text(SHOP)
    (directory / "test_suite.py").write_text(suite)


def test_alone(tmp_path: Path) -> None:
    write(tmp_path, SUITE)
    assert passed(run_suite(tmp_path)) == NAMES


def test_beside_anyio(tmp_path: Path) -> None:
    """Its plugin comes with aiohttp's friends; the tests that are its own are left to it."""
    theirs = """
import sniffio

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.fixture
async def made_by_anyio(anyio_backend):
    return asyncio.get_running_loop()

@pytest.mark.anyio
async def test_of_anyio(made_by_anyio):
    assert made_by_anyio is asyncio.get_running_loop()
"""
    write(tmp_path, SUITE + theirs.replace("import sniffio\n", ""))
    assert passed(run_suite(tmp_path, plugins=("anyio",))) == NAMES | {"test_suite.py::test_of_anyio"}


@NEEDS_PYTEST_ASYNCIO
def test_beside_pytest_asyncio_in_its_auto_mode(tmp_path: Path) -> None:
    write(tmp_path, SUITE)
    assert passed(run_suite(tmp_path, "--asyncio-mode=auto", plugins=("asyncio",))) == NAMES


@NEEDS_PYTEST_ASYNCIO
def test_beside_pytest_asyncio_in_its_strict_mode(tmp_path: Path) -> None:
    write(tmp_path, SUITE, is_strict=True)
    assert passed(run_suite(tmp_path, "--asyncio-mode=strict", plugins=("asyncio",))) == NAMES


@NEEDS_PYTEST_AIOHTTP
@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_beside_pytest_aiohttp(tmp_path: Path, mode: str) -> None:
    write(tmp_path, SUITE, is_strict=mode == "strict")
    outcome = run_suite(tmp_path, f"--asyncio-mode={mode}", plugins=("asyncio", "aiohttp", "anyio"))
    assert passed(outcome) == NAMES


@NEEDS_PYTEST_AIOHTTP
def test_without_being_named_it_changes_nothing(tmp_path: Path) -> None:
    """An application of aiohttp's, in an environment in which sketch is installed, too."""
    (tmp_path / "test_suite.py").write_text("""
import sys
from aiohttp import web

async def test_theirs(aiohttp_client):
    async def hello(request):
        return web.Response(text="hello")
    app = web.Application()
    app.router.add_get("/", hello)
    client = await aiohttp_client(app)
    assert type(client).__module__ == "aiohttp.test_utils"
    assert await (await client.get("/")).text() == "hello"
    assert not any(name.startswith("sketch") for name in sys.modules)
""")
    outcome = run_suite(tmp_path, "--asyncio-mode=auto", plugins=("asyncio", "aiohttp"))
    assert passed(outcome) == {"test_suite.py::test_theirs"}


def test_kinds_of_loops(tmp_path: Path) -> None:
    write(tmp_path, """
import asyncio

async def test_loop(loop):
    print(f"<{type(loop).__module__}>")

def test_none():
    pass
""")  # fmt: skip
    names = {
        "test_suite.py::test_loop[pyloop]",
        "test_suite.py::test_loop[uvloop]",
        "test_suite.py::test_none",
    }
    outcome = run_suite(tmp_path, "--aiohttp-loop=all", "--aiohttp-fast", "--aiohttp-enable-loop-debug")
    assert passed(outcome) == names
    assert "<uvloop>" in outcome.output
    outcome = run_suite(tmp_path, "--aiohttp-loop=virtual")
    assert "<sketch.testing.clock>" in outcome.output
    assert run_suite(tmp_path, "--aiohttp-loop=other").returncode != 0


def test_names_of_loops() -> None:
    assert list(choose_loops("all")) == ["pyloop", "uvloop"]
    assert list(choose_loops("virtual, other?")) == ["virtual"]
    with pytest.raises(pytest.UsageError, match="'other' is none of pyloop, uvloop, virtual"):
        choose_loops("pyloop,other")


def test_a_loop_of_one_s_own(tmp_path: Path) -> None:
    write(tmp_path, """
import asyncio
import pytest

class Mine(asyncio.SelectorEventLoop):
    pass

@pytest.fixture
def loop_factory():
    return Mine

async def test_loop():
    assert type(asyncio.get_running_loop()) is Mine

def test_by_hand(loop, sketch_client):
    from shop import make_app
    client = loop.run_until_complete(sketch_client(make_app()))
    response = loop.run_until_complete(client.get("/"))
    assert loop.run_until_complete(response.text()) == "hello"
""")  # fmt: skip
    passed(run_suite(tmp_path))


def test_what_fails_fails(tmp_path: Path) -> None:
    write(tmp_path, """
import asyncio
import pytest

async def test_fails():
    assert 1 == 2

@pytest.fixture
async def twice():
    yield 1
    yield 2

@pytest.fixture
async def broken():
    raise LookupError("broken")

async def test_twice(twice):
    pass

async def test_broken(broken):
    pass

@pytest.mark.virtual_clock
async def test_stalls():
    await asyncio.Event().wait()

async def test_leaves_a_task_behind():
    asyncio.create_task(asyncio.sleep(1000))

def failing(what):
    async def fail(app):
        raise LookupError(what + " failed")
    return fail

async def test_clean_up(sketch_client):
    from shop import make_app
    for what in ("clean-up", "another clean-up"):
        app = make_app()
        app.on_cleanup.append(failing(what))
        await sketch_client(app)
    await sketch_client(make_app())

async def test_after_all_that():
    await asyncio.sleep(0)
""")  # fmt: skip
    outcome = run_suite(tmp_path)
    results = {name.partition("::")[2]: state for name, state in outcome.results.items()}
    assert outcome.returncode == 1
    assert results == {
        "test_fails": "FAILED",
        "test_twice": "ERROR",
        "test_broken": "ERROR",
        "test_stalls": "FAILED",
        "test_leaves_a_task_behind": "PASSED",
        "test_clean_up": "ERROR",
        "test_after_all_that": "PASSED",
    }, outcome.output
    assert "yields more than once" in outcome.output and "never comes" in outcome.output
    assert "LookupError: clean-up failed" in outcome.output
    assert "LookupError: another clean-up failed" in outcome.output


@pytest.mark.parametrize("name", ["test_client", "test_server", "raw_test_server", "unused_port"])
def test_older_names(tmp_path: Path, name: str) -> None:
    write(tmp_path, f"""
async def test_old({name}):
    assert callable({name})
""")  # fmt: skip
    outcome: Outcome = run_suite(tmp_path, "-W", "default::DeprecationWarning")
    assert passed(outcome) == {"test_suite.py::test_old"}
    assert "DeprecationWarning: use the fixture aiohttp_" in outcome.output
