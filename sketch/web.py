"""The names of ``aiohttp.web``, and a few of our own (docs/stability.md): ``from sketch import web``."""

from typing import TYPE_CHECKING

from . import exceptions
from .appkeys import AppKey, NotAppKeyWarning, RequestKey, ResponseKey
from .application import Application
from .background import TooManyTasks
from .cli import main
from .compression import compress
from .exceptions import *  # noqa: F403
from .fileresponse import FileResponse
from .health import readiness
from .http.coding import ContentCoding
from .http.deferred import deferred
from .middleware import middleware, normalize_path_middleware
from .net.requesthandler import RequestHandler
from .request import BaseRequest, Request
from .response import Response, StreamResponse, json_bytes_response, json_response
from .router import UrlDispatcher
from .routing.matchinfo import UrlMappingMatchInfo
from .routing.options import RouteOptions, route_options
from .routing.resources import AbstractResource, DynamicResource, PlainResource, Resource
from .routing.routedef import (
    AbstractRouteDef,
    RouteDef,
    RouteTableDef,
    StaticDef,
    delete,
    get,
    head,
    options,
    patch,
    post,
    put,
    route,
    static,
    view,
)
from .routing.routes import AbstractRoute, ResourceRoute
from .routing.static import StaticResource
from .routing.subapps import PrefixedSubAppResource
from .runner import (
    AppRunner,
    BaseRunner,
    BaseSite,
    GracefulExit,
    NamedPipeSite,
    ServerRunner,
    SockSite,
    TCPSite,
    UnixSite,
    run_app,
)
from .signals import CleanupError
from .streams import PayloadAccessError, RequestPayloadError
from .upgrade import UpgradeResponse
from .uploads import FileField
from .views import View
from .webserver import Server

if TYPE_CHECKING:
    from .http.handshake import Deflate
    from .http.websocket import SharedMessage, WSMsgType
    from .sse import sse_response
    from .websocket import WebSocketReady, WebSocketResponse, broadcast

__all__ = [
    "AbstractResource",
    "AbstractRoute",
    "AbstractRouteDef",
    "AppKey",
    "AppRunner",
    "Application",
    "BaseRequest",
    "BaseRunner",
    "BaseSite",
    "CleanupError",
    "ContentCoding",
    "Deflate",
    "DynamicResource",
    "FileResponse",
    "FileField",
    "GracefulExit",
    "NamedPipeSite",
    "NotAppKeyWarning",
    "PayloadAccessError",
    "PlainResource",
    "PrefixedSubAppResource",
    "Request",
    "RequestHandler",
    "RequestKey",
    "RequestPayloadError",
    "Resource",
    "ResourceRoute",
    "Response",
    "ResponseKey",
    "RouteDef",
    "RouteOptions",
    "RouteTableDef",
    "Server",
    "ServerRunner",
    "SharedMessage",
    "SockSite",
    "StaticDef",
    "StaticResource",
    "StreamResponse",
    "TCPSite",
    "TooManyTasks",
    "UnixSite",
    "UpgradeResponse",
    "UrlDispatcher",
    "UrlMappingMatchInfo",
    "View",
    "WSMsgType",
    "WebSocketReady",
    "WebSocketResponse",
    "broadcast",
    "compress",
    "delete",
    "get",
    "head",
    "json_bytes_response",
    "json_response",
    "middleware",
    "normalize_path_middleware",
    "options",
    "patch",
    "post",
    "put",
    "readiness",
    "route",
    "route_options",
    "run_app",
    "sse_response",
    "static",
    "view",
]
__all__ += exceptions.__all__

_accesslog = deferred(".accesslog", __package__)
_websocket = deferred(".websocket", __package__)
# Most programs have no WebSockets, and no event streams.
_LATE = {
    "Deflate": deferred(".http.handshake", __package__),
    "SharedMessage": deferred(".http.websocket", __package__),
    "WSMsgType": deferred(".http.websocket", __package__),
    "WebSocketReady": _websocket,
    "WebSocketResponse": _websocket,
    "broadcast": _websocket,
    "sse_response": deferred(".sse", __package__),
}

# Names that aiohttp.web has and does not promise. Programs use them all the same.
_UNPROMISED = {
    "AbstractAccessLogger": (_accesslog, "AbstractAccessLogger"),
    "AccessLogger": (_accesslog, "AccessLogger"),
    "access_logger": (deferred(".logs", __package__), "access_logger"),
    "_run_app": (deferred(".runner.run", __package__), "run_app_inside"),
}

# With it, type checkers would believe in any name.
if not TYPE_CHECKING:

    def __getattr__(name):
        """Names whose modules are loaded when they are first asked for (PEP 562)."""
        if name in _UNPROMISED:
            room, there = _UNPROMISED[name]
            return getattr(room, there)
        if name not in _LATE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
        value = globals()[name] = getattr(_LATE[name], name)
        return value

    def __dir__():
        return sorted({*globals(), *__all__})


if __name__ == "__main__":
    main(prog="sketch.web")
