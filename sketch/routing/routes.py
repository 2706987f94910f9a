"""One method on one resource, the handler that answers it, and the endpoint that a router finds.

Knows how to tell a handler from what is none, and how a request that no route answers is refused. Refuses
to know paths.
"""

import functools
import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Final

from multidict import CIMultiDict
from yarl import URL

from ..callables import describe, is_coroutine_function
from ..exceptions import (
    HTTPException,
    HTTPExpectationFailed,
    HTTPMethodNotAllowed,
    HTTPNotFound,
    HTTPNotImplemented,
)
from ..http.headers import split_list
from ..http.heads import HttpVersion11
from ..http.names import METH_CONNECT
from .abstract import AbstractView, ExpectHandler, Handler
from .doubts import HandlerError, warn
from .options import RouteOptions, check_options, check_view, options_of

ANY: Final = "*"
"""The method of a route that answers every method that its resource has no other route for."""

_TOKEN = re.compile(r"[0-9A-Za-z!#$%&'*+.^_`|~-]+")


class AbstractRoute(ABC):
    """A method, a handler, and perhaps a resource (aiohttp documentation, "UrlDispatcher").

    Raises `ValueError` for a method that is no token (RFC 9110, section 9.1) and `HandlerError` for a
    handler or ``expect_handler`` that cannot serve; warns about a handler that is not asynchronous. Of
    ``options`` that cannot be meant, `check_options` says what is wrong.
    """

    def __init__(
        self,
        method: str,
        handler: Handler | type[AbstractView],
        *,
        expect_handler: ExpectHandler | None = None,
        resource: Any = None,
        options: RouteOptions | None = None,
    ) -> None:
        if expect_handler is None:
            expect_handler = expect_continue
        elif not is_coroutine_function(expect_handler):
            raise HandlerError(f"expect_handler {describe(expect_handler)} is not written with 'async def'")
        self._method = check_method(method, handler)
        self._handler: Handler = check_handler(handler)
        self._expect_handler = expect_handler
        self._resource = resource
        self._options = None if options is None else check_options(options, describe(handler))

    @property
    def method(self) -> str:
        """The method in upper case, or ``*`` for every one."""
        return self._method

    @property
    def handler(self) -> Handler:
        """What answers: the registered handler, or the coroutine function around one that is none."""
        return self._handler

    @property
    def options(self) -> RouteOptions | None:
        """What holds for the requests of this route only: what it was registered with, completed by what its
        handler was decorated with; ``None`` when neither says anything."""
        decorated = options_of(self._handler)
        return decorated if self._options is None else self._options.over(decorated)

    @property
    @abstractmethod
    def name(self) -> str | None:
        """The name of the resource."""

    @property
    def resource(self) -> Any:
        """The `AbstractResource` that the route belongs to; ``None`` for a `SystemRoute`."""
        return self._resource

    @abstractmethod
    def get_info(self) -> Mapping[str, Any]:
        """What there is to know about the resource, for introspection."""

    @abstractmethod
    def url_for(self, *args: str, **kwargs: str) -> URL:
        """The URL that leads to the route."""

    async def handle_expect_header(self, request: Any) -> Any:
        """Deal with a request's ``Expect`` field; a response that comes back answers the request."""
        return await self._expect_handler(request)


class ResourceRoute(AbstractRoute):
    """A route of a resource."""

    def __init__(
        self,
        method: str,
        handler: Handler | type[AbstractView],
        resource: Any,
        *,
        expect_handler: ExpectHandler | None = None,
        options: RouteOptions | None = None,
    ) -> None:
        super().__init__(method, handler, expect_handler=expect_handler, resource=resource, options=options)

    @property
    def name(self) -> str | None:
        name: str | None = self._resource.name
        return name

    def url_for(self, *args: str, **kwargs: str) -> URL:
        url: URL = self._resource.url_for(*args, **kwargs)
        return url

    def get_info(self) -> Mapping[str, Any]:
        info: Mapping[str, Any] = self._resource.get_info()
        return info

    def __repr__(self) -> str:
        return f"<ResourceRoute [{self.method}] {self._resource!r} -> {self.handler!r}>"


