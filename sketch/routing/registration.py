"""The ways to say what answers what: by method, by view, by directory, by definition.

Each comes down to a resource that is added. Where resources are kept, and how they are found, is not known
here.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..http.deferred import deferred
from ..http.exchange import FILE_PIECE
from .abstract import AbstractView, ExpectHandler, Handler
from .options import RouteOptions
from .resources import AbstractResource, Resource
from .routedef import AbstractRouteDef
from .routes import ANY, AbstractRoute

if TYPE_CHECKING:
    from . import static
else:
    static = deferred(".static", __package__)


class Registration(ABC):
    """The part of a router with which routes are added (aiohttp documentation, ``UrlDispatcher``)."""

    @abstractmethod
    def register_resource(self, resource: AbstractResource) -> None:
        """Add a resource of any kind."""

    @abstractmethod
    def add_resource(self, path: str, *, name: str | None = None) -> Resource:
        """The resource for a path."""

    def add_route(
        self,
        method: str,
        path: str,
        handler: Handler | type[AbstractView],
        *,
        name: str | None = None,
        expect_handler: ExpectHandler | None = None,
        options: RouteOptions | None = None,
    ) -> AbstractRoute:
        """Answer a method on a path; ``*`` is every method.

        ``options``
            what holds for requests of this route only.
        """
        resource = self.add_resource(path, name=name)
        return resource.add_route(method, handler, expect_handler=expect_handler, options=options)

    def add_get(
        self,
        path: str,
        handler: Handler | type[AbstractView],
        *,
        name: str | None = None,
        allow_head: bool = True,
        **kwargs: Any,
    ) -> AbstractRoute:
        """Answer ``GET``, and ``HEAD`` with the same handler unless ``allow_head`` is false."""
        resource = self.add_resource(path, name=name)
        if allow_head:
            resource.add_route("HEAD", handler, **kwargs)
        return resource.add_route("GET", handler, **kwargs)

    def add_head(self, path: str, handler: Handler | type[AbstractView], **kwargs: Any) -> AbstractRoute:
        """Answer ``HEAD``."""
        return self.add_route("HEAD", path, handler, **kwargs)

    def add_options(self, path: str, handler: Handler | type[AbstractView], **kwargs: Any) -> AbstractRoute:
        """Answer ``OPTIONS``."""
        return self.add_route("OPTIONS", path, handler, **kwargs)

    def add_post(self, path: str, handler: Handler | type[AbstractView], **kwargs: Any) -> AbstractRoute:
        """Answer ``POST``."""
        return self.add_route("POST", path, handler, **kwargs)

    def add_put(self, path: str, handler: Handler | type[AbstractView], **kwargs: Any) -> AbstractRoute:
        """Answer ``PUT``."""
        return self.add_route("PUT", path, handler, **kwargs)

    def add_patch(self, path: str, handler: Handler | type[AbstractView], **kwargs: Any) -> AbstractRoute:
        """Answer ``PATCH``."""
        return self.add_route("PATCH", path, handler, **kwargs)

    def add_delete(self, path: str, handler: Handler | type[AbstractView], **kwargs: Any) -> AbstractRoute:
        """Answer ``DELETE``."""
        return self.add_route("DELETE", path, handler, **kwargs)

    def add_view(self, path: str, handler: type[AbstractView], **kwargs: Any) -> AbstractRoute:
        """Answer every method with a view."""
        return self.add_route(ANY, path, handler, **kwargs)

    def add_static(
        self,
        prefix: str,
        path: "str | os.PathLike[str]",
        *,
        name: str | None = None,
        expect_handler: ExpectHandler | None = None,
        chunk_size: int = FILE_PIECE,
        show_index: bool = False,
        follow_symlinks: bool = False,
        append_version: bool = False,
    ) -> "static.StaticResource":
        """Answer ``GET`` and ``HEAD`` below a prefix with the files of a directory; see `StaticResource`."""
        if not prefix.startswith("/"):
            raise ValueError(f"Prefix {prefix!r} starts with a slash; write '/name'")
        resource = static.StaticResource(
            prefix.removesuffix("/"),
            path,
            name=name,
            expect_handler=expect_handler,
            chunk_size=chunk_size,
            show_index=show_index,
            follow_symlinks=follow_symlinks,
            append_version=append_version,
        )
        self.register_resource(resource)
        return resource

    def add_routes(self, routes: Iterable[AbstractRouteDef]) -> list[AbstractRoute]:
        """Register what ``web.get(...)`` or a `RouteTableDef` collected, and return the routes."""
        return [route for definition in routes for route in definition.register(self)]
