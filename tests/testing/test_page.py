"""The programs of docs/testing.md run as they stand, and what can be imported without aiohttp and pytest."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.testing.suites import ROOT, passed, run_suite

PAGE = ROOT / "docs" / "testing.md"


def write_programs(directory: Path) -> list[str]:
    """The page's programs as files, by the names in their first lines."""
    names = []
    for program in re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE):
        name = re.match(r"# (\w+\.py)\n", program)
        assert name is not None, f"a program without a name: {program[:60]}"
        (directory / name[1]).write_text(program, "utf-8")
        names.append(name[1])
    return names


def test_the_programs_run(tmp_path: Path) -> None:
    names = write_programs(tmp_path)
    assert len(names) == len(set(names)) == 10
    files = {name.partition("::")[0] for name in passed(run_suite(tmp_path))}
    assert files == {name for name in names if name.startswith("test_")}
    run_python(tmp_path, "plain.py")


def run_python(directory: Path, *arguments: str) -> str:
    result = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_neither_aiohttp_nor_pytest_is_needed(tmp_path: Path) -> None:
    """The client in memory works where they are not installed; `TestClient` says that it needs aiohttp."""
    (tmp_path / "aiohttp.py").write_text("raise ImportError('not installed')")
    (tmp_path / "pytest.py").write_text("raise ImportError('not installed')")
    (tmp_path / "program.py").write_text("""
import asyncio
import sys
from sketch import web
from sketch.testing import *

async def hello(request):
    return web.Response(text="hello")

def make_app():
    app = web.Application()
    app.router.add_get("/", hello)
    return app

async def main():
    async with Client(make_app()) as client:
        assert await (await client.get("/")).text() == "hello"
    async with TestServer(make_app()) as server:
        assert server.port
    try:
        TestClient(server)
    except ImportError as error:
        print(error)

asyncio.run(main())
print([name for name in ("aiohttp", "pytest") if name in sys.modules])
""")
    assert run_python(tmp_path, "program.py") == "not installed\n[]"
