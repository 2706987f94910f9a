"""A web framework and HTTP server for asyncio, in plain Python.

The names of the tutorial live here; ``from sketch import web`` has aiohttp's. So have ``sketch.hdrs``,
``sketch.typedefs`` and ``sketch.abc``, and what else server programs import from aiohttp's top package is
here for them, and loaded when it is asked for.
"""

from typing import TYPE_CHECKING, Any

from . import aliases, exceptions
from . import hdrs as hdrs
from .application import Application
from .exceptions import *  # noqa: F403
from .middleware import middleware
from .request import Request
from .response import Response, StreamResponse, json_response
from .routing.routedef import RouteTableDef
from .runner import run_app_locally as run_app
from .views import View

__version__ = "0.1.0"

__all__ = [
    "Application",
    "Request",
    "Response",
    "RouteTableDef",
    "StreamResponse",
    "View",
    "json_response",
    "middleware",
    "run_app",
]
__all__ += exceptions.__all__

if TYPE_CHECKING:
    from .appkeys import ChainMapProxy as ChainMapProxy
    from .basicauth import BasicAuth as BasicAuth
    from .basicauth import encode_basic_auth as encode_basic_auth
    from .dataqueue import DataQueue as DataQueue
    from .http.heads import HttpVersion as HttpVersion
    from .http.heads import HttpVersion10 as HttpVersion10
    from .http.heads import HttpVersion11 as HttpVersion11
    from .streams import EMPTY_PAYLOAD as EMPTY_PAYLOAD
    from .streams import EofStream as EofStream
    from .streams import StreamReader as StreamReader
    from .worker import GunicornUVLoopWebWorker as GunicornUVLoopWebWorker
    from .worker import GunicornWebWorker as GunicornWebWorker
else:

    def __getattr__(name: str) -> Any:
        return aliases.find(__name__, aliases.NEIGHBOURS, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *aliases.NEIGHBOURS})


globals().update(aliases.register(__name__))
