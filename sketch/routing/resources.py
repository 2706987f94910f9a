"""What a path leads to: a resource, with a route for each method.

Knows one path, its routes by method, and how it moves under a prefix. Refuses to know the other resources
of the router: their order is `sketch.router`'s and `sketch.routing.tree`'s.
"""

from abc import abstractmethod
from collections.abc import Container, Iterable, Iterator, Mapping, Sized
from typing import Any, Final

from yarl import URL

from ..callables import describe
from .abstract import (
    AbstractView,
    ExpectHandler,
    Handler,
    RouterWatcher,
)
from .matchinfo import UrlMappingMatchInfo
from .options import RouteOptions
from .pattern import Layout, OpenEnd, Pattern, decode, index_key, literal_segments, requote
from .routes import ANY, AbstractRoute, ResourceRoute

Resolution = tuple[UrlMappingMatchInfo | None, set[str]]
"""A match, or ``None``; and the methods that the resource allows for the path."""

EVERYTHING_BELOW: Final = OpenEnd("", "", "")
"""The open end of a resource that says nothing about its paths."""


class AbstractResource(Sized, Iterable[AbstractRoute]):
    """Anything that a router can be given to match requests with (aiohttp documentation, "Resources").

    A subclass that defines no more than the abstract methods works, through `resolve`; its router then
    needs the whole request to find a route.
    """

    def __init__(self, *, name: str | None = None) -> None:
        self._name = name
        self._watchers: tuple[RouterWatcher, ...] = ()

    @property
    def name(self) -> str | None:
        """The name that the resource is registered under, if any."""
        return self._name

    @property
    @abstractmethod
    def canonical(self) -> str:
        """The path, with ``{name}`` for each parameter."""

    @abstractmethod
    def url_for(self, **kwargs: str) -> URL:
        """The URL that leads to the resource, for these values of its parameters."""

    @abstractmethod
    async def resolve(self, request: Any) -> Resolution:
        """Match a request."""

    @abstractmethod
    def add_prefix(self, prefix: str) -> None:
        """Move the resource below a path, when its application becomes part of another."""

    @abstractmethod
    def get_info(self) -> Mapping[str, Any]:
        """What there is to know about the resource, for introspection."""

    @abstractmethod
    def raw_match(self, path: str) -> bool:
        """Whether the resource was registered with exactly this path."""

    def freeze(self) -> None:
        """Called when registration is over."""

    @property
    def needs_request(self) -> bool:
        """Whether method and path are not enough to match."""
        return True

    @property
    def index_key(self) -> str:
        """Where the resource stands in the order of matching: longer keys are tried first."""
        fixed, brace, _ = self.canonical.partition("{")
        return index_key(fixed.rpartition("/")[0] if brace else fixed)

    def layout(self) -> Layout:
        """Which paths the tree shall ask the resource about: all that begin with its key."""
        return Layout(literal_segments(self.index_key), EVERYTHING_BELOW)

    def match(self, path: str) -> dict[str, str] | None:
        """The values for a decoded path, or ``None``. Asked where `layout` has an open end."""
        return None

    def watch(self, watcher: RouterWatcher) -> None:
        """Tell this router about every change from now on."""
        if watcher not in self._watchers:
            self._watchers = (*self._watchers, watcher)

    def _changed(self, route: AbstractRoute | None = None) -> None:
        for watcher in self._watchers:
            watcher.resource_changed(self, route)


