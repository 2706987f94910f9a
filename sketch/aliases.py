"""aiohttp's names for what has another home here: ``sketch.web_request``, ``from sketch import
StreamReader``.

One table of modules and one of the names of the top package, so that a program finds by the name it knows
what it used of aiohttp. Everything is looked up when it is asked for: nothing here loads a room that nobody
enters. Who writes something new takes ``sketch.web`` and the modules in which things live.
"""

import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import multidict

from . import exceptions
from .http.deferred import deferred

web = deferred(".web", __package__)
_appkeys = deferred(".appkeys", __package__)
_abstract = deferred(".routing.abstract", __package__)
_accesslog = deferred(".accesslog", __package__)
_basicauth = deferred(".basicauth", __package__)
_codecs = deferred(".http.codecs", __package__)
_conditional = deferred(".http.conditional", __package__)
_dataqueue = deferred(".dataqueue", __package__)
_disposition = deferred(".http.disposition", __package__)
_heads = deferred(".http.heads", __package__)
_logs = deferred(".logs", __package__)
_matchinfo = deferred(".routing.matchinfo", __package__)
_multipart = deferred(".multipart", __package__)
_multipartwriter = deferred(".multipartwriter", __package__)
_payload = deferred(".payload", __package__)
_resources = deferred(".routing.resources", __package__)
_response = deferred(".response", __package__)
_routes = deferred(".routing.routes", __package__)
_signals = deferred(".signals", __package__)
_streams = deferred(".streams", __package__)
_subapps = deferred(".routing.subapps", __package__)
_testing = deferred(".testing", __package__)
_typedefs = deferred(".typedefs", __package__)
_websocket = deferred(".http.websocket", __package__)
_worker = deferred(".worker", __package__)

Homes = dict[str, tuple[Any, str]]
"""Where each name is: the module, and what it is called there."""


def _homes(*rows: tuple[Any, str]) -> Homes:
    """``(module, "names in it, separated by spaces")``; ``name=other`` for one that is called otherwise."""
    homes: Homes = {}
    for module, names in rows:
        for entry in names.split():
            name, _, there = entry.partition("=")
            homes[name] = (module, there or name)
    return homes


MODULES: dict[str, Homes] = {
    "helpers": _homes(
        (_response, "sentinel=_UNSET"),
        (_appkeys, "AppKey ChainMapProxy RequestKey ResponseKey"),
        (_basicauth, "BasicAuth encode_basic_auth"),
        (_conditional, "ETag"),
    ),
    "log": _homes((_logs, "access_logger server_logger web_logger ws_logger")),
    "test_utils": _homes(
        (
            _testing,
            "AioHTTPTestCase BaseTestServer RawTestServer TestClient TestServer get_port_socket "
            "get_unused_port_socket loop_context make_mocked_coro make_mocked_request setup_test_loop "
            "teardown_test_loop unittest_run_loop unused_port",
        )
    ),
    "web_app": _homes((web, "Application CleanupError"), (_signals, "CleanupContext")),
    "web_exceptions": _homes((web, " ".join(exceptions.__all__)), (web, "NotAppKeyWarning")),
    "web_fileresponse": _homes((web, "FileResponse")),
    "web_log": _homes((_accesslog, "AbstractAccessLogger AccessLogger")),
    "web_middlewares": _homes(
        (web, "middleware normalize_path_middleware"), (_typedefs, "Handler Middleware")
    ),
    "web_protocol": _homes(
        (web, "PayloadAccessError RequestHandler RequestPayloadError"),
        (_typedefs, "_RequestHandler=Handler"),
    ),
    "web_request": _homes((web, "BaseRequest FileField Request")),
    "web_response": _homes(
        (web, "ContentCoding Response StreamResponse json_bytes_response json_response"),
        (multidict, "CIMultiDict"),
    ),
    "web_routedef": _homes(
        (
            web,
            "AbstractRouteDef RouteDef RouteTableDef StaticDef delete get head options patch post put route "
            "static view",
        )
    ),
    "web_runner": _homes(
        (
            web,
            "AppRunner BaseRunner BaseSite GracefulExit NamedPipeSite ServerRunner SockSite TCPSite UnixSite",
        )
    ),
    "web_server": _homes((web, "Server")),
    "web_urldispatcher": _homes(
        (
            web,
            "AbstractResource AbstractRoute DynamicResource PlainResource PrefixedSubAppResource Resource "
            "ResourceRoute StaticResource UrlDispatcher UrlMappingMatchInfo View",
        ),
        (_abstract, "AbstractRuleMatching _ExpectHandler=ExpectHandler"),
        (_matchinfo, "MatchInfoError"),
        (_resources, "ResourcesView RoutesView"),
        (_routes, "SystemRoute"),
        (_subapps, "Domain MaskDomain MatchedSubAppResource PrefixResource"),
    ),
    "web_ws": _homes(
        (web, "WSMsgType WebSocketReady WebSocketResponse"),
        (_websocket, "WSCloseCode WSMessage WSMessageTypeError WebSocketError"),
    ),
}
"""Modules that are nothing but names, by aiohttp's names for them."""

