"""Who is measured, as data, and how each is started."""

import socket
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bench.works import COMMON_WORKS, ECHO_BODY, FILE_WORKS, FRAMEWORK_WORKS, WORKS
from bench.wsworks import DEFLATE_WORKS, ECHO_WORKS, WEBSOCKET_WORKS

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parent
SERVERS: Final = HERE / "servers"

ALL_WORKS: Final = tuple(work.name for work in WORKS)
SERVER_WORKS: Final = tuple(name for name in ALL_WORKS if name not in FRAMEWORK_WORKS)
HOST: Final = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One server.

    ``program``
        the file in ``bench/servers``, without its suffix.
    ``works``
        names of the works that it does.
    ``canned``
        whether its answers do not depend on the request.
    ``environment``
        which of the virtual environments of `bench.environment` it runs in.
    ``needs``
        a program that has to be on the path.
    ``path``
        a directory that Python imports from first, for sketch's own source.
    """

    name: str
    title: str
    program: str
    works: tuple[str, ...] = COMMON_WORKS
    canned: bool = False
    environment: str = "main"
    needs: str | None = None
    path: Path | None = None


PEERS: Final[tuple[Peer, ...]] = (
    Peer(name="sketch", title="sketch", program="serve_sketch", works=ALL_WORKS, path=ROOT),
    Peer(
        name="ceiling",
        title="ceiling (uvloop + httptools, canned)",
        program="serve_ceiling",
        works=SERVER_WORKS,
        canned=True,
    ),
    Peer(
        name="nginx",
        title="nginx (canned, but for files)",
        program="serve_nginx",
        works=(*COMMON_WORKS, *FILE_WORKS),
        canned=True,
        needs="nginx",
    ),
    Peer(name="socketify", title="socketify", program="serve_socketify"),
    Peer(name="granian-rsgi", title="granian RSGI (bare)", program="serve_granian_rsgi", works=SERVER_WORKS),
    Peer(name="granian-asgi", title="granian ASGI (bare)", program="serve_granian_asgi"),
    Peer(name="uvicorn", title="uvicorn (bare ASGI)", program="serve_uvicorn"),
    Peer(name="blacksheep", title="blacksheep + uvicorn", program="serve_blacksheep"),
    Peer(name="starlette", title="starlette + uvicorn", program="serve_starlette", works=SERVER_WORKS),
    Peer(name="aiohttp", title="aiohttp", program="serve_aiohttp", works=ALL_WORKS),
    Peer(name="sanic", title="sanic", program="serve_sanic"),
    Peer(name="robyn", title="robyn", program="serve_robyn", environment="robyn"),
)

QUICK_PEERS: Final = ("sketch", "ceiling", "granian-rsgi", "aiohttp")

_ALL: Final = tuple(work.name for work in WEBSOCKET_WORKS)
_PLAIN: Final = (*ECHO_WORKS, "ws-broadcast", "ws-broadcast-burst")
"""What is left to those that do not deflate."""

WEBSOCKET_PEERS: Final[tuple[Peer, ...]] = (
    Peer(name="sketch", title="sketch", program="ws_sketch", works=_ALL, path=ROOT),
    Peer(
        name="sketch-listen",
        title="sketch (called back)",
        program="ws_sketch_listen",
        works=(*ECHO_WORKS, *DEFLATE_WORKS),
        path=ROOT,
    ),
    Peer(
        name="ceiling",
        title="ceiling (uvloop, from callback to callback)",
        program="ws_ceiling",
        # It joins the pieces of a large frame as they come, which is no limit for anybody.
        works=tuple(name for name in _PLAIN if not name.endswith("-1m")),
    ),
    Peer(name="picows", title="picows", program="ws_picows", works=_PLAIN),
    Peer(
        name="picows-websockets",
        title="picows (websockets' interface)",
        program="ws_picows_websockets",
        works=_ALL,
    ),
    Peer(name="socketify", title="socketify", program="ws_socketify", works=_ALL),
    Peer(name="aiohttp", title="aiohttp", program="ws_aiohttp", works=_ALL),
    Peer(name="granian-rsgi", title="granian RSGI (bare)", program="ws_granian", works=_PLAIN),
    Peer(name="websockets", title="websockets", program="ws_websockets", works=_ALL),
    Peer(
        name="uvicorn-websockets",
        title="uvicorn + websockets (bare ASGI)",
        program="ws_uvicorn_websockets",
        works=_ALL,
    ),
    Peer(
        name="uvicorn-wsproto",
        title="uvicorn + wsproto (bare ASGI)",
        program="ws_uvicorn_wsproto",
        works=_ALL,
    ),
)

QUICK_WEBSOCKET_PEERS: Final = ("sketch", "picows", "aiohttp")


def sketch_from(directory: Path, ours: Peer = PEERS[0]) -> Peer:
    """sketch out of another checkout, under the name ``sketch@DIRECTORY``; otherwise as ``ours``."""
    if not (directory / "sketch" / "__init__.py").exists():
        raise FileNotFoundError(f"{directory} has no package sketch")
    name = f"sketch@{directory}"
    return replace(ours, name=name, title=name, path=directory.resolve())


def command(
    peer: Peer,
    python: Path,
    port: int,
    work: str,
    *,
    access_log: Path | None = None,
    download_bytes: int | None = None,
) -> list[str]:
    """The command that starts a peer for one work on a port of the loopback interface."""
    words = [str(python), str(SERVERS / f"{peer.program}.py"), "--port", str(port), "--work", work]
    if access_log is not None:
        words += ["--access-log", str(access_log)]
    if download_bytes is not None:
        words += ["--download-bytes", str(download_bytes)]
    return words


def variables(peer: Peer, work_directory: Path) -> dict[str, str]:
    """The environment variables that a server program may need."""
    return {
        "BENCH_ECHO_BODY": ECHO_BODY,
        "BENCH_WORK_DIRECTORY": str(work_directory),
        "PYTHONPATH": str(peer.path) if peer.path is not None else "",
    }


def free_port() -> int:
    """A port of the loopback interface that nobody uses, as the operating system chooses it."""
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        return int(sock.getsockname()[1])