class Resource(AbstractResource):
    """A path with one route per method."""

    def __init__(self, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self._routes: dict[str, ResourceRoute] = {}
        self._any_route: ResourceRoute | None = None
        self._allowed_methods: set[str] = set()

    def add_route(
        self,
        method: str,
        handler: Handler | type[AbstractView],
        *,
        expect_handler: ExpectHandler | None = None,
        options: RouteOptions | None = None,
    ) -> ResourceRoute:
        """Answer a method. Raises `RuntimeError` when another handler answers it already; see
        `AbstractRoute` for what is wrong with a method or a handler."""
        existing = self._routes.get(method.upper(), self._any_route)
        if existing is not None:
            raise RuntimeError(
                f"Added route will never be executed: {existing.method} {self.canonical} is already answered "
                f"by {describe(existing.handler)}; remove {describe(handler)} or give it another path"
            )
        route = ResourceRoute(method, handler, self, expect_handler=expect_handler, options=options)
        self.register_route(route)
        return route

    def register_route(self, route: ResourceRoute) -> None:
        """Add a route that was made elsewhere. Raises `AssertionError` when it is none, as aiohttp."""
        if not isinstance(route, ResourceRoute):
            raise AssertionError(f"register_route takes a ResourceRoute, got {route!r}")
        if route.method == ANY:
            self._any_route = route
        self._allowed_methods.add(route.method)
        self._routes[route.method] = route
        self._changed(route)

    async def resolve(self, request: Any) -> Resolution:
        """Match a request by its ``match_path`` and ``method``."""
        values = self._match(request.match_path)
        if values is None:
            return None, set()
        route = self._routes.get(request.method, self._any_route)
        if route is None:
            return None, self._allowed_methods
        return UrlMappingMatchInfo(values, route), self._allowed_methods

    @abstractmethod
    def _match(self, path: str) -> dict[str, str] | None:
        """The values for a decoded path, or ``None``. Subclasses outside of this package override it,
        under the name that aiohttp gave it."""

    def match(self, path: str) -> dict[str, str] | None:
        return self._match(path)

    @property
    def needs_request(self) -> bool:
        return type(self).resolve is not Resource.resolve

    def __len__(self) -> int:
        return len(self._routes)

    def __iter__(self) -> Iterator[ResourceRoute]:
        return iter(self._routes.values())

    def __repr__(self) -> str:
        name = "" if self.name is None else f"{self.name!r} "
        return f"<{type(self).__name__} {name}{self.canonical}>"


class PlainResource(Resource):
    """A path without parameters."""

    def __init__(self, path: str, *, name: str | None = None) -> None:
        super().__init__(name=name)
        if path and not path.startswith("/"):
            raise ValueError(f"path {path!r} should be started with / or be empty; write '/{path}'")
        self._path = path

    @property
    def canonical(self) -> str:
        return self._path

    @property
    def path(self) -> str:
        """The decoded path, as requests are compared with it."""
        return decode(self._path)

    @property
    def index_key(self) -> str:
        return index_key(self.path)

    def layout(self) -> Layout:
        if type(self)._match is not PlainResource._match:
            return super().layout()
        return Layout(tuple(self.path.split("/")), None)

    def freeze(self) -> None:
        if not self._path:
            self._path = "/"
            self._changed()

    def add_prefix(self, prefix: str) -> None:
        self._path = check_prefix(prefix) + self._path
        self._changed()

    def _match(self, path: str) -> dict[str, str] | None:
        return {} if path and path == self.path else None

    def raw_match(self, path: str) -> bool:
        return self._path == path

    def get_info(self) -> Mapping[str, Any]:
        return {"path": self._path}

    def url_for(self, **kwargs: str) -> URL:
        """The resource's URL. Raises `TypeError` for any value, since there is no parameter."""
        if kwargs:
            raise TypeError(f"{self._path} has no parameters, but url_for() got {', '.join(kwargs)}")
        return URL.build(path=requote(self._path), encoded=True)


class DynamicResource(Resource):
    """A path with parameters. Raises `ValueError` that says what is wrong with it."""

    def __init__(self, path: str, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self._orig_path = path
        self._pattern = Pattern.parse(path)

    @property
    def canonical(self) -> str:
        return self._pattern.canonical

    @property
    def index_key(self) -> str:
        return self._pattern.index_key

    def layout(self) -> Layout:
        if type(self)._match is not DynamicResource._match:
            return super().layout()
        return self._pattern.layout()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters, in order."""
        return self._pattern.names

    def add_prefix(self, prefix: str) -> None:
        self._pattern = self._pattern.prefixed(check_prefix(prefix))
        self._changed()

    def _match(self, path: str) -> dict[str, str] | None:
        return self._pattern.match(path)

    def raw_match(self, path: str) -> bool:
        return self._orig_path == path

    def get_info(self) -> Mapping[str, Any]:
        return {"formatter": self.canonical, "pattern": self._pattern.compile()}

    def url_for(self, **parts: str) -> URL:
        """The resource's URL with values for the parameters, which are percent-encoded, slashes excepted.
        Raises `KeyError` for a missing one."""
        return URL.build(path=self._pattern.fill(parts), encoded=True)


class ResourcesView(Sized, Iterable[AbstractResource], Container[AbstractResource]):
    """The resources of a router, in the order of registration."""

    def __init__(self, resources: list[AbstractResource]) -> None:
        self._resources = resources

    def __len__(self) -> int:
        return len(self._resources)

    def __iter__(self) -> Iterator[AbstractResource]:
        return iter(self._resources)

    def __contains__(self, resource: object) -> bool:
        return resource in self._resources


class RoutesView(Sized, Iterable[AbstractRoute], Container[AbstractRoute]):
    """The routes of a router at one moment, those of sub-applications included."""

    def __init__(self, resources: Iterable[AbstractResource]) -> None:
        self._routes = [route for resource in resources for route in resource]

    def __len__(self) -> int:
        return len(self._routes)

    def __iter__(self) -> Iterator[AbstractRoute]:
        return iter(self._routes)

    def __contains__(self, route: object) -> bool:
        return route in self._routes


def check_prefix(prefix: str) -> str:
    """The prefix. Raises `ValueError` when paths cannot be put behind it."""
    if not prefix.startswith("/") or prefix.endswith("/"):
        raise ValueError(f"Prefix {prefix!r} starts with a slash and does not end with one; write '/name'")
    return prefix
