"""Routes by decorating handlers: ``@app.post("/users")``.

Knows methods and paths. Refuses to know where routes go: whoever has these decorators says.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

from .options import RouteOptions

H = TypeVar("H", bound=Callable[..., Any])


class RouteDecorators:
    """The decorators of the tutorial's repository, without ``get``: an application's mapping has one, too."""

    @property
    @abstractmethod
    def router(self) -> Any:
        """The router that routes are added to."""

    def route(
        self,
        path: str,
        method: str = "GET",
        *,
        name: str | None = None,
        options: RouteOptions | None = None,
    ) -> Callable[[H], H]:
        """Decorate a handler to add it as a route (the repository of the tutorial)."""

        def register(handler: H) -> H:
            self.router.add_route(method, path, handler, name=name, options=options)
            return handler

        return register

    def head(self, path: str, **kwargs: Any) -> Callable[[H], H]:
        """Decorate a handler for ``HEAD``; keywords are those of `route`."""
        return self.route(path, "HEAD", **kwargs)

    def post(self, path: str, **kwargs: Any) -> Callable[[H], H]:
        """Decorate a handler for ``POST``; keywords are those of `route`."""
        return self.route(path, "POST", **kwargs)

    def put(self, path: str, **kwargs: Any) -> Callable[[H], H]:
        """Decorate a handler for ``PUT``; keywords are those of `route`."""
        return self.route(path, "PUT", **kwargs)

    def patch(self, path: str, **kwargs: Any) -> Callable[[H], H]:
        """Decorate a handler for ``PATCH``; keywords are those of `route`."""
        return self.route(path, "PATCH", **kwargs)

    def delete(self, path: str, **kwargs: Any) -> Callable[[H], H]:
        """Decorate a handler for ``DELETE``; keywords are those of `route`."""
        return self.route(path, "DELETE", **kwargs)

    def options(self, path: str, **kwargs: Any) -> Callable[[H], H]:
        """Decorate a handler for ``OPTIONS``; keywords are those of `route`."""
        return self.route(path, "OPTIONS", **kwargs)
