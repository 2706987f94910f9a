"""Classes that answer requests, one method of the class per HTTP method.

Knows how a request's method chooses a method of the class. Refuses to know routing: a view is a handler
like any other.
"""

from collections.abc import Awaitable, Callable, Generator
from typing import Any, Final, NoReturn

from .exceptions import HTTPMethodNotAllowed
from .request import Request
from .routing.abstract import AbstractView
from .streamresponse import StreamResponse

METHODS: Final = ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE")
"""The methods that a view can answer (RFC 9110, section 9, and RFC 5789)."""


class View(AbstractView):
    """A handler as a class: ``async def get(self)``, ``async def post(self)`` and so on answer those
    methods (aiohttp documentation, "Class Based Views"). Any other method raises `HTTPMethodNotAllowed`.

    An instance lives for one request. Cancellation reaches the method that answers.
    """

    def __init__(self, request: Request) -> None:
        super().__init__(request)

    @property
    def request(self) -> Request:
        """The request to answer."""
        request: Request = self._request
        return request

    async def _iter(self) -> StreamResponse:
        method = self.request.method
        answer: Callable[[], Awaitable[StreamResponse]] | None = None
        if method in METHODS:
            answer = getattr(self, method.lower(), None)
        if answer is None:
            self._raise_allowed_methods()
        return await answer()

    def __await__(self) -> Generator[Any, None, StreamResponse]:
        return self._iter().__await__()

    def _raise_allowed_methods(self) -> NoReturn:
        allowed = {method for method in METHODS if hasattr(self, method.lower())}
        raise HTTPMethodNotAllowed(self.request.method, allowed)
