"""HTTP's answers as exceptions: each class is a `Response`, and may be raised or returned.

It knows the classes, their statuses and the fields that a status calls for. It does not know who catches
them, nor what is the same for all (`httpexception`). Names and signatures are those of the aiohttp
documentation, "Web Server Exceptions".
"""

from collections.abc import Iterable
from typing import Any

from yarl import URL

from .http import names
from .http.headers import check_field
from .httpexception import (
    HTTPClientError,
    HTTPError,
    HTTPException,
    HTTPRedirection,
    HTTPServerError,
    HTTPSuccessful,
)
from .responsehead import LooseHeaders

__all__ = (
    "HTTPAccepted",
    "HTTPBadGateway",
    "HTTPBadRequest",
    "HTTPClientError",
    "HTTPConflict",
    "HTTPCreated",
    "HTTPError",
    "HTTPException",
    "HTTPExpectationFailed",
    "HTTPFailedDependency",
    "HTTPForbidden",
    "HTTPFound",
    "HTTPGatewayTimeout",
    "HTTPGone",
    "HTTPInsufficientStorage",
    "HTTPInternalServerError",
    "HTTPLengthRequired",
    "HTTPMethodNotAllowed",
    "HTTPMisdirectedRequest",
    "HTTPMove",
    "HTTPMovedPermanently",
    "HTTPMultipleChoices",
    "HTTPNetworkAuthenticationRequired",
    "HTTPNoContent",
    "HTTPNonAuthoritativeInformation",
    "HTTPNotAcceptable",
    "HTTPNotExtended",
    "HTTPNotFound",
    "HTTPNotImplemented",
    "HTTPNotModified",
    "HTTPOk",
    "HTTPPartialContent",
    "HTTPPaymentRequired",
    "HTTPPermanentRedirect",
    "HTTPPreconditionFailed",
    "HTTPPreconditionRequired",
    "HTTPProxyAuthenticationRequired",
    "HTTPRedirection",
    "HTTPRequestEntityTooLarge",
    "HTTPRequestHeaderFieldsTooLarge",
    "HTTPRequestRangeNotSatisfiable",
    "HTTPRequestTimeout",
    "HTTPRequestURITooLong",
    "HTTPResetContent",
    "HTTPSeeOther",
    "HTTPServerError",
    "HTTPServiceUnavailable",
    "HTTPSuccessful",
    "HTTPTemporaryRedirect",
    "HTTPTooManyRequests",
    "HTTPUnauthorized",
    "HTTPUnavailableForLegalReasons",
    "HTTPUnprocessableEntity",
    "HTTPUnsupportedMediaType",
    "HTTPUpgradeRequired",
    "HTTPUseProxy",
    "HTTPVariantAlsoNegotiates",
    "HTTPVersionNotSupported",
)


# -- 2xx -----------------------------------------------------------------------------------------------


class HTTPOk(HTTPSuccessful):
    """All went well (RFC 9110, section 15.3.1)."""

    status_code = 200


class HTTPCreated(HTTPSuccessful):
    """There is a new resource; ``Location`` may say where (RFC 9110, section 15.3.2)."""

    status_code = 201


class HTTPAccepted(HTTPSuccessful):
    """Taken on, and not finished yet (RFC 9110, section 15.3.3)."""

    status_code = 202


class HTTPNonAuthoritativeInformation(HTTPSuccessful):
    """A proxy changed the content (RFC 9110, section 15.3.4)."""

    status_code = 203


class HTTPNoContent(HTTPSuccessful):
    """All went well, and there is nothing to show (RFC 9110, section 15.3.5)."""

    status_code = 204
    empty_body = True


class HTTPResetContent(HTTPSuccessful):
    """All went well, and the form may be emptied (RFC 9110, section 15.3.6)."""

    status_code = 205
    empty_body = True


class HTTPPartialContent(HTTPSuccessful):
    """The ranges that were asked for (RFC 9110, section 15.3.7)."""

    status_code = 206


# -- 3xx -----------------------------------------------------------------------------------------------


class HTTPMove(HTTPRedirection):
    """A redirection to another place.

    ``location``
        the ``Location`` field (RFC 9110, section 10.2.2), as text or `yarl.URL`. Characters that a URL
        cannot contain are percent-encoded, and line ends are dropped, as `yarl.URL` does.

    Raises `ValueError` for an empty one, or one that is no URL.
    """

    def __init__(
        self,
        location: str | URL,
        *,
        headers: LooseHeaders | None = None,
        reason: str | None = None,
        body: Any = None,
        text: str | None = None,
        content_type: str | None = None,
    ) -> None:
        target = str(URL(location)) if location else ""
        if not target:
            raise ValueError(f"{type(self).__name__} needs a location to redirect to, got {location!r}")
        check_field(names.LOCATION, target)
        super().__init__(headers=headers, reason=reason, body=body, text=text, content_type=content_type)
        self.headers[names.LOCATION] = target
        self.location = location


