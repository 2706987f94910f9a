"""What a handler says about its answer before the body: status, fields, cookies.

`HeadBuilder` is the part of every response that becomes a `ResponseHead`. It knows nothing of bodies,
and nothing of how an answer is framed or sent.

Most answers have a status of 200 and one field, ``Content-Type``. For them no multidict is ever made: the
type is kept as a plain string, and the finished head comes from a cache that all such answers share. The
multidict appears when somebody asks for `headers`, and is the truth from then on.
"""

import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING, Any

from multidict import CIMultiDict

from .http import names
from .http.dates import EPOCH, current_date, format_date, parse_date
from .http.deferred import deferred
from .http.headers import check_field, check_text, is_token, quote_string
from .http.heads import SERVER_SOFTWARE, ResponseHead
from .http.mediatype import parse_content_type
from .http.status import phrase

if TYPE_CHECKING:
    import http.cookies as standard_cookies
    from http.cookies import Morsel, SimpleCookie

    from .http import conditional
    from .http import cookies as cookie_fields
else:
    conditional = deferred(".http.conditional", __package__)
    cookie_fields = deferred(".http.cookies", __package__)
    standard_cookies = deferred("http.cookies")

LooseHeaders = Mapping[str, str] | CIMultiDict[str] | Iterable[tuple[str, str]]
"""What is accepted wherever header fields are given (aiohttp ``typedefs.LooseHeaders``)."""

OCTET_STREAM = "application/octet-stream"


@lru_cache(maxsize=256)
def typed(content_type: str, charset: str | None) -> str:
    """The value of ``Content-Type``, checked; each combination is made once."""
    if "charset" in content_type:
        raise ValueError(
            f"content_type {content_type!r} carries a charset: pass it as charset=... or as a header"
        )
    value = content_type if charset is None else f"{content_type}; charset={check_charset(charset)}"
    check_field(names.CONTENT_TYPE, value)
    return value


def check_charset(charset: str) -> str:
    """The name of a charset. Raises `ValueError` when it is not a token (RFC 9110, section 8.3.2): it could
    say more than a charset."""
    if not is_token(charset):
        raise ValueError(f"charset {charset!r} is not a token, as 'utf-8' is")
    return charset


@lru_cache(maxsize=256)
def utf8(content_type: str) -> str:
    """`typed` with the charset UTF-8: one argument, so that the cache's key is the string itself."""
    return typed(content_type, "utf-8")


@lru_cache(maxsize=256)
def plain_head(status: int, reason: str, content_type: str | None) -> ResponseHead:
    """The shared head of all answers that differ in their bodies only."""
    fields = () if content_type is None else ((str(names.CONTENT_TYPE), content_type),)
    head = ResponseHead(status, reason, fields)
    head.encode()
    return head


@lru_cache(maxsize=256)
def ok_head(content_type: str) -> ResponseHead:
    """`plain_head` for status 200: one argument, so that the cache's key is the string itself."""
    return plain_head(200, "OK", content_type)


def check_reason(reason: str) -> None:
    """Raise `ValueError` for a reason phrase that would not survive the status line (RFC 9112, section 4),
    `TypeError` for what is not text."""
    try:
        check_text(reason)
    except AttributeError:
        raise TypeError(f"reason must be a str, and is {reason!r}") from None
    except ValueError:
        raise ValueError(f"reason {reason!r} contains a line break or another control character") from None


