"""The names of ``aiohttp.web``, and a few of our own (docs/stability.md): ``from sketch import web``."""

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
    "static",
    "view",
]
__all__ += exceptions.__all__

if __name__ == "__main__":
    main(prog="sketch.web")