class HTTPMultipleChoices(HTTPMove):
    """There are several representations, and here is a preferred one (RFC 9110, section 15.4.1)."""

    status_code = 300


class HTTPMovedPermanently(HTTPMove):
    """Elsewhere from now on; clients may turn a POST into a GET (RFC 9110, section 15.4.2)."""

    status_code = 301


class HTTPFound(HTTPMove):
    """Elsewhere at present; clients may turn a POST into a GET (RFC 9110, section 15.4.3)."""

    status_code = 302


class HTTPSeeOther(HTTPMove):
    """The answer is elsewhere, for GET to fetch: what a form's POST ends with (RFC 9110, section 15.4.4)."""

    status_code = 303


class HTTPNotModified(HTTPRedirection):
    """What the client has is still good (RFC 9110, section 15.4.5)."""

    status_code = 304
    empty_body = True


class HTTPUseProxy(HTTPMove):
    """To be fetched through a proxy; deprecated, clients ignore it (RFC 9110, section 15.4.6)."""

    status_code = 305


class HTTPTemporaryRedirect(HTTPMove):
    """Elsewhere at present, with the same method and body (RFC 9110, section 15.4.8)."""

    status_code = 307


class HTTPPermanentRedirect(HTTPMove):
    """Elsewhere from now on, with the same method and body (RFC 9110, section 15.4.9)."""

    status_code = 308


# -- 4xx -----------------------------------------------------------------------------------------------


class HTTPBadRequest(HTTPClientError):
    """The request makes no sense (RFC 9110, section 15.5.1)."""

    status_code = 400


class HTTPUnauthorized(HTTPClientError):
    """Log in first; ``WWW-Authenticate`` has to say how (RFC 9110, section 15.5.2)."""

    status_code = 401


class HTTPPaymentRequired(HTTPClientError):
    """Reserved for payments (RFC 9110, section 15.5.3)."""

    status_code = 402


class HTTPForbidden(HTTPClientError):
    """Understood, and refused (RFC 9110, section 15.5.4)."""

    status_code = 403


class HTTPNotFound(HTTPClientError):
    """There is nothing here (RFC 9110, section 15.5.5)."""

    status_code = 404


class HTTPMethodNotAllowed(HTTPClientError):
    """The resource does not answer this method (RFC 9110, section 15.5.6).

    ``method``
        the method of the request; kept in upper case.
    ``allowed_methods``
        the methods that it does answer, for the ``Allow`` field; kept as a set.
    """

    status_code = 405

    def __init__(
        self,
        method: str,
        allowed_methods: Iterable[str],
        *,
        headers: LooseHeaders | None = None,
        reason: str | None = None,
        body: Any = None,
        text: str | None = None,
        content_type: str | None = None,
    ) -> None:
        allowed = set(allowed_methods)
        allow = ",".join(sorted(allowed))
        check_field(names.ALLOW, allow)
        super().__init__(headers=headers, reason=reason, body=body, text=text, content_type=content_type)
        self.headers[names.ALLOW] = allow
        self.allowed_methods = allowed
        self.method = method.upper()


class HTTPNotAcceptable(HTTPClientError):
    """There is no representation that the client would accept (RFC 9110, section 15.5.7)."""

    status_code = 406


class HTTPProxyAuthenticationRequired(HTTPClientError):
    """Log in to the proxy first; ``Proxy-Authenticate`` has to say how (RFC 9110, section 15.5.8)."""

    status_code = 407


class HTTPRequestTimeout(HTTPClientError):
    """The request took too long to arrive (RFC 9110, section 15.5.9)."""

    status_code = 408


class HTTPConflict(HTTPClientError):
    """The state of the resource forbids it (RFC 9110, section 15.5.10)."""

    status_code = 409


class HTTPGone(HTTPClientError):
    """There was something here, and it will not come back (RFC 9110, section 15.5.11)."""

    status_code = 410


class HTTPLengthRequired(HTTPClientError):
    """The length of the body has to be said (RFC 9110, section 15.5.12)."""

    status_code = 411


class HTTPPreconditionFailed(HTTPClientError):
    """A condition in the request is not met (RFC 9110, section 15.5.13)."""

    status_code = 412


