"""Middlewares: what is said when one is registered, and paths put in order as aiohttp does it."""

import asyncio
import functools
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from aiohttp.web_middlewares import normalize_path_middleware as reference_middleware
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from sketch.middleware import (
    Middlewares,
    check_middleware,
    middleware,
    normalize_path_middleware,
)

# -- registration ---------------------------------------------------------------------------------------


async def passing(request: Any, handler: Any) -> Any:
    return await handler(request)


class Passing:
    async def __call__(self, request: Any, handler: Any) -> Any:
        return await handler(request)

    async def method(self, request: Any, handler: Any) -> Any:
        return await handler(request)


async def with_defaults(request: Any, handler: Any, limit: int = 3) -> Any:
    return await handler(request)


async def with_anything(*args: Any) -> Any:
    return await args[1](args[0])


GOOD: list[Any] = [
    passing,
    middleware(functools.partial(with_defaults, limit=5)),
    functools.partial(with_defaults, limit=5),
    Passing(),
    Passing().method,
    with_defaults,
    with_anything,
    lambda request, handler: handler(request),
]


@pytest.mark.parametrize("value", GOOD)
def test_good_middlewares_are_taken_in_silence(value: Any) -> None:
    check_middleware(value)
    middlewares = Middlewares([value])
    middlewares.append(value)
    assert middlewares == [value, value]


async def too_few(request: Any) -> Any: ...


async def too_many(request: Any, handler: Any, more: Any) -> Any: ...


async def keyword_only(request: Any, *, handler: Any) -> Any: ...


@pytest.mark.parametrize("value", [too_few, too_many, keyword_only])
def test_wrong_parameters(value: Any) -> None:
    with pytest.raises(TypeError, match=rf"{value.__name__}.*\(request, handler\).*Write: async def"):
        Middlewares().append(value)


@pytest.mark.parametrize("value", [None, "passing", 17])
def test_no_callable(value: Any) -> None:
    with pytest.raises(TypeError) as caught:
        Middlewares([value])
    assert repr(value) in str(caught.value)


def test_a_class() -> None:
    with pytest.raises(TypeError, match="Passing is a class; give an instance"):
        check_middleware(Passing)


def test_a_class_whose_instances_can_be_awaited() -> None:
    class Call:
        def __init__(self, request: Any, handler: Any) -> None:
            self.coroutine = handler(request)

        def __await__(self) -> Any:
            return self.coroutine.__await__()

    check_middleware(Call)


def test_a_callable_that_does_not_tell_its_parameters() -> None:
    check_middleware(next)


def test_a_plain_function_gets_a_warning() -> None:
    def plain(request: Any, handler: Any) -> Any:
        return handler(request)

    with pytest.warns(UserWarning, match='plain.*"async def"') as caught:
        Middlewares().append(plain)
    assert caught[0].filename == __file__


def test_the_mark() -> None:
    assert middleware(passing) is passing
    assert passing.__middleware_version__ == 1  # type: ignore[attr-defined]


# -- normalize_path_middleware --------------------------------------------------------------------------

PATHS = ["/", "/plain", "/slashed/", "/a/b", "/a/c/", "/user/{name}", "/deep/{name}/end/", "/{tail:x.*}/"]
OPTIONS: list[dict[str, Any]] = [
    {"append_slash": append, "remove_slash": remove, "merge_slashes": merge}
    for append, remove in [(True, False), (False, True), (False, False)]
    for merge in (True, False)
]


def make_application() -> web.Application:
    async def handler(request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    for path in PATHS:
        app.router.add_get(path, handler)
    app.freeze()
    return app


APPLICATION = make_application()


async def outcome(function: Any, target: str, method: str = "GET") -> str:
    """Where a middleware sends a request: ``handler``, or a location."""
    # The requests are aiohttp's own: both middlewares see the same ones.
    request = make_mocked_request(method, "/", app=APPLICATION)
    # As aiohttp's parser takes a target apart: two slashes at its start are a path.
    path, _, query = target.partition("?")
    url = URL.build(path=path, query_string=query, encoded=True)
    request._message, request._rel_url = request._message._replace(path=target, url=url), url
    match_info = await APPLICATION.router.resolve(request)
    match_info.add_app(APPLICATION)
    request._match_info = match_info

    async def handler(seen: object) -> str:
        assert seen is request
        return "handler"

    try:
        return str(await function(request, handler))
    except web.HTTPMove as redirect:
        return f"{redirect.status} {redirect.location}"


def mine(**options: Any) -> Any:
    return normalize_path_middleware(**{"redirect_class": web.HTTPPermanentRedirect, **options})


TARGETS = [
    "/", "//", "/plain", "/plain/", "//plain", "/plain?a=1&b=%20", "/plain/?a=//b", "/slashed", "/slashed/",
    "/slashed?x=1", "/a//b", "/a//b/", "//a//b//", "/a/c", "/a//c", "/a///c//", "/user/1/", "/user//1",
    "/user/a%20b/", "/user/a%2Fb/", "/deep/1/end", "//deep//1//end", "/nowhere", "/nowhere/", "//nowhere//",
    "//evil.example/x", "//evil.example/xx/..", "///xray", "/xray", "/x%0d%0ay", "/user/%C3%A9/", "/user/é/",
    "/plain//", "/plain///?q",
]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS)
def test_sends_where_aiohttp_sends(options: dict[str, Any]) -> None:
    async def main() -> None:
        ours, theirs = mine(**options), reference_middleware(**options)
        for target in TARGETS:
            expected = await outcome(theirs, target)
            assert await outcome(ours, target) == expected, target

    asyncio.run(main())


@given(st.text("/axplainuser1", max_size=12), st.sampled_from(OPTIONS))
def test_sends_where_aiohttp_sends_for_any_path(path: str, options: dict[str, Any]) -> None:
    async def main() -> tuple[str, str]:
        target = f"/{path}"
        return await outcome(mine(**options), target), await outcome(reference_middleware(**options), target)

    ours, theirs = asyncio.run(main())
    # With both `merge_slashes` and `remove_slash`, aiohttp cuts the last character off whatever it is:
    # the one difference.
    if theirs != ours:
        assert options["merge_slashes"]
        assert options["remove_slash"]
        assert not path.endswith("/")
        assert ours == "handler"


def test_no_letter_is_cut_off() -> None:
    options: dict[str, Any] = {"append_slash": False, "remove_slash": True}
    assert asyncio.run(outcome(reference_middleware(**options), "/plainx")) == "308 /plain"
    assert asyncio.run(outcome(mine(**options), "/plainx")) == "handler"


@given(st.lists(st.sampled_from(["/", "\\", "evil.example", "x", "..", "%2F", "?"]), max_size=8))
def test_never_redirects_to_another_host(parts: list[str]) -> None:
    target = "/" + "".join(parts)
    for options in OPTIONS:
        sent = asyncio.run(outcome(mine(**options), target))
        assert sent == "handler" or (sent.startswith("308 /") and sent[5:6] not in ("/", "\\"))


def test_the_class_of_the_redirect() -> None:
    ours = mine(redirect_class=web.HTTPFound)
    assert asyncio.run(outcome(ours, "/slashed?a=1")) == "302 /slashed/?a=1"


def test_a_method_that_is_not_allowed_is_not_redirected() -> None:
    assert asyncio.run(outcome(mine(), "/slashed", "POST")) == "handler"


def test_contradicting_options() -> None:
    with pytest.raises(AssertionError, match="exclude each other"):
        normalize_path_middleware(append_slash=True, remove_slash=True)