class SystemRoute(AbstractRoute):
    """The route of a request that none was found for: its handler raises the exception."""

    def __init__(self, http_exception: HTTPException) -> None:
        self._http_exception = http_exception
        super().__init__(ANY, self._handle)

    def refuse(self, method: str) -> HTTPException:
        """The exception that answers a request with this method."""
        return self._http_exception

    async def _handle(self, request: Any) -> Any:
        raise self.refuse(request.method)

    def url_for(self, *args: str, **kwargs: str) -> URL:
        """Raises `RuntimeError`: no URL leads here."""
        raise RuntimeError("SystemRoute stands for a request without a route: url_for() has nothing to build")

    @property
    def name(self) -> str | None:
        return None

    def get_info(self) -> Mapping[str, Any]:
        return {"http_exception": self._http_exception}

    @property
    def status(self) -> int:
        """The status code of the answer."""
        status: int = self._http_exception.status
        return status

    @property
    def reason(self) -> str:
        """The reason phrase of the answer."""
        reason: str = self._http_exception.reason
        return reason

    def __repr__(self) -> str:
        return f"<SystemRoute {self.status}: {self.reason}>"


class NotFoundRoute(SystemRoute):
    """One for all requests of a router that match nothing. The exception is fresh each time: it is the
    response as well, and collects headers and a traceback.

    ``CONNECT`` asks for no path, and so matches no route: 501 says that nobody took it (RFC 9110, section
    9.3.6)."""

    def __init__(self) -> None:
        super().__init__(HTTPNotFound())

    def refuse(self, method: str) -> HTTPException:
        return HTTPNotImplemented() if method == METH_CONNECT else HTTPNotFound()


class MethodNotAllowedRoute(SystemRoute):
    """One for all requests that match resources with just these methods."""

    def __init__(self, allowed_methods: frozenset[str]) -> None:
        super().__init__(HTTPMethodNotAllowed("", allowed_methods))
        self.allowed_methods = allowed_methods

    def refuse(self, method: str) -> HTTPException:
        return HTTPMethodNotAllowed(method, self.allowed_methods)


class Endpoint:
    """A route as it is reached from one router. The same object for every request.

    ``route``
        what answers.
    ``apps``
        the sub-applications on the way to it, the innermost first; the router's own is not among them.
    ``is_refusal``
        whether the route is a `SystemRoute`.
    ``handler``
        the application's: the route's handler with the middlewares of all applications around it, and
        the route's options around those. ``None`` until the application has folded them.
    ``expecting``
        the same, for requests that carry ``Expect``.
    """

    __slots__ = ("apps", "expecting", "handler", "is_refusal", "route")

    def __init__(self, route: AbstractRoute, apps: tuple[Any, ...] = ()) -> None:
        self.route = route
        # Asked once: abstract classes take their time to tell their instances.
        self.is_refusal = isinstance(route, SystemRoute)
        self.apps = apps
        self.handler: Handler | None = None
        self.expecting: Handler | None = None

    def __repr__(self) -> str:
        return f"<Endpoint {self.route!r}>"


async def expect_continue(request: Any) -> None:
    """Accept ``Expect: 100-continue`` and raise `HTTPExpectationFailed` for anything else (RFC 9110,
    section 10.1.1). The interim response is the carrier's: it sends it when the body is first read."""
    expectation = ", ".join(CIMultiDict(request.headers).getall("Expect", []))
    expected = {element.lower() for element in split_list(expectation)}
    if request.version == HttpVersion11 and not expected <= {"100-continue"}:
        shown = expectation.encode("ascii", "backslashreplace").decode()
        raise HTTPExpectationFailed(text=f"Unknown Expect: {shown}")


def check_method(method: str, handler: Any) -> str:
    """The method in upper case. Raises `ValueError` when it is not a token."""
    upper = method.upper()
    if not _TOKEN.fullmatch(upper):
        raise ValueError(
            f"{method!r} is not allowed as the HTTP method of {describe(handler)}; write a name like 'GET', "
            "or '*' for every method"
        )
    return upper


def check_handler(handler: Any) -> Handler:
    """The handler, or a coroutine function around it. Raises `HandlerError` when it cannot be called."""
    if not callable(handler):
        raise HandlerError(f"Handler {handler!r} cannot be called; write 'async def handler(request): ...'")
    is_view = isinstance(handler, type) and issubclass(handler, AbstractView)
    if is_view:
        check_view(handler)
    if is_view or (is_coroutine_function(handler) and not isinstance(handler, type)):
        checked: Handler = handler
        return checked
    warn(f"Handler {describe(handler)} {_doubt(handler)}")
    return _await_result(handler)


def _doubt(handler: Any) -> str:
    if isinstance(handler, type):
        return "is a class, but not a view; derive it from sketch.web.View, or register a function"
    if inspect.isgeneratorfunction(handler) or inspect.isasyncgenfunction(handler):
        return "is a generator and can return no response; write 'return' instead of 'yield'"
    return "is not asynchronous and stops the whole server while it runs; write it with 'async def'"


def _await_result(handler: Any) -> Handler:
    @functools.wraps(handler)
    async def wrapper(request: Any) -> Any:
        result = handler(request)
        return await result if inspect.isawaitable(result) else result

    return wrapper
