"""Where sub-applications begin: prefixes, domains, masks, rules of one's own."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from sketch.exceptions import HTTPMethodNotAllowed
from sketch.router import UrlDispatcher
from sketch.routing.doubts import RouteWarning
from sketch.routing.subapps import Domain, MaskDomain, MatchedSubAppResource, PrefixedSubAppResource


class App:
    def __init__(self) -> None:
        self.router = UrlDispatcher()


async def handler(request: Any) -> Any:
    raise AssertionError("only looked at")


def request(method: str, path: str, host: str | None = None) -> Any:
    return SimpleNamespace(method=method, match_path=path, headers={} if host is None else {"Host": host})


def test_joining_moves_all_resources() -> None:
    app = App()
    plain = app.router.add_resource("/x")
    dynamic = app.router.add_resource("/é/{y}")
    resource = PrefixedSubAppResource("/a b", app)
    assert (plain.canonical, dynamic.canonical) == ("/a b/x", "/a%20b/%C3%A9/{y}")
    assert (resource.canonical, resource.index_key) == ("/a%20b", "/a b")
    resource.add_prefix("/c")
    assert (plain.canonical, dynamic.canonical) == ("/c/a b/x", "/c/a%20b/%C3%A9/{y}")
    assert resource.canonical == "/c/a%20b"


def test_a_subapp_is_found_below_its_quoted_prefix() -> None:
    app, below = App(), App()
    route = below.router.add_get("/x", handler)
    app.router.register_resource(PrefixedSubAppResource("/é", below))
    assert app.router.find("GET", "/é/x")[0].route is route


def test_introspection() -> None:
    app = App()
    route = app.router.add_post("/x", handler)
    resource = PrefixedSubAppResource("/a", app)
    assert list(resource) == [route] and len(resource) == 1
    assert resource.get_info() == {"app": app, "prefix": "/a"}
    assert resource.app is app
    assert not resource.raw_match("/a")
    assert repr(resource) == f"<PrefixedSubAppResource /a -> {app!r}>"
    with pytest.raises(RuntimeError, match="url_for"):
        resource.url_for()


def test_resolve_notes_the_application() -> None:
    app = App()
    app.router.add_post("/x", handler)
    resource = PrefixedSubAppResource("/a", app)
    info, allowed = asyncio.run(resource.resolve(request("POST", "/a/x")))
    assert info is not None
    assert (info.apps, allowed) == ((app,), set())
    info, allowed = asyncio.run(resource.resolve(request("GET", "/a/x")))
    assert info is not None and isinstance(info.http_exception, HTTPMethodNotAllowed)
    assert (info.apps, allowed) == ((app,), {"POST"})


def test_prefixes_are_text() -> None:
    with pytest.warns(RouteWarning, match="parameters are not supported"):
        PrefixedSubAppResource("/{x}", App())
    for prefix in ("a", "/a/"):
        with pytest.raises(ValueError, match="write '/name'"):
            PrefixedSubAppResource(prefix, App())


@pytest.mark.parametrize(
    ("domain", "canonical", "hosts", "others"),
    [
        (
            "Example.com.",
            "example.com",
            ["example.com", "EXAMPLE.com:8080"],
            ["www.example.com", "example.org"],
        ),
        ("example.com:80", "example.com", ["example.com"], ["example.co"]),
        ("example.com:8080", "example.com:8080", ["example.com:8080"], ["example.com", "example.com:80"]),
        ("bücher.example", "xn--bcher-kva.example", ["xn--bcher-kva.example"], ["bucher.example"]),
    ],
)
def test_domains(domain: str, canonical: str, hosts: list[str], others: list[str]) -> None:
    rule = Domain(domain)
    assert rule.canonical == canonical
    assert rule.get_info() == {"domain": canonical}
    assert all(rule.match_domain(host) for host in hosts)
    assert not any(rule.match_domain(host) for host in others)


def test_masks() -> None:
    rule = MaskDomain("*.Example.com")
    assert rule.canonical == r"[^:]*\.example\.com(:.*)?"
    for host in ("www.example.com", "a.b.EXAMPLE.com:80", ".example.com"):
        assert rule.match_domain(host)
    for host in ("example.com", "www.example.com.evil", "wwwxexample.com"):
        assert not rule.match_domain(host)
    with_port = MaskDomain("*.example.com:8080")
    assert with_port.match_domain("www.example.com:8080")
    assert not with_port.match_domain("www.example.com")


@pytest.mark.parametrize(
    ("domain", "error", "message"),
    [
        (5, TypeError, "must be str"),
        ("", ValueError, "cannot be empty; write"),
        ("http://example.com", ValueError, "Scheme not supported"),
        ("exa_mple.com", ValueError, "not valid; write"),
        ("-a.com", ValueError, "not valid"),
    ],
)
def test_bad_domains(domain: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Domain(domain)


def test_a_rule_is_asked_before_all_paths() -> None:
    root, below = App(), App()
    here = root.router.add_get("/x", handler)
    there = below.router.add_get("/x", handler)
    resource = MatchedSubAppResource(Domain("a.example"), below)
    root.router.register_resource(resource)
    assert root.router.needs_request
    assert root.router.find("GET", "/x")[0].route is here
    for host, route, apps in (("a.example", there, (below,)), ("b.example", here, ()), (None, here, ())):
        info = asyncio.run(root.router.resolve(request("GET", "/x", host)))
        assert (info.route, info.apps) == (route, apps)
    assert resource.canonical == "a.example"
    assert resource.get_info()["app"] is below
    assert repr(resource) == f"<MatchedSubAppResource -> {below!r}>"


def test_a_domain_inside_a_prefix() -> None:
    root, middle, inner = App(), App(), App()
    route = inner.router.add_get("/{x}", handler)
    fallback = middle.router.add_get("/y", handler)
    own = root.router.add_get("/own/{x}", handler)
    middle.router.register_resource(MatchedSubAppResource(Domain("a.example"), inner))
    root.router.register_resource(PrefixedSubAppResource("/m", middle))
    assert root.router.needs_request
    info = asyncio.run(root.router.resolve(request("GET", "/m/1", "a.example")))
    assert (info.route, dict(info), info.apps) == (route, {"x": "1"}, (middle, inner))
    info = asyncio.run(root.router.resolve(request("GET", "/m/y", "b.example")))
    assert (info.route, info.apps) == (fallback, (middle,))
    info = asyncio.run(root.router.resolve(request("GET", "/own/2", "a.example")))
    assert (info.route, dict(info), info.apps) == (own, {"x": "2"}, ())


def test_two_domains_may_lead_to_one_application() -> None:
    root, below = App(), App()
    route = below.router.add_get("/x", handler)
    for domain in ("a.example", "b.example"):
        root.router.register_resource(MatchedSubAppResource(Domain(domain), below))
    for host in ("a.example", "b.example"):
        info = asyncio.run(root.router.resolve(request("GET", "/x", host)))
        assert (info.route, info.apps) == (route, (below,))
