"""A response that can be raised, and the kinds of those that are.

It knows how a reason becomes a status line and a text. Which statuses there are `exceptions` knows.
"""

import re
import warnings
from typing import Any

from .http.status import phrase
from .response import Response
from .responsehead import LooseHeaders

# Characters that do not belong into a status line, or that have no place in a text: control characters (C1
# too, which some terminals obey), and surrogates, which come from bytes that were not UTF-8.
_UNFIT = r"[\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff]"


def _escape(unfit: re.Match[str]) -> str:
    return unfit[0].encode("unicode_escape").decode("ascii")


class HTTPException(Response, Exception):
    """A response that can be raised. Subclass it, or one of its subclasses, to give it a ``status_code``.

    ``reason``
        what went wrong; the phrase of the status when it is not given. It is sent in the status line and,
        unless the response has another body, in the body: ``404: No such user``. A reason that is not
        fit for a status line (line ends, control characters) is only shown in the body, escaped, with the
        standard phrase in the status line, because what a stranger typed must not turn a 404 into a 500.
    ``text`` ``content_type`` ``headers``
        as for `Response`.
    ``body``
        deprecated: use ``text``, or return a `Response`.

    ``str(exception)`` is the reason as it was given. Raises what `Response` raises.
    """

    status_code = -1
    """The status code that the class stands for."""

    empty_body = False
    """Whether the status allows no body, so that none is made up."""

    __http_exception__ = True
    """The mark by which libraries know it, whichever package it comes from (aiohttp has it, too)."""

    def __init__(
        self,
        *,
        headers: LooseHeaders | None = None,
        reason: str | None = None,
        body: Any = None,
        text: str | None = None,
        content_type: str | None = None,
    ) -> None:
        if body is not None:
            # Those of our classes that have a constructor of their own stand between us and the caller.
            level = 2 if type(self).__init__ is HTTPException.__init__ else 3
            message = "body is deprecated for HTTP exceptions: pass text=, or return a Response"
            warnings.warn(message, DeprecationWarning, stacklevel=level)
        given = phrase(self.status_code) if reason is None else reason
        shown = given
        # In what is printable nothing is unfit, and to ask that is quicker.
        if not str.isprintable(given) and re.search(_UNFIT, given) is not None:
            reason, shown = None, re.sub(_UNFIT, _escape, given)
        if text is None and body is None and not self.empty_body:
            text = f"{self.status_code}: {shown}"
        Response.__init__(
            self,
            status=self.status_code,
            headers=headers,
            reason=reason,
            body=body,
            text=text,
            content_type=content_type,
        )
        Exception.__init__(self, given)

    def __str__(self) -> str:
        return Exception.__str__(self)

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is pickled as a call of its class with `args`, which is not how ours are made.
        return _restore, (type(self), self.args), self.__dict__


def _restore(cls: type[HTTPException], args: tuple[Any, ...]) -> HTTPException:
    return cls.__new__(cls, *args)


class HTTPSuccessful(HTTPException):
    """The request was understood and accepted: 2xx (RFC 9110, section 15.3)."""


class HTTPRedirection(HTTPException):
    """The client has to do something more: 3xx (RFC 9110, section 15.4)."""


class HTTPError(HTTPException):
    """Something went wrong: 4xx and 5xx."""


class HTTPClientError(HTTPError):
    """The client's mistake: 4xx (RFC 9110, section 15.5)."""


class HTTPServerError(HTTPError):
    """The server's: 5xx (RFC 9110, section 15.6)."""