class HeadBuilder:
    """Status, reason, fields and cookies of a response (aiohttp documentation, ``StreamResponse``)."""

    _status = 200
    _reason = "OK"
    _headers: CIMultiDict[str] | None = None
    _plain_type: str | None = None
    _cookies: "SimpleCookie | None" = None
    _keep_alive: bool | None = None
    _is_simple = False

    @property
    def prepared(self) -> bool:
        """Whether the head was sent: it cannot be changed any more."""
        raise NotImplementedError

    # -- status ----------------------------------------------------------------------------------------

    @property
    def status(self) -> int:
        """The status code (RFC 9110, section 15)."""
        return self._status

    @property
    def reason(self) -> str:
        """The reason phrase (RFC 9112, section 4)."""
        return self._reason

    def set_status(self, status: int, reason: str | None = None) -> None:
        """Set the status code, and the reason phrase unless the standard one will do.

        Raises `ValueError` for a code that is no status or a phrase that is no line, `RuntimeError` once
        the response is prepared."""
        if self.prepared:
            raise RuntimeError("Cannot change the response status code after the headers have been sent")
        self._set_status(status, reason)

    def _set_status(self, status: int, reason: str | None) -> None:
        status = int(status)
        if not 100 <= status <= 999:
            raise ValueError(f"status {status} is not a three-digit status code")
        if reason is None:
            reason = phrase(status)
        else:
            check_reason(reason)
        self._status = status
        self._reason = reason
        self._is_simple = False

    # -- fields ----------------------------------------------------------------------------------------

    @property
    def headers(self) -> CIMultiDict[str]:
        """The header fields, to read and to change until the response is prepared."""
        headers = self._headers
        if headers is None:
            self._is_simple = False
            headers = self._headers = CIMultiDict()
            if self._plain_type is not None:
                headers[names.CONTENT_TYPE] = self._plain_type
        return headers

    def _take_headers(self, headers: LooseHeaders) -> None:
        """Begin with these fields; the caller's object is not kept."""
        self._headers = taken = CIMultiDict(headers)
        for name, value in taken.items():
            check_field(name, value)

    def _has_field(self, name: str) -> bool:
        return self._headers is not None and name in self._headers

    def _declared_length(self) -> int | None:
        """The length that the fields declare. Raises `ValueError` where somebody put in what is none."""
        value = self._headers.get(names.CONTENT_LENGTH) if self._headers is not None else None
        if value is None:
            return None
        try:
            return int(value)
        except (TypeError, ValueError):
            raise ValueError(f"Content-Length is {value!r}, which is no number of bytes") from None

    def _content_type_value(self) -> str | None:
        if self._headers is None:
            return self._plain_type
        return self._headers.get(names.CONTENT_TYPE)

    @property
    def content_type(self) -> str:
        """The media type without parameters; ``application/octet-stream`` where none is set."""
        value = self._content_type_value()
        return OCTET_STREAM if value is None else parse_content_type(value)[0]

    @content_type.setter
    def content_type(self, value: str) -> None:
        current = self._content_type_value()
        parameters = {} if current is None else parse_content_type(current)[1]
        self._set_content_type(str(value), parameters)

    @property
    def charset(self) -> str | None:
        """The charset parameter of ``Content-Type``."""
        value = self._content_type_value()
        return None if value is None else parse_content_type(value)[1].get("charset")

    @charset.setter
    def charset(self, value: str | None) -> None:
        content_type = self.content_type
        if content_type == OCTET_STREAM:
            raise RuntimeError(
                "Setting charset for application/octet-stream doesn't make sense, setup content_type first"
            )
        current = self._content_type_value()
        parameters = {} if current is None else parse_content_type(current)[1]
        parameters.pop("charset", None)
        if value is not None:
            parameters["charset"] = check_charset(str(value).lower())
        self._set_content_type(content_type, parameters)

    def _set_content_type(self, content_type: str, parameters: Mapping[str, str]) -> None:
        value = "; ".join([content_type, *(_parameter(name, text) for name, text in parameters.items())])
        check_field(names.CONTENT_TYPE, value)
        if self._headers is None:
            self._plain_type = value
        else:
            self._headers[names.CONTENT_TYPE] = value

    @property
    def last_modified(self) -> datetime | None:
        """``Last-Modified`` (RFC 9110, section 8.8.2); settable by timestamp, `datetime` or text."""
        value = self._headers.get(names.LAST_MODIFIED) if self._headers is not None else None
        return None if value is None else parse_date(value)

    @last_modified.setter
    def last_modified(self, value: int | float | datetime | str | None) -> None:
        if value is None:
            self.headers.pop(names.LAST_MODIFIED, None)
            return
        if isinstance(value, int | float):
            text = format_date(ceil(value))
        elif isinstance(value, datetime):
            if value.microsecond:
                value = value.replace(microsecond=0) + timedelta(seconds=1)
            text = time.strftime("%a, %d %b %Y %H:%M:%S GMT", value.utctimetuple())
        elif isinstance(value, str):
            text = value
        else:
            raise TypeError(f"Unsupported type for last_modified: {type(value).__name__}")
        check_field(names.LAST_MODIFIED, text)
        self.headers[names.LAST_MODIFIED] = text

    @property
    def etag(self) -> "conditional.ETag | None":
        """``ETag`` (RFC 9110, section 8.8.3); settable by `ETag`, or by text for a strong one. ``None`` where
        there is none that can be read.

        Raises `ValueError` for what is neither, and for a value that cannot stand between quotes."""
        value = self._headers.get(names.ETAG) if self._headers is not None else None
        if value == conditional.ETAG_ANY:
            return conditional.ETag(conditional.ETAG_ANY)
        return None if value is None else conditional.parse_etag(value)

    @etag.setter
    def etag(self, value: "conditional.ETag | str | None") -> None:
        if value is None:
            self.headers.pop(names.ETAG, None)
            return
        # By its attributes: programs that come from aiohttp may still have that one's class.
        text = getattr(value, "value", value)
        if not isinstance(text, str):
            raise ValueError(f"etag must be a str, an ETag or None, and is {value!r}")
        tag = conditional.ETag(text, bool(getattr(value, "is_weak", False)))
        text = conditional.ETAG_ANY if text == conditional.ETAG_ANY else conditional.format_etag(tag)
        check_field(names.ETAG, text)
        self.headers[names.ETAG] = text

    # -- the connection --------------------------------------------------------------------------------

    @property
    def keep_alive(self) -> bool | None:
        """Whether the connection stays open after this response; ``None``: as the request would have it."""
        return self._keep_alive

    def force_close(self) -> None:
        """Close the connection after this response. There is no way back."""
        self._keep_alive = False
        self._is_simple = False

    # -- cookies ---------------------------------------------------------------------------------------

    @property
    def cookies(self) -> "SimpleCookie":
        """The cookies that will be set (`http.cookies.SimpleCookie`)."""
        if self._cookies is None:
            self._is_simple = False
            self._cookies = standard_cookies.SimpleCookie()
        return self._cookies

    def set_cookie(
        self,
        name: str,
        value: str,
        *,
        expires: str | None = None,
        domain: str | None = None,
        max_age: int | str | None = None,
        path: str = "/",
        secure: bool | None = None,
        httponly: bool | None = None,
        version: str | None = None,
        samesite: str | None = None,
        partitioned: bool | None = None,
    ) -> None:
        """Set a cookie (RFC 6265, section 4.1); ``max_age`` in seconds.

        Setting it again changes the value, the path, and what else is given. Raises
        `http.cookies.CookieError` for a name that is no token, and `ValueError` for an attribute that would
        break out of the field; a value that would is quoted, and raises where no quoting helps. Whatever is
        raised, the cookies are as they were."""
        attributes: dict[str, Any] = {
            "expires": expires, "domain": domain, "path": path, "secure": secure, "httponly": httponly,
            "version": version, "samesite": samesite, "partitioned": partitioned,
            "max-age": None if max_age is None else str(max_age),
        }  # fmt: skip
        for attribute, text in attributes.items():
            if isinstance(text, str):
                cookie_fields.check_cookie_part(attribute, text)
        cookies = self.cookies
        check_field(names.SET_COOKIE, cookies.value_encode(value)[1])
        cookies[name] = value
        morsel = cookies[name]
        if expires is None and morsel.get("expires") == EPOCH:
            del morsel["expires"]
        if max_age is None:
            morsel.pop("max-age", None)
        for attribute, content in attributes.items():
            if content is not None:
                _set_attribute(morsel, attribute, content)

    def del_cookie(
        self,
        name: str,
        *,
        domain: str | None = None,
        path: str = "/",
        secure: bool | None = None,
        httponly: bool | None = None,
        samesite: str | None = None,
    ) -> None:
        """Ask the client to forget a cookie: it is set empty and expired."""
        if self._cookies is not None:
            self._cookies.pop(name, None)
        self.set_cookie(
            name, "", max_age=0, expires=EPOCH, domain=domain, path=path,
            secure=secure, httponly=httponly, samesite=samesite,
        )  # fmt: skip

    # -- the finished head -----------------------------------------------------------------------------

    def _add_cookies(self) -> None:
        """Move the cookies into the fields, where hooks and the carrier see them."""
        if self._cookies:
            headers = self.headers
            for morsel in self._cookies.values():
                headers.add(names.SET_COOKIE, cookie_fields.format_morsel(morsel))

    def _add_automatic_fields(self) -> None:
        """Put in what the carrier would add, for hooks that expect to see it, or to take it out."""
        headers = self.headers
        headers.setdefault(names.DATE, current_date())
        headers.setdefault(names.SERVER, SERVER_SOFTWARE)

    def _build_head(self, *, automatic: bool = True) -> ResponseHead:
        """The head as it now is. Raises `ValueError` for a field that no message can carry."""
        headers = self._headers
        if headers is None:
            return plain_head(self._status, self._reason, self._plain_type)
        head = ResponseHead(self._status, self._reason, tuple(headers.items()), automatic=automatic)
        head.encode()
        return head


def _parameter(name: str, text: str) -> str:
    return f"{name}={text if is_token(text) else quote_string(text)}"


def _set_attribute(morsel: "Morsel[str]", attribute: str, content: Any) -> None:
    # Morsel learns "partitioned" with Python 3.14; until then its dict takes it past the check.
    if attribute in morsel or attribute != "partitioned":
        morsel[attribute] = content
    else:
        dict.__setitem__(morsel, attribute, content)
