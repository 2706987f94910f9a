"""Classes that answer requests."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from sketch.exceptions import HTTPMethodNotAllowed
from sketch.response import Response, StreamResponse
from sketch.router import UrlDispatcher
from sketch.routing.abstract import AbstractView
from sketch.views import View

ANSWER = Response()


class Page(View):
    template = "page.html"

    async def get(self) -> StreamResponse:
        assert self.request.method == "GET"
        return ANSWER

    async def patch(self) -> StreamResponse:
        return ANSWER


def answer(method: str) -> Any:
    request: Any = SimpleNamespace(method=method)

    async def main() -> Any:
        return await Page(request)

    return asyncio.run(main())


def test_the_method_chooses_the_method() -> None:
    assert answer("GET") is ANSWER
    assert answer("PATCH") is ANSWER


@pytest.mark.parametrize("method", ["POST", "TEMPLATE", "HEAD", "get", "__INIT__", "_ITER", "REQUEST"])
def test_other_methods_are_not_allowed(method: str) -> None:
    with pytest.raises(HTTPMethodNotAllowed) as caught:
        answer(method)
    assert caught.value.allowed_methods == {"GET", "PATCH"}


def test_a_view_is_a_handler() -> None:
    router = UrlDispatcher()
    route = router.add_view("/page", Page)
    assert route.handler is Page
    assert router.find("PURGE", "/page")[0].route is route
    assert issubclass(Page, AbstractView)
