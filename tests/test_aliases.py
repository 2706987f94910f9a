"""aiohttp's names: every module and name that server programs import is found, or said to be missing."""

import importlib
import subprocess
import sys
from types import ModuleType
from typing import Any

import aiohttp
import aiohttp.abc
import aiohttp.hdrs
import aiohttp.typedefs
import aiohttp.web
import pytest

import sketch
import sketch.abc
import sketch.hdrs
import sketch.typedefs
from sketch import aliases
from sketch.http.deferred import deferred
from sketch.http.memory import MemoryExchange
from sketch.request import Request
from sketch.router import UrlDispatcher
from sketch.routing.matchinfo import UrlMappingMatchInfo
from sketch.views import View

NOT_OURS = {
    # Those of a client, and of its resolvers.
    "AddrInfoType", "AsyncResolver", "ClientHandlerType", "ClientMiddlewareType", "CookieJar",
    "DefaultResolver", "DigestAuthMiddleware", "DummyCookieJar", "Fingerprint", "FormData", "RequestInfo",
    "SocketFactoryType", "ThreadedResolver", "UploadTracker", "request",
    # Deprecated in aiohttp, and for its own use.
    "FlowControlDataQueue",
}  # fmt: skip


def is_for_servers(name: str) -> bool:
    value = getattr(aiohttp, name)
    module = str(getattr(value, "__module__", ""))
    client = ("aiohttp.client", "aiohttp.connector", "aiohttp.tracing")
    return name not in NOT_OURS and not module.startswith(client)


@pytest.mark.parametrize("name", [name for name in aliases.MODULES if name.startswith("web_")])
def test_a_module_has_the_names_of_aiohttps(name: str) -> None:
    theirs = importlib.import_module(f"aiohttp.{name}")
    missing = set(getattr(theirs, "__all__", ())) - set(aliases.MODULES[name])
    assert missing == set()
    ours = importlib.import_module(f"sketch.{name}")
    assert {each for each in aliases.MODULES[name] if not hasattr(ours, each)} == set()
    assert not [each for each in aliases.MODULES[name] if not hasattr(theirs, each)], "made up"


def test_every_module_of_aiohttp_web_is_there() -> None:
    theirs = {name.partition(".")[2] for name in sys.modules if name.startswith("aiohttp.web_")}
    assert theirs <= set(aliases.MODULES)


def test_the_top_package_has_what_servers_import() -> None:
    theirs = {name for name in aiohttp.__all__ if name != "hdrs" and is_for_servers(name)}
    assert theirs - {"GunicornUVLoopWebWorker", "GunicornWebWorker"} <= set(aliases.NEIGHBOURS)
    missing = {name for name in theirs if not hasattr(sketch, name)}
    assert missing <= {"GunicornUVLoopWebWorker", "GunicornWebWorker"}


def test_names_are_the_things_themselves() -> None:
    from_web: Any = importlib.import_module("sketch.web_urldispatcher")
    assert from_web.UrlDispatcher is UrlDispatcher
    namespace: dict[str, Any] = {}
    exec("from sketch.web_request import *", namespace)
    assert namespace["Request"] is Request
    assert "Request" in dir(importlib.import_module("sketch.web_request"))
    assert "StreamReader" in dir(sketch)


def test_what_is_not_there_is_said_so() -> None:
    module: ModuleType = importlib.import_module("sketch.web_ws")
    with pytest.raises(AttributeError, match=r"'sketch\.web_ws' of sketch has no attribute 'Nothing'"):
        module.Nothing  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Nothing'"):
        exec("from sketch.web_ws import Nothing")
    with pytest.raises(AttributeError, match="'sketch' of sketch has no attribute 'Nothing'"):
        sketch.Nothing  # type: ignore[attr-defined]  # noqa: B018


def test_a_home_that_cannot_be_loaded_is_named() -> None:
    homes: aliases.Homes = {"name": (deferred("a_distribution_that_nobody_has"), "name")}
    with pytest.raises(AttributeError, match="no 'name': No module named 'a_distribution_that_nobody_has'"):
        aliases.find("module", homes, "name")


def test_the_names_of_methods_and_fields_are_aiohttps() -> None:
    names = [name for name in dir(aiohttp.hdrs) if name.isupper()]
    assert {name: getattr(sketch.hdrs, name) for name in names} == {
        name: getattr(aiohttp.hdrs, name) for name in names
    }


def test_types_have_aiohttps_names() -> None:
    theirs = [name for name, value in vars(aiohttp.typedefs).items() if _is_a_type_name(name, value)]
    assert "JSONBytesEncoder" in theirs
    assert set(theirs) <= set(sketch.typedefs.__all__)
    assert [name for name in sketch.typedefs.__all__ if not hasattr(sketch.typedefs, name)] == []


def _is_a_type_name(name: str, value: object) -> bool:
    is_imported = getattr(value, "__module__", "").startswith("multidict") or isinstance(value, ModuleType)
    taken = (
        "Any",
        "Awaitable",
        "Callable",
        "Iterable",
        "Mapping",
        "Protocol",
        "TYPE_CHECKING",
        "URL",
        "Union",
    )
    return not (name.startswith("_") or is_imported or name in taken)


@pytest.mark.parametrize("name", sketch.abc.__all__)
def test_interfaces_have_the_methods_of_aiohttps(name: str) -> None:
    theirs, ours = getattr(aiohttp.abc, name), getattr(sketch.abc, name)
    theirs_own = {each for each in vars(theirs) if not each.startswith("_")}
    if ours is sketch.abc.AbstractStreamWriter:
        # Framing, compression and the head are not the business of who writes a body.
        theirs_own &= {"drain", "write", "write_eof"}
    assert theirs_own
    assert theirs_own <= set(dir(ours))


def test_our_own_are_instances_of_the_interfaces() -> None:
    request = Request(MemoryExchange())
    assert isinstance(UrlDispatcher(), sketch.abc.AbstractRouter)
    assert issubclass(UrlMappingMatchInfo, sketch.abc.AbstractMatchInfo)
    assert isinstance(View(request), sketch.abc.AbstractView)

    class Writer:
        async def write(self, chunk: bytes) -> None: ...
        async def write_eof(self, chunk: bytes = b"") -> None: ...
        async def drain(self) -> None: ...

    assert isinstance(Writer(), sketch.abc.AbstractStreamWriter)
    assert not isinstance(request, sketch.abc.AbstractStreamWriter)


def test_nothing_is_loaded_before_it_is_asked_for() -> None:
    program = (
        "import sys, sketch.web; from sketch import hdrs; before = set(sys.modules); "
        "from sketch import encode_basic_auth; "
        "print(sorted(name for name in set(sys.modules) - before if name.startswith('sketch')))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "['sketch.basicauth']"
