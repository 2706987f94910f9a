"""A web framework and HTTP server for asyncio, in plain Python.

The names of the tutorial live here; ``from sketch import web`` has aiohttp's.
"""

from . import exceptions
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
