"""The places in a router where a sub-application begins: below a prefix, or by a rule such as a domain.

Knows how an application's resources move under a prefix and how hosts are compared. Refuses to know what
an application is, apart from its ``router``.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from yarl import URL

from .abstract import AbstractRuleMatching
from .doubts import warn
from .pattern import decode, index_key, requote
from .resources import AbstractResource, Resolution, check_prefix
from .routes import AbstractRoute


class PrefixResource(AbstractResource):
    """Everything below a path."""

    def __init__(self, prefix: str, *, name: str | None = None) -> None:
        super().__init__(name=name)
        if prefix not in ("", "/") and not (prefix.startswith("/") and not prefix.endswith("/")):
            raise ValueError(
                f"Prefix {prefix!r} starts with a slash and does not end with one; write '/name'"
            )
        if "{" in prefix or "}" in prefix:
            warn(f"Prefix {prefix!r} is compared as text: parameters are not supported there, only in routes")
        self._prefix = requote(prefix)

    @property
    def canonical(self) -> str:
        return self._prefix

    @property
    def index_key(self) -> str:
        return index_key(decode(self._prefix))

    def add_prefix(self, prefix: str) -> None:
        self._prefix = requote(check_prefix(prefix)) + self._prefix
        self._changed()

    def raw_match(self, prefix: str) -> bool:
        return False


class PrefixedSubAppResource(PrefixResource):
    """The place where a sub-application begins. It answers everything below, if only with a 404."""

    def __init__(self, prefix: str, app: Any) -> None:
        super().__init__(prefix)
        self._app = app
        self._move_resources(prefix)

    @property
    def app(self) -> Any:
        """The sub-application."""
        return self._app

    def add_prefix(self, prefix: str) -> None:
        super().add_prefix(prefix)
        self._move_resources(prefix)

    def _move_resources(self, prefix: str) -> None:
        router = self._app.router
        for resource in router.resources():
            router.unindex_resource(resource)
            resource.add_prefix(prefix)
            router.index_resource(resource)

    @property
    def needs_request(self) -> bool:
        overridden = type(self).resolve is not PrefixedSubAppResource.resolve
        return overridden or bool(getattr(self._app.router, "needs_request", True))

    def url_for(self, *args: str, **kwargs: str) -> URL:
        """Raises `RuntimeError`: URLs are built by the resources of the sub-application."""
        raise RuntimeError(f"url_for() is not supported by the root of a sub-application ({self._prefix!r})")

    def get_info(self) -> Mapping[str, Any]:
        return {"app": self._app, "prefix": self._prefix}

    async def resolve(self, request: Any) -> Resolution:
        """What the sub-application's router finds."""
        match_info = await self._app.router.resolve(request)
        match_info.add_app(self._app)
        return match_info, set(getattr(match_info.http_exception, "allowed_methods", ()))

    def __len__(self) -> int:
        return len(self._app.router.routes())

    def __iter__(self) -> Iterator[AbstractRoute]:
        return iter(self._app.router.routes())

    def __repr__(self) -> str:
        return f"<PrefixedSubAppResource {self._prefix} -> {self._app!r}>"


class Domain(AbstractRuleMatching):
    """Requests whose ``Host`` is this domain, with this port if it has one.

    Raises `TypeError` or `ValueError` for what is no domain name (RFC 1123, section 2.1).
    """

    label = re.compile(r"(?!-)[a-z\d-]{1,63}(?<!-)")

    def __init__(self, domain: str) -> None:
        self._domain = self.validation(domain)

    @property
    def canonical(self) -> str:
        return self._domain

    def validation(self, domain: str) -> str:
        """The domain in lower case, as an international name's ASCII form, without port 80."""
        if not isinstance(domain, str):
            raise TypeError(f"Domain must be str, got {domain!r}")
        name = domain.rstrip(".").lower()
        if not name:
            raise ValueError("Domain cannot be empty; write 'example.com' or '*.example.com'")
        if "://" in name:
            raise ValueError(f"Scheme not supported in domain {domain!r}; write the host alone")
        url = URL(f"http://{name}")
        host = url.raw_host
        if host is None or not all(self.label.fullmatch(part) for part in host.split(".")):
            raise ValueError(
                f"Domain {domain!r} is not valid; write it like 'example.com' or 'example.com:8080'"
            )
        return host if url.port == 80 else f"{host}:{url.port}"

    async def match(self, request: Any) -> bool:
        host = request.headers.get("Host")
        return bool(host) and self.match_domain(host)

    def match_domain(self, host: str) -> bool:
        """Whether a ``Host`` field means this domain. The port counts if the domain has one."""
        host = host.lower()
        return self._domain in (host, host.partition(":")[0])

    def get_info(self) -> Mapping[str, Any]:
        return {"domain": self._domain}


class MaskDomain(Domain):
    """Requests whose ``Host`` fits a mask: ``*`` stands for any text without a colon."""

    label = re.compile(r"(?!-)[a-z\d*-]{1,63}(?<!-)")

    def __init__(self, domain: str) -> None:
        super().__init__(domain)
        name, _, self._port = self._domain.partition(":")
        self._mask = re.compile(re.escape(name).replace(r"\*", ".*"), re.IGNORECASE | re.DOTALL)

    @property
    def canonical(self) -> str:
        """The mask as a regular expression."""
        return self._domain.replace(".", r"\.").replace("*", "[^:]*") + "(:.*)?"

    def match_domain(self, host: str) -> bool:
        name, _, port = host.partition(":")
        return (not self._port or port == self._port) and self._mask.fullmatch(name) is not None


class MatchedSubAppResource(PrefixedSubAppResource):
    """A sub-application that a rule chooses by the request. It is asked before all paths."""

    def __init__(self, rule: AbstractRuleMatching, app: Any) -> None:
        super().__init__("", app)
        self._rule = rule

    def _move_resources(self, prefix: str) -> None:
        if prefix:
            super()._move_resources(prefix)

    @property
    def canonical(self) -> str:
        return self._rule.canonical

    @property
    def needs_request(self) -> bool:
        return True

    def get_info(self) -> Mapping[str, Any]:
        return {"app": self._app, "rule": self._rule}

    async def resolve(self, request: Any) -> Resolution:
        """What the sub-application's router finds, if the rule holds."""
        if not await self._rule.match(request):
            return None, set()
        return await super().resolve(request)

    def __repr__(self) -> str:
        return f"<MatchedSubAppResource -> {self._app!r}>"
