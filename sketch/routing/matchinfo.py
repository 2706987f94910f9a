"""What was found for a request: the route, the way to it, the values cut out of the path.

An `Endpoint` is the part that is the same for every request to a route; the router makes it once. A match
info is what handlers see of one request, and is made only for those that look.
"""

import sys
from collections.abc import Mapping
from typing import Any

from ..exceptions import HTTPException
from .abstract import AbstractMatchInfo, ExpectHandler, Handler
from .routes import AbstractRoute, Endpoint, SystemRoute


class UrlMappingMatchInfo(dict[str, str], AbstractMatchInfo):
    """The values of the path's parameters, and where they were found (aiohttp documentation,
    "UrlMappingMatchInfo")."""

    __slots__ = ("_apps", "_current_app", "_frozen", "_route")

    def __init__(
        self, match_dict: Mapping[str, str], route: AbstractRoute, apps: tuple[Any, ...] = ()
    ) -> None:
        super().__init__(match_dict)
        self._route = route
        self._apps = apps
        self._current_app: Any = apps[-1] if apps else None
        self._frozen = False

    @property
    def handler(self) -> Handler:
        return self._route.handler

    @property
    def route(self) -> AbstractRoute:
        """The route that answers."""
        return self._route

    @property
    def expect_handler(self) -> ExpectHandler:
        return self._route.handle_expect_header

    @property
    def http_exception(self) -> HTTPException | None:
        return None

    def get_info(self) -> Mapping[str, Any]:
        return self._route.get_info()

    @property
    def apps(self) -> tuple[Any, ...]:
        return self._apps

    def add_app(self, app: Any) -> None:
        """Put an application around those that are already there. Raises `RuntimeError` once frozen."""
        if self._frozen:
            raise RuntimeError(
                f"The match is frozen: {app!r} came too late; add applications while resolving"
            )
        if self._current_app is None:
            self._current_app = app
        self._apps = (app, *self._apps)

    @property
    def current_app(self) -> Any:
        """The application whose middleware or handler is running. Can be set; Python's development mode
        checks that it is one of `apps`."""
        if self._current_app is None:
            raise AssertionError("no application was added to this match")
        return self._current_app

    @current_app.setter
    def current_app(self, app: Any) -> None:
        if sys.flags.dev_mode and app not in self._apps:
            raise RuntimeError(f"Expected one of {self._apps!r} as the current application, got {app!r}")
        self._current_app = app

    def freeze(self) -> None:
        self._frozen = True

    def __repr__(self) -> str:
        return f"<MatchInfo {super().__repr__()}: {self._route!r}>"


class MatchInfoError(UrlMappingMatchInfo):
    """No route was found; the handler raises ``http_exception``."""

    __slots__ = ("_exception",)

    def __init__(
        self,
        http_exception: HTTPException,
        route: AbstractRoute | None = None,
        apps: tuple[Any, ...] = (),
    ) -> None:
        super().__init__({}, route or SystemRoute(http_exception), apps)
        self._exception = http_exception

    @property
    def http_exception(self) -> HTTPException:
        return self._exception

    def __repr__(self) -> str:
        return f"<MatchInfoError {self._exception.status}: {self._exception.reason}>"


def build_match_info(
    endpoint: Endpoint, values: Mapping[str, str] | None, method: str = "", app: Any = None
) -> UrlMappingMatchInfo:
    """The match info for what ``router.find(method, path)`` returned.

    ``method``
        that of the request, which a 405 names.
    ``app``
        the application that the router belongs to. Without it, it has to add itself."""
    apps = endpoint.apps[::-1] if app is None else (app, *endpoint.apps[::-1])
    if endpoint.is_refusal:
        route: Any = endpoint.route
        return MatchInfoError(route.refuse(method), route, apps)
    return UrlMappingMatchInfo(values or {}, endpoint.route, apps)
