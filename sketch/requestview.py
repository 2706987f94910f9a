"""What a request's head says, and who sent it: lazy views.

The URL, the header multidict and cookies are made when somebody asks for them. What follows from them is not
known here, and the body is in `requestbody`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from multidict import CIMultiDictProxy, MultiMapping
from yarl import URL

from .http import names
from .http.deferred import deferred
from .http.exchange import Exchange
from .http.heads import HttpVersion, RequestHead
from .http.target import authority_for_url, parse_target, path_to_match

if TYPE_CHECKING:
    from .http import cookies as _cookies
    from .http import forwarded as _forwarded
else:
    _cookies = deferred(".http.cookies", __package__)
    _forwarded = deferred(".http.forwarded", __package__)


class RequestView:
    """The part of a request that is about its head (aiohttp documentation, ``BaseRequest``)."""

    exchange: Exchange
    head: RequestHead

    _rel_url: URL | None = None
    _url: URL | None = None
    _scheme: str | None = None
    _host: str | None = None
    _remote: str | None = None

    # -- the line --------------------------------------------------------------------------------------

    @property
    def method(self) -> str:
        """The method, as sent (RFC 9110, section 9)."""
        return self.head.method

    @property
    def version(self) -> HttpVersion:
        """The version of HTTP that the request was sent in."""
        return self.head.version

    @property
    def match_path(self) -> str:
        """What routes are matched against (`path_to_match`)."""
        return path_to_match(self.head.method, self.head.target)

    @property
    def rel_url(self) -> URL:
        """The request target as a relative URL: path, query."""
        url = self._rel_url
        if url is None:
            url = self._rel_url = parse_target(self.head.method, self.head.target).relative
        return url

    @property
    def url(self) -> URL:
        """The full URL, as far as scheme and host are known.

        It can be asked for everything: a host that IDNA has no text for, such as ``xn--``, is ``%78n--``."""
        url = self._url
        if url is None:
            base = URL.build(scheme=self.scheme, authority=authority_for_url(self.host))
            url = self._url = base.join(self.rel_url)
        return url

    @property
    def scheme(self) -> str:
        """``"https"`` over TLS, else ``"http"``; what `clone` was given goes first, then what a trusted proxy
        says."""
        return self._scheme or ("https" if self.exchange.peer.secure else "http")

    @property
    def secure(self) -> bool:
        """Whether `scheme` is ``"https"``."""
        return self.scheme == "https"

    @property
    def host(self) -> str:
        """The host and port that the client asked for: what a trusted proxy says, else an absolute target,
        else the ``Host`` field, else the address of the socket; ``""`` when there is none."""
        if self._host is None:
            self._host = self._find_host()
        return self._host

    def _find_host(self) -> str:
        authority = self.exchange.peer.authority
        if authority is None:
            authority = parse_target(self.head.method, self.head.target).authority
        if authority is not None:
            return authority
        named = self.headers.get(names.HOST)
        if named is not None:
            return named
        address = self.exchange.peer.get_extra_info("sockname")
        if isinstance(address, tuple):
            return f"[{address[0]}]" if len(address) == 4 else str(address[0])
        # An abstract UNIX socket has bytes for a name, and no name that a client could have asked for.
        return address if isinstance(address, str) else ""

    @property
    def remote(self) -> str | None:
        """The client's address as text, ``None`` where it is not known; what `clone` was given goes first,
        then what a trusted proxy says."""
        return self._remote or self.exchange.peer.host

    @property
    def forwarded(self) -> tuple[Mapping[str, str], ...]:
        """What the ``Forwarded`` fields say, an element for each proxy, the nearest to the client first: its
        parameters by name in lower case (RFC 7239, section 4).

        Only read, not believed: a client may have written it. See `remote` for what trusted proxies say."""
        return tuple(_forwarded.list_forwarded(self.headers.getall(names.FORWARDED, ())))

    @property
    def path(self) -> str:
        """The path, decoded."""
        return self.rel_url.path

    @property
    def path_qs(self) -> str:
        """The path and the query, encoded."""
        return str(self.rel_url)

    @property
    def raw_path(self) -> str:
        """The request target as sent, query included."""
        return self.head.target

    @property
    def query(self) -> MultiMapping[str]:
        """The query's variables."""
        return self.rel_url.query

    @property
    def query_string(self) -> str:
        """The query, decoded."""
        return self.rel_url.query_string

    # -- the fields ------------------------------------------------------------------------------------

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """The header fields, by name in any case."""
        return self.head.fields.decoded

    @property
    def raw_headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """The header fields as they were sent, without the white space around values."""
        return tuple([(name, value.strip(b" \t")) for name, value in self.head.fields])

    @property
    def cookies(self) -> Mapping[str, str]:
        """The cookies that the client sent, by name (RFC 6265, section 5.4)."""
        return MappingProxyType(_cookies.parse_cookies(self.headers.get(names.COOKIE, "")))

    @property
    def keep_alive(self) -> bool:
        """Whether the client is willing to send more on the same connection."""
        return self.head.framing.keep_alive