class HTTPRequestEntityTooLarge(HTTPClientError):
    """The request's body is larger than the server takes (RFC 9110, section 15.5.14).

    ``max_size`` ``actual_size``
        in bytes: what is taken, and what came. The text tells the client the first of them, unless it is
        given another one.
    """

    status_code = 413

    def __init__(self, max_size: float, actual_size: float = 0, **kwargs: Any) -> None:
        if kwargs.get("body") is None:
            kwargs.setdefault("text", f"Maximum request body size {max_size} exceeded.")
        super().__init__(**kwargs)
        self.max_size = max_size
        self.actual_size = actual_size


class HTTPRequestURITooLong(HTTPClientError):
    """The request target is longer than the server takes (RFC 9110, section 15.5.15)."""

    status_code = 414


class HTTPUnsupportedMediaType(HTTPClientError):
    """The body is of a type that is not taken here (RFC 9110, section 15.5.16)."""

    status_code = 415


class HTTPRequestRangeNotSatisfiable(HTTPClientError):
    """None of the ranges is inside the content (RFC 9110, section 15.5.17)."""

    status_code = 416


class HTTPExpectationFailed(HTTPClientError):
    """What ``Expect`` asks for is not possible (RFC 9110, section 15.5.18)."""

    status_code = 417


class HTTPMisdirectedRequest(HTTPClientError):
    """The request came to a server that does not answer for this host (RFC 9110, section 15.5.20)."""

    status_code = 421


class HTTPUnprocessableEntity(HTTPClientError):
    """The body is well-formed and means nothing that can be done (RFC 9110, section 15.5.21)."""

    status_code = 422


class HTTPFailedDependency(HTTPClientError):
    """It depended on another action, which failed (RFC 4918, section 11.4)."""

    status_code = 424


class HTTPUpgradeRequired(HTTPClientError):
    """Another protocol is needed; ``Upgrade`` has to say which (RFC 9110, section 15.5.22)."""

    status_code = 426


class HTTPPreconditionRequired(HTTPClientError):
    """The request has to be conditional (RFC 6585, section 3)."""

    status_code = 428


class HTTPTooManyRequests(HTTPClientError):
    """Too many requests in too little time; ``Retry-After`` may say when to go on (RFC 6585, section 4)."""

    status_code = 429


class HTTPRequestHeaderFieldsTooLarge(HTTPClientError):
    """The header fields are larger than the server takes (RFC 6585, section 5)."""

    status_code = 431


class HTTPUnavailableForLegalReasons(HTTPClientError):
    """Withheld on somebody's demand (RFC 7725, section 3).

    ``link``
        who carries the demand out, for a ``Link`` field with ``rel="blocked-by"`` (section 4), or ``None``.
    """

    status_code = 451

    def __init__(
        self,
        link: str | URL | None,
        *,
        headers: LooseHeaders | None = None,
        reason: str | None = None,
        body: Any = None,
        text: str | None = None,
        content_type: str | None = None,
    ) -> None:
        super().__init__(headers=headers, reason=reason, body=body, text=text, content_type=content_type)
        self._link = None
        if link:
            self._link = URL(link)
            value = f'<{self._link}>; rel="blocked-by"'
            check_field(names.LINK, value)
            self.headers[names.LINK] = value

    @property
    def link(self) -> URL | None:
        """Who carries the demand out, if it was said."""
        return self._link


# -- 5xx -----------------------------------------------------------------------------------------------


class HTTPInternalServerError(HTTPServerError):
    """Something broke (RFC 9110, section 15.6.1)."""

    status_code = 500


class HTTPNotImplemented(HTTPServerError):
    """Nothing here can do that (RFC 9110, section 15.6.2)."""

    status_code = 501


class HTTPBadGateway(HTTPServerError):
    """The server behind this one gave an answer that makes no sense (RFC 9110, section 15.6.3)."""

    status_code = 502


class HTTPServiceUnavailable(HTTPServerError):
    """Not now; ``Retry-After`` may say when (RFC 9110, section 15.6.4)."""

    status_code = 503


class HTTPGatewayTimeout(HTTPServerError):
    """The server behind this one gave no answer in time (RFC 9110, section 15.6.5)."""

    status_code = 504


class HTTPVersionNotSupported(HTTPServerError):
    """This version of HTTP is not spoken here (RFC 9110, section 15.6.6)."""

    status_code = 505


class HTTPVariantAlsoNegotiates(HTTPServerError):
    """Content negotiation goes round in circles (RFC 2295, section 8.1)."""

    status_code = 506


class HTTPInsufficientStorage(HTTPServerError):
    """There is no room for it (RFC 4918, section 11.5)."""

    status_code = 507


class HTTPNotExtended(HTTPServerError):
    """The request needs an extension (RFC 2774, section 7)."""

    status_code = 510


class HTTPNetworkAuthenticationRequired(HTTPServerError):
    """Log in to the network first (RFC 6585, section 6)."""

    status_code = 511
