"""The router: resources are registered with it, and it finds the route for a request.

Knows the order in which resources are tried and keeps the compiled form of it. Refuses to know how paths
are compared (`sketch.routing.tree`) and what an application does with a route.

The order is aiohttp's. Sub-applications that a rule chooses, such as a domain, come first. Then resources
by their static path before the first parameter, the longest first, and in the order of registration where
that is equal. A sub-application answers everything below its prefix, if only with a 404. A 405 comes only
when nothing else matches, and allows the methods of all resources that match the path.
"""

import keyword
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from .http.target import is_own_path
from .routing.abstract import AbstractRouter
from .routing.matchinfo import UrlMappingMatchInfo, build_match_info
from .routing.registration import Registration
from .routing.resources import (
    AbstractResource,
    DynamicResource,
    PlainResource,
    Resource,
    ResourcesView,
    RoutesView,
)
from .routing.routes import ANY, AbstractRoute, Endpoint, MethodNotAllowedRoute, NotFoundRoute
from .routing.shadow import Shadows
from .routing.subapps import MatchedSubAppResource, PrefixedSubAppResource
from .routing.tree import Answer, Found, Leaf, Mount, Tree

_COMMON_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


class UrlDispatcher(Registration, AbstractRouter, Mapping[str, AbstractResource]):
    """Finds handlers by method and path; as a mapping, the named resources (aiohttp documentation,
    "Router").

    Registration raises `ValueError` for a path, a method or a name that cannot be used, `RuntimeError`
    for a second handler of a method and once the router is frozen, and warns (`RouteWarning`) about what
    is accepted but cannot work as it looks.
    """

    NAME_SPLIT_RE: Final = re.compile(r"[.:-]")
    """What stands between the identifiers of a resource's name."""

    def __init__(self) -> None:
        super().__init__()
        self._resources: list[AbstractResource] = []
        self._named_resources: dict[str, AbstractResource] = {}
        self._resource_index: dict[str, list[AbstractResource]] = {}
        self._rule_resources: list[MatchedSubAppResource] = []
        self._shadows = Shadows()
        self._parents: list[UrlDispatcher] = []
        self._endpoints: dict[AbstractRoute, Endpoint] = {}
        self._refusals: dict[frozenset[str], Endpoint] = {}
        # By identity, since applications compare as they like; the endpoints keep the application alive.
        self._extended: dict[int, dict[Endpoint, Found]] = {}
        self._tree: Tree | None = None
        self._plain: dict[str, dict[str, Found]] = {}
        # Those of them that a request target can spell in one way only.
        self.plain_targets: dict[str, dict[str, Found]] = {}
        """What answers targets without escapes and query, which are their own paths, by method. Who has a
        target as it was sent looks here before anything is taken apart; what is not here is for `find`."""
        self._needs_request = False
        self._has_foreign = False

    # -- finding ---------------------------------------------------------------------------------------

    def find(self, method: str, path: str) -> Found:
        """The endpoint for a method and a path, and the values of the path's parameters or ``None``.

        ``path``
            `request.match_path`: decoded, except ``%2F`` and ``%25``.

        Never waits and never raises: where nothing matches, the endpoint's handler raises `HTTPNotFound`
        or `HTTPMethodNotAllowed`. If `needs_request`, resources that look at more than method and path are
        left out here, and `resolve` is the whole answer. Cost: two dictionary accesses for a path without
        parameters, otherwise a step per segment, however many routes there are."""
        answers = self._plain.get(path)
        if answers is not None:
            found = answers.get(method)
            if found is not None:
                return found
        hit, captured = (self._tree or self._compile()).search(method, path)
        return hit.complete(method, path, captured)

    async def resolve(self, request: Any) -> UrlMappingMatchInfo:
        """The match for a request with ``method``, ``match_path`` and, if rules ask for them, ``headers``.

        Finding nothing gives a `MatchInfoError`. Waits only for rules and resources of the program's own;
        cancellation passes through them."""
        method, path = request.method, request.match_path
        if not self.needs_request:
            return build_match_info(*self.find(method, path), method)
        for resource in self._rule_resources:
            match_info, _ = await resource.resolve(request)
            if match_info is not None:
                return match_info
        if self._has_foreign:
            return await self._walk(request)
        hit, captured = (self._tree or self._compile()).search(method, path)
        if isinstance(hit, Mount):
            below: UrlMappingMatchInfo = await hit.app.router.resolve(request)
            below.add_app(hit.app)
            return below
        return build_match_info(*hit.complete(method, path, captured), method)

    async def _walk(self, request: Any) -> UrlMappingMatchInfo:
        """Ask resource after resource, in order, because some are classes that the tree knows nothing of."""
        allowed: set[str] = set()
        path = request.match_path
        while path:
            for resource in self._resource_index.get(path, ()):
                match_info, methods = await resource.resolve(request)
                if match_info is not None:
                    return match_info
                allowed |= methods
            if path == "/":
                break
            path = path.rpartition("/")[0] or "/"
        endpoint = self._refuse(frozenset(allowed))
        return build_match_info(endpoint, None, request.method)

    @property
    def needs_request(self) -> bool:
        """Whether some resource, here or in a sub-application, has to see the whole request: a domain, or a
        class of the program's own that defines ``resolve``."""
        if self._tree is None:
            self._compile()
        return self._needs_request

    # -- the compiled form -----------------------------------------------------------------------------

    def _compile(self) -> Tree:
        """Rank the resources and make the tree; then look up every plain path in it once and for all."""
        index = self._resource_index
        ranked = [resource for key in sorted(index, key=len, reverse=True) for resource in index[key]]
        known = [resource for resource in ranked if not _is_foreign(resource)]
        tree = Tree(known, self._endpoint_of, self._refuse, self._extended_by)
        self._has_foreign = len(known) < len(ranked)
        self._needs_request = bool(self._rule_resources) or any(r.needs_request for r in ranked)
        self._tree = tree
        self._plain = {path: _settled(tree, path, leaf) for path, leaf in tree.plain.items()}
        for mount in tree.mounts:
            mount.app.router._adopt(self)
            self._settle_mounted(tree, mount)
        self.plain_targets = {path: found for path, found in self._plain.items() if is_own_path(path)}
        return tree

    def _settle_mounted(self, tree: Tree, mount: Mount) -> None:
        router = mount.app.router
        for path, answers in router._plain.items():
            for method in answers:
                hit, _ = tree.search(method, path)
                if hit is mount:
                    self._plain.setdefault(path, {})[method] = mount.complete(method, path, ())

    def _adopt(self, parent: "UrlDispatcher") -> None:
        if self._tree is None:
            self._compile()
        if parent not in self._parents:
            self._parents.append(parent)

    def _forget(self) -> None:
        """Something changed: compile again before the next search. Endpoints stay what they are."""
        if self._tree is not None:
            self._tree = None
            self._plain = self.plain_targets = {}
            for parent in self._parents:
                parent._forget()

    def resource_changed(self, resource: AbstractResource, route: AbstractRoute | None) -> None:
        """Called by a resource of this router that got a route or a prefix."""
        self._forget()
        if route is not None:
            self._shadows.check(resource, route)

    def _endpoint_of(self, route: AbstractRoute) -> Endpoint:
        endpoint = self._endpoints.get(route)
        if endpoint is None:
            endpoint = self._endpoints[route] = Endpoint(route)
        return endpoint

    def _refuse(self, allowed: frozenset[str]) -> Endpoint:
        endpoint = self._refusals.get(allowed)
        if endpoint is None:
            route = MethodNotAllowedRoute(allowed) if allowed else NotFoundRoute()
            endpoint = self._refusals[allowed] = Endpoint(route)
        return endpoint

    def _extended_by(self, app: Any) -> dict[Endpoint, Found]:
        return self._extended.setdefault(id(app), {})

    # -- the mapping of named resources ----------------------------------------------------------------

    def __iter__(self) -> Iterator[str]:
        return iter(self._named_resources)

    def __len__(self) -> int:
        return len(self._named_resources)

    def __contains__(self, resource: object) -> bool:
        return resource in self._named_resources

    def __getitem__(self, name: str) -> AbstractResource:
        return self._named_resources[name]

    def resources(self) -> ResourcesView:
        """All resources, in the order of registration."""
        return ResourcesView(self._resources)

    def routes(self) -> RoutesView:
        """All routes, those of sub-applications included."""
        return RoutesView(self._resources)

    def named_resources(self) -> Mapping[str, AbstractResource]:
        """The resources that have a name, read-only."""
        return MappingProxyType(self._named_resources)

    # -- registration ----------------------------------------------------------------------------------

    def freeze(self) -> None:
        """End registration and compile, so that the first request does not pay for it."""
        super().freeze()
        for resource in self._resources:
            resource.freeze()
        if self._tree is None:
            self._compile()

    def register_resource(self, resource: AbstractResource) -> None:
        """Add a resource of any kind. Raises `AssertionError` when it is none, as aiohttp."""
        if not isinstance(resource, AbstractResource):
            raise AssertionError(f"register_resource takes an AbstractResource, got {resource!r}")
        self._refuse_if_frozen(resource.canonical)
        if resource.name is not None:
            self._check_name(resource.name, resource)
            self._named_resources[resource.name] = resource
        self._resources.append(resource)
        if isinstance(resource, MatchedSubAppResource):
            self._rule_resources.append(resource)
        else:
            self._shadows.add(resource)
            self.index_resource(resource)
        self._forget()
        for route in [] if isinstance(resource, PrefixedSubAppResource) else list(resource):
            self._shadows.check(resource, route)
        resource.watch(self)

    def index_resource(self, resource: AbstractResource) -> None:
        """Give a resource its place in the order, by its static path."""
        if not isinstance(resource, MatchedSubAppResource):
            self._resource_index.setdefault(resource.index_key, []).append(resource)
            self._forget()

    def unindex_resource(self, resource: AbstractResource) -> None:
        """Take a resource's place away, before its path changes."""
        if not isinstance(resource, MatchedSubAppResource):
            bucket = self._resource_index[resource.index_key]
            bucket.remove(resource)
            if not bucket:
                del self._resource_index[resource.index_key]
            self._forget()

    def add_resource(self, path: str, *, name: str | None = None) -> Resource:
        """The resource for a path: the one registered last if path and name are the same, else a new one."""
        self._refuse_if_frozen(path)
        if path and not path.startswith("/"):
            raise ValueError(f"path {path!r} should be started with / or be empty; write '/{path}'")
        last = self._resources[-1] if self._resources else None
        if isinstance(last, Resource) and last.name == name and last.raw_match(path):
            return last
        resource: Resource
        if "{" in path or "}" in path:
            resource = DynamicResource(path, name=name)
        else:
            resource = PlainResource(path, name=name)
        self.register_resource(resource)
        return resource

    def _refuse_if_frozen(self, path: str) -> None:
        if self.frozen:
            raise RuntimeError(
                f"Cannot register a resource into frozen router: {path!r} comes too late; add routes before "
                "the application starts or becomes a sub-application"
            )

    def _check_name(self, name: str, resource: AbstractResource) -> None:
        for part in self.NAME_SPLIT_RE.split(name):
            if keyword.iskeyword(part) or not part.isidentifier():
                raise ValueError(
                    f"Incorrect route name {name!r} of {resource.canonical}: {part!r} is no Python "
                    "identifier; write identifiers, joined by dash, dot or colon, that are not keywords"
                )
        if name in self._named_resources:
            raise ValueError(
                f"Duplicate {name!r}, already the name of {self._named_resources[name].canonical}; give "
                f"{resource.canonical} another name"
            )


def _is_foreign(resource: AbstractResource) -> bool:
    """Whether only the resource's own ``resolve`` knows what it matches."""
    if isinstance(resource, PrefixedSubAppResource):
        overridden = type(resource).resolve is not PrefixedSubAppResource.resolve
        return overridden or not isinstance(resource.app.router, UrlDispatcher)
    return resource.needs_request


def _settled(tree: Tree, path: str, leaf: Leaf) -> dict[str, Found]:
    """What requests to a plain path are answered with, by method, where no value is taken from the path.
    Other methods, and what a pattern or a sub-application takes first, are left to the search."""
    methods = leaf.allowed - {ANY}
    if leaf.wildcard is not None:
        methods = methods.union(_COMMON_METHODS)
    settled: dict[str, Found] = {}
    for method in methods:
        hit, captured = tree.search(method, path)
        if isinstance(hit, Answer) and not captured:
            settled[method] = hit.found
    return settled
