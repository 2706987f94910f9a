"""What a test asks for, before cookies are chosen and a connection is found; what a redirect makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from multidict import CIMultiDict
from yarl import URL

from ..http import names
from ..responsehead import LooseHeaders
from .faults import Faults
from .outgoing import Content, Outgoing, Pairs, make_request
from .response import ClientResponse

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class RequestOptions(TypedDict, total=False):
    """The keywords of a request.

    ``params``
        variables that are added to the query.
    ``headers``
        fields; what is missing of ``Host``, ``Accept``, ``User-Agent`` and those of the body is added.
    ``cookies``
        sent beside those that the client keeps.
    ``data``
        the body: bytes, text, a file, an async iterable that is sent in chunks, or a form, as a mapping or as
        pairs, which is sent as ``multipart/form-data`` if there is a file in it.
    ``json``
        the body, as what JSON can say.
    ``files``
        files of a form: open ones, or ``(name, content)``, or ``(name, content, media type)``.
    ``allow_redirects``, ``max_redirects``
        whether redirects within the same host are followed, by default for all methods but ``HEAD``, and how
        many.
    ``timeout``
        seconds until `TimeoutError`; ``None`` for no bound.
    ``expect100``
        whether the body waits for ``100 Continue``.
    ``version``
        ``"1.1"`` or ``"1.0"``.
    ``faults``
        what goes wrong.
    """

    params: Pairs | str
    headers: LooseHeaders
    cookies: Mapping[str, str]
    data: Any
    json: Any
    files: Pairs
    allow_redirects: bool
    max_redirects: int
    timeout: float | None
    expect100: bool
    version: str
    faults: Faults


@dataclass(frozen=True)
class Asked:
    """A request before its cookies are chosen."""

    method: str
    url: URL
    headers: CIMultiDict[str]
    cookies: Mapping[str, str]
    content: Content
    version: str
    expect100: bool

    def make(self, kept: Mapping[str, str]) -> Outgoing:
        """The request, with the cookies that the client keeps for it."""
        fields = CIMultiDict(self.headers)
        cookies = {**kept, **self.cookies}
        if cookies and names.COOKIE not in fields:
            fields[names.COOKIE] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        return make_request(
            self.method, self.url, fields, self.content, version=self.version, expect100=self.expect100
        )


def find_target(response: ClientResponse) -> URL | None:
    """Where a response leads, if it does and this server is the one to ask."""
    location = response.headers.get("Location") or response.headers.get("URI")
    if response.status not in _REDIRECTS or location is None:
        return None
    target = response.url.join(URL(location))
    return target if target.host == response.url.host and target.scheme in ("http", "https") else None


def becomes_get(response: ClientResponse) -> bool:
    """Whether the next request has another method and no body (RFC 9110, section 15.4)."""
    if response.status == 303:
        return response.method != "HEAD"
    return response.status in (301, 302) and response.method == "POST"