WORKER = _homes((_worker, "GunicornUVLoopWebWorker GunicornWebWorker"))

NEIGHBOURS: Homes = _homes(
    (_appkeys, "ChainMapProxy"),
    (_basicauth, "BasicAuth encode_basic_auth"),
    (_codecs, "set_zlib_backend"),
    (_conditional, "ETag"),
    (_dataqueue, "DataQueue"),
    (
        _disposition,
        "BadContentDispositionHeader BadContentDispositionParam content_disposition_filename "
        "parse_content_disposition",
    ),
    (_heads, "HttpVersion HttpVersion10 HttpVersion11"),
    (_multipart, "BodyPartReader MultipartReader"),
    (_multipartwriter, "MultipartWriter"),
    (
        _payload,
        "AsyncIterablePayload BufferedReaderPayload BytesIOPayload BytesPayload IOBasePayload JsonPayload "
        "PAYLOAD_REGISTRY Payload StringIOPayload StringPayload TextIOPayload get_payload payload_type "
        "streamer",
    ),
    (_streams, "EMPTY_PAYLOAD EofStream StreamReader"),
    (_websocket, "WSCloseCode WSMessage WSMessageTypeError WSMsgType WebSocketError"),
    (_worker, "GunicornUVLoopWebWorker GunicornWebWorker"),
)
"""What server programs import from aiohttp's top package, beside modules."""


class AliasModule(ModuleType):
    """A module whose names are all at home in others, which are loaded when they are asked for.

    ``homes``
        where each name is. Asked for a name that sketch does not have, it raises `AttributeError` (out of a
        ``from ... import``: `ImportError`).
    """

    def __init__(self, name: str, homes: Homes) -> None:
        super().__init__(name, __doc__)
        self.__file__ = __file__
        self.__spec__ = ModuleSpec(name, None, origin=__file__)
        self.__package__ = name.rpartition(".")[0]
        self._homes = homes

    @property
    def __all__(self) -> list[str]:
        return [name for name in self._homes if not name.startswith("_") and hasattr(self, name)]

    def __getattr__(self, name: str) -> Any:
        return find(self.__name__, self._homes, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.__all__})


def find(module: str, homes: Homes, name: str) -> Any:
    """What is called ``name``. Raises `AttributeError`, which names ``module``, where sketch has no such
    thing, and where what it needs is not installed."""
    if name not in homes:
        raise AttributeError(f"module {module!r} of sketch has no attribute {name!r}", name=name)
    home, there = homes[name]
    try:
        return getattr(home, there)
    except (AttributeError, ImportError) as error:
        raise AttributeError(f"module {module!r} of sketch has no {name!r}: {error}", name=name) from error


def register(package: str) -> Iterator[tuple[str, ModuleType]]:
    """Have the modules of the table found below ``package``. Gives them with their names."""
    for name, homes in MODULES.items():
        module = AliasModule(f"{package}.{name}", homes)
        sys.modules[module.__name__] = module
        yield name, module
