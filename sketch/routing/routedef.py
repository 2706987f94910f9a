"""Routes as values, to be registered later: ``web.get("/", handler)`` and ``@routes.get("/")``.

Knows how to keep the arguments of a registration and to repeat it on a router. Refuses to check them: the
router does.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from .abstract import AbstractView, Handler
from .routes import ANY, AbstractRoute

HandlerType = type[AbstractView] | Handler
Registered = TypeVar("Registered", bound=Callable[..., Any])

_WITH_OWN_FUNCTION = frozenset(("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"))


class AbstractRouteDef(ABC):
    """Something that can be registered on a router (aiohttp documentation, "AbstractRouteDef")."""

    __slots__ = ()

    @abstractmethod
    def register(self, router: Any) -> list[AbstractRoute]:
        """Register with a `UrlDispatcher`, and return the routes that this made. Raises what the router
        raises."""


@dataclass(frozen=True, repr=False, slots=True)
class RouteDef(AbstractRouteDef):
    """The arguments of one registration.

    ``kwargs``
        keyword arguments for ``router.add_get`` and the like: ``name``, ``expect_handler``, ``allow_head``,
        ``options``.
    """

    method: str
    path: str
    handler: HandlerType
    kwargs: dict[str, Any]

    def __repr__(self) -> str:
        info = "".join([f", {name}={value!r}" for name, value in sorted(self.kwargs.items())])
        name = getattr(self.handler, "__name__", repr(self.handler))
        return f"<RouteDef {self.method} {self.path} -> {name!r}{info}>"

    def register(self, router: Any) -> list[AbstractRoute]:
        if self.method in _WITH_OWN_FUNCTION:
            add = getattr(router, f"add_{self.method.lower()}")
            return [add(self.path, self.handler, **self.kwargs)]
        return [router.add_route(self.method, self.path, self.handler, **self.kwargs)]


@dataclass(frozen=True, repr=False, slots=True)
class StaticDef(AbstractRouteDef):
    """The arguments of one ``router.add_static``."""

    prefix: str
    path: "str | os.PathLike[str]"
    kwargs: dict[str, Any]

    def __repr__(self) -> str:
        info = "".join([f", {name}={value!r}" for name, value in sorted(self.kwargs.items())])
        return f"<StaticDef {self.prefix} -> {self.path}{info}>"

    def register(self, router: Any) -> list[AbstractRoute]:
        return list(router.add_static(self.prefix, self.path, **self.kwargs))


def route(method: str, path: str, handler: HandlerType, **kwargs: Any) -> RouteDef:
    """A route for any method; ``*`` for all of them."""
    return RouteDef(method, path, handler, kwargs)


def head(path: str, handler: HandlerType, **kwargs: Any) -> RouteDef:
    """A route for ``HEAD``."""
    return route("HEAD", path, handler, **kwargs)


def options(path: str, handler: HandlerType, **kwargs: Any) -> RouteDef:
    """A route for ``OPTIONS``."""
    return route("OPTIONS", path, handler, **kwargs)


def get(
    path: str, handler: HandlerType, *, name: str | None = None, allow_head: bool = True, **kwargs: Any
) -> RouteDef:
    """A route for ``GET``, and for ``HEAD`` unless ``allow_head`` is false."""
    return route("GET", path, handler, name=name, allow_head=allow_head, **kwargs)


def post(path: str, handler: HandlerType, **kwargs: Any) -> RouteDef:
    """A route for ``POST``."""
    return route("POST", path, handler, **kwargs)


def put(path: str, handler: HandlerType, **kwargs: Any) -> RouteDef:
    """A route for ``PUT``."""
    return route("PUT", path, handler, **kwargs)


def patch(path: str, handler: HandlerType, **kwargs: Any) -> RouteDef:
    """A route for ``PATCH``."""
    return route("PATCH", path, handler, **kwargs)


def delete(path: str, handler: HandlerType, **kwargs: Any) -> RouteDef:
    """A route for ``DELETE``."""
    return route("DELETE", path, handler, **kwargs)


def view(path: str, handler: type[AbstractView], **kwargs: Any) -> RouteDef:
    """A route for all methods, answered by a view."""
    return route(ANY, path, handler, **kwargs)


def static(prefix: str, path: "str | os.PathLike[str]", **kwargs: Any) -> StaticDef:
    """The files of a directory below a prefix; ``kwargs`` as for ``router.add_static``."""
    return StaticDef(prefix, path, kwargs)


class RouteTableDef(Sequence[AbstractRouteDef]):
    """A list of routes that decorators add to (aiohttp documentation, "RouteTableDef")."""

    def __init__(self) -> None:
        self._items: list[AbstractRouteDef] = []

    def __repr__(self) -> str:
        return f"<RouteTableDef count={len(self._items)}>"

    @overload
    def __getitem__(self, index: int) -> AbstractRouteDef: ...

    @overload
    def __getitem__(self, index: slice) -> list[AbstractRouteDef]: ...

    def __getitem__(self, index: int | slice) -> AbstractRouteDef | list[AbstractRouteDef]:
        return self._items[index]

    def __iter__(self) -> Iterator[AbstractRouteDef]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, item: object) -> bool:
        return item in self._items

    def route(self, method: str, path: str, **kwargs: Any) -> Callable[[Registered], Registered]:
        """Decorate a handler to add it for a method; ``*`` for all of them."""

        def decorate(handler: Registered) -> Registered:
            self._items.append(RouteDef(method, path, handler, kwargs))
            return handler

        return decorate

    def head(self, path: str, **kwargs: Any) -> Callable[[Registered], Registered]:
        """Decorate a handler to add it for ``HEAD``."""
        return self.route("HEAD", path, **kwargs)

    def get(self, path: str, **kwargs: Any) -> Callable[[Registered], Registered]:
        """Decorate a handler to add it for ``GET``, and ``HEAD`` unless ``allow_head`` is false."""
        return self.route("GET", path, **kwargs)

    def post(self, path: str, **kwargs: Any) -> Callable[[Registered], Registered]:
        """Decorate a handler to add it for ``POST``."""
        return self.route("POST", path, **kwargs)

    def put(self, path: str, **kwargs: Any) -> Callable[[Registered], Registered]:
        """Decorate a handler to add it for ``PUT``."""
        return self.route("PUT", path, **kwargs)

    def patch(self, path: str, **kwargs: Any) -> Callable[[Registered], Registered]:
        """Decorate a handler to add it for ``PATCH``."""
        return self.route("PATCH", path, **kwargs)

    def delete(self, path: str, **kwargs: Any) -> Callable[[Registered], Registered]:
        """Decorate a handler to add it for ``DELETE``."""
        return self.route("DELETE", path, **kwargs)

    def options(self, path: str, **kwargs: Any) -> Callable[[Registered], Registered]:
        """Decorate a handler to add it for ``OPTIONS``."""
        return self.route("OPTIONS", path, **kwargs)

    def view(self, path: str, **kwargs: Any) -> Callable[[Registered], Registered]:
        """Decorate a view to add it for all methods."""
        return self.route(ANY, path, **kwargs)

    def static(self, prefix: str, path: "str | os.PathLike[str]", **kwargs: Any) -> None:
        """Add the files of a directory; ``kwargs`` as for ``router.add_static``."""
        self._items.append(StaticDef(prefix, path, kwargs))
