"""What routing asks of its neighbours, and the interfaces that programs may implement themselves.

Knows the shape of a router, of a match and of a class that handles requests. Refuses to know requests,
responses and applications: they import routing, so here they are protocols or `Any`.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Generator, Mapping
from typing import Any, Protocol

Handler = Callable[[Any], Awaitable[Any]]
"""Takes the request, returns the response."""

ExpectHandler = Callable[[Any], Awaitable[Any]]
"""Takes a request that carries ``Expect``; returns ``None`` to go on, or a response to answer with."""


class RoutedRequest(Protocol):
    """The part of a request that routes are chosen by."""

    @property
    def method(self) -> str:
        """As sent (RFC 9110, section 9.1)."""

    @property
    def match_path(self) -> str:
        """The path with percent-escapes decoded, except ``%2F`` and ``%25``."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The header fields."""


class AbstractMatchInfo(ABC):
    """What a router found for a request (aiohttp documentation, "Abstract Routing")."""

    __slots__ = ()

    @property
    @abstractmethod
    def handler(self) -> Handler:
        """What answers the request."""

    @property
    @abstractmethod
    def expect_handler(self) -> ExpectHandler:
        """What deals with the request's ``Expect`` field (RFC 9110, section 10.1.1)."""

    @property
    @abstractmethod
    def http_exception(self) -> Any:
        """The `HTTPException` that stands for a failed search; ``None`` when a route was found."""

    @abstractmethod
    def get_info(self) -> Mapping[str, Any]:
        """What there is to know about the matched resource, for introspection."""

    @property
    @abstractmethod
    def apps(self) -> tuple[Any, ...]:
        """The nested applications that the request goes through, the outermost first."""

    @abstractmethod
    def add_app(self, app: Any) -> None:
        """Put an application around those that are already there."""

    @abstractmethod
    def freeze(self) -> None:
        """Refuse every later `add_app`."""


class AbstractRouter(ABC):
    """Anything that finds a handler for a request (aiohttp documentation, "Abstract Routing")."""

    def __init__(self) -> None:
        self._frozen = False

    def post_init(self, app: Any) -> None:  # noqa: B027 - a hook, not a duty
        """Called with the application that the router belongs to. Does nothing unless overridden."""

    @property
    def frozen(self) -> bool:
        """Whether registration is over."""
        return self._frozen

    def freeze(self) -> None:
        """End registration. Safe to call again."""
        self._frozen = True

    @abstractmethod
    async def resolve(self, request: Any) -> AbstractMatchInfo:
        """What to do with this request. Finding nothing is a match too, with an ``http_exception``."""


class AbstractView(ABC):
    """A class whose instances answer one request when they are awaited (aiohttp documentation,
    "Class Based Views")."""

    def __init__(self, request: Any) -> None:
        self._request = request

    @property
    def request(self) -> Any:
        """The request to answer."""
        return self._request

    @abstractmethod
    def __await__(self) -> Generator[Any, None, Any]:
        """Answer the request."""


class AbstractRuleMatching(ABC):
    """Decides by the whole request whether a sub-application is responsible for it."""

    @abstractmethod
    async def match(self, request: Any) -> bool:
        """Whether the request satisfies the rule."""

    @abstractmethod
    def get_info(self) -> Mapping[str, Any]:
        """What there is to know about the rule, for introspection."""

    @property
    @abstractmethod
    def canonical(self) -> str:
        """The rule as text."""


class RouterWatcher(Protocol):
    """A router that has to hear when one of its resources changes."""

    def resource_changed(self, resource: Any, route: Any) -> None:
        """``route`` is the one that was added; ``None`` when the resource moved under a prefix."""
